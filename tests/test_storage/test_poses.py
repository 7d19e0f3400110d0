"""Raw detections: what goes in comes out, and a killed writer leaves whole chunks."""

from __future__ import annotations

import math
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from pose.people import FramePeople, Person
from pose.skeleton import BODY_25, COCO_18, Skeleton
from storage import Database, MissingError, open_database, poses, recordings, runs


def same(first: list[FramePeople], second: list[FramePeople]) -> bool:
    """Same numbers, times, scores, and joints to the last bit but for the kind of NaN and the sign of zero."""
    return len(first) == len(second) and all(
        (a.index, a.time_s, len(a.people)) == (b.index, b.time_s, len(b.people))
        and all(
            (p.score, p.keypoints.dtype) == (q.score, q.keypoints.dtype)
            and np.array_equal(p.keypoints, q.keypoints, equal_nan=True)
            for p, q in zip(a.people, b.people, strict=True)
        )
        for a, b in zip(first, second, strict=True)
    )


@pytest.mark.parametrize("chunk", [1, 3, 10, 500])
def test_frames_come_back_in_any_chunk(
    database: Database, stored: runs.Run, world: list[FramePeople], chunk: int
) -> None:
    assert same(list(poses.iter_frames(database, stored.id, chunk=chunk)), world)
    assert same(list(poses.iter_frames(database, stored.id, after=3, chunk=chunk)), world[4:])
    assert list(poses.iter_frames(database, stored.id, after=9, chunk=chunk)) == []


def test_frames_without_people_count(database: Database, pose_run: runs.Run, world: list[FramePeople]) -> None:
    with database.transaction() as tx:
        assert poses.last_frame(tx, pose_run.id) is None
        assert poses.count_frames(tx, pose_run.id) == 0
        assert poses.stretches(tx, [pose_run.id]) == {}
        poses.append_frames(tx, pose_run.id, world[:6])
        assert poses.last_frame(tx, pose_run.id) == (5, 0.1)
        assert poses.count_frames(tx, pose_run.id) == 6
        assert poses.stretches(tx, [pose_run.id, 99]) == {pose_run.id: (6, 0.0, 0.1)}
        frames, times = poses.frame_times(tx, pose_run.id)
    assert frames.tolist() == list(range(6))
    assert times.tolist() == [frame.time_s for frame in world[:6]]


def test_an_empty_run_has_no_frames(database: Database, pose_run: runs.Run) -> None:
    with database.transaction() as tx:
        poses.append_frames(tx, pose_run.id, [])
        frames, times = poses.frame_times(tx, pose_run.id)
    assert (frames.shape, frames.dtype, times.shape) == ((0,), np.int64, (0,))
    assert list(poses.iter_frames(database, pose_run.id)) == []


def test_runs_do_not_mix(database: Database, stored: runs.Run, world: list[FramePeople]) -> None:
    with database.transaction() as tx:
        other = runs.start_run(tx, stored.recording_id, "pose", "other", settings={}, version="1", skeleton=COCO_18)
        poses.append_frames(tx, other.id, world[6:])
    assert same(list(poses.iter_frames(database, stored.id)), world)
    assert same(list(poses.iter_frames(database, other.id)), world[6:])


def test_people_of_another_layout_are_refused(database: Database, pose_run: runs.Run) -> None:
    stranger = Person(np.zeros((25, 3), dtype=np.float32), 1.0, skeleton=BODY_25)
    with database.transaction() as tx, pytest.raises(ValueError, match=r"expected people of 18 joints.*got 25"):
        poses.append_frames(tx, pose_run.id, [FramePeople(0, 0.0, (stranger,))])


def test_an_unknown_run_is_refused(database: Database) -> None:
    with pytest.raises(MissingError, match="no run 7"):
        next(poses.iter_frames(database, 7))


COORDINATES = st.floats(width=32, allow_infinity=False)
"""Everything that a float32 can be: NaN, tiny, huge, negative."""


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    keypoints=st.lists(arrays.arrays(np.float32, (18, 3), elements=COORDINATES), max_size=3),
    score=st.floats(0, 1),
    time_s=st.floats(0, 1e6),
)
def test_every_float32_survives(
    database: Database, recording_id: int, keypoints: list[NDArray[np.float32]], score: float, time_s: float
) -> None:
    frame = FramePeople(0, time_s, tuple(Person(points, score, skeleton=COCO_18) for points in keypoints))
    with database.transaction() as tx:
        number = str(len(runs.list_runs(tx, recording_id)))
        run = runs.start_run(tx, recording_id, "pose", number, settings={}, version="1", skeleton=COCO_18)
        poses.append_frames(tx, run.id, [frame])
    assert same(list(poses.iter_frames(database, run.id)), [frame])


