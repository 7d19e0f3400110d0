"""BORIS' tabular and aggregated events: one row per START, STOP or POINT, or one row per interval.

The columns are those of BORIS 9; they are found by name, so older files (`Status`, `Media file path`, a block of lines
above the header) are read too. Times in these files count from the first file of an observation and contain its time
offset; both are taken off again. References: https://www.boris.unito.it, `export_observation.py`, `export_events.py`.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path

from storage.bouts import Bout
from storage.errors import ExchangeError
from storage.files import write_bytes
from storage.formats.labels.intervals import NOBODY, Interval, LabelFile, Mark, in_order, overlaps, pair, with_modifiers
from storage.formats.labels.media import MediaInfo, played
from storage.formats.labels.sheets import Row, Sheet, find_header, harmless, seconds

TABULAR = (
    "Observation id", "Observation date", "Description", "Observation duration", "Observation type", "Source",
    "Time offset (s)", "Media duration (s)", "FPS", "Subject", "Behavior", "Behavioral category", "Behavior type",
    "Time", "Media file name", "Image index", "Image file path", "Comment",
)  # fmt: skip
AGGREGATED = (
    "Observation id", "Observation date", "Description", "Observation type", "Source", "Time offset (s)",
    "Coding duration", "Media duration (s)", "FPS (frame/s)", "Subject",
    "Observation duration by subject by observation", "Behavior", "Behavioral category", "Behavior type", "Start (s)",
    "Stop (s)", "Duration (s)", "Media file name", "Image index start", "Image index stop", "Image file path start",
    "Image file path stop", "Comment start", "Comment stop",
)  # fmt: skip

_BEHAVIOR = ("behavior", "behaviour")
_KIND = ("behavior type", "behaviour type", "status")
_START = ("start (s)", "start")
_STOP = ("stop (s)", "stop")
_MEDIA = ("media file name", "media file", "media file path", "media file(s)")


@dataclass(frozen=True)
class Playlist:
    """The files that an observation plays one after another.

    Attributes:
        files: name and length in seconds of each; the length is NaN when it isn't known.
        offset_s: what BORIS adds to the time of the first file.
    """

    files: tuple[tuple[str, float], ...] = ()
    offset_s: float = 0.0

    def cut(self, path: Path, interval: Interval) -> Iterator[Interval]:
        """The interval in times of the file or files it lies in; raises `ExchangeError` when these aren't known."""
        # To the microsecond: BORIS keeps milliseconds, and large offsets leave their rounding errors.
        start, stop = round(interval.start_s - self.offset_s, 6), round(interval.stop_s - self.offset_s, 6)
        if len(self.files) <= 1:
            yield replace(
                interval, start_s=start, stop_s=stop, media=self.files[0][0] if self.files else interval.media
            )
            return
        if any(math.isnan(length) for _, length in self.files[:-1]):
            raise ExchangeError(
                f"{path}, {interval.where}: the observation plays several files in a row and their lengths aren't told;"
                " import the BORIS project (.boris) instead"
            )
        edges = [0.0, *accumulate(length for _, length in self.files[:-1])]
        for number, ((name, _), begin) in enumerate(zip(self.files, edges, strict=True)):
            end = edges[number + 1] if number + 1 < len(edges) else math.inf
            begins_here = start < end and (start >= begin or number == 0)
            if begins_here:
                yield replace(interval, start_s=start - begin, stop_s=_clip(stop, end) - begin, media=name)
            elif start < begin < stop < math.inf:
                yield replace(interval, start_s=0.0, stop_s=_clip(stop, end) - begin, media=name)


def _clip(stop: float, end: float) -> float:
    """The end of the file, for what goes on in the next one; a state that never stops stays so."""
    return stop if math.isinf(stop) else min(stop, end)


