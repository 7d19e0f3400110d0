"""Actions in time: what the machine says (`bout`) and what a human says (`annotation`), in tables of their own.

Frame numbers hold both ends: a bout from frame 10 to frame 20 has 11 frames. Its times run from the timestamp of its
first frame to the moment its last frame leaves the screen, so bouts that touch leave no hole between them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from sqlalchemy import Connection, delete, func, insert, select, update

from storage import schema

Source = Literal["automatic", "human", "both"]


@dataclass(frozen=True)
class Repetition:
    """One repetition of an exercise.

    Attributes:
        start_s, stop_s: seconds.
        amplitude: how far the movement went, in `unit`.
        unit: of the amplitude, and what moves by it: `deg of the elbows`.
    """

    start_s: float
    stop_s: float
    amplitude: float
    unit: str


@dataclass(frozen=True)
class Bout:
    """One action of one person from a first to a last frame, both inside.

    Attributes:
        track_id: the person, as in `pose.people.Track`.
        action: name of the action.
        start_s: time of the first frame, seconds.
        stop_s: time at which the last frame ends, seconds: the timestamp of the frame after it.
        start_frame: first frame number.
        stop_frame: last frame number.
        score: mean calibrated probability over the bout, in [0, 1]; 1 for a human's label.
        evidence: what spoke for it, in words: a rule's numbers with units and thresholds, or a model's probabilities;
            of a human's label what its coder noted at it, such as "confirmed"; None where nothing is known.
        repetitions: of an exercise that is counted, in order.
        source: who says so; `both` where a human said a part of it and the machine the rest.
    """

    track_id: int
    action: str
    start_s: float
    stop_s: float
    start_frame: int
    stop_frame: int
    score: float
    evidence: str | None = None
    repetitions: tuple[Repetition, ...] = ()
    source: Source = "automatic"

    def __post_init__(self) -> None:
        if self.stop_frame < self.start_frame or self.stop_s < self.start_s:
            raise ValueError(f"bout {self.action!r} of track {self.track_id} stops before it starts")

    @property
    def duration_s(self) -> float:
        return self.stop_s - self.start_s

    @property
    def comment(self) -> str:
        """For label files: the score, and what spoke for the bout."""
        return f"score {self.score:.3f}" + (f"; {self.evidence}" if self.evidence else "")


_BOUT_COLUMNS = [schema.bout.c[name] for name in Bout.__annotations__ if name not in ("repetitions", "source")]


@dataclass(frozen=True)
class Annotation:
    """An interval that a human coded.

    Attributes:
        action: name of the behaviour.
        start_s, stop_s: seconds of the source's own clock; equal for a point event.
        subject: as the human calls the person; None when nobody in particular.
        track_id: the track that was matched to the subject; None if none was.
        is_point: an event without duration.
        comment: the human's.
    """

    action: str
    start_s: float
    stop_s: float
    subject: str | None = None
    track_id: int | None = None
    is_point: bool = False
    comment: str | None = None


_ANNOTATION_COLUMNS = [schema.annotation.c[name] for name in Annotation.__annotations__]


def write_bouts(tx: Connection, run_id: int, bouts: Iterable[Bout]) -> None:
    """Add bouts to a run: all at once, or person by person."""
    rows, counted = [], []
    for bout in bouts:
        who = {"run_id": run_id, "track_id": bout.track_id, "action": bout.action}
        rows.append(
            who | {
                "start_s": bout.start_s, "stop_s": bout.stop_s, "start_frame": bout.start_frame,
                "stop_frame": bout.stop_frame, "score": float(bout.score), "evidence": bout.evidence,
            }
        )  # fmt: skip
        counted += [who | vars(one) for one in bout.repetitions]
    for table, some in ((schema.bout, rows), (schema.repetition, counted)):
        if some:
            tx.execute(insert(table), some)


def read_bouts(tx: Connection, run_id: int) -> list[Bout]:
    """The bouts of a run, by person and time."""
    columns, one = schema.bout.c, schema.repetition.c
    counted: dict[tuple[int, str], list[Repetition]] = {}
    repetitions = select(one.track_id, one.action, one.start_s, one.stop_s, one.amplitude, one.unit)
    for track_id, action, *row in tx.execute(repetitions.where(one.run_id == run_id).order_by(one.start_s)):
        counted.setdefault((track_id, action), []).append(Repetition(*row))
    query = (
        select(*_BOUT_COLUMNS)
        .where(columns.run_id == run_id)
        .order_by(columns.track_id, columns.start_frame, columns.stop_frame, columns.action)
    )
    return [_with(Bout(*row), counted) for row in tx.execute(query)]


def _with(bout: Bout, counted: Mapping[tuple[int, str], Sequence[Repetition]]) -> Bout:
    """The bout with the repetitions whose middle lies within it."""
    own = counted.get((bout.track_id, bout.action), ())
    within = (one for one in own if bout.start_s <= (one.start_s + one.stop_s) / 2 < bout.stop_s)
    return replace(bout, repetitions=tuple(within))


def write_annotations(
    tx: Connection,
    recording_id: int,
    annotations: Iterable[Annotation],
    *,
    uri: str,
    sha256: str,
    format: str,
    coder: str | None = None,
    whole: bool = True,
) -> int:
    """Store what a label file says about a recording, in place of an earlier import of the same file; its key.

    `whole` says that its people are coded all the time, otherwise only where they have a label (see `coded.py`).
    """
    source = schema.annotation_source
    tx.execute(delete(source).where(source.c.recording_id == recording_id, source.c.sha256 == sha256))
    values = {
        "recording_id": recording_id, "uri": uri, "sha256": sha256, "format": format, "coder": coder,
        "added": datetime.now(UTC), "whole": whole,
    }  # fmt: skip
    source_id = int(tx.execute(insert(source).values(values).returning(source.c.id)).scalar_one())
    rows = [{"source_id": source_id, **vars(annotation)} for annotation in annotations]
    if rows:
        tx.execute(insert(schema.annotation), rows)
    return source_id


CORRECTIONS = "corrections"
"""Format of what was corrected in a report: all that the coder says of these people, where they have a label."""


def write_corrections(
    tx: Connection, recording_id: int, annotations: Sequence[Annotation], people: Collection[int], coder: str | None
) -> int | None:
    """Store all that a coder says of some people, in place of that coder's earlier corrections of them.

    What was imported otherwise, and what other coders say, stays. Where an annotation is, it counts instead of all
    that was there; the action `unknown` says that nothing is (see `coded.py`).

    Returns:
        The key of the source; None when there is nothing to say of these people any more.
    """
    source, label = schema.annotation_source.c, schema.annotation
    own = select(source.id).where(
        source.recording_id == recording_id,
        source.format == CORRECTIONS,
        source.coder.is_(None) if coder is None else source.coder == coder,
    )
    tx.execute(delete(label).where(label.c.source_id.in_(own), label.c.track_id.in_(people)))
    used = select(label.c.source_id)
    tx.execute(delete(schema.annotation_source).where(source.id.in_(own), source.id.not_in(used)))
    if not annotations:
        return None
    mark = hashlib.sha256(f"{datetime.now(UTC).isoformat()} {coder} {annotations}".encode()).hexdigest()
    return write_annotations(
        tx, recording_id, annotations, uri="corrections of the report", sha256=mark, format=CORRECTIONS, coder=coder,
        whole=False,
    )  # fmt: skip


@dataclass(frozen=True)
class AnnotationSource:
    """A label file that was imported; the fields are those of the table `annotation_source`."""

    id: int
    uri: str
    sha256: str
    format: str
    coder: str | None
    added: datetime
    whole: bool


def list_annotation_sources(tx: Connection, recording_id: int) -> list[AnnotationSource]:
    """The label files of a recording, oldest first."""
    source = schema.annotation_source
    columns = [source.c[name] for name in AnnotationSource.__annotations__]
    query = select(*columns).where(source.c.recording_id == recording_id).order_by(source.c.id)
    return [AnnotationSource(*row) for row in tx.execute(query)]


def delete_annotation_source(tx: Connection, source_id: int) -> None:
    """Forget a label file with what it says."""
    tx.execute(delete(schema.annotation_source).where(schema.annotation_source.c.id == source_id))


def read_annotations(tx: Connection, recording_id: int, source_ids: Collection[int] | None = None) -> list[Annotation]:
    """What humans say about a recording, by time; of all sources together, or of those named."""
    table = schema.annotation
    query = (
        select(*_ANNOTATION_COLUMNS)
        .join(schema.annotation_source, schema.annotation_source.c.id == table.c.source_id)
        .where(schema.annotation_source.c.recording_id == recording_id)
        .order_by(table.c.start_s, table.c.stop_s, table.c.id)
    )
    if source_ids is not None:
        query = query.where(table.c.source_id.in_(source_ids))
    return [Annotation(*row) for row in tx.execute(query)]


def list_actions(tx: Connection) -> list[str]:
    """The names of all actions in the database, the machine's and the humans'."""
    named = select(schema.bout.c.action).union(select(schema.annotation.c.action))
    return sorted(tx.scalars(named))


def rematch_annotations(tx: Connection, recording_id: int, old_run: int, new_run: int) -> tuple[int, int]:
    """Give labels that were matched to people of one track run those of another run on the same keypoints.

    A label goes to whoever has most of the old person's frames within it; where the old person is not seen in it, of
    all frames.

    Returns:
        How many labels changed hands, and how many are nobody's now.
    """
    label, source, run = schema.annotation.c, schema.annotation_source.c, schema.run.c
    old, new = schema.membership.alias("old"), schema.membership.alias("new")
    query = (
        select(label.id, label.track_id, label.start_s, label.stop_s)
        .join(schema.annotation_source, source.id == label.source_id)
        .where(source.recording_id == recording_id, label.track_id.is_not(None))
    )
    same = (new.c.run_id == new_run) & (new.c.frame == old.c.frame) & (new.c.person == old.c.person)
    time = schema.frame.c
    moved = lost = 0
    for key, track_id, start_s, stop_s in tx.execute(query).all():
        heirs = (
            select(new.c.track_id, func.count().label("frames"))
            .select_from(old)
            .join(new, same)
            .join(schema.run, run.id == old.c.run_id)
            .join(schema.frame, (time.run_id == run.parent_id) & (time.frame == old.c.frame))
            .where(old.c.run_id == old_run, old.c.track_id == track_id)
            .group_by(new.c.track_id)
            .order_by(func.count().desc(), new.c.track_id)
        )
        within = heirs.where(time.time_s.between(start_s, stop_s))
        row = tx.execute(within).first() or tx.execute(heirs).first()
        heir = None if row is None else row.track_id
        if heir != track_id:
            tx.execute(update(schema.annotation).where(label.id == key).values(track_id=heir))
            moved, lost = moved + (heir is not None), lost + (heir is None)
    return moved, lost
