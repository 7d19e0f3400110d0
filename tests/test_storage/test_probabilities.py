"""What a model said of each step comes back as it was, to a thousandth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sqlalchemy import delete, select

from storage import Database, recordings, runs, schema
from storage.errors import StorageError
from storage.probabilities import Probabilities, read_probabilities, write_probabilities


def new_run(database: Database) -> runs.Run:
    with database.transaction() as tx:
        tx.execute(delete(schema.recording))
        key = recordings.ensure_recording(tx, name="a", uri="a.mp4", kind="video", sha256="0" * 64, width=9, height=9)
        return runs.start_run(tx, key, "actions", "f", settings={}, version="1")


VALUES = hnp.arrays(
    np.float32,
    st.tuples(st.integers(0, 40), st.integers(0, 4)),
    elements=st.one_of(st.floats(0, 1, width=32), st.just(np.nan)),
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(VALUES, st.integers(0, 2**30))
def test_there_and_back(database: Database, values: np.ndarray, first: int) -> None:
    run = new_run(database)
    frames = first + 9 * np.arange(len(values))
    told = Probabilities(7, tuple(f"a{k}" for k in range(values.shape[1])), frames, values)
    with database.transaction() as tx:
        write_probabilities(tx, run.id, [told])
        (found,) = read_probabilities(tx, run.id)
    assert (found.track_id, found.actions) == (told.track_id, told.actions)
    assert found.frames.tolist() == frames.tolist()
    assert found.values.shape == values.shape
    np.testing.assert_allclose(found.values, values, atol=0.000501)


def test_they_go_with_their_run_and_nobody_is_told_of_twice(database: Database) -> None:
    run = new_run(database)
    one, two = (Probabilities(n, ("walk",), np.array([4]), np.array([[0.5]], dtype=np.float32)) for n in (1, 2))
    with database.transaction() as tx:
        write_probabilities(tx, run.id, [two, one])
        write_probabilities(tx, run.id, [])
        assert [each.track_id for each in read_probabilities(tx, run.id)] == [1, 2]
        assert read_probabilities(tx, run.id + 1) == []
    with pytest.raises(StorageError, match=r"(?i)unique"), database.transaction() as tx:
        write_probabilities(tx, run.id, [one])
    with database.transaction() as tx:
        runs.delete_run(tx, run.id)
        assert tx.execute(select(schema.probability)).all() == []


def test_an_hour_is_small(database: Database) -> None:
    """Twenty actions, three steps a second, as smooth as windows that overlap make them."""
    run = new_run(database)
    draw = np.random.default_rng(0).dirichlet(np.full(21, 0.1), 1200)[:, :20]
    values = np.repeat(draw, 10, axis=0).astype(np.float32)
    with database.transaction() as tx:
        write_probabilities(tx, run.id, [Probabilities(1, tuple("abcdefghijklmnopqrst"), 9 * np.arange(12000), values)])
        row = tx.execute(select(schema.probability)).one()
    assert len(row.frames) + len(row.thousandths) < 150_000
