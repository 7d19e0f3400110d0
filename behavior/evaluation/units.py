"""Groups compared by their independent units: means, intervals by drawing whole units again, effect sizes.

A unit is what was sampled independently: a recording, or a subject with several. People in one picture, bouts and
windows of one recording are not; within a unit they are averaged, and only units are counted.

Intervals: percentile bootstrap over units (Efron & Tibshirani 1993, chapter 13), 95 %. With few units they are too
narrow. Effect sizes: Hedges' g, the difference of means over the pooled standard deviation times the exact correction
for small samples (Hedges 1981, https://doi.org/10.3102/10769986006002107); where both groups have the same units,
d_z, the mean of the differences over their standard deviation (Lakens 2013, https://doi.org/10.3389/fpsyg.2013.00863).
"""

from __future__ import annotations

from itertools import combinations
from math import exp, lgamma, sqrt

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Values = NDArray[np.float64]

FEW = 10
"""Units of a group below which its interval is called too narrow."""
DRAWS = 10_000
ROW = ["kind", "name", "measure", "unit_of_measure"]
"""Columns that say what a number is: `action` or `feature`, its name, what of it, and in which unit."""
UNIT_COLUMNS = [*ROW, "group", "unit", "n_members", "value"]
GROUP_COLUMNS = [*ROW, "group", "n_units", "mean", "std", "low", "high"]
DIFFERENCE_COLUMNS = [
    *ROW, "group_a", "group_b", "n_a", "n_b", "paired", "difference", "low", "high", "effect_size", "effect",
]  # fmt: skip


def unit_values(members: pd.DataFrame) -> pd.DataFrame:
    """The mean of each unit's members, NaN left out: `UNIT_COLUMNS`; units without any value are left out.

    Six decimals, as tables keep them: whatever follows, follows from the file, and noise of float32 is no effect.

    Args:
        members: `ROW`, `group`, `unit`, `value`, one row per member (a person in a recording) and measure.
    """
    known = members.dropna(subset=["value"])
    found = known.groupby([*ROW, "group", "unit"], sort=False, as_index=False).agg(
        n_members=("value", "size"), value=("value", "mean")
    )
    return found[UNIT_COLUMNS].round({"value": 6})


def group_table(units: pd.DataFrame) -> pd.DataFrame:
    """Each group and measure: mean over its units, sample standard deviation, 95 % interval; NaN below two units."""
    rows = []
    for key, found in units.groupby([*ROW, "group"], sort=False):
        values = found.value.to_numpy()
        rows.append((*key, len(values), values.mean(), _std(values), *interval(values)))
    return pd.DataFrame(rows, columns=GROUP_COLUMNS)


def difference_table(units: pd.DataFrame) -> pd.DataFrame:
    """Each two groups and measure: mean of `group_b` minus mean of `group_a`, 95 % interval, effect size.

    Groups with the same units are compared unit by unit (`paired`). Where they share some units and not others, they
    are neither paired nor independent: interval and effect are NaN. Below two units in either they are NaN, too.
    """
    rows = []
    groups = list(dict.fromkeys(units.group))
    for key, found in units.groupby(ROW, sort=False):
        own = {group: found[found.group == group].set_index("unit").value for group in groups}
        of_group = {group: values for group, values in own.items() if len(values)}
        for (a, first), (b, second) in combinations(of_group.items(), 2):
            paired = set(first.index) == set(second.index)
            name, size, low, high = "none", np.nan, np.nan, np.nan
            if paired:
                change = (second - first).to_numpy()
                name, size, (low, high) = "d_z", d_z(change), interval(change)
            elif not set(first.index) & set(second.index):
                x, y = first.to_numpy(), second.to_numpy()
                name, size, (low, high) = "Hedges' g", hedges_g(x, y), interval(x, y)
            difference = second.mean() - first.mean()
            rows.append((*key, a, b, len(first), len(second), paired, difference, low, high, name, size))
    return pd.DataFrame(rows, columns=DIFFERENCE_COLUMNS)


def interval(first: Values, second: Values | None = None, draws: int = DRAWS, seed: int = 0) -> tuple[float, float]:
    """95 % percentile bootstrap interval of a mean, or of the mean of `second` minus that of `first`.

    NaN below two values in either.
    """
    if min(len(first), np.inf if second is None else len(second)) < 2:
        return np.nan, np.nan
    rng = np.random.default_rng(seed)
    means = _drawn_means(first, draws, rng)
    if second is not None:
        means = _drawn_means(second, draws, rng) - means
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def _drawn_means(values: Values, draws: int, rng: np.random.Generator) -> Values:
    """(draws,) means of as many values drawn with replacement."""
    counts = rng.multinomial(len(values), np.full(len(values), 1 / len(values)), size=draws)
    return np.asarray(counts @ values / len(values), dtype=np.float64)


def hedges_g(first: Values, second: Values) -> float:
    """Hedges' g of `second` against `first`; NaN below two values in either, or where none of them differ."""
    if min(len(first), len(second)) < 2:
        return np.nan
    m = len(first) + len(second) - 2
    squares = ((first - first.mean()) ** 2).sum() + ((second - second.mean()) ** 2).sum()
    if squares == 0:
        return np.nan
    correction = exp(lgamma(m / 2) - lgamma((m - 1) / 2)) / sqrt(m / 2)
    return float(correction * (second.mean() - first.mean()) / sqrt(squares / m))


def d_z(change: Values) -> float:
    """Mean of paired differences over their sample standard deviation; NaN below two, or where all are the same."""
    spread = _std(change)
    return float(change.mean() / spread) if spread > 0 else np.nan


def _std(values: Values) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else np.nan
