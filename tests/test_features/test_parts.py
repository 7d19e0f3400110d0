"""Hands and faces whose features can be computed by hand; what a face keeps through the cleaning; blinks."""

from __future__ import annotations

import math
import runpy
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from features.body import Body, FeatureSettings
from features.catalog import bout_table, feature_names, feature_table, window_table
from features.clean import CleanSettings, clean
from features.sequence import PoseSequence
from features.survey import Survey
from pose.parts import FACE_70, FINGERS, HAND_21, hand_joints, whole_body
from pose.skeleton import COCO_18

Make = Callable[..., PoseSequence]
Array = NDArray[np.float64]
Person = Callable[..., PoseSequence]

SCENE = runpy.run_path(str(Path(__file__).with_name("golden.py")))
NAMES = whole_body(COCO_18).joints
FACE_PX = 20.0
"""Between the outer corners of the eyes; the ears of the standing person are as far apart."""
PARTS = [name for name in feature_names(NAMES) if name not in feature_names(COCO_18.joints)]


@pytest.fixture
def person(make: Make) -> Person:
    """`person(n_frames, rate, **joints)`: the standing person with hands at its wrists and a face at its nose.

    Joints given are (x, y) or (n, 2), pixels.
    """

    def person(n_frames: int = 5, rate: float = 10.0, **joints: object) -> PoseSequence:
        body = make(n_frames, rate)
        at: dict[str, Array] = {name: body.joint(name)[0] for name in body.joint_names}
        for side, sign in (("left", 1), ("right", -1)):
            for joint, name in zip(HAND_21.joints, hand_joints(side), strict=True):
                x, y = SCENE["HAND"]["hand_wrist" if joint == "wrist" else joint]
                at[name] = at[f"{side}_wrist"] + np.array([sign * x, y])
        at |= {name: at["nose"] + FACE_PX * (np.array(SCENE["FACE"][name])[:2] - [0, 0.36]) for name in FACE_70.joints}
        values = {**at, **joints}
        points = np.stack(
            [np.broadcast_to(np.asarray(values[name], dtype=float), (n_frames, 2)) for name in NAMES], axis=1
        )
        found = np.isfinite(points).all(axis=-1)
        return PoseSequence(points.copy(), found.astype(float), NAMES, body.time_s)

    return person


def at(sequence: PoseSequence, joint: str) -> tuple[float, float]:
    x, y = sequence.joint(joint)[0]
    return float(x), float(y)


STRAIGHT = {
    "left_index_mcp": (0, -20), "left_index_pip": (0, -40), "left_index_dip": (0, -50), "left_index_tip": (0, -60),
}  # fmt: skip


def test_a_straight_finger_and_a_bent_one(person: Person) -> None:
    straight = STRAIGHT | {"left_hand_wrist": (0, 0)}
    bent = straight | {"left_index_pip": (20, -20), "left_index_dip": (20, -10), "left_index_tip": (10, -10)}
    assert feature_table(person(**straight))["left_index_flexion"][0] == pytest.approx(0, abs=1e-5)
    assert feature_table(person(**bent))["left_index_flexion"][0] == pytest.approx(270)  # three right angles


