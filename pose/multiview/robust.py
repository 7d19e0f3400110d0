"""Points of views of which some may be wrong.

Every two views propose a point; that of the least truncated error counts (MSAC, Torr and Zisserman 2000, with all
samples, as there are few), and the views that agree on it are triangulated together and refined.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from pose.multiview.camera import Array
from pose.multiview.group import CameraGroup

_LOOKED_AT = 1000


@dataclass(frozen=True, eq=False)
class Triangulated:
    """Points and how well the views agree on them.

    Attributes:
        points: (..., 3) metres; NaN where no two views agree.
        errors: (C, ...) px between what a camera sees and where it should, of all views that see it, used or not; NaN
            where there is nothing to compare.
        used: (C, ...) whether the view counted.
    """

    points: Array
    errors: Array
    used: NDArray[np.bool_]


def triangulate_robustly(
    group: CameraGroup, pixels: Array, confidence: Array, *, limit_px: float, min_views: int = 2
) -> Triangulated:
    """Points of views of which some may be wrong.

    Args:
        group: C cameras.
        pixels: (C, ..., 2); NaN where missing.
        confidence: (C, ...) in [0, 1], the weight of each observation.
        limit_px: a view further than this from the point does not count.
        min_views: points on which fewer views agree are NaN; at least 2.
    """
    if min_views < 2:
        raise ValueError(f"a point needs at least two views, got min_views={min_views}")
    pixels = np.asarray(pixels, dtype=np.float64)
    shape = pixels.shape[1:-1]
    flat = pixels.reshape(len(group), -1, 2)
    weight = np.nan_to_num(np.asarray(confidence, dtype=np.float64).reshape(flat.shape[:2]))
    weight = np.where(np.isfinite(flat).all(axis=-1), weight, 0.0)
    seen = weight > 0
    best = np.full(flat.shape[1], np.inf)
    chosen = np.zeros(flat.shape[:2], dtype=bool)
    for one, two in combinations(range(len(group)), 2):
        both = np.flatnonzero(seen[one] & seen[two])
        if not len(both):
            continue
        pair = CameraGroup((group.cameras[one], group.cameras[two]))
        proposed = pair.triangulate(flat[[one, two]][:, both])
        errors = np.nan_to_num(group.errors(proposed, flat[:, both]), nan=np.inf)
        inside = seen[:, both] & (errors <= limit_px)
        lost = (weight[:, both] * np.minimum(errors, limit_px) ** 2).sum(axis=0)
        lost[inside.sum(axis=0) < min_views] = np.inf
        better = lost < best[both]
        best[both[better]] = lost[better]
        chosen[:, both[better]] = inside[:, better]
    points = group.triangulate(flat, np.where(chosen, weight, 0.0), refine=True)
    errors = np.where(seen, group.errors(points, flat), np.nan)
    chosen &= np.isfinite(points).all(axis=-1)
    return Triangulated(
        points.reshape(*shape, 3), errors.reshape(len(group), *shape), chosen.reshape(len(group), *shape)
    )


def placed_by_others(group: CameraGroup, pixels: Array, confidence: Array, *, limit_px: float) -> Array:
    """Where the other cameras alone put what a camera sees.

    Args:
        group, pixels, confidence, limit_px: as for `triangulate_robustly`.

    Returns:
        (C, ..., 2) px in each camera's own picture; NaN where no two others agree.
    """
    placed = []
    for left, camera in enumerate(group.cameras):
        others = np.array(confidence, dtype=np.float64)
        others[left] = 0
        placed.append(camera.project(triangulate_robustly(group, pixels, others, limit_px=limit_px).points))
    return np.stack(placed)


def held_out(group: CameraGroup, pixels: Array, confidence: Array, *, limit_px: float) -> Array:
    """(C, ...) px between what a camera sees and where the others alone put it; NaN as for `placed_by_others`."""
    placed = placed_by_others(group, pixels, confidence, limit_px=limit_px)
    return np.asarray(np.linalg.norm(np.asarray(pixels) - placed, axis=-1))


def lag_errors(pixels: Array, placed: Array, most: int) -> Array:
    """How well what a camera sees some frames later or earlier fits where it should be now.

    Args:
        pixels, placed: (T, K, 2) px, NaN where missing.
        most: frames that are tried, either way; fewer than T.

    Returns:
        (2 most + 1,) median distances, px, of what is seen `-most` ... `most` frames later; NaN where nothing is left
        to compare. Of more than `_LOOKED_AT` frames with a place so many are looked at, evenly.
    """
    times = np.flatnonzero(np.isfinite(placed).all(axis=-1).any(axis=-1))
    if len(times) > _LOOKED_AT:
        times = times[np.linspace(0, len(times) - 1, _LOOKED_AT).astype(int)]
    found = np.full(2 * most + 1, np.nan)
    for place, lag in enumerate(range(-most, most + 1)):
        inside = times[(times + lag >= 0) & (times + lag < len(pixels))]
        apart = np.linalg.norm(pixels[inside + lag] - placed[inside], axis=-1)
        apart = apart[np.isfinite(apart)]
        if len(apart):
            found[place] = np.median(apart)
    return found
