"""`Motion`: one person as the rules see them, in body heights and seconds; everything is computed at most once.

Lengths are fractions of the body's height by the segment lengths of Drillis and Contini (1966), as in D. A. Winter,
Biomechanics and Motor Control of Human Movement, 2009, figure 4.1. y points down; NaN is what can't be seen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from features import geometry
from features.body import Body, FeatureSettings
from features.clean import SWAP_PENALTY, CleanSettings, clean, drop_unsure
from features.clock import usual_steps
from features.entries.gait import find_steps
from features.sequence import PoseSequence
from features.windows import Windows
from pose.layouts import BODY_13, to_body
from pose.people import Track
from pose.skeleton import Skeleton

Array = NDArray[np.float64]

TRUNK, LEG = 0.288, 0.491
"""Shoulders to hips, and hip to ankle, body heights."""

SIDES = ("left", "right")


@dataclass(frozen=True)
class MotionSettings:
    """How motion is measured.

    Attributes:
        size_window_s: the body's height in the picture is taken around each frame, seconds: people come nearer.
        speed_window_s: displacement is the slope of a line through the places of this time, seconds.
        min_rate_hz: frames per second below which no step or repetition is read; a run has 3 steps/s.
        max_zoom: the background may grow or shrink by so much a second, half of what is taken for coming nearer.
        max_step_s: a longer time between steps is no gait, seconds; slow walks of patients stay below it.
        uneven: a step may take this many times as long as the one before.
        crossing: the ankles must pass each other: the smaller part of a swing, on either side, is at least this share.
    """

    size_window_s: float = 6.0
    speed_window_s: float = 1.2
    min_rate_hz: float = 6.5
    max_zoom: float = 0.04
    max_step_s: float = 1.1
    uneven: float = 2.0
    crossing: float = 0.2


class Motion:
    """A track's joints, cleaned, with what rules read of them.

    Attributes:
        body: the cleaned joints of `BODY_13`, pixels of the picture or, where the background's place in each frame was
            given, of the background; and features of the catalogue.
        time_s: (n,) timestamps, seconds.
    """

    def __init__(
        self,
        track: Track,
        skeleton: Skeleton,
        settings: MotionSettings | None = None,
        background: Array | None = None,
    ) -> None:
        raw = drop_unsure(PoseSequence.from_track(track, skeleton))
        points = to_body(raw.points, skeleton.joints).astype(np.float64)
        if background is not None:
            points -= background[:, None, :2]
        found = geometry.found_joints(points).astype(np.float64)
        cleaning = replace(CleanSettings(), min_confidence=None, swap_penalty=SWAP_PENALTY)
        self.body = Body(clean(PoseSequence(points, found, BODY_13, raw.time_s), cleaning))
        self.time_s = raw.time_s
        self._track, self._skeleton = track, skeleton
        self._larger = np.zeros(len(track)) if background is None else background[:, 2]
        self.settings = settings or MotionSettings()

    def __len__(self) -> int:
        return len(self.time_s)

    @cached_property
    def whole(self) -> Body:
        """All joints of the layout, hands and face among them, cleaned as for the tables of features."""
        return Body(clean(PoseSequence.from_track(self._track, self._skeleton)))

    def joint(self, name: str) -> Array:
        """(n, 2) pixels."""
        return self.body.joint(name)

    def around(self, window_s: float) -> Windows:
        """A window centred on each frame."""
        return Windows(self.time_s, self.time_s - window_s / 2, self.time_s + window_s / 2)

    @cached_property
    def _sizes(self) -> Array:
        """(2, n) the body's height by its trunk, and by the leg that is foreshortened less, pixels."""
        trunk = geometry.distance(self.joint("neck"), self.joint("mid_hip")) / TRUNK
        legs = [
            geometry.distance(self.joint(f"{side}_hip"), self.joint(f"{side}_knee"))
            + geometry.distance(self.joint(f"{side}_knee"), self.joint(f"{side}_ankle"))
            for side in SIDES
        ]
        return np.stack([trunk, np.fmax(*legs) / LEG])

    @cached_property
    def height(self) -> Array:
        """(n,) the body's height in the picture, pixels: the median around each frame."""
        return self.around(self.settings.size_window_s).median(np.fmax(*self._sizes))

    def relative(self, name: str, base: str) -> Array:
        """(n, 2) a joint from another, body heights."""
        return (self.joint(name) - self.joint(base)) / self.height[:, None]

    def above(self, name: str, base: str) -> Array:
        """(n,) how far a joint stands above another in the picture, body heights."""
        return -self.relative(name, base)[:, 1]

    @cached_property
    def lean(self) -> Array:
        """(n,) angle of the trunk to the upward vertical, degrees: 0 upright, 90 level, 180 head down."""
        return geometry.lean(self.joint("mid_hip"), self.joint("neck"))

    @cached_property
    def lean_of_side(self) -> Array:
        """(n,) `lean`, or that of the side that is seen: in profile the far shoulder and hip often aren't; degrees."""
        sides = [geometry.lean(self.joint(f"{side}_hip"), self.joint(f"{side}_shoulder")) for side in SIDES]
        return np.where(np.isfinite(self.lean), self.lean, np.fmin(*sides))

    def angles(self, a: str, b: str, c: str) -> Array:
        """(2, n) angle at joint `b` of the left and the right side, degrees; 180 straight."""
        return np.stack([self.body.angle(*(f"{side}_{joint}" for joint in (a, b, c))) for side in SIDES])

    @cached_property
    def knees(self) -> Array:
        """(2, n) knee angles, degrees."""
        return self.angles("hip", "knee", "ankle")

    @cached_property
    def feet_y(self) -> Array:
        """(n,) y of the lower ankle, pixels; of the one that is seen."""
        return np.fmax(self.joint("left_ankle")[:, 1], self.joint("right_ankle")[:, 1])

    @cached_property
    def hip_height(self) -> Array:
        """(n,) hips over the lower ankle, body heights; 0.49 standing."""
        return (self.feet_y - self.joint("mid_hip")[:, 1]) / self.height

    def middle(self, name: str) -> Array:
        """(n, 2) pixels of the left and right joint's middle, or of the one that is seen."""
        left, right = self.joint(f"left_{name}"), self.joint(f"right_{name}")
        return np.where(np.isfinite(left), np.where(np.isfinite(right), (left + right) / 2, left), right)

    def slope(self, values: Array, window_s: float) -> Array:
        """(n, ...) least-squares slope of (n, ...) values around each frame, unit per second.

        NaN where less than half of the window's time lies between the first and the last value.
        """
        windows = self.around(window_s)
        out = np.full(values.shape, np.nan).reshape(len(values), -1)
        for column, series in enumerate(values.reshape(len(values), -1).T):
            time_s = np.where(np.isfinite(series), self.time_s - self.time_s[0], np.nan)
            spread = windows.std(time_s)
            covariance = windows.mean(time_s * series) - windows.mean(time_s) * windows.mean(series)
            enough = windows.range(time_s) >= window_s / 2
            out[:, column] = np.where(enough, covariance, np.nan) / np.where(enough, spread, 1.0) ** 2
        return out.reshape(values.shape)

    @cached_property
    def speed(self) -> Array:
        """(n,) displacement of hips and feet, body heights per second: of the one that moves less."""
        window_s = self.settings.speed_window_s
        hips = geometry.length(self.slope(self.joint("mid_hip"), window_s))
        feet = geometry.length(self.slope(self.joint("mid_ankle"), window_s))
        return np.where(np.isfinite(feet), np.minimum(hips, feet), hips) / self.height

    @cached_property
    def growth(self) -> Array:
        """(n,) how fast trunk and legs grow in the picture, share per second, the slower of the two; − shrink.

        0 where one grows and the other shrinks: whoever bends or sits down comes no nearer.
        """
        sizes = np.log(np.where(self._sizes > 0, self._sizes, np.nan)).T
        trunk, legs = self.slope(sizes, 2 * self.settings.speed_window_s).T
        return np.asarray(
            np.where(trunk * legs > 0, np.sign(trunk) * np.minimum(np.abs(trunk), np.abs(legs)), 0 * trunk * legs)
        )

    @cached_property
    def zooms(self) -> NDArray[np.bool_]:
        """(n,) whether the camera zooms, or rides: the background grows or shrinks by `max_zoom` or more a second."""
        return np.asarray(np.abs(self.slope(self._larger, self.settings.speed_window_s)) >= self.settings.max_zoom)

    @cached_property
    def sees_steps(self) -> NDArray[np.bool_]:
        """(n,) whether steps would be seen: both ankles in most frames around, and frames enough."""
        both = geometry.found_joints(self.joint("left_ankle") - self.joint("right_ankle"))
        often = self.around(2.0).mean(both.astype(np.float64)) >= 0.6
        return np.asarray(often & self.fast_enough)

    @cached_property
    def fast_enough(self) -> NDArray[np.bool_]:
        """(n,) whether there are frames enough for steps and repetitions: `min_rate_hz` or more."""
        usual = usual_steps(self.time_s)
        step_s = np.append(usual, usual[-1:]) if len(usual) else np.full(len(self), np.inf)
        return np.asarray(step_s <= 1 / self.settings.min_rate_hz)

    @cached_property
    def gait(self) -> tuple[Array, Array]:
        """(n,) steps in the row that holds each frame, and their rate in steps/s; NaN where they can't be seen.

        A step is a swing of one ankle past the other; 0 where there is none. The steps are those of
        `features.entries.gait`, of which only swings count that carry the feet past each other: a jumping jack parts
        the feet and brings them together, a boxer keeps one foot in front.
        """
        settings = self.settings
        # In trunk lengths, the unit of the catalogue's thresholds.
        apart = (self.joint("left_ankle") - self.joint("right_ankle")) / self.height[:, None] / TRUNK
        found = find_steps(apart, self.time_s, FeatureSettings())
        count, rate = np.zeros(len(self)), np.full(len(self), np.nan)
        at = np.searchsorted(self.time_s, found.time_s)
        swing = apart[at[1:]] - apart[at[:-1]]
        along = swing / np.maximum(geometry.length(swing), 1e-9)[:, None]
        before, after = -(apart[at[:-1]] * along).sum(axis=1), (apart[at[1:]] * along).sum(axis=1)
        interval = np.diff(found.time_s)
        passes = np.minimum(before, after) >= settings.crossing * (before + after)
        passes &= np.isfinite(found.interval_s[1:]) & (interval <= settings.max_step_s)
        row = 0
        while row < len(passes):
            stop = row
            while (
                stop < len(passes)
                and passes[stop]
                and (
                    stop == row
                    or max(interval[stop - 1 : stop + 1]) <= settings.uneven * min(interval[stop - 1 : stop + 1])
                )
            ):
                stop += 1
            if stop > row:
                mean_s = float(interval[row:stop].mean())
                first, last = np.searchsorted(
                    self.time_s, [found.time_s[row] - mean_s, found.time_s[stop] + mean_s + 1e-6]
                )
                better = count[first:last] < stop - row
                count[first:last][better], rate[first:last][better] = stop - row, 1 / mean_s
            row = max(stop, row + 1)
        return np.where(self.sees_steps, count, np.nan), np.where(self.sees_steps, rate, np.nan)
