"""Dask's scheduler and Ray's on one machine: the same recordings by two workers, and what each asks for beside that.

    python benchmarks/schedulers.py [VIDEO...] [--recordings N] [--frames N] [--rounds N] [--json FILE]

Of these videos, or of clips of the sample as `many.py` cuts them, by turns. Both run `work` of
`behavior/pipeline/cluster.py` in two processes, each recording into a database and a folder of its own. Beside: the
start until both processes answer, 200 tasks that do nothing, memory (proportional set size) and number of the processes
when idle, and the time from a SIGKILL of a worker until its task has begun anew. Ray is no dependency: `pip install
ray`.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import distribution, version
from pathlib import Path
from typing import Any

import psutil

# Last, as this folder holds a `features.py`, too; the processes that are started import this file as well.
_HERE = str(Path(__file__).parent)
sys.path = [*(place for place in sys.path if place != _HERE), _HERE]

from common import Row, print_table, write  # noqa: E402
from many import clips  # noqa: E402

from behavior.pipeline.cluster import Order  # noqa: E402

Map = Callable[[Callable[..., Any], list[tuple[Any, ...]]], list[Any]]
"""A function on each of some arguments, by the workers; the results in order."""

MODELS = {"model": "movenet_multipose", "device": "cpu", "actions": "default"}
SETTINGS = {
    "accuracy": "fast", "precision": None, "max_people": None, "start_s": None, "end_s": None, "every": 1,
    "overlay": False,
}  # fmt: skip
WORKERS = 2


@contextmanager
def dask() -> Iterator[Map]:
    from distributed import Client, LocalCluster

    with (
        tempfile.TemporaryDirectory() as scratch,
        LocalCluster(  # type: ignore[no-untyped-call]
            n_workers=WORKERS, threads_per_worker=1, processes=True, memory_limit=0, dashboard_address=None,
            local_directory=scratch, silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster) as client,  # type: ignore[no-untyped-call]
    ):  # fmt: skip
        yield lambda do, given: client.gather([client.submit(do, *one, pure=False) for one in given])


@contextmanager
def ray() -> Iterator[Map]:
    import ray

    ray.init(num_cpus=WORKERS, include_dashboard=False, log_to_driver=False, logging_level=logging.CRITICAL)
    try:
        yield lambda do, given: ray.get([ray.remote(num_cpus=1, max_retries=3)(do).remote(*one) for one in given])
    finally:
        ray.shutdown()


def recording(*given: str) -> str:
    """As `work` of `cluster.py`; Ray's processes have the folder of this script in front of all others."""
    sys.path.sort(key=lambda place: place.endswith("benchmarks"))
    from behavior.pipeline.cluster import work

    return work(*given)


def nothing(number: int) -> int:
    return number


def nap(seconds: float, marks: str) -> int:
    """Leaves the number of its process behind, sleeps, gives it."""
    Path(marks, f"{os.getpid()}-{time.time_ns()}").touch()
    time.sleep(seconds)
    return os.getpid()


def seconds_of(do: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    do()
    return time.perf_counter() - begin


def processes() -> list[psutil.Process]:
    """All that a scheduler has started."""
    return psutil.Process().children(recursive=True)


def until_begun_again(run: Map, folder: Path) -> float:
    """Seconds from the kill of a process to the next beginning of a task."""
    marks = folder / f"marks-{time.time_ns()}"
    marks.mkdir()
    thread = threading.Thread(target=lambda: run(nap, [(4.0, str(marks))] * WORKERS))
    thread.start()
    while len(list(marks.iterdir())) < WORKERS:
        time.sleep(0.01)
    pid = int(next(marks.iterdir()).name.partition("-")[0])
    os.kill(pid, signal.SIGKILL)
    begin = time.perf_counter()
    while len(list(marks.iterdir())) == WORKERS:
        time.sleep(0.01)
    seconds = time.perf_counter() - begin
    thread.join()
    return seconds


def measured(name: str, sources: list[str], folder: Path) -> Row:
    out = folder / f"{name}-{time.time_ns()}"
    out.mkdir()
    order = json.dumps(asdict(Order(MODELS, SETTINGS, (), str(out))))
    given = [(order, source, str(out / f"{Path(source).stem}.db")) for source in sources]
    before = time.perf_counter()
    with {"dask": dask, "ray": ray}[name]() as run:
        run(nap, [(0.5, str(out))] * WORKERS)
        start_s = time.perf_counter() - before - 0.5
        empty_s = seconds_of(lambda: run(nothing, [(number,) for number in range(200)]))
        idle = processes()
        memory = sum(one.memory_full_info().pss for one in idle) / 2**20
        again_s = until_begun_again(run, folder)
        told: list[str] = []
        work_s = seconds_of(lambda: told.extend(run(recording, given)))
    assert all("result" in json.loads(one) for one in told), told
    return {
        "scheduler": f"{name} {version('distributed' if name == 'dask' else name)}",
        "start_s": start_s, "recordings_s": work_s, "all_s": start_s + work_s, "empty_ms": empty_s / 200 * 1000,
        "again_s": again_s, "processes": len(idle), "idle_MB": memory,
        "installed_MB": sum(map(size, ("dask", "distributed") if name == "dask" else ("ray",))),
    }  # fmt: skip


def size(package: str) -> float:
    """MB of a package's own files."""
    return sum(file.size or 0 for file in distribution(package).files or ()) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="*", metavar="VIDEO")
    parser.add_argument("--recordings", type=int, default=8)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    found: dict[str, list[Row]] = {"dask": [], "ray": []}
    with tempfile.TemporaryDirectory() as name:
        sources = args.videos or clips(Path(name), args.recordings, args.frames)
        for _ in range(args.rounds):
            for scheduler, rows in found.items():
                rows.append(measured(scheduler, sources, Path(name)))
                print(rows[-1], flush=True)
    medians = [
        {key: statistics.median(row[key] for row in rows) if key != "scheduler" else rows[0][key] for key in rows[0]}
        for rows in found.values()
    ]
    columns = {"start_s": ".1f", "recordings_s": ".0f", "all_s": ".0f", "empty_ms": ".1f", "again_s": ".1f"}
    print_table(medians, {"scheduler": "", **columns, "processes": ".0f", "idle_MB": ".0f", "installed_MB": ".0f"})
    write(medians, args.json)


if __name__ == "__main__":
    main()
