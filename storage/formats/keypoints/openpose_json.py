"""OpenPose's JSON, version 1.3: one file per frame.

Facts from OpenPose's `peopleJsonSaver` and `fileStream`: the file is `<name>_<12-digit frame>_keypoints.json`; a joint
that was not found is 0, 0, 0; `person_id` is a list, -1 or empty without tracking; no people is an empty list. Older
versions lack some keys. Hands and face stand beside the body; they are written empty and not read.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pose.people import FramePeople, Person
from pose.skeleton import BODY_25, COCO_17, COCO_18, Skeleton
from storage.database import Database
from storage.errors import ExchangeError, StorageError
from storage.formats.keypoints.content import (
    Clock,
    Keypoints,
    Values,
    array_of,
    integer_of,
    layout,
    needed,
    person_of,
    read_json,
)
from storage.recordings import folder_name, get_recording
from storage.runs import get_run
from storage.tracks import iter_identified_frames

_EMPTY = (
    "face_keypoints_2d",
    "hand_left_keypoints_2d",
    "hand_right_keypoints_2d",
    "pose_keypoints_3d",
    "face_keypoints_3d",
    "hand_left_keypoints_3d",
    "hand_right_keypoints_3d",
)
_MPI_15 = (
    "Head", "Neck", "RShoulder", "RElbow", "RWrist", "LShoulder", "LElbow", "LWrist", "RHip", "RKnee", "RAnkle",
    "LHip", "LKnee", "LAnkle", "Chest",
)  # fmt: skip
_FILE = re.compile(r"(.*)_(\d{12})_keypoints(_\d+)?\.json")


def frame_json(people: Iterable[Person]) -> str:
    """One frame's file; keypoints in pixels to three decimals, in the order of the skeleton."""
    return json.dumps(
        {
            "version": 1.3,
            "people": [
                {
                    "person_id": [-1 if person.track_id is None else person.track_id],
                    "pose_keypoints_2d": [round(float(v), 3) for v in np.nan_to_num(person.keypoints).ravel()],
                    **{key: [] for key in _EMPTY},
                }
                for person in people
            ],
        },
        separators=(",", ":"),
    )


def write_openpose_json(frames: Iterable[FramePeople], folder: Path, name: str) -> int:
    """A file for each frame, also for those without people; gives their number.

    Raises `StorageError` when the folder can't be written.
    """
    count = 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for frame in frames:
            path = folder / f"{name}_{frame.index:012d}_keypoints.json"
            part = path.with_suffix(".part")
            part.write_text(frame_json(frame.people), encoding="utf-8")
            os.replace(part, path)
            count += 1
    except OSError as error:
        raise StorageError(
            f"{folder}: can't be written ({error.strerror or error}); choose another --out folder"
        ) from error
    return count


def write(database: Database, track_run_id: int, path: Path) -> list[Path]:
    """The folder `path` with a file per frame: all people, `person_id` -1 for those of no track."""
    with database.reading() as tx:
        name = get_recording(tx, get_run(tx, track_run_id).recording_id).name
    write_openpose_json(iter_identified_frames(database, track_run_id), path, folder_name(name))
    return [path]


def is_openpose(path: Path) -> bool:
    """Whether a folder holds such files."""
    return any(_FILE.fullmatch(file.name) for file in path.iterdir())


def read(path: Path, clock: Clock | None = None, *, name: str | None = None) -> Keypoints:
    """The body keypoints of a folder of such files, or of one file.

    Args:
        path: the folder or file.
        clock: time of a frame; the format has none.
        name: which video, where the folder holds several.

    Raises:
        ExchangeError: a file is broken or not as the format says.
    """
    clock = needed(clock, path)
    files = _files(path, name)
    skeleton, order = _layout(files, path)
    notes: list[str] = []
    frames = _frames(files, clock, len(order), Values(skeleton, order, notes), notes)
    return Keypoints("OpenPose JSON", skeleton, frames, notes=notes)


def _files(path: Path, name: str | None) -> dict[int, Path]:
    found: dict[str, dict[int, Path]] = {}
    for file in sorted(path.iterdir()) if path.is_dir() else [path]:
        match = _FILE.fullmatch(file.name)
        if match is None:
            continue
        if match[3]:
            raise ExchangeError(f"{file}: is of a second camera; import a folder with the files of one camera")
        found.setdefault(match[1], {})[int(match[2])] = file
    if not found:
        if path.is_file():
            return {0: path}
        raise ExchangeError(f"{path}: holds no file called <name>_<12 digits>_keypoints.json")
    if len(found) > 1:
        if name not in found:
            raise ExchangeError(f"{path}: holds files of several videos ({', '.join(found)}); choose one with --name")
        return found[name]
    return next(iter(found.values()))


def _layout(files: dict[int, Path], path: Path) -> tuple[Skeleton, Any]:
    """By the number of keypoints of the first person; without any person it can't matter."""
    for file in files.values():
        for person in _people(file):
            size = len(array_of(person.get("pose_keypoints_2d"), f"{file}: pose_keypoints_2d", 3))
            known = {17: COCO_17.joints, 18: COCO_18.joints, 25: BODY_25.joints, 15: _MPI_15}
            if size not in known:
                raise ExchangeError(
                    f"{file}: pose_keypoints_2d has {size} joints, expected 17 or 18 (COCO), 25 (BODY_25) or 15 (MPI)"
                )
            return layout(known[size], (), path)
    return layout(COCO_18.joints, (), path)


def _people(file: Path) -> list[dict[str, Any]]:
    content = read_json(file)
    people = content.get("people") if isinstance(content, dict) else None
    if not isinstance(people, list) or not all(isinstance(person, dict) for person in people):
        raise ExchangeError(f'{file}: has no list "people" of objects, expected OpenPose\'s JSON')
    return people


def _frames(
    files: dict[int, Path], clock: Clock, n_joints: int, values: Values, notes: list[str]
) -> Iterator[FramePeople]:
    for index in sorted(files):
        file = files[index]
        people = []
        for number, person in enumerate(_people(file)):
            where = f"{file}: person {number}"
            points = array_of(person.get("pose_keypoints_2d"), f"{where}: pose_keypoints_2d", 3)
            if len(points) != n_joints:
                raise ExchangeError(f"{where}: has {len(points)} joints, expected {n_joints} as in the files before")
            if any(person.get(key) for key in _EMPTY[:3]):
                note = "Hands and face were left out."
                if note not in notes:
                    notes.append(note)
            keypoints = values.people(points[:, :2], points[:, 2], _joint_of(where))
            found = person_of(keypoints, None, _identity(person.get("person_id"), where), values.skeleton)
            if found is not None:
                people.append(found)
        yield FramePeople(index, clock(index), tuple(people))


def _joint_of(where: str) -> Callable[[tuple[int, ...], int], str]:
    return lambda _, joint: f"{where}: joint {joint}"


def _identity(value: Any, where: str) -> int | None:
    if isinstance(value, list):
        value = value[0] if value else None
    if value is None:
        return None
    number = integer_of(value, f"{where}: person_id")
    return None if number < 0 else number
