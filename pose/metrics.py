"""Pose against annotations: COCO keypoints AP/AR (object keypoint similarity) and PCK."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pose.errors import PoseError, SourceError
from pose.people import Person
from pose.skeleton import COCO_17, COCO_18, Skeleton


@dataclass(frozen=True)
class CocoScores:
    """COCO keypoints evaluation (https://cocodataset.org/#keypoints-eval), all in [0, 1].

    Attributes:
        ap: mean average precision over OKS thresholds 0.50, 0.55, ..., 0.95.
        ap_50: average precision at OKS 0.50.
        ap_75: at OKS 0.75.
        ap_medium: `ap` over people with an area of 32² to 96² pixels; NaN when there are none.
        ap_large: `ap` over people larger than that; NaN when there are none.
        ar: mean average recall over the same thresholds, at most 20 people per image.
        ar_50: average recall at OKS 0.50.
        n_images: images that were looked at.
        n_annotated: annotated people that count.
        n_found: people that the network found.
    """

    ap: float
    ap_50: float
    ap_75: float
    ap_medium: float
    ap_large: float
    ar: float
    ar_50: float
    n_images: int
    n_annotated: int
    n_found: int


def to_coco_17(keypoints: NDArray[np.float32], skeleton: Skeleton) -> NDArray[np.float32]:
    """(..., 17, 3) the joints that COCO annotates, in its order, out of (..., n_joints, 3) of a larger layout.

    Raises `ValueError` when the layout lacks one of them.
    """
    return keypoints[..., [skeleton.index(joint) for joint in COCO_17.joints], :]


def to_coco_results(image_id: int, people: Sequence[Person], skeleton: Skeleton) -> list[dict[str, object]]:
    """Entries of a COCO keypoints results file for one image; missing joints as 0, 0, 0 as that format wants."""
    return [
        {
            "image_id": image_id,
            "category_id": 1,
            "keypoints": np.nan_to_num(to_coco_17(person.keypoints, skeleton)).astype(float).ravel().tolist(),
            "score": float(person.score),
        }
        for person in people
    ]


def evaluate_coco(
    images: str | Path,
    annotations: str | Path,
    detect: Callable[[NDArray[np.uint8]], Sequence[Person]],
    *,
    skeleton: Skeleton = COCO_18,
    progress: Callable[[int, int], None] | None = None,
) -> CocoScores:
    """Average precision of a detector on images annotated in COCO's form.

    Args:
        images: folder of the images that the annotations name.
        annotations: COCO person-keypoints JSON.
        detect: people of one (H, W, 3) uint8 BGR image, keypoints in its pixels.
        skeleton: layout of those people.
        progress: called after each image with the number done and the number of all.

    Raises:
        PoseError: pycocotools is not installed, or the annotations are not COCO keypoints.
        SourceError: an image is missing or can't be read.
    """
    entries = _read_images(Path(annotations))
    results: list[dict[str, object]] = []
    for done, (image_id, name) in enumerate(entries, start=1):
        path = Path(images) / name
        image = cv2.imread(str(path))
        if image is None:
            raise SourceError(f"{path}: no readable image, but {annotations} names it: check the folder")
        results += to_coco_results(image_id, detect(np.asarray(image, dtype=np.uint8)), skeleton)
        if progress is not None:
            progress(done, len(entries))
    return score_coco(annotations, results)


def score_coco(annotations: str | Path, results: list[dict[str, object]]) -> CocoScores:
    """Average precision of results in COCO's form (see `to_coco_results`); errors as in `evaluate_coco`."""
    try:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    except ImportError:
        raise PoseError("pycocotools is not installed: run `pip install 'posescribe[evaluation]'`") from None
    n_images = len(_read_images(Path(annotations)))
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(annotations))
        counted = [a for a in truth.anns.values() if not a.get("iscrowd") and a.get("num_keypoints", 0) > 0]
        if not results:
            none = 0.0 if counted else float("nan")
            return CocoScores(none, none, none, none, none, none, none, n_images, len(counted), 0)
        evaluation = COCOeval(truth, truth.loadRes(results), "keypoints")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    # COCOeval's order: AP, AP50, AP75, AP medium, AP large, AR, AR50, ...; -1 where nothing was annotated.
    ap, ap_50, ap_75, medium, large, ar, ar_50 = (
        float(value) if value >= 0 else float("nan") for value in evaluation.stats[:7]
    )
    return CocoScores(ap, ap_50, ap_75, medium, large, ar, ar_50, n_images, len(counted), len(results))


def _read_images(annotations: Path) -> list[tuple[int, str]]:
    """Number and file name of each annotated image."""
    try:
        content = json.loads(annotations.read_text(encoding="utf-8"))
        entries = [(int(image["id"]), str(image["file_name"])) for image in content["images"]]
        if not all("keypoints" in entry for entry in content["annotations"]):
            raise KeyError("keypoints")
    except OSError as error:
        raise SourceError(f"{annotations}: can't be read ({error.strerror}): give a COCO keypoints JSON") from None
    except (KeyError, TypeError, ValueError):
        raise PoseError(f"{annotations}: not in COCO's keypoints form: give a person_keypoints JSON") from None
    return entries


def compute_pck(
    predicted: NDArray[np.float32], annotated: NDArray[np.float32], reference: NDArray[np.float32], alpha: float = 0.2
) -> NDArray[np.float64]:
    """Percentage of correct keypoints per joint (Yang & Ramanan, TPAMI 2013; PCKh with the head's length).

    Args:
        predicted: (n, n_joints, >= 2) x, y in pixels; NaN where a joint was not found, which counts as wrong.
        annotated: (n, n_joints, >= 2) x, y in pixels; NaN where nothing is annotated, which does not count.
        reference: (n,) length of each person that distances are measured in (torso or head), pixels.
        alpha: a joint is right when it lies within `alpha * reference`.

    Returns:
        (n_joints,) share in [0, 1]; NaN for a joint that is never annotated.
    """
    if predicted.shape[:2] != annotated.shape[:2] or len(reference) != len(annotated):
        raise ValueError(f"expected one shape, got {predicted.shape}, {annotated.shape} and {reference.shape}")
    counts = np.isfinite(annotated[..., 0]) & np.isfinite(reference)[:, None]
    distance = np.linalg.norm(predicted[..., :2] - annotated[..., :2], axis=-1)
    right = counts & (distance <= alpha * reference[:, None])  # NaN compares as wrong
    n = counts.sum(axis=0)
    return np.where(n > 0, right.sum(axis=0) / np.maximum(n, 1), np.nan)
