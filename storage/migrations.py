"""The schema's history: named steps, in order, each in a transaction of its own together with the record of it.

A new database is made at once from `schema.py` and all steps are recorded as done; an older one gets those it lacks.
Whoever changes `schema.py` appends a step here that brings a stored database to the same form; a step is never edited
once released. Tables of skeletons (`schema.keypoint_table`) are reached through the rows of `schema.skeleton`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, insert, inspect, select

from storage import schema
from storage.errors import SchemaError


@dataclass(frozen=True)
class Migration:
    """One step.

    Attributes:
        name: unique and final, e.g. `0002_add_camera`.
        apply: changes the database; runs inside a transaction that it must not end.
    """

    name: str
    apply: Callable[[Connection], None]


def create_tables(connection: Connection) -> None:
    schema.metadata.create_all(connection)


def _add_clothing(connection: Connection) -> None:
    schema.clothing.create(connection, checkfirst=True)


MIGRATIONS: tuple[Migration, ...] = (
    Migration("0001create_tables", create_tables),
    Migration("0002_add_clothing", _add_clothing),
)


def applied(connection: Connection) -> list[str]:
    """Names of the steps that a database has had, in order; empty for a new one."""
    if not inspect(connection).has_table(schema.migration.name):
        return []
    return list(connection.scalars(select(schema.migration.c.name).order_by(schema.migration.c.name)))


def refuse_foreign(tx: Connection, where: str) -> None:
    """Raises `SchemaError` for a database that holds tables, none of them ours."""
    if tables := inspect(tx).get_table_names():
        raise SchemaError(f"{where}: a database of another program (table {tables[0]!r}); choose another --db")


def record(tx: Connection, migration: Migration) -> None:
    """Notes that a step is done."""
    tx.execute(insert(schema.migration).values(name=migration.name, applied=datetime.now(UTC)))
