"""Feature tables of a long track are computed in parts; nobody may see where one ends."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import pandas as pd
import pytest

from behavior.pipeline.describe import Parts, Rows, describe
from features.catalog import bout_table, feature_table, window_table
from features.clean import CleanSettings, clean
from features.filters import FILTERS
from features.sequence import PoseSequence
from features.zones import Zone
from pose.people import Track, TrackPart
from pose.skeleton import COCO_18
from storage.bouts import Bout

N = 2600


@pytest.fixture(scope="module")
def walker() -> Track:
    """A walking person, 30 frames/s, with joints and frames missing, who comes nearer and nearer."""
    rng = np.random.default_rng(1)
    time_s = np.arange(N) / 30
    rest = {
        "nose": (8, -96), "eye": (6, -100), "ear": (0, -98), "neck": (0, -80), "shoulder": (0, -79), "elbow": (2, -45),
        "wrist": (8, -14), "hip": (0, 0), "knee": (4, 45), "ankle": (0, 90),
    }  # fmt: skip
    swing = {"ankle": 35, "knee": 15, "wrist": 25, "elbow": 10}
    keypoints = np.empty((N, len(COCO_18), 3), dtype=np.float32)
    for i, joint in enumerate(COCO_18.joints):
        part = joint.removeprefix("left_").removeprefix("right_")
        phase = 5.5 * time_s + (np.pi if joint.startswith("left") else 0)
        keypoints[:, i, 0] = rest[part][0] + swing.get(part, 2) * np.sin(phase)
        keypoints[:, i, 1] = rest[part][1] + 0.2 * swing.get(part, 2) * np.cos(phase)
    keypoints[..., :2] *= (1 + time_s / 600)[:, None, None]
    keypoints[..., :2] += rng.normal(500, 0.5, (N, len(COCO_18), 2))
    keypoints[..., 2] = rng.uniform(0.2, 1, keypoints.shape[:2])
    keypoints[rng.random(keypoints.shape[:2]) < 0.05] = (np.nan, np.nan, 0)
    seen = (np.arange(N) < 900) | (np.arange(N) > 990)
    return Track(
        3, np.flatnonzero(seen), time_s[seen], keypoints[seen], np.ones(seen.sum(), dtype=np.float32), skeleton=COCO_18
    )


def in_parts(track: Track, rows: int) -> Parts:
    def parts(margin: int) -> Iterator[TrackPart]:
        for begin in range(0, len(track), rows):
            end = min(begin + rows, len(track))
            first = max(begin - margin, 0)
            yield TrackPart(track.rows(slice(first, end + margin)), slice(begin - first, end - first))

    return parts


ZONE = Zone("door", np.array([[480.0, 300], [700, 300], [700, 700], [495, 700]]))


@pytest.fixture(scope="module")
def phone() -> Track:
    """Somebody filmed by a phone: 60 frames/s, 12 in dim light, 60 again; away for 20 s, the hips unseen for 8 s.

    They stand still for long between two walks, are far away at first and near at last.
    """
    rng = np.random.default_rng(3)
    step = np.concatenate([np.full(800, 1 / 60), np.full(500, 1 / 12), np.full(1100, 1 / 60)])
    step[400], step[1700] = 20.0, 0.3
    time_s = np.cumsum(step)
    n = len(time_s)
    keypoints = np.ones((n, len(COCO_18), 3), dtype=np.float32)
    walks = ((time_s < 15) | (time_s > 62)) * 1.0
    for i, joint in enumerate(COCO_18.joints):
        side = 1 if joint.startswith("left") else -1 if joint.startswith("right") else 0
        part = joint.removeprefix("left_").removeprefix("right_")
        height = {"neck": -80, "shoulder": -79, "hip": 0, "knee": 45, "ankle": 90, "wrist": -14, "elbow": -45}
        swing = {"ankle": 35, "knee": 15, "wrist": 25, "elbow": 10}.get(part, 1) * walks
        keypoints[:, i, 0] = 12 * side + swing * np.sin(6 * time_s) * (side or 1)
        keypoints[:, i, 1] = height.get(part, -98) + 2 * swing * np.cos(12 * time_s) / 35
    keypoints[..., :2] *= (1 + time_s / 90)[:, None, None]
    keypoints[..., 0] += (500 + 60 * np.sin(time_s / 2.1))[:, None]
    keypoints[..., 1] += 500
    keypoints[..., :2] += rng.normal(0, 1, (n, len(COCO_18), 2))
    keypoints[rng.random(keypoints.shape[:2]) < 0.02] = (np.nan, np.nan, 0)
    hips = [i for i, joint in enumerate(COCO_18.joints) if joint.endswith("hip")]
    keypoints[1500:1980, hips] = (np.nan, np.nan, 0)
    return Track(2, np.arange(n), time_s, keypoints, np.ones(n, dtype=np.float32), skeleton=COCO_18)


@pytest.mark.parametrize(
    ("smoothing", "kinds"), [("kalman", ("frames", "windows", "bouts")), ("butterworth", ("frames",))]
)
def test_parts_are_the_whole_where_the_rate_changes(
    phone: Track, smoothing: str, kinds: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The slow frames can't show the usual 6 Hz.
    monkeypatch.setitem(FILTERS, "butterworth", partial(FILTERS["butterworth"], cutoff_hz=5.0))
    settings = CleanSettings(smoothing=smoothing, swap_penalty=0.15)  # type: ignore[arg-type]  # a name of the filters
    bouts = [Bout(2, "walk", a, b, 0, 1, 1.0) for a, b in ((1.0, 3.0), (5.0, 40.0), (39.0, 80.0), (30.0, 32.0))]
    asked = {
        "frames": Rows(zones=[ZONE]),
        "windows": Rows((4.0, 3.0), zones=[ZONE]),
        "bouts": Rows(bouts=bouts, zones=[ZONE]),
    }
    for kind in kinds:
        parts, whole = (
            pd.concat(describe(in_parts(phone, rows), settings, asked[kind]), ignore_index=True)
            for rows in (900, 10_000)
        )
        pd.testing.assert_frame_equal(parts, whole, rtol=1e-6, atol=1e-7)
        assert np.isfinite(whole.select_dtypes(float).to_numpy()).mean() > 0.4


@pytest.mark.parametrize("rows", [700, 10_000])
def test_frames_in_parts_are_those_of_the_whole(walker: Track, rows: int) -> None:
    table = pd.concat(describe(in_parts(walker, rows), CleanSettings()), ignore_index=True)
    whole = feature_table(clean(PoseSequence.from_track(walker)), frames=walker.frames)
    assert (table.pop("track_id") == 3).all()
    assert table.attrs["units"] == whole.attrs["units"]
    pd.testing.assert_frame_equal(table, whole, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("windows", [(1.0, 0.5), (4.0, 4.0)])
def test_windows_in_parts_are_those_of_the_whole(walker: Track, windows: tuple[float, float]) -> None:
    table = pd.concat(describe(in_parts(walker, 700), CleanSettings(), Rows(windows)), ignore_index=True)
    whole = window_table(clean(PoseSequence.from_track(walker)), *windows)
    assert (table.pop("track_id") == 3).all()
    pd.testing.assert_frame_equal(table, whole, rtol=1e-5, atol=1e-5)


def test_bouts_in_parts_are_those_of_the_whole(walker: Track) -> None:
    """One reaches over three parts, one begins where nobody is seen, one is somebody else's, one is after the end."""
    spans = [(80.0, 81.0), (20.0, 75.0), (31.0, 31.5), (200.0, 201.0)]
    bouts = [Bout(3, f"a{k}", start, stop, 0, 1, 1.0) for k, (start, stop) in enumerate(spans)]
    asked = Rows(bouts=[*bouts, Bout(4, "b", 1.0, 2.0, 0, 1, 1.0)])
    table = pd.concat(describe(in_parts(walker, 700), CleanSettings(), asked), ignore_index=True)
    whole = bout_table(clean(PoseSequence.from_track(walker)), sorted(spans))
    assert (table.pop("track_id") == 3).all()
    assert table.pop("action").tolist() == ["a1", "a2", "a0", "a3"]
    pd.testing.assert_frame_equal(table, whole, rtol=1e-5, atol=1e-5)
