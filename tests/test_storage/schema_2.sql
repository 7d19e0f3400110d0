-- A database of schema 2, as posescribe 0.1.0 wrote it: one recording with people, tracks, actions, labels and a model.
BEGIN TRANSACTION;
CREATE TABLE annotation (
	id INTEGER NOT NULL,
	source_id INTEGER NOT NULL,
	subject VARCHAR,
	track_id INTEGER,
	action VARCHAR NOT NULL,
	start_s DOUBLE NOT NULL,
	stop_s DOUBLE NOT NULL,
	is_point BOOLEAN NOT NULL,
	comment TEXT,
	PRIMARY KEY (id),
	FOREIGN KEY(source_id) REFERENCES annotation_source (id) ON DELETE CASCADE
);
INSERT INTO "annotation" VALUES(1,1,'Ann',1,'run',0.0,0.1,0,NULL);
INSERT INTO "annotation" VALUES(2,1,NULL,NULL,'jump',0.1,0.1,1,'a point');
CREATE TABLE annotation_source (
	id INTEGER NOT NULL,
	recording_id INTEGER NOT NULL,
	coder VARCHAR,
	uri VARCHAR NOT NULL,
	sha256 VARCHAR NOT NULL,
	format VARCHAR NOT NULL,
	added DATETIME NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (recording_id, sha256),
	FOREIGN KEY(recording_id) REFERENCES recording (id) ON DELETE CASCADE
);
INSERT INTO "annotation_source" VALUES(1,1,'Ada','/labels.csv','1111111111111111111111111111111111111111111111111111111111111111','csv','2026-11-26 16:33:41.863724');
CREATE TABLE bout (
	id INTEGER NOT NULL,
	run_id INTEGER NOT NULL,
	track_id INTEGER NOT NULL,
	action VARCHAR NOT NULL,
	start_s DOUBLE NOT NULL,
	stop_s DOUBLE NOT NULL,
	start_frame INTEGER NOT NULL,
	stop_frame INTEGER NOT NULL,
	score DOUBLE NOT NULL,
	PRIMARY KEY (id),
	FOREIGN KEY(run_id) REFERENCES run (id) ON DELETE CASCADE
);
INSERT INTO "bout" VALUES(1,3,1,'walk',0.0,0.24,0,5,0.9);
INSERT INTO "bout" VALUES(2,3,2,'stand',0.0,0.12,0,2,0.8);
CREATE TABLE clothing (
	run_id INTEGER NOT NULL,
	frame INTEGER NOT NULL,
	person INTEGER NOT NULL,
	shares BLOB NOT NULL,
	PRIMARY KEY (run_id, frame, person),
	FOREIGN KEY(run_id) REFERENCES run (id) ON DELETE CASCADE
)
 WITHOUT ROWID
;
INSERT INTO "clothing" VALUES(1,0,0,X'06060606060606060606060606060606060606060606060606060606060606060606060606060606');
INSERT INTO "clothing" VALUES(1,0,1,X'06060606060606060606060606060606060606060606060606060606060606060606060606060606');
INSERT INTO "clothing" VALUES(1,1,0,X'06060606060606060606060606060606060606060606060606060606060606060606060606060606');
INSERT INTO "clothing" VALUES(1,1,1,X'06060606060606060606060606060606060606060606060606060606060606060606060606060606');
INSERT INTO "clothing" VALUES(1,2,0,X'06060606060606060606060606060606060606060606060606060606060606060606060606060606');
INSERT INTO "clothing" VALUES(1,2,1,X'06060606060606060606060606060606060606060606060606060606060606060606060606060606');
INSERT INTO "clothing" VALUES(1,3,0,X'06060606060606060606060606060606060606060606060606060606060606060606060606060606');
INSERT INTO "clothing" VALUES(1,3,1,X'06060606060606060606060606060606060606060606060606060606060606060606060606060606');
INSERT INTO "clothing" VALUES(1,5,0,X'06060606060606060606060606060606060606060606060606060606060606060606060606060606');
INSERT INTO "clothing" VALUES(1,5,1,X'06060606060606060606060606060606060606060606060606060606060606060606060606060606');
CREATE TABLE decision (
	run_id INTEGER NOT NULL,
	number INTEGER NOT NULL,
	kind VARCHAR NOT NULL,
	tracklets JSON NOT NULL,
	track_id INTEGER,
	reason TEXT NOT NULL,
	details JSON NOT NULL,
	PRIMARY KEY (run_id, number),
	FOREIGN KEY(run_id) REFERENCES run (id) ON DELETE CASCADE
);
INSERT INTO "decision" VALUES(2,1,'drop','[9]',NULL,'seen too briefly','{"frames": 1}');
CREATE TABLE frame (
	run_id INTEGER NOT NULL,
	frame INTEGER NOT NULL,
	time_s DOUBLE NOT NULL,
	n_people INTEGER NOT NULL,
	PRIMARY KEY (run_id, frame),
	FOREIGN KEY(run_id) REFERENCES run (id) ON DELETE CASCADE
)
 WITHOUT ROWID
