"""Geometry of the report's figures, ready for the template to draw: time axis, ethogram, time budget, paths.

x of the ethogram is in thousandths of a percent of the time shown, so that one drawing stretches to any width; y is in
CSS pixels.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from behavior.recognition.rules import POSTURES, UPRIGHT
from behavior.report.tables import BRIDGE_S, Spans, length, merged, overlap, tick_step
from pose.skeleton import Skeleton
from storage.bouts import Bout, Source

AXIS = 100_000
ROW_HEIGHT = 22
PRESENCE_HEIGHT = 5
MAX_LABELS = 600
_NARROW = 4.0
_MAX_PATH_POINTS = 240


def clock(seconds: float, decimals: int = 0) -> str:
    """`0:07`, `12:05.25`, `1:02:05`: a time as players write it."""
    ticks = round(abs(seconds) * 10**decimals)
    whole, fraction = divmod(ticks, 10**decimals)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    text = f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"
    tail = f".{fraction:0{decimals}d}" if decimals else ""
    return ("−" if seconds < 0 and ticks else "") + text + tail


@dataclass(frozen=True)
class Tick:
    """A mark of the time axis: its place in percent and its text."""

    left: float
    text: str


def ticks(start_s: float, stop_s: float) -> list[Tick]:
    """Marks of a time axis at round times."""
    span = stop_s - start_s
    if span <= 0:
        return []
    step = tick_step(span)
    decimals = max(0, math.ceil(-math.log10(step)))
    # The text of a mark stands to its right: none in the last twentieth, where it would not fit.
    first, last = math.ceil(start_s / step - 1e-9), math.floor((stop_s - span / 20) / step + 1e-9)
    return [Tick(100 * (k * step - start_s) / span, clock(k * step, decimals)) for k in range(first, last + 1)]


def total_times(bouts: Iterable[Bout]) -> dict[str, float]:
    """Seconds of each action, the longest first."""
    totals: dict[str, float] = {}
    for bout in bouts:
        totals[bout.action] = totals.get(bout.action, 0.0) + bout.duration_s
    return dict(sorted(totals.items(), key=lambda item: (-item[1], item[0])))


def rank_actions(bouts: Iterable[Bout]) -> dict[str, int]:
    """Place of each action by total time, the longest first; it decides the colour."""
    return {action: rank for rank, action in enumerate(total_times(bouts))}


@dataclass(frozen=True)
class Label:
    """An action's name on its bar: left and width in percent, row from 0, rank, and whether it is too narrow to fit."""

    left: float
    width: float
    row: int
    rank: int
    text: str
    narrow: bool


@dataclass(frozen=True)
class Lane:
    """One person's line of the ethogram.

    Attributes:
        rows: of bars on top of each other; more than one where bouts overlap. Postures stand below the others.
        height: of the drawing, CSS pixels.
        absent, present: SVG paths of when the person was off and on screen.
        bars: rank of an action and the SVG path of all its bouts.
        labels: names of the longest bouts.
        bouts: start, stop (milliseconds since the axis' start), rank, score in percent, row; by start.
        evidence: of each of these, `Bout.evidence`.
        marks: of each of these, what stands in place of the score where a human coded it, at least in part; else None.
    """

    rows: int
    height: int
    absent: str
    present: str
    bars: tuple[tuple[int, str], ...]
    labels: tuple[Label, ...]
    bouts: tuple[tuple[int, int, int, int, int], ...]
    evidence: tuple[str | None, ...]
    marks: tuple[str | None, ...]


_MARKS: dict[Source, str | None] = {
    "automatic": None, "human": "coded by hand", "both": "coded by hand in part"
}  # fmt: skip


def lane(
    bouts: Sequence[Bout],
    on_screen: Spans,
    ranks: dict[str, int],
    start_s: float,
    stop_s: float,
    labelled: Set[Bout],
) -> Lane:
    """The line of one person between two times; `bouts` are that person's; those of `labelled` get a label."""
    span = max(stop_s - start_s, 1e-9)
    bouts = sorted(bouts, key=lambda bout: (bout.start_s, bout.stop_s))
    motions, postures = ([one for one in bouts if (one.action in POSTURES) is held] for held in (False, True))
    upper, lower = _stack(motions), _stack(postures)
    placed = {id(bout): row for bout, row in zip(motions, upper, strict=True)}
    below = max(upper, default=-1) + 1
    placed |= {id(bout): below + row for bout, row in zip(postures, lower, strict=True)}
    rows = [placed[id(bout)] for bout in bouts]
    n_rows = max(rows, default=0) + 1
    bars: dict[int, list[str]] = {}
    labels = []
    for bout, row in zip(bouts, rows, strict=True):
        rank = ranks[bout.action]
        left, right = ((time - start_s) / span for time in (bout.start_s, bout.stop_s))
        bars.setdefault(rank, []).append(_box(left, right, row * ROW_HEIGHT + 1, ROW_HEIGHT - 2))
        width = 100 * (right - left)
        if bout in labelled:
            labels.append(Label(100 * left, width, row, rank, bout.action, width < _NARROW))
    bottom = n_rows * ROW_HEIGHT
    shown = [((a - start_s) / span, (b - start_s) / span) for a, b in on_screen]
    edges = [0.0, *(edge for pair in shown for edge in pair), 1.0]
    return Lane(
        rows=n_rows,
        height=bottom + PRESENCE_HEIGHT,
        absent="".join(_box(a, b, 0, bottom) for a, b in zip(edges[::2], edges[1::2], strict=True) if b > a),
        present="".join(_box(a, b, bottom + 1, PRESENCE_HEIGHT - 2) for a, b in shown),
        bars=tuple((rank, "".join(paths)) for rank, paths in sorted(bars.items())),
        labels=tuple(labels),
        bouts=tuple(
            (
                round(1000 * (bout.start_s - start_s)),
                round(1000 * (bout.stop_s - start_s)),
                ranks[bout.action],
                round(100 * bout.score),
                row,
            )
            for bout, row in zip(bouts, rows, strict=True)
        ),
        evidence=tuple(bout.evidence for bout in bouts),
        marks=tuple(_MARKS[bout.source] for bout in bouts),
    )


