"""From raw keypoints to a series one can differentiate, as explicit steps.

Each function takes a `PoseSequence` and gives a new one that names the step and its settings in `steps`; its input is
never changed. Nothing but `fill_gaps` puts a position where there was none, and what it puts there has confidence 0
(`PoseSequence.filled`).

Time is the source's own. `fill_gaps`, `drop_outliers`, `median`, `one_euro` and `kalman` work on uneven timestamps as
they are. `butterworth` and `savitzky_golay` are defined on even ones: where the steps of a stretch differ by more than
2 %, the stretch is put on an even grid of its median step by a cubic spline, filtered there, and read off at its own
timestamps by another. No filter reaches across a hole (a step above 3.5 times the median one: three or more frames
lacking) or across frames without the joint; each stretch between is filtered by itself, and a single frame is left as
it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline, PchipInterpolator
from scipy.linalg import solveh_banded
from scipy.signal import butter, savgol_filter, sosfiltfilt

from features.errors import FeatureError
from features.geometry import box, distance, length
from features.kinematics import largest_step
from features.normalize import body_scale
from features.sequence import PoseSequence
from features.windows import TICK, Windows
from pose.layouts import mirror_name

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]

EVEN = 0.02
"""Largest relative difference of steps that counts as even."""

SWAP_PENALTY = 0.15
"""What it costs to believe that left and right are exchanged in a frame, trunk lengths."""


@dataclass(frozen=True)
class CleanSettings:
    """What `clean` does, in this order. None leaves a step out.

    Attributes:
        min_confidence: joints below it are dropped, in [0, 1].
        swap_penalty: see `repair_swaps`, trunk lengths.
        outlier_window_s: see `drop_outliers`, seconds.
        max_gap_s: see `fill_gaps`, seconds.
        smoothing: name of the filter, run with its own defaults.
    """

    min_confidence: float | None = 0.1
    swap_penalty: float | None = None
    outlier_window_s: float | None = 0.5
    max_gap_s: float | None = 0.25
    smoothing: Literal["kalman", "butterworth", "savitzky_golay", "one_euro", "median"] | None = "kalman"


def clean(sequence: PoseSequence, settings: CleanSettings | None = None) -> PoseSequence:
    """All steps of the settings, one after another; the result's `steps` say which."""
    settings = settings or CleanSettings()
    if settings.min_confidence is not None:
        sequence = drop_unsure(sequence, settings.min_confidence)
    if settings.swap_penalty is not None:
        sequence = repair_swaps(sequence, settings.swap_penalty)
    if settings.outlier_window_s is not None:
        sequence = drop_outliers(sequence, settings.outlier_window_s)
    if settings.max_gap_s is not None:
        sequence = fill_gaps(sequence, settings.max_gap_s)
    if settings.smoothing is not None:
        sequence = FILTERS[settings.smoothing](sequence)
    return sequence


def at_times(sequence: PoseSequence, time_s: Array) -> PoseSequence:
    """The sequence on the timestamps of all frames of its source: frames without the person become rows of NaN.

    Raises `FeatureError` when one of the sequence's own timestamps is not among them.
    """
    place = np.searchsorted(time_s, sequence.time_s)
    if len(sequence) and (place[-1] >= len(time_s) or not np.array_equal(time_s[place], sequence.time_s)):
        raise FeatureError("the sequence has timestamps that its source's frames have not; take the source's own")
    points = np.full((len(time_s), *sequence.points.shape[1:]), np.nan)
    confidence = np.zeros((len(time_s), len(sequence.joint_names)))
    points[place], confidence[place] = sequence.points, sequence.confidence
    step = f"at_times({len(time_s)} frames)"
    return replace(
        sequence, points=points, confidence=confidence, time_s=np.array(time_s), steps=(*sequence.steps, step)
    )


def drop_unsure(sequence: PoseSequence, min_confidence: float = 0.1) -> PoseSequence:
    """Joints with a confidence below `min_confidence` become missing; so do filled ones, whose confidence is 0."""
    if not 0 <= min_confidence <= 1:
        raise FeatureError(f"min_confidence must lie in [0, 1], got {min_confidence}")
    return _without(sequence, sequence.confidence < min_confidence, f"drop_unsure(min_confidence={min_confidence:g})")