def test_hands_by_trigonometry(person: Person) -> None:
    one = person()
    row = feature_table(one).iloc[0]

    def bearing(a: str, b: str) -> float:
        (ax, ay), (bx, by) = at(one, a), at(one, b)
        return math.degrees(math.atan2(by - ay, bx - ax))

    def turn(*joints: str) -> float:
        legs = [bearing(a, b) for a, b in pairwise(joints)]
        return sum(abs((b - a + 180) % 360 - 180) for a, b in pairwise(legs))

    def reach(*joints: str) -> tuple[float, float]:
        steps = [math.dist(at(one, a), at(one, b)) for a, b in pairwise(joints)]
        return math.dist(at(one, joints[0]), at(one, joints[-1])), sum(steps)

    for side in ("left", "right"):
        extensions = []
        for finger in FINGERS[1:]:
            chain = [f"{side}_{finger}_{kind}" for kind in ("mcp", "pip", "dip", "tip")]
            assert row[f"{side}_{finger}_flexion"] == pytest.approx(turn(f"{side}_hand_wrist", *chain))
            extensions.append(reach(*chain)[0] / reach(*chain)[1])
        thumb = [f"{side}_thumb_{kind}" for kind in ("cmc", "mcp", "ip", "tip")]
        assert row[f"{side}_thumb_flexion"] == pytest.approx(turn(*thumb))
        index, middle = (
            bearing(f"{side}_index_mcp", f"{side}_index_pip"),
            bearing(f"{side}_middle_mcp", f"{side}_middle_pip"),
        )
        assert row[f"{side}_index_middle_spread"] == pytest.approx(abs(index - middle))
        across = abs(bearing(f"{side}_thumb_mcp", f"{side}_thumb_ip") - index)
        assert row[f"{side}_thumb_index_spread"] == pytest.approx(across)
        size = reach(f"{side}_hand_wrist", *(f"{side}_middle_{kind}" for kind in ("mcp", "pip", "dip", "tip")))[1]
        apart = math.dist(at(one, f"{side}_thumb_tip"), at(one, f"{side}_index_tip"))
        assert row[f"{side}_pinch"] == pytest.approx(apart / size)
        assert row[f"{side}_hand_openness"] == pytest.approx(sum(extensions) / 4)
        assert row[f"{side}_pointing"] == pytest.approx(extensions[0] - sum(extensions[1:]) / 3)
        assert row[f"{side}_hand_inclination"] == pytest.approx(
            bearing(f"{side}_hand_wrist", f"{side}_middle_mcp") + 90
        )
        seen = math.radians(
            bearing(f"{side}_hand_wrist", f"{side}_little_mcp") - bearing(f"{side}_hand_wrist", f"{side}_index_mcp")
        )
        assert row[f"{side}_palm_facing"] == pytest.approx(abs(math.sin(seen)))  # both palms are shown
    assert row["left_hand_inclination"] == pytest.approx(-row["right_hand_inclination"])


def folded(side: str, *fingers: str) -> dict[str, tuple[float, float]]:
    """Fingers whose tips lie beside their knuckles, in a hand whose wrist is at the body's."""
    joints = {}
    for i, finger in enumerate(fingers):
        for kind, (x, y) in {"mcp": (0, -18), "pip": (0, -26), "dip": (2, -24), "tip": (2, -18)}.items():
            joints[f"{side}_{finger}_{kind}"] = (20 + 4 * i + x, -20 + y)
    return joints


def test_a_fist_and_a_pointing_hand(person: Person) -> None:
    fist = feature_table(person(**folded("left", *FINGERS[1:]))).iloc[0]
    points = feature_table(person(**folded("left", *FINGERS[2:]))).iloc[0]
    assert fist["left_hand_openness"] < 0.2
    assert fist["right_hand_openness"] > 0.9
    assert fist["left_pointing"] == pytest.approx(0)
    assert points["left_pointing"] > 0.7
    assert abs(points["right_pointing"]) < 0.1


def test_the_back_of_a_hand(person: Person) -> None:
    shown, turned = person(), person()
    wrist = turned.joint("left_wrist")[:1]
    for name in hand_joints("left"):
        turned.joint(name)[:, 0] = 2 * wrist[:, 0] - turned.joint(name)[:, 0]
    one, other = (feature_table(each)["left_palm_facing"][0] for each in (shown, turned))
    assert one > 0.5
    assert other == pytest.approx(-one)


def test_speeds_of_a_hand(person: Person) -> None:
    """The hand moves by 40 px/s from its wrist, which moves by 30 px/s; the trunk is 100 px."""
    time_s = np.arange(5) / 10
    rest = person()
    down, along = np.stack([0 * time_s, 40 * time_s], axis=1), np.stack([30 * time_s, 0 * time_s], axis=1)
    moved = {name: rest.joint(name) + down + along for name in hand_joints("right")}
    row = feature_table(person(right_wrist=rest.joint("right_wrist") + along, **moved)).iloc[2]
    assert row["right_hand_speed_at_wrist"] == pytest.approx(0.4)
    assert row["right_hand_local_speed"] == pytest.approx(0.5)
    assert row["left_hand_local_speed"] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("away", "touches"), [(4.9, 1), (5.1, 0)])
