"""The page of people in space, in a real browser, on synthetic people of whom everything is known."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Browser, Page, expect

from behavior.cli import main
from behavior.report import space
from behavior.report.encoding import EncoderSettings, VideoWriter
from behavior.report.space import MISSING, SpacePage, scene_data
from pose.multiview import write_cameras
from pose.skeleton import COCO_18
from tests.test_integration.test_triangulate import GROUP, TIMES, at, film, gone

TRUNK = [COCO_18.index(f"{side}_{joint}") for side in ("left", "right") for joint in ("hip", "shoulder")]
TRUNK.append(COCO_18.index("neck"))


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("space")
    write_cameras(GROUP, folder / "cameras.toml", format="pose2sim")
    (folder / "cam2").mkdir()
    (folder / "cam2" / "report.html").write_text("<!doctype html><title>of cam2</title>")
    command = ["triangulate", str(film(folder / "a.db", spoil=gone)), "--calibration", str(folder / "cameras.toml")]
    assert main([*command, "--synchronised", "--out", str(folder / "space")]) == 0
    return folder / "space"


@pytest.fixture
def page(browser: Browser, out: Path) -> Page:
    page = browser.new_page(viewport={"width": 1100, "height": 900})
    page.goto((out / "space.html").as_uri())
    return page


def test_nothing_is_asked_of_the_net_and_nothing_goes_wrong(browser: Browser, out: Path) -> None:
    asked: list[str] = []
    wrong: list[str] = []
    page = browser.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto((out / "space.html").as_uri())
    page.click("#above")
    page.click("#play")
    expect(page.locator("#now")).not_to_have_text("0:00.00")
    assert [url for url in asked if not url.startswith("data:")] == [(out / "space.html").as_uri()]
    assert wrong == []
    policy = page.get_attribute("meta[http-equiv]", "content") or ""
    assert "default-src 'none'" in policy
    assert "script-src 'sha256-" in policy
    assert "http" not in policy


def shade(page: Page, camera: str) -> int:
    """Of the grey video of a camera, as it is shown, in steps of 8: the number of its frame."""
    video = page.locator(f".films video[aria-label='{camera}']")
    page.wait_for_function("v => v.readyState >= 2 && !v.seeking", arg=video.element_handle())
    page.wait_for_timeout(150)
    picture = cv2.imdecode(np.frombuffer(video.screenshot(), np.uint8), cv2.IMREAD_GRAYSCALE)
    return round(float(np.median(picture)) / 8)


def test_the_videos_of_the_cameras_show_the_same_time(browser: Browser, tmp_path: Path) -> None:
    """cam2's clock is 0.2 s behind, and cam1's video has gone since."""
    write_cameras(GROUP, tmp_path / "cameras.toml", format="pose2sim")
    cameras = [camera.name for camera in GROUP.cameras]
    for name in cameras:
        (tmp_path / name).mkdir()
        path = tmp_path / name / "video.mp4"
        with VideoWriter(path, path, (64, 48), EncoderSettings(keyframe_every=5)) as writer:
            for index, time_s in enumerate(TIMES.tolist()):
                writer.add(np.full((48, 64, 3), 8 * index, dtype=np.uint8), time_s)
    late = cameras[-1]
    command = ["triangulate", str(film(tmp_path / "a.db", offset=0.2)), "--calibration", str(tmp_path / "cameras.toml")]
    assert main([*command, "--offset", f"{late}=0.2", "--out", str(tmp_path / "space")]) == 0
    (tmp_path / cameras[1] / "video.mp4").unlink()
    page = browser.new_page(viewport={"width": 900, "height": 900})
    page.goto((tmp_path / "space" / "space.html").as_uri())
    expect(page.locator(".films figure")).to_have_count(len(cameras))
    expect(page.locator(".films .lost")).to_have_text(
        [f"{cameras[1]}: its video is not where it was (../{cameras[1]}/video.mp4)"]
    )
    for frame in (12, 7, 20):
        page.locator("#time").fill(str(frame))
        assert (shade(page, cameras[0]), shade(page, late)) == (frame, frame - 5)  # 25 frames/s
    page.locator("#time").fill("0")
    page.click("#play")
    expect(page.locator("#play")).to_have_text("Play", timeout=10_000)  # at the end
    assert abs(shade(page, cameras[0]) - (len(TIMES) - 1)) <= 1


def test_it_can_be_turned(page: Page) -> None:
    pictures = [page.locator("#view").screenshot()]
    box = page.locator("#view").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 300, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 400, box["y"] + 200, steps=4)
    page.mouse.up()
    pictures.append(page.locator("#view").screenshot())
    page.mouse.wheel(0, -300)
    page.wait_for_timeout(100)
    pictures.append(page.locator("#view").screenshot())
    page.focus("#view")
    page.keyboard.press("ArrowUp")
    pictures.append(page.locator("#view").screenshot())
    assert len(set(pictures)) == 4


@pytest.mark.parametrize("frame", [0, 12, 29])
def test_on_the_plan_people_are_where_they_were(page: Page, frame: int) -> None:
    page.evaluate(
        "frame => { const s = document.getElementById('time'); s.value = frame; s.dispatchEvent(new Event('input')) }",
        frame,
    )
    assert page.inner_text("#now") == f"0:0{TIMES[frame]:.2f}"
    places = page.evaluate(
        """() => { const plan = document.querySelector('.plan'), of = (name) => Number(plan.dataset[name]);
        return [...document.querySelectorAll('.here')].map((dot) => [
        of('left') + dot.getAttribute('cx') / of('scale'), of('top') - dot.getAttribute('cy') / of('scale')]) }"""
    )
    expected = at(float(TIMES[frame]))[:, TRUNK, :2].mean(axis=1)
    assert sorted(places) == pytest.approx(np.array(sorted(expected.tolist())), abs=0.02)


def test_ways_begin_where_people_stood_and_cameras_stand_where_they_do(page: Page) -> None:
    """In pixels of the plan, by its scale; a camera's sign has its tip there."""
    plan = page.locator(".plan")
    scale, left, top = (float(plan.get_attribute(f"data-{name}") or "nan") for name in ("scale", "left", "top"))
    begun = [(float(one.get_attribute("cx") or 0), float(one.get_attribute("cy") or 0))
             for one in page.locator(".plan .from").all()]  # fmt: skip
    expected = (at(0.0)[:, TRUNK, :2].mean(axis=1) - [left, top]) * [scale, -scale]
    assert sorted(begun) == pytest.approx(np.array(sorted(expected.tolist())), abs=3)  # 3 cm
    for shape, camera in zip(page.locator(".plan .camera").all(), GROUP.cameras, strict=True):
        tip = re.match(r"M(\S+) ([\d.-]+)L", shape.get_attribute("d") or "")
        assert tip is not None
        place = (camera.centre[:2] - [left, top]) * [scale, -scale]
        assert (float(tip[1]), float(tip[2])) == pytest.approx(place.tolist(), abs=0.1)


