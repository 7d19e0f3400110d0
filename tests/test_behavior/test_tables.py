"""Summaries against figures worked out by hand, and what must hold for any bouts."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from behavior.report.tables import (
    BOUT_COLUMNS,
    SUMMARY_COLUMNS,
    bins_table,
    bouts_table,
    merged,
    on_screen,
    overlap,
    summary_table,
    write_table,
)
from pose.people import Track
from pose.skeleton import COCO_18
from storage.bouts import Bout
from storage.errors import OutputError

FPS = 10


def make_track(track_id: int, *frames: int) -> Track:
    """A person found in these frames of a video of 10 frames per second."""
    n = len(frames)
    return Track(
        track_id,
        np.array(frames, dtype=np.int64),
        np.array(frames, dtype=np.float64) / FPS,
        np.zeros((n, 18, 3), dtype=np.float32),
        np.ones(n, dtype=np.float32),
        skeleton=COCO_18,
    )


def make_bout(track_id: int, action: str, start_frame: int, stop_frame: int, score: float = 0.9) -> Bout:
    return Bout(track_id, action, start_frame / FPS, (stop_frame + 1) / FPS, start_frame, stop_frame, score)


@pytest.fixture
def world() -> tuple[list[Bout], list[Track]]:
    """Person 1 on screen from 1 s to 5 s, walks 1.5–2.5 s and 3–5 s, waves 4–4.5 s; person 2 from 0 s to 2 s, idle."""
    bouts = [make_bout(1, "wave", 40, 44), make_bout(1, "walk", 30, 49), make_bout(1, "walk", 15, 24)]
    return bouts, [make_track(2, *range(20)), make_track(1, *range(10, 50))]


def test_summary_by_hand(world: tuple[list[Bout], list[Track]]) -> None:
    table = summary_table(*world)
    assert tuple(table.columns) == SUMMARY_COLUMNS
    rows = [list(row) for row in table.itertuples(index=False)]
    assert [row[:7] for row in rows] == [
        [1, "walk", 2, pytest.approx(3.0), pytest.approx(1.5), pytest.approx(0.75), pytest.approx(0.5)],
        [1, "wave", 1, pytest.approx(0.5), pytest.approx(0.5), pytest.approx(0.125), pytest.approx(3.0)],
    ]
    # Durations of 1 and 2 s; 1.5 to 5 s; a pause of half a second.
    assert rows[0][7:11] == pytest.approx([math.sqrt(0.5), 1.5, 5.0, 0.5])
    assert rows[1][8:10] == pytest.approx([4.0, 4.5])
    assert all(math.isnan(each) for each in (rows[0][11], rows[1][7], *rows[1][10:]))


def test_pauses_between_bouts() -> None:
    """Pauses of 1, 2 and 3 s; in the last the person was out of sight. Bouts that overlap have none between them."""
    bouts = [make_bout(1, "hop", *ends) for ends in [(0, 9), (5, 9), (20, 29), (50, 59), (90, 99)]]
    (row,) = summary_table(bouts, [make_track(1, *range(65), *range(85, 100))]).itertuples(index=False)
    assert row.interval_s == pytest.approx(1.5)
    assert row.interval_std_s == pytest.approx(math.sqrt(0.5))


def test_summary_lists_asked_for_actions_for_everyone(world: tuple[list[Bout], list[Track]]) -> None:
    table = summary_table(*world, actions=["walk", "jump"])
    assert list(zip(table.track_id, table.action, table["count"], strict=True)) == [
        (1, "walk", 2),
        (1, "jump", 0),
        (2, "walk", 0),
        (2, "jump", 0),
    ]
    idle = table[table["count"] == 0]
    assert (idle.total_s == 0).all()
    assert (idle.share == 0).all()
    assert idle.mean_s.isna().all()
    assert idle.latency_s.isna().all()


def test_summary_in_bins(world: tuple[list[Bout], list[Track]]) -> None:
    table = summary_table(*world, bin_s=2.0).query("action == 'walk'")
    assert list(table.bin_start_s) == [0, 2, 4]
    assert list(table.bin_stop_s) == [2, 4, 6]
    assert list(table["count"]) == [1, 1, 0]
    assert list(table.total_s) == pytest.approx([0.5, 1.5, 1.0])
    assert list(table.share) == pytest.approx([0.5, 0.75, 1.0])
    assert list(table.latency_s)[:2] == pytest.approx([0.5, 1.0])
    assert math.isnan(list(table.latency_s)[2])
    assert list(table.mean_s)[:2] == pytest.approx([1.0, 2.0])


def test_bins_say_how_long_each_person_was_seen(world: tuple[list[Bout], list[Track]]) -> None:
    table = bins_table(*world, 2.0)
    assert list(table.query("track_id == 1 and action == 'wave'").on_screen_s) == pytest.approx([1.0, 2.0, 1.0])
    idle = table.query("track_id == 2")
    assert list(idle.action) == ["walk", "wave"]
    assert list(idle.on_screen_s) == pytest.approx([2.0, 2.0])


def test_share_is_of_time_on_screen_not_of_the_recording() -> None:
    away = make_track(1, *range(10), *range(90, 100))
    (row,) = summary_table([make_bout(1, "walk", 0, 9)], [away]).itertuples(index=False)
    assert row.share == pytest.approx(0.5)


def test_nothing_at_all() -> None:
    assert tuple(bouts_table([]).columns) == BOUT_COLUMNS
    assert len(bouts_table([])) == 0
    empty = summary_table([], [])
    assert tuple(empty.columns) == SUMMARY_COLUMNS
    assert len(empty) == 0
    assert empty.dtypes.equals(summary_table([make_bout(1, "walk", 0, 9)], [make_track(1, *range(10))]).dtypes)


def test_a_person_of_one_frame_has_no_share() -> None:
    (row,) = summary_table([make_bout(1, "walk", 3, 3)], [make_track(1, 3)]).itertuples(index=False)
    assert math.isnan(row.share)
    assert row.latency_s == 0


def test_bouts_table_is_sorted_and_exact(world: tuple[list[Bout], list[Track]]) -> None:
    table = bouts_table(world[0])
    assert tuple(table.columns) == BOUT_COLUMNS
    assert list(table.start_frame) == [15, 30, 40]
    assert list(table.stop_frame) == [24, 49, 44]
    assert list(table.duration_s) == pytest.approx([1.0, 2.0, 0.5])
    assert table.track_id.dtype == table.start_frame.dtype == np.int64


def test_on_screen_splits_at_long_gaps_only() -> None:
    spans = on_screen(make_track(1, 0, 1, 2, 6, 7, 20), frame_s=0.1)
    np.testing.assert_allclose(spans, [[0, 0.8], [2.0, 2.1]])


def test_on_screen_of_sparse_frames_is_one_stay() -> None:
    """With `--every 30` frames lie a second apart, and nobody left."""
    np.testing.assert_allclose(on_screen(make_track(1, 0, 10, 20), frame_s=1.0), [[0, 3.0]])


@pytest.mark.parametrize("bin_s", [0, -1.0, math.nan])
def test_bins_must_be_positive(bin_s: float) -> None:
    with pytest.raises(ValueError, match="longer than 0 s"):
        summary_table([], [], bin_s=bin_s)


def test_bouts_of_nobody_are_refused() -> None:
    with pytest.raises(ValueError, match=r"without a track: \[7\]"):
        summary_table([make_bout(7, "walk", 0, 1)], [make_track(1, 0, 1)])


bouts_of_two = st.lists(
    st.builds(
        lambda track_id, action, start, n: make_bout(track_id, action, start, start + n),
        st.integers(1, 2),
        st.sampled_from(["walk", "wave", "jump"]),
        st.integers(0, 190),
        st.integers(0, 60),
    ),
    max_size=12,
)
tracks_of_two = st.tuples(*(st.sets(st.integers(0, 220), min_size=2).map(sorted) for _ in range(2))).map(
    lambda frames: [make_track(track_id, *found) for track_id, found in enumerate(frames, start=1)]
)


@given(bouts_of_two, tracks_of_two, st.floats(0.3, 9))
def test_bins_add_up(bouts: list[Bout], tracks: list[Track], bin_s: float) -> None:
    """Within a person's time on screen, bins share out counts and seconds without loss."""
    first = {track.track_id: track.frames[0] for track in tracks}
    last = {track.track_id: track.frames[-1] for track in tracks}
    inside = [b for b in bouts if b.start_frame >= first[b.track_id] and b.stop_frame <= last[b.track_id]]
    whole = summary_table(inside, tracks).set_index(["track_id", "action"])
    binned = summary_table(inside, tracks, bin_s=bin_s).groupby(["track_id", "action"])[["count", "total_s"]].sum()
    assert len(binned) == len(whole)
    np.testing.assert_allclose(binned.total_s, whole.total_s.loc[binned.index])
    np.testing.assert_array_equal(binned["count"], whole["count"].loc[binned.index])


