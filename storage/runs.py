"""Provenance: each stage that worked on a recording, with what decided its result.

A run is found again by its fingerprint. One that is `done` need not be done again; one that is `running` was killed, or
is still at work.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from pose.skeleton import Skeleton
from storage import schema
from storage.errors import MissingError
from storage.skeletons import ensure_skeleton


@dataclass(frozen=True)
class Run:
    """One stage on one recording.

    Attributes:
        id: key in the database.
        recording_id: the recording.
        parent_id: the run whose results it read; None for the first stage.
        stage: `pose`, `track`, `actions`, ...
        status: `running` or `done`.
        fingerprint: see `fingerprint`.
        settings: as given, plain JSON.
        skeleton: name of the joint layout; None when the stage has no keypoints.
        model_name, model_sha256: the network or classifier; None without one.
        device: the device that really ran; None where it plays no part.
        version: of posescribe.
        started, finished: UTC; `finished` None while running.
        extra: what the stage reports, plain JSON, e.g. `{"skipped_frames": 2}`.
        chosen: when a command asked for it last, UTC; None while running, and for one that does not count any more.
    """

    id: int
    recording_id: int
    parent_id: int | None
    stage: str
    status: str
    fingerprint: str
    settings: dict[str, Any]
    skeleton: str | None
    model_name: str | None
    model_sha256: str | None
    device: str | None
    version: str
    started: datetime
    finished: datetime | None
    extra: dict[str, Any]
    chosen: datetime | None

    @property
    def done(self) -> bool:
        return self.status == "done"


_COLUMNS = [schema.run.c[name] for name in Run.__annotations__]


def fingerprint(**parts: Any) -> str:
    """sha256 of the canonical JSON of everything that decides a result.

    Name all of it: settings, hashes of model and source, version of the algorithm (not of the package, which changes
    oftener), and the fingerprint of the run that is read. Values
    must be plain JSON without NaN, else `TypeError` or `ValueError`.
    """
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def start_run(
    tx: Connection,
    recording_id: int,
    stage: str,
    fingerprint: str,
    *,
    settings: Mapping[str, Any],
    version: str,
    skeleton: Skeleton | None = None,
    model_name: str | None = None,
    model_sha256: str | None = None,
    device: str | None = None,
    parent_id: int | None = None,
    extra: Mapping[str, Any] | None = None,
) -> Run:
    """A new run with status `running`; without a skeleton of its own it takes its parent's.

    The pair (stage, fingerprint) is unique per recording: look with `find_run` first.
    """
    skeleton_name: str | None = None
    if skeleton is not None:
        skeleton_name = ensure_skeleton(tx, skeleton)
    elif parent_id is not None:
        skeleton_name = get_run(tx, parent_id).skeleton
    values = {
        "recording_id": recording_id, "parent_id": parent_id, "stage": stage, "status": "running",
        "fingerprint": fingerprint, "settings": dict(settings), "skeleton": skeleton_name, "model_name": model_name,
        "model_sha256": model_sha256, "device": device, "version": version, "started": datetime.now(UTC),
        "extra": dict(extra or {}),
    }  # fmt: skip
    return get_run(tx, tx.execute(insert(schema.run).values(values).returning(schema.run.c.id)).scalar_one())


def get_run(tx: Connection, run_id: int) -> Run:
    """Raises `MissingError`."""
    row = tx.execute(select(*_COLUMNS).where(schema.run.c.id == run_id)).one_or_none()
    if row is None:
        raise MissingError(f"no run {run_id} in the database")
    return Run(*row)


def find_run(tx: Connection, recording_id: int, stage: str, fingerprint: str) -> Run | None:
    """The run, done or not, that this command would repeat."""
    table = schema.run.c
    query = select(*_COLUMNS).where(
        table.recording_id == recording_id, table.stage == stage, table.fingerprint == fingerprint
    )
    row = tx.execute(query).one_or_none()
    return None if row is None else Run(*row)


@dataclass(frozen=True)
class Current:
    """What counts of a recording now: people, their tracks, and what these do (None where no actions were named)."""

    pose: Run
    track: Run
    actions: Run | None


def current(tx: Connection, recording_id: int) -> Current | None:
    """What counts of one recording; see `current_of`."""
    return current_of(tx, [recording_id]).get(recording_id)


def current_of(tx: Connection, recording_ids: Sequence[int]) -> dict[int, Current]:
    """The runs that count, by recording: the track run that was asked for last, and of the action runs that read it the
    one asked for last; a recording without tracks is left out.

    Whoever shows, exports or compares what is stored looks here, so all speak of the same; a command asks for a run
    by finishing it, or by `choose`. The rule itself is the view `current_run`.
    """
    view = schema.current_run
    rows = tx.execute(select(view).where(view.c.recording_id.in_(recording_ids))).all()
    ids = [one for row in rows for one in (row.pose_run_id, row.track_run_id, row.actions_run_id) if one is not None]
    found = {run.id: run for run in _runs(tx, schema.run.c.id.in_(ids))}
    if lost := set(ids) - found.keys():
        raise MissingError(f"no run {min(lost)} in the database")
    return {
        row.recording_id: Current(found[row.pose_run_id], found[row.track_run_id], found.get(row.actions_run_id))
        for row in rows
    }


def unfinished(tx: Connection) -> set[int]:
    """Keys of the recordings that have a run that is not done, or no tracks."""
    recording, run, counts = schema.recording.c.id, schema.run.c, schema.current_run.c.recording_id
    begun = select(run.recording_id).where(run.status != "done")
    return set(tx.scalars(select(recording).where(recording.in_(begun) | recording.not_in(select(counts)))))


def choose(tx: Connection, run_id: int) -> Run:
    """A command asks for a run that is done already: it counts from now on (see `current`)."""
    tx.execute(update(schema.run).where(schema.run.c.id == run_id).values(chosen=_last_of_all(tx, run_id)))
    return get_run(tx, run_id)


def _last_of_all(tx: Connection, run_id: int) -> datetime:
    """Now; where a clock was set back, or another machine's is ahead, just behind what was asked for last."""
    recording = select(schema.run.c.recording_id).where(schema.run.c.id == run_id).scalar_subquery()
    every = schema.run.alias().c
    last = tx.scalar(select(func.max(every.chosen)).where(every.recording_id == recording))
    now = datetime.now(UTC)
    return now if last is None or last < now else last + timedelta(microseconds=1)


