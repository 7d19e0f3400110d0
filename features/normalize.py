"""The body as its own frame of reference: origin at the hips, one trunk long, facing right.

Joints that a layout lacks are derived where others define them (`DERIVED`):

    mid_hip, mid_shoulder, mid_ankle    the middle of the left and the right one
    neck                                the layout's own, else mid_shoulder
    head                                the layout's own, else `face`, else the mean of the face joints found

A middle is NaN when one of its two is. The length of the body is its trunk, neck to mid_hip, as the median over the
sequence: robust to frames in which the trunk is bent towards the camera or a joint jumps. A person walking towards the
camera grows; the median does not follow.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from features.errors import FeatureError
from features.geometry import distance, found_joints
from features.sequence import PoseSequence, Whole
from pose import layouts
from pose.layouts import FACE, mirror_indices

Array = NDArray[np.float64]

DERIVED = ("mid_hip", "mid_shoulder", "mid_ankle", "neck", "head")


def has_joint(joint_names: tuple[str, ...], joint: str) -> bool:
    """Whether a layout has the joint or joints that define it."""
    if joint in joint_names:
        return True
    parts = _middle_of("mid_shoulder" if joint == "neck" else joint)
    if parts:
        return set(parts) <= set(joint_names)
    return joint == "head" and not set(joint_names).isdisjoint((*FACE, "face"))


def joint_points(sequence: PoseSequence, joint: str) -> Array:
    """(n_frames, D) positions of a joint of the layout or a derived one; NaN where missing.

    Raises `FeatureError` when the layout neither has the joint nor what defines it.
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


def with_derived(sequence: PoseSequence) -> PoseSequence:
    """The sequence with the derived joints that it lacked at its end; confidence: the lowest of their parts."""
    names = sequence.joint_names
    new = tuple(joint for joint in DERIVED if joint not in names and has_joint(names, joint))
    if not new:
        return sequence
    points = np.stack([joint_points(sequence, joint) for joint in new], axis=1)
    confidence = []
    for joint in new:
        face = ("face",) if "face" in names else tuple(name for name in FACE if name in names)
        parts = _middle_of("mid_shoulder" if joint == "neck" else joint) or face
        of = sequence.confidence[:, [names.index(part) for part in parts]]
        if joint == "head":  # the mean of the joints found: the lowest of those
            of = np.where(of > 0, of, np.inf)
        lowest = of.min(axis=1)
        confidence.append(np.where(np.isfinite(lowest), lowest, 0.0))
    return replace(
        sequence,
        points=np.concatenate([sequence.points, points], axis=1),
        confidence=np.concatenate([sequence.confidence, np.stack(confidence, axis=1)], axis=1),
        joint_names=(*names, *new),
        steps=(*sequence.steps, f"derive({', '.join(new)})"),
    )


def trunk_length(sequence: PoseSequence) -> Array:
    """(n_frames,) distance from neck to mid_hip, in the sequence's unit; NaN where either is missing."""
    if not all(has_joint(sequence.joint_names, end) for end in ("neck", "mid_hip")):
        return np.full(len(sequence), np.nan)
    return distance(joint_points(sequence, "neck"), joint_points(sequence, "mid_hip"))


def body_scale(sequence: PoseSequence) -> float:
    """Median trunk length over the (whole) sequence, in its unit; NaN when no trunk is seen, or it has no length."""
    if sequence.whole is not None:
        return sequence.whole.trunk
    lengths = trunk_length(sequence)
    lengths = lengths[lengths > 0]
    return float(np.median(lengths)) if len(lengths) else float("nan")


def full_height(heights: Array) -> float:
    """95th percentile of the (n_frames,) heights of the box around the joints found; NaN when there is none."""
    found = heights[np.isfinite(heights)]
    return float(np.percentile(found, 95)) if len(found) else float("nan")


