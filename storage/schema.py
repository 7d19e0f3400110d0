"""The tables.

Two kinds stand here. Fixed tables, one variable each below. And, for each skeleton in use, one table
`keypoints_<skeleton>` (one row per person and frame, columns `<joint>_x`, `<joint>_y`, `<joint>_confidence`) with a
view `tracked_<skeleton>` that adds the time and the identity. `docs/database.md` draws them, and says by what
measurement the keypoints got this form, and what the views `current_run` and `current_bout` say.

Everywhere: pixels of the original frame, seconds of the source's own clock, missing values NULL. A person of a frame is
found by its key (pose run, frame, person), where `person` counts from 0 in the order in which the parser gave them.
Whoever adds a column or a table here adds a step to `migrations.py` in the same change; new columns stand last.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    JSON,
    REAL,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Select,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    column,
    select,
    table,
    true,
)

metadata = MetaData()


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment, kept in UTC; SQLite, which has no time zones, keeps the same digits."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's hook
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's hook
        return None if value is None else value.replace(tzinfo=UTC)


def _owner(parent: str, *, nullable: bool = False, primary_key: bool = False) -> Column[int]:
    """`<parent>_id`: the row goes when its parent goes."""
    name = f"{parent}_id"
    reference = ForeignKey(f"{parent}.id", ondelete="CASCADE")
    return Column(name, Integer, reference, primary_key=primary_key, nullable=nullable)


migration = Table(
    "posescribe_migration",
    metadata,
    Column("name", String, primary_key=True, comment="step of migrations.py that has been done"),
    Column("applied", UtcDateTime, nullable=False),
)

skeleton = Table(
    "skeleton",
    metadata,
    Column("name", String, primary_key=True),
    Column("table_name", String, nullable=False, unique=True, comment="where its keypoints are"),
    Column("joints", JSON, nullable=False, comment="names, in the order of the table's columns"),
    Column("limbs", JSON, nullable=False, comment="pairs of joint names"),
    Column("sigmas", JSON, nullable=False, comment="COCO's object keypoint similarity constants"),
)

recording = Table(
    "recording",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False),
    Column("uri", String, nullable=False, comment="where it was last seen"),
    Column("kind", String, nullable=False, comment="image, folder, video, webcam, stream"),
    Column("sha256", String, comment="NULL for live sources"),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("fps", Double, comment="nominal; the true times are in frame.time_s"),
    Column("duration_s", Double),
    Column("n_frames", Integer, comment="estimate of the container"),
    Column("added", UtcDateTime, nullable=False),
    Column("offset_s", Double, comment="what a player's clock shows at time_s 0; NULL: unknown"),
    Column("clock", String, comment="whose the times are: source, given (by the user) or assumed; NULL: unknown"),
    UniqueConstraint("sha256", "name"),
)

failure = Table(
    "failure",
    metadata,
    Column("uri", String, primary_key=True, comment="the source's whole path or address"),
    Column("reason", Text, nullable=False),
    Column("failed", UtcDateTime, nullable=False),
)
"""Sources that could not be analysed; the row goes when one is."""

run = Table(
    "run",
    metadata,
    Column("id", Integer, primary_key=True),
    _owner("recording"),
    Column(
        "parent_id",
        Integer,
        ForeignKey("run.id", ondelete="CASCADE"),
        index=True,
        comment="the run whose results this one read",
    ),
    Column("stage", String, nullable=False, comment="pose, track, actions, ..."),
    Column("status", String, CheckConstraint("status IN ('running', 'done')"), nullable=False),
    Column("fingerprint", String, nullable=False, comment="sha256 of all that decides the result"),
    Column("settings", JSON, nullable=False),
    Column("skeleton", String, ForeignKey("skeleton.name")),
    Column("model_name", String),
    Column("model_sha256", String),
    Column("device", String, comment="the device that really ran"),
    Column("version", String, nullable=False, comment="of posescribe"),
    Column("started", UtcDateTime, nullable=False),
    Column("finished", UtcDateTime),
    Column("extra", JSON, nullable=False, comment="what the stage reports, e.g. skipped frames"),
    Column("chosen", UtcDateTime, comment="when a command asked for it last; NULL: it does not count"),
    UniqueConstraint("recording_id", "stage", "fingerprint"),
)

frame = Table(
    "frame",
    metadata,
    _owner("run", primary_key=True),
    Column("frame", Integer, primary_key=True, autoincrement=False, comment="number in decoding order, from 0"),
    Column("time_s", Double, nullable=False, comment="the frame's own timestamp"),
    Column("n_people", Integer, nullable=False),
    sqlite_with_rowid=False,
)

camera_shift = Table(
    "camera_shift",
    metadata,
    _owner("run", primary_key=True),
    Column("frame", Integer, primary_key=True, autoincrement=False),
    Column("x", Double, nullable=False, comment="pixels that the background moved since the frame before"),
    Column("y", Double, nullable=False),
    Column("scale", Double, comment="factor by which the background grew since the frame before; NULL: not kept"),
    sqlite_with_rowid=False,
)
"""How the picture shifts and grows as a whole; no row where that can't be told."""

