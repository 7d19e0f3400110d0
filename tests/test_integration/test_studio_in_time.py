"""What comes late in the studio: answers that are overtaken. Each test holds requests back itself."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route

from behavior.studio.shelf import Conflict, Shelf
from storage import bouts, open_database
from storage.bouts import Annotation

pytest.importorskip("starlette")


@pytest.fixture
def studio(world: Any, studio_of: Any) -> Any:
    return studio_of(world.db, world.out)


@pytest.fixture
def coding(studio: Any) -> Page:
    """The first bout of person 1 is chosen; the page looks for news when it is told to, and by no clock of its own."""
    page: Page = studio.open()
    page.add_init_script("window.setInterval = () => 0")
    page.goto(f"{studio.address}0/1/report.html?studio")
    studio.ready(page)
    page.locator("[name=coder]").fill("Ada")
    page.locator(".lane").first.focus()
    page.keyboard.press("Home")
    return page


class Held:
    """Requests that are not sent on until they are told to be."""

    def __init__(self, page: Page, where: str, method: str = "POST") -> None:
        self.routes: list[Route] = []
        self._page = page
        page.route(where, lambda route: self._take(route, method))

    def _take(self, route: Route, method: str) -> None:
        if route.request.method == method:
            self.routes.append(route)
        else:
            route.continue_()

    def next(self) -> Route:
        """Waits for it."""
        for _ in range(3000):
            if self.routes:
                return self.routes.pop(0)
            self._page.wait_for_timeout(20)
        raise AssertionError("nothing was asked for")


def unsaved(page: Page) -> list[str]:
    """People whose corrections the tab keeps, not being in the database."""
    (kept,) = page.evaluate("Object.values(sessionStorage)")
    return list(json.loads(kept)["people"])


def test_changes_are_saved_one_after_the_other(studio: Any, coding: Page) -> None:
    """Three while the first is on its way: the last is saved, once, and no change of one's own is a conflict."""
    held = Held(coding, "**/labels")
    coding.keyboard.press("c")
    first = held.next()
    for key in ("?", "c", "?"):
        coding.keyboard.press(key)
    coding.wait_for_timeout(200)
    assert held.routes == [], "the next waits for the answer"
    assert coding.locator("#correct > .told").inner_text() == "Saving …"
    first.continue_()
    second = held.next()
    assert unsaved(coding) == ["1"], "what came since is not in the database yet"
    second.continue_()
    studio.told(coding, "Saved")
    assert studio.labels() == [(1, "walk", "not sure", "Ada")]
    assert (unsaved(coding), held.routes) == ([], [])
    assert studio.said == []


def test_what_is_taken_back_while_it_is_saved_is_not_saved(studio: Any, coding: Page) -> None:
    held = Held(coding, "**/labels")
    coding.keyboard.press("c")
    first = held.next()
    coding.keyboard.press("u")
    first.continue_()
    held.next().continue_()
    studio.told(coding, "Saved")
    assert studio.labels() == []


def test_what_is_not_saved_is_told_and_kept(studio: Any, coding: Page) -> None:
    """The second of two changes does not come through; another person's does, later."""
    held = Held(coding, "**/labels")
    coding.keyboard.press("c")
    first = held.next()
    coding.keyboard.press("?")
    first.continue_()
    held.next().abort()
    assert "the studio does not answer" in studio.told(coding, "Not saved")
    coding.locator(".lane").nth(1).focus()
    coding.keyboard.press("Home")
    coding.keyboard.press("c")
    held.next().continue_()
    assert studio.told(coding, "Saved").endswith("Not saved yet: Person 1.")
    coding.unroute("**/labels")
    coding.reload()
    studio.ready(coding)
    assert studio.told(coding, "What was not saved is shown again")
    coding.locator(".lane").first.focus()
    coding.keyboard.press("Home")
    assert coding.locator("#readout").inner_text().endswith("not sure")
    studio.said.clear()  # the browser notes what failed


def test_a_refusal_counts_for_what_is_changed_after_it_was_told(studio: Any, coding: Page) -> None:
    """Bea saved in between. What Ada changed before she was told is refused as well, what she changes then is not."""
    with open_database(studio.db) as database, database.transaction() as tx:
        said = Annotation("hop", 0.2, 0.8, "Person 1", 1, False, None)
        bouts.write_corrections(tx, 1, [said], [1], "Bea")
    held = Held(coding, "**/labels")
    coding.keyboard.press("c")
    first = held.next()
    coding.keyboard.press("?")
    first.continue_()
    studio.told(coding, "Not saved: somebody changed what is coded here")
    held.next().continue_()
    coding.wait_for_timeout(200)
    studio.told(coding, "Not saved")
    assert [coder for *_, coder in studio.labels()] == ["Bea"]
    coding.keyboard.press("c")
    held.next().continue_()
    studio.told(coding, "Saved")
    assert {coder for *_, coder in studio.labels()} == {"Ada", "Bea"}
    studio.said.clear()


