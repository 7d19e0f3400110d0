"""Heatmaps to joint candidates: 3 × 3 maxima at map resolution, refined below the cell.

Heatmaps are Gaussian, so their logarithm is a parabola and three cells per axis give its apex exactly.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pose.compiled import compiled


def find_peaks(
    heatmaps: NDArray[np.float32], n_joints: int, threshold: float, max_per_joint: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Local maxima of the first `n_joints` heatmaps.

    Args:
        heatmaps: (>= n_joints, h, w) float32, finite, C order.
        n_joints: number of leading channels to search.
        threshold: smallest value of a maximum.
        max_per_joint: how many maxima of a joint are kept, the highest.

    Returns:
        (n, 3) float32 candidates `x, y, height of the apex`, in cells, by joint and inside a joint by row;
        (n_joints + 1,) int64 where each joint's candidates start.
    """
    marks = np.zeros((n_joints, *heatmaps.shape[1:]), dtype=np.bool_)
    _mark_maxima(heatmaps, np.float32(threshold), marks)
    peaks, starts = _refine_all(heatmaps, np.flatnonzero(marks), n_joints, max_per_joint)
    return peaks, starts


@compiled()
def _mark_maxima(heatmaps: NDArray[np.float32], threshold: np.float32, marks: NDArray[np.bool_]) -> None:
    """True where a cell exceeds the threshold and its neighbours; of equal cells the first one in reading order."""
    n_joints, height, width = marks.shape
    for joint in range(n_joints):
        heatmap = heatmaps[joint]
        for y in range(1, height - 1):
            above, row, below, out = heatmap[y - 1], heatmap[y], heatmap[y + 1], marks[joint, y]
            for x in range(1, width - 1):  # without branches: vectorised
                value = row[x]
                out[x] = (
                    (value > threshold)
                    & (value > above[x - 1])
                    & (value > above[x])
                    & (value > above[x + 1])
                    & (value > row[x - 1])
                    & (value >= row[x + 1])
                    & (value >= below[x - 1])
                    & (value >= below[x])
                    & (value >= below[x + 1])
                )
        for y in range(height):
            for x in range(0, width, max(width - 1, 1) if 0 < y < height - 1 else 1):  # the border
                if heatmap[y, x] > threshold:
                    marks[joint, y, x] = is_maximum(heatmap, x, y)


@compiled()
def is_maximum(heatmap: NDArray[np.float32], x: int, y: int) -> bool:
    """As in `_mark_maxima`, for any cell."""
    height, width = heatmap.shape
    value = heatmap[y, x]
    for j in range(max(y - 1, 0), min(y + 2, height)):
        for i in range(max(x - 1, 0), min(x + 2, width)):
            passed = j < y or (j == y and i < x)
            if heatmap[j, i] > value or (passed and heatmap[j, i] == value):
                return False
    return True


@compiled()
def _refine_all(
    heatmaps: NDArray[np.float32], cells: NDArray[np.intp], n_joints: int, max_per_joint: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Candidates out of the flat positions of the maxima; see `find_peaks`."""
    height, width = heatmaps.shape[1:]
    peaks = np.empty((len(cells), 3), dtype=np.float32)
    starts = np.zeros(n_joints + 1, dtype=np.int64)
    n, i = 0, 0
    for joint in range(n_joints):
        while i < len(cells) and cells[i] < (joint + 1) * height * width:
            y, x = divmod(cells[i] - joint * height * width, width)
            peaks[n, 0], peaks[n, 1], peaks[n, 2] = refine_peak(heatmaps[joint], x, y)
            n, i = n + 1, i + 1
        first = starts[joint]
        if n - first > max_per_joint:
            kept = np.sort(np.argsort(-peaks[first:n, 2])[:max_per_joint])
            for k in range(max_per_joint):
                peaks[first + k] = peaks[first + kept[k]]
            n = first + max_per_joint
        starts[joint + 1] = n
    return peaks[:n], starts


@compiled()
def refine_peak(heatmap: NDArray[np.float32], x: int, y: int) -> tuple[float, float, float]:
    """Apex `x, y, height` of the maximum at a cell; a cell that is none is moved by at most half a cell."""
    height, width = heatmap.shape
    dx, dy, rise_x, rise_y = 0.0, 0.0, 1.0, 1.0
    if width >= 3:  # at the border the parabola of the three nearest cells is continued, but for its height
        centre = min(max(x, 1), width - 2)
        offset, rise_x = _apex(heatmap[y, centre - 1], heatmap[y, centre], heatmap[y, centre + 1])
        dx = centre - x + offset
        rise_x = rise_x if centre == x else 1.0
    if height >= 3:
        centre = min(max(y, 1), height - 2)
        offset, rise_y = _apex(heatmap[centre - 1, x], heatmap[centre, x], heatmap[centre + 1, x])
        dy = centre - y + offset
        rise_y = rise_y if centre == y else 1.0
    return x + min(max(dx, -0.5), 0.5), y + min(max(dy, -0.5), 0.5), heatmap[y, x] * rise_x * rise_y


@compiled()
def _apex(left: float, centre: float, right: float) -> tuple[float, float]:
    """Offset of the apex of a Gaussian through three cells from the middle one, and its height relative to that."""
    floor = 1e-3
    a, b, c = math.log(max(left, floor)), math.log(max(centre, floor)), math.log(max(right, floor))
    curvature = a - 2.0 * b + c
    if curvature > -1e-6:
        return 0.0, 1.0
    offset = min(max(0.5 * (a - c) / curvature, -1.5), 1.5)
    return offset, math.exp(offset * (0.5 * (c - a) + 0.5 * curvature * offset))
