-- A database of schema 5, as posescribe wrote it before it knew hands and faces: one recording with people, tracks,
-- actions and labels; its video is the sample.
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
        FOREIGN KEY (source_id) REFERENCES annotation_source (id) ON DELETE CASCADE
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
        FOREIGN KEY (recording_id) REFERENCES recording (id) ON DELETE CASCADE
    );
INSERT INTO "annotation_source" VALUES(1,1,'Ada','labels.csv','1111111111111111111111111111111111111111111111111111111111111111','csv','2026-11-27 16:36:19.052049');
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
        FOREIGN KEY (run_id) REFERENCES run (id) ON DELETE CASCADE
    );
INSERT INTO "bout" VALUES(1,3,1,'walk',0.0,0.2,0,5,0.9);
INSERT INTO "bout" VALUES(2,3,2,'stand',0.0,0.133333,0,3,0.8);
CREATE TABLE clothing (
        run_id INTEGER NOT NULL,
        frame INTEGER NOT NULL,
        person INTEGER NOT NULL,
        shares BLOB NOT NULL,
        PRIMARY KEY (run_id, frame, person),
        FOREIGN KEY (run_id) REFERENCES run (id) ON DELETE CASCADE
    ) WITHOUT ROWID;
INSERT INTO "clothing" VALUES(1,0,0,X'40404040');
INSERT INTO "clothing" VALUES(1,0,1,X'40404040');
INSERT INTO "clothing" VALUES(1,1,0,X'40404040');
INSERT INTO "clothing" VALUES(1,1,1,X'40404040');
INSERT INTO "clothing" VALUES(1,2,0,X'40404040');
INSERT INTO "clothing" VALUES(1,2,1,X'40404040');
INSERT INTO "clothing" VALUES(1,3,0,X'40404040');
INSERT INTO "clothing" VALUES(1,3,1,X'40404040');
INSERT INTO "clothing" VALUES(1,4,0,X'40404040');
INSERT INTO "clothing" VALUES(1,5,0,X'40404040');
CREATE TABLE decision (
        run_id INTEGER NOT NULL,
        number INTEGER NOT NULL,
        kind VARCHAR NOT NULL,
        tracklets JSON NOT NULL,
        track_id INTEGER,
        reason TEXT NOT NULL,
        details JSON NOT NULL,
        PRIMARY KEY (run_id, number),
        FOREIGN KEY (run_id) REFERENCES run (id) ON DELETE CASCADE
    );
INSERT INTO "decision" VALUES(2,1,'join','[1]',1,'they follow each other','{"seconds": 0.1}');
CREATE TABLE frame (
        run_id INTEGER NOT NULL,
        frame INTEGER NOT NULL,
        time_s DOUBLE NOT NULL,
        n_people INTEGER NOT NULL,
        PRIMARY KEY (run_id, frame),
        FOREIGN KEY (run_id) REFERENCES run (id) ON DELETE CASCADE
    ) WITHOUT ROWID;
