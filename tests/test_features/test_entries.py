"""Features of people whose answers are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from features.catalog import bout_table, feature_table, pair_table, window_table
from features.clean import clean
from features.sequence import PoseSequence

Make = Callable[..., PoseSequence]


def test_posture_of_somebody_standing(make: Make) -> None:
    row = feature_table(make(5, path=[[300, 200]] * 5)).iloc[2]
    expected = {
        "centre_x": 300, "centre_y": 200, "body_scale": 100, "neck_y": -1, "left_wrist_x": 0.2, "right_wrist_x": -0.2,
        "left_elbow_angle": 180, "left_knee_angle": 180, "left_shoulder_angle": np.degrees(np.arctan2(10, 100)),
        "neck_angle": 180, "trunk_inclination": 0, "trunk_lean": 0, "left_upper_arm_inclination": 0,
        "left_shank_inclination": 0, "shoulder_tilt": 0, "shoulder_width": 0.4, "hip_width": 0.2, "trunk_length": 1,
        "left_thigh_length": 0.5, "wrists_distance": 0.4, "left_arm_extension": 1, "left_wrist_above_shoulder": -0.8,
        "ankle_lift": 0, "shoulder_hip_ratio": 2, "width": 0.4, "height": 2.25, "aspect_ratio": 225 / 40,
        "height_ratio": 1, "joints_found": 1, "mean_confidence": 1, "arm_asymmetry": 0, "leg_asymmetry": 0,
        "knee_angle_difference": 0, "facing_x": 0, "facing_camera": 0.4, "centre_speed": 0, "kinetic_energy": 0,
        "left_knee_angle_velocity": 0, "quantity_of_motion": 0,
    }  # fmt: skip
    for name, value in expected.items():
        assert row[name] == pytest.approx(value, abs=1e-4), name
    assert np.isnan(row["heading_cosine"])


def test_one_arm_raised_and_one_knee_bent(make: Make) -> None:
    row = feature_table(
        make(3, left_elbow=(60, -100), left_wrist=(60, -140), right_knee=(40, 0), right_ankle=(40, 50))
    ).iloc[1]
    assert row["left_elbow_angle"] == pytest.approx(90)
    assert row["left_upper_arm_inclination"] == pytest.approx(90)  # to the image's right
    assert row["left_forearm_inclination"] == pytest.approx(180)  # straight up
    assert row["left_wrist_above_shoulder"] == pytest.approx(0.4)
    assert row["left_wrist_above_head"] == pytest.approx(0.18)
    assert row["right_knee_angle"] == pytest.approx(90)
    assert row["knee_angle_difference"] == pytest.approx(90)
    assert row["right_knee_above_hip"] == pytest.approx(0)
    assert row["ankle_lift"] == pytest.approx(0.5)
    assert row["leg_asymmetry"] > 0.5


def test_motion_of_somebody_carried_along(make: Make) -> None:
    time_s = np.arange(21) / 10
    table = feature_table(make(21, 10, np.stack([50 * time_s**2, -100 * time_s], axis=1)))
    row = table.iloc[10]  # at 1 s: 100 px/s to the right, 100 px/s upwards, 100 px/s² to the right
    for name in ("centre_speed", "left_wrist_speed", "head_speed", "quantity_of_motion"):
        assert row[name] == pytest.approx(np.sqrt(2)), name
    assert row["centre_velocity_x"] == pytest.approx(1)
    assert row["centre_velocity_y"] == pytest.approx(-1)
    assert row["centre_acceleration"] == pytest.approx(1)
    assert row["centre_jerk"] == pytest.approx(0, abs=1e-9)
    assert row["left_wrist_local_speed"] == pytest.approx(0, abs=1e-9)
    assert row["heading_sine"] == pytest.approx(np.sqrt(0.5))
    assert row["kinetic_energy"] == pytest.approx(1)
    assert row["kinetic_energy_internal"] == pytest.approx(0, abs=1e-9)
    assert row["turning_rate"] == pytest.approx(np.degrees(0.5))  # towards the right, clockwise as seen
    assert table[["centre_speed", "left_wrist_speed"]].isna().sum().tolist() == [2, 2]


def test_paths(make: Make) -> None:
    """Three to the right, then four down, in steps of one trunk; then back to the start in one."""
    path = 100 * np.array([(0, 0), (1, 0), (2, 0), (3, 0), (3, 1), (3, 2), (3, 3), (3, 4), (0, 0)], dtype=float)
    table = bout_table(make(9, 10, path), [(0.0, 0.35), (0.0, 0.75), (0.0, 0.9), (0.3, 0.31)], statistics=())
    np.testing.assert_allclose(table["centre_path_length"], [3, 7, 12, np.nan])
    np.testing.assert_allclose(table["centre_displacement"], [3, 5, 0, 0], atol=1e-12)
    np.testing.assert_allclose(table["centre_straightness"], [1, 5 / 7, 0, np.nan], atol=1e-12)
    turns = 5 / 6  # the mean cosine of five straight on and one right angle
    assert table["centre_sinuosity"][0] == pytest.approx(0, abs=1e-6)
    assert table["centre_sinuosity"][1] == pytest.approx(2 / np.sqrt((1 + turns) / (1 - turns)))


def test_a_path_crosses_a_gap_in_a_straight_line(make: Make) -> None:
    path = np.array([(0, 0), (100, 0), (np.nan, np.nan), (300, 0), (400, 0)])
    assert bout_table(make(5, 10, path), [(0, 1)])["centre_path_length"][0] == pytest.approx(4)


@pytest.mark.parametrize("jitter", [0.0, 2.0])
def test_gait(walking: PoseSequence, rng: np.random.Generator, jitter: float) -> None:
    walking = replace(walking, points=walking.points + rng.normal(0, jitter, walking.points.shape))
    table = window_table(walking, 3.0, 1.0, ["cadence", "step_time", "step_length", "step_count", "step_time_asymmetry",
                                             "left_ankle_dominant_frequency", "legs_coordination"])  # fmt: skip
    inner = table.iloc[1:-1]
    tolerance = 0.02 if jitter == 0 else 0.12
    np.testing.assert_allclose(inner["cadence"], 96, rtol=tolerance)
    np.testing.assert_allclose(inner["step_time"], 0.625, rtol=tolerance)
    np.testing.assert_allclose(inner["step_length"], 0.6, atol=0.01 + jitter * 0.03)
    assert inner["step_count"].between(4, 6).all()
    assert (inner["step_time_asymmetry"] < 0.03 + jitter / 10).all()
    np.testing.assert_allclose(inner["left_ankle_dominant_frequency"], 0.8, atol=0.05)


def test_somebody_standing_takes_no_steps(make: Make, rng: np.random.Generator) -> None:
    still = make(200, 25)
    still = replace(still, points=still.points + rng.normal(0, 1, still.points.shape))
    row = bout_table(still, [(0, 8)], ["step_count", "cadence"]).iloc[0]
    assert row["step_count"] == 0
    assert np.isnan(row["cadence"])


def test_no_step_is_timed_across_a_gap(walking: PoseSequence) -> None:
    points = walking.points.copy()
    points[150:350, walking.joint_names.index("left_ankle")] = np.nan
    table = bout_table(replace(walking, points=points), [(0, 10)], ["step_time"])
    assert table["step_time"][0] == pytest.approx(0.625, rel=0.02)


@pytest.mark.parametrize("rate", [12, 25, 30, 60, 120])
@pytest.mark.parametrize("degrees", [0, 30, 90, 135])
@pytest.mark.parametrize("apart", [(0, 0), (40, 0), (0, -25)])
def test_a_walk_counts_alike_from_every_side(make: Make, rate: int, degrees: float, apart: tuple[float, float]) -> None:
    """Two steps a second, the ankles' separation swinging by ±25 px of a trunk of 100 along any line of the image."""
    time_s = np.arange(10 * rate) / rate
    line = np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
    swing = 0.5 * 25 * np.sin(2 * np.pi * time_s)[:, None] * line
    foot = np.array([0, 100]) + swing
    walk = make(10 * rate, rate, left_ankle=foot + np.array(apart), right_ankle=[0, 100] - swing)
    row = window_table(walk, 10, 10, ["step_count", "cadence", "step_time", "step_length"]).iloc[0]
    assert row["step_count"] in (19, 20)
    assert row["step_time"] == pytest.approx(0.5, rel=0.01)
    assert row["cadence"] == pytest.approx(120, rel=0.01)
    assert row["step_length"] == pytest.approx(0.25, rel=0.04)


