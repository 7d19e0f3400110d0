"""What humans say of each person: the newest word, where it was said.

A file that codes somebody's whole time says of all that it does not name that nothing was done. Of other files, and of
corrections, only the intervals count in which they have a label; `unknown` is one, and says that none of the actions
holds. Later words lie over earlier ones, and all of them over what the machine says: all whole files of a coder are one
layer, every other file is one of its own. The view `current_bout` says the same in SQL.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from storage import schema
from storage.bouts import CORRECTIONS

SLIVER_S = 1e-3
"""What is left of a cut interval and is no longer than this is not kept, seconds: label files round."""

Span = tuple[float, float]

ALWAYS: Span = (-math.inf, math.inf)


@dataclass(frozen=True)
class Said:
    """A label, or what later words left of it.

    Attributes:
        track_id: the person.
        action: name of the action, or `unknown`: none of them.
        start_s, stop_s: seconds of the source's own clock.
        coder: who said it, where that is known.
        comment: the coder's.
        source: key of the label file.
        layer: the higher, the later it was said: key of the newest file of the layer.
        number: key of the label in the database.
        corrected: whether it was said in a report; the comment is then "confirmed", "not sure" or None.
    """

    track_id: int
    action: str
    start_s: float
    stop_s: float
    coder: str | None
    comment: str | None
    source: int
    number: int
    corrected: bool
    layer: int = 0


@dataclass(frozen=True)
class Word:
    """What humans say of one person.

    Attributes:
        said: by time, cut to where nothing newer was said; labels of one layer may overlap.
        spans: from when to when somebody coded, by time, none touching another; `ALWAYS` alone for the whole time.
    """

    said: tuple[Said, ...]
    spans: tuple[Span, ...]

    @property
    def whole(self) -> bool:
        return self.spans == (ALWAYS,)


def uncovered(start_s: float, stop_s: float, covers: Iterable[Span]) -> list[Span]:
    """What covers leave of an interval; slivers go."""
    hits = sorted(one for one in covers if one[0] < stop_s and one[1] > start_s)
    if not hits:
        return [(start_s, stop_s)]
    left, at = [], start_s
    for first, last in [*hits, (stop_s, stop_s)]:
        if first - at > SLIVER_S:
            left.append((at, first))
        at = max(at, last)
    return left


def united(spans: Iterable[Span]) -> list[Span]:
    """Spans by time; those that touch or overlap are one."""
    found: list[Span] = []
    for first, last in sorted(spans):
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found


def within(time_s: NDArray[np.float64], spans: Iterable[Span]) -> NDArray[np.bool_]:
    """(n,) whether each moment lies in one of the spans, from start up to stop."""
    inside = np.zeros(len(time_s), dtype=bool)
    for first, last in spans:
        inside |= (time_s >= first) & (time_s < last)
    return inside


def read_words(tx: Connection, recording_id: int, source_ids: Collection[int] | None = None) -> dict[int, Word]:
    """Person -> what humans say of them, of all label files or of those named; points don't count."""
    label, source = schema.annotation.c, schema.annotation_source.c
    query = (
        select(
            label.track_id, label.action, label.start_s, label.stop_s, source.coder, label.comment, source.id, label.id,
            source.format == CORRECTIONS, source.whole,
        )
        .join(schema.annotation_source, source.id == label.source_id)
        .where(source.recording_id == recording_id, label.track_id.is_not(None), ~label.is_point)
        .order_by(source.id, label.id)
    )  # fmt: skip
    if source_ids is not None:
        query = query.where(source.id.in_(source_ids))
    layers: dict[int, dict[object, list[tuple[bool, Said]]]] = {}
    for *row, whole in tx.execute(query):
        said = Said(*row)
        key = said.source if said.corrected or not whole else (said.coder,)
        layers.setdefault(said.track_id, {}).setdefault(key, []).append((whole, said))
    return {track_id: _word(list(own.values())) for track_id, own in layers.items()}


def _word(layers: Sequence[Sequence[tuple[bool, Said]]]) -> Word:
    kept: list[Said] = []
    covered: list[Span] = []
    for layer in sorted(layers, key=lambda labels: -max(one.source for _, one in labels)):
        number = max(one.source for _, one in layer)
        for _, one in layer:
            left = uncovered(one.start_s, one.stop_s, covered)
            kept += [replace(one, start_s=first, stop_s=last, layer=number) for first, last in left]
        covered += [ALWAYS if whole else (one.start_s, one.stop_s) for whole, one in layer]
    by_time = sorted(kept, key=lambda one: (one.start_s, one.stop_s, one.number))
    return Word(tuple(by_time), tuple(one for one in united(covered) if one[1] > one[0]))


def words_of_run(tx: Connection, track_run_id: int) -> dict[int, Word]:
    """The words on the people of a track run; none when these tracks aren't the ones that count."""
    view = schema.current_run.c
    recording = tx.scalar(select(view.recording_id).where(view.track_run_id == track_run_id))
    return {} if recording is None else read_words(tx, recording)


def told_words(tx: Connection, track_run_id: int) -> list[list[object]]:
    """The same as plain JSON, by person and time."""
    words = sorted(words_of_run(tx, track_run_id).items())
    told: list[list[object]] = [
        [one.track_id, one.action, one.start_s, one.stop_s, one.coder, one.comment if one.corrected else None]
        for _, word in words
        for one in word.said
    ]
    return told + [[track_id, word.whole or word.spans] for track_id, word in words]