INSERT INTO "frame" VALUES(1,0,0.0,2);
INSERT INTO "frame" VALUES(1,1,0.033333,2);
INSERT INTO "frame" VALUES(1,2,0.066667,2);
INSERT INTO "frame" VALUES(1,3,0.1,2);
INSERT INTO "frame" VALUES(1,4,0.133333,1);
INSERT INTO "frame" VALUES(1,5,0.166667,1);
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
INSERT INTO "keypoints_coco_18" VALUES(1,0,0,0.75,335.0,411.875,0.3671875,313.625,487.0,0.515625,301.0,355.375,0.640625,276.875,463.125,0.6015625,280.75,434.125,0.5859375,254.0,300.5,0.328125,257.5,378.75,0.3125,251.625,471.375,0.390625,267.5,410.75,0.3125,331.25,306.625,0.7734375,314.875,452.875,0.671875,341.25,445.875,0.75,300.25,469.25,0.484375,310.625,335.125,0.734375,347.0,317.75,0.8359375,322.875,472.625,0.5703125,313.125,304.375,0.625,304.25,408.25,0.9921875);
INSERT INTO "keypoints_coco_18" VALUES(1,0,1,0.5,NULL,NULL,0.0,648.0,397.125,0.921875,587.875,443.75,0.4921875,618.5,477.875,0.4609375,645.0,314.5,0.796875,615.0,486.75,0.734375,634.0,406.25,0.34375,618.75,371.5,0.3671875,620.375,434.5,0.5703125,588.875,414.25,0.8828125,637.5,350.875,0.5859375,563.5,364.25,0.8515625,607.875,443.875,0.5234375,622.125,418.75,0.4765625,634.5,400.875,0.8515625,602.5,367.5,0.9140625,587.5,452.125,0.359375,581.0,378.25,0.3515625);
INSERT INTO "keypoints_coco_18" VALUES(1,1,0,0.75,318.125,424.625,0.59375,284.5,416.0,0.609375,308.25,479.75,0.6328125,266.0,359.625,0.96875,337.0,480.375,0.4453125,296.0,434.375,0.6484375,340.375,478.0,0.34375,330.625,339.875,0.6015625,321.5,451.625,0.9609375,274.0,488.375,0.734375,327.625,309.625,0.546875,256.125,373.0,0.9921875,308.0,427.25,0.7265625,291.375,321.0,0.9609375,350.625,402.0,0.3203125,270.75,425.75,0.625,345.625,452.75,0.8828125,260.0,485.375,0.828125);
INSERT INTO "keypoints_coco_18" VALUES(1,1,1,0.5,NULL,NULL,0.0,600.625,485.375,0.875,593.0,433.625,0.46875,603.875,493.5,0.640625,574.0,474.25,0.53125,629.5,302.875,0.46875,558.75,323.75,0.921875,592.375,472.625,0.859375,579.125,316.375,0.40625,624.375,496.125,0.9453125,625.875,465.375,0.9765625,622.0,491.375,0.4921875,643.375,372.0,0.6015625,644.125,329.75,0.6796875,569.375,403.25,0.7578125,562.375,494.5,0.609375,564.125,373.375,0.4140625,623.875,477.875,0.9453125);
INSERT INTO "keypoints_coco_18" VALUES(1,2,0,0.75,321.125,353.5,0.453125,256.0,313.125,0.921875,333.375,398.875,0.4609375,325.125,468.25,0.4609375,270.25,424.875,0.3984375,313.375,313.25,0.390625,302.125,430.0,0.84375,254.75,368.75,0.5078125,344.625,345.125,0.859375,323.875,386.0,0.7109375,283.0,474.625,0.8984375,253.5,493.125,0.6875,261.125,328.125,0.8359375,327.75,412.375,0.8671875,266.875,452.25,0.3515625,303.25,351.75,0.6953125,341.75,354.5,0.625,344.875,348.25,0.5078125);
INSERT INTO "keypoints_coco_18" VALUES(1,2,1,0.5,NULL,NULL,0.0,593.25,381.25,0.7578125,601.125,308.25,0.671875,633.75,481.875,0.5,634.5,488.125,0.9609375,614.625,308.5,0.7890625,623.0,418.625,0.7421875,647.875,464.5,0.9609375,615.625,457.875,0.8515625,588.875,383.0,0.3984375,560.125,471.875,0.3359375,607.25,465.875,0.90625,575.125,322.625,0.5859375,611.375,301.875,0.3515625,554.5,320.375,0.6328125,636.75,373.0,0.5703125,646.375,321.875,0.6015625,566.5,315.625,0.6015625);
INSERT INTO "keypoints_coco_18" VALUES(1,3,0,0.75,284.375,414.75,0.7421875,301.875,498.875,0.8984375,302.125,447.25,0.9921875,350.625,363.125,0.4765625,322.25,312.75,0.6953125,330.5,336.5,0.40625,253.75,354.375,0.3828125,283.875,476.0,0.765625,351.25,354.125,0.34375,279.875,462.375,0.796875,303.875,354.75,0.875,339.25,433.5,0.421875,316.75,405.375,0.7734375,341.125,491.625,0.578125,269.375,413.25,0.921875,304.0,485.125,0.9375,316.5,492.375,0.703125,287.375,449.625,0.6953125);
INSERT INTO "keypoints_coco_18" VALUES(1,3,1,0.5,NULL,NULL,0.0,610.75,495.625,0.359375,627.5,405.75,0.65625,572.375,417.875,0.6484375,631.125,493.125,0.6875,605.5,363.875,0.8203125,628.125,459.625,0.5234375,605.25,337.5,0.4296875,583.625,372.375,0.7734375,561.875,434.5,0.578125,605.5,415.875,0.9453125,651.125,339.0,0.3515625,556.5,431.75,0.796875,610.125,415.5,0.8046875,597.625,484.0,0.4921875,553.625,420.375,0.3671875,607.25,476.875,0.53125,630.25,492.375,0.578125);
INSERT INTO "keypoints_coco_18" VALUES(1,4,0,0.75,351.875,434.5,0.4609375,341.25,426.75,0.375,277.0,497.0,0.34375,301.125,399.25,0.703125,313.875,307.875,0.4921875,345.25,332.625,0.4453125,267.5,352.0,0.8125,330.5,434.625,0.8671875,346.5,371.375,0.9609375,345.5,363.5,0.6484375,281.625,322.375,0.6640625,266.625,442.125,0.9921875,313.375,304.875,0.65625,261.25,392.0,0.4375,266.875,448.875,0.484375,261.0,401.375,0.96875,275.0,437.375,0.3359375,340.875,457.875,0.859375);
INSERT INTO "keypoints_coco_18" VALUES(1,5,0,0.75,319.625,439.0,0.78125,303.125,498.75,0.53125,338.25,372.75,0.7265625,336.25,456.125,0.859375,298.875,323.375,0.796875,315.25,397.0,0.4609375,331.25,301.0,0.59375,320.5,384.5,0.5546875,303.5,302.75,0.7890625,346.25,475.5,0.59375,343.25,493.875,0.59375,261.5,317.25,0.6796875,309.625,463.5,0.703125,338.375,441.625,0.3828125,263.375,360.125,0.9453125,293.125,457.75,0.5859375,305.75,492.375,0.4296875,287.5,459.75,0.3125);
CREATE TABLE membership (
        run_id INTEGER NOT NULL,
        frame INTEGER NOT NULL,
        person INTEGER NOT NULL,
        tracklet INTEGER NOT NULL,
        track_id INTEGER,
        PRIMARY KEY (run_id, frame, person),
        FOREIGN KEY (run_id) REFERENCES run (id) ON DELETE CASCADE
    ) WITHOUT ROWID;
