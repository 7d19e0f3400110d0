"""Kappa, bouts and disagreements against numbers worked out by hand and by scikit-learn."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching
from sklearn.metrics import cohen_kappa_score, f1_score, precision_score, recall_score

from behavior.evaluation.agreement import THRESHOLDS, Coded, agreement, cohen_kappa
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


@pytest.mark.parametrize(
    ("human", "machine", "kappa"),
    [
        # 0.5 of the frames agree on nothing, by chance 0.25 would: one third.
        ([("walk", 0, 5)], [("run", 0, 5)], 1 / 3),
        ([("walk", 0, 5), ("sit", 5, 10)], [("walk", 0, 5), ("run", 5, 10)], 1 / 3),
        ([("walk", 0, 10)], [("run", 0, 10)], 0.0),
    ],
)
def test_sides_that_name_other_actions(
    human: list[tuple[str, float, float]], machine: list[tuple[str, float, float]], kappa: float
) -> None:
    assert agreement([coded(said(*human), said(*machine))]).kappa == pytest.approx(kappa)


def intervals(actions: str) -> st.SearchStrategy[list[tuple[str, float, float]]]:
    """Bouts of some actions on half seconds, those of one action apart from each other."""
    cuts = st.lists(st.integers(0, 40), max_size=6, unique=True).map(sorted)
    one = [cuts.map(lambda at, name=name: [(name, a / 2, b / 2) for a, b in zip(at[::2], at[1::2], strict=False)])
           for name in actions]  # fmt: skip
    return st.tuples(*one).map(lambda some: [interval for own in some for interval in own])


@settings(deadline=None, max_examples=20)
@given(st.lists(st.tuples(intervals("abc"), intervals("bcd")), min_size=1, max_size=2))
def test_every_figure_is_that_of_an_independent_computation(
    people: list[tuple[list[tuple[str, float, float]], list[tuple[str, float, float]]]],
) -> None:
    """Kappa, precision, recall, F1 by scikit-learn over frames, bouts by the largest matching of scipy's graphs."""
    found = agreement([coded(said(*one), said(*two), 20, track=place) for place, (one, two) in enumerate(people, 1)])
    sides: tuple[list[frozenset[str]], list[frozenset[str]]] = ([], [])
    for person in people:
        for side, rows in zip(sides, person, strict=True):
            side += [frozenset(action for action, start, stop in rows if start <= t < stop) for t in range(20)]
    one, two = ([str(sorted(shown)) for shown in side] for side in sides)
    expected = cohen_kappa_score(one, two) if len({*one, *two}) > 1 else math.nan
    assert found.kappa == pytest.approx(expected, nan_ok=True)
    assert found.observed == pytest.approx(np.mean([a == b for a, b in zip(one, two, strict=True)]))
    totals = np.zeros((len(THRESHOLDS), 2))
    for row in found.per_action.to_dict("records"):
        name = row["action"]
        truth, claim = ([name in shown for shown in side] for side in sides)
        assert (row["human_s"], row["machine_s"]) == (sum(truth), sum(claim))
        assert row["both_s"] == sum(a and b for a, b in zip(truth, claim, strict=True))
        for key, score in (("precision", precision_score), ("recall", recall_score), ("f1", f1_score)):
            assert row[key] == pytest.approx(score(truth, claim, zero_division=np.nan), nan_ok=True)
        expected = cohen_kappa_score(truth, claim) if len({*truth, *claim}) > 1 else math.nan
        assert row["kappa"] == pytest.approx(expected, nan_ok=True)
        for place, threshold in enumerate(THRESHOLDS):
            same, human, machine = 0, 0, 0
            for person in people:
                own = [[(a, b) for action, a, b in side if action == name] for side in person]
                overlap = [[_iou(a, b) >= threshold for b in own[1]] for a in own[0]]
                human, machine = human + len(own[0]), machine + len(own[1])
                if own[0] and own[1]:
                    same += int((maximum_bipartite_matching(csr_array(np.array(overlap))) >= 0).sum())
            totals[place] += same, human + machine
            per_cent = round(100 * threshold)
            assert (row["human_bouts"], row["machine_bouts"]) == (human, machine)
            assert row[f"bout_precision_{per_cent}"] == pytest.approx(
                same / machine if machine else math.nan, nan_ok=True
            )
            assert row[f"bout_recall_{per_cent}"] == pytest.approx(same / human if human else math.nan, nan_ok=True)
            assert row[f"bout_f1_{per_cent}"] == pytest.approx(
                2 * same / (human + machine) if human + machine else math.nan, nan_ok=True
            )
    for (same, count), value in zip(totals, found.bout_f1.values(), strict=True):
        assert value == pytest.approx(2 * same / count if count else math.nan, nan_ok=True)


def _iou(one: tuple[float, float], other: tuple[float, float]) -> float:
    both = max(0.0, min(one[1], other[1]) - max(one[0], other[0]))
    return both / (one[1] - one[0] + other[1] - other[0] - both)
