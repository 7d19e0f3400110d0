"""Many rows at once: past SQLAlchemy's processing of single values, which costs more than the database itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Select, Table


def insert_rows(tx: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows of plain int, float, str, bytes or None, in the order of the table's columns."""
    if rows:
        tx.exec_driver_sql(str(table.insert().compile(dialect=tx.dialect)), list(rows))


def fetch_arrays(tx: Connection, query: Select[Any], rows: int = 2000) -> Iterator[NDArray[np.float64]]:
    """The result of a query whose columns are all numbers, as (n, n_columns) float64 blocks; NULL is NaN."""
    result = tx.execute(query.execution_options(stream_results=True))
    width = len(result.keys())
    while block := result.fetchmany(rows):
        flat = np.fromiter(chain.from_iterable(block), dtype=object, count=len(block) * width)
        yield flat.astype(np.float64).reshape(len(block), width)
