"""OpenPose's JSON, version 1.3: one file per frame.

Other names are read, too: `<image>_keypoints.json`, as `openpose --image_dir` gives them, and `<name>_<digits>.json`,
as Pose2Sim and Sports2D do. Versions 1.0 and 1.1 call the body's joints `pose_keypoints`.

Facts from OpenPose's `peopleJsonSaver` and `fileStream`: the file is `<name>_<12-digit frame>_keypoints.json`; a joint
that was not found is 0, 0, 0; `person_id` is a list, -1 or empty without tracking; no people is an empty list. Older
versions lack some keys. Hands and face stand beside the body, empty where they were not looked for.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pose.parts import FACE_70, hand_joints, n_body_joints
from pose.people import FramePeople, Person
from pose.skeleton import COCO_18, MPI_15, Skeleton
from storage.database import Database
from storage.errors import ExchangeError, StorageError
from storage.formats.keypoints.content import (
    NUMBERS,
    Clock,
    Keypoints,
    Values,
    array_of,
    integer_of,
    json_files,
    layout,
    names_of,
    needed,
    person_of,
    read_json,
)
from storage.recordings import folder_name, get_recording
from storage.runs import get_run
from storage.tracks import iter_identified_frames

_HANDS = {f"hand_{side}_keypoints_2d": hand_joints(side) for side in ("left", "right")}
_FACE = {"face_keypoints_2d": FACE_70.joints}
_PARTS = _HANDS | _FACE
_EMPTY = ("pose_keypoints_3d", "face_keypoints_3d", "hand_left_keypoints_3d", "hand_right_keypoints_3d")
_FILE = re.compile(r"(.*)_(\d{12})_keypoints(_\d+)?\.json")


def frame_json(people: Iterable[Person]) -> str:
    """One frame's file; keypoints in pixels to three decimals, in the order of the skeleton."""
    return json.dumps(
        {
            "version": 1.3,
            "people": [
                {
                    "person_id": [-1 if person.track_id is None else person.track_id],
                    **{key: _flat(points) for key, points in _split(person).items()},
                    **{key: [] for key in _EMPTY},
                }
                for person in people
            ],
        },
        separators=(",", ":"),
    )


def _split(person: Person) -> dict[str, NDArray[np.float32]]:
    """(n, 3) joints by key: the body's, then those of face and hands, none where they were not looked for."""
    nothing = person.keypoints[:0]
    left, right = (nothing, nothing) if person.hands is None else person.hands
    parts = (nothing if person.face is None else person.face, left, right)
    body = person.keypoints[: n_body_joints(person.skeleton.joints)]
    return dict(zip(("pose_keypoints_2d", *_FACE, *_HANDS), (body, *parts), strict=True))


def _flat(points: NDArray[np.float32]) -> list[float]:
    return [round(float(value), 3) for value in np.nan_to_num(points).ravel()]


def write_openpose_json(
    frames: Iterable[FramePeople], folder: Path, name: str, images: Mapping[int, str] | None = None
) -> int:
    """A file for each frame, also for those without people; gives their number.

    `<name>_<12-digit frame>_keypoints.json` or, for frames of `images`, `<image>_keypoints.json`.

    Raises `StorageError` when the folder can't be written.
    """
    count = 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for frame in frames:
            called = images.get(frame.index) if images else None
            path = folder / f"{called or f'{name}_{frame.index:012d}'}_keypoints.json"
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
    files = json_files(path)
    if any(file.name.endswith("_keypoints.json") or _FILE.fullmatch(file.name) for file in files):
        return True
    try:
        content = read_json(files[0]) if files else None
    except ExchangeError:
        return False
    return isinstance(content, dict) and "people" in content


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
    notes: list[str] = []
    files = _files(path, name, notes)
    skeleton, order, size, keys = _layout(files, path)
    frames = _frames(files, clock, size, keys, Values(skeleton, order, notes), notes)
    return Keypoints("OpenPose JSON", skeleton, frames, notes=notes)


