"""Recordings by the names that users give, and folders that no name leads out of."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import Database
from storage.recordings import ensure_recording, folder_name, list_recordings, result_folders, select_recordings


def enter(database: Database, name: str, sha256: str | None, uri: str = "/data/a.mp4") -> int:
    with database.transaction() as tx:
        return ensure_recording(tx, name=name, uri=uri, kind="video", sha256=sha256, width=9, height=9)


def test_two_of_one_name(database: Database) -> None:
    first, second = enter(database, "clip", "a" * 64), enter(database, "clip", "b" * 64)
    assert enter(database, "clip", "b" * 64, "/data/moved.mp4") == second
    assert enter(database, "clip", "a" * 64) == first
    camera = [enter(database, "webcam0", None) for _ in range(3)]
    with database.reading() as tx:
        known = list_recordings(tx)
        assert [one.name for one in known] == ["clip", "clip-2", "webcam0", "webcam0-2", "webcam0-3"]
        assert known[1].uri == "/data/moved.mp4"
        for wanted, expected in (("clip", first), ("clip-2", second), (str(camera[1]), camera[1]), ("moved", second)):
            assert [one.id for one in select_recordings(tx, wanted)] == [expected]
        assert select_recordings(tx, "cli") == []
        assert len(select_recordings(tx, None)) == 5


def test_a_whole_name_comes_before_everything_else(database: Database) -> None:
    enter(database, "other", "a" * 64, "/data/2.mp4")
    enter(database, "more", "b" * 64)
    named = enter(database, "2", "c" * 64)
    with database.reading() as tx:
        assert [one.id for one in select_recordings(tx, "2")] == [named]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("walk", "walk"), ("S01.2024-05-03", "S01.2024-05-03"), ("Übung [1] *", "Übung [1] *"), (".hidden", ".hidden"),
        ("..", "_"), (".", "_"), ("", "_"), (" . ", "_"), ("../../evil", ".._.._evil"), ("/etc", "_etc"),
        ("a\\b", "a_b"), ("a\0b\n", "a_b_"), ("CON", "_CON"), ("nul.2024", "_nul.2024"), ("console", "console"),
    ],
)  # fmt: skip
def test_folder_names(name: str, expected: str) -> None:
    assert folder_name(name) == expected


@given(st.text(max_size=12))
def test_any_name_is_one_folder(name: str) -> None:
    safe = folder_name(name)
    assert folder_name(safe) == safe
    inside = Path("/out") / safe
    assert inside.parent == Path("/out")
    assert inside.name == safe
    assert safe not in ("", ".", "..")


def test_folders_differ_also_where_capitals_do_not_count(database: Database) -> None:
    for name, sha256 in (("Clip", "a" * 64), ("clip", "b" * 64), ("a/b", "c" * 64), ("a_b", "d" * 64)):
        enter(database, name, sha256)
    with database.reading() as tx:
        folders = list(result_folders(list_recordings(tx)).values())
        assert folders == ["Clip", "clip-bbbbbbbb", "a_b", "a_b-dddddddd"]
        assert [one.name for one in select_recordings(tx, "a_b-dddddddd")] == ["a_b"]
