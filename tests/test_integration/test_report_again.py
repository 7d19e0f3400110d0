"""What humans say reaches the results: `posescribe report` after labels, names and a move to another computer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from behavior.cli import main
from pose.people import FramePeople, Person
from pose.skeleton import COCO_18
from pose.sources import open_source, source_hash
from storage import bouts, open_database, poses, recordings, runs, tracks
from storage.bouts import Bout

RATE = 30


class World:
    """A video of two seconds in which two people stand, analysed; person 1 walks at first, says the machine."""

    def __init__(self, folder: Path, video: Path) -> None:
        self.db, self.out, self.video = folder / "posescribe.db", folder / "out", video
        body = np.zeros((18, 3), dtype=np.float32)
        body[:, 1], body[:, 2] = np.linspace(10, 40, 18), 0.9
        with open_source(str(video)) as source:
            times = [(frame.index, frame.time_s) for frame in source]
        frames = [
            FramePeople(
                index, time, tuple(Person(body + np.float32([20 * k, 0, 0]), 0.9, k, skeleton=COCO_18) for k in (1, 2))
            )
            for index, time in times
        ]  # fmt: skip
        part = {"part": {"start_s": None, "end_s": None, "every": 1}}
        with open_database(self.db) as database, database.transaction() as tx:
            recording = recordings.ensure_recording(
                tx, name="hall", uri=str(video), kind="video", sha256=source_hash(str(video)), width=64, height=48
            )
            pose = runs.start_run(
                tx, recording, "pose", "p", settings=part, version="1", skeleton=COCO_18, model_name="net",
                model_sha256="5" * 64, extra={"notes": [], "skipped": 0, "seconds": 1.0},
            )  # fmt: skip
            poses.append_frames(tx, pose.id, frames)
            runs.finish_run(tx, pose.id)
            track = runs.start_run(tx, recording, "track", "t", settings={}, version="1", parent_id=pose.id)
            tracks.append_memberships(tx, track.id, frames)
            tracks.apply_identity(tx, track.id, {1: 1, 2: 2})
            runs.finish_run(tx, track.id)
            actions = runs.start_run(
                tx, recording, "actions", "a", settings={}, version="1", parent_id=track.id, model_name="acts",
                model_sha256="6" * 64, extra={"classes": ["walk", "sit", "wave"]},
            )  # fmt: skip
            bouts.write_bouts(
                tx, actions.id, [Bout(1, "walk", 0, 1, 0, 29, 0.8), Bout(2, "sit", 0.5, 1.5, 15, 44, 0.7)]
            )
            runs.finish_run(tx, actions.id)

    def report(self, *arguments: str) -> dict[str, Any]:
        assert main(["report", str(self.db), "--out", str(self.out), *arguments]) == 0
        run: dict[str, Any] = json.loads((self.folder / "run.json").read_text())
        return run

    def label(self, *rows: str) -> None:
        path = self.db.parent / "coded.csv"
        path.write_text("\n".join(["person,action,start_s,stop_s", *rows]))
        assert main(["labels", "import", str(path), "--db", str(self.db), "--coder", "Ada"]) == 0

    def name(self, person: int, name: str) -> None:
        with open_database(self.db) as database, database.transaction() as tx:
            tracks.name_track(tx, 2, person, name)

    @property
    def folder(self) -> Path:
        return self.out / "hall"

    @property
    def encoded(self) -> int:
        """Changes when the overlay is written anew."""
        return (self.folder / "overlay.mp4").stat().st_ino

    def table(self, name: str) -> pd.DataFrame:
        return pd.read_csv(self.folder / name)


@pytest.fixture
def world(tmp_path: Path, media: Any) -> World:
    return World(tmp_path, media.video("hall.mp4"))


def test_corrected_labels_reach_the_results(world: World) -> None:
    world.report()
    first, was = world.table("bouts.csv"), world.encoded
    assert list(first.columns[:8]) == [
        "track_id", "action", "start_s", "stop_s", "duration_s", "start_frame", "stop_frame", "score",
    ]  # fmt: skip
    assert (first.source == "automatic").all()
    world.name(1, "Anna")
    world.label("1,wave,0.2,0.7", "1,wave,0.6,1.0", "1,=sum,1.5,1.6")
    run = world.report("--recording", "hall")
    rows = world.table("bouts.csv")[["person", "action", "start_s", "stop_s", "start_frame", "stop_frame", "source"]]
    assert rows.to_numpy().tolist() == [
        ["Anna", "wave", 0.2, 1.0, 6, 29, "human"],
        ["Anna", "'=sum", 1.5, 1.6, 45, 47, "human"],
        ["Person 2", "sit", 0.5, 1.5, 15, 44, "automatic"],
    ]
    assert (world.table("bouts.csv").recording == "hall").all()
    assert world.table("bouts_automatic.csv").action.tolist() == ["walk", "sit"]
    assert world.encoded != was
    page = (world.folder / "report.html").read_text()
    for told in ("The actions of Anna were coded by Ada", "coded by hand", "<td>human</td>", "<td>automatic</td>"):
        assert told in page
    assert run["result"]["coded"] == 1


def test_a_summary_has_a_row_for_every_person_and_action(world: World) -> None:
    world.label("1,wave,0.5,1.0", "1,hop,0.5,1.5")
    world.report("--no-overlay")
    table = world.table("summary.csv").set_index(["track_id", "action"])
    assert table.index.tolist() == [(k, action) for k in (1, 2) for action in ("walk", "sit", "wave", "hop")]
    assert table["count"].tolist() == [0, 0, 1, 1, 0, 1, 0, 0]
    assert table.total_s.groupby("action").mean()["wave"] == 0.25
    assert table.on_screen_s.tolist() == pytest.approx([2.0] * 8)
    # Person 1 hops and waves at once: together they name one second of two.
    assert table.unnamed_s.tolist() == pytest.approx([1.0] * 8)
    assert table.share[1, "hop"] + table.share[1, "wave"] == pytest.approx(0.75)


def test_a_name_is_no_other_identity(world: World) -> None:
    def digests() -> list[str]:
        with open_database(world.db) as database, database.reading() as tx:
            return [tracks.identity_digest(tx, run.id) for run in runs.list_runs(tx, 1) if run.stage == "track"]

    assert main(["tracks", "rename", str(world.db), "1", "Anna"]) == 0
    before, after = digests()
    assert before == after
    assert main(["tracks", "drop", str(world.db), "2"]) == 0
    assert digests()[-1] != before


def test_only_what_changed_is_encoded_again(world: World) -> None:
    world.report()
    was = world.encoded
    world.name(1, "Anna")
    world.report()
    assert world.encoded == was
    assert "Anna" in (world.folder / "report.html").read_text()
    world.label("1,walk,0,0.5")
    world.report()
    assert world.encoded != was


def test_on_another_computer_the_overlay_and_the_pictures_stay(world: World) -> None:
    world.report()
    pictures, was = (world.folder / "report.html").read_text().count("data:image/jpeg"), world.encoded
    assert pictures == 3
    world.video.unlink()
    world.report()
    page = (world.folder / "report.html").read_text()
    assert page.count("data:image/jpeg") == pictures
    assert "overlay.mp4" in page
    world.label("1,sit,0,0.5")
    world.report()
    page = (world.folder / "report.html").read_text()
    assert world.encoded == was
    assert page.count("data:image/jpeg") == pictures
    assert "The overlay is an older one" in page


def test_what_is_handed_on_names_no_folder_of_its_maker(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.report("--json")
    (printed,) = json.loads(capsys.readouterr().out)["results"]
    assert printed["source"] == str(world.video)
    assert printed["report"] == str(world.folder / "report.html")
    world.video.unlink()
    (world.folder / "overlay.mp4").unlink()
    run = world.report()
    assert run["source"]["name"] == "hall.mp4"
    for name in ("report.html", "run.json", "bouts.csv", "summary.csv"):
        assert str(world.video.parent) not in (world.folder / name).read_text(), name
    page = (world.folder / "report.html").read_text()
    assert "There is no overlay: hall.mp4" in page
    assert "2 people in hall.mp4" in page


def test_one_recording_is_chosen(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(world.db), "--out", str(world.out), "--recording", "yard"]) == 1
    assert "no recording 'yard'; it has hall" in capsys.readouterr().err
