"""Time of the whole catalogue: one hour of 30 frames/s with five people, per frame and per window, after cleaning.

    python benchmarks/features.py [--quick] [--json FILE]

Made-up walkers with joints missing at random (5 %), COCO-18. `--quick` takes one minute instead of one hour.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.pop(0)  # this file's own folder, in which `features` would be this file

from features.body import Body
from features.catalog import CATALOGUE, feature_table, pair_window_table, window_table
from features.clean import clean
from features.sequence import PoseSequence
from pose.skeleton import COCO_18

Seconds = NDArray[np.float64]
PEOPLE, FRAMES_PER_S = 5, 30
LIMIT_S = 60.0  # for an hour, all stages for all people together
CLEAN, FRAMES, WINDOWS, PAIR = "clean", "frame table", "window table (1 s every 0.5 s)", "pair window table (one pair)"
REST = {
    "nose": (8, -96), "eye": (6, -100), "ear": (0, -98), "neck": (0, -80), "shoulder": (0, -79), "elbow": (2, -45),
    "wrist": (8, -14), "hip": (0, 0), "knee": (4, 45), "ankle": (0, 90),
}  # fmt: skip


def walker(seed: int, n_frames: int) -> PoseSequence:
    rng = np.random.default_rng(seed)
    time_s = np.arange(n_frames) / FRAMES_PER_S
    points = np.empty((n_frames, len(COCO_18), 2))
    for i, name in enumerate(COCO_18.joints):
        part = name.removeprefix("left_").removeprefix("right_")
        swing = {"ankle": 35, "knee": 15, "wrist": 25, "elbow": 10}.get(part, 2)
        phase = 5.5 * time_s + (np.pi if name.startswith("left") else 0)
        points[:, i, 0] = REST[part][0] + swing * np.sin(phase) + 800 + 500 * np.sin(time_s / 9 + seed)
        points[:, i, 1] = REST[part][1] + 0.2 * swing * np.cos(phase) + 400
    points += rng.normal(0, 1, points.shape)
    confidence = rng.uniform(0.2, 1, points.shape[:2])
    missing = rng.random(confidence.shape) < 0.05
    points[missing], confidence[missing] = np.nan, 0
    return PoseSequence(points, confidence, COCO_18.joints, time_s)


def timed(function: Callable[..., Any], *arguments: object) -> tuple[Seconds, Any]:
    """Seconds on the clock and of processor time."""
    clock, processor = time.perf_counter(), time.process_time()
    result = function(*arguments)
    return np.array([time.perf_counter() - clock, time.process_time() - processor]), result


def measure(n_frames: int) -> dict[str, Seconds]:
    """Seconds for all people by stage."""
    seconds = {stage: np.zeros(2) for stage in (CLEAN, FRAMES, WINDOWS, PAIR)}
    people: list[PoseSequence] = []
    for seed in range(PEOPLE):
        took, cleaned = timed(clean, walker(seed, n_frames))
        seconds[CLEAN] += took
        body = Body(cleaned)
        seconds[FRAMES] += timed(feature_table, body)[0]
        seconds[WINDOWS] += timed(window_table, body, 1.0, 0.5)[0]
        people = [*people, cleaned][:2]
    seconds[PAIR] = timed(pair_window_table, *people, 1.0, 0.5)[0]
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one minute instead of one hour")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    options = parser.parse_args()
    n_frames = FRAMES_PER_S * (60 if options.quick else 3600)
    repeats = [measure(n_frames) for _ in range(3 if options.quick else 1)]
    seconds = {stage: np.median([run[stage] for run in repeats], axis=0) for stage in repeats[0]}
    budget = LIMIT_S * n_frames / (3600 * FRAMES_PER_S)
    seconds["all but pairs"] = seconds[CLEAN] + seconds[FRAMES] + seconds[WINDOWS]

    machine = (
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, numpy {np.__version__}"
    )
    print(f"{PEOPLE} people, {n_frames} frames each, {len(CATALOGUE)} features in the catalogue; {machine}\n")
    print("| stage | seconds | processor seconds | person-frames/s | share of the limit |")
    print("|---|---|---|---|---|")
    rows = []
    for stage, (value, processor) in seconds.items():
        print(f"| {stage} | {value:.2f} | {processor:.2f} | {PEOPLE * n_frames / value:,.0f} | {value / budget:.0%} |")
        rows.append(
            {
                "case": stage,
                "engine": "posescribe",
                "median_ms": 1000 * float(value),
                "ratio_to": "limit",
                "ratio": float(value / budget),
            }
        )
    if options.json:
        commit = subprocess.run(
            ["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False
        ).stdout.strip()
        options.json.write_text(json.dumps({"machine": machine, "commit": commit, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
