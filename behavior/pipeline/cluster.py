"""Many recordings by several processes, on this machine or on others, run by Dask's distributed scheduler.

Each recording is a task. It writes its folder of results and a database of its own (`OUT/parts/`), which this process
merges into the one of all when the task ends, and removes; or all write to one server. A task that ends early, by an
error of the world or with its process, is done again and goes on after the last frame that it stored: what a run is,
and that it is there once, is the database's business (`storage.runs`), not the scheduler's.

The task of a long recording gives back how to cut it (`cutting.py`): then each part is a task, and when all are done
the recording is one again, which joins them.

What goes to the processes and comes back is plain JSON and text.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from behavior.errors import BehaviorError
from behavior.pipeline.commands import analyze, forget_failed, note_failed, noting_failure
from behavior.pipeline.cutting import cut_recording, find_part, join
from behavior.pipeline.loading import Models, load_models
from behavior.pipeline.progress import Narrator
from behavior.pipeline.scale import for_one
from behavior.pipeline.settings import Settings, make_settings
from behavior.pipeline.stages import hash_of, is_known, take_hash
from features.errors import FeatureError
from features.plugins import load_features
from pose.errors import PoseError, SourceError, UnreachableError
from pose.sources import Stamp, expand, is_recording, shown, source_name, source_stamp
from pose.sources.cuts import NotCut, Stretch
from storage import open_database, recordings
from storage.database import Database
from storage.errors import StorageError
from storage.files import make_folder
from storage.merging import merge

ATTEMPTS = 4
"""How often a recording is tried where the world is at fault: a disk, a server, a connection."""

FIRST_WAIT_S = 2.0
"""Before the second attempt; each further wait is twice as long."""

PART_S = 600.0
"""Of the parts of a long recording where nobody says otherwise, seconds."""

_POLL_S = 0.2


@dataclass(frozen=True)
class Order:
    """What is to be done with each recording; plain JSON.

    Attributes:
        models: arguments of `load_models`.
        settings: arguments of `make_settings`.
        plugins: files with features of the user's own.
        out: folder of the results, as every process sees it.
        processes: how many share this machine's cores; None: others decide that.
        part_s: recordings longer than one and a half times this are cut into parts of about this, seconds; None: none.
    """

    models: dict[str, Any]
    settings: dict[str, Any]
    plugins: tuple[str, ...]
    out: str
    processes: int | None = None
    part_s: float | None = None


@dataclass(eq=False)
class _Task:
    """A recording, or a part of one, which then has the `whole`, its `stretch` and its `number`, from 1."""

    spec: str
    name: str
    database: str
    attempts: int = 0
    due: float = 0.0
    known: tuple[Stamp, str | None] | None = None  # files as they were, and their hash
    future: Any = field(default=None, repr=False)
    parts: list[_Task] = field(default_factory=list, repr=False)
    whole: _Task | None = None
    stretch: Stretch | None = None
    number: int = 0
    done: bool = False

    def submit(self, client: Any, order: str) -> None:
        common = order, self.spec, self.database, json.dumps(self.known)
        if self.stretch is not None and self.whole is not None:
            place = self.number, len(self.whole.parts)
            own = json.dumps({"stretch": asdict(self.stretch), "place": place})
            self.future = client.submit(work_on_part, *common, own, pure=False, priority=1)
        else:
            parts = [(asdict(one.stretch), one.database) for one in self.parts if one.stretch is not None]
            # What is begun is ended first.
            self.future = client.submit(work, *common, json.dumps(parts), pure=False, priority=int(bool(parts)))
        self.attempts += 1

    def cut(self, told: dict[str, Any], folder: Path, *, is_server: bool) -> None:
        """Into the parts that a worker asks for."""
        self.known, self.attempts = _known_of(told["known"]), 0
        stem = Path(self.database).stem
        for number, given in enumerate(told["cut"], start=1):
            stretch = _stretch_of(given)
            mark = 0 if stretch.after is None else stretch.after[0] + 1
            database = self.database if is_server else str((folder / f"{stem}.{mark}.db").absolute())
            self.parts.append(
                _Task(self.spec, self.name, database, known=self.known, whole=self, stretch=stretch, number=number)
            )


def analyze_many(
    specs: Sequence[str],
    database: str | None,
    order: Order,
    narrator: Narrator,
    *,
    scheduler: str | None = None,
) -> tuple[list[dict[str, Any]], list[str]]:
    """Every source through all stages, by several processes; one that fails does not stop the others.

    Args:
        specs: files, folders and addresses of recordings, as `pose.sources.expand` takes them; every process must see
            them under the same path, and be known where they are kept.
        database: where all is kept in the end, a file or a URL; None is `OUT/posescribe.db`.
        order: what to do.
        narrator: hears of each recording, and of all.
        scheduler: address of a running one; None starts `order.processes` processes on this machine.

    Returns:
        The summaries of those that were done, and a message for each that was not.

    Raises:
        BehaviorError: the extra `cluster` is not installed, or the scheduler does not answer.
        StorageError: the database can't be opened.
    """
    out = Path(order.out)
    make_folder(out)
    settings = make_settings(**order.settings)
    for_one(settings.scale, len(expand(specs)))
    models = load_models(**order.models, narrator=narrator)
    with open_database(database or out / "posescribe.db") as target:
        is_server = not target.url.startswith("sqlite")
        results: list[dict[str, Any]] = []
        tasks, unfit = _tasks(specs, target, out, str(database) if is_server else None)
        for spec, message in unfit.items():
            note_failed(target, spec, message)
            narrator.say(f"failed: {message}")
        failed = list(unfit.values())
        todo: list[_Task] = []
        for task in tasks:
            try:
                if is_server or not _is_done(target, task, models, settings):
                    todo.append(task)
                    continue
                with noting_failure(target, task.spec):
                    results.append(analyze(target, task.spec, out, models, settings, narrator, restart=False))
            except (PoseError, StorageError, FeatureError, BehaviorError) as error:
                failed.append(str(error))
                narrator.say(f"failed: {error}")
        if todo:
            with _client(scheduler, order.processes) as client:
                _run(client, todo, target, order, narrator, results, failed, is_server=is_server)
    return results, failed


def _tasks(specs: Sequence[str], target: Database, out: Path, server: str | None) -> tuple[list[_Task], dict[str, str]]:
    """A task for each source, and a message for each that can't be one."""
    found: dict[str, _Task] = {}
    failed: dict[str, str] = {}
    with target.reading() as tx:
        there = {recordings.folder_name(one.name).casefold(): one for one in recordings.list_recordings(tx)}
    for spec in dict.fromkeys(expand(specs)):
        try:
            place, name = _place_and_name(spec)
            key = name.casefold()
            if key in found:
                before = shown(found[key].spec)
                raise SourceError(
                    f"{shown(spec)}: called {name} as {before} is; rename one, or analyse it without workers"
                )
            if server is None and key in there and there[key].sha256 != hash_of(place, source_stamp(place)):
                raise SourceError(
                    f"{shown(spec)}: {target.where} has another film called {name}; rename it, or choose another --out"
                )
        except SourceError as error:
            failed[spec] = str(error)
            continue
        mark = hashlib.sha256(shown(place).encode()).hexdigest()[:8]
        found[key] = _Task(place, name, server or str((out / "parts" / f"{name}-{mark}.db").absolute()))
    return list(found.values()), failed


