"""Measures within one frame, on plain arrays.

Conventions, for whoever adds the next one:

- Points are (..., D) float64, D = 2 or 3, the last axis x right, y down (as in the image), z away from the camera.
- Angles are in degrees. The angle at a joint is the one between its two limbs: 180° when the limb is straight, 0° when
  it is folded onto itself; it has no sign.
- The inclination of a line pointing up is 0° when it stands upright, positive when it leans to the image's right,
  negative to the left, in (-180°, 180°]; `hanging` measures a limb that points down the same way, so a hanging arm has
  0°.
- The tilt of a line joining a left and a right joint is 0° when it is level, positive when it rises to the image's
  right, in [-90°, 90°].

      inclination          hanging            angle           tilt
       0°                    joint              a              ___ right of the image
       |   / +30°             |  \\             \\         ___--  +
       |  /                   |   \\ +30°         b---c  ---     level = 0°
       | /                    0°

- A missing coordinate is NaN and gives NaN, unless a function says that it takes the joints that were found.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Floats = NDArray[np.floating]


def found_joints(points: Floats) -> NDArray[np.bool_]:
    """(...) whether all coordinates of (..., D) points are there.

    >>> found_joints(np.array([[1.0, 2.0], [np.nan, 2.0]])).tolist()
    [True, False]
    """
    return np.asarray(np.isfinite(points).all(axis=-1))


def length(vectors: Floats) -> Array:
    """Euclidean length of (..., D) vectors.

    >>> float(length(np.array([3.0, 4.0])))
    5.0
    """
    square: Array = np.einsum("...d,...d->...", vectors, vectors)
    return np.sqrt(square)


def distance(a: Floats, b: Floats) -> Array:
    """Euclidean distance between (..., D) points, in their unit.

    >>> float(distance(np.array([1.0, 1.0]), np.array([4.0, 5.0])))
    5.0
    """
    return length(a - b)


def angle(a: Floats, b: Floats, c: Floats) -> Array:
    """Angle at `b` between the directions to `a` and `c`, degrees: 180 straight, 0 folded; NaN for a limb of no length.

    Formula: 2·atan2(|û − v̂|, |û + v̂|), accurate near 0° and 180° too (W. Kahan, How futile are mindless assessments of
    roundoff, 2006, section 12).

    >>> hip, knee, ankle = np.array([0.0, 0.0]), np.array([0.0, 40.0]), np.array([40.0, 40.0])
    >>> float(angle(hip, knee, ankle).round(6))
    90.0
    """
    u, v = unit(a - b), unit(c - b)
    half: Array = np.arctan2(length(u - v), length(u + v))
    return np.degrees(2 * half)


def inclination(base: Array, tip: Array) -> Array:
    """Lean of the line from `base` up to `tip`, degrees in (-180, 180], positive to the image's right; 2-D.

    >>> float(inclination(np.array([0.0, 0.0]), np.array([10.0, -10.0])))
    45.0
    """
    delta = tip - base
    return _direction(delta[..., 0], -delta[..., 1])


def hanging(base: Array, tip: Array) -> Array:
    """Lean of the line from `base` down to `tip`, degrees in (-180, 180], positive to the image's right; 2-D.

    >>> float(hanging(np.array([0.0, 0.0]), np.array([0.0, 30.0])))
    0.0
    """
    delta = tip - base
    return _direction(delta[..., 0], delta[..., 1])


def tilt(a: Array, b: Array) -> Array:
    """Slope of the line through `a` and `b`, degrees in [-90, 90], positive when it rises to the right; 2-D.

    >>> float(tilt(np.array([0.0, 0.0]), np.array([10.0, -10.0])))
    45.0
    """
    delta = b - a
    return _direction(np.where(delta[..., 0] < 0, delta[..., 1], -delta[..., 1]), np.abs(delta[..., 0]))


def lean(base: Array, tip: Array) -> Array:
    """Angle between the line from `base` to `tip` and the upward vertical (-y), degrees in [0, 180]; 2-D or 3-D.

    >>> float(lean(np.array([0.0, 0.0]), np.array([10.0, 0.0])).round(6))
    90.0
    """
    line = unit(tip - base)
    up = np.zeros(line.shape[-1])
    up[1] = -1
    half: Array = np.arctan2(length(line - up), length(line + up))
    return np.degrees(2 * half)


def extents(points: Array) -> Array:
    """(..., D) size along each axis of the joints found among (..., K, D) points; NaN for fewer than two.

    >>> extents(np.array([[1.0, 2.0], [4.0, 6.0], [np.nan, np.nan]])).tolist()
    [3.0, 4.0]
    """
    low, high = box(points)
    return np.where((found_joints(points).sum(axis=-1) >= 2)[..., None], high - low, np.nan)


def box(points: Array) -> tuple[Array, Array]:
    """(..., D) lowest and highest coordinates of the joints found among (..., K, D) points; NaN when none was.

    >>> [corner.tolist() for corner in box(np.array([[1.0, 2.0], [4.0, 6.0]]))]
    [[1.0, 2.0], [4.0, 6.0]]
    """
    found = found_joints(points)[..., None]
    none = ~found.any(axis=-2)
    low = np.where(found, points, np.inf).min(axis=-2)
    high = np.where(found, points, -np.inf).max(axis=-2)
    return np.where(none, np.nan, low), np.where(none, np.nan, high)


def axes(up: Floats, right: Floats) -> Array:
    """(..., 3, 3) right-handed axes, each a row: X forward, Y along `up`, Z along what of `right` is square to it.

    NaN where one of the (..., 3) directions has no length, or both are one line. 3-D.

    >>> axes(np.array([0.0, 2, 0]), np.array([0.0, 1, 3])).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    y = unit(up)
    z = unit(right - np.einsum("...d,...d->...", right, y)[..., None] * y)
    return np.stack([np.cross(y, z), y, z], axis=-2)


