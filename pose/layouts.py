"""The joints that classifiers see, and the way to them from other layouts.

`BODY_13` holds what COCO-18, COCO-17, BODY_25 and JHMDB share. A head joint is the mean of the face joints that a
layout has; neck and mid-hip are left out, because each layout puts them elsewhere (JHMDB's neck is 0.14 torso lengths
above the middle of the shoulders, which is where COCO-18 has it) and the shoulders and hips tell the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pose.errors import LayoutError
from pose.skeleton import Skeleton

BODY_13 = (
    "head",
    "right_shoulder", "left_shoulder", "right_elbow", "left_elbow", "right_wrist", "left_wrist",
    "right_hip", "left_hip", "right_knee", "left_knee", "right_ankle", "left_ankle",
)  # fmt: skip
"""Joints of the shipped model."""

LIMBS_13 = (
    ("head", "right_shoulder"), ("head", "left_shoulder"), ("right_shoulder", "left_shoulder"),
    ("right_shoulder", "right_elbow"), ("right_elbow", "right_wrist"),
    ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"),
    ("right_shoulder", "right_hip"), ("left_shoulder", "left_hip"), ("right_hip", "left_hip"),
    ("right_hip", "right_knee"), ("right_knee", "right_ankle"),
    ("left_hip", "left_knee"), ("left_knee", "left_ankle"),
)  # fmt: skip
"""Limbs of `BODY_13`, for graph networks and angles."""

_HEAD = ("nose", "left_eye", "right_eye", "left_ear", "right_ear")
_SIDES = {"r": "right", "l": "left"}


def standard_name(joint: str) -> str:
    """The project's name of a joint: `r_hip`, `RHip` and `Right Hip` become `right_hip`, `face` becomes `head`."""
    name = joint.strip()
    if len(name) > 1 and name[0] in "LR" and name[1].isupper():
        name = f"{name[0]}_{name[1:]}"
    name = name.lower().replace(" ", "_").replace("-", "_")
    side, _, rest = name.partition("_")
    if rest and side in _SIDES:
        name = f"{_SIDES[side]}_{rest}"
    return "head" if name == "face" else name


def mirror_indices(joints: Sequence[str]) -> NDArray[np.intp]:
    """(K,) permutation that swaps left and right joints."""
    swap = {"left": "right", "right": "left"}
    place = {joint: index for index, joint in enumerate(joints)}

    def partner(joint: str) -> int:
        side, _, rest = joint.partition("_")
        return place.get(f"{swap[side]}_{rest}", place[joint]) if side in swap else place[joint]

    return np.array([partner(joint) for joint in joints], dtype=np.intp)


def has_body(joint_names: Sequence[str]) -> bool:
    """Whether a layout holds all of `BODY_13`."""
    names = {standard_name(joint) for joint in joint_names}
    return set(BODY_13[1:]) <= names and ("head" in names or "nose" in names)


def to_body(points: NDArray[np.floating], joint_names: Sequence[str] | Skeleton) -> NDArray[np.float32]:
    """Joints of any body layout as `BODY_13`.

    Args:
        points: (..., K, 2) or (..., K, 3); NaN where missing. A third column (confidence) is dropped.
        joint_names: K names, or the skeleton.

    Returns:
        (..., 13, 2) float32 in the unit of `points`. The head is the mean of the face joints found, NaN when none was.

    Raises:
        LayoutError: the layout lacks a joint; the message names all that are missing.
    """
    given = joint_names.joints if isinstance(joint_names, Skeleton) else tuple(joint_names)
    names = [standard_name(joint) for joint in given]
    if points.shape[-2] != len(names):
        raise ValueError(f"expected {len(names)} joints, got {points.shape[-2]}")
    missing = [joint for joint in BODY_13[1:] if joint not in names]
    faces = [names.index(joint) for joint in ("head",) if joint in names] or [
        names.index(joint) for joint in _HEAD if joint in names
    ]
    if not faces:
        missing.insert(0, "head (or nose)")
    if missing:
        raise LayoutError(
            f"these joints can't be used by an action model of the body: {', '.join(missing)} missing; "
            f"the data has {', '.join(given)}"
        )
    xy = points[..., :2].astype(np.float32)
    seen = np.isfinite(xy[..., faces, :1])
    count = seen.sum(axis=-2)
    with np.errstate(invalid="ignore", divide="ignore"):
        head = np.where(seen, xy[..., faces, :], 0).sum(axis=-2) / np.where(count > 0, count, np.nan)
    body = np.concatenate([head[..., None, :], xy[..., [names.index(joint) for joint in BODY_13[1:]], :]], axis=-2)
    return np.asarray(body, dtype=np.float32)
