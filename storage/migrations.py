"""The schema's history: named steps, in order, each in a transaction of its own together with the record of it.

A new database gets all steps, an older one those it lacks. Each step carries its own SQL, as of its day, and reads
nothing of `schema.py`, which describes what all of them together make (a test compares the two). Whoever changes
`schema.py` appends a step here; a step is never edited once released. Tables of skeletons (`schema.keypoint_table`) are
reached through the rows of the table `skeleton`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, insert, inspect, select

from storage import schema
from storage.errors import SchemaError


@dataclass(frozen=True)
class Migration:
    """One step.

    Attributes:
        name: unique and final, e.g. `0002_add_camera`.
        apply: changes the database; runs inside a transaction that it must not end.
    """

    name: str
    apply: Callable[[Connection], None]


_WORDS = {
    "sqlite": {
        "ID": "INTEGER NOT NULL", "MOMENT": "DATETIME", "DOUBLE": "DOUBLE", "BYTES": "BLOB", "BY_KEY": "WITHOUT ROWID",
    },
    "postgresql": {
        "ID": "SERIAL NOT NULL", "MOMENT": "TIMESTAMP WITHOUT TIME ZONE", "DOUBLE": "DOUBLE PRECISION",
        "BYTES": "BYTEA", "BY_KEY": "",
    },
}  # fmt: skip
"""What the two databases call differently: written `{MOMENT}` in the SQL of a step."""


def _sql(*statements: str) -> Callable[[Connection], None]:
    def apply(connection: Connection) -> None:
        for statement in statements:
            connection.exec_driver_sql(statement.format(**_WORDS[connection.dialect.name]))

    return apply


_CREATE_TABLES = _sql(
    """CREATE TABLE posescribe_migration (
        name VARCHAR NOT NULL,
        applied {MOMENT} NOT NULL,
        PRIMARY KEY (name)
    )""",
    """CREATE TABLE skeleton (
        name VARCHAR NOT NULL,
        table_name VARCHAR NOT NULL,
        joints JSON NOT NULL,
        limbs JSON NOT NULL,
        sigmas JSON NOT NULL,
        PRIMARY KEY (name),
        UNIQUE (table_name)
    )""",
    """CREATE TABLE recording (
        id {ID},
        name VARCHAR NOT NULL,
        uri VARCHAR NOT NULL,
        kind VARCHAR NOT NULL,
        sha256 VARCHAR,
        width INTEGER NOT NULL,
        height INTEGER NOT NULL,
        fps {DOUBLE},
        duration_s {DOUBLE},
        n_frames INTEGER,
        added {MOMENT} NOT NULL,
        PRIMARY KEY (id),
        UNIQUE (sha256, name)
    )""",
    """CREATE TABLE run (
        id {ID},
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
        started {MOMENT} NOT NULL,
        finished {MOMENT},
        extra JSON NOT NULL,
        PRIMARY KEY (id),
        UNIQUE (recording_id, stage, fingerprint),
        FOREIGN KEY (recording_id) REFERENCES recording (id) ON DELETE CASCADE,
        FOREIGN KEY (parent_id) REFERENCES run (id) ON DELETE CASCADE,
        FOREIGN KEY (skeleton) REFERENCES skeleton (name)
    )""",
    "CREATE INDEX ix_run_parent_id ON run (parent_id)",
    """CREATE TABLE frame (
        run_id INTEGER NOT NULL,
        frame INTEGER NOT NULL,
        time_s {DOUBLE} NOT NULL,
        n_people INTEGER NOT NULL,
        PRIMARY KEY (run_id, frame),
        FOREIGN KEY (run_id) REFERENCES run (id) ON DELETE CASCADE
    ) {BY_KEY}""",
    """CREATE TABLE membership (
        run_id INTEGER NOT NULL,
        frame INTEGER NOT NULL,
        person INTEGER NOT NULL,
        tracklet INTEGER NOT NULL,
        track_id INTEGER,
        PRIMARY KEY (run_id, frame, person),
        FOREIGN KEY (run_id) REFERENCES run (id) ON DELETE CASCADE
    ) {BY_KEY}""",
    "CREATE UNIQUE INDEX ix_membership_track ON membership (run_id, track_id, frame)",
    """CREATE TABLE tracklet (
        run_id INTEGER NOT NULL,
        tracklet INTEGER NOT NULL,
        first_frame INTEGER NOT NULL,
        last_frame INTEGER NOT NULL,
        track_id INTEGER,
        n_frames INTEGER NOT NULL,
        PRIMARY KEY (run_id, tracklet, first_frame),
        FOREIGN KEY (run_id) REFERENCES run (id) ON DELETE CASCADE
    ) {BY_KEY}""",
    """CREATE TABLE track (
        run_id INTEGER NOT NULL,
        track_id INTEGER NOT NULL,
        name VARCHAR,
        first_frame INTEGER NOT NULL,
        last_frame INTEGER NOT NULL,
        start_s {DOUBLE} NOT NULL,
        stop_s {DOUBLE} NOT NULL,
        n_frames INTEGER NOT NULL,
        mean_score {DOUBLE} NOT NULL,
        PRIMARY KEY (run_id, track_id),
        FOREIGN KEY (run_id) REFERENCES run (id) ON DELETE CASCADE
    ) {BY_KEY}""",
    """CREATE TABLE decision (
        run_id INTEGER NOT NULL,
        number INTEGER NOT NULL,
        kind VARCHAR NOT NULL,
        tracklets JSON NOT NULL,
        track_id INTEGER,
        reason TEXT NOT NULL,
        details JSON NOT NULL,
        PRIMARY KEY (run_id, number),
        FOREIGN KEY (run_id) REFERENCES run (id) ON DELETE CASCADE
    )""",
    """CREATE TABLE bout (
        id {ID},
        run_id INTEGER NOT NULL,
        track_id INTEGER NOT NULL,
        action VARCHAR NOT NULL,
        start_s {DOUBLE} NOT NULL,
        stop_s {DOUBLE} NOT NULL,
        start_frame INTEGER NOT NULL,
        stop_frame INTEGER NOT NULL,
        score {DOUBLE} NOT NULL,
        PRIMARY KEY (id),
        FOREIGN KEY (run_id) REFERENCES run (id) ON DELETE CASCADE
    )""",
    "CREATE INDEX ix_bout_run ON bout (run_id, track_id, start_frame)",
    """CREATE TABLE annotation_source (
        id {ID},
        recording_id INTEGER NOT NULL,
        coder VARCHAR,
        uri VARCHAR NOT NULL,
        sha256 VARCHAR NOT NULL,
        format VARCHAR NOT NULL,
        added {MOMENT} NOT NULL,
        PRIMARY KEY (id),
        UNIQUE (recording_id, sha256),
        FOREIGN KEY (recording_id) REFERENCES recording (id) ON DELETE CASCADE
    )""",
    """CREATE TABLE annotation (
        id {ID},
        source_id INTEGER NOT NULL,
        subject VARCHAR,
        track_id INTEGER,
        action VARCHAR NOT NULL,
        start_s {DOUBLE} NOT NULL,
        stop_s {DOUBLE} NOT NULL,
        is_point BOOLEAN NOT NULL,
        comment TEXT,
        PRIMARY KEY (id),
        FOREIGN KEY (source_id) REFERENCES annotation_source (id) ON DELETE CASCADE
    )""",
    "CREATE INDEX ix_annotation_source_id ON annotation (source_id)",
    """CREATE TABLE model (
        id {ID},
        name VARCHAR NOT NULL,
        kind VARCHAR NOT NULL,
        path VARCHAR NOT NULL,
        sha256 VARCHAR NOT NULL,
        data_sha256 VARCHAR,
        metrics JSON NOT NULL,
        run_id INTEGER,
        added {MOMENT} NOT NULL,
        PRIMARY KEY (id),
        UNIQUE (name),
        FOREIGN KEY (run_id) REFERENCES run (id) ON DELETE SET NULL
    )""",
)

_ADD_CLOTHING = _sql(
    """CREATE TABLE clothing (
        run_id INTEGER NOT NULL,
        frame INTEGER NOT NULL,
        person INTEGER NOT NULL,
        shares {BYTES} NOT NULL,
        PRIMARY KEY (run_id, frame, person),
        FOREIGN KEY (run_id) REFERENCES run (id) ON DELETE CASCADE
    ) {BY_KEY}"""
)

_ADD_CLOCK = _sql(
    "ALTER TABLE recording ADD COLUMN offset_s {DOUBLE}",
    "ALTER TABLE recording ADD COLUMN clock VARCHAR",
)

_ADD_SCENES = _sql(
    """CREATE TABLE scene (
        id {ID},
        fingerprint VARCHAR NOT NULL,
        calibration_uri VARCHAR NOT NULL,
        calibration_sha256 VARCHAR NOT NULL,
        settings JSON NOT NULL,
        version VARCHAR NOT NULL,
        made {MOMENT} NOT NULL,
        PRIMARY KEY (id),
        UNIQUE (fingerprint)
    )""",
    """CREATE TABLE scene_view (
        scene_id INTEGER NOT NULL,
        camera VARCHAR NOT NULL,
        track_run_id INTEGER NOT NULL,
        offset_s {DOUBLE} NOT NULL,
        fit VARCHAR,
        PRIMARY KEY (scene_id, camera),
        FOREIGN KEY (scene_id) REFERENCES scene (id) ON DELETE CASCADE,
        FOREIGN KEY (track_run_id) REFERENCES run (id) ON DELETE CASCADE
    )""",
    "CREATE INDEX ix_scene_view_track_run_id ON scene_view (track_run_id)",
    """CREATE TABLE scene_member (
        scene_id INTEGER NOT NULL,
        person INTEGER NOT NULL,
        camera VARCHAR NOT NULL,
        track_id INTEGER NOT NULL,
        PRIMARY KEY (scene_id, person, camera, track_id),
        FOREIGN KEY (scene_id) REFERENCES scene (id) ON DELETE CASCADE
    ) {BY_KEY}""",
    """CREATE TABLE position (
        scene_id INTEGER NOT NULL,
        person INTEGER NOT NULL,
        frame INTEGER NOT NULL,
        joint VARCHAR NOT NULL,
        time_s {DOUBLE} NOT NULL,
        x {DOUBLE} NOT NULL,
        y {DOUBLE} NOT NULL,
        z {DOUBLE} NOT NULL,
        error_px {DOUBLE} NOT NULL,
        n_views INTEGER NOT NULL,
        PRIMARY KEY (scene_id, person, frame, joint),
        FOREIGN KEY (scene_id) REFERENCES scene (id) ON DELETE CASCADE
    ) {BY_KEY}""",
)

_ADD_OFFSETS = _sql(
    """CREATE TABLE synchrony (
        id {ID},
        reference_id INTEGER NOT NULL,
        settings JSON NOT NULL,
        version VARCHAR NOT NULL,
        made {MOMENT} NOT NULL,
        PRIMARY KEY (id),
        UNIQUE (reference_id),
        FOREIGN KEY (reference_id) REFERENCES recording (id) ON DELETE CASCADE
    )""",
    """CREATE TABLE clock_offset (
        synchrony_id INTEGER NOT NULL,
        recording_id INTEGER NOT NULL,
        offset_s {DOUBLE} NOT NULL,
        error_s {DOUBLE} NOT NULL,
        correlation {DOUBLE} NOT NULL,
        PRIMARY KEY (synchrony_id, recording_id),
        FOREIGN KEY (synchrony_id) REFERENCES synchrony (id) ON DELETE CASCADE,
        FOREIGN KEY (recording_id) REFERENCES recording (id) ON DELETE CASCADE
    )""",
    "CREATE INDEX ix_clock_offset_recording_id ON clock_offset (recording_id)",
)

_ADD_CHOSEN = _sql(
    "ALTER TABLE run ADD COLUMN chosen {MOMENT}",
    "UPDATE run SET chosen = finished WHERE status = 'done'",
    """CREATE VIEW current_run AS
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
    LEFT JOIN asked AS actions ON actions.parent_id = track.id AND actions.stage = 'actions' AND actions.place = 1""",
    """CREATE VIEW current_bout AS
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
    )""",
)

_ADD_FACE_MESH = _sql(
    """CREATE TABLE face_mesh (
        run_id INTEGER NOT NULL,
        frame INTEGER NOT NULL,
        person INTEGER NOT NULL,
        presence {DOUBLE} NOT NULL,
        vertices {BYTES} NOT NULL,
        PRIMARY KEY (run_id, frame, person),
        FOREIGN KEY (run_id) REFERENCES run (id) ON DELETE CASCADE
    ) {BY_KEY}"""
)

_CORRECTIONS_ALONE = _sql(
    "DROP VIEW current_bout",
    """CREATE VIEW current_bout AS
    WITH label AS (
        SELECT annotation.*, source.recording_id, source.coder, max(source.id) OVER (
            PARTITION BY source.recording_id, track_id, source.coder,
                CASE WHEN source.format = 'corrections' THEN source.id END
        ) AS latest
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
    )""",
)
"""Corrections hold all that somebody says of a person: they don't add to other files of the same coder."""

