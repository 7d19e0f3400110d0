"""Maps of a centre network (`pose.networks.movenet`) to people: as many as there are centres.

The published graph stops at six people; here every local maximum of the centres is one. Its regression says about where
each joint is, the highest belief near there says which cell it is, that cell's offset where in the cell.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray


@numba.njit(nogil=True, cache=True)
def find_centers(
    centers: NDArray[np.float32], threshold: float, radius: int, most: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Maxima of (h, w) beliefs within `radius` cells: (n, 2) y, x and (n,) their beliefs, highest first."""
    height, width = centers.shape
    cells = np.empty((height * width, 2), dtype=np.int64)
    beliefs = np.empty(height * width, dtype=np.float32)
    n = 0
    for y in range(height):
        for x in range(width):
            value = centers[y, x]
            if not value > threshold:
                continue
            highest = True
            for j in range(max(y - radius, 0), min(y + radius + 1, height)):
                for i in range(max(x - radius, 0), min(x + radius + 1, width)):
                    passed = j < y or (j == y and i < x)
                    if centers[j, i] > value or (passed and centers[j, i] == value):
                        highest = False
                        break
                if not highest:
                    break
            if highest:
                cells[n, 0], cells[n, 1], beliefs[n] = y, x, value
                n += 1
    order = np.argsort(-beliefs[:n], kind="mergesort")[:most]
    return cells[order], beliefs[order]


@numba.njit(nogil=True, cache=True)
def read_joints(
    cells: NDArray[np.int64],
    heatmaps: NDArray[np.float32],
    regressions: NDArray[np.float32],
    offsets: NDArray[np.float32],
    spreads: NDArray[np.float32],
    reach: float,
) -> NDArray[np.float32]:
    """(n, K, 4) x, y in cells, belief, nearness."""
    n, n_joints = len(cells), len(heatmaps)
    height, width = heatmaps.shape[1:]
    found = np.empty((n, n_joints, 4), dtype=np.float32)
    for person in range(n):
        cy, cx = cells[person]
        s2 = spreads[person] * spreads[person]
        r = reach * spreads[person]
        for joint in range(n_joints):
            py = cy + regressions[2 * joint, cy, cx]
            px = cx + regressions[2 * joint + 1, cy, cx]
            best, by, bx, near = -1.0, 0, 0, 0.0
            y0 = min(max(int(np.ceil(py - r)), 0), height - 1)
            y1 = min(max(int(np.floor(py + r)), 0), height - 1)
            x0 = min(max(int(np.ceil(px - r)), 0), width - 1)
            x1 = min(max(int(np.floor(px + r)), 0), width - 1)
            for y in range(y0, y1 + 1):
                for x in range(x0, x1 + 1):
                    g = np.exp(-((y - py) ** 2 + (x - px) ** 2) / s2)
                    value = heatmaps[joint, y, x] * g
                    if value > best:
                        best, by, bx, near = value, y, x, g
            found[person, joint, 0] = bx + offsets[2 * joint + 1, by, bx]
            found[person, joint, 1] = by + offsets[2 * joint, by, bx]
            found[person, joint, 2] = heatmaps[joint, by, bx]
            found[person, joint, 3] = near
    return found
