"""Belief maps of a convolutional pose machine -> the joints of the one in the crop's middle.

The network itself decides whose joints it believes in, so each is the highest maximum of its map, below the cell by the
parabola through its logarithm (`pose.parsing.peaks`). A prior, where there is one, decides between maxima.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pose.compiled import compiled
from pose.maps import BeliefMaps, cells_to_pixels, pixels_to_cells
from pose.parsing.peaks import is_maximum, refine_peak

_SLACK = 2.0  # cells


def find_joints(maps: BeliefMaps, prior: NDArray[np.float64] | None = None) -> NDArray[np.float32]:
    """(K, 3) x, y in pixels of the crop and belief in [0, 1] of each joint; NaN where its map holds no number.

    `prior` (K, 2) is where the joints are about, pixels of the crop; NaN, or None for all, where nothing is known.
    """
    stride, n_joints = maps.layout.stride, len(maps.layout.skeleton)
    places = np.full((n_joints, 2), np.nan) if prior is None else pixels_to_cells(prior, stride)
    joints = read_beliefs(np.require(maps.heatmaps, np.float32, ["C"]), places, _SLACK)
    joints[:, :2] = cells_to_pixels(joints[:, :2], stride)
    return joints


@compiled()
def read_beliefs(heatmaps: NDArray[np.float32], prior: NDArray[np.float64], slack: float) -> NDArray[np.float32]:
    """(K, 3) x, y in cells and belief in [0, 1] of each joint; NaN where its map holds no number.

    Args:
        heatmaps: (K or more, h, w) float32, C order; what stands behind the first K is not read.
        prior: (K, 2) x, y in cells where the joints are about; NaN where nothing is known.
        slack: cells; a maximum counts by its value over its distance to the prior with so many cells added.
    """
    height, width = heatmaps.shape[1:]
    n_joints = len(prior)
    found = np.empty((n_joints, 3), dtype=np.float32)
    for joint in range(n_joints):
        px, py = prior[joint]
        known = np.isfinite(px) and np.isfinite(py)
        best, by, bx = -np.inf, 0, 0
        for y in range(height):
            for x in range(width):
                value = heatmaps[joint, y, x]
                if known and value > 0:
                    value /= np.sqrt((y - py) ** 2 + (x - px) ** 2) + slack
                if value > best and is_maximum(heatmaps[joint], x, y):
                    best, by, bx = value, y, x
        if best == -np.inf:
            found[joint] = np.nan
            continue
        apex_x, apex_y, belief = refine_peak(heatmaps[joint], bx, by)
        found[joint, 0], found[joint, 1], found[joint, 2] = apex_x, apex_y, min(max(belief, 0.0), 1.0)
    return found
