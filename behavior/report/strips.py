"""The model's probability of each action over time: a strip under each person's line, and a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from behavior.report.columns import MISSING, Columns
from storage.probabilities import Probabilities

POINTS = 1000
"""Most points of a strip over the whole recording; each is the mean over its share of the time."""
MOST_NUMBERS = 1_000_000
"""In a page; with more people or actions its strips have fewer points."""
SHOWN = 0.1
"""An action that is never more probable than this, for nobody, has no strip."""
_LEVELS = 100


@dataclass(frozen=True, eq=False)
class Strips:
    """For the page.

    Attributes:
        about: plain JSON: `actions`, and `points` of a strip.
        data: the columns, see `Columns`: of each person, in the order of the page, each action in percent.
    """

    about: dict[str, Any]
    data: str


def strips(
    found: Sequence[Probabilities],
    people: Sequence[int],
    frames: NDArray[np.int64],
    time_s: NDArray[np.float64],
    start_s: float,
    stop_s: float,
) -> Strips | None:
    """The strips of a page; None where no model said anything.

    Args:
        found: by person; somebody without has an empty strip.
        people: track ids, in the order of the page.
        frames, time_s: number and timestamp of each frame that was looked at.
        start_s, stop_s: the time that the page shows.
    """
    of_person = {one.track_id: one for one in found}
    actions = [
        action
        for action in dict.fromkeys(action for one in found for action in one.actions)
        if any(_most(one, action) > SHOWN for one in found)
    ]
    if not actions or stop_s <= start_s:
        return None
    steps = np.concatenate([np.diff(time_s[np.searchsorted(frames, one.frames)]) for one in found])
    wanted = 2 * (stop_s - start_s) / float(np.median(steps)) if len(steps) else 1
    n_points = max(1, int(min(POINTS, wanted, MOST_NUMBERS // (len(actions) * len(people)))))
    columns = Columns()
    for track_id in people:
        one = of_person.get(track_id)
        for action in actions:
            values = np.full(n_points, np.nan)
            if one is not None and action in one.actions:
                at = time_s[np.searchsorted(frames, one.frames)]
                values = over_time(one.values[:, one.actions.index(action)], at, start_s, stop_s, n_points)
            known = np.isfinite(values)
            levels = np.round(_LEVELS * np.where(known, values, 0)).astype(np.int64)
            columns.add(np.where(known, levels, MISSING))
    return Strips({"actions": actions, "points": n_points}, columns.text())


def over_time(
    values: NDArray[np.floating], time_s: NDArray[np.float64], start_s: float, stop_s: float, n_points: int
) -> NDArray[np.float64]:
    """(n_points,) means over equal shares of the time from `start_s` to `stop_s`.

    A value holds until the next one, but no longer than 1.25 times the usual step. NaN where none holds.

    Args:
        values: (n,) at `time_s`, seconds, rising; NaN where not known.
    """
    width = (stop_s - start_s) / n_points
    point = np.clip(((time_s - start_s) / width + 1e-6).astype(np.int64), 0, n_points - 1)
    known = np.isfinite(values)
    counts = np.bincount(point[known], minlength=n_points)
    sums = np.bincount(point[known], weights=values[known], minlength=n_points)
    means = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    none = np.flatnonzero(np.bincount(point, minlength=n_points) == 0)
    middle = start_s + (none + 0.5) * width
    before = np.searchsorted(time_s, middle, side="right") - 1
    longest = 1.25 * float(np.median(np.diff(time_s))) if len(time_s) > 1 else 0.0
    held = (before >= 0) & (middle - time_s[before] <= longest) if len(time_s) else np.zeros(len(none), dtype=bool)
    means[none[held]] = np.asarray(values, dtype=np.float64)[before[held]]
    return means


def probabilities_table(
    found: Sequence[Probabilities], frames: NDArray[np.int64], time_s: NDArray[np.float64]
) -> pd.DataFrame:
    """What was said, whole.

    Returns:
        A row per person and step: `track_id`, `frame`, `time_s` (seconds), and for each action `p_<action>`, 0 to 1;
        NaN where the model could say nothing.
    """
    parts = [pd.DataFrame({"track_id": [], "frame": [], "time_s": []}).astype({"track_id": "int64", "frame": "int64"})]
    for one in found:
        seen_s = time_s[np.searchsorted(frames, one.frames)]
        about = pd.DataFrame({"track_id": one.track_id, "frame": one.frames, "time_s": seen_s})
        said = pd.DataFrame(one.values.astype(np.float64), columns=[f"p_{action}" for action in one.actions])
        parts.append(about.join(said))
    return pd.concat(parts[1:] or parts, ignore_index=True)


def _most(one: Probabilities, action: str) -> float:
    values = one.values[:, one.actions.index(action)] if action in one.actions else np.empty(0)
    return float(np.nanmax(values)) if np.isfinite(values).any() else 0.0
