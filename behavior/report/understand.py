"""What the page shows of time, sequence and place, ready for the template to draw."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from behavior.report.figures import clock, ticks
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


LEVELS = 5
CHART_WIDTH, CHART_HEIGHT, CHART_LEFT, CHART_RIGHT = 960, 260, 46, 920
_TAG = (40.0, 14.0)


@dataclass(frozen=True)
class Heat:
    """A heat map, in units of its cells.

    Attributes:
        levels: 1 to 5 and the SVG path of its cells; the times of a level go up to the square of a fifth of it.
        key: each level and the seconds up to which it goes, as text.
        side: of a cell, in units of the drawing.
    """

    levels: tuple[tuple[int, str], ...]
    key: tuple[tuple[int, str], ...]
    side: float


def heat_view(seconds: NDArray[np.float64], scene_size: tuple[int, int]) -> Heat | None:
    """What `places.heat` gives as a drawing of a size; None when nobody was there."""
    most = float(seconds.max(initial=0))
    if most <= 0:
        return None
    levels = np.ceil(LEVELS * np.sqrt(seconds / most) - 1e-9).astype(int)
    paths = []
    for level in range(1, LEVELS + 1):
        edges = np.diff((levels == level).astype(int), axis=1, prepend=0, append=0)
        runs = zip(np.argwhere(edges > 0).tolist(), np.argwhere(edges < 0).tolist(), strict=True)
        paths.append((level, "".join(f"M{x} {y}h{end - x}v1h-{end - x}z" for (y, x), (_, end) in runs)))
    key = tuple((level, f"{most * (level / LEVELS) ** 2:.2g}") for level in range(1, LEVELS + 1))
    return Heat(tuple(paths), key, max(scene_size) / max(seconds.shape))


@dataclass(frozen=True)
class Line:
    """The distance of two people: an SVG path, and where its name stands."""

    one: int
    two: int
    path: str
    x: float
    y: float


def _apart(lines: Sequence[Line]) -> list[Line]:
    """The names of lines that would cover each other, moved down."""
    placed: list[Line] = []
    for line in sorted(lines, key=lambda line: line.y):
        near = [other.y for other in placed if abs(other.x - line.x) < _TAG[0]]
        placed.append(replace(line, y=max([line.y, *(y + _TAG[1] for y in near[-1:])])))
    return placed


@dataclass(frozen=True)
class Chart:
    """Distances over time, `CHART_WIDTH` to `CHART_HEIGHT`, with the places and texts of its ticks."""

    lines: tuple[Line, ...]
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    width: int = CHART_WIDTH
    height: int = CHART_HEIGHT
    left: int = CHART_LEFT


def distance_chart(
    curves: Mapping[tuple[int, int], NDArray[np.float64]], start_s: float, stop_s: float
) -> Chart | None:
    """The curves of `places.distances`; None without any."""
    if not curves:
        return None
    top = max(float(np.nanmax(curve)) for curve in curves.values())
    step = next((s for s in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50) if top / s <= 5), 10 ** math.ceil(math.log10(top)))
    most = step * max(1, math.ceil(top / step))
    bottom, high = CHART_HEIGHT - 24, CHART_HEIGHT - 36

    def place(share: float, value: float) -> tuple[float, float]:
        return CHART_LEFT + (CHART_RIGHT - CHART_LEFT) * share, bottom - high * value / most

    lines = []
    for (one, two), curve in curves.items():
        points = [place((k + 0.5) / len(curve), value) for k, value in enumerate(curve)]
        parts, pen = [], "M"
        for (x, y), value in zip(points, curve, strict=True):
            if math.isnan(value):
                pen = "M"
                continue
            parts.append(f"{pen}{x:.1f} {y:.1f}")
            pen = "L"
        last = next((point for point, value in zip(points[::-1], curve[::-1], strict=True) if not math.isnan(value)))
        lines.append(Line(one, two, "".join(parts), last[0] + 6, last[1] + 4))
    lines = _apart(lines)
    x_ticks = tuple((place(tick.left / 100, 0)[0], tick.text) for tick in ticks(start_s, stop_s))
    y_ticks = tuple((place(0, k * step)[1], f"{k * step:g}") for k in range(round(most / step) + 1))
    return Chart(tuple(lines), x_ticks, y_ticks)


class Area(Protocol):
    """A `features.zones.Zone`: a polygon, (n, 2) corners in pixels of the original frame."""

    @property
    def name(self) -> str: ...
    @property
    def corners(self) -> NDArray[np.float64]: ...
    @property
    def joint(self) -> str: ...


@dataclass(frozen=True)
class ZoneShape:
    """A zone over the scene: name, points of its polygon and where its name stands."""

    name: str
    points: str
    x: float
    y: float


def zone_shapes(zones: Sequence[Area], scale: float) -> list[ZoneShape]:
    """Zones in pixels of the original frame, as shapes of a picture `scale` as large."""
    shapes = []
    for zone in zones:
        corners = zone.corners * scale
        x, y = corners.mean(axis=0).tolist()
        shapes.append(ZoneShape(zone.name, " ".join(f"{a:.1f},{b:.1f}" for a, b in corners.tolist()), x, y))
    return shapes
