"""Sources that could not be analysed: which, why and when; forgotten when one is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, delete, insert, select

from storage import schema


@dataclass(frozen=True)
class Failure:
    """A source that failed last; the fields are those of the table `failure`."""

    uri: str
    reason: str
    failed: datetime


_COLUMNS = [schema.failure.c[name] for name in Failure.__annotations__]


def address(spec: str) -> str:
    """A source as `recording.uri` has it: addresses stay, files and folders get their whole path."""
    return spec if "://" in spec or spec.isdecimal() else str(Path(spec).expanduser().absolute())


def note_failure(tx: Connection, spec: str, reason: str) -> None:
    """In place of an earlier failure of this source."""
    forget_failure(tx, spec)
    values = {"uri": address(spec), "reason": reason, "failed": datetime.now(UTC)}
    tx.execute(insert(schema.failure).values(values))


def forget_failure(tx: Connection, spec: str) -> None:
    """The source is analysed now."""
    tx.execute(delete(schema.failure).where(schema.failure.c.uri == address(spec)))


def list_failures(tx: Connection) -> list[Failure]:
    """The sources that failed last, by address."""
    return [Failure(*row) for row in tx.execute(select(*_COLUMNS).order_by(schema.failure.c.uri))]
