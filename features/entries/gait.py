"""Gait from the ankles, per window.

The steps come from the separation of the ankles, left minus right, along the line on which it varies most: it is
largest when a foot strikes the ground (Zeni et al. 2008 take the ankle's distance from the hip, whose extremes fall
together with these). Between two crossings of zero by more than `FeatureSettings.step_threshold` the extreme is one
step. The first and the last swing of a sequence are left out, for their extremes may lie outside it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features import geometry
from features.body import Body
from features.registry import feature
from features.sequence import PoseSequence
from features.windows import TICK, Windows

Array = NDArray[np.float64]

ZENI = "Zeni et al. 2008, https://doi.org/10.1016/j.gaitpost.2007.07.007"
ANKLES = ("left_ankle", "right_ankle", "neck", "mid_hip")  # the trunk sets the threshold


def ankle_scatter(sequence: PoseSequence) -> Array:
    """(D, D) sum over the frames of the outer product of the way from right to left ankle with itself."""
    apart = sequence.joint("left_ankle") - sequence.joint("right_ankle")
    apart = apart[geometry.found_joints(apart)]
    return np.asarray(apart.T @ apart)


def ankle_separation(body: Body) -> Array:
    """(n_frames,) left minus right ankle along the line of most variation, trunk lengths; the sign is arbitrary."""

    def compute() -> Array:
        apart = body.joint("left_ankle") - body.joint("right_ankle")
        found = geometry.found_joints(apart)
        if not found.any():
            return np.full(len(body), np.nan)
        whole = body.sequence.whole
        _, vectors = np.linalg.eigh(ankle_scatter(body.sequence) if whole is None else whole.ankles)
        return np.where(found, np.where(found[:, None], apart, 0.0) @ vectors[:, -1], np.nan) / body.scale

    return body.once("ankle_separation", compute)


def step_times(body: Body) -> tuple[Array, Array]:
    """Times of the steps, seconds, and for each the time since the one before (NaN for the first and across a hole).

    A step time is NaN when less than half of the frames between the two steps (by the median frame step) show both
    ankles, or when it is below `FeatureSettings.min_step_s`.
    """

    def compute() -> tuple[Array, Array]:
        apart = ankle_separation(body)
        found = np.flatnonzero(np.isfinite(apart))
        value, time_s = apart[found], body.time_s[found]
        beyond = np.flatnonzero(np.abs(value) > body.settings.step_threshold)
        if not len(beyond):
            return np.empty(0), np.empty(0)
        # Each sample belongs to the side on which the separation was last beyond the threshold.
        side = np.sign(value[beyond])
        swing = np.concatenate([[0], np.cumsum(side[1:] != side[:-1])])
        extremes = _argmax_by_group(np.abs(value[beyond]), swing)[1:-1]
        times = time_s[beyond][extremes]
        interval = np.diff(times, prepend=np.nan)
        step_s = float(np.median(np.diff(body.time_s))) if len(body) > 1 else np.nan
        seen = np.diff(beyond[extremes], prepend=np.nan)
        usable = (seen * step_s >= 0.5 * interval - TICK) & (interval >= body.settings.min_step_s - TICK)
        return times, np.where(usable, interval, np.nan)

    return body.once("step_times", compute)


def _argmax_by_group(values: Array, group: NDArray[np.intp]) -> NDArray[np.intp]:
    """Place of the largest value in each run of equal group numbers."""
    order = np.lexsort((-values, group))
    _, first = np.unique(group[order], return_index=True)
    return order[first].astype(np.intp)


def _steps_in(body: Body, windows: Windows) -> tuple[Windows, Array]:
    times, interval = step_times(body)
    return Windows(times, windows.start_s, windows.stop_s), interval


_NONE = "no step of the window has a step before it without a hole between, or the trunk is never seen"


@feature(
    name="step_count", unit="1", level="window", joints=ANKLES, formula="number of steps in the window",
    nan="less than half of the window's frames show both ankles, or the trunk is never seen", reference=ZENI,
)  # fmt: skip
def step_count(body: Body, windows: Windows) -> Array:
    inside, _ = _steps_in(body, windows)
    seen = windows.mean(np.isfinite(ankle_separation(body)).astype(np.float64))
    return np.where(seen >= 0.5, inside.n_frames.astype(np.float64), np.nan)


@feature(
    name="step_time", unit="s", level="window", joints=ANKLES,
    formula="mean time between successive steps of the two feet",
    nan=_NONE, reference=ZENI,
)  # fmt: skip
def step_time(body: Body, windows: Windows) -> Array:
    inside, interval = _steps_in(body, windows)
    return inside.mean(interval)


@feature(
    name="step_time_variability", unit="1", level="window", joints=ANKLES,
    formula="standard deviation / mean of the step time",
    nan="fewer than two step times in the window", reference="Hausdorff 2005, https://doi.org/10.1186/1743-0003-2-19",
)  # fmt: skip
def step_time_variability(body: Body, windows: Windows) -> Array:
    inside, interval = _steps_in(body, windows)
    return np.where(inside.count(interval) >= 2, inside.std(interval) / inside.mean(interval), np.nan)


@feature(
    name="cadence", unit="steps/min", level="window", joints=ANKLES, formula="60 / step_time", nan=_NONE,
    reference=ZENI,
)  # fmt: skip
def cadence(body: Body, windows: Windows) -> Array:
    return 60 / step_time(body, windows)


@feature(
    name="step_length", unit="torso", level="window", joints=ANKLES,
    formula="mean ankle separation at the steps / torso", nan="no step in the window", reference=ZENI,
    note="As seen by the camera: shortened unless the walk crosses the view.",
)  # fmt: skip
def step_length(body: Body, windows: Windows) -> Array:
    times, _ = step_times(body)
    apart = np.abs(ankle_separation(body)[np.searchsorted(body.time_s, times)])
    return Windows(times, windows.start_s, windows.stop_s).mean(apart)


@feature(
    name="step_time_asymmetry", unit="1", level="window", joints=ANKLES,
    formula="|mean of odd − mean of even step times| / their sum; 0 an even gait", reference="own",
    nan="the window has not one step time of each foot",
)  # fmt: skip
def step_time_asymmetry(body: Body, windows: Windows) -> Array:
    inside, interval = _steps_in(body, windows)
    odd = np.arange(len(interval)) % 2 == 1
    a, b = inside.mean(np.where(odd, interval, np.nan)), inside.mean(np.where(odd, np.nan, interval))
    return np.abs(a - b) / (a + b)
