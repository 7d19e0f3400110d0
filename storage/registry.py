"""Models that a user trained: where the file is, its hash, what it was trained on and how good it is."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from storage import schema
from storage.errors import MissingError, StorageError


@dataclass(frozen=True)
class RegisteredModel:
    """One trained model.

    Attributes:
        name: unique name by which commands find it.
        kind: `actions` or `pose`.
        path: the file.
        sha256: of the file.
        data_sha256: of what it was trained on; None when unknown.
        metrics: measured figures, plain JSON.
        run_id: the run that it was trained on; None if none, or if that was deleted.
    """

    name: str
    kind: str
    path: str
    sha256: str
    data_sha256: str | None
    metrics: dict[str, Any]
    run_id: int | None


_COLUMNS = [schema.model.c[name] for name in RegisteredModel.__annotations__]


def register_model(
    tx: Connection,
    name: str,
    path: Path,
    *,
    kind: str,
    metrics: Mapping[str, Any],
    data_sha256: str | None = None,
    run_id: int | None = None,
) -> RegisteredModel:
    """Enter a model file, in place of an earlier one of this name; raises `StorageError` when it can't be read."""
    model = RegisteredModel(name, kind, str(path.absolute()), _file_sha256(path), data_sha256, dict(metrics), run_id)
    tx.execute(delete(schema.model).where(schema.model.c.name == name))
    tx.execute(insert(schema.model).values(**vars(model), added=datetime.now(UTC)))
    return model


def get_model(tx: Connection, name: str) -> RegisteredModel:
    """A model whose file is there and unchanged; raises `MissingError` for an unknown name, else `StorageError`."""
    row = tx.execute(select(*_COLUMNS).where(schema.model.c.name == name)).one_or_none()
    if row is None:
        known = ", ".join(model.name for model in list_models(tx)) or "none"
        raise MissingError(f"no model {name!r} in the database; known: {known}")
    model = RegisteredModel(*row)
    if _file_sha256(Path(model.path)) != model.sha256:
        raise StorageError(f"{model.path}: changed since it was registered as {name!r}; register it again")
    return model


def list_models(tx: Connection) -> list[RegisteredModel]:
    """All, by name; their files are not looked at."""
    return [RegisteredModel(*row) for row in tx.execute(select(*_COLUMNS).order_by(schema.model.c.name))]


def _file_sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise StorageError(f"{path}: can't read the model file ({error.strerror})") from error
