"""The report page in a real browser, from a file as users open it."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Browser, Page

from behavior.pipeline.places import GAIT, MOVEMENT
from behavior.pipeline.scale import Scale
from behavior.report.certainty import bands, certainty
from behavior.report.course import Course
from behavior.report.motion import CURVE_POINTS, CURVES, Curve, MotionWriter
from behavior.report.overlay import write_overlay
from behavior.report.page import (
    MAX_ROWS,
    NOT_NAMED,
    Provenance,
    ReportData,
    ReportPerson,
    people_from_courses,
    render_page,
    write_page,
)
from behavior.report.places import distances, heat
from behavior.report.scale import Height, ScaleTold
from behavior.report.sequence import together, transitions
from behavior.report.strips import strips
from behavior.report.tables import bins_table, summary_table
from features.zones import Zone, read_zones
from pose.people import FramePeople, Track
from pose.skeleton import COCO_18
from storage.bouts import Bout, Repetition
from storage.errors import OutputError
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
        deadline = time.monotonic() + 30
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


@pytest.fixture(scope="session")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of video, dark to light."""

    @dataclass(frozen=True)
    class Picture:
        index: int
        time_s: float
        image: np.ndarray

    def frames() -> Iterator[tuple[Picture, FramePeople]]:
        for index in range(N_FRAMES):
            time_s = START_S + index / FPS
            image = np.full((120, 160, 3), 5 * index, dtype=np.uint8)
            yield Picture(index, time_s, image), FramePeople(index, time_s, ())

    path = tmp_path_factory.mktemp("overlay") / "overlay.mp4"
    assert write_overlay(frames(), path, skeleton=COCO_18) is not None
    return path


@pytest.fixture
def watched(browser: Browser, overlay: Path, tmp_path: Path) -> Iterator[Watched]:
    """A fresh page that fails the test when it says, or asks anyone for, anything."""
    shutil.copy(overlay, tmp_path / "overlay.mp4")
    context = browser.new_context(viewport={"width": 1200, "height": 800})
    watched = Watched(context.new_page(), tmp_path)
    watched.page.on("console", lambda message: watched.said.append(message.text))
    watched.page.on("pageerror", lambda error: watched.said.append(str(error)))
    watched.page.on("request", lambda request: watched.asked.append(request.url))
    watched.page.set_default_timeout(20_000)
    yield watched
    context.close()
    # The page never reads its canvas, `painted` does.
    assert [text for text in watched.said if not text.startswith("Canvas2D: Multiple readback")] == []
    own = tmp_path.as_uri()
    assert [url for url in watched.asked if not url.startswith((own, "data:"))] == []


def test_a_click_on_a_bout_plays_it(watched: Watched) -> None:
    page = watched.open(make_report())
    watched.wait_until("document.querySelector('video').readyState >= 2")
    assert page.evaluate("document.querySelector('video').duration") == pytest.approx(N_FRAMES / FPS, abs=0.01)
    lane = page.locator(".lane").first
    box = lane.bounding_box()
    assert box is not None
    lane.click(position={"x": box["width"] * 14 / N_FRAMES, "y": 8})
    assert page.locator("#readout").inner_text() == "Person 1: walk, 0:06.00 to 0:07.00 (1.00 s), score 0.90"
    assert watched.source_time() == pytest.approx(START_S + 1.0, abs=0.01)
    assert watched.grey() == pytest.approx(50, abs=6), "the bout's own first frame is shown"
    before = watched.source_time()
    page.evaluate("document.querySelector('video').play()")
    watched.wait_until(f"document.querySelector('video').currentTime > {before - START_S + 0.3}")


def test_the_chosen_bout_says_what_spoke_for_it(watched: Watched) -> None:
    """Until a human changes it, and again when that is taken back."""
    report = make_moving_report()
    walk, wave = report.bouts
    page = watched.open(replace(report, bouts=(replace(walk, evidence="rule: 4 steps <b>"), wave)))
    said = page.locator("#evidence")
    page.locator(".lane").first.focus()
    assert said.inner_text() == ""
    page.keyboard.press("ArrowRight")
    assert said.inner_text() == "rule: 4 steps <b>"
    page.keyboard.press("ArrowRight")
    assert said.inner_text() == ""
    page.keyboard.press("Home")
    page.locator(".correct summary").click()
    page.locator("input[name=action]").fill("run")
    page.locator("input[name=action]").press("Enter")
    assert said.inner_text() == ""
    page.locator("button[data-do=undo]").click()
    page.locator(".lane").first.focus()
    page.keyboard.press("Home")
    assert said.inner_text() == "rule: 4 steps <b>"


def test_the_chosen_bout_shows_the_examples_that_it_is_most_like(watched: Watched) -> None:
    """In their order, and none for a bout that names none."""
    report = make_moving_report()
    walk, wave = report.bouts
    poses = np.linspace(0, 1, 16 * 13 * 2).reshape(16, 13, 2).tolist()
    poses[0][0] = [None, None]
    examples = {name: {"source": f"from {name}", "poses": poses} for name in ("run 1", "walk 1", "walk 12")}
    evidence = "model: walk 0.90; most like walk 12 at 0.51, run 1 at 0.90"
    page = watched.open(replace(report, bouts=(replace(walk, evidence=evidence), wave), examples=examples))
    shown = page.locator("#like > div:visible")
    assert shown.count() == 0
    page.locator(".lane").first.focus()
    page.keyboard.press("ArrowRight")
    boxes = {one.inner_text(): one.bounding_box() for one in shown.all()}
    assert sorted(boxes) == ["run 1: from run 1", "walk 12: from walk 12"]
    first, second = boxes["walk 12: from walk 12"], boxes["run 1: from run 1"]
    assert first is not None
    assert second is not None
    assert (first["y"], first["x"]) < (second["y"], second["x"])
    assert first["height"] > 40
    page.keyboard.press("ArrowRight")
    assert shown.count() == 0


