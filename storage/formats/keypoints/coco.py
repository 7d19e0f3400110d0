"""COCO keypoints: the JSON of annotations, and the list of results that detectors write.

Facts from https://cocodataset.org/#format-data: `keypoints` is x, y, v, ...; v is a flag in annotations (0 not there,
1 hidden, 2 seen), and in results either such a flag or the confidence. What COCO does not define stands in keys of its
own, which its readers pass over: `frame` and `time_s` of an image; `track_id`, `score` and `keypoint_scores` of an
annotation; and, as COCO-WholeBody does with feet and hands, `other_keypoints` for the joints beyond COCO's 17.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pose.people import FramePeople, Person
from pose.skeleton import COCO_17
from storage.database import Database
from storage.errors import ExchangeError
from storage.formats.keypoints.content import (
    BODIES,
    Clock,
    Keypoints,
    Values,
    array_of,
    body_joints,
    frame_numbers,
    integer_of,
    layout,
    needed,
    number_of,
    person_of,
    read_json,
)
from storage.formats.keypoints.writing import Tracked, replacing
from storage.tracks import iter_identified_frames

_PERSON = 1


def write(database: Database, track_run_id: int, path: Path) -> list[Path]:
    """Annotations of all people of all frames; COCO's 17 joints, where the skeleton has them, as `keypoints`."""
    tracked = Tracked.load(database, track_run_id)
    names = tracked.skeleton.joints
    main = COCO_17.joints if set(COCO_17.joints) <= set(names) else names
    other = tuple(name for name in names if name not in main)
    places = [tracked.skeleton.index(name) for name in (*main, *other)]
    limbs = COCO_17.limbs if main is COCO_17.joints else tracked.skeleton.limbs
    category = {
        "id": _PERSON,
        "name": "person",
        "supercategory": "person",
        "keypoints": main,
        "skeleton": [[main.index(a) + 1, main.index(b) + 1] for a, b in limbs],
        **({"other_keypoints": other} if other else {}),
    }
    size = {"width": tracked.recording.width, "height": tracked.recording.height}
    images = (
        {"id": frame, "file_name": f"{tracked.recording.name}_{frame:012d}", **size, "frame": frame, "time_s": time_s}
        for frame, time_s in zip(tracked.frames.tolist(), tracked.time_s.tolist(), strict=True)
    )
    with replacing(path) as part, part.open("w", encoding="utf-8") as file:
        file.write('{"info": {"description": ')
        file.write(json.dumps(f"{tracked.recording.name}, by {tracked.scorer}"))
        file.write('},\n"categories": [')
        file.write(json.dumps(category))
        file.write('],\n"images": [')
        file.writelines(_items(images))
        file.write('],\n"annotations": [')
        file.writelines(_items(_annotations(database, track_run_id, places, len(main))))
        file.write("]}\n")
    return [path]


def _items(items: Iterator[dict[str, Any]]) -> Iterator[str]:
    for number, item in enumerate(items):
        yield (",\n" if number else "\n") + json.dumps(item, separators=(",", ":"))


def _annotations(database: Database, track_run_id: int, places: Sequence[int], n_main: int) -> Iterator[dict[str, Any]]:
    number = 0
    for frame in iter_identified_frames(database, track_run_id):
        for person in frame.people:
            if person.visible.any():
                number += 1
                yield {"id": number, "image_id": frame.index, **_annotation(person, places, n_main)}


def _annotation(person: Person, places: Sequence[int], n_main: int) -> dict[str, Any]:
    x0, y0, x1, y1 = person.box.astype(np.float64)
    points = _short(np.nan_to_num(person.keypoints[list(places)])).tolist()
    *bbox, area = _short(np.array([x0, y0, x1 - x0, y1 - y0, (x1 - x0) * (y1 - y0)], dtype=np.float32)).tolist()
    flat = [cell for x, y, c in points for cell in (x, y, 2 if c > 0 else 0)]
    return {
        "category_id": _PERSON,
        "keypoints": flat[: 3 * n_main],
        "num_keypoints": sum(c > 0 for _, _, c in points[:n_main]),
        **({"other_keypoints": flat[3 * n_main :]} if len(places) > n_main else {}),
        "keypoint_scores": [c for _, _, c in points],
        "bbox": bbox,
        "area": area,
        "iscrowd": 0,
        "score": person.score,
        **({} if person.track_id is None else {"track_id": person.track_id}),
    }


