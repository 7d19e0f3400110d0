"""What was split is the same again when it is merged; nothing twice, nothing lost, nothing mixed."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import REAL, Double, cast, delete, func, insert, select, update

from pose.people import FramePeople, Person
from pose.skeleton import COCO_18, Skeleton
from storage import Database, bouts, open_database, poses, recordings, runs, scenes, schema, tracks
from storage.bouts import Annotation, Bout
from storage.coded import words_of_run
from storage.errors import SchemaError
from storage.failures import list_failures, note_failure
from storage.merging import Merged, merge
from storage.offsets import StoredOffset, read_offsets, write_offsets
from storage.probabilities import Probabilities, write_probabilities
from storage.tracks import AUTOMATIC

PAIR = Skeleton("pair", ("left", "right"), (("left", "right"),), (0.1, 0.1))


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def people(seed: int, n_frames: int, skeleton: Skeleton) -> list[FramePeople]:
    """Two people with missing joints, at times that are not even."""
    draw = np.random.default_rng(seed)
    frames = []
    for index in range(n_frames):
        found = []
        for number in (1, 2):
            joints = draw.uniform(0, 100, (len(skeleton.joints), 3)).astype(np.float32)
            joints[0] = (np.nan, np.nan, 0) if draw.random() < 0.3 else joints[0]
            found.append(Person(joints, 0.5, skeleton=skeleton).with_track(number))
        frames.append(FramePeople(index, index**2 / 100, tuple(found)))
    return frames


def add(database: Database, name: str, *, seed: int = 0, by_hand: bool = False, labels: int = 0, live: bool = False,
        n_frames: int = 4, skeleton: Skeleton = COCO_18) -> int:  # fmt: skip
    """A recording with all that may be known of it; gives its track run."""
    frames = people(seed, n_frames, skeleton)
    with database.transaction() as tx:
        key = recordings.ensure_recording(
            tx, name=name, uri=f"/films/{seed}/{name}.mp4", kind="webcam" if live else "video",
            sha256=None if live else digest(f"{name} {seed}"), width=9, height=9,
        )  # fmt: skip
        pose = runs.start_run(
            tx, key, "pose", digest(f"pose {name} {seed}"), settings={"size": 1}, version="1", skeleton=skeleton
        )
        poses.append_frames(tx, pose.id, frames)
        runs.finish_run(tx, pose.id, extra={"skipped": 1})
        track = runs.start_run(tx, key, "track", digest(f"track {seed}"), settings={}, version="1", parent_id=pose.id)
        tracks.append_memberships(tx, track.id, frames)
        tracks.apply_identity(tx, track.id, {1: 1, 2: 2})
        tracks.write_decisions(tx, track.id, [tracks.Decision("join", (1, 2), 1, "near", {"gap_s": 0.5})])
        runs.finish_run(tx, track.id)
        if by_hand:
            track = change(database, track, seed)
        actions = runs.start_run(tx, key, "actions", digest(f"do {seed}"), settings={}, version="1", parent_id=track.id)
        bouts.write_bouts(tx, actions.id, [Bout(2, "walk", 0.0, 0.1, 0, 2, 0.9), Bout(1, "sit", 0.0, 0.1, 0, 2, 0.5)])
        runs.finish_run(tx, actions.id)
        for number in range(labels):
            label(database, key, f"{name} {seed} {number}")
    return track.id


def change(database: Database, track: runs.Run, seed: int) -> runs.Run:
    with database.transaction() as tx:
        changed = runs.start_run(
            tx, track.recording_id, "track", digest(f"changed {seed}"), settings={"edits": [seed]}, version="1",
            parent_id=track.parent_id, extra={AUTOMATIC: track.id},
        )  # fmt: skip
        tracks.copy_memberships(tx, track.id, changed.id)
        tracks.apply_identity(tx, changed.id, {1: 2, 2: 1})
        tracks.name_track(tx, changed.id, 1, "Ada")
        return runs.finish_run(tx, changed.id)


def label(database: Database, recording: int, text: str, coder: str = "me") -> None:
    with database.transaction() as tx:
        said = [Annotation("run", 0.0, 0.5, "Ada", 1), Annotation("fall", 0.2, 0.2, None, None, True, text)]
        bouts.write_annotations(tx, recording, said, uri="labels.csv", sha256=digest(text), format="csv", coder=coder)


def tell_scene(database: Database, *track_runs: int) -> None:
    marks = "".join(str(run) for run in track_runs)
    shape = (2, len(COCO_18.joints))
    person = scenes.ScenePerson(
        1, (("a", 1), ("b", 2)), np.arange(108.0).reshape(*shape, 3), np.ones(shape), np.full(shape, 2)
    )
    views = [scenes.SceneView(f"camera {run}", run, 0.5, None) for run in track_runs]
    with database.transaction() as tx:
        scenes.write_scene(
            tx, digest(marks), calibration=("c.toml", "0" * 64), settings={"limit": 1}, version="1", views=views,
            frames=np.arange(2), time_s=np.arange(2.0), joints=COCO_18.joints, people=[person],
        )  # fmt: skip


def content(database: Database) -> dict[str, list[Any]]:
    """Every row of every table and view, its numbers replaced by what they stand for."""
    with database.reading() as tx:
        names: dict[str, dict[int | None, Any]] = {
            "recording_id": {row.id: (row.name, row.sha256) for row in tx.execute(select(schema.recording))}
        }
        known = {row.id: row for row in tx.execute(select(schema.run))}
        names["run_id"] = {key: (names["recording_id"][r.recording_id], r.fingerprint) for key, r in known.items()}
        names["source_id"] = {row.id: row.sha256 for row in tx.execute(select(schema.annotation_source))}
        names["reference_id"] = names["recording_id"]
        clocks = tx.execute(select(schema.synchrony)).all()
        names["synchrony_id"] = {row.id: names["recording_id"][row.reference_id] for row in clocks}
        names["scene_id"] = {row.id: row.fingerprint for row in tx.execute(select(schema.scene))}
        for name in ("parent_id", "track_run_id", "pose_run_id", "actions_run_id"):
            names[name] = names["run_id"] | {None: None}
        found: dict[str, list[Any]] = {}
        keypoints = [schema.keypoint_table(r.name, tuple(r.joints)) for r in tx.execute(select(schema.skeleton))]
        plain = [table for table in schema.metadata.sorted_tables if table.name != "posescribe_migration"]
        exact = {
            table.name: [cast(c, Double).label(c.name) if isinstance(c.type, REAL) else c for c in table.c]
            for table in (*plain, *keypoints)
        }
        queries = {name: select(*columns) for name, columns in exact.items()}
        rows_of = {name: tx.execute(query).mappings().all() for name, query in queries.items()}
        for view in ("current_run", "current_bout"):
            rows_of[view] = tx.exec_driver_sql(f"SELECT * FROM {view}").mappings().all()
        for table, rows in rows_of.items():
            told = []
            for row in rows:
                values = {
                    key: names[key][value] if key in names else value for key, value in row.items() if key != "id"
                }
                if AUTOMATIC in (values.get("extra") or {}):
                    values["extra"] = {**values["extra"], AUTOMATIC: names["run_id"][values["extra"][AUTOMATIC]]}
                told.append(repr(sorted(values.items())))
            found[table] = sorted(told)
    return found


def part_of(whole: Path, folder: Path, kept: set[str], number: int) -> Path:
    """A copy that has some recordings only, and the scenes of these."""
    path = folder / f"part{number}.db"
    shutil.copy(whole, path)
    with open_database(path) as database, database.transaction() as tx:
        tx.execute(delete(schema.recording).where(schema.recording.c.name.not_in(kept)))
        views = select(schema.scene_view.c.scene_id).group_by(schema.scene_view.c.scene_id).having(func.count() == 2)
        tx.execute(delete(schema.scene).where(schema.scene.c.id.not_in(views)))
    return path


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


ONE = st.fixed_dictionaries(
    {
        "by_hand": st.booleans(),
        "labels": st.integers(0, 2),
        "live": st.booleans(),
        "skeleton": st.sampled_from([COCO_18, PAIR]),
        "n_frames": st.integers(1, 4),
    }
)


@settings(max_examples=8)
@given(st.lists(ONE, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_what_was_split_is_the_same_again(made: list[dict[str, Any]], chance: Any) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole = folder / "whole.db"
        with open_database(whole) as database:
            track_runs = [add(database, f"r{number}", seed=number, **one) for number, one in enumerate(made)]
            if len(made) > 1:
                tell_scene(database, *track_runs[:2])
            expected = content(database)
        heap: dict[int, set[str]] = {}
        for number in range(len(made)):  # the two of the scene stay together
            heap.setdefault(0 if number < 2 else chance.randrange(3), set()).add(f"r{number}")
        parts = [part_of(whole, folder, kept, number) for number, kept in heap.items()]
        chance.shuffle(parts)
        with open_database(folder / "out.db") as out:
            for part in [*parts, *parts, folder / "out.db", whole]:  # the later ones have nothing new
                with open_database(part) as source:
                    assert not merge(out, source).refused
            assert content(out) == expected


def test_between_sqlite_and_a_server_and_back(folder: Path, database: Database) -> None:
    with open_database(folder / "a.db") as one, open_database(folder / "b.db") as back:
        tell_scene(one, add(one, "a", seed=1, labels=2), add(one, "b", seed=2, by_hand=True))
        with one.transaction() as tx:  # the tables that `add` leaves empty
            key = {"run_id": 1, "frame": 0, "person": 0}
            tx.execute(insert(schema.clothing).values(**key, shares=b"\x00\xff"))
            tx.execute(insert(schema.face_mesh).values(**key, presence=0.5, vertices=b"\x01\x00"))
            write_offsets(tx, 1, {"longest_s": 5}, "1", [StoredOffset(2, 0.25, 0.01, 0.9)])
            tx.execute(insert(schema.camera_shift).values(run_id=1, frame=0, x=0.5, y=-0.25, scale=0.01))
            counted = {"track_id": 1, "action": "squat", "start_s": 0.5, "stop_s": 1.5, "amplitude": 0.25, "unit": "m"}
            tx.execute(insert(schema.repetition).values(run_id=1, **counted))
            said = Probabilities(1, ("wave",), np.array([0, 3]), np.array([[0.25], [np.nan]], dtype=np.float32))
            write_probabilities(tx, 4, [said])
            note_failure(tx, "/gone.mp4", "no such file")
        first = merge(database, one)
        assert first == Merged(recordings=2, runs=7, labels=2, scenes=1, refused=[])
        assert merge(database, one) == Merged()
        merge(back, database)
        assert content(back) == content(database) == content(one)
        assert all(content(one).values()), "a table that nothing tests"


def test_offsets_go_along_with_all_of_their_recordings(folder: Path) -> None:
    with open_database(folder / "two.db") as two, open_database(folder / "one.db") as one:
        add(one, "elsewhere", seed=9)
        for number, name in enumerate(("a", "b")):
            add(two, name, seed=number)
        told = StoredOffset(2, 0.25, 0.01, 0.9)
        with two.transaction() as tx:
            write_offsets(tx, 1, {"longest_s": 5}, "1", [told])
        merge(one, two)
        first = content(one)
        assert len(first["clock_offset"]) == len(first["synchrony"]) == 1
        with one.reading() as tx:
            ids = [recordings.select_recordings(tx, name)[0].id for name in ("a", "b")]
            assert read_offsets(tx, ids)[ids[1]] == StoredOffset(ids[1], 0.25, 0.01, 0.9)
        merge(one, two)
        assert content(one) == first
        with two.transaction() as tx:
            write_offsets(tx, 1, {"longest_s": 5}, "1", [StoredOffset(2, 0.5, 0.01, 0.9)])
        merge(one, two)
        assert content(one) == first, "what the target has stays"


def test_other_films_of_one_name_stay_apart_however_often(folder: Path) -> None:
    with open_database(folder / "a.db") as a, open_database(folder / "b.db") as b, open_database(folder / "o") as out:
        add(a, "walk", seed=1)
        add(b, "walk", seed=2)
        for source in (a, b, b, a):
            merge(out, source)
        with out.reading() as tx:
            assert [one.name for one in recordings.list_recordings(tx)] == ["walk", "walk-2"]


def test_a_run_that_was_unfinished_is_replaced_by_what_became_of_it(folder: Path) -> None:
    with open_database(folder / "a.db") as a, open_database(folder / "out.db") as out:
        add(a, "walk", seed=1)
        done = content(a)
        with a.transaction() as tx:  # as it was in the middle
            tx.execute(delete(schema.run).where(schema.run.c.stage != "pose"))
            (pose,) = tx.execute(select(schema.run)).all()
            tx.execute(update(schema.run).values(status="running", finished=None, chosen=None))
            tx.execute(delete(schema.frame).where(schema.frame.c.frame > 1))
        merge(out, a)
        assert content(out) == content(a) != done
        (folder / "a.db").unlink()
    with open_database(folder / "b.db") as b, open_database(folder / "out.db") as out:
        add(b, "walk", seed=1)
        with b.transaction() as tx:
            tx.execute(update(schema.run).where(schema.run.c.stage == "pose").values(started=pose.started))
        merge(out, b)
        left_out = {"recording"}  # what the target has of it stays
        assert {k: v for k, v in content(out).items() if k not in left_out} == {
            k: v for k, v in content(b).items() if k not in left_out
        }


def test_two_coders_of_one_recording_both_stay_and_the_last_counts(folder: Path) -> None:
    with open_database(folder / "a.db") as a:
        add(a, "walk", seed=1)
    shutil.copy(folder / "a.db", folder / "b.db")
    with open_database(folder / "a.db") as a, open_database(folder / "b.db") as b, open_database(folder / "o") as out:
        label(b, 1, "first", "Ben")
        label(a, 1, "last", "Ann")
        merge(out, a)
        merge(out, b)
        with out.reading() as tx:
            assert [one.coder for one in bouts.list_annotation_sources(tx, 1)] == ["Ben", "Ann"]
            assert {one.coder for word in words_of_run(tx, 2).values() for one in word.said} == {"Ann"}


def test_people_changed_by_hand_on_both_sides_are_refused_and_nothing_is_half_there(folder: Path) -> None:
    with open_database(folder / "a.db") as a:
        add(a, "walk", seed=1)
    shutil.copy(folder / "a.db", folder / "b.db")
    with open_database(folder / "a.db") as a, open_database(folder / "b.db") as b:
        for database, seed in ((a, 5), (b, 6)):
            with database.reading() as tx:
                track = runs.get_run(tx, 2)
            change(database, track, seed)
        add(b, "other", seed=9)
        before = content(a)
        found = merge(a, b)
        (message,) = found.refused
        assert "walk" in message
        assert "changed or labelled by hand in both" in message
        assert found.recordings == 1, "the other recording is not held up"
        with a.transaction() as tx:
            tx.execute(delete(schema.recording).where(schema.recording.c.name == "other"))
        assert content(a) == before


def test_labels_never_go_over_to_people_that_only_look_the_same(folder: Path) -> None:
    with open_database(folder / "a.db") as a, open_database(folder / "b.db") as b:
        add(a, "walk", seed=1)
        add(b, "walk", seed=1)
        label(b, 1, "b's")
        assert merge(a, b).labels == 1, "found twice, the same to the last bit"
        with a.transaction() as tx:
            tx.exec_driver_sql("UPDATE keypoints_coco_18 SET neck_x = neck_x + 0.5 WHERE frame = 2 AND person = 1")
        label(b, 1, "b's next")
        before = content(a)
        (message,) = merge(a, b).refused
        assert "keypoints_coco_18" in message
        assert content(a) == before


def test_a_newer_source_is_refused(folder: Path) -> None:
    with open_database(folder / "a.db") as a, a.transaction() as tx:
        tx.execute(insert(schema.migration).values(name="9999_from_the_future", applied=datetime.now(UTC)))
    with pytest.raises(SchemaError, match="update posescribe"):
        open_database(folder / "a.db", create=False)


def test_the_newest_failure_of_a_source_goes_over(folder: Path) -> None:
    with (
        open_database(folder / "a.db") as a,
        open_database(folder / "b.db") as b,
        open_database(folder / "o") as out,
    ):
        add(a, "walk", seed=1)
        with a.reading() as tx:
            uri = recordings.list_recordings(tx)[0].uri
        for database, reason in ((b, "first"), (a, "last")):
            with database.transaction() as tx:
                note_failure(tx, "/gone.mp4", reason)
        with b.transaction() as tx:
            note_failure(tx, uri, "before it was found")
            moment = datetime(2020, 1, 1, tzinfo=UTC)
            tx.execute(update(schema.failure).where(schema.failure.c.uri == uri).values(failed=moment))
        for database in (a, b, a):
            merge(out, database)
        with out.reading() as tx:
            assert [(one.uri, one.reason) for one in list_failures(tx)] == [("/gone.mp4", "last")]
