"""Bouts of the machine and annotations of humans, apart."""

from __future__ import annotations

from sqlalchemy import select

from storage import Database, bouts, recordings, runs, schema
from storage.bouts import Annotation, Bout, Repetition

BOUTS = [
    Bout(1, "walk", 0.0, 0.16, 0, 3, 0.9),
    Bout(2, "wave", 0.016, 0.1, 2, 4, 0.6, "model: wave 0.60 (claimed from 0.50 on)"),
    Bout(
        1,
        "push_up",
        0.16,
        0.4,
        4,
        9,
        0.7,
        None,
        (Repetition(0.16, 0.25, 61.5, "deg of the elbows"), Repetition(0.25, 0.4, 64.0, "deg of the elbows")),
    ),
]


def test_bouts_come_back_by_person_and_time(database: Database, tracked: runs.Run) -> None:
    with database.transaction() as tx:
        bouts.write_bouts(tx, tracked.id, BOUTS)
        rows = bouts.read_bouts(tx, tracked.id)
        assert [Bout(**vars(row)) for row in rows] == [BOUTS[0], BOUTS[2], BOUTS[1]]
        runs.delete_run(tx, tracked.id)
        assert tx.execute(select(schema.repetition)).all() == []


def test_bouts_may_be_written_person_by_person(database: Database, tracked: runs.Run, stored: runs.Run) -> None:
    other = Bout(1, "sit", 0.0, 1.0, 0, 9, 1.0)
    with database.transaction() as tx:
        for bout in BOUTS:
            bouts.write_bouts(tx, tracked.id, [bout])
        bouts.write_bouts(tx, tracked.id, [])
        bouts.write_bouts(tx, stored.id, [other])
        assert len(bouts.read_bouts(tx, tracked.id)) == 3
        assert bouts.read_bouts(tx, stored.id) == [other]


HUMAN = [
    Annotation("walk", 0.5, 2.0, subject="Ada", track_id=1),
    Annotation("jump", 1.0, 1.0, is_point=True, comment="high"),
]


def test_annotations_come_back_by_time_and_apart_from_bouts(database: Database, tracked: runs.Run) -> None:
    recording = tracked.recording_id
    with database.transaction() as tx:
        bouts.write_bouts(tx, tracked.id, BOUTS)
        bouts.write_annotations(tx, recording, HUMAN[::-1], uri="a.boris", sha256="1", format="boris", coder="Bo")
        assert bouts.read_annotations(tx, recording) == HUMAN
        runs.delete_run(tx, tracked.id)
        assert bouts.read_annotations(tx, recording) == HUMAN


def test_a_label_file_imported_again_replaces_itself(database: Database, recording_id: int) -> None:
    with database.transaction() as tx:
        bouts.write_annotations(tx, recording_id, HUMAN, uri="a.csv", sha256="1", format="csv")
        bouts.write_annotations(tx, recording_id, HUMAN[:1], uri="a.csv", sha256="1", format="csv")
        bouts.write_annotations(tx, recording_id, HUMAN[1:], uri="b.csv", sha256="2", format="csv")
        assert bouts.read_annotations(tx, recording_id) == HUMAN
        other = recordings.ensure_recording(tx, name="b", uri="b", kind="video", sha256="1", width=1, height=1)
        assert bouts.read_annotations(tx, other) == []
