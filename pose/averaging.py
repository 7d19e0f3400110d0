"""Maps of several looks at one image, mirrored and at other sizes, to their mean (`--accuracy high`).

The mean over looks needs one grid. Sizes differ by one factor per axis around the image's top left corner, since every
look's image lies there on its canvas (see `pose.preprocess`): `(cell + 0.5) / scale` is the same point in all of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pose.maps import MapLayout, Maps


def mirror(maps: Maps) -> Maps:
    """Maps of a canvas flipped left to right as those of the canvas itself: left and right joints change places.

    Raises `ValueError` when the layout lacks the mirror image of one of its limbs.
    """
    heat, paf, sign = _mirror_channels(maps.layout)
    heatmaps = maps.heatmaps[heat, :, ::-1]
    pafs = maps.pafs[paf, :, ::-1] * sign[:, None, None]
    return Maps(np.ascontiguousarray(heatmaps), np.ascontiguousarray(pafs), maps.layout)


def merge(looks: Sequence[Maps], scales: Sequence[tuple[float, float]]) -> Maps:
    """The mean of several looks, on the grid of the first one.

    Args:
        looks: maps of one image, none mirrored.
        scales: pixels of the network's input per pixel of the image along x and along y, per look.
    """
    if not looks or len(looks) != len(scales):
        raise ValueError(f"expected one scale per look and at least one look, got {len(looks)} and {len(scales)}")
    first, (scale_x, scale_y) = looks[0], scales[0]
    height, width = first.heatmaps.shape[1:]
    heatmaps, pafs = np.zeros_like(first.heatmaps), np.zeros_like(first.pafs)
    for look, (look_x, look_y) in zip(looks, scales, strict=True):
        rows = _cubic(height, look.heatmaps.shape[1], look_y / scale_y)
        columns = _cubic(width, look.heatmaps.shape[2], look_x / scale_x).T
        heatmaps += rows @ look.heatmaps @ columns
        pafs += rows @ look.pafs @ columns
    share = np.float32(1 / len(looks))
    return Maps(heatmaps * share, pafs * share, first.layout)


def _mirror_channels(layout: MapLayout) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    """Which channel each heatmap and each field is taken from, and the sign of each field."""
    partner = layout.skeleton.mirror_indices
    heat = np.append(partner, len(layout.skeleton))  # the background is its own mirror image
    limbs = {(a, b): channels for (a, b), channels in zip(_pairs(layout), layout.limb_channels, strict=True)}
    paf = np.empty(layout.n_pafs, dtype=np.intp)
    sign = np.empty(layout.n_pafs, dtype=np.float32)
    for (a, b), (x, y) in limbs.items():
        mirrored = (int(partner[a]), int(partner[b]))
        if mirrored not in limbs:
            raise ValueError(f"skeleton {layout.skeleton.name} has no mirror image of its limb {a}-{b}")
        paf[[x, y]] = limbs[mirrored]
        sign[[x, y]] = -1, 1
    return heat, paf, sign


def _pairs(layout: MapLayout) -> list[tuple[int, int]]:
    return [(int(a), int(b)) for a, b in layout.skeleton.limb_indices]


def _cubic(n_out: int, n_in: int, factor: float) -> NDArray[np.float32]:
    """(n_out, n_in) cubic convolution (Keys 1981, a = -0.75 as in OpenCV) at `(i + 0.5) * factor - 0.5`, ends held."""
    weights = np.zeros((n_out, n_in), dtype=np.float32)
    positions = (np.arange(n_out) + 0.5) * factor - 0.5
    cells = np.floor(positions).astype(np.intp)
    for offset in range(-1, 3):
        d = np.abs(positions - (cells + offset))
        near = 1.25 * d**3 - 2.25 * d**2 + 1
        far = -0.75 * (d**3 - 5 * d**2 + 8 * d - 4)
        weight = np.where(d <= 1, near, np.where(d < 2, far, 0))
        np.add.at(weights, (np.arange(n_out), np.clip(cells + offset, 0, n_in - 1)), weight)
    return weights
