"""A small world: a recording of ten frames with two people who walk towards each other.

The database fixture is a SQLite file and, where POSESCRIBE_TEST_POSTGRES holds the URL of a PostgreSQL database that
may be written, a schema of its own in that.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import create_engine, make_url, text

from pose.people import FramePeople, Person
from pose.skeleton import COCO_18, Skeleton
from storage import Database, open_database, poses, recordings, runs, tracks

POSTGRES = os.environ.get("POSESCRIBE_TEST_POSTGRES")


@pytest.fixture
def postgres_url() -> Iterator[str]:
    if POSTGRES is None:
        pytest.skip("POSESCRIBE_TEST_POSTGRES is not set")
    url = make_url(POSTGRES).set(drivername="postgresql+psycopg")
    name = f"test_{uuid.uuid4().hex}"
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {name}"))
    yield url.update_query_dict({"options": f"-csearch_path={name}"}).render_as_string(hide_password=False)
    with engine.begin() as connection:
        connection.execute(text(f"DROP SCHEMA {name} CASCADE"))
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    where = tmp_path / "posescribe.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    with open_database(where) as database:
        yield database


@pytest.fixture
def world() -> list[FramePeople]:
    """Frame k at (2 k)² ms, so never evenly spaced. Person 0 goes right from x = 100 + k, person 1 left from 200 - k,
    joint j lies at y = j, with confidence 1/2. Person 1 lacks the nose; frames 4 and 5 hold nobody, frame 9 one.
    """
    frames = []
    for k in range(10):
        right = np.array([[100 + k, j, 0.5] for j in range(18)], dtype=np.float32)
        left = np.array([[200 - k, j, 0.5] for j in range(18)], dtype=np.float32)
        left[0] = np.nan, np.nan, 0
        people = [Person(right, 0.75, skeleton=COCO_18), Person(left, 0.25, skeleton=COCO_18)]
        frames.append(FramePeople(k, (2 * k) ** 2 / 1000, tuple([] if k in (4, 5) else people[: 1 if k == 9 else 2])))
    return frames


@pytest.fixture
def recording_id(database: Database) -> int:
    with database.transaction() as tx:
        return recordings.ensure_recording(
            tx, name="walk.mp4", uri="/videos/walk.mp4", kind="video", sha256="0" * 64, width=640, height=480, fps=25.0
        )


@pytest.fixture
def pose_run(database: Database, recording_id: int) -> runs.Run:
    """Running, without frames."""
    with database.transaction() as tx:
        return runs.start_run(tx, recording_id, "pose", "f" * 64, settings={}, version="1.2.3", skeleton=COCO_18)


@pytest.fixture
def stored(database: Database, pose_run: runs.Run, world: list[FramePeople]) -> runs.Run:
    """The pose run, done, with the world's frames."""
    with database.transaction() as tx:
        poses.append_frames(tx, pose_run.id, world)
        return runs.finish_run(tx, pose_run.id)


@pytest.fixture
def tracked(database: Database, stored: runs.Run, world: list[FramePeople]) -> runs.Run:
    """A track run, done. The first person is tracklet 1 up to frame 3 and tracklet 3 from frame 6, joined to track 1;
    the second is tracklet 2, track 2."""

    def follow(frame: FramePeople) -> FramePeople:
        numbers = (1 if frame.index < 5 else 3, 2)
        people = (person.with_track(number) for person, number in zip(frame.people, numbers, strict=False))
        return FramePeople(frame.index, frame.time_s, tuple(people))

    with database.transaction() as tx:
        run = runs.start_run(
            tx, stored.recording_id, "track", "e" * 64, settings={}, version="1.2.3", parent_id=stored.id
        )
        tracks.append_memberships(tx, run.id, [follow(frame) for frame in world])
        tracks.apply_identity(tx, run.id, {1: 1, 2: 2, 3: 1})
        return runs.finish_run(tx, run.id)


@pytest.fixture(scope="session")
def put() -> Callable[[Database, Skeleton, Sequence[FramePeople]], int]:
    """Stores people, tracked already, as a recording of its own; gives the track run's number."""

    def store(database: Database, skeleton: Skeleton, frames: Sequence[FramePeople]) -> int:
        with database.transaction() as tx:
            recording = recordings.ensure_recording(
                tx, name="walk", uri="walk.mp4", kind="video", sha256="0" * 64, width=9, height=9
            )
            pose = runs.start_run(tx, recording, "pose", "f", settings={}, version="1", skeleton=skeleton)
            poses.append_frames(tx, pose.id, frames)
            track = runs.start_run(tx, recording, "track", "e", settings={}, version="1", parent_id=pose.id)
            tracks.append_memberships(tx, track.id, frames)
            known = {person.track_id for frame in frames for person in frame.people if person.track_id}
            tracks.apply_identity(tx, track.id, {number: number for number in known})
        return track.id

    return store
