"""Annotation files -> samples: which people, with which joints, on which image, and what is not annotated.

Read are COCO's keypoints (JSON, https://cocodataset.org/#format-data), MPII in the JSON form that is published with
Simple Baselines and HRNet (a list with `image`, `joints`, `joints_vis`, `center`, `scale` for each person), and LSP's
`joints.mat` (3×14×n, or 14×3×n of its extended set). What can't be used is counted and named, and the rest is used.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import imagesize
import numpy as np
from numpy.typing import NDArray

from pose.errors import TrainingError
from pose.layouts import standard_names
from pose.skeleton import COCO_17, Skeleton


@dataclass(frozen=True, eq=False)
class Sample:
    """One image and its people.

    Attributes:
        path: of the image.
        image_id: number of the image in the annotations.
        size: height and width of the image, pixels.
        keypoints: (n, n_joints, 2) float32 x, y in pixels, in the network's skeleton; NaN where not annotated.
        boxes: (n, 4) float32 x_min, y_min, x_max, y_max of each person, pixels.
        areas: (n,) float32 of each person, square pixels.
        ignore: (m, 4) float32 boxes in which there may be people who are not annotated.
        complete: whether whoever is outside of these boxes is annotated.
    """

    path: Path
    image_id: int
    size: tuple[int, int]
    keypoints: NDArray[np.float32]
    boxes: NDArray[np.float32]
    areas: NDArray[np.float32]
    ignore: NDArray[np.float32]
    complete: bool = True

    def alone(self, i: int) -> Sample:
        """As if the i-th person were all that is asked for: the others are nobody, annotated or not."""
        one = slice(i, i + 1)
        nobody = np.empty((0, 4), dtype=np.float32)
        return replace(
            self, keypoints=self.keypoints[one], boxes=self.boxes[one], areas=self.areas[one], ignore=nobody,
            complete=True,
        )  # fmt: skip


@dataclass
class Findings:
    """What of annotations can't be used: how often, and where first."""

    counts: dict[str, int] = field(default_factory=dict)
    first: dict[str, str] = field(default_factory=dict)

    def add(self, kind: str, where: str, n: int = 1) -> None:
        """`n` more of a kind, which reads on behind a number: `missing images`."""
        if n:
            self.counts[kind] = self.counts.get(kind, 0) + n
            self.first.setdefault(kind, where)

    def __str__(self) -> str:
        return "; ".join(f"{n:,} {kind} (first: {self.first[kind]})" for kind, n in self.counts.items())


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples of one annotation file.

    Attributes:
        samples: those that can be used.
        skeleton: of their keypoints.
        known: (n_joints,) joints that the annotations speak of; the others are not learnt from them.
        findings: what could not be used.
        name: of the file.
    """

    samples: list[Sample]
    skeleton: Skeleton
    known: NDArray[np.bool_]
    findings: Findings
    name: str

    @property
    def n_people(self) -> int:
        return sum(len(sample.keypoints) for sample in self.samples)

    def summary(self) -> str:
        """One line: what is used, and what not and why."""
        missing = [joint for joint, known in zip(self.skeleton.joints, self.known, strict=True) if not known]
        told = [f"{self.name}: {len(self.samples):,} images, {self.n_people:,} people"]
        told += [f"not annotated, so not learnt: {', '.join(missing)}"] if missing else []
        told += [f"left out: {self.findings}"] if self.findings.counts else []
        return "; ".join(told)


MPII_JOINTS = (
    "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "mid_hip", "thorax", "upper_neck",
    "head_top", "right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist",
)  # fmt: skip
LSP_JOINTS = (
    "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle",
    "right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist", "upper_neck",
    "head_top",
)  # fmt: skip

_INSTEAD = {"neck": ("upper_neck", "thorax"), "head": ("head_top",), "head_top": ("head",)}


def to_skeleton(
    points: NDArray[np.floating], names: Sequence[str], skeleton: Skeleton
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Joints of another layout as those of the network.

    Of the skeleton's `middles` (necks, middles of the hips) those that are not annotated are computed.

    Args:
        points: (n, len(names), 2); NaN where not annotated.
        names: of the joints, any usual spelling.
        skeleton: of the network.

    Returns:
        (n, n_joints, 2) float32, and (n_joints,) which of the joints `names` can tell.
    """
    places = {name: i for i, name in enumerate(standard_names(names))}
    found = np.full((len(points), len(skeleton), 2), np.nan, dtype=np.float32)
    known = np.zeros(len(skeleton), dtype=np.bool_)
    middles = dict(skeleton.middles)
    for i, joint in enumerate(skeleton.joints):
        middle = middles.get(joint, ())
        if joint in places:
            found[:, i] = points[:, places[joint]]
        elif middle and all(name in places for name in middle):
            found[:, i] = (points[:, places[middle[0]]] + points[:, places[middle[1]]]) / 2
        elif other := next((name for name in _INSTEAD.get(joint, ()) if name in places), None):
            found[:, i] = points[:, places[other]]
        else:
            continue
        known[i] = True
    return found, known


