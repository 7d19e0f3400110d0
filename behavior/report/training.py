"""The training report: one HTML file that says how far to trust a model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import jinja2
import numpy as np
from markupsafe import Markup

from behavior.recognition.model import ActionModel
from behavior.training.figures import TrainingFigures
from behavior.training.trust import more_labels
from storage.files import write_bytes


def write_training_page(model: ActionModel, shown: TrainingFigures, notes: Sequence[str], path: Path) -> None:
    """Writes the page, whole or not at all. Raises `OutputError` when it can't be written."""
    folder = Path(__file__).parent
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["percent"] = lambda value: (
        "–" if value is None or not np.isfinite(value) else f"{100 * value:.0f}\N{NO-BREAK SPACE}%"
    )
    page = environment.get_template("training.html").render(
        model=model,
        shown=shown,
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
