"""Steps of the schema on real databases."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, delete, insert, inspect

from storage import Database, SchemaError, schema, schema_version
from storage.database import migrate
from storage.migrations import MIGRATIONS, Migration, applied


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


def test_an_older_database_comes_to_the_same_tables(database: Database) -> None:
    """Taken back to its first form, step by step the other way round."""
    with database.reading() as tx:
        new = set(inspect(tx).get_table_names())
    with database.transaction() as tx:
        schema.clothing.drop(tx)
        tx.execute(delete(schema.migration).where(schema.migration.c.name != MIGRATIONS[0].name))
    migrate(database)
    with database.reading() as tx:
        assert set(inspect(tx).get_table_names()) == new
        assert applied(tx) == [step.name for step in MIGRATIONS]
