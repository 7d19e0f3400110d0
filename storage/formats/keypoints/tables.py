"""The long table, one row per person, frame and keypoint: as `tracks.parquet`, or as text."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from storage.database import Database
from storage.formats.keypoints.writing import Tracked, replacing
from storage.frames import LONG_SCHEMA, long_tables, write_tracks_parquet


def write_parquet(database: Database, track_run_id: int, path: Path) -> list[Path]:
    """`track_id, frame, time_s, keypoint, x, y, confidence`, in constant memory."""
    with replacing(path) as part:
        write_tracks_parquet(database, track_run_id, part)
    return [path]


def write_csv(database: Database, track_run_id: int, path: Path) -> list[Path]:
    """The same columns; empty where a joint is missing. Numbers have all the digits that they need."""
    tracked = Tracked.load(database, track_run_id)
    schema = LONG_SCHEMA.set(LONG_SCHEMA.get_field_index("keypoint"), pa.field("keypoint", pa.string()))
    options = pacsv.WriteOptions(quoting_style="needed")
    with replacing(path) as part, pacsv.CSVWriter(part, schema, write_options=options) as writer:
        for table in long_tables(database, track_run_id, tracked.skeleton):
            columns = {name: table[name].cast(schema.field(name).type) for name in schema.names}
            for name in ("x", "y"):
                columns[name] = pc.if_else(pc.is_nan(columns[name]), None, columns[name])
            writer.write_table(pa.table(columns, schema=schema))
    return [path]
