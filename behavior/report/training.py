"""The training report: one HTML file that says how far to trust a model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd
from markupsafe import Markup

from behavior.recognition.model import ActionModel
from behavior.report.tables import write_table
from behavior.training.figures import TrainingFigures
from behavior.training.held_out import HeldOut
from behavior.training.trust import more_labels
from storage.files import write_bytes

MOST = 30
"""People, moments and recordings that the page names; the tables have all."""


def write_held_out(told: HeldOut, ways: Mapping[str, str], out: Path) -> None:
    """What a user needs to go on, as tables: `actions.csv`, `labelled.csv`, `people.csv`, `mistakes.csv`; all but the
    last are in `held_out.json`, too.

    Args:
        told: what was found.
        ways: recording -> way from `out` to its report, for those that have one.
        out: the model's folder.

    Raises:
        OutputError: a file can't be written.
    """
    for name, table in (
        ("actions", told.actions), ("labelled", told.labelled), ("people", told.people),
        ("mistakes", _with_reports(told, ways)),
    ):  # fmt: skip
        write_table(table, out / f"{name}.csv")
    write_bytes(out / "held_out.json", (json.dumps(told.to_dict(), indent=1, ensure_ascii=False) + "\n").encode())


def _with_reports(told: HeldOut, ways: Mapping[str, str]) -> pd.DataFrame:
    """The mistakes, with the address of each in the report of its recording; empty where there is none."""
    table = told.mistakes
    places = zip(table["recording"], table["start_s"], table["track_id"], strict=True)
    addresses = [
        f"{ways[recording]}#t={start:.3f}&person={person}" if recording in ways else ""
        for recording, start, person in places
    ]
    return table.assign(report=pd.Series(addresses, index=table.index, dtype="str"))


def _next(told: HeldOut, ways: Mapping[str, str]) -> dict[str, Any]:
    mistakes = _with_reports(told, ways)
    seconds = told.labelled.pivot_table(
        index="recording", columns="action", values="labelled_s", aggfunc="sum", fill_value=0.0, sort=False
    )
    return {
        "actions": told.actions.to_dict("records"),
        "kappa": told.agreement.kappa,
        "bout_f1": told.agreement.bout_f1[0.5],
        "labelled_actions": list(seconds.columns),
        "labelled": list(zip(seconds.index[:MOST], seconds.to_numpy()[:MOST].tolist(), strict=True)),
        "more_recordings": max(0, len(seconds) - MOST),
        "people": [row for row in told.people[:MOST].to_dict("records") if row["wrong_s"] > 0],
        "mistakes": mistakes[:MOST].to_dict("records"),
        "n_mistakes": len(mistakes),
    }


def write_training_page(
    model: ActionModel,
    shown: TrainingFigures,
    notes: Sequence[str],
    path: Path,
    told: HeldOut | None = None,
    ways: Mapping[str, str] | None = None,
) -> None:
    """Writes the page, whole or not at all; `told` and `ways` as of `write_held_out`, where labels are of a database.

    Raises `OutputError` when it can't be written.
    """
    folder = Path(__file__).parent
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["percent"] = lambda value: (
        "–" if value is None or not np.isfinite(value) else f"{100 * value:.0f}\N{NO-BREAK SPACE}%"
    )
    environment.filters["decimal"] = lambda value: "–" if not np.isfinite(value) else f"{value:.2f}"
    page = environment.get_template("training.html").render(
        model=model,
        shown=shown,
        next=None if told is None else _next(told, ways or {}),
        notes=notes,
        table=shown.clean.per_class().tolist(),
        intervals=shown.intervals.tolist(),
        confusion=shown.clean.confusion.tolist(),
        row_totals=shown.clean.confusion.sum(axis=1).tolist(),
        reliability=[row for row in shown.clean.reliability.tolist() if row[2]],
        most_bin=float(np.nanmax(shown.clean.reliability[:, 2])),
        most_clips=shown.curve.points[-1].clips,
        frames=model.info.figures.get("frames"),
        thresholds=dict(zip(model.info.classes, model.claimed_from.tolist(), strict=True)),
        verdict=more_labels(shown.curve),
        largest=max(max(shown.importance.values()), 0.01),
        style=Markup((folder / "page.css").read_text(encoding="utf-8")),
    )
    write_bytes(path, page.encode())
