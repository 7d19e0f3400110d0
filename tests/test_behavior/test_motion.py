"""What the page draws, packed: read back by the rules written in its module."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from behavior.report import motion
from behavior.report.columns import MISSING, Columns, bytes_of
from behavior.report.motion import GRID, MotionWriter, read_curves
from behavior.report.script import one_script
from pose.people import Track
from pose.skeleton import COCO_18


def unpack(text: str) -> Iterator[int | None]:
    """The numbers of all columns' codes."""
    code = shift = 0
    for byte in zlib.decompress(bytes_of(text.encode())):
        code |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            yield None if code == 0 else ((code - 1) >> 1) ^ -((code - 1) & 1)
            code = shift = 0


def column(codes: Iterator[int | None], n: int) -> list[int | None]:
    goes_on = next(codes) is not None  # the byte 1, else 0
    out: list[int | None] = []
    last = [0]
    for _ in range(n):
        step = next(codes)
        if step is not None:
            expected = last[-1] + (last[-1] - last[-3]) // 2 if goes_on and len(last) > 3 else last[-1]
            last.append(expected + step)
        out.append(None if step is None else last[-1])
    return out


numbers = st.none() | st.integers(-(2**40), 2**40)


@given(st.lists(st.lists(numbers, max_size=20), max_size=4))
def test_columns_come_back(columns: list[list[int | None]]) -> None:
    written = Columns()
    for values in columns:
        written.add(np.array([MISSING if value is None else value for value in values], dtype=np.int64))
    text = written.text()
    assert "<" not in text
    codes = unpack(text)
    assert [column(codes, len(values)) for values in columns] == columns
    assert next(codes, "end") == "end"


def test_what_goes_on_as_it_did_is_small() -> None:
    """A parabola, and noise of a thousand steps."""
    written = Columns()
    written.add(np.arange(2000, dtype=np.int64) ** 2)
    smooth = len(written.text())
    written = Columns()
    written.add(np.random.default_rng(0).integers(0, 1000, 2000))
    assert smooth < 1000 < 2000 < len(written.text()) < 4500


def make_track(track_id: int, frames: np.ndarray, seed: int) -> Track:
    rng = np.random.default_rng(seed)
    keypoints = rng.uniform(-50, 2000, (len(frames), 18, 3)).astype(np.float32)
    keypoints[rng.random((len(frames), 18)) < 0.3] = (np.nan, np.nan, 0)
    return Track(track_id, frames, frames / 25, keypoints, np.ones(len(frames), np.float32))


def packed(tracks: list[Track], frames: np.ndarray, n_rows: int | None = None) -> motion.Motion:
    rows = sum(len(track.frames) for track in tracks) if n_rows is None else n_rows
    writer = MotionWriter(COCO_18, (1920, 1080), frames, frames / 25, rows)
    for track in tracks:
        middle = len(track.frames) // 2
        parts = [
            Track(track.track_id, track.frames[part], track.time_s[part], track.keypoints[part], track.scores[part])
            for part in (slice(0, middle), slice(middle, None))
        ]
        assert list(writer.watch(parts)) == parts
    return writer.finish()


def test_joints_come_back_to_a_step_of_the_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    """In parts of two frames each; nobody but the first person is in the first and the last."""
    monkeypatch.setattr(motion, "PART_NUMBERS", 100)
    frames = np.array([3, 4, 5, 7, 8, 12])
    tracks = [make_track(1, frames, 1), make_track(4, frames[2:4], 2)]
    found = packed(tracks, frames)
    codes = unpack(found.blocks["motion"])
    assert np.allclose(np.array(column(codes, 6), dtype=float) * found.about["tick"], frames / 25, atol=1e-5)
    assert column(codes, 6) == frames.tolist()
    assert next(codes, "end") == "end"
    assert (found.about["part"], found.about["people"]) == (2, 2)
    assert [name for name in found.blocks if name != "motion"] == ["motion-0", "motion-1", "motion-2"]
    for k, wanted in enumerate([[[0, 1], []], [[2, 3], [2, 3]], [[4, 5], []]]):
        codes = unpack(found.blocks[f"motion-{k}"])
        assert column(codes, 2) == [len(places) for places in wanted]
        for track, places in zip(tracks, wanted, strict=True):
            assert column(codes, len(places)) == places
            rows = np.searchsorted(track.frames, frames[places])
            for joint in range(18):
                for axis in range(2):
                    steps = np.array(column(codes, len(places)), dtype=float)
                    expected = track.keypoints[rows, joint, axis]
                    assert np.array_equal(np.isnan(steps), np.isnan(expected))
                    away = np.abs(steps * found.about["unit"] - expected)
                    assert np.nanmax(away, initial=0) <= 0.5 * 1920 / GRID + 1e-3
        assert next(codes, "end") == "end"


def test_too_much_for_a_page_is_drawn_in_fewer_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = np.arange(90)
    monkeypatch.setattr(motion, "MOST_NUMBERS", 36 * 40)
    found = packed([make_track(1, frames, 1), make_track(2, frames[1:2], 2)], frames)
    assert (found.about["every"], found.about["part"]) == (3, 90)
    codes = unpack(found.blocks["motion-0"])
    assert column(codes, 2) == [30, 0]
    monkeypatch.setattr(motion, "PART_NUMBERS", 500)
    split = packed([make_track(1, frames, 1), make_track(2, frames[1:2], 2)], frames)
    assert (split.about["part"], len(split.blocks)) == (30, 4), "a part begins with a frame that was kept"
    assert found.coarse == "To keep the page small it leaves out all but one of 3 frames."


def test_curves_are_means_over_equal_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three frames per point, or each its own; the second person has no speed, nobody an elbow."""
    frames = np.array([3, 4, 5, 6, 9, 10])
    monkeypatch.setattr(motion, "CURVE_NUMBERS", 8)
    features = pd.DataFrame(
        {
            "track_id": [7] * 6 + [9] * 6,
            "frame": [*frames] * 2,
            "time_s": [10.0, 10.1, 10.2, 10.3, 10.4, 10.5] * 2,
            "centre_speed": [1, 2, 6, 4, np.nan, 6] + [np.nan] * 6,
            "left_elbow_angle": [np.nan] * 12,
        }
    )
    table = pa.Table.from_pandas(features, preserve_index=False)
    units = [f.with_metadata({"unit": "torso/s"}) if f.name == "centre_speed" else f for f in table.schema]
    pq.write_table(table.cast(pa.schema(units)), tmp_path / "features.parquet")
    (curve,) = read_curves(tmp_path / "features.parquet", [7, 9], frames, 10.0, 10.6)
    assert (curve.name, curve.unit) == ("centre_speed", "torso/s")
    assert curve.values[0].tolist() == [3.0, 5.0]
    assert np.isnan(curve.values[1]).all()
    monkeypatch.setattr(motion, "CURVE_NUMBERS", 24)
    (curve,) = read_curves(tmp_path / "features.parquet", [7, 9], frames, 10.0, 12.6)
    np.testing.assert_array_equal(curve.values[0], [1, 2, 6, 4, np.nan, 6])


def test_one_script_of_all_modules() -> None:
    text = str(one_script())
    assert "import " not in text.replace("// import", "")
    assert "\nexport " not in text
    for name in ("const clock", "const openPlayer", "const timeline", "const openMotion"):
        assert text.count(name) == 1
    assert text.index("const columnReader") < text.index("const openMotion") < text.index("const openPlayer")