@pytest.mark.parametrize(
    "joints",
    [
        BODY_25.joints,
        ("left ear", "Left_Ear", "tail-tip", "", "x" * 80, "Schwänzchen", "1st", "select"),
        tuple(f"face_{index}" for index in range(468)),
    ],
    ids=["body_25", "awkward", "face_mesh"],
)
def test_any_layout_can_be_stored(database: Database, recording_id: int, joints: tuple[str, ...]) -> None:
    skeleton = Skeleton("some animal's", joints, (), (0.1,) * len(joints))
    points = np.arange(3 * len(joints), dtype=np.float32).reshape(-1, 3)
    frame = FramePeople(0, 0.0, (Person(points, 1.0, skeleton=skeleton),))
    with database.transaction() as tx:
        run = runs.start_run(tx, recording_id, "pose", "f", settings={}, version="1", skeleton=skeleton)
        poses.append_frames(tx, run.id, [frame])
    assert same(list(poses.iter_frames(database, run.id)), [frame])


def test_plain_sql_reaches_a_single_keypoint(tmp_path: Path, world: list[FramePeople]) -> None:
    path = tmp_path / "a.db"
    with open_database(path) as database, database.transaction() as tx:
        recording = recordings.ensure_recording(tx, name="a", uri="a", kind="video", sha256="0", width=1, height=1)
        run = runs.start_run(tx, recording, "pose", "f", settings={}, version="1", skeleton=COCO_18)
        poses.append_frames(tx, run.id, world)
    connection = sqlite3.connect(path)
    wrist = "SELECT right_wrist_x, right_wrist_y, right_wrist_confidence FROM keypoints_coco_18 WHERE frame = 3"
    assert connection.execute(f"{wrist} ORDER BY person").fetchall() == [(103.0, 4.0, 0.5), (197.0, 4.0, 0.5)]
    nose = "SELECT nose_x, nose_y, nose_confidence FROM keypoints_coco_18 WHERE frame = 3 AND person = 1"
    assert connection.execute(nose).fetchall() == [(None, None, 0.0)]
    connection.close()


WRITER = """
import sys
import numpy as np
from pose.people import FramePeople, Person
from pose.skeleton import COCO_18
from storage import open_database, poses, recordings, runs

path, until = sys.argv[1], int(sys.argv[2])
with open_database(path) as database:
    with database.transaction() as tx:
        recording = recordings.ensure_recording(tx, name="a", uri="a", kind="video", sha256="0", width=1, height=1)
        run = runs.find_run(tx, recording, "pose", "f")
        if run is None:
            run = runs.start_run(tx, recording, "pose", "f", settings={}, version="1", skeleton=COCO_18)
        last = poses.last_frame(tx, run.id)
    begin = 0 if last is None else last[0] + 1
    print("begins at", begin, flush=True)
    for first in range(begin, until, 20):
        chunk = []
        for index in range(first, min(first + 20, until)):
            points = np.random.default_rng(index).random((index % 4, 18, 3), dtype=np.float32)
            points[points < 0.1] = np.nan
            people = (Person(person, 0.5, skeleton=COCO_18) for person in points)
            chunk.append(FramePeople(index, index / 25, tuple(people)))
        with database.transaction() as tx:
            poses.append_frames(tx, run.id, chunk[:10])
            poses.append_frames(tx, run.id, chunk[10:])
        print(chunk[-1].index, flush=True)
    with database.transaction() as tx:
        runs.finish_run(tx, run.id)
"""


