"""How good answers are: accuracy and calibration of clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from behavior.labels import UNKNOWN


@dataclass(frozen=True, eq=False)
class ClipFigures:
    """Figures of answers to labelled clips.

    Attributes:
        accuracy: share of right answers when one must be given.
        balanced_accuracy: mean of the recalls of the classes that occur.
        coverage: share of clips for which an action is claimed (best probability at least `unknown_below`).
        claims_right: share of right ones among those; NaN when nothing is claimed.
        log_loss: mean negative log-probability of the truth, nats.
        calibration_error: expected calibration error over ten bins of equal width.
        reliability: (10, 3) of each bin its mean probability, share right and number of clips; NaN where empty.
        confusion: (C, C) clips by truth (row) and answer (column).
    """

    accuracy: float
    balanced_accuracy: float
    coverage: float
    claims_right: float
    log_loss: float
    calibration_error: float
    reliability: NDArray[np.float64]
    confusion: NDArray[np.int64]

    def per_class(self) -> NDArray[np.float64]:
        """(C, 4) precision, recall, F1 and number of clips; NaN where a class neither occurs nor is answered."""
        return per_class(self.confusion)

    def to_dict(self, classes: tuple[str, ...]) -> dict[str, Any]:
        """Plain numbers for a model's card."""
        recalls = self.per_class()[:, 1]
        return {
            "accuracy": round(self.accuracy, 4),
            "balanced_accuracy": round(self.balanced_accuracy, 4),
            "coverage": round(self.coverage, 4),
            "claims_right": _number(self.claims_right),
            "log_loss": round(self.log_loss, 4),
            "calibration_error": round(self.calibration_error, 4),
            "reliability": [[_number(value) for value in row] for row in self.reliability],
            "recall": {name: _number(value) for name, value in zip(classes, recalls, strict=True)},
        }


def _number(value: float) -> float | None:
    return round(float(value), 4) if np.isfinite(value) else None


def clip_figures(
    probabilities: NDArray[np.float64],
    labels: NDArray[np.int64],
    unknown_below: float = 0.0,
    bins: int = 10,
    unknown: int | None = None,
) -> ClipFigures:
    """Figures of (S, C) calibrated probabilities against (S,) labels; rows may sum to less than 1 (`unknown`).

    `unknown` is the class that claims no action, where clips are labelled so.
    """
    answer, best = probabilities.argmax(axis=1), probabilities.max(axis=1)
    right = answer == labels
    confusion = np.zeros((probabilities.shape[1],) * 2, dtype=np.int64)
    np.add.at(confusion, (labels, answer), 1)
    true = confusion.sum(axis=1)
    claimed = (best >= unknown_below) & (answer != unknown) if unknown is not None else best >= unknown_below
    place = np.minimum((best * bins).astype(np.int64), bins - 1)
    reliability = np.full((bins, 3), np.nan)
    error = 0.0
    for one in range(bins):
        rows = place == one
        reliability[one, 2] = rows.sum()
        if rows.any():
            reliability[one, :2] = best[rows].mean(), right[rows].mean()
            error += rows.mean() * abs(best[rows].mean() - right[rows].mean())
    return ClipFigures(
        accuracy=float(right.mean()),
        balanced_accuracy=float(np.mean(np.diag(confusion)[true > 0] / true[true > 0])),
        coverage=float(claimed.mean()),
        claims_right=float(right[claimed].mean()) if claimed.any() else float("nan"),
        log_loss=float(-np.log(np.maximum(probabilities[np.arange(len(labels)), labels], 1e-12)).mean()),
        calibration_error=float(error),
        reliability=reliability,
        confusion=confusion,
    )


def confusion_figures(truth: Sequence[str], said: Sequence[str]) -> dict[str, Any]:
    """Accuracy, balanced accuracy, precision, recall, F1 of each class, confusion (rows: truth), as plain JSON."""
    classes = sorted({*truth, *said}, key=lambda name: (name == UNKNOWN, name))
    confusion = np.zeros((len(classes),) * 2, dtype=np.int64)
    np.add.at(confusion, ([classes.index(name) for name in truth], [classes.index(name) for name in said]), 1)
    table = per_class(confusion)
    return {
        "accuracy": round(float(np.trace(confusion) / max(confusion.sum(), 1)), 4),
        "balanced_accuracy": _number(float(np.nanmean(table[:, 1]))),
        "classes": classes,
        "per_class": {
            name: {key: _number(value) for key, value in zip(("precision", "recall", "f1"), row, strict=False)}
            | {"clips": int(row[3])}
            for name, row in zip(classes, table, strict=True)
        },
        "confusion": confusion.tolist(),
    }


def per_class(confusion: NDArray[np.int64]) -> NDArray[np.float64]:
    """(C, 4) precision, recall, F1 and number of clips; NaN where a class neither occurs nor is answered."""
    hits = np.diag(confusion).astype(np.float64)
    answered, true = confusion.sum(axis=0), confusion.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        table = np.stack([hits / answered, hits / true, 2 * hits / (answered + true), true], axis=1)
    return np.asarray(table)