def test_a_hand_at_the_chin(person: Person, away: float, touches: int) -> None:
    """Ears 20 px apart: a quarter of a head's width is 5 px."""
    x, y = at(person(), "chin")
    row = feature_table(person(right_index_tip=(x, y + away))).iloc[0]
    assert row["right_hand_to_face"] == pytest.approx(away / 20)
    assert row["right_hand_touches_face"] == touches
    assert row["left_hand_touches_face"] == 0


def test_without_a_face_the_nose_is_what_a_hand_comes_to(person: Person) -> None:
    gone = dict.fromkeys(FACE_70.joints, (np.nan, np.nan))
    row = feature_table(person(right_index_tip=(0, -120 + 8), **gone)).iloc[0]
    assert row["right_hand_to_face"] == pytest.approx(8 / 20)
    assert np.isnan(feature_table(person(right_index_tip=(0, -112), nose=(np.nan, np.nan)))["right_hand_to_face"]).all()
    whole, hands = person(right_index_tip=(0, -112)), whole_body(COCO_18, face=False).joints
    n = len(hands)
    only = replace(whole, points=whole.points[:, :n], confidence=whole.confidence[:, :n], joint_names=hands)
    assert feature_table(only)["right_hand_to_face"][0] == pytest.approx(8 / 20)
    assert "mouth_opening" not in feature_table(only)


def test_a_head_is_as_wide_however_it_is_turned(person: Person) -> None:
    """Turned away for half of the time, its ears are nearer to each other; seen from the side, the nose tells."""
    ear = np.where(np.arange(20) < 10, 10.0, 2.0)
    narrow = person(20, left_ear=np.stack([ear, np.full(20, -120.0)], axis=1), right_index_tip=(0, 0))
    assert len(set(feature_table(narrow)["right_hand_to_face"].round(9))) == 1
    assert Body(narrow).typical("head_width") == pytest.approx(20)
    aside = person(nose=(18, -120), left_ear=(1, -120), right_ear=(0, -120))
    assert Body(aside).typical("head_width") == pytest.approx(18)
    hidden = person(nose=(18, -120), left_ear=(1, -120), right_ear=(np.nan, np.nan))
    assert Body(hidden).typical("head_width") == pytest.approx(17)


def test_faces_by_hand(person: Person) -> None:
    one = person(
        mouth_upper=(0, 0), mouth_lower=(0, 6), left_lip_corner=(10, 3), right_lip_corner=(-14, 3),
        left_eye_outer=(30, -40), right_eye_outer=(-10, -10),
        left_eye_inner=(18, -31), left_eye_upper_outer=(27, -40), left_eye_lower_outer=(30, -36),
        left_eye_upper_inner=(20, -36), left_eye_lower_inner=(23, -32),
        left_pupil=(26.4, -37.3),
        **{f"left_brow_{i}": (24 - 6, -35.5 - 8) for i in range(1, 6)},
    )  # fmt: skip
    row = feature_table(one).iloc[0]
    assert row["mouth_opening"] == pytest.approx(6 / 24)
    assert row["mouth_width"] == pytest.approx(24 / 50)
    assert row["left_eye_aspect_ratio"] == pytest.approx((5 + 5) / (2 * 15))
    assert row["left_brow_raise"] == pytest.approx(10 / 50)
    # The line of the corners runs (12, −9) long from inner to outer, its middle is (24, −35.5).
    assert row["left_gaze_x"] == pytest.approx((2.4 * 0.8 + 1.8 * 0.6) / 7.5)
    assert row["left_gaze_y"] == pytest.approx(0, abs=1e-9)


def test_gaze(person: Person) -> None:
    """Looking at the outer corner of the left eye, both eyes look to the image's right; up is up."""
    left, right = np.array(at(person(), "left_eye_outer")), np.array(at(person(), "right_eye_inner"))
    row = feature_table(person(left_pupil=left, right_pupil=right)).iloc[0]
    assert row["left_gaze_x"] == pytest.approx(1)
    assert row["right_gaze_x"] == pytest.approx(1)
    half = np.abs(left - at(person(), "left_eye_inner"))[0] / 2
    up = feature_table(person(left_pupil=at(person(), "left_pupil") - np.array([0, half / 4]))).iloc[0]
    assert up["left_gaze_y"] - feature_table(person()).iloc[0]["left_gaze_y"] == pytest.approx(0.25, rel=0.05)