def test_it_plays_in_the_time_of_the_recording(browser: Browser, out: Path) -> None:
    """By a clock that the test moves on."""
    page = browser.new_page()
    page.add_init_script("let ms = 0; performance.now = () => ms; window.wait = (s) => { ms += 1000 * s }")
    page.goto((out / "space.html").as_uri())
    page.click("#play")
    for seconds, speed, shown in ((0.51, "1", "0:00.48"), (0.11, "2", "0:00.68"), (0.21, "0.5", "0:00.76")):
        page.select_option("#speed", speed)
        page.evaluate("seconds => window.wait(seconds)", seconds)
        expect(page.locator("#now")).to_have_text(shown)


def test_it_stops_at_the_end(page: Page) -> None:
    page.select_option("#speed", "2")
    page.click("#play")
    expect(page.locator("#play")).to_have_text("Play")
    assert page.inner_text("#now") == f"0:0{TIMES[-1]:.2f}"
    page.focus("#view")
    page.keyboard.press(",")
    assert page.inner_text("#now") == f"0:0{TIMES[-2]:.2f}"


def test_the_tables_are_those_beside_it(page: Page, out: Path) -> None:
    errors = pd.read_csv(out / "reprojection.csv", dtype={"tracks": str})
    rows = page.locator("section table").first.locator("tbody tr").all_inner_texts()
    assert len(rows) == len(errors) == 6
    for text, row in zip(rows, errors.itertuples(), strict=True):
        assert re.split(r"\t", text)[:2] == [str(row.person), row.camera]
        assert f"{row.mm_per_px:.2f}" in text
    joints = page.locator("details table").first.locator("tbody tr")
    assert joints.count() == 2 * len(COCO_18)
    bones = pd.read_csv(out / "bones.csv")
    assert page.locator("details table").nth(1).locator("tbody tr").count() == len(bones)
    assert page.locator("svg.bars .held").count() == 6
    made = page.inner_text(".provenance")
    assert json.loads((out / "run.json").read_text())["calibration_sha256"] in made
    links = page.locator("header a")
    assert [(a.inner_text(), a.get_attribute("href")) for a in links.all()] == [("cam2", "../cam2/report.html")]


