"""An action model on files of labelled sequences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from behavior.errors import DataError
from behavior.evaluation.metrics import clip_figures
from behavior.labels import UNKNOWN
from behavior.recognition.clips import LabelledSequences, load_sequences, to_clips
from behavior.recognition.model import ActionModel


def predict_sequences(model: ActionModel, path: Path) -> pd.DataFrame:
    """One row per sequence: `sequence`, `label`, `score`, `claim`, then the probability of each action.

    `claim` is the label, or `unknown` when its probability is below the model's threshold. Raises `DataError` for a
    file that can't be read, `ActionModelError` for joints that the model does not know.
    """
    probabilities = _probabilities(model, load_sequences(path))
    classes = np.array(model.info.classes)
    best = probabilities.argmax(axis=1)
    score = probabilities.max(axis=1)
    table = pd.DataFrame(
        {
            "sequence": np.arange(len(best)),
            "label": classes[best],
            "score": score,
            "claim": np.where(score >= model.unknown_below, classes[best], UNKNOWN),
        }
    )
    return pd.concat([table, pd.DataFrame(probabilities, columns=classes)], axis=1)


def evaluate_sequences(model: ActionModel, path: Path) -> dict[str, Any]:
    """Figures of the model's answers to labelled sequences, as plain JSON; shares in [0, 1], None where undefined.

    Raises `DataError` also for an action that the model does not know.
    """
    data = load_sequences(path)
    strangers = sorted(set(data.classes) - set(model.info.classes))
    if strangers:
        raise DataError(f"{path}: actions {', '.join(strangers)} are not among the model's; evaluate it on its own")
    number = {name: index for index, name in enumerate(model.info.classes)}
    truth = np.array([number[name] for name in data.classes], dtype=np.int64)[data.labels]
    figures = clip_figures(_probabilities(model, data), truth, model.unknown_below)
    plain = figures.to_dict(model.info.classes)
    keys = ("precision", "recall", "f1")
    return {
        "model": model.info.name,
        "sha256": model.info.sha256,
        "clips": len(data),
        "classes": list(model.info.classes),
        **{key: plain[key] for key in ("accuracy", "balanced_accuracy", "coverage", "claims_right", "log_loss")},
        "per_class": {
            name: {key: None if np.isnan(v) else round(float(v), 4) for key, v in zip(keys, row, strict=False)}
            | {"clips": int(row[3])}
            for name, row in zip(model.info.classes, figures.per_class(), strict=True)
        },
        "confusion": figures.confusion.tolist(),
    }


def _probabilities(model: ActionModel, data: LabelledSequences) -> np.ndarray[Any, np.dtype[np.float64]]:
    return model.predict_proba(to_clips(data, model.info.joints))