INSERT INTO "membership" VALUES(2,0,0,1,1);
INSERT INTO "membership" VALUES(2,0,1,2,2);
INSERT INTO "membership" VALUES(2,1,0,1,1);
INSERT INTO "membership" VALUES(2,1,1,2,2);
INSERT INTO "membership" VALUES(2,2,0,1,1);
INSERT INTO "membership" VALUES(2,2,1,2,2);
INSERT INTO "membership" VALUES(2,3,0,1,1);
INSERT INTO "membership" VALUES(2,3,1,2,2);
INSERT INTO "membership" VALUES(2,4,0,1,1);
INSERT INTO "membership" VALUES(2,5,0,1,1);
CREATE TABLE posescribe_migration (
        name VARCHAR NOT NULL,
        applied DATETIME NOT NULL,
        PRIMARY KEY (name)
    );
INSERT INTO "posescribe_migration" VALUES('0001_create_tables','2026-11-27 16:36:18.744735');
INSERT INTO "posescribe_migration" VALUES('0002_add_clothing','2026-11-27 16:36:18.771257');
INSERT INTO "posescribe_migration" VALUES('0003_drop_model','2026-11-27 16:36:18.795403');
INSERT INTO "posescribe_migration" VALUES('0004_add_clock','2026-11-27 16:36:18.835297');
INSERT INTO "posescribe_migration" VALUES('0005_add_chosen','2026-11-27 16:36:18.863542');
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
        added DATETIME NOT NULL, offset_s DOUBLE, clock VARCHAR,
        PRIMARY KEY (id),
        UNIQUE (sha256, name)
    );
