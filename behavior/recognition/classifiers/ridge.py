"""Least-squares borders, one class against the rest: what random convolutions and support vectors are answered with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve

_AT_ONCE = 2048
"""Rows that are worked on together: the time grows with their number, the memory does not."""


def solve_one_against_rest(
    rows: Callable[[slice], NDArray[np.floating]], labels: NDArray[np.int64], ridge: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights, (F, C), and offsets, (C,), that send rows of a class towards 1 and all others towards -1.

    Least squares with the penalty `ridge` on the squares of weights and offsets; a row's error counts the inverse of
    how often its class occurs. Solved in the primal, n F² operations for n rows of F numbers, or, of fewer rows than
    numbers, in the dual, n² F.

    Args:
        rows: gives the (m, F) numbers of a slice of the n rows.
        labels: (n,) classes.
        ridge: above 0.
    """
    counts = np.bincount(labels)
    weight = np.sqrt(len(labels) / len(counts) / counts)

    def weighted(part: slice) -> tuple[NDArray[np.floating], NDArray[np.float64]]:
        own = labels[part]
        x = rows(part)
        x = np.concatenate([x, np.ones((len(x), 1), dtype=x.dtype)], axis=1) * weight[own, None].astype(x.dtype)
        return x, (2.0 * (own[:, None] == np.arange(len(counts))) - 1) * weight[own, None]

    parts = [slice(start, start + _AT_ONCE) for start in range(0, len(labels), _AT_ONCE)]
    x, target = weighted(parts[0])
    if len(labels) < x.shape[1]:
        pieces = [(x, target), *map(weighted, parts[1:])]
        x, target = np.concatenate([one for one, _ in pieces]), np.concatenate([one for _, one in pieces])
        dual = _solve((x @ x.T).astype(np.float64), target, ridge)
        solved = x.T.astype(np.float64) @ dual
        return solved[:-1], solved[-1]
    gram, moments = x.T @ x, x.T @ target.astype(x.dtype)
    for part in parts[1:]:
        x, target = weighted(part)
        gram += x.T @ x
        moments += x.T @ target.astype(x.dtype)
    solved = _solve(gram.astype(np.float64), moments.astype(np.float64), ridge)
    return solved[:-1], solved[-1]


def _solve(matrix: NDArray[np.float64], right: NDArray[np.float64], ridge: float) -> NDArray[np.float64]:
    matrix[np.diag_indices_from(matrix)] += ridge
    return np.asarray(solve(matrix, right, assume_a="pos", overwrite_a=True))
