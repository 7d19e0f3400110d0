"""Axis, lanes, budgets and paths of the report's figures."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from behavior.report import figures
from pose.skeleton import COCO_18
from storage.bouts import Bout


def make_bout(action: str, start_s: float, stop_s: float, score: float = 0.8) -> Bout:
    first = int(10 * start_s)
    return Bout(1, action, start_s, stop_s, first, max(first, int(10 * stop_s) - 1), score)


@pytest.mark.parametrize(
    ("seconds", "decimals", "text"),
    [
        (0, 0, "0:00"),
        (7.04, 1, "0:07.0"),
        (59.96, 1, "1:00.0"),
        (61.25, 2, "1:01.25"),
        (3725, 0, "1:02:05"),
        (-3, 0, "−0:03"),
    ],
)
def test_clock(seconds: float, decimals: int, text: str) -> None:
    assert figures.clock(seconds, decimals) == text


def test_ticks_of_the_sample_video() -> None:
    ticks = figures.ticks(0.0, 7.667)
    assert [tick.text for tick in ticks] == [f"0:0{second}" for second in range(8)]
    assert ticks[1].left == pytest.approx(100 / 7.667)


def test_ticks_start_at_round_times() -> None:
    assert [tick.text for tick in figures.ticks(3590.0, 3670.0)][:3] == ["59:50", "1:00:00", "1:00:10"]


@given(st.floats(0, 1e6), st.floats(0.01, 1e6))
def test_ticks_are_few_distinct_and_inside(start: float, span: float) -> None:
    ticks = figures.ticks(start, start + span)
    assert len(ticks) <= 11
    assert all(-1e-3 <= tick.left <= 95.1 for tick in ticks)
    assert len({tick.text for tick in ticks}) == len(ticks)


def test_no_ticks_without_time() -> None:
    assert figures.ticks(3.0, 3.0) == []


def test_actions_rank_by_time() -> None:
    bouts = [make_bout("wave", 0, 1), make_bout("walk", 1, 3), make_bout("jump", 3, 4), make_bout("walk", 5, 6)]
    assert figures.total_times(bouts) == {"walk": 3, "jump": 1, "wave": 1}
    assert figures.rank_actions(bouts) == {"walk": 0, "jump": 1, "wave": 2}


def boxes(path: str) -> list[tuple[float, float, int]]:
    """Left and right in percent, and top, of each box of a path."""
    found = re.findall(r"M(\d+) (\d+)h(\d+)v\d+h-\d+z", path)
    return [(int(x) / 1000, (int(x) + int(width)) / 1000, int(y)) for x, y, width in found]


def test_lane_by_hand() -> None:
    bouts = [make_bout("walk", 12, 14), make_bout("wave", 13, 15), make_bout("walk", 15, 15.2)]
    lane = figures.lane(bouts, np.array([[11.0, 16.0], [18.0, 20.0]]), {"walk": 0, "wave": 1}, 10.0, 20.0, set(bouts))
    assert lane.rows == 2
    assert lane.height == 2 * figures.ROW_HEIGHT + figures.PRESENCE_HEIGHT
    (walk_rank, walk), (wave_rank, wave) = lane.bars
    assert (walk_rank, wave_rank) == (0, 1)
    assert boxes(walk) == [(20, 40, 1), (50, 52, 1)]
    assert boxes(wave) == [(30, 50, 1 + figures.ROW_HEIGHT)]
    assert [box[:2] for box in boxes(lane.present)] == [(10, 60), (80, 100)]
    assert [box[:2] for box in boxes(lane.absent)] == [(0, 10), (60, 80)]
    assert lane.bouts[1] == (3000, 5000, 1, 80, 1)
    assert [(label.text, label.narrow) for label in lane.labels] == [("walk", False), ("wave", False), ("walk", True)]


def test_shortest_bout_is_still_drawn() -> None:
    lane = figures.lane([make_bout("blink", 5, 5.001)], np.empty((0, 2)), {"blink": 0}, 0.0, 86_400.0, set())
    assert len(boxes(lane.bars[0][1])) == 1


@pytest.mark.parametrize("growth", [0, 1e-4], ids=["equal", "growing"])
def test_only_the_longest_bouts_are_labelled(growth: float) -> None:
    bouts = [make_bout("walk", start, start + 0.1 + growth * start) for start in range(2000)]
    lane = figures.lane(bouts, np.empty((0, 2)), {"walk": 0}, 0.0, 2000.0, figures.longest(bouts))
    assert len(lane.labels) == figures.MAX_LABELS
    assert len(boxes(lane.bars[0][1])) == 2000
    if growth:
        assert min(label.left for label in lane.labels) == pytest.approx(70)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 9)), max_size=15))
def test_bouts_of_one_row_never_overlap(spans: list[tuple[int, int]]) -> None:
    bouts = [make_bout("walk", start, start + n) for start, n in spans]
    lane = figures.lane(bouts, np.empty((0, 2)), {"walk": 0}, 0.0, 60.0, set())
    assert len(lane.bouts) == len(bouts)
    for row in range(lane.rows):
        of_row = [bout for bout in lane.bouts if bout[4] == row]
        assert all(before[1] <= after[0] for before, after in itertools.pairwise(of_row))


def test_time_budget_adds_up_to_time_on_screen() -> None:
    bouts = [make_bout("walk", 1, 3), make_bout("wave", 4, 4.5)]
    shares = figures.time_budget(bouts, np.array([[0.0, 6.0]]), {"walk": 0, "wave": 1}, "not named")
    assert [(share.action, share.rank, share.seconds) for share in shares] == [
        ("walk", 0, 2),
        ("wave", 1, 0.5),
        ("not named", None, 3.5),
    ]


def test_actions_at_once_name_time_once() -> None:
    bouts = [make_bout("walk", 1, 3), make_bout("wave", 2, 4)]
    assert figures.named_time(bouts, np.array([[0.0, 3.5]])) == pytest.approx(2.5)


def test_path_of_a_walk_with_a_gap() -> None:
    """A trunk that moves 10 px a frame to the right; joints missing in some frames, all in one, then a gap of 2 s."""
    keypoints = np.full((8, 18, 3), np.nan, dtype=np.float32)
    keypoints[..., 2] = 0
    neck, hip = COCO_18.index("neck"), COCO_18.index("left_hip")
    for frame in range(8):
        keypoints[frame, neck] = (10 * frame, 90, 1)
        if frame != 1:
            keypoints[frame, hip] = (10 * frame, 110, 1)
    keypoints[2] = (np.nan, np.nan, 0)
    time_s = np.array([0.0, 0.1, 0.2, 0.3, 2.5, 2.6, 2.7, 2.8])
    path = figures.body_path(figures.body_middle(keypoints, COCO_18), time_s)
    np.testing.assert_allclose(path[:3], [[0, 100], [10, 90], [30, 100]])
    assert np.isnan(path[3]).all()
    np.testing.assert_allclose(path[4:, 0], [40, 50, 60, 70])
    assert figures.svg_path(path, 0.5) == "M0.0 50.0L5.0 45.0L15.0 50.0M20.0 50.0L25.0 50.0L30.0 50.0L35.0 50.0"


def test_long_path_is_short() -> None:
    n = 100_000
    keypoints = np.ones((n, 18, 3), dtype=np.float32)
    assert len(figures.body_path(figures.body_middle(keypoints, COCO_18), np.arange(n) / 30)) <= 240


def test_path_of_a_face_is_empty() -> None:
    keypoints = np.full((2, 18, 3), np.nan, dtype=np.float32)
    keypoints[:, COCO_18.index("nose")] = (5, 5, 1)
    assert len(figures.body_path(figures.body_middle(keypoints, COCO_18), np.arange(2) / 30)) == 0


def test_postures_have_the_lowest_row() -> None:
    bouts = [make_bout("upright", 0, 5), make_bout("walk", 1, 3), make_bout("wave", 2, 4), make_bout("sit", 5, 6)]
    ranks = figures.rank_actions(bouts)
    lane = figures.lane(bouts, np.array([[0.0, 6.0]]), ranks, 0.0, 6.0, set())
    assert {(start, row) for start, _, _, _, row in lane.bouts} == {(0, 2), (1000, 0), (2000, 1), (5000, 2)}
    assert figures.named_time(bouts, np.array([[0.0, 6.0]])) == 4
