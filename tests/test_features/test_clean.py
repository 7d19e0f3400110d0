from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import signal
from scipy.interpolate import make_smoothing_spline

from features import clean as cleaning
from features import filters
from features.clean import CleanSettings, clean, fill_gaps
from features.errors import FeatureError
from features.filters import FILTERS
from features.normalize import body_size
from features.sequence import PoseSequence
from pose.parts import hand_joints
from pose.skeleton import COCO_18

Make = Callable[..., PoseSequence]
NONE = CleanSettings(min_confidence=None, outlier_window_s=None, max_gap_s=None, smoothing=None)


def noisy(sequence: PoseSequence, rng: np.random.Generator, size: float = 2.0) -> PoseSequence:
    return replace(sequence, points=sequence.points + rng.normal(0, size, sequence.points.shape))


def error(sequence: PoseSequence, truth: PoseSequence) -> float:
    return float(np.sqrt(np.nanmean((sequence.points - truth.points) ** 2)))


STEPS: dict[str, Callable[[PoseSequence], PoseSequence]] = {
    **FILTERS,
    "drop_unsure": lambda s: cleaning.drop_unsure(s, 0.5),
    "drop_outliers": cleaning.drop_outliers,
    "fill_gaps": cleaning.fill_gaps,
    "repair_swaps": cleaning.repair_swaps,
    "at_times": lambda s: cleaning.at_times(s, s.time_s),
}


@pytest.mark.parametrize("name", STEPS)
def test_a_step_names_itself_and_leaves_its_input_alone(
    name: str, walking: PoseSequence, rng: np.random.Generator
) -> None:
    raw = noisy(walking, rng)
    gone = rng.random(raw.confidence.shape) < 0.1
    raw = replace(raw, points=np.where(gone[..., None], np.nan, raw.points), confidence=np.where(gone, 0.0, 0.8))
    points, confidence = raw.points.copy(), raw.confidence.copy()
    raw.points.flags.writeable = raw.confidence.flags.writeable = raw.time_s.flags.writeable = False
    done = STEPS[name](raw)
    assert len(done.steps) == 1
    assert done.steps[0].startswith(f"{name}(")
    np.testing.assert_array_equal(raw.points, points)
    np.testing.assert_array_equal(raw.confidence, confidence)
    if name != "fill_gaps":
        assert not (done.found & ~raw.found).any(), "only fill_gaps makes positions up"
    assert not done.filled[raw.found].any()


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_a_step_takes_very_little(name: str, n: int, make: Make) -> None:
    assert len(STEPS[name](make(n, 30))) == n
    assert len(STEPS[name](make(n, 30, neck=(np.nan, np.nan)))) == n
    nothing = replace(make(n, 30), points=np.full((n, 18, 2), np.nan), confidence=np.zeros((n, 18)))
    assert not STEPS[name](nothing).found.any()


def test_drop_unsure(make: Make) -> None:
    sequence = make(2)
    sequence.confidence[0, 3] = 0.2
    done = cleaning.drop_unsure(sequence, 0.3)
    assert np.argwhere(~done.found).tolist() == [[0, 3]]
    assert done.confidence[0, 3] == 0
    with pytest.raises(FeatureError, match="min_confidence"):
        cleaning.drop_unsure(sequence, 3)


def test_outliers_go_and_fast_motion_stays(walking: PoseSequence, rng: np.random.Generator) -> None:
    raw = noisy(walking, rng, 0.5)
    points = raw.points.copy()
    points[100, 4] += [60, 0]
    points[200, 7] += [0, -25]
    done = cleaning.drop_outliers(replace(raw, points=points))
    assert np.argwhere(~done.found).tolist() == [[100, 4], [200, 7]]


@pytest.mark.parametrize("method", ["linear", "pchip"])
def test_gaps_are_filled_by_the_clock_and_marked(method: str, make: Make) -> None:
    sequence = make(8, path=np.stack([np.arange(8.0) ** 2, np.zeros(8)], axis=1))
    sequence = replace(sequence, time_s=np.array([0, 0.1, 0.2, 0.3, 0.4, 1.4, 1.5, 1.6]))
    points = sequence.points.copy()
    points[[0, 2, 4, 5, 7], 0] = np.nan  # before the first, 0.2 s, 1.2 s, after the last
    sequence = replace(sequence, points=points, confidence=np.isfinite(points[..., 0]) * 1.0)
    done = fill_gaps(sequence, 0.2, method)  # type: ignore[arg-type]  # the parameters are its literals
    assert done.found[:, 0].tolist() == [False, True, True, True, False, False, True, False]
    assert np.argwhere(done.filled).tolist() == [[2, 0]]
    assert 1 < done.points[2, 0, 0] < 9
    longer = fill_gaps(sequence, 1.2, method)  # type: ignore[arg-type]  # as above
    assert longer.found[:, 0].tolist() == [False] + [True] * 6 + [False]