def test_a_click_beside_the_bouts_goes_to_that_time(watched: Watched) -> None:
    page = watched.open(make_report())
    lane = page.locator(".lane").first
    box = lane.bounding_box()
    assert box is not None
    lane.click(position={"x": box["width"] * 0.875, "y": 8})
    assert page.locator("#readout").inner_text().endswith("no action named")
    assert watched.source_time() == pytest.approx(START_S + 3.5, abs=0.02)


def test_the_playhead_follows_the_video(watched: Watched) -> None:
    page = watched.open(make_report())
    page.evaluate("document.querySelector('video').currentTime = 3")
    watched.wait_until("Math.abs(parseFloat(document.getElementById('playhead').style.left) - 75) < 0.5")


def test_keys_go_from_bout_to_bout(watched: Watched) -> None:
    page = watched.open(make_report())
    page.locator(".lane").first.focus()
    for key, time_s in [("ArrowRight", 6.0), ("ArrowRight", 7.5), ("ArrowRight", 7.5), ("Home", 6.0), ("End", 7.5)]:
        page.keyboard.press(key)
        assert watched.source_time() == pytest.approx(time_s, abs=0.01)
    page.keyboard.press("Space")
    watched.wait_until("!document.querySelector('video').paused")


def test_every_control_is_reached_by_tab(watched: Watched) -> None:
    page = watched.open(make_report())
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.className || document.activeElement.tagName"))
    assert {"VIDEO", "BUTTON", "track lane", "seek", "SUMMARY", "A"} <= reached


def test_a_start_time_in_the_table_seeks(watched: Watched) -> None:
    page = watched.open(make_report())
    page.locator(".seek").nth(1).click()
    assert watched.source_time() == pytest.approx(7.5, abs=0.01)


def test_one_action_at_a_time(watched: Watched) -> None:
    page = watched.open(make_report())
    button = page.locator(".legend button", has_text="wave")
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    assert page.locator(".bout.picked").count() == 1
    button.click()
    assert page.locator(".ethogram.pick").count() == 0


def test_the_page_says_what_was_found(watched: Watched) -> None:
    page = watched.open(make_report())
    text = page.locator("main").inner_text()
    for expected in [
        "street.mp4",
        "2 people were followed through 4.0\xa0s",
        "3 corrupt frames",
        "Person 2",
        "25\xa0%",
    ]:
        assert expected in text
    page.locator(".provenance summary").click()
    text = page.locator(".provenance").inner_text()
    for expected in [
        "cpu",
        "movenet_multipose",
        "51f8" * 16,
        "movenet_thunder",
        "8646" * 16,
        "non-commercial use only",
        "Apache-2.0",
        "ab12" * 16,
        "d9a6" * 16,
        "were located and followed with Posescribe 0.1.0",
        "0.1.0",
    ]:
        assert expected in text
    assert NOT_NAMED in page.locator(".people > ol > li").nth(1).inner_text()


def test_nothing_is_taken_for_markup(watched: Watched) -> None:
    report = make_report()
    people = (replace(report.people[0], name=NASTY), report.people[1])
    bouts = (make_bout(1, NASTY, 10, 19),)
    summary = summary_table(bouts, [make_track(1, range(N_FRAMES))])
    provenance = replace(PROVENANCE, device=NASTY, pose_model=NASTY, refiner=NASTY)
    page = watched.open(
        replace(
            report,
            source_name=NASTY,
            source_path=NASTY,
            people=people,
            bouts=bouts,
            summary=summary,
            provenance=provenance,
            notes=(NASTY,),
            heading=(NASTY,),
            files={NASTY.replace("/", ""): NASTY},
        )
    )
    page.locator(".lane").first.focus()
    page.keyboard.press("ArrowRight")
    assert NASTY in page.locator("#readout").inner_text()
    assert page.title() == f"{NASTY} – who did what, and when"
    assert page.locator("h1").inner_text() == NASTY
    assert page.locator(".label").first.text_content() == NASTY
    assert page.locator("script").count() == 2
    assert page.locator("img[src=x]").count() == 0


def test_a_script_that_slips_in_does_not_run(watched: Watched) -> None:
    """Should escaping ever fail, the page's own policy still stops what was not written here."""
    watched.open(make_report())
    html = (watched.folder / "report.html").read_text()
    (watched.folder / "bad.html").write_text(html.replace("<main>", "<main><script>document.title='owned'</script>"))
    watched.page.goto((watched.folder / "bad.html").as_uri())
    assert watched.page.title() != "owned"
    assert any("Content Security Policy" in text for text in watched.said)
    watched.said.clear()


def test_odd_file_names_beside_the_page(watched: Watched, overlay: Path) -> None:
    name = 'what? 100% #1 & "so".mp4'
    shutil.copy(overlay, watched.folder / name)
    watched.open(replace(make_report(), overlay=name))
    watched.wait_until("document.querySelector('video').readyState >= 1")


PERSON_1, PERSON_2 = (230, 159, 0, 255), (86, 180, 233, 255)


def test_people_are_drawn_over_the_frame_that_is_shown(watched: Watched) -> None:
    """Person 1 is at x = 10 + frame, y = 20, person 2 from frame 20 on at x = frame, y = 40."""
    page = watched.open(make_moving_report(), address="#t=6.2")
    watched.wait_until("document.getElementById('drawing').dataset.frame === '12'")
    assert watched.grey() == pytest.approx(60, abs=6), "the video shows frame 12, too"
    assert watched.painted(22, 20) == pytest.approx(PERSON_1, abs=2)
    assert watched.painted(34, 20)[3] == watched.painted(20, 40)[3] == 0
    page.locator("[data-what=skeleton]").uncheck()
    assert watched.painted(22, 20)[3] == 0
    page.locator("[data-what=boxes]").check()
    page.locator("[data-what=trails]").check()
    assert watched.painted(15, 20)[3] > 0, "the trail of the last seconds"
    page.locator("[data-what=skeleton]").check()
    for _ in range(10):
        page.keyboard.press("Escape")
        page.locator("[data-step='1']").click()
    watched.wait_until("document.getElementById('drawing').dataset.frame === '22'")
    assert watched.painted(22, 40) == pytest.approx(PERSON_2, abs=2)


