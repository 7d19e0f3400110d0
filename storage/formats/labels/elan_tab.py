"""ELAN's tab-delimited (or comma-separated) export: whichever columns its user chose, with or without a header.

With a header, a time column is one whose name ends in a time format, `Begin Time - ss.msec`, in any of ELAN's
languages; where a time is told in several formats, one is read and the others are left alone. Without a header only
the look of the cells is left: `hh:mm:ss.ms` is ELAN's own, numbers are taken for times where begin + duration = end in
every row or all of them have three decimals, and that they were is told. Text before the times is the tier, then its
participant; text behind them the annotation. Without a tier column every column behind the times is a tier of that
name.

Reference: https://www.mpi.nl/corpus/html/elan, "Exporting a document", "Export as tab-delimited text".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from storage.errors import ExchangeError
from storage.formats.labels.elan import ActionFrom, address, person_of, with_media
from storage.formats.labels.intervals import Interval, LabelFile, in_order, overlaps
from storage.formats.labels.sheets import seconds, text_rows

_CLOCK = re.compile(r"\d+:\d{2}:\d{2}[.,]\d+")
_SECONDS = re.compile(r"\d+[.,]\d{1,3}")
_MILLISECONDS = re.compile(r"\d+")
_SMPTE = re.compile(r"\d+:\d{2}:\d{2}[:;]\d{2}")
_SCALES = {_CLOCK: 1.0, _SECONDS: 1.0, _MILLISECONDS: 1e-3}
"""Notations of a time and the seconds of their unit, best first."""

_WORDS = {
    "begin": ("begin", "start", "début", "debut", "départ", "depart", "anfang", "inici", "início", "comienzo", "comen",
              "inizio", "開始", "开始", "起始", "нач", "pocz", "början"),
    "duration": ("dur", "dauer", "duur", "持续", "時間長", "时长", "длит", "trwan", "varaktighet", "längd"),
    "end": ("end", "fin", "ende", "eind", "slut", "conclus", "終了", "结束", "結束", "конец", "окон", "kon", "kraj"),
}  # fmt: skip
_FILE_WORDS = ("file", "datei", "fichier", "archivo", "arquivo", "bestand", "文件")
_LINK = re.compile(r"(.*?)(?:\s*-- offset:\s*(-?\d+))?")


@dataclass(frozen=True)
class _Row:
    """A line of the table, and what the lines above it say: the document, and its media with their origins in ms."""

    line: int
    cells: list[str]
    document: str | None
    media: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class _Columns:
    begin: int
    end: int | None
    duration: int | None
    scale: float
    labels: tuple[int, ...]
    values: tuple[int, ...]
    file: int | None
    guess: str | None = None


def read_elan_tab(path: Path, text: str, *, action_from: ActionFrom = "value") -> LabelFile | None:
    """The annotations; None when it doesn't look like such an export.

    Raises `ExchangeError` with the line when a row lacks its time.
    """
    rows = _rows(path, text)
    if not rows:
        return None
    header = None
    if len(rows) > 1 and not any(_notation([cell]) for cell in rows[0].cells):
        header, rows = rows[0].cells, rows[1:]
    cells = [list(column) for column in zip(*(row.cells for row in rows), strict=True)]
    columns = _headed(header, cells) if header else _unheaded(cells) if "\t" in text else None
    if columns is None:
        return None
    kept, problems = in_order(_intervals(path, rows, header, columns, action_from))
    if columns.guess:
        problems.insert(0, columns.guess)
    if any(origin for row in rows for _, origin in row.media):
        problems.append(
            "the offset of the video was added to its times; where ELAN was told to add that of the first one to the"
            " annotations, import the .eaf instead"
        )
    return LabelFile("elan-tab", tuple(kept), (*problems, *overlaps(kept)))


def _rows(path: Path, text: str) -> list[_Row]:
    """The rows, all of one width; raises `ExchangeError` when the quoting is broken."""
    delimiter = "\t" if "\t" in text else ","
    lines = text.replace("\r\n", "\n").split("\n")
    rows: list[_Row] = []
    document: str | None = None
    media: list[tuple[str, int]] = []
    for number, line in enumerate(lines, start=1):
        told = line.strip().strip('"')
        if told.startswith("#") or (told.endswith(".eaf") and delimiter not in told):
            if rows and rows[-1].media == tuple(media):
                document, media = None, []
            name, origin = _LINK.fullmatch(told.strip("# \t")).groups()  # type: ignore[union-attr]  # it fits any text
            if name.endswith(".eaf"):
                document = name
            elif name:
                media.append((address(name), int(origin or 0)))
        elif line.strip():
            # A tab-delimited export has no quoting, a comma-separated one has.
            parts = [line.split("\t")] if delimiter == "\t" else [cells for _, cells in text_rows(path, line, ",")]
            rows += [_Row(number, [cell.strip() for cell in cells], document, tuple(media)) for cells in parts]
    width = max((len(row.cells) for row in rows), default=0)
    for row in rows:
        row.cells.extend([""] * (width - len(row.cells)))
    return rows


def _notation(column: Sequence[str]) -> re.Pattern[str] | None:
    """How the times of a column are written; None when they are none, or there is nothing in it."""
    filled = [cell for cell in column if cell]
    found = (notation for notation in (*_SCALES, _SMPTE) if filled and all(map(notation.fullmatch, filled)))
    return next(found, None)


def _headed(header: Sequence[str], cells: Sequence[Sequence[str]]) -> _Columns | None:
    times: dict[int, re.Pattern[str]] = {}
    for place, name in enumerate(header):
        notation = _notation(cells[place])
        # A number without its unit is no time.
        if notation is not None and (" - " in name or (_role(name) and notation is not _MILLISECONDS)):
            times[place] = notation
    for notation in _SCALES:
        places = [place for place, of in times.items() if of is notation]
        told = {role: place for place in reversed(places) if (role := _role(header[place]))}
        if "begin" in told and len(told) > 1:
            return _columns(told, times, notation, header, cells)
        if len(places) > 1 and "begin" not in told and told.keys() != {"end", "duration"}:
            # A language that isn't among the words; ELAN writes begin, end and duration in this order.
            return _columns(_in_order(places, cells), times, notation, header, cells, _guessed(places, "in this order"))
    return None


def _unheaded(cells: Sequence[Sequence[str]]) -> _Columns | None:
    kinds = [_notation(column) for column in cells]
    for notation in _SCALES:
        places = [place for place, kind in enumerate(kinds) if kind is notation]
        if len(places) < 2:
            continue
        roles = _in_order(places, cells)
        if notation is not _CLOCK and len(roles) < 3:
            exact = all(re.fullmatch(r"\d+[.,]\d{3}|", cell) for place in places for cell in cells[place])
            if not exact:
                continue
        values = [[seconds(cell) for cell in cells[place]] for place in roles.values()]
        times = {place: notation for place in places if notation is not _MILLISECONDS or place in roles.values()}
        for place, kind in enumerate(kinds):
            # The same time in another format.
            if kind is _SMPTE or (kind and any(_same(cells[place], one, _SCALES[kind]) for one in values)):
                times[place] = kind
        guess = None if notation is _CLOCK and len(roles) == 3 else _guessed(list(roles.values()), ", ".join(roles))
        return _columns(roles, times, notation, None, cells, guess)
    return None


def _guessed(places: Sequence[int], roles: str) -> str:
    return (
        f"no header tells what columns {', '.join(str(place + 1) for place in places)} are: taken for the times"
        f" ({roles})"
    )


def _same(column: Sequence[str], times: Sequence[float | None], scale: float) -> bool:
    told = [seconds(cell) for cell in column]
    return all(a is None or b is None or abs(a * scale - b) < 2e-3 for a, b in zip(told, times, strict=True)) and any(
        told
    )


def _in_order(places: Sequence[int], cells: Sequence[Sequence[str]]) -> dict[str, int]:
    """Begin, end and duration of columns in ELAN's order, of which end or duration may lack."""
    first, second, *rest = ([seconds(cell) or 0.0 for cell in cells[place]] for place in places[:3])
    if rest and all(abs(a + c - b) < 2e-3 for a, b, c in zip(first, second, rest[0], strict=True)):
        return dict(zip(("begin", "end", "duration"), places, strict=False))
    later = all(b >= a for a, b in zip(first, second, strict=True))
    return {"begin": places[0], "end" if later else "duration": places[1]}


