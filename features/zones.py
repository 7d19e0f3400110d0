"""Zones drawn on the image: polygons that a person is in or out of.

A point on the border may count as in or out. Of the person one joint decides; for a zone on the floor `mid_ankle` is
nearest to what one means, `mid_hip` is seen more often.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from features.errors import FeatureError
from features.geometry import found_joints
from features.sequence import Crossings

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Zone:
    """A simple polygon.

    Attributes:
        name: what it is called; `column`, which leads its columns' names, is made of it.
        corners: (n >= 3, 2) float64 in the sequence's unit (pixels of the original frame), in either direction.
        joint: the joint that decides.
    """

    name: str
    corners: Array
    joint: str = "mid_hip"

    def __post_init__(self) -> None:
        if not self.column:
            raise FeatureError(f"zone {self.name!r}: a zone's name needs a letter or a digit")
        corners = np.asarray(self.corners, dtype=np.float64)
        if corners.ndim != 2 or corners.shape[0] < 3 or corners.shape[1] != 2 or not np.isfinite(corners).all():
            raise FeatureError(
                f"zone {self.name}: expected at least three corners (x, y), got an array of {corners.shape}"
            )
        object.__setattr__(self, "corners", corners)

    @property
    def column(self) -> str:
        """The name in lower case, with an underscore for all between words.

        >>> Zone("Front door (left)", np.eye(3, 2)).column
        'front_door_left'
        """
        return re.sub(r"[\W_]+", "_", self.name.lower()).strip("_")

    def contains(self, points: Array) -> Array:
        """(n,) 1 where (n, 2) points lie inside, 0 outside, NaN where missing (even-odd rule).

        >>> door = Zone("door", np.array([[0.0, 0], [4, 0], [4, 4], [0, 4]]))
        >>> door.contains(np.array([[1.0, 2.0], [5.0, 2.0]])).tolist()
        [1.0, 0.0]
        """
        x, y = points[:, 0], points[:, 1]
        inside = np.zeros(len(points), dtype=bool)
        for (ax, ay), (bx, by) in zip(self.corners, np.roll(self.corners, -1, axis=0), strict=True):
            if ay != by:
                inside ^= ((ay > y) != (by > y)) & (x < ax + (y - ay) * ((bx - ax) / (by - ay)))
        return np.where(found_joints(points), inside.astype(np.float64), np.nan)

    def depth(self, points: Array) -> Array:
        """(n,) distance of (n, 2) points from the border, positive inside, negative outside; NaN where missing.

        >>> door = Zone("door", np.array([[0.0, 0], [4, 0], [4, 4], [0, 4]]))
        >>> door.depth(np.array([[1.0, 2.0], [5.0, 2.0]])).tolist()
        [1.0, -1.0]
        """
        best = np.full(len(points), np.inf)
        for a, b in zip(self.corners, np.roll(self.corners, -1, axis=0), strict=True):
            edge = b - a
            square = float(edge @ edge)
            along = np.clip((points - a) @ edge / square, 0, 1) if square > 0 else np.zeros(len(points))
            best = np.minimum(best, np.hypot(*(points - a - along[:, None] * edge).T))
        inside = self.contains(points)
        return np.where(inside == 1, best, -best)


def read_zones(path: Path) -> list[Zone]:
    """Zones of a JSON file: `{"door": [[x, y], …], "desk": {"corners": [[x, y], …], "joint": "mid_ankle"}}`.

    Raises `FeatureError` with the file and the zone when it can't be read or says something else.
    """
    try:
        stated = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise FeatureError(f"{path}: no zones could be read from it: {error}") from error
    if not isinstance(stated, dict):
        raise FeatureError(f'{path}: expected {{"zone": [[x, y], …], …}}')
    zones = []
    for name, value in stated.items():
        known = value if isinstance(value, dict) else {"corners": value}
        try:
            corners = np.array(known["corners"], dtype=np.float64)
            zones.append(Zone(name, corners, str(known.get("joint", "mid_hip"))))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise FeatureError(f"{path}: zone {name!r}: expected corners as [[x, y], …]") from error
        except FeatureError as error:
            raise FeatureError(f"{path}: {error}") from error
    return zones


def crossings(inside: Array, time_s: Array) -> Crossings:
    """Times of entries and exits, each against the last frame before that shows the person.

    Args:
        inside: (n,) 1 inside, 0 outside, NaN where not seen.
        time_s: (n,) seconds.

    >>> crossings(np.array([0.0, 1.0, np.nan, 0.0]), np.array([0.0, 0.1, 0.2, 0.3]))
    Crossings(entries_s=array([0.1]), exits_s=array([0.3]))
    """
    found = np.flatnonzero(np.isfinite(inside))
    change, at = np.diff(inside[found]), time_s[found[1:]]
    return Crossings(at[change > 0], at[change < 0])