def hull_area(points: Array) -> Array:
    """Area of the convex hull of the joints found among (n, K, 2) points; NaN when fewer than three were found.

    Gift wrapping (R. A. Jarvis, 1973, https://doi.org/10.1016/0020-0190(73)90020-3), many frames at once.

    >>> hull_area(np.array([[[0.0, 0.0], [2, 0], [2, 2], [0, 2], [1, 1]]])).tolist()
    [4.0]
    """
    at_once = 4096  # so that what a turn works on stays in the processor's cache
    parts = [_hull_area(points[begin : begin + at_once]) for begin in range(0, len(points), at_once)]
    return np.concatenate([np.empty(0), *parts])


def _hull_area(points: Array) -> Array:
    found = found_joints(points)
    area = np.where(found.sum(axis=1) >= 3, 0.0, np.nan)
    rows = np.flatnonzero(np.isfinite(area))
    if not len(rows):
        return area
    x, y = points[rows, :, 0], points[rows, :, 1]
    # The leftmost joint, of several the lowest in y, is a corner; standing in for the missing ones, it changes nothing.
    leftmost = np.where(found[rows], x, np.inf).min(axis=1, keepdims=True)
    start = np.argmin(np.where(x == leftmost, y, np.inf), axis=1)
    every = np.arange(len(rows))
    start_x, start_y = x[every, start], y[every, start]
    x = np.where(found[rows], x, start_x[:, None]) - start_x[:, None]
    y = np.where(found[rows], y, start_y[:, None]) - start_y[:, None]
    x, y = np.ascontiguousarray(x.T), np.ascontiguousarray(y.T)  # (K, n), corners relative to the start
    at_x, at_y = np.zeros(len(rows)), np.zeros(len(rows))
    for _ in range(points.shape[1]):
        next_x, next_y = x[0], y[0]
        for to_x, to_y in zip(x[1:], y[1:], strict=True):
            ahead_x, ahead_y = next_x - at_x, next_y - at_y
            other_x, other_y = to_x - at_x, to_y - at_y
            turn = ahead_x * other_y - ahead_y * other_x
            farther = other_x**2 + other_y**2 > ahead_x**2 + ahead_y**2
            better = (turn > 0) | ((turn == 0) & farther)
            next_x, next_y = np.where(better, to_x, next_x), np.where(better, to_y, next_y)
        area[rows] -= (at_x * next_y - at_y * next_x) / 2
        going = (next_x != 0) | (next_y != 0)
        if not going.any():
            break
        rows, at_x, at_y = rows[going], next_x[going], next_y[going]
        x, y = x[:, going], y[:, going]
    return area


def asymmetry(left: Array, right: Array, origin: Array, tip: Array) -> Array:
    """Mean distance between the left joints and the right ones reflected across the line origin → tip; 2-D.

    Args:
        left, right: (n, P, 2) joints in pairs.
        origin, tip: (n, 2) two points of the body's axis.

    Returns:
        (n,) in the points' unit: 0 for a body that is its own mirror image; NaN when a joint is missing.

    >>> left, right = np.array([[[3.0, 1.0]]]), np.array([[[-3.0, 2.0]]])
    >>> asymmetry(left, right, np.array([[0.0, 0.0]]), np.array([[0.0, -1.0]])).tolist()
    [1.0]
    """
    axis = unit(tip - origin)[:, None]
    u, v = left - origin[:, None], right - origin[:, None]
    along = np.sum((u - v) * axis, axis=-1)
    across = (u[..., 0] + v[..., 0]) * axis[..., 1] - (u[..., 1] + v[..., 1]) * axis[..., 0]
    apart: Array = np.hypot(along, across)
    return np.asarray(apart.mean(axis=-1))


def unit(vectors: Floats) -> Array:
    """(..., D) vectors of the same directions and of length 1; NaN for one of no length.

    >>> unit(np.array([3.0, 4.0])).tolist()
    [0.6, 0.8]
    """
    size = length(vectors)[..., None]
    return vectors / np.where(size > 0, size, np.nan)


def _direction(across: Array, along: Array) -> Array:
    """Degrees in (-180, 180] of the vector (along, across); NaN for a vector of no length."""
    degrees = np.degrees(np.arctan2(across, along))
    return np.where((across == 0) & (along == 0), np.nan, np.where(degrees == -180, 180.0, degrees))