def drop_outliers(
    sequence: PoseSequence, window_s: float = 0.5, n_sigmas: float = 4.0, min_deviation: float = 0.1
) -> PoseSequence:
    """Joints far from their own median over a window centred on them become missing (Hampel identifier).

    A joint is dropped when one of its coordinates deviates from the median by more than `n_sigmas` · 1.4826 · the
    median deviation in the window, and by more than `min_deviation` trunk lengths (a person at rest hardly deviates).
    Each frame deviates from the median of its own window, so that steady motion does not pass for spread and hide an
    outlier. Fewer than five values in the window say nothing.
    Source: R. K. Pearson et al., 2016, https://doi.org/10.1186/s13634-016-0383-6.

    Args:
        window_s: length of the window, seconds.
        n_sigmas: threshold in standard deviations as estimated from the median deviation.
        min_deviation: smallest deviation that counts, trunk lengths.
    """
    _positive(window_s=window_s, n_sigmas=n_sigmas)
    windows = _around(sequence.time_s, window_s)
    threshold = min_deviation * body_size(sequence)
    outlying = np.zeros((len(sequence), len(sequence.joint_names)), dtype=bool)
    for joint in range(len(sequence.joint_names)):
        for values in sequence.points[:, joint].T:
            away = np.abs(values - windows.median(values))
            suspects = np.flatnonzero((away > threshold) & (windows.count(values) >= 5))
            around = Windows(windows.time_s, windows.start_s[suspects], windows.stop_s[suspects])
            far = away[suspects] > n_sigmas * 1.4826 * around.median(away)
            outlying[suspects[far], joint] = True
    step = f"drop_outliers(window_s={window_s:g}, n_sigmas={n_sigmas:g}, min_deviation={min_deviation:g})"
    return _without(sequence, outlying, step)


def fill_gaps(
    sequence: PoseSequence, max_gap_s: float = 0.25, method: Literal["linear", "pchip"] = "pchip"
) -> PoseSequence:
    """Positions between two found ones at most `max_gap_s` apart are interpolated, with confidence 0.

    The gap is the time from the last frame that shows the joint to the next that does. Nothing is put before the first
    or after the last; frames that the sequence does not have are not made up (`at_times` puts them there first).

    Args:
        max_gap_s: longest gap, seconds.
        method: straight lines, or a cubic that does not overshoot (F. N. Fritsch, J. Butland, 1984,
            https://doi.org/10.1137/0905021).
    """
    _positive(max_gap_s=max_gap_s)
    points = sequence.points.copy()
    time_s = sequence.time_s
    for joint, found in enumerate(sequence.found.T):
        seen = np.flatnonzero(found)
        if len(seen) < 2 or len(seen) == len(found):
            continue
        missing = np.flatnonzero(~found)
        after = np.searchsorted(seen, missing)
        inner = (after > 0) & (after < len(seen))
        missing, after = missing[inner], after[inner]
        short = time_s[seen[after]] - time_s[seen[after - 1]] <= max_gap_s + TICK
        missing = missing[short]
        known = points[seen, joint]
        if method == "linear":
            filling = np.stack([np.interp(time_s[missing], time_s[seen], axis) for axis in known.T], axis=-1)
        else:
            filling = PchipInterpolator(time_s[seen], known)(time_s[missing])
        points[missing, joint] = filling
    step = f"fill_gaps(max_gap_s={max_gap_s:g}, method={method})"
    return replace(sequence, points=points, steps=(*sequence.steps, step))


def repair_swaps(sequence: PoseSequence, penalty: float = SWAP_PENALTY) -> PoseSequence:
    """Left and right exchanged back in frames where the detector mixed them up.

    Arms, legs and the sides of the face are judged one by one. Over the whole sequence that labelling is chosen
    (Viterbi) which moves the joints least, in trunk lengths from frame to frame, and exchanges sides in few frames:
    each exchanged frame costs `penalty`. Where the sides were mixed up for long, nothing in the motion tells which
    labelling was right; the detector is then believed.
    """
    _positive(penalty=penalty)
    names = sequence.joint_names
    points, confidence = sequence.points.copy(), sequence.confidence.copy()
    size, hole = body_size(sequence), largest_step(sequence.time_s)
    for parts in (
        ("shoulder", "elbow", "wrist"),
        ("hip", "knee", "ankle", "big_toe", "small_toe", "heel"),
        ("eye", "ear"),
    ):
        left = [names.index(f"left_{part}") for part in parts if f"left_{part}" in names]
        right = [names.index(mirror_name(names[i])) for i in left if mirror_name(names[i]) in names]
        if len(left) != len(right) or not left or len(sequence) < 2:
            continue
        a, b = points[:, left], points[:, right]
        straight = distance(a[1:], a[:-1]) + distance(b[1:], b[:-1])
        crossed = distance(a[1:], b[:-1]) + distance(b[1:], a[:-1])
        gain = (straight - crossed) / size
        gain = np.where(np.isfinite(gain), gain, 0.0).sum(axis=1)
        gain[np.diff(sequence.time_s) > hole] = 0
        swapped = _least_swaps(gain, penalty)
        if swapped.any():
            both, other = np.array(left + right), np.array(right + left)
            rows = np.flatnonzero(swapped)[:, None]
            points[rows, both] = points[rows, other]
            confidence[rows, both] = confidence[rows, other]
    step = f"repair_swaps(penalty={penalty:g})"
    return replace(sequence, points=points, confidence=confidence, steps=(*sequence.steps, step))


