"""How large the report page is, and how soon it shows, in Chromium: from a file, and as the studio serves it.

    python benchmarks/report.py [--quick] [--json FILE] [--studio FOLDER]

Made-up people who never stand still, joints with 2 pixels of noise in a picture of 1920x1080, ten curves, a bout every
ten seconds, every section; the page's pictures (a still per person, the scene) are not among them and add 0.1 to
0.2 MB. `first paint` is the browser's own first-contentful-paint, `ready` when the joints of the moment are unpacked
and drawn, `scrub` the time from asking for another frame to its drawing without a video, in 200 even steps from end to
end, the second time; `worst` the longest step of both times, `to a part` the time to a frame whose joints were not
unpacked, or in the studio not asked for, before. The median of five.

`--studio` makes a database of the hour in a folder (or takes the one that is there), tells its report as `posescribe
report` does, and opens it in the studio.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import uvicorn
from playwright.sync_api import sync_playwright

sys.path.pop(0)  # this folder holds `features.py`, which would hide the package

from behavior.cli.console import Narrator
from behavior.pipeline.places import MOVEMENT
from behavior.report.certainty import bands, certainty
from behavior.report.course import Course
from behavior.report.motion import CURVES, Curve, MotionWriter, curve_points
from behavior.report.page import Provenance, ReportData, people_from_courses, write_page
from behavior.report.places import distances, heat
from behavior.report.scale import ScaleTold
from behavior.report.sequence import together, transitions
from behavior.report.strips import strips
from behavior.report.tables import bin_widths, bins_table, summary_table
from behavior.studio.app import make_app
from behavior.studio.jobs import Jobs
from behavior.studio.shelf import Shelf
from behavior.studio.work import Work
from pose.people import FramePeople, Person, Track
from pose.skeleton import COCO_18
from storage import bouts, open_database, poses, recordings, runs, tracks
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
    walkers = [made_up(number, n) for number in range(1, people + 1)]
    writer = MotionWriter(COCO_18, (1920, 1080), np.arange(n), np.arange(n) / FPS, people * n)
    courses = [Course.of(writer.watch([track]), COCO_18) for track in walkers]
    rng = np.random.default_rng(0)
    curves = [Curve(name, "torso/s", rng.random((people, curve_points(n, people * len(CURVES))))) for name in CURVES]
    found = made_up_bouts(people, seconds)
    steps = np.arange(0, n, round(0.3 * FPS))
    said = [  # every three steps of something else, as windows that overlap make it
        Probabilities(
            track.track_id,
            tuple(f"action {k}" for k in range(9)),
            steps,
            np.repeat(rng.dirichlet(np.full(9, 0.3), len(steps) // 3 + 1), 3, axis=0)[: len(steps)],
        )
        for track in walkers
    ]
    people_told = people_from_courses(courses)
    apart, apart_over_time = distances(courses, 0.0, seconds)
    report = ReportData(
        "made up", "made_up.mp4", 1920, 1080, 0.0, seconds, n, 0, people_told, found,
        summary_table(found, courses) if found else pd.DataFrame(), PROVENANCE, video="video.mp4",
        motion=writer.finish(curves), bins={width: bins_table(found, courses, width) for width in bin_widths(seconds)},
        transitions=transitions(found, {person.track_id: person.on_screen for person in people_told}),
        together=together(found), heat=heat(courses, (1920, 1080)),
        heats={course.track_id: heat([course], (1920, 1080)) for course in courses},
        movement=pd.DataFrame(
            [(course.track_id, 9.0, 5.0, 1.0, 0.2, 3.0) for course in courses], columns=["track_id", *MOVEMENT]
        ),
        scale=ScaleTold(("-",), ("-",), 0.004, (0.0, 900.0), 1.0), distances=apart, distance_curves=apart_over_time,
        certainty=certainty(courses, found), bands=bands(found),
        strips=strips(said, [track.track_id for track in walkers], np.arange(n), np.arange(n) / FPS, 0.0, seconds),
    )  # fmt: skip
    write_page(report, path)


def make_database(folder: Path, people: int, seconds: float) -> Path:
    """A database of made-up people by the package's own writers, and a report's folder whose film is a stand-in."""
    path, n = folder / "posescribe.db", round(seconds * FPS)
    bodies = [made_up(number, n).keypoints for number in range(1, people + 1)]
    film = folder / "hour" / "video.mp4"
    film.parent.mkdir(parents=True)
    film.write_bytes(b"no film")
    film.with_name("overlay.mp4").write_bytes(b"no film")
    with open_database(path) as database:
        with database.transaction() as tx:
            recording = recordings.ensure_recording(
                tx, name="hour", uri=str(folder / "hour.mp4"), kind="video", sha256="0" * 64, width=1920, height=1080
            )
            part = {"part": {"start_s": None, "end_s": None, "every": 1}}
            made = {"model_name": "made up", "model_sha256": "0" * 64}
            told = {"notes": [], "skipped": 0, "seconds": 1.0}
            pose = runs.start_run(
                tx, recording, "pose", "p", settings=part, version="1", skeleton=COCO_18, extra=told, **made
            )
            track = runs.start_run(tx, recording, "track", "t", settings={}, version="1", parent_id=pose.id)
        for begin in range(0, n, 3000):
            frames = [
                FramePeople(
                    at, at / FPS,
                    tuple(Person(body[at], 0.9, k + 1, skeleton=COCO_18) for k, body in enumerate(bodies)),
                )
                for at in range(begin, min(n, begin + 3000))
            ]  # fmt: skip
            with database.transaction() as tx:
                poses.append_frames(tx, pose.id, frames)
                tracks.append_memberships(tx, track.id, frames)
        with database.transaction() as tx:
            tracks.apply_identity(tx, track.id, {k: k for k in range(1, people + 1)})
            for run in (pose, track):
                runs.finish_run(tx, run.id)
            actions = runs.start_run(
                tx, recording, "actions", "a", settings={}, version="1", parent_id=track.id, model_name="made up",
                model_sha256="0" * 64, extra={"classes": [f"action {k}" for k in range(9)]},
            )  # fmt: skip
            bouts.write_bouts(tx, actions.id, made_up_bouts(people, seconds))
            runs.finish_run(tx, actions.id)
        with database.reading() as tx:
            who = tracks.identity_digest(tx, track.id)
    drawn = {"file": "overlay.mp4", "start_s": 0.0, "tracks": who, "shows": "", "video": film.name, "of": "p"}
    files = {film.name: hashlib.sha256(film.read_bytes()).hexdigest()}
    known = {"place": "../posescribe.db"}
    film.with_name("run.json").write_text(json.dumps({"overlay": drawn, "files": files, "database": known}))
    return path


def made_up_bouts(people: int, seconds: float) -> tuple[Bout, ...]:
    """One every ten seconds."""
    return tuple(
        Bout(number, f"action {k % 9}", k, k + 6, k * FPS, (k + 6) * FPS, 0.8)
        for number in range(1, people + 1)
        for k in range(0, int(seconds) - 8, 10)
    )


def watch_studio(folder: Path) -> dict[str, float]:
    """The hour in the studio: seconds to make the database and to tell, milliseconds of the page."""
    begin, db, found = time.monotonic(), folder / "posescribe.db", {}
    if not db.is_file():
        make_database(folder, 5, 3600.0)
        found["database_s"] = time.monotonic() - begin
    with socket.create_server(("127.0.0.1", 0)) as listener:
        shelf = Shelf([str(db)], folder, Narrator())
        app = make_app(shelf, Work(shelf, Jobs()), "token", listener.getsockname()[1])
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        begin = time.monotonic()
        shelf.report(0, 1)
        found["told_s"] = time.monotonic() - begin
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/token/0/1/report.html?studio"
        found |= dict(zip(("paint", "ready", "scrub", "worst", "part", "bytes"), watch(address), strict=True))
        server.should_exit = True
        thread.join(20)
    return found


def watch(address: str) -> tuple[float, float, float, float, float, float]:
    """First paint, ready, mean and longest time of a frame, of one not yet unpacked, in ms; bytes of the page."""
    chromium = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome", "chrome"])))
    with sync_playwright() as playwright:
        flags = ["--headless", "--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(address)
        while page.evaluate("document.documentElement.dataset.ready") is None:
            time.sleep(0.02)
        ready = page.evaluate("performance.now()")
        paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        size = page.evaluate("performance.getEntriesByType('navigation')[0].decodedBodySize")
        part = page.evaluate(
            """async () => {
                const track = document.getElementById("axis"), box = track.getBoundingClientRect(), times = [];
                const canvas = document.getElementById("drawing");
                for (let i = 0; i < 10; i += 1) {
                    const begin = performance.now();
                    const clientX = box.left + box.width * (0.15 + 0.08 * i);
                    track.dispatchEvent(new PointerEvent("pointermove", { clientX, buttons: 1 }));
                    while (canvas.dataset.frame === "") await new Promise((done) => setTimeout(done));
                    canvas.getContext("2d").getImageData(0, 0, 1, 1);
                    times.push(performance.now() - begin);
                    await new Promise((done) => setTimeout(done, 100));
                }
                return times.sort((a, b) => a - b)[5];
            }"""
        )
        each, worst = page.evaluate(  # once over parts that are not unpacked, then over all that are
            """async () => {
                const track = document.getElementById("axis"), box = track.getBoundingClientRect();
                const canvas = document.getElementById("drawing"), times = [];
                for (let i = 0; i < 400; i += 1) {
                    const begin = performance.now();
                    const clientX = box.left + (box.width * ((i % 200) + 0.5)) / 200;
                    track.dispatchEvent(new PointerEvent("pointermove", { clientX, buttons: 1 }));
                    while (canvas.dataset.frame === "") await new Promise((done) => setTimeout(done));
                    canvas.getContext("2d").getImageData(0, 0, 1, 1);
                    times.push(performance.now() - begin);
                }
                return [times.slice(200).reduce((sum, each) => sum + each) / 200, Math.max(...times)];
            }"""
        )
        browser.close()
    return paint, ready, each, worst, part, size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="the minute only")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--studio", type=Path, metavar="FOLDER", help="the hour in the studio; its database goes there")
    options = parser.parse_args()
    cases = [("a minute, two people", 2, 60.0), ("an hour, five people", 5, 3600.0)][: 1 if options.quick else 2]
    rows = []
    print("| page | size, MB | first paint, ms | ready, ms | scrub, ms a frame | worst, ms | to a part, ms |")
    print("|---|---|---|---|---|---|---|")
    for case, people, seconds in cases:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "report.html"
            make_page(path, people, seconds)
            size = path.stat().st_size / 1e6
            seen = (watch(path.as_uri()) for _ in range(5))
            paint, ready, each, worst, part, _ = (statistics.median(every) for every in zip(*seen, strict=True))
        print(
            f"| {case} | {size:.2f} | {paint:.0f} | {ready:.0f} | {each:.2f} | {worst:.0f} | {part:.0f} |", flush=True
        )
        known = {"case": case, "engine": "page", "megabytes": round(size, 2), "ready_ms": round(ready)}
        rows.append({**known, "median_ms": round(paint), "scrub_ms": round(each, 2)})
    if options.studio:
        seen = [watch_studio(options.studio) for _ in range(5)]
        middle = {name: statistics.median(one[name] for one in seen) for name in seen[-1]}
        size, paint, ready, each, worst, part = (
            middle[name] for name in ("bytes", "paint", "ready", "scrub", "worst", "part")
        )
        case = "the hour in the studio"
        print(f"| {case} | {size / 1e6:.2f} | {paint:.0f} | {ready:.0f} | {each:.2f} | {worst:.0f} | {part:.0f} |")
        print({name: round(value, 1) for name, value in seen[0].items() if name.endswith("_s")})
        known = {"case": case, "engine": "studio", "megabytes": round(size / 1e6, 2), "ready_ms": round(ready)}
        rows.append({**known, "median_ms": round(paint), "scrub_ms": round(each, 2)})
    if options.json:
        commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
        options.json.write_text(json.dumps({"machine": platform.processor(), "commit": commit, "rows": rows}, indent=2))


if __name__ == "__main__":
    main()
