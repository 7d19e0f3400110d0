"""How the joints of real tracks tremble and are missing: the noise that made-up clips should have.

    python benchmarks/noise.py RESULT_FOLDER [RESULT_FOLDER ...] [--json FILE]

Folders of `posescribe analyze` (with their `tracks.parquet`), for example those that `benchmarks/action_videos.py
--keep` leaves. Per joint of the body: share of frames in which it is missing between the person's first and last, and
the standard deviation of its white noise in torso lengths (neck to the middle of the hips), from the third differences
of its place, in which smooth motion nearly vanishes: median of their absolute values / .6745 / sqrt(20).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from common import Row, print_table, write

sys.path.pop(0)

JOINTS = ("nose", "neck", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")


def noise_of(folder: Path) -> pd.DataFrame:
    """A row per track and joint: frames, missing, jitter."""
    table = pd.read_parquet(folder / "tracks.parquet", columns=["track_id", "frame", "keypoint", "x", "y"])
    rows = []
    for track, points in table.groupby("track_id"):
        place = points.pivot(index="frame", columns="keypoint", values=["x", "y"])
        if len(place) < 30:
            continue
        place = place.reindex(np.arange(place.index[0], place.index[-1] + 1))
        x, y = place["x"], place["y"]
        hips = [(axis["left_hip"] + axis["right_hip"]) / 2 for axis in (x, y)]
        torso = np.hypot(x["neck"] - hips[0], y["neck"] - hips[1]).median()
        for joint in x:
            third = np.concatenate([np.diff(axis[joint].to_numpy(), 3) for axis in (x, y)])
            jitter = np.nanmedian(np.abs(third)) / 0.6745 / np.sqrt(20) / torso if np.isfinite(third).any() else np.nan
            missing = float(x[joint].isna().mean())
            rows.append((folder.name, track, str(joint), len(place), missing, float(jitter)))
    return pd.DataFrame(rows, columns=["video", "track", "joint", "frames", "missing", "jitter"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    found = pd.concat([noise_of(folder) for folder in asked.folders])
    rows: list[Row] = []
    for joint in (*JOINTS, "all"):
        some = found[found.joint.str.endswith(joint)] if joint != "all" else found[found.joint.str.endswith(JOINTS)]
        weight = some.frames / some.frames.sum()
        spread = some.jitter.dropna()
        rows.append({
            "joint": joint, "tracks": some[["video", "track"]].drop_duplicates().shape[0],
            "missing": float((some.missing * weight).sum()), "missing, worst tenth": float(some.missing.quantile(0.9)),
            "jitter": float(spread.median()), "jitter, worst tenth": float(spread.quantile(0.9)),
        })  # fmt: skip
    print_table(rows, {"joint": "", "tracks": "", "missing": ".1%", "missing, worst tenth": ".1%", "jitter": ".3f",
                       "jitter, worst tenth": ".3f"})  # fmt: skip
    write(rows, asked.json)


if __name__ == "__main__":
    main()