def butterworth(sequence: PoseSequence, cutoff_hz: float = 6.0, order: int = 2) -> PoseSequence:
    """Low-pass filter run forwards and backwards: no lag, −3 dB at `cutoff_hz` for both passes together.

    Args:
        cutoff_hz: cut-off frequency, hertz; 6 is usual for walking.
        order: of one pass; the result is of twice that.

    Source: D. A. Winter, Biomechanics and Motor Control of Human Movement, 2009, 3.4.4; scipy's `sosfiltfilt`.
    Raises `FeatureError` when the frame rate is too low for the cut-off.
    """
    _positive(cutoff_hz=cutoff_hz, order=order)
    once = cutoff_hz / (np.sqrt(2) - 1) ** (1 / (2 * order))

    @cache
    def design(step_s: float) -> Array:
        if once >= 0.5 / step_s:
            raise FeatureError(
                f"butterworth: a cut-off of {cutoff_hz:g} Hz needs more than {2 * once:.3g} frames/s, the sequence has "
                f"{1 / step_s:.3g}; choose a lower cut-off or the filter kalman"
            )
        return np.asarray(butter(order, once, fs=1 / step_s, output="sos"), dtype=np.float64)

    def smooth(values: Array, step_s: float) -> Array:
        sos = design(round(step_s, 6))
        padding = min(3 * (2 * len(sos) + 1), len(values) - 1)
        return np.asarray(sosfiltfilt(sos, values, axis=0, padlen=padding), dtype=np.float64)

    return _filtered(sequence, smooth, f"butterworth(cutoff_hz={cutoff_hz:g}, order={order})")


