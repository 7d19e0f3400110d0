"""Offsets between the clocks of recordings: kept once found, applied by nobody in silence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from storage import schema
from storage.bulk import insert_rows


@dataclass(frozen=True)
class StoredOffset:
    """What is added to a recording's own time to get that of the reference.

    Attributes:
        recording_id: whose time.
        offset_s: seconds.
        error_s: standard error, seconds.
        correlation: of the speeds at this offset, in [-1, 1].
    """

    recording_id: int
    offset_s: float
    error_s: float
    correlation: float


def write_offsets(
    tx: Connection, reference_id: int, settings: Mapping[str, Any], version: str, offsets: Sequence[StoredOffset]
) -> int:
    """Store the offsets to a reference in place of those found before; gives the key."""
    table = schema.synchrony
    tx.execute(delete(table).where(table.c.reference_id == reference_id))
    values = {
        "reference_id": reference_id, "settings": dict(settings), "version": version, "made": datetime.now(UTC),
    }  # fmt: skip
    key = int(tx.execute(insert(table).values(values).returning(table.c.id)).scalar_one())
    rows = [(key, one.recording_id, one.offset_s, one.error_s, one.correlation) for one in offsets]
    insert_rows(tx, schema.clock_offset, rows)
    return key


def read_offsets(tx: Connection, recording_ids: Sequence[int]) -> dict[int, StoredOffset]:
    """The offset of each of the recordings, the reference's is 0, by the latest that covers all; empty without one."""
    synchrony, offset = schema.synchrony.c, schema.clock_offset.c
    keys = select(synchrony.id, synchrony.reference_id).order_by(synchrony.id.desc())
    for key, reference in tx.execute(keys).all():
        query = select(offset.recording_id, offset.offset_s, offset.error_s, offset.correlation)
        found = {int(row[0]): StoredOffset(*row) for row in tx.execute(query.where(offset.synchrony_id == key))}
        found[int(reference)] = StoredOffset(int(reference), 0.0, 0.0, 1.0)
        if set(recording_ids) <= set(found):
            return {one: found[one] for one in recording_ids}
    return {}