;
INSERT INTO "frame" VALUES(1,0,0.0,2);
INSERT INTO "frame" VALUES(1,1,0.04,2);
INSERT INTO "frame" VALUES(1,2,0.08,2);
INSERT INTO "frame" VALUES(1,3,0.12,2);
INSERT INTO "frame" VALUES(1,4,0.16,0);
INSERT INTO "frame" VALUES(1,5,0.2,2);
CREATE TABLE keypoints_coco_18 (
	run_id INTEGER NOT NULL,
	frame INTEGER NOT NULL,
	person INTEGER NOT NULL,
	score DOUBLE NOT NULL,
	nose_x REAL,
	nose_y REAL,
	nose_confidence REAL,
	neck_x REAL,
	neck_y REAL,
	neck_confidence REAL,
	right_shoulder_x REAL,
	right_shoulder_y REAL,
	right_shoulder_confidence REAL,
	right_elbow_x REAL,
	right_elbow_y REAL,
	right_elbow_confidence REAL,
	right_wrist_x REAL,
	right_wrist_y REAL,
	right_wrist_confidence REAL,
	left_shoulder_x REAL,
	left_shoulder_y REAL,
	left_shoulder_confidence REAL,
	left_elbow_x REAL,
	left_elbow_y REAL,
	left_elbow_confidence REAL,
	left_wrist_x REAL,
	left_wrist_y REAL,
	left_wrist_confidence REAL,
	right_hip_x REAL,
	right_hip_y REAL,
	right_hip_confidence REAL,
	right_knee_x REAL,
	right_knee_y REAL,
	right_knee_confidence REAL,
	right_ankle_x REAL,
	right_ankle_y REAL,
	right_ankle_confidence REAL,
	left_hip_x REAL,
	left_hip_y REAL,
	left_hip_confidence REAL,
	left_knee_x REAL,
	left_knee_y REAL,
	left_knee_confidence REAL,
	left_ankle_x REAL,
	left_ankle_y REAL,
	left_ankle_confidence REAL,
	right_eye_x REAL,
	right_eye_y REAL,
	right_eye_confidence REAL,
	left_eye_x REAL,
	left_eye_y REAL,
	left_eye_confidence REAL,
	right_ear_x REAL,
	right_ear_y REAL,
	right_ear_confidence REAL,
	left_ear_x REAL,
	left_ear_y REAL,
	left_ear_confidence REAL,
	PRIMARY KEY (run_id, frame, person),
	FOREIGN KEY(run_id) REFERENCES run (id) ON DELETE CASCADE
)
 WITHOUT ROWID
