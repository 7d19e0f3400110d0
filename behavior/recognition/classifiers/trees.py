"""Decision trees as plain arrays: what scikit-learn grew, kept and asked without pickle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Trees:
    """Trees one after another in one table of nodes.

    A node sends a row left where `x[feature] <= threshold`, else right.

    Attributes:
        roots: (n_trees,) int32 node at which each tree begins.
        feature: (n_nodes,) int32 column looked at; -1 for a leaf.
        threshold: (n_nodes,) float32.
        left, right: (n_nodes,) int32 nodes; a leaf's `left` is its row in `values`.
        values: (n_leaves, V) float32 what the leaves say.
    """

    roots: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float32]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    values: NDArray[np.float32]

    def leaves(self, x: NDArray[np.float32]) -> NDArray[np.int32]:
        """(S, n_trees) row of `values` at which each of the (S, F) rows ends in each tree."""
        node = np.repeat(self.roots[None], len(x), axis=0)
        rows = np.arange(len(x))[:, None]
        while (inner := self.feature[node] >= 0).any():
            goes_left = x[rows, np.maximum(self.feature[node], 0)] <= self.threshold[node]
            node = np.where(inner, np.where(goes_left, self.left[node], self.right[node]), node)
        return self.left[node]

    def parts(self) -> dict[str, NDArray[Any]]:
        """The arrays by name."""
        return dict(vars(self))

    @classmethod
    def of_parts(cls, parts: dict[str, NDArray[Any]]) -> Trees:
        """Trees from `parts`; raises `KeyError` or `ValueError` when something is missing or points nowhere."""
        trees = cls(**{name: parts[name] for name in cls.__dataclass_fields__})
        inner = trees.feature >= 0
        nodes = len(trees.feature)
        ends = (trees.threshold, trees.left, trees.right)
        if any(len(end) != nodes for end in ends) or trees.values.ndim != 2:
            raise ValueError("tables of trees differ in length")
        children = np.concatenate([trees.left[inner], trees.right[inner]])
        parents = np.tile(np.flatnonzero(inner), 2)
        leaf = trees.left[~inner]
        if np.any(children <= parents) or np.any(children >= nodes) or np.any((leaf < 0) | (leaf >= len(trees.values))):
            raise ValueError("nodes of trees point nowhere")
        return trees


def join_trees(trees: Sequence[tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]]) -> Trees:
    """One table from (feature, threshold, left, right, value) of each tree.

    `feature` is negative at leaves, children come after their parents, `value` is (n_nodes, V). Thresholds are
    rounded down to float32, so that float32 rows go the same way.
    """
    roots, tables, values = [], [], []
    nodes = leaves = 0
    for feature, threshold, left, right, value in trees:
        leaf = feature < 0
        small = threshold.astype(np.float32)
        small = np.where(small > threshold, np.nextafter(small, np.float32(-np.inf)), small)
        place = np.cumsum(leaf) - 1 + leaves
        roots.append(nodes)
        tables.append(
            (
                np.where(leaf, -1, feature),
                np.where(leaf, 0, small),
                np.where(leaf, place, left + nodes),
                np.where(leaf, -1, right + nodes),
            )
        )
        values.append(value[leaf])
        nodes += len(feature)
        leaves += int(leaf.sum())
    feature, threshold, left, right = (np.concatenate(column) for column in zip(*tables, strict=True))
    return Trees(
        np.array(roots, dtype=np.int32),
        feature.astype(np.int32),
        threshold.astype(np.float32),
        left.astype(np.int32),
        right.astype(np.int32),
        np.concatenate(values).astype(np.float32),
    )
