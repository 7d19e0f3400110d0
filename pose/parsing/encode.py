"""People to ideal maps: training targets, known scenes for tests, and the inverse of the parser.

Heatmaps are Gaussians, the maximum over people; part affinity fields are unit vectors along each limb, averaged where
limbs of several people overlap (Cao et al., Realtime Multi-Person 2D Pose Estimation using Part Affinity Fields,
https://arxiv.org/abs/1611.08050, equations 1 to 9). Belief maps of pose machines are such heatmaps.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from pose.compiled import compiled
from pose.maps import BeliefLayout, MapLayout, Maps, Planes, pixels_to_cells
from pose.people import Person


def encode(
    people: Iterable[Person],
    layout: MapLayout,
    height: int,
    width: int,
    *,
    sigma: float = 7.0,
    limb_half_width: float = 8.0,
) -> Maps:
    """Draws the maps that a perfect network would give for these people.

    Args:
        people: keypoints in pixels of the network's input; joints that are NaN are not drawn.
        layout: which channel is which joint or limb.
        height: of the network's input, pixels; the maps get ceil(height / stride) rows.
        width: of the network's input, pixels.
        sigma: standard deviation of a joint's Gaussian, pixels (OpenPose: 7).
        limb_half_width: distance from a limb's axis up to which its field reaches, pixels (OpenPose: 8).

    Returns:
        Heatmaps in [0, 1] with `1 - max over joints` as background, and fields of length at most 1.
    """
    n_joints = len(layout.skeleton)
    keypoints = [person.keypoints[:, :2] for person in people]
    wrong = [points.shape[0] for points in keypoints if len(points) != n_joints]
    if wrong:
        raise ValueError(f"expected keypoints of shape {(n_joints, 3)}, got {(wrong[0], 3)}")
    points = np.stack(keypoints) if keypoints else np.empty((0, n_joints, 2))
    return layout.maps(encode_points(points, layout, height, width, sigma=sigma, limb_half_width=limb_half_width))


def encode_points(
    points: NDArray[np.floating],
    layout: MapLayout | BeliefLayout,
    height: int,
    width: int,
    *,
    sigma: float = 7.0,
    limb_half_width: float = 8.0,
) -> Planes:
    """`encode` for (n_people, n_joints, 2) x, y in pixels of the network's input: the layout's outputs, fields among
    them where it has some. Releases the GIL."""
    stride = layout.stride
    shape = (-(-height // stride), -(-width // stride))
    planes = {name: np.zeros((n, *shape), dtype=np.float32) for name, n in layout.outputs.items()}
    heatmaps = planes["heatmaps"]
    cells = np.ascontiguousarray(pixels_to_cells(points, stride))
    _draw_joints(cells, heatmaps, -0.5 * (stride / sigma) ** 2)
    if isinstance(layout, MapLayout):
        limbs = layout.skeleton.limb_indices.astype(np.int64)
        channels = np.array(layout.limb_channels, dtype=np.int64).reshape(-1, 2)
        _draw_limbs(cells, limbs, channels, planes["pafs"], limb_half_width / stride)
    heatmaps[-1] = 1 - heatmaps[:-1].max(axis=0)
    return planes


_NOTHING = 1e-7  # of a Gaussian is not drawn


@compiled()
def _window(low: float, high: float, size: int) -> tuple[int, int]:
    """First cell, and the one behind the last, of those from `low` to `high`."""
    return int(max(np.ceil(low), 0)), int(min(np.floor(high), size - 1)) + 1


@compiled()
def _draw_joints(cells: NDArray[np.float64], heatmaps: NDArray[np.float32], exponent: float) -> None:
    """Gaussians `exp(exponent * distance²)`, the greatest of all people in each cell."""
    _, height, width = heatmaps.shape
    reach = np.sqrt(np.log(_NOTHING) / exponent)
    for person in range(cells.shape[0]):
        for joint in range(cells.shape[1]):
            x, y = cells[person, joint]
            if not (np.isfinite(x) and np.isfinite(y)):
                continue
            top, bottom = _window(y - reach, y + reach, height)
            left, right = _window(x - reach, x + reach, width)
            for row in range(top, bottom):
                for column in range(left, right):
                    value = np.exp(exponent * ((column - x) ** 2 + (row - y) ** 2))
                    if value > heatmaps[joint, row, column]:
                        heatmaps[joint, row, column] = value


@compiled()
def _draw_limbs(
    cells: NDArray[np.float64],
    limbs: NDArray[np.int64],
    channels: NDArray[np.int64],
    pafs: NDArray[np.float32],
    half_width: float,
) -> None:
    """Unit vectors in the cells that each limb covers, averaged over people; none when its joints coincide."""
    _, height, width = pafs.shape
    drawn = np.zeros((height, width), dtype=np.int32)
    reach = 1.5 * half_width  # a corner is sqrt(2) half widths from its end
    for limb in range(len(limbs)):
        drawn[:] = 0
        x_field, y_field = pafs[channels[limb, 0]], pafs[channels[limb, 1]]
        for person in range(cells.shape[0]):
            x, y = cells[person, limbs[limb, 0]]
            dx, dy = cells[person, limbs[limb, 1], 0] - x, cells[person, limbs[limb, 1], 1] - y
            length = np.hypot(dx, dy)
            if not np.isfinite(length) or length == 0:
                continue
            ux, uy = dx / length, dy / length
            top, bottom = _window(min(y, y + dy) - reach, max(y, y + dy) + reach, height)
            left, right = _window(min(x, x + dx) - reach, max(x, x + dx) + reach, width)
            for row in range(top, bottom):
                for column in range(left, right):
                    along = (column - x) * ux + (row - y) * uy
                    across = (column - x) * uy - (row - y) * ux
                    # The ends reach as far as the sides, so that even a limb shorter than a cell covers some centre.
                    if -half_width <= along <= length + half_width and abs(across) <= half_width:
                        x_field[row, column] += ux
                        y_field[row, column] += uy
                        drawn[row, column] += 1
        for row in range(height):
            for column in range(width):
                if drawn[row, column] > 1:
                    x_field[row, column] /= drawn[row, column]
                    y_field[row, column] /= drawn[row, column]
