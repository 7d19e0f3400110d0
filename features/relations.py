"""Measures between two people, on plain arrays of the frames they share.

Points are (n, D), image axes as in `features.geometry`. Where a direction of looking is meant, it is what the image
shows of it: the line from the ears to the nose, in the plane of the image. It is a proxy: eyes may look elsewhere than
the nose.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.geometry import angle, box, length
from features.windows import Windows

Array = NDArray[np.float64]


def towards(velocity: Array, origin: Array, target: Array) -> Array:
    """(n,) part of a velocity at `origin` that points at `target`, in its unit; NaN where the two coincide.

    >>> towards(np.array([[2.0, 1.0]]), np.array([[0.0, 0.0]]), np.array([[5.0, 0.0]])).tolist()
    [2.0]
    """
    line = target - origin
    size = length(line)
    along: Array = np.einsum("nd,nd->n", velocity, line)
    return along / np.where(size > 0, size, np.nan)


def nearest(a: Array, b: Array) -> Array:
    """(n,) smallest distance between the joints found among (n, K, D) and (n, L, D); NaN when one has none.

    >>> nearest(np.array([[[0.0, 0.0], [1.0, 0.0]]]), np.array([[[4.0, 4.0]]])).tolist()
    [5.0]
    """
    best = np.full(len(a), np.inf)
    for i in range(a.shape[1]):
        square = ((b - a[:, i : i + 1]) ** 2).sum(axis=-1)
        best = np.fmin(best, np.where(np.isfinite(square), square, np.inf).min(axis=1, initial=np.inf))
    return np.where(np.isfinite(best), np.sqrt(best), np.nan)


def gaze_angle(nose: Array, ears: Array, target: Array) -> Array:
    """(n,) angle between the line ears → nose and the line ears → target, degrees: 0 looking at it, 180 away.

    >>> gaze_angle(np.array([[1.0, 0.0]]), np.array([[0.0, 0.0]]), np.array([[0.0, 9.0]])).round(6).tolist()
    [90.0]
    """
    return angle(nose, ears, target)


def heading_similarity(a: Array, b: Array) -> Array:
    """(n,) cosine of the angle between two velocities: 1 the same way, −1 opposite; NaN when one rests.

    >>> heading_similarity(np.array([[1.0, 0.0]]), np.array([[-3.0, 0.0]])).tolist()
    [-1.0]
    """
    size = length(a) * length(b)
    dot: Array = np.einsum("nd,nd->n", a, b)
    return np.clip(dot / np.where(size > 0, size, np.nan), -1, 1)


def synchrony(a: Array, b: Array, time_s: Array, window_s: float) -> Array:
    """(n,) Pearson correlation of two (n,) series in a window of `window_s` centred on each frame; NaN as in `Windows`.

    Moving-window correlation (S. M. Boker et al., 2002, https://doi.org/10.1037/1082-989X.7.3.338), at lag 0.

    >>> time_s = np.arange(20) / 10
    >>> synchrony(np.sin(time_s), 2 * np.sin(time_s), time_s, 1.0)[10].round(6).tolist()
    1.0
    """
    return Windows(time_s, time_s - window_s / 2, time_s + window_s / 2).correlation(a, b)


def box_overlap(a: Array, b: Array) -> Array:
    """(n,) intersection over union of the boxes around the joints found, (n, K, 2) each; NaN when a box has no area.

    >>> a, b = np.array([[[0.0, 0.0], [2.0, 2.0]]]), np.array([[[1.0, 0.0], [3.0, 2.0]]])
    >>> box_overlap(a, b).round(3).tolist()
    [0.333]
    """
    low_a, high_a = box(a)
    low_b, high_b = box(b)
    common = np.clip(np.minimum(high_a, high_b) - np.maximum(low_a, low_b), 0, None).prod(axis=1)
    size_a, size_b = (high_a - low_a).prod(axis=1), (high_b - low_b).prod(axis=1)
    return np.where(
        (size_a > 0) & (size_b > 0), common / np.where(size_a + size_b > common, size_a + size_b - common, 1), np.nan
    )
