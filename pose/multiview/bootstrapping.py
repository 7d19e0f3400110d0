"""Labels for a detector out of what it finds itself, where several cameras see the same.

Multiview bootstrapping (Simon, Joo, Matthews and Sheikh, CVPR 2017: https://arxiv.org/abs/1704.07809): joints that
enough views agree on are projected into all of them, also those that did not find them; frames are ranked by the
confidence of the views that agree, and no two of those taken repeat each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pose.multiview.camera import Array, Camera
from pose.multiview.group import CameraGroup
from pose.multiview.robust import Triangulated, triangulate_robustly

SEEN, REPROJECTED, ABSENT = 2, 1, 0
"""Visibility of a label, in COCO's numbers: found in this view, and there; only known from others; not labelled."""


@dataclass(frozen=True)
class Limits:
    """Which detections become labels.

    Attributes:
        limit_px: a view further than this from a joint's point does not count; pixels.
        min_views: that agree on a joint. The paper asks for 3; with 2 nothing checks them.
        min_confidence: of a detection that counts; 0.1 in the paper.
    """

    limit_px: float
    min_views: int = 3
    min_confidence: float = 0.1


def agreed(group: CameraGroup, pixels: Array, confidence: Array, limits: Limits) -> Triangulated:
    """Joints that enough views agree on; see `triangulate_robustly`.

    Args:
        group: C cameras.
        pixels: (C, ..., 2); NaN where a view did not find the joint.
        confidence: (C, ...) in [0, 1].
        limits: see there.
    """
    sure = np.where(confidence >= limits.min_confidence, confidence, 0.0)
    return triangulate_robustly(group, pixels, sure, limit_px=limits.limit_px, min_views=limits.min_views)


def frame_scores(confidence: Array, used: NDArray[np.bool_]) -> Array:
    """(T,) what each frame is worth: the paper's equation 7, over all joints of all people.

    Args:
        confidence: (C, T, ...) of each detection, in [0, 1].
        used: (C, T, ...) whether it is one of those that agree.

    Returns:
        The sum of the confidences of the detections that agree; 0 where none do.
    """
    counted = np.where(used, np.nan_to_num(confidence), 0.0)
    return np.asarray(np.moveaxis(counted, 1, 0).reshape(confidence.shape[1], -1).sum(axis=1))


def choose_frames(
    scores: Array, time_s: Array, points: Array, *, window_s: float, same_m: float, most: int
) -> NDArray[np.intp]:
    """The best frames, of which no two repeat each other.

    From the best score down each frame is taken, unless one that was taken lies within `window_s`, or one of a
    neighbouring window, before or behind, shows the same: the joints that both have are `same_m` apart or less. The
    paper takes the best of each window of 15 or 30 frames; here the best of two windows can't be neighbours either.

    Args:
        scores: (T,) of each frame; one of 0 is not taken.
        time_s: (T,) rising, seconds.
        points: (T, N, 3) all joints of all people, metres; NaN where missing.
        window_s: least time between two frames, seconds.
        same_m: root of the mean square of the joints' distances, metres.
        most: frames that are taken.

    Returns:
        Their indices, the best first; of equal scores the earliest.
    """
    taken: list[int] = []
    for frame in np.argsort(-scores, kind="stable").tolist():
        if len(taken) >= most or scores[frame] <= 0:
            break
        apart = np.abs(time_s[taken] - time_s[frame])
        if (apart < window_s - 1e-6).any():
            continue
        near = np.array(taken, dtype=np.intp)[apart < 2 * window_s]
        squared = ((points[near] - points[frame]) ** 2).sum(axis=-1)
        known = np.isfinite(squared)
        moved = np.sqrt(np.where(known, squared, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1))
        if not (known.any(axis=1) & (moved <= same_m)).any():
            taken.append(frame)
    return np.array(taken, dtype=np.intp)


def labels(camera: Camera, size: tuple[int, int], points: Array, seen: NDArray[np.bool_]) -> Array:
    """Joints as labels of one view.

    Args:
        camera: of the view.
        size: width and height of its picture, pixels.
        points: (..., 3) metres; NaN where too few views agree.
        seen: (...) whether this view is one of those that agree.

    Returns:
        (..., 3) x, y in pixels and the visibility: `SEEN`, `REPROJECTED`, or `ABSENT`, and then x and y are NaN: no
        point, behind the camera, or outside the picture. That something stands before a joint is not known.
    """
    pixels = camera.project(points)
    with np.errstate(invalid="ignore"):
        inside = np.asarray(((pixels >= -0.5) & (pixels <= np.array(size) - 0.5)).all(axis=-1))
    visible = np.where(inside, np.where(seen, SEEN, REPROJECTED), ABSENT)
    return np.concatenate([np.where(inside[..., None], pixels, np.nan), visible[..., None]], axis=-1)
