"""How many frames are on their way through the network at once, found out on the first frames themselves."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from pose.backends.base import Backend
from pose.sources import FrameSource

S = TypeVar("S")
T = TypeVar("T")


@dataclass(frozen=True)
class Load:
    """`in_flight` batches of `batch` frames each are worked on at the same time."""

    batch: int
    in_flight: int

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")

    @property
    def frames(self) -> int:
        return self.batch * self.in_flight


ROUNDS = 3
"""How often a load is filled to measure it."""

_WORTH = 0.95
"""Share of the best time so far per frame that another load must stay below, so that noise does not decide."""


def loads_of(backend: Backend, batch: int | None = None, in_flight: int | None = None) -> tuple[Load, ...]:
    """Loads worth a trial on this backend, the likeliest first; what is given is not tried out.

    A CPU has one thread per frame in flight, and more frames than threads only bridge the moments in which one waits. A
    GPU needs batches, and the next one at hand.
    """
    if backend.device == "cpu":
        likely = [Load(1, backend.in_flight), Load(1, 2 * backend.in_flight)]
    else:
        likely = [Load(16, 2), Load(8, 2), Load(8, 4)]
    return tuple(dict.fromkeys(Load(batch or load.batch, in_flight or load.in_flight) for load in likely))


def is_worth_a_trial(loads: Sequence[Load], source: FrameSource, clip: int = 1) -> bool:
    """False for cameras, which set their own pace, and for what is over soon; `clip` frames are worked on together."""
    spent = clip * (loads[0].frames + ROUNDS * sum(load.frames for load in loads))
    return len(loads) > 1 and not source.live and (source.expected_frames or 0) >= 10 * spent


def try_out(
    loads: Sequence[Load],
    clips: Iterator[S],
    work: Callable[[Iterator[S], Load], Iterator[T]],
    choose: Callable[[Load], None],
) -> Iterator[T]:
    """Works on some clips with each load; none is worked on twice.

    Args:
        loads: to be measured.
        clips: taken from their beginning.
        work: gives what comes of clips under a load.
        choose: told which load is the best so far.
    """
    yield from work(islice(clips, loads[0].frames), loads[0])  # first calls take longer
    best_s = float("inf")
    for load in loads:
        n = ROUNDS * load.frames
        begin = time.perf_counter()
        yield from work(islice(clips, n), load)
        seconds = (time.perf_counter() - begin) / n
        if seconds < _WORTH * best_s:
            best_s = seconds
            choose(load)
