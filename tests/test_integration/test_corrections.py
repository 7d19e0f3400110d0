"""What is corrected in the page comes back: as labels, and as who is who."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from playwright.sync_api import Browser, Page

from behavior.cli import main
from behavior.corrections.edit_files import read_edits
from storage import bouts, open_database


def opened(browser: Browser, report: Path, said: list[str]) -> Page:
    page = browser.new_context(accept_downloads=True).new_page()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(report.as_uri())
    deadline = time.monotonic() + 30
    while not page.evaluate("document.documentElement.dataset.ready === ''"):
        assert time.monotonic() < deadline, said
        page.wait_for_timeout(20)
    page.locator("#correct summary").click()
    return page


def saved(page: Page, button: str, path: Path) -> Path:
    with page.expect_download() as download:
        page.locator(button).click()
    download.value.save_as(path)
    return path


@pytest.fixture
def corrected(world: Any, browser: Browser, tmp_path: Path) -> Any:
    """Gives the file of a page in which person 1 waves from frame 15 on instead of walking, and sits at last."""
    world.report()

    def correct(coder: str, action: str = "=wave, <i>") -> Path:
        said: list[str] = []
        page = opened(browser, world.folder / "report.html", said)
        page.locator(".lane").first.focus()
        page.keyboard.press("Home")
        page.locator("[name=action]").fill(action)
        page.locator("[name=action]").press("Enter")
        page.locator("[name=start]").fill("0.5")
        page.locator("[name=start]").press("Enter")
        page.locator("[data-do=confirm]").click()
        page.locator("[name=coder]").fill(coder)
        path = saved(page, "[data-do=labels]", tmp_path / f"{coder} {action[1]}.csv")
        page.context.close()
        assert said == []
        return path

    return correct


def test_labels_corrected_in_the_page_reach_the_next_report(world: Any, corrected: Any) -> None:
    path = corrected("Ada")
    assert main(["labels", "import", str(path), "--db", str(world.db), "--strict"]) == 0
    world.report()
    rows = world.table("bouts.csv")[["track_id", "action", "start_s", "stop_s", "start_frame", "stop_frame", "source"]]
    assert rows.to_numpy().tolist() == [
        [1, "'=wave, <i>", 0.5, 1.0, 15, 29, "human"],
        [2, "sit", 0.5, 1.5, 15, 44, "automatic"],
    ]
    assert world.table("bouts_automatic.csv").action.tolist() == ["walk", "sit"]
    with open_database(world.db) as database, database.reading() as tx:
        nothing, label = bouts.read_annotations(tx, 1)
        (source,) = bouts.list_annotation_sources(tx, 1)
    assert (label.comment, source.coder, source.format) == ("confirmed", "Ada", "corrections")
    assert (nothing.action, nothing.start_s, nothing.stop_s) == ("unknown", 0, 0.5), "where the bout was before"


def test_later_corrections_stand_in_place_of_earlier_ones_and_of_files(world: Any, corrected: Any) -> None:
    world.label("1,hop,0.2,0.7", "2,hop,0.2,0.7")
    world.report()
    for action in ("1st", "2nd"):
        path = corrected("Ada", action)
        assert main(["labels", "import", str(path), "--db", str(world.db)]) == 0
        world.report()
    assert world.table("bouts.csv").action.tolist() == ["2nd", "hop"]
    with open_database(world.db) as database, database.reading() as tx:
        kept = [(one.track_id, one.action) for one in bouts.read_annotations(tx, 1) if one.action != "unknown"]
    assert sorted(kept) == [(1, "2nd"), (1, "hop"), (2, "hop")], "the file's own labels are still there"


def test_corrections_of_another_recording_are_refused(
    world: Any, corrected: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    path = corrected("Ada")
    rows = path.read_text().splitlines()
    path.write_text("\n".join([rows[0], *(row.rpartition(",")[0] + ",abc" for row in rows[1:])]))
    assert main(["labels", "import", str(path), "--db", str(world.db)]) == 1
    assert "corrections of another recording than 'hall'" in capsys.readouterr().err


def test_who_is_who_from_the_page(world: Any, browser: Browser, tmp_path: Path) -> None:
    world.report()
    said: list[str] = []
    page = opened(browser, world.folder / "report.html", said)
    page.evaluate("location.hash = '#t=1'")
    page.wait_for_timeout(300)
    page.locator("[name=other]").fill("2")
    page.locator("[name=note]").click()
    page.locator("[name=identity]").select_option("rename")
    page.locator("[name=other]").fill("Anna, the <first>")
    page.locator("[name=note]").click()
    assert page.locator(".edits li").count() == 2
    path = saved(page, "[name=tracks]", tmp_path / "tracks.csv")
    page.context.close()
    assert said == []
    assert [str(edit) for edit in read_edits(path)] == [
        "split person 1 from frame 30 on",
        "split person 2 from frame 30 on",
        "merge person 4 into 1",
        "merge person 3 into 2",
        "rename person 1 to 'Anna, the <first>'",
    ]
    assert main(["tracks", "apply", str(world.db), str(path)]) == 0
    world.report("--no-overlay")
    joints = pd.read_parquet(world.folder / "tracks.parquet").query("keypoint == 'neck'")
    first = joints[joints.track_id == 1].set_index("frame").x
    assert first[first.index < 30].median() < first[first.index >= 30].median(), "from frame 30 on they are swapped"
