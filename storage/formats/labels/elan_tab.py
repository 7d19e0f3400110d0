"""ELAN's tab-delimited export: whichever columns its user chose, with or without a header, in any of its languages.

A column of times is known by how its cells look, and what it tells by the word in its header or else by arithmetic
(begin + duration = end). Text before the times is the tier, then its participant; text behind them the annotation.
Without a tier column every column behind the times is a tier of that name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from storage.errors import ExchangeError
from storage.formats.labels.elan import ActionFrom, person_of
from storage.formats.labels.intervals import Interval, LabelFile, in_order, overlaps
from storage.formats.labels.sheets import Row, seconds

_NOTATIONS = (
    re.compile(r"\d+:\d{2}:\d{2}[.,]\d+"),  # hh:mm:ss.ms
    re.compile(r"\d+[.,]\d{3}"),  # ss.msec
    re.compile(r"\d+"),  # msec
)
_MILLISECONDS = _NOTATIONS[2]
_TIMECODE = re.compile(r"\d+:\d{2}:\d{2}:\d{2}")
_WORDS = {
    "begin": ("begin", "start", "début", "debut", "départ", "depart", "anfang", "inici", "início", "comienzo", "comen",
              "inizio", "開始", "开始", "起始", "нач", "pocz", "början"),
    "duration": ("dur", "dauer", "duur", "持续", "時間長", "时长", "длит", "trwan", "varaktighet", "längd"),
    "end": ("end", "fin", "ende", "eind", "slut", "conclus", "終了", "结束", "結束", "конец", "окон", "kon", "kraj"),
}  # fmt: skip
_FILE_WORDS = ("file", "datei", "fichier", "archivo", "arquivo", "bestand", "文件")


@dataclass(frozen=True)
class _Columns:
    begin: int
    end: int | None
    duration: int | None
    scale: float
    labels: tuple[int, ...]
    values: tuple[int, ...]
    file: int | None


def read_elan_tab(path: Path, text: str, *, action_from: ActionFrom = "value") -> LabelFile | None:
    """The annotations; None when it doesn't look like such an export.

    Raises `ExchangeError` with the line when a row lacks its time.
    """
    media, rows = _rows(text)
    if not rows:
        return None
    header = None
    if not any(notation.fullmatch(cell) for notation in _NOTATIONS[:2] for cell in rows[0][1]) and len(rows) > 1:
        header, rows = rows[0][1], rows[1:]
    columns = _find(rows, header)
    if columns is None:
        return None
    kept, problems = in_order(_intervals(path, rows, header, columns, media, action_from))
    return LabelFile("elan-tab", tuple(kept), (*problems, *overlaps(kept)))


def _rows(text: str) -> tuple[str | None, list[Row]]:
    """The video that the lines above the table name, and the rows, all of one width."""
    media = None
    rows: list[Row] = []
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        if line.lstrip('"').startswith("#"):
            name = re.sub(r"\s*-- offset.*", "", line.strip('"# \t'))
            if not name.endswith(".eaf"):
                media = media or name.removeprefix("file://") or None
        elif line.strip():
            rows.append((number, [cell.strip() for cell in line.split("\t")]))
    width = max((len(cells) for _, cells in rows), default=0)
    return media, [(number, cells + [""] * (width - len(cells))) for number, cells in rows]


def _find(rows: Sequence[Row], header: Sequence[str] | None) -> _Columns | None:
    cells = [[row[1][column] for row in rows] for column in range(len(rows[0][1]))]
    filled = [[cell for cell in column if cell] for column in cells]
    of_notation = [
        [place for place, column in enumerate(filled) if column and all(map(notation.fullmatch, column))]
        for notation in _NOTATIONS
    ]
    others = {place for place, column in enumerate(filled) if column and all(map(_TIMECODE.fullmatch, column))}
    for notation, places in zip(_NOTATIONS, of_notation, strict=True):
        if notation is _MILLISECONDS and header is not None:
            places = [place for place in places if _role(header[place])]
        roles = _roles([cells[place] for place in places], [header[place] if header else "" for place in places])
        if roles is None:
            continue
        times = {place for found in of_notation[:2] for place in found} | set(places) | others
        first = min(times)
        texts = [place for place, column in enumerate(filled) if place not in times and (column or place < first)]
        file = next((place for place in texts if _names_files(filled[place], header[place] if header else "")), None)
        before = [place for place in texts if place < first and place != file]
        behind = [place for place in texts if place > first and place != file]
        if not behind and len(before) > 1:
            behind = [before.pop()]
        if not behind:
            return None
        chosen = {role: places[at] for role, at in roles.items()}
        return _Columns(
            chosen["begin"], chosen.get("end"), chosen.get("duration"), 1e-3 if notation is _MILLISECONDS else 1.0,
            tuple(before), tuple(behind if header and not before else behind[:1]), file,
        )  # fmt: skip
    return None


def _names_files(column: Sequence[str], name: str) -> bool:
    words = name.casefold()
    return bool(column) and (
        all(cell.endswith(".eaf") for cell in column) or any(word in words for word in _FILE_WORDS)
    )


def _role(name: str) -> str | None:
    words = name.casefold()
    return next((role for role, starts in _WORDS.items() if any(start in words for start in starts)), None)


def _roles(columns: Sequence[Sequence[str]], names: Sequence[str]) -> dict[str, int] | None:
    """Which of the columns of one notation is begin, end and duration; None when there is no interval in them."""
    told = {role: place for place, name in reversed(list(enumerate(names))) if (role := _role(name))}
    if "begin" in told and len(told) > 1:
        return told
    if len(columns) < 2 or told.keys() == {"end", "duration"}:
        return None
    first, second, *rest = ([seconds(cell) or 0.0 for cell in column] for column in columns)
    if rest and all(abs(a + c - b) < 2e-3 for a, b, c in zip(first, second, rest[0], strict=True)):
        return {"begin": 0, "end": 1, "duration": 2}
    if all(b >= a for a, b in zip(first, second, strict=True)):
        return {"begin": 0, "end": 1}
    return {"begin": 0, "duration": 1}


def _intervals(
    path: Path,
    rows: Sequence[Row],
    header: Sequence[str] | None,
    columns: _Columns,
    media: str | None,
    action_from: ActionFrom,
) -> Iterator[Interval]:
    def time(row: Row, column: int) -> float:
        value = seconds(row[1][column])
        if value is None:
            raise ExchangeError(f"{path}, line {row[0]}, column {column + 1}: expected a time, got {row[1][column]!r}")
        return value * columns.scale

    for row in rows:
        start = time(row, columns.begin)
        if columns.end is not None:
            stop = time(row, columns.end)
        else:
            stop = start + (time(row, columns.duration) if columns.duration is not None else 0.0)
        labels = [row[1][column] for column in columns.labels]
        for column in columns.values:
            text = row[1][column]
            tier = labels[0] if labels else header[column] if header and len(columns.values) > 1 else ""
            if not labels and not text:
                continue
            yield Interval(
                where=f"line {row[0]}",
                action=tier if action_from == "tier" or not text else text,
                start_s=start,
                stop_s=stop,
                subject=person_of(tier, labels[1] if len(labels) > 1 else None, action_from) or None,
                recording=Path(row[1][columns.file]).stem if columns.file is not None else None,
                media=media,
                comment=text or None if action_from == "tier" else None,
            )
