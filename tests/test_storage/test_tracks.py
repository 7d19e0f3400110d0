"""Identities: tracklets become tracks, and can be joined another way."""

from __future__ import annotations

import numpy as np
import pytest
from sqlalchemy import select

from pose.people import FramePeople
from pose.skeleton import COCO_18
from storage import Database, MissingError, poses, runs, schema, tracks
from storage.tracks import Decision, TrackInfo


def frames_of(database: Database, run: runs.Run) -> dict[int, list[int]]:
    return {track.track_id: track.frames.tolist() for track in tracks.iter_tracks(database, run.id)}


def test_tracks_come_back_as_people_over_time(database: Database, tracked: runs.Run, world: list[FramePeople]) -> None:
    first, second = tracks.iter_tracks(database, tracked.id)
    assert first.frames.tolist() == [0, 1, 2, 3, 6, 7, 8, 9]
    assert first.time_s.tolist() == [world[frame].time_s for frame in first.frames]
    assert np.array_equal(first.keypoints[:, 5, 0], 100 + first.frames)
    assert first.scores.tolist() == [0.75] * 8
    assert second.frames.tolist() == [0, 1, 2, 3, 6, 7, 8]
    assert np.array_equal(second.keypoints[:, 5, 0], 200 - second.frames)
    assert np.isnan(second.keypoints[:, 0, :2]).all()
    assert (second.keypoints[:, 0, 2] == 0).all()
    assert (first.frames.dtype, first.keypoints.dtype, first.scores.dtype) == (np.int64, np.float32, np.float32)


def test_a_stage_reads_and_writes_in_one_transaction(database: Database, stored: runs.Run) -> None:
    with database.transaction() as tx:
        run = runs.start_run(tx, stored.recording_id, "track", "d", settings={}, version="1", parent_id=stored.id)
        for frame in poses.iter_frames(database, stored.id, chunk=2):
            people = tuple(person.with_track(1 + number) for number, person in enumerate(frame.people))
            tracks.append_memberships(tx, run.id, [FramePeople(frame.index, frame.time_s, people)])
        tracks.apply_identity(tx, run.id, {1: 1, 2: 2})
        assert [len(track) for track in tracks.iter_tracks(database, run.id)] == [8, 7]
    assert [len(track) for track in tracks.iter_tracks(database, run.id)] == [8, 7]


def test_the_list_of_tracks_sums_up(database: Database, tracked: runs.Run) -> None:
    with database.reading() as tx:
        assert tracks.list_tracks(tx, tracked.id) == [
            TrackInfo(1, None, 0, 9, 0.0, 0.324, 8, 0.75),
            TrackInfo(2, None, 0, 8, 0.0, 0.256, 7, 0.25),
        ]


@pytest.mark.parametrize("chunk", [1, 4, 500])
def test_frames_with_identities_hold_every_frame(
    database: Database, tracked: runs.Run, world: list[FramePeople], chunk: int
) -> None:
    with database.transaction() as tx:
        tracks.apply_identity(tx, tracked.id, {1: 2, 2: 1, 3: None})
    frames = list(tracks.iter_tracked_frames(database, tracked.id, chunk=chunk))
    assert [(frame.index, frame.time_s) for frame in frames] == [(frame.index, frame.time_s) for frame in world]
    ids = [[person.track_id for person in frame.people] for frame in frames]
    assert ids == [[1, 2]] * 4 + [[]] * 2 + [[1]] * 3 + [[]]
    assert np.array_equal(frames[2].people[0].keypoints, world[2].people[1].keypoints, equal_nan=True)
    later = tracks.iter_tracked_frames(database, tracked.id, after=6, chunk=chunk)
    assert [frame.index for frame in later] == [7, 8, 9]


@pytest.mark.parametrize("chunk", [1, 4, 500])
def test_all_people_of_all_frames_with_or_without_identity(
    database: Database, tracked: runs.Run, world: list[FramePeople], chunk: int
) -> None:
    with database.transaction() as tx:
        tracks.apply_identity(tx, tracked.id, {1: 2, 2: 1, 3: None})
    frames = list(tracks.iter_identified_frames(database, tracked.id, chunk=chunk))
    assert [frame.index for frame in frames] == [frame.index for frame in world]
    ids = [[person.track_id for person in frame.people] for frame in frames]
    assert ids == [[2, 1]] * 4 + [[]] * 2 + [[None, 1]] * 3 + [[None]]
    assert np.array_equal(frames[8].people[0].keypoints, world[8].people[0].keypoints)


def test_identities_can_be_given_anew(database: Database, tracked: runs.Run) -> None:
    before = frames_of(database, tracked)
    with database.transaction() as tx:
        tracks.apply_identity(tx, tracked.id, {1: 5, 2: None, 3: 6})
    assert frames_of(database, tracked) == {5: [0, 1, 2, 3], 6: [6, 7, 8, 9]}
    with database.transaction() as tx:
        tracks.apply_identity(tx, tracked.id, {1: 1, 2: 2, 3: 1})
    assert frames_of(database, tracked) == before


def test_all_may_be_dropped(database: Database, tracked: runs.Run) -> None:
    with database.transaction() as tx:
        tracks.apply_identity(tx, tracked.id, {1: None, 2: None, 3: None})
        assert tracks.list_tracks(tx, tracked.id) == []
    assert frames_of(database, tracked) == {}


