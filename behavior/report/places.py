"""Where people were in the picture, and how far from each other.

Pixels are those of the original frame; a distance is that in the picture, whatever the depth of the scene.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from behavior.report.tables import BRIDGE_S, Seen, frame_interval

HEAT_CELLS = 48
"""Cells of the heat map along the picture's longer side."""
DISTANCE_COLUMNS = (
    "track_a", "track_b", "together_s", "mean", "std", "median", "nearest", "nearest_at_s", "farthest", "unit",
)  # fmt: skip
DISTANCE_POINTS = 300
"""Most points of a curve of distance over time; each is the mean over its share of the time."""
MOST_PAIRS = 10
"""Curves of distance in a report: the pairs that were seen together longest."""


class Placed(Seen, Protocol):
    """Where one person was: see `page.Course`."""

    @property
    def middle(self) -> NDArray[np.float32]: ...
    @property
    def torso(self) -> float: ...


def heat(courses: Sequence[Placed], size: tuple[int, int], cells: int = HEAT_CELLS) -> NDArray[np.float64]:
    """(rows, columns) seconds that the middles of the people's bodies were in each cell of the picture.

    A frame counts until the next one that shows the person, at most `BRIDGE_S`, the last as long as a usual frame; a
    middle outside of the picture, or not found, nowhere.

    Args:
        courses: of the people.
        size: width and height of the picture, pixels.
        cells: square cells along its longer side.
    """
    width, height = size
    side = max(width, height, 1) / cells
    shape = max(1, int(np.ceil(height / side))), max(1, int(np.ceil(width / side)))
    seconds, frame_s = np.zeros(shape), frame_interval(courses)
    for course in courses:
        lasts = np.minimum(np.diff(course.time_s, append=np.nan), max(BRIDGE_S, frame_s))
        lasts[-1:] = frame_s
        x, y = course.middle.T.astype(np.float64)
        with np.errstate(invalid="ignore"):
            inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        place = (y[inside] // side).astype(int), (x[inside] // side).astype(int)
        np.add.at(seconds, place, lasts[inside])
    return seconds


def distances(
    courses: Sequence[Placed], start_s: float, stop_s: float, metres_per_px: float | None = None
) -> tuple[pd.DataFrame, dict[tuple[int, int], NDArray[np.float64]]]:
    """How far each two people were apart, from the middle of one body to that of the other.

    In metres where a scale is known; else the unit is the torso, from the neck to the middle of the hips: the mean of
    the two people's, each the median over their frames. Only frames that show both count.

    Args:
        courses: of the people.
        start_s, stop_s: the time that the curves show, seconds.
        metres_per_px: of the picture; None where it is not known.

    Returns:
        A row for each two people who were ever seen together: `together_s`, that time (frames that show both, times
        the usual frame), mean, median, sample standard deviation, smallest (with the time of it) and largest distance,
        its `unit` (`torso` or `m`); and of those seen together longest a curve, (at most DISTANCE_POINTS,) means over
        equal shares of the time, NaN where they were not seen together. Nothing of people whose torso was never seen.
    """
    frame_s = frame_interval(courses)
    points = max(1, min(DISTANCE_POINTS, int((stop_s - start_s) / frame_s))) if frame_s > 0 else 1
    rows: list[tuple[int | float | str, ...]] = []
    curves: dict[tuple[int, int], NDArray[np.float64]] = {}
    ordered = sorted(courses, key=lambda course: course.track_id)
    for place, one in enumerate(ordered):
        for two in ordered[place + 1 :]:
            time_s, first, second = np.intersect1d(one.time_s, two.time_s, return_indices=True)
            apart = np.hypot(*(one.middle[first].astype(np.float64) - two.middle[second]).T)
            apart *= 2 / (one.torso + two.torso) if metres_per_px is None else metres_per_px
            found = np.isfinite(apart)
            time_s, apart = time_s[found], apart[found]
            if not len(apart):
                continue
            spread = float(np.std(apart, ddof=1)) if len(apart) > 1 else np.nan
            least = int(apart.argmin())
            rows.append((
                one.track_id, two.track_id, len(apart) * frame_s, float(apart.mean()), spread, float(np.median(apart)),
                float(apart[least]), float(time_s[least]), float(apart.max()),
                "torso" if metres_per_px is None else "m",
            ))  # fmt: skip
            curves[one.track_id, two.track_id] = _means(time_s, apart, start_s, stop_s, points)
    table = pd.DataFrame(rows, columns=list(DISTANCE_COLUMNS))
    table = table.astype(
        {"track_a": "int64", "track_b": "int64"} | dict.fromkeys(DISTANCE_COLUMNS[2:-1], "float64") | {"unit": "str"}
    )
    longest = table.sort_values("together_s", ascending=False, kind="stable").head(MOST_PAIRS)
    return table, {pair: curves[pair] for pair in sorted(zip(longest.track_a, longest.track_b, strict=True))}


def _means(
    time_s: NDArray[np.float64], values: NDArray[np.float64], start_s: float, stop_s: float, points: int
) -> NDArray[np.float64]:
    share = np.clip((time_s - start_s) / max(stop_s - start_s, 1e-9) + 1e-9, 0, 1)
    place = np.minimum((share * points).astype(int), points - 1)
    n = np.bincount(place, minlength=points)
    return np.bincount(place, values, points) / np.where(n > 0, n, np.nan)
