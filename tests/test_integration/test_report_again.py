"""What humans say reaches the results: `posescribe report` after labels, names and a move to another computer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from behavior.cli import main
from storage import open_database, runs, tracks


def test_corrected_labels_reach_the_results(world: Any) -> None:
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


def test_a_summary_has_a_row_for_every_person_and_action(world: Any) -> None:
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


def test_a_name_is_no_other_identity(world: Any) -> None:
    def digests() -> list[str]:
        with open_database(world.db) as database, database.reading() as tx:
            return [tracks.identity_digest(tx, run.id) for run in runs.list_runs(tx, 1) if run.stage == "track"]

    assert main(["tracks", "rename", str(world.db), "1", "Anna"]) == 0
    before, after = digests()
    assert before == after
    assert main(["tracks", "drop", str(world.db), "2"]) == 0
    assert digests()[-1] != before


def test_tables_of_every_frame_are_written_again_only_where_people_changed(world: Any) -> None:
    def inodes() -> list[int]:
        return [(world.folder / name).stat().st_ino for name in ("tracks.parquet", "features.parquet")]

    first = world.report("--no-overlay")
    was = inodes()
    world.label("1,wave,0.2,0.7")
    second = world.report("--no-overlay")
    assert world.table("bouts.csv").source.tolist() == ["human", "automatic"]
    assert inodes() == was
    assert all(second["files"][name] == first["files"][name] for name in ("tracks.parquet", "features.parquet"))
    assert main(["tracks", "drop", str(world.db), "2"]) == 0
    world.report("--no-overlay")
    assert all(now != before for now, before in zip(inodes(), was, strict=True))
    kept = (world.folder / "features.parquet").read_bytes()
    (world.folder / "features.parquet").write_bytes(kept[:-1])
    world.label("1,wave,0.2,0.8")
    world.report("--no-overlay")
    assert (world.folder / "features.parquet").read_bytes() == kept, "what was damaged is written again"


def test_only_what_changed_is_encoded_again(world: Any) -> None:
    world.report()
    was = world.encoded
    world.name(1, "Anna")
    world.report()
    assert world.encoded == was
    assert "Anna" in (world.folder / "report.html").read_text()
    world.label("1,walk,0,0.5")
    world.report()
    assert world.encoded != was


def test_a_video_that_cannot_be_played_is_written_anew(world: Any) -> None:
    world.report()
    video = world.folder / "video.mp4"
    whole = video.read_bytes()
    video.write_bytes(whole[: len(whole) // 2])
    world.report()
    assert len(video.read_bytes()) == len(whole)


def test_on_another_computer_the_overlay_and_the_pictures_stay(world: Any) -> None:
    world.report()
    pictures, was = (world.folder / "report.html").read_text().count("data:image/jpeg"), world.encoded
    assert pictures == 4
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


def test_what_is_handed_on_names_no_folder_of_its_maker(world: Any, capsys: pytest.CaptureFixture[str]) -> None:
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


def test_one_recording_is_chosen(world: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(world.db), "--out", str(world.out), "--recording", "yard"]) == 1
    assert "no recording 'yard'; it has hall" in capsys.readouterr().err
