"""Maps of a centre network (`pose.networks.movenet`) to people: as many as there are centres.

The published graph stops at six people; here every local maximum of the centres is one. Its regression says about where
each joint is. The cell with the highest belief near there is the joint's, and that cell's offset says where in it.

A place in cells times the stride is a place in pixels, pixel centres at whole numbers: of shifts by fractions of a cell
from -0.25 to 0.25 this one is the best on COCO (300 images, .370 AP at 448 pixels; half a cell away it is .313).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pose.compiled import compiled
from pose.maps import CenterMaps
from pose.parsing.peaks import is_maximum
from pose.people import Person

_LEAST = 0.02  # belief of a centre
_RADIUS = 2  # cells around a centre in which it is the highest, as in the published graph
_MOST = 1000
_SPREAD = 0.2  # of the search around a regressed joint, share of the person's size
_REACH = 3.0  # spreads
_VISIBLE = 0.127  # belief of the joints that a person's score is the mean of, as in the published graph

# How likely a person is right, by belief and size: a logistic curve fitted on 300 images at sizes 256 to 640; its label
# is the share of the OKS thresholds 0.50 to 0.95 that the person passes, 0 for one of several on the same body.
_SCORE_BELIEF, _SCORE_SIZE, _SCORE_SIZE_2, _SCORE_SHIFT = 2.07, 0.466, -0.548, 2.75
_USUAL_SIZE = 100.0  # pixels of the network's input


def find_centered_people(maps: CenterMaps, max_people: int = _MOST) -> list[Person]:
    """People of one image, best first; keypoints in pixels of the network's input, every joint there.

    A joint's confidence is its belief times its nearness to the regression; a person's score says how likely it is
    right, given its size: people of 60 to 200 pixels are seen best.
    """
    if maps.box_scales is None:
        raise ValueError("expected a network that gives boxes")
    cells, beliefs = _find_centers(maps.centers[0], _LEAST, _RADIUS, max_people)
    boxes = np.maximum(maps.box_scales[:, cells[:, 0], cells[:, 1]], 0.5)
    sizes = np.sqrt(boxes[0] * boxes[1])
    spreads = np.maximum(_SPREAD * sizes, 1).astype(np.float32)
    joints = _read_joints(cells, maps.heatmaps, maps.regressions, maps.offsets, spreads)
    joints[:, :, :2] *= maps.layout.stride
    visible = joints[:, :, 2] > _VISIBLE
    means = np.where(visible, joints[:, :, 2], 0).sum(axis=1) / np.maximum(visible.sum(axis=1), 1)
    means = np.where(visible.any(axis=1), means, joints[:, :, 2].mean(axis=1) / 2)
    relative = np.log(np.maximum(sizes * maps.layout.stride, 8) / _USUAL_SIZE)
    z = _SCORE_BELIEF * np.log(np.maximum(beliefs * means, 1e-4)) + _SCORE_SIZE * relative
    scores = 1 / (1 + np.exp(-(z + _SCORE_SIZE_2 * relative**2 + _SCORE_SHIFT)))
    order = np.argsort(-scores, kind="stable")
    return [Person(joints[i], float(scores[i]), skeleton=maps.layout.skeleton) for i in order]


@compiled()
def _find_centers(
    centers: NDArray[np.float32], least: float, radius: int, most: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Maxima of (h, w) beliefs within `radius` cells: (n, 2) y, x and (n,) their beliefs, highest first."""
    height, width = centers.shape
    cells = np.empty((height * width, 2), dtype=np.int64)
    beliefs = np.empty(height * width, dtype=np.float32)
    n = 0
    for y in range(height):
        for x in range(width):
            value = centers[y, x]
            if not value > least:
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


