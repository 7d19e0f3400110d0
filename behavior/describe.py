"""Tracks -> feature tables."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from behavior.report.files import blaming, replacing
from features.catalog import feature_table, window_table
from features.clean import CleanSettings, clean
from features.sequence import PoseSequence
from pose.people import Track
from pose.skeleton import Skeleton


def describe(
    track: Track, skeleton: Skeleton, settings: CleanSettings, windows: tuple[float, float] | None = None
) -> pd.DataFrame:
    """One row per frame of the track: `track_id`, `frame`, `time_s`, then every feature that the layout allows.

    With `windows` (length and step, seconds) one row per window instead: `track_id`, `start_s`, `stop_s`, `n_frames`,
    then statistics. Computed on the cleaned keypoints; `attrs` has the units and the steps of the cleaning.
    """
    sequence = clean(PoseSequence.from_track(track, skeleton), settings)
    table = window_table(sequence, *windows) if windows else feature_table(sequence, frames=track.frames)
    table.insert(0, "track_id", np.full(len(table), track.track_id, dtype=np.int64))
    return table


def write_features(
    people: Iterable[Track],
    skeleton: Skeleton,
    settings: CleanSettings,
    path: Path,
    windows: tuple[float, float] | None = None,
) -> int:
    """The tables of all people in one `.parquet` or `.csv` file, one person in memory at a time; gives its rows.

    Parquet keeps the units in its metadata. Raises `OutputError` when the file can't be written.
    """
    rows = 0
    with replacing(path) as part, blaming(path), ExitStack() as stack:
        writer: pq.ParquetWriter | pacsv.CSVWriter | None = None
        for track in itertools.chain([_nobody(skeleton)], people):
            table = pa.Table.from_pandas(describe(track, skeleton, settings, windows), preserve_index=False)
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
    )
