from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from behavior.recognition.smoothing import UNKNOWN_STATE, drop_short, frames_to_bouts, runs, viterbi

CLASSES = ("sit", "walk")


def scores_of(*stretches: tuple[int, float, float]) -> np.ndarray:
    """Frames, probability of sit, probability of walk."""
    return np.concatenate([np.tile([[sit, walk]], (n, 1)) for n, sit, walk in stretches])


def times(n: int, rate: float = 30.0) -> np.ndarray:
    return np.arange(n) / rate


def test_a_clear_change_is_found_where_it_is() -> None:
    scores = scores_of((30, 0.9, 0.1), (30, 0.1, 0.9))
    np.testing.assert_array_equal(viterbi(scores, times(60), 0.4, 0.25), np.repeat([0, 1], 30))


def test_a_flicker_leaves_no_trace() -> None:
    scores = scores_of((30, 0.8, 0.2), (3, 0.3, 0.7), (30, 0.8, 0.2))
    np.testing.assert_array_equal(viterbi(scores, times(63), 0.4, 0.25), np.zeros(63))


def test_unsure_frames_are_unknown() -> None:
    scores = scores_of((30, 0.9, 0.05), (30, 0.3, 0.3), (30, 0.05, 0.9))
    np.testing.assert_array_equal(viterbi(scores, times(90), 0.45, 0.1), np.repeat([0, UNKNOWN_STATE, 1], 30))


def test_the_price_is_in_seconds_not_frames() -> None:
    slow = scores_of((6, 0.8, 0.2), (3, 0.2, 0.8), (6, 0.8, 0.2))
    assert set(viterbi(slow, times(15, 3.0), 0.1, 0.25)) == {0, 1}
    assert set(viterbi(slow, times(15, 30.0), 0.1, 0.25)) == {0}


def test_nothing_in_nothing_out() -> None:
    assert len(viterbi(np.zeros((0, 2)), np.zeros(0), 0.4, 0.2)) == 0
    assert runs(np.zeros(0, dtype=np.int64)) == []


def test_short_runs_join_or_vanish() -> None:
    labels = np.array([1] * 20 + [0] * 5 + [1] * 20 + [0] * 5)
    time = times(50)
    cleaned = drop_short(labels, time + 1 / 30, time, 0.5)
    np.testing.assert_array_equal(cleaned, [1] * 45 + [UNKNOWN_STATE] * 5)


@given(st.lists(st.integers(-1, 1), min_size=1, max_size=80), st.floats(0.01, 2.0))
def test_no_bout_is_shorter_than_asked_and_none_overlap(sequence: list[int], least: float) -> None:
    labels = np.array(sequence)
    time = times(len(labels))
    ends = time + 1 / 30
    cleaned = drop_short(labels, ends, time, least)
    scores = np.full((len(labels), 2), 0.5)
    bouts = frames_to_bouts(cleaned, scores, np.arange(len(labels)) * 2, time, ends, 7, CLASSES)
    assert all(bout.duration_s >= least - 1e-9 for bout in bouts)
    assert all(one.stop_frame < other.start_frame for one, other in pairwise(bouts))
    assert sum((bout.stop_frame - bout.start_frame) // 2 + 1 for bout in bouts) == (cleaned >= 0).sum()


def test_a_bout_runs_to_the_end_of_its_last_frame() -> None:
    time = times(4)
    bout = frames_to_bouts(
        np.array([1, 1, -1, -1]), scores_of((4, 0.2, 0.6)), np.arange(10, 14), time, time + 1 / 30, 3, CLASSES
    )[0]
    assert (bout.action, bout.track_id, bout.start_frame, bout.stop_frame) == ("walk", 3, 10, 11)
    assert bout.stop_s == pytest.approx(2 / 30)
    assert bout.score == pytest.approx(0.6)
