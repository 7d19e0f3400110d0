"""A teacher's people where annotations say nothing: joints without a label, people in ignored regions, and in images
that are not annotated completely.

The teacher looks at each image once; what it finds is kept in COCO's form beside the model and read from there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pose.errors import TrainingError
from pose.parsing.merging import similarity
from pose.people import Person
from pose.skeleton import Skeleton
from pose.training.batches import read_image
from pose.training.datasets import Dataset, Sample, to_skeleton
from pose.training.files import replacing

Detect = Callable[[NDArray[np.uint8]], Sequence[Person]]


@dataclass(frozen=True)
class TeacherSettings:
    """What of a teacher is believed.

    Attributes:
        joint: least confidence of a joint.
        person: least score of a person.
        same: object keypoint similarity from which a person found is the annotated one.
    """

    joint: float = 0.6
    person: float = 0.5
    same: float = 0.4


_SAVE_EVERY = 100  # images


@dataclass(frozen=True, eq=False)
class Labels:
    """A teacher's people.

    Attributes:
        teacher: which it is.
        joints: names of its joints.
        people: (n, n_joints, 3) x, y, confidence by the images' path, NaN where missing; with each person's score.
    """

    teacher: str
    joints: tuple[str, ...]
    people: dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]


def label(
    samples: Sequence[Sample],
    detect: Detect,
    teacher: str,
    skeleton: Skeleton,
    cache: Path,
    progress: Callable[[int, int], None] | None = None,
) -> Labels:
    """The teacher's people on the samples' images, out of the cache as far as they are there.

    Args:
        samples: which images.
        detect: people of one image.
        teacher: name and hash of what detects; a cache of another one is made anew.
        skeleton: of its people.
        cache: JSON file in COCO's form.
        progress: images done and all images.

    Raises `TrainingError` when the cache can't be read.
    """
    images, annotations = _cached(cache, teacher)
    known = {image["file_name"]: image["id"] for image in images}
    for done, sample in enumerate(samples, start=1):
        name = str(sample.path)
        if name not in known:
            known[name] = len(known) + 1
            images.append({"id": known[name], "file_name": name, "height": sample.size[0], "width": sample.size[1]})
            for person in detect(read_image(sample)):
                annotations.append({"id": len(annotations) + 1, "image_id": known[name], **_entry(person)})
            if len(known) % _SAVE_EVERY == 0:
                _write(cache, teacher, skeleton, images, annotations)
        if progress is not None:
            progress(done, len(samples))
    _write(cache, teacher, skeleton, images, annotations)
    found: dict[int, list[tuple[NDArray[np.float32], float]]] = {}
    for annotation in annotations:
        points = np.array(annotation["keypoints"], dtype=np.float32).reshape(-1, 3)
        points[:, 2] = annotation["keypoint_scores"]
        points[points[:, 2] == 0, :2] = np.nan
        found.setdefault(annotation["image_id"], []).append((points, annotation["score"]))
    people = {}
    for name, number in known.items():
        entries = found.get(number, [])
        seen = np.array([p for p, _ in entries], dtype=np.float32).reshape(-1, len(skeleton), 3)
        people[name] = seen, np.array([score for _, score in entries], dtype=np.float32)
    return Labels(teacher, skeleton.joints, people)


def _entry(person: Person) -> dict[str, Any]:
    points = np.nan_to_num(person.keypoints)
    x0, y0, x1, y1 = (float(value) for value in np.nan_to_num(person.box))
    flat = np.column_stack([points[:, :2], np.where(points[:, 2] > 0, 2, 0)])
    return {
        "category_id": 1, "iscrowd": 0, "bbox": [x0, y0, x1 - x0, y1 - y0], "area": (x1 - x0) * (y1 - y0),
        "num_keypoints": int((points[:, 2] > 0).sum()), "keypoints": np.round(flat, 2).astype(float).ravel().tolist(),
        "keypoint_scores": np.round(points[:, 2], 4).astype(float).tolist(), "score": float(person.score),
    }  # fmt: skip


def _cached(cache: Path, teacher: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    if not cache.is_file():
        return [], []
    try:
        content = json.loads(cache.read_text(encoding="utf-8"))
        if content["info"]["description"] != teacher:
            return [], []
        return content["images"], content["annotations"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise TrainingError(f"{cache}: damaged ({error!r}); delete it, and the teacher looks again") from None


def _write(
    cache: Path, teacher: str, skeleton: Skeleton, images: list[dict[str, Any]], annotations: list[dict[str, Any]]
) -> None:
    content = {
        "info": {"description": teacher},
        "categories": [{"id": 1, "name": "person", "keypoints": list(skeleton.joints)}],
        "images": images,
        "annotations": annotations,
    }
    with replacing(cache) as part:
        part.write_text(json.dumps(content), encoding="utf-8")


def fill_in(dataset: Dataset, labels: Labels, settings: TeacherSettings | None = None) -> Dataset:
    """The dataset with the teacher's joints and people where the annotations say nothing; what they say stays.

    Joints that the annotations never speak of become known where the teacher has them.
    """
    settings = settings or TeacherSettings()
    skeleton = dataset.skeleton
    _, known = to_skeleton(np.empty((0, len(labels.joints), 2)), labels.joints, skeleton)
    samples = [_filled(sample, *labels.people[str(sample.path)], labels.joints, skeleton, settings)
               if str(sample.path) in labels.people else sample for sample in dataset.samples]  # fmt: skip
    return replace(dataset, samples=samples, known=dataset.known | known)


def _filled(
    sample: Sample,
    found: NDArray[np.float32],
    scores: NDArray[np.float32],
    joints: Sequence[str],
    skeleton: Skeleton,
    settings: TeacherSettings,
) -> Sample:
    sure = np.where(found[..., 2:] >= settings.joint, found[..., :2], np.nan)
    points, _ = to_skeleton(sure, joints, skeleton)
    keypoints, boxes, areas = sample.keypoints.copy(), list(sample.boxes), list(sample.areas)
    ignore = list(sample.ignore)
    added = []
    for person, score in zip(points, scores, strict=True):
        if score < settings.person or not np.isfinite(person[:, 0]).any():
            continue
        alike = _alike(person, sample.keypoints, sample.areas, skeleton)
        if alike.max(initial=0) >= settings.same:
            own = keypoints[int(alike.argmax())]
            missing = np.isnan(own[:, 0])
            own[missing] = person[missing]
            continue
        low, high = np.nanmin(person, axis=0), np.nanmax(person, axis=0)
        box = np.array([*low, *high], dtype=np.float32)
        middle = (low + high) / 2
        around = [b for b in ignore if (b[:2] <= middle).all() and (middle <= b[2:]).all()]
        if around or not sample.complete:
            ignore = [b for b in ignore if _overlap(b, box) < 0.4]
            added.append(person)
            boxes.append(box)
            areas.append(np.float32(0.53 * (high - low).prod()))
    return replace(
        sample,
        keypoints=np.concatenate([keypoints, np.array(added, dtype=np.float32).reshape(-1, len(skeleton), 2)]),
        boxes=np.array(boxes, dtype=np.float32).reshape(-1, 4),
        areas=np.array(areas, dtype=np.float32),
        ignore=np.array(ignore, dtype=np.float32).reshape(-1, 4),
    )


def _alike(
    person: NDArray[np.float32], others: NDArray[np.float32], areas: NDArray[np.float32], skeleton: Skeleton
) -> NDArray[np.float64]:
    """(n,) object keypoint similarity to each of the annotated people."""
    if len(others) == 0:
        return np.zeros(0)
    anybody = Person(np.zeros((len(skeleton), 3), dtype=np.float32), 0.0, skeleton=skeleton)
    return similarity(person.astype(np.float64), others.astype(np.float64), areas.astype(np.float64), anybody)


def _overlap(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Intersection over union of two boxes."""
    shared = np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0).prod()
    union = (a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - shared
    return float(shared / union) if union > 0 else 0.0
