"""Recordings and the provenance of runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, func, select

from pose.skeleton import BODY_25, COCO_18, Skeleton
from storage import Database, MissingError, StorageError, recordings, runs, schema
from storage.skeletons import ensure_skeleton, skeleton_of

VIDEO: dict[str, Any] = {"uri": "/videos/a.mp4", "kind": "video", "width": 640, "height": 480}


def test_the_same_file_elsewhere_is_the_same_recording(database: Database) -> None:
    with database.transaction() as tx:
        first = recordings.ensure_recording(tx, name="a.mp4", sha256="1", **VIDEO)
        moved = recordings.ensure_recording(tx, name="a.mp4", sha256="1", **{**VIDEO, "uri": "/elsewhere/a.mp4"})
        renamed = recordings.ensure_recording(tx, name="b.mp4", sha256="1", **VIDEO)
        changed = recordings.ensure_recording(tx, name="a.mp4", sha256="2", **VIDEO)
        assert first == moved
        assert len({first, renamed, changed}) == 3
        assert recordings.get_recording(tx, first).uri == "/elsewhere/a.mp4"


def test_each_live_session_is_a_recording(database: Database) -> None:
    with database.transaction() as tx:
        one, two = (
            recordings.ensure_recording(tx, name="camera 0", sha256=None, **{**VIDEO, "kind": "webcam"})
            for _ in range(2)
        )
        assert [recording.id for recording in recordings.list_recordings(tx)] == [one, two]


def test_a_recording_reads_back_as_written(database: Database) -> None:
    with database.transaction() as tx:
        key = recordings.ensure_recording(
            tx, name="a", sha256="1", fps=29.97, duration_s=1.5, n_frames=45, offset_s=0.04, clock="source", **VIDEO
        )
        assert recordings.get_recording(tx, key) == recordings.Recording(
            key, "a", "/videos/a.mp4", "video", "1", 640, 480, 29.97, 1.5, 45, 0.04, "source"
        )
        with pytest.raises(MissingError, match=str(key + 1)):
            recordings.get_recording(tx, key + 1)


def test_a_run_is_found_by_its_fingerprint_only(database: Database, pose_run: runs.Run) -> None:
    recording, mark = pose_run.recording_id, pose_run.fingerprint
    with database.reading() as tx:
        assert runs.find_run(tx, recording, "pose", mark) == pose_run
        assert runs.find_run(tx, recording, "pose", "0" * 64) is None
        assert runs.find_run(tx, recording, "track", mark) is None
        assert runs.find_run(tx, recording + 1, "pose", mark) is None


def test_one_run_per_fingerprint(database: Database, pose_run: runs.Run) -> None:
    def start_again() -> None:
        with database.transaction() as tx:
            runs.start_run(tx, pose_run.recording_id, "pose", pose_run.fingerprint, settings={}, version="1")

    with pytest.raises(StorageError, match="refused"):
        start_again()


def test_provenance_reads_back_as_written(database: Database, recording_id: int) -> None:
    settings = {"height": 368, "names": ["ä", None], "nested": {"threshold": 0.1}}
    with database.transaction() as tx:
        run = runs.start_run(
            tx, recording_id, "pose", "a" * 64, settings=settings, version="1.2.3", skeleton=BODY_25,
            model_name="net", model_sha256="b" * 64, device="cpu", extra={"asked": "auto"},
        )  # fmt: skip
    assert (run.status, run.done, run.finished, run.parent_id) == ("running", False, None, None)
    assert (run.settings, run.skeleton, run.model_name, run.model_sha256) == (settings, "body_25", "net", "b" * 64)
    assert abs((datetime.now(UTC) - run.started).total_seconds()) < 600
    with database.transaction() as tx:
        runs.update_run(tx, run.id, device="cuda:0", extra={"skipped": 1})
        done = runs.finish_run(tx, run.id, extra={"skipped": 2})
    assert (done.done, done.device, done.extra) == (True, "cuda:0", {"asked": "auto", "skipped": 2})
    assert done.finished is not None
    assert done.finished >= done.started


def test_a_recording_read_by_another_clock_tells_the_last_one(database: Database) -> None:
    with database.transaction() as tx:
        for clock in ("assumed", "given", None):
            key = recordings.ensure_recording(tx, name="a", sha256="1", clock=clock, **VIDEO)
        assert recordings.get_recording(tx, key).clock == "given"


def finished(tx: Connection, parent: runs.Run, stage: str) -> runs.Run:
    mark = runs.fingerprint(number=len(runs.list_runs(tx, parent.recording_id)))
    run = runs.start_run(tx, parent.recording_id, stage, mark, settings={}, version="1", parent_id=parent.id)
    return runs.finish_run(tx, run.id)


def test_the_runs_that_were_asked_for_last_count(database: Database, stored: runs.Run) -> None:
    recording = stored.recording_id
    with database.transaction() as tx:
        assert runs.current(tx, recording) is None
        a = finished(tx, stored, "track")
        assert runs.current(tx, recording) == runs.Current(stored, a, None)
        acts, other = finished(tx, a, "actions"), finished(tx, a, "actions")
        assert runs.current(tx, recording) == runs.Current(stored, a, other)
        acts = runs.choose(tx, acts.id)
        assert runs.current(tx, recording) == runs.Current(stored, a, acts)
        b = finished(tx, stored, "track")
        assert runs.current(tx, recording) == runs.Current(stored, b, None)
        runs.start_run(tx, recording, "track", "9" * 64, settings={}, version="1", parent_id=stored.id)
        a = runs.choose(tx, a.id)  # A, then B, then A again
        assert runs.current(tx, recording) == runs.Current(stored, a, acts)
        runs.leave_out(tx, a.id, "actions")
        assert runs.current(tx, recording) == runs.Current(stored, a, None)
        acts = runs.choose(tx, acts.id)
        assert runs.current(tx, recording) == runs.Current(stored, a, acts)


def test_what_was_asked_for_last_counts_whatever_the_clock_says(
    database: Database, pose_run: runs.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Set back by a day, or of another machine that is slow."""

    def tracked(settings: str) -> runs.Run:
        with database.transaction() as tx:
            run = runs.start_run(
                tx, pose_run.recording_id, "track", settings, settings={}, version="1", parent_id=pose_run.id
            )
            return runs.finish_run(tx, run.id)

    def counts() -> int:
        with database.reading() as tx:
            now = runs.current(tx, pose_run.recording_id)
        assert now is not None
        return now.track.id

    first = tracked("a")
    yesterday = datetime.now(UTC) - timedelta(days=1)
    monkeypatch.setattr(runs, "datetime", type("Clock", (datetime,), {"now": lambda _: yesterday}))
    second = tracked("b")
    assert counts() == second.id
    with database.transaction() as tx:
        runs.choose(tx, first.id)
    assert counts() == first.id
    with database.transaction() as tx:
        runs.choose(tx, second.id)
    assert counts() == second.id
    assert second.finished == yesterday


