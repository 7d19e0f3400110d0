"""What is claimed of real videos, held against what a human sees in them.

    python benchmarks/action_videos.py [--only VIDEO] [--actions NAME|FOLDER] [--keep DIR] [--json FILE]

`action_videos/videos.csv` names videos inside pinned packages of the package index, `action_videos/ratings.csv` the
people in them, by a point near their middle at a moment, and what they show from when to when, rated by eye from
pictures a sixth to a third of a second apart before looking at what was claimed of that time: `rated` is the time that
was watched, `walk?` time that could be called a walk or not, in which a claim of it is neither right nor wrong; so are
the first and last fifth of a second of everything shown. `repetitions` is their number. Whatever is claimed
beside that is wrong. Every video goes through `posescribe analyze`; `--keep` keeps what was found, so that another
model needs no second look at the pictures.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
from common import Row, print_table, write

sys.path.pop(0)  # this folder holds `features.py`, which would hide the package

from behavior.cli import main as posescribe
from behavior.recognition.model import load_action_model
from behavior.recognition.rules import DEFAULT, UPRIGHT
from pose.weights.assets import MULTIVIEW_SAMPLES, SAMPLE_VIDEO, Asset, fetch

HERE = Path(__file__).with_suffix("")
STEP_S = 0.01
EDGE_S = 0.2
WHOLE = {asset.file: asset for asset in (SAMPLE_VIDEO, MULTIVIEW_SAMPLES)}
"""Archives of which the project fetches these members anyway."""


def fetched(video: pd.Series) -> Path:
    asset = WHOLE.get(video.file) or Asset(
        str(video.name), video.project, video.file, video.file_sha256, video.member, video.sha256, video.licence
    )
    place = fetch(asset)
    return place if place.is_file() else place.parent / video.member


def analysed(video: pd.Series, actions: str, folder: Path) -> Path:
    """The folder of results."""
    source = fetched(video)
    ends = [(f"--{name}", str(s)) for name, s in (("start", video.start_s), ("end", video.stop_s)) if s == s]
    options = ["--out", str(folder), "--actions", actions, "--no-overlay", *(word for pair in ends for word in pair)]
    if posescribe(["analyze", str(source), *options]):
        raise SystemExit(f"{source}: not analysed")
    return folder / source.stem


def track_of(tracks: pd.DataFrame, person: pd.Series) -> int:
    """The track nearest to where the person was seen."""
    near = tracks[(tracks.time_s - person.at_s).abs() < 0.1].groupby("track_id")[["x", "y"]].mean()
    away = np.hypot(near.x - person.x, near.y - person.y)
    size = np.ptp(tracks[tracks.time_s == tracks.time_s.iloc[(tracks.time_s - person.at_s).abs().argmin()]].y.dropna())
    if not len(near) or away.min() > size / 2:
        raise SystemExit(f"{person.video}: {person.person} was not found at {person.at_s} s")
    return int(away.idxmin())


def judge(only: list[str], actions: str, keep: Path) -> tuple[list[Row], list[Row], list[Row]]:
    """Of each action, of each wrong claim, and of each person's repetitions."""
    videos = pd.read_csv(HERE / "videos.csv", index_col="video")
    ratings = pd.read_csv(HERE / "ratings.csv")
    named = dict.fromkeys((*load_action_model(actions).info.classes, *DEFAULT))
    sums: defaultdict[str, Row] = defaultdict(lambda: dict.fromkeys(("people", "shown", "claimed", "right"), 0.0))
    wrong: list[Row] = []
    counts: list[Row] = []
    for name, rated in ratings[ratings.video.isin(only or videos.index)].groupby("video", sort=False):
        folder = analysed(videos.loc[name], actions, keep / str(name).replace(" ", "_"))
        tracks = pd.read_parquet(folder / "tracks.parquet")
        bouts = pd.read_csv(folder / "bouts.csv")
        for person, shown in rated.groupby("person", sort=False):
            watched = shown[shown.shows == "rated"].iloc[0]
            track = track_of(tracks, watched)
            moments = np.arange(watched.start_s, watched.stop_s, STEP_S)

            def during(spans: pd.DataFrame, edge_s: float = 0.0, moments: np.ndarray = moments) -> np.ndarray:
                out = np.zeros(len(moments), dtype=bool)
                for first, stop in zip(spans.start_s, spans.stop_s, strict=True):
                    out |= (moments >= first - edge_s) & (moments < stop + edge_s)
                return out

            busy = np.zeros(len(moments), dtype=bool)
            for action in named:
                true, doubt = shown[shown.shows == action], shown[shown.shows == f"{action}?"]
                shows, said = during(true), during(bouts[(bouts.track_id == track) & (bouts.action == action)])
                edges = [end for span in true.itertuples() for end in (span.start_s, span.stop_s)]
                clear = ~during(pd.DataFrame({"start_s": edges, "stop_s": edges}), EDGE_S) & ~(during(doubt) & ~shows)
                row = sums[action]
                row["people"] += bool(len(true))
                for key, mask in (("shown", shows), ("claimed", said), ("right", said & shows)):
                    row[key] += STEP_S * float((mask & clear).sum())
                if (off := said & ~shows & clear).any():
                    wrong.append({
                        "video": name, "person": person, "claimed": action, "from": round(float(moments[off][0]), 2),
                        "to": round(float(moments[off][-1]), 2), "seconds": STEP_S * float(off.sum()),
                    })  # fmt: skip
                if action != UPRIGHT:
                    busy |= shows | during(doubt)
                    busy |= ~clear
                for span in true[true.repetitions.notna()].itertuples():
                    told = pd.read_csv(folder / "repetitions.csv")
                    told = told[(told.track_id == track) & (told.action == action)]
                    inside = ((told.start_s + told.stop_s) / 2).between(span.start_s, span.stop_s)
                    counts.append({"video": name, "person": person, "action": action, "by eye": int(span.repetitions),
                                   "counted": int(inside.sum()), "beside it": int((~inside).sum())})  # fmt: skip
            said = during(bouts[(bouts.track_id == track) & bouts.action.isin(named) & (bouts.action != UPRIGHT)])
            row = sums["time that shows none of them"]
            row["people"] += 1
            row["shown"] += STEP_S * float((~busy).sum())
            row["claimed"] += STEP_S * float((said & ~busy).sum())
    table = [{"action": action} | row for action, row in sums.items() if row["shown"] or row["claimed"]]
    all_of = [row for row in table if row["action"] in named and row["action"] != UPRIGHT]
    table.append({"action": "all but upright"} | {
        key: sum(row[key] for row in all_of) for key in ("people", "shown", "claimed", "right")
    })  # fmt: skip
    for row in table:
        is_claim = row["action"] in (*named, "all but upright")
        row["share right"] = row["right"] / row["claimed"] if is_claim and row["claimed"] else math.nan
        row["share found"] = row["right"] / row["shown"] if is_claim and row["shown"] else math.nan
    return table, wrong, counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", default=[], help="a video of videos.csv")
    parser.add_argument("--actions", default="default")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        table, wrong, counts = judge(asked.only, asked.actions, asked.keep or Path(scratch))
    print_table(table, {"action": "", "people": ".0f", "shown": ".1f", "claimed": ".1f", "right": ".1f",
                        "share right": ".0%", "share found": ".0%"})  # fmt: skip
    print_table(wrong, {"video": "", "person": "", "claimed": "", "from": "", "to": "", "seconds": ".1f"})
    print_table(counts, {"video": "", "person": "", "action": "", "by eye": "", "counted": "", "beside it": ""})
    write([*table, *wrong, *counts], asked.json)


if __name__ == "__main__":
    main()
