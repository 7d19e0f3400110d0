"""Trained models: found by name, and only while their file is what was registered."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage import Database, MissingError, StorageError, registry, runs


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    path = tmp_path / "walker.zip"
    path.write_bytes(b"weights")
    return path


def test_a_model_reads_back_as_registered(database: Database, stored: runs.Run, model_file: Path) -> None:
    with database.transaction() as tx:
        model = registry.register_model(
            tx, "walker", model_file, kind="actions", metrics={"accuracy": 0.9}, data_sha256="1", run_id=stored.id
        )
        assert registry.get_model(tx, "walker") == model
        assert (model.path, model.metrics, model.run_id) == (str(model_file), {"accuracy": 0.9}, stored.id)
        runs.delete_run(tx, stored.id)
        assert registry.get_model(tx, "walker").run_id is None


def test_a_name_registered_again_is_replaced(database: Database, model_file: Path) -> None:
    with database.transaction() as tx:
        registry.register_model(tx, "walker", model_file, kind="actions", metrics={"accuracy": 0.1})
        second = registry.register_model(tx, "walker", model_file, kind="actions", metrics={"accuracy": 0.9})
        assert registry.list_models(tx) == [second]


def test_a_changed_or_lost_file_is_refused(database: Database, model_file: Path) -> None:
    with database.transaction() as tx:
        registry.register_model(tx, "walker", model_file, kind="actions", metrics={})
        model_file.write_bytes(b"other weights")
        with pytest.raises(StorageError, match=r"changed since.*register it again"):
            registry.get_model(tx, "walker")
        model_file.unlink()
        with pytest.raises(StorageError, match="can't read the model file"):
            registry.get_model(tx, "walker")


def test_an_unknown_name_is_told_the_known_ones(database: Database, model_file: Path) -> None:
    with database.transaction() as tx:
        with pytest.raises(MissingError, match=r"'runner'.*none"):
            registry.get_model(tx, "runner")
        registry.register_model(tx, "walker", model_file, kind="actions", metrics={})
        with pytest.raises(MissingError, match=r"'runner'.*walker"):
            registry.get_model(tx, "runner")
