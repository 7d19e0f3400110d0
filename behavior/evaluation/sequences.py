"""An action model on files of labelled sequences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from behavior.errors import DataError
from behavior.evaluation.metrics import set_figures
from behavior.labels import UNKNOWN, actions_of
from behavior.recognition.clips import load_sequences, to_clips
from behavior.recognition.model import ActionModel


def predict_sequences(model: ActionModel, path: Path) -> pd.DataFrame:
    """One row per sequence: `sequence`, `label`, `score`, `claim`, then the probability of each action.

    `claim` is what the model claims, `unknown` where it is not sure enough. Raises `DataError` for a file that can't be
    read, `ActionModelError` for joints that the model does not know.
    """
    scores = model.predict_proba(to_clips(load_sequences(path), model.info.joints))
    classes = np.array(model.info.classes)
    table = pd.DataFrame(
        {
            "sequence": np.arange(len(scores)),
            "label": classes[scores.argmax(axis=1)],
            "score": scores.max(axis=1),
            "claim": model.claims(scores),
        }
    )
    return pd.concat([table, pd.DataFrame(scores, columns=classes)], axis=1)


def evaluate_sequences(model: ActionModel, path: Path) -> dict[str, Any]:
    """Figures of the model's answers to labelled sequences, as plain JSON; shares in [0, 1], None where undefined.

    Raises `DataError` also for an action that the model does not know.
    """
    data = load_sequences(path)
    actions = {action for name in data.classes for action in actions_of(name)}
    if strangers := sorted(actions - set(model.info.classes)):
        raise DataError(f"{path}: actions {', '.join(strangers)} are not among the model's; evaluate it on its own")
    truth = [data.classes[label] for label in data.labels]
    return evaluation(model, model.set_proba(to_clips(data, model.info.joints)), truth)


def evaluation(model: ActionModel, answers: NDArray[np.float64], truth: list[str]) -> dict[str, Any]:
    """What `evaluate` tells of (S, n) probabilities of `model.sets` for clips of these sets of actions; plain JSON."""
    classes, figures = set_figures(answers, model.sets, truth, model.claimed_from)
    notes = []
    if UNKNOWN in truth and UNKNOWN not in model.sets:
        notes.append("the model did not learn `unknown`: clips labelled so count as wrong, unless nothing is claimed")
    return {
        "model": model.info.name,
        "sha256": model.info.sha256,
        "clips": len(truth),
        "classes": list(classes),
        **figures.to_dict(classes),
        "confusion": figures.confusion.tolist(),
        "notes": notes,
    }