def test_a_walk_round_a_corner_counts_on(make: Make) -> None:
    time_s = np.arange(600) / 30
    swing = 15 * np.sin(2 * np.pi * time_s)[:, None] * np.where(time_s[:, None] < 10.25, [1, 0], [0, 1])
    walk = make(600, 30, left_ankle=np.array([10, 100]) + swing, right_ankle=np.array([-10, 100]) - swing)
    assert bout_table(walk, [(0, 20)], ["step_count"])["step_count"][0] in (39, 40)


def test_a_jerk_of_one_ankle_is_no_step(walking: PoseSequence) -> None:
    points = walking.points.copy()
    points[203:205, walking.joint_names.index("left_ankle"), 1] += 60
    both = [bout_table(replace(walking, points=p), [(0, 10)], ["step_count"]) for p in (walking.points, points)]
    assert both[0]["step_count"][0] == both[1]["step_count"][0] > 10


@pytest.mark.parametrize("jitter", [0.0, 0.5])
def test_nobody_at_rest_has_a_heading(make: Make, rng: np.random.Generator, jitter: float) -> None:
    still = make(300, 30)
    still = clean(replace(still, points=still.points + rng.normal(0, jitter, still.points.shape)))
    names = ["heading_sine", "heading_cosine", "turning_rate", "path_curvature"]
    assert feature_table(still, names)[names].isna().all().all()
    assert np.isnan(window_table(still, 5, 5, ["centre_sinuosity"])["centre_sinuosity"]).all()
    assert np.isnan(pair_table(still, still, ["pair_heading_similarity"])["pair_heading_similarity"]).all()


