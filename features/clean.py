"""From raw keypoints to a series one can differentiate, as explicit steps.

Each function takes a `PoseSequence` and gives a new one that names the step and its settings in `steps`; its input is
never changed. Nothing but `fill_gaps` puts a position where there was none, and what it puts there has confidence 0
(`PoseSequence.filled`).

Time is the source's own, and no filter counts frames: what `cutoff_hz` names is the frequency of a sine whose amplitude
comes out at 1/√2 (−3 dB) of the whole filter as applied, both passes together, at any frame rate. `fill_gaps`,
`drop_outliers`, `median`, `one_euro` and `kalman` work on uneven timestamps as they are. `butterworth` and
`savitzky_golay` are defined on even ones: where the steps of a sequence differ by more than 2 %, its stretches are put
on an even grid of the finest usual step by a cubic spline, filtered there, and read off at their own timestamps.
No filter reaches across a hole (`features.clock`: three or more frames lacking) or across frames without the joint;
each stretch between is filtered by itself, and a single frame is left as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline, PchipInterpolator
from scipy.linalg import solveh_banded
from scipy.optimize import brentq
from scipy.signal import butter, savgol_coeffs, savgol_filter, sosfiltfilt

from features.clock import Pace, largest_steps, linked
from features.errors import FeatureError
from features.geometry import box, distance, length
from features.normalize import median_length, trunk_length
from features.sequence import PoseSequence, Whole
from features.windows import TICK, Windows
from pose.layouts import mirror_name
from pose.parts import FACE_70, n_body_joints

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]

ALGORITHM = 2
"""Version of the cleaning and the features; raise it when the same keypoints give other figures."""

CUTOFF_HZ = 6.0
"""Usual for walking with markers on the joints: D. A. Winter, 2009, 3.4.4.3."""

DETECTED_HZ = 4.0
"""For detected joints, which jitter more than markers: Winter's residual analysis of the sample video, detected by the
default network, gives 1 to 3 Hz; the motion of a walk reaches to 6."""

SWAP_PENALTY = 0.15
"""What it costs to believe that left and right are exchanged in a frame, trunk lengths: about the jitter of a limb's
three joints (2 to 5 % each); not tuned."""


@dataclass(frozen=True)
class CleanSettings:
    """What `clean` does, in this order. None leaves a step out.

    Attributes:
        min_confidence: joints below it are dropped, in [0, 1]; what is fainter is mostly guessed (not measured).
        swap_penalty: see `repair_swaps`, trunk lengths.
        outlier_window_s: see `drop_outliers`, seconds; half a second is half a stride, and 12 values at 25 frames/s.
        max_gap_s: see `fill_gaps`, seconds; a quarter of a second is one period of the default cut-off, beyond which a
            joint may have gone and come back.
        smoothing: name of the filter, run with its own defaults. The points of a face are left as they are: a blink
            lasts 0.1 to 0.3 s, and of one of 0.1 s at 25 frames/s the default filter would leave half of the depth, of
            one of 0.2 s three quarters (`tests/test_features/test_clean.py`).
    """

    min_confidence: float | None = 0.1
    swap_penalty: float | None = None
    outlier_window_s: float | None = 0.5
    max_gap_s: float | None = 0.25
    smoothing: Literal["kalman", "butterworth", "savitzky_golay", "one_euro", "median"] | None = "kalman"


def clean(sequence: PoseSequence, settings: CleanSettings | None = None) -> PoseSequence:
    """All steps of the settings, one after another; the result's `steps` say which."""
    settings = settings or CleanSettings()
    sequence = sure(sequence, settings)
    known = sequence.whole
    if known is None:  # all steps go by the size of the raw points
        sequence = replace(sequence, whole=Whole(body_size(sequence), pace=Pace.of(sequence.time_s)))
    if settings.swap_penalty is not None:
        sequence = repair_swaps(sequence, settings.swap_penalty)
    if settings.outlier_window_s is not None:
        sequence = drop_outliers(sequence, settings.outlier_window_s)
    if settings.max_gap_s is not None:
        sequence = fill_gaps(sequence, settings.max_gap_s)
    if settings.smoothing is not None:
        sequence = _but_the_face(sequence, FILTERS[settings.smoothing](sequence))
    return sequence if sequence.whole is known else replace(sequence, whole=known)


def _but_the_face(raw: PoseSequence, smooth: PoseSequence) -> PoseSequence:
    """A smoothed sequence with the points of its face as they were."""
    face = np.isin(raw.joint_names, FACE_70.joints)
    if not face.any():
        return smooth
    points = np.where(face[:, None], raw.points, smooth.points)
    return replace(smooth, points=points, steps=(*smooth.steps[:-1], f"{smooth.steps[-1]} but of the face"))


def sure(sequence: PoseSequence, settings: CleanSettings) -> PoseSequence:
    """The first step of the settings, after which the body's size is taken."""
    return sequence if settings.min_confidence is None else drop_unsure(sequence, settings.min_confidence)


