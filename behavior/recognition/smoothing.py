"""From scores per frame to stable labels and bouts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from behavior.recognition.clips import RATE_HZ
from pose.people import Track
from storage.bouts import Bout

UNKNOWN_STATE = -1


@dataclass(frozen=True, eq=False)
class Times:
    """The frames of a track in time.

    Attributes:
        usual_s: usual time between two frames, seconds.
        ends_s: (n,) when each frame leaves the screen, seconds: when the next one comes, so that bouts that touch leave
            no hole; before a long gap and at the end, after the usual time.
        stretches: rows of the frames between which no long gap lies.
    """

    usual_s: float
    ends_s: NDArray[np.float64]
    stretches: list[NDArray[np.intp]]
    time_s: NDArray[np.float64]

    @staticmethod
    def of(time_s: NDArray[np.float64], max_gap_s: float) -> Times:
        steps = np.diff(time_s)
        usual = float(np.median(steps)) if len(steps) else 1 / RATE_HZ
        lost = np.append(steps > max(max_gap_s, 2 * usual), True)[: len(time_s)]
        ends_s = np.where(lost, time_s + usual, np.append(time_s[1:], np.nan)[: len(time_s)])
        stretches = np.split(np.arange(len(time_s)), np.flatnonzero(lost) + 1)
        return Times(usual, ends_s, [rows for rows in stretches if len(rows)], time_s)

    def length_s(self, rows: NDArray[np.intp]) -> float:
        """How long a stretch lasts, seconds."""
        return float(self.ends_s[rows[-1]] - self.time_s[rows[0]])


def viterbi(
    scores: NDArray[np.floating],
    time_s: NDArray[np.float64],
    unknown_below: float | NDArray[np.float64],
    switch_s: float | NDArray[np.float64],
) -> NDArray[np.int64]:
    """The most plausible course of actions.

    A state per action and one for unknown, which an action must beat by reaching its `unknown_below`. A change of state
    must earn its price: an action replaces another only where it is e times as probable for `switch_s` seconds (or
    twice as long where it is the square root of e times as probable, and so on), so brief or slight changes leave no
    trace.

    Args:
        scores: (n, C) probabilities per frame.
        time_s: (n,) seconds, rising.
        unknown_below: score under which an action is not claimed, in (0, 1); one for all, or (C,).
        switch_s: price of leaving a state, seconds at one nat; one for all, or (C + 1,), the last that of unknown.

    Returns:
        (n,) positions of the actions, -1 for unknown.
    """
    n, n_classes = scores.shape
    if n == 0:
        return np.zeros(0, dtype=np.int64)
    steps = np.diff(time_s)
    usual = float(np.median(steps)) if len(steps) else 1.0
    weight = np.minimum(np.append(steps, usual), 3 * usual)[:, None]

    def gains() -> Iterator[NDArray[np.float64]]:
        for begin in range(0, n, 4096):
            rows = slice(begin, begin + 4096)
            known = (np.log(np.maximum(scores[rows], 1e-6, dtype=np.float64)) - np.log(unknown_below)) * weight[rows]
            yield from np.append(known, np.zeros((len(known), 1)), axis=1)

    price = np.broadcast_to(np.asarray(switch_s, dtype=np.float64), (n_classes + 1,))
    gain = gains()
    best = next(gain)
    come_from = np.zeros((n, n_classes + 1), dtype=np.int16)
    own = np.arange(n_classes + 1)
    for frame in range(1, n):
        left = best - price
        leader = int(left.argmax())
        switch = left[leader] > best
        come_from[frame] = np.where(switch, leader, own)
        best = np.where(switch, left[leader], best) + next(gain)
    path = np.empty(n, dtype=np.int64)
    path[-1] = best.argmax()
    for frame in range(n - 1, 0, -1):
        path[frame - 1] = come_from[frame, path[frame]]
    return np.where(path == n_classes, UNKNOWN_STATE, path)


def runs(labels: NDArray[np.int64]) -> list[tuple[int, int, int]]:
    """Maximal runs of equal labels as (first, last, label), both ends inside."""
    if len(labels) == 0:
        return []
    edges = [0, *(np.flatnonzero(np.diff(labels)) + 1).tolist(), len(labels)]
    return [(first, stop - 1, int(labels[first])) for first, stop in pairwise(edges)]


def drop_short(
    labels: NDArray[np.int64],
    ends_s: NDArray[np.float64],
    time_s: NDArray[np.float64],
    min_s: float | Sequence[float],
) -> NDArray[np.int64]:
    """Labels without runs shorter than `min_s`, seconds; one for all actions, or one for each.

    A short run between two of one action joins them; any other becomes unknown. A gap is short by its neighbours' rule.
    """

    def short(first: int, last: int, label: int) -> bool:
        return bool(ends_s[last] - time_s[first] < (min_s if isinstance(min_s, float | int) else min_s[label]))

    labels = labels.copy()
    found = runs(labels)
    for place, (first, last, label) in enumerate(found):
        around = {found[place - 1][2] if place else None, found[place + 1][2] if place + 1 < len(found) else None}
        only = around.pop() if len(around) == 1 else None
        if only is not None and only != UNKNOWN_STATE and short(first, last, only if label == UNKNOWN_STATE else label):
            labels[first : last + 1] = only
        elif label != UNKNOWN_STATE and short(first, last, label):
            labels[first : last + 1] = UNKNOWN_STATE
    for first, last, label in runs(labels):
        if label != UNKNOWN_STATE and short(first, last, label):
            labels[first : last + 1] = UNKNOWN_STATE
    return labels


def rows_of(track: Track, bout: Bout) -> slice:
    """The rows of a track's frames that a bout holds."""
    first, behind = np.searchsorted(track.frames, [bout.start_frame, bout.stop_frame + 1])
    return slice(int(first), int(behind))


def frames_to_bouts(
    labels: NDArray[np.int64],
    scores: NDArray[np.floating],
    frames: NDArray[np.int64],
    time_s: NDArray[np.float64],
    ends_s: NDArray[np.float64],
    track_id: int,
    classes: Sequence[str],
) -> list[Bout]:
    """Bouts of one unbroken stretch of a track; unknown makes none.

    `ends_s` (n,) is when each frame leaves the screen. Score is the mean probability of the action over the bout.
    """
    return [
        Bout(
            track_id=track_id,
            action=classes[label],
            start_s=float(time_s[first]),
            stop_s=float(ends_s[last]),
            start_frame=int(frames[first]),
            stop_frame=int(frames[last]),
            score=float(scores[first : last + 1, label].mean()),
        )
        for first, last, label in runs(labels)
        if label != UNKNOWN_STATE
    ]
