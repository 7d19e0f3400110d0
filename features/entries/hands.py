"""Hands: what 21 joints of each show, per frame. Its own wrist is `<side>_hand_wrist`, the body's `<side>_wrist`.

Angles are those that the points show: in the plane of the image a finger that points at the camera seems bent less, or
more, than it is.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from features import geometry, kinematics, relations
from features.body import Body
from features.entries.motion import FORNBERG, NEIGHBOURS
from features.entries.posture import MEMBERS, SIDES, WINTER
from features.registry import feature
from pose.parts import FACE_70, FINGERS, hand_joints

Array = NDArray[np.float64]
FrameFunction = Callable[[Body], Array]

TAM = "after the total active motion of hand surgery: the sum of a finger's flexions"
LONG = FINGERS[1:]  # without the thumb
NO_LENGTH = MEMBERS + ", or a limb has no length"


def finger(side: str, name: str) -> tuple[str, ...]:
    """A finger's four joints, from the palm to the tip."""
    kinds = ("cmc", "mcp", "ip", "tip") if name == "thumb" else ("mcp", "pip", "dip", "tip")
    return tuple(f"{side}_{name}_{kind}" for kind in kinds)


def _chain_length(body: Body, *joints: str) -> Array:
    """(n_frames,) sum of the lengths from joint to joint, sequence unit."""
    return np.asarray(np.sum([geometry.distance(body.joint(a), body.joint(b)) for a, b in pairwise(joints)], axis=0))


def _flexion(*joints: str) -> FrameFunction:
    def flexion(body: Body) -> Array:
        bent = [180 - body.angle(*three) for three in zip(joints, joints[1:], joints[2:], strict=False)]
        return np.asarray(np.sum(bent, axis=0))

    return flexion


def _spread(a: tuple[str, str], b: tuple[str, str]) -> FrameFunction:
    def spread(body: Body) -> Array:
        u, v = (body.joint(end) - body.joint(start) for start, end in (a, b))
        return geometry.angle(u, np.zeros_like(u), v)

    return spread


def _pinch(thumb: str, index: str, hand: tuple[str, ...]) -> FrameFunction:
    def pinch(body: Body) -> Array:
        size = _chain_length(body, *hand)
        return geometry.distance(body.joint(thumb), body.joint(index)) / np.where(size > 0, size, np.nan)

    return pinch


def _extension(body: Body, joints: tuple[str, ...]) -> Array:
    """(n_frames,) 1 for a straight finger, 0 for one whose tip is at its root."""
    size = _chain_length(body, *joints)
    return geometry.distance(body.joint(joints[0]), body.joint(joints[-1])) / np.where(size > 0, size, np.nan)


def _openness(side: str) -> FrameFunction:
    return lambda body: np.mean([_extension(body, finger(side, name)) for name in LONG], axis=0)


def _pointing(side: str) -> FrameFunction:
    def pointing(body: Body) -> Array:
        index, *others = (_extension(body, finger(side, name)) for name in LONG)
        return np.asarray(index - np.mean(others, axis=0))

    return pointing


def _hand_inclination(wrist: str, knuckle: str) -> FrameFunction:
    return lambda body: geometry.inclination(body.joint(wrist), body.joint(knuckle))


def _palm(side: str, wrist: str, index: str, little: str) -> FrameFunction:
    def palm(body: Body) -> Array:
        u, v = body.joint(index) - body.joint(wrist), body.joint(little) - body.joint(wrist)
        size = geometry.length(u) * geometry.length(v)
        cross: Array = (u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]) * (1 if side == "left" else -1)
        return cross / np.where(size > 0, size, np.nan)

    return palm


def _speed(side: str, origin: str) -> FrameFunction:
    def speed(body: Body) -> Array:
        middle: Array = np.mean([body.joint(joint) for joint in hand_joints(side)], axis=0)
        away = middle - body.joint(origin)
        return geometry.length(kinematics.velocity(away, body.time_s, body.max_step_s)) / body.scale

    return speed


def hand_to_face_joints(side: str) -> tuple[str, ...]:
    """What `hand_to_face` can't do without; the ears besides, for the width of the head."""
    return (*(finger(side, name)[-1] for name in FINGERS), "nose")


def hand_to_face(body: Body, side: str) -> Array:
    """(n_frames,) distance of the nearest fingertip from the nose and the face's points found, head widths."""

    def compute() -> Array:
        tips = np.stack([body.joint(finger(side, name)[-1]) for name in FINGERS], axis=1)
        nose = body.joint("nose")
        face = np.stack([nose, *(body.joint(joint) for joint in FACE_70.joints if body.has(joint))], axis=1)
        there = geometry.found_joints(tips).all(axis=1) & geometry.found_joints(nose)
        return np.where(there, relations.nearest(tips, face), np.nan) / body.typical("head_width")

    return body.once(("to_face", side), compute)


def _hand_to_face(side: str) -> FrameFunction:
    return lambda body: hand_to_face(body, side)