def leave_out(tx: Connection, parent_id: int, stage: str) -> None:
    """A command asks that the runs of a stage that read this run do not count, until one of them is chosen again."""
    own = schema.run.c
    tx.execute(update(schema.run).where(own.parent_id == parent_id, own.stage == stage).values(chosen=None))


def list_runs(tx: Connection, recording_id: int) -> list[Run]:
    """All runs on a recording, done or not, oldest first."""
    return runs_of(tx, [recording_id])[recording_id]


def runs_of(tx: Connection, recording_ids: Sequence[int]) -> dict[int, list[Run]]:
    """All runs on each of some recordings, done or not, oldest first."""
    found: dict[int, list[Run]] = {key: [] for key in recording_ids}
    for run in _runs(tx, schema.run.c.recording_id.in_(recording_ids)):
        found[run.recording_id].append(run)
    return found


def _runs(tx: Connection, which: ColumnElement[bool]) -> list[Run]:
    return [Run(*row) for row in tx.execute(select(*_COLUMNS).where(which).order_by(schema.run.c.id))]


def rename_run(tx: Connection, run_id: int, fingerprint: str) -> Run:
    """Give a run the fingerprint by which it is looked for today."""
    tx.execute(update(schema.run).where(schema.run.c.id == run_id).values(fingerprint=fingerprint))
    return get_run(tx, run_id)


def provenance(tx: Connection, run_id: int) -> dict[str, Any]:
    """What made the results of a run, plain JSON: its recording, and the runs from the first stage to this one."""
    run: Run | None = get_run(tx, run_id)
    made: list[Run] = []
    while run is not None:
        made.insert(0, run)
        run = None if run.parent_id is None else get_run(tx, run.parent_id)
    source = schema.recording.c
    columns = (source.name, source.uri, source.kind, source.sha256)
    row = tx.execute(select(*columns).where(source.id == made[0].recording_id)).one()
    names = ("stage", "version", "settings", "model_name", "model_sha256", "device", "fingerprint")
    stages = [{name: getattr(one, name) for name in names} | {"started": one.started.isoformat()} for one in made]
    return {"posescribe": made[-1].version, "source": row._asdict(), "runs": stages}


def update_run(
    tx: Connection, run_id: int, *, device: str | None = None, extra: Mapping[str, Any] | None = None
) -> Run:
    """Set the device, and add to `extra` (a key that is there already is replaced)."""
    run = get_run(tx, run_id)
    values = {"device": device or run.device, "extra": {**run.extra, **(extra or {})}}
    tx.execute(update(schema.run).where(schema.run.c.id == run_id).values(values))
    return get_run(tx, run_id)


def finish_run(tx: Connection, run_id: int, *, extra: Mapping[str, Any] | None = None) -> Run:
    """Mark as `done`, and chosen; `extra` is added as by `update_run`."""
    update_run(tx, run_id, extra=extra)
    values = {"status": "done", "finished": datetime.now(UTC), "chosen": _last_of_all(tx, run_id)}
    tx.execute(update(schema.run).where(schema.run.c.id == run_id).values(values))
    return get_run(tx, run_id)


def list_parts(tx: Connection, recording_id: int, whole: str) -> list[Run]:
    """The runs of stage `part` of the whole of this fingerprint, by their number in it."""
    parts = [run for run in list_runs(tx, recording_id) if run.stage == "part" and run.extra["part_of"]["run"] == whole]
    return sorted(parts, key=lambda run: int(run.extra["part_of"]["number"]))


def delete_parts(tx: Connection, recording_id: int, whole: str) -> None:
    """Delete the runs of `list_parts`: the whole is there."""
    for run in list_parts(tx, recording_id, whole):
        delete_run(tx, run.id)


def delete_run(tx: Connection, run_id: int) -> None:
    """Delete a run with all its rows, and the runs that read from it with theirs."""
    tx.execute(delete(schema.run).where(schema.run.c.id == run_id))