def test_absent_frames_come_back_as_missing_and_can_be_filled(make: Make) -> None:
    whole = make(10, path=np.stack([np.arange(10.0), np.zeros(10)], axis=1))
    rows = [0, 1, 2, 5, 6, 7, 8, 9]
    seen = replace(whole, points=whole.points[rows], confidence=whole.confidence[rows], time_s=whole.time_s[rows])
    back = cleaning.at_times(seen, whole.time_s)
    assert np.flatnonzero(~back.found.any(axis=1)).tolist() == [3, 4]
    np.testing.assert_allclose(fill_gaps(back, 0.3).points, whole.points)
    with pytest.raises(FeatureError, match="timestamps"):
        cleaning.at_times(seen, whole.time_s + 0.01)


def test_swapped_sides_are_put_back(walking: PoseSequence, rng: np.random.Generator) -> None:
    raw = noisy(walking, rng, 1.0)
    np.testing.assert_array_equal(cleaning.repair_swaps(raw).points, raw.points)
    names = raw.joint_names
    left = [names.index(f"left_{part}") for part in ("hip", "knee", "ankle")]
    right = [names.index(f"right_{part}") for part in ("hip", "knee", "ankle")]
    frames = np.array([20, 60, 61, 62, 300, 499])[:, None]
    points = raw.points.copy()
    points[frames, left + right] = points[frames, right + left]
    done = cleaning.repair_swaps(replace(raw, points=points))
    np.testing.assert_array_equal(done.points, raw.points)
    assert done.steps == ("repair_swaps(penalty=0.15)",)


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("uneven", [False, True])
def test_filters_keep_the_motion_and_lose_the_noise(
    name: str, uneven: bool, make: Make, rng: np.random.Generator
) -> None:
    time_s = np.arange(300) / 30 + (rng.uniform(-0.012, 0.012, 300) if uneven else 0)
    wave = np.stack([20 * np.sin(5 * time_s), 15 * np.cos(5 * time_s)], axis=1)
    truth = replace(make(300, 30, wave), time_s=time_s)
    raw = noisy(truth, rng)
    done = FILTERS[name](raw)
    inner = slice(30, -30)
    rms = np.sqrt(np.mean((done.points[inner] - truth.points[inner]) ** 2))
    if name == "one_euro":  # it looks at the past alone, so it lags; what it owes is a calmer line
        jitter = np.abs(np.diff(done.points, n=2, axis=0)).mean()
        assert jitter < 0.5 * np.abs(np.diff(raw.points, n=2, axis=0)).mean()
        assert rms < 12
    else:
        assert rms < 0.8 * 2.0


@pytest.mark.parametrize("name", FILTERS)
def test_a_straight_line_comes_through_and_holes_separate(name: str, make: Make) -> None:
    """Nothing leaks across a hole: each side keeps its own line."""
    time_s = np.concatenate([np.arange(40) / 20, 60 + np.arange(40) / 20])
    x = np.where(time_s < 30, 5 * time_s, 4000 - 5 * time_s)
    line = replace(make(80, 20, np.stack([x, 0 * x], axis=1)), time_s=time_s)
    done = FILTERS[name](line)
    tolerance = 5.0 if name == "one_euro" else 0.6 if name == "median" else 1e-3
    np.testing.assert_allclose(done.points, line.points, atol=tolerance)


def gain(smooth: Callable[[PoseSequence], PoseSequence], frequency: float, time_s: np.ndarray, make: Make) -> float:
    """Amplitude that a sine of one joint keeps, by projection onto sine and cosine over the middle half."""
    wave = np.stack([20 + 10 * np.sin(2 * np.pi * frequency * time_s), -20 + 0 * time_s], axis=1)
    done = smooth(replace(make(len(time_s), left_wrist=wave), time_s=time_s))
    middle = (time_s > time_s[-1] / 4) & (time_s < 3 * time_s[-1] / 4)
    phase = 2 * np.pi * frequency * time_s[middle]
    basis = np.stack([np.sin(phase), np.cos(phase), np.ones(len(phase))], axis=1)
    sine, cosine, _ = np.linalg.lstsq(basis, done.joint("left_wrist")[middle, 0], rcond=None)[0]
    return float(np.hypot(sine, cosine)) / 10


