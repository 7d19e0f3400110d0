"""Joint layouts of a hand and of a face, as OpenPose's networks give them, and of a body with them.

Hand: https://arxiv.org/abs/1704.07809. Face: the 68 points of iBUG (https://ibug.doc.ic.ac.uk/resources/300-W/) and the
two pupils. Left and right are the person's. Sigmas are those of COCO-WholeBody (https://arxiv.org/abs/2007.11858); the
pupils, which it does not have, take the mean of their eyes'.
"""

from __future__ import annotations

from functools import cache

from pose.skeleton import SKELETONS, Skeleton

FINGERS = ("thumb", "index", "middle", "ring", "little")


def _chains() -> tuple[tuple[str, ...], ...]:
    """Each finger's joints, from the palm out: a thumb has a carpometacarpal and one interphalangeal joint."""
    kinds = dict.fromkeys(FINGERS, ("mcp", "pip", "dip", "tip")) | {"thumb": ("cmc", "mcp", "ip", "tip")}
    return tuple(tuple(f"{finger}_{kind}" for kind in kinds[finger]) for finger in FINGERS)


HAND_21 = Skeleton(
    name="hand_21",
    joints=("wrist", *(joint for chain in _chains() for joint in chain)),
    limbs=tuple(limb for chain in _chains() for limb in zip(("wrist", *chain), chain, strict=False)),
    sigmas=(
        0.029, 0.022, 0.035, 0.037, 0.047, 0.026, 0.025, 0.024, 0.035, 0.018, 0.024, 0.022, 0.026, 0.017, 0.021,
        0.021, 0.032, 0.020, 0.019, 0.022, 0.031,
    ),
)  # fmt: skip
"""A hand: the wrist, then thumb to little finger, each from the palm to the tip."""

_EYE = ("outer", "upper_outer", "upper_inner", "inner", "lower_inner", "lower_outer")


def _face_joints() -> tuple[str, ...]:
    """In iBUG's order: the person's right stands left in the image and comes first."""
    mouth = ("corner", "upper_outer", "upper_inner"), ("lower_inner", "lower_outer")
    return (
        *(f"right_jaw_{i}" for i in range(1, 9)), "chin", *(f"left_jaw_{i}" for i in range(8, 0, -1)),
        *(f"right_brow_{i}" for i in range(1, 6)), *(f"left_brow_{i}" for i in range(5, 0, -1)),
        *(f"nose_bridge_{i}" for i in range(1, 5)),
        "right_nostril_1", "right_nostril_2", "nose_base", "left_nostril_2", "left_nostril_1",
        *(f"right_eye_{part}" for part in _EYE),
        *(f"left_eye_{_EYE[i]}" for i in (3, 2, 1, 0, 5, 4)),
        *(f"right_lip_{part}" for part in mouth[0]), "upper_lip", *(f"left_lip_{part}" for part in mouth[0][::-1]),
        *(f"left_lip_{part}" for part in mouth[1][::-1]), "lower_lip", *(f"right_lip_{part}" for part in mouth[1]),
        "right_mouth_corner", "right_mouth_upper", "mouth_upper", "left_mouth_upper", "left_mouth_corner",
        "left_mouth_lower", "mouth_lower", "right_mouth_lower",
        "right_pupil", "left_pupil",
    )  # fmt: skip


def _lines(*stretches: tuple[int, int, bool]) -> tuple[tuple[str, str], ...]:
    """Limbs along stretches (first, last, closed) of the face's points."""
    names = _face_joints()
    lines = []
    for first, last, closed in stretches:
        lines += [(names[i], names[i + 1]) for i in range(first, last)]
        lines += [(names[last], names[first])] if closed else []
    return tuple(lines)


