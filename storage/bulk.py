"""Many rows at once: past SQLAlchemy's processing of single values, which costs more than the database itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Select, Table
from sqlalchemy.exc import DBAPIError


def insert_rows(tx: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows of plain int, float, str, bytes or None, in the order of the table's columns.

    Into PostgreSQL by COPY, which takes less than half as long there (`benchmarks/README.md`).
    """
    if rows and tx.dialect.name == "postgresql":
        _copy_rows(tx, table, rows)
    elif rows:
        tx.exec_driver_sql(str(table.insert().compile(dialect=tx.dialect)), list(rows))


def _copy_rows(tx: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    quoted = tx.dialect.identifier_preparer
    columns = ", ".join(quoted.format_column(column) for column in table.c)
    statement = f"COPY {quoted.format_table(table)} ({columns}) FROM STDIN"
    errors = tx.dialect.loaded_dbapi.Error
    connection: Any = tx.connection
    try:
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
    except errors as error:  # as SQLAlchemy tells what its own statements meet
        raise DBAPIError.instance(statement, None, error, errors, dialect=tx.dialect) from error


def fetch_arrays(tx: Connection, query: Select[Any], rows: int = 2000) -> Iterator[NDArray[np.float64]]:
    """The result of a query whose columns are all numbers, as (n, n_columns) float64 blocks; NULL is NaN."""
    result = tx.execute(query.execution_options(stream_results=True))
    width = len(result.keys())
    while block := result.fetchmany(rows):
        flat = np.fromiter(chain.from_iterable(block), dtype=object, count=len(block) * width)
        yield flat.astype(np.float64).reshape(len(block), width)