;
INSERT INTO "keypoints_coco_18" VALUES(1,0,0,0.75,100.0,0.0,0.5,100.0,10.0,0.5,100.0,20.0,0.5,100.0,30.0,0.5,100.0,40.0,0.5,100.0,50.0,0.5,100.0,60.0,0.5,100.0,70.0,0.5,100.0,80.0,0.5,100.0,90.0,0.5,100.0,100.0,0.5,100.0,110.0,0.5,100.0,120.0,0.5,100.0,130.0,0.5,100.0,140.0,0.5,100.0,150.0,0.5,100.0,160.0,0.5,100.0,170.0,0.5);
INSERT INTO "keypoints_coco_18" VALUES(1,0,1,0.6,NULL,NULL,0.0,400.0,10.0,0.5,400.0,20.0,0.5,400.0,30.0,0.5,400.0,40.0,0.5,400.0,50.0,0.5,400.0,60.0,0.5,400.0,70.0,0.5,400.0,80.0,0.5,400.0,90.0,0.5,400.0,100.0,0.5,400.0,110.0,0.5,400.0,120.0,0.5,400.0,130.0,0.5,400.0,140.0,0.5,400.0,150.0,0.5,400.0,160.0,0.5,400.0,170.0,0.5);
INSERT INTO "keypoints_coco_18" VALUES(1,1,0,0.75,104.0,0.0,0.5,104.0,10.0,0.5,104.0,20.0,0.5,104.0,30.0,0.5,104.0,40.0,0.5,104.0,50.0,0.5,104.0,60.0,0.5,104.0,70.0,0.5,104.0,80.0,0.5,104.0,90.0,0.5,104.0,100.0,0.5,104.0,110.0,0.5,104.0,120.0,0.5,104.0,130.0,0.5,104.0,140.0,0.5,104.0,150.0,0.5,104.0,160.0,0.5,104.0,170.0,0.5);
INSERT INTO "keypoints_coco_18" VALUES(1,1,1,0.6,NULL,NULL,0.0,396.0,10.0,0.5,396.0,20.0,0.5,396.0,30.0,0.5,396.0,40.0,0.5,396.0,50.0,0.5,396.0,60.0,0.5,396.0,70.0,0.5,396.0,80.0,0.5,396.0,90.0,0.5,396.0,100.0,0.5,396.0,110.0,0.5,396.0,120.0,0.5,396.0,130.0,0.5,396.0,140.0,0.5,396.0,150.0,0.5,396.0,160.0,0.5,396.0,170.0,0.5);
INSERT INTO "keypoints_coco_18" VALUES(1,2,0,0.75,108.0,0.0,0.5,108.0,10.0,0.5,108.0,20.0,0.5,108.0,30.0,0.5,108.0,40.0,0.5,108.0,50.0,0.5,108.0,60.0,0.5,108.0,70.0,0.5,108.0,80.0,0.5,108.0,90.0,0.5,108.0,100.0,0.5,108.0,110.0,0.5,108.0,120.0,0.5,108.0,130.0,0.5,108.0,140.0,0.5,108.0,150.0,0.5,108.0,160.0,0.5,108.0,170.0,0.5);
INSERT INTO "keypoints_coco_18" VALUES(1,2,1,0.6,NULL,NULL,0.0,392.0,10.0,0.5,392.0,20.0,0.5,392.0,30.0,0.5,392.0,40.0,0.5,392.0,50.0,0.5,392.0,60.0,0.5,392.0,70.0,0.5,392.0,80.0,0.5,392.0,90.0,0.5,392.0,100.0,0.5,392.0,110.0,0.5,392.0,120.0,0.5,392.0,130.0,0.5,392.0,140.0,0.5,392.0,150.0,0.5,392.0,160.0,0.5,392.0,170.0,0.5);
INSERT INTO "keypoints_coco_18" VALUES(1,3,0,0.75,112.0,0.0,0.5,112.0,10.0,0.5,112.0,20.0,0.5,112.0,30.0,0.5,112.0,40.0,0.5,112.0,50.0,0.5,112.0,60.0,0.5,112.0,70.0,0.5,112.0,80.0,0.5,112.0,90.0,0.5,112.0,100.0,0.5,112.0,110.0,0.5,112.0,120.0,0.5,112.0,130.0,0.5,112.0,140.0,0.5,112.0,150.0,0.5,112.0,160.0,0.5,112.0,170.0,0.5);
INSERT INTO "keypoints_coco_18" VALUES(1,3,1,0.6,NULL,NULL,0.0,388.0,10.0,0.5,388.0,20.0,0.5,388.0,30.0,0.5,388.0,40.0,0.5,388.0,50.0,0.5,388.0,60.0,0.5,388.0,70.0,0.5,388.0,80.0,0.5,388.0,90.0,0.5,388.0,100.0,0.5,388.0,110.0,0.5,388.0,120.0,0.5,388.0,130.0,0.5,388.0,140.0,0.5,388.0,150.0,0.5,388.0,160.0,0.5,388.0,170.0,0.5);
INSERT INTO "keypoints_coco_18" VALUES(1,5,0,0.75,120.0,0.0,0.5,120.0,10.0,0.5,120.0,20.0,0.5,120.0,30.0,0.5,120.0,40.0,0.5,120.0,50.0,0.5,120.0,60.0,0.5,120.0,70.0,0.5,120.0,80.0,0.5,120.0,90.0,0.5,120.0,100.0,0.5,120.0,110.0,0.5,120.0,120.0,0.5,120.0,130.0,0.5,120.0,140.0,0.5,120.0,150.0,0.5,120.0,160.0,0.5,120.0,170.0,0.5);
INSERT INTO "keypoints_coco_18" VALUES(1,5,1,0.6,NULL,NULL,0.0,380.0,10.0,0.5,380.0,20.0,0.5,380.0,30.0,0.5,380.0,40.0,0.5,380.0,50.0,0.5,380.0,60.0,0.5,380.0,70.0,0.5,380.0,80.0,0.5,380.0,90.0,0.5,380.0,100.0,0.5,380.0,110.0,0.5,380.0,120.0,0.5,380.0,130.0,0.5,380.0,140.0,0.5,380.0,150.0,0.5,380.0,160.0,0.5,380.0,170.0,0.5);
CREATE TABLE membership (
	run_id INTEGER NOT NULL,
	frame INTEGER NOT NULL,
	person INTEGER NOT NULL,
	tracklet INTEGER NOT NULL,
	track_id INTEGER,
	PRIMARY KEY (run_id, frame, person),
	FOREIGN KEY(run_id) REFERENCES run (id) ON DELETE CASCADE
)
 WITHOUT ROWID