def made(points: np.ndarray) -> SpacePage:
    """A page of one person at (T, 18, 3) metres."""
    empty = pd.DataFrame()
    return SpacePage("t", COCO_18, np.arange(len(points)) / 25, [(3, points)], [], empty, empty, empty, {}, {}, {})


def decoded(data: dict) -> np.ndarray:
    """(T, K, 3) metres that the script draws, NaN where missing."""
    steps = np.frombuffer(base64.b64decode(data["people"][0]["points"]), "<i2").reshape(-1, data["joints"], 3)
    return np.where(steps == MISSING, np.nan, data["origin"] + steps * data["step"])


@pytest.mark.parametrize(("spread", "step"), [(2.0, 0.001), (60.0, 0.004)])
def test_positions_are_drawn_to_the_millimetre_or_as_fine_as_they_fit(spread: float, step: float) -> None:
    points = np.random.default_rng(1).uniform(-spread, spread, (40, 18, 3))
    points[5, 2] = np.nan
    data, every = scene_data(made(points))
    assert every == 1
    assert data["step"] <= step
    drawn = decoded(data)
    assert np.isnan(drawn[5, 2]).all()
    assert np.nanmax(np.abs(drawn - points)) <= data["step"] / 2 + 1e-9
    assert np.isnan(drawn).sum() == 3


def test_of_a_long_recording_some_frames_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    points = np.random.default_rng(1).uniform(-1, 1, (100, 18, 3))
    monkeypatch.setattr(space, "MOST_NUMBERS", 18 * 3 * 30)
    data, every = scene_data(made(points))
    assert every == 4
    assert data["times"] == [round(i / 25, 4) for i in range(0, 100, 4)]
    assert decoded(data) == pytest.approx(points[::4], abs=0.001)


def test_names_from_outside_are_text(tmp_path: Path) -> None:
    page = replace(
        made(np.ones((2, 18, 3))), title="<script>alert(1)</script>", cameras=[("<b>", np.ones(3), np.ones(3))]
    )
    frame = pd.DataFrame(
        columns=["person", "camera", "tracks", "keypoint", "seen", "used", "median_px", "p95_px", "held_out",
                 "held_out_px", "mm_per_px", "bone", "frames", "mean_m", "sd_m", "cv", "raw_cv"]
    )  # fmt: skip
    space.write_space_page(replace(page, errors=frame, joint_errors=frame, bones=frame), tmp_path / "space.html")
    text = (tmp_path / "space.html").read_text()
    assert "<script>alert" not in text
    assert "<b>" not in text.replace("<b>Figure", "")