def test_news_of_before_a_change_of_ones_own_is_no_news(studio: Any, coding: Page) -> None:
    """Answers that were on their way when it was saved, and one that is asked for meanwhile."""

    def look() -> Route:
        coding.evaluate("window.dispatchEvent(new Event('focus'))")
        return states.next()

    states, saves = Held(coding, "**/state", "GET"), Held(coding, "**/labels")
    before = look()
    old = before.fetch()
    coding.keyboard.press("c")
    save = saves.next()
    saved = save.fetch()
    meanwhile = look()
    meanwhile.fulfill(response=meanwhile.fetch())
    before.fulfill(response=old)
    coding.wait_for_timeout(200)
    save.fulfill(response=saved)
    studio.told(coding, "Saved")
    late = look()
    coding.keyboard.press("?")
    answer = late.fetch()
    saves.next().continue_()
    studio.told(coding, "Saved")
    late.fulfill(response=answer)
    now = look()
    now.fulfill(response=now.fetch())
    coding.wait_for_timeout(200)
    assert coding.locator(".changed:visible").count() == 0
    with open_database(studio.db) as database, database.transaction() as tx:
        bouts.write_corrections(tx, 1, [Annotation("hop", 0.2, 0.8, "Person 2", 2, False, None)], [2], "Bea")
    now = look()
    now.fulfill(response=now.fetch())
    studio.wait(coding, "document.querySelector('.changed:not([hidden])') !== null")


def test_people_are_changed_once(studio: Any, coding: Page) -> None:
    """The button is pressed twice; something is noted while the first is on its way, and is still there afterwards."""

    def note(what: str, other: str) -> None:
        coding.locator("[name=identity]").select_option(what)
        coding.locator("[name=other]").fill(other)
        coding.locator("[name=note]").click()

    held = Held(coding, "**/tracks")
    note("rename", "Anna")
    coding.evaluate("for (let i = 0; i < 2; i += 1) document.querySelector('#correct [name=tracks]').click()")
    first = held.next()
    note("drop", "")
    coding.wait_for_timeout(200)
    assert held.routes == []
    with coding.expect_navigation():
        first.continue_()
    studio.ready(coding)
    assert "Anna" in coding.locator("#ethogram").inner_text()
    assert coding.locator(".edits li").all_inner_texts() == ["1 is nobody take back"]
    assert studio.said == []


def test_a_video_that_comes_late_goes_where_it_was_sent_last(studio: Any) -> None:
    page = studio.open()
    held = Held(page, "**/video.mp4", "GET")
    page.goto(f"{studio.address}0/1/report.html?studio#t=1.5", wait_until="commit")
    video = held.next()
    studio.ready(page)
    shown = "document.getElementById('drawing').dataset.frame"
    assert page.evaluate(shown) == "45"
    page.keyboard.press(",")
    assert page.evaluate(shown) == "44"
    video.continue_()
    page.unroute("**/video.mp4")
    studio.wait(page, "document.querySelector('video').readyState >= 2 && !document.querySelector('video').seeking")
    assert page.evaluate(shown) == "44"
    assert page.evaluate("document.querySelector('video').currentTime") == pytest.approx(44 / 30, abs=0.002)


def test_joints_of_a_report_that_was_told_anew_are_not_waited_for(studio: Any) -> None:
    page = studio.open()
    page.route("**/block/motion/*", lambda route: route.fulfill(status=404, body="told anew"))
    page.goto(f"{studio.address}0/1/report.html?studio")
    studio.wait(page, "document.querySelector('.changed')?.textContent.includes('did not come')")
    page.unroute("**/block/motion/*")
    page.locator(".changed button").click()
    studio.ready(page)
    studio.said.clear()


def job(state: str, number: int = 1) -> dict[str, Any]:
    told = {"stage": "", "done": 0, "total": None, "per_s": 0, "left_s": None, "told": "", "recording": None}
    return {"number": number, "kind": "analyze", "about": "/films/a.mp4", "database": 0, "state": state, **told}


