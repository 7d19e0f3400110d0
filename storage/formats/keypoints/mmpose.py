"""MMPose's predictions: JSON with the people (`instances`) of each frame.

Facts from MMPose's demo scripts (an object with `meta_info`, the data set's, and `instance_info`, frames from 1) and
from its inferencer, which writes `predictions/*.json`: of a video a list, frames from 0, of an image its instances
alone. An instance has `keypoints` [[x, y], ...], `keypoint_scores`, `bbox` [[x0, y0, x1, y1]], `bbox_score` and, at
times, `track_id`. The data set `coco_wholebody` has COCO-WholeBody's 133 joints.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pose.parts import part_slices
from pose.people import FramePeople, Person
from pose.skeleton import COCO_17, Skeleton
from storage.database import Database
from storage.errors import ExchangeError
from storage.formats.keypoints.content import (
    NUMBERS,
    Clock,
    Keypoints,
    Values,
    array_of,
    frame_numbers,
    integer_of,
    json_files,
    layout,
    names_of,
    needed,
    number_of,
    person_of,
    read_json,
)
from storage.formats.keypoints.wholebody import COCO_133, MMPOSE_133
from storage.formats.keypoints.writing import Tracked, points_of, replacing, short
from storage.tracks import iter_identified_frames


def write(database: Database, track_run_id: int, path: Path) -> list[Path]:
    """All people as the demo scripts write them, `keypoint_scores` 0 for a missing joint.

    Hands or a face make it `coco_wholebody`, which leaves out the joints that it does not have. COCO's 17 joints are
    `coco`; any other layout is its own.
    """
    tracked = Tracked.load(database, track_run_id)
    joints, meta = _dataset(tracked.skeleton)
    with replacing(path) as part, part.open("w", encoding="utf-8") as file:
        file.write(f'{{"meta_info": {json.dumps(meta)},\n"instance_info": [')
        for number, frame in enumerate(iter_identified_frames(database, track_run_id)):
            people = (_instance(person, joints) for person in frame.people)
            item = {"frame_id": frame.index + 1, "instances": [person for person in people if person is not None]}
            file.write((",\n" if number else "\n") + json.dumps(item, separators=(",", ":")))
        file.write("]}\n")
    return [path]


def _dataset(skeleton: Skeleton) -> tuple[tuple[str, ...], dict[str, Any]]:
    """The joints that are written, in order, and what MMPose tells of a data set."""
    if part_slices(skeleton.joints) != (None, None):
        name, joints, names = "coco_wholebody", COCO_133, MMPOSE_133
    elif set(COCO_17.joints) == set(skeleton.joints):
        name, joints, names = "coco", COCO_17.joints, COCO_17.joints
    else:
        name, joints, names = skeleton.name, skeleton.joints, skeleton.joints
    limbs = COCO_17.limbs if name == "coco" else skeleton.limbs
    return joints, {
        "dataset_name": name,
        "num_keypoints": len(names),
        "keypoint_id2name": dict(enumerate(names)),
        "keypoint_name2id": {joint: number for number, joint in enumerate(names)},
        "skeleton_links": [[joints.index(a), joints.index(b)] for a, b in limbs if a in joints and b in joints],
    }


def _instance(person: Person, joints: tuple[str, ...]) -> dict[str, Any] | None:
    points = points_of(person, joints)
    if not points[:, 2].any():
        return None
    return {
        "keypoints": points[:, :2].tolist(),
        "keypoint_scores": points[:, 2].tolist(),
        "bbox": [short(person.box).tolist()],
        "bbox_score": person.score,
        **({} if person.track_id is None else {"track_id": person.track_id}),
    }


def is_mmpose(content: Any) -> bool:
    """Whether JSON looks like MMPose's predictions."""
    if isinstance(content, dict):
        return "instance_info" in content
    first = content[0] if isinstance(content, list) and content else None
    return isinstance(first, dict) and ("instances" in first or {"keypoints", "keypoint_scores"} <= first.keys())


def is_folder(path: Path) -> bool:
    """Whether a folder holds predictions on images, a file each."""
    files = json_files(path)
    try:
        return any(is_mmpose(read_json(file)) for file in files)
    except ExchangeError:
        return False


