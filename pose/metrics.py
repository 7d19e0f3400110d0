"""Pose against annotations: COCO keypoints AP/AR (object keypoint similarity), PCK, and what confidence is worth."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

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


def to_coco_results(
    image_id: int, people: Sequence[Person], skeleton: Skeleton, judged: Skeleton = COCO_17
) -> list[dict[str, object]]:
    """Entries of a COCO keypoints results file for one image; missing joints as 0, 0, 0 as that format wants.

    `judged` holds the joints that are annotated, COCO's or those of a layout of one's own.
    """
    places = [skeleton.index(joint) for joint in judged.joints]
    return [
        {
            "image_id": image_id,
            "category_id": 1,
            "keypoints": np.nan_to_num(person.keypoints[places]).astype(float).ravel().tolist(),
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
    n_images = len(_read_images(Path(annotations)))
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = _evaluate(annotations, results)
        evaluation.accumulate()
        evaluation.summarize()
    counted = [a for a in evaluation.cocoGt.anns.values() if _counts(a)]
    # COCOeval's order: AP, AP50, AP75, AP medium, AP large, AR, AR50, ...; -1 where nothing was annotated.
    ap, ap_50, ap_75, medium, large, ar, ar_50 = (
        float(value) if value >= 0 else float("nan") for value in evaluation.stats[:7]
    )
    return CocoScores(ap, ap_50, ap_75, medium, large, ar, ar_50, n_images, len(counted), len(results))


def _evaluate(
    annotations: str | Path, results: list[dict[str, object]], sigmas: Sequence[float] = COCO_17.sigmas
) -> Any:
    """COCOeval after its matching, not yet summed up."""
    try:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    except ImportError:
        raise PoseError("pycocotools is not installed: run `pip install 'posescribe[evaluation]'`") from None
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(annotations))
        found = COCO()
        found.dataset = {"annotations": []}
        evaluation = COCOeval(truth, truth.loadRes(results) if results else found, "keypoints")
        evaluation.params.kpt_oks_sigmas = np.array(sigmas)
        evaluation.evaluate()
    return evaluation


def _counts(annotation: Mapping[str, Any]) -> bool:
    """Whether an annotated person is to be found; who is not counts neither as missed nor as falsely found."""
    return not annotation.get("iscrowd") and annotation.get("num_keypoints", 0) > 0


@dataclass(frozen=True, eq=False)
class CocoMatches:
    """Which found people are right, as COCO's evaluation matches them: to be summed up over any choice of the images.

    Attributes:
        image: (n_found,) position of each person's image among the annotations' images by rising id; people by falling
            score, at most 20 of an image.
        right: (3, 10, n_found) bool; matches an annotated person that counts, among all, medium, large ones, at OKS
            0.50, 0.55, ..., 0.95.
        wrong: (3, 10, n_found) bool; matches nobody. Neither right nor wrong: does not count.
        counted: (3, n_images) annotated people that count.
    """

    image: NDArray[np.intp]
    right: NDArray[np.bool_]
    wrong: NDArray[np.bool_]
    counted: NDArray[np.int64]

    def score(self, times: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Average precision and recall as if each image were there several times, exactly those of COCOeval.

        Args:
            times: (n, n_images) how often, for each of n choices; `resample` draws them.

        Returns:
            (n, 3) each, over all, medium and large people; NaN where nobody is annotated.
        """
        precisions, recalls = np.full((2, len(times), 3), np.nan)
        for row, area in np.ndindex(len(times), 3):
            n = times[row] @ self.counted[area]
            if n == 0:
                continue
            weight = times[row][self.image]
            right, wrong = (np.cumsum(which[area] * weight, axis=1) for which in (self.right, self.wrong))
            recall = right / n
            precision = right / (right + wrong + np.spacing(1))
            # the best at this recall or more; none beyond the last person
            best = np.pad(np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1], ((0, 0), (0, 1)))
            at = np.array([np.searchsorted(reached, _RECALLS) for reached in recall])
            precisions[row, area] = np.take_along_axis(best, at, axis=1).mean()
            recalls[row, area] = recall[:, -1].mean() if recall.size else 0.0
        return precisions, recalls


_RECALLS = np.linspace(0, 1, 101)


