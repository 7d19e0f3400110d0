"""Heads of known rotation, projected by cameras of other distances and places than the one assumed."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from features.head import HEAD, head_angles

Array = NDArray[np.float64]
EYES_M = 0.09
"""Between the outer corners of an adult's eyes."""
WIDTH = 1280


def project(angles: Array, distance_m: float, off_axis: float, rng: np.random.Generator, noise: float = 0.0) -> Array:
    """(n, K, 2) pixels of heads turned by (n, 3) yaw, pitch and roll from the line of sight; focal length = width.

    Args:
        off_axis: degrees between the line of sight and the camera's axis, in any direction.
        noise: standard deviation, of the distance between the outer corners of the eyes.
    """
    model = EYES_M * np.array(list(HEAD.values()))
    yaw, pitch, roll = angles.T
    turned = Rotation.from_euler("YXZ", np.stack([-yaw, -pitch, roll], axis=1), degrees=True)
    round_ = rng.uniform(0, 2 * np.pi, len(angles))
    lean = np.radians(off_axis) * np.stack([-np.sin(round_), np.cos(round_), np.zeros(len(angles))], axis=1)
    sight = Rotation.from_rotvec(lean)
    pixels = []
    for one, line in zip(turned, sight, strict=True):
        points = line.apply(one.apply(model - model.mean(axis=0)) + np.array([0, 0, distance_m]))
        pixels.append(WIDTH / 2 + WIDTH * points[:, :2] / points[:, 2:])
    size = WIDTH * EYES_M / distance_m
    return np.array(pixels) + rng.normal(0, noise * size, (len(angles), len(model), 2))


def some_angles(rng: np.random.Generator, n: int = 60) -> Array:
    return rng.uniform([-40, -25, -25], [40, 25, 25], (n, 3))


@pytest.mark.parametrize("distance_m", [0.6, 1, 2, 5])
@pytest.mark.parametrize("off_axis", [0, 15])
def test_known_rotations_are_found(rng: np.random.Generator, distance_m: float, off_axis: float) -> None:
    """Within 3°: nine of ten heads in each angle, all on average; points off by 1 % of the distance of the eyes."""
    angles = some_angles(rng)
    away = np.abs(head_angles(project(angles, distance_m, off_axis, rng, noise=0.01)) - angles)
    assert np.percentile(away, 90, axis=0).max() < 3
    assert away.mean(axis=0).max() < 1.5


def test_the_camera_assumed_is_exact(rng: np.random.Generator) -> None:
    """From where the camera is taken to stand nothing but the way to choose the middle is left."""
    model = np.array(list(HEAD.values()))
    spread = np.sqrt(((model - model.mean(axis=0)) ** 2).sum(axis=1).mean())
    angles = some_angles(rng) * 0.5
    away = np.abs(head_angles(project(angles, 30 * spread * EYES_M, 0, rng)) - angles)
    assert away.max() < 1


@pytest.mark.parametrize(
    ("by", "column"),
    [((0.1, 0), 0), ((0, -0.1), 1)],
)
def test_signs(by: tuple[float, float], column: int) -> None:
    """A nose moved to the image's right turns the head there, one moved up lifts it."""
    flat = np.array(list(HEAD.values()))[None, :, :2]
    moved = flat.copy()
    moved[0, list(HEAD).index("nose_bridge_4")] += by
    change = (head_angles(moved) - head_angles(flat))[0]
    assert change[column] > 1
    assert change.argmax() == column


def test_roll_is_clockwise_on_the_picture() -> None:
    flat = np.array(list(HEAD.values()))[:, :2]
    turn = np.radians(20)
    clockwise = flat @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])  # y points down
    np.testing.assert_allclose(head_angles(clockwise[None])[0] - head_angles(flat[None])[0], [0, 0, 20], atol=0.5)


def test_points_that_say_nothing() -> None:
    missing = np.array(list(HEAD.values()))[None, :, :2].repeat(2, axis=0)
    missing[0, 3, 0] = np.nan
    missing[1] = 7.0
    assert np.isnan(head_angles(missing)).all()
    assert head_angles(missing[:0]).shape == (0, 3)
