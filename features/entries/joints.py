"""Joint angles in space, of one frame: segments with axes of their own, as the International Society of Biomechanics
defines them, as far as joints alone show them.

Each segment has X forward, Y up and Z to the person's right, at right angles and of length 1:

    thorax    Y from mid_hip to neck; Z from the left to the right shoulder, at right angles to Y; X = Y × Z
    pelvis    Y the same; Z from the left to the right hip, at right angles to Y
    ground    Y against gravity (−y of the sequence); Z from the left to the right hip, level

Hip and shoulder are the direction of thigh and upper arm in the axes of pelvis and thorax. Rotations of a limb about
its own length are not given: the joints at its ends do not show them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from features import geometry
from features.body import Body
from features.entries.posture import MEMBERS, SIDES, joint_angles
from features.registry import feature

Array = NDArray[np.float64]
FrameFunction = Callable[[Body], Array]

WU_2002 = "Wu et al. 2002, https://doi.org/10.1016/S0021-9290(01)00222-6"
WU_2005 = "Wu et al. 2005, https://doi.org/10.1016/j.jbiomech.2004.05.042"
GROOD = "Grood & Suntay 1983, https://doi.org/10.1115/1.3138397"
POLE_DEG = 15.0
"""Nearer to a pole than this an angle about it is noise: a joint 3 cm off turns an arm of 30 cm by 6°, there by 21°."""

TRUNK = ("neck", "mid_hip")
SHOULDERS, HIPS = (("left_shoulder", "right_shoulder"), ("left_hip", "right_hip"))
_RIGHT = {"left": -1.0, "right": 1.0}


def _axes(body: Body, ends: tuple[str, str]) -> Array:
    """(n, 3, 3) X, Y, Z of pelvis (the hips) or thorax (the shoulders), each a row."""

    def compute() -> Array:
        up = body.joint("neck") - body.joint("mid_hip")
        return geometry.axes(up, body.joint(ends[1]) - body.joint(ends[0]))

    return body.once(("axes", ends), compute)


def _ground(body: Body) -> Array:
    """(n, 3, 3) level axes, turned to where the hips face, each a row."""

    def compute() -> Array:
        right = body.joint("right_hip") - body.joint("left_hip")
        return geometry.axes(np.broadcast_to([0.0, -1.0, 0.0], right.shape), right)

    return body.once("ground", compute)


def _limb(body: Body, ends: tuple[str, str], start: str, end: str) -> Array:
    """(n, 3) direction of a limb in the axes of pelvis or thorax."""
    return _turned(_axes(body, ends), geometry.unit(body.joint(end) - body.joint(start)))


def _flexion(side: str) -> FrameFunction:
    def flexion(body: Body) -> Array:
        forward, up, across = _limb(body, HIPS, f"{side}_hip", f"{side}_knee").T
        return _off_the_pole(np.degrees(np.arctan2(forward, -up)), np.abs(across))

    return flexion


def _abduction(side: str) -> FrameFunction:
    def abduction(body: Body) -> Array:
        return _RIGHT[side] * _arcsine(_limb(body, HIPS, f"{side}_hip", f"{side}_knee")[:, 2])

    return abduction


def _elevation(side: str) -> FrameFunction:
    def elevation(body: Body) -> Array:
        _, up, _ = _limb(body, SHOULDERS, f"{side}_shoulder", f"{side}_elbow").T
        return 90 + _arcsine(up)

    return elevation


def _plane(side: str) -> FrameFunction:
    def plane(body: Body) -> Array:
        forward, up, right = _limb(body, SHOULDERS, f"{side}_shoulder", f"{side}_elbow").T
        return _off_the_pole(np.degrees(np.arctan2(forward, _RIGHT[side] * right)), np.abs(up))

    return plane


def _bent(a: str, b: str, c: str, straight: float) -> FrameFunction:
    return lambda body: straight - body.angle(a, b, c)


for _side in SIDES:
    _angles = joint_angles(_side)
    _hip = (*TRUNK, *HIPS, f"{_side}_knee")
    _arm = (*TRUNK, *SHOULDERS, f"{_side}_elbow")
    feature(
        name=f"{_side}_hip_flexion", unit="deg", dimensions=(3,), joints=_hip, reference=f"{WU_2002}; {GROOD}",
        formula="atan2(d·X, −d·Y) of the thigh d in the pelvis' axes; 0 in line with the trunk, + forward",
        nan=f"a joint is missing, or the thigh is within {POLE_DEG:g}° of the line of the hips", period=360,
    )(_flexion(_side))  # fmt: skip
    feature(
        name=f"{_side}_hip_abduction", unit="deg", dimensions=(3,), joints=_hip, reference=f"{WU_2002}; {GROOD}",
        formula="asin(d·Z) of the thigh d in the pelvis' axes; + away from the other leg", nan=MEMBERS,
        note="The sign is the other way round than that of adduction.",
    )(_abduction(_side))  # fmt: skip
    feature(
        name=f"{_side}_shoulder_elevation", unit="deg", dimensions=(3,), reference=WU_2005,
        joints=(*TRUNK, f"{_side}_shoulder", f"{_side}_elbow"),
        formula="angle between the upper arm and −Y of the thorax; 0 hanging, 90 level, 180 overhead", nan=MEMBERS,
    )(_elevation(_side))  # fmt: skip
    feature(
        name=f"{_side}_shoulder_plane", unit="deg", dimensions=(3,), joints=_arm, reference=WU_2005,
        formula="plane of elevation: atan2(d·X, ±d·Z) of the upper arm d in the thorax' axes; 0 sideways, 90 forward",
        nan=f"a joint is missing, or the arm is within {POLE_DEG:g}° of the line of the trunk", period=360,
    )(_plane(_side))  # fmt: skip
    for _name, _joint, _straight, _formula in (
        ("elbow_flexion", "elbow", 180.0, "0 straight, + bent"),
        ("knee_flexion", "knee", 180.0, "0 straight, + bent"),
        ("ankle_dorsiflexion", "ankle", 90.0, "0 at a right angle, + toes towards the shin"),
    ):
        _chain = _angles[f"{_side}_{_joint}_angle"]
        feature(
            name=f"{_side}_{_name}", unit="deg", dimensions=(3,), joints=_chain,
            formula="{:g} − ∠({}, {}, {}); {}".format(_straight, *_chain, _formula),
            nan=MEMBERS, reference=WU_2005 if _joint == "elbow" else WU_2002,
        )(_bent(*_chain, _straight))  # fmt: skip


@feature(
    name="trunk_rotation", unit="deg", dimensions=(3,), joints=(*TRUNK, *SHOULDERS, *HIPS), mirror=-1, period=360,
    formula="angle about the trunk from the line of the hips to that of the shoulders; + turned to the person's left",
    nan="a joint is missing, or shoulders or hips lie along the trunk", reference=WU_2002,
)  # fmt: skip
def trunk_rotation(body: Body) -> Array:
    forward, _, right = _turned(_axes(body, HIPS), _axes(body, SHOULDERS)[:, 2]).T
    return np.asarray(np.degrees(np.arctan2(forward, right)))


def _trunk(body: Body) -> Array:
    """(n, 3) direction of the trunk in level axes that face where the hips do."""
    up = geometry.unit(body.joint("neck") - body.joint("mid_hip"))
    return _turned(_ground(body), up)


@feature(
    name="trunk_flexion", unit="deg", dimensions=(3,), joints=(*TRUNK, *HIPS), period=360,
    formula="atan2(t·X, t·Y) of the trunk t in the ground's axes; 0 upright, + forward, − back",
    nan=f"a joint is missing, the hips stand on end, or the trunk is within {POLE_DEG:g}° of lying on a side",
    reference=WU_2002,
)  # fmt: skip
def trunk_flexion(body: Body) -> Array:
    forward, up, right = _trunk(body).T
    return _off_the_pole(np.degrees(np.arctan2(forward, up)), np.abs(right))


@feature(
    name="trunk_side_bend", unit="deg", dimensions=(3,), joints=(*TRUNK, *HIPS), mirror=-1,
    formula="asin(t·Z) of the trunk t in the ground's axes; 0 upright, + to the person's right",
    nan="a joint is missing, or the hips stand on end", reference=WU_2002,
)  # fmt: skip
def trunk_side_bend(body: Body) -> Array:
    return _arcsine(_trunk(body)[:, 2])


@feature(
    name="pelvis_obliquity", unit="deg", dimensions=(3,), joints=HIPS, mirror=-1,
    formula="slope of the line from the left to the right hip; 0 level, + the right one higher",
    nan="a joint is missing", reference=WU_2002,
)  # fmt: skip
def pelvis_obliquity(body: Body) -> Array:
    return _arcsine(-geometry.unit(body.joint("right_hip") - body.joint("left_hip"))[:, 1])


def _turned(axes: Array, vectors: Array) -> Array:
    """(n, 3) vectors in (n, 3, 3) axes."""
    return np.asarray(np.einsum("nij,nj->ni", axes, vectors))


def _arcsine(values: Array) -> Array:
    return np.degrees(np.arcsin(np.clip(values, -1, 1)))


def _off_the_pole(degrees: Array, towards: Array) -> Array:
    """Angles about an axis, NaN where the cosine of the direction with that axis says that it lies along it."""
    return np.where(towards < np.cos(np.radians(POLE_DEG)), degrees, np.nan)
