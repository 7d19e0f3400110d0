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
    how often its class occurs. Solved in the primal: n F² operations for n rows of F numbers.

    Args:
        rows: gives the (m, F) numbers of a slice of the n rows.
        labels: (n,) classes.
        ridge: above 0.
    """
    counts = np.bincount(labels)
    weight = np.sqrt(len(labels) / len(counts) / counts)
    gram: NDArray[np.float64] | float = 0.0
    moments: NDArray[np.float64] | float = 0.0
    for start in range(0, len(labels), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        own = labels[part]
        x = rows(part)
        x = np.concatenate([x, np.ones((len(x), 1), dtype=x.dtype)], axis=1) * weight[own, None].astype(x.dtype)
        target = (2.0 * (own[:, None] == np.arange(len(counts))) - 1) * weight[own, None]
        gram = gram + x.T @ x
        moments = moments + x.T @ target.astype(x.dtype)
    matrix = np.asarray(gram, dtype=np.float64)
    matrix[np.diag_indices_from(matrix)] += ridge
    solved = solve(matrix, np.asarray(moments, dtype=np.float64), assume_a="pos", overwrite_a=True)
    return solved[:-1], solved[-1]
