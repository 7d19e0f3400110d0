"""Reports with made-up people and actions, and the page of one in a real browser."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from playwright.sync_api import Page

from behavior.pipeline.places import GAIT, MOVEMENT
from behavior.report.certainty import bands, certainty
from behavior.report.course import Course
from behavior.report.motion import Curve, MotionWriter
from behavior.report.page import (
    Provenance,
    ReportData,
    people_from_courses,
    write_page,
)
from behavior.report.places import distances, heat
from behavior.report.scale import Height, ScaleTold
from behavior.report.sequence import together, transitions
from behavior.report.strips import strips
from behavior.report.tables import bins_table, summary_table
from features.zones import Zone
from pose.people import Track
from pose.skeleton import COCO_18
from storage.bouts import Bout
from storage.probabilities import Probabilities

Axe = Callable[[Page], None]
FPS = 10
START_S = 5.0
"""The part analysed begins in the middle of the source, so the overlay's clock and the source's differ."""
N_FRAMES = 40
NASTY = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">'\"&{{ 7*7 }}"
PAINTED = """([x, y]) => {
    const canvas = document.getElementById("drawing"), scale = canvas.width / 160;
    return [...canvas.getContext("2d").getImageData(Math.round(x * scale), Math.round(y * scale), 1, 1).data];
}"""


def jpeg() -> bytes:
    done, data = cv2.imencode(".jpg", np.full((48, 64, 3), 90, dtype=np.uint8))
    assert done
    return bytes(data)


def make_track(track_id: int, frames: range) -> Track:
    keypoints = np.full((len(frames), 18, 3), 0.9, dtype=np.float32)
    keypoints[..., 0] = 10 * track_id + np.arange(len(frames))[:, None]
    keypoints[..., 1] = 20 * track_id
    time_s = START_S + np.array(frames) / FPS
    return Track(
        track_id, np.array(frames), time_s, keypoints, np.full(len(frames), 0.8, dtype=np.float32), skeleton=COCO_18
    )


def make_bout(track_id: int, action: str, start_frame: int, stop_frame: int) -> Bout:
    start_s, stop_s = (START_S + frame / FPS for frame in (start_frame, stop_frame + 1))
    return Bout(track_id, action, start_s, stop_s, start_frame, stop_frame, 0.9)


PROVENANCE = Provenance(
    version="0.1.0",
    device="cpu",
    pose_model="movenet_multipose",
    pose_model_sha256="51f8" * 16,
    refiner="movenet_thunder",
    refiner_sha256="8646" * 16,
    pose_licence="non-commercial use only",
    refiner_licence="Apache-2.0",
    action_model="default",
    action_model_sha256="ab12" * 16,
    source_sha256="d9a6" * 16,
    started="2025-01-01T12:00:00+00:00",
    seconds=4.2,
    frames_per_second=9.5,
)


def make_report() -> ReportData:
    """Person 1 walks (frames 10–19), then waves (25–29); person 2 is there from frame 20 and does nothing known."""
    tracks = [make_track(1, range(N_FRAMES)), make_track(2, range(20, N_FRAMES))]
    bouts = (make_bout(1, "walk", 10, 19), make_bout(1, "wave", 25, 29))
    return ReportData(
        source_name="street.mp4",
        source_path="/videos/street.mp4",
        width=160,
        height=120,
        start_s=START_S,
        stop_s=START_S + N_FRAMES / FPS,
        n_frames=N_FRAMES,
        n_skipped=3,
        people=people_from_courses([Course.of([track], COCO_18) for track in tracks], thumbnails={1: jpeg()}),
        bouts=bouts,
        summary=summary_table(bouts, tracks),
        provenance=PROVENANCE,
        notes=("3 corrupt frames were skipped.",),
        overlay="overlay.mp4",
        overlay_start_s=START_S,
        scene=jpeg(),
        files={"bouts.csv": "every bout"},
    )


def make_moving_report(video: str = "overlay.mp4") -> ReportData:
    """The same, with the joints to draw and the speed of person 1, which grows by 1 with each frame."""
    report = make_report()
    tracks = [make_track(1, range(N_FRAMES)), make_track(2, range(20, N_FRAMES))]
    frames = np.arange(N_FRAMES)
    writer = MotionWriter(COCO_18, (160, 120), frames, START_S + frames / FPS, 60)
    for track in tracks:
        assert list(writer.watch([track])) == [track]
    speed = Curve("centre_speed", "torso/s", np.stack([np.arange(40.0), np.full(40, np.nan)]))
    return replace(report, video=video, motion=writer.finish([speed]))


@dataclass
class Watched:
    """A page, and all that it said or asked for since it was opened."""

    page: Page
    folder: Path
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def open(self, report: ReportData, name: str = "report.html", address: str = "") -> Page:
        write_page(report, self.folder / name)
        self.page.goto((self.folder / name).as_uri() + address)
        if report.motion is not None:
            self.wait_until("document.documentElement.dataset.ready === ''")
        return self.page

    def painted(self, x: float, y: float) -> tuple[int, ...]:
        """Red, green, blue and opacity of the drawing over the video at a pixel of the source."""
        return tuple(self.page.evaluate(PAINTED, [x, y]))

    def wait_until(self, condition: str) -> None:
        """Asks again and again from outside; the page's own policy forbids Playwright's way from inside."""
        deadline = time.monotonic() + 120
        while not self.page.evaluate(condition):
            assert time.monotonic() < deadline, f"never came true: {condition}"
            self.page.wait_for_timeout(20)

    def grey(self) -> int:
        """What the middle of the video shows."""
        shot = cv2.imdecode(np.frombuffer(self.page.locator("video").screenshot(), np.uint8), cv2.IMREAD_GRAYSCALE)
        assert shot is not None
        return int(shot[shot.shape[0] // 3, shot.shape[1] // 2])

    def source_time(self) -> float:
        """Where the video stands, in seconds of the source."""
        self.wait_until("!document.querySelector('video').seeking")
        return float(self.page.evaluate("document.querySelector('video').currentTime")) + START_S


PERSON_1, PERSON_2 = (230, 159, 0, 255), (86, 180, 233, 255)


def make_placed_report() -> ReportData:
    """Both people in the picture's upper left, a zone, and a stretch of walking."""
    report = make_moving_report()
    courses = [Course.of([make_track(1, range(N_FRAMES))], COCO_18), Course.of([make_track(2, range(20, 40))], COCO_18)]
    courses = [replace(course, torso=20.0) for course in courses]
    apart, curves = distances(courses, START_S, START_S + 4)
    return replace(
        report,
        heat=heat(courses, (160, 120)),
        distances=apart,
        distance_curves=curves,
        zones=(Zone(NASTY, np.array([[0.0, 0], [40, 0], [40, 30]])),),
        zone_times=pd.DataFrame(
            [(1, NASTY, 1.0, 0.0, 2.5, 0.5, 0.25)],
            columns=["track_id", "zone", "entries", "exits", "time_in_s", "share_in", "latency_s"],
        ),
        gait=pd.DataFrame(
            [(1, "walk", 6.0, 7.0, *[0.5] * len(GAIT), 1.34)],
            columns=["track_id", "action", "start_s", "stop_s", *GAIT, "speed"],
        ),
        zone_actions=pd.DataFrame(
            [(1, NASTY, "walk", 1, 0.75, 0.5)],
            columns=["track_id", "zone", "action", "count", "total_s", "share"],
        ),
        movement=pd.DataFrame([(1, 9.5, 4.25, 1.2, 0.3, 2.0)], columns=["track_id", *MOVEMENT]),
        heats={course.track_id: heat([course], (160, 120)) for course in courses},
        scale=ScaleTold(
            ("1 px is 10 mm.",), ("Nearer is longer.",), 0.01, (20.0, 100.0), 5.0,
            (Height(1, 30, 1.7, 1.8, 1.9), Height(2, 20, 2.4, 2.5, 2.6)),
        ),
    )  # fmt: skip