def test_the_newest_answer_on_jobs_counts(studio: Any) -> None:
    page = studio.open()
    held = Held(page, "**/jobs", "GET")
    first = held.next()
    page.locator("[name=source]").fill("/no/such.mp4")
    page.get_by_role("button", name="Analyse").click()
    held.next().fulfill(json={"jobs": [job("stopped")], "unfinished": []})
    page.get_by_role("button", name="Go on: a.mp4").wait_for()
    first.fulfill(json={"jobs": [job("running")], "unfinished": []})
    page.wait_for_timeout(200)
    assert page.locator(".jobs p").inner_text() == "stopped; what is done is kept"
    studio.said.clear()  # there is no such file


def test_the_start_page_is_not_loaded_anew_from_under_somebodys_hands(studio: Any) -> None:
    page = studio.open()

    def answer(state: str) -> Callable[[Route], None]:
        return lambda route: route.fulfill(json={"jobs": [job(state)], "unfinished": []})

    page.evaluate("window.same = true")
    page.locator("[name=source]").fill("/films/half a na")
    page.route("**/jobs", answer("running"))
    page.get_by_role("button", name="Stop: a.mp4").wait_for()
    page.unroute("**/jobs")
    page.route("**/jobs", answer("done"))
    page.locator(".jobs p", has_text="done").wait_for()
    assert page.evaluate("window.same")
    assert page.locator("[name=source]").input_value() == "/films/half a na"
    page.locator("[name=source]").fill("")
    studio.wait(page, "window.same === undefined")


def test_why_a_file_was_refused_stays_while_others_come_in(studio: Any) -> None:
    page = studio.open()
    held = Held(page, "**/uploads")
    page.locator("[type=file]").set_input_files(
        [{"name": name, "mimeType": "", "buffer": b"hello"} for name in ("notes.txt", "more.mp4")]
    )
    held.next().continue_()
    studio.wait(page, "document.querySelector('#work .told').textContent.includes('neither video nor picture')")
    page.route("**/uploads?*", lambda route: route.fulfill(json={}))
    held.next().fulfill(json={})
    studio.wait(page, "document.querySelectorAll('.sending li').length === 0")
    assert "neither video nor picture" in page.locator("#work .told").inner_text()
    studio.said.clear()


def test_what_was_deleted_in_between_is_a_conflict_and_numbers_of_others_are_refused(world: Any) -> None:
    """The newest labels are taken back, others get their number; then 1 is somebody else."""
    shelf = Shelf([str(world.db)], world.out, None)  # type: ignore[arg-type]
    said = {"person": 1, "bouts": [], "coder": "Ada", "known": shelf.stamp(0, 1)}
    hop = {"action": "hop", "start": 0.2, "stop": 0.8, "mark": ""}
    after_cid = shelf.save(0, 1, {**said, "bouts": [hop], "coder": "Cid"})["stamp"]
    gone = shelf.save(0, 1, {**said, "coder": "Cid", "known": after_cid})["stamp"]
    shelf.save(0, 1, {**said, "bouts": [{**hop, "stop": 0.7}], "coder": "Bea", "known": gone})
    with pytest.raises(Conflict, match="last by Bea at"):
        shelf.save(0, 1, {**said, "known": after_cid})
    known = shelf.stamp(0, 1)
    world.name(1, "Anna")
    for act in (shelf.save, shelf.edit_people):
        with pytest.raises(Exception, match="who is who was changed after this page was loaded"):
            act(0, 1, {**said, "known": known, "rows": [{"action": "drop", "person": 1}]})
    shelf.close()


def test_databases_of_one_name_are_told_apart(world: Any, tmp_path: Path) -> None:
    other = tmp_path / "other" / world.db.name
    other.parent.mkdir()
    open_database(other).close()
    shelf = Shelf([str(world.db), str(other)], world.out, None)  # type: ignore[arg-type]
    assert [shelf.called(number) for number in (0, 1)] == [str(world.db), str(other)]
    shelf.close()
    shelf = Shelf([str(world.db)], world.out, None)  # type: ignore[arg-type]
    assert shelf.called(0) == world.db.name
    shelf.close()


def test_a_body_without_a_length_is_limited_too(studio: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("behavior.studio.app.MOST_BYTES", 100_000)
    for path in ("0/1/labels", "jobs"):
        for pieces, status in ((3, 413), (2, 400)):
            connection = http.client.HTTPConnection("127.0.0.1", studio.port, timeout=60)
            own = {"Origin": f"http://127.0.0.1:{studio.port}", "Transfer-Encoding": "chunked"}
            connection.request("POST", studio.path + path, iter([b"x" * 50_000] * pieces), own, encode_chunked=True)
            assert connection.getresponse().status == status, (path, pieces)
            connection.close()
