"""The process around a command: signals end it in order, and libraries' own words stay off the terminal."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType


class Stopped(KeyboardInterrupt):
    """A signal that asks to end; all that Ctrl-C keeps is kept."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.status = 128 + number


def status_of(stop: BaseException | None) -> int:
    """Exit status of a process that was stopped: 128 and the number of the signal, as shells have it."""
    return stop.status if isinstance(stop, Stopped) else 128 + signal.SIGINT


def end_in_order() -> None:
    """SIGTERM and SIGHUP become `Stopped`, where they were not ignored on purpose (nohup)."""

    def stop(number: int, _: FrameType | None) -> None:
        raise Stopped(number)

    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, stop)


def keep_libraries_quiet() -> None:
    """What C libraries write to stderr (libpng, OpenCV, ffmpeg) goes nowhere; Python's own goes on by a copy of it."""
    try:
        copy = os.dup(sys.stderr.fileno())
    except (AttributeError, OSError, ValueError):  # no stderr, or one that is no file
        return
    sys.stderr.flush()
    sys.stderr = open(copy, "w", buffering=1, encoding=sys.stderr.encoding, errors=sys.stderr.errors)  # noqa: SIM115 - open to the end
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