def _short(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """The numbers of the shortest decimals that give the same float32."""
    return values.astype(str).astype(np.float64)


def is_coco(content: Any) -> bool:
    """Whether JSON looks like COCO's annotations or results."""
    if isinstance(content, dict):
        return "annotations" in content
    return isinstance(content, list) and bool(content) and isinstance(content[0], dict) and "image_id" in content[0]


def read(path: Path, clock: Clock | None = None) -> Keypoints:
    """Annotations or results; times of the file, else of the clock.

    A frame is an image's `frame` or `frame_id`, in results the `image_id`; without these, or where they are too large
    for frames (as in PoseTrack), the number in the image's name or, as a note says, its place in the file.
    Raises `ExchangeError`.
    """
    content = read_json(path)
    if isinstance(content, dict):
        return _read_annotations(content, path, clock)
    if not isinstance(content, list):
        raise ExchangeError(f"{path}: expected COCO's annotations (an object) or results (a list)")
    return _read_results(content, path, clock)


def _read_annotations(content: dict[str, Any], path: Path, clock: Clock | None) -> Keypoints:
    images, annotations, categories = (_objects(content, key, path) for key in ("images", "annotations", "categories"))
    kinds = [category for category in categories if category.get("keypoints")]
    if not kinds or any(kind["keypoints"] != kinds[0]["keypoints"] for kind in kinds):
        raise ExchangeError(f"{path}: expected one list of keypoint names in categories, found {len(kinds)}")
    kind = kinds[0]
    names = _names(kind, "keypoints", path)
    other = _names(kind, "other_keypoints", path)
    limbs = [
        (names[a - 1], names[b - 1]) for a, b in (_pair(pair, len(names), path) for pair in kind.get("skeleton") or [])
    ]
    skeleton, order = layout([*names, *other], limbs, path)

    notes: list[str] = []
    numbers = _frames_of(images, path, notes)
    frames: dict[Any, tuple[int, float]] = {}
    for place, image in enumerate(images):
        where, frame = f"{path}: image {place}", numbers[place]
        key = image.get("id")
        if not isinstance(key, int | str) or key in frames:
            raise ExchangeError(f"{where}: id {key!r} is missing or there twice")
        own = None if clock is not None or "time_s" not in image else number_of(image["time_s"], f"{where}: time_s")
        frames[key] = frame, needed(clock, path)(frame) if own is None else own
    by_image: dict[Any, list[tuple[int, dict[str, Any]]]] = {key: [] for key in frames}
    for place, annotation in enumerate(annotations):
        image_id = annotation.get("image_id")
        if not isinstance(image_id, int | str) or image_id not in by_image:
            raise ExchangeError(f"{path}: annotation {place}: image_id {image_id!r} is not among the images")
        if "keypoints" in annotation:
            by_image[image_id].append((place, annotation))
    values = Values(skeleton, order, notes)

    def walk() -> Iterator[FramePeople]:
        for key in sorted(frames, key=lambda key: frames[key][0]):
            people = (
                _person(item, f"{path}: annotation {place}", len(names), len(other), values)
                for place, item in by_image[key]
            )
            frame, time_s = frames[key]
            yield FramePeople(frame, time_s, tuple(person for person in people if person is not None))

    return Keypoints(
        "COCO annotations", skeleton, walk(), notes=notes, width=_largest(images, "width", path),
        height=_largest(images, "height", path),
    )  # fmt: skip


def _read_results(content: list[Any], path: Path, clock: Clock | None) -> Keypoints:
    clock = needed(clock, path)
    results = _objects({"results": content}, "results", path)
    if not results:
        raise ExchangeError(f"{path}: holds no result")
    size = len(array_of(results[0].get("keypoints"), f"{path}: result 0: keypoints", 3))
    notes = ["Frames without people are not in the file; they count as not looked at."]
    joints = body_joints(size, notes)
    if joints is None:
        raise ExchangeError(f"{path}: result 0 has {size} joints, expected {BODIES}")
    skeleton, order = layout(joints, (), path)
    images: dict[Any, dict[str, Any]] = {}
    for place, result in enumerate(results):
        key = result.get("image_id")
        if not isinstance(key, str):
            key = integer_of(key, f"{path}: result {place}: image_id", most=_MOST_ID)
        images[key] = {"file_name": key} if isinstance(key, str) else {"frame": key}
    numbers = dict(zip(images, _frames_of(list(images.values()), path, notes), strict=True))
    by_frame: dict[int, list[tuple[int, dict[str, Any]]]] = {number: [] for number in numbers.values()}
    for place, result in enumerate(results):
        by_frame[numbers[result["image_id"]]].append((place, _with_identity(result)))
    for found in by_frame.values():  # AlphaPose without tracking: everybody is 0
        ids = [item["track_id"] for _, item in found if "idx" in item and "track_id" in item]
        if any(ids.count(number) > 1 for number in ids):
            notes.append(
                "idx names several people of an image alike, so it is no identity; the tracker finds who is who."
            )
            for item in (item for others in by_frame.values() for _, item in others if "idx" in item):
                item.pop("track_id", None)
            break
    values = Values(skeleton, order, notes)

    def walk() -> Iterator[FramePeople]:
        for frame in sorted(by_frame):
            people = (_person(item, f"{path}: result {place}", size, 0, values) for place, item in by_frame[frame])
            yield FramePeople(frame, clock(frame), tuple(person for person in people if person is not None))

    return Keypoints("COCO results", skeleton, walk(), notes=notes)


_MOST_ID = 2**53
"""Up to here JSON's numbers are whole."""


def _frames_of(images: Sequence[dict[str, Any]], path: Path, notes: list[str]) -> list[int]:
    """The frame of each image; see `read`."""
    told = [image.get("frame", image.get("frame_id")) for image in images]
    known = [
        integer_of(number, f"{path}: image {place}: frame", most=_MOST_ID)
        for place, number in enumerate(told)
        if number is not None
    ]
    large = any(abs(number) >= 2**31 for number in known)
    if len(known) == len(images) and not large:
        return known
    names = [image.get("file_name") for image in images]
    numbers = frame_numbers([name for name in names if isinstance(name, str)])
    if numbers is not None and len(numbers) == len(images):
        return numbers
    if len(known) == len(images) and known:
        notes.append(f"Frames are counted from {min(known)}, the first one's number.")
        return [number - min(known) for number in known]
    if len(images) > 1:
        notes.append("Images have no frame number; they were taken in the order of the file.")
    return list(range(len(images)))


def _with_identity(result: dict[str, Any]) -> dict[str, Any]:
    """The result with AlphaPose's `idx` (a number, at times in a list) as `track_id`."""
    number = result.get("idx")
    while isinstance(number, list) and number:
        number = number[0]
    return result if "track_id" in result or not isinstance(number, int | float) else {**result, "track_id": number}


def _person(item: dict[str, Any], where: str, n_main: int, n_other: int, values: Values) -> Person | None:
    points = _points(item, "keypoints", where, n_main)
    if n_other:
        points = np.concatenate([points, _points(item, "other_keypoints", where, n_other)])
    confidence = points[:, 2]
    if np.isin(confidence, (0, 1, 2)).all():
        confidence = np.minimum(confidence, 1)
    if "keypoint_scores" in item:
        confidence = array_of(item["keypoint_scores"], f"{where}: keypoint_scores", 1)[:, 0]
        if len(confidence) != len(points):
            raise ExchangeError(f"{where}: keypoint_scores has {len(confidence)} numbers, expected {len(points)}")
    keypoints = values.people(points[:, :2], confidence, lambda _, joint: f"{where}: joint {joint}")
    score = None if item.get("score") is None else values.score(number_of(item["score"], f"{where}: score"))
    track = item.get("track_id")
    track_id = None if track is None else integer_of(track, f"{where}: track_id")
    return person_of(keypoints, score, track_id, values.skeleton)


def _points(item: dict[str, Any], key: str, where: str, size: int) -> Any:
    points = array_of(item.get(key), f"{where}: {key}", 3)
    if len(points) != size:
        raise ExchangeError(f"{where}: {key} has {len(points)} joints, expected {size}")
    return points


def _objects(content: dict[str, Any], key: str, path: Path) -> list[dict[str, Any]]:
    items = content.get(key)
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise ExchangeError(f"{path}: expected a list of objects in {key}")
    return items


def _names(kind: dict[str, Any], key: str, path: Path) -> list[str]:
    names = kind.get(key, [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ExchangeError(f"{path}: expected a list of names in categories: {key}")
    return names


def _pair(pair: Any, size: int, path: Path) -> tuple[int, int]:
    where = f"{path}: categories: skeleton"
    if not isinstance(pair, list) or len(pair) != 2:
        raise ExchangeError(f"{where}: expected pairs of joint numbers from 1")
    a, b = (integer_of(number, where) for number in pair)
    if not (1 <= a <= size and 1 <= b <= size):
        raise ExchangeError(f"{where}: pair {pair} names unknown joints, expected numbers from 1 to {size}")
    return a, b


def _largest(images: list[dict[str, Any]], key: str, path: Path) -> int | None:
    told = ((place, image[key]) for place, image in enumerate(images) if key in image)
    largest = max((integer_of(size, f"{path}: image {place}: {key}") for place, size in told), default=0)
    return largest if largest > 0 else None
