"""Measures of motion, on plain arrays over uneven timestamps.

Conventions: time runs along the first axis; derivatives take each frame with its two neighbours (a parabola through the
three, so any spacing is right); a frame is NaN when one of the three is missing or a neighbour is farther away than
`max_step_s` (one number, or one per step: `features.clock.largest_steps`), because nothing is known of what happened in
a hole. No derivative smooths: clean first (`features.clean`).

>>> time_s = np.array([0.0, 0.1, 0.3, 0.4])
>>> velocity(5 * time_s**2, time_s).round(3).tolist()
[nan, 1.0, 3.0, nan]
>>> acceleration(5 * time_s**2, time_s).round(3).tolist()
[nan, 10.0, 10.0, nan]
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from features.clock import largest_steps, linked, usual_steps
from features.windows import TICK, Windows, wrapped

Array = NDArray[np.float64]

MAX_MISSING = 0.2
"""Share of a window that may be unseen before what depends on the whole of it is NaN."""


def velocity(values: Array, time_s: Array, max_step_s: float | Array = np.inf) -> Array:
    """First derivative of (n, ...) values, unit per second; (n, ...), NaN at both ends and around holes.

    Formula: [h₁²(x₊ − x) + h₂²(x − x₋)] / [h₁h₂(h₁ + h₂)] with h₁, h₂ the steps to the neighbours before and after
    (B. Fornberg, 1988, https://doi.org/10.1090/S0025-5718-1988-0935077-0).
    """
    before, after, rise_before, rise_after = _neighbours(values, time_s, max_step_s)
    return _pad((before**2 * rise_after + after**2 * rise_before) / (before * after * (before + after)), len(values))


def acceleration(values: Array, time_s: Array, max_step_s: float | Array = np.inf) -> Array:
    """Second derivative of (n, ...) values, unit per second squared; (n, ...), NaN as in `velocity`.

    Formula: 2[h₁(x₊ − x) − h₂(x − x₋)] / [h₁h₂(h₁ + h₂)], see `velocity`.
    """
    before, after, rise_before, rise_after = _neighbours(values, time_s, max_step_s)
    return _pad(2 * (before * rise_after - after * rise_before) / (before * after * (before + after)), len(values))


def jerk(values: Array, time_s: Array, max_step_s: float | Array = np.inf) -> Array:
    """Third derivative of (n, ...) values: the velocity of the acceleration; NaN two frames from ends and holes.

    >>> jerk(np.arange(7) ** 3 / 1000, np.arange(7) / 10).round(6).tolist()
    [nan, nan, 6.0, 6.0, 6.0, nan, nan]
    """
    return velocity(acceleration(values, time_s, max_step_s), time_s, max_step_s)


def angular_velocity(degrees: Array, time_s: Array, max_step_s: float | Array = np.inf) -> Array:
    """Derivative of (n,) angles in degrees per second, the short way round the circle; NaN as in `velocity`.

    >>> angular_velocity(np.array([170.0, 180.0, -170.0]), np.array([0.0, 0.1, 0.2])).round(6).tolist()
    [nan, 100.0, nan]
    """
    before, after, rise_before, rise_after = _neighbours(degrees, time_s, max_step_s)
    rise_before, rise_after = wrapped(rise_before), wrapped(rise_after)
    return _pad((before**2 * rise_after + after**2 * rise_before) / (before * after * (before + after)), len(degrees))


def steps(points: Array) -> Array:
    """(n,) distance of each of (n, D) points from the one before; NaN for the first.

    >>> steps(np.array([[0.0, 0.0], [3.0, 4.0]])).tolist()
    [nan, 5.0]
    """
    moved = np.full(len(points), np.nan)
    delta = np.diff(points, axis=0)
    moved[1:] = np.sqrt((delta**2).sum(axis=-1))
    return moved


def turn_cosines(points: Array) -> Array:
    """(n,) cosine of the turn that a path takes at each of (n, D) points; NaN at its ends and where it rests.

    >>> turn_cosines(np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]])).tolist()
    [nan, 0.0, nan]
    """
    cosine = np.full(len(points), np.nan)
    delta = np.diff(points, axis=0)
    size = np.sqrt((delta**2).sum(axis=-1))
    delta = delta / np.where(size > 0, size, np.nan)[:, None]
    cosine[1:-1] = np.clip((delta[:-1] * delta[1:]).sum(axis=-1), -1, 1)
    return cosine


def heading(velocities: Array) -> Array:
    """Direction of (n, 2) velocities in the image: degrees in (-180, 180], 0 to the right, 90 upwards; NaN at rest.

    >>> heading(np.array([[1.0, 0.0], [0.0, -2.0], [0.0, 0.0]])).tolist()
    [0.0, 90.0, nan]
    """
    degrees = np.degrees(np.arctan2(0.0 - velocities[:, 1], velocities[:, 0]))
    still = (velocities == 0).all(axis=1)
    return np.where(still, np.nan, np.where(degrees == -180, 180.0, degrees))


def curvature(velocities: Array, accelerations: Array) -> Array:
    """Signed curvature of a path, 1/length: (vₓaᵧ − vᵧaₓ) / |v|³, positive clockwise as seen; NaN at rest; 2-D.

    >>> curvature(np.array([[2.0, 0.0]]), np.array([[0.0, 8.0]])).tolist()
    [2.0]
    """
    cross = velocities[:, 0] * accelerations[:, 1] - velocities[:, 1] * accelerations[:, 0]
    speed = np.hypot(velocities[:, 0], velocities[:, 1])
    curved: Array = cross / np.where(speed > 0, speed, np.nan) ** 3
    return curved


def turning_rate(velocities: Array, accelerations: Array) -> Array:
    """(n,) derivative of the heading, degrees per second: (vₓaᵧ − vᵧaₓ) / |v|², positive clockwise as seen; 2-D.

    >>> turning_rate(np.array([[2.0, 0.0]]), np.array([[0.0, 2 * np.pi]])).round(6).tolist()
    [180.0]
    """
    cross = velocities[:, 0] * accelerations[:, 1] - velocities[:, 1] * accelerations[:, 0]
    square = (velocities**2).sum(axis=1)
    return np.degrees(cross / np.where(square > 0, square, np.nan))


def turning_points(points: Array, least: float) -> NDArray[np.intp]:
    """Numbers of those of (n, D) points where a path turns back: it came more than `least` and goes back more.

    In one dimension the extremes with a prominence above `least`; here in any, so that neither the direction of an
    oscillation nor its middle must be known. A path's first and last stretch have no end that one can be sure of.

    >>> turning_points(np.array([[0.0], [3], [2], [4], [0], [1]]), 1.5).tolist()
    [3]
    """
    found: list[int] = []
    rows = points.tolist()
    origin = farthest = 0  # the last turning point, and what is farthest from it since
    reach = 0.0
    for i, row in enumerate(rows):
        away = math.dist(row, rows[origin])
        if away > reach:
            farthest, reach = i, away
        elif (back := math.dist(row, rows[farthest])) > least:
            if reach > least:
                found.append(farthest)
            origin, farthest, reach = farthest, i, back
    return np.array(found, dtype=np.intp)


def dominant_frequency(points: Array, windows: Windows, max_missing: float = MAX_MISSING) -> Array:
    """(n_windows,) frequency in Hz of the highest spectral peak of (n, D) positions in each window.

    Each window is put on an even grid of its usual step (linear), freed of its straight trend, tapered (Hann), padded
    to four times its length and transformed; powers are summed over the axes and the peak is refined by a parabola
    (J. O. Smith, Spectral Audio Signal Processing, 2011). Frequencies below one cycle per window can't be told from a
    trend and are left out.

    NaN where more than `max_missing` of the window lies in holes, it has fewer than eight frames, nothing moves, or the
    highest value is at the band's edge.

    >>> time_s = np.arange(120) / 30
    >>> wave = np.sin(2 * np.pi * 1.5 * time_s)[:, None]
    >>> dominant_frequency(wave, Windows.sliding(time_s, 4.0, 4.0)).round(2).tolist()
    [1.5]
    """
    out = np.full(len(windows), np.nan)
    seen = np.flatnonzero(np.isfinite(points).all(axis=1))
    time_s = windows.time_s
    if len(seen) < 4 or not len(windows):
        return out
    usual = usual_steps(time_s)
    samples = np.round(windows.duration_s / windows.median(np.append(usual, usual[-1])))
    covered = np.full(len(time_s), np.nan)
    covered[seen] = np.append(np.where(linked(time_s, seen, largest_steps(time_s)), np.diff(time_s[seen]), 0.0), 0.0)
    enough = windows.sum(covered) >= (1 - max_missing) * windows.duration_s - TICK
    for n in np.unique(samples[enough & (samples >= 8)]).astype(int):
        rows = np.flatnonzero(enough & (samples == n))
        for part in np.array_split(rows, max(1, len(rows) * n // 500_000)):
            out[part] = _peak_frequency(points[seen], time_s[seen], windows.start_s[part], windows.duration_s[part], n)
    return out


def _peak_frequency(points: Array, time_s: Array, start_s: Array, duration_s: Array, n: int) -> Array:
    grid = start_s[:, None] + duration_s[:, None] * (np.arange(n) / n)
    ramp = np.arange(n) - (n - 1) / 2
    size = 4 * n
    power: Array = np.zeros((len(start_s), size // 2 + 1))
    energy, scatter = np.zeros(len(start_s)), np.zeros(len(start_s))
    for axis in points.T:
        values = np.interp(grid, time_s, axis)
        scatter = np.maximum(scatter, np.abs(values).max(axis=1))
        values -= values.mean(axis=1, keepdims=True)
        values -= ramp * (values @ ramp / (ramp @ ramp))[:, None]
        energy += (values**2).mean(axis=1)
        power += np.abs(np.fft.rfft(values * np.hanning(n), size, axis=1)) ** 2
    lowest = 4  # one cycle per window
    band = power[:, lowest:]
    place = band.argmax(axis=1)
    usable = (place > 0) & (place < band.shape[1] - 1) & (energy > (1e-9 * scatter) ** 2)
    place = np.clip(place, 1, band.shape[1] - 2)
    rows = np.arange(len(band))
    left, top, right = (np.sqrt(band[rows, place + shift]) for shift in (-1, 0, 1))
    bend = left - 2 * top + right
    offset = np.where(bend < 0, (left - right) / (2 * np.where(bend < 0, bend, -1.0)), 0.0)
    return np.where(usable, (place + lowest + offset) / (4 * duration_s), np.nan)


def _neighbours(values: Array, time_s: Array, max_step_s: float | Array) -> tuple[Array, Array, Array, Array]:
    """Steps before and after each inner frame (NaN across a hole) and the rises of the values over them."""
    if len(values) < 3:
        empty = np.empty((0, *values.shape[1:]))
        return empty, empty, empty, empty
    step = np.diff(time_s)
    step = np.where(step <= max_step_s, step, np.nan).reshape(-1, *([1] * (values.ndim - 1)))
    rise = np.diff(values, axis=0)
    return step[:-1], step[1:], rise[:-1], rise[1:]


def _pad(inner: Array, n: int) -> Array:
    """The inner frames' values with NaN for the first and the last frame."""
    out = np.full((n, *inner.shape[1:]), np.nan)
    out[1 : 1 + len(inner)] = inner
    return out