def _place_and_name(spec: str) -> tuple[str, str]:
    """Where every process finds a source, and the name of the folder of its results; raises `SourceError`."""
    if is_recording(spec):
        return spec, recordings.folder_name(Path(source_name(spec)).stem)
    path = Path(spec).expanduser().absolute()
    if not path.exists():
        raise SourceError(f"{shown(spec)}: no such file or folder; cameras can't go to workers")
    return str(path), recordings.folder_name(path.name if path.is_dir() else path.stem)


def _is_done(target: Database, task: _Task, models: Models, settings: Settings) -> bool:
    """Whether the people of a source are in the database of all; then no other process is needed."""
    with target.reading() as tx:
        if not recordings.list_recordings(tx):  # so that many films are hashed by many processes
            return False
    stamp = source_stamp(task.spec)
    task.known = stamp, hash_of(task.spec, stamp)
    if not is_known(target, task.known[1], models, settings):
        return False
    if Path(task.database).exists():  # stopped between merging and removing
        _gather(target, task)
    return True


def _gather(target: Database, task: _Task) -> list[str]:
    """A part into the whole; messages where that is refused, and the part stays."""
    with open_database(task.database, create=False) as part:
        refused = merge(target, part).refused
    if not refused:
        _remove(task)
    return refused


def _remove(task: _Task) -> None:
    """The database of a task, and those of its parts, also of an earlier command that cut it otherwise."""
    path = Path(task.database)
    parts = re.compile(re.escape(path.stem) + r"\.\d+\.db(-wal|-shm)?")
    for file in [one for one in path.parent.iterdir() if parts.fullmatch(one.name)]:
        file.unlink(missing_ok=True)
    for ending in ("", "-wal", "-shm"):
        Path(f"{path}{ending}").unlink(missing_ok=True)


