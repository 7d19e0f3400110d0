"""The page of a comparison: what each group did, unit by unit, and how far groups are apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd
from markupsafe import Markup

from storage.files import write_bytes

MOST_ROWS = 15
"""Differences listed below a figure; `differences.csv` has them all."""
LINE, LABELS, WIDTH = 26, 130, 460
"""Height of a group in a figure, room for its name, and the whole width, CSS pixels."""
MEASURES = {
    "count": "bouts",
    "count_per_min": "bouts per minute on screen",
    "total_s": "total, s",
    "share": "share of the time on screen",
    "mean_s": "mean duration of a bout, s",
    "mean": "mean",
    "std": "spread (standard deviation within a person)",
}


@dataclass(frozen=True)
class Comparison:
    """Tables as of `evaluation.units`, and what made them (`compare.json`)."""

    units: pd.DataFrame
    groups: pd.DataFrame
    differences: pd.DataFrame
    about: Mapping[str, Any]


@dataclass(frozen=True)
class _Line:
    """A group in a figure: its place, units as dots, mean and interval, x in pixels; None without an interval."""

    group: str
    n: int
    y: int
    mean: float
    dots: list[float]
    ends: tuple[float, float] | None
    text: str


@dataclass(frozen=True)
class _Plot:
    title: str
    height: int
    lines: list[_Line]
    ticks: list[tuple[float, str]]


def write_comparison(comparison: Comparison, path: Path) -> None:
    """Writes the page, whole or not at all. Raises `OutputError` when it can't be written."""
    folder = Path(__file__).parent
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["number"] = number
    page = environment.get_template("comparison.html").render(
        about=comparison.about,
        sections=list(_sections(comparison)),
        measures=MEASURES,
        labels=LABELS,
        width=WIDTH,
        style=Markup((folder / "page.css").read_text(encoding="utf-8")),
    )
    write_bytes(path, page.encode())


def number(value: float) -> str:
    """Three significant digits, a real minus; a dash for NaN, 0 below what the tables keep (six decimals)."""
    if not np.isfinite(value):
        return "–"
    if abs(value) < 5e-7:
        return "0"
    text = f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    return (f"{float(text):g}" if "e" in text else text).replace("-", "−")


def _sections(comparison: Comparison) -> Iterator[dict[str, Any]]:
    for (kind, name), own in comparison.groups.groupby(["kind", "name"], sort=False):
        units = comparison.units.query("kind == @kind and name == @name")
        apart = comparison.differences.query("kind == @kind and name == @name")
        feature_unit = own.unit_of_measure.iloc[0] if kind == "feature" else ""
        yield {
            "kind": kind,
            "name": str(name).replace("_", " "),
            "plots": [
                _plot(str(measure), feature_unit, found, units[units.measure == measure], kind == "action")
                for measure, found in own.groupby("measure", sort=False)
            ],
            "rows": list(apart.head(MOST_ROWS).itertuples(index=False)),
            "more": max(len(apart) - MOST_ROWS, 0),
        }


def _plot(measure: str, unit: str, groups: pd.DataFrame, units: pd.DataFrame, from_zero: bool) -> _Plot:
    reach = np.concatenate([units.value, groups[["low", "high"]].to_numpy().ravel()])
    low, high = float(np.nanmin(reach)), float(np.nanmax(reach))
    low = min(low, 0.0) if from_zero else low
    if high - low < 1e-12:
        low, high = low - 0.5 * (not from_zero), high + (1.0 if from_zero else 0.5)

    def x(value: float) -> float:
        return round(LABELS + 8 + (WIDTH - LABELS - 20) * (value - low) / (high - low), 1)

    lines = []
    for place, row in enumerate(groups.to_dict("records")):
        name, n, mean, first, last = (row[column] for column in ("group", "n_units", "mean", "low", "high"))
        known = bool(np.isfinite(first))
        said = f"{name}: {number(mean)}"
        lines.append(
            _Line(
                group=str(name),
                n=n,
                y=LINE * place + LINE // 2,
                mean=x(mean),
                dots=[x(value) for value in units[units.group == name].value],
                ends=(x(first), x(last)) if known else None,
                text=f"{said} ({number(first)} to {number(last)}), {n} units" if known else said,
            )
        )
    ticks = [(x(value), number(value)) for value in (low, high)]
    title = MEASURES[measure] + (f", {unit}" if unit not in ("", "1") else "")
    return _Plot(title, LINE * len(lines) + 22, lines, ticks)