def longest(bouts: Iterable[Bout]) -> set[Bout]:
    """The `MAX_LABELS` longest bouts: the ones to label."""
    return set(heapq.nlargest(MAX_LABELS, bouts, key=lambda bout: bout.duration_s))


def _stack(bouts: Sequence[Bout]) -> list[int]:
    """The lowest free row of each bout, in order of start."""
    ends: list[float] = []
    rows = []
    for bout in bouts:
        row = next((row for row, end in enumerate(ends) if end <= bout.start_s + 1e-6), len(ends))
        ends[row : row + 1] = [bout.stop_s]
        rows.append(row)
    return rows


def _box(left: float, right: float, top: int, height: int) -> str:
    x = round(AXIS * left)
    width = max(round(AXIS * right) - x, 1)
    return f"M{x} {top}h{width}v{height}h-{width}z"


@dataclass(frozen=True)
class Share:
    """A person's time in one action, seconds, in how many bouts, and the repetitions counted in them.

    Rank None is time on screen without a name.
    """

    action: str
    rank: int | None
    seconds: float
    count: int = 0
    repetitions: int = 0


def time_budget(bouts: Sequence[Bout], on_screen: Spans, ranks: dict[str, int], unnamed: str) -> list[Share]:
    """How much of one person's time on screen each action took, the longest first, and what is left without a name.

    Actions may hold at once, so the parts may add up to more than the whole.
    """
    of_action: dict[str, list[tuple[float, float]]] = {}
    counted: Counter[str] = Counter()
    for bout in bouts:
        of_action.setdefault(bout.action, []).append((bout.start_s, bout.stop_s))
        counted[bout.action] += len(bout.repetitions)
    times = {action: overlap(merged(np.array(spans)), on_screen) for action, spans in of_action.items()}
    longest_first = sorted(times, key=lambda action: (-times[action], action))
    shares = [
        Share(action, ranks[action], times[action], len(of_action[action]), counted[action]) for action in longest_first
    ]
    rest = length(on_screen) - named_time(bouts, on_screen)
    # Less than a millisecond is rounding, not time.
    return [*shares, Share(unnamed, None, rest)] if rest > 1e-3 else shares


def named_time(bouts: Sequence[Bout], on_screen: Spans) -> float:
    """Seconds on screen that carry the name of at least one action; being upright is none."""
    named = merged(np.array([(b.start_s, b.stop_s) for b in bouts if b.action != UPRIGHT]).reshape(-1, 2))
    return overlap(named, on_screen)


def trunk_joints(joints: Sequence[str]) -> list[int]:
    """Which of the joints are those of the trunk."""
    trunk = {"neck", "left_shoulder", "right_shoulder", "left_hip", "right_hip", "mid_hip"}
    return [index for index, joint in enumerate(joints) if joint in trunk]


def body_middle(keypoints: NDArray[np.float32], skeleton: Skeleton) -> NDArray[np.float32]:
    """(n, 2) mean of the neck, shoulders and hips found in each of n frames, pixels; NaN where none was."""
    trunk = trunk_joints(skeleton.joints)
    points = keypoints[:, trunk, :2]
    found = np.isfinite(points[..., 0]).sum(axis=1, keepdims=True)
    return np.asarray(np.nansum(points, axis=1) / np.where(found > 0, found, np.nan), dtype=np.float32)


def body_path(
    middle: NDArray[np.float32], time_s: NDArray[np.float64], bridge_s: float = BRIDGE_S
) -> NDArray[np.float32]:
    """(m, 2) where the middle of the body went, pixels; a row of NaN where the person was out of sight.

    At most about 240 points: longer ways are averaged over equal runs of frames.
    """
    seen = np.isfinite(middle[:, 0])
    middle, time = middle[seen].astype(np.float64), time_s[seen]
    if len(middle) == 0:
        return np.empty((0, 2), dtype=np.float32)
    run = max(1, math.ceil(len(middle) / _MAX_PATH_POINTS))
    pieces: list[NDArray[np.float64]] = []
    for piece in np.split(middle, np.flatnonzero(np.diff(time) > bridge_s) + 1):
        starts = np.arange(0, len(piece), run)
        sizes = np.diff(np.append(starts, len(piece)))
        pieces += [np.add.reduceat(piece, starts, axis=0) / sizes[:, None], np.full((1, 2), np.nan)]
    return np.concatenate(pieces[:-1]).astype(np.float32)


def svg_path(points: NDArray[np.float32], scale: float) -> str:
    """The points as an SVG path; NaN lifts the pen."""
    parts: list[str] = []
    pen = "M"
    for x, y in points:
        if math.isnan(x):
            pen = "M"
            continue
        parts.append(f"{pen}{x * scale:.1f} {y * scale:.1f}")
        pen = "L"
    return "".join(parts)
