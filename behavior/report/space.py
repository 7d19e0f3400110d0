"""The page of people in space: a view that can be turned, the floor plan, how well the cameras agree, bones."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
import numpy as np
import pandas as pd
from markupsafe import Markup
from numpy.typing import NDArray

from behavior.report import figures
from behavior.report.drawing import person_colour
from behavior.report.script import one_script
from behavior.report.tables import tick_step
from behavior.report.understand import rows_of
from pose.parts import n_body_joints
from pose.skeleton import Skeleton
from storage.files import write_bytes

MOST_NUMBERS = 6_000_000
"""Coordinates in the page; of a longer recording each n-th frame is shown. 2 bytes each, a third more as text."""
MISSING = -32768
PLAN = 640
"""Longer side of the floor plan, CSS pixels."""
MARGIN_M = 0.5
_BARS, _LINE = 420, 22

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SpacePage:
    """What the page tells.

    Attributes:
        title: the recordings.
        skeleton: of K joints.
        time_s: (T,) seconds.
        people: number and (T, K, 3) positions of each, metres: x and y on the floor, z up.
        cameras: name, (3,) place and (3,) direction of view of each, in the same axes.
        errors, joint_errors, bones: tables of `behavior.pipeline.scene.Scene`.
        reports: of cameras, the ways to their recordings' reports.
        videos: of cameras, the ways to their videos and the times of their first frames, seconds.
        provenance: names and values, in order.
    """

    title: str
    skeleton: Skeleton
    time_s: Array
    people: Sequence[tuple[int, Array]]
    cameras: Sequence[tuple[str, Array, Array]]
    errors: pd.DataFrame
    joint_errors: pd.DataFrame
    bones: pd.DataFrame
    reports: Mapping[str, str]
    videos: Mapping[str, tuple[str, float]]
    provenance: Mapping[str, str]


def write_space_page(page: SpacePage, path: Path) -> None:
    """Writes the page, whole or not at all; it needs nothing beside it. Raises `OutputError`."""
    folder = Path(__file__).parent
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["clock"] = figures.clock
    environment.globals.update(colour=person_colour)
    script = one_script("space")
    data, every = scene_data(page)
    text = environment.get_template("space.html").render(
        page=page,
        people=[number for number, _ in page.people],
        cameras=[name for name, _, _ in page.cameras],
        links={name: quote(where) for name, where in page.reports.items()},
        videos=[(name, quote(where), start_s) for name, (where, start_s) in page.videos.items()],
        errors=rows_of(page.errors),
        bars=bars(page.errors),
        bars_width=_BARS,
        joints=joint_rows(page),
        bones=rows_of(page.bones),
        plan=floor_plan(page),
        data=data,
        every=every,
        style=Markup((folder / "page.css").read_text(encoding="utf-8")),
        script=script,
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )
    write_bytes(path, text.encode())


def scene_data(page: SpacePage) -> tuple[dict[str, Any], int]:
    """What the script draws, and how many frames lie between two that are shown.

    Positions are whole steps of `step` metres from `origin`, 16 bits each, little-endian, `MISSING` where there is
    none; frames, joints, axes, as base64.
    """
    body = n_body_joints(page.skeleton.joints)
    numbers = len(page.time_s) * body * 3 * max(len(page.people), 1)
    every = max(1, -(-numbers // MOST_NUMBERS))
    shown = [(number, points[::every, :body]) for number, points in page.people]
    low, high = _box(page)
    origin = (low + high) / 2
    far = max((float(np.nanmax(np.abs(points - origin), initial=0)) for _, points in shown), default=0.0)
    step = max(0.001, far / 32767)
    people = []
    for number, points in shown:
        steps = np.where(np.isfinite(points), np.round((points - origin) / step), MISSING).astype("<i2")
        people.append(
            {"name": number, "colour": person_colour(number), "points": base64.b64encode(steps.tobytes()).decode()}
        )
    names = page.skeleton.joints[:body]
    limbs = [(a, b) for a, b in page.skeleton.limbs if a in names and b in names]
    return {
        "times": [round(time, 4) for time in page.time_s[::every].tolist()],
        "joints": len(names),
        "trunk": figures.trunk_joints(names),
        "limbs": [[names.index(a), names.index(b), _side(a, b)] for a, b in limbs],
        "step": step,
        "origin": origin.tolist(),
        "low": low.tolist(),
        "high": high.tolist(),
        "people": people,
        "cameras": [
            {"name": name, "at": place.tolist(), "view": view.tolist()} for name, place, view in page.cameras
        ],
    }, every  # fmt: skip


def _side(a: str, b: str) -> int:
    """−1 for a limb of the right, 1 for one of the left, 0 for one between."""
    left, right = (a.startswith(side) and b.startswith(side) for side in ("left", "right"))
    return int(left) - int(right)


def _box(page: SpacePage) -> tuple[Array, Array]:
    """(3,) lowest and highest of all joints but for the outermost thousandth, metres; one metre where there is none."""
    joints = [points.reshape(-1, 3) for _, points in page.people]
    found = np.concatenate([*joints, np.empty((0, 3))])
    found = found[np.isfinite(found).all(axis=1)]
    if not len(found):
        return np.zeros(3), np.ones(3)
    low, high = np.percentile(found, [0.1, 99.9], axis=0)
    return np.asarray(low), np.asarray(high)


@dataclass(frozen=True)
class Bar:
    """One camera's errors of one person, in pixels of the figure; None where there is no such figure."""

    person: int
    camera: str
    y: int
    median: float
    p95: float
    held: float | None
    text: str