def read(path: Path, clock: Clock | None = None) -> Keypoints:
    """Predictions on a video, an image or, in a folder, images; the format has no time. Raises `ExchangeError`."""
    clock = needed(clock, path)
    notes: list[str] = []
    content = _images(path, notes) if path.is_dir() else read_json(path)
    from_one = isinstance(content, dict)
    meta = content.get("meta_info", {}) if isinstance(content, dict) else {}
    frames = content.get("instance_info") if isinstance(content, dict) else content
    if not isinstance(frames, list) or not isinstance(meta, dict) or not (is_mmpose(content) or path.is_dir()):
        raise ExchangeError(f"{path}: expected MMPose's list of frames with instances")
    if frames and isinstance(frames[0], dict) and "instances" not in frames[0]:
        frames = [{"frame_id": 0, "instances": frames}]
    names = _names(meta, frames, path)
    skeleton, order = layout(names, _limbs(meta, names), path)
    values = Values(skeleton, order, notes)

    def walk() -> Iterator[FramePeople]:
        for place, frame in enumerate(frames):
            where = f"{path}: entry {place}"
            if not isinstance(frame, dict) or not isinstance(frame.get("instances"), list):
                raise ExchangeError(f"{where}: expected an object with frame_id and a list of instances")
            index = integer_of(frame.get("frame_id"), f"{where}: frame_id") - from_one
            people = (
                _person(item, f"{where}: instance {number}", len(names), values)
                for number, item in enumerate(frame["instances"])
            )
            yield FramePeople(index, clock(index), tuple(person for person in people if person is not None))

    return Keypoints("MMPose", skeleton, walk(), notes=notes)


def _images(folder: Path, notes: list[str]) -> list[dict[str, Any]]:
    """The frames of a folder with a file for each image."""
    files = json_files(folder)
    numbers = frame_numbers([file.stem for file in files])
    if numbers is None:
        numbers = list(range(len(files)))
        notes.append("The images' names do not count frames; they were taken in their natural order.")
    frames = sorted(zip(numbers, files, strict=True))
    return [{"frame_id": number, "instances": read_json(file)} for number, file in frames]


def _person(item: Any, where: str, size: int, values: Values) -> Person | None:
    if not isinstance(item, dict):
        raise ExchangeError(f"{where}: expected an object")
    points = array_of(item.get("keypoints"), f"{where}: keypoints", 2)
    if len(points) != size:
        raise ExchangeError(f"{where}: has {len(points)} joints, expected {size}")
    confidence = None
    if item.get("keypoint_scores") is not None:
        confidence = array_of(item["keypoint_scores"], f"{where}: keypoint_scores", 1)[:, 0]
        if len(confidence) != size:
            raise ExchangeError(f"{where}: keypoint_scores has {len(confidence)} numbers, expected {size}")
    keypoints = values.people(points, confidence, lambda _, joint: f"{where}: joint {joint}")
    score = item.get("bbox_score")
    track = item.get("track_id")
    return person_of(
        keypoints,
        None if score is None else values.score(number_of(score, f"{where}: bbox_score")),
        None if track is None else integer_of(track, f"{where}: track_id"),
        values.skeleton,
    )


def _names(meta: dict[str, Any], frames: list[Any], path: Path) -> list[str]:
    """The names of a person's joints: as `meta_info` tells or, where it doesn't, by their number."""
    known = meta.get("keypoint_id2name")
    if isinstance(known, dict):
        try:
            return [str(known[str(number)]) for number in range(len(known))]
        except KeyError as error:
            raise ExchangeError(f"{path}: meta_info: keypoint_id2name lacks joint {error}") from error
    for place, frame in enumerate(frames):
        instances = frame.get("instances") if isinstance(frame, dict) else None
        for item in instances if isinstance(instances, list) else []:
            keypoints = item.get("keypoints") if isinstance(item, dict) else None
            size = len(keypoints) if isinstance(keypoints, list) else 0
            joints = names_of(size)
            if joints is None:
                raise ExchangeError(
                    f"{path}: entry {place} has {size} joints, expected {NUMBERS}, or meta_info that names them"
                )
            return list(joints)
    return list(COCO_17.joints)


def _limbs(meta: dict[str, Any], names: list[str]) -> list[tuple[str, str]]:
    links = meta.get("skeleton_links")
    pairs = [link for link in links if isinstance(link, list)] if isinstance(links, list) else []
    size = range(len(names))
    return [(names[pair[0]], names[pair[1]]) for pair in pairs if len(pair) == 2 and all(end in size for end in pair)]
