"""Steps of the schema on real databases, among them some that earlier versions wrote."""

from __future__ import annotations

import re
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, insert, inspect, text

from storage import Database, SchemaError, bouts, frames, open_database, poses, runs, schema, schema_version, tracks
from storage.database import migrate
from storage.migrations import MIGRATIONS, Migration, applied

OLD = {int(path.stem.removeprefix("schema_")): path for path in Path(__file__).parent.glob("schema_*.sql")}
"""A database of each released schema, as the code of its day wrote it."""


def add_table(tx: Connection) -> None:
    tx.exec_driver_sql("CREATE TABLE camera (id INTEGER)")


def fail_midway(tx: Connection) -> None:
    add_table(tx)
    raise RuntimeError("midway")


def has_camera(database: Database) -> bool:
    with database.reading() as tx:
        return inspect(tx).has_table("camera")


def test_a_missing_step_is_done_once(database: Database) -> None:
    steps = (*MIGRATIONS, Migration("9999_add_camera", add_table))
    migrate(database, steps)
    migrate(database, steps)
    assert has_camera(database)
    with database.reading() as tx:
        assert applied(tx) == [step.name for step in steps]


def test_a_step_that_fails_leaves_neither_itself_nor_its_record(database: Database) -> None:
    with pytest.raises(RuntimeError, match="midway"):
        migrate(database, (*MIGRATIONS, Migration("9999_add_camera", fail_midway)))
    assert not has_camera(database)
    assert schema_version(database) == len(MIGRATIONS)


def test_a_newer_schema_is_refused_in_one_line(database: Database) -> None:
    with database.transaction() as tx:
        tx.execute(insert(schema.migration).values(name="9999_from_the_future", applied=datetime.now(UTC)))
    with pytest.raises(SchemaError, match=r"newer posescribe.*9999_from_the_future.*update") as caught:
        migrate(database)
    assert "\n" not in str(caught.value)


def test_names_sort_in_the_order_of_the_steps() -> None:
    names = [step.name for step in MIGRATIONS]
    assert names == sorted(set(names))


def form(connection: Connection) -> dict[str, Any]:
    """Columns, keys, constraints and indices of every table."""
    looked = inspect(connection)
    return {
        name: {
            "columns": [
                (column["name"], str(column["type"]), column["nullable"]) for column in looked.get_columns(name)
            ],
            "key": looked.get_pk_constraint(name)["constrained_columns"],
            "references": sorted(
                (one["constrained_columns"], one["referred_table"], one["options"])
                for one in looked.get_foreign_keys(name)
            ),
            "unique": sorted(one["column_names"] for one in looked.get_unique_constraints(name)),
            "checks": [re.sub(r"\W", "", one["sqltext"]) for one in looked.get_check_constraints(name)],
            "indices": sorted((one["name"], one["column_names"], one["unique"]) for one in looked.get_indexes(name)),
            "options": looked.get_table_options(name),
        }
        for name in looked.get_table_names()
    }


def test_all_steps_make_what_the_schema_describes(database: Database) -> None:
    with database.reading() as tx:
        stepwise = form(tx)
        engine = create_engine("sqlite://") if tx.dialect.name == "sqlite" else None
    if engine is not None:
        with engine.begin() as tx:
            schema.metadata.create_all(tx)
            assert stepwise == form(tx)
        engine.dispose()
        return
    with database.transaction() as tx:
        for view in ("current_bout", "current_run"):
            tx.execute(text(f"DROP VIEW {view}"))
        schema.metadata.drop_all(tx)
        assert not inspect(tx).get_table_names()
        schema.metadata.create_all(tx)
        assert stepwise == form(tx)


@pytest.fixture(params=sorted(OLD))
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "old.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(OLD[request.param].read_text(encoding="utf-8"))
    connection.close()
    return path


def rows(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    with sqlite3.connect(path) as connection:
        names = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
        ]
        found = {name: connection.execute(f'SELECT * FROM "{name}"').fetchall() for name in names}
    connection.close()
    return found


def test_there_is_a_database_of_each_released_schema() -> None:
    assert sorted(OLD) == [1, 2, 5]


def test_every_row_of_an_old_database_survives(old: Path) -> None:
    before = rows(old)
    open_database(old).close()
    after = rows(old)
    for name in before.keys() - {"model", "posescribe_migration"}:
        assert before[name], name
        assert [row[: len(kept)] for row, kept in zip(after[name], before[name], strict=True)] == before[name]
    with open_database(old) as database, database.reading() as tx:
        assert form(tx).keys() == {*form_of_new(), "keypoints_coco_18"}
        assert {name: one for name, one in form(tx).items() if name != "keypoints_coco_18"} == form_of_new()


def form_of_new() -> dict[str, Any]:
    engine = create_engine("sqlite://")
    with engine.begin() as tx:
        schema.metadata.create_all(tx)
        found = form(tx)
    engine.dispose()
    return found


def test_an_old_database_is_read_as_a_new_one(old: Path) -> None:
    with open_database(old) as database:
        with database.reading() as tx:
            now = runs.current(tx, 1)
            assert now is not None
            assert now.actions is not None
            assert [bout.action for bout in bouts.read_bouts(tx, now.actions.id)] == ["walk", "stand"]
            assert [label.action for label in bouts.read_annotations(tx, 1)] == ["run", "jump"]
            assert [track.name for track in tracks.list_tracks(tx, now.track.id)] == ["Ann", None]
            assert poses.count_frames(tx, now.pose.id) == 6
        assert len(frames.keypoints(database, now.track.id)) == 10 * 18
        assert len(list(tracks.iter_tracked_frames(database, now.track.id))) == 6


def test_a_column_added_as_documented_reaches_every_schema(old: Path) -> None:
    """Steps carry their own SQL: what a later one adds is not there before it."""
    steps = (*MIGRATIONS, Migration("9999_add_bins", lambda tx: tx.execute(text("ALTER TABLE clothing ADD bins INT"))))
    database = Database(create_engine(f"sqlite:///{old}"), str(old))
    migrate(database, steps)
    with database.reading() as tx:
        assert form(tx)["clothing"]["columns"][-1][0] == "bins"
    database.close()


def test_no_step_reads_the_schema_of_today(monkeypatch: pytest.MonkeyPatch, old: Path) -> None:
    for name in ("clothing", "recording", "run", "metadata"):
        monkeypatch.delattr(schema, name)
    with open_database(old) as database:
        assert schema_version(database) == len(MIGRATIONS)
