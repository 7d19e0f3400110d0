"""A lab's recordings in one database: how large it gets, and how long each question takes.

    python benchmarks/lab.py [--sizes 10 30 100] [--url postgresql://...] [--folder DIR] [--limits] [--json FILE]

Recordings of 10 minutes at 30 frames/s with three people: 18,000 frames, 54,000 people, 300 bouts, two labels. The
first is written by the package's own writers; the others are its rows under numbers of their own, copied within the
database, which gives the same tables sooner. The database grows from size to size, and at each the commands and the SQL
examples of docs/database.md are asked about a recording in the middle. Each question is asked three times, slow ones
once; the median counts, in seconds of the clock, of this process's processor and, where a PostgreSQL server runs here,
of that of all its processes. Give an empty database with --url, or one that this script wrote: it goes on there.
What takes longer by the clock than its limit in docs/database.md is named; with --limits the exit status is then 1.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from sqlalchemy import Connection, select, text

sys.path.pop(0)  # this folder holds `features.py`, which would hide the package

from behavior.cli import main as posescribe
from pose.people import FramePeople, Person
from pose.skeleton import COCO_18
from storage import Database, bouts, open_database, poses, recordings, runs, schema, tracks
from storage.bouts import Annotation, Bout
from storage.database import migrate
from storage.schema import keypoint_table

FRAMES, RATE, PEOPLE, BOUTS = 18_000, 30, 3, 100
CHUNK = 1000
SLOW = ("report of one", "features of one")
"""Asked once, as they take many seconds."""
LIMITS_S = {"report of one": 120, "features of one": 60, "tracks list of one": 2, "status": 15}
SQL_OF_ONE_S, SQL_OF_ALL_S = 3, 10
"""By the clock, however many recordings there are up to a thousand."""
ACTIONS = ("walk", "sit", "wave")
PART = {"part": {"start_s": None, "end_s": None, "every": 1}}
TOLD = {"notes": [], "skipped": 0, "seconds": 3600.0}


def scene(first: int) -> list[FramePeople]:
    rng = np.random.default_rng(first)
    body = np.stack([20 * np.cos(np.arange(18)), np.linspace(0, 120, 18), np.full(18, 0.8)], axis=1)
    frames = []
    for index in range(first, first + CHUNK):
        people = []
        for k in range(1, PEOPLE + 1):
            at = np.array([300 * k + 100 * np.sin(index / 300 + k), 300, 0])
            points = (body + at + rng.normal(0, 1, (18, 3)) * [1, 1, 0.05]).astype(np.float32)
            points[:, 2] = np.clip(points[:, 2], 0.05, 1)
            points[rng.random(18) < 0.15] = np.nan, np.nan, 0
            people.append(Person(points, 0.9, k, skeleton=COCO_18))
        frames.append(FramePeople(index, index / RATE, tuple(people)))
    return frames


def start(tx: Connection, number: int) -> dict[str, int]:
    """A recording without rows, and its runs, done."""
    recording = recordings.ensure_recording(
        tx, name=f"film-{number:04}", uri=f"/nowhere/film-{number:04}.mp4", kind="video", sha256=f"{number:064}",
        width=1280, height=720, fps=RATE, n_frames=FRAMES,
    )  # fmt: skip
    pose = runs.start_run(
        tx, recording, "pose", "p", settings=PART, version="1", skeleton=COCO_18, model_name="net",
        model_sha256="5" * 64, extra=TOLD,
    )  # fmt: skip
    track = runs.start_run(tx, recording, "track", "t", settings={}, version="1", parent_id=pose.id)
    actions = runs.start_run(
        tx, recording, "actions", "a", settings={}, version="1", parent_id=track.id, model_name="acts",
        model_sha256="6" * 64, extra={"classes": list(ACTIONS)},
    )  # fmt: skip
    label = Annotation("walk", 100, 102, "Person 1", 1)
    said = [label, Annotation("unknown", 200, 202, "Person 1", 1)]
    bouts.write_annotations(tx, recording, said, uri="l", sha256=f"{number}", format="csv", whole=False)
    return {"recording": recording, "pose": pose.id, "track": track.id, "actions": actions.id}


def finish(tx: Connection, made: dict[str, int]) -> None:
    for stage in ("pose", "track", "actions"):
        runs.finish_run(tx, made[stage])


def write_first(database: Database) -> dict[str, int]:
    with database.transaction() as tx:
        made = start(tx, 0)
    for first in range(0, FRAMES, CHUNK):
        frames = scene(first)
        with database.transaction() as tx:
            poses.append_frames(tx, made["pose"], frames)
            tracks.append_memberships(tx, made["track"], frames)
    with database.transaction() as tx:
        tracks.apply_identity(tx, made["track"], {k: k for k in range(1, PEOPLE + 1)})
        step = FRAMES // BOUTS
        bouts.write_bouts(
            tx, made["actions"],
            [
                Bout(k, ACTIONS[(n + k) % 3], n * step / RATE, (n + 0.8) * step / RATE, n * step, n * step + 9, 0.7)
                for k in range(1, PEOPLE + 1)
                for n in range(BOUTS)
            ],
        )  # fmt: skip
        finish(tx, made)
    return made


def copy(database: Database, of: dict[str, int], number: int) -> dict[str, int]:
    keypoints = keypoint_table(COCO_18.name, COCO_18.joints)
    stages = ((keypoints, "pose"), (schema.frame, "pose"), *(
        (table, "track") for table in (schema.membership, schema.tracklet, schema.track)
    ), (schema.bout, "actions"))  # fmt: skip
    with database.transaction() as tx:
        if tx.dialect.name == "postgresql":  # what points to what was checked for the rows that are copied
            tx.execute(text("SET LOCAL session_replication_role = replica"))
        made = start(tx, number)
        for table, stage in stages:
            names = [column.name for column in table.c if column.name not in ("id", "run_id")]
            columns = ", ".join(names)
            tx.execute(
                text(
                    f"INSERT INTO {table.name} (run_id, {columns}) SELECT :new, {columns} FROM {table.name}"
                    " WHERE run_id = :old"
                ),
                {"new": made[stage], "old": of[stage]},
            )
        finish(tx, made)
    return made


def written(database: Database) -> list[dict[str, int]]:
    """The recordings of an earlier call, and their runs."""
    run = schema.run.c
    found: dict[int, dict[str, int]] = {}
    with database.reading() as tx:
        for recording, stage, number in tx.execute(select(run.recording_id, run.stage, run.id).order_by(run.id)):
            found.setdefault(recording, {"recording": recording})[stage] = number
    return list(found.values())


def examples(made: dict[str, int]) -> dict[str, str]:
    """The SQL of docs/database.md by its first words, asked about one recording."""
    page = (Path(__file__).parents[1] / "docs" / "database.md").read_text(encoding="utf-8")
    found = {}
    asked = {"1": made["pose"], "2": made["track"]}
    for query in re.findall(r"```sql\n(.*?)```", page, re.DOTALL):
        about = re.sub(r"run_id = ([12])\b", lambda one: f"run_id = {asked[one[1]]}", query)
        found["SQL: " + " ".join(query.split())[:60]] = about
    return found


def limit_s(title: str, query: str) -> float:
    return LIMITS_S.get(title, SQL_OF_ONE_S if "run_id =" in query else SQL_OF_ALL_S)


def server_of(database: Database) -> psutil.Process | None:
    """The first process of a PostgreSQL server on this machine."""
    with database.reading() as tx:
        if tx.dialect.name != "postgresql":
            return None
        number = tx.scalar(text("SELECT pg_backend_pid()"))
        with contextlib.suppress(psutil.NoSuchProcess):
            backend = psutil.Process(number)
            return backend.parent() if backend.name() == "postgres" else None
    return None


def server_s(server: psutil.Process | None) -> float:
    """Seconds of the processor that all its processes took so far, those that ended among them."""
    if server is None:
        return float("nan")
    times = server.cpu_times()
    total = times.children_user + times.children_system
    for child in server.children():
        with contextlib.suppress(psutil.NoSuchProcess):
            total += sum(child.cpu_times()[:2])
    return float(total)


def timed(ask: Callable[[], Any], times: int, server: psutil.Process | None) -> tuple[float, float, float]:
    took = []
    for _ in range(times):
        begun = time.monotonic(), time.process_time(), server_s(server)
        ask()
        ended = time.monotonic(), time.process_time(), server_s(server)
        took.append([end - begin for begin, end in zip(begun, ended, strict=True)])
    clock, own, servers = (statistics.median(one) for one in zip(*took, strict=True))
    return clock, own, servers


def command(*arguments: str) -> None:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as told:
        if posescribe(list(arguments)):
            raise SystemExit(told.getvalue())


def size_mb(database: Database, where: str) -> float:
    with database.reading() as tx:
        if tx.dialect.name == "postgresql":
            return float(tx.scalar(text("SELECT pg_database_size(current_database())")) or 0) / 1e6
    return Path(where).stat().st_size / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 30, 100])
    parser.add_argument("--url")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--limits", action="store_true")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    rows: list[dict[str, Any]] = []
    over: list[str] = []
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        where, out = args.url or str(Path(folder) / "lab.db"), str(Path(folder) / "out")
        with open_database(where) as database:
            migrate(database)
            server = server_of(database)
            begin = time.monotonic(), time.process_time()
            made = written(database) or [write_first(database)]
            print(f"first recording: {time.monotonic() - begin[0]:.1f} s, {time.process_time() - begin[1]:.1f} s CPU")
            for size in args.sizes:
                while len(made) < size:
                    made.append(copy(database, made[0], len(made)))
                with database.transaction() as tx:
                    tx.execute(text("ANALYZE"))
                middle = made[size // 2]
                with database.reading() as tx:
                    name = tx.scalar(
                        select(schema.recording.c.name).where(schema.recording.c.id == middle["recording"])
                    )
                asked: dict[str, Callable[[], Any]] = {
                    "report of one": lambda n=name: command("report", where, "--out", out, "--recording", n),
                    "features of one": lambda n=name: command(
                        "features", where, "--out", f"{out}.parquet", "--recording", n
                    ),
                    "tracks list of one": lambda n=name: command("tracks", "list", where, "--recording", n),
                    "status": lambda: command("status", where),
                }
                queries = examples(middle)
                for title, query in queries.items():

                    def ask(query: str = query) -> None:
                        with database.reading() as tx:
                            tx.execute(text(query)).all()

                    asked[title] = ask
                mb = size_mb(database, where)
                print(f"{size} recordings: {mb:.0f} MB", flush=True)
                for title, one in asked.items():
                    clock, own, servers = timed(one, 1 if title in SLOW else 3, server)
                    rows.append(
                        {"recordings": size, "mb": mb, "what": title, "s": clock, "cpu_s": own, "server_s": servers}
                    )
                    print(f"  {title:70} {clock:8.3f} s {own:8.3f} s CPU {servers:8.2f} s server", flush=True)
                    if clock > (limit := limit_s(title, queries.get(title, ""))):
                        over.append(f"{size} recordings: {title}: {clock:.1f} s, limit {limit:g} s")
    if args.json:
        args.json.write_text(json.dumps(rows, indent=2))
    print("\n".join(over) or "all within their limits")
    if over and args.limits:
        sys.exit(1)


if __name__ == "__main__":
    main()