INSERT INTO "recording" VALUES(1,'demo','demo.mp4','video','d9a66417185647b112304b57093f0c180f37a768e6a14daca75ca541f3b78039',1768,994,30.0,0.2,6,'2026-11-27 16:36:18.915719',NULL,'source');
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
        extra JSON NOT NULL, chosen DATETIME,
        PRIMARY KEY (id),
        UNIQUE (recording_id, stage, fingerprint),
        FOREIGN KEY (recording_id) REFERENCES recording (id) ON DELETE CASCADE,
        FOREIGN KEY (parent_id) REFERENCES run (id) ON DELETE CASCADE,
        FOREIGN KEY (skeleton) REFERENCES skeleton (name)
    );
INSERT INTO "run" VALUES(1,1,NULL,'pose','done','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','{"clothes": true}','coco_18','mobilenet_thin','bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb','cpu','0.1.0','2026-11-27 16:36:18.944418','2026-11-27 16:36:18.972756','{"skipped": 0, "seconds": 1.0, "notes": []}','2026-11-27 16:36:18.972756');
INSERT INTO "run" VALUES(2,1,1,'track','done','cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc','{}','coco_18',NULL,NULL,NULL,'0.1.0','2026-11-27 16:36:18.980354','2026-11-27 16:36:19.036580','{}','2026-11-27 16:36:19.036580');
INSERT INTO "run" VALUES(3,1,2,'actions','done','dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','{}','coco_18','default','eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee',NULL,'0.1.0','2026-11-27 16:36:19.036999','2026-11-27 16:36:19.051321','{}','2026-11-27 16:36:19.051321');
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
        FOREIGN KEY (run_id) REFERENCES run (id) ON DELETE CASCADE
    ) WITHOUT ROWID;
INSERT INTO "track" VALUES(2,1,'Ann',0,5,0.0,0.166667,6,0.75);
INSERT INTO "track" VALUES(2,2,NULL,0,3,0.0,0.1,4,0.5);
CREATE TABLE tracklet (
        run_id INTEGER NOT NULL,
        tracklet INTEGER NOT NULL,
        first_frame INTEGER NOT NULL,
        last_frame INTEGER NOT NULL,
        track_id INTEGER,
        n_frames INTEGER NOT NULL,
        PRIMARY KEY (run_id, tracklet, first_frame),
        FOREIGN KEY (run_id) REFERENCES run (id) ON DELETE CASCADE
    ) WITHOUT ROWID;
INSERT INTO "tracklet" VALUES(2,1,0,5,1,6);
INSERT INTO "tracklet" VALUES(2,2,0,3,2,4);
CREATE INDEX ix_run_parent_id ON run (parent_id);
CREATE UNIQUE INDEX ix_membership_track ON membership (run_id, track_id, frame);
CREATE INDEX ix_bout_run ON bout (run_id, track_id, start_frame);
CREATE INDEX ix_annotation_source_id ON annotation (source_id);
CREATE VIEW current_run AS
    WITH asked AS (
        SELECT id, recording_id, parent_id, stage, row_number() OVER (
            PARTITION BY recording_id, stage, CASE WHEN stage = 'actions' THEN parent_id END
            ORDER BY chosen DESC, id DESC
        ) AS place
        FROM run WHERE chosen IS NOT NULL AND parent_id IS NOT NULL
    )
    SELECT recording.id AS recording_id, recording.name AS recording, track.parent_id AS pose_run_id,
        track.id AS track_run_id, actions.id AS actions_run_id
    FROM recording
    JOIN asked AS track ON track.recording_id = recording.id AND track.stage = 'track' AND track.place = 1
    LEFT JOIN asked AS actions ON actions.parent_id = track.id AND actions.stage = 'actions' AND actions.place = 1;
