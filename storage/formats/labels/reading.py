"""Any label file: the format is known by what is in it, not by its name."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from storage.errors import ExchangeError
from storage.formats.guard import gunzip, read_bytes
from storage.formats.labels.boris_project import read_boris_project
from storage.formats.labels.boris_tables import read_boris_table
from storage.formats.labels.elan import ActionFrom, read_elan
from storage.formats.labels.elan_tab import read_elan_tab
from storage.formats.labels.intervals import LabelFile
from storage.formats.labels.plain import read_plain
from storage.formats.labels.sheets import Row, decode, delimited, encoding_of, find_header, spreadsheet_rows


def read_labels(path: Path, *, tiers: Collection[str] = (), action_from: ActionFrom = "value") -> LabelFile:
    """What a BORIS, ELAN or CSV file says.

    Args:
        path: the file.
        tiers: only these tiers of an .eaf; empty: all.
        action_from: for ELAN: whether the annotation's text or the tier's name is the action.

    Raises:
        ExchangeError: a file that can't be read or is none of these, or a cell that can't be understood.
    """
    data = read_bytes(path)
    if data[:2] == b"\x1f\x8b":
        data = gunzip(path, data)
    if not data.strip():
        raise ExchangeError(f"{path}: empty")
    found = _read(path, data, tiers, action_from)
    if found is None:
        raise ExchangeError(
            f"{path}: no labels of BORIS or ELAN, and no table with columns recording, person, action, start_s, stop_s"
            " (or start_frame, stop_frame)"
        )
    if tiers and found.format != "elan":
        raise ExchangeError(f"{path}: tiers can be chosen in an ELAN document (.eaf) only, this is {found.format}")
    return found


def _read(path: Path, data: bytes, tiers: Collection[str], action_from: ActionFrom) -> LabelFile | None:
    if data[:4] == b"PK\x03\x04":
        rows = spreadsheet_rows(path)
        return _read_table(path, rows)
    encoding = encoding_of(data)
    head = data[:1024].decode(encoding, errors="replace").lstrip()
    if head.startswith("<?xml") or "<ANNOTATION_DOCUMENT" in head:
        return read_elan(path, data, tiers=tiers, action_from=action_from)
    if "\0" in head:
        return None
    text = decode(path, data)
    if text.lstrip().startswith("{"):
        return read_boris_project(path, text)
    for rows in delimited(path, text):
        found = _read_table(path, rows)
        if found is not None:
            return found
    return read_elan_tab(path, text, action_from=action_from)


def _read_table(path: Path, rows: Sequence[Row]) -> LabelFile | None:
    if find_header(
        path, rows, (("total number of occurences", "total number of occurrences"), ("total duration (s)",))
    ):
        raise ExchangeError(
            f"{path}: BORIS' time budget, which has no times in it; export the aggregated or tabular events instead"
        )
    return read_boris_table(path, rows) or read_plain(path, rows)
