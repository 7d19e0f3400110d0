"""COCO keypoints: the JSON of annotations, and the list of results that detectors write; COCO-WholeBody, too.

Facts from https://cocodataset.org/#format-data: `keypoints` is x, y, v, ...; v is a flag in annotations (0 not there,
1 hidden, 2 seen), and in results either such a flag or the confidence. COCO-WholeBody adds `foot_kpts`, `face_kpts`,
`lefthand_kpts` and `righthand_kpts`, whose v may be a fraction, and in annotations `face_box`, ... and `face_valid`,
...: where a part is not valid, its points and its box are zeros (https://github.com/jin-s13/COCO-WholeBody,
`data_format.md`). What neither defines stands in keys of its own, which their readers pass over: `frame` and `time_s`
of an image; `track_id`, `score` and `keypoint_scores` of an annotation; `other_keypoints` for the joints beyond COCO's
17.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pose.people import FramePeople, Person
from pose.skeleton import COCO_17
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
    layout,
    names_of,
    needed,
    number_of,
    person_of,
    read_json,
)
from storage.formats.keypoints.wholebody import COCO_133, KEYS
from storage.formats.keypoints.writing import Tracked, points_of, replacing, short
from storage.tracks import iter_identified_frames

_PERSON = 1


@dataclass(frozen=True)
class _Form:
    """The joints of an annotation's `keypoints`, those of `other_keypoints`, and COCO-WholeBody's parts, if any."""

    main: tuple[str, ...]
    other: tuple[str, ...] = ()
    parts: bool = False


def write(database: Database, track_run_id: int, path: Path) -> list[Path]:
    """Annotations of all people of all frames; COCO's 17 joints, where the skeleton has them, as `keypoints`."""
    tracked = Tracked.load(database, track_run_id)
    names = tracked.skeleton.joints
    main = COCO_17.joints if set(COCO_17.joints) <= set(names) else names
    return _write_annotations(tracked, _Form(main, tuple(name for name in names if name not in main)), path)


def write_wholebody(database: Database, track_run_id: int, path: Path) -> list[Path]:
    """COCO-WholeBody's annotations; joints that it does not have, such as neck and pupils, are left out."""
    tracked = Tracked.load(database, track_run_id)
    _require_common(tracked)
    return _write_annotations(tracked, _Form(COCO_17.joints, parts=True), path)


def write_results(database: Database, track_run_id: int, path: Path) -> list[Path]:
    """COCO-WholeBody's list of results, `image_id` being the frame; joints as in `write_wholebody`."""
    tracked = Tracked.load(database, track_run_id)
    _require_common(tracked)
    form = _Form(COCO_17.joints, parts=True)
    keys = ("category_id", *(key for key, _ in KEYS.values()), "score", "track_id")

    def result(image_id: int, person: Person) -> dict[str, Any]:
        known = _annotation(person, form)
        body = _flat(points_of(person, form.main))
        return {"image_id": image_id, "keypoints": body} | {key: known[key] for key in keys if key in known}

    with replacing(path) as part, part.open("w", encoding="utf-8") as file:
        file.write("[")
        file.writelines(_items(result(index, person) for index, person in _people(tracked, form)))
        file.write("]\n")
    return [path]


def _require_common(tracked: Tracked) -> None:
    if not set(COCO_133) & set(tracked.skeleton.joints):
        raise ExchangeError(
            f"{tracked.database.where}: {tracked.recording.name} has no joint of COCO-WholeBody "
            f"({tracked.skeleton.name}); export it as coco"
        )


def _write_annotations(tracked: Tracked, form: _Form, path: Path) -> list[Path]:
    limbs = COCO_17.limbs if form.main is COCO_17.joints else tracked.skeleton.limbs
    category = {
        "id": _PERSON,
        "name": "person",
        "supercategory": "person",
        "keypoints": form.main,
        "skeleton": [[form.main.index(a) + 1, form.main.index(b) + 1] for a, b in limbs],
        **({"other_keypoints": form.other} if form.other else {}),
    }
    size = {"width": tracked.recording.width, "height": tracked.recording.height}
    images = (
        {"id": frame, "file_name": f"{tracked.recording.name}_{frame:012d}", **size, "frame": frame, "time_s": time_s}
        for frame, time_s in zip(tracked.frames.tolist(), tracked.time_s.tolist(), strict=True)
    )
    annotations = (
        {"id": number, "image_id": index, **_annotation(person, form)}
        for number, (index, person) in enumerate(_people(tracked, form), start=1)
    )
    with replacing(path) as part, part.open("w", encoding="utf-8") as file:
        file.write('{"info": {"description": ')
        file.write(json.dumps(f"{tracked.recording.name}, by {tracked.scorer}"))
        file.write('},\n"categories": [')
        file.write(json.dumps(category))
        file.write('],\n"images": [')
        file.writelines(_items(images))
        file.write('],\n"annotations": [')
        file.writelines(_items(annotations))
        file.write("]}\n")
    return [path]


def _items(items: Iterator[dict[str, Any]]) -> Iterator[str]:
    for number, item in enumerate(items):
        yield (",\n" if number else "\n") + json.dumps(item, separators=(",", ":"))


def _people(tracked: Tracked, form: _Form) -> Iterator[tuple[int, Person]]:
    """Frame and person, of whom something is to be seen."""
    wanted = {*form.main, *form.other, *(COCO_133 if form.parts else ())}
    own = np.array([joint in wanted for joint in tracked.skeleton.joints])
    for frame in iter_identified_frames(tracked.database, tracked.run_id):
        yield from ((frame.index, person) for person in frame.people if (person.visible & own).any())


