"""Metres out of one camera, against a scene through a pinhole whose truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.catalog import feature_table, window_table
from features.errors import FeatureError
from features.metric import SETTINGS, in_metres
from features.plane import ANKLE, Plane, body_heights, floor_of_feet
from features.sequence import PoseSequence, Whole
from features.zones import Zone

TALL, FOCAL, CENTRE, EYE_HEIGHT = 1.8, 1000.0, np.array([960.0, 540.0]), 1.2
HEIGHTS = {
    "eye": 0.936, "ear": 0.926, "shoulder": 0.818, "hip": 0.530, "knee": 0.285, "ankle": 0.039, "wrist": 0.485,
    "elbow": 0.630,
}  # fmt: skip
"""Of the body's height, as in Winter's figure 4.1."""


def walk(
    speed: float = 1.4,
    depth: float = 6.0,
    roll: float = 0.0,
    step: float = 0.7,
    seconds: float = 4.0,
    nearer: float = 0.0,
) -> PoseSequence:
    """Somebody who crosses the view of a camera 1.2 m above the floor: px.

    Ankles stand and swing in turn, a step of that length each; knees are straight. The camera is rolled by degrees, so
    that the floor rises to the right; who walks comes nearer by some m/s.
    """
    time_s = np.arange(round(30 * seconds)) / 30
    names = ["nose", "neck", *(f"{side}_{part}" for side in ("left", "right") for part in HEIGHTS)]
    middle = -0.5 * speed * seconds + speed * time_s
    points = np.zeros((len(time_s), len(names), 3))
    points[..., 2] = (depth - nearer * time_s)[:, None]
    foot_s = 2 * step / speed
    for k, name in enumerate(names):
        side, part = [*name.split("_"), ""][:2]
        height = {"nose": 0.92, "neck": HEIGHTS["shoulder"]}.get(name) or HEIGHTS[part]
        points[:, k, 0], points[:, k, 1] = middle, height * TALL
        if part in ("ankle", "knee"):
            phase = time_s / foot_s + (0.5 if side == "right" else 0.0)
            swing = np.clip(2 * (phase % 1) - 1, 0, 1)  # stands for half of the stride
            ahead = (
                middle[0] + 2 * step * (np.floor(phase) + swing) - (step if side == "right" else 0) - middle + step / 2
            )
            points[:, k, 0] += ahead * (1 if part == "ankle" else 0.54)
    across = np.stack([points[..., 0], EYE_HEIGHT - points[..., 1]], axis=-1)
    turn = np.deg2rad(roll)
    rolled = across @ np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    image = CENTRE + FOCAL * rolled / points[..., 2:]
    return PoseSequence(image, np.ones(image.shape[:2]), tuple(names), time_s)


def in_plane(sequence: PoseSequence, plane: Plane) -> PoseSequence:
    return replace(plane.sequence(sequence), whole=Whole(trunk=1.0))


def of_height(sequence: PoseSequence) -> Plane:
    return Plane(TALL / float(np.nanmedian(body_heights(sequence))))


def test_the_height_of_somebody_upright() -> None:
    standing = walk(speed=1e-9, step=1e-9)
    assert body_heights(standing) == pytest.approx(FOCAL * TALL / 6, rel=1e-6)
    walking = body_heights(walk())
    assert np.isfinite(walking).all()
    assert np.median(walking) == pytest.approx(FOCAL * TALL / 6, rel=0.03)  # legs are slanted, knees taken as straight


def test_who_sits_or_lies_has_no_height() -> None:
    body = walk(speed=1e-9, step=1e-9)
    lying = replace(body, points=body.points[..., ::-1].copy())
    assert np.isnan(body_heights(lying)).all()
    sitting = body.points.copy()
    for side in ("left", "right"):
        hip, knee, ankle = (body.joint_names.index(f"{side}_{part}") for part in ("hip", "knee", "ankle"))
        sitting[:, knee] = sitting[:, hip] + [70.0, 0.0]
        sitting[:, ankle] = sitting[:, knee] + [0.0, 70.0]
    assert np.isnan(body_heights(replace(body, points=sitting))).all()
    assert np.isnan(body_heights(replace(body, points=body.points[:, :2], confidence=body.confidence[:, :2],
                                         joint_names=body.joint_names[:2]))).all()  # fmt: skip


@given(speed=st.floats(0.8, 2.0), depth=st.floats(3, 12))
def test_speeds_and_step_lengths_are_those_of_the_scene(speed: float, depth: float) -> None:
    person = walk(speed, depth)
    placed = in_plane(person, Plane(depth / FOCAL))
    table = in_metres(feature_table(placed, ["centre_speed", "trunk_length"], settings=SETTINGS))
    assert table.centre_speed.iloc[5:-5].to_numpy() == pytest.approx(speed, rel=1e-3)
    assert table.attrs["units"]["centre_speed"] == "m/s"
    assert table.trunk_length.median() == pytest.approx((HEIGHTS["shoulder"] - HEIGHTS["hip"]) * TALL, rel=1e-3)
    steps = window_table(placed, 10, 10, ["step_length", "cadence"], settings=SETTINGS)
    assert steps.step_length[0] == pytest.approx(0.7, rel=0.06)  # its ends fall between frames
    assert steps.cadence[0] == pytest.approx(60 * speed / 0.7, rel=0.05)
    assert of_height(person).metres_per_px == pytest.approx(depth / FOCAL, rel=0.03)


def test_who_is_nearer_than_the_scale_comes_out_too_fast() -> None:
    plane = of_height(walk(depth=6.0))
    near = feature_table(in_plane(walk(depth=5.0), plane), ["centre_speed"], settings=SETTINGS).centre_speed
    assert near.median() == pytest.approx(1.4 * 6 / 5, rel=0.03)
    coming = body_heights(walk(nearer=0.5))
    assert np.percentile(coming, 95) / np.percentile(coming, 5) > 1.3


@given(roll=st.floats(-15, 15))
def test_angles_and_heights_are_against_the_floor(roll: float) -> None:
    person = walk(roll=roll)
    ankle = person.joint("left_ankle")
    plane = Plane(6 / FOCAL, tuple(ankle[0]), roll)
    table = feature_table(in_plane(person, plane), ["trunk_inclination", "centre_y", "centre_velocity_y"])
    assert table.trunk_inclination.to_numpy() == pytest.approx(0, abs=1e-6)
    assert table.centre_y.to_numpy() == pytest.approx(-(HEIGHTS["hip"] - HEIGHTS["ankle"]) * TALL, abs=1e-6)
    askew = feature_table(person, ["trunk_inclination"]).trunk_inclination
    assert askew.to_numpy() == pytest.approx(-roll, abs=1e-6)


@given(roll=st.floats(-10, 10))
def test_feet_tell_the_floor(roll: float) -> None:
    feet = floor_of_feet(walk(roll=roll))
    assert feet.angle_deg == pytest.approx(roll, abs=0.3)
    assert feet.near == feet.stances >= 4
    floor = CENTRE + FOCAL / 6 * np.array([0, EYE_HEIGHT]) @ np.array(
        [[np.cos(np.deg2rad(roll)), -np.sin(np.deg2rad(roll))], [np.sin(np.deg2rad(roll)), np.cos(np.deg2rad(roll))]]
    )  # under the camera
    assert Plane(6 / FOCAL, feet.origin, feet.angle_deg).place(floor)[1] == pytest.approx(0, abs=0.03)
    assert ANKLE * TALL > 0.06, "without an ankle's height it would be off by more"


def test_feet_that_stay_tell_no_floor() -> None:
    with pytest.raises(FeatureError, match="give two points"):
        floor_of_feet(walk(speed=0.01, step=0.01))


def test_zones_go_along() -> None:
    plane = Plane(0.01, (100.0, 200.0), 30.0)
    zone = Zone("door", np.array([[0.0, 0], [400, 0], [400, 400], [0, 400]]))
    points = np.random.default_rng(0).uniform(-50, 450, (200, 2))
    moved = plane.zone(zone)
    assert moved.contains(plane.place(points)).tolist() == zone.contains(points).tolist()
    assert moved.depth(plane.place(points)) == pytest.approx(0.01 * zone.depth(points))


def test_only_an_image_has_a_plane() -> None:
    with pytest.raises(FeatureError, match="expected joints in an image, px"):
        Plane(0.01).sequence(replace(walk(), unit="m"))
