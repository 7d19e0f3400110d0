"""Any label file: the format is known by what is in it, not by its name."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from storage.errors import ExchangeError
from storage.formats.guard import gunzip, read_bytes
from storage.formats.labels.boris_project import read_boris_project
from storage.formats.labels.boris_tables import read_boris_table
from storage.formats.labels.elan import ActionFrom, read_elan
from storage.formats.labels.elan_tab import read_elan_tab
from storage.formats.labels.intervals import LabelFile
from storage.formats.labels.plain import read_plain
from storage.formats.labels.sheets import decode, delimited, spreadsheet_rows


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
        )
    if tiers and found.format != "elan":
        raise ExchangeError(f"{path}: tiers can be chosen in an ELAN document (.eaf) only, this is {found.format}")
    return found


def _read(path: Path, data: bytes, tiers: Collection[str], action_from: ActionFrom) -> LabelFile | None:
    if data[:4] == b"PK\x03\x04":
        rows = spreadsheet_rows(path)
        return read_boris_table(path, rows) or read_plain(path, rows)
    if b"<?xml" in data[:64] or b"<ANNOTATION_DOCUMENT" in data[:512]:
        return read_elan(path, data, tiers=tiers, action_from=action_from)
    if b"\0" in data[:4096] and data[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        return None
    text = decode(path, data)
    if text.lstrip().startswith("{"):
        return read_boris_project(path, text)
    for rows in delimited(path, text):
        found = read_boris_table(path, rows) or read_plain(path, rows)
        if found is not None:
            return found
    return read_elan_tab(path, text, action_from=action_from)
