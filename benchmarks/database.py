"""The form of the keypoints in the database: what an hour of five people costs in each.

    python benchmarks/database.py [--quick] [--json FILE] [--url postgresql://...]

An hour at 30 frames/s: 108,000 frames, five people, COCO-18, 15 % of the joints missing. The forms take turns, chunk by
chunk, in SQLite files of their own; every form is read back and compared bit by bit. The last row is the store as it
is, through its own functions, frames without their tracks; `--url` measures that on a server too. `--quick` takes a
twentieth of the hour and scales up. Writing is the median chunk times the number of chunks, reading the median of
three; in seconds of the processor, or of the clock where a server does the work. Give an empty database there.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sqlite3
import statistics
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pose.people import FramePeople, Person
from pose.skeleton import COCO_18
from storage import Database, open_database, poses, recordings, runs, tracks
from storage.schema import joint_columns, keypoint_table_name

HOUR = 108_000
PEOPLE = 5
JOINTS = len(COCO_18)
CHUNK = 1000
PERSON, JOINT = 2, COCO_18.index("right_wrist")

Points = NDArray[np.float32]


def scene(first: int, count: int) -> Points:
    """(count, PEOPLE, JOINTS, 3) float32: the frames from `first`."""
    rng = np.random.default_rng(first)
    points = rng.random((count, PEOPLE, JOINTS, 3), dtype=np.float32) * np.float32([1920, 1080, 1])
    points[rng.random(points.shape[:3]) < 0.15] = np.nan, np.nan, 0
    return points


class Form(Protocol):
    """One way to keep keypoints."""

    name: str

    def write(self, first: int, points: Points) -> None: ...
    def read_all(self) -> Iterator[Points]: ...
    def read_joint(self) -> Sequence[Any]: ...
    def read_person(self) -> Points: ...
    def size(self) -> int: ...


class SqliteForm:
    """A form in a SQLite file, set up as `storage.database` does."""

    name: str
    columns: str
    key = "frame, person"

    def __init__(self, folder: Path) -> None:
        self.path = folder / f"{type(self).__name__}.db"
        self.connection = sqlite3.connect(self.path, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = NORMAL")
        self.connection.execute(
            f"CREATE TABLE k (frame INTEGER, person INTEGER, {self.columns}, PRIMARY KEY ({self.key})) WITHOUT ROWID"
        )

    def insert(self, rows: Sequence[Sequence[Any]]) -> None:
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.executemany(f"INSERT INTO k VALUES ({','.join('?' * len(rows[0]))})", rows)
        self.connection.execute("COMMIT")

    def blocks(self, columns: str, where: str = "1", rows: int = 2000) -> Iterator[list[Any]]:
        cursor = self.connection.execute(f"SELECT {columns} FROM k WHERE {where} ORDER BY {self.key}")
        while block := cursor.fetchmany(rows):
            yield block

    def decode(self, block: list[Any]) -> Points:
        raise NotImplementedError

    def select(self, where: str) -> Iterator[Points]:
        raise NotImplementedError

    def read_all(self) -> Iterator[Points]:
        return self.select("1")

    def read_person(self) -> Points:
        return np.concatenate(list(self.select(f"person = {PERSON}")))

    def size(self) -> int:
        self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return self.path.stat().st_size


def keys(first: int, points: Points) -> Iterator[tuple[int, int]]:
    return ((first + frame, person) for frame in range(len(points)) for person in range(PEOPLE))


def cells(points: Points) -> list[Any]:
    """Nested lists with None for NaN."""
    objects = points.astype(object)
    objects[np.isnan(points)] = None
    return objects.tolist()


def numbers(block: list[Any]) -> NDArray[np.float32]:
    flat = np.fromiter(chain.from_iterable(block), dtype=object, count=len(block) * len(block[0]))
    return flat.astype(np.float32)


class RowPerKeypoint(SqliteForm):
    name = "(a) a row per keypoint"
    columns = "joint INTEGER, x REAL, y REAL, confidence REAL"
    key = "frame, person, joint"

    def write(self, first: int, points: Points) -> None:
        people = cells(points.reshape(-1, JOINTS, 3))
        rows = [
            (*key, joint, *values)
            for key, person in zip(keys(first, points), people, strict=True)
            for joint, values in enumerate(person)
        ]
        self.insert(rows)

    def select(self, where: str) -> Iterator[Points]:
        return (
            numbers(block).reshape(-1, JOINTS, 3) for block in self.blocks("x, y, confidence", where, 1000 * JOINTS)
        )

    def read_joint(self) -> Sequence[Any]:
        query = f"SELECT frame, x, y FROM k WHERE person = {PERSON} AND joint = {JOINT} ORDER BY frame"
        return self.connection.execute(query).fetchall()


class ColumnsPerJoint(SqliteForm):
    name = "(b) a row per person, 3 columns per joint"
    columns = ", ".join(f"{name} REAL" for name in joint_columns(COCO_18.joints))

    def write(self, first: int, points: Points) -> None:
        people = cells(points.reshape(-1, JOINTS * 3))
        self.insert([(*key, *person) for key, person in zip(keys(first, points), people, strict=True)])

    def select(self, where: str) -> Iterator[Points]:
        columns = ", ".join(joint_columns(COCO_18.joints))
        return (numbers(block).reshape(-1, JOINTS, 3) for block in self.blocks(columns, where))

    def read_joint(self) -> Sequence[Any]:
        query = f"SELECT frame, right_wrist_x, right_wrist_y FROM k WHERE person = {PERSON} ORDER BY frame"
        return self.connection.execute(query).fetchall()


class JsonArray(SqliteForm):
    name = "(c) a JSON array per person"
    columns = "points TEXT"

    def write(self, first: int, points: Points) -> None:
        texts = points.reshape(-1, JOINTS * 3).astype("U16")  # the shortest digits that give the float32 back
        texts[texts == "nan"] = "null"
        rows = zip(keys(first, points), texts.tolist(), strict=True)
        self.insert([(*key, f"[{','.join(person)}]") for key, person in rows])

    def select(self, where: str) -> Iterator[Points]:
        for block in self.blocks("points", where):
            people = json.loads(f"[{','.join(text for (text,) in block)}]")
            yield np.array(people, dtype=np.float64).astype(np.float32).reshape(-1, JOINTS, 3)

    def read_joint(self) -> Sequence[Any]:
        x, y = (f"points ->> {3 * JOINT + axis}" for axis in (0, 1))
        query = f"SELECT frame, {x}, {y} FROM k WHERE person = {PERSON} ORDER BY frame"
        return self.connection.execute(query).fetchall()


def sql_float32(offset: int) -> str:
    """SQLite's arithmetic for the big-endian float32 at a byte of a blob: there is no function for it."""
    digits = [
        f"(instr('0123456789ABCDEF', substr(hex(substr(points, {offset + 1}, 4)), {i + 1}, 1)) - 1 << {28 - 4 * i})"
        for i in range(8)
    ]
    return (
        f"(SELECT CASE WHEN exponent = 255 THEN NULL WHEN exponent = 0 THEN 0.0 WHEN exponent > 149 THEN "
        f"sign * mantissa * (1 << exponent - 150) ELSE sign * mantissa / (1 << 150 - exponent) END FROM "
        f"(SELECT 1 - 2 * (bits >> 31) AS sign, bits >> 23 & 255 AS exponent, "
        f"8388608.0 + (bits & 8388607) AS mantissa FROM (SELECT {' | '.join(digits)} AS bits)))"
    )


