"""Points of cameras of which everything is known: exact without noise, near the Cramér-Rao bound with it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pose.multiview import CameraGroup, held_out, lag_errors, triangulate_robustly
from tests.test_pose.multiview_scenes import camera, ring


def cloud(*shape: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).uniform([-1, -1, 0], [1, 1, 2], (*shape, 3))


@given(n=st.integers(2, 8), seed=st.integers(0, 1000), refine=st.booleans())
def test_without_noise_points_are_exact(n: int, seed: int, refine: bool) -> None:
    group, points = ring(n, seed), cloud(2, 10, seed=seed)
    found = group.triangulate(group.project(points), refine=refine)
    assert found.shape == (2, 10, 3)
    assert np.abs(found - points).max() < 1e-9


@pytest.mark.parametrize("n", [2, 3, 4, 8])
def test_noise_of_a_pixel_costs_what_it_must(n: int) -> None:
    """RMS error of each point against the square root of the trace of the inverse Fisher information, 1 px noise."""
    group, points = ring(n, 3), cloud(30)
    noise = np.random.default_rng(5).normal(size=(n, 30, 300, 2))
    found = group.triangulate(group.project(points)[:, :, None] + noise, refine=True)
    error = np.sqrt(((found - points[:, None]) ** 2).sum(axis=-1).mean(axis=-1))
    slopes = np.stack([own.slope(points)[1] for own in group.cameras])
    information = np.einsum("cnij,cnik->njk", slopes, slopes)
    bound = np.sqrt(np.trace(np.linalg.inv(information), axis1=1, axis2=2))
    assert (error < 1.5 * bound).all()
    assert 0.97 < (error / bound).mean() < 1.05


def test_refining_weighs_observations_by_their_noise() -> None:
    """One camera is ten times as noisy: told so, the solution is better than the linear one and than the untold."""
    group, points = ring(4, 3), cloud(400)
    noise = np.random.default_rng(5).normal(size=(4, 400, 2)) * np.array([10, 1, 1, 1])[:, None, None]
    pixels = group.project(points) + noise
    weights = np.broadcast_to(np.array([0.01, 1, 1, 1])[:, None], (4, 400))

    def error(found: np.ndarray) -> float:
        return float(np.linalg.norm(found - points, axis=-1).mean())

    told = error(group.triangulate(pixels, weights, refine=True))
    assert told < error(group.triangulate(pixels, refine=True)) / 2
    assert told < error(group.triangulate(pixels))


def test_missing_views_are_left_out_and_one_is_not_enough() -> None:
    group, points = ring(3), cloud(3)
    pixels = group.project(points)
    pixels[0, 0], pixels[:2, 1] = np.nan, np.nan
    found = group.triangulate(pixels)
    assert found[[0, 2]] == pytest.approx(points[[0, 2]])
    assert np.isnan(found[1]).all()
    assert np.isnan(group.triangulate(group.project(points), np.array([[1.0] * 3, [0] * 3, [0] * 3]))).all()


def test_cameras_at_one_place_have_no_points() -> None:
    centre = np.array([5.0, 0, 1])
    group = CameraGroup(tuple(camera(name, centre, np.array([0.0, y, 1])) for name, y in (("a", 0.0), ("b", 0.5))))
    assert np.isnan(group.triangulate(group.project(cloud(5)))).all()


def test_a_point_behind_the_cameras_is_none() -> None:
    """Rays that meet only when drawn backwards: the two views are exchanged."""
    left, right = camera("a", np.array([5.0, 1, 1]), np.zeros(3)), camera("b", np.array([5.0, -1, 1]), np.zeros(3))
    group = CameraGroup((left, right))
    apart = group.project(np.array([[0.0, 2, 1], [0, -2, 1]]))
    assert np.isnan(group.triangulate(np.stack([apart[0, 0], apart[1, 1]]))).all()


@pytest.mark.parametrize("wrong", [[0], [3], [1, 4]])
def test_wrong_views_are_voted_down(wrong: list[int]) -> None:
    group, points = ring(6), cloud(50)
    pixels = group.project(points)
    pixels[wrong] += np.random.default_rng(2).choice([-1, 1], (len(wrong), 50, 2)) * 80
    found = triangulate_robustly(group, pixels, np.ones((6, 50)), limit_px=10)
    assert found.points == pytest.approx(points, abs=1e-9)
    assert found.used.all(axis=1).tolist() == [i not in wrong for i in range(6)]
    assert (found.errors[wrong] > 50).all()


def test_two_views_that_disagree_have_no_point() -> None:
    group, points = ring(2), cloud(4)
    pixels = group.project(points)
    pixels[0, 0, 1] += 200
    found = triangulate_robustly(group, pixels, np.ones((2, 4)), limit_px=10)
    assert np.isnan(found.points[0]).all()
    assert not found.used[:, 0].any()
    assert np.isnan(found.errors[:, 0]).all()
    assert found.points[1:] == pytest.approx(points[1:])


def test_as_many_views_as_asked_for_must_agree() -> None:
    group, points = ring(3), cloud(4)
    pixels = group.project(points)
    pixels[0] += 100
    assert np.isfinite(triangulate_robustly(group, pixels, np.ones((3, 4)), limit_px=10).points).all()
    assert np.isnan(triangulate_robustly(group, pixels, np.ones((3, 4)), limit_px=10, min_views=3).points).all()


def test_a_camera_left_out_is_judged_by_the_others_alone() -> None:
    """Whatever it sees, near enough to count or not; the others are as far off as its pixels pull their points."""
    group, points = ring(5), cloud(20)
    pixels = group.project(points)
    pixels[2, :, 0] += 3
    apart = held_out(group, pixels, np.ones((5, 20)), limit_px=10)
    assert apart[2] == pytest.approx(3, abs=1e-6)
    assert (np.median(apart[[0, 1, 3, 4]], axis=1) > 0.1).all()
    pixels[2, :, 0] += 47
    apart = held_out(group, pixels, np.ones((5, 20)), limit_px=10)
    assert apart[2] == pytest.approx(50, abs=1e-6)
    assert apart[[0, 1, 3, 4]] == pytest.approx(0, abs=1e-6)
    pixels[2, 5] = np.nan
    apart = held_out(group, pixels, np.ones((5, 20)), limit_px=10)
    assert np.isnan(apart[2, 5])
    assert np.isfinite(apart[[0, 1, 3, 4], 5]).all()


def test_two_cameras_leave_nothing_to_judge_one_by() -> None:
    group = ring(2)
    assert np.isnan(held_out(group, group.project(cloud(3)), np.ones((2, 3)), limit_px=10)).all()


@pytest.mark.parametrize("late", [-7, 0, 3])
def test_a_clock_that_is_off_shows_in_the_errors(late: int) -> None:
    """What is seen `late` frames later is what should be there."""
    time = np.arange(100)[:, None]
    placed = np.stack([300 + 40 * np.sin(time / 9), 200 + 2.0 * time], axis=-1)
    pixels = np.roll(placed, late, axis=0) + np.array([0.3, 0])
    pixels[:, 0][50:60] = np.nan
    errors = lag_errors(pixels, placed, 10)
    assert errors.argmin() - 10 == late
    assert errors.min() == pytest.approx(0.3, abs=1e-9)
    assert np.isnan(lag_errors(np.full((9, 1, 2), np.nan), placed[:9], 2)).all()