def savitzky_golay(sequence: PoseSequence, window_s: float = 0.3, degree: int = 2) -> PoseSequence:
    """Least-squares polynomial of `degree` through a moving window of `window_s` seconds.

    A stretch shorter than the window is a window of its own.

    Source: A. Savitzky, M. J. E. Golay, 1964, https://doi.org/10.1021/ac60214a047; scipy's `savgol_filter`.
    Raises `FeatureError` when the window holds too few frames for the polynomial.
    """
    _positive(window_s=window_s, degree=degree)

    def smooth(values: Array, step_s: float) -> Array:
        n = round(window_s / step_s) // 2 * 2 + 1
        if n <= degree + 1:
            raise FeatureError(
                f"savitzky_golay: {window_s:g} s hold {n} frames, too few for a polynomial of degree {degree}; "
                "choose a longer window"
            )
        n = min(n, (len(values) - 1) // 2 * 2 + 1)
        return values if n <= degree + 1 else np.asarray(savgol_filter(values, n, degree, axis=0), dtype=np.float64)

    return _filtered(sequence, smooth, f"savitzky_golay(window_s={window_s:g}, degree={degree})")


def median(sequence: PoseSequence, window_s: float = 0.2) -> PoseSequence:
    """Median of each coordinate over the positions found in a window of `window_s` seconds centred on each frame."""
    _positive(window_s=window_s)
    windows = _around(sequence.time_s, window_s)
    points = sequence.points.copy()
    for joint, found in enumerate(sequence.found.T):
        smooth = windows.median(np.ascontiguousarray(sequence.points[:, joint].T)).T
        points[found, joint] = smooth[found]
    return replace(sequence, points=points, steps=(*sequence.steps, f"median(window_s={window_s:g})"))


def one_euro(
    sequence: PoseSequence, min_cutoff_hz: float = 1.0, beta: float = 1.0, speed_cutoff_hz: float = 1.0
) -> PoseSequence:
    """Causal low-pass filter whose cut-off rises with the joint's speed: little lag when fast, little jitter when slow.

    Cut-off = `min_cutoff_hz` + `beta` · speed, the speed in trunk lengths per second, itself smoothed at
    `speed_cutoff_hz`. It uses the past alone, so it lags; for recordings the two-sided filters are better.
    Source: G. Casiez et al., 2012, https://doi.org/10.1145/2207676.2208639.
    """
    _positive(min_cutoff_hz=min_cutoff_hz, speed_cutoff_hz=speed_cutoff_hz)
    if not beta >= 0:
        raise FeatureError(f"beta must not be negative, got {beta}")
    size = body_size(sequence)
    points = sequence.points.copy()
    position, speed = np.zeros(points.shape[1:]), np.zeros(points.shape[1:])
    for i, begins, found, gap in _walk(sequence):
        rate = np.where(found, 2 * np.pi * gap, np.nan)[:, None]  # radians at 1 Hz since the joint was last seen
        now = sequence.points[i]
        raw = (now - position) / np.where(found, gap, np.nan)[:, None]
        speed = np.where(found[:, None], speed + (raw - speed) / (1 + 1 / (rate * speed_cutoff_hz)), speed)
        cutoff = min_cutoff_hz + beta * length(speed)[:, None] / size
        position = np.where(found[:, None], position + (now - position) / (1 + 1 / (rate * cutoff)), position)
        position = np.where(begins[:, None], now, position)
        speed = np.where(begins[:, None], 0.0, speed)
        points[i] = np.where((found | begins)[:, None], position, np.nan)
    step = f"one_euro(min_cutoff_hz={min_cutoff_hz:g}, beta={beta:g}, speed_cutoff_hz={speed_cutoff_hz:g})"
    return replace(sequence, points=points, steps=(*sequence.steps, step))


def kalman(sequence: PoseSequence, noise: float = 0.02, agility: float = 3.0) -> PoseSequence:
    """Kalman filter of nearly constant velocity run forwards and smoothed backwards (RTS): no lag, any timestamps.

    The two passes give the most probable course given all positions; here the same course is found at once, as the
    solution of a banded system. At an even rate it is a low-pass of cut-off (agility² · rate / noise²)^¼ / 2π hertz:
    4.6 Hz with the defaults at 30 frames/s.

    Args:
        noise: standard deviation of a detected position, trunk lengths.
        agility: standard deviation of the change of velocity within one second, trunk lengths per second; the larger,
            the less is smoothed.

    Source: H. E. Rauch, F. Tung, C. T. Striebel, 1965, https://doi.org/10.2514/3.3166; motion driven by continuous
    white noise: Y. Bar-Shalom et al., Estimation with Applications to Tracking and Navigation, 2001, 6.2.2.
    """
    _positive(noise=noise, agility=agility)
    points = sequence.points.copy()
    hole = largest_step(sequence.time_s)
    relative = (agility / noise) ** 2  # of the two variances; the body's size cancels
    for joint, found in enumerate(sequence.found.T):
        if found.any():
            points[found, joint] = _most_probable(sequence.points[found, joint], sequence.time_s[found], hole, relative)
    return replace(sequence, points=points, steps=(*sequence.steps, f"kalman(noise={noise:g}, agility={agility:g})"))


FILTERS: dict[str, Callable[[PoseSequence], PoseSequence]] = {
    "kalman": kalman,
    "butterworth": butterworth,
    "savitzky_golay": savitzky_golay,
    "one_euro": one_euro,
    "median": median,
}
"""The smoothing filters by name."""


def body_size(sequence: PoseSequence) -> float:
    """The trunk length that thresholds go by; where the trunk is never seen, a third of the median box's longer side.

    A standing person's box is about three trunks high. NaN when no frame shows two joints.
    """
    size = body_scale(sequence)
    if np.isfinite(size):
        return size
    low, high = box(sequence.points)
    longer = (high - low).max(axis=-1, initial=0)
    longer = longer[longer > 0]
    return float(np.median(longer)) / 3 if len(longer) else float("nan")


def _positive(**settings: float) -> None:
    for name, value in settings.items():
        if not value > 0:
            raise FeatureError(f"{name} must be above 0, got {value}")


def _without(sequence: PoseSequence, dropped: Bools, step: str) -> PoseSequence:
    points = np.where(dropped[..., None], np.nan, sequence.points)
    confidence = np.where(dropped, 0.0, sequence.confidence)
    return replace(sequence, points=points, confidence=confidence, steps=(*sequence.steps, step))


def _around(time_s: Array, window_s: float) -> Windows:
    """A window centred on each frame, both ends inside."""
    return Windows(time_s, time_s - window_s / 2, time_s + window_s / 2 + 2 * TICK)


def _filtered(sequence: PoseSequence, smooth: Callable[[Array, float], Array], step: str) -> PoseSequence:
    """Every stretch of every joint through a filter of (n, D) values on even steps of given seconds."""
    points = sequence.points.copy()
    for joint in range(len(sequence.joint_names)):
        for stretch in _stretches(sequence.found[:, joint], sequence.time_s):
            values, time_s = sequence.points[stretch, joint], sequence.time_s[stretch]
            steps = np.diff(time_s)
            typical = float(np.median(steps))
            if np.all(np.abs(steps - typical) <= EVEN * typical):
                points[stretch, joint] = smooth(values, typical)
                continue
            n = max(2, round((time_s[-1] - time_s[0]) / typical) + 1)
            grid = np.linspace(time_s[0], time_s[-1], n)
            even = smooth(CubicSpline(time_s, values)(grid), float(grid[1] - grid[0]))
            points[stretch, joint] = CubicSpline(grid, even)(time_s)
    return replace(sequence, points=points, steps=(*sequence.steps, step))


def _stretches(found: Bools, time_s: Array) -> Iterator[slice]:
    """Stretches of at least two frames that show the joint, without a hole."""
    near = found[1:] & found[:-1] & (np.diff(time_s) <= largest_step(time_s))
    edges = np.flatnonzero(np.diff(np.concatenate([[False], near, [False]]).astype(np.int8)))
    for begin, end in edges.reshape(-1, 2):
        yield slice(int(begin), int(end) + 1)


def _walk(sequence: PoseSequence) -> Iterator[tuple[int, Bools, Bools, Array]]:
    """Frame by frame: its number, joints whose stretch begins, joints whose stretch goes on, time since last seen.

    A joint may be missing for a while within a stretch, as long as no hole opens.
    """
    hole = largest_step(sequence.time_s)
    last = np.full(len(sequence.joint_names), -np.inf)
    for i, (time, found) in enumerate(zip(sequence.time_s, sequence.found, strict=True)):
        gap = time - last
        yield i, found & (gap > hole), found & (gap <= hole), np.where(gap <= hole, gap, 0.0)
        last = np.where(found, time, last)


def _least_swaps(gain: Array, penalty: float) -> Bools:
    """(n,) frames to exchange: a change of state before frame i + 1 earns `gain[i]`, an exchanged frame costs."""
    kept, swapped = 0.0, -penalty
    came = np.zeros((len(gain), 2), dtype=bool)  # whether the best way into (kept, swapped) changed the state
    for i, bonus in enumerate(gain.tolist()):
        came[i] = swapped + bonus > kept, kept + bonus > swapped
        kept, swapped = max(kept, swapped + bonus), max(swapped, kept + bonus) - penalty
    state = swapped > kept
    states = np.empty(len(gain) + 1, dtype=bool)
    states[-1] = state
    for i in range(len(gain) - 1, -1, -1):
        state ^= bool(came[i, int(state)])
        states[i] = state
    return states


def _most_probable(values: Array, time_s: Array, hole: float, drive: float) -> Array:
    """(n, D) positions of least Σ |x − values|² + Σ of the squared, normalised departures from constant velocity.

    `drive` is the density of the acceleration's noise over the variance of the values'.
    """
    n = len(values)
    step = np.diff(time_s)
    linked = step <= hole  # nothing is handed across a hole
    h = np.where(linked, step, 1.0)
    weight = np.where(linked, 1 / drive, 0.0)
    # Unknowns x₀, v₀, x₁, v₁, …; the inverse of the noise [[h³/3, h²/2], [h²/2, h]] is [[12/h³, −6/h²], [−6/h², 4/h]].
    xx, xv, vv = 12 * weight / h**3, 6 * weight / h**2, 4 * weight / h
    band = np.zeros((4, 2 * n))  # band[3 - k, j] is the entry (j - k, j)
    band[3, 0::2] = 1.0
    band[3, 1::2] = 1e-12 * max(1.0, float(vv.max(initial=0)))  # a lone frame has any velocity
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
    right[0::2] = values
    return np.asarray(solveh_banded(band, right)[0::2], dtype=np.float64)
