"""The joints that classifiers see, and the way to them from other layouts.

`BODY_13` holds what COCO-18, COCO-17, BODY_25 and JHMDB share. A head joint is the mean of the face joints that a
layout has; neck and mid-hip are left out, because each layout puts them elsewhere (JHMDB's neck is 0.14 torso lengths
above the middle of the shoulders, which is where COCO-18 has it) and the shoulders and hips tell the same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pose.errors import LayoutError

Float = TypeVar("Float", bound=np.floating)

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

FACE = ("nose", "left_eye", "right_eye", "left_ear", "right_ear")
"""Joints whose mean is the head."""

_SIDES = {"r": "right", "l": "left", "right": "right", "left": "left"}
_SWAP = {"left": "right", "right": "left"}
_WORD_ENDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[\W_]+")


def standard_name(joint: str) -> str:
    """The project's name of a joint: words in lower case joined by underscores, the side first.

    `l_hip`, `LHip`, `leftHip`, `hip_l` and `Left-Hip` become `left_hip`; `face` becomes `head`.
    """
    words = [word.lower() for word in _WORD_ENDS.split(joint) if word]
    sides = [_SIDES[word] for word in words if word in _SIDES]
    rest = [word for word in words if word not in _SIDES]
    name = "_".join([*sides, *rest] if rest else words)
    return "head" if name == "face" else name or joint


def standard_names(joints: Sequence[str]) -> tuple[str, ...]:
    """The project's names of a layout's joints; their own where two would become one."""
    names = tuple(standard_name(joint) for joint in joints)
    return names if len(set(names)) == len(names) else tuple(joints)


def mirror_name(name: str) -> str:
    """The name with left and right exchanged: `left_knee_angle` gives `right_knee_angle`."""
    return "_".join(_SWAP.get(word, word) for word in name.split("_"))


def mirror_indices(joints: Sequence[str]) -> NDArray[np.intp]:
    """(K,) permutation that swaps left and right joints; a joint without a partner stays."""
    place = {joint: index for index, joint in enumerate(joints)}
    return np.array([place.get(mirror_name(joint), place[joint]) for joint in joints], dtype=np.intp)


def mirror(points: NDArray[Float], joints: Sequence[str]) -> NDArray[Float]:
    """(..., K, D) points as a mirror shows them: x turned over, left and right joints exchanged; 2-D or 3-D."""
    turned = points[..., mirror_indices(joints), :]
    turned[..., 0] *= -1
    return turned


def has_body(joint_names: Sequence[str]) -> bool:
    """Whether a layout holds all of `BODY_13`."""
    names = standard_names(joint_names)
    return set(BODY_13[1:]) <= set(names) and ("head" in names or "nose" in names)


def to_body(points: NDArray[np.floating], joint_names: Sequence[str]) -> NDArray[np.float32]:
    """Joints of any body layout as `BODY_13`.

    Args:
        points: (..., K, 2) or (..., K, 3); NaN where missing. A third column (confidence) is dropped.
        joint_names: K names.

    Returns:
        (..., 13, 2) float32 in the unit of `points`. The head is the mean of the face joints found, NaN when none was.

    Raises:
        LayoutError: the layout lacks a joint; the message names all that are missing.
    """
    names = standard_names(joint_names)
    if points.shape[-2] != len(names):
        raise ValueError(f"expected {len(names)} joints, got {points.shape[-2]}")
    missing = [joint for joint in BODY_13[1:] if joint not in names]
    faces = [names.index(joint) for joint in ("head",) if joint in names] or [
        names.index(joint) for joint in FACE if joint in names
    ]
    if not faces:
        missing.insert(0, "head (or nose)")
    if missing:
        raise LayoutError(
            f"these joints can't be used by an action model of the body: {', '.join(missing)} missing; "
            f"the data has {', '.join(joint_names)}"
        )
    xy = points[..., :2].astype(np.float32)
    seen = np.isfinite(xy[..., faces, :1])
    count = seen.sum(axis=-2)
    with np.errstate(invalid="ignore", divide="ignore"):
        head = np.where(seen, xy[..., faces, :], 0).sum(axis=-2) / np.where(count > 0, count, np.nan)
    body = np.concatenate([head[..., None, :], xy[..., [names.index(joint) for joint in BODY_13[1:]], :]], axis=-2)
    return np.asarray(body, dtype=np.float32)


def inner_joints(joints: tuple[str, ...]) -> list[int]:
    """(K,) of each joint the place of the one nearer to the trunk, by `LIMBS_13`; a joint without one is its own."""
    inner = {b: a for a, b in LIMBS_13 if a in joints} | {"head": "head"}
    return [joints.index(inner.get(joint, joint)) for joint in joints]
