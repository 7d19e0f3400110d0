"""Analyses begun, shown, stopped and gone on with in the studio, and what it refuses to begin."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from behavior.studio.jobs import Jobs
from pose.skeleton import COCO_18
from storage import open_database, poses, recordings, runs

pytest.importorskip("starlette")

N_FRAMES = 144
NAME = "-a [x] <img src=x onerror=\"document.title='owned'\">.mp4"


def state(studio: Any) -> Any:
    return json.loads(studio.ask("GET", studio.path + "jobs")[2])


def until(studio: Any, condition: Any, most_s: float = 900) -> Any:
    deadline = time.monotonic() + most_s
    while not condition(found := state(studio)):
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    return found


def at_people(told: Any) -> bool:
    return bool(told["jobs"]) and told["jobs"][0]["stage"] == "people" and told["jobs"][0]["done"] > 0


def test_an_analysis_is_begun_stopped_and_gone_on_with(
    tmp_path: Path, sample_video: Path, media: Any, studio_of: Any
) -> None:
    video = media.remux(sample_video, NAME, change=lambda _, packet: packet < N_FRAMES)
    db = tmp_path / "posescribe.db"
    open_database(db).close()
    studio = studio_of(db, tmp_path)
    page = studio.open()
    studio.wait(page, "document.documentElement?.dataset.ready === ''")
    assert page.locator("#offered option").get_attribute("value") == str(video)
    page.locator("[name=source]").fill(str(video))
    page.get_by_role("button", name="Analyse").click()
    found = until(
        studio, lambda told: told["jobs"] and told["jobs"][0]["stage"] == "people" and told["jobs"][0]["done"]
    )
    assert found["jobs"][0]["total"] == N_FRAMES
    studio.wait(page, "document.querySelector('.jobs p')?.textContent.includes('frames/s')")
    assert page.locator(".jobs b").inner_text() == NAME
    # Stopped once frames are kept.
    deadline = time.monotonic() + 900
    while not frames(db):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    studio.wait(page, "document.querySelector('.jobs img:not([hidden])')?.naturalWidth === 480")
    page.get_by_role("button", name="Stop").click()
    until(studio, lambda told: told["jobs"][0]["state"] == "stopped")
    again = page.get_by_role("button", name="Go on")
    again.wait_for()
    assert 0 < frames(db) < N_FRAMES
    page.reload()
    again.wait_for()
    before = frames(db)
    again.click()
    assert until(studio, at_people)["jobs"][0]["done"] >= before
    until(studio, lambda told: told["jobs"][0]["state"] == "done")
    assert frames(db) == N_FRAMES
    studio.wait(page, "document.querySelector('.cards a') !== null")
    assert page.locator(".cards h2").inner_text() == NAME.removesuffix(".mp4")
    assert page.title() == "Posescribe studio"
    assert studio.said == []


def frames(db: Path) -> int:
    with open_database(db) as database, database.reading() as tx:
        listed = [run for one in recordings.list_recordings(tx) for run in runs.list_runs(tx, one.id)]
        return sum(poses.count_frames(tx, run.id) for run in listed if run.stage == "pose")


def test_what_was_left_unfinished_goes_on_with_its_own_settings(
    world: Any, studio_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    class Noted(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, arguments: list[str], **about: Any) -> None:
            asked.append(arguments)
            super().__init__([arguments[0], "-c", "import time; time.sleep(60)"], **about)

    with open_database(world.db) as database, database.transaction() as tx:
        settings = {"accuracy": "fast", "part": {"start_s": 0.5, "end_s": None, "every": 2}}
        runs.start_run(
            tx, 1, "pose", "later", settings=settings, version="1", model_name="movenet_multipose", device="cpu",
            extra={"notes": [], "skipped": 0, "seconds": 1.0},
        )  # fmt: skip
    studio = studio_of(world.db, world.out)
    page = studio.open()
    monkeypatch.setattr("behavior.studio.jobs.subprocess.Popen", Noted)
    page.get_by_role("button", name="Go on: hall").click()
    until(studio, lambda told: told["jobs"] and told["jobs"][0]["state"] == "running")
    words = asked[0][asked[0].index("analyze") :]
    assert words[-2:] == ["--", str(world.video)]
    assert " ".join(words[1:-2]) == (
        f"--out {world.out} --db {world.db} --accuracy fast --start 0.5 --every 2 --device cpu --actions default"
    )
    assert state(studio)["unfinished"] == [], "a job has it"
    page.get_by_role("button", name="Stop").click()
    until(studio, lambda told: told["jobs"][0]["state"] == "stopped")


def test_what_another_process_works_on_is_left_to_it(
    world: Any, studio_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("behavior.studio.work.LOOK_EVERY_S", 0)
    with open_database(world.db) as database:
        known = list(poses.iter_frames(database, 1))
        with database.transaction() as tx:
            run = runs.start_run(
                tx, 1, "pose", "later", settings={}, version="1", skeleton=COCO_18, model_name="movenet_multipose",
                extra={"notes": [], "skipped": 0, "seconds": 1.0},
            )  # fmt: skip
            poses.append_frames(tx, run.id, known[:5])
        studio = studio_of(world.db, world.out)
        (one,) = state(studio)["unfinished"]
        assert (one["name"], one["frames"], one["at_work"]) == ("hall", 5, False)
        assert studio.ask("GET", studio.path + "0/1/latest.jpg")[2].startswith(b"\xff\xd8\xff")
        with database.transaction() as tx:
            poses.append_frames(tx, run.id, known[5:9])
    page = studio.open()
    studio.wait(page, "document.querySelector('.jobs p')?.textContent.startsWith('another process is at work')")
    assert page.locator(".jobs button:visible").count() == 0
    own = {"Origin": f"http://127.0.0.1:{studio.port}"}
    status, _, text = studio.ask("POST", studio.path + "0/1/resume", {}, **own)
    assert (status, b"another process" in text) == (400, True)


def test_what_is_not_begun(world: Any, studio_of: Any) -> None:
    studio = studio_of(world.db, world.out)
    own = {"Origin": f"http://127.0.0.1:{studio.port}"}
    video = {"database": 0, "source": str(world.video)}
    for path, said in (
        ("jobs", video), ("jobs/1/stop", {}), ("jobs/1/again", {}), ("0/1/resume", {}),
        ("0/model/train", {"classifier": "few_shot"}), ("0/model/choose", {"sha256": "6" * 64}),
    ):  # fmt: skip
        for origin in ({}, {"Origin": "http://evil.example"}, {"Origin": "null"}):
            assert studio.ask("POST", studio.path + path, said, **origin)[0] == 403, path
        assert studio.ask("POST", f"/wrong/{path}", said, **own)[0] == 404, path
        assert studio.ask("GET", f"/wrong/{path}")[0] == 404, path
    relative = os.path.relpath(world.video)
    for source in ("", relative, "--help", "http://camera/", "0", str(world.db.parent / "none.mp4"), "*", None):
        status, _, text = studio.ask("POST", studio.path + "jobs", {"database": 0, "source": source}, **own)
        assert (status, b"error" in text) == (400, True), source
    for wrong in ({"source": str(world.video)}, {**video, "database": "0"}, [3]):
        assert studio.ask("POST", studio.path + "jobs", wrong, **own)[0] == 400, wrong
    assert studio.ask("POST", studio.path + "jobs", {**video, "database": 7}, **own)[0] == 404
    assert studio.ask("POST", studio.path + "jobs/9/stop", {}, **own)[0] == 400
    assert studio.ask("POST", studio.path + "0/1/resume", {}, **own)[0] == 400, "nothing is left to do"
    assert studio.ask("POST", studio.path + "0/model/train", {"classifier": "--out"}, **own)[0] == 400
    assert studio.ask("POST", studio.path + "0/model/choose", {"sha256": ["6"]}, **own)[0] == 400
    assert studio.ask("GET", studio.path + "0/9/latest.jpg")[0] == 404
    for name in ("..%2f..%2fposescribe.db", "../report.html", "%2e%2e/report.html", "none/report.html"):
        assert studio.ask("GET", f"{studio.path}0/model/{name}")[0] == 404, name
    assert state(studio)["jobs"] == []


def test_jobs_of_a_kind_wait_and_fail_in_a_sentence() -> None:
    jobs = Jobs()
    first = jobs.start("analyze", "a", 0, [["status", "/no/such.db"], ["--version"]])
    second = jobs.start("analyze", "b", 0, [["--version"]])
    with pytest.raises(Exception, match="is being worked on already"):
        jobs.start("analyze", "b", 0, [["--version"]])
    deadline = time.monotonic() + 60
    while not (first.over and second.over):
        assert time.monotonic() < deadline
        assert second.state == "waiting" or first.over
        time.sleep(0.02)
    assert first.state == "failed"
    assert first.told.startswith("/no/such.db: ")
    assert second.state == "done"
    jobs.close()