class Blob(SqliteForm):
    name = "(d) a blob per person, its bits taken apart in SQL"
    columns = "points BLOB"

    def write(self, first: int, points: Points) -> None:
        people = points.reshape(-1, JOINTS * 3).astype(">f4")
        self.insert([(*key, person.tobytes()) for key, person in zip(keys(first, points), people, strict=True)])

    def select(self, where: str) -> Iterator[Points]:
        for block in self.blocks("points", where):
            people = np.frombuffer(b"".join(blob for (blob,) in block), dtype=">f4")
            yield people.astype(np.float32).reshape(-1, JOINTS, 3)

    def read_joint(self) -> Sequence[Any]:
        x, y = (sql_float32(4 * (3 * JOINT + axis)) for axis in (0, 1))
        query = f"SELECT frame, {x}, {y} FROM k WHERE person = {PERSON} ORDER BY frame"
        return self.connection.execute(query).fetchall()


class Store:
    """The store as it is: form (b) with its keys, frames and scores, through its own functions."""

    def __init__(self, name: str, where: str | Path) -> None:
        self.name = name
        self.path = where if isinstance(where, Path) else None
        self.database: Database = open_database(where)
        with self.database.transaction() as tx:
            recording = recordings.ensure_recording(
                tx, name="benchmark", uri="benchmark", kind="video", sha256=uuid.uuid4().hex, width=1920, height=1080
            )
            self.run = runs.start_run(tx, recording, "pose", "f", settings={}, version="0", skeleton=COCO_18)
            self.track_run = runs.start_run(
                tx, recording, "track", "f", settings={}, version="0", parent_id=self.run.id
            )

    def write(self, first: int, points: Points) -> None:
        frames = [
            FramePeople(index, index / 30, tuple(Person(keypoints, 0.5, skeleton=COCO_18) for keypoints in people))
            for index, people in enumerate(points, start=first)
        ]
        with self.database.transaction() as tx:
            poses.append_frames(tx, self.run.id, frames)

    def track(self) -> None:
        """Each person is one track."""

        def follow(frame: FramePeople) -> FramePeople:
            people = tuple(person.with_track(number) for number, person in enumerate(frame.people, start=1))
            return FramePeople(frame.index, frame.time_s, people)

        frames = poses.iter_frames(self.database, self.run.id)
        with self.database.transaction() as tx:
            while chunk := [follow(frame) for frame in islice(frames, CHUNK)]:
                tracks.append_memberships(tx, self.track_run.id, chunk)
            tracks.apply_identity(tx, self.track_run.id, {number + 1: number + 1 for number in range(PEOPLE)})

    def read_all(self) -> Iterator[Points]:
        for frame in poses.iter_frames(self.database, self.run.id):
            yield np.stack([person.keypoints for person in frame.people])

    def read_joint(self) -> Sequence[Any]:
        table = keypoint_table_name(COCO_18.name)
        query = (
            f"SELECT frame, right_wrist_x, right_wrist_y FROM {table} "
            f"WHERE run_id = {self.run.id} AND person = {PERSON} ORDER BY frame"
        )
        with self.database.reading() as tx:
            return tx.exec_driver_sql(query).all()

    def read_person(self) -> Points:
        with self.database.reading() as tx:
            return tracks.read_track(tx, self.track_run.id, PERSON + 1).keypoints

    def size(self) -> int:
        if self.path is not None:
            with self.database.reading() as tx:
                pages, page = (tx.exec_driver_sql(f"PRAGMA page_{name}").scalar_one() for name in ("count", "size"))
            return int(pages) * int(page)
        names = ("frame", "membership", "tracklet", "track", keypoint_table_name(COCO_18.name))
        with self.database.reading() as tx:
            sizes = (tx.exec_driver_sql(f"SELECT pg_total_relation_size('{name}')").scalar_one() for name in names)
            return sum(int(size) for size in sizes)

    def close(self) -> None:
        if self.path is None:
            with self.database.transaction() as tx:
                runs.delete_run(tx, self.run.id)
        self.database.close()


