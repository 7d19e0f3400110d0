"""How sure all of it is: what was seen of each person, and how likely the model thinks its bouts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from behavior.recognition.rules import RULES
from behavior.report.course import PARTS, Course
from behavior.report.figures import named_time
from behavior.report.tables import frame_interval, length, on_screen
from storage.bouts import Bout

BANDS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Ends of the bands of probability; the last holds its upper end, too."""
CERTAINTY_COLUMNS = (
    "track_id", "on_screen_s", "named_s", "unnamed_s", "out_of_sight_s", "pose_score",
    *(f"{part}_missing" for part in PARTS),
)  # fmt: skip


def bands(bouts: Sequence[Bout]) -> pd.DataFrame:
    """The automatic bouts that a model named, by action and band of their mean probability.

    Bouts of rules are left out: a rule holds or does not. So are those that a human coded, at least in part.

    Returns:
        A row for each action and band with a bout: `action`, `low`, `high`, `count`, `total_s`.
    """
    rows: dict[tuple[str, int], list[float]] = {}
    for bout in bouts:
        if bout.action not in RULES and bout.source == "automatic":
            band = min(int(np.searchsorted(BANDS, bout.score, side="right")) - 1, len(BANDS) - 2)
            rows.setdefault((bout.action, band), []).append(bout.duration_s)
    found = [(action, BANDS[k], BANDS[k + 1], len(own), sum(own)) for (action, k), own in sorted(rows.items())]
    table = pd.DataFrame(found, columns=["action", "low", "high", "count", "total_s"])
    return table.astype({"action": "str", "low": "float64", "high": "float64", "count": "int64", "total_s": "float64"})


def certainty(courses: Sequence[Course], bouts: Sequence[Bout]) -> pd.DataFrame:
    """How much of each person was seen, and named.

    Returns:
        A row per person, seconds and shares of 0 to 1:

        - on_screen_s, and of it named_s with an action and unnamed_s without; being upright is none.
        - out_of_sight_s: from the first to the last frame, without on_screen_s.
        - pose_score: mean confidence of the person.
        - head_missing, trunk_missing, arms_missing, legs_missing: joints that were not found, of all in the frames that
          show the person; NaN where the layout has none.
    """
    frame_s = frame_interval(courses)
    rows = []
    for course in sorted(courses, key=lambda course: course.track_id):
        spans = on_screen(course, frame_s)
        seen = length(spans)
        named = named_time([bout for bout in bouts if bout.track_id == course.track_id], spans)
        hidden = float(spans[-1, 1] - spans[0, 0]) - seen if len(spans) else 0.0
        lost, all_there = course.missing.T
        shares = (lost / np.where(all_there > 0, all_there, np.nan)).tolist()
        rows.append((course.track_id, seen, named, seen - named, hidden, course.score, *shares))
    table = pd.DataFrame(rows, columns=list(CERTAINTY_COLUMNS))
    return table.astype({"track_id": "int64"} | dict.fromkeys(CERTAINTY_COLUMNS[1:], "float64"))
