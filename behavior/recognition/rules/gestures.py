"""Single motions: arms raised, waving, bending, a fall, sitting down and standing up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from behavior.recognition.rules.base import Rule, limit, spans_of, verdict
from behavior.recognition.rules.motion import SIDES, Motion
from behavior.recognition.rules.postures import NAMES, posture
from features import geometry, kinematics

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ArmsLimits:
    """Thresholds of `arms_raised`."""

    over_shoulders: float = limit(0.0, "body heights of both hands over the shoulders, above, all the time")
    highest: float = limit(0.1, "body heights of both hands over the shoulders, at least, at some moment: the head")
    lean: float = limit(45, "deg of the trunk from the vertical, at most")


_ARMS = ArmsLimits()


def _lower(motion: Motion) -> Array:
    """(n,) the lower hand over the shoulders, body heights; a hand that isn't seen is judged by its elbow."""
    hands = []
    for side in SIDES:
        hand, elbow = (motion.above(f"{side}_{joint}", "neck") for joint in ("wrist", "elbow"))
        hands.append(np.where(np.isfinite(hand), hand, elbow))
    return np.minimum(*hands)


def arms_raised(motion: Motion) -> Array:
    """(n,) see `Rule.score`; a body upside down is not judged."""
    lower = _lower(motion)
    seen = np.isfinite(lower) & (motion.lean < 90)
    holds = np.zeros(len(motion), dtype=bool)
    for first, stop in spans_of(seen & (lower > _ARMS.over_shoulders) & (motion.lean <= _ARMS.lean)):
        holds[first:stop] = lower[first:stop].max() >= _ARMS.highest
    return verdict(seen, holds)


@dataclass(frozen=True)
class WaveLimits:
    """Thresholds of `wave`."""

    swing: float = limit(0.07, "body heights of the hand about its elbow, from one turn to the next, at least")
    sideways: float = limit(0.5, "of a swing's length in the picture that is level, at least")
    turns: float = limit(4, "turns in a row, at least: there and back, and again")
    longest_s: float = limit(0.7, "s from one turn to the next, at most")
    over_shoulders: float = limit(0.0, "body heights of the hand over the shoulders, above, all the time")
    lean: float = limit(45, "deg of the trunk from the vertical, at most")


_WAVE = WaveLimits()


def _waves(motion: Motion) -> Iterator[tuple[slice, int, float]]:
    """The rows of each wave of either hand, its turns, and their rate in turns/s."""
    for side in SIDES:
        about = motion.relative(f"{side}_wrist", f"{side}_elbow")
        up = motion.above(f"{side}_wrist", "neck") > _WAVE.over_shoulders
        for first, stop in spans_of(up & np.isfinite(about).all(axis=1) & (motion.lean <= _WAVE.lean)):
            turns = first + kinematics.turning_points(about[first:stop], _WAVE.swing)
            swings = np.abs(np.diff(about[turns], axis=0))
            sideways = swings[:, 0] >= _WAVE.sideways * geometry.length(swings)
            for a, b in spans_of(sideways & (np.diff(motion.time_s[turns]) <= _WAVE.longest_s)):
                if b - a + 1 >= _WAVE.turns:
                    took_s = float(motion.time_s[turns[b]] - motion.time_s[turns[a]])
                    yield slice(int(turns[a]), int(turns[b]) + 1), b - a + 1, (b - a) / took_s


def wave(motion: Motion) -> Array:
    """(n,) see `Rule.score`."""
    seen = np.zeros(len(motion), dtype=bool)
    holds = np.zeros(len(motion), dtype=bool)
    for side in SIDES:
        seen |= np.isfinite(motion.relative(f"{side}_wrist", f"{side}_elbow")).all(axis=1)
    for rows, _, _ in _waves(motion):
        holds[rows] = True
    return verdict(seen & np.isfinite(motion.lean) & motion.fast_enough, holds & motion.fast_enough)


def _numbers_of_wave(motion: Motion) -> dict[str, Array]:
    turns, rate = np.full((2, len(motion)), np.nan)
    for rows, count, per_s in _waves(motion):
        turns[rows], rate[rows] = count, per_s
    return {"{:.0f} turns in a row (at least {turns:g})": turns, "{:.1f} turns/s": rate}


@dataclass(frozen=True)
class BendLimits:
    """Thresholds of `bend`."""

    lean: float = limit(50, "deg of the trunk from the upward vertical, at least")
    head_down: float = limit(160, "deg of the trunk from the upward vertical, at most")
    hips: float = limit(0.33, "body heights of the hips over the lower ankle, at least")
    knee: float = limit(135, "deg of the straighter knee, at least")


_BEND = BendLimits()


def bend(motion: Motion) -> Array:
    """(n,) see `Rule.score`."""
    knee = np.fmax(*motion.knees)
    holds = (motion.lean >= _BEND.lean) & (motion.lean <= _BEND.head_down)
    holds &= (motion.hip_height >= _BEND.hips) & (knee >= _BEND.knee)
    return verdict(np.isfinite(motion.lean) & np.isfinite(knee), holds)


@dataclass(frozen=True)
class FallLimits:
    """Thresholds of `fall`."""

    speed: float = limit(0.5, "body heights/s of the hips downwards, at least; 0.9 m/s for an adult")
    drop: float = limit(0.2, "body heights that the hips come down, at least")
    before: float = limit(45, "deg of the trunk from the vertical within the second before, at most")
    after: float = limit(60, "deg of the trunk from the vertical afterwards, at least")
    stays_s: float = limit(0.5, "s that the trunk stays down, at least")


_FALL = FallLimits()