def test_joints_in_parts_are_drawn_as_in_one(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two frames a part: at frame 30 the trail of person 1, who goes a pixel a frame, comes through ten of them."""
    monkeypatch.setattr("behavior.report.motion.PART_NUMBERS", 60 * 36 // 20)
    page = watched.open(make_moving_report(), address="#t=8")
    watched.wait_until("document.getElementById('drawing').dataset.frame === '30'")
    assert 10 < page.locator("[id^=motion-]").count() < 20, "what is not about to be shown is not unpacked"
    page.locator("[data-what=skeleton]").uncheck()
    page.locator("[data-what=numbers]").uncheck()
    page.locator("[data-what=trails]").check()
    watched.wait_until(f"({PAINTED})([38, 20])[3] > 0")
    assert watched.painted(24, 20)[3] == 0, "its beginning is not unpacked"
    for time_s in (6, 6.2, 6.4, 6.6, 6.8, 7, 7.2, 7.4, 7.6, 7.8, 8):
        page.evaluate(f"location.hash = '#t={time_s}'")
        watched.wait_until(f"document.getElementById('drawing').dataset.frame === '{round(10 * (time_s - 5))}'")
    assert watched.painted(24, 20)[3] > 0
    assert watched.painted(17, 20)[3] == 0, "more than two seconds ago"


def test_keys_go_from_frame_to_frame(watched: Watched) -> None:
    page = watched.open(make_moving_report(), address="#t=6")
    for key, frame in [
        (".", 11),
        (".", 12),
        (",", 11),
        ("ArrowRight", 12),
        ("Shift+ArrowLeft", 2),
        ("l", 39),
        ("j", 0),
    ]:
        page.keyboard.press(key)
        watched.wait_until(f"document.getElementById('frame').textContent === '{frame}'")
        assert watched.grey() == pytest.approx(5 * frame, abs=6)
    page.keyboard.press("k")
    watched.wait_until("!document.querySelector('video').paused")


def test_a_moment_has_an_address(watched: Watched) -> None:
    page = watched.open(make_moving_report(), address="#t=7.5&person=2")
    assert watched.source_time() == pytest.approx(7.5, abs=0.01)
    assert page.locator(".lane.aside").count() == 1
    page.locator("[data-what=skeleton]").uncheck()
    page.locator("[data-what=trails]").check()
    assert 0 < watched.painted(30, 20)[3] < 100, "person 1 is drawn faintly"
    page.locator(".seek").first.click()
    assert watched.source_time() == pytest.approx(6.0, abs=0.01)
    watched.wait_until("location.hash === '#t=6&person=2'")
    page.evaluate("location.hash = '#t=8.2'")
    watched.wait_until("document.getElementById('frame').textContent === '32'")
    assert page.locator(".lane.aside").count() == 0
    page.evaluate("location.hash = '#t=nonsense&person=99'")
    assert page.locator(".lane.aside").count() == 0


def test_the_chosen_bout_is_played_again_and_again(watched: Watched) -> None:
    page = watched.open(make_moving_report())
    page.locator("#loop").check()
    page.locator(".lane").first.focus()
    page.keyboard.press("End")
    page.locator("#speed").select_option("4")
    page.evaluate(
        """() => {
            window.turns = 0;
            const video = document.querySelector("video");
            let before = 0;
            video.addEventListener("seeked", () => { if (!video.paused) window.turns += 1; });
            video.play();
        }"""
    )
    watched.wait_until("window.turns >= 2")
    assert 7.4 < watched.source_time() < 8.2


def test_without_the_video_people_are_still_drawn(watched: Watched) -> None:
    page = watched.open(make_moving_report("gone.mp4"), address="#t=6.2")
    watched.wait_until("document.querySelector('.film').classList.contains('lost')")
    assert "gone.mp4 is not beside this page" in page.locator(".gone").inner_text()
    assert "posescribe report DB --out FOLDER writes it anew" in page.locator(".gone").inner_text()
    assert "The video with what was found" not in page.locator("#fig-1").inner_text()
    assert not page.locator("video").is_visible()
    assert watched.painted(22, 20) == pytest.approx(PERSON_1, abs=2)
    page.keyboard.press(".")
    watched.wait_until("document.getElementById('frame').textContent === '13'")
    watched.wait_until("document.querySelector('.behind').naturalWidth === 64")
    watched.said.clear()


def test_a_feature_over_time(watched: Watched) -> None:
    page = watched.open(make_moving_report(), address="#t=6.2")
    assert not page.locator("#curve").is_visible()
    page.locator("#feature").select_option("centre_speed")
    assert page.locator("#values").inner_text() == "Person 1: 12.0 torso/s"
    assert page.locator("#curve path").count() == 2
    page.locator("[data-step='1']").click()
    watched.wait_until("document.getElementById('values').textContent === 'Person 1: 13.0 torso/s'")


def test_sections_of_time_and_sequence(watched: Watched) -> None:
    report = make_report()
    tracks = [make_track(1, range(N_FRAMES)), make_track(2, range(20, N_FRAMES))]
    thrice = tuple(Repetition(5 + at / 9, 5.05 + at / 9, 0.2, "body heights of the hand") for at in range(3))
    waves = replace(make_bout(2, "wave", 27, 31), repetitions=thrice)  # one bout of three
    bouts = (*report.bouts, make_bout(1, NASTY, 20, 24), waves)
    presence = {person.track_id: person.on_screen for person in report.people}
    report = replace(
        report,
        bouts=bouts,
        summary=summary_table(bouts, tracks),
        bins={width: bins_table(bouts, tracks, width) for width in (1.0, 2.0)},
        transitions=transitions(bouts, presence),
        together=together(bouts),
    )
    page = watched.open(report)
    said = page.locator(".short li").all_inner_texts()
    assert said[0].endswith("without a name.")
    assert "walk once, 1.0\xa0s" in said[0]
    assert "wave 3 times, 0.5\xa0s" in said[1]
    page.locator("#over-time summary").click()
    shown = page.locator("#over-time table:visible")
    assert shown.locator("thead th").all_inner_texts() == ["Person", "Action", "0:05", "0:06", "0:07", "0:08"]
    assert shown.locator("tbody tr").first.locator("td").all_inner_texts() == ["0", "100", "0", "0"]
    page.locator("#over-time select").select_option(label="2 s")
    shown = page.locator("#over-time table:visible")
    assert shown.locator("thead th").all_inner_texts()[2:] == ["0:04", "0:06", "0:08"]
    page.locator("#what-follows summary").click()
    assert NASTY in page.locator("#what-follows thead").inner_text()
    assert page.locator("#what-follows .arrow").count() == 2, "walk, then the odd one, then wave"
    page.locator("#at-once summary").click()
    assert page.locator("#at-once tbody tr").all_inner_texts() == [
        "Person 1\twave\tPerson 2\twave\t0.30\t60\xa0%\t60\xa0%"
    ]


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


def test_probabilities_as_strips(watched: Watched) -> None:
    """Switched on they are drawn, dark where likely, with a gap where nothing is known, and told at the cursor."""
    page = watched.open(with_strips(make_moving_report()), address="#t=5.5")
    assert page.locator(".strip").count() == 0
    page.locator("#likely").check()
    watched.wait_until("document.getElementById('said').textContent !== ''")
    assert page.locator("#said").inner_text() == "Person 1: walk 0.75, <b> 0.15"
    names = page.locator(".strip").nth(0).locator(".who span").all_inner_texts()
    assert (names, page.locator(".strip").nth(1).locator(".who span").all_inner_texts()) == (["walk", "<b>"], ["wave"])
    script = """(all) => all.map((each) => [
        each.getAttribute('transform'), each.getAttribute('class'), each.style.fillOpacity, each.getAttribute('d'),
    ])"""
    drawn = page.locator(".strip").nth(0).locator("path").evaluate_all(script)
    walk = {opacity or kind: shape for row, kind, opacity, shape in drawn if row == "translate(0 0)"}
    assert walk == {
        "known": "M0 0h2v1h-2zM2 0h2v1h-2zM6 0h2v1h-2z", "0.8": "M0 0h2v1h-2z", "0.3": "M2 0h2v1h-2z",
        "0.5": "M6 0h2v1h-2z",
    }  # fmt: skip
    page.locator("[data-step='1']").click()
    page.evaluate("location.hash = '#t=7.45'")
    watched.wait_until("document.getElementById('said').textContent === 'Person 2: wave 1.00'")
    track = page.locator(".strip .track").first
    box = track.bounding_box()
    assert box is not None
    track.hover(position={"x": box["width"] * 0.3, "y": 5})
    assert page.locator("#said").inner_text() == "Person 1, 0:06.20: walk 0.25"
    track.hover(position={"x": box["width"] * 0.6, "y": 5})
    assert page.locator("#said").inner_text().endswith("walk not known")
    track.click(position={"x": box["width"] * 0.3, "y": 5})
    assert watched.source_time() == pytest.approx(6.2, abs=0.02)
    page.locator("#likely").uncheck()
    assert not page.locator(".strip").first.is_visible()
    assert page.locator("#said").inner_text() == ""


def test_strips_need_no_video(watched: Watched) -> None:
    page = watched.open(with_strips(replace(make_report(), overlay=None)))
    page.locator("#likely").check()
    watched.wait_until("document.querySelectorAll('.strip path').length > 0")


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


def test_how_sure_it_is_and_how_to_do_it_again(watched: Watched) -> None:
    page = watched.open(make_full_report())
    page.locator("#how-sure > summary").click()
    text = page.locator("#how-sure").inner_text()
    assert "claimed an action in 50.0\xa0% of them, and 87.5\xa0% of these claims were right" in text
    rows = page.locator("#how-sure table").nth(1).locator("tbody tr").all_inner_texts()
    assert rows[0] == "swing\t0.9 to 1.0\t1\t0.50"
    assert not any("walk" in row for row in rows), "found by a rule"
    assert page.locator("#how-sure table").nth(2).locator("tbody tr").all_inner_texts() == ["90.0\xa0%\t80.0\xa0%\t9"]
    page.locator(".provenance summary").click()
    text = page.locator(".provenance").inner_text()
    for expected in ("posescribe analyze street.mp4 --out results", "arxiv.org/abs/1904.07850", "CC0"):
        assert expected in text


def test_zones_are_drawn_and_saved(watched: Watched) -> None:
    page = watched.open(make_placed_report())
    page.locator("#where > summary").click()
    assert page.locator("#where table").first.locator("tbody tr").inner_text().split("\t")[1:] == [
        NASTY, "1", "0", "2.50", "50\xa0%", "0.25",
    ]  # fmt: skip
    page.locator("#zones > summary").click()
    page.locator("#zones [name=new]").click()
    page.keyboard.type(" by the door")
    box = page.locator("#places").bounding_box()
    assert box is not None
    scale = min(box["width"] / 160, box["height"] / 120)
    left, top = (box["width"] - 160 * scale) / 2, (box["height"] - 120 * scale) / 2
    for x, y in [(80, 10), (120, 10), (120, 60)]:
        page.locator("#places").click(position={"x": left + x * scale, "y": top + y * scale})
    assert page.locator("#zone-shapes polygon").nth(1).get_attribute("points") == "480.0,60.0 720.0,60.0 720.0,360.0"
    with page.expect_download() as download:
        page.locator("#zones [name=save]").click()
    file = watched.folder / "saved.json"
    download.value.save_as(file)
    first, second = read_zones(file)
    assert first.name == NASTY
    np.testing.assert_array_equal(first.corners, [[0, 0], [40, 0], [40, 30]])
    assert second.name == "zone 2 by the door"
    np.testing.assert_array_equal(second.corners, [[80, 10], [120, 10], [120, 60]])
    page.locator("#zones li input").nth(3).fill("80,10 oops")
    page.locator("#zones [name=save]").click()
    assert "needs at least three corners" in page.locator("#zones .told").inner_text()


def test_metres_are_told_and_given(watched: Watched) -> None:
    """A bar of half a metre, 50 pixels, along a floor that rises; who comes out too tall is said to be elsewhere."""
    page = watched.open(make_placed_report())
    for section in ("where", "movement", "gait", "scale"):
        page.locator(f"#{section} > summary").click()
    x1, y1, x2, y2 = map(float, re.findall(r"[\d.]+", page.locator("#ruler .bar-metre").get_attribute("d") or ""))
    assert np.hypot(x2 - x1, y2 - y1) == pytest.approx(0.2 / 0.01 * 960 / 160, abs=0.2)
    assert np.degrees(np.arctan2(y1 - y2, x2 - x1)) == pytest.approx(5, abs=0.1)
    left, _, right, _ = floor = [
        float(each) for each in re.findall(r"-?[\d.]+", page.locator("#ruler .floor").get_attribute("d") or "")
    ]
    assert np.interp(20 * 6, [left, right], floor[1::2]) == pytest.approx(100 * 6, abs=0.2)
    assert page.locator("#ruler text").text_content() == "0.2 m"
    assert [row.split("\t")[-1] for row in page.locator("#scale tbody tr").all_inner_texts()] == [
        "", "no adult is so tall: at another distance, or not an adult",
    ]  # fmt: skip
    assert "Step length, m" in page.locator("#gait").inner_text()
    assert "1.34" in page.locator("#gait").inner_text()
    assert page.locator("#movement tbody tr").inner_text().split("\t")[1:] == ["9.50", "4.25", "1.20", "0.30", "2.00"]
    assert "torso" not in page.locator("#movement").inner_text() + page.locator("#gait").inner_text()
    assert page.locator("image[data-scene]").first.get_attribute("href") == page.locator(
        ".map image"
    ).first.get_attribute("href")
    panel = page.locator("#measure")
    panel.locator("summary").click()
    panel.locator("[name=save]").click()
    assert panel.locator(".told").inner_text() == "Give the metres."
    panel.locator("[name=metres]").fill("2.5")
    panel.locator("[name=points]").focus()
    box = page.locator("#places").bounding_box()
    assert box is not None
    scale = min(box["width"] / 160, box["height"] / 120)
    margin_x, margin_y = (box["width"] - 160 * scale) / 2, (box["height"] - 120 * scale) / 2
    for x, y in [(10, 20), (90, 100), (130, 110)]:  # of three, the last two
        page.locator("#places").click(position={"x": margin_x + x * scale, "y": margin_y + y * scale})
    panel.locator("[name=floor]").select_option("feet")
    with page.expect_download() as download:
        panel.locator("[name=save]").click()
    file = watched.folder / "scale.json"
    download.value.save_as(file)
    assert Scale.read(file) == Scale(None, ((90, 100), (130, 110)), 2.5, "feet")
    panel.locator("[name=known]").select_option("person")
    panel.locator("[name=person]").select_option("2")
    with page.expect_download() as download:
        panel.locator("[name=save]").click()
    download.value.save_as(file)
    assert Scale.read(file) == Scale("2", None, 2.5, "feet")


def test_curves_are_figures_of_each_person(watched: Watched) -> None:
    """The speed of person 1 rises by 1 a frame, from 0 to 39; nothing was measured of person 2."""
    report = make_moving_report()
    tracks = [make_track(1, range(N_FRAMES)), make_track(2, range(20, N_FRAMES))]
    writer = MotionWriter(COCO_18, (160, 120), np.arange(N_FRAMES), START_S + np.arange(N_FRAMES) / FPS, 60)
    assert [len(list(writer.watch([track]))) for track in tracks] == [1, 1]
    rising, none = np.arange(40.0), np.full(40, np.nan)
    curves = [
        Curve("centre_speed", "m/s", np.stack([rising, none])),
        Curve("left_knee_angle", "deg", np.stack([180 - rising, none])),
        Curve("right_knee_angle", "deg", np.stack([np.where(rising < 20, 90, np.nan), none])),
    ]
    page = watched.open(replace(report, motion=writer.finish(curves)))
    page.locator("#figures > summary").click()
    first = page.locator("#figures figure").first
    texts = first.locator("text").all_text_contents()
    assert {"centre speed, m/s", "knee angle, deg: left solid, right dashed", "0", "20", "100", "140"} <= set(texts)
    speed, left, right = (
        np.array([[float(each) for each in pair.split()] for pair in re.split("[ML]", line or "")[1:]])
        for line in (path.get_attribute("d") for path in first.locator("path").all())
    )
    assert len(speed) == len(left) == 40
    assert len(right) == 20
    zero, twenty = (
        float(text.get_attribute("y") or 0) - 4 for text in first.locator("text").all() if text.text_content() in "0 20"
    )
    np.testing.assert_allclose(speed[:, 1], np.interp(rising, [0, 20, 40], [zero, twenty, 2 * twenty - zero]), atol=0.2)
    assert (np.diff(left[:, 1]) > 0).all(), "it bends, so the line falls"
    assert first.locator("path").nth(2).get_attribute("stroke-dasharray")
    assert first.locator("path").nth(1).get_attribute("stroke-dasharray") is None
    page.locator("#figures").get_by_label("centre speed").uncheck()
    assert first.locator("path").count() == 2
    with page.expect_download() as download:
        page.get_by_role("button", name="Save curves of Person 1 as SVG", exact=True).click()
    download.value.save_as(watched.folder / "curves.svg")
    assert "knee angle, deg" in (watched.folder / "curves.svg").read_text()


def test_repetitions_are_summed_up(watched: Watched) -> None:
    report = make_moving_report()
    each = tuple(Repetition(6 + k, 7 + k + k / 2, 60 + 10 * k, "deg") for k in range(3))
    jumps = replace(report.bouts[0], action="jumping_jack", repetitions=each)
    bouts = (jumps, *report.bouts[1:])
    page = watched.open(replace(report, bouts=bouts, summary=summary_table(bouts, [make_track(1, range(N_FRAMES))])))
    page.locator("#repetitions > summary").click()
    assert page.locator("#repetitions tbody tr").inner_text().split("\t") == [
        "Person 1", "jumping_jack", "0:06.00", "0:07.00", "3", "1.50", "0.50", "70.00", "10.00", "deg",
    ]  # fmt: skip


def test_without_a_scale_lengths_are_torso_lengths(watched: Watched) -> None:
    page = watched.open(replace(make_placed_report(), scale=None))
    assert page.locator("#ruler").count() == 0
    page.locator("#gait > summary").click()
    assert "Step length, torsos" in page.locator("#gait").inner_text()
    assert "no length is known" in page.locator("#scale > summary").inner_text()


def test_figures_and_tables_can_be_taken_away(watched: Watched) -> None:
    page = watched.open(make_placed_report())
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")

    def taken(label: str) -> Path:
        with page.expect_download() as download:
            page.get_by_role("button", name=label, exact=True).click()
        assert download.value.suggested_filename.startswith("street.mp4 ")
        file = watched.folder / download.value.suggested_filename
        download.value.save_as(file)
        return file

    for what in ("timeline", "paths", "time spent", "time spent by Person 2", "distances"):
        svg = taken(f"Save {what} as SVG").read_text()
        ET.fromstring(svg)
        assert "class=" not in svg
        assert "style=" in svg
        picture = cv2.imread(str(taken(f"Save {what} as PNG")))
        assert picture is not None
        assert picture.shape[1] >= 1280
        assert picture.std() > 5, "something is drawn"
    assert ">walk<" in taken("Save timeline as SVG").read_text()
    bouts = pd.read_csv(taken("Save bouts as CSV"))
    assert list(bouts.columns)[:3] == ["Person", "Action", "Start"]
    assert bouts.Person.tolist() == ["Person 1", "Person 1"]
    assert NASTY in taken("Save zones as CSV").read_text().replace('""', '"')


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_nothing(watched: Watched, axe: Axe, scheme: Literal["light", "dark"], width: int) -> None:
    watched.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    watched.page.set_viewport_size({"width": width, "height": 900})
    page = watched.open(make_full_report())
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    page.locator("#likely").check()
    watched.wait_until("document.querySelectorAll('.strip path').length > 0")
    page.locator(".lane").first.focus()
    page.keyboard.press("Home")
    assert page.locator(".grip:visible").count() == 2
    axe(page)


def test_print_has_a_still_of_what_is_shown(watched: Watched) -> None:
    page = watched.open(make_moving_report(), address="#t=8")
    watched.wait_until("document.getElementById('drawing').dataset.frame === '30'")
    page.emulate_media(media="print")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    shot = cv2.imdecode(np.frombuffer(page.locator("#drawing").screenshot(), np.uint8), cv2.IMREAD_COLOR)
    assert shot is not None
    height, width = shot.shape[:2]
    assert int(shot[height * 2 // 3, width // 2].mean()) == pytest.approx(150, abs=6), "the frame's own picture"


def test_tables_that_scroll_are_reached_by_keys_and_headings_skip_no_level(watched: Watched) -> None:
    page = watched.open(make_moving_report())
    assert page.locator(".wide:not([tabindex='0'][role=region][aria-label])").count() == 0
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map((each) => Number(each.tagName[1]))")
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_the_page_of_a_minute_is_small() -> None:
    """Two restless people at 30 frames/s; the pictures of people and scene come on top, about 0.2 MB."""
    rng = np.random.default_rng(0)
    n = 1800
    writer = MotionWriter(COCO_18, (1920, 1080), np.arange(n), np.arange(n) / 30, 2 * n)
    for person in (1, 2):
        keypoints = np.cumsum(rng.normal(0, 3, (n, 18, 3)), axis=0).astype(np.float32) + 500
        track = Track(person, np.arange(n), np.arange(n) / 30, keypoints, np.ones(n, np.float32))
        list(writer.watch([track]))
    noise = Curve("centre_speed", "torso/s", rng.random((2, CURVE_POINTS)))
    motion = writer.finish([noise] * len(CURVES))
    assert len(render_page(replace(make_report(), video="video.mp4", motion=motion))) < 400_000


def test_keys_code_a_bout(watched: Watched) -> None:
    """Person 2 does nothing known: a digit begins a bout at the frame that is shown, brackets set its ends."""
    page = watched.open(make_moving_report(), address="#t=7.2")
    page.locator("#correct summary").click()
    page.locator(".lane").nth(1).focus()
    page.locator("#correct summary").evaluate("(each) => each.blur()")
    page.keyboard.press("2")
    assert page.locator(".lane.edited .label").all_text_contents() == ["wave"]
    assert page.locator("#readout").inner_text().startswith("Person 2: wave, 0:07.20 to 0:08.20")
    page.evaluate("location.hash = '#t=8.5'")
    watched.wait_until("document.getElementById('frame').textContent === '35'")
    page.keyboard.press("]")
    assert page.locator("[name=stop]").input_value() == "8.600", "to the end of frame 35"
    page.locator("[name=start]").fill("7.312")
    page.locator("[name=start]").press("Enter")
    page.locator("[name=action]").fill("hop <b>")
    page.locator("[name=action]").press("Enter")
    assert page.locator(".lane.edited .label").all_text_contents() == ["hop <b>"]
    page.locator("[name=action]").evaluate("(each) => each.blur()")
    page.keyboard.press("c")
    assert page.locator("#readout").inner_text().endswith("confirmed")
    for _ in range(5):
        page.keyboard.press("u")
    assert page.locator(".lane.edited").count() == 0
    assert page.locator("[data-do=labels]").is_disabled()
    page.keyboard.press("Shift+U")
    assert page.locator(".lane.edited .label").all_text_contents() == ["wave"]


def test_a_new_bout_takes_nothing_from_a_later_one(watched: Watched) -> None:
    """Half a second before person 1 walks, B begins another walk; it is a wave, says the coder then."""
    page = watched.open(make_moving_report(), address="#t=5.5")
    page.locator("#correct summary").click()
    page.locator(".lane").first.focus()
    page.keyboard.press("Home")
    watched.wait_until("document.getElementById('drawing').dataset.frame === '10'")
    page.evaluate("location.hash = '#t=5.5'")
    watched.wait_until("document.getElementById('drawing').dataset.frame === '5'")
    page.keyboard.press("b")
    page.locator("[name=action]").fill("wave")
    page.keyboard.press("Enter")
    assert page.locator("[name=stop]").input_value() == "6.000"
    page.locator(".lane").first.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert page.locator("#readout").inner_text().startswith("Person 1: walk, 0:06.00 to 0:07.00")


def test_ends_of_a_bout_are_moved_by_keys(watched: Watched) -> None:
    """Frames are 0.1 s apart; person 1 walks from 6 to 7 s. A key that is held makes one change."""
    page = watched.open(make_moving_report())
    page.locator("#correct summary").click()
    page.locator(".lane").first.focus()
    page.keyboard.press("Home")
    page.keyboard.press("Tab")
    grip = page.locator(".grip.start")
    assert grip.evaluate("(each) => each === document.activeElement")
    assert grip.get_attribute("aria-label") == "Start of walk, Person 1"
    assert grip.get_attribute("aria-valuetext") == "0:06.00"
    page.keyboard.press("ArrowLeft")
    assert page.locator("[name=start]").input_value() == "5.900"
    assert grip.evaluate("(each) => each === document.activeElement"), "the next key moves it, too"
    for _ in range(3):
        page.keyboard.down("ArrowRight")
    assert grip.get_attribute("aria-valuetext") == "0:06.20"
    watched.wait_until("document.getElementById('frame').textContent === '12'")
    page.keyboard.up("ArrowRight")
    assert page.locator("[name=start]").input_value() == "6.200"
    page.keyboard.press("Tab")
    end = page.locator(".grip.stop")
    assert end.get_attribute("aria-label") == "End of walk, Person 1"
    page.keyboard.press("Shift+ArrowRight")
    assert page.locator("[name=stop]").input_value() == "8.000"
    page.keyboard.press("PageDown")
    page.keyboard.press("PageDown")
    assert page.locator("[name=stop]").input_value() == "7.000", "an end does not pass the other"
    for _ in range(4):
        page.keyboard.press("u")
    assert page.locator(".lane.edited").count() == 0
    page.locator("#correct summary").click()
    assert not grip.is_visible(), "and is out of the way of the Tab key"


def test_somebody_without_an_action_is_told_of(watched: Watched) -> None:
    page = watched.open(make_moving_report())
    assert page.locator(".nothing:visible").all_inner_texts() == ["no action named"]
    lane, note = page.locator(".lane").nth(1), page.locator(".nothing").nth(1)
    assert lane.get_attribute("aria-label") == "Person 2: no action named."
    assert page.locator(".people ol > li").nth(1).locator(".nothing-here").inner_text() == (
        "No action of this person could be named."
    )
    assert page.locator(".nothing-here").count() == 1
    box, within = note.bounding_box(), lane.bounding_box()
    assert box is not None
    assert within is not None
    assert box["x"] == pytest.approx(within["x"] + within["width"] / 2, abs=1), "where the person appears"
    with page.expect_download() as given:
        page.locator("[data-take=timeline] .take button").first.click()
    assert "no action named" in Path(given.value.path()).read_text(encoding="utf-8")
    page.locator("#correct summary").click()
    lane.focus()
    page.keyboard.press("2")
    assert page.locator(".nothing:visible").count() == 0
    assert str(lane.get_attribute("aria-label")).startswith("Person 2: 1 bout.")
    page.keyboard.press("u")
    assert page.locator(".nothing:visible").count() == 1


def test_corrections_are_kept_in_the_browser(watched: Watched) -> None:
    page = watched.open(make_moving_report())
    page.locator("#correct summary").click()
    page.locator(".lane").first.focus()
    page.keyboard.press("End")
    page.keyboard.press("Delete")
    watched.wait_until("document.querySelector('.told').textContent.startsWith('Kept')")
    page.reload()
    watched.wait_until("document.documentElement.dataset.ready === ''")
    assert page.locator(".lane").first.locator(".label").all_text_contents() == ["walk"]
    assert "kept in this browser only" in page.locator(".told").inner_text()
    page.locator("[data-do=undo]").click()
    assert page.locator(".lane").first.locator(".label").all_text_contents() == ["walk", "wave"]


def test_nobody_in_the_video(watched: Watched) -> None:
    report = make_report()
    page = watched.open(replace(report, people=(), bouts=(), summary=report.summary.iloc[:0]))
    watched.wait_until("document.querySelector('video').readyState >= 1")
    assert "No person was found" in page.locator(".deck").inner_text()
    assert page.locator(".lane, .people, table").count() == 0


def test_people_without_actions(watched: Watched) -> None:
    report = replace(make_report(), bouts=(), summary=make_report().summary.iloc[:0])
    page = watched.open(report)
    assert "No action could be named" in page.locator(".deck").inner_text()
    assert "100\xa0%" in page.locator(".shares").first.inner_text()
    left_out = replace(report, provenance=replace(PROVENANCE, action_model=None, action_model_sha256=None))
    page = watched.open(left_out, "left_out.html")
    assert "Actions were left out" in page.locator(".deck").inner_text()
    assert NOT_NAMED not in page.locator("main").inner_text()


def test_without_a_video_the_bouts_can_still_be_read(watched: Watched) -> None:
    page = watched.open(replace(make_report(), overlay=None, scene=None))
    assert page.locator("video").count() == 0
    page.locator(".lane").first.focus()
    page.keyboard.press("End")
    assert page.locator("#readout").inner_text().startswith("Person 1: wave")
    assert page.locator("#playhead").is_visible()


def test_a_still_image(watched: Watched) -> None:
    (watched.folder / "overlay.jpg").write_bytes(jpeg())
    report = make_report()
    tracks = [make_track(1, range(1))]
    page = watched.open(
        replace(
            report,
            stop_s=START_S,
            n_frames=1,
            people=people_from_courses([Course.of([track], COCO_18) for track in tracks]),
            bouts=(),
            summary=report.summary.iloc[:0],
            overlay="overlay.jpg",
        )
    )
    watched.wait_until("document.querySelector('img.still').naturalWidth === 64")
    assert page.locator(".lane, video, .map").count() == 0
    assert "1 person was found." in page.locator(".deck").inner_text()


def test_a_crowd_stays_usable(watched: Watched) -> None:
    """50 people with 10,000 bouts in an hour: a small file, a quick first bout, and all of it reachable by zoom."""
    hour, per_person = 3600.0, 200
    people, bouts = [], []
    for track_id in range(1, 51):
        path = np.zeros((240, 2), dtype=np.float32)
        people.append(ReportPerson(track_id, f"Person {track_id}", 9, 0.7, np.array([[0.0, hour]]), path, jpeg()))
        for start in np.linspace(1, hour - 20, per_person):
            frame = int(start * 30)
            bouts.append(Bout(track_id, f"action {frame % 14}", start, start + 4, frame, frame + 120, 0.8))
    report = replace(
        make_report(), people=tuple(people), bouts=tuple(bouts), start_s=0.0, stop_s=hour, overlay_start_s=0.0
    )
    page = watched.open(report)
    assert (watched.folder / "report.html").stat().st_size < 2_500_000
    assert page.evaluate("document.querySelectorAll('*').length") < 15_000
    page.locator(".lane").nth(49).focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#readout").inner_text().startswith("Person 50: action 2, 0:01.00")
    for _ in range(12):
        if page.locator("[data-zoom=in]").is_enabled():
            page.locator("[data-zoom=in]").click()
    span_s = page.evaluate(
        "3600 * document.getElementById('scroll').clientWidth / document.querySelector('.lane').clientWidth"
    )
    assert span_s < 15
    rows = page.locator("details.section").filter(has=page.locator("h2", has_text="Bouts")).locator("tbody tr")
    assert rows.count() == MAX_ROWS
    assert "10,000" in page.locator(".keys").inner_text()


@pytest.mark.parametrize("width", [320, 390, 800, 1600])
def test_no_sideways_scrolling(watched: Watched, width: int) -> None:
    watched.page.set_viewport_size({"width": width, "height": 800})
    report = make_report()
    page = watched.open(replace(report, source_name="a_very_long_file_name_without_a_single_space_" * 4 + ".mp4"))
    page.locator(".provenance summary").click()
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0


def test_print_shows_everything(watched: Watched) -> None:
    page = watched.open(make_report())
    page.emulate_media(media="print")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.set_viewport_size({"width": 680, "height": 960})  # a page of paper is as narrow
    assert page.locator(".provenance dl").is_visible()
    assert page.locator(".lane").first.is_visible()
    assert page.locator(".who .name").first.is_visible()
    assert not page.locator("video").is_visible()
    assert page.pdf(format="A4").startswith(b"%PDF")


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (channel / 255 for channel in bytes.fromhex(digits))
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out(watched: Watched, scheme: str) -> None:
    """WCAG 2 AA in both schemes: text on the page, and names on the bars of actions."""
    watched.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page = watched.open(make_report())
    values = json.loads(
        page.evaluate(
            """() => {
                const of = (style, ...names) => names.map((name) => style.getPropertyValue(name).trim());
                const pairs = [];
                const root = getComputedStyle(document.documentElement);
                const [paper, ink, soft, mark] = of(root, "--paper", "--ink", "--soft", "--mark");
                pairs.push([ink, paper], [soft, paper], [mark, paper]);
                for (let i = 0; i < 9; i += 1) {
                    const bar = document.createElement("i");
                    bar.className = `label a${i}`;
                    document.body.append(bar);
                    pairs.push(of(getComputedStyle(bar), "--on", "--full"));
                }
                return JSON.stringify(pairs);
            }"""
        )
    )
    assert len(values) == 12
    assert {pair: round(contrast(*pair), 1) for pair in map(tuple, values) if contrast(*pair) < 4.5} == {}


def test_the_page_needs_nothing_else() -> None:
    html = render_page(make_report())
    assert not re.search(r"(src|href)=\"?(https?:)?//", html)
    assert "@import" not in html
    assert "url(" not in html


def test_bouts_of_strangers_are_refused() -> None:
    with pytest.raises(ValueError, match=r"not in the report: \[9\]"):
        replace(make_report(), bouts=(make_bout(9, "walk", 0, 1),))


def test_unwritable_place_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"report\.html: can't be written"):
        write_page(make_report(), tmp_path / "file" / "report.html")
