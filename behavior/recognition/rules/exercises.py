"""Exercises by their repetitions: one signal of the body goes past a threshold, past another far from it, and back.

Two thresholds, as in a Schmitt trigger (O. H. Schmitt, A thermionic trigger, Journal of Scientific Instruments 15,
1938): what trembles about one of them is no repetition. A repetition runs from where the signal leaves its rest to
where it is back; what the body does besides must hold in four fifths of its frames. Nothing is counted below 9
frames/s, nor where the signal was missing in two fifths of a repetition.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from behavior.recognition.rules.base import Repetition, Rule, limit, verdict
from behavior.recognition.rules.motion import SIDES, Motion
from behavior.recognition.rules.postures import off_balance

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

BESIDES = 0.8
"""Share of a repetition's frames with a signal in which what the body does besides must hold."""
SEEN = 0.6
"""Share of a repetition's frames in which the signal must be seen."""
RESTS_S = 0.5
"""The amplitude is that from the farthest rest within this time before a repetition, seconds."""
PAUSE_S = 3.0
"""Two repetitions no farther apart than this are in a row; one alone may be somebody who picks a thing up. Seconds."""


def repetitions(
    signal: Array, time_s: Array, rest: float, turn: float, least: float, longest_s: float, besides: Mask
) -> list[Repetition]:
    """The repetitions of a signal.

    Args:
        signal: (n,) any unit; NaN where it can't be seen.
        rest, turn: thresholds: the signal is at `rest` or beyond before and after, at `turn` or beyond in between;
            either may be the larger one.
        least: how far it goes, at least.
        longest_s: a longer one is none, seconds.
        besides: (n,) what else must hold.
    """
    sign = 1.0 if turn > rest else -1.0
    seen = np.flatnonzero(np.isfinite(signal))
    found: list[Repetition] = []
    left: int | None = None  # last frame at rest
    farthest = -np.inf
    for row in seen.tolist():
        value = sign * signal[row]
        if value <= sign * rest:
            if left is not None and farthest >= sign * turn and time_s[row] - time_s[left] <= longest_s:
                inside = slice(left, row + 1)
                known = np.isfinite(signal[inside])
                before = slice(int(np.searchsorted(time_s, time_s[left] - RESTS_S)), row + 1)
                amplitude = float(farthest - np.nanmin(sign * signal[before]))
                if amplitude >= least and besides[inside][known].mean() >= BESIDES and known.mean() >= SEEN:
                    found.append(Repetition(left, row, amplitude))
            left, farthest = row, -np.inf
        else:
            farthest = max(farthest, value)
    return found


def _mean(pair: Array) -> Array:
    """(n,) mean of both sides, or the one that is seen."""
    return np.asarray(np.where(np.isfinite(pair).all(axis=0), pair.mean(axis=0), np.fmax(*pair)))


def _inside(one: Repetition) -> slice:
    return slice(one.first, one.last + 1)


def _moves(motion: Motion, pixels: Array, one: Repetition) -> float:
    """Longest side of the box around (n,) or (n, 2) pixels in a repetition, body heights; NaN where none is seen."""
    rows = _inside(one)
    known = pixels[rows][np.isfinite(pixels[rows]).reshape(len(pixels[rows]), -1).all(axis=1)]
    return float(np.ptp(known, axis=0).max() / np.nanmedian(motion.height[rows])) if len(known) else np.nan


@dataclass(frozen=True)
class SquatLimits:
    """Thresholds of `squat`."""

    up: float = limit(0.38, "body heights of the hips over the lower ankle, at least, before and after")
    down: float = limit(0.34, "body heights of the hips over the lower ankle, at most, in between")
    least: float = limit(0.12, "body heights by which the hips sink, at least")
    longest_s: float = limit(6.0, "s of a repetition, at most")
    lean: float = limit(55, "deg of the trunk from the vertical, at most")
    feet: float = limit(0.12, "body heights that either foot moves, at most")
    balance: float = limit(0.13, "body heights of the centre of mass beside the feet, at most")
    hands: float = limit(0.1, "body heights of either hand over the lower ankle, at least: nothing is picked up")


