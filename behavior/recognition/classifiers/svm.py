"""Least-squares support vector machine on clip statistics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular

from behavior.recognition.classifiers.base import Parts
from behavior.recognition.classifiers.ridge import solve_one_against_rest
from behavior.recognition.classifiers.statistics import StatisticsClassifier, softmax


@dataclass(eq=False, repr=False, kw_only=True)
class SupportVectorClassifier(StatisticsClassifier):
    """Gaussian kernel, one machine for each class against the rest, all solved at once.

    Squared instead of hinge loss (Suykens and Vandewalle, 1999), rows weighted so that classes count equally. The
    borders are sums of kernels around all rows, or, of more than `vectors`, around so many drawn at random (Nyström's
    approximation; Williams and Seeger, 2001): time then grows with the rows, not with their square or cube.
    """

    copies: int = 2
    ridge: float = 0.1
    """Penalty on the weights: larger bends the borders less."""
    width: float = 0.2
    """The kernel is exp(-width * mean square difference of the standardised statistics)."""
    sharpness: float = 5.0
    """Factor from distances to the borders to log-probabilities."""
    vectors: int = 3000
    """Most rows that the borders are built around."""

    def _learn(self, x: NDArray[np.float32], labels: NDArray[np.int64]) -> Parts:
        chosen = np.arange(len(x))
        if len(x) > self.vectors:
            chosen = np.sort(np.random.default_rng(self.seed_).permutation(len(x))[: self.vectors])
            self.notes_.append(
                f"svm: borders built around {self.vectors} of {len(x)} rows (clips and their changed copies), drawn at "
                "random; all rows were learnt from"
            )
        vectors = self._coarse(x[chosen])
        own = self._kernel(vectors, vectors)
        own[np.diag_indices_from(own)] += 1e-6  # rows that occur twice
        root = cholesky(own, lower=True, overwrite_a=True)

        def rows(part: slice) -> NDArray[np.float64]:
            return np.asarray(solve_triangular(root, self._kernel(self._coarse(x[part]), vectors).T, lower=True).T)

        weights, bias = solve_one_against_rest(rows, labels, self.ridge)
        dual = solve_triangular(root, weights, lower=True, trans="T")
        return {"vectors": vectors, "dual": dual.astype(np.float32), "bias": bias.astype(np.float32)}

    def _answer(self, x: NDArray[np.float32], learned: Parts) -> NDArray[np.float64]:
        kernel = self._kernel(self._coarse(x), learned["vectors"])
        return softmax(self.sharpness * (kernel @ learned["dual"] + learned["bias"]))

    @property
    def _steps(self) -> np.float32:
        """Of int8 per standard deviation."""
        return np.float32(127 / self.clip)

    def _coarse(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Standardised statistics in whole steps; the borders don't move."""
        return np.round(x * self._steps)

    def _kernel(self, a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float64]:
        """(n, m) kernel of (n, F) and (m, F) rows in steps."""
        return np.asarray(np.exp(-self.width * self._apart(a, b)))

    def _apart(self, a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float64]:
        """(n, m) mean square difference of rows in steps, in standard deviations; exact, for the weights are large."""
        apart = np.zeros((len(a), len(b)))
        for start in range(0, a.shape[1], _EXACT):
            one, other = a[:, start : start + _EXACT], b[:, start : start + _EXACT]
            apart -= 2 * (one @ other.T)
            apart += np.einsum("nf,nf->n", one, one)[:, None]
            apart += np.einsum("nf,nf->n", other, other)
        apart /= a.shape[1] * float(self._steps) ** 2
        return apart

    def _parts(self) -> Parts:
        return super()._parts() | {"vectors": self.learned_["vectors"].astype(np.int8)}

    def _load_parts(self, parts: Parts) -> None:
        super()._load_parts(parts | {"vectors": parts["vectors"].astype(np.float32)})


_EXACT = 2**24 // 127**2
"""Columns whose products add up without rounding in single precision, which is twice as fast as double."""
