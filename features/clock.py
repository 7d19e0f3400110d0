"""Timestamps: which step from frame to frame is usual, which is a hole, how long a frame stands for.

A source may change its frame rate (a phone in dim light, a recorded screen), so *usual* is what holds around a frame,
never a figure of the whole recording: what is said of a frame doesn't depend on what happened minutes away.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

AROUND = 15
"""Steps whose median is the usual one: half a second at 30 frames/s; seven of them may be holes without deciding."""

HOLE_FACTOR = 3.5
"""A step of more than this many usual ones is a hole: three or more frames lack. No whole number, so that rounding does
not decide."""

EVEN = 0.02
"""Largest relative difference of steps that counts as even: more than the rounding of a container's timestamps to
milliseconds does at 20 frames/s, less than any filter's response shows."""


def usual_steps(time_s: Array) -> Array:
    """(n - 1,) the usual step around each step of (n,) timestamps, seconds.

    The larger of two medians, over the `AROUND` steps that end with this one and the `AROUND` that begin with it: where
    the rate falls, the first slow step is usual already. Fewer than `AROUND` steps in all have one median.

    >>> usual_steps(np.array([0.0, 0.1, 0.2, 1.2, 1.3])).round(3).tolist()
    [0.1, 0.1, 0.1, 0.1]
    """
    steps = np.diff(time_s)
    if not len(steps):
        return steps
    medians = np.median(np.lib.stride_tricks.sliding_window_view(steps, min(AROUND, len(steps))), axis=1)
    last = len(medians) - 1
    at = np.arange(len(steps))
    return np.maximum(medians[np.clip(at - AROUND + 1, 0, last)], medians[np.minimum(at, last)])


def largest_steps(time_s: Array, factor: float = HOLE_FACTOR) -> Array:
    """(n - 1,) for each step the length above which it is a hole between two frames: `factor` usual steps, seconds."""
    return factor * usual_steps(time_s)


class Pace(NamedTuple):
    """Of all timestamps of a sequence: its finest usual step, seconds, and whether every step is that one."""

    finest_s: float
    even: bool

    @classmethod
    def of(cls, time_s: Array) -> Pace:
        """The pace of (n,) timestamps; steps that differ by 2 % at most are even, and holes don't count."""
        usual, steps = usual_steps(time_s), np.diff(time_s)
        finest = float(usual.min(initial=np.inf))
        return cls(finest, bool(np.all(np.abs(steps - finest)[steps <= HOLE_FACTOR * usual] <= EVEN * finest)))


def linked(time_s: Array, seen: NDArray[np.intp], largest: Array) -> NDArray[np.bool_]:
    """(len(seen) - 1,) whether no hole lies between one of the frames numbered in `seen` and the next.

    Args:
        largest: of the (n,) timestamps, see `largest_steps`.
    """
    limit = np.maximum(largest[seen[:-1]], largest[seen[1:] - 1]) if len(seen) > 1 else np.empty(0)
    return np.asarray(np.diff(time_s[seen]) <= limit)


def frame_durations(time_s: Array, factor: float = HOLE_FACTOR) -> Array:
    """(n,) how long each frame stands for, seconds: until the next; before a hole and at the end the usual step.

    >>> frame_durations(np.array([0.0, 0.1, 0.2, 1.2, 1.3])).round(3).tolist()
    [0.1, 0.1, 0.1, 0.1, 0.1]
    """
    if len(time_s) < 2:
        return np.zeros(len(time_s))
    step, usual = np.diff(time_s), usual_steps(time_s)
    return np.append(np.where(step <= factor * usual, step, usual), usual[-1])
