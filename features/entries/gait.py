"""Gait from the ankles, per window.

The steps come from the separation of the ankles, left minus right: it turns back when a foot strikes the ground (Zeni
et al. 2008 take the ankle's distance from the hip, whose extremes fall together with these). A point where it turns
back, having come farther than `FeatureSettings.step_swing` and going back farther, is one step
(`features.kinematics.turning_points`): neither the direction of the swing in the image nor its middle needs to be
known, so walks across the view, towards the camera and round a corner count alike. Two such points nearer in time than
`min_step_s` are jitter and cancel each other. A sequence's first and last stretch have no end that one can be sure of.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features import clock, geometry, kinematics
from features.body import Body, FeatureSettings
from features.registry import feature
from features.sequence import Steps
from features.windows import TICK, Windows

Array = NDArray[np.float64]

ZENI = "Zeni et al. 2008, https://doi.org/10.1016/j.gaitpost.2007.07.007"
ANKLES = ("left_ankle", "right_ankle", "neck", "mid_hip")  # the trunk sets the threshold


def find_steps(apart: Array, time_s: Array, settings: FeatureSettings) -> Steps:
    """The steps of a whole sequence.

    Args:
        apart: (n, D) left minus right ankle, trunk lengths; NaN where either is missing.
        time_s: (n,) seconds.

    Returns:
        A step's interval and length are NaN when less than half of the time between it and the one before shows both
        ankles.
    """
    seen = np.flatnonzero(geometry.found_joints(apart))
    points = apart[seen]
    turns = kinematics.turning_points(points, settings.step_swing)
    while len(turns) > 1 and (between := np.diff(time_s[seen[turns]])).min() < settings.min_step_s - TICK:
        turns = np.delete(turns, between.argmin() + np.arange(2))
    near = clock.linked(time_s, seen, clock.largest_steps(time_s, settings.hole_factor))
    covered = np.append(0.0, np.cumsum(np.where(near, np.diff(time_s[seen]), 0.0)))[: len(seen)]
    times = time_s[seen[turns]]
    interval = np.diff(times, prepend=np.nan)
    known = np.diff(covered[turns], prepend=np.nan) >= 0.5 * interval - TICK
    swing = geometry.length(np.diff(points[turns], axis=0, prepend=np.full((1, apart.shape[1]), np.nan)))
    return Steps(times, np.where(known, interval, np.nan), np.where(known, swing / 2, np.nan))


def ankle_separation(body: Body) -> Array:
    """(n_frames, D) left minus right ankle, trunk lengths."""
    return body.once("ankles", lambda: (body.joint("left_ankle") - body.joint("right_ankle")) / body.scale)


def steps(body: Body) -> Steps:
    """The steps of the (whole) sequence."""
    whole = body.sequence.whole
    if whole is not None and whole.steps is not None:
        return whole.steps
    return body.once("steps", lambda: find_steps(ankle_separation(body), body.time_s, body.settings))


def _steps_in(body: Body, windows: Windows) -> tuple[Windows, Steps]:
    found = steps(body)
    return Windows(found.time_s, windows.start_s, windows.stop_s), found


_NONE = "no step of the window has a step before it without a hole between, or the trunk is never seen"


@feature(
    name="step_count", unit="1", level="window", joints=ANKLES, formula="number of steps in the window",
    nan="less than half of the window's frames show both ankles, or the trunk is never seen", reference=ZENI,
)  # fmt: skip
def step_count(body: Body, windows: Windows) -> Array:
    inside, _ = _steps_in(body, windows)
    seen = windows.mean(geometry.found_joints(ankle_separation(body)).astype(np.float64))
    return np.where(seen >= 0.5, inside.n_frames.astype(np.float64), np.nan)


@feature(
    name="step_time", unit="s", level="window", joints=ANKLES,
    formula="mean time between successive steps of the two feet",
    nan=_NONE, reference=ZENI,
)  # fmt: skip
def step_time(body: Body, windows: Windows) -> Array:
    inside, found = _steps_in(body, windows)
    return inside.mean(found.interval_s)


@feature(
    name="step_time_variability", unit="1", level="window", joints=ANKLES,
    formula="standard deviation / mean of the step time",
    nan="fewer than two step times in the window", reference="Hausdorff 2005, https://doi.org/10.1186/1743-0003-2-19",
)  # fmt: skip
def step_time_variability(body: Body, windows: Windows) -> Array:
    inside, found = _steps_in(body, windows)
    enough = inside.count(found.interval_s) >= 2
    return np.where(enough, inside.std(found.interval_s) / inside.mean(found.interval_s), np.nan)


@feature(
    name="cadence", unit="steps/min", level="window", joints=ANKLES, formula="60 / step_time", nan=_NONE,
    reference=ZENI,
)  # fmt: skip
def cadence(body: Body, windows: Windows) -> Array:
    return 60 / step_time(body, windows)


@feature(
    name="step_length", unit="torso", level="window", joints=ANKLES,
    formula="half the swing of the ankles' separation from step to step, mean", nan=_NONE, reference=ZENI,
    note="As seen by the camera: shortened unless the walk crosses the view.",
)  # fmt: skip
def step_length(body: Body, windows: Windows) -> Array:
    inside, found = _steps_in(body, windows)
    return inside.mean(found.length)


@feature(
    name="step_time_asymmetry", unit="1", level="window", joints=ANKLES,
    formula="|mean of odd − mean of even step times| / their sum; 0 an even gait", reference="own",
    nan="the window has not one step time of each foot",
)  # fmt: skip
def step_time_asymmetry(body: Body, windows: Windows) -> Array:
    inside, (_, interval, _) = _steps_in(body, windows)
    odd = np.arange(len(interval)) % 2 == 1
    a, b = inside.mean(np.where(odd, interval, np.nan)), inside.mean(np.where(odd, np.nan, interval))
    return np.abs(a - b) / (a + b)