clothing = Table(
    "clothing",
    metadata,
    _owner("run", primary_key=True),
    Column("frame", Integer, primary_key=True, autoincrement=False),
    Column("person", Integer, primary_key=True, autoincrement=False),
    Column("shares", LargeBinary, nullable=False, comment="uint8 each, of 255: the histogram's bins"),
    sqlite_with_rowid=False,
)
"""Colours of a raw person's clothes, where there was a picture of them; for the tracker."""

face_mesh = Table(
    "face_mesh",
    metadata,
    _owner("run", primary_key=True),
    Column("frame", Integer, primary_key=True, autoincrement=False),
    Column("person", Integer, primary_key=True, autoincrement=False),
    Column("presence", Double, nullable=False, comment="of the face, 0 to 1"),
    Column("vertices", LargeBinary, nullable=False, comment="float32, little-endian: x, y of each vertex, pixels"),
    sqlite_with_rowid=False,
)
"""The whole mesh of a raw person's face, where one was found and meshes were asked for."""

membership = Table(
    "membership",
    metadata,
    _owner("run", primary_key=True),
    Column("frame", Integer, primary_key=True, autoincrement=False),
    Column("person", Integer, primary_key=True, autoincrement=False),
    Column("tracklet", Integer, nullable=False, comment="identity given frame by frame"),
    Column("track_id", Integer, comment="identity after the second look; NULL: dropped"),
    # A track has at most one person in a frame; NULLs do not collide.
    Index("ix_membership_track", "run_id", "track_id", "frame", unique=True),
    sqlite_with_rowid=False,
)
"""Which person of which frame belongs to whom; `run_id` is the track run, whose parent is the pose run."""

tracklet = Table(
    "tracklet",
    metadata,
    _owner("run", primary_key=True),
    Column("tracklet", Integer, primary_key=True, autoincrement=False),
    Column("first_frame", Integer, primary_key=True, autoincrement=False),
    Column("last_frame", Integer, nullable=False, comment="inside; a tracklet may be cut into several rows"),
    Column("track_id", Integer, comment="NULL: dropped"),
    Column("n_frames", Integer, nullable=False, comment="of the whole tracklet"),
    sqlite_with_rowid=False,
)

track = Table(
    "track",
    metadata,
    _owner("run", primary_key=True),
    Column("track_id", Integer, primary_key=True, autoincrement=False),
    Column("name", String, comment="given by a human"),
    Column("first_frame", Integer, nullable=False),
    Column("last_frame", Integer, nullable=False),
    Column("start_s", Double, nullable=False, comment="time of the first frame"),
    Column("stop_s", Double, nullable=False, comment="time of the last frame"),
    Column("n_frames", Integer, nullable=False, comment="frames in which the person was found"),
    Column("mean_score", Double, nullable=False),
    sqlite_with_rowid=False,
)