@dataclass
class _Annotated:
    """What an annotation file says of one image, before anything is checked."""

    name: str
    image_id: int
    size: tuple[int, int] | None = None
    points: list[NDArray[np.float64]] = field(default_factory=list)
    boxes: list[Sequence[float]] = field(default_factory=list)
    areas: list[float] = field(default_factory=list)
    ignore: list[Sequence[float]] = field(default_factory=list)
    complete: bool = True


def read_annotations(annotations: Path, images: Path, skeleton: Skeleton) -> Dataset:
    """The annotated people of a folder of images; which of the forms it is, the file tells.

    Args:
        annotations: `.json` or `.mat`.
        images: folder that the names in it are relative to.
        skeleton: of the network.

    Raises:
        TrainingError: the file can't be read, is in none of the forms, or leaves nothing to learn from.
    """
    findings = Findings()
    if annotations.suffix == ".mat":
        names, entries = _lsp(annotations, images)
    else:
        content = _json(annotations)
        if isinstance(content, list):
            names, entries = _mpii(content, annotations, findings)
        else:
            names, entries = _coco(content, annotations, findings)
    if not images.is_dir():
        raise TrainingError(f"{images}: no such folder; give the folder of the images that {annotations} names")
    _, known = to_skeleton(np.empty((0, len(names), 2)), names, skeleton)
    if not known.any():
        raise TrainingError(
            f"{annotations}: none of its joints ({', '.join(names)}) is one of {skeleton.name}; "
            "choose another --network"
        )
    samples = [s for s in (_sample(entry, names, images, skeleton, findings) for entry in entries) if s is not None]
    dataset = Dataset(samples, skeleton, known, findings, annotations.name)
    if not any(len(sample.keypoints) for sample in samples):
        raise TrainingError(f"{annotations}: nothing to learn from; {str(findings) or 'it names no people'}")
    return dataset


def _sample(
    entry: _Annotated, names: Sequence[str], images: Path, skeleton: Skeleton, findings: Findings
) -> Sample | None:
    """An image that is there, and its people with joints inside of it."""
    path = images / entry.name
    try:
        there = path.is_file()
    except OSError:  # a name that no file can have
        there = False
    if not there:
        findings.add("missing images", entry.name[:80])
        return None
    try:
        width, height = imagesize.get(path)
    except (OSError, ValueError):
        width = height = -1
    if min(width, height) < 1 or not _decodes(path):
        findings.add("unreadable images", entry.name)
        return None
    if entry.size not in (None, (height, width)):
        findings.add("images of another size than annotated", entry.name)
        return None
    n = len(entry.points)
    points = np.stack(entry.points) if n else np.empty((0, len(names), 2))
    outside = ((points < -0.5) | (points > np.array([width, height]) - 0.5)).any(axis=-1)
    findings.add("joints outside the image", entry.name, int(outside.sum()))
    points[outside] = np.nan
    keypoints, _ = to_skeleton(points, names, skeleton)
    boxes = np.array(entry.boxes, dtype=np.float32).reshape(-1, 4)
    empty = ~np.isfinite(keypoints[..., 0]).any(axis=1)
    findings.add("people without joints", entry.name, int(empty.sum()))
    ignore = np.concatenate([np.array(entry.ignore, dtype=np.float32).reshape(-1, 4), boxes[empty]])
    areas = np.array(entry.areas, dtype=np.float32)
    return Sample(
        path, entry.image_id, (height, width), keypoints[~empty], boxes[~empty], areas[~empty], ignore, entry.complete
    )


