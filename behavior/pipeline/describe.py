"""Tracks -> feature tables, in parts, so that memory does not grow with the recording.

A track is read three times: once for what its cleaning must know of the whole (size, pace), once for what its features
must (size of the cleaned body, steps, crossings of zones), once for the tables. A track of one part is read twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from features.catalog import bout_table, column_description, feature_table, pair_table, pair_window_table
from features.clean import CleanSettings, clean, sure
from features.clock import Pace
from features.errors import FeatureError
from features.metric import LEFT_OUT, SETTINGS, in_metres, metric_description, metric_names
from features.normalize import frame_sizes, typical_size
from features.plane import Plane
from features.registry import Level
from features.sequence import PoseSequence, Whole
from features.survey import Survey
from features.windows import Windows, intervals
from features.zones import Zone
from pose.people import Track, TrackPart
from pose.skeleton import Skeleton
from storage.files import blaming, replacing, write_bytes

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
        names: the features wanted, zones' own besides; None is all that the layout allows.
        plane: in which lengths and angles are measured; of a known scale they are metres, and what the catalogue gives
            in trunk lengths is, too. None: the image.
    """

    windows: tuple[float, float] | None = None
    bouts: Sequence[BoutLike] | None = None
    zones: Sequence[Zone] = ()
    names: Sequence[str] | None = None
    plane: Plane | None = None

    @property
    def metric(self) -> bool:
        """Whether lengths are metres."""
        return self.plane is not None and self.plane.metres_per_px is not None

    def placed(self, sequence: PoseSequence) -> PoseSequence:
        """A cleaned person, px, where and how large the rows tell."""
        sequence = sequence if self.plane is None else self.plane.sequence(sequence)
        return replace(sequence, whole=Whole(trunk=1.0)) if self.metric else replace(sequence, whole=None)

    def there(self, zones: Sequence[Zone]) -> Sequence[Zone]:
        """Zones of the image likewise."""
        return zones if self.plane is None else [self.plane.zone(zone) for zone in zones]

    def wanted(self, joint_names: tuple[str, ...], *levels: Level) -> Sequence[str] | None:
        """The names, those that have a meaning in metres where lengths are metres; None for all."""
        if not self.metric:
            return self.names
        if lost := [name for name in self.names or () if name in LEFT_OUT]:
            raise FeatureError(f"{', '.join(lost)}: compares with the length of the trunk; has no meaning in metres")
        return metric_names(joint_names, 2, levels) if self.names is None else self.names


@dataclass(frozen=True, eq=False)
class Share:
    """What one recording gives to a table.

    Attributes:
        skeleton: of its people.
        people: the parts of each.
        couples: each two people instead of `people`; both tracks are whole in memory.
        rows: what a row stands for.
        recording: value of the column `recording`, the first; None leaves it out.
    """

    skeleton: Skeleton
    people: Iterable[Parts] = ()
    couples: Iterable[tuple[Track, Track]] | None = None
    rows: Rows = Rows()
    recording: str | None = None

    def columns(self, settings: CleanSettings) -> pd.DataFrame:
        """The table of nobody: it has every column, whatever the data."""
        nobody = _nobody(self.skeleton)
        alone = TrackPart(nobody, slice(0, 0))
        couples = None if self.couples is None else [(nobody, nobody)]
        return pd.concat(replace(self, people=[lambda _: iter([alone])], couples=couples).tables(settings))

    def tables(self, settings: CleanSettings) -> Iterator[pd.DataFrame]:
        """The rows of its people, in pieces."""
        if self.couples is None:
            found = (table for each in self.people for table in describe(each, settings, self.rows))
        else:
            found = (describe_pair(a, b, settings, self.rows) for a, b in self.couples)
        for table in found:
            if self.recording is not None:
                table.insert(0, "recording", pd.Series([self.recording] * len(table), dtype="str"))
            yield table


def describe(parts: Parts, settings: CleanSettings, rows: Rows | None = None) -> Iterator[pd.DataFrame]:
    """One row per frame of a track: `track_id`, `frame`, `time_s`, then every feature that the layout allows.

    With windows or bouts one row for each instead: `track_id`, the bout's `action`, `start_s`, `stop_s`, `n_frames`,
    then statistics. Computed on the cleaned keypoints; `attrs` has the units and the steps of the cleaning. The tables
    of the parts, one after another, are that of the whole track.
    """
    rows = rows or Rows()
    track_id, time_s, size = _measure(parts, settings)
    margin = _margin(time_s, settings)
    zones = rows.there(rows.zones)
    whole = None if size is None else _survey(parts, margin, settings, size, rows, zones)
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
        sequence = rows.placed(_cleaned(track, settings, size))
        sequence = sequence if whole is None else replace(sequence, whole=whole)
        how = SETTINGS if rows.metric else None
        if stretches is None:
            names = rows.wanted(sequence.joint_names, "frame")
            table = feature_table(sequence, names, frames=track.frames, zones=zones, settings=how)
            table = table.iloc[own].reset_index(drop=True)
        else:
            behind = done + own.stop - own.start
            mine = (begin >= done) & (begin < behind)
            done = behind
            bounds = list(zip(stretches.start_s[mine], stretches.stop_s[mine], strict=True))
            names = rows.wanted(sequence.joint_names, "frame", "window")
            table = bout_table(sequence, bounds, names, zones=zones, settings=how)
            if rows.bouts is not None:
                table.insert(0, "action", pd.Series(actions[mine], dtype="str"))
        table.insert(0, "track_id", np.full(len(table), track.track_id, dtype=np.int64))
        yield in_metres(table) if rows.metric else table


