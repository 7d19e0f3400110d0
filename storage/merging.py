"""Several databases into one: each recording with all that is known of it, no row twice.

A recording is one transaction, so that a merge that was stopped goes on by the same command. What the target has
stays as it is, but for runs that were not finished there. Nothing is changed in the source.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from sqlalchemy import (
    JSON,
    REAL,
    Column,
    ColumnElement,
    Connection,
    Double,
    Row,
    Table,
    cast,
    delete,
    insert,
    select,
    text,
)

from storage import schema
from storage.bulk import insert_rows
from storage.database import Database
from storage.errors import StorageError
from storage.recordings import free_name, is_numbered
from storage.runs import delete_run
from storage.skeletons import ensure_skeleton, keypoint_table_of, skeleton_of
from storage.tracks import AUTOMATIC

_BLOCK = 2000
"""Rows in memory at a time."""

_OF_A_RUN = tuple(table for table in schema.metadata.sorted_tables if "run_id" in table.c)


@dataclass
class Merged:
    """What a merge added.

    Attributes:
        recordings: that the target did not have.
        runs: of these and of others.
        labels: files of human-coded intervals.
        scenes: people in space.
        refused: a message for each recording or scene that could not be merged.
    """

    recordings: int = 0
    runs: int = 0
    labels: int = 0
    scenes: int = 0
    refused: list[str] = field(default_factory=list)


def merge(target: Database, source: Database, step: Callable[[int, int], None] = lambda _done, _total: None) -> Merged:
    """Adds to the target what the source has and it has not.

    The same content under the same name is the same recording, the same fingerprint the same run. Where both have a run
    that is done, the target's stays.

    Args:
        target, source: may be of different kinds.
        step: hears how many recordings are done, of how many.

    A recording is refused, and told in `Merged.refused`, when people were changed by hand on both sides, or when the
    target found its people by itself, not the same to the last bit, and labels or changes of the source rest on them.
    """
    found = Merged()
    numbers: dict[int, int] = {}
    places: dict[int, int] = {}
    with source.reading() as old:
        if old.dialect.name == "postgresql":
            old.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        known = old.execute(select(schema.recording).order_by(schema.recording.c.id)).all()
        for done, recording in enumerate(known, start=1):
            try:
                with target.transaction() as new:
                    one = _Recording(old, new, recording, known)
                    one.merge()
                numbers |= one.numbers
                places[recording.id] = one.id
                found.recordings += one.is_new
                found.runs += one.n_runs
                found.labels += one.n_labels
            except _Refusal as error:
                found.refused.append(f"{source.where}: {recording.name}: {error}")
            step(done, len(known))
        for scene in old.execute(select(schema.scene).order_by(schema.scene.c.id)).all():
            try:
                with target.transaction() as new:
                    found.scenes += _merge_scene(old, new, scene, numbers)
            except _Refusal as error:
                found.refused.append(f"{source.where}: scene {scene.id}: {error}")
        with target.transaction() as new:
            _merge_offsets(old, new, places)
            _merge_failures(old, new)
    return found


class _Refusal(StorageError):
    """Merging would mix what does not belong together."""


@dataclass(frozen=True)
class _ByHand:
    """What humans did to a recording: fingerprints of changed track runs, hashes of label files."""

    changes: frozenset[str]
    labels: frozenset[str]

    def within(self, other: _ByHand) -> bool:
        return self.changes <= other.changes and self.labels <= other.labels


class _Recording:
    """One recording on its way."""

    def __init__(self, old: Connection, new: Connection, row: Row[Any], beside: Sequence[Row[Any]]) -> None:
        self.old, self.new, self.row = old, new, row
        self.numbers: dict[int, int] = {}
        self.n_runs = self.n_labels = 0
        self._alone: dict[int, int] = {}  # runs that the target has done by itself, by their number in the source
        known = self._known(beside)
        self.is_new = known is None
        self.id = self._insert() if known is None else known

    def _known(self, beside: Sequence[Row[Any]]) -> int | None:
        row, table = self.row, schema.recording
        there = self.new.execute(select(table).order_by(table.c.id)).all()
        if row.sha256 is None:  # a session of a camera
            mark = (None, row.kind, row.uri, row.added)
            return next((one.id for one in there if (one.sha256, one.kind, one.uri, one.added) == mark), None)
        alike = [one for one in there if one.sha256 == row.sha256]
        others = {one.name for one in beside if one.sha256 == row.sha256}
        return next(
            (one.id for one in alike if one.name == row.name),
            next(
                (
                    one.id
                    for one in alike
                    if one.name not in others and (is_numbered(one.name, row.name) or is_numbered(row.name, one.name))
                ),
                None,
            ),
        )

    def _insert(self) -> int:
        taken = set(self.new.scalars(select(schema.recording.c.name)))
        return _insert(self.new, schema.recording, self.row, name=free_name(self.row.name, taken))

    def merge(self) -> None:
        here, there = _by_hand(self.old, self.row.id), _by_hand(self.new, self.id)
        nothing_new = here.within(there)
        if here.changes != there.changes and not nothing_new and not there.within(here):
            raise _Refusal(
                "people were changed or labelled by hand in both databases; take the changes of one back with "
                "`posescribe tracks undo DB --all`, or merge it into a database of its own"
            )
        self._copy_runs(may_replace=there.changes <= here.changes)
        if not nothing_new:
            self._copy_labels(replace=here.changes != there.changes)

    def _copy_runs(self, *, may_replace: bool) -> None:
        table = schema.run
        listed = self.old.execute(select(table).where(table.c.recording_id == self.row.id).order_by(table.c.id)).all()
        for run in listed:
            same = (
                table.c.recording_id == self.id, table.c.stage == run.stage, table.c.fingerprint == run.fingerprint
            )  # fmt: skip
            have = self.new.execute(select(table).where(*same)).one_or_none()
            if have is not None and _went_on(have, run) and (may_replace or have.status == "running"):
                delete_run(self.new, have.id)
                have = None
            if have is not None:
                self.numbers[run.id] = have.id
                if have.started != run.started:
                    self._alone[run.id] = have.id
                continue
            self._copy_run(run)

    def _copy_run(self, run: Row[Any]) -> None:
        extra = dict(run.extra)
        if AUTOMATIC in extra:
            self._require_same(extra[AUTOMATIC])
            extra[AUTOMATIC] = self.numbers[extra[AUTOMATIC]]
        if run.parent_id is not None:
            self._require_same(run.parent_id)
        if run.skeleton is not None:
            ensure_skeleton(self.new, skeleton_of(self.old, run.id))
        parent = None if run.parent_id is None else self.numbers[run.parent_id]
        number = _insert(self.new, schema.run, run, recording_id=self.id, parent_id=parent, extra=extra)
        self.numbers[run.id] = number
        self.n_runs += 1
        for table in (*_OF_A_RUN, *_keypoints(self.old, run)):
            _copy(self.old, self.new, table, "run_id", run.id, number)

    def _require_same(self, run_id: int) -> None:
        """What rests on a run must rest on the same rows there."""
        if run_id not in self._alone:
            return
        for table in (schema.frame, schema.membership, *_keypoints(self.old, _get(self.old, schema.run, run_id))):
            if not _is_alike(self.old, self.new, table, run_id, self._alone[run_id]):
                raise _Refusal(
                    f"both databases found its people, not the same to the last bit ({table.name}), so what rests on "
                    "these can't go over to those; merge it into a database of its own"
                )
        del self._alone[run_id]

    def _copy_labels(self, *, replace: bool) -> None:
        """Those of both, in the order in which they were brought in, which says which count."""
        for run_id in list(self._alone):
            self._require_same(run_id)
        mine, theirs = _labels(self.old, self.row.id), _labels(self.new, self.id)
        every = {} if replace else dict(theirs)
        for sha256, (file, _) in mine.items():
            if sha256 not in every or file.added > every[sha256][0].added:
                every[sha256] = mine[sha256]
                self.n_labels += 1
        source = schema.annotation_source
        self.new.execute(delete(source).where(source.c.recording_id == self.id))
        for file, rows in sorted(every.values(), key=lambda one: one[0].added):
            number = _insert(self.new, source, file, recording_id=self.id)
            for row in rows:
                _insert(self.new, schema.annotation, row, source_id=number)


def _merge_scene(old: Connection, new: Connection, scene: Row[Any], numbers: dict[int, int]) -> bool:
    """Whether the scene was copied; it is not where it is there already."""
    table, view = schema.scene, schema.scene_view
    if new.scalar(select(table.c.id).where(table.c.fingerprint == scene.fingerprint)) is not None:
        return False
    views = old.execute(select(view).where(view.c.scene_id == scene.id).order_by(view.c.camera)).all()
    if any(one.track_run_id not in numbers for one in views):
        raise _Refusal("a recording of it was refused")
    number = _insert(new, table, scene)
    for one in views:
        values = {**one._asdict(), "scene_id": number, "track_run_id": numbers[one.track_run_id]}
        new.execute(insert(view).values(values))
    for member in (schema.scene_member, schema.position):
        _copy(old, new, member, "scene_id", scene.id, number)
    return True


def _merge_offsets(old: Connection, new: Connection, places: dict[int, int]) -> None:
    """Offsets between recordings that all came over, to clocks to which the target has none."""
    table, offset = schema.synchrony, schema.clock_offset
    taken = set(new.scalars(select(table.c.reference_id)))
    for one in old.execute(select(table).order_by(table.c.id)).all():
        rows = old.execute(select(offset).where(offset.c.synchrony_id == one.id)).all()
        reference = places.get(one.reference_id)
        if reference is None or reference in taken or not {row.recording_id for row in rows} <= set(places):
            continue
        number = _insert(new, table, one, reference_id=reference)
        for row in rows:
            values = {**row._asdict(), "synchrony_id": number, "recording_id": places[row.recording_id]}
            new.execute(insert(offset).values(values))


def _merge_failures(old: Connection, new: Connection) -> None:
    """Sources that failed, unless the target knows something newer of them."""
    table, run, recording = schema.failure, schema.run.c, schema.recording.c
    for one in old.execute(select(table)).all():
        later = new.scalar(
            select(run.id)
            .join(schema.recording, recording.id == run.recording_id)
            .where(recording.uri == one.uri, run.finished > one.failed)
            .limit(1)
        )
        have = new.scalar(select(table.c.failed).where(table.c.uri == one.uri))
        if later is None and (have is None or have < one.failed):
            new.execute(delete(table).where(table.c.uri == one.uri))
            new.execute(insert(table).values(one._asdict()))


def _by_hand(tx: Connection, recording_id: int) -> _ByHand:
    run, source = schema.run.c, schema.annotation_source.c
    rows = tx.execute(select(run.fingerprint, run.extra).where(run.recording_id == recording_id))
    labels = tx.scalars(select(source.sha256).where(source.recording_id == recording_id))
    return _ByHand(frozenset(one.fingerprint for one in rows if AUTOMATIC in one.extra), frozenset(labels))


def _labels(tx: Connection, recording_id: int) -> dict[str, tuple[Row[Any], list[Row[Any]]]]:
    """By hash, each label file and what it says."""
    source, label = schema.annotation_source, schema.annotation
    files = tx.execute(select(source).where(source.c.recording_id == recording_id).order_by(source.c.id)).all()
    said = select(label).order_by(label.c.id)
    return {one.sha256: (one, list(tx.execute(said.where(label.c.source_id == one.id)))) for one in files}


def _went_on(have: Row[Any], run: Row[Any]) -> bool:
    """Whether a run is done that was unfinished, or was gone on with after the source broke off."""
    if have.status == "running" or run.status == "running":
        return bool(have.status != run.status and run.status == "done")
    return bool(have.started == run.started and have.finished < run.finished)


def _keypoints(tx: Connection, run: Row[Any]) -> list[Table]:
    return [keypoint_table_of(tx, run.id)] if run.stage in ("pose", "part") and run.skeleton is not None else []


def _get(tx: Connection, table: Table, key: int) -> Row[Any]:
    return tx.execute(select(table).where(table.c.id == key)).one()


def _insert(tx: Connection, table: Table, row: Row[Any], **changed: Any) -> int:
    """A row of a table with a number of its own; gives the number."""
    values = {**row._asdict(), **changed}
    del values["id"]
    return int(tx.execute(insert(table).values(values).returning(table.c.id)).scalar_one())


def _columns(table: Table) -> list[Column[Any]]:
    """All but the number that the database gives."""
    return [column for column in table.c if column.name != "id"]


def _exact(column: Column[Any]) -> ColumnElement[Any]:
    """A server tells 32-bit floats in as few digits as name them; in 64 bits it tells their value."""
    return cast(column, Double) if isinstance(column.type, REAL) else column


def _copy(old: Connection, new: Connection, table: Table, owner: str, old_key: int, new_key: int) -> None:
    """The rows of one owner to another; in their order, as numbers are given in it."""
    columns = _columns(table)
    names = [column.name for column in columns]
    place = names.index(owner)
    plain = len(columns) == len(table.c) and not any(isinstance(column.type, JSON) for column in columns)
    query = select(*map(_exact, columns)).where(table.c[owner] == old_key).order_by(*table.primary_key)
    result = old.execute(query.execution_options(stream_results=True))
    while block := result.fetchmany(_BLOCK):
        rows = [(*row[:place], new_key, *row[place + 1 :]) for row in block]
        if plain:
            insert_rows(new, table, rows)
        else:
            new.execute(insert(table), [dict(zip(names, row, strict=True)) for row in rows])


def _is_alike(old: Connection, new: Connection, table: Table, old_run: int, new_run: int) -> bool:
    columns = [column for column in _columns(table) if column.name != "run_id"]

    def rows(tx: Connection, run_id: int) -> Any:
        query = select(*map(_exact, columns)).where(table.c.run_id == run_id).order_by(*table.primary_key)
        return tx.execute(query.execution_options(stream_results=True))

    pairs = zip_longest(rows(old, old_run), rows(new, new_run))
    return all(one is not None and other is not None and tuple(one) == tuple(other) for one, other in pairs)
