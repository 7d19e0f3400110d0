"""What was filmed: one row per file, folder or session of a camera."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
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
    Where another recording has the name already, the new one is called `<name>-2`, `-3`, ...
    """
    table = schema.recording
    known = list_recordings(tx)
    for one in known:
        if sha256 is not None and one.sha256 == sha256 and is_numbered(one.name, name):
            news = {"uri": uri, "fps": fps, "duration_s": duration_s, "offset_s": offset_s, "clock": clock}
            told = {column: value for column, value in news.items() if value is not None}
            tx.execute(update(table).where(table.c.id == one.id).values(told))
            return one.id
    free = free_name(name, {one.name for one in known})
    values = {
        "name": free, "uri": uri, "kind": kind, "sha256": sha256, "width": width, "height": height, "fps": fps,
        "duration_s": duration_s, "n_frames": n_frames, "offset_s": offset_s, "clock": clock,
        "added": datetime.now(UTC),
    }  # fmt: skip
    return int(tx.execute(insert(table).values(values).returning(table.c.id)).scalar_one())


def free_name(name: str, taken: Collection[str]) -> str:
    """The name, or `<name>-2`, `-3`, ... where others have it."""
    numbered = (f"{name}-{number}" for number in range(2, len(taken) + 3))
    return name if name not in taken else next(one for one in numbered if one not in taken)


def get_recording(tx: Connection, recording_id: int) -> Recording:
    """Raises `MissingError`."""
    row = tx.execute(select(*_COLUMNS).where(schema.recording.c.id == recording_id)).one_or_none()
    if row is None:
        raise MissingError(f"no recording {recording_id} in the database")
    return Recording(*row)


def added(tx: Connection, recording_id: int) -> datetime:
    """When a recording was entered, UTC; raises `MissingError`."""
    get_recording(tx, recording_id)
    query = select(schema.recording.c.added).where(schema.recording.c.id == recording_id)
    moment: datetime = tx.execute(query).scalar_one()
    return moment


def list_recordings(tx: Connection) -> list[Recording]:
    """All, in the order in which they were added."""
    return [Recording(*row) for row in tx.execute(select(*_COLUMNS).order_by(schema.recording.c.id))]


def select_recordings(tx: Connection, wanted: str | None) -> list[Recording]:
    """The recordings that a user means; all for None, none where nothing fits.

    The first that fits counts: the whole name, the folder of the results, the number in the database (`id`), the path,
    the name of the file with or without its suffix. Several when a database of an older version has two of one name.
    """
    known = list_recordings(tx)
    if wanted is None:
        return known
    folders = result_folders(known)
    for fits in (
        lambda one: one.name == wanted,
        lambda one: folders[one.id] == wanted,
        lambda one: str(one.id) == wanted,
        lambda one: one.uri in (wanted, os.path.abspath(wanted)),
        lambda one: wanted in (Path(one.uri).name, Path(one.uri).stem),
    ):
        if found := [one for one in known if fits(one)]:
            return found
    return []


def result_folders(known: Sequence[Recording]) -> dict[int, str]:
    """By `id`, the name of the folder that each recording's results go to; no two are the same in any file system.

    That is the recording's name, made harmless. Where an earlier recording has it, a mark follows.
    """
    folders: dict[int, str] = {}
    taken: set[str] = set()
    for one in known:
        name = folder_name(one.name)
        if name.casefold() in taken:
            name = f"{name}-{one.sha256[:8] if one.sha256 else one.id}"
        taken.add(name.casefold())
        folders[one.id] = name
    return folders


_NOT_IN_NAMES = re.compile(r"[\x00-\x1f\x7f/\\" + ('<>:"|?*' if os.name == "nt" else "") + "]")
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))}


def folder_name(name: str) -> str:
    """A recording's name as the name of one file or folder; a name that is one already stays as it is.

    Separators and control characters become `_`, as do names of dots alone; Windows' devices (`con`) get one in front.
    """
    safe = _NOT_IN_NAMES.sub("_", name)
    if os.name == "nt":
        safe = safe.rstrip(". ")
    if not safe.strip(". "):
        return "_"
    return f"_{safe}" if safe.split(".")[0].strip().casefold() in _DEVICES else safe


def is_numbered(name: str, plain: str) -> bool:
    """Whether a recording that is called `plain` may have got this name by `free_name`."""
    return name == plain or re.fullmatch(re.escape(plain) + r"-\d+", name) is not None
