from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from features import geometry


def point(*xy: float) -> np.ndarray:
    return np.array([xy], dtype=float)


@pytest.mark.parametrize(
    ("a", "b", "c", "degrees"),
    [
        ((0, 0), (0, 1), (0, 2), 180),
        ((0, 0), (0, 1), (0, 0), 0),
        ((1, 0), (0, 0), (0, 5), 90),
        ((1, 0), (0, 0), (1, 1), 45),
        ((1, 0), (0, 0), (-1, 1e-9), 180),
        ((1, 0, 0), (0, 0, 0), (0, 0, 3), 90),
    ],
)
def test_angle(a: tuple[float, ...], b: tuple[float, ...], c: tuple[float, ...], degrees: float) -> None:
    assert geometry.angle(point(*a), point(*b), point(*c))[0] == pytest.approx(degrees, abs=1e-6)


def test_angle_of_a_limb_without_length_or_joint_is_nan() -> None:
    assert np.isnan(geometry.angle(point(0, 0), point(0, 0), point(1, 0)))
    assert np.isnan(geometry.angle(point(np.nan, 0), point(0, 0), point(1, 0)))


@pytest.mark.parametrize(
    ("tip", "degrees"), [((0, -1), 0), ((1, -1), 45), ((-1, -1), -45), ((1, 0), 90), ((0, 1), 180), ((-1, 1), -135)]
)
def test_inclination_is_from_the_vertical_and_positive_to_the_right(tip: tuple[float, float], degrees: float) -> None:
    assert geometry.inclination(point(0, 0), point(*tip))[0] == pytest.approx(degrees)
    assert geometry.hanging(point(0, 0), point(tip[0], -tip[1]))[0] == pytest.approx(degrees)
    assert geometry.lean(point(0, 0), point(*tip))[0] == pytest.approx(abs(degrees))


@pytest.mark.parametrize(("a", "b", "degrees"), [((0, 0), (1, 0), 0), ((0, 0), (1, -1), 45), ((0, 0), (0, -2), 90)])
def test_tilt_is_the_same_from_either_end(a: tuple[float, float], b: tuple[float, float], degrees: float) -> None:
    assert abs(geometry.tilt(point(*a), point(*b))[0]) == pytest.approx(degrees)
    assert geometry.tilt(point(0, 0), point(1, -1))[0] == geometry.tilt(point(1, -1), point(0, 0))[0] == 45


def test_extents_take_the_joints_found() -> None:
    points = np.array([[[0, 0], [3, 4], [np.nan, np.nan]], [[1, 1], [np.nan, np.nan], [np.nan, np.nan]]])
    np.testing.assert_array_equal(geometry.extents(points), [[3, 4], [np.nan, np.nan]])


def test_hull_area_agrees_with_qhull(rng: np.random.Generator) -> None:
    points = rng.normal(size=(200, 12, 2))
    points[rng.random((200, 12)) < 0.3] = np.nan
    points[:20] = np.round(points[:20])  # joints that coincide and lie in line
    found = np.isfinite(points).all(axis=-1)
    for area, corners in zip(
        geometry.hull_area(points), [p[f] for p, f in zip(points, found, strict=True)], strict=True
    ):
        if len(corners) < 3:
            assert np.isnan(area)
        elif np.linalg.matrix_rank(corners - corners[0], tol=1e-9) < 2:
            assert area == pytest.approx(0, abs=1e-12)
        else:
            assert area == pytest.approx(ConvexHull(corners).volume)  # qhull's word for the area in two dimensions


def test_hull_area_of_few_joints() -> None:
    assert np.isnan(geometry.hull_area(np.full((1, 18, 2), np.nan)))[0]
    assert geometry.hull_area(np.zeros((0, 18, 2))).shape == (0,)
    assert geometry.hull_area(np.array([[[0, 0], [2, 0], [2, 2], [0, 2], [1, 1]]], dtype=float))[0] == 4


def test_asymmetry_is_zero_for_a_mirror_image_whatever_way_the_body_lies() -> None:
    left, right = np.array([[[3.0, 1], [4, 2]]]), np.array([[[-3.0, 1], [-4, 2]]])
    turn = np.array([[0.6, 0.8], [-0.8, 0.6]])
    axis = point(0, 0), point(0, 2)
    assert geometry.asymmetry(left @ turn, right @ turn, axis[0] @ turn, axis[1] @ turn)[0] == pytest.approx(0)
    assert geometry.asymmetry(left + np.array([0, 1]), right, *axis)[0] == pytest.approx(1)
