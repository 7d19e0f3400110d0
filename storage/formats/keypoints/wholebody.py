"""Whole bodies in other programs' files: which joints, in which order, under which names.

COCO-WholeBody (https://arxiv.org/abs/2007.11858, its `data_format.md`) has 133: COCO's 17, six of the feet, the 68
points of iBUG, and the left and the right hand. Halpe-FullBody has 136: 26 of the body, the face, and the hands.
Neither has pupils. MMPose numbers the points of a part where the project names them.
"""

from __future__ import annotations

from pose.parts import FACE_70, FINGERS, HANDS_42, SIDES, hand_joints
from pose.skeleton import COCO_17, COCO_23, HALPE_26

FACE_68 = FACE_70.joints[:68]
"""The points of iBUG: a face without pupils."""

KEYS = {
    "foot": ("foot_kpts", COCO_23.joints[len(COCO_17) :]),
    "face": ("face_kpts", FACE_68),
    "lefthand": ("lefthand_kpts", hand_joints("left")),
    "righthand": ("righthand_kpts", hand_joints("right")),
}
"""COCO-WholeBody's parts besides the body: the key of their points, and these."""

COCO_133 = (*COCO_23.joints, *FACE_68, *HANDS_42)
"""COCO-WholeBody's joints in the order of results."""

HALPE_136 = (*HALPE_26.joints, *FACE_68, *HANDS_42)
"""Halpe-FullBody's joints (https://github.com/Fang-Haoshu/Halpe-FullBody)."""


def _fingers(side: str) -> tuple[str, ...]:
    called = {"index": "forefinger"} | {finger: f"{finger}_finger" for finger in ("middle", "ring")}
    called["little"] = "pinky_finger"
    numbered = (f"{side}_{called.get(finger, finger)}{n}" for finger in FINGERS for n in range(1, 5))
    return (f"{side}_hand_root", *numbered)


MMPOSE_133 = (
    *COCO_23.joints, *(f"face-{i}" for i in range(len(FACE_68))), *(name for side in SIDES for name in _fingers(side))
)  # fmt: skip
"""MMPose's names of them (its dataset `coco_wholebody`)."""

OURS = dict(zip(MMPOSE_133, COCO_133, strict=True))
"""MMPose's name -> the project's."""
