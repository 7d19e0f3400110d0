"""Correcting in the report page: bouts by keys, zones, what the browser keeps."""

from __future__ import annotations

import numpy as np

from features.zones import read_zones
from tests.test_behavior.report_page import (
    NASTY,
    Watched,
    make_moving_report,
    make_placed_report,
)


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
    watched.wait_until("location.hash === '#t=6'")  # an address that is there already is not gone to
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
