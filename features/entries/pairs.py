"""Between two people `a` and `b`, per shared frame. Lengths are in the mean of the two trunk lengths."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from features import geometry, kinematics, normalize, relations
from features.body import Body, Pair
from features.entries.motion import mean_speed
from features.entries.posture import LOCAL_JOINTS
from features.registry import feature

Array = NDArray[np.float64]
PairFunction = Callable[[Pair], Array]

MEMBERS = "a joint of either is missing, or a trunk is never seen"
MOVING = "a joint of either is missing there or in a neighbouring frame, a hole is next to it, or a trunk is never seen"
HIPS = ("mid_hip",)


def _rate(pair: Pair, values: Array) -> Array:
    return kinematics.velocity(values, pair.time_s, pair.a.max_step_s)


def _velocity(pair: Pair, body: Body) -> Array:
    """Velocity of a centre in mean trunk lengths per second."""
    return body.velocity("mid_hip") / pair.scale


@feature(
    name="pair_distance", unit="torso", level="pair", joints=HIPS, formula="|a.mid_hip − b.mid_hip| / torso",
    nan=MEMBERS,
    reference="own",
)  # fmt: skip
def pair_distance(pair: Pair) -> Array:
    return geometry.distance(pair.a.joint("mid_hip"), pair.b.joint("mid_hip")) / pair.scale


@feature(
    name="pair_head_distance", unit="torso", level="pair", joints=("head",), formula="|a.head − b.head| / torso",
    nan=MEMBERS,
    reference="own",
)  # fmt: skip
def pair_head_distance(pair: Pair) -> Array:
    return geometry.distance(pair.a.joint("head"), pair.b.joint("head")) / pair.scale


@feature(
    name="pair_nearest_distance", unit="torso", level="pair",
    formula="min over the joints found of |a.i − b.j| / torso",
    nan="no joint of one was found, or a trunk is never seen", reference="own",
)  # fmt: skip
def pair_nearest_distance(pair: Pair) -> Array:
    return relations.nearest(pair.a.points, pair.b.points) / pair.scale


def _reaching(pair: Pair) -> Array:
    hands = np.stack([pair.a.joint("left_wrist"), pair.a.joint("right_wrist")], axis=1)
    return relations.nearest(hands, pair.b.points) / pair.scale


feature(
    name="a_hand_to_b", unit="torso", level="pair", joints=("left_wrist", "right_wrist"), reference="own",
    formula="min over a's wrists and b's joints found of their distance / torso",
    nan="neither wrist of a or no joint of b was found, or a trunk is never seen",
)(_reaching)  # fmt: skip
feature(
    name="b_hand_to_a", unit="torso", level="pair", joints=("left_wrist", "right_wrist"), reference="own",
    formula="min over b's wrists and a's joints found of their distance / torso",
    nan="neither wrist of b or no joint of a was found, or a trunk is never seen",
)(lambda pair: _reaching(pair.swapped()))  # fmt: skip


@feature(
    name="pair_approach_speed", unit="torso/s", level="pair", joints=HIPS,
    formula="−d|a.mid_hip − b.mid_hip| / dt / torso; + nearer",
    nan=MOVING, reference="own",
)  # fmt: skip
def pair_approach_speed(pair: Pair) -> Array:
    return -_rate(pair, pair_distance(pair))


@feature(
    name="pair_relative_speed", unit="torso/s", level="pair", joints=HIPS, formula="|v_a − v_b| / torso of mid_hip",
    nan=MOVING,
    reference="own",
)  # fmt: skip
def pair_relative_speed(pair: Pair) -> Array:
    return geometry.length(_velocity(pair, pair.a) - _velocity(pair, pair.b))


def _approach(pair: Pair) -> Array:
    return relations.towards(_velocity(pair, pair.a), pair.a.joint("mid_hip"), pair.b.joint("mid_hip"))


feature(
    name="a_approach_b", unit="torso/s", level="pair", joints=HIPS,
    formula="v_a · (b − a) / |b − a| / torso of mid_hip; + towards b",
    nan=MOVING, reference="own",
)(_approach)  # fmt: skip
feature(
    name="b_approach_a", unit="torso/s", level="pair", joints=HIPS,
    formula="v_b · (a − b) / |a − b| / torso of mid_hip; + towards a",
    nan=MOVING, reference="own",
)(lambda pair: _approach(pair.swapped()))  # fmt: skip


@feature(
    name="pair_heading_similarity", unit="1", level="pair", joints=HIPS,
    formula="v_a · v_b / |v_a||v_b| of mid_hip, both from 0.5 torso/s on; 1 the same way",
    nan=MOVING + ", or one is slower than that",
    reference="own",
)  # fmt: skip
def pair_heading_similarity(pair: Pair) -> Array:
    return relations.heading_similarity(pair.a.course, pair.b.course)


def _facing(pair: Pair) -> Array:
    side = np.sign(pair.b.joint("neck")[:, 0] - pair.a.joint("neck")[:, 0])
    return normalize.facing(pair.a.sequence) * side


feature(
    name="a_facing_b", unit="torso", level="pair", joints=("nose", "neck"), dimensions=(2,), nan=MEMBERS,
    reference="own",
    formula="sign(b.neck.x − a.neck.x) · (a.nose.x − a.neck.x) / a's torso; + turned towards b",
)(_facing)  # fmt: skip
feature(
    name="b_facing_a", unit="torso", level="pair", joints=("nose", "neck"), dimensions=(2,), nan=MEMBERS,
    reference="own",
    formula="sign(a.neck.x − b.neck.x) · (b.nose.x − b.neck.x) / b's torso; + turned towards a",
)(lambda pair: _facing(pair.swapped()))  # fmt: skip
feature(
    name="pair_mutual_facing", unit="torso", level="pair", joints=("nose", "neck"), dimensions=(2,), nan=MEMBERS,
    reference="own", formula="min(a_facing_b, b_facing_a); + face to face",
)(lambda pair: np.minimum(_facing(pair), _facing(pair.swapped())))  # fmt: skip


def _ears(body: Body) -> Array:
    ears = np.stack([body.joint("left_ear"), body.joint("right_ear")], axis=1)
    return normalize.mean_of_found(ears)


def _gaze(pair: Pair) -> Array:
    return relations.gaze_angle(pair.a.joint("nose"), _ears(pair.a), pair.b.joint("head"))


_EARS = ("nose", "left_ear", "right_ear", "head")
_GAZE = "the nose or both ears of the looker, or the head of the other, are missing"

feature(
    name="a_gaze_b", unit="deg", level="pair", joints=_EARS, reference="own, a proxy in the image plane", nan=_GAZE,
    formula="∠(a.nose, a.ears, b.head), ears the mean of those found; 0 looking at b",
)(_gaze)  # fmt: skip
feature(
    name="b_gaze_a", unit="deg", level="pair", joints=_EARS, reference="own, a proxy in the image plane", nan=_GAZE,
    formula="∠(b.nose, b.ears, a.head), ears the mean of those found; 0 looking at a",
)(lambda pair: _gaze(pair.swapped()))  # fmt: skip
feature(
    name="pair_mutual_gaze", unit="deg", level="pair", joints=_EARS, reference="own, a proxy in the image plane",
    nan=_GAZE + ", for either", formula="max(a_gaze_b, b_gaze_a); 0 looking at each other",
)(lambda pair: np.maximum(_gaze(pair), _gaze(pair.swapped())))  # fmt: skip


@feature(
    name="pair_size_difference", unit="1", level="pair", joints=("neck", "mid_hip"),
    formula="ln(a's torso / b's torso)",
    nan="a trunk is never seen", reference="own", swap=-1, note="In one camera the nearer person is larger.",
)  # fmt: skip
def pair_size_difference(pair: Pair) -> Array:
    return np.full(len(pair.time_s), np.log(pair.a.scale / pair.b.scale))


@feature(
    name="pair_head_height_difference", unit="torso", level="pair", joints=("head",),
    formula="(b.head.y − a.head.y) / torso; + a above",
    nan=MEMBERS, reference="own", swap=-1,
)  # fmt: skip
def pair_head_height_difference(pair: Pair) -> Array:
    return (pair.b.joint("head")[:, 1] - pair.a.joint("head")[:, 1]) / pair.scale


@feature(
    name="pair_box_overlap", unit="1", level="pair", dimensions=(2,), formula="intersection over union of the boxes",
    nan="fewer than two joints of one were found, or its box has no area", reference="Jaccard index",
)  # fmt: skip
def pair_box_overlap(pair: Pair) -> Array:
    return relations.box_overlap(pair.a.points, pair.b.points)


@feature(
    name="pair_posture_difference", unit="1", level="pair", joints=(*LOCAL_JOINTS, "mid_hip"), reference="own",
    formula="mean over the limbs' joints of |a − b|, each from its mid_hip in its own trunk length", nan=MEMBERS,
)  # fmt: skip
def pair_posture_difference(pair: Pair) -> Array:
    apart = [geometry.distance(pair.a.local(joint), pair.b.local(joint)) for joint in LOCAL_JOINTS]
    return np.asarray(np.stack(apart).mean(axis=0))


@feature(
    name="pair_speed_difference", unit="torso/s", level="pair", joints=HIPS,
    formula="(|v_a| − |v_b|) / torso of mid_hip",
    nan=MOVING, reference="own", swap=-1,
)  # fmt: skip
def pair_speed_difference(pair: Pair) -> Array:
    return geometry.length(_velocity(pair, pair.a)) - geometry.length(_velocity(pair, pair.b))


@feature(
    name="pair_synchrony", unit="1", level="pair", reference="Boker et al. 2002, https://doi.org/10.1037/1082-989X.7.3.338",
    formula="moving-window Pearson correlation (2 s, lag 0) of the two quantities of motion",
    nan="fewer than three common values in the window, or one does not change",
    note="Length of the window: FeatureSettings.",
)  # fmt: skip
def pair_synchrony(pair: Pair) -> Array:
    return relations.synchrony(mean_speed(pair.a), mean_speed(pair.b), pair.time_s, pair.settings.synchrony_window_s)
