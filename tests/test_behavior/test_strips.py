"""The model's probabilities over time, against what was worked out by hand."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from behavior.report.columns import bytes_of
from behavior.report.strips import POINTS, SHOWN, over_time, probabilities_table, strips
from storage.probabilities import Probabilities

NAN = np.nan


def said(
    track_id: int, frames: list[int], *, actions: tuple[str, ...] = ("walk",), **values: list[float]
) -> Probabilities:
    columns = np.array([values[action] for action in actions], dtype=np.float32).T
    return Probabilities(track_id, actions, np.array(frames), columns)


def test_a_value_holds_until_the_next_but_not_over_a_gap() -> None:
    """Steps of 1 s from 0 to 2 s and from 6 s on, the second one not known."""
    values, time_s = np.array([0.2, NAN, 0.6, 0.8]), np.array([0.0, 1.0, 2.0, 6.0])
    found = over_time(values, time_s, 0.0, 8.0, 16)
    assert found.tolist() == pytest.approx(
        [0.2, 0.2, NAN, NAN, 0.6, 0.6, 0.6, *[NAN] * 5, 0.8, 0.8, 0.8, NAN], nan_ok=True
    )


def test_many_values_in_a_point_are_their_mean_of_what_is_known() -> None:
    values = np.array([0.1, 0.3, NAN, 0.5, NAN, NAN])
    assert over_time(values, 10.0 + np.arange(6), 10.0, 16.0, 2).tolist() == pytest.approx([0.2, 0.5])
    assert over_time(values, 10.0 + np.arange(6), 10.0, 16.0, 3).tolist() == pytest.approx([0.2, 0.5, NAN], nan_ok=True)
    assert np.isnan(over_time(np.empty(0), np.empty(0), 0.0, 1.0, 3)).all()


def test_strips_of_a_page() -> None:
    """Person 3 has none; what is never likely has no strip."""
    frames, time_s = np.arange(0, 60, 2), np.arange(30) / 10
    walks = said(1, [0, 20, 40], actions=("walk", "wave"), walk=[0.5, 0.25, NAN], wave=[0.09, 0.0, NAN])
    found = strips([walks, said(2, [20], walk=[1.0])], [2, 1, 3], frames, time_s, 0.0, 3.0)
    assert found is not None
    assert found.about == {"actions": ["walk"], "points": 6}
    codes = list(zlib.decompress(bytes_of(found.data.encode())))
    # After a 0 differences, zigzagged, plus 1, as LEB128; 0 is missing: person 2, 1, 3.
    assert codes == [0, 0, 0, 201, 1, 0, 0, 0, 0, 101, 1, 50, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    assert strips([], [1], frames, time_s, 0.0, 3.0) is None
    assert strips([said(1, [0], walk=[SHOWN - 0.01])], [1], frames, time_s, 0.0, 3.0) is None


def test_many_people_and_hours_stay_small() -> None:
    time_s = np.arange(36000) / 10
    actions = tuple("abcdefghij")
    one = Probabilities(1, actions, np.arange(0, 36000, 3), np.full((12000, 10), 0.5, np.float32))
    found = strips([one], [1], np.arange(36000), time_s, 0.0, 3600.0)
    assert found is not None
    assert found.about["points"] == POINTS
    found = strips([one], list(range(1, 1001)), np.arange(36000), time_s, 0.0, 3600.0)
    assert found is not None
    assert found.about["points"] == 100


def test_the_table_has_every_step() -> None:
    frames, time_s = np.arange(0, 60, 2), np.arange(30) / 10
    table = probabilities_table(
        [said(1, [0, 20], walk=[0.5, NAN]), said(2, [40], actions=("=hop",), **{"=hop": [0.25]})], frames, time_s
    )
    assert list(table.columns) == ["track_id", "frame", "time_s", "p_walk", "p_=hop"]
    assert table.time_s.tolist() == [0.0, 1.0, 2.0]
    assert table.p_walk.tolist() == pytest.approx([0.5, NAN, NAN], nan_ok=True)
    assert list(probabilities_table([], frames, time_s).columns) == ["track_id", "frame", "time_s"]
