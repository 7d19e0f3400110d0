from __future__ import annotations

import numpy as np
import pytest

from features import kinematics
from features.clock import largest_steps
from features.windows import Windows, wrapped

UNEVEN = np.array([0.0, 0.1, 0.15, 0.3, 0.32, 0.5, 0.61])


def test_derivatives_of_a_parabola_are_exact_on_uneven_times() -> None:
    values = 3 * UNEVEN**2 - 2 * UNEVEN + 1
    inner = slice(1, -1)
    np.testing.assert_allclose(kinematics.velocity(values, UNEVEN)[inner], 6 * UNEVEN[inner] - 2)
    np.testing.assert_allclose(kinematics.acceleration(values, UNEVEN)[inner], 6)
    np.testing.assert_allclose(kinematics.jerk(values, UNEVEN)[2:-2], 0, atol=1e-9)
    assert np.isnan(kinematics.velocity(values, UNEVEN)[[0, -1]]).all()


def test_jerk_of_a_cubic() -> None:
    time_s = np.arange(10) / 10
    np.testing.assert_allclose(kinematics.jerk(time_s**3, time_s)[2:-2], 6)


def test_no_derivative_across_a_hole() -> None:
    time_s = np.array([0.0, 0.1, 0.2, 1.2, 1.3, 1.4])
    velocity = kinematics.velocity(time_s, time_s, largest_steps(time_s))
    np.testing.assert_allclose(velocity, [np.nan, 1, np.nan, np.nan, 1, np.nan])


def test_a_missing_value_takes_its_neighbours_along() -> None:
    values = np.array([0.0, 1, 2, np.nan, 4, 5, 6])
    np.testing.assert_array_equal(
        np.isnan(kinematics.velocity(values, np.arange(7.0))), [True, False, True, True, True, False, True]
    )


@pytest.mark.parametrize("n", [0, 1, 2])
def test_too_few_frames_have_no_derivative(n: int) -> None:
    points, time_s = np.zeros((n, 4, 2)), np.arange(float(n))
    for derivative in (kinematics.velocity, kinematics.acceleration, kinematics.jerk):
        assert derivative(points, time_s).shape == points.shape
        assert np.isnan(derivative(points, time_s)).all()


def test_angular_velocity_goes_the_short_way_round() -> None:
    degrees = np.array([170.0, 175, 180, -175, -170])
    np.testing.assert_allclose(kinematics.angular_velocity(degrees, np.arange(5) / 10)[1:-1], 50)


@pytest.mark.parametrize(("degrees", "short"), [(190, -170), (-190, 170), (180, 180), (-180, 180), (360, 0), (45, 45)])
def test_short_way(degrees: float, short: float) -> None:
    assert wrapped(np.array([float(degrees)]))[0] == short


def test_heading_and_curvature_of_a_circle() -> None:
    time_s = np.linspace(0, 1, 200)
    circle = 5 * np.stack([np.cos(2 * np.pi * time_s), np.sin(2 * np.pi * time_s)], axis=1)  # clockwise, for y is down
    velocity, acceleration = kinematics.velocity(circle, time_s), kinematics.acceleration(circle, time_s)
    np.testing.assert_allclose(kinematics.curvature(velocity, acceleration)[1:-1], 1 / 5, rtol=1e-3)
    assert kinematics.heading(velocity)[1] == pytest.approx(-90, abs=3)  # it starts downwards
    assert np.isnan(kinematics.heading(np.zeros((1, 2))))[0]


@pytest.mark.parametrize("frequency", [0.8, 1.7, 3.1])
def test_dominant_frequency_survives_trend_noise_gaps_and_uneven_times(
    frequency: float, rng: np.random.Generator
) -> None:
    time_s = np.cumsum(rng.uniform(0.01, 0.06, 600))
    points = np.stack([np.sin(2 * np.pi * frequency * time_s), 30 * time_s], axis=1) + rng.normal(0, 0.05, (600, 2))
    points[rng.random(600) < 0.05] = np.nan
    found = kinematics.dominant_frequency(points, Windows.sliding(time_s, 4.0, 2.0))
    assert np.isfinite(found).sum() >= 8
    np.testing.assert_allclose(found[np.isfinite(found)], frequency, atol=0.06)


def test_dominant_frequency_is_nan_when_nothing_moves_or_much_is_missing() -> None:
    time_s = np.arange(100) / 10
    windows = Windows.sliding(time_s, 4.0, 2.0)
    still = np.full((100, 2), 7.0)
    wave = np.stack([np.sin(6 * time_s), np.zeros(100)], axis=1)
    assert np.isnan(kinematics.dominant_frequency(still, windows)).all()
    assert np.isnan(kinematics.dominant_frequency(still + 30 * time_s[:, None], windows)).all()
    assert np.isfinite(kinematics.dominant_frequency(wave, windows)).all()
    wave[::3] = np.nan  # gaps of two steps
    assert np.isfinite(kinematics.dominant_frequency(wave, windows)).all()
    wave[np.arange(100) % 10 < 4] = np.nan
    assert np.isnan(kinematics.dominant_frequency(wave, windows)).all()


@pytest.mark.parametrize(("missing", "told"), [(3, True), (5, False)])
def test_dominant_frequency_of_a_window_of_which_a_fifth_is_missing(missing: int, told: bool) -> None:
    """Of 20 steps 4 or 6 lie in a hole: 20 % is the limit, 30 % too much."""
    time_s = np.arange(100) / 10
    wave = np.stack([np.sin(6 * time_s), np.zeros(100)], axis=1)
    wave[np.arange(100) % 20 >= 20 - missing] = np.nan
    found = kinematics.dominant_frequency(wave, Windows.sliding(time_s, 4.0, 2.0))[:-1]
    assert np.isfinite(found).all() == told
    assert np.isnan(found).all() != told
