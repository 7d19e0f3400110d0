"""Tracks -> feature tables."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from behavior.report.files import blaming, replacing
from features.catalog import feature_table
from features.clean import CleanSettings, clean
from features.sequence import PoseSequence
from pose.people import Track
from pose.skeleton import Skeleton


def describe(track: Track, skeleton: Skeleton, settings: CleanSettings) -> pd.DataFrame:
    """One row per frame of the track: `track_id`, `frame`, `time_s`, then every feature that the layout allows.

    Computed on the cleaned keypoints; `attrs` has the units and the steps of the cleaning.
    """
    sequence = clean(PoseSequence.from_track(track, skeleton), settings)
    table = feature_table(sequence, frames=track.frames)
    table.insert(0, "track_id", np.full(len(track), track.track_id, dtype=np.int64))
    return table


def write_features(people: Iterable[Track], skeleton: Skeleton, settings: CleanSettings, path: Path) -> None:
    """The tables of all people in one Parquet file, one person in memory at a time; units are in the file's metadata.

    Raises `OutputError` when the file can't be written.
    """
    with replacing(path) as part, blaming(path), ExitStack() as stack:
        writer: pq.ParquetWriter | None = None
        for track in (_nobody(skeleton), *people):
            rows = pa.Table.from_pandas(describe(track, skeleton, settings), preserve_index=False)
            if writer is None:
                writer = stack.enter_context(pq.ParquetWriter(part, rows.schema, compression="zstd"))
            writer.write_table(rows.replace_schema_metadata(writer.schema.metadata))


def _nobody(skeleton: Skeleton) -> Track:
    """A track of no frames: it gives the file its columns, also when there are no people."""
    return Track(
        track_id=0,
        frames=np.empty(0, dtype=np.int64),
        time_s=np.empty(0),
        keypoints=np.empty((0, len(skeleton), 3), dtype=np.float32),
        scores=np.empty(0, dtype=np.float32),
    )
