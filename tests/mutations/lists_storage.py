"""Planted faults of the store."""

from __future__ import annotations

from fault import Fault

_BULK, _COPIED = "storage/bulk.py", "tests/test_storage/test_bulk.py"

FAULTS: tuple[Fault, ...] = (
    Fault(_BULK, "copy.write_row(row)\n", "copy.write_row(row)\n        connection.commit()\n",
          "copied rows stay where the transaction fails", (f"{_COPIED}::test_all_or_none",)),
    Fault(_BULK, "copy.write_row(row)", "copy.write_row([cell or None for cell in row])",
          "zero and empty text are NULL", (f"{_COPIED}::test_every_value_is_as_it_was",)),
)  # fmt: skip