def test_a_track_has_one_person_per_frame(database: Database, tracked: runs.Run) -> None:
    """Tracklets 1 (4 frames), 2 (7) and 3 (4) as one track: where they meet the longer one, 2, is kept."""
    with database.transaction() as tx:
        tracks.apply_identity(tx, tracked.id, {1: 1, 2: 1, 3: 1})
        joined = tracks.read_track(tx, tracked.id, 1)
    assert joined.frames.tolist() == [0, 1, 2, 3, 6, 7, 8, 9]
    assert joined.keypoints[:, 5, 0].tolist() == [200, 199, 198, 197, 194, 193, 192, 109]


def test_a_tracklet_may_be_cut(database: Database, tracked: runs.Run) -> None:
    """Frames 2 to 4 of tracklet 2 go to a third person, frame 6 to nobody."""
    with database.transaction() as tx:
        tracks.apply_identity(tx, tracked.id, {1: 1, 2: 2, 3: 1}, [(2, 6, 6, None), (2, 2, 4, 3)])
    found = frames_of(database, tracked)
    whole = set(found[2]) | set(found[3])
    assert found[3] == [frame for frame in sorted(whole) if 2 <= frame <= 4]
    assert not {2, 3, 4, 6} & set(found[2])
    with database.transaction() as tx:
        tracks.apply_identity(tx, tracked.id, {1: 1, 2: 2, 3: 1})
    assert set(frames_of(database, tracked)[2]) > whole


def test_every_tracklet_needs_an_identity(database: Database, tracked: runs.Run) -> None:
    before = frames_of(database, tracked)

    def forget() -> None:
        with database.transaction() as tx:
            tracks.apply_identity(tx, tracked.id, {1: 1})

    with pytest.raises(ValueError, match=r"tracklets \[2, 3\]"):
        forget()
    assert frames_of(database, tracked) == before


def test_raw_detections_are_not_changed(
    database: Database, tracked: runs.Run, stored: runs.Run, world: list[FramePeople]
) -> None:
    keypoints = schema.keypoint_table("coco_18", COCO_18.joints)
    with database.transaction() as tx:
        before = tx.execute(select(keypoints).order_by(keypoints.c.frame, keypoints.c.person)).all()
        tracks.apply_identity(tx, tracked.id, {1: None, 2: 1, 3: 1})
        assert tx.execute(select(keypoints).order_by(keypoints.c.frame, keypoints.c.person)).all() == before
    assert len(before) == sum(len(frame.people) for frame in world)
    assert {row.run_id for row in before} == {stored.id}


def test_people_without_a_tracklet_belong_to_nobody(
    database: Database, stored: runs.Run, world: list[FramePeople]
) -> None:
    with database.transaction() as tx:
        run = runs.start_run(tx, stored.recording_id, "track", "d", settings={}, version="1", parent_id=stored.id)
        first = world[0]
        seen = FramePeople(0, 0.0, (first.people[0], first.people[1].with_track(4)))
        tracks.append_memberships(tx, run.id, [seen, *world[1:]])
        tracks.apply_identity(tx, run.id, {4: 1, 5: 2})
    assert frames_of(database, run) == {1: [0]}
    assert next(tracks.iter_tracks(database, run.id)).keypoints[0, 5, 0] == 200


def test_a_track_can_be_named(database: Database, tracked: runs.Run) -> None:
    with database.transaction() as tx:
        tracks.name_track(tx, tracked.id, 2, "Ada")
        assert [track.name for track in tracks.list_tracks(tx, tracked.id)] == [None, "Ada"]
        with pytest.raises(MissingError, match="no track 3"):
            tracks.name_track(tx, tracked.id, 3, "Bob")


def test_what_is_not_there_is_said(database: Database, tracked: runs.Run, stored: runs.Run) -> None:
    with database.reading() as tx, pytest.raises(MissingError, match="no track 3"):
        tracks.read_track(tx, tracked.id, 3)
    with pytest.raises(MissingError, match="no track run"):
        next(tracks.iter_tracked_frames(database, stored.id))


def test_decisions_read_back_as_written(database: Database, tracked: runs.Run) -> None:
    decisions = [
        Decision("join", (1, 3), 1, "the same height, 0.1 s apart", {"gap_s": 0.1}),
        Decision("drop", (2,), None, "a ghost"),
    ]
    with database.transaction() as tx:
        tracks.write_decisions(tx, tracked.id, decisions[::-1])
        tracks.write_decisions(tx, tracked.id, decisions)
        assert tracks.read_decisions(tx, tracked.id) == decisions


def test_plain_sql_reaches_a_keypoint_of_a_track(database: Database, tracked: runs.Run) -> None:
    query = (
        "SELECT time_s, left_knee_x, nose_x FROM tracked_coco_18 "
        f"WHERE run_id = {tracked.id} AND track_id = 2 AND frame > 6 ORDER BY frame"
    )
    with database.reading() as tx:
        assert tx.exec_driver_sql(query).all() == [(0.196, 193.0, None), (0.256, 192.0, None)]


@pytest.mark.parametrize(("rows", "margin"), [(1, 0), (2, 1), (3, 5), (100, 1)])
def test_parts_make_up_the_track(database: Database, tracked: runs.Run, rows: int, margin: int) -> None:
    with database.reading() as tx:
        whole = tracks.read_track(tx, tracked.id, 1)
    done = 0
    for part in tracks.iter_track_parts(database, tracked.id, 1, margin, rows=rows):
        before, own = part.own.start, part.own.stop - part.own.start
        assert before == min(margin, done)
        assert len(part.track) - part.own.stop == min(margin, len(whole) - done - own)
        surroundings = slice(done - before, done + own + margin)
        assert part.track.frames.tolist() == whole.frames[surroundings].tolist()
        np.testing.assert_array_equal(part.track.keypoints, whole.keypoints[surroundings])
        done += own
    assert done == len(whole)