@given(bouts_of_two, tracks_of_two, st.none() | st.floats(0.3, 9))
def test_shares_are_shares(bouts: list[Bout], tracks: list[Track], bin_s: float | None) -> None:
    share = summary_table(bouts, tracks, bin_s=bin_s).share.dropna()
    assert ((share >= -1e-9) & (share <= 1 + 1e-9)).all()


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)), max_size=10), st.data())
def test_merged_and_overlap_count_the_seconds_covered(spans: list[tuple[int, int]], data: st.DataObject) -> None:
    """Whole seconds, counted one by one."""
    others = data.draw(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)), max_size=10))

    def seconds(pairs: list[tuple[int, int]]) -> set[int]:
        return {second for start, n in pairs for second in range(start, start + n)}

    def union(pairs: list[tuple[int, int]]) -> np.ndarray:
        return merged(np.array([(start, start + n) for start, n in pairs], dtype=float).reshape(-1, 2))

    whole = union(spans)
    assert (whole[1:, 0] > whole[:-1, 1]).all()
    assert (whole[:, 1] - whole[:, 0]).sum() == len(seconds(spans))
    assert overlap(whole, union(others)) == len(seconds(spans) & seconds(others))


def test_written_table_reads_back(world: tuple[list[Bout], list[Track]], tmp_path: Path) -> None:
    path = tmp_path / "new" / "bouts.csv"
    write_table(bouts_table([*world[0], make_bout(2, 'sips, "noisily"\n<tea> ☕', 0, 3, 1 / 3)]), path)
    table = pd.read_csv(path)
    assert tuple(table.columns) == BOUT_COLUMNS
    assert table.action.iloc[-1] == 'sips, "noisily"\n<tea> ☕'
    assert table.score.iloc[-1] == 0.333333
    assert [file.name for file in path.parent.iterdir()] == ["bouts.csv"]


def test_unwritable_place_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OutputError, match=r"bouts\.csv: can't be written \(.+\); .+--out") as raised:
        write_table(bouts_table([]), tmp_path / "file" / "bouts.csv")
    assert "\n" not in str(raised.value)


def test_failed_write_leaves_the_old_table(tmp_path: Path) -> None:
    (tmp_path / "bouts.csv").mkdir()
    with pytest.raises(OutputError):
        write_table(bouts_table([]), tmp_path / "bouts.csv")
    assert [file.name for file in tmp_path.iterdir()] == ["bouts.csv"]
