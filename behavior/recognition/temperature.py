"""Calibration of probabilities by one number (Guo et al., 2017)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar


def apply_temperature(probabilities: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """(S, C) probabilities raised to 1/temperature and normalised; above 1 they become less sure."""
    logits = np.log(np.maximum(probabilities, 1e-12)) / temperature
    scores = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(scores / scores.sum(axis=1, keepdims=True))


def fit_temperature(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """The temperature of least log-loss (Guo et al., 2017, https://arxiv.org/abs/1706.04599), within 0.2 and 5."""
    rows = np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        scores = apply_temperature(probabilities, float(np.exp(log_temperature)))
        return float(-np.log(np.maximum(scores[rows, labels], 1e-12)).mean())

    found = minimize_scalar(loss, bounds=(np.log(0.2), np.log(5)), method="bounded")
    return round(float(np.exp(found.x)), 4)
