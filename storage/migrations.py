"""The schema's history: named steps, in order, each in a transaction of its own together with the record of it.

A new database is made at once from `schema.py` and all steps are recorded as done; an older one gets those it lacks.
Whoever changes `schema.py` appends a step here that brings a stored database to the same form; a step is never edited
once released. Tables of skeletons (`schema.keypoint_table`) are reached through the rows of `schema.skeleton`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection, insert, inspect, select

from storage import schema
from storage.errors import SchemaError

if TYPE_CHECKING:
    from storage.database import Database


@dataclass(frozen=True)
class Migration:
    """One step.

    Attributes:
        name: unique and final, e.g. `0002_add_camera`.
        apply: changes the database; runs inside a transaction that it must not end.
    """

    name: str
    apply: Callable[[Connection], None]


def _create_tables(connection: Connection) -> None:
    schema.metadata.create_all(connection)


def _add_clothing(connection: Connection) -> None:
    schema.clothing.create(connection, checkfirst=True)


MIGRATIONS: tuple[Migration, ...] = (
    Migration("0001_create_tables", _create_tables),
    Migration("0002_add_clothing", _add_clothing),
)


def applied(connection: Connection) -> list[str]:
    """Names of the steps that a database has had, in order; empty for a new one."""
    if not inspect(connection).has_table(schema.migration.name):
        return []
    return list(connection.scalars(select(schema.migration.c.name).order_by(schema.migration.c.name)))


def migrate(database: Database, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Bring a database to the newest schema; one that has it is only read.

    Raises `SchemaError` for a database that holds another program's tables, or steps that this version does not know.
    """
    known = [migration.name for migration in migrations]
    with database.reading() as tx:
        done = applied(tx)
    if unknown := [name for name in done if name not in known]:
        raise SchemaError(
            f"{database.where}: made by a newer posescribe (schema {len(done)} with step {unknown[-1]!r}, this version "
            f"knows {len(known)}); update posescribe or choose another --db"
        )
    if not done:
        with database.transaction() as tx:
            if not applied(tx):  # another process may have been faster
                _refuse_foreign(tx, database.where)
                _create_tables(tx)
                for migration in migrations:
                    _record(tx, migration)
        return
    for migration in migrations:
        if migration.name not in done:
            with database.transaction() as tx:
                if migration.name not in applied(tx):
                    migration.apply(tx)
                    _record(tx, migration)


def _refuse_foreign(tx: Connection, where: str) -> None:
    if tables := inspect(tx).get_table_names():
        raise SchemaError(f"{where}: a database of another program (table {tables[0]!r}); choose another --db")


def _record(tx: Connection, migration: Migration) -> None:
    tx.execute(insert(schema.migration).values(name=migration.name, applied=datetime.now(UTC)))