def describe_pair(a: Track, b: Track, settings: CleanSettings, rows: Rows | None = None) -> pd.DataFrame:
    """Features between two people: `track_a`, `track_b`, then a row per frame that both share, or per window of these.

    Both tracks are whole in memory.
    """
    rows = rows or Rows()
    one, two = (rows.placed(clean(PoseSequence.from_track(track), settings)) for track in (a, b))
    names, how = rows.wanted(one.joint_names, "pair"), SETTINGS if rows.metric else None
    if rows.windows is not None:
        table = pair_window_table(one, two, *rows.windows, names, settings=how)
    else:
        table = pair_table(one, two, names, settings=how)
    for place, (column, track) in enumerate((("track_a", a), ("track_b", b))):
        table.insert(place, column, np.full(len(table), track.track_id, dtype=np.int64))
    return in_metres(table) if rows.metric else table


def _measure(parts: Parts, settings: CleanSettings) -> tuple[int, NDArray[np.float64], Whole | None]:
    """A track's number, its timestamps, and what the cleaning of a part must know of the whole; None for one part."""
    times: list[NDArray[np.float64]] = []
    sizes: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
    for part in parts(0):
        times.append(part.track.time_s[part.own])
        sequence = PoseSequence.from_track(part.track).rows(part.own)
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
    parts: Parts, margin: int, settings: CleanSettings, size: Whole, rows: Rows, zones: Sequence[Zone]
) -> Whole:
    """What the features of a part must know of the whole."""
    survey = Survey(zones, SETTINGS, 1.0) if rows.metric else Survey(zones)
    for part in parts(margin):
        survey.add(rows.placed(_cleaned(part.track, settings, size)).rows(part.own))
    return survey.whole()


def _cleaned(track: Track, settings: CleanSettings, size: Whole | None) -> PoseSequence:
    return clean(replace(PoseSequence.from_track(track), whole=size), settings)


def write_features(
    shares: Sequence[Share], settings: CleanSettings, path: Path, provenance: Sequence[Mapping[str, Any]] = ()
) -> int:
    """The tables of all people in one `.parquet` or `.csv` file, one part in memory at a time; gives its rows.

    Its columns are those of all shares together, NaN where the layout of one has no such column. Parquet keeps unit and
    description of each column in its metadata, and under `posescribe` what made the shares (`runs.provenance`) as a
    JSON list; beside a CSV the former stand in `<name>.units.csv`. Raises `OutputError` when a file can't be written.
    """
    if len({share.rows.metric for share in shares}) > 1:
        raise FeatureError(f"{path}: some recordings have a scale and others none; metres and pixels are not mixed")
    describes = metric_description if shares[0].rows.metric else column_description
    empty = [share.columns(settings) for share in shares]
    units = {column: unit for table in empty for column, unit in table.attrs["units"].items()}
    schema = pa.unify_schemas([pa.Schema.from_pandas(table, preserve_index=False) for table in empty])
    fields = [field.with_metadata(_metadata(field.name, units, describes)) for field in schema]
    made = {b"posescribe": json.dumps(list(provenance)).encode()}
    schema = pa.schema(fields, {**pa.Schema.from_pandas(empty[0]).metadata, **made})
    rows = 0
    with replacing(path) as part, blaming(path):
        kind = pacsv.CSVWriter if path.suffix == ".csv" else _parquet
        with kind(part, schema) as writer:
            for share in shares:
                for described in share.tables(settings):
                    table = described.reindex(columns=schema.names)
                    writer.write_table(pa.Table.from_pandas(table, schema, preserve_index=False))
                    rows += len(table)
    if path.suffix == ".csv":
        about = [{"column": name, **_metadata(name, units, describes)} for name in schema.names]
        write_bytes(path.with_suffix(".units.csv"), pd.DataFrame(about).to_csv(index=False).encode())
    return rows


def _metadata(column: str, units: dict[str, str], describes: Callable[[str], str]) -> dict[str, str]:
    return {"unit": units.get(column, ""), "description": describes(column)}


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
