"""How alike two people of one frame are: joint-wise (OKS), by their boxes (IoU), and both together.

All functions compare every one of T people (tracks, as predicted) with every one of N (as detected) and are vectorised.
Coordinates are pixels of the original frame; a missing joint is NaN.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pose.skeleton import Skeleton

Array = NDArray[np.float64]

BOX = Skeleton(
    name="box",
    joints=("top_left", "bottom_right"),
    limbs=(),
    sigmas=(0.1, 0.1),
)
"""Two corners of a box as a skeleton, so that detections without keypoints can be tracked too."""

_LONGEST_LIMB_TO_SCALE = 1.75  # a standing person's sqrt(box area) over the length from neck to hip


def boxes(points: Array) -> Array:
    """(N, 4) x_min, y_min, x_max, y_max of (N, K, 2) points; NaN for a person without any joint."""
    seen = np.isfinite(points[..., :1])
    low = np.where(seen, points, np.inf).min(axis=1)
    high = np.where(seen, points, -np.inf).max(axis=1)
    result: Array = np.concatenate([low, high], axis=1)
    result[~seen.any(axis=(1, 2))] = np.nan
    return result


def body_scale(points: Array, limbs: NDArray[np.intp], people: Array | None = None) -> Array:
    """(N,) size of each person in pixels, at least 1: COCO's sqrt(area), held up by the limbs when few joints are seen.

    The largest of sqrt(box area), half the longer side, and 1.75 times the second longest limb (the longest may be a
    false link). `people` are
    the boxes, when already known. A person without joints has size 1.
    """
    x0, y0, x1, y1 = (boxes(points) if people is None else people).T
    scale = 0.5 * np.fmax(x1 - x0, y1 - y0)
    if len(limbs) >= 2:
        lengths = np.linalg.norm(points[:, limbs[:, 0]] - points[:, limbs[:, 1]], axis=-1)
        second = np.sort(np.nan_to_num(lengths, nan=0.0), axis=1)[:, -2]
        scale = np.fmax(scale, _LONGEST_LIMB_TO_SCALE * second)
    result: Array = np.fmax(scale, 1.0)
    return result


def box_iou(a: Array, b: Array) -> Array:
    """Intersection over union of boxes (..., 4) and (..., 4), broadcast; 0 where a box is NaN or both are empty."""
    width = np.fmin(a[..., 2], b[..., 2]) - np.fmax(a[..., 0], b[..., 0])
    height = np.fmin(a[..., 3], b[..., 3]) - np.fmax(a[..., 1], b[..., 1])
    area_a = (a[..., 2] - a[..., 0]) * (a[..., 3] - a[..., 1])
    area_b = (b[..., 2] - b[..., 0]) * (b[..., 3] - b[..., 1])
    shared = np.fmax(width, 0.0) * np.fmax(height, 0.0)
    union = area_a + area_b - shared
    result: Array = np.divide(shared, union, out=np.zeros_like(union), where=union > 0)
    return result


def joint_similarity(
    predicted: Array, detected: Array, scale: Array, sigmas: Array, variance: Array | float = 0.0
) -> tuple[Array, NDArray[np.intp]]:
    """Object keypoint similarity without the mean: the sum over common joints, and their number.

    Per joint exp(-d^2 / (2 (k^2 s^2 + v))), k = 2 sigma, as the COCO evaluation defines it
    (https://cocodataset.org/#keypoints-eval), with the prediction's own variance v added to the tolerance.

    Args:
        predicted, detected: (..., K, 2) pixels, broadcast.
        scale: (...,) s, pixels.
        sigmas: (K,) of the skeleton.
        variance: (..., K) v, square pixels.

    Returns:
        (...,) sum of the joints' similarities, each in [0, 1]; (...,) number of joints found in both.
    """
    dx = predicted[..., 0] - detected[..., 0]
    dy = predicted[..., 1] - detected[..., 1]
    tolerance = (2.0 * sigmas * scale[..., None]) ** 2 + variance
    similarity = np.exp((dx * dx + dy * dy) / (-2.0 * tolerance))
    common = np.isfinite(similarity)
    return np.where(common, similarity, 0.0).sum(axis=-1), common.sum(axis=-1)


def oks(predicted: Array, detected: Array, scale: Array, sigmas: Array) -> Array:
    """(...,) mean of `joint_similarity` over the joints found in both; 0 where there are none."""
    total, common = joint_similarity(predicted, detected, scale, sigmas)
    result: Array = np.divide(total, common, out=np.zeros_like(total), where=common > 0)
    return result


def person_similarity(
    predicted: Array,
    detected: Array,
    scale: Array,
    sigmas: Array,
    box_weight: float,
    variance: Array | None = None,
) -> Array:
    """(T, N) similarity in [0, 1] of all pairs: OKS, steadied by the boxes when few joints are common.

    (sum of joint similarities + box_weight * IoU) / (number of common joints + box_weight): the boxes weigh as much as
    `box_weight` joints. 0 for people further apart than the tolerance of any joint reaches.

    Args:
        predicted: (T, K, 2); detected: (N, K, 2); pixels, a missing joint is NaN.
        scale: (T,) of the predicted, pixels.
        sigmas: (K,) of the skeleton.
        box_weight: see above.
        variance: (T, K) of the predicted joints, square pixels; none means 0.
    """
    here, there = boxes(predicted), boxes(detected)
    spread = np.zeros(predicted.shape[:2]) if variance is None else variance
    # At three standard deviations a joint's similarity is 0.01.
    margin = 3.0 * np.sqrt((2.0 * sigmas.max() * scale) ** 2 + spread.max(axis=1, initial=0.0))
    apart_x = np.fmax(here[:, None, 0] - there[None, :, 2], there[None, :, 0] - here[:, None, 2])
    apart_y = np.fmax(here[:, None, 1] - there[None, :, 3], there[None, :, 1] - here[:, None, 3])
    first, second = np.nonzero(np.fmax(apart_x, apart_y) < margin[:, None])
    total, common = joint_similarity(predicted[first], detected[second], scale[first], sigmas, spread[first])
    iou = box_iou(here[first], there[second])
    result = np.zeros((len(predicted), len(detected)))
    result[first, second] = (total + box_weight * iou) / np.fmax(common + box_weight, 1e-9)
    return result