CUTOFFS: dict[str, tuple[Callable[[PoseSequence, float], PoseSequence], float]] = {
    "kalman": (lambda s, f: filters.kalman(s, f), 4.0),
    "butterworth": (lambda s, f: filters.butterworth(s, f), 6.0),
    "butterworth of order 4": (lambda s, f: filters.butterworth(s, f, order=4), 6.0),
    "savitzky_golay": (lambda s, f: filters.savitzky_golay(s, f), 6.0),
    "savitzky_golay of degree 4": (lambda s, f: filters.savitzky_golay(s, f, degree=4), 5.0),
    "one_euro": (lambda s, f: filters.one_euro(s, f, beta=0.0), 2.0),
}


@pytest.mark.parametrize("rate", [25, 30, 50, 60, 120])
@pytest.mark.parametrize("name", CUTOFFS)
def test_a_filter_is_3_db_down_where_it_says_at_any_rate(name: str, rate: int, make: Make) -> None:
    """The gain at 2 % below the cut-off is above 1/√2, at 2 % above it is below."""
    smooth, cutoff = CUTOFFS[name]
    time_s = np.arange(8 * rate) / rate
    below, above = (gain(lambda s: smooth(s, cutoff), cutoff * f, time_s, make) for f in (0.98, 1.02))
    assert above < np.sqrt(0.5) < below


@pytest.mark.parametrize("name", ["kalman", "butterworth", "savitzky_golay"])
def test_the_cut_off_holds_on_uneven_timestamps_and_where_the_rate_changes(
    name: str, make: Make, rng: np.random.Generator
) -> None:
    smooth, cutoff = CUTOFFS[name]
    jittered = np.arange(400) / 40 + rng.uniform(-0.005, 0.005, 400)
    changing = np.concatenate([np.arange(300) / 60, 5 + np.arange(150) / 30])
    for time_s in (jittered, changing):
        assert gain(lambda s: smooth(s, cutoff), cutoff, time_s, make) == pytest.approx(np.sqrt(0.5), rel=0.03)


@pytest.mark.parametrize("rate", [25, 60])
def test_the_defaults_are_the_cut_offs_that_the_page_states(rate: int, make: Make) -> None:
    time_s = np.arange(8 * rate) / rate
    for name, cutoff in (("kalman", 4.0), ("butterworth", 6.0), ("savitzky_golay", 6.0)):
        assert gain(FILTERS[name], cutoff, time_s, make) == pytest.approx(np.sqrt(0.5), rel=0.025), name
        assert gain(FILTERS[name], 0.5, time_s, make) == pytest.approx(1, abs=0.01), name


def test_butterworth_is_scipys_two_passes(make: Make, rng: np.random.Generator) -> None:
    """Winter's correction for two passes of the second order: one's cut-off is higher by 1/0.802 in tan(π f/rate)."""
    values = rng.normal(size=(200, 2)) + np.array([20, -20])
    once = np.arctan(np.tan(np.pi * 6 / 50) / 0.802) / np.pi
    ba = signal.butter(2, 2 * once)
    expected = signal.filtfilt(*ba, values, axis=0, padlen=25)
    np.testing.assert_allclose(
        filters.butterworth(make(200, 50, left_wrist=values)).joint("left_wrist"), expected, atol=2e-3
    )


def test_a_filter_that_the_frame_rate_cannot_carry_says_so(make: Make) -> None:
    for name in ("butterworth", "savitzky_golay"):
        with pytest.raises(FeatureError, match=name + r": a cut-off of 6 Hz needs more than 12 frames/s, .* has 5"):
            FILTERS[name](make(30, 5))
    for name in ("kalman", "median", "one_euro"):
        FILTERS[name](make(30, 5))


