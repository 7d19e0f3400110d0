"""Plain tables: `recording, person, action, start_s, stop_s`, in any order; recording, person and comment may lack.

The `bouts.csv` of a report is one, too. With the columns `coder` and `source_sha256` it holds what was corrected in a
report: all that the coder says of these people, where they have a label. With `clip` and `doubt` it names moments that
`labels suggest` chose, and nobody looked at the time between. A row without an action is left out.

Where there are no times, `start_frame` and `stop_frame` tell the first and the
last frame, both inside and counted from 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from storage.errors import ExchangeError
from storage.formats.labels.intervals import Interval, LabelFile, in_order, overlaps
from storage.formats.labels.sheets import Row, find_header

_ACTION = ("action", "behavior", "behaviour", "label")
_START = ("start_s", "start (s)", "start")
_STOP = ("stop_s", "stop (s)", "stop", "end_s", "end (s)", "end")


_FIRST = ("start_frame", "first_frame", "start frame", "frame start", "frame_start")
_LAST = ("stop_frame", "end_frame", "last_frame", "stop frame", "end frame", "frame stop", "frame end", "frame_end")


def read_plain(path: Path, rows: Sequence[Row]) -> LabelFile | None:
    """The intervals; None when the columns aren't there. Where start and stop are equal it is a point event.

    Raises `ExchangeError` with the line when a cell can't be read.
    """
    sheet = find_header(path, rows, (_ACTION, _START, _STOP))
    by_frame = sheet is None
    sheet = sheet or find_header(path, rows, (_ACTION, _FIRST, _LAST))
    if sheet is None:
        return None
    intervals: list[Interval] = []
    empty: list[str] = []
    for row in sheet.rows:
        action = sheet.get(row, *_ACTION)
        if not action:
            empty.append(f"line {row[0]}: no action named: left out")
            continue
        start = stop = math.nan
        if not by_frame:
            start = sheet.seconds(row, *_START)
            stop = sheet.seconds(row, *_STOP) if sheet.get(row, *_STOP) else math.inf
        intervals.append(
            Interval(
                where=f"line {row[0]}",
                action=action,
                start_s=start,
                stop_s=stop,
                subject=sheet.get(row, "person", "subject", "track_id", "track") or None,
                recording=sheet.get(row, "recording") or None,
                media=sheet.get(row, "media", "video", "file") or None,
                frames=(sheet.whole(row, *_FIRST), sheet.whole(row, *_LAST)) if by_frame else None,
                is_point=start == stop,
                comment=sheet.get(row, "comment") or None,
            )
        )
    kept, problems = in_order(intervals)
    coders, sources = ({sheet.get(row, name) for row in sheet.rows} - {""} for name in ("coder", "source_sha256"))
    for what, found in (("coders", coders), ("recordings", sources)):
        if len(found) > 1:
            raise ExchangeError(f"{path}: of {len(found)} {what} ({', '.join(sorted(found))}); give each its own file")
    kind = "corrections" if sheet.has("coder", "source_sha256") else "csv"
    return LabelFile(
        kind, tuple(kept), (*empty, *problems, *overlaps(kept)), min(coders, default=None), min(sources, default=None),
        whole=kind == "csv" and not sheet.has("clip", "doubt"),
    )  # fmt: skip
