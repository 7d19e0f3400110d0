"""What the page shows of time and sequence, ready for the template to draw."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from behavior.report.figures import clock
from behavior.report.sequence import GONE, NOTHING

MOST_IN_DIAGRAM = 12
"""Actions of the diagram of transitions: those with the most."""
MOST_TOGETHER = 40
"""Rows of the page's table of what held at once."""


def rows_of(table: pd.DataFrame) -> list[Any]:
    """Its rows, with a field for each column."""
    return list(table.itertuples(index=False))


@dataclass(frozen=True)
class Cell:
    """A number of a table and how strongly to shade it, 0 to 1; no text where nothing was to be seen."""

    text: str
    share: float = 0.0


@dataclass(frozen=True)
class Row:
    """A person's action over the bins."""

    track_id: int
    action: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Bins:
    """Time bins of one width.

    Attributes:
        width: seconds, as text.
        starts: of the bins, as text.
        rows: by person and action; the share of the time on screen in each bin.
    """

    width: str
    starts: tuple[str, ...]
    rows: tuple[Row, ...]


def bins_views(bins: Mapping[float, pd.DataFrame], ranks: Mapping[str, int], people: Sequence[int]) -> list[Bins]:
    """Each width of `bins` (as of `tables.bins_table`) for these people: the actions they did, by rank."""
    views = []
    for width, table in bins.items():
        done = table[table.track_id.isin(people)]
        if done.empty:
            continue
        first, last = done.bin_start_s.min(), done.bin_start_s.max()
        starts = [first + k * width for k in range(round((last - first) / width) + 1)]
        found: dict[tuple[int, str], dict[int, float]] = {}
        for row in rows_of(done[done.groupby(["track_id", "action"]).total_s.transform("max") > 0]):
            found.setdefault((row.track_id, row.action), {})[round((row.bin_start_s - first) / width)] = row.share
        rows = [
            Row(track_id, action, tuple(_share_cell(shares.get(k, math.nan)) for k in range(len(starts))))
            for (track_id, action), shares in found.items()
        ]
        rows.sort(key=lambda each: (each.track_id, ranks[each.action]))
        decimals = 0 if float(width).is_integer() else 2
        views.append(Bins(f"{width:g}", tuple(clock(start, decimals) for start in starts), tuple(rows)))
    return views


def _share_cell(share: float) -> Cell:
    return Cell("") if math.isnan(share) else Cell(f"{100 * share:.0f}", share)


@dataclass(frozen=True)
class Node:
    """An action of the diagram: centre and radius, and where its name stands."""

    action: str
    x: float
    y: float
    radius: float
    text_x: float
    text_y: float
    anchor: str


@dataclass(frozen=True)
class Arrow:
    """From one action to another: SVG path, width, count, and the rank of the action it comes from."""

    line: str
    width: float
    count: int
    rank: int


@dataclass(frozen=True)
class Matrix:
    """What followed what, of all people together.

    Attributes:
        columns: what followed.
        rows: an action, its cells (counts, shaded by their share) and how often anything followed it.
        nodes, arrows: the diagram, in a picture of `WIDTH` to `HEIGHT`; an action that follows itself has no arrow.
        left_out: actions that the diagram has no room for.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...], int], ...]
    nodes: tuple[Node, ...]
    arrows: tuple[Arrow, ...]
    left_out: int


WIDTH, HEIGHT = 640, 420


def matrix_view(transitions: pd.DataFrame, ranks: Mapping[str, int]) -> Matrix | None:
    """The table of `sequence.transitions` as matrix and diagram; None when nothing was ever done."""
    if transitions.empty:
        return None
    counts: dict[tuple[str, str], int] = {}
    for row in rows_of(transitions):
        counts[row.action, row.next] = counts.get((row.action, row.next), 0) + row.count
    actions = sorted({name for pair in counts for name in pair if name in ranks}, key=lambda name: ranks[name])
    columns = [*actions, *(end for end in (NOTHING, GONE) if any(after == end for _, after in counts))]
    rows: list[tuple[str, tuple[Cell, ...], int]] = []
    for action in actions:
        total = sum(n for (before, _), n in counts.items() if before == action)
        if total:
            found = [counts.get((action, after), 0) for after in columns]
            rows.append((action, tuple(Cell(str(n) if n else "", n / total) for n in found), total))
    changes = {(a, b): n for (a, b), n in counts.items() if a in ranks and b in ranks and a != b}
    weight = {name: sum(n for pair, n in changes.items() if name in pair) for name in actions}
    drawn = sorted((name for name in actions if weight[name]), key=lambda name: (-weight[name], name))
    kept = sorted(drawn[:MOST_IN_DIAGRAM], key=lambda name: ranks[name])
    nodes = {
        name: _node(name, place, len(kept), weight[name] / max(weight.values())) for place, name in enumerate(kept)
    }
    most = max(changes.values(), default=1)
    arrows = [
        Arrow(_arc(nodes[a], nodes[b]), 1.5 + 6.5 * n / most, int(n), ranks[a])
        for (a, b), n in sorted(changes.items(), key=lambda item: item[1])
        if a in nodes and b in nodes
    ]
    return Matrix(tuple(columns), tuple(rows), tuple(nodes.values()), tuple(arrows), len(drawn) - len(kept))


def _node(action: str, place: int, n: int, weight: float) -> Node:
    angle = 2 * math.pi * place / n - math.pi / 2
    x, y, radius = WIDTH / 2 + 140 * math.cos(angle), HEIGHT / 2 + 140 * math.sin(angle), 8 + 14 * math.sqrt(weight)
    side = math.cos(angle)
    anchor = "middle" if abs(side) < 0.2 else "start" if side > 0 else "end"
    away = radius + 10
    return Node(
        action, x, y, radius, x + away * side, y + (away + 6) * math.sin(angle) + 5, anchor
    )  # the text's own middle is 5 above its baseline


def _arc(a: Node, b: Node) -> str:
    """A bow from the rim of one node to the rim of another, to its right, so that the way back is another bow."""
    dx, dy = b.x - a.x, b.y - a.y
    length = math.hypot(dx, dy)
    ux, uy = dx / length, dy / length
    bend = 0.16 * length + 10
    mx, my = (a.x + b.x) / 2 - uy * bend, (a.y + b.y) / 2 + ux * bend
    start, stop = _towards(a, mx, my, 2), _towards(b, mx, my, 9)
    return f"M{start[0]:.1f} {start[1]:.1f}Q{mx:.1f} {my:.1f} {stop[0]:.1f} {stop[1]:.1f}"


def _towards(node: Node, x: float, y: float, gap: float) -> tuple[float, float]:
    away = math.hypot(x - node.x, y - node.y)
    share = (node.radius + gap) / away
    return node.x + (x - node.x) * share, node.y + (y - node.y) * share
