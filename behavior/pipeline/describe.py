"""Tracks -> feature tables, in parts, so that memory does not grow with the recording.

A track is read three times: once for what its cleaning must know of the whole (size, pace), once for what its features
must (size of the cleaned body, steps, crossings of zones), once for the tables. A track of one part is read twice.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from features.catalog import bout_table, feature_table, pair_table, pair_window_table
from features.clean import CleanSettings, clean, frame_sizes, sure, typical_size
from features.clock import Pace
from features.sequence import PoseSequence, Whole
from features.survey import Survey
from features.windows import Windows, intervals
from features.zones import Zone
from pose.people import Track, TrackPart
from pose.skeleton import Skeleton
from storage.files import blaming, replacing

REACH_S = 6.0
"""Seconds before and after a part that its features may depend on: beyond, the slowest filter has forgotten all but
1e-16 (e^(-2π t) for 1 Hz)."""

REACH = 60
"""Frames that the splines and the usual step may look at besides."""

Parts = Callable[[int], Iterator[TrackPart]]
"""Gives the parts of one track, from its beginning, with so many frames around each."""


class BoutLike(Protocol):
    """An interval of one person; `behavior.labels.Bout`, a row of the database or a human's label."""

    @property
    def track_id(self) -> int | None: ...
    @property
    def action(self) -> str: ...
    @property
    def start_s(self) -> float: ...
    @property
    def stop_s(self) -> float: ...


@dataclass(frozen=True)
class Rows:
    """What the rows of a feature table stand for: frames, unless windows or bouts are given.

    Attributes:
        windows: length and step, seconds.
        bouts: of all people, in any order.
        zones: areas of the image, see `features.zones`.
    """

    windows: tuple[float, float] | None = None
    bouts: Sequence[BoutLike] | None = None
    zones: Sequence[Zone] = ()


def describe(
    parts: Parts, skeleton: Skeleton, settings: CleanSettings, rows: Rows | None = None
) -> Iterator[pd.DataFrame]:
    """One row per frame of a track: `track_id`, `frame`, `time_s`, then every feature that the layout allows.

    With windows or bouts one row for each instead: `track_id`, the bout's `action`, `start_s`, `stop_s`, `n_frames`,
    then statistics. Computed on the cleaned keypoints; `attrs` has the units and the steps of the cleaning. The tables
    of the parts, one after another, are that of the whole track.
    """
    rows = rows or Rows()
    track_id, time_s, size = _measure(parts, skeleton, settings)
    margin = _margin(time_s, settings)
    whole = None if size is None else _survey(parts, margin, skeleton, settings, size, rows.zones)
    stretches = None
    if rows.bouts is not None:
        bouts = sorted((b for b in rows.bouts if b.track_id == track_id), key=lambda b: (b.start_s, b.stop_s))
        stretches = intervals(time_s, [(bout.start_s, bout.stop_s) for bout in bouts])
        actions = np.array([bout.action for bout in bouts], dtype=object)
    elif rows.windows is not None:
        stretches = Windows.sliding(time_s, *rows.windows)
    if stretches is not None:
        margin += int(stretches.n_frames.max(initial=0))
        begin = np.minimum(stretches.first, max(len(time_s) - 1, 0))
    done = 0
    for part in parts(margin):
        track, own = part.track, part.own
        sequence = replace(_cleaned(track, skeleton, settings, size), whole=whole)
        if stretches is None:
            table = feature_table(sequence, frames=track.frames, zones=rows.zones).iloc[own].reset_index(drop=True)
        else:
            behind = done + own.stop - own.start
            mine = (begin >= done) & (begin < behind)
            done = behind
            bounds = list(zip(stretches.start_s[mine], stretches.stop_s[mine], strict=True))
            table = bout_table(sequence, bounds, zones=rows.zones)
            if rows.bouts is not None:
                table.insert(0, "action", pd.Series(actions[mine], dtype="str"))
        table.insert(0, "track_id", np.full(len(table), track.track_id, dtype=np.int64))
        yield table


def describe_pair(
    a: Track, b: Track, skeleton: Skeleton, settings: CleanSettings, rows: Rows | None = None
) -> pd.DataFrame:
    """Features between two people: `track_a`, `track_b`, then a row per frame that both share, or per window of these.

    Both tracks are whole in memory.
    """
    one, two = (clean(PoseSequence.from_track(track, skeleton), settings) for track in (a, b))
    if rows is not None and rows.windows is not None:
        table = pair_window_table(one, two, *rows.windows)
    else:
        table = pair_table(one, two)
    for place, (column, track) in enumerate((("track_a", a), ("track_b", b))):
        table.insert(place, column, np.full(len(table), track.track_id, dtype=np.int64))
    return table


