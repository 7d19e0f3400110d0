from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from features.catalog import Zone, bout_table, feature_table, window_table
from features.errors import FeatureError
from features.sequence import PoseSequence
from features.zones import read_zones

Make = Callable[..., PoseSequence]
SQUARE = Zone("door", np.array([(0, 0), (10, 0), (10, 10), (0, 10)]))


def test_inside_and_depth() -> None:
    points = np.array([[5, 5], [1, 5], [-3, 5], [13, 14], [np.nan, 5]], dtype=float)
    np.testing.assert_array_equal(SQUARE.contains(points), [1, 1, 0, 0, np.nan])
    np.testing.assert_allclose(SQUARE.depth(points), [5, 1, -3, -5, np.nan])


def test_a_zone_may_be_concave_and_drawn_either_way() -> None:
    corners = np.array([(0, 0), (10, 0), (10, 10), (5, 2), (0, 10)])
    points = np.array([[5, 5], [1, 5], [9, 5], [5, 1]], dtype=float)
    for way in (corners, corners[::-1]):
        np.testing.assert_array_equal(Zone("w", way).contains(points), [0, 1, 1, 1])


@pytest.mark.parametrize("corners", [[(0, 0), (1, 1)], [(0, 0), (1, 1), (np.nan, 2)], [1, 2, 3]])
def test_what_is_no_polygon(corners: object) -> None:
    with pytest.raises(FeatureError, match="at least three corners"):
        Zone("door", np.array(corners, dtype=float))


def test_names(make: Make) -> None:
    named = Zone("Front door (left)", SQUARE.corners)
    assert "front_door_left_inside" in feature_table(make(3), [], zones=[named])
    with pytest.raises(FeatureError, match="same name"):
        feature_table(make(3), zones=[named, Zone("front-door left", SQUARE.corners)])
    for name in ("", " ", "__"):
        with pytest.raises(FeatureError, match="letter or a digit"):
            Zone(name, SQUARE.corners)


def test_time_entries_and_latency(make: Make) -> None:
    """In from 1.0 to 1.9 s and from 3.0 to 3.4 s of 5 s; unseen from 3.5 to 3.9 s."""
    x = np.full(50, -100.0)
    x[10:20] = x[30:35] = 5.0
    x[35:40] = np.nan
    sequence = make(50, 10, np.stack([x, np.full(50, 5.0)], axis=1))
    table = feature_table(sequence, [], zones=[SQUARE])
    assert list(table.columns) == ["time_s", "door_inside", "door_border_distance"]
    assert table.attrs["units"]["door_border_distance"] == "px"
    row = bout_table(sequence, [(0, 5)], [], zones=[SQUARE], statistics=()).iloc[0]
    assert row["door_time_in"] == pytest.approx(1.5)
    assert row["door_share_in"] == pytest.approx(1.5 / 4.5)
    assert row["door_entries"] == 2
    assert row["door_exits"] == 2
    assert row["door_latency"] == pytest.approx(1.0)
    by_second = window_table(sequence, 1.0, 1.0, [], zones=[SQUARE], statistics=())
    np.testing.assert_allclose(by_second["door_time_in"], [0, 1, 0, 0.5, 0])
    np.testing.assert_array_equal(by_second["door_entries"], [0, 1, 0, 1, 0])
    np.testing.assert_array_equal(by_second["door_exits"], [0, 0, 1, 0, 1])


def test_a_zone_of_a_joint_that_is_not_there(make: Make) -> None:
    with pytest.raises(FeatureError, match="left_heel"):
        feature_table(make(3), zones=[Zone("door", SQUARE.corners, "left_heel")])
    with pytest.raises(FeatureError, match="same name"):
        feature_table(make(3), zones=[SQUARE, SQUARE])


def test_zones_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "zones.json"
    file.write_text(
        '{"door": [[0, 0], [1, 0], [1, 1]], "desk": {"corners": [[0, 0], [2, 0], [2, 2]], "joint": "nose"}}'
    )
    door, desk = read_zones(file)
    assert (door.name, door.joint, desk.name, desk.joint) == ("door", "mid_hip", "desk", "nose")
    np.testing.assert_array_equal(desk.corners, [(0, 0), (2, 0), (2, 2)])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "no zones could be read"),
        ("[1, 2]", "expected"),
        ('{"door": [[0, 0], [1, 0]]}', "at least three corners"),
        ('{"door": "here"}', "zone 'door'"),
        ('{"door": {"corner": 3}}', "zone 'door'"),
        ('{"!?": [[0, 0], [1, 0], [1, 1]]}', "letter or a digit"),
    ],
)
def test_a_file_that_holds_no_zones(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "zones.json"
    file.write_text(text)
    with pytest.raises(FeatureError, match=message) as caught:
        read_zones(file)
    assert "zones.json" in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(FeatureError, match="nowhere"):
        read_zones(tmp_path / "nowhere.json")
