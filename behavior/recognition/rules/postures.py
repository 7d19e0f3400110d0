"""Postures: upright, sit, crouch, lie; at most one at a time, none where the legs can't be seen.

A camera near the height of the people is taken for granted: seen from above, nobody has these angles. A posture begins
where its thresholds are met, and lasts as long as they are met with `slack`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from behavior.recognition.rules.base import Rule, limit, verdict
from behavior.recognition.rules.motion import SIDES, Motion
from features import geometry

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PostureLimits:
    """Thresholds of all postures."""

    upright_lean: float = limit(35, "deg of the trunk from the vertical, at most")
    upright_hips: float = limit(
        0.35, "body heights of the hips over the lower ankle, at least; standing has 0.4 to 0.49"
    )
    upright_knee: float = limit(145, "deg of the straighter knee, at least")
    upright_thigh: float = limit(30, "deg of the thighs, in the mean of both, from hanging, at most")
    sit_lean: float = limit(50, "deg of the trunk from the vertical, at most")
    sit_hips: float = limit(0.33, "body heights of the hips over the lower ankle, at most")
    sit_knee: float = limit(50, "deg of the thigh from the downward vertical, at least, seen from the side")
    sit_off_balance: float = limit(0.13, "body heights of the centre of mass beside the feet, at least")
    crouch_hips: float = limit(0.3, "body heights of the hips over the lower ankle, at most")
    crouch_knee: float = limit(110, "deg of both knees, at most")
    crouch_off_balance: float = limit(0.12, "body heights of the centre of mass beside the feet, at most")
    lie_lean: float = limit(62, "deg of the trunk from the upward vertical, at least")
    lie_head_down: float = limit(125, "deg of the trunk from the upward vertical, at most")
    lie_tall: float = limit(0.45, "body heights of the whole body's vertical extent, at most")
    lie_propped: float = limit(0.16, "body heights of the shoulders over a hand: held up by an arm, not lying")
    lie_moves: float = limit(0.3, "body heights/s of the hips, at most: neither rolling nor in the air")
    slack: float = limit(0.06, "share by which a threshold may be missed once a posture has begun")


LIMITS = PostureLimits()
NAMES = ("upright", "sit", "crouch", "lie")
MIN_S = 0.5


def off_balance(motion: Motion) -> Array:
    """(n,) how far the centre of mass stands beside the middle of the feet in the picture, body heights (Winter 2009,
    table 4.1: head, arms and trunk 0.678 of the mass, thighs 0.2, shanks and feet 0.122)."""
    hip, knee, ankle = (motion.middle(name)[:, 0] for name in ("hip", "knee", "ankle"))
    neck = motion.joint("neck")[:, 0]
    centre = 0.678 * (hip + 0.626 * (neck - hip)) + 0.2 * (hip + 0.433 * (knee - hip)) + 0.122 * (knee + ankle) / 2
    return np.abs(centre - ankle) / motion.height


def _thigh(motion: Motion) -> tuple[Array, Array]:
    """(n,) angle of the thighs to the downward vertical, degrees, and their length in the picture, body heights."""
    hip, knee = motion.middle("hip"), motion.middle("knee")
    return 180 - geometry.lean(hip, knee), geometry.distance(hip, knee) / motion.height


def _tall(motion: Motion) -> Array:
    """(n,) vertical extent of the whole body in the picture, body heights."""
    y = motion.body.points[..., 1]
    return np.asarray((np.fmax.reduce(y, axis=1) - np.fmin.reduce(y, axis=1)) / motion.height)


def _meets(motion: Motion, slack: float) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(4, n) which postures' thresholds are met, by at most a share `slack` missed, and (n,) whether legs are seen."""
    own, lean, hips = LIMITS, motion.lean, motion.hip_height
    more, less = 1 + slack, 1 - slack
    knee_straight, knee_bent = np.fmax(*motion.knees), np.fmin(*motion.knees)
    thigh, thigh_length = _thigh(motion)
    beside = off_balance(motion)
    shank = (motion.middle("ankle")[:, 1] - motion.middle("knee")[:, 1]) / motion.height
    still = motion.around(1.0).range(motion.joint("mid_hip")[:, 1]) / motion.height < 0.05
    facing = (thigh_length < 0.15) & (shank > 0.17) & still
    upright = (lean <= own.upright_lean * more) & (hips >= own.upright_hips * less)
    upright &= (knee_straight >= own.upright_knee * less) & (thigh <= own.upright_thigh * more)
    sit = (lean <= own.sit_lean * more) & (hips <= own.sit_hips * more)
    sit &= ((thigh >= own.sit_knee * less) & (beside >= own.sit_off_balance * less)) | facing
    crouch = (lean <= 70) & (hips <= own.crouch_hips * more) & (knee_straight <= own.crouch_knee * more)
    crouch &= (beside <= own.crouch_off_balance * more) & ~facing & (knee_bent > 0)
    tall = _tall(motion)
    propped = np.fmax(*(-motion.above(f"{side}_wrist", "neck") for side in SIDES))
    lie = (lean >= own.lie_lean * less) & (lean <= own.lie_head_down * more) & (tall <= own.lie_tall * more)
    lie &= ~(propped >= own.lie_propped * more)
    lie &= geometry.length(motion.slope(motion.joint("mid_hip"), 0.5)) / motion.height <= own.lie_moves * more
    seen = np.isfinite(lean) & np.isfinite(knee_straight)
    return np.stack([upright, sit, crouch, lie]) & seen, seen


