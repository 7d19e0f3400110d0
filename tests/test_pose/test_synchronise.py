"""The offset between two recordings of one motion, known here to any digit."""

from __future__ import annotations

import numpy as np
import pytest

from pose.multiview import find_offset


def motion(rng: np.random.Generator) -> object:
    """Speeds of four joints at any time: a sum of slow waves that never repeat within a minute."""
    rate = rng.uniform(0.2, 2.0, (4, 12))
    phase = rng.uniform(0, 2 * np.pi, (4, 12))

    def at(time_s: np.ndarray) -> np.ndarray:
        return np.abs(np.sin(2 * np.pi * rate * time_s[:, None, None] + phase).sum(axis=2))

    return at


def views(rng: np.random.Generator, shift: float, noise: float, seconds: float = 20.0) -> tuple[np.ndarray, ...]:
    """Two recordings of it at 25 and 29.97 frames/s; `shift` is to be added to the second's time."""
    at = motion(rng)
    first = np.arange(0, seconds, 1 / 25)
    second = 3.0 + np.arange(0, seconds, 1001 / 30000)
    seen = (at(first), 1.7 * at(second + shift))
    return (
        first,
        seen[0] + noise * rng.normal(size=seen[0].shape),
        second,
        seen[1] + noise * rng.normal(size=seen[1].shape),
    )


@pytest.mark.parametrize("shift", [-3.0, -4.321, -1.0, 0.7])
def test_a_known_offset_is_found_between_the_frames(shift: float) -> None:
    rng = np.random.default_rng(1)
    found = find_offset(*views(rng, shift, 0.0), longest_s=8)
    assert found.seconds == pytest.approx(shift, abs=0.003)
    assert found.correlation > 0.98
    assert found.rival < 0.7
    assert found.common_s == pytest.approx(20 - abs(3 + shift), abs=0.2)


def test_the_error_is_as_large_as_it_says() -> None:
    off, told = [], []
    for seed in range(40):
        found = find_offset(*views(np.random.default_rng(seed), -2.5, 1.5), longest_s=4)
        off.append(found.seconds + 2.5)
        told.append(found.error_s)
    assert np.median(told) < 0.03
    assert 0.6 < np.sqrt(np.mean(np.square(off))) / np.sqrt(np.mean(np.square(told))) < 1.6


def test_what_is_missing_does_not_count() -> None:
    rng = np.random.default_rng(3)
    first, a, second, b = views(rng, -3.0, 0.0)
    a[100:180], b[:, 2] = np.nan, np.nan
    b[::7, 0] = np.nan
    assert find_offset(first, a, second, b, longest_s=5).seconds == pytest.approx(-3.0, abs=0.005)


def test_steps_fit_at_several_offsets() -> None:
    time_s = np.arange(0, 12, 0.04)
    steps = np.abs(np.sin(2 * np.pi * time_s))[:, None]
    found = find_offset(time_s, steps, time_s, steps, longest_s=3)
    assert found.rival > 0.95 * found.correlation
    assert abs(found.rival_s) % 0.5 == pytest.approx(0, abs=0.011) or abs(found.rival_s) % 0.5 > 0.489


def test_no_motion_and_nothing_in_common_are_no_offset() -> None:
    time_s = np.arange(0, 10, 0.04)
    moving = np.random.default_rng(0).normal(size=(len(time_s), 2))
    assert np.isnan(find_offset(time_s, moving, time_s, np.ones_like(moving), longest_s=3).seconds)
    assert np.isnan(find_offset(time_s, moving, time_s, np.full_like(moving, np.nan), longest_s=3).seconds)
    assert np.isnan(find_offset(time_s, moving, time_s + 30, moving, longest_s=3).seconds)
    assert np.isnan(find_offset(time_s[:1], moving[:1], time_s, moving, longest_s=3).seconds)
