"""Features of one scene computed a second time by other means: polynomials, trigonometry, SciPy, plain loops."""

from __future__ import annotations

import cmath
import math
import runpy
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.signal import lombscargle
from scipy.spatial import ConvexHull
from scipy.spatial.distance import cdist

from features.catalog import bout_table, feature_table, pair_table
from features.clean import clean
from features.sequence import PoseSequence

AT = 90
START, STOP = 4.5, 7.5


@pytest.fixture(scope="module")
def scene() -> tuple[PoseSequence, PoseSequence, pd.Series, pd.Series, pd.Series]:
    person = runpy.run_path(str(Path(__file__).with_name("golden.py")))["person"]
    a, b = clean(person(1, 500, 1.6, 2)), clean(person(2, 640, -1.1, 2))
    window = bout_table(a, [(START, STOP)], statistics=("mean",)).iloc[0]
    return a, b, feature_table(a).iloc[AT], window, pair_table(a, b).iloc[AT]


def scale(person: PoseSequence) -> float:
    trunk = [math.dist(neck, hip) for neck, hip in zip(person.joint("neck"), person.joint("mid_hip"), strict=True)]
    return float(np.nanmedian(trunk))


def derivative(person: PoseSequence, joint: str, order: int) -> np.ndarray:
    """Of the parabola through three frames."""
    near, time_s = slice(AT - 1, AT + 2), person.time_s
    fit = np.polyfit(time_s[near] - time_s[AT], person.joint(joint)[near], 2)
    return fit[1] if order == 1 else 2 * fit[0]


def test_one_frame(scene: tuple[PoseSequence, PoseSequence, pd.Series, pd.Series, pd.Series]) -> None:
    a, _, row, _, _ = scene
    at = {name: a.points[AT, i] for i, name in enumerate(a.joint_names)}
    torso = scale(a)
    thigh, shank = math.dist(at["left_hip"], at["left_knee"]), math.dist(at["left_knee"], at["left_ankle"])
    leg = math.dist(at["left_hip"], at["left_ankle"])
    assert row["left_knee_angle"] == pytest.approx(
        math.degrees(math.acos((thigh**2 + shank**2 - leg**2) / (2 * thigh * shank)))
    )
    assert row["left_leg_extension"] == pytest.approx(leg / (thigh + shank))
    x, y = at["neck"] - at["mid_hip"]
    assert row["trunk_inclination"] == pytest.approx(math.degrees(cmath.phase(complex(-y, x))))
    x, y = at["left_shoulder"] - at["right_shoulder"]
    assert row["shoulder_tilt"] == pytest.approx(math.degrees(math.atan(-y / x)))
    x, y = at["left_big_toe"] - at["left_heel"]
    assert row["left_foot_pitch"] == pytest.approx(math.degrees(math.asin(-y / math.hypot(x, y))))
    assert row["left_foot_length"] == pytest.approx(math.hypot(x, y) / torso)
    assert row["hull_area"] == pytest.approx(ConvexHull(a.points[AT]).volume / torso**2)
    assert row["centre_speed"] == pytest.approx(np.linalg.norm(derivative(a, "mid_hip", 1)) / torso)
    assert row["left_wrist_acceleration"] == pytest.approx(np.linalg.norm(derivative(a, "left_wrist", 2)) / torso)
    (vx, vy), (ax, ay) = derivative(a, "mid_hip", 1), derivative(a, "mid_hip", 2)
    assert row["heading_sine"] == pytest.approx(math.sin(math.atan2(-vy, vx)))
    later = math.atan2(vy + 1e-6 * ay, vx + 1e-6 * ax) - math.atan2(vy, vx)
    assert row["turning_rate"] == pytest.approx(math.degrees(later) * 1e6, rel=1e-4)
    energy = 0.0
    for start, end, mass, place in (
        ("shoulder", "elbow", 0.028, 0.436), ("elbow", "wrist", 0.022, 0.682),
        ("hip", "knee", 0.1, 0.433), ("knee", "ankle", 0.061, 0.606),
    ):  # fmt: skip
        for side in ("left", "right"):
            v = (1 - place) * derivative(a, f"{side}_{start}", 1) + place * derivative(a, f"{side}_{end}", 1)
            energy += mass / 2 * float(v @ v)
    face = ("nose", "left_eye", "right_eye", "left_ear", "right_ear")
    head = np.mean([derivative(a, joint, 1) for joint in face], axis=0)
    trunk = (derivative(a, "neck", 1) + derivative(a, "mid_hip", 1)) / 2
    energy += 0.081 / 2 * float(head @ head) + 0.497 / 2 * float(trunk @ trunk)
    assert row["kinetic_energy"] == pytest.approx(energy / torso**2)


def test_one_stretch(scene: tuple[PoseSequence, PoseSequence, pd.Series, pd.Series, pd.Series]) -> None:
    a, _, _, row, _ = scene
    inside = np.flatnonzero((a.time_s >= START) & (a.time_s < STOP))
    wrist = [tuple(p) for p in a.joint("left_wrist")[inside] if np.isfinite(p).all()]
    path = sum(math.dist(p, q) for p, q in pairwise(wrist))
    assert row["left_wrist_path_length"] == pytest.approx(path / scale(a))
    assert row["left_wrist_straightness"] == pytest.approx(math.dist(wrist[0], wrist[-1]) / path)
    apart = a.joint("left_ankle") - a.joint("right_ankle")
    x = apart[:, 0]
    turns = [i for i in range(1, len(x) - 1) if (x[i] - x[i - 1]) * (x[i + 1] - x[i]) < 0 and i in inside]
    assert row["step_count"] == len(turns)
    assert row["step_time"] == pytest.approx(np.mean(np.diff(a.time_s[turns])), rel=0.05)
    ankle = (a.joint("left_ankle") - a.joint("mid_hip"))[inside]
    grid = np.arange(0.4, 3, 0.005)
    power = sum(lombscargle(a.time_s[inside], axis - axis.mean(), 2 * np.pi * grid) for axis in ankle.T)
    assert row["left_ankle_dominant_frequency"] == pytest.approx(grid[np.argmax(power)], abs=0.06)


def test_two_people(scene: tuple[PoseSequence, PoseSequence, pd.Series, pd.Series, pd.Series]) -> None:
    a, b, _, _, row = scene
    torso = (scale(a) + scale(b)) / 2
    assert row["pair_nearest_distance"] == pytest.approx(cdist(a.points[AT], b.points[AT]).min() / torso)
    assert row["pair_distance"] == pytest.approx(math.dist(a.joint("mid_hip")[AT], b.joint("mid_hip")[AT]) / torso)
    line = b.joint("mid_hip")[AT] - a.joint("mid_hip")[AT]
    towards = float(derivative(a, "mid_hip", 1) @ line) / np.linalg.norm(line)
    assert row["a_approach_b"] == pytest.approx(towards / torso)
    assert row["pair_size_difference"] == pytest.approx(math.log(scale(a)) - math.log(scale(b)))
