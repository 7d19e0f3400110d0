"""Tracks -> feature tables, in parts, so that memory does not grow with the recording."""

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
from features.clean import CleanSettings, clean
from features.entries.gait import ankle_scatter
from features.geometry import extents
from features.normalize import full_height, trunk_length
from features.sequence import PoseSequence, Whole
from features.windows import Windows, intervals
from features.zones import Zone
from pose.people import Track, TrackPart
from pose.skeleton import Skeleton
from storage.files import blaming, replacing

MARGIN = 200
"""Frames before and after a part that its features may depend on: several times what filters and derivatives see."""

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
    track_id, time_s, whole = _survey(parts, skeleton, settings)
    stretches, margin = None, MARGIN
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
        sequence = clean(replace(PoseSequence.from_track(track, skeleton), whole=whole), settings)
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


def _survey(parts: Parts, skeleton: Skeleton, settings: CleanSettings) -> tuple[int, NDArray[np.float64], Whole | None]:
    """A track's number, its timestamps, and what each part must know of the whole; None when there is but one."""
    times: list[NDArray[np.float64]] = []
    trunks: list[NDArray[np.float64]] = []
    heights: list[NDArray[np.float64]] = []
    ankles = np.zeros((2, 2))
    for part in parts(MARGIN):
        times.append(part.track.time_s[part.own])
        if part.own == slice(0, len(part.track)):
            return part.track.track_id, times[0], None
        own = clean(PoseSequence.from_track(part.track, skeleton), settings).rows(part.own)
        trunks.append(trunk_length(own))
        heights.append(extents(own.points)[:, 1])
        if own.has("left_ankle", "right_ankle"):
            ankles += ankle_scatter(own)
    trunk = np.concatenate(trunks)
    trunk = trunk[trunk > 0]
    whole = Whole(float(np.median(trunk)) if len(trunk) else np.nan, full_height(np.concatenate(heights)), ankles)
    return part.track.track_id, np.concatenate(times), whole


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
