"""Groups by their independent units, against numbers worked out by hand and another implementation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from behavior.evaluation.units import ROW, d_z, difference_table, group_table, hedges_g, interval, unit_values


def members(*rows: tuple[str, str, float]) -> pd.DataFrame:
    """Rows of group, unit, value."""
    table = pd.DataFrame(rows, columns=["group", "unit", "value"])
    return table.assign(**dict(zip(ROW, ("action", "walk", "total_s", "s"), strict=True)))


def test_people_of_a_recording_are_one_unit() -> None:
    units = unit_values(members(("a", "r1", 1), ("a", "r1", 3), ("a", "r2", 6), ("b", "r3", np.nan), ("b", "r4", 2)))
    found = units[["group", "unit", "n_members", "value"]].to_numpy().tolist()
    assert found == [["a", "r1", 2, 2.0], ["a", "r2", 1, 6.0], ["b", "r4", 1, 2.0]]
    a, b = group_table(units).to_dict("records")
    # By hand: units 2 and 6; drawing both again gives means 2, 4, 6 with 1/4, 1/2, 1/4.
    assert (a["n_units"], a["mean"], a["std"], a["low"], a["high"]) == (2, 4.0, pytest.approx(8**0.5), 2.0, 6.0)
    assert (b["n_units"], b["mean"]) == (1, 2.0)
    assert np.isnan([b["std"], b["low"], b["high"]]).all(), "one unit has no interval"


def test_hedges_g_by_hand() -> None:
    # Means 2 and 5, pooled variance (2 + 8) / 4 = 2.5, m = 4: J = Γ(2) / (√2 Γ(1.5)) = 0.797885.
    assert hedges_g(np.array([1.0, 2, 3]), np.array([3.0, 5, 7])) == pytest.approx(0.797885 * 3 / 2.5**0.5, rel=1e-5)
    assert np.isnan(hedges_g(np.array([1.0]), np.array([3.0, 5])))
    assert np.isnan(hedges_g(np.array([1.0, 1]), np.array([3.0, 3])))
    assert d_z(np.array([1.0, 2, 3])) == 2.0
    assert np.isnan(d_z(np.array([1.0, 1])))


def test_intervals_are_those_of_scipy() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(5, 2, 12), rng.normal(7, 1, 9)
    one = stats.bootstrap((x,), np.mean, n_resamples=20_000, method="percentile", random_state=1)
    assert interval(x) == pytest.approx(tuple(one.confidence_interval), abs=0.06)

    def apart(a: np.ndarray, b: np.ndarray, axis: int) -> np.ndarray:
        return np.asarray(b.mean(axis=axis) - a.mean(axis=axis))

    two = stats.bootstrap((x, y), apart, n_resamples=20_000, method="percentile", random_state=1)
    assert interval(x, y) == pytest.approx(tuple(two.confidence_interval), abs=0.06)
    assert interval(x, y) == interval(x, y), "the same again"


def test_the_same_units_are_compared_one_by_one() -> None:
    table = members(("a", "r1", 1), ("a", "r2", 10), ("b", "r1", 2), ("b", "r2", 12), ("c", "r2", 5), ("c", "r3", 7))
    ab, ac, bc = difference_table(unit_values(table)).to_dict("records")
    assert (ab["paired"], ab["difference"], ab["low"], ab["high"]) == (True, 1.5, 1.0, 2.0)
    assert (ab["effect_size"], ab["effect"]) == ("d_z", pytest.approx(1.5 / 0.5**0.5))
    for one in (ac, bc):
        assert (one["paired"], one["effect_size"]) == (False, "none")
        assert np.isnan([one["low"], one["effect"]]).all(), "neither the same nor others"


def test_differences_keep_the_order_of_the_groups() -> None:
    first = members(("a", "r1", 1), ("b", "r2", 3))
    second = members(("b", "r2", 3), ("a", "r1", 1)).assign(measure="count")
    found = difference_table(unit_values(pd.concat([first, second])))
    assert found[["group_a", "difference"]].to_numpy().tolist() == [["a", 2.0], ["a", 2.0]]
