"""Joint layouts: names, limbs, left/right pairs, joint sigmas.

Joint names are lower case with `left_`/`right_` of the person, never of the image. Orders are those of OpenPose
(https://arxiv.org/abs/1812.08008) and COCO; sigmas are those of the COCO keypoint evaluation, where a joint that COCO
does not annotate takes the value of its nearest annotated relative.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pose.layouts import mirror_indices


@dataclass(frozen=True)
class Skeleton:
    """The joints of one layout and the limbs between them.

    Attributes:
        name: identifier stored with every result, e.g. `coco_18`.
        joints: K unique joint names, in storage order.
        limbs: pairs of joint names, from the joint nearer to the trunk to the farther one where that has a meaning.
        sigmas: K object-keypoint-similarity constants (dimensionless; COCO's sigma, not its doubled kappa).
        middles: joints that are by definition half way between two others, with these two. Not stored, and no part of
            what makes two layouts equal.
    """

    name: str
    joints: tuple[str, ...]
    limbs: tuple[tuple[str, str], ...]
    sigmas: tuple[float, ...]
    middles: tuple[tuple[str, tuple[str, str]], ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        if len(set(self.joints)) != len(self.joints):
            raise ValueError(f"skeleton {self.name}: joint names must be unique")
        if len(self.sigmas) != len(self.joints):
            raise ValueError(f"skeleton {self.name}: expected {len(self.joints)} sigmas, got {len(self.sigmas)}")
        unknown = {joint for limb in self.limbs for joint in limb} - set(self.joints)
        if unknown:
            raise ValueError(f"skeleton {self.name}: limbs name unknown joints {sorted(unknown)}")

    def __len__(self) -> int:
        return len(self.joints)

    def index(self, joint: str) -> int:
        """Position of a joint; raises `ValueError` with the names of the joints when there is no such one."""
        try:
            return self.joints.index(joint)
        except ValueError:
            raise ValueError(
                f"skeleton {self.name} has no joint {joint!r}; its joints are {', '.join(self.joints)}"
            ) from None

    @cached_property
    def limb_indices(self) -> NDArray[np.intp]:
        """(n_limbs, 2) joint positions of each limb."""
        return np.array([[self.index(a), self.index(b)] for a, b in self.limbs], dtype=np.intp).reshape(-1, 2)

    @cached_property
    def mirror_indices(self) -> NDArray[np.intp]:
        """(K,) permutation that swaps left and right joints: `mirrored = keypoints[mirror_indices]`."""
        return mirror_indices(self.joints)


_SIGMA = {
    "nose": 0.026, "neck": 0.079, "eye": 0.025, "ear": 0.035, "shoulder": 0.079, "elbow": 0.072, "wrist": 0.062,
    "hip": 0.107, "knee": 0.087, "ankle": 0.089, "head": 0.035, "head_top": 0.035, "chest": 0.107,
    "big_toe": 0.089, "small_toe": 0.089, "heel": 0.089,
}  # fmt: skip


def _sigmas(joints: tuple[str, ...]) -> tuple[float, ...]:
    return tuple(_SIGMA[joint.removeprefix("left_").removeprefix("right_").removeprefix("mid_")] for joint in joints)


_NECK = ("neck", ("right_shoulder", "left_shoulder"))
_MID_HIP = ("mid_hip", ("right_hip", "left_hip"))

_COCO_18_JOINTS = (
    "nose", "neck",
    "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
    "right_eye", "left_eye", "right_ear", "left_ear",
)  # fmt: skip

COCO_18 = Skeleton(
    name="coco_18",
    joints=_COCO_18_JOINTS,
    limbs=(
        ("neck", "right_shoulder"), ("neck", "left_shoulder"),
        ("right_shoulder", "right_elbow"), ("right_elbow", "right_wrist"),
        ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"),
        ("neck", "right_hip"), ("right_hip", "right_knee"), ("right_knee", "right_ankle"),
        ("neck", "left_hip"), ("left_hip", "left_knee"), ("left_knee", "left_ankle"),
        ("neck", "nose"), ("nose", "right_eye"), ("right_eye", "right_ear"),
        ("nose", "left_eye"), ("left_eye", "left_ear"),
        ("right_shoulder", "right_ear"), ("left_shoulder", "left_ear"),
    ),
    sigmas=_sigmas(_COCO_18_JOINTS),
    middles=(_NECK,),
)  # fmt: skip
"""OpenPose's COCO layout; its limbs are in the order of its PAF channels (see `pose.maps`)."""

_COCO_17_JOINTS = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder",
    "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip",
    "left_knee", "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip

COCO_17 = Skeleton(
    name="coco_17",
    joints=_COCO_17_JOINTS,
    limbs=(
        ("left_ankle", "left_knee"), ("left_knee", "left_hip"), ("right_ankle", "right_knee"),
        ("right_knee", "right_hip"), ("left_hip", "right_hip"), ("left_shoulder", "left_hip"),
        ("right_shoulder", "right_hip"), ("left_shoulder", "right_shoulder"), ("left_shoulder", "left_elbow"),
        ("right_shoulder", "right_elbow"), ("left_elbow", "left_wrist"), ("right_elbow", "right_wrist"),
        ("left_eye", "right_eye"), ("nose", "left_eye"), ("nose", "right_eye"), ("left_eye", "left_ear"),
        ("right_eye", "right_ear"), ("left_ear", "left_shoulder"), ("right_ear", "right_shoulder"),
    ),
    sigmas=_sigmas(_COCO_17_JOINTS),
)  # fmt: skip

_FEET = ("left_big_toe", "left_small_toe", "left_heel", "right_big_toe", "right_small_toe", "right_heel")

COCO_23 = Skeleton(
    name="coco_23",
    joints=(*_COCO_17_JOINTS, *_FEET),
    limbs=(
        *COCO_17.limbs,
        *((f"{joint.partition('_')[0]}_ankle", joint) for joint in _FEET),
    ),
    sigmas=(*COCO_17.sigmas, 0.068, 0.066, 0.066, 0.092, 0.094, 0.094),
)
"""COCO-WholeBody's body and feet (https://arxiv.org/abs/2007.11858), with its own constants."""

_BODY_25_JOINTS = (
    "nose", "neck",
    "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist", "mid_hip",
    "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
    "right_eye", "left_eye", "right_ear", "left_ear", *_FEET,
)  # fmt: skip

BODY_25 = Skeleton(
    name="body_25",
    joints=_BODY_25_JOINTS,
    limbs=(
        ("neck", "mid_hip"), ("neck", "right_shoulder"), ("neck", "left_shoulder"),
        ("right_shoulder", "right_elbow"), ("right_elbow", "right_wrist"),
        ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"),
        ("mid_hip", "right_hip"), ("right_hip", "right_knee"), ("right_knee", "right_ankle"),
        ("mid_hip", "left_hip"), ("left_hip", "left_knee"), ("left_knee", "left_ankle"),
        ("neck", "nose"), ("nose", "right_eye"), ("right_eye", "right_ear"),
        ("nose", "left_eye"), ("left_eye", "left_ear"), ("right_shoulder", "right_ear"), ("left_shoulder", "left_ear"),
        ("left_ankle", "left_big_toe"), ("left_big_toe", "left_small_toe"), ("left_ankle", "left_heel"),
        ("right_ankle", "right_big_toe"), ("right_big_toe", "right_small_toe"), ("right_ankle", "right_heel"),
    ),
    sigmas=_sigmas(_BODY_25_JOINTS),
    middles=(_NECK, _MID_HIP),
)  # fmt: skip

_CPM_14_JOINTS = (
    "head", "neck",
    "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
)  # fmt: skip
_ARMS = (
    ("neck", "right_shoulder"), ("right_shoulder", "right_elbow"), ("right_elbow", "right_wrist"),
    ("neck", "left_shoulder"), ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"),
)  # fmt: skip
_LEGS = (
    ("right_hip", "right_knee"), ("right_knee", "right_ankle"), ("left_hip", "left_knee"), ("left_knee", "left_ankle"),
)  # fmt: skip

MPI_15 = Skeleton(
    name="mpi_15",
    joints=(*_CPM_14_JOINTS, "chest"),
    limbs=(
        ("head", "neck"), *_ARMS, ("neck", "chest"),
        ("chest", "right_hip"), *_LEGS[:2], ("chest", "left_hip"), *_LEGS[2:],
    ),
    sigmas=_sigmas((*_CPM_14_JOINTS, "chest")),
)  # fmt: skip
"""OpenPose's MPI layout. As in MPII's annotations, `head` is the top of the head, `neck` lies above the shoulders."""

CPM_14 = Skeleton(
    name="cpm_14",
    joints=_CPM_14_JOINTS,
    limbs=(("head", "neck"), *_ARMS, ("neck", "right_hip"), *_LEGS[:2], ("neck", "left_hip"), *_LEGS[2:]),
    sigmas=_sigmas(_CPM_14_JOINTS),
)
"""The body of Convolutional Pose Machines (LSP and MPII), in their order of parts; head and neck as in `MPI_15`."""

_CPM_9_JOINTS = (
    "left_shoulder", "left_elbow", "left_wrist", "right_shoulder", "right_elbow", "right_wrist",
    "left_hip", "right_hip", "head",
)  # fmt: skip

CPM_9 = Skeleton(
    name="cpm_9",
    joints=_CPM_9_JOINTS,
    limbs=(
        ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"),
        ("right_shoulder", "right_elbow"), ("right_elbow", "right_wrist"),
        ("left_shoulder", "left_hip"), ("right_shoulder", "right_hip"),
        ("head", "left_shoulder"), ("head", "right_shoulder"),
    ),
    sigmas=_sigmas(_CPM_9_JOINTS),
)  # fmt: skip
"""The upper body of Convolutional Pose Machines (FLIC), in their order of parts."""

_HALPE_26_JOINTS = (
    *_COCO_17_JOINTS, "head_top", "neck", "mid_hip",
    "left_big_toe", "right_big_toe", "left_small_toe", "right_small_toe", "left_heel", "right_heel",
)  # fmt: skip

HALPE_26 = Skeleton(
    name="halpe_26",
    joints=_HALPE_26_JOINTS,
    limbs=(
        ("neck", "mid_hip"), ("neck", "head_top"), ("neck", "right_shoulder"), ("neck", "left_shoulder"),
        ("right_shoulder", "right_elbow"), ("right_elbow", "right_wrist"),
        ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"),
        ("mid_hip", "right_hip"), ("right_hip", "right_knee"), ("right_knee", "right_ankle"),
        ("mid_hip", "left_hip"), ("left_hip", "left_knee"), ("left_knee", "left_ankle"),
        ("neck", "nose"), ("nose", "right_eye"), ("right_eye", "right_ear"),
        ("nose", "left_eye"), ("left_eye", "left_ear"),
        ("left_ankle", "left_big_toe"), ("left_big_toe", "left_small_toe"), ("left_ankle", "left_heel"),
        ("right_ankle", "right_big_toe"), ("right_big_toe", "right_small_toe"), ("right_ankle", "right_heel"),
    ),
    sigmas=_sigmas(_HALPE_26_JOINTS),
)  # fmt: skip
"""Halpe-FullBody's body and feet (https://github.com/Fang-Haoshu/Halpe-FullBody), the default of Pose2Sim."""

_ALL = (COCO_18, COCO_17, COCO_23, BODY_25, HALPE_26, MPI_15, CPM_14, CPM_9)
SKELETONS = {skeleton.name: skeleton for skeleton in _ALL}
"""Known body layouts by name, as stored in the database and in model files."""
