"""The report page in a real browser, from a file as users open it: what is played, drawn and said."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from behavior.report.course import Course
from behavior.report.motion import CURVES, Curve, MotionWriter
from behavior.report.page import (
    NOT_NAMED,
    people_from_courses,
    render_page,
    write_page,
)
from behavior.report.tables import summary_table
from pose.people import Track
from pose.skeleton import COCO_18
from storage.errors import OutputError
from tests.test_behavior.report_page import (
    FPS,
    N_FRAMES,
    NASTY,
    PAINTED,
    PERSON_1,
    PERSON_2,
    PROVENANCE,
    START_S,
    Watched,
    jpeg,
    make_bout,
    make_moving_report,
    make_report,
    make_track,
)


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


def test_the_end_of_an_older_seek_is_no_new_moment(watched: Watched) -> None:
    page = watched.open(make_moving_report(), address="#t=7.5")
    watched.wait_until("document.getElementById('drawing').dataset.frame === '25'")
    page.evaluate("location.hash = '#t=6.5'; document.querySelector('video').dispatchEvent(new Event('seeked'))")
    watched.wait_until("document.getElementById('drawing').dataset.frame === '15'")
    watched.wait_until("location.hash === '#t=6.5'")


def test_the_chosen_bout_is_played_again_and_again(watched: Watched) -> None:
    page = watched.open(make_moving_report())
    page.locator("#loop").check()
    page.locator(".lane").first.focus()
    page.keyboard.press("End")
    page.locator("#speed").select_option("4")
    page.evaluate(
        """() => {
            window.turns = [];
            const video = document.querySelector("video");
            video.addEventListener("seeking", () => { if (!video.paused) window.turns.push(video.currentTime); });
            video.play();
        }"""
    )
    watched.wait_until("window.turns.length >= 2")
    assert page.evaluate("window.turns") == pytest.approx([2.5] * page.evaluate("window.turns.length"), abs=0.01)


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


def test_a_curve_is_finer_the_nearer_one_looks(watched: Watched) -> None:
    """Twenty minutes: the whole is drawn in means, ten seconds of it frame by frame; what is flat is in the middle."""
    report, n = make_report(), 12000
    frames = np.arange(n)
    writer = MotionWriter(COCO_18, (160, 120), frames, START_S + frames / FPS, 60)
    for track in (make_track(1, range(N_FRAMES)), make_track(2, range(20, N_FRAMES))):
        list(writer.watch([track]))
    saw = Curve("centre_speed", "torso/s", np.stack([frames % 10, np.full(n, np.nan)]))
    flat = Curve("mean_confidence", "1", np.full((2, n), 0.5))
    stop_s = START_S + n / FPS
    page = watched.open(replace(report, video="overlay.mp4", motion=writer.finish([saw, flat]), stop_s=stop_s))

    def points() -> np.ndarray:
        line = page.locator("#curve path").first.get_attribute("d") or ""
        return np.array([[float(each) for each in pair.split()] for pair in re.split("[ML]", line)[1:]])

    page.locator("#feature").select_option("centre_speed")
    whole = points()
    assert 2000 < len(whole) <= 3000
    assert np.ptp(whole[:, 1]) < 70, "means of four frames"
    while page.locator("[data-zoom=in]").is_enabled():
        page.locator("[data-zoom=in]").click()
    page.locator("#scroll").evaluate("(each) => { each.scrollLeft = each.scrollWidth / 3; }")
    share = "document.getElementById('scroll').scrollLeft / document.getElementById('axis').clientWidth"
    first = "Number(/[\\d.]+/.exec(document.querySelector('#curve path').getAttribute('d'))[0]) / 1000"
    watched.wait_until(f"{share} > 0.3 && {share} - {first} > 0 && {share} - {first} < 0.02")  # heard of the scrolling
    near, left = points(), 1000 * page.evaluate(share)
    steps = np.round(near[:, 0] / 1000 * n).astype(int)
    assert near[0, 0] < left < near[-1, 0]
    np.testing.assert_allclose(np.diff(near[:, 0]), 1000 / n, atol=2e-5)
    np.testing.assert_allclose(near[:, 1], 99 - 98 * (steps % 10) / 9, atol=0.1)
    page.locator("#feature").select_option("mean_confidence")
    assert set(points()[:, 1]) == {50}
    assert page.locator("#curve .high").inner_text() == "0.550"


def test_the_page_of_a_minute_is_small() -> None:
    """Two restless people at 30 frames/s; the pictures of people and scene come on top, about 0.2 MB."""
    rng = np.random.default_rng(0)
    n = 1800
    writer = MotionWriter(COCO_18, (1920, 1080), np.arange(n), np.arange(n) / 30, 2 * n)
    for person in (1, 2):
        keypoints = np.cumsum(rng.normal(0, 3, (n, 18, 3)), axis=0).astype(np.float32) + 500
        track = Track(person, np.arange(n), np.arange(n) / 30, keypoints, np.ones(n, np.float32))
        list(writer.watch([track]))
    noise = Curve("centre_speed", "torso/s", rng.random((2, n)))
    motion = writer.finish([noise] * len(CURVES))
    assert len(render_page(replace(make_report(), video="video.mp4", motion=motion))) < 400_000


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
