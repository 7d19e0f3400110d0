"""What a report tells: the human's bouts of each person whom a human coded, the automatic ones of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from storage.bouts import Bout, read_coded, read_marks

ROUNDED_S = 5e-4
"""Label files keep milliseconds: a border may lie so much behind the frame that it means, seconds."""


@dataclass(frozen=True)
class Believed:
    """The bouts that count.

    Attributes:
        bouts: of all people; a human's have the score 1.
        coders: the people whose bouts a human coded, and the coder's name where the file says it.
    """

    bouts: tuple[Bout, ...]
    coders: Mapping[int, str | None] = field(default_factory=dict)


def believe(
    tx: Connection,
    track_run_id: int,
    automatic: Sequence[Bout],
    frames: NDArray[np.int64],
    time_s: NDArray[np.float64],
) -> Believed:
    """The rule is that of the view `current_bout`; labels of one action that overlap are one bout.

    Args:
        track_run_id: the tracks that count.
        automatic: what the machine says of them.
        frames, time_s: number and timestamp of each frame that was looked at.
    """
    coders: dict[int, str | None] = {}
    spans: dict[tuple[int, str], list[list[float]]] = {}
    for track_id, action, start_s, stop_s, coder in read_coded(tx, track_run_id):
        coders[track_id] = coder
        own = spans.setdefault((track_id, action), [])
        if own and start_s < own[-1][1]:
            own[-1][1] = max(own[-1][1], stop_s)
        else:
            own.append([start_s, stop_s])
    marks = read_marks(tx, track_run_id)
    human = [
        Bout(
            track_id,
            action,
            start_s,
            stop_s,
            *_frames(start_s, stop_s, frames, time_s),
            1.0,
            marks.get((track_id, action, start_s, stop_s)),
        )
        for (track_id, action), own in spans.items()
        for start_s, stop_s in own
    ]
    return Believed((*(bout for bout in automatic if bout.track_id not in coders), *human), coders)


def _frames(start_s: float, stop_s: float, frames: NDArray[np.int64], time_s: NDArray[np.float64]) -> tuple[int, int]:
    """First and last frame whose timestamps lie in an interval; the frame on screen where none does."""
    first, behind = np.searchsorted(time_s, [start_s - ROUNDED_S, stop_s - ROUNDED_S])
    first = min(first, len(frames) - 1) if first < behind else max(behind - 1, 0)
    return int(frames[first]), int(frames[max(behind - 1, first)])
