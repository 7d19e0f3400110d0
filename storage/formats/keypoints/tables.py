"""The long table, one row per person, frame and keypoint: as `tracks.parquet`, or as text. And the meshes of faces."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from sqlalchemy import select

from storage import schema
from storage.database import Database
from storage.errors import ExchangeError
from storage.formats.keypoints.writing import Tracked, replacing
from storage.frames import LONG_SCHEMA, long_tables, write_tracks_parquet
from storage.poses import page_of_frames
from storage.runs import provenance


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


MESH_SCHEMA = pa.schema(
    {
        "track_id": pa.int32(),
        "frame": pa.int32(),
        "time_s": pa.float64(),
        "vertex": pa.int16(),
        "x": pa.float32(),
        "y": pa.float32(),
        "presence": pa.float32(),
    }
)
"""Columns of the table of meshes."""

MESH_FRAMES = 100
"""Frames in memory at a time, and in a row group of the file."""


def write_face_meshes(database: Database, track_run_id: int, path: Path) -> list[Path]:
    """Parquet with a row for each vertex of each face found: pixels, and the presence of the face.

    In constant memory; the metadata has what made it, as JSON under `posescribe`. Raises `ExchangeError` when no meshes
    were kept.
    """
    tracked = Tracked.load(database, track_run_id)
    if not tracked.pose_run.settings.get("face_mesh"):
        raise ExchangeError(
            f"{database.where}: no meshes of faces were kept of {tracked.recording.name}; "
            "run posescribe analyze with --face --face-mesh"
        )
    with database.reading() as tx:
        made = MESH_SCHEMA.with_metadata({"posescribe": json.dumps(provenance(tx, track_run_id))})
    with replacing(path) as part, pq.ParquetWriter(part, made, compression="zstd") as writer:
        for table in _mesh_tables(tracked):
            writer.write_table(table)
    return [path]


def _mesh_tables(tracked: Tracked) -> Iterator[pa.Table]:
    member, mesh, after = schema.membership.c, schema.face_mesh.c, None
    query = (
        select(member.track_id, mesh.frame, mesh.presence, mesh.vertices)
        .join(schema.face_mesh, (mesh.frame == member.frame) & (mesh.person == member.person))
        .where(member.run_id == tracked.run_id, member.track_id.is_not(None), mesh.run_id == tracked.pose_run.id)
        .order_by(mesh.frame, member.track_id)
    )
    while True:
        with tracked.database.reading() as tx:
            times = page_of_frames(tx, tracked.pose_run.id, after, MESH_FRAMES)
            if not times:
                return
            rows = tx.execute(query.where(mesh.frame.between(times[0][0], times[-1][0]))).all()
        after = times[-1][0]
        if not rows:
            continue
        points = np.stack([np.frombuffer(row.vertices, dtype="<f4").reshape(-1, 2) for row in rows])
        n = points.shape[1]
        columns = {
            "track_id": np.repeat([row.track_id for row in rows], n),
            "frame": np.repeat([row.frame for row in rows], n),
            "time_s": np.repeat([dict(times)[row.frame] for row in rows], n),
            "vertex": np.tile(np.arange(n), len(rows)),
            "x": points[..., 0].ravel(),
            "y": points[..., 1].ravel(),
            "presence": np.repeat([row.presence for row in rows], n),
        }
        yield pa.table({name: pa.array(columns[name]).cast(MESH_SCHEMA.field(name).type) for name in MESH_SCHEMA.names})
