"""Frames to tracks, tracks to tables and back."""

from __future__ import annotations

import doctest
import importlib
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pose import (
    BODY_25,
    COCO_18,
    FramePeople,
    Person,
    PoseError,
    Track,
    tracks_from_dataframe,
    tracks_of,
    tracks_to_dataframe,
    tracks_to_xarray,
)
from pose.skeleton import Skeleton

PAIR = Skeleton("pair", ("nose", "tail"), (("nose", "tail"),), (0.1, 0.1))


def person(value: float, track_id: int | None, skeleton: Skeleton = PAIR) -> Person:
    return Person(np.full((len(skeleton), 3), value, np.float32), 0.5 + value / 100, track_id, skeleton=skeleton)


@st.composite
def worlds(draw: st.DrawFn) -> list[Track]:
    """Up to three people in some of six frames of one uneven clock, joints missing here and there."""
    clock = np.cumsum(draw(arrays.arrays(np.float64, 6, elements=st.floats(0.01, 2))))
    tracks = []
    for track_id in draw(st.sets(st.integers(1, 9), min_size=1, max_size=3)):
        frames = np.array(sorted(draw(st.sets(st.integers(0, 5), min_size=1))))
        values = st.floats(-1e4, 1e4, width=32)
        keypoints = draw(arrays.arrays(np.float32, (len(frames), 2, 3), elements=values))
        keypoints[draw(arrays.arrays(np.bool_, (len(frames), 2)))] = np.nan, np.nan, 0
        scores = np.full(len(frames), np.nan, np.float32)
        tracks.append(Track(track_id, frames, clock[frames], keypoints, scores, skeleton=PAIR))
    return tracks


def same(found: list[Track], expected: list[Track]) -> None:
    assert [track.track_id for track in found] == [track.track_id for track in expected]
    for one, other in zip(found, expected, strict=True):
        assert one.skeleton is other.skeleton
        for name in ("frames", "time_s", "keypoints", "scores"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name), strict=True)


@given(worlds(), st.randoms(use_true_random=False))
def test_a_table_goes_there_and_back(tracks: list[Track], random: object) -> None:
    ordered = sorted(tracks, key=lambda track: track.track_id)
    table = tracks_to_dataframe(tracks)
    assert table[["track_id", "frame"]].apply(tuple, axis=1).is_monotonic_increasing
    same(tracks_from_dataframe(table, PAIR), ordered)
    random.shuffle(rows := list(range(len(table))))  # type: ignore[attr-defined]
    same(tracks_from_dataframe(table.iloc[rows].astype({"keypoint": "str"}), PAIR), ordered)


def test_a_joint_without_a_row_or_a_place_is_missing() -> None:
    table = tracks_to_dataframe([track(4)])
    for less in (table.query("keypoint == 'tail'"), table.assign(x=[np.nan, 1]), table.assign(y=[np.nan, 1])):
        (found,) = tracks_from_dataframe(less, PAIR)
        np.testing.assert_array_equal(found.keypoints, [[[np.nan, np.nan, 0], [1, 1, 1]]])


@given(worlds())
def test_a_dataset_has_every_number_in_its_place(tracks: list[Track]) -> None:
    dataset = tracks_to_xarray(tracks)
    assert dataset.position.dims == ("time", "space", "keypoint", "individual")
    assert dataset.confidence.dims == ("time", "keypoint", "individual")
    n_cells = 0
    for track in tracks:
        own = dataset.sel(individual=f"person_{track.track_id}").swap_dims(time="frame").sel(frame=track.frames)
        np.testing.assert_array_equal(own.time, track.time_s)
        np.testing.assert_array_equal(own.position.sel(keypoint="tail", space="y"), track["tail"][:, 1])
        np.testing.assert_array_equal(own.position.sel(keypoint="nose", space="x"), track["nose"][:, 0])
        np.testing.assert_array_equal(own.confidence.transpose("frame", "keypoint"), track.keypoints[..., 2])
        n_cells += own.confidence.size
    assert np.isfinite(dataset.confidence).sum() == n_cells  # nobody elsewhere
    assert set(dataset.frame.values) == {frame for track in tracks for frame in track.frames}


