"""Correcting on the timeline, in a real browser: ends that are dragged, doubtful moments, merging."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from behavior.cli import main
from storage import bouts, open_database
from storage.bouts import Bout


def drag(page: Page, end: str, to_s: float, kind: str = "mouse") -> None:
    """Drags an end of the chosen bout to a time; lanes show 0 to 2 s."""
    grip = page.locator(f".grip.{end}")
    box = grip.bounding_box()
    lane = page.locator(".lane:has(.chosen)").bounding_box()
    assert box is not None
    assert lane is not None
    x, y, goal = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, lane["x"] + lane["width"] * to_s / 2
    if kind == "mouse":
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move((x + goal) / 2, y + 40)
        page.mouse.move(goal, y + 40)
        page.mouse.up()
        return
    # The browser lets nobody capture a pointer that isn't there.
    grip.evaluate("(each) => { each.setPointerCapture = () => {}; }")
    for name, where in (("down", x), ("move", (x + goal) / 2), ("move", goal), ("up", goal)):
        about = {"pointerType": kind, "clientX": where, "clientY": y, "button": 0, "buttons": 1, "bubbles": True}
        grip.dispatch_event(f"pointer{name}", about | {"pointerId": 7})


@pytest.fixture
def page(world: Any, browser: Browser) -> Any:
    """The report of a recording with a second walk of person 1, of which the machine is less sure than of all else."""
    with open_database(world.db) as database, database.transaction() as tx:
        bouts.write_bouts(tx, 3, [Bout(1, "walk", 1.2, 1.6, 36, 47, 0.4)])
    world.report()
    said: list[str] = []
    asked: list[str] = []
    page = browser.new_context(accept_downloads=True, viewport={"width": 1200, "height": 1000}).new_page()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto((world.folder / "report.html").as_uri())
    page.wait_for_selector("html[data-ready]", state="attached")
    page.locator("#correct summary").click()
    yield page
    page.context.close()
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []


def ends(page: Page) -> tuple[float, float]:
    return tuple(float(page.locator(f"[name={end}]").input_value()) for end in ("start", "stop"))  # type: ignore[return-value]


@pytest.mark.parametrize("kind", ["mouse", "pen"])
def test_a_dragged_end_reaches_the_next_report(world: Any, page: Page, tmp_path: Path, kind: str) -> None:
    page.locator(".lane").first.focus()
    page.keyboard.press("Home")
    drag(page, "start", 0.253, kind)
    assert ends(page) == (pytest.approx(8 / 30, abs=5e-4), 1.0), "on the border of the nearest frame"
    drag(page, "stop", 0.76, kind)
    assert ends(page) == (pytest.approx(8 / 30, abs=5e-4), pytest.approx(23 / 30, abs=5e-4))
    assert page.locator("#frame").inner_text() == "22", "the last frame of the bout is shown"
    drag(page, "stop", 0.1, kind)
    assert ends(page)[1] > ends(page)[0], "an end does not pass the other"
    page.keyboard.press("u")
    page.locator("[name=coder]").fill("Ada")
    with page.expect_download() as download:
        page.locator("[data-do=labels]").click()
    download.value.save_as(tmp_path / "labels.csv")
    assert main(["labels", "import", str(tmp_path / "labels.csv"), "--db", str(world.db), "--strict"]) == 0
    world.report("--no-overlay")
    first = world.table("bouts.csv").iloc[0]
    assert first[["start_frame", "stop_frame", "source"]].tolist() == [8, 22, "human"]


def test_doubtful_moments_come_least_sure_first(page: Page) -> None:
    def asked() -> tuple[str, str, str]:
        page.keyboard.press("n")
        told = page.locator("#correct > .told").inner_text()
        return (
            page.locator("#correct [name=person] option:checked").inner_text(),
            page.locator("[name=start]").input_value(),
            told,
        )

    assert asked() == ("Person 1", "1.200", "Number 1 of 3, the least sure first: score 0.40. Is it right?")
    assert asked()[:2] == ("Person 2", "0.500")
    page.keyboard.press("c")
    person, start, told = asked()
    assert (person, start, told[:13]) == ("Person 1", "0.000", "Number 2 of 2")
    assert asked()[1] == "1.200", "and again from the beginning; what was confirmed is left out"
    page.keyboard.press("Delete")
    assert asked()[1] == "0.000"
    page.keyboard.press("c")
    assert asked()[2].startswith("Nothing is left")
    page.keyboard.press("u")
    assert asked()[1] == "0.000"


def test_two_bouts_become_one(page: Page) -> None:
    page.locator(".lane").first.focus()
    page.keyboard.press("Home")
    page.keyboard.press("m")
    assert ends(page) == (0.0, pytest.approx(1.6, abs=1e-3))
    assert page.locator(".lane").first.locator(".bout").count() == 1
    assert page.locator("[data-do=merge]").is_disabled()
    page.keyboard.press("u")
    assert page.locator(".lane").first.locator(".bout").count() == 2
