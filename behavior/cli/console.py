"""What a command tells its user while it works; all of it on stderr."""

from __future__ import annotations

import json
import os
import sys
import time
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from behavior.cli.printable import printable
from behavior.cli.process import status_of


class Narrator:
    """Messages, and one progress bar per stage with the time left.

    Where stderr is no terminal, a line every 10 seconds takes the bar's place. Where the environment variable
    `POSESCRIBE_PROGRESS` is `json`, each message and step is a JSON object on a line of its own, for a program to read.
    """

    def __init__(self, plain_every_s: float = 10.0) -> None:
        self._as_json = os.environ.get("POSESCRIBE_PROGRESS") == "json"
        if self._as_json:
            plain_every_s = 0.25
        self._console = Console(file=sys.stderr, highlight=False, soft_wrap=True)
        self._plain_every_s = plain_every_s
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
            transient=True,
        )
        self._task: TaskID | None = None
        self._stage = ""
        self._first = (0.0, 0)
        self._last_line = 0.0

    def __enter__(self) -> Narrator:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            self.say("stopped; what is done is kept, and the same command goes on from there")
            raise SystemExit(status_of(error))

    def say(self, text: str) -> None:
        """One line."""
        if self._as_json:
            self._print_json({"say": text})
            return
        self._console.print(printable(text), markup=False)

    def step(self, stage: str, done: int, total: int | None) -> None:
        """`done` of `total` units of a stage; a new stage name begins a new bar."""
        now = time.monotonic()
        if stage != self._stage:
            if self._task is not None:
                self._progress.remove_task(self._task)
            self._task = self._progress.add_task(stage, total=total)
            self._stage, self._first, self._last_line = stage, (now, done), now
            if self._as_json:
                self._tell(now, done, total)
        if self._task is not None:
            self._progress.update(self._task, completed=done, total=total)
        if not self._console.is_terminal and now - self._last_line >= self._plain_every_s:
            self._last_line = now
            self._tell(now, done, total)

    def _tell(self, now: float, done: int, total: int | None) -> None:
        begin, already = self._first
        pace = (done - already) / (now - begin) if now > begin else 0.0
        left_s = (total - done) / pace if total and pace > 0 else None
        if self._as_json:
            told = {"stage": self._stage, "done": done, "total": total, "per_s": round(pace, 3)}
            self._print_json(told | {"left_s": None if left_s is None else round(left_s, 1)})
            return
        self.say(f"{self._stage}: {done}" + ("" if left_s is None else f" of {total}, {left_s:.0f} s left"))

    def _print_json(self, told: dict[str, Any]) -> None:
        print(json.dumps(told), file=sys.stderr, flush=True)
