"""Many independent trees on clip statistics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from behavior.recognition.classifiers.base import Parts
from behavior.recognition.classifiers.statistics import StatisticsClassifier
from behavior.recognition.classifiers.trees import Trees, join_trees


@dataclass(eq=False, repr=False, kw_only=True)
class ForestClassifier(StatisticsClassifier):
    """Extremely randomised trees (Geurts et al., 2006; scikit-learn)."""

    trees: int = 200
    """Number of trees."""
    min_leaf: int = 3
    """Fewest rows in a leaf."""
    max_features: float = 0.05
    """Share of the statistics tried at each split."""

    def _learn(self, x: NDArray[np.float32], labels: NDArray[np.int64]) -> Parts:
        from sklearn.ensemble import ExtraTreesClassifier

        model = ExtraTreesClassifier(
            self.trees,
            min_samples_leaf=self.min_leaf,
            max_features=self.max_features,
            random_state=self.seed_,
        ).fit(x, labels)
        grown = [one.tree_ for one in model.estimators_]
        return join_trees(
            [(t.feature, t.threshold, t.children_left, t.children_right, t.value[:, 0]) for t in grown]
        ).parts()

    def _answer(self, x: NDArray[np.float32], learned: Parts) -> NDArray[np.float64]:
        trees = Trees.of_parts(learned)
        ends = trees.leaves(x)
        total = np.zeros((len(x), trees.values.shape[1]))
        for tree in range(ends.shape[1]):
            total += trees.values[ends[:, tree]]
        return np.asarray(total / total.sum(axis=1, keepdims=True))
