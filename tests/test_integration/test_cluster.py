"""Recordings shared by real processes, one of which is killed in the middle: as one process would have done it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from behavior.cli import main
from behavior.pipeline import cluster, stages
from behavior.pipeline.cluster import Order, work
from pose.sources import source_hash, source_stamp
from storage import open_database, recordings

pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
import psutil

HOW = ["--start", "3", "--end", "3.7", "--no-overlay"]


def clips(video: Path, folder: Path, count: int) -> list[str]:
    """Copies of a video that differ in an atom that nobody reads."""
    found = []
    for number in range(count):
        path = folder / f"clip{number}.mp4"
        shutil.copy(video, path)
        with path.open("ab") as file:
            file.write((16).to_bytes(4, "big") + b"free" + number.to_bytes(8, "big"))
        found.append(str(path))
    return found


def content(db: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row that does not say when, by the name of its recording and the fingerprint of its run."""
    with sqlite3.connect(db) as connection:
        tables = ["frame", "keypoints_coco_18", "membership", "tracklet", "track", "decision", "bout"]
        found = {"run": connection.execute("SELECT stage, status, fingerprint, model_sha256 FROM run").fetchall()}
        for table in tables:
            names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            kept = ", ".join(f"{table}.{name}" for name in names if name not in ("id", "run_id"))
            found[table] = connection.execute(
                f"SELECT recording.name, run.fingerprint, {kept} FROM {table} JOIN run ON run.id = run_id "
                "JOIN recording ON recording.id = recording_id"
            ).fetchall()
    connection.close()
    return {table: sorted(rows, key=repr) for table, rows in found.items()}


def begun(parts: Path, stage: str = "pose") -> Path | None:
    """A database of one task whose people are being looked for."""
    for db in parts.glob("*.db"):
        connection = sqlite3.connect(f"file:{db}?mode=ro", uri=True)
        try:
            if connection.execute("SELECT 1 FROM run WHERE stage = ? AND status = 'running'", (stage,)).fetchone():
                return db
        except sqlite3.OperationalError:  # has no tables yet
            pass
        finally:
            connection.close()
    return None


def kill_who_has(db: Path, command: psutil.Process) -> int:
    for child in command.children(recursive=True):
        if any(Path(file.path) == db for file in child.open_files()):
            os.kill(child.pid, signal.SIGKILL)
            return int(child.pid)
    return 0


def command_in(folder: Path) -> list[str]:
    """The command as words; spawned processes import what began them: a file, as the installed command is one."""
    script = folder / "posescribe.py"
    script.write_text(
        "import signal, sys\nfrom behavior.cli import main\nif __name__ == '__main__':\n"
        "    signal.signal(signal.SIGINT, signal.default_int_handler)  # as in a terminal\n    sys.exit(main())\n"
    )
    return [sys.executable, str(script)]


@pytest.fixture(scope="module")
def shared(sample_video: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], Path, int, str]:
    """Sources, folder of results, exit status and what was said, of two workers of which one was killed."""
    folder = tmp_path_factory.mktemp("shared")
    sources = clips(sample_video, folder, 3)
    (folder / "broken.mp4").write_bytes(b"no film")
    out = folder / "out"
    arguments = ["analyze", *sources, str(folder / "broken.mp4"), "--out", str(out), "--workers", "2", *HOW]
    words = command_in(folder)
    with subprocess.Popen([*words, *arguments], stderr=subprocess.PIPE, text=True) as process:
        command, killed = psutil.Process(process.pid), 0
        while not killed and process.poll() is None:
            if (db := begun(out / "parts")) is not None:
                killed = kill_who_has(db, command)
            time.sleep(0.01)
        _, told = process.communicate(timeout=500)
    assert killed, told
    return sources, out, process.returncode, told


