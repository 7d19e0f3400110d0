"""Repetitions counted beside a human's count: exercise clips of real people, through the chain from maps on.

    python benchmarks/repetitions.py DATA [--draws 3] [--jitter 0.03] [--lost 0.05] [--json FILE]

`repetitions/ratings.csv` names clips of the sets in `DATA` (Penn Action by its own numbers, sets with `train3d.npz` by
the place of the clip) that show one exercise each, played one after the other, and how many repetitions they hold, by
eye from stick figures a tenth to a third of a second apart before anything was counted. Most of Penn Action's clips are
one repetition, cut out of a film that goes on: those in a row are of one film, and one ends nearly as the next begins.
Skeletons in space are seen by a made-up camera; joints tremble and frames go missing as in `benchmarks/mocap.py`, other
ones in each draw. Rows whose count is 0 show something else again and again.

Per clip what the rule counted in each draw; per exercise the share of exact counts, the share off by one at most (OBO)
and the mean absolute error as a share of the count (MAE; both as in Dwibedi et al., Counting Out Time, CVPR 2020).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from common import Row, print_table, write
from mocap import HEIGHT, WIDTH, as_coco, disturbed, projected, tracked
from numpy.typing import NDArray

from behavior.recognition.rules import RULES, motion_of, rule_bouts
from pose.layouts import BODY_13, mirror_indices
from pose.skeleton import COCO_18

RATINGS = Path(__file__).with_suffix("") / "ratings.csv"
EXERCISES = tuple(name for name, rule in RULES.items() if rule.repetitions)


def clips_of(data: Path, row: pd.Series) -> tuple[NDArray[np.float64], float]:
    """(T, 13, 2 or 3) joints and frames per second."""
    path = next(file for file in (data / row.set / "train3d.npz", data / row.set / "train.npz") if file.exists())
    held = np.load(path)
    first, last = (int(word) for word in row.clips.split("-"))
    names = held["penn_id"] if "penn_id" in held else np.arange(len(held["offsets"]) - 1)
    places = [int(np.flatnonzero(names == name)[0]) for name in range(first, last + 1)]
    spans = [held["joints"][held["offsets"][one] : held["offsets"][one + 1]] for one in places]
    return np.concatenate(spans).astype(np.float64), float(np.broadcast_to(held["fps"], len(names))[places[0]])


def all_placed(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Annotated joints; hidden ones stand on the other side's, as the pose engine places all of them."""
    return np.where(np.isfinite(points), points, points[:, mirror_indices(BODY_13)])


def in_picture(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T, 13, 2) joints in pixels of another picture, scaled into the middle of ours."""
    low, high = np.nanmin(points, axis=(0, 1)), np.nanmax(points, axis=(0, 1))
    scale = 0.8 * min((WIDTH, HEIGHT) / (high - low))
    return (points - (low + high) / 2) * scale + np.array([WIDTH / 2, HEIGHT / 2])


def counted(points: NDArray[np.float64], rate: float, asked: argparse.Namespace, draw: int) -> dict[str, int]:
    """Repetitions of each exercise."""
    rng = np.random.default_rng(draw)
    body = in_picture(all_placed(points)) if points.shape[2] == 2 else projected(points.astype(np.float32), rng)
    track = tracked(as_coco(disturbed(body, rng, asked.jitter, asked.lost)), rate)
    bouts = rule_bouts(track, motion_of(track, COCO_18), EXERCISES) if track is not None else []
    return {name: sum(len(bout.repetitions) for bout in bouts if bout.action == name) for name in EXERCISES}


def summary(name: str, rows: list[Row]) -> Row:
    """The errors of some clips' counts."""
    errors = np.concatenate([np.array(row["counts"]) - row["by eye"] for row in rows])
    true = np.concatenate([np.full(len(row["counts"]), row["by eye"]) for row in rows])
    return {
        "exercise": name, "clips": len(rows), "repetitions": sum(row["by eye"] for row in rows),
        "exact": float((errors == 0).mean()), "OBO": float((np.abs(errors) <= 1).mean()),
        "MAE": float((np.abs(errors) / true).mean()),
        "too many": int(errors.clip(0).sum()), "missed": int((-errors).clip(0).sum()),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--jitter", type=float, default=0.03, help="torso lengths")
    parser.add_argument("--lost", type=float, default=0.05, help="share of frames")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    rows: list[Row] = []
    for _, rated in pd.read_csv(RATINGS).iterrows():
        points, rate = clips_of(asked.data, rated)
        draws = [counted(points, rate, asked, draw) for draw in range(asked.draws)]
        mine = [draw.get(rated.action, 0) for draw in draws]
        others = [sum(draw.values()) - count for draw, count in zip(draws, mine, strict=True)]
        rows.append({
            "set": rated.set, "clips": rated.clips, "shows": rated.action, "seconds": len(points) / rate,
            "by eye": int(rated.by_eye), "counted": " ".join(map(str, mine)), "of others": " ".join(map(str, others)),
            "counts": mine,
        })  # fmt: skip
        print(*rows[-1].values(), file=sys.stderr, flush=True)
    print_table(rows, {"set": "", "clips": "", "shows": "", "seconds": ".1f", "by eye": "", "counted": "",
                       "of others": ""})  # fmt: skip
    judged = [row for row in rows if row["by eye"]]
    table = [summary(name, [row for row in judged if row["shows"] == name]) for name in EXERCISES
             if any(row["shows"] == name for row in judged)]  # fmt: skip
    table.append(summary("all", judged))
    print_table(table, {"exercise": "", "clips": "", "repetitions": "", "exact": ".0%", "OBO": ".0%", "MAE": ".2f",
                        "too many": "", "missed": ""})  # fmt: skip
    write([*rows, *table], asked.json)


if __name__ == "__main__":
    main()
