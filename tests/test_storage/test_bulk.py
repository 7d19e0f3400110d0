"""Many rows at once: every value as it was, in both databases; all rows of a transaction or none."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import Column, Double, Integer, LargeBinary, MetaData, SmallInteger, Table, Text, func, select
from sqlalchemy.exc import IntegrityError

from storage import Database
from storage.bulk import insert_rows
from storage.errors import StorageError

ODD = Table(
    "odd table",  # to be quoted
    MetaData(),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("small", SmallInteger),
    Column("value", Double),
    Column("text", Text),
    Column("bytes", LargeBinary),
)
ROWS: list[tuple[Any, ...]] = [
    (0, None, None, None, None),
    (1, -7, 0.1, "", b""),
    (2, 32767, -0.5, "\\N", bytes(range(256))),
    (3, 0, 5e-324, "tab\there, line\nthere\r, back\\slash, \\.", b"\\x00\t\n"),
    (4, 1, 1.7976931348623157e308, "Žofie 走る 🏃 'quoted' \"twice\"", b"\\N"),
    (5, 2, math.inf, "\\.", b"\0"),
    (6, 3, -math.inf, "NULL", b"NULL"),
]


@pytest.fixture
def odd(database: Database) -> Database:
    with database.transaction() as tx:
        ODD.create(tx)
    return database


def test_every_value_is_as_it_was(odd: Database) -> None:
    with odd.transaction() as tx:
        insert_rows(tx, ODD, ROWS)
        insert_rows(tx, ODD, [])
    with odd.reading() as tx:
        found = [tuple(row) for row in tx.execute(select(ODD).order_by(ODD.c.number))]
    assert found == ROWS


def test_all_or_none(odd: Database) -> None:
    with pytest.raises((IntegrityError, StorageError), match=r"UNIQUE|unique"), odd.transaction() as tx:
        insert_rows(tx, ODD, [*ROWS, ROWS[1]])
    with suppress(InterruptedError), odd.transaction() as tx:
        insert_rows(tx, ODD, ROWS)
        raise InterruptedError
    with odd.transaction() as tx:
        assert tx.scalar(select(func.count()).select_from(ODD)) == 0
        insert_rows(tx, ODD, ROWS)  # the connection is of use again