def _measure(
    parts: Parts, skeleton: Skeleton, settings: CleanSettings
) -> tuple[int, NDArray[np.float64], Whole | None]:
    """A track's number, its timestamps, and what the cleaning of a part must know of the whole; None for one part."""
    times: list[NDArray[np.float64]] = []
    sizes: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
    for part in parts(0):
        times.append(part.track.time_s[part.own])
        sequence = PoseSequence.from_track(part.track, skeleton).rows(part.own)
        sizes.append(frame_sizes(sure(sequence, settings)))
    time_s = np.concatenate(times)
    if len(times) == 1:
        return part.track.track_id, time_s, None
    trunk, longer = (np.concatenate(each) for each in zip(*sizes, strict=True))
    return part.track.track_id, time_s, Whole(typical_size(trunk, longer), pace=Pace.of(time_s))


def _margin(time_s: NDArray[np.float64], settings: CleanSettings) -> int:
    """Frames of surroundings that a part needs."""
    reach = REACH_S + (settings.outlier_window_s or 0) + 2 * (settings.max_gap_s or 0)
    within = np.searchsorted(time_s, time_s + reach) - np.arange(len(time_s))
    return REACH + int(within.max(initial=0))


def _survey(
    parts: Parts, margin: int, skeleton: Skeleton, settings: CleanSettings, size: Whole, zones: Sequence[Zone]
) -> Whole:
    """What the features of a part must know of the whole."""
    survey = Survey(zones)
    for part in parts(margin):
        survey.add(_cleaned(part.track, skeleton, settings, size).rows(part.own))
    return survey.whole()


def _cleaned(track: Track, skeleton: Skeleton, settings: CleanSettings, size: Whole | None) -> PoseSequence:
    return clean(replace(PoseSequence.from_track(track, skeleton), whole=size), settings)


def write_features(
    people: Iterable[Parts], skeleton: Skeleton, settings: CleanSettings, path: Path, rows: Rows | None = None
) -> int:
    """The tables of all people in one `.parquet` or `.csv` file, one part in memory at a time; gives its rows.

    Parquet keeps the units in its metadata. Raises `OutputError` when the file can't be written.
    """
    nobody = _nobody(skeleton)
    parts = itertools.chain([lambda _: iter([TrackPart(nobody, slice(0, 0))])], people)
    return _write((table for each in parts for table in describe(each, skeleton, settings, rows)), path)


def write_pairs(
    pairs: Iterable[tuple[Track, Track]],
    skeleton: Skeleton,
    settings: CleanSettings,
    path: Path,
    rows: Rows | None = None,
) -> int:
    """The same for what is between people."""
    nobody = _nobody(skeleton)
    both = itertools.chain([(nobody, nobody)], pairs)
    return _write((describe_pair(a, b, skeleton, settings, rows) for a, b in both), path)


def _write(tables: Iterable[pd.DataFrame], path: Path) -> int:
    """Tables of the same columns, one after another; the first may be empty, it gives the file its columns."""
    rows = 0
    with replacing(path) as part, blaming(path), ExitStack() as stack:
        writer: pq.ParquetWriter | pacsv.CSVWriter | None = None
        for described in tables:
            table = pa.Table.from_pandas(described, preserve_index=False)
            if writer is None:
                kind = pacsv.CSVWriter if path.suffix == ".csv" else _parquet
                schema = table.schema
                writer = stack.enter_context(kind(part, schema))
            writer.write_table(table.replace_schema_metadata(schema.metadata))
            rows += table.num_rows
    return rows


def _parquet(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    return pq.ParquetWriter(path, schema, compression="zstd")


def _nobody(skeleton: Skeleton) -> Track:
    """A track of no frames: it gives the file its columns, also when there are no people."""
    return Track(
        track_id=0,
        frames=np.empty(0, dtype=np.int64),
        time_s=np.empty(0),
        keypoints=np.empty((0, len(skeleton), 3), dtype=np.float32),
        scores=np.empty(0, dtype=np.float32),
        skeleton=skeleton,
    )
