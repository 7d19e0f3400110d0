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

import numpy as np
from numpy.typing import NDArray

from features.errors import FeatureError
from features.geometry import distance, found_joints
from features.sequence import PoseSequence
from pose.layouts import FACE

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


def full_height(heights: Array) -> float:
    """95th percentile of the (n_frames,) heights of the box around the joints found; NaN when there is none.

    >>> full_height(np.arange(101.0))
    95.0
    """
    found = heights[np.isfinite(heights)]
    return float(np.percentile(found, 95)) if len(found) else float("nan")


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
