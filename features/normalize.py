"""The body as its own measure: joints that a layout lacks, its size, the way it faces.

Joints that a layout lacks are derived where others define them (`DERIVED`):

    mid_hip, mid_shoulder, mid_ankle    the middle of the left and the right one
    neck                                the layout's own, else mid_shoulder
    head                                the layout's own, else `face`, else the mean of the face joints found

A middle is NaN when one of its two is. The length of the body is its trunk, neck to mid_hip, as the median over the
sequence: robust to frames in which the trunk is bent towards the camera or a joint jumps. A person walking towards the
camera grows; the median does not follow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.errors import FeatureError
from features.geometry import box, distance, found_joints
from features.sequence import PoseSequence
from pose.layouts import FACE
from pose.parts import n_body_joints

Array = NDArray[np.float64]

DERIVED = ("mid_hip", "mid_shoulder", "mid_ankle", "neck", "head")


def has_joint(joint_names: tuple[str, ...], joint: str) -> bool:
    """Whether a layout has the joint or joints that define it.

    >>> has_joint(("left_hip", "right_hip"), "mid_hip"), has_joint(("left_hip", "right_hip"), "neck")
    (True, False)
    """
    if joint in joint_names:
        return True
    parts = _middle_of("mid_shoulder" if joint == "neck" else joint)
    if parts:
        return set(parts) <= set(joint_names)
    return joint == "head" and not set(joint_names).isdisjoint((*FACE, "face"))


def joint_points(sequence: PoseSequence, joint: str) -> Array:
    """(n_frames, D) positions of a joint of the layout or a derived one; NaN where missing.

    Raises `FeatureError` when the layout neither has the joint nor what defines it.

    >>> names = ("left_hip", "right_hip")
    >>> hips = PoseSequence(np.array([[[0.0, 2.0], [4.0, 2.0]]]), np.ones((1, 2)), names, np.zeros(1))
    >>> joint_points(hips, "mid_hip").tolist()
    [[2.0, 2.0]]
    """
    if sequence.has(joint):
        return sequence.joint(joint)
    if joint == "neck":
        return joint_points(sequence, "mid_shoulder") if has_joint(sequence.joint_names, joint) else _lacking(joint)
    parts = _middle_of(joint)
    if parts and sequence.has(*parts):
        return (sequence.joint(parts[0]) + sequence.joint(parts[1])) / 2
    if joint == "head":
        if sequence.has("face"):
            return sequence.joint("face")
        face = [sequence.joint(name) for name in FACE if sequence.has(name)]
        if face:
            return mean_of_found(np.stack(face, axis=1))
    return _lacking(joint)


def trunk_length(sequence: PoseSequence) -> Array:
    """(n_frames,) distance from neck to mid_hip, in the sequence's unit; NaN where either is missing.

    >>> ends = PoseSequence(np.array([[[0.0, 0.0], [30.0, 40.0]]]), np.ones((1, 2)), ("neck", "mid_hip"), np.zeros(1))
    >>> trunk_length(ends).tolist()
    [50.0]
    """
    if not all(has_joint(sequence.joint_names, end) for end in ("neck", "mid_hip")):
        return np.full(len(sequence), np.nan)
    return distance(joint_points(sequence, "neck"), joint_points(sequence, "mid_hip"))


def body_scale(sequence: PoseSequence) -> float:
    """Median trunk length over the (whole) sequence, in its unit; NaN when no trunk is seen, or it has no length.

    >>> ends = PoseSequence(np.array([[[0.0, 0.0], [30.0, 40.0]]]), np.ones((1, 2)), ("neck", "mid_hip"), np.zeros(1))
    >>> body_scale(ends)
    50.0
    """
    if sequence.whole is not None:
        return sequence.whole.trunk
    return median_length(trunk_length(sequence))


def median_length(lengths: Array) -> float:
    """Median of those of (n_frames,) lengths that are above 0; NaN when there is none.

    >>> median_length(np.array([50.0, np.nan, 60.0, 0.0, 70.0]))
    60.0
    """
    lengths = lengths[lengths > 0]
    return float(np.median(lengths)) if len(lengths) else float("nan")


def body_size(sequence: PoseSequence) -> float:
    """The length of the (whole) sequence that thresholds go by, see `typical_size`."""
    return typical_size(*frame_sizes(sequence)) if sequence.whole is None else sequence.whole.trunk


def frame_sizes(sequence: PoseSequence) -> tuple[Array, Array]:
    """(n_frames,) length of the trunk and longer side of the box around the body's joints, sequence unit; or NaN."""
    low, high = box(sequence.points[:, : n_body_joints(sequence.joint_names)])
    return trunk_length(sequence), (high - low).max(axis=-1, initial=-np.inf)


def typical_size(trunk: Array, longer: Array) -> float:
    """Median trunk length; where the trunk is never seen, a third of the median box's longer side.

    A standing person's box is about three trunks high. NaN when no frame shows two joints.

    >>> typical_size(np.array([50.0, 60.0, 70.0]), np.array([180.0, 180.0, 180.0]))
    60.0
    """
    size = median_length(trunk)
    return size if np.isfinite(size) else median_length(longer) / 3


