"""Raw detections: the people of each frame as the parser gave them. Written once, never changed.

Frames without people are rows too: a frame that is there was looked at. People keep their order, and their place in it
is their key (run, frame, person).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select, update

from pose.people import FramePeople, Person
from pose.skeleton import Skeleton
from storage import schema
from storage.bulk import fetch_arrays, insert_rows
from storage.database import Database
from storage.skeletons import keypoint_table_of, skeleton_of

Array = NDArray[np.float64]
CHUNK = 500
"""Frames that a reader holds at a time."""


def append_frames(tx: Connection, run_id: int, frames: Sequence[FramePeople]) -> None:
    """Store frames of a pose run, in rising order and after those already there.

    Raises `ValueError` for people of another joint count than the run's skeleton.
    """
    skeleton = skeleton_of(tx, run_id)
    people = [(frame.index, number, person) for frame in frames for number, person in enumerate(frame.people)]
    for _, _, person in people:
        if len(person.keypoints) != len(skeleton):
            raise ValueError(
                f"expected people of {len(skeleton)} joints ({skeleton.name}), got {len(person.keypoints)}"
            )
    insert_rows(tx, schema.frame, [(run_id, frame.index, frame.time_s, len(frame.people)) for frame in frames])
    if people:
        points = np.stack([person.keypoints for _, _, person in people]).reshape(len(people), -1)
        cells = points.astype(object)
        cells[np.isnan(points)] = None
        rows = [
            (run_id, frame, number, float(person.score), *joints)
            for (frame, number, person), joints in zip(people, cells.tolist(), strict=True)
        ]
        insert_rows(tx, schema.keypoint_table(skeleton.name, skeleton.joints), rows)


def append_clothing(tx: Connection, run_id: int, frames: Sequence[FramePeople], shares: Sequence[Array]) -> None:
    """Store colours of clothes for people of stored frames: (N, A) shares each, NaN rows where unknown.

    Kept in steps of 1/255.
    """
    rows = [
        (run_id, frame.index, number, bytes(np.round(255 * row).astype(np.uint8)))
        for frame, people in zip(frames, shares, strict=True)
        for number, row in enumerate(people)
        if np.isfinite(row).all()
    ]
    insert_rows(tx, schema.clothing, rows)


def append_camera(
    tx: Connection, run_id: int, frames: Sequence[FramePeople], shifts: Sequence[tuple[float, float, float]]
) -> None:
    """Store how far the background moved into each of some frames, pixels, and how it grew; NaN leaves no row."""
    rows = [(run_id, frame.index, *shift) for frame, shift in zip(frames, shifts, strict=True) if shift[0] == shift[0]]
    insert_rows(tx, schema.camera_shift, rows)


def camera_path(tx: Connection, run_id: int) -> tuple[NDArray[np.int64], Array] | None:
    """Numbers of the frames of a pose run, and (n, 3) where the background of the first is in each, pixels, and the
    logarithm of how much larger it is.

    A shift that can't be told counts as none. None where that holds for half of the frames: imported keypoints, single
    pictures, runs of an older version.
    """
    own, shift = schema.frame.c, schema.camera_shift
    joined = schema.frame.outerjoin(shift, (shift.c.run_id == own.run_id) & (shift.c.frame == own.frame))
    query = (
        select(own.frame, shift.c.x, shift.c.y, shift.c.scale)
        .select_from(joined)
        .where(own.run_id == run_id)
        .order_by(own.frame)
    )
    table = np.concatenate([np.empty((0, 4)), *fetch_arrays(tx, query)])
    known = np.isfinite(table[:, 1])
    if known.sum() * 2 < len(table) or not known.any():
        return None
    steps = np.column_stack([table[:, 1:3], np.log(table[:, 3])])
    return table[:, 0].astype(np.int64), np.cumsum(np.nan_to_num(steps), axis=0)


def append_face_meshes(tx: Connection, run_id: int, frames: Sequence[FramePeople]) -> None:
    """Store the meshes of the faces of stored frames' people, as far as they were found."""
    rows = [
        (run_id, frame.index, number, float(person.face_mesh[0, 2]), person.face_mesh[:, :2].astype("<f4").tobytes())
        for frame in frames
        for number, person in enumerate(frame.people)
        if person.face_mesh is not None
    ]
    insert_rows(tx, schema.face_mesh, rows)


def iter_clothing(database: Database, run_id: int, size: int, *, chunk: int = CHUNK) -> Iterator[Array]:
    """(N, size) shares of the clothes of each stored frame's people, in order; they sum to 1, NaN where unknown."""
    columns = schema.clothing.c
    after: int | None = None
    while True:
        with database.reading() as tx:
            page = _counts(tx, run_id, after, chunk)
            if not page:
                return
            query = select(columns.frame, columns.person, columns.shares).where(
                columns.run_id == run_id, columns.frame.between(page[0][0], page[-1][0])
            )
            found = {(frame, person): shares for frame, person, shares in tx.execute(query)}
        after = page[-1][0]
        for frame, n_people in page:
            result = np.full((n_people, size), np.nan)
            for person in range(n_people):
                if (shares := found.get((frame, person))) is not None:
                    row = np.frombuffer(shares, dtype=np.uint8).astype(np.float64)
                    result[person] = row / row.sum()
            yield result


