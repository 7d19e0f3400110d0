"""Posture: what one frame shows of one person. Conventions of angles stand in `features.geometry`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from features import geometry, normalize
from features.body import Body
from features.registry import feature

Array = NDArray[np.float64]
FrameFunction = Callable[[Body], Array]

SIDES = ("left", "right")
LIMB_JOINTS = tuple(f"{side}_{joint}" for joint in ("elbow", "wrist", "knee", "ankle") for side in SIDES)
LOCAL_JOINTS = ("nose", "neck", "left_shoulder", "right_shoulder", "left_hip", "right_hip", *LIMB_JOINTS)
AXES = ("x", "y", "z")

WINTER = "Winter 2009, Biomechanics and Motor Control of Human Movement"
ISB = "Wu et al. 2005, https://doi.org/10.1016/j.jbiomech.2004.05.042 (joint angles; here in the plane of the points)"
MEMBERS = "a joint is missing"
SCALED = "a joint is missing, or the trunk is never seen"


def joint_angles(side: str) -> dict[str, tuple[str, str, str]]:
    """The angles of one side: name to the joints at its first limb's end, its corner and its second limb's end."""
    return {
        f"{side}_elbow_angle": (f"{side}_shoulder", f"{side}_elbow", f"{side}_wrist"),
        f"{side}_shoulder_angle": (f"{side}_elbow", f"{side}_shoulder", f"{side}_hip"),
        f"{side}_hip_angle": (f"{side}_shoulder", f"{side}_hip", f"{side}_knee"),
        f"{side}_knee_angle": (f"{side}_hip", f"{side}_knee", f"{side}_ankle"),
        f"{side}_ankle_angle": (f"{side}_knee", f"{side}_ankle", f"{side}_big_toe"),
    }


ANGLES = {name: joints for side in SIDES for name, joints in joint_angles(side).items()} | {
    "neck_angle": ("head", "neck", "mid_hip"),
    "leg_spread_angle": ("left_knee", "mid_hip", "right_knee"),
}
LIMBS = (
    ("upper_arm", "shoulder", "elbow"),
    ("forearm", "elbow", "wrist"),
    ("thigh", "hip", "knee"),
    ("shank", "knee", "ankle"),
)
HANGING = {
    f"{side}_{limb}_inclination": (f"{side}_{start}", f"{side}_{end}")
    for limb, start, end in LIMBS
    for side in SIDES
}  # fmt: skip
UPRIGHT = {"trunk_inclination": ("mid_hip", "neck"), "head_inclination": ("neck", "head")}
TILTS = {
    "shoulder_tilt": ("left_shoulder", "right_shoulder"),
    "hip_tilt": ("left_hip", "right_hip"),
    "eye_tilt": ("left_eye", "right_eye"),
}
LENGTHS = {
    f"{side}_{limb}_length": (f"{side}_{start}", f"{side}_{end}")
    for limb, start, end in LIMBS
    for side in SIDES
} | {
    "shoulder_width": ("left_shoulder", "right_shoulder"),
    "hip_width": ("left_hip", "right_hip"),
    "trunk_length": ("neck", "mid_hip"),
    "head_length": ("neck", "head"),
}  # fmt: skip
DISTANCES = {
    "wrists_distance": ("left_wrist", "right_wrist"),
    "elbows_distance": ("left_elbow", "right_elbow"),
    "knees_distance": ("left_knee", "right_knee"),
    "ankles_distance": ("left_ankle", "right_ankle"),
} | {
    f"{side}_{a}_to_{b}": (f"{side}_{a}", b if b in ("head", "neck", "mid_hip") else f"{side}_{b}")
    for a, b in (
        ("wrist", "head"), ("wrist", "shoulder"), ("wrist", "hip"), ("wrist", "knee"), ("wrist", "ankle"),
        ("elbow", "hip"), ("knee", "neck"), ("ankle", "hip"),
    )
    for side in SIDES
}  # fmt: skip


def _coordinate(joint: str, axis: int) -> FrameFunction:
    return lambda body: body.local(joint)[:, axis]


for _joint in LOCAL_JOINTS:
    for _axis, _name in enumerate(AXES):
        feature(
            name=f"{_joint}_{_name}", unit="torso", formula=f"({_joint}.{_name} − mid_hip.{_name}) / torso",
            joints=(_joint, "mid_hip"), dimensions=(3,) if _name == "z" else (2, 3), nan=SCALED, reference="own",
            mirror=-1 if _name == "x" else 1,
        )(_coordinate(_joint, _axis))  # fmt: skip


@feature(
    name="centre_x", unit="length", formula="mid_hip.x", joints=("mid_hip",), nan=MEMBERS, reference="own",
    invariant=(), mirror=-1,
)  # fmt: skip
def centre_x(body: Body) -> Array:
    return body.joint("mid_hip")[:, 0]


@feature(
    name="centre_y", unit="length", formula="mid_hip.y", joints=("mid_hip",), nan=MEMBERS, reference="own", invariant=()
)
def centre_y(body: Body) -> Array:
    return body.joint("mid_hip")[:, 1]


@feature(
    name="body_scale", unit="length", formula="torso = median over time of |neck − mid_hip|",
    joints=("neck", "mid_hip"),
    nan="the trunk is never seen", reference="own", invariant=("shift",), note="One number per sequence.",
)  # fmt: skip
def body_scale(body: Body) -> Array:
    return np.full(len(body), body.scale)


def _angle(a: str, b: str, c: str) -> FrameFunction:
    return lambda body: body.angle(a, b, c)


for _name, _joints in ANGLES.items():
    feature(
        name=_name, unit="deg", formula="∠({}, {}, {}), 180 straight".format(*_joints), joints=_joints,
        nan=MEMBERS, reference=ISB,
    )(_angle(*_joints))  # fmt: skip


def _hanging(start: str, end: str) -> FrameFunction:
    return lambda body: geometry.hanging(body.joint(start), body.joint(end))


def _inclination(start: str, end: str) -> FrameFunction:
    return lambda body: geometry.inclination(body.joint(start), body.joint(end))


def _tilt(a: str, b: str) -> FrameFunction:
    return lambda body: geometry.tilt(body.joint(a), body.joint(b))


for _name, _ends in HANGING.items():
    feature(
        name=_name, unit="deg", formula="atan2(Δx, Δy) of {} → {}; 0 hanging, + to the image's right".format(*_ends),
        joints=_ends, dimensions=(2,), nan=MEMBERS, reference=WINTER, mirror=-1, period=360,
    )(_hanging(*_ends))  # fmt: skip

for _name, _ends in UPRIGHT.items():
    feature(
        name=_name, unit="deg", formula="atan2(Δx, −Δy) of {} → {}; 0 upright, + to the image's right".format(*_ends),
        joints=_ends, dimensions=(2,), nan=MEMBERS, reference=WINTER, mirror=-1, period=360,
    )(_inclination(*_ends))  # fmt: skip

for _name, _ends in TILTS.items():
    feature(
        name=_name, unit="deg",
        formula="slope of the line {}–{}; 0 level, + rising to the image's right".format(*_ends),
        joints=_ends, dimensions=(2,), nan=MEMBERS, reference=WINTER, mirror=-1, period=180,
    )(_tilt(*_ends))  # fmt: skip


@feature(
    name="trunk_lean", unit="deg",
    formula="angle between mid_hip → neck and the upward vertical; 0 upright, 180 head down",
    joints=("mid_hip", "neck"), nan=MEMBERS, reference=WINTER,
)  # fmt: skip
def trunk_lean(body: Body) -> Array:
    return geometry.lean(body.joint("mid_hip"), body.joint("neck"))


def _distance(a: str, b: str) -> FrameFunction:
    return lambda body: body.distance(a, b)


for _name, _ends in (LENGTHS | DISTANCES).items():
    feature(
        name=_name, unit="torso", formula="|{} − {}| / torso".format(*_ends), joints=_ends,
        nan=SCALED, reference="own",
    )(_distance(*_ends))  # fmt: skip


def _reach(a: str, b: str, c: str) -> FrameFunction:
    def reach(body: Body) -> Array:
        start, middle, end = body.joint(a), body.joint(b), body.joint(c)
        limb = geometry.distance(start, middle) + geometry.distance(middle, end)
        return geometry.distance(start, end) / np.where(limb > 0, limb, np.nan)

    return reach


def _above(joint: str, mark: str) -> FrameFunction:
    return lambda body: body.local(mark)[:, 1] - body.local(joint)[:, 1]


for _side in SIDES:
    for _limb, _chain in (
        ("arm", (f"{_side}_shoulder", f"{_side}_elbow", f"{_side}_wrist")),
        ("leg", (f"{_side}_hip", f"{_side}_knee", f"{_side}_ankle")),
    ):
        feature(
            name=f"{_side}_{_limb}_extension", unit="1", joints=_chain,
            nan="a joint is missing, or the limb has no length",
            reference="own",
            formula="|{0} − {2}| / (|{0} − {1}| + |{1} − {2}|); 1 straight, 0 folded".format(*_chain),
        )(_reach(*_chain))  # fmt: skip
    for _joint, _mark in (("wrist", "shoulder"), ("wrist", "head"), ("elbow", "shoulder"), ("knee", "hip")):
        _end = _mark if _mark == "head" else f"{_side}_{_mark}"
        feature(
            name=f"{_side}_{_joint}_above_{_mark}", unit="torso",
            formula=f"({_end}.y − {_side}_{_joint}.y) / torso; + above",
            joints=(f"{_side}_{_joint}", _end, "mid_hip"), nan=SCALED, reference="own",
        )(_above(f"{_side}_{_joint}", _end))  # fmt: skip


def _pitch(heel: str, toe: str) -> FrameFunction:
    def pitch(body: Body) -> Array:
        forward = body.joint(toe) - body.joint(heel)
        forward[:, 0] = np.abs(forward[:, 0])  # whichever way the foot points
        return geometry.tilt(np.zeros_like(forward), forward)

    return pitch


for _side in SIDES:
    _foot = (f"{_side}_heel", f"{_side}_big_toe")
    feature(
        name=f"{_side}_foot_pitch", unit="deg",
        formula="atan2({0}.y − {1}.y, |{1}.x − {0}.x|); 0 flat, + toes up, − heel up".format(*_foot),
        joints=_foot, dimensions=(2,), nan="a joint is missing, or heel and toe coincide", reference=WINTER,
    )(_pitch(*_foot))  # fmt: skip
    feature(
        name=f"{_side}_foot_length", unit="torso", formula="|{} − {}| / torso".format(*_foot), joints=_foot,
        nan=SCALED, reference="own",
    )(_distance(*_foot))  # fmt: skip


@feature(
    name="ankle_lift", unit="torso", formula="|left_ankle.y − right_ankle.y| / torso",
    joints=("left_ankle", "right_ankle", "mid_hip"), nan=SCALED, reference="own",
)  # fmt: skip
def ankle_lift(body: Body) -> Array:
    return np.abs(body.local("left_ankle")[:, 1] - body.local("right_ankle")[:, 1])


@feature(
    name="shoulder_hip_ratio", unit="1", formula="|left_shoulder − right_shoulder| / |left_hip − right_hip|",
    joints=("left_shoulder", "right_shoulder", "left_hip", "right_hip"), nan="a joint is missing, or the hips coincide",
    reference="own",
)  # fmt: skip
def shoulder_hip_ratio(body: Body) -> Array:
    hips = geometry.distance(body.joint("left_hip"), body.joint("right_hip"))
    return geometry.distance(body.joint("left_shoulder"), body.joint("right_shoulder")) / np.where(
        hips > 0, hips, np.nan
    )


def _extents(body: Body) -> Array:
    return body.once("extents", lambda: geometry.extents(body.points))


def _hull(body: Body) -> Array:
    return body.once("hull", lambda: geometry.hull_area(body.points))


_FEW = "fewer than two joints were found, or the trunk is never seen"
_FOUND = "Takes the joints that were found: it shrinks when an outer one is missing."


@feature(
    name="width", unit="torso", formula="(max x − min x) / torso over the joints found",
    nan=_FEW, reference="own", note=_FOUND,
)  # fmt: skip
def width(body: Body) -> Array:
    return _extents(body)[:, 0] / body.scale


@feature(
    name="height", unit="torso", formula="(max y − min y) / torso over the joints found",
    nan=_FEW, reference="own", note=_FOUND,
)  # fmt: skip
def height(body: Body) -> Array:
    return _extents(body)[:, 1] / body.scale


@feature(
    name="depth", unit="torso", formula="(max z − min z) / torso over the joints found",
    dimensions=(3,), nan=_FEW, reference="own", note=_FOUND,
)  # fmt: skip
def depth(body: Body) -> Array:
    return _extents(body)[:, 2] / body.scale


@feature(
    name="aspect_ratio", unit="1", formula="height / width of the box around the joints found",
    nan="fewer than two joints were found, or they stand in one column", reference="own", note=_FOUND,
)  # fmt: skip
def aspect_ratio(body: Body) -> Array:
    size = _extents(body)
    return size[:, 1] / np.where(size[:, 0] > 0, size[:, 0], np.nan)


@feature(
    name="height_ratio", unit="1", formula="height of the box / its 95th percentile over the sequence",
    nan="fewer than two joints were found", reference="own", note=_FOUND + " Near 1 standing, less sitting or lying.",
)  # fmt: skip
def height_ratio(body: Body) -> Array:
    tall, whole = _extents(body)[:, 1], body.sequence.whole
    full = normalize.full_height(tall) if whole is None or whole.height is None else whole.height
    return tall / (full if full > 0 else np.nan)


@feature(
    name="hull_area", unit="torso²", formula="area of the convex hull of the joints found / torso²",
    dimensions=(2,), nan="fewer than three joints were found, or the trunk is never seen",
    reference="Jarvis 1973, https://doi.org/10.1016/0020-0190(73)90020-3", note=_FOUND,
)  # fmt: skip
def hull_area(body: Body) -> Array:
    return _hull(body) / body.scale**2


@feature(
    name="contraction_index", unit="1", formula="hull area / area of the box around the joints found",
    dimensions=(2,), nan="fewer than three joints were found, or their box has no area",
    reference="after Camurri et al. 2003, https://doi.org/10.1016/S1071-5819(03)00050-8", note=_FOUND,
)  # fmt: skip
def contraction_index(body: Body) -> Array:
    box = _extents(body)[:, :2].prod(axis=1)
    return _hull(body) / np.where(box > 0, box, np.nan)


@feature(
    name="joints_found", unit="1", formula="joints found / joints of the layout", nan="never", reference="own",
)  # fmt: skip
def joints_found(body: Body) -> Array:
    return np.asarray(geometry.found_joints(body.points).mean(axis=1))


@feature(
    name="mean_confidence", unit="1", formula="mean confidence of the joints measured (confidence above 0)",
    nan="no joint was measured", reference="own",
)  # fmt: skip
def mean_confidence(body: Body) -> Array:
    confidence = body.sequence.confidence[:, : body.points.shape[1]]
    n = (confidence > 0).sum(axis=1)
    return np.where(n > 0, confidence.sum(axis=1) / np.maximum(n, 1), np.nan)


def _asymmetry(*joints: str) -> FrameFunction:
    def asymmetry(body: Body) -> Array:
        left = np.stack([body.joint(f"left_{joint}") for joint in joints], axis=1)
        right = np.stack([body.joint(f"right_{joint}") for joint in joints], axis=1)
        return geometry.asymmetry(left, right, body.joint("mid_hip"), body.joint("neck")) / body.scale

    return asymmetry


for _limb, _parts in (("arm", ("elbow", "wrist")), ("leg", ("knee", "ankle"))):
    feature(
        name=f"{_limb}_asymmetry", unit="torso",
        formula=f"mean over {', '.join(_parts)} of |left − right reflected across the trunk| / torso",
        joints=(*(f"{side}_{part}" for part in _parts for side in SIDES), "mid_hip", "neck"), dimensions=(2,),
        nan=MEMBERS, reference="own",
    )(_asymmetry(*_parts))  # fmt: skip


def _difference(joint: str) -> FrameFunction:
    left, right = joint_angles("left")[f"left_{joint}_angle"], joint_angles("right")[f"right_{joint}_angle"]
    return lambda body: body.angle(*left) - body.angle(*right)


for _joint in ("elbow", "shoulder", "hip", "knee"):
    feature(
        name=f"{_joint}_angle_difference", unit="deg", formula=f"left_{_joint}_angle − right_{_joint}_angle",
        joints=tuple(j for side in SIDES for j in joint_angles(side)[f"{side}_{_joint}_angle"]),
        nan=MEMBERS, reference="own", mirror=-1,
    )(_difference(_joint))  # fmt: skip


@feature(
    name="facing_x", unit="torso", formula="(nose.x − neck.x) / torso; + looking to the image's right",
    joints=("nose", "neck"), dimensions=(2,), nan=SCALED, reference="own", mirror=-1,
)  # fmt: skip
def facing_x(body: Body) -> Array:
    return normalize.facing(body.sequence)


@feature(
    name="facing_camera", unit="torso",
    formula="(left_shoulder.x − right_shoulder.x) / torso; + front, − back, 0 side view",
    joints=("left_shoulder", "right_shoulder"), dimensions=(2,), nan=SCALED, reference="own",
)  # fmt: skip
def facing_camera(body: Body) -> Array:
    return (body.joint("left_shoulder")[:, 0] - body.joint("right_shoulder")[:, 0]) / body.scale