def at_times(sequence: PoseSequence, time_s: Array) -> PoseSequence:
    """The sequence on the timestamps of all frames of its source: frames without the person become rows of NaN.

    Raises `FeatureError` when one of the sequence's own timestamps is not among them.

    >>> raw = PoseSequence(np.zeros((2, 1, 2)), np.ones((2, 1)), ("nose",), np.array([0.0, 0.2]))
    >>> at_times(raw, np.array([0.0, 0.1, 0.2])).found.ravel().tolist()
    [True, False, True]
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
    """Joints with a confidence below `min_confidence` become missing; so do filled ones, whose confidence is 0.

    >>> raw = PoseSequence(np.zeros((2, 1, 2)), np.array([[0.9], [0.05]]), ("nose",), np.arange(2) / 30)
    >>> drop_unsure(raw, 0.1).found.ravel().tolist()
    [True, False]
    """
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

    >>> x = np.zeros(9)
    >>> x[4] = 500.0
    >>> points = np.stack([np.stack([x, x], 1), np.zeros((9, 2)), np.full((9, 2), 50.0)], 1)
    >>> raw = PoseSequence(points, np.ones((9, 3)), ("nose", "neck", "mid_hip"), np.arange(9) / 30)
    >>> np.argwhere(~drop_outliers(raw).found).tolist()
    [[4, 0]]
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

    >>> x = np.array([0.0, 1.0, np.nan, 3.0])
    >>> raw = PoseSequence(np.stack([x, x], 1)[:, None], np.isfinite(x)[:, None] * 1.0, ("nose",), np.arange(4) / 30)
    >>> fill_gaps(raw).points[:, 0, 0].round(6).tolist()
    [0.0, 1.0, 2.0, 3.0]
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
    size, largest = body_size(sequence), largest_steps(sequence.time_s)
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
        gain[np.diff(sequence.time_s) > largest] = 0
        swapped = _least_swaps(gain, penalty)
        if swapped.any():
            both, other = np.array(left + right), np.array(right + left)
            rows = np.flatnonzero(swapped)[:, None]
            points[rows, both] = points[rows, other]
            confidence[rows, both] = confidence[rows, other]
    step = f"repair_swaps(penalty={penalty:g})"
    return replace(sequence, points=points, confidence=confidence, steps=(*sequence.steps, step))


def butterworth(sequence: PoseSequence, cutoff_hz: float = CUTOFF_HZ, order: int = 2) -> PoseSequence:
    """Butterworth filter of `order` run forwards and backwards: no lag, twice the order.

    Each pass alone is 3 dB down at a higher frequency, so that both together are at `cutoff_hz`: in the bilinear
    transform's own frequency tan(π f / rate) it is higher by 1 / (√2 − 1)^(1 / 2·order), for the second order 1/0.802
    (D. A. Winter, Biomechanics and Motor Control of Human Movement, 4th ed. 2009, 3.4.4.2). Run by scipy's
    `sosfiltfilt`.

    Raises `FeatureError` when the frame rate is not above twice the cut-off.
    """
    _positive(cutoff_hz=cutoff_hz, order=order)

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
    _positive(cutoff_hz=cutoff_hz, degree=degree)
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

    Cut-off (−3 dB) = `min_cutoff_hz` + `beta` · speed, the speed in trunk lengths per second, itself smoothed at
    `speed_cutoff_hz`. It uses the past alone, so it lags; for recordings the two-sided filters are better. The defaults
    are the paper's.
    Source: G. Casiez et al., 2012, https://doi.org/10.1145/2207676.2208639; the weight of a new value is the exact one
    for the cut-off at any frame rate, where the paper's is that of high rates.
    """
    _positive(min_cutoff_hz=min_cutoff_hz, speed_cutoff_hz=speed_cutoff_hz)
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
    _positive(cutoff_hz=cutoff_hz)
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


def body_size(sequence: PoseSequence) -> float:
    """The length of the (whole) sequence that thresholds go by, see `typical_size`."""
    return typical_size(*frame_sizes(sequence)) if sequence.whole is None else sequence.whole.trunk


def frame_sizes(sequence: PoseSequence) -> tuple[Array, Array]:
    """(n_frames,) length of the trunk and longer side of the box around the body's joints, sequence unit; or NaN."""
    low, high = box(sequence.points[:, : n_body_joints(sequence.joint_names)])
    return trunk_length(sequence), (high - low).max(axis=-1, initial=-np.inf)


def typical_size(trunk: Array, longer: Array) -> float:
    """Median trunk length; where the trunk is never seen, a third of the median box's longer side.

    A standing person's box is about three trunks high. NaN when no frame shows two joints.

    >>> typical_size(np.array([50.0, 60.0, 70.0]), np.array([180.0, 180.0, 180.0]))
    60.0
    """
    size = median_length(trunk)
    return size if np.isfinite(size) else median_length(longer) / 3


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
