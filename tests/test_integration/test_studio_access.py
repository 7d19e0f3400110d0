"""The studio's pages for whoever reads by keyboard, screen reader, phone or in the dark."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from storage import bouts, open_database, recordings, runs
from storage.bouts import Annotation

pytest.importorskip("starlette")

LOOKS = [(360, "light"), (360, "dark"), (1280, "light"), (1280, "dark")]
LONG = "a_recording_with_a_name_that_is_longer_than_any_telephone_is_wide_and_has_no_blank_in_it"


def each_look(page: Page) -> Iterator[None]:
    for width, scheme in LOOKS:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": 900})
        yield


@pytest.fixture
def studio(world: Any, studio_of: Any) -> Any:
    """One recording analysed and coded, one left unfinished, one that was never begun."""
    world.label("1,hop,0.2,0.8")
    with open_database(world.db) as database, database.transaction() as tx:
        for name in (LONG, "left"):
            here = recordings.ensure_recording(
                tx, name=name, uri=f"/films/{name}.mp4", kind="video", sha256=name[0] * 64, width=64, height=48
            )
        extra = {"notes": [], "skipped": 0, "seconds": 1.0}
        runs.start_run(
            tx, here, "pose", "later", settings={}, version="1", model_name="movenet_multipose", device="cpu",
            extra=extra,
        )  # fmt: skip
    return studio_of(world.db, world.out)


def test_start_page(studio: Any, axe: Callable[[Page], None]) -> None:
    studio.ask("GET", studio.path + "0/1/report.html")
    page = studio.open()
    page.locator("[name=source]").fill("/no/such.mp4")
    page.get_by_role("button", name="Analyse").click()
    studio.wait(page, "document.querySelector('#work .told').textContent.includes('no such file')")
    studio.wait(page, "document.querySelector('.jobs li') !== null")
    for _ in each_look(page):
        axe(page)
    assert page.locator(".cards li").count() == 3
    reached = {tab(page) for _ in range(20)}
    assert {"source", "file", "search", "Go on: left", "hall", "Analyse"} <= reached


def tab(page: Page) -> str:
    """What the next press of Tab goes to."""
    page.keyboard.press("Tab")
    return str(
        page.evaluate(
            """() => {
                const at = document.activeElement;
                if (at.type === "file" || at.type === "search") return at.type;
                return at.getAttribute("aria-label") ?? at.name ?? at.textContent.trim();
            }"""
        )
        or page.evaluate("document.activeElement.textContent.trim()")
    )


def test_recording(studio: Any, axe: Callable[[Page], None]) -> None:
    """The editor open, a bout chosen, something noted of who is who, and a word of news at the foot."""
    page = studio.open("0/1/report.html?studio")
    page.locator(".lane").first.focus()
    page.keyboard.press("Home")
    page.locator("[name=identity]").select_option("rename")
    page.locator("[name=other]").fill("Anna")
    page.locator("[name=note]").click()
    with open_database(studio.db) as database, database.transaction() as tx:
        said = Annotation("hop", 0.2, 0.8, "Person 2", 2, False, None)
        bouts.write_corrections(tx, 1, [said], [2], "Bea")
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    studio.wait(page, "document.querySelector('.changed:not([hidden])') !== null")
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    for _ in each_look(page):
        axe(page)
    assert page.locator(".wide:not([tabindex='0'][role=region][aria-label])").count() == 0
    assert page.locator(".changed button").evaluate(
        "(each) => { each.focus(); return document.activeElement === each; }"
    )


def test_models_before_any_training(studio: Any, axe: Callable[[Page], None]) -> None:
    page = studio.open("0/model")
    for _ in each_look(page):
        axe(page)
