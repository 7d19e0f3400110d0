"""How large the report page is, and how soon it shows, in Chromium.

    python benchmarks/report.py [--quick] [--json FILE]

Made-up people who never stand still, joints with 2 pixels of noise in a picture of 1920x1080, ten curves, a bout every
ten seconds, every section; the page's pictures (a still per person, the scene) are not among them and add 0.1 to
0.2 MB. `first paint` is the browser's own first-contentful-paint, `ready` when the joints are unpacked and drawn,
`scrub` the time from asking for another frame to its drawing without a video, mean of 200 frames. Opened from a file;
the median of five.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from playwright.sync_api import sync_playwright

sys.path.pop(0)  # this folder holds `features.py`, which would hide the package

from behavior.report.certainty import bands, certainty
from behavior.report.course import Course
from behavior.report.motion import CURVE_POINTS, CURVES, Curve, MotionWriter
from behavior.report.page import Provenance, ReportData, people_from_courses, write_page
from behavior.report.places import distances, heat
from behavior.report.sequence import together, transitions
from behavior.report.strips import strips
from behavior.report.tables import bin_widths, bins_table, summary_table
from pose.people import Track
from pose.skeleton import COCO_18
from storage.bouts import Bout
from storage.probabilities import Probabilities

FPS = 30
PROVENANCE = Provenance(
    "-", "cpu", "made up", "0" * 64, "made up", "0" * 64, None, "2025-01-01T12:00:00+00:00", 1.0, 1.0
)


def made_up(track_id: int, n: int) -> Track:
    """A body that wanders, swings its limbs, and is seen with noise and gaps."""
    rng = np.random.default_rng(track_id)
    time_s = np.arange(n) / FPS
    body = rng.uniform(-150, 150, (18, 2))
    place = np.stack([960 + 700 * np.sin(time_s / 7 + track_id), 540 + 200 * np.cos(time_s / 11)], axis=-1)
    swing = 60 * np.sin(2 * np.pi * time_s[:, None] * rng.uniform(0.5, 1.5, 18) + rng.uniform(0, 6, 18))
    points = place[:, None] + body + np.stack([swing, 0.3 * swing], axis=-1) + rng.normal(0, 2, (n, 18, 2))
    keypoints = np.concatenate([points, np.full((n, 18, 1), 0.9)], axis=-1).astype(np.float32)
    keypoints[rng.random((n, 18)) < 0.03] = (np.nan, np.nan, 0)
    return Track(track_id, np.arange(n), time_s, keypoints, np.full(n, 0.9, np.float32))


def make_page(path: Path, people: int, seconds: float) -> None:
    n = round(seconds * FPS)
    tracks = [made_up(number, n) for number in range(1, people + 1)]
    writer = MotionWriter(COCO_18, (1920, 1080), np.arange(n), np.arange(n) / FPS, people * n)
    courses = [Course.of(writer.watch([track]), COCO_18) for track in tracks]
    rng = np.random.default_rng(0)
    curves = [Curve(name, "torso/s", rng.random((people, min(n, CURVE_POINTS)))) for name in CURVES]
    bouts = tuple(
        Bout(track.track_id, f"action {k % 9}", k, k + 6, k * FPS, (k + 6) * FPS, 0.8)
        for track in tracks
        for k in range(0, int(seconds) - 8, 10)
    )
    steps = np.arange(0, n, round(0.3 * FPS))
    said = [  # every three steps of something else, as windows that overlap make it
        Probabilities(
            track.track_id,
            tuple(f"action {k}" for k in range(9)),
            steps,
            np.repeat(rng.dirichlet(np.full(9, 0.3), len(steps) // 3 + 1), 3, axis=0)[: len(steps)],
        )
        for track in tracks
    ]
    people_told = people_from_courses(courses)
    apart, apart_over_time = distances(courses, 0.0, seconds)
    report = ReportData(
        "made up", "made_up.mp4", 1920, 1080, 0.0, seconds, n, 0, people_told, bouts,
        summary_table(bouts, courses) if bouts else pd.DataFrame(), PROVENANCE, video="video.mp4",
        motion=writer.finish(curves), bins={width: bins_table(bouts, courses, width) for width in bin_widths(seconds)},
        transitions=transitions(bouts, {person.track_id: person.on_screen for person in people_told}),
        together=together(bouts), heat=heat(courses, (1920, 1080)), distances=apart, distance_curves=apart_over_time,
        certainty=certainty(courses, bouts), bands=bands(bouts),
        strips=strips(said, [track.track_id for track in tracks], np.arange(n), np.arange(n) / FPS, 0.0, seconds),
    )  # fmt: skip
    write_page(report, path)


def watch(path: Path) -> tuple[float, float, float]:
    """First paint, ready and time per frame, milliseconds."""
    chromium = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome", "chrome"])))
    with sync_playwright() as playwright:
        flags = ["--headless", "--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(path.as_uri())
        while page.evaluate("document.documentElement.dataset.ready") is None:
            time.sleep(0.02)
        ready = page.evaluate("performance.now()")
        paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        each = page.evaluate(
            """async () => {
                const track = document.getElementById("axis"), box = track.getBoundingClientRect();
                const begin = performance.now();
                for (let i = 0; i < 200; i += 1) {
                    const clientX = box.left + (box.width * ((i * 37) % 200)) / 200;
                    track.dispatchEvent(new PointerEvent("pointermove", { clientX, buttons: 1 }));
                    document.getElementById("drawing").getContext("2d").getImageData(0, 0, 1, 1);
                }
                return (performance.now() - begin) / 200;
            }"""
        )
        browser.close()
    return paint, ready, each


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="the minute only")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    cases = [("a minute, two people", 2, 60.0), ("an hour, five people", 5, 3600.0)][: 1 if options.quick else 2]
    rows = []
    print("| page | size, MB | first paint, ms | ready, ms | scrub, ms a frame |\n|---|---|---|---|---|")
    for case, people, seconds in cases:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "report.html"
            make_page(path, people, seconds)
            size = path.stat().st_size / 1e6
            paint, ready, each = (
                statistics.median(every) for every in zip(*(watch(path) for _ in range(5)), strict=True)
            )
        print(f"| {case} | {size:.2f} | {paint:.0f} | {ready:.0f} | {each:.2f} |", flush=True)
        known = {"case": case, "engine": "page", "megabytes": round(size, 2), "ready_ms": round(ready)}
        rows.append({**known, "median_ms": round(paint), "scrub_ms": round(each, 2)})
    if options.json:
        commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
        options.json.write_text(json.dumps({"machine": platform.processor(), "commit": commit, "rows": rows}, indent=2))


if __name__ == "__main__":
    main()