@compiled()
def _read_joints(
    cells: NDArray[np.int64],
    heatmaps: NDArray[np.float32],
    regressions: NDArray[np.float32],
    offsets: NDArray[np.float32],
    spreads: NDArray[np.float32],
) -> NDArray[np.float32]:
    """(n, K, 3) x, y in cells and belief times nearness, of the people with middles in `cells`."""
    n, n_joints = len(cells), len(heatmaps)
    height, width = heatmaps.shape[1:]
    found = np.empty((n, n_joints, 3), dtype=np.float32)
    for person in range(n):
        cy, cx = cells[person]
        reach = _REACH * spreads[person]
        for joint in range(n_joints):
            py = cy + regressions[2 * joint, cy, cx]
            px = cx + regressions[2 * joint + 1, cy, cx]
            best, by, bx = -1.0, 0, 0
            for y in range(_inside(np.ceil(py - reach), height), _inside(np.floor(py + reach), height) + 1):
                for x in range(_inside(np.ceil(px - reach), width), _inside(np.floor(px + reach), width) + 1):
                    value = heatmaps[joint, y, x] * np.exp(-((y - py) ** 2 + (x - px) ** 2) / spreads[person] ** 2)
                    if value > best:
                        best, by, bx = value, y, x
            found[person, joint, 0] = bx + offsets[2 * joint + 1, by, bx]
            found[person, joint, 1] = by + offsets[2 * joint, by, bx]
            found[person, joint, 2] = max(best, 0.0)
    return found


@compiled()
def _inside(position: float, length: int) -> int:
    return min(max(int(position), 0), length - 1)


@compiled()
def read_person(
    centers: NDArray[np.float32],
    heatmaps: NDArray[np.float32],
    regressions: NDArray[np.float32],
    offsets: NDArray[np.float32],
    middle: NDArray[np.float64],
    width_of_middle: float,
    prior: NDArray[np.float64],
    slack: float,
    n_places: int,
) -> NDArray[np.float32]:
    """(K, n_places, 3) x, y in cells and belief of the one person near `middle` (x, y) with joints about at `prior`.

    The middle is the highest centre by a Gaussian of `width_of_middle`. A joint's places are the highest maxima, best
    first, of the belief over the distances to regression and prior (K, 2), each with `slack` cells added; NaN in the
    prior leaves that distance out. Where there are fewer places, the others are NaN, NaN, 0; where there is none, the
    first one is the regression with a belief of 0.
    """
    height, width = heatmaps.shape[1:]
    best, cy, cx = -1.0, 0, 0
    for y in range(height):
        for x in range(width):
            d2 = (y - middle[1]) ** 2 + (x - middle[0]) ** 2
            value = centers[y, x] * np.exp(-d2 / width_of_middle**2)
            if value > best:
                best, cy, cx = value, y, x
    n_joints = len(heatmaps)
    found = np.full((n_joints, n_places, 3), np.nan, dtype=np.float32)
    found[:, :, 2:] = 0
    weighed = np.empty((height, width), dtype=np.float32)
    values = np.empty(n_places, dtype=np.float32)
    for joint in range(n_joints):
        ry, rx = cy + regressions[2 * joint, cy, cx], cx + regressions[2 * joint + 1, cy, cx]
        px, py = prior[joint]
        known = np.isfinite(px) and np.isfinite(py)
        for y in range(height):
            for x in range(width):
                value = heatmaps[joint, y, x] / (np.sqrt((y - ry) ** 2 + (x - rx) ** 2) + slack)
                if known:
                    value /= np.sqrt((y - py) ** 2 + (x - px) ** 2) + slack
                weighed[y, x] = value
        values[:] = 0
        for y in range(height):
            for x in range(width):
                value = weighed[y, x]
                if not value > values[-1] or not is_maximum(weighed, x, y):
                    continue
                rank = n_places - 1
                while rank > 0 and value > values[rank - 1]:
                    values[rank] = values[rank - 1]
                    found[joint, rank] = found[joint, rank - 1]
                    rank -= 1
                values[rank] = value
                found[joint, rank, 0] = x + offsets[2 * joint + 1, y, x]
                found[joint, rank, 1] = y + offsets[2 * joint, y, x]
                found[joint, rank, 2] = heatmaps[joint, y, x]
        if not values[0] > 0:
            found[joint, 0, 0], found[joint, 0, 1] = rx, ry
    return found
