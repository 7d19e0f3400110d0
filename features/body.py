"""`Body`: one sequence as the catalogue's functions see it, with what several of them need computed once."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from features import clock, geometry, kinematics, normalize
from features.sequence import PoseSequence
from pose.parts import n_body_joints

Array = NDArray[np.float64]
T = TypeVar("T")


@dataclass(frozen=True)
class FeatureSettings:
    """Constants of the catalogue.

    Attributes:
        hole_factor: a time step above this many usual steps is a hole that no derivative crosses, see `features.clock`.
        slowest: speed of mid_hip, in trunk lengths per second, below which a person goes nowhere and has no heading. A
            resting person whose joints jitter by 3 % of the trunk (the default network on the sample video: 2 to 5 %)
            is above it in 2 frames of 100 after the default smoothing. For a trunk of 0.5 m it is 0.25 m/s; people
            who walk at home only do up to 0.4 (J. Perry et al., 1995, https://doi.org/10.1161/01.STR.26.6.982).
        synchrony_window_s: length of the moving window of `synchrony` between two people, seconds.
        step_swing: how far the ankles' separation must swing from one step to the next, trunk lengths: for a trunk of
            0.5 m 10 cm, a sixth of an adult's swing at a slow walk and several times the jitter of cleaned ankles.
        min_step_s: two swings nearer in time than this are jitter, seconds; sprinters stay above it (4.5 steps/s).
        touch: how near a fingertip comes to a point of the face for the hand to touch it, head widths: of a head 15 cm
            wide 4 cm, about as far as the middle of a cheek is from the points around it.
        eye_closed: aspect ratio of the eyes, over that of the person's own open eyes, below which they are closed.
        shortest_blink_s: eyes closed for less are no blink but a frame gone wrong, seconds: a blink of 0.1 s, one of
            the shortest, is below 0.6 for 0.056 s, a single frame's dip at 25 frames/s for 0.048 at most.
        longest_blink_s: eyes closed for longer are no blink, seconds.
    """

    hole_factor: float = clock.HOLE_FACTOR
    slowest: float = 0.5
    synchrony_window_s: float = 2.0
    step_swing: float = 0.2
    min_step_s: float = 0.2
    touch: float = 0.25
    eye_closed: float = 0.6
    shortest_blink_s: float = 0.05
    longest_blink_s: float = 0.5

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value > 0:
                raise ValueError(f"{name} must be above 0, got {value}")


class Body:
    """A sequence with its derived joints, its size and its derivatives; everything is computed at most once.

    Attributes:
        sequence: what it describes; never changed.
        settings: the catalogue's constants.
    """

    def __init__(self, sequence: PoseSequence, settings: FeatureSettings | None = None) -> None:
        self.sequence = sequence
        self.settings = settings or FeatureSettings()
        self._known: dict[Hashable, object] = {}

    def __len__(self) -> int:
        return len(self.sequence)

    @property
    def time_s(self) -> Array:
        """(n_frames,) timestamps, seconds."""
        return self.sequence.time_s

    @property
    def dimensions(self) -> int:
        """2 or 3."""
        return self.sequence.dimensions

    def has(self, *joints: str) -> bool:
        """Whether the layout has these joints, or joints that define them."""
        return all(normalize.has_joint(self.sequence.joint_names, joint) for joint in joints)

    def joint(self, name: str) -> Array:
        """(n_frames, D) positions of a joint, derived ones included; sequence unit; NaN where missing."""
        return self.once(
            ("joint", name), lambda: np.ascontiguousarray(normalize.joint_points(self.sequence, name), dtype=np.float64)
        )

    @property
    def scale(self) -> float:
        """Median trunk length, sequence unit; NaN when the trunk is never seen."""
        return self.once("scale", lambda: normalize.body_scale(self.sequence))

    def typical(self, name: str) -> float:
        """A figure of `features.normalize.TYPICAL`; NaN when no frame shows its joints."""
        return self.once(("typical", name), lambda: normalize.typical(self.sequence, name))

    @property
    def max_step_s(self) -> Array:
        """(n_frames - 1,) for each step to the next frame the length above which it is a hole, seconds."""
        return self.once("max_step_s", lambda: clock.largest_steps(self.sequence.time_s, self.settings.hole_factor))

    @property
    def frame_durations(self) -> Array:
        """(n_frames,) how long each frame stands for, seconds; see `features.clock`."""
        return self.once(
            "frame_durations", lambda: clock.frame_durations(self.sequence.time_s, self.settings.hole_factor)
        )

    @property
    def points(self) -> Array:
        """(n_frames, K, D) the body's own joints, without those of hands and face."""
        return self.sequence.points[:, : n_body_joints(self.sequence.joint_names)]

    def local(self, name: str) -> Array:
        """(n_frames, D) position of a joint from mid_hip, in trunk lengths."""
        return self.once(("local", name), lambda: (self.joint(name) - self.joint("mid_hip")) / self.scale)

    def velocity(self, name: str) -> Array:
        """(n_frames, D) velocity of a joint in the image, sequence unit per second."""
        return self.once(
            ("velocity", name), lambda: kinematics.velocity(self.joint(name), self.time_s, self.max_step_s)
        )

    def acceleration(self, name: str) -> Array:
        """(n_frames, D) acceleration of a joint in the image, sequence unit per second squared."""
        return self.once(
            ("acceleration", name), lambda: kinematics.acceleration(self.joint(name), self.time_s, self.max_step_s)
        )

    def speed(self, name: str) -> Array:
        """(n_frames,) speed of a joint in the image, sequence unit per second."""
        return self.once(("speed", name), lambda: geometry.length(self.velocity(name)))

    def local_speed(self, name: str) -> Array:
        """(n_frames,) speed of a joint relative to mid_hip, sequence unit per second."""
        return self.once(("local_speed", name), lambda: geometry.length(self.velocity(name) - self.velocity("mid_hip")))

    def angle(self, a: str, b: str, c: str) -> Array:
        """(n_frames,) angle at joint `b`, degrees; 180 straight."""
        return self.once(("angle", a, b, c), lambda: geometry.angle(self.joint(a), self.joint(b), self.joint(c)))

    def distance(self, a: str, b: str) -> Array:
        """(n_frames,) distance between two joints, trunk lengths."""
        return self.once(
            ("distance", *sorted((a, b))), lambda: geometry.distance(self.joint(a), self.joint(b)) / self.scale
        )

    @property
    def course(self) -> Array:
        """(n_frames, D) velocity of mid_hip, sequence unit per second; NaN where slower than `slowest`: no heading."""

        def compute() -> Array:
            walking = self.speed("mid_hip") >= self.settings.slowest * self.scale * (1 - 1e-9)  # not rounding decides
            return np.where(walking[:, None], self.velocity("mid_hip"), np.nan)

        return self.once("course", compute)

    def rate(self, degrees: Array) -> Array:
        """(n_frames,) angular velocity of an angle, degrees per second."""
        return kinematics.angular_velocity(degrees, self.time_s, self.max_step_s)

    def once(self, key: Hashable, compute: Callable[[], T]) -> T:
        """The value kept under `key`, computed at the first call; for what several features share."""
        if key not in self._known:
            self._known[key] = compute()
        return self._known[key]  # type: ignore[return-value]  # kept under this key by the same call


class Pair:
    """Two people at the frames they share.

    Attributes:
        a, b: the two, with equal timestamps.
    """

    def __init__(self, a: Body, b: Body) -> None:
        if not np.array_equal(a.time_s, b.time_s):
            raise ValueError("a pair needs the same timestamps for both people")
        self.a, self.b = a, b
        self.settings = a.settings
        self.time_s = a.time_s

    @property
    def scale(self) -> float:
        """Mean of the two trunk lengths, sequence unit."""
        return (self.a.scale + self.b.scale) / 2

    def swapped(self) -> Pair:
        """The same two with their roles exchanged."""
        return Pair(self.b, self.a)
