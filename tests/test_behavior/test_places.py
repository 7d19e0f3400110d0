"""Time spent in the picture and distances, against what was worked out by hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from behavior.report.places import DISTANCE_COLUMNS, DISTANCE_POINTS, distances, heat


@dataclass(frozen=True, eq=False)
class Walker:
    track_id: int
    time_s: np.ndarray
    middle: np.ndarray
    torso: float


def walker(track_id: int, frames: list[int], places: list[tuple[float, float]], torso: float = 10.0) -> Walker:
    return Walker(track_id, np.array(frames) / 10, np.array(places, dtype=np.float32), torso)


def test_time_in_each_cell() -> None:
    """Cells of 10 pixels, 10 frames/s: two frames in one cell, then a second away, of which half counts."""
    one = walker(1, [0, 1, 2, 12, 13], [(5, 5), (9, 9), (15, 5), (35, 15), (np.nan, np.nan)])
    seconds = heat([one], (40, 20), cells=4)
    np.testing.assert_allclose(seconds, [[0.2, 0.5, 0, 0], [0, 0, 0, 0.1]], atol=1e-9)
    np.testing.assert_allclose(heat([walker(3, [0, 1], [(5, 5)] * 2)], (20, 10), cells=2), [[0.2, 0]])
    outside = walker(2, [0, 1], [(-1, 5), (40, 5)])
    np.testing.assert_allclose(heat([outside], (40, 20), cells=4), 0)
    assert heat([], (20, 40), cells=4).shape == (4, 2)


def test_distances_by_hand() -> None:
    """Torsos of 10 and 30 pixels, 20 in the mean; they share the frames 1 to 3, and in the last one is not found."""
    one = walker(1, [0, 1, 2, 3], [(0, 0), (0, 0), (0, 0), (np.nan, np.nan)])
    two = walker(2, [1, 2, 3, 4], [(30, 40), (0, 20), (0, 0), (0, 0)], torso=30.0)
    table, curves = distances([two, one], 0.0, 0.5)
    assert tuple(table.columns) == DISTANCE_COLUMNS
    (row,) = table.itertuples(index=False)
    assert tuple(row)[:-1] == pytest.approx((1, 2, 0.2, 1.75, np.sqrt(2 * 0.75**2), 1.75, 1.0, 0.2, 2.5))
    assert row.unit == "torso"
    (metres,) = distances([two, one], 0.0, 0.5, metres_per_px=0.01)[0].itertuples(index=False)
    assert (metres.mean, metres.nearest, metres.unit) == (pytest.approx(0.35), pytest.approx(0.2), "m")
    np.testing.assert_allclose(curves[1, 2], [np.nan, 2.5, 1.0, np.nan, np.nan])
    _, longer = distances([two, one], 0.0, 100.0)
    assert len(longer[1, 2]) == DISTANCE_POINTS
    assert longer[1, 2][0] == pytest.approx(1.75)


def test_people_who_never_meet_have_no_distance() -> None:
    one, two = walker(1, [0, 1], [(0, 0)] * 2), walker(2, [2, 3], [(0, 0)] * 2)
    table, curves = distances([one, two], 0, 1)
    assert table.empty
    assert curves == {}
    assert table.dtypes.equals(distances([one, walker(2, [1], [(5, 5)])], 0, 1)[0].dtypes)
    nobody, _ = distances([one, walker(2, [0, 1], [(5, 5)] * 2, torso=np.nan)], 0, 1)
    assert nobody.empty, "a torso that was never seen is no unit"
