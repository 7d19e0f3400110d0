"""Sections of the report page below the video: times, places, metres, certainty; what can be taken away."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from behavior.pipeline.scale import Scale
from behavior.report.motion import Curve, MotionWriter
from behavior.report.sequence import together, transitions
from behavior.report.tables import bins_table, summary_table
from pose.skeleton import COCO_18
from storage.bouts import Repetition
from tests.test_behavior.report_page import (
    FPS,
    N_FRAMES,
    NASTY,
    START_S,
    Watched,
    make_bout,
    make_full_report,
    make_moving_report,
    make_placed_report,
    make_report,
    make_track,
    with_strips,
)


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
