"""What training tells: a table for anybody, and the same for TensorBoard where tensorboardX is installed."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any


class Log:
    """`log.csv`, and events of TensorBoard in `events/`; rows behind `step` are dropped, they will be written again.

    Args:
        folder: of the training.
        step: that the training goes on from.
    """

    COLUMNS = (
        "step", "epoch", "loss", "last_stage_loss", "learning_rate", "images_per_s", "waiting", "ap", "pck", "pckh",
    )  # fmt: skip

    def __init__(self, folder: Path, step: int = 0) -> None:
        self._path = folder / "log.csv"
        kept = [row for row in _rows(self._path) if int(row["step"]) <= step] if step else []
        with self._path.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, self.COLUMNS)
            table.writeheader()
            table.writerows(kept)
        self._events = _events(folder / "events", step)

    @property
    def tensorboard(self) -> bool:
        """Whether TensorBoard can read along."""
        return self._events is not None

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """One row; what is missing or NaN stays empty."""
        finite = {name: value for name, value in values.items() if math.isfinite(value)}
        with self._path.open("a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, self.COLUMNS).writerow({"step": step} | {k: f"{v:.6g}" for k, v in finite.items()})
        if self._events is not None:
            for name, value in finite.items():
                self._events.add_scalar(name, value, step)
            self._events.flush()

    def __enter__(self) -> Log:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._events is not None:
            self._events.close()


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if (row.get("step") or "").isdecimal()]


def _events(folder: Path, step: int) -> Any:
    try:
        from tensorboardX import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=step or None)
