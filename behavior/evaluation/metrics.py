"""How good answers are: accuracy, claims and calibration of clips. Every figure of clips is defined here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from behavior.labels import UNKNOWN, actions_of, all_actions
from behavior.recognition.model import claimed


@dataclass(frozen=True, eq=False)
class ClipFigures:
    """Figures of answers to labelled clips.

    Attributes:
        accuracy: share of right answers when one must be given.
        balanced_accuracy: mean recall over all classes that have clips.
        coverage: share of clips for which an action is claimed, see `behavior.recognition.model.claimed`.
        claims_right: share of right ones among those; NaN when nothing is claimed.
        log_loss: mean negative log-probability of the truth, nats; NaN where the model lacks a class that is there.
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
        """(C, 4) see `per_class`."""
        return per_class(self.confusion)

    def to_dict(self, classes: Sequence[str]) -> dict[str, Any]:
        """Plain JSON, NaN as None."""
        return {
            "accuracy": _number(self.accuracy),
            "balanced_accuracy": _number(self.balanced_accuracy),
            "coverage": _number(self.coverage),
            "claims_right": _number(self.claims_right),
            "log_loss": _number(self.log_loss),
            "calibration_error": _number(self.calibration_error),
            "reliability": [[_number(value) for value in row] for row in self.reliability],
            "per_class": {
                name: {key: _number(value) for key, value in zip(("precision", "recall", "f1"), row, strict=False)}
                | {"clips": int(row[3])}
                for name, row in zip(classes, self.per_class(), strict=True)
            },
        }


def _number(value: float) -> float | None:
    return round(float(value), 4) if np.isfinite(value) else None


def clip_figures(
    probabilities: NDArray[np.float64],
    labels: NDArray[np.int64],
    unknown_below: float = 0.0,
    bins: int = 10,
    unknown: int | None = None,
    *,
    claims: tuple[NDArray[np.bool_], NDArray[np.bool_]] | None = None,
) -> ClipFigures:
    """Figures of (S, C) calibrated probabilities against (S,) labels; rows may sum to less than 1 (`unknown`).

    Args:
        unknown: the class that claims no action, where clips are labelled so.
        claims: (S,) whether an action is claimed, and whether that is right; None: the best class but `unknown` is
            claimed where its probability reaches `unknown_below`.
    """
    answer, best = probabilities.argmax(axis=1), probabilities.max(axis=1)
    right = answer == labels
    if claims is None:
        actions = probabilities.copy()
        if unknown is not None:
            actions[:, unknown] = -1
        claims = actions.max(axis=1) >= unknown_below, actions.argmax(axis=1) == labels
    told, told_right = claims
    table = confusion(labels, answer, probabilities.shape[1])
    place = np.minimum((best * bins).astype(np.int64), bins - 1)
    reliability = np.full((bins, 3), np.nan)
    error = 0.0
    for one in range(bins):
        rows = place == one
        reliability[one, 2] = rows.sum()
        if rows.any():
            reliability[one, :2] = best[rows].mean(), right[rows].mean()
            error += rows.mean() * abs(best[rows].mean() - right[rows].mean())
    truth = probabilities[np.arange(len(labels)), labels]
    return ClipFigures(
        accuracy=float(right.mean()),
        balanced_accuracy=balanced_accuracy(table),
        coverage=float(told.mean()),
        claims_right=float(told_right[told].mean()) if told.any() else float("nan"),
        log_loss=float(-np.log(np.maximum(truth, 1e-12)).mean()),
        calibration_error=float(error),
        reliability=reliability,
        confusion=table,
    )


def set_figures(
    answers: NDArray[np.float64], sets: Sequence[str], truth: Sequence[str], below: NDArray[np.float64]
) -> tuple[tuple[str, ...], ClipFigures]:
    """Figures of answers about sets of actions, and the classes that they are of.

    `unknown` is a class where clips are labelled so; otherwise an action must be answered.

    Args:
        answers: (S, n) calibrated probabilities of `sets`.
        sets: what the model tells apart.
        truth: (S,) the set of each clip; one that the model lacks is a class that it never answers.
        below: (A,) or (S, A) score from which on each action of `all_actions(sets)` is claimed.
    """
    actions = all_actions(sets)
    exclusive = all(len(actions_of(name)) < 2 for name in sets)
    members = np.array([[float(action in actions_of(name)) for action in actions] for name in sets])
    told = claimed(answers @ members, below, exclusive)
    shown = np.array([[action in actions_of(name) for action in actions] for name in truth])
    strange = np.array([not set(actions_of(name)) <= set(actions) for name in truth])
    classes = [name for name in dict.fromkeys([*sets, *truth]) if name != UNKNOWN]
    if UNKNOWN in truth:
        classes.append(UNKNOWN)
    columns = [answers[:, list(sets).index(name)] if name in sets else np.zeros(len(answers)) for name in classes]
    figures = clip_figures(
        np.stack(columns, axis=1),
        np.array([classes.index(name) for name in truth], dtype=np.int64),
        claims=(np.asarray(told.any(axis=1)), (told == shown).all(axis=1) & ~strange),
    )
    if not set(truth) <= set(sets):
        figures = replace(figures, log_loss=float("nan"))
    return tuple(classes), figures


def confusion(labels: NDArray[np.int64], answers: NDArray[np.int64], n_classes: int) -> NDArray[np.int64]:
    """(C, C) clips by label (row) and answer (column)."""
    table = np.zeros((n_classes, n_classes), dtype=np.int64)
    np.add.at(table, (labels, answers), 1)
    return table


def balanced_accuracy(table: NDArray[np.integer]) -> float:
    """Mean recall over all classes that have clips, out of a (C, C) confusion; NaN without clips."""
    true = table.sum(axis=1)
    there = true > 0
    return float(np.mean(np.diag(table)[there] / true[there])) if there.any() else float("nan")


def per_class(table: NDArray[np.integer]) -> NDArray[np.float64]:
    """(C, 4) precision, recall, F1 and number of clips.

    NaN for a class without clips, about which nothing was tested, and for the precision of one that is never answered.
    """
    hits = np.diag(table).astype(np.float64)
    answered, true = table.sum(axis=0), table.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        rows = np.stack([hits / answered, hits / true, 2 * hits / (answered + true), true], axis=1)
    rows[true == 0, :3] = np.nan
    return np.asarray(rows)
