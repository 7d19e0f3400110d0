"""What was filmed: one row per file, folder or session of a camera."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from sqlalchemy import Connection, insert, select, update

from storage import schema
from storage.errors import MissingError

Clock = Literal["source", "given", "assumed"]
"""Whose the times of a recording are: its own, the user's (a rate or a list of times), or those of an assumed rate."""


@dataclass(frozen=True)
class Recording:
    """One source.

    Attributes:
        id: key in the database.
        name: short name, e.g. of the file.
        uri: where it was last seen.
        kind: image, folder, video, webcam or stream; `keypoints` for what was imported without pictures.
        sha256: of the file (folder: of its names and contents); None for live sources.
        width, height: pixels.
        fps: nominal rate, for display only; None when unknown.
        duration_s: seconds; None when unknown.
        n_frames: estimate of the container; None when unknown.
        offset_s: what a player's clock shows at time 0, seconds; None when unknown.
        clock: whose the times are; None when unknown.
    """

    id: int
    name: str
    uri: str
    kind: str
    sha256: str | None
    width: int
    height: int
    fps: float | None
    duration_s: float | None
    n_frames: int | None
    offset_s: float | None = None
    clock: Clock | None = None


_COLUMNS = [schema.recording.c[name] for name in Recording.__annotations__]


def ensure_recording(
    tx: Connection,
    *,
    name: str,
    uri: str,
    kind: str,
    sha256: str | None,
    width: int,
    height: int,
    fps: float | None = None,
    duration_s: float | None = None,
    n_frames: int | None = None,
    offset_s: float | None = None,
    clock: Clock | None = None,
) -> int:
    """The recording's key.

    The same content under the same name is the same recording, wherever it lies now and whatever clock it is read by:
    the row tells the last. A live source (`sha256` None) is a new recording each time.
    """
    table = schema.recording
    same = (table.c.sha256 == sha256) & (table.c.name == name)
    known: int | None = None if sha256 is None else tx.scalar(select(table.c.id).where(same))
    if known is not None:
        news = {"uri": uri, "offset_s": offset_s, "clock": clock}
        told = {name: value for name, value in news.items() if value is not None}
        tx.execute(update(table).where(table.c.id == known).values(told))
        return known
    values = {
        "name": name, "uri": uri, "kind": kind, "sha256": sha256, "width": width, "height": height, "fps": fps,
        "duration_s": duration_s, "n_frames": n_frames, "offset_s": offset_s, "clock": clock,
        "added": datetime.now(UTC),
    }  # fmt: skip
    return int(tx.execute(insert(table).values(values).returning(table.c.id)).scalar_one())


def get_recording(tx: Connection, recording_id: int) -> Recording:
    """Raises `MissingError`."""
    row = tx.execute(select(*_COLUMNS).where(schema.recording.c.id == recording_id)).one_or_none()
    if row is None:
        raise MissingError(f"no recording {recording_id} in the database")
    return Recording(*row)


def list_recordings(tx: Connection) -> list[Recording]:
    """All, in the order in which they were added."""
    return [Recording(*row) for row in tx.execute(select(*_COLUMNS).order_by(schema.recording.c.id))]
