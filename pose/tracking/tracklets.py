"""What the first pass leaves behind: a small summary of each tracklet, enough to decide who is who afterwards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Meeting:
    """Two tracklets found in the same frames at the same place.

    Attributes:
        a, b: their ids, a < b.
        n: frames in which their boxes overlapped.
        similarity: their mean similarity in those frames, [0, 1].
        shared_joints: mean number of joints found in both.
        first_frame, last_frame: of those frames.
    """

    a: int
    b: int
    n: int
    similarity: float
    shared_joints: float
    first_frame: int
    last_frame: int

    def and_then(self, frame: int, similarity: float, shared_joints: float) -> Meeting:
        """The meeting with one more frame."""
        n = self.n + 1
        return Meeting(
            a=self.a,
            b=self.b,
            n=n,
            similarity=self.similarity + (similarity - self.similarity) / n,
            shared_joints=self.shared_joints + (shared_joints - self.shared_joints) / n,
            first_frame=self.first_frame,
            last_frame=frame,
        )


@dataclass(frozen=True, eq=False)
class Tracklet:
    """One stretch of the first pass that surely is one person; its size does not depend on its length.

    Attributes:
        tracklet_id: counted from 1 in order of appearance; the `track_id` of its detections after the first pass.
        first_frame, last_frame: frame numbers.
        first_time_s, last_time_s: their timestamps, seconds.
        n: frames in which it was found.
        seen_s: time in which it was found, seconds.
        sure_time_s: timestamp of the last sure detection, seconds.
        first_pose, last_pose: (K, 2) pixels, at the first and the last sure detection, the latter as filtered; NaN
            where a joint was not known.
        first_velocity, last_velocity: (2,) of the body there, pixels / s.
        first_scale, last_scale, scale: body scale there and its mean, pixels (see `costs.body_scale`).
        scale_spread: standard deviation of log(body scale as detected / as filtered).
        mean_score: of its detections.
        joints_seen: (K,) share of its frames in which the joint was found.
        limb_ratios, limb_spread: (L,) mean and standard deviation of log(limb length / body scale); NaN if never seen.
        limb_counts: (L,) in how many frames.
        reach: (4,) x_min, y_min, x_max, y_max of the body's centre over time, pixels.
        scene: counts the cuts before it; nobody is known beyond a cut.
        meetings: with other tracklets; each stands in both.
        appearance: (A,) mean of the descriptors the caller gave, or None.
    """

    tracklet_id: int
    first_frame: int
    last_frame: int
    first_time_s: float
    last_time_s: float
    n: int
    seen_s: float
    sure_time_s: float
    first_pose: Array
    last_pose: Array
    first_velocity: Array
    last_velocity: Array
    first_scale: float
    last_scale: float
    scale: float
    scale_spread: float
    mean_score: float
    joints_seen: Array
    limb_ratios: Array
    limb_spread: Array
    limb_counts: Array
    reach: Array
    scene: int = 0
    meetings: tuple[Meeting, ...] = ()
    appearance: Array | None = None

    @property
    def mean_joints(self) -> float:
        """Joints found per frame."""
        return float(self.joints_seen.sum())

    @property
    def duration_s(self) -> float:
        return self.last_time_s - self.first_time_s
