"""Tables and arrays for notebooks, reports and export."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from pose.people import FramePeople
from pose.skeleton import COCO_18
from storage import Database, StorageError, bouts, frames, runs, tracks
from storage.bouts import Bout

COLUMNS = ["track_id", "frame", "time_s", "keypoint", "x", "y", "confidence"]


def test_the_long_table_has_a_row_per_person_frame_and_keypoint(database: Database, tracked: runs.Run) -> None:
    table = frames.keypoints(database, tracked.id)
    assert list(table.columns) == COLUMNS
    assert len(table) == (8 + 7) * 18
    assert list(table["keypoint"].head(18)) == list(COCO_18.joints)
    assert table[["track_id", "frame"]].drop_duplicates().apply(tuple, axis=1).is_monotonic_increasing
    wrist = table.query("track_id == 2 and keypoint == 'left_wrist'")
    assert wrist["x"].tolist() == [200, 199, 198, 197, 194, 193, 192]
    assert wrist["time_s"].tolist()[:2] == [0.0, 0.004]
    nose = table.query("track_id == 2 and keypoint == 'nose'")
    assert nose[["x", "y"]].isna().all(axis=None)
    assert (nose["confidence"] == 0).all()


def test_parquet_holds_the_same_table_in_pieces(
    database: Database, tracked: runs.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "ROW_GROUP", 4)
    path = tmp_path / "tracks.parquet"
    table = frames.keypoints(database, tracked.id)
    assert frames.write_tracks_parquet(database, tracked.id, path) == len(table)
    assert pq.read_metadata(path).num_row_groups == 4
    pd.testing.assert_frame_equal(pd.read_parquet(path), table)
    assert [file.name for file in tmp_path.iterdir() if "parquet" in file.name] == ["tracks.parquet"]


def test_parquet_that_cannot_be_written_is_one_line(database: Database, tracked: runs.Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"Not a directory.*choose another folder") as caught:
        frames.write_tracks_parquet(database, tracked.id, tmp_path / "file" / "tracks.parquet")
    assert "\n" not in str(caught.value)


def test_a_failed_parquet_leaves_the_old_one(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "tracks.parquet"
    path.write_bytes(b"old")
    with pytest.raises(StorageError, match="no run 99"):
        frames.write_tracks_parquet(database, 99, path)
    assert path.read_bytes() == b"old"


def test_a_run_without_tracks_has_an_empty_table(database: Database, tracked: runs.Run, tmp_path: Path) -> None:
    with database.transaction() as tx:
        tracks.apply_identity(tx, tracked.id, {1: None, 2: None, 3: None})
    table = frames.keypoints(database, tracked.id)
    assert list(table.columns) == COLUMNS
    assert table.empty
    assert frames.write_tracks_parquet(database, tracked.id, tmp_path / "t.parquet") == 0
    assert list(pd.read_parquet(tmp_path / "t.parquet").columns) == COLUMNS
    assert frames.pose_array(database, tracked.id).keypoints.shape == (10, 0, 18, 3)


def test_the_array_has_a_cell_for_each_frame_and_track(
    database: Database, tracked: runs.Run, world: list[FramePeople]
) -> None:
    array = frames.pose_array(database, tracked.id)
    assert array.keypoints.shape == (10, 2, 18, 3)
    assert array.keypoints.dtype == np.float32
    assert (array.track_ids, array.joints) == ((1, 2), COCO_18.joints)
    assert array.frames.tolist() == list(range(10))
    assert array.time_s.tolist() == [frame.time_s for frame in world]
    assert np.isnan(array.keypoints[[4, 5]]).all()
    assert np.isnan(array.keypoints[9, 1]).all()
    for index in (0, 3, 6, 8):
        people = np.stack([person.keypoints for person in world[index].people])
        assert np.array_equal(array.keypoints[index], people, equal_nan=True)


def test_raw_people_are_one_row_each(database: Database, stored: runs.Run, world: list[FramePeople]) -> None:
    table = frames.detections(database, stored.id)
    assert len(table) == sum(len(frame.people) for frame in world)
    assert list(table.columns[:5]) == ["frame", "time_s", "person", "score", "nose_x"]
    row = table.query("frame == 7 and person == 1").iloc[0]
    assert (row["time_s"], row["score"], row["neck_x"]) == (0.196, 0.25, 193)
    assert np.isnan(row["nose_x"])


def test_bouts_have_the_columns_of_the_contract(database: Database, tracked: runs.Run) -> None:
    columns = ["track_id", "action", "start_s", "stop_s", "duration_s", "start_frame", "stop_frame", "score"]
    assert list(frames.bouts(database, tracked.id).columns) == columns
    with database.transaction() as tx:
        bouts.write_bouts(tx, tracked.id, [Bout(1, "walk", 0.5, 2.0, 3, 9, 0.75)])
    assert frames.bouts(database, tracked.id).values.tolist() == [[1, "walk", 0.5, 2.0, 1.5, 3, 9, 0.75]]


def test_tracks_and_annotations_as_tables(database: Database, tracked: runs.Run) -> None:
    with database.transaction() as tx:
        label = bouts.Annotation("walk", 0.5, 2.0, subject="Ada")
        bouts.write_annotations(tx, tracked.recording_id, [label], uri="a.csv", sha256="1", format="csv")
    table = frames.tracks(database, tracked.id)
    assert table[["track_id", "n_frames", "mean_score"]].values.tolist() == [[1, 8, 0.75], [2, 7, 0.25]]
    human = frames.human_annotations(database, tracked.recording_id)
    assert human[["action", "start_s", "stop_s", "subject"]].values.tolist() == [["walk", 0.5, 2.0, "Ada"]]
