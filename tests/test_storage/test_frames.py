"""Tables and arrays for notebooks, reports and export."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from sqlalchemy import Connection

from pose.people import FramePeople
from pose.skeleton import COCO_18
from pose.tables import tracks_from_dataframe, tracks_to_dataframe
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


def test_tracks_in_memory_make_the_same_table(database: Database, tracked: runs.Run) -> None:
    table = frames.keypoints(database, tracked.id)
    with database.reading() as tx:
        stored = [tracks.read_track(tx, tracked.id, track_id) for track_id in (2, 1)]
    pd.testing.assert_frame_equal(tracks_to_dataframe(stored), table)
    for found, expected in zip(tracks_from_dataframe(table, COCO_18), stored[::-1], strict=True):
        np.testing.assert_array_equal(found.keypoints, expected.keypoints)
        np.testing.assert_array_equal(found.time_s, expected.time_s)


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
    assert list(frames.bouts(database, tracked.id).columns) == [*columns, "evidence", "repetitions"]
    with database.transaction() as tx:
        bouts.write_bouts(tx, tracked.id, [Bout(1, "walk", 0.5, 2.0, 3, 9, 0.75, "rule")])
    assert frames.bouts(database, tracked.id).values.tolist() == [[1, "walk", 0.5, 2.0, 1.5, 3, 9, 0.75, "rule", 0]]


def test_tracks_and_annotations_as_tables(database: Database, tracked: runs.Run) -> None:
    with database.transaction() as tx:
        label = bouts.Annotation("walk", 0.5, 2.0, subject="Ada")
        bouts.write_annotations(tx, tracked.recording_id, [label], uri="a.csv", sha256="1", format="csv")
    table = frames.tracks(database, tracked.id)
    assert table[["track_id", "n_frames", "mean_score"]].values.tolist() == [[1, 8, 0.75], [2, 7, 0.25]]
    human = frames.human_annotations(database, tracked.recording_id)
    assert human[["action", "start_s", "stop_s", "subject"]].values.tolist() == [["walk", 0.5, 2.0, "Ada"]]


def counted(database: Database) -> list[tuple[str, str, float, str]]:
    """Person, action, seconds and whose it is, as a sum over the view gives them."""
    table = frames.current_bouts(database)
    table["seconds"] = table["stop_s"] - table["start_s"]
    sums = table.groupby(["person", "action", "source"], as_index=False)["seconds"].sum()
    return [(row.person, row.action, round(row.seconds, 3), row.source) for row in sums.itertuples()]


def name_actions(tx: Connection, track_run: runs.Run, fingerprint: str, *found: Bout) -> runs.Run:
    run = runs.start_run(
        tx, track_run.recording_id, "actions", fingerprint, settings={}, version="1", parent_id=track_run.id
    )
    bouts.write_bouts(tx, run.id, found)
    return runs.finish_run(tx, run.id)


def code(tx: Connection, run: runs.Run, coder: str | None, sha256: str, *labels: bouts.Annotation) -> None:
    bouts.write_annotations(tx, run.recording_id, labels, uri=sha256, sha256=sha256, format="csv", coder=coder)


def test_a_sum_over_what_counts_is_right_whatever_else_is_stored(database: Database, tracked: runs.Run) -> None:
    with database.transaction() as tx:
        tracks.name_track(tx, tracked.id, 1, "Ann")
        first = name_actions(tx, tracked, "a", Bout(1, "walk", 0, 0.2, 0, 7, 1), Bout(2, "sit", 0, 0.1, 0, 5, 1))
        name_actions(tx, tracked, "b", Bout(1, "run", 0, 0.3, 0, 8, 1))
    assert counted(database) == [("Ann", "run", 0.3, "automatic")]
    with database.transaction() as tx:
        runs.choose(tx, first.id)
    assert counted(database) == [("Ann", "walk", 0.2, "automatic"), ("Person 2", "sit", 0.1, "automatic")]
    with database.transaction() as tx:  # points, and labels of nobody, leave the machine's bouts
        code(tx, tracked, "Ada", "1", bouts.Annotation("jump", 0.1, 0.1, "Ann", 1, is_point=True))
        code(tx, tracked, "Ada", "2", bouts.Annotation("talk", 0, 0.3, "somebody"))
    assert counted(database) == [("Ann", "walk", 0.2, "automatic"), ("Person 2", "sit", 0.1, "automatic")]
    with database.transaction() as tx:  # all files of one coder, for the people whom they code
        code(tx, tracked, "Ada", "3", bouts.Annotation("stroll", 0, 0.1, "Ann", 1))
        code(tx, tracked, "Ada", "4", bouts.Annotation("wave", 0.1, 0.3, "Ann", 1))
    by_ada = [("Ann", "stroll", 0.1, "human"), ("Ann", "wave", 0.2, "human"), ("Person 2", "sit", 0.1, "automatic")]
    assert counted(database) == by_ada
    with database.transaction() as tx:  # of two coders the later one, person by person
        code(tx, tracked, None, "5", bouts.Annotation("sleep", 0, 0.3, "two", 2))
        code(tx, tracked, None, "6", bouts.Annotation("wave", 0, 0.3, "Ann", 1))
    assert counted(database) == [("Ann", "wave", 0.3, "human"), ("Person 2", "sleep", 0.3, "human")]
    with database.transaction() as tx:
        code(tx, tracked, "Ada", "3", bouts.Annotation("stroll", 0, 0.1, "Ann", 1))
    assert counted(database) == [*by_ada[:2], ("Person 2", "sleep", 0.3, "human")]


def test_the_view_and_the_rule_speak_of_the_same_runs(database: Database, tracked: runs.Run) -> None:
    with database.transaction() as tx:
        done = [name_actions(tx, tracked, mark, Bout(1, mark, 0, 0.2, 0, 7, 1)) for mark in "abc"]
    for asked in (done[0], done[2], done[1]):
        with database.transaction() as tx:
            runs.choose(tx, asked.id)
            now = runs.current(tx, tracked.recording_id)
            assert now is not None
            assert now.actions is not None
            named = [bout.action for bout in bouts.read_bouts(tx, now.actions.id)]
        assert frames.current_bouts(database)["action"].tolist() == named == [asked.fingerprint]