def _decodes(path: Path) -> bool:
    """Whether there is an image behind the header; read at an eighth of its size, in a third of the time for JPEG."""
    return cv2.imread(str(path), cv2.IMREAD_REDUCED_GRAYSCALE_8 | cv2.IMREAD_IGNORE_ORIENTATION) is not None


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TrainingError(f"{path}: can't be read ({error.strerror}); give COCO or MPII annotations") from None
    except (ValueError, RecursionError) as error:
        raise TrainingError(f"{path}: not JSON ({error}); give COCO or MPII annotations") from None


def _coco(content: Any, path: Path, findings: Findings) -> tuple[tuple[str, ...], list[_Annotated]]:
    try:
        entries = {
            image["id"]: _Annotated(
                str(image["file_name"]),
                int(image["id"]),
                (int(image["height"]), int(image["width"])) if "height" in image else None,
                complete=bool(image.get("complete", True)),
            )
            for image in content["images"]
        }
        kinds = {
            kind["id"]: (*kind.get("keypoints", ()), *kind.get("other_keypoints", ()))
            for kind in content.get("categories", ())
        }
        if not all(isinstance(name, str) for kind in kinds.values() for name in kind):
            raise TypeError("names of joints that are no text")
        names = next((kind for kind in kinds.values() if kind), COCO_17.joints)
        for annotation in content["annotations"]:
            entry = entries.get(annotation["image_id"])
            if entry is None:
                findings.add("people of images that are not listed", f"image {annotation['image_id']}")
                continue
            _add_coco(entry, annotation, kinds, names, findings)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise TrainingError(f"{path}: not in COCO's keypoints form ({error!r}); give a person_keypoints JSON") from None
    return names, list(entries.values())


def _add_coco(
    entry: _Annotated,
    annotation: Mapping[str, Any],
    kinds: Mapping[Any, tuple[str, ...]],
    names: tuple[str, ...],
    findings: Findings,
) -> None:
    if kinds.get(annotation.get("category_id")) == () and any(kinds.values()):
        findings.add("annotations of categories without joints", entry.name)
        return
    x, y, width, height = map(float, annotation["bbox"])
    box = _checked((x, y, x + width, y + height), entry)
    values = np.asarray([*annotation.get("keypoints", ()), *annotation.get("other_keypoints", ())], dtype=np.float64)
    if annotation.get("iscrowd") or annotation.get("ignore") or len(values) == 0:
        entry.ignore.append(box)
    elif (kinds.get(annotation.get("category_id")) or names) != names or len(values) != 3 * len(names):
        findings.add("people of another skeleton", entry.name)
        entry.ignore.append(box)
    else:
        values = values.reshape(-1, 3)
        seen = (values[:, 2] > 0) & np.isfinite(values[:, :2]).all(axis=1)
        entry.points.append(np.where(seen[:, None], values[:, :2], np.nan))
        entry.boxes.append(box)
        entry.areas.append(float(annotation.get("area", _BODY * width * height)))


def _checked(box: tuple[float, float, float, float], entry: _Annotated) -> tuple[float, float, float, float]:
    """The box; raises `ValueError` when it is NaN or nowhere."""
    if not all(abs(value) < 1e9 for value in box):
        raise ValueError(f"{entry.name}: a person's box from {box[:2]} to {box[2:]}")
    return box


_BODY = 0.53  # of a person's box, COCO's mean


def _mpii(content: list[Any], path: Path, findings: Findings) -> tuple[tuple[str, ...], list[_Annotated]]:
    entries: dict[str, _Annotated] = {}
    try:
        for person in content:
            name = str(person["image"])
            entry = entries.setdefault(name, _Annotated(name, len(entries) + 1))
            points = np.asarray(person["joints"], dtype=np.float64) - 1  # MATLAB counts from 1
            seen = np.asarray(person.get("joints_vis", np.ones(len(points))), dtype=np.float64) > 0
            if points.shape != (len(MPII_JOINTS), 2) or seen.shape != points.shape[:1]:
                findings.add("people of another skeleton", name)
                continue
            points[~seen | (points < 0).any(axis=1)] = np.nan
            half = 100 * float(person["scale"])  # MPII's scale is the person's height over 200 pixels
            x, y = (float(value) for value in person["center"])
            _add_person(entry, points, _checked((x - half, y - half, x + half, y + half), entry))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TrainingError(f"{path}: not in MPII's JSON form ({error!r}); give COCO or MPII annotations") from None
    return MPII_JOINTS, list(entries.values())