def _remove_empty(task: _Task) -> None:
    """The part of a source that could not be read at all."""
    if Path(task.database).exists():
        with open_database(task.database) as part, part.reading() as tx:
            is_empty = not recordings.list_recordings(tx)
        if is_empty:
            _remove(task)


def _run(
    client: Any,
    todo: list[_Task],
    target: Database,
    order: Order,
    narrator: Narrator,
    results: list[dict[str, Any]],
    failed: list[str],
    *,
    is_server: bool,
) -> None:
    if not is_server:
        make_folder(Path(order.out) / "parts")
    seen = {name: _as_seen_by_all(value) for name, value in order.models.items()}
    content = json.dumps(asdict(replace(order, models=seen)))
    waiting, total, done = list(todo), len(todo), 0
    running: list[_Task] = []
    narrator.step("recordings", 0, total)
    while waiting or running:
        for task in [one for one in waiting if one.due <= time.monotonic()]:
            task.submit(client, content)
            waiting.remove(task)
            running.append(task)
        ended = [task for task in running if task.future.done()]
        for task in ended:
            running.remove(task)
            told = _outcome(task.future)
            if "said" in told:
                narrator.say(told["said"])
            if "result" in told and not is_server:
                refused = _gather(target, task)
                told = {"error": "; ".join(refused), "again": False} if refused else told
            if told.get("again") and task.attempts < ATTEMPTS:
                wait = FIRST_WAIT_S * 2 ** (task.attempts - 1)
                narrator.say(f"{task.name}: {told['error']}; again in {wait:.0f} s")
                task.due = time.monotonic() + wait
                waiting.append(task)
                continue
            if "cut" in told:
                task.cut(told, Path(order.out) / "parts", is_server=is_server)
                narrator.say(f"{task.name}: cut into {len(task.parts)} parts")
                waiting += task.parts
                continue
            task.done = True
            if task.whole is not None:
                whole = task.whole
                if "error" not in told:
                    narrator.say(f"{task.name}: part {task.number} of {len(whole.parts)} done")
                    if all(part.done for part in whole.parts):
                        waiting.append(whole)
                    continue
                if whole.done:  # by another part
                    continue
                waiting = [one for one in waiting if one.whole is not whole]
                task, whole.done = whole, True
            done += 1
            if "error" in told:
                if not is_server:
                    _remove_empty(task)
                where = shown(task.spec)
                failed.append(told["error"] if where in told["error"] else f"{where}: {told['error']}")
                note_failed(target, task.spec, failed[-1])
                narrator.say(f"[{done} of {total}] {task.name} failed: {told['error']}")
            else:
                forget_failed(target, task.spec)
                results.append({**told["result"], "db": target.where})
                narrator.say(f"[{done} of {total}] {task.name}: done")
            narrator.step("recordings", done, total)
        if not ended:
            time.sleep(_POLL_S)


def _as_seen_by_all(value: Any) -> Any:
    """The file of a model from wherever a process stands; names of models stay."""
    return str(Path(value).absolute()) if isinstance(value, str) and Path(value).exists() else value


def _outcome(future: Any) -> dict[str, Any]:
    if future.status == "finished":
        told: dict[str, Any] = json.loads(future.result())
        return told
    error = future.exception() if future.status == "error" else None
    # Only what the scheduler itself says comes here: its worker died again and again, or lacks a package.
    return {"error": f"its worker failed ({type(error).__name__}: {error})", "again": error is None}