def _counts(tx: Connection, run_id: int, after: int | None, size: int) -> list[tuple[int, int]]:
    """Numbers of the next `size` frames behind `after`, and how many people each has."""
    columns = schema.frame.c
    query = select(columns.frame, columns.n_people).where(columns.run_id == run_id).order_by(columns.frame).limit(size)
    if after is not None:
        query = query.where(columns.frame > after)
    return [(frame, n_people) for frame, n_people in tx.execute(query)]


def move_frames(tx: Connection, run_id: int, to_run_id: int) -> None:
    """Everything that is stored of the frames of a run becomes that of another one, which has none of them."""
    for table in (schema.frame, schema.camera_shift, schema.clothing, schema.face_mesh, keypoint_table_of(tx, run_id)):
        tx.execute(update(table).where(table.c.run_id == run_id).values(run_id=to_run_id))


def last_frame(tx: Connection, run_id: int, before: int | None = None) -> tuple[int, float] | None:
    """Number and time (seconds) of the last stored frame, or of the last one before a number; None before the first."""
    columns = schema.frame.c
    query = (
        select(columns.frame, columns.time_s).where(columns.run_id == run_id).order_by(columns.frame.desc()).limit(1)
    )
    if before is not None:
        query = query.where(columns.frame < before)
    row = tx.execute(query).one_or_none()
    return None if row is None else (row.frame, row.time_s)


class Stretch(NamedTuple):
    """What is stored of a run's frames: how many, those without people included, and the first's and last's time."""

    frames: int
    first_s: float
    last_s: float


def stretches(tx: Connection, run_ids: Sequence[int]) -> dict[int, Stretch]:
    """By run; runs without frames are left out."""
    own = schema.frame.c
    ends = (
        select(own.run_id, func.count().label("n"), func.min(own.frame).label("a"), func.max(own.frame).label("b"))
        .where(own.run_id.in_(run_ids))
        .group_by(own.run_id)
        .subquery()
    )
    first, last = schema.frame.alias(), schema.frame.alias()
    query = (
        select(ends.c.run_id, ends.c.n, first.c.time_s, last.c.time_s)
        .join(first, (first.c.run_id == ends.c.run_id) & (first.c.frame == ends.c.a))
        .join(last, (last.c.run_id == ends.c.run_id) & (last.c.frame == ends.c.b))
    )
    return {run_id: Stretch(*stretch) for run_id, *stretch in tx.execute(query)}


def count_frames(tx: Connection, run_id: int) -> int:
    """Frames stored, those without people included."""
    return tx.scalar(select(func.count()).where(schema.frame.c.run_id == run_id)) or 0


def frame_times(tx: Connection, run_id: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(n,) int64 numbers and (n,) float64 times in seconds of all stored frames, in order."""
    columns = schema.frame.c
    query = select(columns.frame, columns.time_s).where(columns.run_id == run_id).order_by(columns.frame)
    table = np.concatenate([np.empty((0, 2)), *fetch_arrays(tx, query)])
    return table[:, 0].astype(np.int64), table[:, 1]


def iter_frames(
    database: Database, run_id: int, *, after: int | None = None, chunk: int = CHUNK
) -> Iterator[FramePeople]:
    """The frames of a pose run in order, `chunk` of them in memory at a time; `after`: only those behind this number.

    Each chunk is a snapshot of its own, so a run may be read while it is being written.
    """
    with database.reading() as tx:
        skeleton = skeleton_of(tx, run_id)
    while True:
        with database.reading() as tx:
            times = page_of_frames(tx, run_id, after, chunk)
            if not times:
                return
            after = times[-1][0]
            people = _people_between(tx, skeleton, run_id, times[0][0], after)
        for index, time_s in times:
            yield FramePeople(index, time_s, tuple(people.get(index, ())))


def page_of_frames(tx: Connection, run_id: int, after: int | None, size: int) -> list[tuple[int, float]]:
    """Numbers and times of the next `size` frames behind `after`."""
    columns = schema.frame.c
    query = select(columns.frame, columns.time_s).where(columns.run_id == run_id).order_by(columns.frame).limit(size)
    if after is not None:
        query = query.where(columns.frame > after)
    return [(frame, time_s) for frame, time_s in tx.execute(query)]


def _people_between(tx: Connection, skeleton: Skeleton, run_id: int, first: int, last: int) -> dict[int, list[Person]]:
    table = schema.keypoint_table(skeleton.name, skeleton.joints)
    query = (
        select(table.c.frame, table.c.score, *table.c[4:])
        .where(table.c.run_id == run_id, table.c.frame.between(first, last))
        .order_by(table.c.frame, table.c.person)
    )
    people: dict[int, list[Person]] = {}
    for block in fetch_arrays(tx, query):
        for frame, score, keypoints in zip(
            block[:, 0].tolist(), block[:, 1].tolist(), points_of(block[:, 2:]), strict=True
        ):
            people.setdefault(int(frame), []).append(Person(keypoints, score, skeleton=skeleton))
    return people


def points_of(cells: NDArray[np.float64]) -> NDArray[np.float32]:
    """(n, 3 K) cells of a keypoint table -> (n, K, 3) float32."""
    return cells.astype(np.float32).reshape(len(cells), -1, 3)