def read_boris_table(path: Path, rows: Sequence[Row]) -> LabelFile | None:
    """Aggregated or tabular events; None when the rows are neither.

    Raises `ExchangeError` with the line when a cell can't be read.
    """
    sheet = find_header(path, rows, (_BEHAVIOR, _START, _STOP))
    if sheet is not None:
        whole, problems = in_order(_aggregated(sheet))
        found = _on_media(sheet, whole)
        problems += overlaps(found)
        return LabelFile("boris-aggregated", tuple(found), tuple(problems))
    sheet = find_header(path, rows, (_BEHAVIOR, ("time",), _KIND))
    if sheet is None:
        return None
    whole, problems = pair(_marks(sheet))
    found = _on_media(sheet, whole)
    problems += overlaps(found)
    return LabelFile("boris-tabular", tuple(found), tuple(problems))


def _aggregated(sheet: Sheet) -> Iterator[Interval]:
    for row in sheet.rows:
        start = sheet.seconds(row, *_START)
        is_point = sheet.get(row, *_KIND).upper() == "POINT"
        stop = sheet.get(row, *_STOP)
        # A state that was never closed has no stop.
        until = start if is_point else (sheet.seconds(row, *_STOP) if stop else math.inf)
        comment = "; ".join(filter(None, dict.fromkeys(sheet.get(row, f"comment {end}") for end in ("start", "stop"))))
        interval = _interval(sheet, row, start, comment or sheet.get(row, "comment"))
        yield replace(interval, stop_s=until, is_point=is_point)


def _marks(sheet: Sheet) -> Iterator[Mark]:
    for row in sheet.rows:
        interval = _interval(sheet, row, sheet.seconds(row, "time"), sheet.get(row, "comment"))
        modifiers = "|".join(_modifiers(sheet, row))
        match sheet.get(row, *_KIND).upper():
            case ("START" | "STOP" | "POINT") as kind:
                yield Mark(interval, kind, modifiers)
            case kind:
                raise ExchangeError(f"{sheet.path}, line {row[0]}: expected START, STOP or POINT, got {kind!r}")


def _interval(sheet: Sheet, row: Row, start: float, comment: str) -> Interval:
    action = sheet.get(row, *_BEHAVIOR)
    if not action:
        raise ExchangeError(f"{sheet.path}, line {row[0]}: no behavior named")
    subject = sheet.get(row, "subject")
    return Interval(
        where=f"line {row[0]}",
        action=action,
        start_s=start,
        stop_s=start,
        subject=None if subject in ("", NOBODY) else subject,
        recording=_observation(sheet, row),
        comment=with_modifiers(_modifiers(sheet, row), comment),
    )


def _modifiers(sheet: Sheet, row: Row) -> list[str]:
    names = [name for name in sheet.columns if name.startswith("modifier")]
    return [part for name in names for part in sheet.get(row, name).split("|")]


def _observation(sheet: Sheet, row: Row) -> str | None:
    return sheet.get(row, "observation id") or sheet.above.get("observation id") or None


def _on_media(sheet: Sheet, intervals: Iterable[Interval]) -> list[Interval]:
    """The intervals in times of their files."""
    of_observation: dict[str | None, list[Row]] = {}
    for row in sheet.rows:
        of_observation.setdefault(_observation(sheet, row), []).append(row)
    lists = {name: _playlist(sheet, rows) for name, rows in of_observation.items()}
    return [part for interval in intervals for part in lists[interval.recording].cut(sheet.path, interval)]


def _playlist(sheet: Sheet, rows: Sequence[Row]) -> Playlist:
    """The files of player 1, or else those that the rows of the observation name."""
    offset = seconds(sheet.get(rows[0], "time offset (s)") or sheet.above.get("time offset (s)", "")) or 0.0
    first, _, _ = sheet.get(rows[0], "source").partition("|")
    label, colon, names = first.partition(":")
    if not (colon and label.startswith("player #")):
        own = dict.fromkeys(sheet.get(row, *_MEDIA) for row in rows)
        return Playlist(tuple((name, math.nan) for name in own if name not in ("", "Not found")), offset)
    files = [name.strip() for name in names.split(";")]
    lengths = [seconds(part) for part in sheet.get(rows[0], "media duration (s)").partition("|")[0].split(";")]
    known = [math.nan if length is None else length for length in lengths] + [math.nan] * len(files)
    return Playlist(tuple(zip(files, known, strict=False)), offset)