_SQUAT = SquatLimits()


def squats(motion: Motion) -> list[Repetition]:
    """Each squat; amplitude of the hips, body heights."""
    hips = (motion.feet_y - motion.middle("hip")[:, 1]) / motion.height
    over_feet = np.isfinite(motion.lean_of_side) & ~(off_balance(motion) > _SQUAT.balance)
    found = repetitions(hips, motion.time_s, _SQUAT.up, _SQUAT.down, _SQUAT.least, _SQUAT.longest_s, over_feet)
    feet = [motion.joint(f"{side}_ankle") for side in SIDES]
    hands = (motion.feet_y - np.fmax(*(motion.joint(f"{side}_wrist")[:, 1] for side in SIDES))) / motion.height

    def stays(one: Repetition) -> bool:
        rows = _inside(one)
        moved = np.fmax.reduce([_moves(motion, foot, one) for foot in feet])
        leant, reached = np.fmax.reduce(motion.lean_of_side[rows]), np.fmin.reduce(hands[rows])
        return bool(moved <= _SQUAT.feet and leant <= _SQUAT.lean and not reached < _SQUAT.hands)

    return [one for one in found if stays(one)]


@dataclass(frozen=True)
class PushUpLimits:
    """Thresholds of `push_up`."""

    bent: float = limit(115, "deg of the elbows, at most, at the bottom")
    straight: float = limit(130, "deg of the elbows, at least, at the top")
    least: float = limit(40, "deg by which the elbows bend, at least")
    longest_s: float = limit(6.0, "s of a repetition, at most")
    lean: float = limit(50, "deg of the trunk from the vertical, at least")
    under: float = limit(0.06, "body heights of the hands under the shoulders, at least")
    hips: float = limit(130, "deg at the hips, at least: trunk and legs in a line")
    low: float = limit(0.3, "body heights of the hips over the lower ankle, at most")
    sinks: float = limit(0.07, "body heights by which the shoulders come nearer to the hands, at least")
    hands: float = limit(0.12, "body heights that the hands move, at most")


_PUSH_UP = PushUpLimits()


def push_ups(motion: Motion) -> list[Repetition]:
    """Each push-up; amplitude of the elbows, degrees."""
    under = np.fmax(*(-motion.above(f"{side}_wrist", f"{side}_shoulder") for side in SIDES))
    line = np.fmax(*motion.angles("shoulder", "hip", "knee"))
    lean = motion.lean_of_side
    besides = (lean >= _PUSH_UP.lean) & (lean <= 130) & (under >= _PUSH_UP.under)
    besides &= ~(line < _PUSH_UP.hips) & ~(motion.hip_height > _PUSH_UP.low)
    elbows = _mean(motion.angles("shoulder", "elbow", "wrist"))
    found = repetitions(
        elbows, motion.time_s, _PUSH_UP.straight, _PUSH_UP.bent, _PUSH_UP.least, _PUSH_UP.longest_s, besides
    )
    return [
        one
        for one in found
        if _moves(motion, motion.middle("wrist"), one) <= _PUSH_UP.hands
        and _moves(motion, under * motion.height, one) >= _PUSH_UP.sinks
    ]


@dataclass(frozen=True)
class JumpingJackLimits:
    """Thresholds of `jumping_jack`."""

    down: float = limit(-0.1, "body heights of the hands over the shoulders, at most, before and after")
    up: float = limit(0.1, "body heights of the hands over the shoulders, at least, in between")
    longest_s: float = limit(2.5, "s of a repetition, at most")
    lean: float = limit(30, "deg of the trunk from the vertical, at most")
    wide: float = limit(0.4, "body heights between the hands sideways, at least, on their way")
    spread: float = limit(0.1, "body heights by which the feet part sideways, at least")
    together: float = limit(0.5, "correlation of hands and feet within a repetition, at least")


_JACK = JumpingJackLimits()