def with_strips(report: ReportData) -> ReportData:
    """Person 1 walks with 0.75, from frame 10 on 0.25, nothing is known from 20 to 29; 2 waves for certain."""
    walk = np.array([0.75, 0.25, np.nan, 0.5], dtype=np.float32)
    one = Probabilities(
        1, ("walk", "wave", "<b>"), np.arange(0, 40, 10), np.stack([walk, 0 * walk, 0 * walk + 0.15], 1)
    )
    two = Probabilities(2, ("walk", "wave"), np.array([20, 30]), np.float32([[0, 1], [0, 1]]))
    frames = np.arange(N_FRAMES)
    made = strips([one, two], [1, 2], frames, START_S + frames / FPS, report.start_s, report.stop_s)
    return replace(report, strips=made)


def make_full_report() -> ReportData:
    """Every section of the page."""
    report = with_strips(make_placed_report())
    tracks = [make_track(1, range(N_FRAMES)), make_track(2, range(20, N_FRAMES))]
    courses = [Course.of([track], COCO_18) for track in tracks]
    bouts = (*report.bouts, make_bout(1, "swing", 20, 24), make_bout(2, "wave", 27, 31))
    return replace(
        report,
        bouts=bouts,
        summary=summary_table(bouts, tracks),
        bins={width: bins_table(bouts, tracks, width) for width in (1.0, 2.0)},
        transitions=transitions(bouts, {person.track_id: person.on_screen for person in report.people}),
        together=together(bouts),
        certainty=certainty(courses, bouts),
        bands=bands(bouts),
        trust={
            "protocol": "by person", "coverage": 0.5, "claims_right": 0.875,
            "reliability": [[None, None, 0], [0.9, 0.8, 9]],
        },
        provenance=replace(
            PROVENANCE,
            command="posescribe analyze street.mp4 --out results --device cpu",
            papers={"movenet_multipose": ("https://arxiv.org/abs/1904.07850",)},
            action_licence="CC0",
        ),
    )  # fmt: skip