def _flat(points: NDArray[np.float64]) -> list[float]:
    cells: list[float] = points.ravel().tolist()
    return cells


def _annotation(person: Person, form: _Form) -> dict[str, Any]:
    points = points_of(person, form.main + form.other)
    scores = points[:, 2].tolist()
    flat = [cell for x, y, c in points.tolist() for cell in (x, y, 2 if c > 0 else 0)]
    n_main = len(form.main)
    *bbox, area = _box(person.keypoints[:, :2])
    return {
        "category_id": _PERSON,
        "keypoints": flat[: 3 * n_main],
        "num_keypoints": sum(c > 0 for c in scores[:n_main]),
        **({"other_keypoints": flat[3 * n_main :]} if form.other else {}),
        **(_parts(person) if form.parts else {}),
        "keypoint_scores": scores,
        "bbox": bbox,
        "area": area,
        "iscrowd": 0,
        "score": person.score,
        **({} if person.track_id is None else {"track_id": person.track_id}),
    }


def _parts(person: Person) -> dict[str, Any]:
    """COCO-WholeBody's keys; it has no box around the feet."""
    found: dict[str, Any] = {}
    for part, (key, joints) in KEYS.items():
        points = points_of(person, joints)
        seen = points[:, 2] > 0
        found |= {key: _flat(points), f"{part}_valid": bool(seen.any())}
        if part != "foot":
            found[f"{part}_box"] = _box(np.where(seen[:, None], points[:, :2], np.nan))[:4]
    return found


def _box(points: NDArray[np.floating[Any]]) -> list[float]:
    """x, y, width, height and area around (n, 2) points that are no NaN; zeros around none."""
    seen = points[np.isfinite(points[:, 0])].astype(np.float64)
    if len(seen) == 0:
        return [0.0] * 5
    (x0, y0), (x1, y1) = seen.min(axis=0), seen.max(axis=0)
    sides: list[float] = short(np.array([x0, y0, x1 - x0, y1 - y0, (x1 - x0) * (y1 - y0)], np.float32)).tolist()
    return sides


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
    parts = _parts_of(annotations)
    skeleton, order = layout([*names, *other, *(joint for joints in parts.values() for joint in joints)], limbs, path)

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
                _person(item, f"{path}: annotation {place}", len(names), len(other), parts, values)
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
    joints, parts = names_of(size), _parts_of(results)
    if joints is None:
        raise ExchangeError(f"{path}: result 0 has {size} joints, expected {NUMBERS}")
    skeleton, order = layout([*joints, *(joint for some in parts.values() for joint in some)], (), path)
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
            people = (
                _person(item, f"{path}: result {place}", size, 0, parts, values) for place, item in by_frame[frame]
            )
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


def _parts_of(items: Sequence[dict[str, Any]]) -> dict[str, tuple[str, ...]]:
    """COCO-WholeBody's parts that a file has, with their joints; never one hand without the other."""
    there = {part for part, (key, _) in KEYS.items() if any(key in item for item in items)}
    hands = {"lefthand", "righthand"}
    there |= hands if there & hands else set()
    return {part: joints for part, (_, joints) in KEYS.items() if part in there}


def _person(
    item: dict[str, Any],
    where: str,
    n_main: int,
    n_other: int,
    parts: Mapping[str, tuple[str, ...]],
    values: Values,
) -> Person | None:
    points = _points(item, "keypoints", where, n_main)
    if n_other:
        points = np.concatenate([points, _points(item, "other_keypoints", where, n_other)])
    points = _confident(points)
    if "keypoint_scores" in item:
        scores = array_of(item["keypoint_scores"], f"{where}: keypoint_scores", 1)[:, 0]
        if len(scores) != len(points):
            raise ExchangeError(f"{where}: keypoint_scores has {len(scores)} numbers, expected {len(points)}")
        points[:, 2] = scores
    points = np.concatenate([points, *(_part(item, part, where, len(names), values) for part, names in parts.items())])
    keypoints = values.people(points[:, :2], points[:, 2], lambda _, joint: f"{where}: joint {joint}")
    score = None if item.get("score") is None else values.score(number_of(item["score"], f"{where}: score"))
    track = item.get("track_id")
    track_id = None if track is None else integer_of(track, f"{where}: track_id")
    return person_of(keypoints, score, track_id, values.skeleton)


def _part(item: dict[str, Any], part: str, where: str, size: int, values: Values) -> NDArray[np.float64]:
    """Zeros where a person has no such key, or the part is not valid."""
    key, _ = KEYS[part]
    if not item.get(key):
        return np.zeros((size, 3))
    points = _confident(_points(item, key, where, size))
    if item.get(f"{part}_valid", True) or not (points[:, 2] > 0).any():
        return points
    values.count(1, "hands, faces or feet with points, but marked as not valid, were taken as missing.")
    return np.zeros((size, 3))


def _points(item: dict[str, Any], key: str, where: str, size: int) -> NDArray[np.float64]:
    points = array_of(item.get(key), f"{where}: {key}", 3)
    if len(points) != size:
        raise ExchangeError(f"{where}: {key} has {len(points)} joints, expected {size}")
    return points


def _confident(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """With v as a confidence: a flag of something that is there is 1."""
    flags = np.isin(points[:, 2], (0, 1, 2)).all()
    return np.column_stack([points[:, :2], np.minimum(points[:, 2], 1)]) if flags else points


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
