"""Changes of who is who as a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from behavior.errors import DataError
from pose.tracking import Edit

COLUMNS = ("action", "person", "other", "frame", "decision")
"""Of a file of edits."""


def read_edits(path: Path) -> list[Edit]:
    """Changes from a CSV file with the columns `action, person, other, frame, decision`, of which any may be empty that
    an action does not need; in `other`, a rename has the new name or number.

    Raises:
        DataError: the file can't be read, or a line is wrong (named by its number).
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
            columns = reader.fieldnames or ()
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"can't read the edits in {path}: {error}") from error
    if "action" not in columns or not set(columns) <= set(COLUMNS):
        raise DataError(f"{path}, line 1: has the columns {','.join(columns)}; expected {','.join(COLUMNS)}")
    return edits_of(rows, f"{path}, line ")


def edits_of(rows: Sequence[Mapping[str, object]], where: str = "row ", first: int = 2) -> list[Edit]:
    """Changes out of rows with those columns; raises `DataError`, which says where: counted from `first`."""
    edits = []
    for number, row in enumerate(rows, start=first):
        try:
            cells = {name: str(row.get(name) or "").strip() for name in COLUMNS}
            named = cells["action"] == "rename" and not cells["other"].isdecimal()
            numbers = {name: int(text) if (text := cells[name]) else None for name in ("person", "frame", "decision")}
            edits.append(
                Edit(
                    action=cells["action"],  # type: ignore[arg-type] # Edit itself refuses other words
                    other=int(cells["other"]) if cells["other"] and not named else None,
                    name=cells["other"] if named else None,
                    **numbers,
                )
            )
        except ValueError as error:
            raise DataError(f"{where}{number}: {error}; expected {','.join(COLUMNS)}") from error
    return edits


def write_edits(edits: Sequence[Edit], path: Path) -> None:
    """The file that `read_edits` reads; raises `DataError` when it can't be written."""
    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for edit in edits:
                other = edit.other if edit.name is None else edit.name
                writer.writerow([edit.action, edit.person, other, edit.frame, edit.decision])
    except OSError as error:
        raise DataError(f"can't write the edits to {path}: {error.strerror or error}") from error
