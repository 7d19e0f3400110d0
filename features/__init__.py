"""Keypoints -> features: pure functions on `PoseSequence`.

`features.clean` prepares a sequence, `features.catalog` computes tables of everything the catalogue defines; the other
modules hold the formulas.
"""

from features.catalog import (
    CATALOGUE,
    bout_table,
    feature,
    feature_names,
    feature_table,
    pair_table,
    window_table,
)
from features.errors import FeatureError, UnknownFeature
from features.sequence import PoseSequence

__all__ = [
    "CATALOGUE",
    "FeatureError",
    "PoseSequence",
    "UnknownFeature",
    "bout_table",
    "feature",
    "feature_names",
    "feature_table",
    "pair_table",
    "window_table",
]
