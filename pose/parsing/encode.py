"""People to ideal maps: training targets, known scenes for tests, and the inverse of the parser.

Heatmaps are Gaussians, the maximum over people; part affinity fields are unit vectors along each limb, averaged where
limbs of several people overlap (Cao et al., Realtime Multi-Person 2D Pose Estimation using Part Affinity Fields,
https://arxiv.org/abs/1611.08050, equations 1 to 9).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from pose.maps import MapLayout, Maps, pixels_to_cells
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
    skeleton, stride = layout.skeleton, layout.stride
    shape = (-(-height // stride), -(-width // stride))
    heatmaps = np.zeros((layout.n_heatmaps, *shape), dtype=np.float32)
    pafs = np.zeros((layout.n_pafs, *shape), dtype=np.float32)
    drawn = np.zeros((len(skeleton.limbs), *shape), dtype=np.int32)
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    for person in people:
        if len(person.keypoints) != len(skeleton):
            raise ValueError(f"expected keypoints of shape {(len(skeleton), 3)}, got {person.keypoints.shape}")
        cells = pixels_to_cells(person.keypoints[:, :2], stride)
        for heatmap, (x, y), seen in zip(heatmaps, cells, person.visible, strict=False):
            if seen:
                squared = (columns - x) ** 2 + (rows - y) ** 2
                np.maximum(heatmap, np.exp(squared * (-0.5 * (stride / sigma) ** 2)), out=heatmap)
        for limb, (a, b) in enumerate(skeleton.limb_indices):
            if person.visible[a] and person.visible[b]:
                field, mask = _limb_field(cells[a], cells[b], columns, rows, limb_half_width / stride)
                pafs[list(layout.limb_channels[limb])] += field[:, None, None] * mask
                drawn[limb] += mask
    for limb, channels in enumerate(layout.limb_channels):
        pafs[list(channels)] /= np.maximum(drawn[limb], 1)
    heatmaps[-1] = 1 - heatmaps[:-1].max(axis=0)
    return Maps(heatmaps, pafs, layout)


def _limb_field(
    start: NDArray[np.float64],
    end: NDArray[np.float64],
    columns: NDArray[np.float32],
    rows: NDArray[np.float32],
    half_width: float,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Unit vector of a limb and the cells it covers; none when its joints coincide."""
    length = float(np.hypot(*(end - start)))
    if length == 0:
        return np.zeros(2), np.zeros(rows.shape, dtype=np.bool_)
    unit = (end - start) / length
    dx, dy = columns - start[0], rows - start[1]
    along = dx * unit[0] + dy * unit[1]
    across = dx * unit[1] - dy * unit[0]
    # The ends reach as far as the sides, so that even a limb shorter than a cell covers some cell's centre.
    mask = (along >= -half_width) & (along <= length + half_width) & (np.abs(across) <= half_width)
    return unit, mask
