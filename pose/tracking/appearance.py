"""Colours of a person's clothes, to tell people apart where motion can't."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pose.people import Person
from pose.skeleton import Skeleton
from pose.tracking.costs import Array

_HUES, _GREYS = 8, 4
_REGION = 2 * _HUES + _GREYS
CLOTHING_SIZE = 2 * _REGION
"""Length of the descriptor of `clothing`."""

_ACROSS, _DOWN = 6, 10  # points looked at on the trunk


def clothing(image: NDArray[np.uint8], people: Sequence[Person], skeleton: Skeleton) -> Array:
    """A colour histogram of each person's trunk and thighs.

    Args:
        image: (H, W, 3) uint8 BGR, the frame in which the people were found.
        people: N of them.
        skeleton: any; joints of the trunk and thighs that it lacks count as missing.

    Returns:
        (N, CLOTHING_SIZE) float64: 8 hues, dark and bright, and 4 greys, of the trunk, then of the thighs; sums to 1. A
        region whose joints are missing, or lie outside the image, is spread evenly; without any, the row is NaN.
    """
    result = np.full((len(people), CLOTHING_SIZE), np.nan)
    if not people:
        return result
    points = np.stack([person.keypoints[:, :2] for person in people]).astype(np.float64)
    nowhere = np.full((len(people), 2), np.nan)
    rs, ls, rh, lh, rk, lk = (
        points[:, skeleton.index(f"{side}_{joint}")] if f"{side}_{joint}" in skeleton.joints else nowhere
        for joint in ("shoulder", "hip", "knee")
        for side in ("right", "left")
    )
    u, v = (
        grid.ravel()[:, None, None]
        for grid in np.meshgrid(np.linspace(0.1, 0.9, _ACROSS), np.linspace(0.1, 0.9, _DOWN))
    )
    trunk = (1 - v) * ((1 - u) * rs + u * ls) + v * ((1 - u) * rh + u * lh)  # (points, N, 2)
    w = np.linspace(0.1, 0.8, 2 * _DOWN)[:, None, None]
    thighs = np.concatenate([(1 - w) * rh + w * rk, (1 - w) * lh + w * lk])
    regions = [_histogram(image, np.moveaxis(region, 0, 1)) for region in (trunk, thighs)]
    counts = [region.sum(axis=1, keepdims=True) for region in regions]
    even = np.full(_REGION, 1 / _REGION)
    shares = [np.where(n > 0, region / np.fmax(n, 1), even) for region, n in zip(regions, counts, strict=True)]
    some = (counts[0] + counts[1] > 0)[:, 0]
    result[some] = np.concatenate(shares, axis=1)[some] / 2
    return result


def _histogram(image: NDArray[np.uint8], points: Array) -> Array:
    """(N, _REGION) counts of the colours at (N, P, 2) points; those missing or outside are left out."""
    height, width = image.shape[:2]
    column, row = (np.nan_to_num(np.rint(points[..., axis]), nan=-1.0) for axis in (0, 1))
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    pixels = image[np.where(inside, row, 0).astype(np.intp), np.where(inside, column, 0).astype(np.intp)].astype(
        np.float64
    )
    blue, green, red = np.moveaxis(pixels, -1, 0)
    value, chroma = pixels.max(axis=-1), np.ptp(pixels, axis=-1)
    # Hue as the angle of the colour's opponents, saturation as chroma over value.
    hue = np.arctan2(np.sqrt(3) * (green - blue), 2 * red - green - blue) / (2 * np.pi) % 1.0
    coloured = chroma > 0.2 * np.fmax(value, 30.0)
    chromatic = np.minimum((hue * _HUES).astype(np.intp), _HUES - 1) + _HUES * (value > 110)
    grey = 2 * _HUES + np.minimum((value / 64).astype(np.intp), _GREYS - 1)
    colour = np.where(coloured, chromatic, grey)
    counts = np.zeros((len(points), _REGION))
    person = np.broadcast_to(np.arange(len(points))[:, None], colour.shape)
    np.add.at(counts, (person[inside], colour[inside]), 1.0)
    return counts