@dataclass(frozen=True)
class Bars:
    """A figure of them.

    Attributes:
        rows, height, ticks: bars, CSS pixels, and marks of the axis (place, text in px of the picture).
    """

    rows: list[Bar]
    height: int
    ticks: list[tuple[float, str]]


def bars(errors: pd.DataFrame) -> Bars:
    """Median and 95 % of each person and camera, and where the camera is held out."""
    values = errors[["p95_px", "held_out_px"]].to_numpy(dtype=np.float64)
    largest = float(np.nanmax(values, initial=1.0))
    step = tick_step(largest)
    scale = _BARS / largest
    rows = [
        Bar(
            int(row.person), str(row.camera), i * _LINE, row.median_px * scale, row.p95_px * scale,
            row.held_out_px * scale if row.held_out else None, f"{row.median_px:.1f}",
        )
        for i, row in enumerate(rows_of(errors))
    ]  # fmt: skip
    ticks = [(k * step * scale, f"{k * step:g}") for k in range(int(largest / step + 1e-9) + 1)]
    return Bars(rows, len(rows) * _LINE, ticks)


def joint_rows(page: SpacePage) -> list[tuple[int, str, list[tuple[str, str, float]]]]:
    """Person, joint and for each camera its median, the held-out one, and how dark the cell is, from 0 to 1."""
    table = page.joint_errors
    if table.empty:
        return []
    largest = float(table.median_px.max()) or 1.0
    known = {(row.person, row.keypoint, row.camera): row for row in rows_of(table)}
    rows = []
    for person, keypoint in dict.fromkeys((row.person, row.keypoint) for row in rows_of(table)):
        cells = []
        for camera, _, _ in page.cameras:
            row = known.get((person, keypoint, camera))
            held = f"{row.held_out_px:.0f}" if row is not None and row.held_out else ""
            cells.append(("", "", 0.0) if row is None else (f"{row.median_px:.0f}", held, row.median_px / largest))
        rows.append((int(person), str(keypoint), cells))
    return rows


@dataclass(frozen=True)
class Plan:
    """The floor from above, CSS pixels.

    Attributes:
        width, height: of the drawing.
        scale: pixels of a metre.
        corner: metres at the top left.
        lines: SVG path of the grid; `step_m` apart.
        labels: x, y and text of the grid's lines.
        paths: person, colour, SVG path of the trunk's middle, first and last place.
        cameras: name, its place and side (`start` or `end`), SVG path of the view.
    """

    width: float
    height: float
    scale: float
    corner: tuple[float, float]
    step_m: float
    lines: str
    labels: list[tuple[float, float, str]]
    paths: list[tuple[int, str, str, tuple[float, float], tuple[float, float]]]
    cameras: list[tuple[str, float, float, str, str]]


def floor_plan(page: SpacePage) -> Plan:
    """Ways of the trunks' middles, and cameras, from above: x to the right, y up."""
    low, high = (end[:2] for end in _box(page))
    places = np.array([place[:2] for _, place, _ in page.cameras]).reshape(-1, 2)
    low = np.minimum(low, places.min(axis=0, initial=np.inf)) - MARGIN_M
    high = np.maximum(high, places.max(axis=0, initial=-np.inf)) + MARGIN_M
    size = high - low
    scale = PLAN / float(size.max())
    step = tick_step(float(size.max()))

    def place(points: Array) -> Array:
        return np.asarray((points - [low[0], high[1]]) * [scale, -scale])

    width, height = (size * scale).tolist()
    lines, labels = [], []
    for k in range(int(np.ceil(low[0] / step)), int(np.floor(high[0] / step)) + 1):
        x = float(place(np.array([k * step, 0.0]))[0])
        lines.append(f"M{x:.1f} 0V{height:.1f}")
        if x < width - 20:
            labels.append((x + 3, height - 4, f"{k * step:g}"))
    for k in range(int(np.ceil(low[1] / step)), int(np.floor(high[1] / step)) + 1):
        y = float(place(np.array([0.0, k * step]))[1])
        lines.append(f"M0 {y:.1f}H{width:.1f}")
        labels.append((3, y - 3, f"{k * step:g}"))
    paths = []
    for number, points in page.people:
        middle = figures.body_middle(points.astype(np.float32), page.skeleton)
        way = place(figures.body_path(middle, page.time_s).astype(np.float64))
        seen = way[np.isfinite(way).all(axis=1)]
        if len(seen):
            first, last = ((round(x, 1), round(y, 1)) for x, y in (seen[0].tolist(), seen[-1].tolist()))
            paths.append(
                (number, person_colour(number), figures.svg_path(way.astype(np.float32), 1.0), first, last)
            )  # fmt: skip
    cameras = []
    for name, at, view in page.cameras:
        x, y = place(at[:2]).tolist()
        flat = view[:2] * [1, -1]
        ahead = flat / max(float(np.linalg.norm(flat)), 1e-9)
        aside = np.array([-ahead[1], ahead[0]])
        near = [(np.array([x, y]) + 26 * ahead + side * 11 * aside).tolist() for side in (-1, 1)]
        shape = f"M{x:.1f} {y:.1f}L{near[0][0]:.1f} {near[0][1]:.1f}L{near[1][0]:.1f} {near[1][1]:.1f}Z"
        at_x, at_y = (np.array([x, y]) - 10 * ahead).tolist()
        cameras.append((name, at_x, at_y + 4, "end" if ahead[0] > 0 else "start", shape))
    return Plan(
        width, height, scale, (float(low[0]), float(high[1])), step, "".join(lines), labels, paths, cameras
    )  # fmt: skip
