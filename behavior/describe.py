"""Tracks -> feature tables, in parts, so that memory does not grow with the recording."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from behavior.report.files import blaming, replacing
from features.catalog import bout_table, feature_table
from features.clean import CleanSettings, clean
from features.entries.gait import ankle_scatter
from features.geometry import extents
from features.normalize import full_height, trunk_length
from features.sequence import PoseSequence, Whole
from features.windows import Windows
from pose.people import Track, TrackPart
from pose.skeleton import Skeleton

MARGIN = 200
"""Frames before and after a part that its features may depend on: several times what filters and derivatives see."""

Parts = Callable[[int], Iterator[TrackPart]]
"""Gives the parts of one track, from its beginning, with so many frames around each."""


def describe(
    parts: Parts, skeleton: Skeleton, settings: CleanSettings, windows: tuple[float, float] | None = None
) -> Iterator[pd.DataFrame]:
    """One row per frame of a track: `track_id`, `frame`, `time_s`, then every feature that the layout allows.

    With `windows` (length and step, seconds) one row per window instead: `track_id`, `start_s`, `stop_s`, `n_frames`,
    then statistics. Computed on the cleaned keypoints; `attrs` has the units and the steps of the cleaning. The tables
    of the parts, one after another, are that of the whole track.
    """
    time_s, whole = _survey(parts, skeleton, settings)
    margin = MARGIN
    if windows is not None:
        sliding = Windows.sliding(time_s, *windows)
        margin += int(sliding.n_frames.max(initial=0))
    done = 0
    for part in parts(margin):
        track, own = part.track, part.own
        sequence = clean(replace(PoseSequence.from_track(track, skeleton), whole=whole), settings)
        if windows is None:
            table = feature_table(sequence, frames=track.frames).iloc[own].reset_index(drop=True)
        else:
            begins = slice(done, done + own.stop - own.start)
            mine = (sliding.first >= begins.start) & (sliding.first < begins.stop)
            done = begins.stop
            table = bout_table(sequence, list(zip(sliding.start_s[mine], sliding.stop_s[mine], strict=True)))
        table.insert(0, "track_id", np.full(len(table), track.track_id, dtype=np.int64))
        yield table


def _survey(parts: Parts, skeleton: Skeleton, settings: CleanSettings) -> tuple[NDArray[np.float64], Whole | None]:
    """The timestamps of a track, and what each of its parts must know of the whole; None when there is but one."""
    times: list[NDArray[np.float64]] = []
    trunks: list[NDArray[np.float64]] = []
    heights: list[NDArray[np.float64]] = []
    ankles = np.zeros((2, 2))
    for part in parts(MARGIN):
        times.append(part.track.time_s[part.own])
        if part.own == slice(0, len(part.track)):
            return times[0], None
        own = clean(PoseSequence.from_track(part.track, skeleton), settings).rows(part.own)
        trunks.append(trunk_length(own))
        heights.append(extents(own.points)[:, 1])
        if own.has("left_ankle", "right_ankle"):
            ankles += ankle_scatter(own)
    trunk = np.concatenate(trunks)
    trunk = trunk[trunk > 0]
    whole = Whole(float(np.median(trunk)) if len(trunk) else np.nan, full_height(np.concatenate(heights)), ankles)
    return np.concatenate(times), whole


def write_features(
    people: Iterable[Parts],
    skeleton: Skeleton,
    settings: CleanSettings,
    path: Path,
    windows: tuple[float, float] | None = None,
) -> int:
    """The tables of all people in one `.parquet` or `.csv` file, one part in memory at a time; gives its rows.

    Parquet keeps the units in its metadata. Raises `OutputError` when the file can't be written.
    """
    rows = 0
    with replacing(path) as part, blaming(path), ExitStack() as stack:
        writer: pq.ParquetWriter | pacsv.CSVWriter | None = None
        for parts in itertools.chain([_nobody(skeleton)], people):
            for described in describe(parts, skeleton, settings, windows):
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


def _nobody(skeleton: Skeleton) -> Parts:
    """A track of no frames: it gives the file its columns, also when there are no people."""
    empty = Track(
        track_id=0,
        frames=np.empty(0, dtype=np.int64),
        time_s=np.empty(0),
        keypoints=np.empty((0, len(skeleton), 3), dtype=np.float32),
        scores=np.empty(0, dtype=np.float32),
    )
    return lambda _: iter([TrackPart(empty, slice(0, 0))])