FACE_70 = Skeleton(
    name="face_70",
    joints=_face_joints(),
    limbs=_lines(
        (0, 16, False), (17, 21, False), (22, 26, False), (27, 30, False), (31, 35, False),
        (36, 41, True), (42, 47, True), (48, 59, True), (60, 67, True),
    ),
    sigmas=(
        0.042, 0.043, 0.044, 0.043, 0.040, 0.035, 0.031, 0.025, 0.020, 0.023, 0.029, 0.032, 0.037, 0.038, 0.043,
        0.041, 0.045, 0.013, 0.012, 0.011, 0.011, 0.012, 0.012, 0.011, 0.011, 0.013, 0.015, 0.009, 0.007, 0.007,
        0.007, 0.012, 0.009, 0.008, 0.016, 0.010, 0.017, 0.011, 0.009, 0.011, 0.009, 0.007, 0.013, 0.008, 0.011,
        0.012, 0.010, 0.034, 0.008, 0.008, 0.009, 0.008, 0.008, 0.007, 0.010, 0.008, 0.009, 0.009, 0.009, 0.007,
        0.007, 0.008, 0.011, 0.008, 0.008, 0.008, 0.010, 0.008, 0.011, 0.015,
    ),
)  # fmt: skip
"""A face: jaw, brows, nose, eyes, the lips' outline (`lip`), the mouth's opening (`mouth`), pupils."""

SIDES = ("left", "right")


def hand_joints(side: str) -> tuple[str, ...]:
    """The joints of a person's left or right hand: `left_hand_wrist`, which is not the body's, `left_thumb_cmc`, ..."""
    return tuple(f"{side}_hand_wrist" if joint == "wrist" else f"{side}_{joint}" for joint in HAND_21.joints)


HANDS_42 = tuple(joint for side in SIDES for joint in hand_joints(side))
"""The joints of two hands, as they stand in a layout."""


@cache
def whole_body(body: Skeleton, hands: bool = True, face: bool = True) -> Skeleton:
    """A body's layout with two hands (left, then right) and a face behind it; the body's own with neither."""
    joints, limbs, sigmas, name = body.joints, body.limbs, body.sigmas, body.name
    if hands:
        for side in SIDES:
            called = dict(zip(HAND_21.joints, hand_joints(side), strict=True))
            joints += tuple(called.values())
            limbs += tuple((called[a], called[b]) for a, b in HAND_21.limbs)
            sigmas += HAND_21.sigmas
        name += "_hands"
    if face:
        joints, limbs, sigmas = joints + FACE_70.joints, limbs + FACE_70.limbs, sigmas + FACE_70.sigmas
        name += "_face"
    return Skeleton(name, joints, limbs, sigmas, body.middles) if hands or face else body


def n_body_joints(joints: tuple[str, ...]) -> int:
    """How many of a layout's joints, the first, are the body's: those before its two hands and its face.

    A layout that has some of their joints only, such as a chin, has neither: they are joints of its body.
    """
    hands, face = part_slices(joints)
    return min((part.start for part in (hands, face) if part is not None), default=len(joints))


@cache
def part_slices(joints: tuple[str, ...]) -> tuple[slice | None, slice | None]:
    """Where a layout of `whole_body` has its two hands, and where its face; None for what it lacks."""
    end, found = len(joints), []
    for part in (FACE_70.joints, HANDS_42):
        there = joints[max(end - len(part), 0) : end] == part
        found.append(slice(end - len(part), end) if there else None)
        end -= len(part) if there else 0
    face, hands = found
    return hands, face


def body_of(skeleton: Skeleton) -> Skeleton:
    """The layout without hands and face."""
    n = n_body_joints(skeleton.joints)
    if n == len(skeleton):
        return skeleton
    joints = skeleton.joints[:n]
    known = next((body for body in SKELETONS.values() if body.joints == joints), None)
    if known is not None:
        return known
    limbs = tuple((a, b) for a, b in skeleton.limbs if a in joints and b in joints)
    return Skeleton(f"{skeleton.name}_body", joints, limbs, skeleton.sigmas[:n])