def test_kalman_is_the_rts_smoother(make: Make, rng: np.random.Generator) -> None:
    """The banded system gives what the two passes give, with missing frames and uneven steps too."""
    time_s = np.cumsum(rng.uniform(0.02, 0.06, 60))
    raw = noisy(replace(make(60), time_s=time_s), rng, 5.0)
    values = raw.points[:, 0, 0]
    found = np.ones(60, dtype=bool)
    found[[7, 20, 21]] = False
    raw.points[~found, 0] = np.nan
    # A position's noise has the variance 1 / (its time), so that all have one density; the motion's follows from λ.
    step = np.diff(time_s[found])
    noise = np.full(60, np.nan)
    noise[found] = 2 / (np.append(step[0], step) + np.append(step, step[-1]))
    theta = 2 * np.pi * 4 * step
    ratio = (np.sqrt(2) - 1) * step**4 * (2 + np.cos(theta)) / (12 * (1 - np.cos(theta)) ** 2)

    seen = np.flatnonzero(found)
    state, spread = np.array([values[0], 0.0]), np.diag([noise[0], 1e9])
    states, spreads, ahead = [state], [spread], []
    for i, h, r in zip(seen[1:], step, ratio, strict=True):
        move = np.array([[1, h], [0, 1]])
        state = move @ state
        spread = move @ spread @ move.T + np.array([[h**3 / 3, h**2 / 2], [h**2 / 2, h]]) / r
        ahead.append((move, state, spread))
        gained = spread[:, 0] / (spread[0, 0] + noise[i])
        state, spread = state + gained * (values[i] - state[0]), spread - np.outer(gained, spread[0])
        states.append(state)
        spreads.append(spread)
    for i in range(len(seen) - 2, -1, -1):
        move, before, wide = ahead[i]
        states[i] = states[i] + spreads[i] @ move.T @ np.linalg.inv(wide) @ (states[i + 1] - before)

    done = filters.kalman(raw, 4.0)
    np.testing.assert_allclose(done.points[seen, 0, 0], [state[0] for state in states], atol=1e-4)
    assert np.isnan(done.points[~found, 0]).all()


def test_kalman_is_scipys_smoothing_spline(make: Make, rng: np.random.Generator) -> None:
    values = rng.normal(size=(100, 2)) + np.array([20, -20])
    theta = 2 * np.pi * 4 / 50
    ratio = (np.sqrt(2) - 1) / 50**4 * (2 + np.cos(theta)) / (12 * (1 - np.cos(theta)) ** 2)
    spline = make_smoothing_spline(np.arange(100) / 50, values, lam=ratio * 50)
    done = filters.kalman(make(100, 50, left_wrist=values)).joint("left_wrist")
    np.testing.assert_allclose(done, spline(np.arange(100) / 50), atol=1e-6)


def test_clean_is_its_steps(walking: PoseSequence, rng: np.random.Generator) -> None:
    raw = noisy(walking, rng)
    np.testing.assert_array_equal(clean(raw, NONE).points, raw.points)
    assert clean(raw, NONE).steps == ()
    done = clean(raw)
    assert [step.split("(")[0] for step in done.steps] == ["drop_unsure", "drop_outliers", "fill_gaps", "kalman"]
    assert error(done, walking) < 0.7 * error(raw, walking)
    assert clean(raw, replace(NONE, smoothing="median")).steps == ("median(window_s=0.2)",)


@pytest.mark.parametrize("wrong", [{"window_s": 0.0}, {"n_sigmas": -1.0}, {"window_s": float("nan")}])
def test_settings_that_mean_nothing(wrong: dict[str, float], make: Make) -> None:
    with pytest.raises(FeatureError, match="must be above 0"):
        cleaning.drop_outliers(make(3), **wrong)


def test_hands_change_nothing_of_the_body(rng: np.random.Generator) -> None:
    """Not even where the trunk is never seen, so that the body's size comes from the box around it."""
    names = tuple(joint for joint in COCO_18.joints if "hip" not in joint)
    whole = (*names, *hand_joints("left"), *hand_joints("right"))
    points = np.cumsum(rng.normal(0, 2, (60, len(whole), 2)), axis=0) + rng.uniform(0, 300, (len(whole), 2))
    points[:, len(names) :] += (900, 0)
    points[rng.random(points.shape[:2]) < 0.1] = np.nan
    confidence = np.isfinite(points[..., 0]) * 0.9
    time_s = np.arange(60) / 30
    alone = PoseSequence(points[:, : len(names)], confidence[:, : len(names)], names, time_s)
    together = PoseSequence(points, confidence, whole, time_s)
    assert body_size(alone) == body_size(together)
    np.testing.assert_array_equal(clean(alone).points, clean(together).points[:, : len(names)])
