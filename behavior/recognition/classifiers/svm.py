"""Least-squares support vector machine on clip statistics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from behavior.recognition.classifiers.base import Parts
from behavior.recognition.classifiers.statistics import StatisticsClassifier, StatisticsSettings, softmax


@dataclass(frozen=True)
class SupportVectorSettings(StatisticsSettings):
    """Settings of `SupportVectorClassifier`."""

    copies: int = 2
    ridge: float = 0.1
    """Penalty on the weights: larger bends the borders less."""
    width: float = 0.2
    """The kernel is exp(-width * mean square difference of the standardised statistics)."""
    sharpness: float = 5.0
    """Factor from distances to the borders to log-probabilities."""


class SupportVectorClassifier(StatisticsClassifier):
    """Gaussian kernel, one machine for each class against the rest, all solved at once.

    Squared instead of hinge loss (Suykens and Vandewalle, 1999), rows weighted so that classes count equally.
    """

    name = "svm"
    settings_type = SupportVectorSettings
    settings: SupportVectorSettings

    def _learn(self, x: NDArray[np.float32], labels: NDArray[np.int64]) -> Parts:
        vectors = np.round(x * self._steps).astype(np.int8)  # a quarter of the size, and the borders don't move
        kernel = self._kernel(vectors / self._steps, vectors / self._steps)
        dual, bias = solve_one_against_rest(kernel, labels, self.settings.ridge)
        return {"vectors": vectors, "dual": dual.astype(np.float32), "bias": bias.astype(np.float32)}

    def _answer(self, x: NDArray[np.float32], learned: Parts) -> NDArray[np.float64]:
        kernel = self._kernel(x, learned["vectors"] / self._steps)
        return softmax(self.settings.sharpness * (kernel @ learned["dual"] + learned["bias"]))

    @property
    def _steps(self) -> np.float32:
        """Of int8 per standard deviation."""
        return np.float32(127 / self.settings.clip)

    def _kernel(self, a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.float64]:
        square = (a.astype(np.float64) ** 2).sum(axis=1)[:, None] + (b.astype(np.float64) ** 2).sum(axis=1)
        distance = np.maximum(square - 2 * a.astype(np.float64) @ b.astype(np.float64).T, 0) / a.shape[1]
        return np.asarray(np.exp(-self.settings.width * distance))


def solve_one_against_rest(
    kernel: NDArray[np.float64], labels: NDArray[np.int64], ridge: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights of the rows, (n, C), and offsets, (C,), that send rows of a class towards 1 and all others towards -1.

    `kernel` is (n, n); a row's error counts the inverse of how often its class occurs.
    """
    from scipy.linalg import solve

    counts = np.bincount(labels)
    target = 2.0 * (labels[:, None] == np.arange(len(counts))) - 1
    weight = np.sqrt(len(labels) / len(counts) / counts)[labels]
    matrix = weight[:, None] * (kernel + 1) * weight
    matrix[np.diag_indices_from(matrix)] += ridge
    dual = weight[:, None] * solve(matrix, weight[:, None] * target, assume_a="pos")
    return dual, dual.sum(axis=0)
