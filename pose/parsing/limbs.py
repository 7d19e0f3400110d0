"""Part affinity fields to limb scores: line integrals between joint candidates."""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray


@numba.njit(nogil=True, cache=True)
def all_finite(values: NDArray[np.float32]) -> bool:
    """Whether no value is NaN or infinite; (c, h, w) float32."""
    for channel in values:
        for row in channel:
            broken = 0
            for x in range(len(row)):
                broken += not abs(row[x]) < 1e30
            if broken:
                return False
    return True


@numba.njit(nogil=True, cache=True)
def _along(
    field_x: NDArray[np.float32], field_y: NDArray[np.float32], x: float, y: float, ux: float, uy: float
) -> float:
    """Component of the field along (ux, uy) at a point inside the map, bilinear."""
    height, width = field_x.shape
    x, y = min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)
    column, row = int(x), int(y)
    right, below = min(column + 1, width - 1), min(row + 1, height - 1)
    fx, fy = x - column, y - row
    top_x = field_x[row, column] + fx * (field_x[row, right] - field_x[row, column])
    top_y = field_y[row, column] + fx * (field_y[row, right] - field_y[row, column])
    bottom_x = field_x[below, column] + fx * (field_x[below, right] - field_x[below, column])
    bottom_y = field_y[below, column] + fx * (field_y[below, right] - field_y[below, column])
    return float(ux * (top_x + fy * (bottom_x - top_x)) + uy * (top_y + fy * (bottom_y - top_y)))


@numba.njit(nogil=True, cache=True)
def score_limbs(
    pafs: NDArray[np.float32],
    peaks: NDArray[np.float32],
    starts: NDArray[np.int64],
    limbs: NDArray[np.int64],
    channels: NDArray[np.int64],
    positions: NDArray[np.float64],
    threshold: float,
    max_misses: int,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Pairs of candidates that the field connects.

    Args:
        pafs: (c, h, w) float32, C order.
        peaks: (n, 3) float32 candidates as `find_peaks` gives them.
        starts: (n_joints + 1,) int64 where each joint's candidates start.
        limbs: (l, 2) int64 joints of each limb.
        channels: (l, 2) int64 x and y channel of each limb.
        positions: (s,) where the field is sampled, as shares of the way; tested in this order.
        threshold: smallest component along the limb of a sample that counts as hit.
        max_misses: a pair with more misses is dropped.

    Returns:
        (m, 3) int64 `limb, candidate, candidate` and (m,) float32 mean component along the limb.
    """
    pairs = np.empty((256, 3), dtype=np.int64)
    scores = np.empty(256, dtype=np.float32)
    n, n_samples = 0, len(positions)
    for limb in range(len(limbs)):
        field_x, field_y = pafs[channels[limb, 0]], pafs[channels[limb, 1]]
        for a in range(starts[limbs[limb, 0]], starts[limbs[limb, 0] + 1]):
            ax, ay = peaks[a, 0], peaks[a, 1]
            for b in range(starts[limbs[limb, 1]], starts[limbs[limb, 1] + 1]):
                dx, dy = peaks[b, 0] - ax, peaks[b, 1] - ay
                length = math.sqrt(dx * dx + dy * dy)
                if length < 1e-3:
                    continue
                ux, uy = dx / length, dy / length
                misses, total = 0, 0.0
                for position in positions:
                    value = _along(field_x, field_y, ax + position * dx, ay + position * dy, ux, uy)
                    total += value
                    if value < threshold:
                        misses += 1
                        if misses > max_misses:
                            break
                if misses > max_misses:
                    continue
                if n == len(scores):
                    more_pairs = np.empty((2 * n, 3), dtype=np.int64)
                    more_pairs[:n] = pairs
                    more_scores = np.empty(2 * n, dtype=np.float32)
                    more_scores[:n] = scores
                    pairs, scores = more_pairs, more_scores
                pairs[n, 0], pairs[n, 1], pairs[n, 2] = limb, a, b
                scores[n] = total / n_samples
                n += 1
    return pairs[:n], scores[:n]