def seconds(form: Form, work: Callable[[], object]) -> float:
    """What a form costs: processor time where SQLite works in this process, so that a busy machine does not count."""
    clock = time.perf_counter if isinstance(form, Store) and form.path is None else time.process_time
    begin = clock()
    work()
    return clock() - begin


def read_all(form: Form) -> int:
    """Joints read."""
    return sum(len(block) for block in form.read_all())


def check(form: Form, frames: int) -> None:
    """What comes back is what went in."""
    first = 0
    truth = np.empty((0, JOINTS, 3), dtype=np.float32)
    for block in form.read_all():
        while len(truth) < len(block) and first < frames:
            truth = np.concatenate([truth, scene(first, CHUNK).reshape(-1, JOINTS, 3)])
            first += CHUNK
        assert np.array_equal(block, truth[: len(block)], equal_nan=True), form.name
        truth = truth[len(block) :]
    assert len(truth) == 0, form.name
    assert first >= frames, form.name
    series = list(form.read_joint())[:CHUNK]
    expected = scene(0, CHUNK)[:, PERSON, JOINT, :2]
    assert np.array_equal(np.array([row[1:] for row in series], dtype=np.float32), expected, equal_nan=True), form.name


def measure(forms: Sequence[Form], frames: int, repeats: int) -> dict[str, dict[str, float]]:
    """Form -> megabytes and seconds, all per hour of video."""
    scale = HOUR / frames
    times: dict[str, dict[str, list[float]]] = {form.name: {} for form in forms}
    writing: dict[str, list[float]] = {form.name: [] for form in forms}
    for first in range(0, frames, CHUNK):
        points = scene(first, CHUNK)
        for form in forms:
            writing[form.name].append(seconds(form, partial(form.write, first, points)))
    found: dict[str, dict[str, float]] = {form.name: {} for form in forms}
    for form in forms:
        found[form.name]["MB"] = form.size() / 1e6 * scale
        found[form.name]["write s"] = statistics.median(writing[form.name]) * HOUR / CHUNK
        check(form, frames)
        if isinstance(form, Store):
            found[form.name]["track s"] = seconds(form, form.track) * scale
            found[form.name]["MB with tracks"] = form.size() / 1e6 * scale
    for _ in range(repeats):
        for form in forms:
            taken = times[form.name]
            taken.setdefault("read all s", []).append(seconds(form, partial(read_all, form)))
            taken.setdefault("one joint s", []).append(seconds(form, form.read_joint))
            taken.setdefault("one person s", []).append(seconds(form, form.read_person))
    for name, taken in times.items():
        found[name] |= {what: statistics.median(values) * scale for what, values in taken.items()}
    return found


