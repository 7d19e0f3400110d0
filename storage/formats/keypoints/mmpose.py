"""MMPose's predictions: JSON with the people (`instances`) of each frame.

Facts from MMPose's inferencer (a list, frames from 0) and its demo scripts (an object with `meta_info` and
`instance_info`, frames from 1): an instance has `keypoints` [[x, y], ...], `keypoint_scores` and, at times,
`bbox_score` and `track_id`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pose.people import FramePeople, Person
from pose.skeleton import COCO_17
from storage.errors import ExchangeError
from storage.formats.keypoints.content import (
    BODIES,
    Clock,
    Keypoints,
    Values,
    array_of,
    body_joints,
    integer_of,
    layout,
    needed,
    number_of,
    person_of,
    read_json,
)


def is_mmpose(content: Any) -> bool:
    """Whether JSON looks like MMPose's predictions."""
    if isinstance(content, dict):
        return "instance_info" in content
    return isinstance(content, list) and bool(content) and isinstance(content[0], dict) and "instances" in content[0]


def read(path: Path, clock: Clock | None = None) -> Keypoints:
    """Predictions on a video; the format has no time. Raises `ExchangeError`."""
    clock = needed(clock, path)
    content = read_json(path)
    from_one = isinstance(content, dict)
    meta = content.get("meta_info", {}) if isinstance(content, dict) else {}
    frames = content.get("instance_info") if isinstance(content, dict) else content
    if not isinstance(frames, list) or not isinstance(meta, dict) or not is_mmpose(content):
        raise ExchangeError(f"{path}: expected MMPose's list of frames with instances")
    notes: list[str] = []
    names, size = _names(meta, frames, path, notes)
    skeleton, order = layout(names, _limbs(meta, names), path)
    values = Values(skeleton, order, notes)

    def walk() -> Iterator[FramePeople]:
        for place, frame in enumerate(frames):
            where = f"{path}: entry {place}"
            if not isinstance(frame, dict) or not isinstance(frame.get("instances"), list):
                raise ExchangeError(f"{where}: expected an object with frame_id and a list of instances")
            index = integer_of(frame.get("frame_id"), f"{where}: frame_id") - from_one
            people = (
                _person(item, f"{where}: instance {number}", size, values)
                for number, item in enumerate(frame["instances"])
            )
            yield FramePeople(index, clock(index), tuple(person for person in people if person is not None))

    return Keypoints("MMPose", skeleton, walk(), notes=notes)


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


def _names(meta: dict[str, Any], frames: list[Any], path: Path, notes: list[str]) -> tuple[list[str], int]:
    """The names of the joints that are taken, the first of a person, and how many a person has."""
    known = meta.get("keypoint_id2name")
    if isinstance(known, dict):
        try:
            names = [str(known[str(number)]) for number in range(len(known))]
        except KeyError as error:
            raise ExchangeError(f"{path}: meta_info: keypoint_id2name lacks joint {error}") from error
        whole = body_joints(133, notes) if len(names) == 133 else None
        return names[: len(whole or names)], len(names)
    for place, frame in enumerate(frames):
        instances = frame.get("instances") if isinstance(frame, dict) else None
        for item in instances if isinstance(instances, list) else []:
            keypoints = item.get("keypoints") if isinstance(item, dict) else None
            size = len(keypoints) if isinstance(keypoints, list) else 0
            joints = body_joints(size, notes)
            if joints is None:
                raise ExchangeError(
                    f"{path}: entry {place} has {size} joints, expected {BODIES}, or meta_info that names them"
                )
            return list(joints), size
    return list(COCO_17.joints), len(COCO_17)


def _limbs(meta: dict[str, Any], names: list[str]) -> list[tuple[str, str]]:
    links = meta.get("skeleton_links")
    pairs = [link for link in links if isinstance(link, list)] if isinstance(links, list) else []
    size = range(len(names))
    return [(names[pair[0]], names[pair[1]]) for pair in pairs if len(pair) == 2 and all(end in size for end in pair)]
