"""Rules: a few thresholds on features that have names, the baseline every other classifier must beat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from behavior.recognition.classifiers.base import Parts
from behavior.recognition.classifiers.statistics import StatisticsClassifier
from behavior.recognition.classifiers.trees import Trees, join_trees
from features.clips import catalogue_columns

FEATURES = (
    "left_wrist_above_shoulder", "right_wrist_above_shoulder", "wrists_distance", "ankles_distance",
    "left_wrist_speed", "right_wrist_speed", "left_ankle_speed", "right_ankle_speed", "centre_speed",
    "left_elbow_angle", "right_elbow_angle", "left_knee_angle", "right_knee_angle", "left_hip_angle", "right_hip_angle",
    "trunk_lean", "left_wrist_to_head", "right_wrist_to_head",
)  # fmt: skip
"""What rules ask about where nothing else is said; docs/features.md defines them."""


@dataclass(eq=False, repr=False, kw_only=True)
class RulesClassifier(StatisticsClassifier):
    """A decision tree (CART; scikit-learn) on window statistics of features; each way to a leaf is a rule to read."""

    features: tuple[str, ...] = FEATURES
    copies: int = 2
    rules: int = 40
    """Most rules."""
    min_rows: int = 12
    """Fewest rows (clips and their changed copies) that a rule rests on."""

    def sentences(self) -> list[str]:
        """Each rule as a sentence: conditions, the action, and its share among the training clips that meet them."""
        check_is_fitted(self, "classes_")
        trees = Trees.of_parts(self.learned_)
        columns = catalogue_columns(self.features)
        sentences: list[str] = []

        def walk(node: int, met: list[str]) -> None:
            feature = trees.feature[node]
            if feature < 0:
                share = trees.values[trees.left[node]]
                action = self.classes_[int(share.argmax())]
                sentences.append(f"{action} ({share.max() / share.sum():.0%}): {' and '.join(met) or 'always'}")
                return
            limit = trees.threshold[node] * self.scale_[feature] + self.mean_[feature]
            walk(trees.left[node], [*met, f"{columns[feature]} <= {limit:.2f}"])
            walk(trees.right[node], [*met, f"{columns[feature]} > {limit:.2f}"])

        walk(int(trees.roots[0]), [])
        return sentences

    def _learn(self, x: NDArray[np.float32], labels: NDArray[np.int64]) -> Parts:
        from sklearn.tree import DecisionTreeClassifier

        tree = DecisionTreeClassifier(
            max_leaf_nodes=self.rules, min_samples_leaf=self.min_rows, random_state=self.seed_
        ).fit(x, labels).tree_  # fmt: skip
        return join_trees(
            [(tree.feature, tree.threshold, tree.children_left, tree.children_right, tree.value[:, 0])]
        ).parts()

    def _answer(self, x: NDArray[np.float32], learned: Parts) -> NDArray[np.float64]:
        trees = Trees.of_parts(learned)
        share = trees.values[trees.leaves(x)[:, 0]].astype(np.float64) + 1e-3
        return np.asarray(share / share.sum(axis=1, keepdims=True))