@pytest.fixture(scope="module")
def alone(shared: tuple[list[str], Path, int, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of one process that nobody disturbs."""
    out = tmp_path_factory.mktemp("alone")
    assert main(["analyze", *shared[0], "--out", str(out), *HOW]) == 0
    return out / "posescribe.db"


def test_a_killed_worker_leaves_the_tables_that_one_process_makes(
    shared: tuple[list[str], Path, int, str], alone: Path
) -> None:
    sources, out, status, told = shared
    expected, together = content(alone), content(out / "posescribe.db")
    assert together == expected
    assert all(rows for table, rows in expected.items() if table != "decision")
    assert len(set(together["run"])) == len(together["run"]) == 9
    for number in range(3):
        assert (out / f"clip{number}" / "report.html").exists()
    assert not list((out / "parts").iterdir())
    # What can't be read is named at the end, and has held up nobody.
    assert status == 1
    assert told.rstrip().splitlines()[-1].strip().startswith(str(Path(sources[0]).parent / "broken.mp4"))
    assert "Traceback" not in told


def test_what_is_done_needs_no_worker(
    shared: tuple[list[str], Path, int, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sources, out, _, _ = shared
    monkeypatch.setattr(cluster, "_client", None)
    assert main(["analyze", *sources, "--out", str(out), "--workers", "2", *HOW]) == 0
    assert capsys.readouterr().err.count("nothing to do") == 3


def at_work(parts: Path, command: psutil.Process) -> list[psutil.Process]:
    """All processes of the command as soon as one of them has a part open; else none."""
    children = command.children(recursive=True)
    for child in children:
        with contextlib.suppress(psutil.NoSuchProcess):  # it ended meanwhile
            if any(Path(file.path).parent == parts for file in child.open_files()):
                return children
    return []


def all_gone(processes: list[psutil.Process]) -> bool:
    _, left = psutil.wait_procs(processes, timeout=60)
    return not left


def test_the_command_itself_stopped_and_killed(
    shared: tuple[list[str], Path, int, str], alone: Path, tmp_path: Path
) -> None:
    """Ctrl-C reaches all of a terminal's processes at once; a kill only the first. None stays, nothing is lost."""
    arguments = ["analyze", *shared[0], "--out", str(tmp_path / "out"), "--workers", "2", *HOW]
    for blow in (signal.SIGINT, signal.SIGKILL):
        with subprocess.Popen(
            [*command_in(tmp_path), *arguments], stderr=subprocess.PIPE, text=True, start_new_session=True
        ) as process:
            command = psutil.Process(process.pid)
            while not (workers := at_work(tmp_path / "out" / "parts", command)) and process.poll() is None:
                time.sleep(0.05)
            assert workers
            if blow is signal.SIGINT:
                os.killpg(process.pid, blow)
            else:
                process.kill()
            _, told = process.communicate(timeout=120)
        assert process.returncode == (130 if blow is signal.SIGINT else -blow), told
        assert "Traceback" not in told
        assert all_gone(workers)
    assert main(arguments) == 0
    assert content(tmp_path / "out" / "posescribe.db") == content(alone)
    assert not list((tmp_path / "out" / "parts").iterdir())


class Server:
    """A PostgreSQL server of this test's own."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.data, self.programs = folder / "data", programs
        self.as_whom = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        if self.as_whom:
            shutil.chown(folder, "postgres")
        self.url = f"postgresql://{'postgres' if self.as_whom else ''}@/postgres?host={folder}"
        self.run("initdb", "--auth", "trust", "--encoding", "UTF8", "--no-sync")
        self.options = f"-c listen_addresses= -c unix_socket_directories={folder}"
        self.start()

    def start(self) -> None:
        self.run("pg_ctl", "--wait", "--options", self.options, "start")

    def run(self, program: str, *arguments: str) -> None:
        command = [*self.as_whom, str(self.programs / program), "--pgdata", str(self.data), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")


@pytest.fixture
def server() -> Iterator[Server]:
    pytest.importorskip("psycopg", reason="the extra `postgresql` is not installed")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found or (os.getuid() == 0 and shutil.which("runuser") is None):
        pytest.skip("no PostgreSQL to start here")
    with tempfile.TemporaryDirectory() as folder:
        started = Server(Path(folder), found[-1].parent)
        yield started
        started.run("pg_ctl", "--mode", "immediate", "stop")


def test_a_server_restarted_in_the_middle_loses_nothing(
    shared: tuple[list[str], Path, int, str], alone: Path, server: Server, tmp_path: Path
) -> None:
    arguments = ["analyze", *shared[0], "--out", str(tmp_path / "out"), "--db", server.url, "--workers", "2", *HOW]
    with subprocess.Popen([*command_in(tmp_path), *arguments], stderr=subprocess.PIPE, text=True) as process:
        with open_database(server.url) as database:
            while process.poll() is None:
                with database.reading() as tx:
                    if tx.exec_driver_sql("SELECT 1 FROM run WHERE stage = 'pose' AND status = 'running'").first():
                        break
                time.sleep(0.01)
        server.run("pg_ctl", "--wait", "--mode", "immediate", "stop")
        assert process.stderr is not None
        told = ""
        for line in process.stderr:
            if "again in" in line and "again in" not in told:  # a worker has missed it
                server.start()
            told += line
    assert process.returncode == 0, told
    assert "again in" in told
    assert main(["merge", str(tmp_path / "merged.db"), server.url]) == 0
    assert content(tmp_path / "merged.db") == content(alone)


def test_a_film_is_hashed_once(tmp_path: Path, sample_video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[str] = []

    def count(spec: str) -> str | None:
        hashed.append(Path(spec).name)
        return source_hash(spec)

    monkeypatch.setattr(stages, "source_hash", count)
    (source,) = clips(sample_video, tmp_path, 1)
    order = json.dumps(ORDER.__dict__ | {"out": str(tmp_path)})
    models, settings = cluster.load_models(**ORDER.models, narrator=Listener()), cluster.make_settings(**ORDER.settings)
    with open_database(tmp_path / "all.db") as target:
        (task,), _ = cluster._tasks([source], target, tmp_path, None)
        assert not cluster._is_done(target, task, models, settings)
        assert not hashed  # of an empty database nothing is to be looked up; that is left to the processes
        with target.transaction() as tx:
            recordings.ensure_recording(tx, name="a", uri="a", kind="video", sha256="0" * 64, width=64, height=48)
        assert not cluster._is_done(target, task, models, settings)
        assert hashed == ["clip0.mp4"]
        monkeypatch.setattr(stages, "_hashes", {})  # those of another process
        Path(source).write_bytes(b"no film")
        assert "error" in work(order, source, str(tmp_path / "part.db"), json.dumps(task.known))
        assert len(hashed) == 2  # it is another film by now
        clips(sample_video, tmp_path, 1)
        known = json.dumps([source_stamp(source), "as told"])
        monkeypatch.setattr(cluster, "analyze", lambda *given, **_: stages.hash_of(given[1], source_stamp(given[1])))
        assert json.loads(work(order, source, str(tmp_path / "part.db"), known))["result"] == "as told"
        assert len(hashed) == 2


ORDER = Order(
    {"model": "movenet_multipose", "device": "cpu", "actions": "none"},
    {"accuracy": "fast", "precision": None, "max_people": None, "start_s": None, "end_s": None, "every": 1,
     "overlay": False},
    (), "out",
)  # fmt: skip


def test_the_world_is_asked_again_and_a_bad_film_is_not(tmp_path: Path) -> None:
    content = json.dumps(ORDER.__dict__)
    (tmp_path / "bad.mp4").write_bytes(b"no film")
    bad = json.loads(work(content, str(tmp_path / "bad.mp4"), str(tmp_path / "part.db")))
    gone = json.loads(work(content, str(tmp_path / "bad.mp4"), str(tmp_path / "gone" / "part.db")))
    assert (bad["again"], gone["again"]) == (False, True)
    assert "gone does not exist" in gone["error"]


class Clerk:
    """Hands in what it is told, as a future that is done."""

    def __init__(self, *outcomes: str) -> None:
        self.outcomes, self.calls = list(outcomes), 0
        self.asked: list[tuple[str, list[Any]]] = []  # which work, and of which part or with which parts

    def submit(self, what: Any, *given: str, **_: Any) -> Any:
        self.calls += 1
        self.asked.append((what.__name__, json.loads(given[-1])))
        text = self.outcomes.pop(0)
        return type("Done", (), {"status": "finished", "done": lambda _: True, "result": lambda _: text})()


class Listener:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)

    def step(self, *_: Any) -> None:
        pass


def test_each_wait_is_longer_and_the_last_failure_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "FIRST_WAIT_S", 0.01)
    clerk, listener = Clerk(*[json.dumps({"error": "disk", "again": True})] * 9), Listener()
    failed: list[str] = []
    task = cluster._Task("a.mp4", "a", "server")
    with open_database(tmp_path / "all.db") as target:
        cluster._run(clerk, [task], target, ORDER, listener, [], failed, is_server=True)
    assert clerk.calls == cluster.ATTEMPTS == 4
    assert failed == ["a.mp4: disk"]
    assert len(listener.lines) == 4


CUT = json.dumps(
    {
        "cut": [
            {"start_s": None, "end_s": 8.0, "after": None},
            {"start_s": 8.0, "end_s": 16.0, "after": [239, 7.9]},
            {"start_s": 16.0, "end_s": None, "after": [479, 15.9]},
        ],
        "known": [[["a.mp4", 5, 7]], "hash"],
    }
)


def shared_out(outcomes: list[str], tmp_path: Path) -> tuple[Clerk, list[dict[str, Any]], list[str], Listener]:
    clerk, listener = Clerk(*outcomes), Listener()
    results: list[dict[str, Any]] = []
    failed: list[str] = []
    with open_database(tmp_path / "all.db") as target:
        task = cluster._Task("a.mp4", "a", "server")
        cluster._run(clerk, [task], target, ORDER, listener, results, failed, is_server=True)
    return clerk, results, failed, listener


def test_a_long_film_is_whole_again_when_all_its_parts_are_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "FIRST_WAIT_S", 0.01)
    again = json.dumps({"error": "disk", "again": True})
    done = json.dumps({"part": 0})
    clerk, results, failed, listener = shared_out([CUT, done, again, done, done, '{"result": {"people": 2}}'], tmp_path)
    names = [name for name, _ in clerk.asked]
    assert names == ["work", *["work_on_part"] * 4, "work"]
    assert [asked["place"] for _, asked in clerk.asked[1:5]] == [[1, 3], [2, 3], [3, 3], [2, 3]]
    assert clerk.asked[2][1]["stretch"] == {"start_s": 8.0, "end_s": 16.0, "after": [239, 7.9]}
    assert clerk.asked[0][1] == []
    assert [stretch["start_s"] for stretch, _ in clerk.asked[5][1]] == [None, 8.0, 16.0]
    assert [one["people"] for one in results] == [2]
    assert not failed
    assert "[1 of 1] a: done" in listener.lines


def test_a_part_that_fails_fails_its_film_once(tmp_path: Path) -> None:
    bad = json.dumps({"error": "no film", "again": False})
    clerk, results, failed, listener = shared_out([CUT, bad, json.dumps({"part": 2}), bad], tmp_path)
    assert clerk.calls == 4
    assert (results, failed) == ([], ["a.mp4: no film"])
    assert [line for line in listener.lines if "failed" in line] == ["[1 of 1] a failed: no film"]


def test_the_databases_of_parts_go_with_that_of_the_whole(tmp_path: Path) -> None:
    task = cluster._Task("a.mp4", "a", str(tmp_path / "a-12345678.db"))
    task.cut(json.loads(CUT), tmp_path, is_server=False)
    assert [Path(one.database).name for one in task.parts] == [f"a-12345678.{first}.db" for first in (0, 240, 480)]
    others = [tmp_path / "a-12345678-87654321.db", tmp_path / "a-12345678.x.db", tmp_path / "b-12345678.0.db"]
    earlier = tmp_path / "a-12345678.96.db"
    for path in (Path(task.database), earlier, *(Path(one.database) for one in task.parts), *others):
        path.touch()
    cluster._remove(task)
    assert sorted(tmp_path.iterdir()) == sorted(others)


def test_two_films_of_one_name_would_have_one_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "walk.mp4").write_bytes(folder.encode())
    with open_database(tmp_path / "all.db") as target:
        specs = [str(tmp_path / "one" / "walk.mp4"), str(tmp_path / "two" / "walk.mp4"), "0"]
        tasks, failed = cluster._tasks(specs, target, tmp_path, None)
    assert [task.name for task in tasks] == ["walk"]
    assert [("called walk as" in message, "cameras" in message) for message in failed.values()] == [
        (True, False),
        (False, True),
    ]
    assert main(["analyze", specs[0], "--out", str(tmp_path), "--workers", "2", "--restart"]) == 2
    assert main(["analyze", specs[0], "--out", str(tmp_path), "--workers", "2", "--scheduler", "tcp://x:1"]) == 2
    assert "choose one" in capsys.readouterr().err
