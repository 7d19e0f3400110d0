"""Locomotion: only with steps and displacement, so that whoever stays on the spot is never said to walk.

Displacement is that over the background where its shift was followed (`pose.tracking.camera`), else in the picture.
`denied` is for classifiers: where the body is seen to go nowhere and to make no steps, no
action of `LOCOMOTION` may be claimed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from behavior.recognition.rules.base import Rule, limit, verdict
from behavior.recognition.rules.motion import Motion

Array = NDArray[np.float64]

LOCOMOTION = frozenset(
    {
        "walk",
        "run",
        "walk_in_place",
        "jog",
        "climb_stairs",
        "stairs",
        "march",
        "walk_around",
        "walking",
        "running",
        "dash",
    }
)
"""Names of actions that mean steps; a learnt model's claims of them are held against `denied`."""


@dataclass(frozen=True)
class LocomotionLimits:
    """Thresholds of all locomotion."""

    slowest: float = limit(0.15, "body heights/s of hips and feet, at least; 0.25 m/s for an adult")
    growth: float = limit(
        0.08, "share of the size in the picture per second, at least: towards or away from the camera"
    )
    steps: float = limit(2, "steps in a row, each one ankle past the other, at least")
    sure_speed: float = limit(0.4, "body heights/s, from which on one step is enough")
    run_speed: float = limit(1.2, "body heights/s, at least; people change from walk to run at 2 m/s")
    run_rate: float = limit(2.5, "steps/s, at least")
    run_least: float = limit(0.3, "body heights/s, at least, for a run by its rate of steps")
    run_steps: float = limit(3, "steps in a row, at least, for a run by its rate of steps")
    in_place_speed: float = limit(0.1, "body heights/s, at most")
    in_place_steps: float = limit(5, "steps in a row, at least")


LIMITS = LocomotionLimits()


def _displaced(motion: Motion) -> NDArray[np.bool_]:
    return (motion.speed >= LIMITS.slowest) | (np.abs(motion.growth) >= LIMITS.growth)


def _seen(motion: Motion) -> NDArray[np.bool_]:
    return np.isfinite(motion.speed) & np.isfinite(motion.gait[0]) & ~motion.zooms


def _steps(motion: Motion) -> NDArray[np.bool_]:
    steps = motion.gait[0]
    return (steps >= LIMITS.steps) | ((steps >= 1) & (motion.speed >= LIMITS.sure_speed))


def _runs(motion: Motion) -> NDArray[np.bool_]:
    steps, rate = motion.gait[0], np.nan_to_num(motion.gait[1])
    quick = (rate >= LIMITS.run_rate) & (steps >= LIMITS.run_steps)
    return (motion.speed >= LIMITS.run_speed) | (quick & (motion.speed >= LIMITS.run_least))


def walk(motion: Motion) -> Array:
    """(n,) see `Rule.score`."""
    return verdict(_seen(motion), _steps(motion) & _displaced(motion) & ~_runs(motion))


def run(motion: Motion) -> Array:
    """(n,) see `Rule.score`."""
    return verdict(_seen(motion), _steps(motion) & _displaced(motion) & _runs(motion))


def walk_in_place(motion: Motion) -> Array:
    """(n,) see `Rule.score`."""
    rests = (motion.speed <= LIMITS.in_place_speed) & ~(np.abs(motion.growth) >= LIMITS.growth)
    return verdict(_seen(motion), (motion.gait[0] >= LIMITS.in_place_steps) & rests)


def denied(motion: Motion) -> NDArray[np.bool_]:
    """(n,) where hips and feet are seen to rest, and no steps in a row are seen."""
    rests = (motion.speed < LIMITS.slowest) & ~(np.abs(motion.growth) >= LIMITS.growth)
    return np.asarray(rests & ~(motion.gait[0] >= LIMITS.steps))


def _numbers(speed: str, growth: str, steps: str) -> Callable[[Motion], dict[str, Array]]:
    """The numbers of all locomotion, with what each rule asks of them."""

    def numbers(motion: Motion) -> dict[str, Array]:
        count, rate = motion.gait
        return {
            f"hips and feet {{:.2f}} body heights/s ({speed})": motion.speed,
            f"size in the picture changes by {{:.0%}} a second ({growth})": np.abs(motion.growth),
            f"{{:.0f}} steps in a row ({steps})": count,
            "{:.1f} steps/s": rate,
        }

    return numbers


_STEPS = "at least {steps:g}; 1 from {sure_speed:g} body heights/s on"


RULES = (
    Rule(
        "walk",
        "locomotion",
        "At least {steps:g} steps in a row, each one ankle past the other, while hips and feet move by at least "
        "{slowest:g} body heights/s or the body grows or shrinks in the picture by {growth:.0%} a second; "
        "one step is enough at {sure_speed:g} body heights/s. No run.",
        LIMITS,
        walk,
        _numbers("at least {slowest:g}", "or at least {growth:.0%}", _STEPS),
        0.8,
    ),
    Rule(
        "run",
        "locomotion",
        "Steps with displacement as for walk, at {run_speed:g} body heights/s or more, or {run_steps:g} steps in a row "
        "at {run_rate:g} steps/s or more with {run_least:g} body heights/s.",
        LIMITS,
        run,
        _numbers("at least {run_speed:g}, or {run_least:g} with {run_rate:g} steps/s", "any", _STEPS),
        0.8,
    ),
    Rule(
        "walk_in_place",
        "locomotion",
        "At least {in_place_steps:g} steps in a row while hips and feet move by at most {in_place_speed:g} body "
        "heights/s: on the spot, or on a treadmill.",
        LIMITS,
        walk_in_place,
        _numbers("at most {in_place_speed:g}", "less than {growth:.0%}", "at least {in_place_steps:g}"),
        1.5,
    ),
)