def _columns(
    roles: Mapping[str, int],
    times: Mapping[int, re.Pattern[str]],
    notation: re.Pattern[str],
    header: Sequence[str] | None,
    cells: Sequence[Sequence[str]],
    guess: str | None = None,
) -> _Columns | None:
    first = min(times)
    texts = [place for place, column in enumerate(cells) if place not in times and (any(column) or place < first)]
    file = next((place for place in texts if _names_files(cells[place], header[place] if header else "")), None)
    before = [place for place in texts if place < first and place != file]
    behind = [place for place in texts if place > first and place != file]
    if not behind and len(before) > 1:
        behind = [before.pop()]
    if not behind:
        return None
    values = behind if header and not before else behind[:1]
    return _Columns(
        roles["begin"], roles.get("end"), roles.get("duration"), _SCALES[notation], tuple(before), tuple(values), file,
        guess,
    )  # fmt: skip


def _names_files(column: Sequence[str], name: str) -> bool:
    words = name.casefold()
    filled = [cell for cell in column if cell]
    return bool(filled) and (
        all(cell.endswith(".eaf") for cell in filled) or any(word in words for word in _FILE_WORDS)
    )


def _role(name: str) -> str | None:
    words = name.casefold()
    return next((role for role, starts in _WORDS.items() if any(start in words for start in starts)), None)


def _intervals(
    path: Path, rows: Sequence[_Row], header: Sequence[str] | None, columns: _Columns, action_from: ActionFrom
) -> Iterator[Interval]:
    def time(row: _Row, column: int) -> float:
        value = seconds(row.cells[column])
        if value is None:
            raise ExchangeError(
                f"{path}, line {row.line}, column {column + 1}: expected a time, got {row.cells[column]!r}"
            )
        return value * columns.scale

    for row in rows:
        start = time(row, columns.begin)
        if columns.end is not None:
            stop = time(row, columns.end)
        else:
            stop = start + (time(row, columns.duration) if columns.duration is not None else 0.0)
        labels = [row.cells[column] for column in columns.labels]
        document = row.cells[columns.file] if columns.file is not None else row.document
        for column in columns.values:
            text = row.cells[column]
            tier = labels[0] if labels else header[column] if header and len(columns.values) > 1 else ""
            if not labels and not text:
                continue
            yield with_media(
                Interval(
                    where=f"line {row.line}",
                    action=tier if action_from == "tier" or not text else text,
                    start_s=start,
                    stop_s=stop,
                    subject=person_of(tier, labels[1] if len(labels) > 1 else None, action_from) or None,
                    recording=Path(document).stem if document else None,
                    comment=text or None if action_from == "tier" else None,
                ),
                [(name, origin / 1000) for name, origin in row.media],
            )