def test_the_heading_begins_at_half_a_trunk_a_second(make: Make) -> None:
    time_s = np.arange(40) / 10
    path = np.stack([10 * time_s**2, 0 * time_s], axis=1)  # 20 px/s² from rest: 50 px/s, half a trunk/s, at 2.5 s
    heading = feature_table(make(40, 10, path), ["heading_cosine", "path_curvature"])
    np.testing.assert_array_equal(np.isfinite(heading["heading_cosine"]), (time_s > 2.45) & (time_s < 3.85))
    np.testing.assert_allclose(heading["heading_cosine"][25:39], 1)


def test_smoothness_is_of_full_windows(make: Make) -> None:
    """Sines: jerk A(2πf)³, speed A·2πf, so −ln(T⁴ (2πf)⁶ A²/2 / (A² (2πf)²)) = −ln(T⁴ (2πf)⁴ / 2)."""
    time_s = np.arange(76 * 4) / 120
    wave = np.stack([20 + 10 * np.sin(2 * np.pi * time_s), -20 + 0 * time_s], axis=1)
    table = window_table(make(304, 120, left_wrist=wave), 2.0, 1.0, ["left_wrist_smoothness"])
    assert table["coverage"].tolist() == pytest.approx([1, 1.534 / 2], abs=0.01)
    assert table["left_wrist_smoothness"][0] == pytest.approx(-np.log(2**4 * (2 * np.pi) ** 4 / 2), abs=0.02)
    assert np.isnan(table["left_wrist_smoothness"][1])


def test_statistics_of_angles_go_round_the_circle(make: Make) -> None:
    """An arm held straight up that sways by ±10° about the vertical, 180°; a trunk of somebody who stands."""
    sway = np.radians(180 + 10 * np.sin(2 * np.pi * np.arange(60) / 20))
    elbow = np.array([20, -100]) + 40 * np.stack([np.sin(sway), np.cos(sway)], axis=1)
    table = window_table(
        make(60, 20, left_elbow=elbow), 1.0, 0.5, ["left_upper_arm_inclination", "left_thigh_inclination"],
        statistics=("mean", "std", "min", "max", "range", "median"),
    ).iloc[:-1]  # fmt: skip
    for statistic, value in (("mean", 180), ("median", 180), ("min", 170), ("max", -170)):
        away = table[f"left_upper_arm_inclination_{statistic}"] - value
        np.testing.assert_allclose((away + 180) % 360 - 180, 0, atol=1e-6, err_msg=statistic)
    np.testing.assert_allclose(table["left_upper_arm_inclination_range"], 20)
    np.testing.assert_allclose(table["left_upper_arm_inclination_std"], 10 * np.sqrt(0.5))
    np.testing.assert_allclose(table["left_thigh_inclination_mean"], 0, atol=1e-9)