def jumping_jacks(motion: Motion) -> list[Repetition]:
    """Each jumping jack; amplitude of the hands, body heights."""
    hands = np.stack([motion.above(f"{side}_wrist", "neck") for side in SIDES]).mean(axis=0)
    apart, wide = (np.abs(motion.relative(f"left_{joint}", f"right_{joint}")[:, 0]) for joint in ("ankle", "wrist"))
    level = motion.lean <= _JACK.lean
    found = repetitions(hands, motion.time_s, _JACK.down, _JACK.up, 0.0, _JACK.longest_s, level)

    def in_step(one: Repetition) -> bool:
        a, b = hands[_inside(one)], apart[_inside(one)]
        known = np.isfinite(a) & np.isfinite(b)
        if known.sum() < 5 or np.ptp(b[known]) < _JACK.spread or np.nanmax(wide[_inside(one)]) < _JACK.wide:
            return False
        return bool(np.corrcoef(a[known], b[known])[0, 1] >= _JACK.together)

    return [one for one in found if in_step(one)]


@dataclass(frozen=True)
class SitUpLimits:
    """Thresholds of `sit_up`."""

    down: float = limit(65, "deg of the trunk from the upward vertical, at least, before and after")
    up: float = limit(45, "deg of the trunk from the upward vertical, at most, in between")
    longest_s: float = limit(8.0, "s of a repetition, at most")
    hips: float = limit(0.2, "body heights of the hips over the lower ankle, at most")
    moves: float = limit(0.15, "body heights that the hips move, at most")


_SIT_UP = SitUpLimits()


def sit_ups(motion: Motion) -> list[Repetition]:
    """Each sit-up; amplitude of the trunk, degrees."""
    hips = motion.middle("hip")
    low = (motion.feet_y - hips[:, 1]) / motion.height <= _SIT_UP.hips
    found = repetitions(motion.lean_of_side, motion.time_s, _SIT_UP.down, _SIT_UP.up, 0.0, _SIT_UP.longest_s, low)
    return [one for one in found if _moves(motion, hips, one) <= _SIT_UP.moves]


@dataclass(frozen=True)
class PullUpLimits:
    """Thresholds of `pull_up`."""

    hanging: float = limit(0.17, "body heights of the hands over the shoulders, at least, before and after")
    pulled: float = limit(0.11, "body heights of the hands over the shoulders, at most, in between")
    least: float = limit(0.1, "body heights by which the shoulders rise to the hands, at least")
    longest_s: float = limit(6.0, "s of a repetition, at most")
    lean: float = limit(45, "deg of the trunk from the vertical, at most")
    hands: float = limit(0.1, "body heights that the hands move, at most")
    hips: float = limit(0.08, "body heights that the hips rise, at least")


_PULL_UP = PullUpLimits()


def pull_ups(motion: Motion) -> list[Repetition]:
    """Each pull-up; amplitude of the shoulders, body heights."""
    hands = _mean(np.stack([motion.above(f"{side}_wrist", "neck") for side in SIDES]))
    level, longest_s = motion.lean <= _PULL_UP.lean, _PULL_UP.longest_s
    found = repetitions(hands, motion.time_s, _PULL_UP.hanging, _PULL_UP.pulled, _PULL_UP.least, longest_s, level)
    place, hips = motion.middle("wrist"), motion.joint("mid_hip")[:, 1]
    return [
        one
        for one in found
        if _moves(motion, place, one) <= _PULL_UP.hands and _moves(motion, hips, one) >= _PULL_UP.hips
    ]