def test_a_mouth_that_opens(person: Person) -> None:
    time_s = np.arange(5) / 10
    width = math.dist(at(person(), "left_lip_corner"), at(person(), "right_lip_corner"))
    lower = np.array(at(person(), "mouth_lower")) + np.stack([0 * time_s, 7 * time_s], axis=1)
    motion = feature_table(person(mouth_lower=lower))["mouth_motion"]
    np.testing.assert_allclose(motion[1:4], 7 / width)
    assert motion[[0, 4]].isna().all()


def lids(time_s: Array, blinks: dict[float, float], rest: PoseSequence) -> dict[str, Array]:
    """Eyelids that meet in blinks: middle, seconds, to how long they last from beginning to end."""
    shut = np.zeros(len(time_s))
    for middle, lasts in blinks.items():
        inside = np.abs(time_s - middle) < lasts / 2
        shut += np.where(inside, (1 + np.cos(2 * np.pi * (time_s - middle) / lasts)) / 2, 0)
    moved = {}
    for side in ("left", "right"):
        line = np.mean([at(rest, f"{side}_eye_outer"), at(rest, f"{side}_eye_inner")], axis=0)[1]
        for lid in ("upper", "lower"):
            for place in ("outer", "inner"):
                x, y = at(rest, f"{side}_eye_{lid}_{place}")
                moved[f"{side}_eye_{lid}_{place}"] = np.stack([x + 0 * shut, line + (y - line) * (1 - shut)], axis=1)
    return moved


BLINKS = {1.03: 0.2, 2.51: 0.15, 2.9: 0.3, 4.0: 1.6}
"""Three blinks and eyes that are closed for longer."""


@pytest.mark.parametrize("rate", [25, 30, 60, 120])
@pytest.mark.parametrize("cleaned", [False, True])
def test_blinks(person: Person, rate: int, cleaned: bool) -> None:
    """An eye that closes along a raised cosine is below 0.6 for arccos(−0.2) / π of its time."""
    time_s = np.arange(6 * rate) / rate
    blinking = person(6 * rate, rate, **lids(time_s, BLINKS, person()))
    blinking = clean(blinking) if cleaned else blinking
    table = bout_table(blinking, [(0, 6), (0, 2), (2, 3.2), (3.2, 6)], ["blink_count", "blink_rate", "blink_duration"])
    assert table["blink_count"].tolist() == [3, 1, 2, 0]
    assert table["blink_rate"][0] == pytest.approx(30)
    below = math.acos(-0.2) / math.pi
    assert table["blink_duration"][1] == pytest.approx(0.2 * below, abs=0.4 / rate)
    assert table["blink_duration"][2] == pytest.approx(0.225 * below, abs=0.4 / rate)
    assert np.isnan(table["blink_duration"][3])
    closed = feature_table(blinking, ["eyes_closed"])["eyes_closed"]
    assert closed.mean() == pytest.approx(2.25 * below / 6, abs=0.04)


def test_blinks_go_by_the_clock(person: Person) -> None:
    """A rate that changes from 60 to 20 frames/s changes neither their number nor, much, how long they last."""
    time_s = np.concatenate([np.arange(180) / 60, 3 + np.arange(60) / 20])
    even = person(len(time_s), 10, **lids(time_s, {1.0: 0.3, 4.0: 0.3}, person()))
    table = bout_table(replace(even, time_s=time_s), [(0, 3), (3, 6)], ["blink_count", "blink_duration"])
    assert table["blink_count"].tolist() == [1, 1]
    assert table["blink_duration"][1] == pytest.approx(table["blink_duration"][0], abs=0.02)


def test_eyes_that_are_lost_while_closed_are_no_blink(person: Person) -> None:
    time_s = np.arange(100) / 50
    blinking = person(100, 50, **lids(time_s, {0.5: 0.3, 1.5: 0.3}, person()))
    points = blinking.points.copy()
    points[25, NAMES.index("left_eye_upper_inner")] = np.nan
    lost = replace(blinking, points=points)
    assert window_table(lost, 2, 2, ["blink_count"])["blink_count"][0] == 1
    points[:] = np.nan
    table = window_table(replace(blinking, points=points), 2, 2, ["blink_count", "blink_rate", "blink_duration"])
    assert table[["blink_count", "blink_rate", "blink_duration"]].isna().all().all()


