"""Rules: a few thresholds on quantities that have names, the baseline every other classifier must beat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from behavior.errors import DataError
from behavior.recognition.classifiers.base import Abilities, Parts
from behavior.recognition.classifiers.statistics import StatisticsClassifier, StatisticsSettings
from behavior.recognition.classifiers.trees import Trees, join_trees
from behavior.recognition.clips import Clips
from features.clips import length, normalise
from pose.layouts import BODY_13

QUANTITIES = (
    "height of the higher wrist above the shoulders", "height of the lower wrist above the shoulders",
    "highest wrist above the shoulders", "distance of the wrists", "distance of the ankles", "widest step",
    "speed of the faster wrist", "speed of the slower wrist", "speed of the faster ankle", "speed of the slower ankle",
    "sideways travel", "descent", "up and down of the hips", "straightness of the straighter knee, degrees",
    "straightness of the more bent knee, degrees", "straightness of the straighter elbow, degrees",
    "straightness of the more bent elbow, degrees", "lean of the trunk, degrees", "change of the lean, degrees",
    "height of the head above the hips",
)  # fmt: skip
"""What rules ask about; means over the clip in torso lengths (speeds: per second) where nothing else is said."""


@dataclass(frozen=True)
class RulesSettings(StatisticsSettings):
    """Settings of `RulesClassifier`."""

    copies: int = 2
    rules: int = 40
    """Most rules."""
    min_rows: int = 12
    """Fewest rows (clips and their changed copies) that a rule rests on."""


class RulesClassifier(StatisticsClassifier):
    """A decision tree (CART; scikit-learn) on `QUANTITIES`; each way to a leaf is a rule that can be read."""

    name = "rules"
    settings_type = RulesSettings
    abilities = Abilities(any_joints=False)
    settings: RulesSettings

    def rules(self) -> list[str]:
        """Each rule as a sentence: conditions, the action, and its share among the training clips that meet them."""
        self._check_fitted()
        trees = Trees.of_parts(self.learned_)
        sentences: list[str] = []

        def walk(node: int, met: list[str]) -> None:
            feature = trees.feature[node]
            if feature < 0:
                share = trees.values[trees.left[node]]
                action = self.classes_[int(share.argmax())]
                sentences.append(f"{action} ({share.max() / share.sum():.0%}): {' and '.join(met) or 'always'}")
                return
            limit = trees.threshold[node] * self.scale_[feature] + self.mean_[feature]
            walk(trees.left[node], [*met, f"{QUANTITIES[feature]} <= {limit:.2f}"])
            walk(trees.right[node], [*met, f"{QUANTITIES[feature]} > {limit:.2f}"])

        walk(int(trees.roots[0]), [])
        return sentences

    def _statistics(self, clips: Clips) -> NDArray[np.float32]:
        return quantities(clips, self.settings.smooth)

    def _learn(self, x: NDArray[np.float32], labels: NDArray[np.int64]) -> Parts:
        from sklearn.tree import DecisionTreeClassifier

        tree = (
            DecisionTreeClassifier(
                max_leaf_nodes=self.settings.rules, min_samples_leaf=self.settings.min_rows, random_state=self.seed_
            )
            .fit(x, labels)
            .tree_
        )
        return join_trees(
            [(tree.feature, tree.threshold, tree.children_left, tree.children_right, tree.value[:, 0])]
        ).parts()

    def _answer(self, x: NDArray[np.float32], learned: Parts) -> NDArray[np.float64]:
        trees = Trees.of_parts(learned)
        share = trees.values[trees.leaves(x)[:, 0]].astype(np.float64) + 1e-3
        return np.asarray(share / share.sum(axis=1, keepdims=True))


def quantities(clips: Clips, smooth: float = 1.0) -> NDArray[np.float32]:
    """(S, 20) `QUANTITIES` of clips; NaN where a joint that they rest on is never seen.

    Raises:
        DataError: joints other than `BODY_13`.
    """
    if clips.joints != BODY_13:
        raise DataError(f"rules need the joints {', '.join(BODY_13)}; got {', '.join(clips.joints)}")
    body = normalise(clips.points, clips.lengths, clips.joints, smooth)
    place = {joint: body.points[:, :, index] for index, joint in enumerate(clips.joints)}
    inside = body.inside

    def mean(series: NDArray[np.floating]) -> NDArray[np.floating]:
        return np.asarray(np.where(inside, series, 0).sum(axis=1) / clips.lengths)

    def peak(series: NDArray[np.floating]) -> NDArray[np.floating]:
        return np.asarray(np.where(inside, series, -np.inf).max(axis=1))

    def net(series: NDArray[np.floating]) -> NDArray[np.floating]:
        return np.asarray(series[np.arange(len(series)), clips.lengths - 1] - series[:, 0])

    def spread(series: NDArray[np.floating]) -> NDArray[np.floating]:
        return peak(series) + peak(-series)

    def sides(joint: str) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        return place[f"right_{joint}"], place[f"left_{joint}"]

    def speeds(joint: str) -> list[NDArray[np.floating]]:
        steps = [length(np.diff(path, axis=1, prepend=path[:, :1])) * clips.rate_hz for path in sides(joint)]
        return _more_and_less([mean(step) for step in steps])

    def bends(inner: str, joint: str, outer: str) -> list[NDArray[np.floating]]:
        angles = [_angle(*ends) for ends in zip(sides(inner), sides(joint), sides(outer), strict=True)]
        return _more_and_less([mean(angle) for angle in angles])

    shoulders, hips = np.mean(sides("shoulder"), axis=0), np.mean(sides("hip"), axis=0)
    raised = [shoulders[..., 1] - wrist[..., 1] for wrist in sides("wrist")]
    step = length(np.subtract(*sides("ankle")))
    trunk = shoulders - hips
    lean = np.degrees(np.abs(np.arctan2(trunk[..., 0], -trunk[..., 1])))
    found = [
        *_more_and_less([mean(wrist) for wrist in raised]), np.maximum(*[peak(wrist) for wrist in raised]),
        mean(length(np.subtract(*sides("wrist")))), mean(step), peak(step), *speeds("wrist"), *speeds("ankle"),
        np.abs(net(hips[..., 0])), net(hips[..., 1]), spread(hips[..., 1]), *bends("hip", "knee", "ankle"),
        *bends("shoulder", "elbow", "wrist"), mean(lean), spread(lean), mean(hips[..., 1] - place["head"][..., 1]),
    ]  # fmt: skip
    columns = np.stack(found, axis=1).astype(np.float32)
    columns[~np.isfinite(columns)] = np.nan
    return columns


def _more_and_less(sides: list[NDArray[np.floating]]) -> list[NDArray[np.floating]]:
    return [np.maximum(*sides), np.minimum(*sides)]


def _angle(a: NDArray[np.floating], b: NDArray[np.floating], c: NDArray[np.floating]) -> NDArray[np.floating]:
    """(S, T) inner angle at b, degrees."""
    u, v = a - b, c - b
    return np.asarray(
        np.degrees(np.abs(np.arctan2(u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0], (u * v).sum(axis=-1))))
    )