def _exercise(
    name: str,
    definition: str,
    limits: Any,
    found: Callable[[Motion], list[Repetition]],
    moves: str,
    unit: str,
) -> Rule:
    """The rule of an exercise that is claimed from two repetitions in a row on."""

    def counted(motion: Motion) -> list[Repetition]:
        def compute() -> list[Repetition]:
            rows: list[list[Repetition]] = []
            for one in found(motion):
                if not motion.fast_enough[_inside(one)].all():
                    continue
                if rows and motion.time_s[one.first] - motion.time_s[rows[-1][-1].last] <= PAUSE_S:
                    rows[-1].append(one)
                else:
                    rows.append([one])
            return [one for row in rows if len(row) >= 2 for one in row]

        return motion.body.once(f"repetitions of {name}", compute)

    def score(motion: Motion) -> Array:
        holds = np.zeros(len(motion), dtype=bool)
        for one in counted(motion):
            holds[_inside(one)] = True
        for one, later in pairwise(counted(motion)):
            if motion.time_s[later.first] - motion.time_s[one.last] <= PAUSE_S:
                holds[one.last : later.first] = True
        return verdict(np.isfinite(motion.lean_of_side) & motion.fast_enough, holds)

    def numbers(motion: Motion) -> dict[str, Array]:
        by, took = np.full((2, len(motion)), np.nan)
        for one in counted(motion):
            by[_inside(one)] = one.amplitude
            took[_inside(one)] = motion.time_s[one.last] - motion.time_s[one.first]
        return {moves: by, "{:.1f} s each (at most {longest_s:g})": took}

    return Rule(name, "motion", definition, limits, score, numbers, 0.5, counted, unit)


RULES = (
    _exercise(
        "squat",
        "Twice or more in a row: hips from {up:g} body heights or more over the lower ankle to {down:g} or less, by "
        "{least:g} or more, and back within {longest_s:g} s; trunk at most {lean:g}° from the vertical, feet within "
        "{feet:g} body heights, the body's weight within {balance:g} of them, hands {hands:g} or more over them.",
        _SQUAT,
        squats,
        "hips sink by {:.2f} body heights (from {up:g} or more over the lower ankle to {down:g} or less)",
        "body heights of the hips",
    ),
    _exercise(
        "push_up",
        "Twice or more in a row: trunk {lean:g}° or more from the vertical, in a line with the thighs ({hips:g}° or "
        "more), hips at most {low:g} body heights over the lower ankle, hands under the shoulders and within {hands:g} "
        "body heights; elbows from {straight:g}° or more to {bent:g}° or less, by {least:g}° or more, and back within "
        "{longest_s:g} s, while the shoulders sink by {sinks:g} body heights or more.",
        _PUSH_UP,
        push_ups,
        "elbows bend by {:.0f} deg (from {straight:g} or more to {bent:g} or less)",
        "deg of the elbows",
    ),
    _exercise(
        "jumping_jack",
        "Twice or more in a row: both hands, in the mean, from {down:g} body heights or less over the shoulders to "
        "{up:g} or more and back within {longest_s:g} s, {wide:g} body heights or more apart on their way, while the "
        "feet part sideways by {spread:g} body heights or more, in step with the hands (correlation {together:g} or "
        "more); trunk at most {lean:g}° from the vertical. Seen from the front or from behind.",
        _JACK,
        jumping_jacks,
        "hands rise by {:.2f} body heights (from {down:g} or less to {up:g} or more over the shoulders)",
        "body heights of the hands",
    ),
    _exercise(
        "sit_up",
        "Twice or more in a row: trunk from {down:g}° or more from the upward vertical to {up:g}° or less and back "
        "within {longest_s:g} s, hips at most {hips:g} body heights over the lower ankle and moving by at most "
        "{moves:g} body heights.",
        _SIT_UP,
        sit_ups,
        "trunk rises by {:.0f} deg (from {down:g} or more to {up:g} or less)",
        "deg of the trunk",
    ),
    _exercise(
        "pull_up",
        "Twice or more in a row: hands from {hanging:g} body heights or more over the shoulders to {pulled:g} or "
        "less, by {least:g} or more, and back within {longest_s:g} s, while the hands move by at most {hands:g} body "
        "heights in the picture and the hips rise by {hips:g} or more.",
        _PULL_UP,
        pull_ups,
        "shoulders rise by {:.2f} body heights (hands from {hanging:g} or more over them to {pulled:g} or less)",
        "body heights of the shoulders",
    ),
)
