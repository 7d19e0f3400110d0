"""What a report tells: the human's bouts where a human coded, the automatic ones where nobody did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from behavior.labels import actions_of
from storage.bouts import Bout
from storage.coded import SLIVER_S, Said, Span, Word, uncovered, words_of_run

ROUNDED_S = 5e-4
"""Label files keep milliseconds: a border may lie so much behind the frame that it means, seconds."""


@dataclass(frozen=True)
class Believed:
    """The bouts that count.

    Attributes:
        bouts: of all people; a human's have the score 1.
        words: what humans said of the people of whom they said anything.
    """

    bouts: tuple[Bout, ...]
    words: Mapping[int, Word] = field(default_factory=dict)

    @property
    def coded(self) -> dict[int, tuple[Span, ...]]:
        """The people of whom humans said anything, and where; `ALWAYS` for the whole time."""
        return {track_id: word.spans for track_id, word in self.words.items()}

    @property
    def coders(self) -> set[str]:
        """Their names, where the files say them."""
        return {one.coder for word in self.words.values() for one in word.said if one.coder}


def believe(
    tx: Connection,
    track_run_id: int,
    automatic: Sequence[Bout],
    frames: NDArray[np.int64],
    time_s: NDArray[np.float64],
) -> Believed:
    """The rule is that of the view `current_bout`: automatic bouts are cut where a human said something, and what then
    goes on from one to the other, or overlaps, is one bout.

    Args:
        track_run_id: the tracks that count.
        automatic: what the machine says of them.
        frames, time_s: number and timestamp of each frame that was looked at.
    """
    words = words_of_run(tx, track_run_id)
    found = [bout for bout in automatic if bout.track_id not in words]
    for track_id, word in sorted(words.items()):
        pieces = [_Piece(one, one.start_s, one.stop_s, one.layer) for one in word.said if actions_of(one.action)]
        for bout in automatic:
            if bout.track_id == track_id:
                left = uncovered(bout.start_s, bout.stop_s, word.spans)
                pieces += [_Piece(bout, first, last, 0) for first, last in left]
        found += [_bout(track_id, some, frames, time_s) for some in _joined(pieces)]
    return Believed(tuple(found), words)


@dataclass(frozen=True)
class _Piece:
    """What counts of a label or an automatic bout; the layer of the latter is 0."""

    of: Said | Bout
    start_s: float
    stop_s: float
    layer: int


def _joined(pieces: Sequence[_Piece]) -> list[list[_Piece]]:
    """The pieces of each bout: of one action, overlapping, or one layer beginning where the other stops."""
    found: list[list[_Piece]] = []
    stop_s, action = 0.0, ""
    for one in sorted(pieces, key=lambda one: (one.of.action, one.start_s, one.stop_s, one.layer)):
        before = found[-1][-1] if found else one
        goes_on = one.layer != before.layer and one.start_s <= before.stop_s + SLIVER_S
        if found and one.of.action == action and (one.start_s < stop_s or goes_on):
            found[-1].append(one)
            stop_s = max(stop_s, one.stop_s)
        else:
            found.append([one])
            stop_s, action = one.stop_s, one.of.action
    return found


def _bout(track_id: int, pieces: Sequence[_Piece], frames: NDArray[np.int64], time_s: NDArray[np.float64]) -> Bout:
    said = [one.of for one in pieces if isinstance(one.of, Said)]
    automatic = [one.of for one in pieces if isinstance(one.of, Bout)]
    start_s, stop_s = pieces[0].start_s, max(one.stop_s for one in pieces)
    if len(pieces) == len(automatic) == 1 and (start_s, stop_s) == (automatic[0].start_s, automatic[0].stop_s):
        return automatic[0]
    notes = [bout.evidence for bout in automatic] or [one.comment for one in said if one.corrected]
    counted = {one for bout in automatic for one in bout.repetitions}
    within = (one for one in counted if start_s <= (one.start_s + one.stop_s) / 2 < stop_s)
    bout = Bout(
        track_id,
        pieces[0].of.action,
        start_s,
        stop_s,
        *_frames(start_s, stop_s, frames, time_s),
        min((bout.score for bout in automatic), default=1.0),
        next(iter(notes), None),
        tuple(sorted(within, key=lambda one: one.start_s)),
        "both" if said and automatic else "human" if said else "automatic",
    )
    exact = {one.start_s: one.start_frame for one in automatic}, {one.stop_s: one.stop_frame for one in automatic}
    first, last = exact[0].get(start_s, bout.start_frame), exact[1].get(stop_s, bout.stop_frame)
    return replace(bout, start_frame=first, stop_frame=max(first, last))


def _frames(start_s: float, stop_s: float, frames: NDArray[np.int64], time_s: NDArray[np.float64]) -> tuple[int, int]:
    """First and last frame whose timestamps lie in an interval; the frame on screen where none does."""
    first, behind = np.searchsorted(time_s, [start_s - ROUNDED_S, stop_s - ROUNDED_S])
    first = min(first, len(frames) - 1) if first < behind else max(behind - 1, 0)
    return int(frames[first]), int(frames[max(behind - 1, first)])