@pytest.mark.parametrize("rate", [25, 30])
def test_one_frame_gone_wrong_is_no_blink(person: Person, rate: int) -> None:
    time_s = np.arange(2 * rate) / rate
    wrong = lids(time_s, {1.0: 0.5 / rate, 1.4: 0.2}, person())
    table = window_table(person(2 * rate, rate, **wrong), 2, 2, ["blink_count"])
    assert table["blink_count"][0] == 1


def test_what_is_closed_is_the_persons_own(person: Person) -> None:
    """Eyes half as wide open by nature are open; the same eyes half closed are closed."""
    rest = person()
    narrow = {name: points[:1] for name, points in lids(np.zeros(1), {0.0: 1.0}, rest).items()}
    half = {name: (np.array(at(rest, name)) + points[0]) / 2 for name, points in narrow.items()}
    assert (feature_table(person(**half))["eyes_closed"] == 0).all()
    mixed = {name: np.concatenate([np.tile(at(rest, name), (8, 1)), np.tile(half[name], (2, 1))]) for name in half}
    assert feature_table(person(10, **mixed))["eyes_closed"].tolist() == [0] * 8 + [1] * 2


@pytest.mark.parametrize(("lasts", "kept", "smoothed"), [(0.1, 0.8, 0.55), (0.2, 0.94, 0.8)])
def test_smoothing_takes_nothing_from_a_blink(person: Person, lasts: float, kept: float, smoothed: float) -> None:
    """At 25 frames/s the default filter would leave 0.48 and 0.77 of their depth; hands and body are smoothed."""
    time_s = np.arange(100) / 25
    shake = np.stack([np.zeros(100), 5 * (-1.0) ** np.arange(100)], axis=1)
    moved = lids(time_s, {2.0: lasts}, person())
    blinking = person(100, 25, left_index_tip=np.array(at(person(), "left_index_tip")) + shake, **moved)
    done = clean(blinking, CleanSettings(outlier_window_s=None))
    assert done.steps[-1] == "kalman(cutoff_hz=4) but of the face"
    assert 1 - feature_table(done)["eye_openness"].min() > kept
    assert np.ptp(done.joint("left_index_tip")[20:80, 1]) < 1
    as_body = replace(blinking, joint_names=tuple(f"own_{name}" for name in NAMES))
    lid = NAMES.index("left_eye_upper_inner")
    raw, filtered = (
        each.points[:, lid, 1] for each in (blinking, clean(as_body, CleanSettings(outlier_window_s=None)))
    )
    assert filtered.max() - raw[0] < smoothed * (raw.max() - raw[0])


def test_a_part_goes_by_the_whole(person: Person) -> None:
    """Eyes closed for all of a part are closed; heads seen from the side are as wide as elsewhere."""
    time_s = np.arange(40) / 10
    ear = np.stack([np.where(time_s < 3, 10.0, 2.0), np.full(40, -120.0)], axis=1)
    whole = person(40, 10, left_ear=ear, right_index_tip=(0, -60), **lids(time_s, {3.5: 1.0}, person()))
    survey = Survey()
    for rows in (slice(0, 30), slice(30, 40)):
        survey.add(whole.rows(rows))
    part = replace(whole.rows(slice(33, 38)), whole=survey.whole())
    names = ["eyes_closed", "right_hand_to_face"]
    np.testing.assert_allclose(feature_table(part, names)[names], feature_table(whole, names)[names][33:38])
    assert feature_table(part, ["eyes_closed"])["eyes_closed"].all()


def test_a_body_without_parts_has_no_such_columns(make: Make) -> None:
    assert len(PARTS) == 52
    assert not set(PARTS) & set(feature_table(make(3)))


def test_parts_that_were_not_found_are_nan(person: Person) -> None:
    gone = dict.fromkeys((*hand_joints("left"), *hand_joints("right"), *FACE_70.joints), (np.nan, np.nan))
    assert feature_table(person(**gone))[PARTS].isna().all().all()


@pytest.mark.parametrize("setting", ["touch", "eye_closed", "shortest_blink_s", "longest_blink_s"])
def test_thresholds_are_settings(setting: str) -> None:
    with pytest.raises(ValueError, match=f"{setting} must be above 0"):
        FeatureSettings(**{setting: 0.0})
