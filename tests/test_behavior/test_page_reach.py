"""Who can use the report page, and where: keyboard, screen reader, contrast, narrow screens, paper."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import Literal

import cv2
import numpy as np
import pytest

from behavior.report.page import (
    MAX_ROWS,
    ReportPerson,
)
from storage.bouts import Bout
from tests.test_behavior.report_page import (
    Axe,
    Watched,
    jpeg,
    make_full_report,
    make_moving_report,
    make_report,
)


def test_every_control_is_reached_by_tab(watched: Watched) -> None:
    page = watched.open(make_report())
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.className || document.activeElement.tagName"))
    assert {"VIDEO", "BUTTON", "track lane", "seek", "SUMMARY", "A"} <= reached


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
