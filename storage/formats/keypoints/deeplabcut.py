"""DeepLabCut's tables: CSV, and HDF5 as pandas writes it.

Facts from DeepLabCut's `create_df_from_prediction`: columns have the levels scorer, (individuals,) bodyparts, coords;
coords are x, y, likelihood; the index is the frame, from 0. In CSV the first cell of each heading row names its level.
Files of labelled images have no likelihood, and the image's path as index. In HDF5 the table is called
`df_with_missing`.

pandas keeps the column names of a table in HDF5 as a pickle. They are read by an unpickler that knows strings, numbers,
lists and dicts and no other type, so a file can't run anything.
"""

from __future__ import annotations

import csv
import pickletools
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.database import Database
from storage.errors import ExchangeError
from storage.formats.guard import open_hdf5
from storage.formats.keypoints.content import (
    Block,
    Clock,
    Keypoints,
    Values,
    dense_frames,
    identities,
    layout,
    needed,
)
from storage.formats.keypoints.writing import Tracked, replacing
from storage.formats.optional import DAMAGE, load

LEVELS = ("scorer", "individuals", "bodyparts", "coords")
KEY = "df_with_missing"
ROWS = 1000
"""Frames read at a time."""

Column = tuple[str, str, str]
"""individual, joint, coordinate"""


# --- out -----------------------------------------------------------------------------------------------------------


