"""Opening, refusing, transactions."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from pose.people import FramePeople
from storage import (
    SCHEMA_VERSION,
    Database,
    MissingError,
    SchemaError,
    StorageError,
    open_database,
    poses,
    recordings,
    runs,
    schema_version,
)


def names(database: Database) -> list[str]:
    with database.reading() as tx:
        return [recording.name for recording in recordings.list_recordings(tx)]


def add(database: Database, name: str) -> None:
    with database.transaction() as tx:
        recordings.ensure_recording(tx, name=name, uri=name, kind="video", sha256="0", width=1, height=1)


def test_a_new_database_has_the_newest_schema(database: Database) -> None:
    assert schema_version(database) == SCHEMA_VERSION


def test_what_was_committed_is_there_after_closing(tmp_path: Path) -> None:
    with open_database(tmp_path / "a.db") as database:
        add(database, "one")
    with open_database(f"sqlite:///{tmp_path / 'a.db'}", create=False) as database:
        assert names(database) == ["one"]


def test_an_empty_file_becomes_a_database(tmp_path: Path) -> None:
    (tmp_path / "a.db").touch()
    open_database(tmp_path / "a.db").close()


def test_sqlite_runs_in_write_ahead_mode_with_foreign_keys(tmp_path: Path) -> None:
    with open_database(tmp_path / "a.db") as database, database.reading() as tx:
        assert tx.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert tx.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def refused(where: str | Path, error: type[StorageError], words: str) -> None:
    """One line that names the place, of this very class."""
    with pytest.raises(StorageError, match=words) as caught:
        open_database(where)
    assert caught.type is error
    assert "\n" not in str(caught.value)
    assert str(where).partition("://")[2][:4] in str(caught.value)


def test_a_text_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    path.write_text("hello\n")
    refused(path, SchemaError, "not a database")
    assert path.read_text() == "hello\n"


def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "bookmarks.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE bookmark (url TEXT)")
    connection.close()
    before = path.read_bytes()
    refused(path, SchemaError, "'bookmark'")
    assert path.read_bytes() == before


def test_a_truncated_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with open_database(path) as database:
        add(database, "one")
    path.write_bytes(path.read_bytes()[:5000])
    refused(path, StorageError, "malformed.*damaged")


def test_places_that_cannot_hold_a_database_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused(tmp_path, StorageError, "a folder")
    refused(tmp_path / "file" / "a.db", StorageError, "is not a folder")
    refused(tmp_path / "none" / "a.db", StorageError, "does not exist; create it first")
    assert not (tmp_path / "none").exists()


def test_a_file_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.db").symlink_to(tmp_path / "none" / "a.db")
    refused(tmp_path / "a.db", StorageError, "unable to open.*can be written")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://user:secret@host/name", "SQLite or PostgreSQL"),
        ("nonsense://name", "SQLite or PostgreSQL"),
        ("sqlite://", "file"),
        ("sqlite:///:memory:", "file"),
        ("://", "not a database URL"),
    ],
)
def test_other_databases_are_refused_without_telling_the_password(url: str, words: str) -> None:
    with pytest.raises(StorageError, match=words) as caught:
        open_database(url)
    assert "secret" not in str(caught.value)


def test_a_server_that_does_not_answer_is_refused_without_telling_the_password() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(StorageError, match=r"connection failed.*check") as caught:
        open_database("postgresql://user:secret@127.0.0.1:1/name")
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_create_false_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="no such database"):
        open_database(tmp_path / "a.db", create=False)
    assert not (tmp_path / "a.db").exists()


def test_whoever_reads_does_not_turn_an_empty_file_into_a_database(tmp_path: Path) -> None:
    (tmp_path / "a.db").touch()
    with pytest.raises(MissingError, match="holds nothing"):
        open_database(tmp_path / "a.db", create=False)
    assert (tmp_path / "a.db").stat().st_size == 0


def test_an_error_rolls_back_the_whole_transaction(database: Database) -> None:
    def fail() -> None:
        with database.transaction():
            add(database, "lost")
            raise RuntimeError("midway")

    with pytest.raises(RuntimeError, match="midway"):
        fail()
    assert names(database) == []


def test_an_inner_transaction_can_fail_alone(database: Database) -> None:
    def fail() -> None:
        with database.transaction():
            add(database, "inner")
            raise RuntimeError("inner")

    with database.transaction():
        add(database, "before")
        with pytest.raises(RuntimeError, match="inner"):
            fail()
        add(database, "after")
    assert names(database) == ["before", "after"]


def test_an_inner_transaction_is_lost_with_the_outer(database: Database) -> None:
    def fail() -> None:
        with database.transaction():
            add(database, "inner")
            assert names(database) == ["inner"]  # reading within a transaction sees it
            raise RuntimeError("outer")

    with pytest.raises(RuntimeError, match="outer"):
        fail()
    assert names(database) == []


def test_a_refusal_by_the_database_is_one_line(
    database: Database, pose_run: runs.Run, world: list[FramePeople]
) -> None:
    def append_twice() -> None:
        with database.transaction() as tx:
            poses.append_frames(tx, pose_run.id, world)
            poses.append_frames(tx, pose_run.id, world)

    with pytest.raises(StorageError, match="another process") as caught:
        append_twice()
    assert "\n" not in str(caught.value)
    assert list(poses.iter_frames(database, pose_run.id)) == []


def test_a_reader_sees_the_last_commit_while_a_writer_writes(
    database: Database, pose_run: runs.Run, world: list[FramePeople]
) -> None:
    def numbers() -> list[int]:
        return [frame.index for frame in poses.iter_frames(database, pose_run.id, chunk=2)]

    seen: list[list[int]] = []
    with database.transaction() as tx:
        poses.append_frames(tx, pose_run.id, world[:3])
    with database.transaction() as tx:
        poses.append_frames(tx, pose_run.id, world[3:])
        reader = threading.Thread(target=lambda: seen.append(numbers()))
        reader.start()
        reader.join(timeout=60)
    assert seen == [[0, 1, 2]]
    assert numbers() == list(range(10))


def test_a_second_writer_waits_for_the_first(database: Database) -> None:
    started = threading.Event()

    def second() -> None:
        started.set()
        add(database, "second")

    writer = threading.Thread(target=second)
    with database.transaction():
        add(database, "first")
        writer.start()
        assert started.wait(timeout=60)
    writer.join(timeout=60)
    assert sorted(names(database)) == ["first", "second"]


def test_processes_may_create_the_same_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    code = (
        "import sys, storage; print('ready', flush=True); sys.stdin.read(); storage.open_database(sys.argv[1]).close()"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
    codes = []
    for process in processes:
        codes.append(process.wait(timeout=120))
        assert process.stdout is not None
        process.stdout.close()
    assert codes == [0, 0, 0]
    with open_database(path) as database:
        assert schema_version(database) == SCHEMA_VERSION


def test_a_file_that_was_moved_away_is_missed(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    with open_database(folder / "p.db") as database:
        folder.rename(tmp_path / "moved")
        with pytest.raises(StorageError, match=r"p\.db: no longer there; .* move it back"), database.transaction():
            pass
        assert not folder.exists()
        (tmp_path / "moved").rename(folder)
        with database.transaction() as tx:
            assert tx.execute(text("SELECT 1")).scalar() == 1