_ADD_REPETITION = _sql(
    """CREATE TABLE repetition (
        run_id INTEGER NOT NULL,
        track_id INTEGER NOT NULL,
        action VARCHAR NOT NULL,
        start_s {DOUBLE} NOT NULL,
        stop_s {DOUBLE} NOT NULL,
        amplitude {DOUBLE} NOT NULL,
        unit VARCHAR NOT NULL,
        PRIMARY KEY (run_id, track_id, action, start_s),
        FOREIGN KEY (run_id) REFERENCES run (id) ON DELETE CASCADE
    ) {BY_KEY}"""
)

_ADD_CAMERA_SHIFT = _sql(
    """CREATE TABLE camera_shift (
        run_id INTEGER NOT NULL,
        frame INTEGER NOT NULL,
        x {DOUBLE} NOT NULL,
        y {DOUBLE} NOT NULL,
        PRIMARY KEY (run_id, frame),
        FOREIGN KEY (run_id) REFERENCES run (id) ON DELETE CASCADE
    ) {BY_KEY}"""
)

_ADD_PROBABILITY = _sql(
    """CREATE TABLE probability (
        run_id INTEGER NOT NULL,
        track_id INTEGER NOT NULL,
        actions JSON NOT NULL,
        frames {BYTES} NOT NULL,
        thousandths {BYTES} NOT NULL,
        PRIMARY KEY (run_id, track_id),
        FOREIGN KEY (run_id) REFERENCES run (id) ON DELETE CASCADE
    )"""
)

