"""Joint angles in space: people whose joints were put there by the angles that should come out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from features.catalog import CATALOGUE, feature_table
from features.sequence import PoseSequence

SIDES = {"left": -1.0, "right": 1.0}
ANGLES = [entry.name for entry in CATALOGUE if entry.dimensions == (3,) and entry.unit == "deg"]
OF_THE_GROUND = ("trunk_flexion", "trunk_side_bend", "pelvis_obliquity")
degrees = st.floats(-70, 70)


def person(
    hip: tuple[float, float] = (0, 0),
    arm: tuple[float, float] = (0, 30),
    knee: float = 0,
    elbow: float = 0,
    ankle: float = 0,
    twist: float = 0,
) -> dict[str, np.ndarray]:
    """Joints of somebody upright who faces away from the camera: x right, y down, z forward; metres.

    Args:
        hip: flexion and abduction of both; degrees, as all angles.
        arm: plane of elevation and elevation of both.
        knee, elbow, ankle: flexions, the last one dorsal.
        twist: of the shoulders against the hips, to the left.
    """
    joints = {"neck": np.array([0, -0.5, 0.0])}
    for side, out in SIDES.items():
        joints[f"{side}_hip"] = start = np.array([0.1 * out, 0, 0])
        flexion, abduction = np.radians(hip)
        thigh = np.array(
            [out * np.sin(abduction), np.cos(abduction) * np.cos(flexion), np.cos(abduction) * np.sin(flexion)]
        )
        # The knee bends backwards in the plane of the thigh and the line forward; the foot points forward from there.
        ahead = np.array([0, -np.sin(flexion), np.cos(flexion)])
        shank = np.cos(np.radians(knee)) * thigh - np.sin(np.radians(knee)) * ahead
        toes = np.cos(np.radians(knee)) * ahead + np.sin(np.radians(knee)) * thigh
        foot = np.cos(np.radians(ankle)) * toes - np.sin(np.radians(ankle)) * shank
        joints[f"{side}_knee"] = start + 0.4 * thigh
        joints[f"{side}_ankle"] = joints[f"{side}_knee"] + 0.4 * shank
        joints[f"{side}_big_toe"] = joints[f"{side}_ankle"] + 0.2 * foot
        turn = Rotation.from_rotvec([0, -np.radians(twist), 0]).as_matrix()  # y is down: + is to the right
        joints[f"{side}_shoulder"] = joints["neck"] + turn @ [0.2 * out, 0, 0]
        plane, up = np.radians(arm)
        upper = turn @ [out * np.sin(up) * np.cos(plane), np.cos(up), np.sin(up) * np.sin(plane)]
        bend = turn @ [-out * np.sin(plane), 0, np.cos(plane)]  # square to the arm
        fore = np.cos(np.radians(elbow)) * upper + np.sin(np.radians(elbow)) * bend
        joints[f"{side}_elbow"] = joints[f"{side}_shoulder"] + 0.3 * upper
        joints[f"{side}_wrist"] = joints[f"{side}_elbow"] + 0.25 * fore
    return joints


def angles(joints: dict[str, np.ndarray]) -> dict[str, float]:
    points = np.stack(list(joints.values()))[None]
    sequence = PoseSequence(points, np.ones(points.shape[:2]), tuple(joints), np.zeros(1), unit="m")
    return feature_table(sequence, ANGLES).iloc[0].to_dict()


def turned(joints: dict[str, np.ndarray], rotation: Rotation) -> dict[str, np.ndarray]:
    return {name: np.array([3, -2, 7]) + rotation.apply(point) for name, point in joints.items()}


@given(
    hip=st.tuples(degrees, degrees),
    arm=st.tuples(st.floats(-170, 170), st.floats(20, 160)),
    bends=st.tuples(*[st.floats(1, 140)] * 2, st.floats(-40, 40)),
    twist=degrees,
)
def test_the_angles_by_which_a_body_was_made(
    hip: tuple[float, float], arm: tuple[float, float], bends: tuple[float, float, float], twist: float
) -> None:
    knee, elbow, ankle = bends
    found = angles(person(hip, arm, knee, elbow, ankle, twist))
    expected = {
        "hip_flexion": hip[0], "hip_abduction": hip[1], "shoulder_plane": arm[0], "shoulder_elevation": arm[1],
        "knee_flexion": knee, "elbow_flexion": elbow, "ankle_dorsiflexion": ankle,
    }  # fmt: skip
    for side in SIDES:
        for name, value in expected.items():
            assert found[f"{side}_{name}"] == pytest.approx(value, abs=1e-6), f"{side}_{name}"
    assert found["trunk_rotation"] == pytest.approx(twist, abs=1e-6)
    for name in OF_THE_GROUND:
        assert found[name] == pytest.approx(0, abs=1e-6)


@given(hip=st.tuples(degrees, degrees), twist=degrees, seed=st.integers(0, 1000))
def test_joints_bend_alike_wherever_one_stands_and_however_one_lies(
    hip: tuple[float, float], twist: float, seed: int
) -> None:
    body = person(hip, (40, 70), 30, 50, 10, twist)
    lying = angles(turned(body, Rotation.random(random_state=seed)))
    heading = Rotation.from_rotvec([0, seed, 0])
    facing_elsewhere = angles(turned(body, heading))
    for name, value in angles(body).items():
        assert facing_elsewhere[name] == pytest.approx(value, abs=1e-6), name
        if name not in OF_THE_GROUND:
            assert lying[name] == pytest.approx(value, abs=1e-6), name


@pytest.mark.parametrize("heading", [0, 1.0, 2.5, 4.0])
@pytest.mark.parametrize(
    ("axis", "name", "degrees"),
    [([-1, 0, 0], "trunk_flexion", 35), ([0, 0, 1], "trunk_side_bend", 20), ([0, 0, -1], "pelvis_obliquity", 20)],
)
def test_a_body_that_leans(axis: list[float], name: str, degrees: float, heading: float) -> None:
    """Forward; to the right with level hips; all of it with the right hip up."""
    lean = Rotation.from_rotvec(np.radians(degrees) * np.array(axis))
    body = person()
    moved = turned(body, lean)
    if name == "trunk_side_bend":  # from the hips up
        moved |= {joint: point for joint, point in turned(body, Rotation.identity()).items() if "hip" in joint}
    found = angles(turned(moved, Rotation.from_rotvec([0, heading, 0])))
    assert found[name] == pytest.approx(degrees, abs=1e-6)
    others = set(OF_THE_GROUND) - {name} - ({"trunk_side_bend"} if name == "pelvis_obliquity" else set())
    assert [found[other] for other in others] == pytest.approx([0] * len(others), abs=1e-6)


def test_near_a_pole_there_is_no_plane() -> None:
    assert np.isnan(angles(person(arm=(30, 14)))["left_shoulder_plane"])
    assert np.isnan(angles(person(arm=(30, 166)))["right_shoulder_plane"])
    assert angles(person(arm=(30, 16)))["right_shoulder_plane"] == pytest.approx(30)
    assert np.isnan(angles(person(hip=(20, 76)))["left_hip_flexion"])
    assert angles(person(hip=(20, 74)))["left_hip_flexion"] == pytest.approx(20)


def test_without_a_joint_there_is_no_angle_of_it() -> None:
    body = person((20, 10), (40, 70), 30, 50)
    body["left_hip"] = np.full(3, np.nan)
    found = angles(body)
    assert np.isnan([found[name] for name in ("left_hip_flexion", "right_hip_flexion", "trunk_flexion")]).all()
    assert np.isfinite([found[name] for name in ("right_knee_flexion", "left_elbow_flexion")]).all()
