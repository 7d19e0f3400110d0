"""What the studio has running: commands of this package, each in a process of its own, told of and stopped.

A job is what the command line would do, so whatever stopping and going on mean there holds here. Jobs of one kind wait
for each other: two analyses at once would only share the machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from behavior.errors import DataError

State = Literal["waiting", "running", "done", "failed", "stopped"]
PATIENCE_S = 20.0
"""What a process has to store what is done, before it is killed."""
MOST = 20
"""Jobs over and done with that are remembered."""
_RUN = "import sys; from behavior.cli import main; sys.exit(main())"


@dataclass(eq=False)
class Job:
    """Commands that run one after the other until one fails.

    Attributes:
        number: of the job.
        kind: jobs of one kind wait for each other.
        about: what it works on, for the reader.
        database: number of the database.
        commands: arguments of `posescribe`, one list each.
        state: see `State`.
        stage, done, total, per_s, left_s: as the command tells them last.
        told: the last line that it said; of a failed one, why.
    """

    number: int
    kind: str
    about: str
    database: int
    commands: list[list[str]]
    state: State = "waiting"
    stage: str = ""
    done: int = 0
    total: int | None = None
    per_s: float = 0.0
    left_s: float | None = None
    told: str = ""
    process: subprocess.Popen[str] | None = field(default=None, repr=False)

    @property
    def over(self) -> bool:
        return self.state in ("done", "failed", "stopped")

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        names = ("number", "kind", "about", "database", "state", "stage", "done", "total", "per_s", "left_s", "told")
        return {name: getattr(self, name) for name in names}


class Jobs:
    """All jobs of a studio. May be used by several threads."""

    def __init__(self) -> None:
        self._jobs: list[Job] = []
        self._last = 0
        self._lock = threading.Lock()
        self._turns: dict[str, threading.Lock] = {}
        self._threads: list[threading.Thread] = []

    def start(self, kind: str, about: str, database: int, commands: Sequence[Sequence[str]]) -> Job:
        """A new job; raises `DataError` where the same is waiting or running already."""
        with self._lock:
            for other in self._jobs:
                if not other.over and (other.kind, other.about, other.database) == (kind, about, database):
                    raise DataError(f"{about}: is being worked on already")
            self._last += 1
            job = Job(self._last, kind, about, database, [list(one) for one in commands])
            gone = [one for one in self._jobs if one.over][:-MOST]
            self._jobs = [*(one for one in self._jobs if one not in gone), job]
            turn = self._turns.setdefault(kind, threading.Lock())
        thread = threading.Thread(target=self._work, args=(job, turn), daemon=True)
        self._threads = [*(one for one in self._threads if one.is_alive()), thread]
        thread.start()
        return job

    def list(self) -> list[Job]:
        """All that are remembered, the newest first."""
        with self._lock:
            return self._jobs[::-1]

    def stop(self, number: int) -> None:
        """Ends a job in order: what is done is kept. Raises `DataError` where there is none of that number."""
        with self._lock:
            found = [job for job in self._jobs if job.number == number]
            if not found:
                raise DataError(f"there is no job {number}")
            job = found[0]
            if job.over:
                return
            job.state = "stopped"
            process = job.process
        if process is not None:
            process.terminate()
            killer = threading.Timer(PATIENCE_S, process.kill)
            killer.daemon = True
            killer.start()

    def again(self, number: int) -> Job:
        """The same once more, in place of one that was stopped or failed: commands go on where they were.

        Raises `DataError` where there is none of that number that is over.
        """
        with self._lock:
            found = [job for job in self._jobs if job.number == number and job.over]
            if not found:
                raise DataError(f"there is no job {number} to go on with")
            self._jobs.remove(found[0])
        return self.start(found[0].kind, found[0].about, found[0].database, found[0].commands)

    def close(self) -> None:
        """Stops all, and waits for them."""
        for job in self.list():
            self.stop(job.number)
        for thread in self._threads:
            thread.join(PATIENCE_S + 5)

    def _work(self, job: Job, turn: threading.Lock) -> None:
        with turn:
            for command in job.commands:
                with self._lock:
                    if job.over:
                        return
                    job.state, job.stage, job.done, job.total, job.left_s = "running", "", 0, None, None
                    job.process = process = _started(command)
                status = _followed(job, process)
                with self._lock:
                    job.process = None
                    if status != 0 and not job.over:
                        job.state = "failed"
            with self._lock:
                if not job.over:
                    job.state = "done"


def _started(command: Sequence[str]) -> subprocess.Popen[str]:
    # -P: nothing is imported from the folder in which the studio was begun.
    return subprocess.Popen(
        [sys.executable, "-P", "-c", _RUN, *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, "POSESCRIBE_PROGRESS": "json", "PYTHONIOENCODING": "utf-8"},
    )


def _followed(job: Job, process: subprocess.Popen[str]) -> int:
    """Reads what a process tells until it ends; its exit status."""
    with process:
        for line in process.stderr or ():
            told: Any = None
            with suppress(ValueError):
                told = json.loads(line)
            if isinstance(told, dict) and "stage" in told:
                for name in ("stage", "done", "total", "per_s", "left_s"):
                    setattr(job, name, told.get(name))
            elif text := (told["say"] if isinstance(told, dict) and "say" in told else line).strip():
                job.told = str(text).removeprefix("posescribe: ")
        return process.wait()