def _lsp(path: Path, images: Path) -> tuple[tuple[str, ...], list[_Annotated]]:
    from scipy.io import loadmat

    try:
        joints = np.asarray(loadmat(path, variable_names=["joints"])["joints"], dtype=np.float64)
        joints = joints.transpose(2, 1, 0) if joints.shape[0] == 3 else joints.transpose(2, 0, 1)
        if joints.shape[1:] != (len(LSP_JOINTS), 3):
            raise ValueError(f"joints of shape {joints.shape[1:]}")
    except Exception as error:  # scipy checks little: whatever a damaged file leads to
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
        raise TrainingError(f"{path}: not LSP's joints.mat ({reason}); give COCO, MPII or LSP annotations") from None
    digits = 4 if (images / "im0001.jpg").is_file() else 5  # the extended set has five
    entries = []
    for i, values in enumerate(joints, start=1):
        entry = _Annotated(f"im{i:0{digits}}.jpg", i)
        points = values[:, :2] - 1  # MATLAB counts from 1
        points[(points <= 0).all(axis=1)] = np.nan  # how the extended set says that there is none
        if np.isfinite(points).any():
            low, high = np.nanmin(points, axis=0), np.nanmax(points, axis=0)
            margin = 0.1 * float((high - low).max())
            _add_person(entry, points, (*(low - margin), *(high + margin)))
        entries.append(entry)
    return LSP_JOINTS, entries


def _add_person(entry: _Annotated, points: NDArray[np.float64], box: Sequence[float]) -> None:
    entry.points.append(points)
    entry.boxes.append(box)
    entry.areas.append(_BODY * (box[2] - box[0]) * (box[3] - box[1]))


def split(samples: Sequence[Sample], share: float, seed: int = 0) -> tuple[list[Sample], list[Sample]]:
    """Samples to learn from, and a share of them, drawn at random, to judge by; at least one where there are two."""
    order = np.random.default_rng([seed, 7]).permutation(len(samples))
    n = min(max(round(share * len(samples)), int(share > 0)), len(samples) - 1)
    held = set(order[:n].tolist())
    return [s for i, s in enumerate(samples) if i not in held], [s for i, s in enumerate(samples) if i in held]


def coco_joints(skeleton: Skeleton) -> Skeleton:
    """The joints that are written in COCO's form: its 17 where the skeleton has them, else the skeleton's."""
    return COCO_17 if set(COCO_17.joints) <= set(skeleton.joints) else skeleton


def to_coco(samples: Iterable[Sample], skeleton: Skeleton) -> dict[str, Any]:
    """Annotations in COCO's form, with `coco_joints`, for evaluation and for caches."""
    names = coco_joints(skeleton).joints
    places = [skeleton.index(name) for name in names]
    images, annotations = [], []
    for sample in samples:
        height, width = sample.size
        images.append({"id": sample.image_id, "file_name": sample.path.name, "height": height, "width": width,
                       "complete": sample.complete})  # fmt: skip
        for points, box, area in zip(sample.keypoints[:, places], sample.boxes, sample.areas, strict=True):
            seen = np.isfinite(points[:, :1])
            flat = np.where(seen, np.column_stack([points, np.full(len(points), 2)]), 0)
            annotations.append(_coco_entry(sample, box, float(area), flat, int(seen.sum()), crowd=0))
        for box in sample.ignore:
            area = float((box[2] - box[0]) * (box[3] - box[1]))
            annotations.append(_coco_entry(sample, box, area, np.zeros((len(names), 3)), 0, crowd=1))
    for number, annotation in enumerate(annotations, start=1):
        annotation["id"] = number
    return {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 1, "name": "person", "keypoints": list(names)}],
    }


def _coco_entry(
    sample: Sample, box: NDArray[np.float32], area: float, flat: NDArray[np.floating], n: int, crowd: int
) -> dict[str, Any]:
    x0, y0, x1, y1 = (round(float(value), 2) for value in box)
    return {"image_id": sample.image_id, "category_id": 1, "bbox": [x0, y0, x1 - x0, y1 - y0], "area": area,
            "iscrowd": crowd, "num_keypoints": n, "keypoints": np.round(flat, 2).ravel().tolist()}  # fmt: skip
