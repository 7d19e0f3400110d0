"""Exercises by their repetitions: a joint angle that goes down past one threshold and back up past another.

A repetition runs from where the angle leaves its upper threshold to where it is back; what the body does besides must
hold in four fifths of its frames.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from behavior.recognition.rules.base import Rule, limit, verdict
from behavior.recognition.rules.motion import SIDES, Motion

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Repetition:
    """One repetition.

    Attributes:
        first, last: rows of its frames, both inside.
        amplitude: how far the angle went, degrees.
    """

    first: int
    last: int
    amplitude: float


@dataclass(frozen=True)
class SquatLimits:
    """Thresholds of `squat`."""

    bent: float = limit(110, "deg of the knees, at most, at the bottom")
    straight: float = limit(145, "deg of the knees, at least, before and after")
    longest_s: float = limit(6.0, "s of a repetition, at most")
    lean: float = limit(75, "deg of the trunk from the vertical, at most")
    drop: float = limit(0.12, "body heights that the hips come down over the feet, at least")
    feet: float = limit(0.12, "body heights that the feet move, at most")


@dataclass(frozen=True)
class PushUpLimits:
    """Thresholds of `push_up`."""

    bent: float = limit(115, "deg of the elbows, at most, at the bottom")
    straight: float = limit(140, "deg of the elbows, at least, at the top")
    longest_s: float = limit(6.0, "s of a repetition, at most")
    lean: float = limit(50, "deg of the trunk from the vertical, at least")
    under: float = limit(0.04, "body heights of the hands under the shoulders, at least")
    hips: float = limit(130, "deg at the hips, at least: trunk and legs in a line")


_SQUAT, _PUSH_UP = SquatLimits(), PushUpLimits()


def repetitions(
    angle: Array, time_s: Array, bent: float, straight: float, longest_s: float, besides: NDArray[np.bool_]
) -> list[Repetition]:
    """The repetitions of an angle.

    Args:
        angle: (n,) degrees; NaN where it can't be seen.
        bent, straight: thresholds that it must pass downwards, and before and after be above.
        besides: (n,) what else must hold, in four fifths of the frames.
    """
    seen = np.flatnonzero(np.isfinite(angle))
    found: list[Repetition] = []
    top: int | None = None  # last frame above the upper threshold
    low = np.inf
    for row in seen.tolist():
        value = angle[row]
        if value >= straight:
            if top is not None and low <= bent and time_s[row] - time_s[top] <= longest_s:
                inside = slice(top, row + 1)
                if besides[inside].mean() >= 0.8:
                    found.append(Repetition(top, row, float(np.nanmax(angle[inside]) - low)))
            top, low = row, np.inf
        else:
            low = min(low, value)
    return found


def _mean(pair: Array) -> Array:
    return np.asarray(np.where(np.isfinite(pair).all(axis=0), pair.mean(axis=0), np.fmax(*pair)))


def squats(motion: Motion) -> list[Repetition]:
    """Each squat."""
    angle = _mean(motion.knees)
    found = repetitions(
        angle, motion.time_s, _SQUAT.bent, _SQUAT.straight, _SQUAT.longest_s, motion.lean <= _SQUAT.lean
    )
    feet = motion.middle("ankle") / motion.height[:, None]

    def stays(one: Repetition) -> bool:
        rows = slice(one.first, one.last + 1)
        hips, place = motion.hip_height[rows], feet[rows]
        return bool(
            hips[0] - np.nanmin(hips) >= _SQUAT.drop
            and np.all(np.nanmax(place, 0) - np.nanmin(place, 0) <= _SQUAT.feet)
        )

    return [one for one in found if stays(one)]


def push_ups(motion: Motion) -> list[Repetition]:
    """Each push-up."""
    angle = _mean(motion.angles("shoulder", "elbow", "wrist"))
    under = np.fmax(*(-motion.above(f"{side}_wrist", f"{side}_shoulder") for side in SIDES))
    line = np.fmax(*motion.angles("shoulder", "hip", "knee"))
    besides = (motion.lean >= _PUSH_UP.lean) & (motion.lean <= 130) & (under >= _PUSH_UP.under)
    besides &= ~(line < _PUSH_UP.hips)
    return repetitions(angle, motion.time_s, _PUSH_UP.bent, _PUSH_UP.straight, _PUSH_UP.longest_s, besides)


PAUSE_S = 3.0
"""Two repetitions no farther apart than this are in a row; one alone may be somebody who picks a thing up. Seconds."""

EXERCISES: dict[str, Callable[[Motion], list[Repetition]]] = {"squat": squats, "push_up": push_ups}
"""Name of the action to what finds its repetitions."""


def _score(name: str, seen: Callable[[Motion], NDArray[np.bool_]]) -> Callable[[Motion], Array]:
    def score(motion: Motion) -> Array:
        holds = np.zeros(len(motion), dtype=bool)
        found = EXERCISES[name](motion)
        for one, later in pairwise(found):
            if motion.time_s[later.first] - motion.time_s[one.last] <= PAUSE_S:
                holds[one.first : one.last + 1] = holds[later.first : later.last + 1] = True
        return verdict(seen(motion), holds)

    return score


def _numbers(name: str, words: str) -> Callable[[Motion], dict[str, Array]]:
    def numbers(motion: Motion) -> dict[str, Array]:
        by = np.full(len(motion), np.nan)
        for one in EXERCISES[name](motion):
            by[one.first : one.last + 1] = one.amplitude
        return {words: by}

    return numbers


RULES = (
    Rule(
        "squat",
        "motion",
        "Twice or more in a row: knees from {straight:g}° or more to {bent:g}° or less and back "
        "within {longest_s:g} s, hips {drop:g} body "
        "heights or more down, trunk at most {lean:g}° from the vertical, feet within {feet:g} body heights.",
        _SQUAT,
        _score("squat", lambda motion: np.isfinite(motion.lean) & np.isfinite(np.fmax(*motion.knees))),
        _numbers("squat", "knees bend by {:.0f} deg (from {straight:g} or more to {bent:g} or less)"),
        min_s=0.5,
    ),
    Rule(
        "push_up",
        "motion",
        "Twice or more in a row: trunk {lean:g}° or more from the vertical, in a line "
        "with the thighs ({hips:g}° or more), hands under the "
        "shoulders; elbows from {straight:g}° or more to {bent:g}° or less and back within {longest_s:g} s.",
        _PUSH_UP,
        _score("push_up", lambda motion: np.isfinite(motion.lean)),
        _numbers("push_up", "elbows bend by {:.0f} deg (from {straight:g} or more to {bent:g} or less)"),
        min_s=0.5,
    ),
)