def _falls(motion: Motion) -> Iterator[tuple[slice, dict[str, float]]]:
    """The rows of each fall, from where the hips begin to come down fast until the trunk is down, and its numbers."""
    y, time_s = motion.joint("mid_hip")[:, 1] / motion.height, motion.time_s
    down = motion.slope(y, 0.3)
    for first, stop in spans_of(down >= _FALL.speed / 2):
        before = (time_s >= time_s[first] - 1) & (time_s < time_s[stop - 1])
        after = (time_s >= time_s[stop - 1]) & (time_s <= time_s[stop - 1] + 1 + _FALL.stays_s)
        low = [(a, b) for a, b in spans_of(after & (motion.lean >= _FALL.after))]
        stays = [a for a, b in low if time_s[b - 1] - time_s[a] >= _FALL.stays_s * 0.9]
        fastest, drop = float(np.nanmax(down[first:stop])), float(y[stop - 1] - y[first])
        upright = (motion.lean[before] <= _FALL.before).any()
        if fastest >= _FALL.speed and drop >= _FALL.drop and stays and upright:
            yield slice(first, max(stop, stays[0])), {"fastest": fastest, "drop": drop}


def fall(motion: Motion) -> Array:
    """(n,) see `Rule.score`."""
    holds = np.zeros(len(motion), dtype=bool)
    for rows, _ in _falls(motion):
        holds[rows] = True
    down = motion.slope(motion.joint("mid_hip")[:, 1] / motion.height, 0.3)
    return verdict(np.isfinite(motion.lean) & np.isfinite(down), holds)


def _numbers_of_fall(motion: Motion) -> dict[str, Array]:
    fastest, drop = np.full((2, len(motion)), np.nan)
    for rows, numbers in _falls(motion):
        fastest[rows], drop[rows] = numbers["fastest"], numbers["drop"]
    return {
        "hips down at {:.2f} body heights/s (at least {speed:g})": fastest,
        "by {:.2f} body heights (at least {drop:g})": drop,
    }


@dataclass(frozen=True)
class ChangeLimits:
    """Thresholds of `sit_down` and `stand_up`."""

    longest_s: float = limit(3.0, "s from the end of one posture to the begin of the other, at most")
    holds_s: float = limit(0.25, "s that either posture holds, at least")


_CHANGE = ChangeLimits()


def _change(origin: str, end: str) -> Rule:
    def took(motion: Motion) -> Array:
        """(n,) how long the change took of which each frame is, seconds; NaN where there is none."""
        label, _ = posture(motion)
        time_s = motion.time_s
        took_s = np.full(len(motion), np.nan)
        runs = [
            (first, stop, name)
            for place, name in enumerate(NAMES)
            for first, stop in spans_of(label == place)
            if time_s[stop - 1] - time_s[first] >= _CHANGE.holds_s
        ]
        runs.sort()
        for (_, left, old), (come, _, new) in pairwise(runs):
            if (old, new) == (origin, end) and time_s[come] - time_s[left - 1] <= _CHANGE.longest_s:
                took_s[max(left - 1, 0) : come + 1] = time_s[come] - time_s[left - 1]
        return took_s

    def score(motion: Motion) -> Array:
        return verdict(posture(motion)[1], np.isfinite(took(motion)))

    words = {"sit": "sit_down", "upright": "stand_up"}
    name = words[end]
    return Rule(
        name,
        "motion",
        f"From {origin} to {end} within {{longest_s:g}} s, each of which holds for {{holds_s:g}} s; from the last "
        "moment of the one to the first of the other.",
        _CHANGE,
        score,
        lambda motion: {f"{origin} to {end} in {{:.1f}} s (at most {{longest_s:g}})": took(motion)},
        min_s=0.1,
    )


RULES = (
    Rule(
        "arms_raised",
        "motion",
        "Both hands above the shoulders, at some moment by {highest:g} body heights or more, trunk at most {lean:g}° "
        "from the vertical; a hand that can't be seen goes by its elbow.",
        _ARMS,
        arms_raised,
        lambda motion: {
            "lower hand {:.2f} body heights over the shoulders (above {over_shoulders:g}, once {highest:g})": _lower(
                motion
            ),
            "trunk {:.0f} deg from the vertical (at most {lean:g})": motion.lean,
        },
    ),
    Rule(
        "wave",
        "motion",
        "One hand above the shoulders that swings about its elbow by {swing:g} body heights or more, {sideways:.0%} of "
        "it sideways, and turns back {turns:g} times or more, each within {longest_s:g} s of the last, trunk at most "
        "{lean:g}° from the vertical.",
        _WAVE,
        wave,
        _numbers_of_wave,
        min_s=0.4,
    ),
    Rule(
        "bend",
        "motion",
        "Trunk bent forwards or sideways by {lean:g}° or more on the feet: hips at least {hips:g} body heights over "
        "the lower ankle, one knee {knee:g}° or straighter.",
        _BEND,
        bend,
        lambda motion: {
            "trunk {:.0f} deg from the upward vertical (at least {lean:g})": motion.lean,
            "hips {:.2f} body heights over the lower ankle (at least {hips:g})": motion.hip_height,
            "straighter knee {:.0f} deg (at least {knee:g})": np.fmax(*motion.knees),
        },
    ),
    Rule(
        "fall",
        "motion",
        "Hips come down by {drop:g} body heights or more, at {speed:g} body heights/s or faster; the trunk, at most "
        "{before:g}° from the vertical before, is {after:g}° or more afterwards and stays so for {stays_s:g} s.",
        _FALL,
        fall,
        _numbers_of_fall,
        min_s=0.15,
    ),
    _change("upright", "sit"),
    _change("sit", "upright"),
)