;
INSERT INTO "membership" VALUES(2,0,0,1,1);
INSERT INTO "membership" VALUES(2,0,1,2,2);
INSERT INTO "membership" VALUES(2,1,0,1,1);
INSERT INTO "membership" VALUES(2,1,1,2,2);
INSERT INTO "membership" VALUES(2,2,0,1,1);
INSERT INTO "membership" VALUES(2,2,1,2,2);
INSERT INTO "membership" VALUES(2,3,0,1,1);
INSERT INTO "membership" VALUES(2,3,1,2,2);
INSERT INTO "membership" VALUES(2,5,0,1,1);
INSERT INTO "membership" VALUES(2,5,1,2,2);
CREATE TABLE model (
	id INTEGER NOT NULL,
	name VARCHAR NOT NULL,
	kind VARCHAR NOT NULL,
	path VARCHAR NOT NULL,
	sha256 VARCHAR NOT NULL,
	data_sha256 VARCHAR,
	metrics JSON NOT NULL,
	run_id INTEGER,
	added DATETIME NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (name),
	FOREIGN KEY(run_id) REFERENCES run (id) ON DELETE SET NULL
);
INSERT INTO "model" VALUES(1,'mine','actions','/models/mine','2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881',NULL,'{"accuracy": 0.5}',3,'2026-11-26 16:33:41.877876');
CREATE TABLE posescribe_migration (
	name VARCHAR NOT NULL,
	applied DATETIME NOT NULL,
	PRIMARY KEY (name)
);
INSERT INTO "posescribe_migration" VALUES('0001_create_tables','2026-11-26 16:33:41.173422');
INSERT INTO "posescribe_migration" VALUES('0002_add_clothing','2026-11-26 16:33:41.195381');
CREATE TABLE recording (
	id INTEGER NOT NULL,
	name VARCHAR NOT NULL,
	uri VARCHAR NOT NULL,
	kind VARCHAR NOT NULL,
	sha256 VARCHAR,
	width INTEGER NOT NULL,
	height INTEGER NOT NULL,
	fps DOUBLE,
	duration_s DOUBLE,
	n_frames INTEGER,
	added DATETIME NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (sha256, name)
);
INSERT INTO "recording" VALUES(1,'walk','/videos/walk.mp4','video','0000000000000000000000000000000000000000000000000000000000000000',640,480,25.0,0.24,6,'2026-11-26 16:33:41.262157');
CREATE TABLE run (
	id INTEGER NOT NULL,
	recording_id INTEGER NOT NULL,
	parent_id INTEGER,
	stage VARCHAR NOT NULL,
	status VARCHAR NOT NULL CHECK (status IN ('running', 'done')),
	fingerprint VARCHAR NOT NULL,
	settings JSON NOT NULL,
	skeleton VARCHAR,
	model_name VARCHAR,
	model_sha256 VARCHAR,
	device VARCHAR,
	version VARCHAR NOT NULL,
	started DATETIME NOT NULL,
	finished DATETIME,
	extra JSON NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (recording_id, stage, fingerprint),
	FOREIGN KEY(recording_id) REFERENCES recording (id) ON DELETE CASCADE,
	FOREIGN KEY(parent_id) REFERENCES run (id) ON DELETE CASCADE,
	FOREIGN KEY(skeleton) REFERENCES skeleton (name)
);
INSERT INTO "run" VALUES(1,1,NULL,'pose','done','5b61d4e8442fae248297013b8804ccb4bd43589de32f4914ddc2690181fc5c4e','{"net_height": 368, "accuracy": "balanced", "precision": null, "parser": {"peak_threshold": 0.015, "max_candidates": 512, "limb_samples": 10, "limb_threshold": 0.02, "min_joints": 3, "min_score": 0.03, "max_people": 1000}, "part": {"start_s": null, "end_s": null, "every": 1}, "clothes": true}','coco_18','net','51f851f851f851f851f851f851f851f851f851f851f851f851f851f851f851f8','cpu','0.1.0','2026-11-26 16:33:41.378867','2026-11-26 16:33:41.470050','{"skipped": 0, "seconds": 1.0, "notes": [], "runtime": "onnxruntime"}');
INSERT INTO "run" VALUES(2,1,1,'track','done','13bc5d0ad1108028888a46dc2dfe030e29fc6939fc5560a5cfc8765ce3ff07fd','{"tracker": {"strong_score": 0.2, "weak_score": 0.03, "min_joints": 3, "min_similarity": 0.25, "min_weak_similarity": 0.4, "duplicate_similarity": 0.6, "confirm_hits": 3, "max_lost_s": 0.4, "max_tentative_lost_s": 0.2, "max_step_s": 2.0, "lost_penalty": 0.3, "box_weight": 4.0, "alike": 0.85, "appearance_s": 0.5, "scale_s": 0.5, "head_s": 0.3, "meeting_iou": 0.2, "motion": {"measurement": 0.05, "jerkiness": 10.0, "initial_speed": 2.0, "limb_memory_s": 0.3, "body_velocity_s": 0.25, "body_memory_s": 1.5, "outlier": 3.0, "drift": 0.4, "joint_memory_s": 1.0}}, "resolve": {"max_gap_s": 5.0, "max_gap_with_appearance_s": 60.0, "join_evidence": 0.5, "hidden_s": 3.0, "position": 0.3, "speed": 0.25, "turning": 0.05, "new_speed": 0.15, "speed_change": 0.3, "speed_change_rate": 0.7, "duplicate_similarity": 0.5, "duplicate_share": 0.5, "min_seconds": 0.1, "min_joints": 3.0, "still": 0.15, "still_score": 0.25}}','coco_18',NULL,NULL,NULL,'0.1.0','2026-11-26 16:33:41.524567','2026-11-26 16:33:41.800787','{}');
INSERT INTO "run" VALUES(3,1,2,'actions','done','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','{}','coco_18','default','efefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefef',NULL,'0.1.0','2026-11-26 16:33:41.829473','2026-11-26 16:33:41.838287','{}');
CREATE TABLE skeleton (
	name VARCHAR NOT NULL,
	table_name VARCHAR NOT NULL,
	joints JSON NOT NULL,
	limbs JSON NOT NULL,
	sigmas JSON NOT NULL,
	PRIMARY KEY (name),
	UNIQUE (table_name)
);
INSERT INTO "skeleton" VALUES('coco_18','keypoints_coco_18','["nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "right_eye", "left_eye", "right_ear", "left_ear"]','[["neck", "right_shoulder"], ["neck", "left_shoulder"], ["right_shoulder", "right_elbow"], ["right_elbow", "right_wrist"], ["left_shoulder", "left_elbow"], ["left_elbow", "left_wrist"], ["neck", "right_hip"], ["right_hip", "right_knee"], ["right_knee", "right_ankle"], ["neck", "left_hip"], ["left_hip", "left_knee"], ["left_knee", "left_ankle"], ["neck", "nose"], ["nose", "right_eye"], ["right_eye", "right_ear"], ["nose", "left_eye"], ["left_eye", "left_ear"], ["right_shoulder", "right_ear"], ["left_shoulder", "left_ear"]]','[0.026, 0.079, 0.079, 0.072, 0.062, 0.079, 0.072, 0.062, 0.107, 0.087, 0.089, 0.107, 0.087, 0.089, 0.025, 0.025, 0.035, 0.035]');
CREATE TABLE track (
	run_id INTEGER NOT NULL,
	track_id INTEGER NOT NULL,
	name VARCHAR,
	first_frame INTEGER NOT NULL,
	last_frame INTEGER NOT NULL,
	start_s DOUBLE NOT NULL,
	stop_s DOUBLE NOT NULL,
	n_frames INTEGER NOT NULL,
	mean_score DOUBLE NOT NULL,
	PRIMARY KEY (run_id, track_id),
	FOREIGN KEY(run_id) REFERENCES run (id) ON DELETE CASCADE
)
 WITHOUT ROWID