def centre(sequence: PoseSequence, joint: str = "mid_hip") -> PoseSequence:
    """Every frame with `joint` at the origin; a frame without it becomes NaN throughout, confidences stay."""
    origin = joint_points(sequence, joint)
    points = sequence.points - origin[:, None]
    confidence = np.where(found_joints(points), sequence.confidence, 0.0)
    return replace(sequence, points=points, confidence=confidence, steps=(*sequence.steps, f"centre({joint})"))


def scale(sequence: PoseSequence) -> PoseSequence:
    """Points in trunk lengths (unit `body`); raises `FeatureError` when the trunk is never seen."""
    size = body_scale(sequence)
    if not np.isfinite(size):
        raise FeatureError(
            "no frame shows the trunk (neck and both hips), so the body's size is not known; don't scale"
        )
    return replace(
        sequence,
        points=sequence.points / size,
        unit="body",
        whole=None if sequence.whole is None else _scaled(sequence.whole, size),
        steps=(*sequence.steps, f"scale(1/{size:.6g} {sequence.unit})"),
    )


def _scaled(whole: Whole, size: float) -> Whole:
    return Whole(whole.trunk / size, whole.height / size, whole.ankles / size**2)


def facing(sequence: PoseSequence) -> Array:
    """(n_frames,) how far the nose stands to the right of the neck, in trunk lengths; NaN where either is missing.

    Near 0 for a person seen from the front or the back; its sign tells right from left in a side view.
    """
    nose, neck = joint_points(sequence, "nose"), joint_points(sequence, "neck")
    return (nose[:, 0] - neck[:, 0]) / body_scale(sequence)


def mirror(sequence: PoseSequence) -> PoseSequence:
    """The sequence as a mirror would show it: x changes its sign, left and right joints exchange their names."""
    names = sequence.joint_names
    return replace(
        sequence,
        points=layouts.mirror(sequence.points, names),
        confidence=sequence.confidence[:, mirror_indices(names)],
        steps=(*sequence.steps, "mirror"),
    )


def face_right(sequence: PoseSequence) -> PoseSequence:
    """The sequence turned so that the person mostly faces right: 2-D by a mirror, 3-D by turning about the vertical.

    2-D: mirrored when the median of `facing` is negative. 3-D: each frame turned so that the line from the right hip to
    the left one points into the picture (+z) and the person thus looks along +x; NaN where a hip is missing.
    """
    if sequence.dimensions == 2:
        lean = facing(sequence)
        lean = lean[np.isfinite(lean)]
        turned = len(lean) > 0 and float(np.median(lean)) < 0
        return replace(mirror(sequence) if turned else sequence, steps=(*sequence.steps, "face_right"))
    across = joint_points(sequence, "left_hip") - joint_points(sequence, "right_hip")
    size = np.hypot(across[:, 0], across[:, 2])
    size = np.where(size > 0, size, np.nan)[:, None]
    x, z = sequence.points[..., 0], sequence.points[..., 2]
    sine, cosine = across[:, :1] / size, across[:, 2:] / size
    points = np.stack([cosine * x - sine * z, sequence.points[..., 1], sine * x + cosine * z], axis=-1)
    confidence = np.where(found_joints(points), sequence.confidence, 0.0)
    return replace(sequence, points=points, confidence=confidence, steps=(*sequence.steps, "face_right"))


def normalize(sequence: PoseSequence) -> PoseSequence:
    """Derived joints added, hips at the origin, trunk of length 1, facing right; unit `body`."""
    return face_right(scale(centre(with_derived(sequence))))


def mean_of_found(points: Array) -> Array:
    """(n, D) mean over the joints found among (n, K, D)."""
    found = found_joints(points)[..., None]
    n = found.sum(axis=1)
    return np.where(n > 0, np.where(found, points, 0.0).sum(axis=1) / np.maximum(n, 1), np.nan)


def _middle_of(joint: str) -> tuple[str, ...]:
    """The two joints whose middle it is, or none."""
    part = joint.removeprefix("mid_")
    return (f"left_{part}", f"right_{part}") if joint in DERIVED and joint.startswith("mid_") else ()


def _lacking(joint: str) -> Array:
    raise FeatureError(f"this layout has no joint {joint!r}, nor those that would define it")
