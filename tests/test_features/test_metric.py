"""Features of people in space, in metres."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from features.errors import FeatureError
from features.metric import LEFT_OUT, metric_description, metric_pair_table, metric_table, upright
from features.ranges import joint_ranges
from features.sequence import PoseSequence
from tests.test_features.test_joints import person


def walker(speed: float = 1.5, size: float = 1.0, start: tuple[float, float] = (0, 0)) -> PoseSequence:
    """Somebody of a size who is carried along x for a second, from a place (x, z); metres, y down."""
    joints = person()
    time_s = np.arange(26) / 25
    place = np.stack([start[0] + speed * time_s, np.zeros(26), np.full(26, start[1])], axis=1)
    points = size * np.stack(list(joints.values()))[None] + place[:, None]
    return PoseSequence(points, np.ones(points.shape[:2]), tuple(joints), time_s, unit="m")


@given(speed=st.floats(-5, 5), size=st.floats(0.5, 2))
def test_metres_are_metres_whoever_walks(speed: float, size: float) -> None:
    table = metric_table(walker(speed, size), frames=np.arange(10, 36))
    row, units = table.iloc[12], table.attrs["units"]
    expected = {
        "centre_speed": (abs(speed), "m/s"), "centre_velocity_x": (speed, "m/s"),
        "left_wrist_speed": (abs(speed), "m/s"),
        "shoulder_width": (0.4 * size, "m"), "trunk_length": (0.5 * size, "m"), "left_thigh_length": (0.4 * size, "m"),
        "left_knee_angle": (180, "deg"), "left_hip_flexion": (0, "deg"),
    }  # fmt: skip
    for name, (value, unit) in expected.items():
        assert row[name] == pytest.approx(value, abs=1e-6), name
        assert units[name] == unit
    assert row["frame"] == 22
    assert not {name for name in table if "torso" in units.get(name, "") or name in LEFT_OUT}
    assert not [name for name in table if "torso" in metric_description(name)]


@pytest.mark.parametrize(("speed", "heading"), [(0.2, False), (0.3, True)])
def test_who_goes_a_quarter_of_a_metre_a_second_has_a_heading(speed: float, heading: bool) -> None:
    pair = metric_pair_table(walker(speed), walker(speed, start=(0, 2)))
    assert np.isfinite(pair["pair_heading_similarity"][12]) == heading


def test_how_far_two_people_are_from_each_other() -> None:
    """One goes on at 1 m/s, the other, smaller, stands 3 m before and 4 m aside."""
    pair = metric_pair_table(walker(1), walker(0, 0.5, start=(3, 4)))
    time_s = pair["time_s"].to_numpy()
    np.testing.assert_allclose(pair["pair_distance"], np.hypot(3 - time_s, 4), atol=1e-9)
    assert pair.attrs["units"]["pair_distance"] == "m"
    assert not set(LEFT_OUT) & set(pair)


def test_a_joint_that_is_missing_is_missing() -> None:
    body = walker()
    points = body.points.copy()
    points[12, body.joint_names.index("left_knee")] = np.nan
    table = metric_table(replace(body, points=points))
    for name in ("left_knee_flexion", "left_hip_flexion", "left_thigh_length", "left_knee_speed"):
        assert np.isnan(table[name][12]), name
        assert np.isfinite(table[name][20]), name


def test_pixels_are_refused() -> None:
    body = walker()
    with pytest.raises(FeatureError, match="in m, got 3 dimensions in px"):
        metric_table(replace(body, unit="px"))
    with pytest.raises(FeatureError, match="got 2 dimensions"):
        metric_table(replace(body, points=body.points[..., :2]))


@given(seed=st.integers(0, 10_000))
def test_upright_turns_and_nothing_else(seed: int) -> None:
    random = np.random.default_rng(seed)
    up = Rotation.random(random_state=seed).apply([0.0, 0, 1])
    points = random.normal(size=(4, 3))
    turned = upright(points, up)
    assert upright(up, up) == pytest.approx(np.array([0, -1, 0]), abs=1e-12)
    np.testing.assert_allclose(turned @ turned.T, points @ points.T, atol=1e-9)
    assert np.linalg.det(turned[:3]) == pytest.approx(np.linalg.det(points[:3]))


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("sign", [-1, 1])
def test_of_each_axis_that_may_be_up(axis: int, sign: int) -> None:
    """The one after it is to the right."""
    turned = upright(np.eye(3), sign * np.eye(3)[axis])
    assert turned[axis].tolist() == [0, -sign, 0]
    assert turned[(axis + 1) % 3].tolist() == [1, 0, 0]


def test_how_far_joints_bend_beside_how_far_they_usually_do() -> None:
    table = pd.DataFrame({
        "left_hip_flexion": np.linspace(-40, 130, 171), "trunk_rotation": np.full(171, 46.0), "speed": np.ones(171),
        "right_elbow_flexion": np.full(171, np.nan),
    })  # fmt: skip
    hip, trunk = joint_ranges(table).itertuples()
    assert (hip.angle, trunk.angle) == ("left_hip_flexion", "trunk_rotation")
    assert (hip.low_deg, hip.median_deg, hip.high_deg) == pytest.approx((-35.75, 45, 125.75))
    assert hip.beyond == pytest.approx(20 / 171)  # -40 to -31 and 121 to 130
    assert trunk.beyond == 1
