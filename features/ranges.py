"""How far joints of people in space bend, beside how far joints usually do: reported, never forced.

The ranges are those of active motion of healthy adults by the American Academy of Orthopaedic Surgeons (Joint Motion:
Method of Measuring and Recording, 1965). Gymnasts go beyond them; a joint that is beyond them for long is more often
one that was found in the wrong place, or left and right exchanged.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

RANGES: dict[str, tuple[float, float]] = {
    "hip_flexion": (-30, 120),
    "hip_abduction": (-30, 45),
    "knee_flexion": (0, 135),
    "ankle_dorsiflexion": (-50, 20),
    "elbow_flexion": (0, 150),
    "trunk_flexion": (-25, 80),
    "trunk_rotation": (-45, 45),
}
"""Angle of the catalogue, without its side, to the least and the most of it, degrees."""
COLUMNS = ("angle", "frames", "low_deg", "median_deg", "high_deg", "usual_low_deg", "usual_high_deg", "beyond")


def joint_ranges(table: pd.DataFrame) -> pd.DataFrame:
    """A row for each angle of `RANGES` that a person's table of frames has, none for one that is nowhere known.

    `low_deg` and `high_deg` are the 2.5th and the 97.5th percentile, `beyond` the share of the frames that know the
    angle in which it is outside of its usual range.

    >>> joint_ranges(pd.DataFrame({"left_knee_flexion": [10.0, 20, 140, np.nan]})).beyond.round(2).tolist()
    [0.33]
    """
    rows = []
    for column in map(str, table.columns):
        if (joint := column.removeprefix("left_").removeprefix("right_")) not in RANGES:
            continue
        least, most = RANGES[joint]
        known = table[column].dropna().to_numpy(dtype=np.float64)
        if len(known):
            low, middle, high = np.percentile(known, (2.5, 50, 97.5))
            beyond = float(np.mean((known < least) | (known > most)))
            rows.append((column, len(known), low, middle, high, least, most, beyond))
    return pd.DataFrame(rows, columns=list(COLUMNS))