def full_height(heights: Array) -> float:
    """95th percentile of the (n_frames,) heights of the box around the joints found; NaN when there is none.

    >>> full_height(np.arange(101.0))
    95.0
    """
    found = heights[np.isfinite(heights)]
    return float(np.percentile(found, 95)) if len(found) else float("nan")


class Typical(NamedTuple):
    """A figure of a person over the whole sequence.

    Attributes:
        joints: that it takes.
        of_frames: gives (n_frames,) values, NaN where a joint is missing.
        percentile: of them that is typical.
    """

    joints: tuple[str, ...]
    of_frames: Callable[[PoseSequence], Array]
    percentile: float

    def among(self, values: Array) -> float:
        """The typical one of (n,) values; NaN when there is none above 0."""
        values = values[values > 0]
        return float(np.percentile(values, self.percentile)) if len(values) else float("nan")


def eye_joints(side: str) -> tuple[str, ...]:
    """The six points of an eye, round from its outer corner over the upper lid."""
    parts = ("outer", "upper_outer", "upper_inner", "inner", "lower_inner", "lower_outer")
    return tuple(f"{side}_eye_{part}" for part in parts)


def eye_aspect_ratio(sequence: PoseSequence, side: str) -> Array:
    """(n_frames,) height of an eye over its width; NaN where one of its points is missing or it has no width.

    Formula: (|p₂ − p₆| + |p₃ − p₅|) / 2|p₁ − p₄| (T. Soukupová, J. Čech, Real-Time Eye Blink Detection using Facial
    Landmarks, CVWW 2016).
    """
    p1, p2, p3, p4, p5, p6 = (sequence.joint(joint) for joint in eye_joints(side))
    width = distance(p1, p4)
    return (distance(p2, p6) + distance(p3, p5)) / np.where(width > 0, 2 * width, np.nan)


def _head_width(sequence: PoseSequence) -> Array:
    """(n_frames,) from ear to ear, or from the nose to an ear where that is more: a head is as wide from the side."""
    nose, left, right = (sequence.joint(joint) for joint in ("nose", "left_ear", "right_ear"))
    return np.fmax(distance(left, right), np.fmax(distance(nose, left), distance(nose, right)))


TYPICAL = {
    "head_width": Typical(("left_ear", "right_ear", "nose"), _head_width, 90),
    "open_eyes": Typical(
        (*eye_joints("left"), *eye_joints("right")),
        lambda seen: (eye_aspect_ratio(seen, "left") + eye_aspect_ratio(seen, "right")) / 2,
        75,
    ),
}
"""`head_width`: from ear to ear, or from the nose to an ear where that is more, at its 90th percentile; `open_eyes`:
the aspect ratio of the two eyes on average, at its upper quartile, so that it is of open eyes as long as they are
closed in less than three quarters of the frames."""


def typical(sequence: PoseSequence, name: str) -> float:
    """A figure of `TYPICAL` of the (whole) sequence; NaN when no frame shows its joints.

    >>> head = np.array([[[0.0, 0.0], [30.0, 40.0], [15.0, 10.0]]])
    >>> typical(PoseSequence(head, np.ones((1, 3)), ("left_ear", "right_ear", "nose"), np.zeros(1)), "head_width")
    50.0
    """
    if sequence.whole is not None and name in sequence.whole.typical:
        return sequence.whole.typical[name]
    return TYPICAL[name].among(TYPICAL[name].of_frames(sequence))


def facing(sequence: PoseSequence) -> Array:
    """(n_frames,) how far the nose stands to the right of the neck, in trunk lengths; NaN where either is missing.

    Near 0 for a person seen from the front or the back; its sign tells right from left in a side view.

    >>> names = ("nose", "neck", "mid_hip")
    >>> looks_right = np.array([[[10.0, -5.0], [0.0, 0.0], [0.0, 50.0]]])
    >>> facing(PoseSequence(looks_right, np.ones((1, 3)), names, np.zeros(1))).tolist()
    [0.2]
    """
    nose, neck = joint_points(sequence, "nose"), joint_points(sequence, "neck")
    return (nose[:, 0] - neck[:, 0]) / body_scale(sequence)


def mean_of_found(points: Array) -> Array:
    """(n, D) mean over the joints found among (n, K, D).

    >>> mean_of_found(np.array([[[1.0, 2.0], [3.0, 4.0], [np.nan, np.nan]]])).tolist()
    [[2.0, 3.0]]
    """
    found = found_joints(points)[..., None]
    n = found.sum(axis=1)
    return np.where(n > 0, np.where(found, points, 0.0).sum(axis=1) / np.maximum(n, 1), np.nan)


def _middle_of(joint: str) -> tuple[str, ...]:
    """The two joints whose middle it is, or none."""
    part = joint.removeprefix("mid_")
    return (f"left_{part}", f"right_{part}") if joint in DERIVED and joint.startswith("mid_") else ()


def _lacking(joint: str) -> Array:
    raise FeatureError(f"this layout has no joint {joint!r}, nor those that would define it")