def posture(motion: Motion) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """(n,) place in `NAMES`, -1 for none, and whether the trunk and a leg are seen."""

    def compute() -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        begins, seen = _meets(motion, 0.0)
        lasts = _meets(motion, LIMITS.slack)[0] | begins
        rows = np.arange(len(motion))
        began = np.maximum.accumulate(np.where(begins, rows, -1), axis=1)
        broke = np.maximum.accumulate(np.where(lasts, -1, rows), axis=1)
        valid = np.where(began > broke, began, -1)
        return np.where(valid.max(axis=0) >= 0, valid.argmax(axis=0), -1), seen

    return motion.body.once("posture", compute)


def _rule(name: str, definition: str, evidence: dict[str, str]) -> Rule:
    place = NAMES.index(name)

    def score(motion: Motion) -> Array:
        label, seen = posture(motion)
        return verdict(seen, label == place)

    def numbers(motion: Motion) -> dict[str, Array]:
        series = {"trunk": motion.lean, "hips": motion.hip_height, "knee": np.fmax(*motion.knees)}
        series |= {"thigh": _thigh(motion)[0], "balance": off_balance(motion), "tall": _tall(motion)}
        return {words: series[what] for what, words in evidence.items()}

    return Rule(name, "posture", definition, LIMITS, score, numbers, MIN_S)


RULES = (
    _rule(
        "upright",
        "On the feet: trunk at most {upright_lean:g}° from the vertical, hips at least {upright_hips:g} body heights "
        "over the lower ankle, one knee {upright_knee:g}° or straighter, thighs at most {upright_thigh:g}° from "
        "hanging. Standing, walking and running alike; so is a cyclist.",
        {
            "trunk": "trunk {:.0f} deg from the vertical (at most {upright_lean:g})",
            "hips": "hips {:.2f} body heights over the lower ankle (at least {upright_hips:g})",
            "knee": "straighter knee {:.0f} deg (at least {upright_knee:g})",
            "thigh": "thighs {:.0f} deg from hanging (at most {upright_thigh:g})",
        },
    ),
    _rule(
        "sit",
        "Trunk at most {sit_lean:g}° from the vertical, hips at most {sit_hips:g} body heights over the lower ankle, "
        "thighs at least {sit_knee:g}° from hanging, and the body's weight at least {sit_off_balance:g} body heights "
        "beside the feet: on a chair or on the floor. Seen from the front: thighs at the camera, hips at rest.",
        {
            "trunk": "trunk {:.0f} deg from the vertical (at most {sit_lean:g})",
            "hips": "hips {:.2f} body heights over the lower ankle (at most {sit_hips:g})",
            "thigh": "thighs {:.0f} deg from hanging (at least {sit_knee:g}, seen from the side)",
            "balance": "weight {:.2f} body heights beside the feet (at least {sit_off_balance:g}, seen from the side)",
        },
    ),
    _rule(
        "crouch",
        "On the feet with hips at most {crouch_hips:g} body heights over the lower ankle, both knees bent to "
        "{crouch_knee:g}° or less, and the body's weight within {crouch_off_balance:g} body heights of the feet.",
        {
            "hips": "hips {:.2f} body heights over the lower ankle (at most {crouch_hips:g})",
            "knee": "straighter knee {:.0f} deg (at most {crouch_knee:g})",
            "balance": "weight {:.2f} body heights beside the feet (at most {crouch_off_balance:g})",
        },
    ),
    _rule(
        "lie",
        "Trunk {lie_lean:g} to {lie_head_down:g}° from the upward vertical, the whole body at most {lie_tall:g} body "
        "heights tall in the picture, hips slower than {lie_moves:g} body heights/s, and no arm that props the "
        "shoulders up by {lie_propped:g} body heights.",
        {
            "trunk": "trunk {:.0f} deg from the upward vertical ({lie_lean:g} to {lie_head_down:g})",
            "tall": "body {:.2f} body heights tall in the picture (at most {lie_tall:g})",
        },
    ),
)