def _touches(side: str) -> FrameFunction:
    def touches(body: Body) -> Array:
        away = hand_to_face(body, side)
        return np.where(np.isfinite(away), away <= body.settings.touch, np.nan)

    return touches


for _side in SIDES:
    _wrist = f"{_side}_hand_wrist"
    _middle = (_wrist, *finger(_side, "middle"))
    for _name in FINGERS:
        _joints = finger(_side, _name) if _name == "thumb" else (_wrist, *finger(_side, _name))
        feature(
            name=f"{_side}_{_name}_flexion", unit="deg", joints=_joints, nan=NO_LENGTH, reference=TAM,
            formula="Σ of 180° − ∠ at {}; 0 straight".format(", ".join(_joints[1:-1])),
        )(_flexion(*_joints))  # fmt: skip
    for _a, _b in pairwise(FINGERS):
        # The proximal phalanges: of the thumb from its second joint on.
        _bones = [finger(_side, _name)[1:3] if _name == "thumb" else finger(_side, _name)[:2] for _name in (_a, _b)]
        feature(
            name=f"{_side}_{_a}_{_b}_spread", unit="deg", joints=(*_bones[0], *_bones[1]), nan=NO_LENGTH,
            reference="own", formula="angle between {} → {} and {} → {}; 0 side by side".format(*_bones[0], *_bones[1]),
        )(_spread((_bones[0][0], _bones[0][1]), (_bones[1][0], _bones[1][1])))  # fmt: skip
    feature(
        name=f"{_side}_pinch", unit="1", joints=(f"{_side}_thumb_tip", f"{_side}_index_tip", *_middle),
        formula=f"|{_side}_thumb_tip − {_side}_index_tip| / length from the wrist along the middle finger to its tip",
        nan=MEMBERS + ", or the hand has no length", reference="own",
    )(_pinch(f"{_side}_thumb_tip", f"{_side}_index_tip", _middle))  # fmt: skip
    _long = tuple(_joint for _name in LONG for _joint in finger(_side, _name))
    feature(
        name=f"{_side}_hand_openness", unit="1", joints=_long, nan=NO_LENGTH, reference="own",
        formula="mean over index to little finger of |mcp − tip| / (|mcp − pip| + |pip − dip| + |dip − tip|)",
        note="1 all fingers straight; each folded to its root 0. The thumb is left out.",
    )(_openness(_side))  # fmt: skip
    feature(
        name=f"{_side}_pointing", unit="1", joints=_long, nan=NO_LENGTH, reference="own",
        formula="|mcp − tip| / (|mcp − pip| + |pip − dip| + |dip − tip|) of the index − mean of it over the others",
        note="Above about 0.3 the index is straight and the others are folded; 0 for an open hand and a fist.",
    )(_pointing(_side))  # fmt: skip
    feature(
        name=f"{_side}_hand_inclination", unit="deg", joints=_middle[:2], dimensions=(2,), nan=MEMBERS,
        formula="atan2(Δx, −Δy) of {} → {}; 0 upwards, + to the image's right".format(*_middle[:2]),
        reference=WINTER, mirror=-1, period=360,
    )(_hand_inclination(*_middle[:2]))  # fmt: skip
    _knuckles = (f"{_side}_index_mcp", f"{_side}_little_mcp")
    feature(
        name=f"{_side}_palm_facing", unit="1", joints=(_wrist, *_knuckles), dimensions=(2,),
        formula="sine from {1} to {2} as seen from {0}".format(_wrist, *_knuckles)
        + f"; + the palm is seen, − the back, 0 edge on; {'clockwise' if _side == 'left' else 'anticlockwise'} is +",
        nan=MEMBERS + ", or a knuckle lies on the wrist", reference="own",
        note="Takes for granted that the hand is the one it is said to be and that the picture is not mirrored.",
    )(_palm(_side, _wrist, *_knuckles))  # fmt: skip
    for _name, _origin in (("hand_speed_at_wrist", f"{_side}_wrist"), ("hand_local_speed", "mid_hip")):
        feature(
            name=f"{_side}_{_name}", unit="torso/s", joints=(*hand_joints(_side), _origin), nan=NEIGHBOURS,
            formula=f"|d (mean of the {_side} hand's joints − {_origin}) / dt| / torso", reference=FORNBERG,
        )(_speed(_side, _origin))  # fmt: skip
    feature(
        name=f"{_side}_hand_to_face", unit="head_width", joints=hand_to_face_joints(_side), reference="own",
        formula="min over fingertips and over the nose and the face's points found of their distance / head_width",
        nan="a fingertip or the nose is missing, or no two of nose and ears are ever seen",
        note="Where no face was found, from the nose alone.",
    )(_hand_to_face(_side))  # fmt: skip
    feature(
        name=f"{_side}_hand_touches_face", unit="1", joints=hand_to_face_joints(_side), reference="own",
        formula=f"1 where {_side}_hand_to_face ≤ 0.25 head_width, else 0",
        nan="a fingertip or the nose is missing, or no two of nose and ears are ever seen",
        note="As the picture shows it: a hand in front of the face, nearer to the camera, touches it too.",
    )(_touches(_side))  # fmt: skip