def write_tabular(bouts: Sequence[Bout], info: MediaInfo, path: Path) -> None:
    """Two rows per bout, START (score and evidence in its comment) and STOP; commas when the suffix is `.csv`.

    Raises `OutputError`.
    """
    bouts, info = played(bouts, info)
    events = [event for bout in bouts for event in ((bout.start_s, "START", bout), (bout.stop_s, "STOP", bout))]
    # Where two bouts touch, the first one stops before the second one starts.
    events.sort(key=lambda event: (round(event[0], 3), event[2].track_id, event[2].action, event[2].start_s))
    length = f"{info.length_s:.3f}"
    rows = [
        {
            "Observation id": info.recording,
            "Observation date": f"{info.when:%Y-%m-%d %H:%M:%S}",
            "Observation duration": length,
            "Observation type": "Media file(s)",
            "Source": f"player #1:{info.media}",
            "Time offset (s)": "0.0",
            "Media duration (s)": length,
            "FPS": f"{info.rate:.3f}",
            "Subject": info.person(bout.track_id),
            "Behavior": bout.action,
            "Behavior type": kind,
            "Time": f"{time:.3f}",
            "Media file name": info.media,
            "Image index": info.frame_at(time),
            "Image file path": "NA",
            "Comment": bout.comment if kind == "START" else "",
        }
        for time, kind, bout in events
    ]
    _write(TABULAR, rows, path)


def write_aggregated(bouts: Sequence[Bout], info: MediaInfo, path: Path) -> None:
    """One row per bout, with score and evidence in the comment of its start; commas when the suffix is `.csv`.

    Raises `OutputError`.
    """
    bouts, info = played(bouts, info)
    length = f"{info.length_s:.3f}"
    coded: dict[int, float] = {}
    for bout in bouts:
        coded[bout.track_id] = coded.get(bout.track_id, 0.0) + bout.duration_s
    rows = [
        {
            "Observation id": info.recording,
            "Observation date": f"{info.when:%Y-%m-%d %H:%M:%S}",
            "Observation type": "Media file",
            "Source": f"player #1:{info.media}",
            "Time offset (s)": "0.0",
            "Coding duration": length,
            "Media duration (s)": length,
            "FPS (frame/s)": f"{info.rate:.3f}",
            "Subject": info.person(bout.track_id),
            "Observation duration by subject by observation": f"{coded[bout.track_id]:.3f}",
            "Behavior": bout.action,
            "Behavioral category": "Not defined",
            "Behavior type": "STATE",
            "Start (s)": f"{bout.start_s:.3f}",
            "Stop (s)": f"{bout.stop_s:.3f}",
            "Duration (s)": f"{bout.duration_s:.3f}",
            "Media file name": info.media,
            "Image index start": info.frame_at(bout.start_s),
            "Image index stop": info.frame_at(bout.stop_s),
            "Image file path start": "NA",
            "Image file path stop": "NA",
            "Comment start": bout.comment,
        }
        for bout in bouts
    ]
    _write(AGGREGATED, rows, path)


def _write(header: Sequence[str], rows: Iterable[dict[str, object]], path: Path) -> None:
    text = io.StringIO(newline="")
    delimiter = "," if path.suffix.lower() == ".csv" else "\t"
    writer = csv.DictWriter(text, header, restval="", delimiter=delimiter, lineterminator="\r\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: harmless(cell) if isinstance(cell, str) else cell for name, cell in row.items()})
    write_bytes(path, text.getvalue().encode())