def match_coco(annotations: str | Path, results: list[dict[str, object]]) -> CocoMatches:
    """Matches results in COCO's form to the annotations; errors as in `evaluate_coco`."""
    evaluation = _evaluate(annotations, results)
    n_images = len(evaluation.params.imgIds)
    cells = np.array([*evaluation.evalImgs, None], dtype=object)[:-1].reshape(3, n_images)  # None: nobody on an image
    people: list[list[tuple[float, int, NDArray[np.bool_], NDArray[np.bool_]]]] = [[], [], []]
    counted = np.zeros((3, n_images), dtype=np.int64)
    for area, image in np.ndindex(3, n_images):
        cell = cells[area, image]
        if cell is not None:
            counted[area, image] = np.count_nonzero(np.equal(cell["gtIgnore"], 0))
            matched, ignored = cell["dtMatches"] > 0, cell["dtIgnore"].astype(bool)
            columns = zip((matched & ~ignored).T, (~matched & ~ignored).T, strict=True)
            people[area] += [(s, image, r, w) for s, (r, w) in zip(cell["dtScores"], columns, strict=True)]
    falling = np.argsort([-score for score, *_ in people[0]], kind="stable")
    right, wrong = (
        np.array([[entries[i][which] for i in falling] for entries in people], dtype=np.bool_).reshape(3, -1, 10)
        for which in (2, 3)
    )
    return CocoMatches(
        np.array([people[0][i][1] for i in falling], dtype=np.intp),
        right.transpose(0, 2, 1),
        wrong.transpose(0, 2, 1),
        counted,
    )


def resample(n_images: int, n: int = 200, seed: int = 0) -> NDArray[np.int64]:
    """(n, n_images) how often each image is drawn when as many are drawn as there are (Efron's bootstrap).

    People of one image are not independent of each other, so images are drawn, not people. The same seed draws the same
    images: differences between two detectors are then paired.
    """
    return np.random.default_rng(seed).multinomial(n_images, np.full(n_images, 1 / n_images), size=n)


@dataclass(frozen=True, eq=False)
class Claims:
    """What was said with which confidence, and whether it was right.

    Attributes:
        confidence: (n,) in [0, 1].
        right: (n,) bool.
        image_id: (n,) where; claims of one image are not independent of each other.
    """

    confidence: NDArray[np.float64]
    right: NDArray[np.bool_]
    image_id: NDArray[np.int64]

    @classmethod
    def of(cls, rows: Sequence[tuple[float, bool, int]]) -> Claims:
        """From (confidence, right, image) each."""
        confidence, right, image_id = zip(*rows, strict=True) if rows else ((), (), ())
        return cls(np.array(confidence, dtype=float), np.array(right, dtype=bool), np.array(image_id, dtype=np.int64))


@dataclass(frozen=True)
class JudgedConfidence:
    """Confidences of one detector against annotations.

    Attributes:
        people: each person's score; right when COCO's greedy matching at OKS 0.50 finds an annotated person for it. Who
            matches one that does not count is left out.
        joints: those found in right people and annotated; right when the joint's own term of the OKS is at least 0.5.
        ghost_joints: those of wrong people, on images where everybody is annotated; none is right.
    """

    people: Claims
    joints: Claims
    ghost_joints: Claims


def judge_confidence(
    annotations: str | Path, results: list[dict[str, object]], sigmas: Sequence[float] = COCO_17.sigmas
) -> JudgedConfidence:
    """Whether confidence is deserved, of results in COCO's form; errors as in `evaluate_coco`.

    A joint at distance d of a person of area s² counts as right when exp(-d² / (2 s² (2 sigma)²)) >= 0.5; `sigmas` are
    those of the joints annotated.
    """
    evaluation = _evaluate(annotations, results, sigmas)
    truth, found = evaluation.cocoGt, evaluation.cocoDt
    people: list[tuple[float, bool, int]] = []
    joints: list[tuple[float, bool, int]] = []
    ghosts: list[tuple[float, bool, int]] = []
    variances = (2 * np.array(sigmas)) ** 2
    for cell in evaluation.evalImgs[: len(evaluation.params.imgIds)]:  # all sizes
        if cell is None:
            continue
        image = int(cell["image_id"])
        everybody = all(_counts(annotation) for annotation in truth.imgToAnns[image])
        for person, match, ignored in zip(cell["dtIds"], cell["dtMatches"][0], cell["dtIgnore"][0], strict=True):
            if ignored:
                continue
            people.append((found.anns[person]["score"], bool(match), image))
            keypoints = np.reshape(found.anns[person]["keypoints"], (-1, 3))
            seen = keypoints[:, 2] > 0
            if match:
                annotated = np.reshape(truth.anns[match]["keypoints"], (-1, 3))
                seen &= annotated[:, 2] > 0
                squared = ((keypoints - annotated)[:, :2] ** 2).sum(axis=1)
                right = np.exp(-squared / (2 * truth.anns[match]["area"] * variances)) >= 0.5
                joints += [(c, bool(r), image) for c, r in zip(keypoints[seen, 2], right[seen], strict=True)]
            elif everybody:
                ghosts += [(c, False, image) for c in keypoints[seen, 2]]
    return JudgedConfidence(Claims.of(people), Claims.of(joints), Claims.of(ghosts))


