"""Kappa, bouts and disagreements against numbers worked out by hand and by scikit-learn."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from behavior.evaluation.agreement import Coded, agreement, cohen_kappa
from storage.bouts import Annotation


def said(*intervals: tuple[str, float, float]) -> list[Annotation]:
    return [Annotation(action, start, stop) for action, start, stop in intervals]


def coded(human: list[Annotation], machine: list[Annotation], n: int = 10, step: float = 1.0, track: int = 1) -> Coded:
    """A person seen in n frames, `step` seconds apart."""
    times = step * np.arange(n)
    return Coded("demo", track, f"Person {track}", np.arange(n), times, times + step, human, machine)


def test_by_hand() -> None:
    # Frames         0     1     2     3     4     5     6     7     8     9
    # human          walk  walk  walk  walk  -     -     sit   sit   sit   sit
    # machine        walk  walk  walk  -     -     sit   sit   sit   sit   walk
    human = said(("walk", 0, 4), ("sit", 6, 10))
    machine = said(("walk", 0, 3), ("sit", 5, 9), ("walk", 9, 10))
    found = agreement([coded(human, machine)])
    expected = 0.4 * 0.4 + 0.2 * 0.2 + 0.4 * 0.4
    assert found.observed == pytest.approx(0.7)
    assert found.kappa == pytest.approx((0.7 - expected) / (1 - expected))
    assert (found.n_frames, found.n_people) == (10, 1)
    sit, walk = found.per_action.to_dict("records")
    assert (walk["human_s"], walk["machine_s"], walk["both_s"]) == (4, 4, 3)
    assert (walk["precision"], walk["recall"], walk["f1"]) == (0.75, 0.75, 0.75)
    assert (sit["human_bouts"], sit["machine_bouts"], walk["human_bouts"], walk["machine_bouts"]) == (1, 1, 1, 2)
    # walk: 3 of 4 s in common; sit: 3 of 5 s. Both reach every threshold, the second walk finds no partner.
    assert (walk["bout_precision_50"], walk["bout_recall_50"]) == (0.5, 1.0)
    assert found.bout_f1 == pytest.approx({0.1: 0.8, 0.25: 0.8, 0.5: 0.8})
    assert agreement([coded(human, machine)], thresholds=(0.7,)).bout_f1 == pytest.approx({0.7: 0.4})
    columns = ["start_s", "stop_s", "start_frame", "stop_frame", "human", "machine"]
    assert found.disagreements[columns].to_numpy().tolist() == [
        [3, 4, 3, 3, "walk", ""],
        [5, 6, 5, 5, "", "sit"],
        [9, 10, 9, 9, "sit", "walk"],
    ]


def test_several_actions_at_once() -> None:
    human = said(("walk", 0, 10), ("wave", 2, 4))
    found = agreement([coded(human, said(("walk", 0, 10)))])
    assert found.disagreements[["start_s", "stop_s", "human", "machine"]].to_numpy().tolist() == [
        [2, 4, "walk + wave", "walk"]
    ]
    assert found.observed == pytest.approx(0.8)
    only = agreement([coded(human, said(("walk", 0, 10)))], actions=["walk"])
    assert only.observed == 1
    assert math.isnan(only.kappa)
    assert len(only.disagreements) == 0


def test_times_rounded_to_the_millisecond_move_no_frame() -> None:
    times = np.arange(300) / 30
    for first in range(0, 290, 7):
        exact = said(("walk", times[first], times[first + 5]))
        rounded = said(("walk", round(times[first], 3), round(times[first + 5], 3)))
        found = agreement([coded(rounded, exact, 300, 1 / 30)])
        assert found.kappa == 1
        assert len(found.disagreements) == 0


def test_overlapping_intervals_of_one_action_are_one() -> None:
    found = agreement([coded(said(("walk", 0, 4), ("walk", 3, 6)), said(("walk", 0, 6)))])
    assert found.per_action.iloc[0]["human_bouts"] == 1
    assert found.bout_f1[0.5] == 1


def test_a_stretch_ends_where_frames_were_not_judged() -> None:
    times = np.array([0.0, 1.0, 5.0, 6.0])
    person = Coded("demo", 1, "Anna", np.array([0, 1, 5, 6]), times, times + 1, said(("walk", 0, 9)), [])
    assert agreement([person]).disagreements[["start_s", "stop_s"]].to_numpy().tolist() == [[0, 2], [5, 7]]
    assert len(agreement([person], min_s=3).disagreements) == 0


def test_people_are_pooled_and_never_mixed() -> None:
    walk = said(("walk", 0, 10))
    found = agreement([coded(walk, walk), coded(walk, [], track=2)])
    assert found.per_action.iloc[0]["recall"] == 0.5
    assert found.bout_f1[0.1] == pytest.approx(2 / 3)
    assert found.disagreements["track_id"].tolist() == [2]


def test_nothing_is_nan_and_plain_json() -> None:
    for people in ([], [coded([], [])]):
        found = agreement(people)
        assert math.isnan(found.kappa)
        assert math.isnan(found.bout_f1[0.5])
        assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["kappa"] is None
    half = agreement([coded(said(("walk", 0, 5)), [])])
    assert json.loads(json.dumps(half.to_dict(), allow_nan=False))["per_action"][0]["precision"] is None


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=60))
def test_kappa_is_scikit_learns(pairs: list[tuple[int, int]]) -> None:
    one, other = np.array(pairs).T
    kappa = cohen_kappa(one, other)
    if len(set(one) | set(other)) == 1:
        assert math.isnan(kappa)
    else:
        assert kappa == pytest.approx(cohen_kappa_score(one, other), nan_ok=True)


spans = st.lists(
    st.tuples(st.sampled_from(["walk", "sit"]), st.integers(0, 19), st.integers(1, 8)).map(
        lambda one: (one[0], float(one[1]), float(one[1] + one[2]))
    ),
    max_size=6,
)


@settings(deadline=None, max_examples=60)
@given(spans, spans)
def test_what_must_always_hold(human: list[tuple[str, float, float]], machine: list[tuple[str, float, float]]) -> None:
    there = agreement([coded(said(*human), said(*machine), 30)])
    back = agreement([coded(said(*machine), said(*human), 30)])
    assert there.kappa == pytest.approx(back.kappa, nan_ok=True)
    assert there.bout_f1 == pytest.approx(back.bout_f1, nan_ok=True)
    np.testing.assert_allclose(there.per_action.get("precision", []), back.per_action.get("recall", []))
    values = [value for value in there.bout_f1.values() if not math.isnan(value)]
    assert values == sorted(values, reverse=True)
    disagreed = float(there.disagreements["duration_s"].sum()) / 30
    assert 1 - there.observed == pytest.approx(disagreed)
    same = agreement([coded(said(*human), said(*human), 30)])
    assert same.observed == 1
    assert len(same.disagreements) == 0
    assert all(value == 1 for value in same.bout_f1.values() if not math.isnan(value))
