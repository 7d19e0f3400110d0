"""Tables in text and spreadsheets: rows with line numbers, columns found by name, times in any usual notation."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from storage.errors import ExchangeError
from storage.formats.guard import MOST_SHEET, archive

Row = tuple[int, list[str]]
"""Line number, and the cells without the blanks around them."""

_CLOCK = re.compile(r"(-?)(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:[.,]\d+)?)")


@dataclass(frozen=True)
class Sheet:
    """Rows below a header.

    Attributes:
        path: for messages.
        columns: normalised name -> position; of equal names the first.
        rows: those with something in them.
        above: what stands above the header: first cell -> second cell.
    """

    path: Path
    columns: Mapping[str, int]
    rows: Sequence[Row]
    above: Mapping[str, str]

    def has(self, *names: str) -> bool:
        return all(name in self.columns for name in names)

    def get(self, row: Row, *names: str) -> str:
        """The cell in the first of these columns that is there; empty when none is, and for `NA`."""
        for name in names:
            place = self.columns.get(name)
            if place is not None:
                cell = row[1][place] if place < len(row[1]) else ""
                return "" if cell in ("NA", "N/A") else cell
        return ""

    def seconds(self, row: Row, *names: str) -> float:
        """A time; raises `ExchangeError` when there is none in this row."""
        cell = self.get(row, *names)
        value = seconds(cell)
        if value is None:
            raise ExchangeError(
                f"{self.path}, line {row[0]}, column {_first(names, self.columns)!r}: expected seconds or hh:mm:ss,"
                f" got {cell!r}"
            )
        return value

    def whole(self, row: Row, *names: str) -> int:
        """A number of a frame; raises `ExchangeError` when there is none in this row."""
        cell = self.get(row, *names)
        if not re.fullmatch(r"\d{1,15}(?:\.0*)?", cell):
            raise ExchangeError(
                f"{self.path}, line {row[0]}, column {_first(names, self.columns)!r}: expected the number of a frame,"
                f" counted from 0, got {cell!r}"
            )
        return int(float(cell))


def _first(names: Sequence[str], columns: Mapping[str, int]) -> str:
    return next((name for name in names if name in columns), names[0])


def plain(name: str) -> str:
    """A column name without differences of case and spacing."""
    return " ".join(name.split()).casefold()


def seconds(text: str) -> float | None:
    """Seconds, or hours, minutes and seconds with colons, decimals behind a point or comma; None when it is neither."""
    clock = _CLOCK.fullmatch(text.strip())
    if clock:
        sign, hours, minutes, rest = clock.groups()
        total = int(hours or 0) * 3600 + int(minutes) * 60 + float(rest.replace(",", "."))
        return -total if sign else total
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def decode(path: Path, data: bytes) -> str:
    """Text in UTF-8 or UTF-16, as `encoding_of` has it; raises `ExchangeError` for anything else."""
    encoding = encoding_of(data)
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        name = "UTF-8" if encoding == "utf-8-sig" else "UTF-16"
        raise ExchangeError(f"{path}: byte {error.start} is no {name} text; save the file again as UTF-8") from error


def encoding_of(data: bytes) -> str:
    """UTF-16 by its mark or, without one, by the zeros in its first signs; else UTF-8."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    # The first sign of a table or document is an ASCII one.
    match (data[0:1] == b"\0", data[1:2] == b"\0", data[2:3] == b"\0", data[3:4] == b"\0"):
        case (False, True, False, True):
            return "utf-16-le"
        case (True, False, True, False):
            return "utf-16-be"
    return "utf-8-sig"


def harmless(text: str) -> str:
    """A text for a cell: where a spreadsheet would run it as a formula, an apostrophe stands before it."""
    return f"'{text}" if _runs(text) else text


def harmed(cell: str) -> str:
    """The text of a cell, as it was before `harmless`."""
    return cell[1:] if cell[:1] == "'" and _runs(cell[1:]) else cell


def _runs(text: str) -> bool:
    """Numbers don't run, also negative ones; apostrophes that are there already count for nothing."""
    bare = text.lstrip("'")
    return bare[:1] in ("=", "+", "-", "@", "\t", "\r") and seconds(bare) is None


def text_rows(path: Path, text: str, delimiter: str) -> list[Row]:
    """All rows of delimited text; raises `ExchangeError` when the quoting is broken."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=False)
    rows: list[Row] = []
    line = 1
    try:
        for cells in reader:
            rows.append((line, [harmed(cell.strip()) for cell in cells]))
            line = reader.line_num + 1
    except csv.Error as error:
        raise ExchangeError(f"{path}, line {line}: {error}") from error
    return [row for row in rows if any(row[1])]


def spreadsheet_rows(path: Path) -> list[Row]:
    """All rows of the first sheet of an Excel or OpenDocument file.

    Raises `ExchangeError`, also when the library that reads it isn't installed.
    """
    import pandas as pd

    try:
        with archive(path, MOST_SHEET):
            sheet = pd.read_excel(path, header=None, dtype=object, na_filter=False)
    except ImportError as error:
        raise ExchangeError(f"{path}: {error}; or save it as .tsv") from error
    except ExchangeError:
        raise
    except Exception as error:  # its readers check little: whatever a damaged file leads to
        raise ExchangeError(f"{path}: can't be read as a spreadsheet; save it as .tsv") from error
    table = sheet.astype(str).to_numpy().tolist()
    rows = [(number, [cell.strip() for cell in cells]) for number, cells in enumerate(table, start=1)]
    return [row for row in rows if any(row[1])]


def find_header(path: Path, rows: Sequence[Row], needed: Sequence[Sequence[str]]) -> Sheet | None:
    """The sheet below the first row that has a column of each of the `needed` groups of names; None when none has."""
    above: dict[str, str] = {}
    for place, (_, cells) in enumerate(rows):
        names = [plain(cell) for cell in cells]
        if all(any(name in names for name in group) for group in needed):
            columns = {name: names.index(name) for name in reversed(names) if name}
            return Sheet(path, columns, rows[place + 1 :], above)
        if len(names) > 1:
            above.setdefault(names[0], cells[1])
    return None


def delimited(path: Path, text: str) -> Iterator[list[Row]]:
    """The rows by each delimiter that the text has."""
    for delimiter in ("\t", ",", ";"):
        if delimiter in text:
            yield text_rows(path, text, delimiter)