def test_a_person_is_as_large_whoever_stands_beside(make: Make) -> None:
    """The trunk of a pair is that of each whole sequence, not of the frames that the two share."""
    grows = make(20, 10, neck=np.stack([np.zeros(20), -np.where(np.arange(20) < 12, 100.0, 200.0)], axis=1))
    other = make(20, 10, path=[[300, 0]] * 20).rows(slice(12, 20))
    np.testing.assert_allclose(pair_table(grows, other, ["pair_distance"])["pair_distance"], 3)


def test_two_people_who_meet(make: Make) -> None:
    time_s = np.arange(21) / 10
    a = make(21, 10, np.stack([100 * time_s, 0 * time_s], axis=1), nose=(30, -120), left_ear=(10, -120))
    b = make(21, 10, np.stack([600 - 50 * time_s, 0 * time_s], axis=1), nose=(-30, -120), right_ear=(-10, -120))
    row = pair_table(a, b).iloc[10]
    assert row["pair_distance"] == pytest.approx(4.5)
    assert row["pair_approach_speed"] == pytest.approx(1.5)
    assert row["a_approach_b"] == pytest.approx(1)
    assert row["b_approach_a"] == pytest.approx(0.5)
    assert row["pair_relative_speed"] == pytest.approx(1.5)
    assert row["pair_speed_difference"] == pytest.approx(0.5)
    assert row["pair_heading_similarity"] == pytest.approx(-1)
    assert row["a_facing_b"] == row["b_facing_a"] == row["pair_mutual_facing"] == pytest.approx(0.3)
    assert row["pair_mutual_gaze"] < 5
    assert row["pair_box_overlap"] == 0
    assert row["pair_size_difference"] == 0
    back = pair_table(b, a).iloc[10]
    assert back["a_approach_b"] == row["b_approach_a"]


def test_who_looks_away_does_not_meet_a_gaze(make: Make) -> None:
    a, b = make(3, nose=(-30, -120)), make(3, path=[[300, 0]] * 3, nose=(-30, -120))
    row = pair_table(a, b).iloc[1]
    assert row["a_gaze_b"] > 170
    assert row["b_gaze_a"] < 10
    assert row["pair_mutual_gaze"] == row["a_gaze_b"]
    assert row["a_facing_b"] < 0 < row["b_facing_a"]
    assert row["pair_mutual_facing"] == row["a_facing_b"]


def test_a_hand_on_a_shoulder(make: Make) -> None:
    a, b = make(3, right_wrist=(180, -100)), make(3, path=[[200, 0]] * 3)
    row = pair_table(a, b).iloc[1]
    assert row["a_hand_to_b"] == 0
    assert row["pair_nearest_distance"] == 0
    assert row["b_hand_to_a"] > 0


def test_synchrony_tells_those_who_move_together(make: Make, rng: np.random.Generator) -> None:
    time_s = np.arange(100) / 20
    bounce = np.stack([0 * time_s, 30 * np.sin(2 * np.pi * time_s * (1 + 0.1 * time_s))], axis=1)
    together = pair_table(make(100, 20, bounce), make(100, 20, bounce + np.array([300, 0])), ["pair_synchrony"])
    apart = pair_table(make(100, 20, bounce), make(100, 20, rng.normal(0, 3, (100, 2))), ["pair_synchrony"])
    assert together["pair_synchrony"].min() > 0.999
    assert abs(apart["pair_synchrony"].mean()) < 0.3


def test_a_pair_shares_only_the_frames_of_both(make: Make) -> None:
    a, b = make(10), make(10)
    b = replace(b, points=b.points[4:], confidence=b.confidence[4:], time_s=b.time_s[4:])
    np.testing.assert_array_equal(pair_table(a, b)["time_s"], a.time_s[4:])
    assert len(pair_table(a, replace(b, time_s=b.time_s + 100))) == 0
