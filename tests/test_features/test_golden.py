"""Every feature and filter against stored numbers; `golden.py` beside this file writes them and says why."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.catalog import CATALOGUE, feature_names
from pose.skeleton import BODY_25

SCRIPT = Path(__file__).with_name("golden.py")


@pytest.fixture(scope="module")
def golden() -> pd.DataFrame:
    spec = importlib.util.spec_from_file_location("golden", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.golden()


def test_no_number_has_changed(golden: pd.DataFrame) -> None:
    stored = pd.read_csv(SCRIPT.with_suffix(".csv"))
    keys = ["table", "row", "column"]
    assert golden[keys].to_numpy().tolist() == stored[keys].to_numpy().tolist(), (
        "run: python tests/test_features/golden.py"
    )
    now, then = golden["value"].to_numpy(), stored["value"].to_numpy()
    same = np.isclose(now, then, rtol=1e-6, atol=1e-9, equal_nan=True)
    changed = golden[~same].assign(stored=then[~same])
    assert same.all(), f"{len(changed)} numbers differ from golden.csv; first:\n{changed.head(20)}"


def test_every_feature_is_there_and_has_a_number(golden: pd.DataFrame) -> None:
    seen = golden[np.isfinite(golden["value"])]["column"]
    names = {f"door_{e.name}" if e.level.startswith("zone") else e.name for e in CATALOGUE}
    assert names <= set(seen), names - set(seen)
    assert len(feature_names(BODY_25.joints)) > 180