def work(order: str, spec: str, database: str, known: str = "null", parts: str = "[]") -> str:
    """One recording, in a process of the cluster, of which these parts are done.

    JSON with `result`; with `cut`, the parts that are to be done first, and what is `known` of the files; or with
    `error` and whether to try `again`. `said` is for the user.
    """

    def do(what: Order, models: Models, settings: Settings) -> dict[str, Any]:
        out, done = Path(what.out), [(_stretch_of(stretch), where) for stretch, where in json.loads(parts)]
        told: dict[str, Any] = {}
        with open_database(database) as opened:
            if done:
                kept_in = [where for _, where in done if where != database]
                join(opened, spec, out, models, settings, [stretch for stretch, _ in done], kept_in)
            elif what.part_s:
                stamp = source_stamp(spec)
                try:
                    stretches = cut_recording(opened, spec, out, models, settings, what.part_s)
                except NotCut as error:
                    stretches, told = [], {"said": f"{error}; it is not cut into parts"}
                if stretches:
                    return {"cut": [asdict(one) for one in stretches], "known": [stamp, hash_of(spec, stamp)]}
            return told | {"result": analyze(opened, spec, out, models, settings, _Silent(), restart=False)}

    return _answer(order, spec, known, do)


def work_on_part(order: str, spec: str, database: str, known: str, part: str) -> str:
    """One part of a long recording; JSON with `part`, or with `error` as from `work`."""

    def do(what: Order, models: Models, settings: Settings) -> dict[str, Any]:
        own = json.loads(part)
        stretch, (number, count) = _stretch_of(own["stretch"]), own["place"]
        with open_database(database) as opened:
            find_part(opened, spec, Path(what.out), models, settings, stretch, (number, count), _Silent())
        return {"part": number}

    return _answer(order, spec, known, do)


def _answer(order: str, spec: str, known: str, do: Callable[[Order, Models, Settings], dict[str, Any]]) -> str:
    what = Order(**json.loads(order))
    if (hashed := json.loads(known)) is not None:
        take_hash(spec, *_known_of(hashed))
    _take_cores(what.processes)
    try:
        for plugin in what.plugins:
            _load_once(plugin)
        return json.dumps(do(what, _models(json.dumps(what.models, sort_keys=True)), make_settings(**what.settings)))
    except (UnreachableError, StorageError, OSError) as error:
        return json.dumps({"error": str(error), "again": True})
    except (PoseError, FeatureError, BehaviorError) as error:
        return json.dumps({"error": str(error), "again": False})


def _known_of(told: Any) -> tuple[Stamp, str | None]:
    """The files of a source and their hash, out of JSON."""
    return tuple((name, size, moment) for name, size, moment in told[0]), told[1]


def _stretch_of(told: dict[str, Any]) -> Stretch:
    after = told["after"]
    return Stretch(told["start_s"], told["end_s"], None if after is None else (after[0], after[1]))


class _Silent:
    """What a stage says stands in its report, too."""

    def say(self, text: str) -> None:
        pass

    def step(self, stage: str, done: int, total: int | None) -> None:
        pass


@cache
def _models(arguments: str) -> Models:
    """Loaded once a process."""
    return load_models(**json.loads(arguments), narrator=_Silent())


@cache
def _load_once(plugin: str) -> None:
    load_features(Path(plugin))


_all_cores: set[int] | None = None


def _take_cores(processes: int | None) -> None:
    """This process's share of the machine: more threads than cores would slow all of them down."""
    global _all_cores
    if processes is None or not hasattr(os, "sched_setaffinity"):
        return
    from distributed import get_worker

    _all_cores = cores = _all_cores or os.sched_getaffinity(0)
    number, ordered = int(get_worker().name), sorted(cores)
    os.sched_setaffinity(0, ordered[number::processes] or [ordered[number % len(ordered)]])


@contextmanager
def _client(scheduler: str | None, processes: int | None) -> Iterator[Any]:
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise BehaviorError(f"several workers need {error.name}; pip install 'posescribe[cluster]'") from error
    if scheduler is not None:
        try:
            client = Client(scheduler, timeout=10)  # type: ignore[no-untyped-call]
        except (OSError, ValueError) as error:
            raise BehaviorError(
                f"{scheduler}: no Dask scheduler answers ({error}); start one with `dask scheduler`"
            ) from error
        with client:
            yield client
        return
    with (
        tempfile.TemporaryDirectory() as scratch,
        LocalCluster(  # type: ignore[no-untyped-call]
            n_workers=processes, threads_per_worker=1, processes=True, memory_limit=0, dashboard_address=None,
            local_directory=scratch, silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster) as client,  # type: ignore[no-untyped-call]
    ):  # fmt: skip
        yield client