@pytest.mark.parametrize(("times", "fps"), [([0, 0.04, 0.08, 0.16], 25.0), ([0, 0.04, 0.1, 0.16], None), ([3.0], None)])
def test_fps_is_that_of_an_even_clock(times: list[float], fps: float | None) -> None:
    frames = np.array([0, 1, 2, 4][: len(times)])
    track = Track(7, frames, np.array(times), np.ones((len(times), 2, 3), np.float32), np.ones(len(times), np.float32),
                  skeleton=PAIR)  # fmt: skip
    attributes = tracks_to_xarray([track]).attrs
    assert attributes.get("fps") == fps
    assert (attributes["time_unit"], attributes["ds_type"]) == ("seconds", "poses")


def test_tracks_are_gathered_from_frames() -> None:
    frames = [
        FramePeople(3, 0.1, (person(1, 2), person(2, 1), person(9, None))),
        FramePeople(5, 0.4, ()),
        FramePeople(6, 0.5, (person(3, 2),)),
    ]
    one, two = tracks_of(iter(frames))
    assert (one.track_id, one.frames.tolist(), one.time_s.tolist()) == (1, [3], [0.1])
    assert (two.track_id, two.frames.tolist(), two.time_s.tolist()) == (2, [3, 6], [0.1, 0.5])
    np.testing.assert_array_equal(two["tail"], [[1, 1, 1], [3, 3, 3]])
    np.testing.assert_allclose(two.scores, [0.51, 0.53])
    assert two.skeleton is PAIR
    assert tracks_of([]) == []


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        ([FramePeople(0, 0, (person(1, 1), person(2, 1)))], "track 1: frame numbers must rise"),
        ([FramePeople(1, 0, (person(1, 1),)), FramePeople(0, 1, (person(1, 1),))], "frame numbers must rise"),
        (
            [FramePeople(0, 0, (person(1, 1),)), FramePeople(1, 1, (person(1, 1, COCO_18),))],
            "track 1: expected people of one skeleton, got pair, coco_18",
        ),
    ],
)
def test_frames_that_do_not_fit_are_refused(frames: list[FramePeople], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        tracks_of(frames)


def track(track_id: int, time_s: float = 0.0, skeleton: Skeleton = PAIR) -> Track:
    return tracks_of([FramePeople(0, time_s, (person(1, track_id, skeleton),))])[0]


def test_tracks_that_do_not_fit_are_refused() -> None:
    for convert in (tracks_to_dataframe, tracks_to_xarray):
        with pytest.raises(ValueError, match="expected tracks of one skeleton, got pair, body_25"):
            convert([track(1), track(2, skeleton=BODY_25)])
        with pytest.raises(ValueError, match="there are two tracks of number 1"):
            convert([track(1), track(1)])
    with pytest.raises(ValueError, match="two times for one frame"):
        tracks_to_xarray([track(1), track(2, time_s=0.1)])
    with pytest.raises(ValueError, match="at least one track"):
        tracks_to_xarray([])
    assert tracks_from_dataframe(tracks_to_dataframe([]), PAIR) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda table: table.drop(columns=["x", "frame"]), "has no column frame, x; expected track_id, frame"),
        (lambda table: table.assign(keypoint="ear"), "pair has no joint ear; its joints are nose, tail"),
        (lambda table: pd.concat([table, table]), "track 1: a keypoint stands twice in a frame"),
        (lambda table: table.assign(time_s=[0.0, 0.1]), "track 1: a frame has two times"),
    ],
)
def test_tables_that_do_not_fit_are_refused(change: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        tracks_from_dataframe(change(tracks_to_dataframe([track(1)])), PAIR)  # type: ignore[operator]


@pytest.mark.parametrize("module", ["pose.people", "pose.tables"])
def test_the_examples_are_true(module: str) -> None:
    done = doctest.testmod(importlib.import_module(module))
    assert done.attempted
    assert not done.failed


def test_without_xarray_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(PoseError, match="pip install"):
        tracks_to_xarray([track(1)])
