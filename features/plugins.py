"""A user's own features, out of a Python file of theirs."""

from __future__ import annotations

import runpy
from pathlib import Path

from features.errors import FeatureError
from features.registry import CATALOGUE, Feature


def load_features(path: Path) -> list[Feature]:
    """Run a Python file whose functions are decorated with `features.feature`; gives what it entered.

    Raises `FeatureError` when it fails or enters nothing; then the catalogue is as it was before.
    """
    known = {entry.name for entry in CATALOGUE}
    failure: Exception | None = None
    try:
        runpy.run_path(str(path), run_name=path.stem)
    except Exception as error:
        failure = error
    entered = [entry for entry in CATALOGUE if entry.name not in known]
    if failure is None and entered:
        return entered
    for entry in entered:
        CATALOGUE.remove(entry.name)
    if failure is not None:
        raise FeatureError(f"{path}: {type(failure).__name__}: {failure}") from failure
    raise FeatureError(f"{path}: no function in it is decorated with features.feature; docs/features.md shows how")
