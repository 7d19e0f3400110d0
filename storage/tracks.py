"""Identities: which stored person belongs to which track.

First `append_memberships`, while the tracker walks through the frames: each person gets the number of its tracklet.
Then `apply_identity`, once the whole recording was seen: tracklets become tracks, are joined, or dropped. The tracklets
stay stored, so that it may be applied again with another mapping. `run_id` is always the track run; the people
themselves are those of its parent, a pose run.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Select, and_, delete, func, insert, literal, select, update

from pose.people import FramePeople, Person, Track, TrackPart
from pose.skeleton import Skeleton
from storage import schema
from storage.bulk import fetch_arrays, insert_rows
from storage.database import Database
from storage.errors import MissingError
from storage.poses import CHUNK, iter_frames, page_of_frames, points_of
from storage.runs import Run, get_run, list_runs
from storage.skeletons import keypoint_table_of, skeleton_of


@dataclass(frozen=True)
class TrackInfo:
    """A track without its keypoints.

    Attributes:
        track_id: identity, counted from 1.
        name: given by a human; None if not.
        first_frame, last_frame: frame numbers, both inside.
        start_s, stop_s: their timestamps, seconds.
        n_frames: frames in which the person was found.
        mean_score: mean of the people's scores, in [0, 1].
    """

    track_id: int
    name: str | None
    first_frame: int
    last_frame: int
    start_s: float
    stop_s: float
    n_frames: int
    mean_score: float


@dataclass(frozen=True)
class Decision:
    """Why tracklets were joined or dropped.

    Attributes:
        kind: `join`, `drop`, ...
        tracklets: those concerned.
        track_id: what they became; None when dropped.
        reason: for the reader.
        details: the figures behind it, plain JSON.
    """

    kind: str
    tracklets: tuple[int, ...]
    track_id: int | None
    reason: str
    details: Mapping[str, Any] = field(default_factory=dict)


def append_memberships(tx: Connection, run_id: int, frames: Sequence[FramePeople]) -> None:
    """Store the tracklet (`track_id`) of each person; those without one get no row.

    `frames` are the stored ones with their people in the stored order, as a tracker gives them back.
    """
    rows = [
        (run_id, frame.index, number, person.track_id, None)
        for frame in frames
        for number, person in enumerate(frame.people)
        if person.track_id is not None
    ]
    insert_rows(tx, schema.membership, rows)


def apply_identity(
    tx: Connection,
    run_id: int,
    identity: Mapping[int, int | None],
    exceptions: Iterable[tuple[int, int, int, int | None]] = (),
) -> None:
    """Turn tracklets into tracks: `identity[tracklet]` is the track's number, or None to drop it.

    `exceptions` are parts of tracklets that become another track: tracklet, first and last frame (both inside), track.
    Those of one tracklet don't overlap. May be called again with another mapping. Where two tracklets of one track
    share a frame, the person of the longer one is kept (of equally long ones, that of the lower number). Raises
    `ValueError` for a tracklet without a mapping.
    """
    member, tracklet, track = schema.membership, schema.tracklet, schema.track
    counts = (
        select(member.c.tracklet, func.count(), func.min(member.c.frame), func.max(member.c.frame))
        .where(member.c.run_id == run_id)
        .group_by(member.c.tracklet)
    )
    found = {number: (length, first, last) for number, length, first, last in tx.execute(counts)}
    if missing := sorted(found.keys() - identity.keys()):
        raise ValueError(f"run {run_id}: no identity given for tracklets {missing[:5]}")
    tx.execute(delete(tracklet).where(tracklet.c.run_id == run_id))
    tx.execute(delete(track).where(track.c.run_id == run_id))
    tx.execute(update(member).where(member.c.run_id == run_id, member.c.track_id.is_not(None)).values(track_id=None))
    parts: dict[int, list[tuple[int, int, int | None]]] = {}
    for number, first, last, track_id in sorted(exceptions, key=lambda exception: exception[:2]):
        parts.setdefault(number, []).append((first, last, track_id))
    rows = [
        (run_id, number, *segment, length)
        for number, (length, first, last) in found.items()
        for segment in _segments(first, last, identity[number], parts.get(number, []))
    ]
    insert_rows(tx, tracklet, rows)
    place = func.row_number().over(
        partition_by=(member.c.frame, tracklet.c.track_id), order_by=(tracklet.c.n_frames.desc(), tracklet.c.tracklet)
    )
    wanted = (
        select(member.c.frame, member.c.person, tracklet.c.track_id, place.label("place"))
        .join(
            tracklet,
            and_(
                tracklet.c.run_id == member.c.run_id,
                tracklet.c.tracklet == member.c.tracklet,
                member.c.frame.between(tracklet.c.first_frame, tracklet.c.last_frame),
            ),
        )
        .where(member.c.run_id == run_id, tracklet.c.track_id.is_not(None))
        .subquery()
    )
    tx.execute(
        update(member)
        .values(track_id=wanted.c.track_id)
        .where(
            member.c.run_id == run_id,
            member.c.frame == wanted.c.frame,
            member.c.person == wanted.c.person,
            wanted.c.place == 1,
        )
    )
    _summarise(tx, run_id)


def _segments(
    first: int, last: int, whole: int | None, parts: Sequence[tuple[int, int, int | None]]
) -> Iterator[tuple[int, int, int | None]]:
    """First frame, last frame and track of each piece of a tracklet, given the pieces that differ from the whole."""
    for start, stop, track_id in parts:
        if first < start:
            yield first, start - 1, whole
        yield start, stop, track_id
        first = stop + 1
    if first <= last:
        yield first, last, whole


def copy_memberships(tx: Connection, source: int, target: int) -> None:
    """Give a new track run the tracklets of another one on the same people."""
    member = schema.membership.c
    columns = [member.frame, member.person, member.tracklet]
    rows = select(literal(target), *columns).where(member.run_id == source)
    tx.execute(insert(schema.membership).from_select(["run_id", *(column.name for column in columns)], rows))


def read_segments(tx: Connection, run_id: int) -> list[tuple[int, int, int, int | None]]:
    """Tracklet, first and last frame (both inside) and track of each piece of a tracklet, in order."""
    table = schema.tracklet.c
    query = (
        select(table.tracklet, table.first_frame, table.last_frame, table.track_id)
        .where(table.run_id == run_id)
        .order_by(table.tracklet, table.first_frame)
    )
    return [(tracklet, first, last, track_id) for tracklet, first, last, track_id in tx.execute(query)]


def _summarise(tx: Connection, run_id: int) -> None:
    """Fill the table of tracks from the memberships."""
    people = schema.tracked(keypoint_table_of(tx, run_id)).where(schema.membership.c.run_id == run_id).subquery().c
    summary = (
        select(
            literal(run_id),
            people.track_id,
            func.min(people.frame),
            func.max(people.frame),
            func.min(people.time_s),
            func.max(people.time_s),
            func.count(),
            func.avg(people.score),
        )
        .group_by(people.track_id)
        .order_by(people.track_id)
    )
    columns = [column.name for column in schema.track.c if column.name != "name"]
    tx.execute(insert(schema.track).from_select(columns, summary))


def write_decisions(tx: Connection, run_id: int, decisions: Iterable[Decision]) -> None:
    """Store the decisions of a track run, numbered from 1 in their order, in place of earlier ones."""
    tx.execute(delete(schema.decision).where(schema.decision.c.run_id == run_id))
    rows = [
        {
            "run_id": run_id, "number": number, "kind": decision.kind, "tracklets": list(decision.tracklets),
            "track_id": decision.track_id, "reason": decision.reason, "details": dict(decision.details),
        }
        for number, decision in enumerate(decisions, start=1)
    ]  # fmt: skip
    if rows:
        tx.execute(insert(schema.decision), rows)


def read_decisions(tx: Connection, run_id: int) -> list[Decision]:
    """The decisions of a track run, in their order."""
    table = schema.decision.c
    query = (
        select(table.kind, table.tracklets, table.track_id, table.reason, table.details)
        .where(table.run_id == run_id)
        .order_by(table.number)
    )
    return [Decision(kind, tuple(tracklets), *rest) for kind, tracklets, *rest in tx.execute(query)]


def identity_digest(tx: Connection, run_id: int) -> str:
    """SHA-256 of who is who: equal for two runs on the same people whose identities are all the same, names aside."""
    member = schema.membership.c
    query = select(member.frame, member.person, member.track_id).where(member.run_id == run_id)
    digest = hashlib.sha256(str(pose_run_of(tx, run_id)).encode())
    for row in tx.execute(query.order_by(member.frame, member.person)):
        digest.update(b"%d %d %d;" % (row.frame, row.person, row.track_id or 0))
    return digest.hexdigest()


def list_tracks(tx: Connection, run_id: int) -> list[TrackInfo]:
    """The tracks of a run, by number."""
    columns = [schema.track.c[name] for name in TrackInfo.__annotations__]
    query = select(*columns).where(schema.track.c.run_id == run_id).order_by(schema.track.c.track_id)
    return [TrackInfo(*row) for row in tx.execute(query)]


def name_track(tx: Connection, run_id: int, track_id: int, name: str | None) -> None:
    """Give a person a name, or take it away; raises `MissingError`."""
    table = schema.track
    found = tx.execute(update(table).where(table.c.run_id == run_id, table.c.track_id == track_id).values(name=name))
    if found.rowcount == 0:
        raise MissingError(f"no track {track_id} in run {run_id}")


@dataclass(frozen=True, eq=False)
class TrackBlock:
    """Some rows of the tracked people of a run.

    Attributes:
        track_ids, frames: (n,) int64.
        time_s: (n,) float64 seconds.
        scores: (n,) float32.
        keypoints: (n, n_joints, 3) float32, as in `pose.people.Person`.
    """

    track_ids: NDArray[np.int64]
    frames: NDArray[np.int64]
    time_s: NDArray[np.float64]
    scores: NDArray[np.float32]
    keypoints: NDArray[np.float32]


def _blocks(tx: Connection, query: Select[Any], rows: int = 2000) -> Iterator[TrackBlock]:
    for block in fetch_arrays(tx, query, rows):
        ids, frames = block[:, :2].astype(np.int64).T
        yield TrackBlock(ids, frames, block[:, 2], block[:, 3].astype(np.float32), points_of(block[:, 4:]))


def iter_track_blocks(database: Database, run_id: int, rows: int = 2000) -> Iterator[TrackBlock]:
    """All people of a run that belong to a track, by track and frame, `rows` of them in memory at a time."""
    member = schema.membership.c
    with database.reading() as tx:
        yield from _blocks(tx, _tracked(tx, run_id).order_by(member.track_id, member.frame), rows)


def read_track(tx: Connection, run_id: int, track_id: int) -> Track:
    """One person over time, whole in memory (12 bytes per keypoint); raises `MissingError`."""
    member = schema.membership.c
    query = select(func.count()).where(member.run_id == run_id, member.track_id == track_id)
    n = tx.scalar(query) or 0
    if n == 0:
        raise MissingError(f"no track {track_id} in run {run_id}")
    skeleton = skeleton_of(tx, run_id)
    whole = Track(
        track_id,
        np.arange(n),
        np.empty(n),
        np.empty((n, len(skeleton), 3), dtype=np.float32),
        np.empty(n, dtype=np.float32),
        skeleton=skeleton,
    )
    done = 0
    for block in _blocks(tx, _one_track(tx, run_id, track_id)):  # in place: two copies would double the memory
        rows = slice(done, done + len(block.frames))
        whole.frames[rows], whole.time_s[rows] = block.frames, block.time_s
        whole.keypoints[rows], whole.scores[rows] = block.keypoints, block.scores
        done = rows.stop
    return whole


def iter_track_parts(
    database: Database, run_id: int, track_id: int, margin: int, *, rows: int = 2000
) -> Iterator[TrackPart]:
    """One person over time in parts, in constant memory: for what looks no further than `margin` frames.

    Each part has `rows` frames of its own, the last at most `margin` more.
    """
    with database.reading() as tx:
        skeleton = skeleton_of(tx, run_id)
        held: Track | None = None
        begin = 0  # rows of `held` before it belong to earlier parts
        for block in _blocks(tx, _one_track(tx, run_id, track_id), rows):
            held = _track_of(track_id, [block] if held is None else [held, block], skeleton)
            while len(held) > begin + rows + margin:
                end = begin + rows
                yield TrackPart(held.rows(slice(0, end + margin)), slice(begin, end))
                cut = max(end - margin, 0)
                held, begin = held.rows(slice(cut, None)), end - cut
        if held is not None:
            yield TrackPart(held, slice(begin, len(held)))


def _one_track(tx: Connection, run_id: int, track_id: int) -> Select[Any]:
    member = schema.membership.c
    return _tracked(tx, run_id).where(member.track_id == track_id).order_by(member.frame)


def _track_of(track_id: int, blocks: Sequence[TrackBlock | Track], skeleton: Skeleton) -> Track:
    return Track(
        track_id,
        np.concatenate([block.frames for block in blocks]),
        np.concatenate([block.time_s for block in blocks]),
        np.concatenate([block.keypoints for block in blocks]),
        np.concatenate([block.scores for block in blocks]),
        skeleton=skeleton,
    )


def iter_tracks(database: Database, run_id: int) -> Iterator[Track]:
    """The tracks of a run by number, one in memory at a time."""
    with database.reading() as tx:
        tracks = list_tracks(tx, run_id)
    for track in tracks:
        with database.reading() as tx:
            found = read_track(tx, run_id, track.track_id)
        yield found


def iter_tracked_frames(
    database: Database, run_id: int, *, after: int | None = None, chunk: int = CHUNK
) -> Iterator[FramePeople]:
    """All frames of the parent run in order, with those of their people that belong to a track, by its number.

    `chunk` frames are in memory at a time; `after`: only those behind this number.
    """
    with database.reading() as tx:
        pose_run, skeleton = pose_run_of(tx, run_id), skeleton_of(tx, run_id)
    while True:
        with database.reading() as tx:
            times = page_of_frames(tx, pose_run, after, chunk)
            if not times:
                return
            after = times[-1][0]
            people = _people_between(tx, skeleton, run_id, times[0][0], after)
        for index, time_s in times:
            yield FramePeople(index, time_s, tuple(people.get(index, ())))


def iter_identified_frames(database: Database, run_id: int, *, chunk: int = CHUNK) -> Iterator[FramePeople]:
    """All frames of the parent run with all their people, in the stored order, `track_id` None where there is no track.

    `chunk` frames are in memory at a time.
    """
    member = schema.membership.c
    with database.reading() as tx:
        frames = iter_frames(database, pose_run_of(tx, run_id), chunk=chunk)
    while page := list(itertools.islice(frames, chunk)):
        query = select(member.frame, member.person, member.track_id).where(
            member.run_id == run_id, member.frame.between(page[0].index, page[-1].index)
        )
        with database.reading() as tx:
            who = {(frame, number): track_id for frame, number, track_id in tx.execute(query)}
        for frame in page:
            people = (p.with_track(who.get((frame.index, number))) for number, p in enumerate(frame.people))
            yield FramePeople(frame.index, frame.time_s, tuple(people))


AUTOMATIC = "automatic"
"""In `extra` of a track run with changes by hand: the run that it changes, which stays as the tracker made it."""


def changed_run(tx: Connection, run: Run) -> Run | None:
    """The run that holds the changes by hand of an automatic track run; None when there are none."""
    return next((other for other in list_runs(tx, run.recording_id) if other.extra.get(AUTOMATIC) == run.id), None)


def automatic_run(tx: Connection, run: Run) -> Run:
    """The track run as the tracker, or an imported file, made it; the run itself when it has no changes by hand."""
    return get_run(tx, run.extra[AUTOMATIC]) if AUTOMATIC in run.extra else run


def pose_run_of(tx: Connection, run_id: int) -> int:
    """The pose run that a track run reads from; raises `MissingError` when it reads from none."""
    parent = get_run(tx, run_id).parent_id
    if parent is None:
        raise MissingError(f"run {run_id} is no track run: it reads from no other")
    return parent


def _people_between(tx: Connection, skeleton: Skeleton, run_id: int, first: int, last: int) -> dict[int, list[Person]]:
    member = schema.membership.c
    query = _tracked(tx, run_id).where(member.frame.between(first, last)).order_by(member.frame, member.track_id)
    people: dict[int, list[Person]] = {}
    for block in _blocks(tx, query):
        rows = zip(block.frames.tolist(), block.keypoints, block.scores.tolist(), block.track_ids.tolist(), strict=True)
        for frame, keypoints, score, track_id in rows:
            people.setdefault(frame, []).append(Person(keypoints, score, track_id, skeleton=skeleton))
    return people


def _tracked(tx: Connection, run_id: int) -> Select[Any]:
    """track_id, frame, time_s, score, joints: of all people of a run that belong to a track."""
    table = keypoint_table_of(tx, run_id)
    return (
        schema.tracked(table)
        .where(schema.membership.c.run_id == run_id)
        .with_only_columns(schema.membership.c.track_id, schema.membership.c.frame, schema.frame.c.time_s, *table.c[3:])
    )