def bin_confidence(claims: Claims, n_bins: int = 10) -> NDArray[np.float64]:
    """(n_bins, 3) mean confidence, share that is right, and number of the claims in bins of equal width on [0, 1].

    The first two are NaN in an empty bin.
    """
    index = np.clip((claims.confidence * n_bins).astype(int), 0, n_bins - 1)
    n = np.bincount(index, minlength=n_bins)
    sums = [np.bincount(index, weights=values, minlength=n_bins) for values in (claims.confidence, claims.right)]
    mean, share = (np.where(n > 0, total / np.maximum(n, 1), np.nan) for total in sums)
    return np.column_stack([mean, share, n])


def calibration_error(claims: Claims, n_bins: int = 10) -> float:
    """Expected calibration error: mean distance of confidence from the share that is right, over bins; NaN for none.

    Guo et al., On Calibration of Modern Neural Networks, ICML 2017.
    """
    mean, share, n = bin_confidence(claims, n_bins).T
    return float(np.nansum(n * np.abs(mean - share)) / n.sum()) if n.sum() else float("nan")


def fit_curve(claims: Claims, n_points: int = 8) -> NDArray[np.float64]:
    """(up to n_points, 2) confidence and the share that is right there: `np.interp` with them calibrates.

    The rising line through points at equally full parts of the confidences that has the least squared error: isotonic
    regression among the lines of so few points. Nothing claimed gives no points.
    """
    if len(claims.confidence) == 0:
        return np.empty((0, 2))
    knots = np.unique(np.quantile(claims.confidence, np.linspace(0, 1, n_points)))
    hats = np.column_stack([np.interp(claims.confidence, knots, row) for row in np.eye(len(knots))])
    rises = np.cumsum(hats[:, ::-1], axis=1)[:, ::-1]  # each knot lifts all behind it
    return np.column_stack([knots, np.minimum(np.cumsum(nnls(rises, claims.right.astype(float))[0]), 1)])


def turn_image(image: NDArray[np.uint8], degrees: int) -> NDArray[np.uint8]:
    """An (H, W, 3) image turned clockwise by a multiple of 90."""
    return np.ascontiguousarray(np.rot90(image, -_quarters(degrees)))


def turn_coco(content: Mapping[str, Any], degrees: int) -> dict[str, Any]:
    """COCO keypoints annotations of the images as `turn_image` gives them.

    Joints are pixel centres at whole numbers, boxes go from edge to edge of pixels; areas stay. Outlines of people are
    left out.
    """
    sizes = {image["id"]: (image["width"], image["height"]) for image in content["images"]}
    images = [dict(image) for image in content["images"]]
    if _quarters(degrees) % 2:
        for image in images:
            image["width"], image["height"] = image["height"], image["width"]
    annotations = []
    for annotation in content["annotations"]:
        width, height = sizes[annotation["image_id"]]
        joints = np.reshape(np.asarray(annotation["keypoints"], dtype=float), (-1, 3))
        turned = np.column_stack([_turn(joints[:, :2], width - 1, height - 1, degrees), joints[:, 2]])
        x, y, w, h = annotation["bbox"]
        corners = _turn(np.array([[x, y], [x + w, y + h]], dtype=float), width, height, degrees)
        low, high = corners.min(axis=0), corners.max(axis=0)
        annotations.append(
            {key: value for key, value in annotation.items() if key != "segmentation"}
            | {
                "keypoints": np.where(joints[:, 2:] > 0, turned, 0.0).ravel().tolist(),
                "bbox": [*low.tolist(), *(high - low).tolist()],
            }
        )
    return dict(content) | {"images": images, "annotations": annotations}


def _turn(points: NDArray[np.float64], right: float, bottom: float, degrees: int) -> NDArray[np.float64]:
    """(n, 2) points of the rectangle from 0, 0 to `right`, `bottom`, after it is turned clockwise."""
    for _ in range(_quarters(degrees)):
        points = np.column_stack([bottom - points[:, 1], points[:, 0]])
        right, bottom = bottom, right
    return points


def _quarters(degrees: int) -> int:
    if degrees % 90:
        raise ValueError(f"expected a multiple of 90 degrees, got {degrees}")
    return degrees // 90 % 4


def _read_images(annotations: Path) -> list[tuple[int, str]]:
    """Number and file name of each annotated image."""
    try:
        content = json.loads(annotations.read_text(encoding="utf-8"))
        entries = [(int(image["id"]), str(image["file_name"])) for image in content["images"]]
        if not all("keypoints" in entry for entry in content["annotations"]):
            raise KeyError("keypoints")
    except OSError as error:
        raise SourceError(f"{annotations}: can't be read ({error.strerror}): give a COCO keypoints JSON") from None
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError):
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
