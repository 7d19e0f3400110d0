"""Trees on clip statistics: many independent ones (forest), or each mending what the earlier ones missed (boosting)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from behavior.recognition.classifiers.base import Parts
from behavior.recognition.classifiers.statistics import StatisticsClassifier, StatisticsSettings, softmax
from behavior.recognition.classifiers.trees import Trees, join_trees


@dataclass(frozen=True)
class ForestSettings(StatisticsSettings):
    """Settings of `ForestClassifier`."""

    trees: int = 200
    """Number of trees."""
    min_leaf: int = 3
    """Fewest rows in a leaf."""
    max_features: float = 0.05
    """Share of the statistics tried at each split."""


class ForestClassifier(StatisticsClassifier):
    """Extremely randomised trees (Geurts et al., 2006; scikit-learn)."""

    name = "forest"
    settings_type = ForestSettings
    settings: ForestSettings

    def _learn(self, x: NDArray[np.float32], labels: NDArray[np.int64]) -> Parts:
        from sklearn.ensemble import ExtraTreesClassifier

        model = ExtraTreesClassifier(
            self.settings.trees,
            min_samples_leaf=self.settings.min_leaf,
            max_features=self.settings.max_features,
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


@dataclass(frozen=True)
class BoostingSettings(StatisticsSettings):
    """Settings of `BoostingClassifier`."""

    copies: int = 2
    rounds: int = 60
    """Trees of each class."""
    learning_rate: float = 0.1
    """Share of each tree's answer that counts."""
    leaves: int = 8
    """Most leaves of a tree."""
    max_features: float = 0.1
    """Share of the statistics tried at each split."""


class BoostingClassifier(StatisticsClassifier):
    """Gradient boosting on histograms (scikit-learn)."""

    name = "boosting"
    settings_type = BoostingSettings
    settings: BoostingSettings

    def _learn(self, x: NDArray[np.float32], labels: NDArray[np.int64]) -> Parts:
        from sklearn.ensemble import HistGradientBoostingClassifier

        model = HistGradientBoostingClassifier(
            max_iter=self.settings.rounds,
            learning_rate=self.settings.learning_rate,
            max_leaf_nodes=self.settings.leaves,
            max_features=self.settings.max_features,
            l2_regularization=1.0,
            early_stopping=False,
            random_state=self.seed_,
        ).fit(x, labels)
        grown = [tree.nodes for round_ in model._predictors for tree in round_]
        trees = join_trees(
            [
                (
                    np.where(nodes["is_leaf"], -1, nodes["feature_idx"]),
                    nodes["num_threshold"],
                    nodes["left"].astype(np.int64),
                    nodes["right"].astype(np.int64),
                    nodes["value"][:, None],
                )
                for nodes in grown
            ]
        )
        return trees.parts() | {"baseline": model._baseline_prediction.ravel().astype(np.float32)}

    def _answer(self, x: NDArray[np.float32], learned: Parts) -> NDArray[np.float64]:
        trees = Trees.of_parts(learned)
        baseline = learned["baseline"]
        each = trees.values[trees.leaves(x), 0].reshape(len(x), -1, len(baseline))  # (S, rounds, C)
        logits = baseline + each.sum(axis=1)
        if len(self.classes_) == 2:
            logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
        return softmax(logits)