_WHERE_CODED = _sql(
    "ALTER TABLE annotation_source ADD COLUMN whole BOOLEAN DEFAULT TRUE NOT NULL",
    "DROP VIEW current_bout",
    "DROP VIEW current_run",
    """CREATE VIEW current_run AS
    SELECT recording.id AS recording_id, recording.name AS recording, track.parent_id AS pose_run_id,
        track.id AS track_run_id, actions.id AS actions_run_id
    FROM recording
    JOIN run AS track ON track.id = (
        SELECT id FROM run
        WHERE recording_id = recording.id AND stage = 'track' AND chosen IS NOT NULL AND parent_id IS NOT NULL
        ORDER BY chosen DESC, id DESC LIMIT 1
    )
    LEFT JOIN run AS actions ON actions.id = (
        SELECT id FROM run WHERE parent_id = track.id AND stage = 'actions' AND chosen IS NOT NULL
        ORDER BY chosen DESC, id DESC LIMIT 1
    )""",
    """CREATE VIEW current_bout AS
    WITH label AS (
        SELECT source.recording_id, track_id, annotation.id AS number, action, start_s, stop_s, source.coder,
            CASE WHEN source.whole THEN -1e300 ELSE start_s END AS from_s,
            CASE WHEN source.whole THEN 1e300 ELSE stop_s END AS to_s,
            max(source.id) OVER (
                PARTITION BY source.recording_id, track_id, source.coder,
                    CASE WHEN source.format = 'corrections' OR NOT source.whole THEN source.id END
            ) AS layer
        FROM annotation JOIN annotation_source AS source ON source.id = annotation.source_id
        WHERE NOT is_point AND track_id IS NOT NULL
    ),
    coded AS (SELECT DISTINCT recording_id, track_id FROM label),
    cover AS (SELECT DISTINCT recording_id, track_id, layer, from_s, to_s FROM label),
    person AS NOT MATERIALIZED (
        SELECT current_run.*, track.track_id, coalesce(track.name, 'Person ' || track.track_id) AS person
        FROM current_run JOIN track ON track.run_id = current_run.track_run_id
    ),
    said AS (
        SELECT recording_id, track_id, layer, number, action, start_s, stop_s, 1.0 AS score, coder FROM label
        UNION ALL
        SELECT coded.recording_id, coded.track_id, 0, bout.id, action, start_s, stop_s, score, NULL
        FROM coded
        JOIN current_run ON current_run.recording_id = coded.recording_id
        JOIN bout ON bout.run_id = current_run.actions_run_id AND bout.track_id = coded.track_id
    ),
    edge AS (
        SELECT layer, number, start_s AS from_s, start_s AS to_s FROM said
        UNION ALL
        SELECT layer, number, stop_s, stop_s FROM said
        UNION ALL
        SELECT said.layer, number, from_s, to_s
        FROM said
        JOIN cover ON cover.recording_id = said.recording_id AND cover.track_id = said.track_id
            AND cover.layer > said.layer AND from_s < stop_s AND to_s > start_s
    ),
    gap AS (
        SELECT layer, number, from_s AS stop_s, max(to_s) OVER (
            PARTITION BY layer, number ORDER BY from_s, to_s ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS start_s
        FROM edge
    ),
    piece AS (
        SELECT recording_id, track_id, action, gap.start_s, gap.stop_s, said.layer, said.number, score, coder
        FROM said JOIN gap ON gap.layer = said.layer AND gap.number = said.number
        WHERE substr(action, 1, 8) NOT IN ('unknown', 'unknown:')
            AND (gap.stop_s - gap.start_s > 0.001 OR gap.start_s = said.start_s AND gap.stop_s = said.stop_s)
    ),
    begun AS (
        SELECT piece.*, CASE
            WHEN start_s < max(stop_s) OVER (
                PARTITION BY recording_id, track_id, action ORDER BY start_s, stop_s, layer, number
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) THEN 0
            WHEN start_s <= 0.001 + lag(stop_s) OVER (
                PARTITION BY recording_id, track_id, action ORDER BY start_s, stop_s, layer, number
            ) AND layer <> lag(layer) OVER (
                PARTITION BY recording_id, track_id, action ORDER BY start_s, stop_s, layer, number
            ) THEN 0
            ELSE 1
        END AS begins
        FROM piece
    ),
    joined AS (
        SELECT begun.*, sum(begins) OVER (
            PARTITION BY recording_id, track_id, action ORDER BY start_s, stop_s, layer, number
            ROWS UNBOUNDED PRECEDING
        ) AS place
        FROM begun
    ),
    told AS (
        SELECT recording_id, track_id, action, min(start_s) AS start_s, max(stop_s) AS stop_s, min(score) AS score,
            CASE WHEN min(layer) > 0 THEN 'human' WHEN max(layer) = 0 THEN 'automatic' ELSE 'both' END AS source,
            max(coder) AS coder
        FROM joined GROUP BY recording_id, track_id, action, place
    )
    SELECT person.recording_id, recording, track_run_id, person.track_id, person, action, start_s, stop_s, score,
        source, coder
    FROM person JOIN told ON told.recording_id = person.recording_id AND told.track_id = person.track_id
    UNION ALL
    SELECT person.recording_id, recording, track_run_id, person.track_id, person, action, start_s, stop_s,
        score, 'automatic' AS source, NULL AS coder
    FROM person
    JOIN bout ON bout.run_id = person.actions_run_id AND bout.track_id = person.track_id
    WHERE NOT EXISTS (
        SELECT 1 FROM coded WHERE coded.recording_id = person.recording_id AND coded.track_id = person.track_id
    )""",
)
"""A word counts where it was said, see `coded.py`; a bout of which a human said a part is one bout, of both.

What is asked of one recording looks at its own runs only, however many there are beside it."""