def test_a_deleted_run_takes_its_rows_and_its_children_with_it(database: Database, tracked: runs.Run) -> None:
    with database.transaction() as tx:
        assert tracked.parent_id is not None
        runs.delete_run(tx, tracked.parent_id)
        keypoints = schema.keypoint_table("coco_18", COCO_18.joints)
        for table in (schema.run, schema.frame, keypoints, schema.membership, schema.tracklet, schema.track):
            assert tx.scalar(select(func.count()).select_from(table)) == 0, table.name
        assert len(recordings.list_recordings(tx)) == 1
        with pytest.raises(MissingError):
            runs.get_run(tx, tracked.id)


def test_a_child_takes_its_parents_skeleton(database: Database, tracked: runs.Run) -> None:
    with database.reading() as tx:
        assert tracked.skeleton == "coco_18"
        assert skeleton_of(tx, tracked.id) == COCO_18


@pytest.mark.usefixtures("pose_run")
def test_another_layout_under_a_known_name_is_refused(database: Database) -> None:
    for name, joints in (("coco_18", ("nose",)), ("COCO 18", COCO_18.joints)):
        other = Skeleton(name, joints, (), (0.1,) * len(joints))
        with database.transaction() as tx, pytest.raises(StorageError, match="another layout called 'coco_18'"):
            ensure_skeleton(tx, other)


def test_a_run_without_keypoints_has_no_skeleton(database: Database, recording_id: int) -> None:
    with database.transaction() as tx:
        run = runs.start_run(tx, recording_id, "import", "a", settings={}, version="1")
        with pytest.raises(MissingError, match="keypoints"):
            skeleton_of(tx, run.id)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.text(), JSON))
def test_a_fingerprint_ignores_the_order_of_names(values: dict[str, Any]) -> None:
    turned = dict(reversed(values.items()))
    assert runs.fingerprint(settings=values, model="m") == runs.fingerprint(model="m", settings=turned)


def test_a_fingerprint_tells_everything_apart() -> None:
    parts = [{"a": 1}, {"a": 2}, {"a": "1"}, {"a": [1]}, {"b": 1}, {"a": 1, "b": None}, {"a": 1.5}, {}]
    assert len({runs.fingerprint(**part) for part in parts}) == len(parts)
    assert len(runs.fingerprint()) == 64


def test_a_fingerprint_takes_plain_json_only() -> None:
    with pytest.raises(ValueError, match="JSON"):
        runs.fingerprint(threshold=float("nan"))
    with pytest.raises(TypeError, match="JSON"):
        runs.fingerprint(settings=object())
