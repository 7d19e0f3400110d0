"""Ready-made tables for notebooks, reports and export: pandas, numpy, Parquet.

`pose.tables` says what a long table is.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from sqlalchemy import text

from pose.skeleton import Skeleton
from pose.tables import long_columns
from storage.bouts import Annotation, Bout, read_annotations, read_bouts
from storage.database import Database
from storage.errors import StorageError
from storage.poses import frame_times, iter_frames
from storage.runs import provenance
from storage.skeletons import skeleton_of
from storage.tracks import TrackInfo, iter_track_blocks, list_tracks, pose_run_of

ROW_GROUP = 2000
"""People (rows / joints) per row group of a Parquet file."""

LONG_SCHEMA = pa.schema(
    {
        "track_id": pa.int32(),
        "frame": pa.int32(),
        "time_s": pa.float64(),
        "keypoint": pa.dictionary(pa.int32(), pa.string()),
        "x": pa.float32(),
        "y": pa.float32(),
        "confidence": pa.float32(),
    }
)
"""Columns of the long table."""


@dataclass(frozen=True, eq=False)
class PoseArray:
    """All tracks of a run side by side.

    Attributes:
        keypoints: (n_frames, n_tracks, n_joints, 3) float32 x, y, confidence; NaN, NaN, NaN where the track has no
            person in the frame, NaN, NaN, 0 where only the joint is missing.
        frames: (n_frames,) int64 frame numbers, all that were looked at.
        time_s: (n_frames,) float64 seconds.
        track_ids: n_tracks identities.
        joints: n_joints names.
    """

    keypoints: NDArray[np.float32]
    frames: NDArray[np.int64]
    time_s: NDArray[np.float64]
    track_ids: tuple[int, ...]
    joints: tuple[str, ...]


def keypoints(database: Database, run_id: int) -> pd.DataFrame:
    """The long table of a track run, whole in memory (40 bytes per keypoint).

    `keypoint` is categorical. For recordings of many hours read `write_tracks_parquet`'s file in pieces instead.
    """
    with database.reading() as tx:
        skeleton = skeleton_of(tx, run_id)
    empty = LONG_SCHEMA.empty_table()
    table: pd.DataFrame = pa.concat_tables([empty, *long_tables(database, run_id, skeleton)]).to_pandas()
    return table


def detections(database: Database, run_id: int) -> pd.DataFrame:
    """The raw people of a pose run, one row each: frame, time_s, person, score, then `<joint>_x, _y, _confidence`.

    `person` counts from 0 in each frame; it is no identity. Whole in memory.
    """
    with database.reading() as tx:
        skeleton = skeleton_of(tx, run_id)
    names = [f"{joint}_{part}" for joint in skeleton.joints for part in ("x", "y", "confidence")]
    heads: list[tuple[int, float, int, float]] = []
    points: list[NDArray[np.float32]] = [np.empty((0, len(names)), dtype=np.float32)]
    for frame in iter_frames(database, run_id):
        heads += [(frame.index, frame.time_s, number, person.score) for number, person in enumerate(frame.people)]
        points += [person.keypoints.reshape(1, -1) for person in frame.people]
    head = pd.DataFrame(heads, columns=["frame", "time_s", "person", "score"])
    return pd.concat([head, pd.DataFrame(np.concatenate(points), columns=names)], axis=1)


def pose_array(database: Database, run_id: int) -> PoseArray:
    """All tracks of a run as one array, with a cell for each track and frame: for few people, or short recordings."""
    with database.reading() as tx:
        skeleton = skeleton_of(tx, run_id)
        tracks = [track.track_id for track in list_tracks(tx, run_id)]
        frames, time_s = frame_times(tx, pose_run_of(tx, run_id))
    array = np.full((len(frames), len(tracks), len(skeleton), 3), np.nan, dtype=np.float32)
    for block in iter_track_blocks(database, run_id):
        array[np.searchsorted(frames, block.frames), np.searchsorted(tracks, block.track_ids)] = block.keypoints
    return PoseArray(array, frames, time_s, tuple(tracks), skeleton.joints)


def tracks(database: Database, run_id: int) -> pd.DataFrame:
    """One row per track, with the columns of `TrackInfo`."""
    with database.reading() as tx:
        return pd.DataFrame([vars(row) for row in list_tracks(tx, run_id)], columns=list(TrackInfo.__annotations__))


def bouts(database: Database, run_id: int) -> pd.DataFrame:
    """One row per automatic bout: track_id, action, start_s, stop_s, duration_s, start_frame, stop_frame, score,
    evidence, repetitions (how many were counted).
    """
    with database.reading() as tx:
        columns = [name for name in Bout.__annotations__ if name != "source"]
        table = pd.DataFrame([vars(row) for row in read_bouts(tx, run_id)], columns=columns)
    table.insert(4, "duration_s", table["stop_s"] - table["start_s"])
    return table.assign(repetitions=table["repetitions"].map(len).astype("int64"))


def current_bouts(database: Database) -> pd.DataFrame:
    """What counts now in all recordings, the view `current_bout` by recording, person and time: recording_id,
    recording, track_run_id, track_id, person, action, start_s, stop_s, score, source (`human`, `automatic`
    or `both`), coder.
    """
    query = "SELECT * FROM current_bout ORDER BY recording_id, track_id, start_s, stop_s, action"
    with database.reading() as tx:
        return pd.read_sql_query(text(query), tx)


def human_annotations(database: Database, recording_id: int) -> pd.DataFrame:
    """One row per human-coded interval, with the columns of `Annotation`."""
    with database.reading() as tx:
        rows = [vars(row) for row in read_annotations(tx, recording_id)]
    return pd.DataFrame(rows, columns=list(Annotation.__annotations__))


def write_tracks_parquet(database: Database, run_id: int, path: Path) -> int:
    """Write the long table of a track run in pieces, in constant memory; the number of rows.

    The file's metadata has what made it (`runs.provenance`) as JSON under `posescribe`.

    The file appears when it is whole. Raises `StorageError` when it can't be written.
    """
    with database.reading() as tx:
        skeleton = skeleton_of(tx, run_id)
        made = LONG_SCHEMA.with_metadata({"posescribe": json.dumps(provenance(tx, run_id))})
    unfinished = path.with_name(f"{path.name}.part")
    rows = 0
    try:
        with unfinished.open("wb") as file, pq.ParquetWriter(file, made, compression="zstd") as writer:
            for table in long_tables(database, run_id, skeleton):
                writer.write_table(table)
                rows += table.num_rows
        os.replace(unfinished, path)
    except OSError as error:
        raise StorageError(f"{path}: can't be written ({error.strerror or error}); choose another folder") from error
    finally:
        with suppress(OSError):
            unfinished.unlink()
    return rows


def long_tables(database: Database, run_id: int, skeleton: Skeleton) -> Iterator[pa.Table]:
    """The long table of a track run in pieces, `ROW_GROUP` people each."""
    joints = pa.array(skeleton.joints, pa.string())
    for block in iter_track_blocks(database, run_id, ROW_GROUP):
        columns = long_columns(block.track_ids, block.frames, block.time_s, block.keypoints)
        keypoint = pa.DictionaryArray.from_arrays(columns["keypoint"], joints)
        yield pa.table({**columns, "keypoint": keypoint}, schema=LONG_SCHEMA)
