"""The studio in a real browser, and what it refuses."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from behavior.cli import main
from behavior.report.columns import bytes_of
from storage import bouts, frames, open_database, runs, schema, tracks
from storage.bouts import Bout

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

TOKEN = "t0ken"
NASTY = "<img src=x onerror=\"document.title='owned'\">"


@pytest.fixture
def studio(world: Any, studio_of: Any) -> Any:
    with open_database(world.db) as database, database.transaction() as tx:
        tx.execute(update(schema.recording).values(name=NASTY))
    return studio_of(world.db, world.out)


def test_a_correction_lands_in_the_database(studio: Any) -> None:
    page = studio.open()
    assert page.title() == "Posescribe studio"
    page.locator("#search").fill("nowhere")
    assert page.locator(".cards li:visible").count() == 0
    page.locator("#search").fill("onerror")
    page.locator(".cards a").click()
    page.wait_for_url("**/report.html?studio*")
    studio.wait(page, "document.documentElement?.dataset.ready === ''")
    assert page.locator("h1").inner_text() == NASTY
    studio.wait(page, "document.querySelector('video').readyState >= 2")
    page.locator("[name=coder]").fill("Ada <b>")
    page.locator(".lane").first.focus()
    page.keyboard.press("Home")
    page.keyboard.press("c")
    assert studio.told(page, "Saved").split(" as ")[1].startswith("Ada <b>.")
    assert studio.labels() == [(1, "walk", "confirmed", "Ada <b>")]
    page.reload()
    studio.wait(page, "document.documentElement?.dataset.ready === ''")
    assert page.locator(".hand").count() > 0, "coded by hand"
    assert page.locator("[name=coder]").input_value() == "Ada <b>"
    page.locator(".lane").first.focus()
    page.keyboard.press("Home")
    assert page.locator("#evidence").inner_text() == "confirmed"
    page.locator("[name=action]").evaluate("(each) => { each.value = 'hop'; }")
    page.keyboard.press("b")
    studio.told(page, "Saved")
    assert [mark for _, _, mark, _ in studio.labels()].count("confirmed") == 1, "another bout takes no mark away"
    assert len(studio.labels()) == 2
    page.goto(studio.address)
    assert page.locator(".cards img").evaluate("(each) => each.naturalWidth > 0"), "now there is a picture"
    assert "coded by Ada <b>" in page.locator(".cards").inner_text()
    assert studio.said == []


def test_only_what_was_changed_is_the_humans(studio: Any) -> None:
    """Of two automatic bouts one is deleted: the other stays the machine's; taken back, nothing is the human's."""
    with open_database(studio.db) as database, database.transaction() as tx:
        bouts.write_bouts(tx, 3, [Bout(1, "hop", 1.2, 1.6, 36, 47, 0.6)])
    page = studio.open("0/1/report.html?studio")
    page.locator("[name=coder]").fill("Ada")
    page.locator(".lane").first.focus()
    page.keyboard.press("Home")
    page.keyboard.press("Delete")
    studio.told(page, "Saved")
    assert studio.labels() == [(1, "unknown", None, "Ada")]
    page.reload()
    studio.ready(page)
    assert page.locator(".hand").first.get_attribute("title") == "Partly coded by hand"
    with open_database(studio.db) as database:
        told = frames.current_bouts(database)
    assert told[["action", "source"]].to_numpy().tolist() == [["hop", "automatic"], ["sit", "automatic"]]
    page.locator(".lane").first.focus()
    page.keyboard.press("Home")
    assert "score 0.60" in page.locator("#readout").inner_text()
    page.keyboard.press("c")
    studio.told(page, "Saved")
    assert sorted(studio.labels()) == [(1, "hop", "confirmed", "Ada"), (1, "unknown", None, "Ada")]
    page.keyboard.press("u")
    studio.told(page, "Saved")
    assert studio.labels() == [(1, "unknown", None, "Ada")]
    assert studio.said == []


def test_two_at_once_are_told(studio: Any) -> None:
    one, two = studio.open("0/1/report.html?studio"), studio.open("0/1/report.html?studio")
    for page, coder in ((one, "Ada"), (two, "Bea")):
        page.locator("[name=coder]").fill(coder)
        page.locator(".lane").first.focus()
        page.keyboard.press("Home")
    one.keyboard.press("c")
    studio.told(one, "Saved")
    two.keyboard.press("Shift+?")
    told = studio.told(two, "Not saved")
    assert "somebody changed what is coded here after this page was loaded, last by Ada at" in told
    assert [coder for *_, coder in studio.labels()] == ["Ada"]
    two.keyboard.press("c")
    studio.told(two, "Saved")
    assert sorted(studio.labels()) == [(1, "walk", "confirmed", "Ada"), (1, "walk", "confirmed", "Bea")]
    studio.said.clear()  # the browser notes the refusal


def test_a_page_says_when_the_database_was_changed_elsewhere(studio: Any, tmp_path: Path) -> None:
    def bar() -> str:
        with page.expect_response("**/state"):
            page.evaluate("window.dispatchEvent(new Event('focus'))")
        page.evaluate("fetch('state').then((answer) => answer.text())")  # answered after the page has heard its own
        return page.locator(".changed span").inner_text() if page.locator(".changed:visible").count() else ""

    page = studio.open("0/1/report.html?studio")
    page.locator("[name=coder]").fill("Ada")
    page.locator(".lane").first.focus()
    page.keyboard.press("Home")
    page.keyboard.press("c")
    studio.told(page, "Saved")
    assert bar() == "", "its own change is no news"
    for one, note in (("rename", "Anna"), ("drop", "")):
        page.locator("[name=identity]").select_option(one)
        page.locator("[name=other]").fill(note)
        page.locator("[name=note]").click()
    coded = tmp_path / "more.csv"
    coded.write_text("person,action,start_s,stop_s\n2,hop,0.5,1\n")
    command = ["-c", "from behavior.cli import main; main()", "labels", "import", str(coded), "--db", str(studio.db)]
    subprocess.run([sys.executable, *command], check=True, capture_output=True)
    assert "somebody coded or corrected" in bar()
    page.keyboard.press("Shift+?")
    assert "Not saved" in studio.told(page, "Not saved"), "somebody else's labels came in between"
    with page.expect_navigation():
        page.locator(".changed button").click()
    studio.ready(page)
    assert page.locator(".edits li").count() == 2
    assert studio.told(page, "What was not saved is shown again")
    assert page.locator(".edited").count() == 1
    assert page.locator(".hand").count() > 1, "and theirs are shown"
    assert bar() == ""
    page.locator(".lane").first.focus()
    page.keyboard.press("Home")
    page.keyboard.press("c")
    studio.told(page, "Saved")
    with open_database(studio.db) as database, database.transaction() as tx:
        now = runs.current(tx, 1)
        assert now is not None
        runs.leave_out(tx, now.track.id, "actions")
        tracks.name_track(tx, now.track.id, 2, "Bea")
    assert "who is who was changed; actions were named anew" in bar()
    page.reload()
    studio.ready(page)
    assert bar() == ""
    assert studio.told(page, "Changes are saved"), "nothing is left to be shown again"
    studio.said.clear()  # the browser notes the refusal


def test_joints_are_asked_for_in_parts(studio: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixty frames in four parts: the page asks for the first two, then for what is about to be shown, each once."""
    monkeypatch.setattr("behavior.report.motion.PART_NUMBERS", 60 * 2 * 36 // 4)
    page = studio.open("0/1/report.html?studio")

    def parts() -> list[str]:
        return [url.split("/block/")[1].split("/")[0] for url in studio.asked if "/block/" in url]

    def drawn(frame: int) -> None:
        studio.wait(page, f"document.getElementById('drawing').dataset.frame === '{frame}'")
        page.wait_for_timeout(1000)  # its neighbours come when the cursor rests

    drawn(0)
    assert page.locator("#motion, #motion-0").count() == 0, "the page comes without them"
    assert parts() == ["motion", "motion-0", "motion-1"]
    page.evaluate("location.hash = '#t=1.6'")
    drawn(48)
    page.evaluate("location.hash = '#t=0'")
    drawn(0)
    assert parts() == ["motion", "motion-0", "motion-1", "motion-3", "motion-2"]
    (url,) = [url for url in studio.asked if "/motion-3/" in url]
    path = url[url.index(studio.path) :]
    status, headers, body = studio.ask("GET", path)
    assert (status, "immutable" in headers["cache-control"], "no-store" in headers["cache-control"]) == (
        200,
        True,
        False,
    )
    assert studio.ask("GET", path, **{"If-None-Match": headers["etag"]})[0] == 304
    whole = next(folder for folder in studio.out.iterdir() if folder.is_dir()) / "report.html"
    held = re.search(rb'id="motion-3">([^<]*)<', whole.read_bytes())
    assert held is not None
    assert bytes_of(held[1]) == body, "the page from a file has it in itself"
    others = [path.replace("motion-3", name) for name in ("motion-1", "motion-9", "..%2frun", "data")]
    for wrong in (*others, f"{path}0", path.replace(TOKEN, "wrong")):
        assert studio.ask("GET", wrong)[0] == 404, wrong
    assert studio.said == []


def test_a_page_that_takes_long_to_tell_says_so_and_opens_by_itself(
    studio: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("behavior.studio.app.PATIENCE_S", 0)
    page = studio.open()
    page.goto(f"{studio.address}0/1/report.html?studio#t=1.5")
    assert page.locator("h1").inner_text() == "One moment"
    monkeypatch.setattr("behavior.studio.app.PATIENCE_S", 60)
    studio.ready(page)
    studio.wait(page, "document.getElementById('drawing').dataset.frame === '45'")
    assert studio.said == []


def test_a_database_that_is_deleted_while_it_is_open(studio: Any, tmp_path: Path) -> None:
    """What could still be written into the open file would be lost with it."""
    page = studio.open("0/1/report.html?studio")
    page.locator("[name=coder]").fill("Ada")
    page.locator(".lane").first.focus()
    page.keyboard.press("Home")
    away = studio.db.rename(tmp_path / "away.db")
    page.keyboard.press("c")
    assert "was deleted, moved or replaced" in studio.told(page, "Not saved")
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    studio.wait(page, "document.querySelector('.changed:not([hidden])')?.textContent.includes('Put it back')")
    other = studio.open()
    assert "was deleted, moved or replaced" in other.locator("body").inner_text()
    assert not studio.db.exists(), "no empty one in its place"
    away.rename(studio.db)
    page.keyboard.press("Shift+?")
    studio.told(page, "Saved")
    assert studio.labels() == [(1, "walk", "not sure", "Ada")]
    studio.said.clear()  # the browser notes the refusals


def test_a_film_that_goes_while_it_is_shown(studio: Any, world: Any, tmp_path: Path) -> None:
    """Neither the source nor the copy beside the report is needed to look at what was found, or to correct it."""
    studio.open("0/1/report.html?studio").close()
    world.video.unlink()
    (folder,) = (each for each in studio.out.iterdir() if each.is_dir())
    folder.rename(tmp_path / "elsewhere")
    page = studio.open("0/1/report.html?studio")
    assert page.locator("h1").inner_text() == NASTY
    page.locator("[name=coder]").fill("Ada")
    page.locator(".lane").first.focus()
    page.keyboard.press("Home")
    page.keyboard.press("c")
    studio.told(page, "Saved")
    page.reload()
    studio.ready(page)
    assert page.locator(".hand").count() > 0
    studio.said.clear()


def test_undo_takes_a_correction_back(studio: Any) -> None:
    page = studio.open("0/1/report.html?studio")
    page.locator(".lane").nth(1).focus()
    page.keyboard.press("Home")
    page.keyboard.press("Delete")
    studio.told(page, "Saved")
    page.keyboard.press("u")
    studio.told(page, "Saved")
    assert studio.labels() == []
    assert studio.said == []


def test_people_are_changed_at_once(studio: Any) -> None:
    page = studio.open("0/1/report.html?studio")
    page.locator("[name=identity]").select_option("rename")
    page.locator("[name=other]").fill("Anna")
    page.locator("[name=note]").click()
    page.locator("[name=tracks]").click()
    studio.wait(page, "document.getElementById('ethogram')?.innerText.includes('Anna')")
    with open_database(studio.db) as database, database.reading() as tx:
        run = max(run.id for run in runs.list_runs(tx, 1) if run.stage == "track")
        assert tracks.list_tracks(tx, run)[0].name == "Anna"


def test_what_the_studio_refuses(studio: Any) -> None:
    studio.open("0/1/report.html?studio").close()
    here = f"/{TOKEN}/0/1"
    own = f"http://127.0.0.1:{studio.port}"
    known = json.loads(studio.ask("GET", f"{here}/state")[2])
    said = {"person": 1, "bouts": [{"action": "hop", "start": 0, "stop": 1, "mark": ""}], "coder": "x", "known": known}
    assert studio.ask("GET", "/wrong/")[0] == 404
    assert studio.ask("GET", f"/{TOKEN}x/")[0] == 404
    assert studio.ask("GET", f"/{TOKEN}/", Host="evil.example")[0] == 421
    assert studio.ask("POST", f"{here}/labels", said)[0] == 403
    assert studio.ask("POST", f"{here}/labels", said, Origin="http://evil.example")[0] == 403
    assert studio.ask("POST", f"{here}/labels", said, Origin="null")[0] == 403
    assert studio.labels() == []
    for name in (
        "..%2f..%2fposescribe.db",
        "../../posescribe.db",
        "%2e%2e/posescribe.db",
        "stills",
        "posescribe.db",
        "",
    ):
        assert studio.ask("GET", f"{here}/{name}")[0] == 404, name
    assert studio.ask("GET", f"/{TOKEN}/0/99/report.html")[0] == 404
    assert studio.ask("GET", f"/{TOKEN}/7/1/report.html")[0] == 404
    for wrong in (
        {"person": 9}, {"bouts": [{"action": "", "start": 0, "stop": 1, "mark": ""}]}, {"bouts": [3]},
        {"bouts": [{"action": "hop", "start": 2, "stop": 1, "mark": ""}]}, {"known": 7}, {"known": {}},
    ):  # fmt: skip
        status, _, text = studio.ask("POST", f"{here}/labels", {**said, **wrong}, Origin=own)
        assert status == 400, (wrong, text)
    assert studio.labels() == []
    status, headers, body = studio.ask("GET", f"{here}/video.mp4", Range="bytes=10-19")
    film = next(folder for folder in studio.out.iterdir() if folder.is_dir()) / "video.mp4"
    assert (status, body) == (206, film.read_bytes()[10:20])
    assert headers["referrer-policy"] == "no-referrer"
    status, headers, _ = studio.ask("GET", f"/{TOKEN}/")
    assert "default-src 'none'" in headers["content-security-policy"]
    assert studio.ask("POST", f"{here}/labels", said, Origin=own)[0] == 200


def test_a_database_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["studio", str(tmp_path / "none.db"), "--no-browser"]) == 1
    assert "no such database" in capsys.readouterr().err
