"""Transitions and times together, against what was worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from behavior.report.sequence import GONE, NOTHING, TOGETHER_COLUMNS, TRANSITION_COLUMNS, together, transitions
from storage.bouts import Bout

ALWAYS = {1: np.array([[0.0, 100.0]]), 2: np.array([[0.0, 100.0]])}


def bout(track_id: int, action: str, start_s: float, stop_s: float) -> Bout:
    return Bout(track_id, action, start_s, stop_s, round(10 * start_s), round(10 * stop_s), 0.9)


def followed(*bouts: Bout, seen: list[tuple[float, float]] | None = None) -> dict[tuple[str, str], int]:
    presence = ALWAYS if seen is None else {1: np.array(seen)}
    table = transitions(bouts, presence)
    return {(row.action, row.next): row.count for row in table.itertuples(index=False)}


def test_what_follows_within_a_second() -> None:
    walk, sit, wave = bout(1, "walk", 0, 5), bout(1, "sit", 5.5, 9), bout(1, "wave", 12, 13)
    assert followed(walk, sit, wave) == {("walk", "sit"): 1, ("sit", NOTHING): 1, ("wave", NOTHING): 1}
    assert followed(walk, bout(1, "sit", 6.0, 9))["walk", "sit"] == 1
    assert ("walk", NOTHING) in followed(walk, bout(1, "sit", 6.01, 9))
    assert followed(walk, bout(1, "walk", 5.5, 7))["walk", "walk"] == 1, "after a pause, the same again"


def test_bouts_that_overlap() -> None:
    walk = bout(1, "walk", 0, 5)
    assert followed(walk, bout(1, "sit", 4.2, 9))["walk", "sit"] == 1, "it began before the other was over"
    assert followed(walk, bout(1, "wave", 2, 3)) == {("walk", NOTHING): 1}, "the walk went on: nothing follows the wave"
    assert followed(walk, bout(1, "wave", 4.2, 4.8)) == {("walk", NOTHING): 1}, "over before the walk was"
    assert followed(walk, bout(1, "sit", 5, 9), bout(1, "wave", 5, 6)) == {
        ("walk", "sit"): 1,
        ("walk", "wave"): 1,
        ("sit", NOTHING): 1,
    }


def test_who_is_out_of_sight_is_not_unnamed() -> None:
    walk, sit = bout(1, "walk", 0, 5), bout(1, "sit", 5.8, 9)
    assert followed(walk, sit, seen=[(0, 5.1), (5.7, 20)]) == {("walk", GONE): 1, ("sit", NOTHING): 1}
    assert followed(walk, sit, seen=[(0, 9)]) == {("walk", "sit"): 1, ("sit", GONE): 1}


def test_others_and_being_upright_do_not_count() -> None:
    walk = bout(1, "walk", 0, 5)
    assert followed(walk, bout(2, "sit", 5, 9), bout(1, "upright", 0, 50)) == {
        ("walk", NOTHING): 1,
        ("sit", NOTHING): 1,
    }


def test_shares_are_of_all_that_followed() -> None:
    bouts = [bout(1, action, at, at + 1) for at, action in enumerate(["a", "b", "a", "b", "a", "c"])]
    table = transitions(bouts, ALWAYS)
    assert tuple(table.columns) == TRANSITION_COLUMNS
    shares = {(row.action, row.next): row.share for row in table.itertuples(index=False)}
    assert shares == {
        ("a", "b"): pytest.approx(2 / 3),
        ("a", "c"): pytest.approx(1 / 3),
        ("b", "a"): 1,
        ("c", NOTHING): 1,
    }


def test_times_together_by_hand() -> None:
    """Person 1 walks 0-10 and waves 8-12; person 2 walks 9-11 and 10.5-13, four seconds in all."""
    other = [bout(2, "walk", 9, 11), bout(2, "walk", 10.5, 13), bout(2, "upright", 0, 20)]
    table = together([bout(1, "walk", 0, 10), bout(1, "wave", 8, 12), *other])
    assert tuple(table.columns) == TOGETHER_COLUMNS
    assert [tuple(row) for row in table.itertuples(index=False)] == [
        (1, "walk", 1, "wave", pytest.approx(2), pytest.approx(0.2), pytest.approx(0.5)),
        (1, "walk", 2, "walk", pytest.approx(1), pytest.approx(0.1), pytest.approx(0.25)),
        (1, "wave", 2, "walk", pytest.approx(3), pytest.approx(0.75), pytest.approx(0.75)),
    ]


def test_nothing_gives_empty_tables_of_the_same_kinds() -> None:
    some = [bout(1, "a", 0, 2), bout(1, "b", 1, 3)]
    assert len(transitions([], ALWAYS)) == len(together([])) == 0
    assert transitions([], ALWAYS).dtypes.equals(transitions(some, ALWAYS).dtypes)
    assert together([]).dtypes.equals(together(some).dtypes)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 50), st.integers(1, 20)), max_size=12))
def test_never_longer_together_than_either(parts: list[tuple[str, int, int]]) -> None:
    table = together([bout(1, action, start, start + long) for action, start, long in parts])
    assert ((table.share_a <= 1 + 1e-6) & (table.share_b <= 1 + 1e-6) & (table.total_s > 0)).all()
