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
    """(T, N) intersection over union of boxes (T, 4) and (N, 4); 0 where a box is NaN or both are empty."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.prod(np.fmax(high - low, 0.0), axis=-1)
    area_a = np.prod(a[:, 2:] - a[:, :2], axis=-1)
    area_b = np.prod(b[:, 2:] - b[:, :2], axis=-1)
    union = area_a[:, None] + area_b[None, :] - shared
    result: Array = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return result


def joint_similarity(
    predicted: Array, detected: Array, scale: Array, sigmas: Array, variance: Array | None = None
) -> tuple[Array, NDArray[np.intp]]:
    """Object keypoint similarity without the mean: the sum over common joints, and their number.

    Per joint exp(-d^2 / (2 (k^2 s^2 + v))), k = 2 sigma, as the COCO evaluation defines it
    (https://cocodataset.org/#keypoints-eval), with the prediction's own variance v added to the tolerance.

    Args:
        predicted: (T, K, 2); detected: (N, K, 2).
        scale: (T,) s, pixels.
        sigmas: (K,) of the skeleton.
        variance: (T, K) v, square pixels; none means 0.

    Returns:
        (T, N) sum of the joints' similarities, each in [0, 1]; (T, N) number of joints found in both.
    """
    tolerance = (2.0 * sigmas[None] * scale[:, None]) ** 2
    if variance is not None:
        tolerance = tolerance + variance
    dx = predicted[:, None, :, 0] - detected[None, :, :, 0]
    dy = predicted[:, None, :, 1] - detected[None, :, :, 1]
    exponent = (dx * dx + dy * dy) * (-0.5 / tolerance)[:, None]
    common = np.isfinite(exponent)
    similarity = np.exp(exponent, out=np.zeros_like(exponent), where=common)
    return similarity.sum(axis=-1), common.sum(axis=-1)


def oks(predicted: Array, detected: Array, scale: Array, sigmas: Array, variance: Array | None = None) -> Array:
    """(T, N) mean of `joint_similarity` over the joints found in both; 0 where there are none."""
    total, common = joint_similarity(predicted, detected, scale, sigmas, variance)
    return np.divide(total, common, out=np.zeros_like(total), where=common > 0)


def person_similarity(
    predicted: Array,
    detected: Array,
    scale: Array,
    sigmas: Array,
    box_weight: float,
    variance: Array | None = None,
    predicted_boxes: Array | None = None,
    detected_boxes: Array | None = None,
) -> Array:
    """(T, N) similarity in [0, 1]: OKS, steadied by the boxes when few joints are common.

    (sum of joint similarities + box_weight * IoU) / (number of common joints + box_weight): the boxes weigh as
    much as `box_weight` joints. Boxes are those of the points unless given.
    """
    total, common = joint_similarity(predicted, detected, scale, sigmas, variance)
    iou = box_iou(
        boxes(predicted) if predicted_boxes is None else predicted_boxes,
        boxes(detected) if detected_boxes is None else detected_boxes,
    )
    result: Array = (total + box_weight * iou) / np.fmax(common + box_weight, 1e-9)
    return result