;
INSERT INTO "track" VALUES(2,1,'Ann',0,5,0.0,0.2,5,0.75);
INSERT INTO "track" VALUES(2,2,NULL,0,5,0.0,0.2,5,0.6);
CREATE TABLE tracklet (
	run_id INTEGER NOT NULL,
	tracklet INTEGER NOT NULL,
	first_frame INTEGER NOT NULL,
	last_frame INTEGER NOT NULL,
	track_id INTEGER,
	n_frames INTEGER NOT NULL,
	PRIMARY KEY (run_id, tracklet, first_frame),
	FOREIGN KEY(run_id) REFERENCES run (id) ON DELETE CASCADE
)
 WITHOUT ROWID
;
INSERT INTO "tracklet" VALUES(2,1,0,5,1,5);
INSERT INTO "tracklet" VALUES(2,2,0,5,2,5);
CREATE INDEX ix_run_parent_id ON run (parent_id);
CREATE UNIQUE INDEX ix_membership_track ON membership (run_id, track_id, frame);
CREATE INDEX ix_bout_run ON bout (run_id, track_id, start_frame);
CREATE INDEX ix_annotation_source_id ON annotation (source_id);
CREATE VIEW tracked_coco_18 AS SELECT membership.run_id, membership.track_id, membership.frame, frame.time_s, keypoints_coco_18.person, keypoints_coco_18.score, keypoints_coco_18.nose_x, keypoints_coco_18.nose_y, keypoints_coco_18.nose_confidence, keypoints_coco_18.neck_x, keypoints_coco_18.neck_y, keypoints_coco_18.neck_confidence, keypoints_coco_18.right_shoulder_x, keypoints_coco_18.right_shoulder_y, keypoints_coco_18.right_shoulder_confidence, keypoints_coco_18.right_elbow_x, keypoints_coco_18.right_elbow_y, keypoints_coco_18.right_elbow_confidence, keypoints_coco_18.right_wrist_x, keypoints_coco_18.right_wrist_y, keypoints_coco_18.right_wrist_confidence, keypoints_coco_18.left_shoulder_x, keypoints_coco_18.left_shoulder_y, keypoints_coco_18.left_shoulder_confidence, keypoints_coco_18.left_elbow_x, keypoints_coco_18.left_elbow_y, keypoints_coco_18.left_elbow_confidence, keypoints_coco_18.left_wrist_x, keypoints_coco_18.left_wrist_y, keypoints_coco_18.left_wrist_confidence, keypoints_coco_18.right_hip_x, keypoints_coco_18.right_hip_y, keypoints_coco_18.right_hip_confidence, keypoints_coco_18.right_knee_x, keypoints_coco_18.right_knee_y, keypoints_coco_18.right_knee_confidence, keypoints_coco_18.right_ankle_x, keypoints_coco_18.right_ankle_y, keypoints_coco_18.right_ankle_confidence, keypoints_coco_18.left_hip_x, keypoints_coco_18.left_hip_y, keypoints_coco_18.left_hip_confidence, keypoints_coco_18.left_knee_x, keypoints_coco_18.left_knee_y, keypoints_coco_18.left_knee_confidence, keypoints_coco_18.left_ankle_x, keypoints_coco_18.left_ankle_y, keypoints_coco_18.left_ankle_confidence, keypoints_coco_18.right_eye_x, keypoints_coco_18.right_eye_y, keypoints_coco_18.right_eye_confidence, keypoints_coco_18.left_eye_x, keypoints_coco_18.left_eye_y, keypoints_coco_18.left_eye_confidence, keypoints_coco_18.right_ear_x, keypoints_coco_18.right_ear_y, keypoints_coco_18.right_ear_confidence, keypoints_coco_18.left_ear_x, keypoints_coco_18.left_ear_y, keypoints_coco_18.left_ear_confidence
FROM membership JOIN run ON run.id = membership.run_id JOIN frame ON frame.run_id = run.parent_id AND frame.frame = membership.frame JOIN keypoints_coco_18 ON keypoints_coco_18.run_id = run.parent_id AND keypoints_coco_18.frame = membership.frame AND keypoints_coco_18.person = membership.person
WHERE membership.track_id IS NOT NULL;
COMMIT;
