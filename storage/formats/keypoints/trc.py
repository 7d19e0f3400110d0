"""TRC, the marker files of OpenSim and Pose2Sim: text, tab-separated, one person in a file.

Facts from OpenSim's TRCFileAdapter and Pose2Sim's writer: line 1 names the file; lines 2 and 3 are DataRate,
CameraRate, NumFrames, NumMarkers, Units, OrigDataRate, OrigDataStartFrame, OrigNumFrames; line 4 is `Frame#`, `Time`
and each marker above three columns, which line 5 numbers (X1, Y1, Z1, ...). An empty cell is a marker not seen.

Positions in the image are in px, y down, and Z is 0. Positions in space are written in m, and not read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pose.people import FramePeople
from pose.tables import frame_rate
from storage.database import Database
from storage.errors import ExchangeError
from storage.formats.keypoints.content import Clock, Keypoints, Values, layout, person_of, read_text
from storage.formats.keypoints.writing import Tracked, replacing
from storage.tracks import read_track


def write(database: Database, track_run_id: int, path: Path) -> list[Path]:
    """`path` for one person, `<stem>_<person>.trc` beside it for each of several; a row per frame, Z = 0 throughout."""
    tracked = Tracked.load(database, track_run_id)
    tracked.require_people("trc")
    return [
        _write_person(tracked, track.track_id, target)
        for track, target in zip(tracked.tracks, tracked.paths(path, ".trc"), strict=True)
    ]


def _write_person(tracked: Tracked, track_id: int, path: Path) -> Path:
    with tracked.database.reading() as tx:
        person = read_track(tx, tracked.run_id, track_id)
    points = np.full((len(tracked.frames), len(tracked.skeleton), 2), np.nan, dtype=np.float32)
    points[np.searchsorted(tracked.frames, person.frames)] = person.keypoints[..., :2]
    rows = [[("", "", "") if math.isnan(x) else (str(x), str(y), "0") for x, y in row] for row in points]
    _write_rows(path, tracked.skeleton.joints, tracked.frames, tracked.time_s, rows, "px", tracked.fps)
    return path


def write_space(
    path: Path, joints: Sequence[str], frames: NDArray[np.int64], time_s: NDArray[np.float64],
    points: NDArray[np.float64],
) -> None:  # fmt: skip
    """One person in space.

    Args:
        path: the file.
        joints: K names.
        frames, time_s: (n,) numbers and times, seconds.
        points: (n, K, 3) metres; NaN where missing. The axes go into the file as they are.

    Raises:
        ExchangeError: the file can't be written.
    """
    rows = [[("", "", "") if np.isnan(point).any() else tuple(map(repr, point)) for point in row.tolist()]
            for row in points]  # fmt: skip
    _write_rows(path, joints, frames, time_s, rows, "m", frame_rate(frames, time_s))


def _write_rows(
    path: Path, joints: Sequence[str], frames: NDArray[np.int64], time_s: NDArray[np.float64],
    rows: Sequence[Sequence[tuple[str, ...]]], unit: str, fps: float | None,
) -> None:  # fmt: skip
    # The numbers in the heading must be there; of uneven times it is the mean rate, the times are exact.
    span = float(time_s[-1] - time_s[0])
    rate = fps or (round((len(time_s) - 1) / span, 6) if span > 0 else 1.0)
    first, n = int(frames[0]), len(frames)
    heading = [
        ["PathFileType", "4", "(X/Y/Z)", path.name],
        ["DataRate", "CameraRate", "NumFrames", "NumMarkers", "Units", "OrigDataRate", "OrigDataStartFrame",
         "OrigNumFrames"],
        [f"{rate:g}", f"{rate:g}", str(n), str(len(joints)), unit, f"{rate:g}", str(first), str(n)],
        ["Frame#", "Time", *(cell for joint in joints for cell in (joint, "", ""))],
        ["", "", *(f"{axis}{number}" for number in range(1, len(joints) + 1) for axis in "XYZ")],
        [],
    ]  # fmt: skip
    with replacing(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        file.writelines("\t".join(row) + "\n" for row in heading)
        for frame, time, row in zip(frames.tolist(), time_s.tolist(), rows, strict=True):
            file.write("\t".join([str(frame), repr(time), *(cell for three in row for cell in three)]) + "\n")


def read(path: Path, clock: Clock | None = None) -> Keypoints:
    """The person of a file in px, with the file's times unless there is a clock. Raises `ExchangeError`."""
    lines = read_text(path).splitlines()
    rows = [line.split("\t") for line in lines]
    if len(rows) < 5 or not rows[0][0].startswith("PathFileType") or not rows[3][0].startswith("Frame#"):
        raise ExchangeError(f"{path}: no heading of a TRC file, expected PathFileType, its values and Frame#")
    told = dict(zip(rows[1], rows[2], strict=False))
    if (unit := told.get("Units", "").strip()) != "px":
        raise ExchangeError(f"{path}: Units is {unit[:20]!r}: positions in space; only px are read")
    joints = [cell.strip() for cell in rows[3][2:] if cell.strip()]
    skeleton, order = layout(joints, (), path)
    notes: list[str] = []
    values = Values(skeleton, order, notes)
    body = [(number, row) for number, row in enumerate(rows[5:], start=6) if any(cell.strip() for cell in row)]
    if told.get("NumFrames", "").strip() != str(len(body)):
        raise ExchangeError(f"{path}: has {len(body)} frames, the heading says {told.get('NumFrames')}; is it cut off?")

    def walk() -> Iterator[FramePeople]:
        for number, row in body:
            where = f"{path}: line {number}"
            if len(row) > 2 + 3 * len(joints) and any(cell.strip() for cell in row[2 + 3 * len(joints) :]):
                raise ExchangeError(f"{where}: has {len(row)} cells, expected {2 + 3 * len(joints)}")
            if not re.fullmatch(r"\d{1,9}", row[0].strip()):
                raise ExchangeError(f"{where}: {row[0][:20]!r} is no frame, expected a number from 0")
            cells = [*row[1 : 2 + 3 * len(joints)], *[""] * (1 + 3 * len(joints))][: 1 + 3 * len(joints)]
            try:
                time_s, *flat = (float(cell) if cell.strip() else math.nan for cell in cells)
            except ValueError as error:
                raise ExchangeError(f"{where}: {error}") from error
            points = np.array(flat).reshape(len(joints), 3)
            if (np.abs(points[:, 2]) > 0).any():
                raise ExchangeError(f"{where}: Z is not 0: positions in space; only those in the image are read")
            frame = int(row[0])
            keypoints = values.people(points[:, :2], None, partial(_where, where, joints))
            person = person_of(keypoints, None, 1, skeleton)
            yield FramePeople(frame, clock(frame) if clock else time_s, () if person is None else (person,))

    return Keypoints("TRC", skeleton, walk(), notes=notes)


def _where(line: str, joints: Sequence[str], _: tuple[int, ...], joint: int) -> str:
    return f"{line}: {joints[joint]}"