_ADD_FAILURE = _sql(
    """CREATE TABLE failure (
        uri VARCHAR NOT NULL,
        reason TEXT NOT NULL,
        failed {MOMENT} NOT NULL,
        PRIMARY KEY (uri)
    )"""
)

MIGRATIONS: tuple[Migration, ...] = (
    Migration("0001_create_tables", _CREATE_TABLES),
    Migration("0002_add_clothing", _ADD_CLOTHING),
    Migration("0003_drop_model", _sql("DROP TABLE model")),
    Migration("0004_add_clock", _ADD_CLOCK),
    Migration("0005_add_chosen", _ADD_CHOSEN),
    Migration("0006_add_face_mesh", _ADD_FACE_MESH),
    Migration("0007_corrections_alone", _CORRECTIONS_ALONE),
    Migration("0008_add_scenes", _ADD_SCENES),
    Migration("0009_add_evidence", _sql("ALTER TABLE bout ADD COLUMN evidence TEXT")),
    Migration("0010_add_offsets", _ADD_OFFSETS),
    Migration("0011_add_repetition", _ADD_REPETITION),
    Migration("0012_add_camera_shift", _ADD_CAMERA_SHIFT),
    Migration("0013_add_probability", _ADD_PROBABILITY),
    Migration("0014_where_coded", _WHERE_CODED),
    Migration("0015_add_failure", _ADD_FAILURE),
    Migration("0016_add_camera_scale", _sql("ALTER TABLE camera_shift ADD COLUMN scale {DOUBLE}")),
)


def applied(connection: Connection) -> list[str]:
    """Names of the steps that a database has had, in order; empty for a new one."""
    if not inspect(connection).has_table(schema.migration.name):
        return []
    return list(connection.scalars(select(schema.migration.c.name).order_by(schema.migration.c.name)))


def refuse_foreign(tx: Connection, where: str) -> None:
    """Raises `SchemaError` for a database that holds tables, none of them ours."""
    if tables := inspect(tx).get_table_names():
        raise SchemaError(f"{where}: a database of another program (table {tables[0]!r}); choose another --db")


def record(tx: Connection, migration: Migration) -> None:
    """Notes that a step is done."""
    tx.execute(insert(schema.migration).values(name=migration.name, applied=datetime.now(UTC)))