decision = Table(
    "decision",
    metadata,
    _owner("run", primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("kind", String, nullable=False, comment="join, drop, ..."),
    Column("tracklets", JSON, nullable=False),
    Column("track_id", Integer),
    Column("reason", Text, nullable=False),
    Column("details", JSON, nullable=False),
)
"""Why tracklets were joined or dropped."""

bout = Table(
    "bout",
    metadata,
    Column("id", Integer, primary_key=True),
    _owner("run"),
    Column("track_id", Integer, nullable=False, comment="of the parent run"),
    Column("action", String, nullable=False),
    Column("start_s", Double, nullable=False),
    Column("stop_s", Double, nullable=False),
    Column("start_frame", Integer, nullable=False),
    Column("stop_frame", Integer, nullable=False),
    Column("score", Double, nullable=False),
    Column("evidence", Text, comment="what spoke for it, in words with numbers and thresholds; NULL: not kept"),
    Index("ix_bout_run", "run_id", "track_id", "start_frame"),
)
"""What the machine says; both frames are inside (see `behavior.labels`)."""

repetition = Table(
    "repetition",
    metadata,
    _owner("run", primary_key=True),
    Column("track_id", Integer, primary_key=True, autoincrement=False, comment="of the parent run"),
    Column("action", String, primary_key=True),
    Column("start_s", Double, primary_key=True, autoincrement=False),
    Column("stop_s", Double, nullable=False),
    Column("amplitude", Double, nullable=False),
    Column("unit", String, nullable=False, comment="of the amplitude, and what moves by it"),
    sqlite_with_rowid=False,
)
"""The repetitions of an exercise, each within a bout of the same person and action."""

probability = Table(
    "probability",
    metadata,
    _owner("run", primary_key=True),
    Column("track_id", Integer, primary_key=True, autoincrement=False, comment="of the parent run"),
    Column("actions", JSON, nullable=False, comment="names, in the order of the thousandths"),
    Column("frames", LargeBinary, nullable=False, comment="deflated int32, little-endian: steps from number to number"),
    Column(
        "thousandths", LargeBinary, nullable=False, comment="deflated int16: steps, action by action; -1: not known"
    ),
)
"""How likely an action model thought each action of a person at some frames; see `probabilities.py`."""

annotation_source = Table(
    "annotation_source",
    metadata,
    Column("id", Integer, primary_key=True),
    _owner("recording"),
    Column("coder", String, comment="who coded it, where the file says"),
    Column("uri", String, nullable=False, comment="the file"),
    Column("sha256", String, nullable=False),
    Column("format", String, nullable=False),
    Column("added", UtcDateTime, nullable=False),
    Column(
        "whole",
        Boolean,
        nullable=False,
        server_default=true(),
        comment="whether its people are coded all the time, or only where they have a label",
    ),
    UniqueConstraint("recording_id", "sha256"),
)

annotation = Table(
    "annotation",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source_id", Integer, ForeignKey("annotation_source.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("subject", String, comment="as the human calls the person; NULL: nobody in particular"),
    Column("track_id", Integer, comment="the track that was matched to the subject"),
    Column("action", String, nullable=False),
    Column("start_s", Double, nullable=False),
    Column("stop_s", Double, nullable=False),
    Column("is_point", Boolean, nullable=False, comment="an event without duration"),
    Column("comment", Text),
)
"""What a human says; never mixed with `bout`."""

scene = Table(
    "scene",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("fingerprint", String, nullable=False, unique=True, comment="sha256 of all that decides the result"),
    Column("calibration_uri", String, nullable=False),
    Column("calibration_sha256", String, nullable=False),
    Column("settings", JSON, nullable=False),
    Column("version", String, nullable=False, comment="of posescribe"),
    Column("made", UtcDateTime, nullable=False),
)
"""People in space, out of several recordings; metres, in the axes of the calibration."""

scene_view = Table(
    "scene_view",
    metadata,
    _owner("scene", primary_key=True),
    Column("camera", String, primary_key=True, comment="as the calibration calls it"),
    Column("track_run_id", Integer, ForeignKey("run.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("offset_s", Double, nullable=False, comment="added to the recording's own time"),
    Column("fit", String, comment="how the picture differs from the calibration's; NULL: it does not"),
)

scene_member = Table(
    "scene_member",
    metadata,
    _owner("scene", primary_key=True),
    Column("person", Integer, primary_key=True, autoincrement=False),
    Column("camera", String, primary_key=True),
    Column("track_id", Integer, primary_key=True, autoincrement=False, comment="of the view's track run"),
    sqlite_with_rowid=False,
)
"""Which track of which camera is of whom."""

position = Table(
    "position",
    metadata,
    _owner("scene", primary_key=True),
    Column("person", Integer, primary_key=True, autoincrement=False),
    Column("frame", Integer, primary_key=True, autoincrement=False, comment="of the recording that gives the times"),
    Column("joint", String, primary_key=True),
    Column("time_s", Double, nullable=False),
    Column("x", Double, nullable=False),
    Column("y", Double, nullable=False),
    Column("z", Double, nullable=False),
    Column("error_px", Double, nullable=False, comment="mean over the views that count"),
    Column("n_views", Integer, nullable=False),
    sqlite_with_rowid=False,
)


synchrony = Table(
    "synchrony",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("reference_id", Integer, ForeignKey("recording.id", ondelete="CASCADE"), nullable=False, unique=True),
    Column("settings", JSON, nullable=False),
    Column("version", String, nullable=False, comment="of posescribe"),
    Column("made", UtcDateTime, nullable=False),
)
"""Offsets that were found to the clock of one recording."""

clock_offset = Table(
    "clock_offset",
    metadata,
    _owner("synchrony", primary_key=True),
    Column("recording_id", Integer, ForeignKey("recording.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("offset_s", Double, nullable=False, comment="added to the recording's own time gives the reference's"),
    Column("error_s", Double, nullable=False, comment="standard error"),
    Column("correlation", Double, nullable=False, comment="of the speeds at this offset"),
)


current_run = table(
    "current_run",
    *(column(name, Integer) for name in ("recording_id", "pose_run_id", "track_run_id", "actions_run_id")),
)
"""View: the runs that count, one row per recording with tracks (see `runs.current`); made in `migrations.py`."""


# --- one table and one view per skeleton ---------------------------------------------------------------------------

KEY_COLUMNS = ("run_id", "frame", "person", "score")
"""What stands before the joints in a keypoint table."""


def _identifier(text: str) -> str:
    """Lower-case letters, digits and underscores."""
    return re.sub(r"\W+", "_", text.lower()).strip("_")


def joint_columns(joints: Sequence[str]) -> list[str]:
    """The 3 K column names of K joints: `<joint>_x`, `<joint>_y`, `<joint>_confidence`, joint after joint.

    A name that is empty, too long for PostgreSQL or not unique once its signs are replaced by `_` gives way to
    `joint_<index>`.
    """
    stems = [_identifier(joint) for joint in joints]
    safe = [
        stem if stem and len(stem.encode()) <= 50 and stems.count(stem) == 1 else f"joint_{index}"
        for index, stem in enumerate(stems)
    ]
    return [f"{stem}_{part}" for stem in safe for part in ("x", "y", "confidence")]


def keypoint_table_name(skeleton_name: str) -> str:
    """`keypoints_<skeleton>`."""
    return f"keypoints_{_identifier(skeleton_name)}"


def tracked_view_name(skeleton_name: str) -> str:
    """`tracked_<skeleton>`."""
    return f"tracked_{_identifier(skeleton_name)}"


@cache
def keypoint_table(skeleton_name: str, joints: tuple[str, ...]) -> Table:
    """The table of one skeleton: a row per person and frame, 3 columns of 32-bit floats per joint."""
    return Table(
        keypoint_table_name(skeleton_name),
        MetaData(),
        Column("run_id", Integer, ForeignKey(run.c.id, ondelete="CASCADE"), primary_key=True),
        Column("frame", Integer, primary_key=True, autoincrement=False),
        Column("person", Integer, primary_key=True, autoincrement=False),
        Column("score", Double, nullable=False),
        *(Column(name, REAL) for name in joint_columns(joints)),
        sqlite_with_rowid=False,
    )


def tracked(keypoints: Table) -> Select[Any]:
    """The people that belong to a track: run_id (of the track run), track_id, frame, time_s, person, score, joints."""
    return (
        select(
            membership.c.run_id,
            membership.c.track_id,
            membership.c.frame,
            frame.c.time_s,
            *keypoints.c[2:],
        )
        .select_from(membership)
        .join(run, run.c.id == membership.c.run_id)
        .join(frame, (frame.c.run_id == run.c.parent_id) & (frame.c.frame == membership.c.frame))
        .join(
            keypoints,
            (keypoints.c.run_id == run.c.parent_id)
            & (keypoints.c.frame == membership.c.frame)
            & (keypoints.c.person == membership.c.person),
        )
        .where(membership.c.track_id.is_not(None))
    )
