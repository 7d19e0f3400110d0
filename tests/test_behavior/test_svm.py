"""The support vectors' kernel: exact, whatever the number of statistics."""

from __future__ import annotations

import numpy as np
import pytest

from behavior.recognition.classifiers.svm import SupportVectorClassifier


@pytest.mark.parametrize("columns", [1, 1040, 1041, 5000])
def test_differences_of_rows_are_exact(columns: int) -> None:
    """The weights add up to many thousands: what single precision rounds off would be seen in the answers."""
    rng = np.random.default_rng(columns)
    a, b = (rng.choice([-127, -126, 126, 127], (n, columns)) for n in (6, 9))  # the largest sums there can be
    machine = SupportVectorClassifier()
    expected = ((a[:, None] - b) ** 2).sum(axis=2) * (machine.clip / 127) ** 2 / columns
    np.testing.assert_allclose(machine._apart(a.astype(np.float32), b.astype(np.float32)), expected, rtol=1e-14)
    assert not machine._apart(a.astype(np.float32), a.astype(np.float32)).diagonal().any()