def write_csv(database: Database, track_run_id: int, path: Path) -> list[Path]:
    """The multi-animal table, row by row; a joint that is not there is empty."""
    tracked = Tracked.load(database, track_run_id)
    tracked.require_people("dlc-csv")
    columns = _columns(tracked)
    with replacing(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for level, names in zip(LEVELS, zip(*columns, strict=True), strict=True):
            writer.writerow([level, *names])
        for rows, cells in _rows(tracked):
            texts = cells.astype(str)
            texts[np.isnan(cells)] = ""
            writer.writerows(
                [frame, *row] for frame, row in zip(tracked.frames[rows].tolist(), texts.tolist(), strict=True)
            )
    return [path]


def write_h5(database: Database, track_run_id: int, path: Path) -> list[Path]:
    """The multi-animal table as pandas' HDF5, in pieces. Needs the library tables."""
    load("tables")
    import pandas as pd

    tracked = Tracked.load(database, track_run_id)
    tracked.require_people("dlc-h5")
    columns = pd.MultiIndex.from_tuples(_columns(tracked), names=LEVELS)
    if len(columns) > MAX_H5_COLUMNS:
        raise ExchangeError(
            f"{path}: {len(columns)} columns ({len(tracked.tracks)} people) are more than the {MAX_H5_COLUMNS} that "
            "dlc-h5 can hold; choose dlc-csv, sleap-h5 or movement-nc"
        )
    with replacing(path) as part, pd.HDFStore(part, mode="w", complevel=5, complib="zlib") as file:
        for rows, cells in _rows(tracked):
            table = pd.DataFrame(cells.astype(np.float64), index=tracked.frames[rows], columns=columns)
            file.append(KEY, table, index=False)
    return [path]


MAX_H5_COLUMNS = 1500
"""pandas keeps the columns' names in one attribute, and HDF5 has room for 64 kB in it."""


def _columns(tracked: Tracked) -> list[tuple[str, ...]]:
    return [
        (tracked.scorer, name, joint, coordinate)
        for name in tracked.names
        for joint in tracked.skeleton.joints
        for coordinate in ("x", "y", "likelihood")
    ]


def _rows(tracked: Tracked) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    for rows, keypoints, _ in tracked.blocks():
        yield rows, keypoints.reshape(len(keypoints), -1)


# --- in ------------------------------------------------------------------------------------------------------------


def read_csv(path: Path, clock: Clock | None = None) -> Keypoints:
    """A table of predictions or labels, of one animal or several; the format has no time. Raises `ExchangeError`."""
    clock = needed(clock, path)
    lines = _lines(path)
    columns, n_index = _heading(lines, path)
    notes: list[str] = []
    return _read(columns, _csv_rows(lines, columns, n_index, path, notes), clock, path, notes)


def read_h5(path: Path, clock: Clock | None = None) -> Keypoints:
    """A table of predictions or labels, of one animal or several; the format has no time. Raises `ExchangeError`."""
    clock = needed(clock, path)
    try:
        with open_hdf5(path) as file:
            found = [key for key in file if "pandas_type" in file[key].attrs]
            if len(found) != 1:
                raise ExchangeError(f"{path}: expected one table of pandas ({KEY}), found {found or 'none'}")
            group = file[found[0]]
            labels, fixed = (_fixed_labels(group), True) if "axis0_nlevels" in group.attrs else (_labels(group), False)
    except DAMAGE as error:
        raise ExchangeError(f"{path}: no whole table of pandas in HDF5 ({_line(error)}); is it cut off?") from error
    columns = _named(labels, f"{path}: columns")
    return _read(columns, _h5_rows(path, found[0], fixed, len(columns)), clock, path, [])


def _read(
    columns: Sequence[Column],
    rows: Iterable[tuple[list[int], NDArray[np.float64]]],
    clock: Clock,
    path: Path,
    notes: list[str],
) -> Keypoints:
    who = list(dict.fromkeys(column[0] for column in columns))
    joints = list(dict.fromkeys(column[1] for column in columns))
    skeleton, order = layout(joints, (), path)
    ids, names = identities(who, path)
    place = {column: number for number, column in enumerate(columns)}
    parts = ("x", "y", "likelihood")
    grid = np.array([[[place.get((name, joint, part), -1) for part in parts] for joint in joints] for name in who])
    certain = any(column[2] == "likelihood" for column in columns)

    def blocks() -> Iterator[Block]:
        for frames, cells in rows:
            padded = np.concatenate([cells, np.full((len(cells), 1), np.nan)], axis=1)  # -1 finds what is not there
            values = padded[:, grid]
            yield Block(
                frames, [clock(frame) for frame in frames], values[..., :2], values[..., 2] if certain else None
            )

    labels = [name or "the animal" for name in who]
    frames = dense_frames(blocks(), Values(skeleton, order, notes), ids, joints, labels, path)
    return Keypoints("DeepLabCut", skeleton, frames, names=names, notes=notes)


def _named(labels: Sequence[tuple[str, ...]], where: str) -> list[Column]:
    """Columns without their scorer; checks that they are coordinates, each there once, x with y."""
    columns: list[Column] = []
    for label in labels:
        if len(label) not in (3, 4):
            raise ExchangeError(f"{where}: {len(label)} levels, expected scorer, (individuals,) bodyparts, coords")
        column = (label[1] if len(label) == 4 else "", label[-2], label[-1])
        if column[2] not in ("x", "y", "likelihood"):
            raise ExchangeError(f"{where}: coordinate {column[2]!r} of {column[1]}, expected x, y or likelihood")
        columns.append(column)
    if not columns:
        raise ExchangeError(f"{where}: no columns, expected x, y and likelihood of each joint")
    known = set(columns)
    if len(known) < len(columns):
        twice = next(column for column in columns if columns.count(column) > 1)
        raise ExchangeError(f"{where}: {' '.join(twice).strip()} is there twice")
    for individual, joint, _ in columns:
        for part in ("x", "y"):
            if (individual, joint, part) not in known:
                raise ExchangeError(f"{where}: {f'{individual} {joint}'.strip()} has no {part}")
    return columns


# --- CSV -----------------------------------------------------------------------------------------------------------


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Number (from 1) and text of each line with its end, which tells that it is whole; blank ones are passed over."""
    try:
        with path.open(encoding="utf-8-sig", newline=None) as file:
            for number, line in enumerate(file, start=1):
                if line.rstrip("\n"):
                    yield number, line
    except OSError as error:
        raise ExchangeError(f"{path}: can't be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise ExchangeError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from error


def is_table(path: Path) -> bool:
    """Whether a CSV file begins as DeepLabCut's do."""
    return next(_lines(path), (0, ""))[1].startswith("scorer,")


def _cells(text: str, where: str) -> list[str]:
    if '"' not in text:
        return text.rstrip("\n").split(",")
    try:
        return next(csv.reader([text.rstrip("\n")]))
    except csv.Error as error:
        raise ExchangeError(f"{where}: {error}") from error


def _heading(lines: Iterator[tuple[int, str]], path: Path) -> tuple[list[Column], int]:
    """The columns, and how many stand before them: the frame, or the parts of an image's path."""
    rows: list[list[str]] = []
    for number, text in lines:
        cells = _cells(text, f"{path}: line {number}")
        if rows and len(cells) != len(rows[0]):
            raise ExchangeError(f"{path}: line {number} has {len(cells)} cells, expected {len(rows[0])} as in line 1")
        rows.append(cells)
        if cells[0] == LEVELS[-1] or len(rows) == len(LEVELS):
            break
    found = tuple(row[0] for row in rows)
    if found not in (LEVELS, (LEVELS[0], *LEVELS[2:])):
        raise ExchangeError(
            f"{path}: heading lines begin with {', '.join(cell[:20] for cell in found) or 'nothing'}, "
            f"expected scorer, (individuals,) bodyparts, coords"
        )
    n_index = next((place for place, cell in enumerate(rows[-1]) if place and cell), len(rows[-1]))
    levels = [row[n_index:] for row in rows]
    return _named(list(zip(*levels, strict=True)), f"{path}: heading"), n_index


def _csv_rows(
    lines: Iterator[tuple[int, str]], columns: Sequence[Column], n_index: int, path: Path, notes: list[str]
) -> Iterator[tuple[list[int], NDArray[np.float64]]]:
    """Rows without a value, as spreadsheets leave them, are passed over; short ones are filled up, as by pandas."""
    width = n_index + len(columns)
    frames: list[int] = []
    cells: list[list[str]] = []
    for number, line in lines:
        text = line.rstrip("\n")
        row = _cells(text, f"{path}: line {number}")
        if not any(cell.strip() for cell in row):
            continue
        if n_index < len(row) < width and line.endswith("\n"):
            row += [""] * (width - len(row))
            if (note := "Rows shorter than the heading were filled up with missing joints.") not in notes:
                notes.append(note)
        while len(row) > width and not row[-1].strip():
            row.pop()
        if len(row) != width:
            raise ExchangeError(f"{path}: line {number} has {len(row)} cells, expected {width}; is it cut off?")
        frames.append(_frame(row[n_index - 1], f"{path}: line {number}"))
        cells.append([cell or "nan" for cell in row[n_index:]])
        if len(cells) == ROWS:
            yield frames, _floats(cells, frames, columns, path)
            frames, cells = [], []
    if cells:
        yield frames, _floats(cells, frames, columns, path)


def _frame(text: str, where: str) -> int:
    """A number, or the last digits of an image's name."""
    digits = re.fullmatch(r"(\d{1,9})(?:\.0+)?", text) or re.fullmatch(r".*?(\d{1,9})\.\w+", text)
    if digits is None:
        raise ExchangeError(f"{where}: {text[:40]!r} is no frame, expected a number from 0")
    return int(digits[1])


def _floats(
    cells: list[list[str]], frames: Sequence[int], columns: Sequence[Column], path: Path
) -> NDArray[np.float64]:
    try:
        return np.array(cells, dtype=np.float64)
    except ValueError:
        for frame, row in zip(frames, cells, strict=True):
            for column, cell in zip(columns, row, strict=True):
                try:
                    float(cell)
                except ValueError as error:
                    name = " ".join(column).strip()
                    raise ExchangeError(f"{path}: frame {frame}, {name} is {cell[:40]!r}, expected a number") from error
        raise


# --- HDF5 ----------------------------------------------------------------------------------------------------------


def _plain_lists(pickled: bytes) -> Any:
    """Strings in tuples and lists out of a pickle, without loading it: its instructions are read, none is carried out.

    Raises `ValueError` for anything else.
    """
    stack: list[Any] = []
    marks: list[int] = []
    memo: dict[Any, Any] = {}
    for instruction, argument, _ in pickletools.genops(pickled):
        match instruction.name:
            case "PROTO" | "FRAME":
                continue
            case "STOP":
                return stack.pop()
            case "MARK":
                marks.append(len(stack))
            case "EMPTY_LIST":
                stack.append([])
            case "SHORT_BINUNICODE" | "BINUNICODE" | "UNICODE" | "BININT1" | "BININT":
                stack.append(argument)
            case "APPEND":
                item = stack.pop()
                stack[-1].append(item)
            case "APPENDS" | "LIST" | "TUPLE":
                mark = marks.pop()
                items = stack[mark:]
                del stack[mark:]
                if instruction.name == "APPENDS":
                    stack[-1].extend(items)
                else:
                    stack.append(items if instruction.name == "LIST" else tuple(items))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                n = int(instruction.name[-1])
                stack[-n:] = [tuple(stack[-n:])]
            case "MEMOIZE" | "BINPUT" | "LONG_BINPUT" | "PUT":
                memo[len(memo) if argument is None else argument] = stack[-1]
            case "BINGET" | "LONG_BINGET" | "GET":
                stack.append(memo[argument])
            case other:
                raise ValueError(f"column names hold a pickle's {other}, expected text in lists")
    raise ValueError("the column names end too early")


def _labels(group: Any) -> list[tuple[str, ...]]:
    """Column names of a table that can grow (`format="table"`)."""
    table = group["table"]
    if "values_block_0" not in (table.dtype.names or ()) or "values_block_1" in table.dtype.names:
        raise ExchangeError(f"{group.file.filename}: {group.name}: expected columns of one type of number")
    raw = table.attrs["values_block_0_kind"]
    labels = _plain_lists(bytes(raw))
    if not isinstance(labels, list) or not all(isinstance(label, tuple | list) for label in labels):
        raise ValueError("the columns have no levels")
    if not all(isinstance(part, str | int) for label in labels for part in label):
        raise ValueError("the columns' levels are no text")
    return [tuple(str(part) for part in label) for label in labels]


def _fixed_labels(group: Any) -> list[tuple[str, ...]]:
    """Column names of a table that can't grow (`format="fixed"`): levels, and codes into them."""
    if group.attrs.get("nblocks") != 1:
        raise ExchangeError(f"{group.file.filename}: {group.name}: expected columns of one type of number")
    levels = []
    for number in range(int(group.attrs["axis0_nlevels"])):
        names = [_text(name) for name in group[f"block0_items_level{number}"]]
        levels.append([names[code] for code in group[f"block0_items_label{number}"]])
    return list(zip(*levels, strict=True))


def _h5_rows(path: Path, key: str, fixed: bool, width: int) -> Iterator[tuple[list[int], NDArray[np.float64]]]:
    try:
        with open_hdf5(path) as file:
            group = file[key]
            values = group["block0_values"] if fixed else group["table"].fields("values_block_0")
            index = _fixed_index(group) if fixed else group["table"].fields("index")
            for start in range(0, len(values), ROWS):
                cells = np.asarray(values[start : start + ROWS], dtype=np.float64)
                if cells.shape[1:] != (width,):
                    raise ExchangeError(f"{path}: {key} has rows of {cells.shape[1:]} cells, expected {width}")
                yield [_h5_frame(item, path) for item in index[start : start + ROWS]], cells
    except DAMAGE as error:
        raise ExchangeError(f"{path}: {key} can't be read ({_line(error)}); is it cut off?") from error


def _fixed_index(group: Any) -> Any:
    """The frame of each row; of an index of several levels, the last."""
    if "axis1" in group:
        return group["axis1"]
    last = int(group.attrs["axis1_nlevels"]) - 1
    names = np.asarray(group[f"axis1_level{last}"])
    return names[np.asarray(group[f"axis1_label{last}"])]


def _h5_frame(item: Any, path: Path) -> int:
    return _frame(_text(item), f"{path}: index")


def _text(item: Any) -> str:
    return item.decode(errors="replace") if isinstance(item, bytes) else str(item)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:120]
