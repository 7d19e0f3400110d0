"""The catalogue in metres: for people in space, and in a plane of known scale (`features.plane`).

What the catalogue gives in trunk lengths is in metres here, as if every trunk were 1 m long: `torso/s` is m/s. Left out
is what compares people by their trunks. Axes are the catalogue's (x right, y down, z away), into which `upright` turns
those of a world, the axis after that which is most upright to the right (of z up: x).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from features.body import FeatureSettings
from features.catalog import CATALOGUE, column_description, feature_names, feature_table, pair_table
from features.errors import FeatureError
from features.geometry import unit
from features.registry import Level
from features.sequence import PoseSequence, Whole

Array = NDArray[np.float64]

SETTINGS = FeatureSettings(slowest=0.25, step_swing=0.1)
"""The catalogue's for a trunk of 0.5 m: m/s and m."""
LEFT_OUT = ("body_scale", "pair_size_difference", "pair_posture_difference")


def upright(points: Array, up: Array) -> Array:
    """(..., 3) points of a world in the catalogue's axes.

    Args:
        points: (..., 3) in the world's axes.
        up: (3,) against gravity, of length 1.

    >>> upright(np.array([1.0, 2.0, 3.0]), np.array([0.0, 0.0, 1.0])).tolist()
    [1.0, -3.0, 2.0]
    """
    across = np.eye(3)[(np.argmax(np.abs(up)) + 1) % 3]
    across = unit(across - (across @ up) * up)
    turn = np.stack([across, -up, np.cross(across, -up)])
    return np.asarray(points @ turn.T)


def metric_table(sequence: PoseSequence, *, frames: ArrayLike | None = None) -> pd.DataFrame:
    """Every feature of a frame that the layout allows: `frame` if given, `time_s`, then a column for each.

    `attrs` has the `units` of the columns. Raises `FeatureError` unless the sequence is in space and in metres.
    """
    names = metric_names(sequence.joint_names, 3)
    return in_metres(feature_table(_metre(sequence), names, frames=frames, settings=SETTINGS))


def metric_pair_table(a: PoseSequence, b: PoseSequence) -> pd.DataFrame:
    """The same between two people, at the times they share."""
    names = metric_names(a.joint_names, 3, ("pair",))
    return in_metres(pair_table(_metre(a), _metre(b), names, settings=SETTINGS))


def metric_names(joint_names: tuple[str, ...], dimensions: int, levels: Sequence[Level] = ("frame",)) -> list[str]:
    """The features of these levels that a layout allows and that have a meaning in metres."""
    found = (name for level in levels for name in feature_names(joint_names, dimensions, level))
    return [name for name in found if name not in LEFT_OUT]


def metric_description(column: str) -> str:
    """What a column of these tables is."""
    return column_description(column, CATALOGUE).replace(" / torso²", "").replace(" / torso", "")


def _metre(sequence: PoseSequence) -> PoseSequence:
    if sequence.unit != "m" or sequence.dimensions != 3:
        raise FeatureError(f"expected joints in space, in m, got {sequence.dimensions} dimensions in {sequence.unit}")
    return replace(sequence, whole=Whole(trunk=1.0))


def in_metres(table: pd.DataFrame) -> pd.DataFrame:
    """The table of somebody whose trunk was taken as 1 m, with metres in its units."""
    table.attrs["units"] = {column: own.replace("torso", "m") for column, own in table.attrs["units"].items()}
    return table
