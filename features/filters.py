"""Filters that smooth the positions of a sequence over time.

Time is the source's own, and no filter counts frames: what `cutoff_hz` names is the frequency of a sine whose amplitude
comes out at 1/√2 (−3 dB) of the whole filter as applied, both passes together, at any frame rate. `median`, `one_euro`
and `kalman` work on uneven timestamps as they are. `butterworth` and `savitzky_golay` are defined on even ones: where
the steps of a sequence differ by more than 2 %, its stretches are put on an even grid of the finest usual step by a
cubic spline, filtered there, and read off at their own timestamps. No filter reaches across a hole (`features.clock`:
three or more frames lacking) or across frames without the joint; each stretch between is filtered by itself, and a
single frame is left as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.linalg import solveh_banded
from scipy.optimize import brentq
from scipy.signal import butter, savgol_coeffs, savgol_filter, sosfiltfilt

from features.clock import Pace, largest_steps, linked
from features.errors import FeatureError, positive
from features.geometry import length
from features.normalize import body_size
from features.sequence import PoseSequence
from features.windows import TICK, Windows

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]

CUTOFF_HZ = 6.0
"""Usual for walking with markers on the joints: D. A. Winter, 2009, 3.4.4.3."""

DETECTED_HZ = 4.0
"""For detected joints, which jitter more than markers: Winter's residual analysis of the sample video, detected by the
default network, gives 1 to 3 Hz; the motion of a walk reaches to 6."""


def butterworth(sequence: PoseSequence, cutoff_hz: float = CUTOFF_HZ, order: int = 2) -> PoseSequence:
    """Butterworth filter of `order` run forwards and backwards: no lag, twice the order.

    Each pass alone is 3 dB down at a higher frequency, so that both together are at `cutoff_hz`: in the bilinear
    transform's own frequency tan(π f / rate) it is higher by 1 / (√2 − 1)^(1 / 2·order), for the second order 1/0.802
    (D. A. Winter, Biomechanics and Motor Control of Human Movement, 4th ed. 2009, 3.4.4.2). Run by scipy's
    `sosfiltfilt`.

    Raises `FeatureError` when the frame rate is not above twice the cut-off.
    """
    positive(cutoff_hz=cutoff_hz, order=order)

    @cache
    def design(step_s: float) -> Array:
        if 2 * cutoff_hz * step_s >= 1:
            raise FeatureError(_too_slow("butterworth", cutoff_hz, step_s))
        both = np.tan(np.pi * cutoff_hz * step_s)
        once = np.arctan(both / (np.sqrt(2) - 1) ** (1 / (2 * order))) / np.pi
        return np.asarray(butter(order, 2 * once, output="sos"), dtype=np.float64)

    def smooth(values: Array, step_s: float) -> Array:
        sos = design(round(step_s, 9))
        padding = min(math.ceil(3 / (cutoff_hz * step_s)), len(values) - 1)  # the filter has forgotten after so long
        return np.asarray(sosfiltfilt(sos, values, axis=0, padlen=padding), dtype=np.float64)

    return _filtered(sequence, smooth, f"butterworth(cutoff_hz={cutoff_hz:g}, order={order})")


def savitzky_golay(sequence: PoseSequence, cutoff_hz: float = CUTOFF_HZ, degree: int = 2) -> PoseSequence:
    """Least-squares polynomial of `degree` through a moving window, as long as `cutoff_hz` asks for.

    The window is the shortest odd number of points that is long enough, and the grid is made a little finer than the
    frames' so that the cut-off is met, to the 2 % that the splines cost at 25 frames/s. A stretch shorter than the
    window is a window of its own. For the degree 2 the window lasts about 1.1 / `cutoff_hz` seconds.

    Source: A. Savitzky, M. J. E. Golay, 1964, https://doi.org/10.1021/ac60214a047; its cut-off: R. W. Schafer, 2011,
    https://doi.org/10.1109/MSP.2011.941097; scipy's `savgol_filter`.
    Raises `FeatureError` when the frame rate is too low for the cut-off.
    """
    positive(cutoff_hz=cutoff_hz, degree=degree)
    fewest = degree // 2 * 2 + 3  # a shorter window returns its points

    @cache
    def design(step_s: float) -> tuple[int, float]:
        """Points of the window, and the step, at most `step_s`, with which they have the cut-off."""
        if 2 * cutoff_hz * step_s >= 1:
            raise FeatureError(_too_slow("savitzky_golay", cutoff_hz, step_s))
        n = fewest
        while (step := _savitzky_golay_cutoff(n, degree) / cutoff_hz) > step_s * (1 + 1e-6):  # not rounding decides
            n += 2
        return n, step

    def smooth(values: Array, step_s: float) -> Array:
        n, _ = design(round(step_s, 9))
        n = min(n, (len(values) - 1) // 2 * 2 + 1)
        return values if n < fewest else np.asarray(savgol_filter(values, n, degree, axis=0), dtype=np.float64)

    step = f"savitzky_golay(cutoff_hz={cutoff_hz:g}, degree={degree})"
    return _filtered(sequence, smooth, step, lambda step_s: design(round(step_s, 9))[1])


@cache
def _savitzky_golay_cutoff(n: int, degree: int) -> float:
    """Cycles per point at which a polynomial of `degree` through `n` points lets half of the power through."""
    weights, place = savgol_coeffs(n, degree), np.arange(n) - n // 2

    def excess(cycles: float) -> float:
        return float(weights @ np.cos(2 * np.pi * cycles * place) - np.sqrt(0.5))

    beyond = next(cycles for cycles in np.arange(1, 500) / 1000 if excess(cycles) < 0)
    return float(brentq(excess, 0, beyond))


def _too_slow(name: str, cutoff_hz: float, step_s: float) -> str:
    return (
        f"{name}: a cut-off of {cutoff_hz:g} Hz needs more than {2 * cutoff_hz:.3g} frames/s, the sequence has "
        f"{1 / step_s:.3g}; choose a lower cut-off or the filter kalman"
    )


def median(sequence: PoseSequence, window_s: float = 0.2) -> PoseSequence:
    """Median of each coordinate over the positions found in a window of `window_s` seconds centred on each frame.

    >>> x = np.array([0.0, 0.0, 9.0, 0.0, 0.0])
    >>> raw = PoseSequence(np.stack([x, x], 1)[:, None], np.ones((5, 1)), ("nose",), np.arange(5) / 30)
    >>> median(raw).points[:, 0, 0].tolist()
    [0.0, 0.0, 0.0, 0.0, 0.0]
    """
    positive(window_s=window_s)
    windows = Windows.around(sequence.time_s, window_s)
    points = sequence.points.copy()
    for joint, found in enumerate(sequence.found.T):
        smooth = windows.median(np.ascontiguousarray(sequence.points[:, joint].T)).T
        points[found, joint] = smooth[found]
    return replace(sequence, points=points, steps=(*sequence.steps, f"median(window_s={window_s:g})"))


def one_euro(
    sequence: PoseSequence, min_cutoff_hz: float = 1.0, beta: float = 1.0, speed_cutoff_hz: float = 1.0
) -> PoseSequence:
    """Causal low-pass filter whose cut-off rises with the joint's speed: little lag when fast, little jitter when slow.

    Cut-off (−3 dB) = `min_cutoff_hz` + `beta` · speed, the speed in trunk lengths per second, itself smoothed at
    `speed_cutoff_hz`. It uses the past alone, so it lags; for recordings the two-sided filters are better. The defaults
    are the paper's.
    Source: G. Casiez et al., 2012, https://doi.org/10.1145/2207676.2208639; the weight of a new value is the exact one
    for the cut-off at any frame rate, where the paper's is that of high rates.
    """
    positive(min_cutoff_hz=min_cutoff_hz, speed_cutoff_hz=speed_cutoff_hz)
    if not beta >= 0:
        raise FeatureError(f"beta must not be negative, got {beta}")
    size = body_size(sequence)
    points = sequence.points.copy()
    position, speed = np.zeros(points.shape[1:]), np.zeros(points.shape[1:])
    for i, begins, found, gap in _walk(sequence):
        gap = np.where(found, gap, np.nan)[:, None]
        now = sequence.points[i]
        raw = (now - position) / gap
        speed = np.where(found[:, None], speed + (raw - speed) * _newest(speed_cutoff_hz * gap), speed)
        cutoff = min_cutoff_hz + beta * length(speed)[:, None] / size
        position = np.where(found[:, None], position + (now - position) * _newest(cutoff * gap), position)
        position = np.where(begins[:, None], now, position)
        speed = np.where(begins[:, None], 0.0, speed)
        points[i] = np.where((found | begins)[:, None], position, np.nan)
    step = f"one_euro(min_cutoff_hz={min_cutoff_hz:g}, beta={beta:g}, speed_cutoff_hz={speed_cutoff_hz:g})"
    return replace(sequence, points=points, steps=(*sequence.steps, step))


def _newest(cycles: Array) -> Array:
    """Weight of the newest value in exponential smoothing that is 3 dB down at so many cycles per step.

    From |H|² = α² / (1 − 2(1 − α) cos θ + (1 − α)²) = 1/2 with θ = 2π cycles; 1 where the steps can't show the cut-off.
    """
    drop = 1 - np.cos(2 * np.pi * cycles)
    return np.where(cycles < 0.5, np.sqrt(drop**2 + 2 * drop) - drop, 1.0)


def kalman(sequence: PoseSequence, cutoff_hz: float = DETECTED_HZ) -> PoseSequence:
    """Kalman filter of nearly constant velocity run forwards and smoothed backwards (RTS): no lag, any timestamps.

    The two passes give the most probable course given all positions; here the same course, a cubic smoothing spline, is
    found at once, as the solution of a banded system. Its one parameter, the ratio λ between the densities of the
    measurement's and the motion's noise, is computed from the cut-off for each time step h: at an even rate the
    response is

        1 / (1 + λ · 3 (2 − 2 cos ωh)² / (h⁴ (2 + cos ωh))),  1 / (1 + λω⁴) for small h,

    so that λ = (√2 − 1) h⁴ (2 + cos θ) / (3 (2 − 2 cos θ)²) with θ = 2π · `cutoff_hz` · h gives −3 dB there. Where
    frames are farther apart than half a period of the cut-off, none of their band is above it, and the limit of small h
    is taken. A position weighs as the time it stands for, so the band stays the same where the rate changes or frames
    lack.

    Sources: H. E. Rauch, F. Tung, C. T. Striebel, 1965, https://doi.org/10.2514/3.3166; motion driven by continuous
    white noise: Y. Bar-Shalom et al., Estimation with Applications to Tracking and Navigation, 2001, 6.2.2; the spline:
    C. H. Reinsch, 1967, https://doi.org/10.1007/BF02162161.

    >>> line = PoseSequence(np.arange(12.0).reshape(6, 1, 2), np.ones((6, 1)), ("nose",), np.arange(6) / 30)
    >>> bool(np.allclose(kalman(line).points, line.points)), kalman(line).steps
    (True, ('kalman(cutoff_hz=4)',))
    """
    positive(cutoff_hz=cutoff_hz)
    points = sequence.points.copy()
    largest = largest_steps(sequence.time_s)
    for joint, found in enumerate(sequence.found.T):
        seen = np.flatnonzero(found)
        if len(seen):
            near = linked(sequence.time_s, seen, largest)
            points[seen, joint] = _most_probable(points[seen, joint], sequence.time_s[seen], near, cutoff_hz)
    return replace(sequence, points=points, steps=(*sequence.steps, f"kalman(cutoff_hz={cutoff_hz:g})"))


FILTERS: dict[str, Callable[[PoseSequence], PoseSequence]] = {
    "kalman": kalman,
    "butterworth": butterworth,
    "savitzky_golay": savitzky_golay,
    "one_euro": one_euro,
    "median": median,
}
"""The smoothing filters by name."""


def _filtered(
    sequence: PoseSequence,
    smooth: Callable[[Array, float], Array],
    step: str,
    grid_step: Callable[[float], float] = lambda step_s: step_s,
) -> PoseSequence:
    """Every stretch of every joint through a filter of (n, D) values on even steps of given seconds.

    Args:
        grid_step: the step that the filter wants, at most the finest usual one, which it is given.
    """
    points = sequence.points.copy()
    whole = sequence.whole
    pace = Pace.of(sequence.time_s) if whole is None or whole.pace is None else whole.pace
    wanted = grid_step(pace.finest_s) if len(sequence) > 1 else pace.finest_s
    for joint in range(len(sequence.joint_names)):
        for stretch in _stretches(sequence.found[:, joint], sequence.time_s):
            values, time_s = sequence.points[stretch, joint], sequence.time_s[stretch]
            if pace.even and wanted == pace.finest_s:
                points[stretch, joint] = smooth(values, wanted)
                continue
            # Multiples of the step, so that a part of the sequence has the grid of the whole.
            first, last = math.ceil(time_s[0] / wanted - TICK), math.floor(time_s[-1] / wanted + TICK)
            grid = wanted * np.arange(first, last + 1)
            if len(grid) > 1:
                even = smooth(CubicSpline(time_s, values)(grid), wanted)
                points[stretch, joint] = CubicSpline(grid, even)(time_s)
    return replace(sequence, points=points, steps=(*sequence.steps, step))


def _stretches(found: Bools, time_s: Array) -> Iterator[slice]:
    """Stretches of at least two frames that show the joint, without a hole."""
    near = found[1:] & found[:-1] & (np.diff(time_s) <= largest_steps(time_s))
    edges = np.flatnonzero(np.diff(np.concatenate([[False], near, [False]]).astype(np.int8)))
    for begin, end in edges.reshape(-1, 2):
        yield slice(int(begin), int(end) + 1)


def _walk(sequence: PoseSequence) -> Iterator[tuple[int, Bools, Bools, Array]]:
    """Frame by frame: its number, joints whose stretch begins, joints whose stretch goes on, time since last seen.

    A joint may be missing for a while within a stretch, as long as no hole opens.
    """
    largest = largest_steps(sequence.time_s)
    last = np.full(len(sequence.joint_names), -np.inf)
    for i, (time, found) in enumerate(zip(sequence.time_s, sequence.found, strict=True)):
        gap = time - last
        hole = largest[i - 1] if i else 0.0
        yield i, found & (gap > hole), found & (gap <= hole), np.where(gap <= hole, gap, 0.0)
        last = np.where(found, time, last)


def _most_probable(values: Array, time_s: Array, near: Bools, cutoff_hz: float) -> Array:
    """(n, D) positions x of least Σ wᵢ|xᵢ − valuesᵢ|² + Σ λᵢ ∫|x″|² over the steps without a hole; see `kalman`.

    Args:
        near: (n - 1,) whether no hole lies between a frame and the next; nothing is handed across one.
    """
    n = len(values)
    step = np.where(near, np.diff(time_s), 0.0)
    sides = np.append(near, False) * 1.0 + np.append(False, near)
    weight = (np.append(step, 0.0) + np.append(0.0, step)) / np.maximum(sides, 1)  # mean of the steps on both sides
    weight = np.where(sides > 0, weight, 1.0)
    h = np.where(near, step, 1.0)
    smoothness = np.where(near, _noise_ratio(h, cutoff_hz), 0.0)
    # Unknowns x₀, v₀, x₁, v₁, …; the inverse of the noise [[h³/3, h²/2], [h²/2, h]] is [[12/h³, −6/h²], [−6/h², 4/h]].
    xx, xv, vv = 12 * smoothness / h**3, 6 * smoothness / h**2, 4 * smoothness / h
    band = np.zeros((4, 2 * n))  # band[3 - k, j] is the entry (j - k, j)
    band[3, 0::2] = weight
    band[3, 1::2] = 1e-12 * max(1e-6, float(vv.max(initial=0)))  # a lone frame has any velocity
    band[3, 0:-2:2] += xx
    band[3, 2::2] += xx
    band[3, 1:-2:2] += vv
    band[3, 3::2] += vv
    band[2, 1:-2:2] = xv
    band[2, 3::2] -= xv
    band[2, 2::2] = -xv  # (v of before, x)
    band[1, 2::2] = -xx
    band[1, 3::2] = vv / 2
    band[0, 3::2] = xv
    right = np.zeros((2 * n, values.shape[1]))
    right[0::2] = weight[:, None] * values
    return np.asarray(solveh_banded(band, right)[0::2], dtype=np.float64)


def _noise_ratio(step_s: Array, cutoff_hz: float) -> Array:
    """λ of `kalman` for each time step, s⁴."""
    theta = 2 * np.pi * cutoff_hz * step_s
    bend = 2 - 2 * np.cos(theta)
    shown = theta < np.pi
    exact = step_s**4 * (2 + np.cos(theta)) / (3 * np.where(shown, bend, 1.0) ** 2)
    return np.asarray((np.sqrt(2) - 1) * np.where(shown, exact, 1 / (2 * np.pi * cutoff_hz) ** 4))