def _files(path: Path, name: str | None, notes: list[str]) -> dict[int, Path]:
    """The files by frame."""
    files = json_files(path) if path.is_dir() else [path]
    found: dict[str, dict[int, Path]] = {}
    for file in files:
        match = _FILE.fullmatch(file.name)
        if match is None:
            continue
        if match[3]:
            raise ExchangeError(f"{file}: is of a second camera; import a folder with the files of one camera")
        found.setdefault(match[1], {})[int(match[2])] = file
    if not found:
        if path.is_file():
            return {0: path}
        pictures = [file for file in files if file.name.endswith("_keypoints.json")]
        found = _series(pictures or files)
        if pictures and (not found or (any(len(some) == 1 for some in found.values()) and len(found) > 1)):
            notes.append("The images' names do not count frames; they were taken in their natural order.")
            return dict(enumerate(pictures))
    if not found:
        raise ExchangeError(
            f"{path}: holds no file called <name>_<12 digits>_keypoints.json, "
            "<image>_keypoints.json or <name>_<number>.json"
        )
    if len(found) > 1:
        if name not in found:
            raise ExchangeError(f"{path}: holds files of several videos ({', '.join(found)}); choose one with --name")
        return found[name]
    return next(iter(found.values()))


def _series(files: Iterable[Path]) -> dict[str, dict[int, Path]]:
    """Files by what stands around the last number of their names, then by it; none where that tells them not apart."""
    found: dict[str, dict[int, Path]] = {}
    for file in files:
        match = re.fullmatch(r"(.*?)(\d{1,9})(\D*)", file.stem.removesuffix("_keypoints"), re.DOTALL)
        if match is None:
            return {}
        some = found.setdefault(match[1].rstrip("_-. ") + match[3], {})
        if int(match[2]) in some:
            return {}
        some[int(match[2])] = file
    return {name: dict(sorted(some.items())) for name, some in found.items()}


def _layout(files: dict[int, Path], path: Path) -> tuple[Skeleton, Any, int, tuple[str, ...]]:
    """By the first person, whose number of joints comes too, and the keys of hands and face that are read.

    Without any person it can't matter.
    """
    for file in files.values():
        for person in _people(file):
            size = len(_body(person, str(file)))
            joints = MPI_15.joints if size == len(MPI_15) else names_of(size)
            if joints is None:
                raise ExchangeError(f"{file}: pose_keypoints_2d has {size} joints, expected {NUMBERS} or 15 (MPI)")
            keys: tuple[str, ...] = ()
            if FACE_70.joints[0] not in joints:
                found = [part for part in (_HANDS, _FACE) if any(_has_part(person, key) for key in part)]
                keys = tuple(key for part in found for key in part)
            return *layout([*joints, *(joint for key in keys for joint in _PARTS[key])], (), path), size, keys
    return *layout(COCO_18.joints, (), path), len(COCO_18), ()


def _body(person: dict[str, Any], where: str) -> Any:
    key = "pose_keypoints" if "pose_keypoints_2d" not in person and "pose_keypoints" in person else "pose_keypoints_2d"
    return array_of(person.get(key), f"{where}: {key}", 3)


def _has_part(person: dict[str, Any], key: str) -> bool:
    """Whether a person has all numbers of a hand or a face, which may be zeros."""
    values = person.get(key)
    return isinstance(values, list) and len(values) == 3 * len(_PARTS[key])


def _people(file: Path) -> list[dict[str, Any]]:
    content = read_json(file)
    people = content.get("people") if isinstance(content, dict) else None
    if not isinstance(people, list) or not all(isinstance(person, dict) for person in people):
        raise ExchangeError(f'{file}: has no list "people" of objects, expected OpenPose\'s JSON')
    return people


def _frames(
    files: dict[int, Path], clock: Clock, n_joints: int, keys: tuple[str, ...], values: Values, notes: list[str]
) -> Iterator[FramePeople]:
    for index in sorted(files):
        file = files[index]
        people = []
        for number, person in enumerate(_people(file)):
            where = f"{file}: person {number}"
            points = _body(person, where)
            if len(points) != n_joints:
                raise ExchangeError(f"{where}: has {len(points)} joints, expected {n_joints} as in the files before")
            for key, joints in _PARTS.items():
                if key in keys:
                    there = _has_part(person, key)
                    part = array_of(person[key], f"{where}: {key}", 3) if there else np.zeros((len(joints), 3))
                    points = np.concatenate([points, part])
                elif person.get(key):
                    note = "Hands and face were left out: the first person has none, or they are of another layout."
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
