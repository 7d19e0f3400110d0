from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from features.errors import FeatureError
from features.windows import STATISTICS, TICK, Windows, intervals


def test_windows_go_by_the_clock() -> None:
    time_s = np.array([0.0, 0.1, 0.2, 0.9, 1.0, 1.1, 2.5])
    windows = Windows.sliding(time_s, 1.0, 0.5)
    np.testing.assert_allclose(windows.start_s, [0, 0.5, 1.0, 1.5, 2.0])
    np.testing.assert_array_equal(windows.n_frames, [4, 3, 2, 0, 1])


def test_the_last_frame_is_in_a_window() -> None:
    for n in range(1, 40):
        time_s = np.arange(n) / 10
        windows = Windows.sliding(time_s, 1.0, 0.5)
        assert windows.stop_s[-1] > time_s[-1], n
        assert len(windows) == 1 or windows.stop_s[-2] <= time_s[-1], n


def test_rounding_does_not_move_a_frame_to_another_window() -> None:
    time_s = np.arange(300) / 30 + 7.3
    assert set(Windows.sliding(time_s, 0.5, 0.1).n_frames[:90]) == {15}


def test_no_frames_no_windows() -> None:
    windows = Windows.sliding(np.empty(0), 1.0, 0.5)
    assert len(windows) == 0
    assert windows.mean(np.empty(0)).shape == (0,)


@pytest.mark.parametrize(("window_s", "step_s"), [(0.0, 1.0), (1.0, 0.0), (-1.0, 1.0), (float("nan"), 1.0)])
def test_windows_of_no_length(window_s: float, step_s: float) -> None:
    with pytest.raises(FeatureError, match="above 0 s"):
        Windows.sliding(np.arange(5.0), window_s, step_s)


def test_intervals_refuse_an_empty_one() -> None:
    with pytest.raises(FeatureError, match="interval 1 runs from 3"):
        intervals(np.arange(5.0), [(0, 1), (3, 3)])


EXPECTED = {"mean": np.mean, "std": np.std, "min": np.min, "max": np.max, "range": np.ptp, "median": np.median}


@given(
    values=arrays.arrays(
        float, st.integers(1, 30), elements=st.one_of(st.just(float("nan")), st.floats(-1e6, 1e6, width=32))
    ),
    window_s=st.floats(0.2, 5),
    step_s=st.floats(0.2, 5),
)
def test_statistics_are_those_of_the_values_in_each_window(values: np.ndarray, window_s: float, step_s: float) -> None:
    time_s = np.cumsum(0.1 + np.arange(len(values)) % 3 * 0.2)
    windows = Windows.sliding(time_s, window_s, step_s)
    assert set(EXPECTED) == set(STATISTICS)
    for name, statistic in STATISTICS.items():
        got = statistic(windows, np.stack([values, values]))
        for start, stop, value in zip(windows.start_s, windows.stop_s, got[1], strict=True):
            inside = values[(time_s >= start - TICK) & (time_s < stop - TICK)]
            inside = inside[np.isfinite(inside)]
            expected = EXPECTED[name](inside) if len(inside) else np.nan
            np.testing.assert_allclose(value, expected, rtol=1e-6, atol=1e-2 if name == "std" else 1e-6, err_msg=name)


def test_standard_deviation_far_from_zero() -> None:
    windows = Windows.sliding(np.arange(100.0), 10, 10)
    assert windows.std(1e9 + np.arange(100.0) % 2) == pytest.approx(np.full(10, 0.5))


def test_sum_of_steps_leaves_the_way_into_the_window_out() -> None:
    windows = intervals(np.arange(6.0), [(0, 3), (3, 6), (5, 6)])
    np.testing.assert_array_equal(windows.sum_of_steps(np.array([np.nan, 1, 1, 100, 1, 1])), [2, 2, np.nan])


def test_first_and_last_value() -> None:
    windows = intervals(np.arange(6.0), [(0, 3), (2, 6), (0, 1), (9, 10)])
    values = np.array([np.nan, 1, 2, 3, np.nan, np.nan])
    np.testing.assert_array_equal(windows.first_value(values), [1, 2, np.nan, np.nan])
    np.testing.assert_array_equal(windows.last_value(values), [2, 3, np.nan, np.nan])
    np.testing.assert_array_equal(windows.last_value(np.stack([values, -values], axis=1))[1], [3, -3])


def test_correlation(rng: np.random.Generator) -> None:
    a, b = rng.normal(size=(2, 60)) + 1000
    a[5] = np.nan
    windows = intervals(np.arange(60.0), [(0, 30), (30, 60), (0, 2)])
    expected = [
        np.corrcoef(np.delete(a[:30], 5), np.delete(b[:30], 5))[0, 1],
        np.corrcoef(a[30:], b[30:])[0, 1],
        np.nan,
    ]
    np.testing.assert_allclose(windows.correlation(a, b), expected)
    assert np.isnan(windows.correlation(a, np.full(60, 0.1))).all()