def write(path: Path | str, until: int, kill_after: int | None) -> None:
    """Run the writer; kill it once it has committed this frame, wherever it is by then."""
    process = subprocess.Popen([sys.executable, "-c", WRITER, path, str(until)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        for line in process.stdout:
            if kill_after is not None and line.strip().isdigit() and int(line) >= kill_after:
                process.send_signal(signal.SIGKILL)
                break
    assert process.wait(timeout=120) == (0 if kill_after is None else -signal.SIGKILL)


def contents(path: Path) -> list[tuple[object, ...]]:
    """All rows of the run, its times left out."""
    connection = sqlite3.connect(path)
    queries = ("SELECT * FROM frame", "SELECT * FROM keypoints_coco_18", "SELECT id, status, fingerprint FROM run")
    rows = [row for query in queries for row in connection.execute(query)]
    connection.close()
    return rows


def test_a_killed_writer_leaves_whole_chunks_and_can_be_resumed(tmp_path: Path) -> None:
    killed, whole = tmp_path / "killed.db", tmp_path / "whole.db"
    for last in (19, 300):
        write(killed, 1_000_000, kill_after=last)
        with open_database(killed) as database, database.reading() as tx:
            assert tx.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
            frames = list(poses.iter_frames(database, 1))
            assert len(frames) % 20 == 0
            assert len(frames) > last
            assert [len(frame.people) for frame in frames] == [index % 4 for index in range(len(frames))]
            assert not runs.get_run(tx, 1).done
    until = len(frames) + 30
    write(killed, until, kill_after=None)
    write(whole, until, kill_after=None)
    assert contents(killed) == contents(whole)


def test_a_killed_writer_leaves_whole_chunks_on_a_server(tmp_path: Path, postgres_url: str) -> None:
    whole = tmp_path / "whole.db"
    write(postgres_url, 1_000_000, kill_after=100)
    with open_database(postgres_url) as database:
        frames = list(poses.iter_frames(database, 1))
        assert len(frames) % 20 == 0
        assert len(frames) > 100
        until = len(frames) + 30
        write(postgres_url, until, kill_after=None)
        write(whole, until, kill_after=None)
        with open_database(whole) as other:
            assert same(list(poses.iter_frames(database, 1)), list(poses.iter_frames(other, 1)))


def test_clothing_comes_back_frame_by_frame(database: Database, stored: runs.Run, world: list[FramePeople]) -> None:
    shares = [np.full((len(frame.people), 40), 1 / 40) for frame in world]
    shares[2][1] = np.nan
    shares[3][0] = np.eye(40)[7]
    with database.transaction() as tx:
        poses.append_clothing(tx, stored.id, world, shares)
    found = list(poses.iter_clothing(database, stored.id, 40, chunk=3))
    assert len(found) == len(shares)
    for got, expected in zip(found, shares, strict=True):
        np.testing.assert_allclose(got, expected, atol=1 / 255)


def test_the_path_of_the_background_adds_up(database: Database, stored: runs.Run, world: list[FramePeople]) -> None:
    """A shift that nobody could tell counts as none; without half of them nothing is known."""
    with database.transaction() as tx:
        assert poses.camera_path(tx, stored.id) is None
        shifts = [(math.nan, math.nan, math.nan), *((2.0, -0.5, 1.01) for _ in world[1:])]
        poses.append_camera(tx, stored.id, world, shifts)
        found = poses.camera_path(tx, stored.id)
        assert found is not None
        assert found[0].tolist() == [frame.index for frame in world]
        assert found[1][:, :2].tolist() == [[2.0 * k, -0.5 * k] for k in range(len(world))]
        np.testing.assert_allclose(np.exp(found[1][:, 2]), 1.01 ** np.arange(len(world)))
        tx.exec_driver_sql("UPDATE camera_shift SET scale = NULL")  # of an older version
        older = poses.camera_path(tx, stored.id)
        assert older is not None
        assert older[1].tolist() == [[2.0 * k, -0.5 * k, 0.0] for k in range(len(world))]
        tx.exec_driver_sql(f"DELETE FROM camera_shift WHERE frame > {world[len(world) // 2 - 1].index}")
        assert poses.camera_path(tx, stored.id) is None


def test_the_frames_of_one_run_become_those_of_another(
    database: Database, recording_id: int, stored: runs.Run, world: list[FramePeople]
) -> None:
    with database.transaction() as tx:
        poses.append_camera(tx, stored.id, world, [(1.0, 2.0, 1.0)] * len(world))
        poses.append_clothing(tx, stored.id, world, [np.full((len(frame.people), 4), 0.25) for frame in world])
    before = list(poses.iter_frames(database, stored.id))
    with database.transaction() as tx:
        other = runs.start_run(tx, recording_id, "pose", "other", settings={}, version="1", skeleton=COCO_18)
        poses.move_frames(tx, stored.id, other.id)
        assert poses.last_frame(tx, stored.id) is None
        assert poses.camera_path(tx, other.id) is not None
        assert poses.last_frame(tx, other.id) == (before[-1].index, before[-1].time_s)
        assert poses.last_frame(tx, other.id, before=before[-1].index) == (before[-2].index, before[-2].time_s)
    for one, two in zip(poses.iter_frames(database, other.id), before, strict=True):
        assert (one.index, one.time_s, len(one.people)) == (two.index, two.time_s, len(two.people))
        for person, same in zip(one.people, two.people, strict=True):
            np.testing.assert_array_equal(person.keypoints, same.keypoints)
    assert sum(map(len, poses.iter_clothing(database, other.id, 4))) == sum(len(frame.people) for frame in world)
