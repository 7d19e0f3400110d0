"""What a label file says, whatever its format: intervals, and what is wrong with them.

`where` names the place in the file as its reader finds it: `line 12`, or
`observation 'hall', event 3` in a project.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import PurePosixPath
from typing import Literal

NOBODY = "No focal subject"
"""BORIS' name for an action of nobody in particular."""


@dataclass(frozen=True)
class Medium:
    """A further file that shows an interval: its name, and the seconds that its clock is ahead of the interval's."""

    name: str
    ahead_s: float


@dataclass(frozen=True)
class Interval:
    """An action as a human coded it.

    Attributes:
        where: place in the file.
        action: name of the behaviour.
        start_s: seconds of the clock that the file goes by, see `LabelFile`; NaN where it tells `frames` instead.
        stop_s: likewise; equal to `start_s` for a point event, infinite for a state that never stops.
        subject: as the human calls the person; None for nobody in particular.
        recording: name of the recording or observation; None when the file has none.
        media: video file, as the file names it; None when it names none.
        further: other files that show the same.
        frames: first and last frame number, both inside; None where the file tells times.
        is_point: an event without duration.
        comment: the human's, with BORIS' modifiers in brackets before it.
    """

    where: str
    action: str
    start_s: float
    stop_s: float
    subject: str | None = None
    recording: str | None = None
    media: str | None = None
    further: tuple[Medium, ...] = ()
    frames: tuple[int, int] | None = None
    is_point: bool = False
    comment: str | None = None

    @property
    def closed(self) -> bool:
        return math.isfinite(self.stop_s)

    def __str__(self) -> str:
        return f"{self.where}: {self.action!r} of {self.subject or 'nobody in particular'}"


@dataclass(frozen=True)
class LabelFile:
    """A label file.

    Its times are those that a player shows, where another program coded on a player: they count from the beginning of
    the file, which may have sound before its first picture. A plain table has the video's own times.

    Attributes:
        format: `boris-tabular`, `boris-aggregated`, `boris-project`, `elan`, `elan-tab`, `csv` or `corrections`.
        intervals: in the order of the file; states that never stop are among them (`Interval.closed`).
        problems: one line each, with the place in the file.
        coder: who coded it, where the file says.
        source_sha256: of the recording's file, where the labels are corrections of its report.
        whole: whether the people in it were coded all the time; otherwise only where they have a label.
    """

    format: str
    intervals: tuple[Interval, ...]
    problems: tuple[str, ...] = ()
    coder: str | None = None
    source_sha256: str | None = None
    whole: bool = True

    @property
    def of_player(self) -> bool:
        """Whether its times are those of a player."""
        return self.format not in ("csv", "corrections")


@dataclass(frozen=True)
class Mark:
    """A START, STOP or POINT, before pairs are made of them; `TOGGLE` is a START or a STOP by turns."""

    interval: Interval
    kind: Literal["START", "STOP", "POINT", "TOGGLE"]
    modifiers: str = ""


def pair(marks: Iterable[Mark]) -> tuple[list[Interval], list[str]]:
    """Intervals out of single marks: a STOP ends the START of the same recording, subject, action and modifiers.

    Returns:
        The intervals by time, a START without a STOP among them with an infinite `stop_s`, and what didn't fit.
    """
    intervals: list[Interval] = []
    problems: list[str] = []
    running: dict[tuple[str | None, ...], Interval] = {}
    for mark in _by_time(marks, running):
        now, key = mark.interval, _key(mark)
        begun = running.get(key)
        if mark.kind == "POINT":
            intervals.append(replace(now, is_point=True))
        elif mark.kind == "START" or (mark.kind == "TOGGLE" and begun is None):
            if begun is not None:
                problems.append(f"{begun} starts again ({now.where}) before it stops: the first start is dropped")
            running[key] = now
        elif begun is None:
            problems.append(f"{now} stops at {now.start_s:g} s but never started: dropped")
        else:
            del running[key]
            comment = "; ".join(filter(None, dict.fromkeys([begun.comment, now.comment]))) or None
            intervals.append(replace(begun, stop_s=now.start_s, comment=comment))
    intervals += [replace(begun, stop_s=math.inf) for begun in running.values()]
    return sorted(intervals, key=lambda interval: interval.start_s), problems


def _key(mark: Mark) -> tuple[str | None, ...]:
    """What a START and its STOP have in common."""
    return (mark.interval.recording, mark.interval.media, mark.interval.subject, mark.interval.action, mark.modifiers)


def _by_time(marks: Iterable[Mark], running: Container[tuple[str | None, ...]]) -> Iterator[Mark]:
    """The marks by time; of one moment, what ends a state that runs comes before what begins it anew."""

    def time(mark: Mark) -> float:
        return mark.interval.start_s

    for _, group in groupby(sorted(marks, key=time), key=time):
        together = list(group)
        ends = {_key(mark): mark for mark in reversed(together) if mark.kind == "STOP" and _key(mark) in running}
        yield from ends.values()
        yield from (mark for mark in together if ends.get(_key(mark)) is not mark)


def in_order(intervals: Iterable[Interval]) -> tuple[list[Interval], list[str]]:
    """The intervals that don't stop before they start, and what was dropped."""
    kept: list[Interval] = []
    problems: list[str] = []
    for interval in intervals:
        if interval.frames is not None and interval.frames[1] < interval.frames[0]:
            problems.append(
                f"{interval} stops in frame {interval.frames[1]}, before its start in frame {interval.frames[0]}:"
                " dropped"
            )
        elif interval.stop_s < interval.start_s:
            problems.append(
                f"{interval} stops at {interval.stop_s:g} s, before its start at {interval.start_s:g} s: dropped"
            )
        else:
            kept.append(interval)
    return kept, problems


def overlaps(intervals: Iterable[Interval]) -> Iterator[str]:
    """A line for each interval that overlaps an earlier one of the same recording, subject and action."""

    def same(interval: Interval) -> tuple[str, ...]:
        return (interval.recording or "", interval.media or "", interval.subject or "", interval.action)

    states = [interval for interval in intervals if not interval.is_point and interval.closed]
    latest: dict[tuple[str, ...], Interval] = {}
    for interval in sorted(states, key=lambda one: one.start_s):
        before = latest.get(same(interval))
        if before is not None and interval.start_s < before.stop_s - 1e-9:
            yield (
                f"{interval} from {interval.start_s:g} s overlaps the same action from {before.start_s:g} s"
                f" to {before.stop_s:g} s ({before.where})"
            )
        if before is None or interval.stop_s > before.stop_s:
            latest[same(interval)] = interval


def stem(media: str) -> str:
    """Name of a file without folders and suffix, for paths and URLs of any system."""
    return PurePosixPath(media.replace("\\", "/")).stem


def with_modifiers(modifiers: Iterable[str], comment: str) -> str | None:
    """BORIS' modifiers and comment in one text: `[left|fast] seen badly`."""
    chosen = "|".join(modifier for modifier in (part.strip() for part in modifiers) if modifier not in ("", "None"))
    return " ".join(filter(None, [f"[{chosen}]" if chosen else "", comment.strip()])) or None
