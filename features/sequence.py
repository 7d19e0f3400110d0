"""`PoseSequence`: one person over time, the input of every feature.

Axes, always in this order: frames, joints, coordinates. Frames need not be evenly spaced: `time_s` is the source's own
clock. y points down, as in the image.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.clock import Pace
from pose.people import Track
from pose.skeleton import Skeleton


class Steps(NamedTuple):
    """The steps of a walk, in time.

    Attributes:
        time_s: (n_steps,) when a foot strikes, seconds.
        interval_s: (n_steps,) time since the step before, seconds; NaN for the first and across a hole.
        length: (n_steps,) half the swing of the ankles' separation since the step before, trunk lengths; NaN likewise.
    """

    time_s: NDArray[np.float64]
    interval_s: NDArray[np.float64]
    length: NDArray[np.float64]


class Crossings(NamedTuple):
    """When a person came into a zone and left it, seconds: the first frames that show it."""

    entries_s: NDArray[np.float64]
    exits_s: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Whole:
    """What the features of a part of a sequence take from the whole; what is None or not there, from the part itself.

    Attributes:
        trunk: median length of the trunk, sequence unit; NaN when it is never seen. In `features.clean` it is of the
            raw points, afterwards of the cleaned ones.
        height: 95th percentile of the height of the box around the joints found, sequence unit; NaN without a box.
        steps: of the whole sequence.
        crossings: of each zone, by the zone.
        typical: figures of `features.normalize.TYPICAL`, by their names.
        pace: of the whole sequence's timestamps; for `features.clean`.
    """

    trunk: float
    height: float | None = None
    steps: Steps | None = None
    crossings: Mapping[Hashable, Crossings] = field(default_factory=dict)
    typical: Mapping[str, float] = field(default_factory=dict)
    pace: Pace | None = None


@dataclass(frozen=True, eq=False)
class PoseSequence:
    """Joint positions of one person.

    Attributes:
        points: (n_frames, n_joints, D) float64, D = 2 or 3; NaN where a joint is missing.
        confidence: (n_frames, n_joints) float64 in [0, 1]; 0 where missing, and where a position was filled in, not
                    seen.
        joint_names: n_joints unique names.
        time_s: (n_frames,) float64, strictly rising, seconds.
        unit: of `points`: `px`, or `m`, `mm` for lifted or calibrated data, or `body` after normalisation.
        steps: what was done to the raw points, in order, e.g. `("fill_gaps(max_gap_s=0.5)",)`.
        whole: of the sequence of which this is a part; None when it is one of its own.
    """

    points: NDArray[np.float64]
    confidence: NDArray[np.float64]
    joint_names: tuple[str, ...]
    time_s: NDArray[np.float64]
    unit: str = "px"
    steps: tuple[str, ...] = ()
    whole: Whole | None = None

    def __post_init__(self) -> None:
        n_frames, n_joints = len(self.time_s), len(self.joint_names)
        if self.points.ndim != 3 or self.points.shape[:2] != (n_frames, n_joints) or self.points.shape[2] not in (2, 3):
            raise ValueError(f"expected points of shape ({n_frames}, {n_joints}, 2 or 3), got {self.points.shape}")
        if self.confidence.shape != (n_frames, n_joints):
            raise ValueError(f"expected confidence of shape ({n_frames}, {n_joints}), got {self.confidence.shape}")
        if len(set(self.joint_names)) != n_joints:
            raise ValueError("joint names must be unique")
        if n_frames > 1 and not np.all(np.diff(self.time_s) > 0):
            raise ValueError("time_s must rise strictly")

    def __len__(self) -> int:
        return len(self.time_s)

    def rows(self, rows: slice | NDArray[np.intp]) -> PoseSequence:
        """The same person in some of the frames.

        >>> three = PoseSequence(np.zeros((3, 1, 2)), np.ones((3, 1)), ("nose",), np.array([0.0, 0.1, 0.3]))
        >>> three.rows(slice(1, 3)).time_s.tolist()
        [0.1, 0.3]
        """
        return replace(self, points=self.points[rows], confidence=self.confidence[rows], time_s=self.time_s[rows])

    @property
    def dimensions(self) -> int:
        """2 or 3."""
        return int(self.points.shape[2])

    @property
    def found(self) -> NDArray[np.bool_]:
        """(n_frames, n_joints) True where there is a position, seen or filled in."""
        return np.asarray(np.isfinite(self.points).all(axis=-1))

    @property
    def filled(self) -> NDArray[np.bool_]:
        """(n_frames, n_joints) True where there is a position that was filled in, not seen."""
        return np.asarray(self.found & (self.confidence == 0))

    @cached_property
    def _indices(self) -> dict[str, int]:
        return {name: index for index, name in enumerate(self.joint_names)}

    def has(self, *joints: str) -> bool:
        """Whether the layout has all these joints (found or not)."""
        return all(joint in self._indices for joint in joints)

    def joint(self, name: str) -> NDArray[np.float64]:
        """(n_frames, D) positions of one joint; raises `ValueError` when the layout has no such joint.

        >>> one = PoseSequence(np.array([[[5.0, 6.0]]]), np.ones((1, 1)), ("nose",), np.zeros(1))
        >>> one.joint("nose").tolist()
        [[5.0, 6.0]]
        """
        if name not in self._indices:
            raise ValueError(f"no joint {name!r} in this sequence; it has {', '.join(self.joint_names)}")
        return self.points[:, self._indices[name]]

    @classmethod
    def from_track(cls, track: Track, skeleton: Skeleton | None = None) -> PoseSequence:
        """The track's points in pixels; frames where the person was not found are absent, not filled.

        `skeleton` is the track's own unless given.
        """
        keypoints = track.keypoints.astype(np.float64)
        joints = (skeleton or track.skeleton).joints
        return cls(keypoints[..., :2], keypoints[..., 2], joints, track.time_s.astype(np.float64))
