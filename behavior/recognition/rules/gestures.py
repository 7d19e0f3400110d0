"""Single motions: arms raised, bending, a fall, sitting down and standing up."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from behavior.recognition.rules.base import Rule, limit, spans_of, verdict
from behavior.recognition.rules.motion import SIDES, Motion
from behavior.recognition.rules.postures import NAMES, posture

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ArmsLimits:
    """Thresholds of `arms_raised`."""

    over_shoulders: float = limit(0.0, "body heights of both hands over the shoulders, above")


def arms_raised(motion: Motion) -> Array:
    """(n,) see `Rule.score`; a hand that isn't seen is judged by its elbow, a body upside down not at all."""
    raised = np.ones(len(motion))
    for side in SIDES:
        hand, elbow = (motion.above(f"{side}_{joint}", "neck") for joint in ("wrist", "elbow"))
        hand = np.where(np.isfinite(hand), hand, elbow)
        raised = np.where(np.isfinite(hand), raised * (hand > ArmsLimits().over_shoulders), np.nan)
    return np.where(motion.lean < 90, raised, np.nan)


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


def fall(motion: Motion) -> Array:
    """(n,) see `Rule.score`; 1 from where the hips begin to come down fast until the trunk is down."""
    y, time_s = motion.joint("mid_hip")[:, 1] / motion.height, motion.time_s
    down = motion.slope(y, 0.3)
    holds = np.zeros(len(motion), dtype=bool)
    for first, stop in spans_of(down >= _FALL.speed / 2):
        before = (time_s >= time_s[first] - 1) & (time_s < time_s[stop - 1])
        after = (time_s >= time_s[stop - 1]) & (time_s <= time_s[stop - 1] + 1 + _FALL.stays_s)
        low = [(a, b) for a, b in spans_of(after & (motion.lean >= _FALL.after))]
        stays = [a for a, b in low if time_s[b - 1] - time_s[a] >= _FALL.stays_s * 0.9]
        fast = np.nanmax(down[first:stop]) >= _FALL.speed and y[stop - 1] - y[first] >= _FALL.drop
        if fast and stays and (motion.lean[before] <= _FALL.before).any():
            holds[first : max(stop, stays[0])] = True
    return verdict(np.isfinite(motion.lean) & np.isfinite(down), holds)


@dataclass(frozen=True)
class ChangeLimits:
    """Thresholds of `sit_down` and `stand_up`."""

    longest_s: float = limit(3.0, "s from the end of one posture to the begin of the other, at most")
    holds_s: float = limit(0.25, "s that either posture holds, at least")


_CHANGE = ChangeLimits()


def _change(origin: str, end: str) -> Rule:
    def score(motion: Motion) -> Array:
        label, seen = posture(motion)
        time_s = motion.time_s
        holds = np.zeros(len(motion), dtype=bool)
        runs = [
            (first, stop, name)
            for place, name in enumerate(NAMES)
            for first, stop in spans_of(label == place)
            if time_s[stop - 1] - time_s[first] >= _CHANGE.holds_s
        ]
        runs.sort()
        for (_, left, old), (come, _, new) in pairwise(runs):
            if (old, new) == (origin, end) and time_s[come] - time_s[left - 1] <= _CHANGE.longest_s:
                holds[max(left - 1, 0) : come + 1] = True
        return verdict(seen, holds)

    words = {"sit": "sit_down", "upright": "stand_up"}
    name = words[end]
    return Rule(
        name,
        "motion",
        f"From {origin} to {end} within {{longest_s:g}} s, each of which holds for {{holds_s:g}} s; from the last "
        "moment of the one to the first of the other.",
        _CHANGE,
        score,
        min_s=0.1,
    )


RULES = (
    Rule(
        "arms_raised",
        "motion",
        "Both hands above the shoulders, trunk upright; a hand that can't be seen goes by its elbow.",
        ArmsLimits(),
        arms_raised,
    ),
    Rule(
        "bend",
        "motion",
        "Trunk bent forwards or sideways by {lean:g}° or more on the feet: hips at least {hips:g} body heights over "
        "the lower ankle, one knee {knee:g}° or straighter.",
        _BEND,
        bend,
        lambda motion: {"trunk {:.0f}° from the vertical": motion.lean},
    ),
    Rule(
        "fall",
        "motion",
        "Hips come down by {drop:g} body heights or more, at {speed:g} body heights/s or faster; the trunk, at most "
        "{before:g}° from the vertical before, is {after:g}° or more afterwards and stays so for {stays_s:g} s.",
        _FALL,
        fall,
        min_s=0.15,
    ),
    _change("upright", "sit"),
    _change("sit", "upright"),
)
