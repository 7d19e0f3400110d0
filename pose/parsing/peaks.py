"""Heatmaps to joint candidates: 3 x 3 maxima at map resolution, refined below the cell.

Heatmaps are Gaussian, so their logarithm is a parabola and three cells per axis give its apex exactly.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray


@numba.njit(nogil=True, cache=True)
def _apex(left: float, centre: float, right: float) -> tuple[float, float]:
    """Offset of the apex of a Gaussian through three cells from the middle one, and its height relative to that."""
    floor = 1e-3
    a, b, c = math.log(max(left, floor)), math.log(max(centre, floor)), math.log(max(right, floor))
    curvature = a - 2.0 * b + c
    if curvature > -1e-6:
        return 0.0, 1.0
    offset = min(max(0.5 * (a - c) / curvature, -1.5), 1.5)
    return offset, math.exp(offset * (0.5 * (c - a) + 0.5 * curvature * offset))


@numba.njit(nogil=True, cache=True)
def find_peaks(
    heatmaps: NDArray[np.float32], n_joints: int, threshold: float, max_per_joint: int
) -> tuple[NDArray[np.float32], NDArray[np.int64], bool]:
    """Local maxima of the first `n_joints` heatmaps.

    Args:
        heatmaps: (>= n_joints, h, w) float32, C order.
        n_joints: number of leading channels to search.
        threshold: smallest value of a maximum.
        max_per_joint: how many maxima of a joint are kept, the highest.

    Returns:
        (n, 3) float32 candidates `x, y, height of the apex`, in cells, by joint and inside a joint by row;
        (n_joints + 1,) int64 where each joint's candidates start;
        whether all values of the searched channels are finite (if not, the rest means nothing).
    """
    height, width = heatmaps.shape[1:]
    peaks = np.empty((64 * n_joints, 3), dtype=np.float32)
    starts = np.zeros(n_joints + 1, dtype=np.int64)
    n = 0
    for joint in range(n_joints):
        heatmap = heatmaps[joint]
        for y in range(height):
            row = heatmap[y]
            high, broken = 0, 0
            for x in range(width):  # whole rows first: this loop is vectorised
                high += row[x] > threshold
                broken += not abs(row[x]) < 1e30
            if broken:
                return peaks[:0], starts, False
            if not high:
                continue
            above, below = max(y - 1, 0), min(y + 1, height - 1)
            for x in range(width):
                value = row[x]
                if not value > threshold:
                    continue
                before, after = max(x - 1, 0), min(x + 1, width - 1)
                # Strict towards cells already passed, so that a plateau gives one peak.
                if (
                    (x > 0 and row[before] >= value)
                    or row[after] > value
                    or (y > 0 and (heatmap[above, before] >= value or heatmap[above, x] >= value))
                    or (y > 0 and heatmap[above, after] >= value)
                    or heatmap[below, before] > value
                    or heatmap[below, x] > value
                    or heatmap[below, after] > value
                ):
                    continue
                if n == len(peaks):
                    grown = np.empty((2 * n, 3), dtype=np.float32)
                    grown[:n] = peaks
                    peaks = grown
                dx, dy, rise_x, rise_y = 0.0, 0.0, 1.0, 1.0
                if width >= 3:  # at the border the parabola of the three nearest cells is continued
                    centre = min(max(x, 1), width - 2)
                    offset, rise_x = _apex(row[centre - 1], row[centre], row[centre + 1])
                    dx = centre - x + offset
                if height >= 3:
                    centre = min(max(y, 1), height - 2)
                    offset, rise_y = _apex(heatmap[centre - 1, x], heatmap[centre, x], heatmap[centre + 1, x])
                    dy = centre - y + offset
                peaks[n, 0] = x + min(max(dx, -0.5), 0.5)
                peaks[n, 1] = y + min(max(dy, -0.5), 0.5)
                # Inside the map the apex is at most 1.4 times its cell; at the border it may lie anywhere outside.
                peaks[n, 2] = value * min(rise_x, 1.5) * min(rise_y, 1.5)
                n += 1
        first = starts[joint]
        if n - first > max_per_joint:
            kept = np.sort(np.argsort(-peaks[first:n, 2])[:max_per_joint])
            for i in range(max_per_joint):
                peaks[first + i] = peaks[first + kept[i]]
            n = first + max_per_joint
        starts[joint + 1] = n
    return peaks[:n], starts, True
