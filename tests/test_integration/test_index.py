"""The page over all recordings of a database, in a real browser."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Browser
from sqlalchemy import update

from behavior.cli import main
from storage import open_database, recordings, schema

NASTY = "a <img src=x onerror=\"document.title='owned'\"> & 100%#?"


def test_all_recordings_are_listed(world: Any, browser: Browser) -> None:
    world.label("1,wave,0.2,0.7")
    with open_database(world.db) as database, database.transaction() as tx:
        tx.execute(update(schema.recording).values(name=NASTY))
        recordings.ensure_recording(tx, name="later", uri="later.mp4", kind="video", sha256="7" * 64, width=9, height=9)
    assert main(["report", str(world.db), "--out", str(world.out)]) == 0
    said: list[str] = []
    asked: list[str] = []
    page = browser.new_context(viewport={"width": 420, "height": 800}).new_page()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto((world.out / "recordings.html").as_uri())
    assert page.title() == "Posescribe recordings"
    first, later = page.locator(".cards li").all()
    assert first.locator("h2").inner_text() == NASTY
    assert "2 people, 2 automatic bouts" in first.inner_text()
    assert "coded by Ada; last 2" in first.inner_text()
    assert first.locator("img").evaluate("(each) => each.naturalWidth > 0")
    assert "not analysed yet" in later.inner_text()
    assert later.locator("a").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out"
    page.locator("#search").fill("ada 100%")
    assert page.locator(".cards li:visible").count() == 1
    first.locator("a").click()
    page.wait_for_selector("html[data-ready]", state="attached")
    assert page.locator("h1").inner_text() == NASTY
    page.context.close()
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
