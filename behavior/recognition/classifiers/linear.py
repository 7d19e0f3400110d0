"""Logistic regression on clip statistics: small, quick, and hard to beat on a few hundred clips."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from behavior.recognition.classifiers.base import Parts
from behavior.recognition.classifiers.statistics import StatisticsClassifier, softmax


@dataclass(eq=False, repr=False, kw_only=True)
class LinearClassifier(StatisticsClassifier):
    """Multinomial logistic regression (scikit-learn), kept as weights alone."""

    c: float = 0.003
    """Inverse strength of the L2 penalty."""

    def _learn(self, x: NDArray[np.float32], labels: NDArray[np.int64]) -> Parts:
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(C=self.c, max_iter=300).fit(x, labels)
        coef, intercept = model.coef_, model.intercept_
        if len(self.classes_) == 2:
            coef, intercept = np.concatenate([-coef, coef]) / 2, np.concatenate([-intercept, intercept]) / 2
        return {"weights": coef.T.astype(np.float32), "bias": intercept.astype(np.float32)}

    def _answer(self, x: NDArray[np.float32], learned: Parts) -> NDArray[np.float64]:
        return softmax(x @ learned["weights"].astype(np.float32) + learned["bias"].astype(np.float32))