CREATE VIEW current_bout AS
    WITH label AS (
        SELECT annotation.*, source.recording_id, source.coder,
            max(source.id) OVER (PARTITION BY source.recording_id, track_id, source.coder) AS latest
        FROM annotation JOIN annotation_source AS source ON source.id = annotation.source_id
        WHERE NOT is_point AND track_id IS NOT NULL
    ),
    coded AS (
        SELECT label.*, max(latest) OVER (PARTITION BY recording_id, track_id) AS latest_of_all FROM label
    ),
    person AS (
        SELECT current_run.*, track.track_id, coalesce(track.name, 'Person ' || track.track_id) AS person
        FROM current_run JOIN track ON track.run_id = current_run.track_run_id
    )
    SELECT person.recording_id, recording, track_run_id, person.track_id, person, action, start_s, stop_s,
        1.0 AS score, 'human' AS source, coder
    FROM person
    JOIN coded ON coded.recording_id = person.recording_id AND coded.track_id = person.track_id
    WHERE latest = latest_of_all
    UNION ALL
    SELECT person.recording_id, recording, track_run_id, person.track_id, person, action, start_s, stop_s,
        score, 'automatic' AS source, NULL AS coder
    FROM person
    JOIN bout ON bout.run_id = person.actions_run_id AND bout.track_id = person.track_id
    WHERE NOT EXISTS (
        SELECT 1 FROM coded WHERE coded.recording_id = person.recording_id AND coded.track_id = person.track_id
    );
CREATE VIEW tracked_coco_18 AS SELECT membership.run_id, membership.track_id, membership.frame, frame.time_s, keypoints_coco_18.person, keypoints_coco_18.score, keypoints_coco_18.nose_x, keypoints_coco_18.nose_y, keypoints_coco_18.nose_confidence, keypoints_coco_18.neck_x, keypoints_coco_18.neck_y, keypoints_coco_18.neck_confidence, keypoints_coco_18.right_shoulder_x, keypoints_coco_18.right_shoulder_y, keypoints_coco_18.right_shoulder_confidence, keypoints_coco_18.right_elbow_x, keypoints_coco_18.right_elbow_y, keypoints_coco_18.right_elbow_confidence, keypoints_coco_18.right_wrist_x, keypoints_coco_18.right_wrist_y, keypoints_coco_18.right_wrist_confidence, keypoints_coco_18.left_shoulder_x, keypoints_coco_18.left_shoulder_y, keypoints_coco_18.left_shoulder_confidence, keypoints_coco_18.left_elbow_x, keypoints_coco_18.left_elbow_y, keypoints_coco_18.left_elbow_confidence, keypoints_coco_18.left_wrist_x, keypoints_coco_18.left_wrist_y, keypoints_coco_18.left_wrist_confidence, keypoints_coco_18.right_hip_x, keypoints_coco_18.right_hip_y, keypoints_coco_18.right_hip_confidence, keypoints_coco_18.right_knee_x, keypoints_coco_18.right_knee_y, keypoints_coco_18.right_knee_confidence, keypoints_coco_18.right_ankle_x, keypoints_coco_18.right_ankle_y, keypoints_coco_18.right_ankle_confidence, keypoints_coco_18.left_hip_x, keypoints_coco_18.left_hip_y, keypoints_coco_18.left_hip_confidence, keypoints_coco_18.left_knee_x, keypoints_coco_18.left_knee_y, keypoints_coco_18.left_knee_confidence, keypoints_coco_18.left_ankle_x, keypoints_coco_18.left_ankle_y, keypoints_coco_18.left_ankle_confidence, keypoints_coco_18.right_eye_x, keypoints_coco_18.right_eye_y, keypoints_coco_18.right_eye_confidence, keypoints_coco_18.left_eye_x, keypoints_coco_18.left_eye_y, keypoints_coco_18.left_eye_confidence, keypoints_coco_18.right_ear_x, keypoints_coco_18.right_ear_y, keypoints_coco_18.right_ear_confidence, keypoints_coco_18.left_ear_x, keypoints_coco_18.left_ear_y, keypoints_coco_18.left_ear_confidence 
FROM membership JOIN run ON run.id = membership.run_id JOIN frame ON frame.run_id = run.parent_id AND frame.frame = membership.frame JOIN keypoints_coco_18 ON keypoints_coco_18.run_id = run.parent_id AND keypoints_coco_18.frame = membership.frame AND keypoints_coco_18.person = membership.person 
WHERE membership.track_id IS NOT NULL;
COMMIT;
