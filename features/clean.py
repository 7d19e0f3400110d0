"""From raw keypoints to a series one can differentiate, as explicit steps.

Each function takes a `PoseSequence` and gives a new one that names the step and its settings in `steps`; its input is
never changed. Nothing but `fill_gaps` puts a position where there was none, and what it puts there has confidence 0
(`PoseSequence.filled`).

No step counts frames: time is the source's own, and `fill_gaps` and `drop_outliers` work on uneven timestamps as they
are. What the filters do, `features.filters` tells.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from features.clock import Pace, largest_steps
from features.errors import FeatureError, positive
from features.filters import FILTERS
from features.geometry import distance
from features.normalize import body_size
from features.sequence import PoseSequence, Whole
from features.windows import TICK, Windows
from pose.layouts import mirror_name
from pose.parts import FACE_70

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]

ALGORITHM = 2
"""Version of the cleaning and the features; raise it when the same keypoints give other figures."""

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
        sequence = _but_the_face(sequence, FILTERS[settings.smoothing])
    return sequence if sequence.whole is known else replace(sequence, whole=known)


def _but_the_face(sequence: PoseSequence, smooth: Callable[[PoseSequence], PoseSequence]) -> PoseSequence:
    """The sequence smoothed, with the points of its face as they are."""
    rest = ~np.isin(sequence.joint_names, FACE_70.joints)
    if rest.all():
        return smooth(sequence)
    names = tuple(np.array(sequence.joint_names)[rest].tolist())
    done = smooth(
        replace(sequence, points=sequence.points[:, rest], confidence=sequence.confidence[:, rest], joint_names=names)
    )
    points = sequence.points.copy()
    points[:, rest] = done.points
    return replace(sequence, points=points, steps=(*done.steps[:-1], f"{done.steps[-1]} but of the face"))


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
    positive(window_s=window_s, n_sigmas=n_sigmas)
    windows = Windows.around(sequence.time_s, window_s)
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
    positive(max_gap_s=max_gap_s)
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
    positive(penalty=penalty)
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


def _without(sequence: PoseSequence, dropped: Bools, step: str) -> PoseSequence:
    points = np.where(dropped[..., None], np.nan, sequence.points)
    confidence = np.where(dropped, 0.0, sequence.confidence)
    return replace(sequence, points=points, confidence=confidence, steps=(*sequence.steps, step))


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