COLUMNS = ("MB", "write s", "read all s", "one joint s", "one person s")


def table(found: dict[str, dict[str, float]]) -> str:
    lines = [f"| form | {' | '.join(COLUMNS)} |", f"|---|{'--:|' * len(COLUMNS)}"]
    lines += [f"| {name} | {' | '.join(f'{row[what]:.3g}' for what in COLUMNS)} |" for name, row in found.items()]
    return "\n".join(lines)


def machine() -> str:
    versions = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    return f"{platform.machine()}, {os.cpu_count()} cores, {versions}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a twentieth of the hour, once, scaled up")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--url", help="a PostgreSQL database that may be written, measured too")
    arguments = parser.parse_args()
    frames, repeats = (HOUR // 20 // CHUNK * CHUNK if arguments.quick else HOUR), 3
    with tempfile.TemporaryDirectory() as folder:
        stores = [Store("posescribe on SQLite", Path(folder) / "posescribe.db")]
        if arguments.url:
            stores.append(Store("posescribe on PostgreSQL", arguments.url))
        forms = [form(Path(folder)) for form in (RowPerKeypoint, ColumnsPerJoint, JsonArray, Blob)]
        found = measure([*forms, *stores], frames, repeats)
        for store in stores:
            store.close()
        for form in forms:
            form.connection.close()
    print(f"Per hour of five people ({frames:,} of {HOUR:,} frames measured; {machine()}):\n")
    print(table(found))
    for store in stores:
        row = found[store.name]
        print(f"\n{store.name}: tracks written in {row['track s']:.3g} s more, {row['MB with tracks']:.3g} MB in all.")
    if arguments.json:
        base = found[ColumnsPerJoint.name]
        rows = [
            {
                "case": what,
                "engine": name,
                **({"megabytes": row[what]} if what == "MB" else {"median_ms": row[what] * 1000}),
                "ratio_to": ColumnsPerJoint.name,
                "ratio": row[what] / base[what],
            }
            for what in COLUMNS
            for name, row in found.items()
        ]
        commit = subprocess.run(
            ["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False
        ).stdout.strip()
        arguments.json.write_text(json.dumps({"machine": machine(), "commit": commit, "rows": rows}, indent=2))


if __name__ == "__main__":
    main()
