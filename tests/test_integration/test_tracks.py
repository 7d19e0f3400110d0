"""`posescribe tracks`: identities changed by hand, and what follows from them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from behavior.cli import main
from storage import open_database, runs

FPS = 25
BODY = np.array(
    [[0, -40], [3, -43], [-3, -43], [6, -40], [-6, -40], [20, 0], [-20, 0], [25, 40], [-25, 40],
     [28, 75], [-28, 75], [12, 80], [-12, 80], [13, 130], [-13, 130], [14, 180], [-14, 180]]
)  # fmt: skip


def detections(path: Path) -> Path:
    """COCO results, 100 frames: Ada walks right from x = 100 and is not seen in frames 40 to 59, Bob stands at 600
    from frame 10 on, a ghost flickers at 900 in frame 70."""
    items = []
    for frame in range(100):
        places = [(100 + 5 * frame, 0.9)] if not 40 <= frame < 60 else []
        places += [(600, 0.8)] if frame >= 10 else []
        places += [(900, 0.6)] if frame == 70 else []
        for x, score in places:
            keypoints = np.column_stack([BODY + np.array([x, 200]), np.full(len(BODY), score)]).ravel().tolist()
            items.append({"image_id": frame, "category_id": 1, "keypoints": keypoints, "score": score})
    path.write_text(json.dumps(items))
    return path


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tracks")
    file = detections(folder / "walk.json")
    assert main(["import", str(file), "--db", str(folder / "w.db"), "--fps", str(FPS)]) == 0
    return folder / "w.db"


@pytest.fixture
def db(source: Path, tmp_path: Path) -> str:
    return str(shutil.copy(source, tmp_path / "w.db"))


@pytest.fixture
def tracks(db: str, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs `posescribe tracks COMMAND DB ...` and gives what it says with --json."""

    def run(command: str, *arguments: str) -> dict[str, Any]:
        capsys.readouterr()
        assert main(["tracks", command, db, *arguments, "--json"]) == 0
        told: dict[str, Any] = json.loads(capsys.readouterr().out)
        return told["recordings"][0] if command == "list" else told

    return run


def frames_of(people: dict[str, Any]) -> dict[int, int]:
    return {person["track_id"]: person["n_frames"] for person in people["people"]}


def names_of(people: dict[str, Any]) -> dict[int, str]:
    return {person["track_id"]: person["name"] for person in people["people"] if person["name"]}


def test_list_says_who_and_why(db: str, tracks: Any, capsys: pytest.CaptureFixture[str]) -> None:
    found = tracks("list")
    assert frames_of(found) == {1: 80, 2: 90}
    assert [person["tracklets"] for person in found["people"]] == [[1, 3], [2]]
    join, ghost = found["decisions"]
    assert (join["number"], join["kind"], join["tracklets"]) == (1, "join", [1, 3])
    assert join["details"]["gap_s"] == pytest.approx(21 / FPS)
    assert (ghost["number"], ghost["kind"], ghost["tracklets"]) == (2, "ghost", [4])
    assert main(["tracks", "list", db]) == 0
    told = capsys.readouterr().out
    assert "walk: 2 people" in told
    assert "tracklet 3 goes on 0.84 s after 1 where it was expected  (gap_s 0.84, evidence" in told


def test_each_change_and_its_undoing(tracks: Any) -> None:
    before = tracks("list")
    split = tracks("split", "2", "--at", "1.99")
    assert frames_of(split) == {1: 80, 2: 40, 3: 50}
    assert split["decisions"][-1]["reason"] == "split person 2 from frame 50 on"
    assert frames_of(tracks("merge", "3", "2")) == {1: 80, 3: 90}
    assert frames_of(tracks("rename", "3", "7")) == {1: 80, 7: 90}
    assert names_of(tracks("rename", "7", "Bob")) == {7: "Bob"}
    assert frames_of(tracks("drop", "1")) == {7: 90}
    listed = tracks("list")
    assert [one["kind"] for one in listed["decisions"]] == ["join", "ghost"] + ["edit"] * 5
    assert frames_of(tracks("undo", "7")) == {1: 80, 7: 90}
    apart = tracks("undo", "1", "2")
    assert frames_of(apart) == {1: 40, 7: 90, 8: 40, 9: 1}
    assert names_of(apart) == {7: "Bob"}
    assert tracks("undo", "--all") == before
    assert tracks("list") == before


def test_a_file_of_changes_forces_them(db: str, tracks: Any, tmp_path: Path) -> None:
    file = tmp_path / "edits.csv"
    file.write_text("action,person,other,frame,decision\nundo,,,,1\nmerge,1,3\nsplit,2,,30\nrename,1,Ada\ndrop,3\n")
    forced = tracks("apply", str(file))
    assert frames_of(forced) == {1: 80, 2: 20}
    assert names_of(forced) == {1: "Ada"}
    assert main(["tracks", "list", db, "--edits", str(tmp_path / "again.csv")]) == 0
    tracks("undo", "--all")
    again = tracks("apply", str(tmp_path / "again.csv"))
    assert {**again, "run": 0} == {**forced, "run": 0}


def test_everything_follows(source: Path, db: str, tracks: Any, tmp_path: Path) -> None:
    """Features, export, report and bouts are those of the changed people."""
    file = str(source.parent / "walk.json")
    assert main(["import", file, "--db", db, "--fps", str(FPS), "--actions", "default"]) == 0
    assert main(["report", db, "--out", str(tmp_path / "before")]) == 0
    edits = tmp_path / "edits.csv"
    edits.write_text("action,person,other,frame\nmerge,2,1,\nsplit,2,5,50\nrename,5,Eve,\n")
    tracks("apply", str(edits))
    assert main(["features", db, "--out", str(tmp_path / "f.parquet")]) == 0
    assert set(pd.read_parquet(tmp_path / "f.parquet").track_id) == {2, 5}
    assert main(["export", db, "--format", "csv", "--out", str(tmp_path / "t.csv")]) == 0
    assert set(pd.read_csv(tmp_path / "t.csv").track_id) == {2, 5}
    for format in ("boris-tabular", "elan"):
        assert main(["export", db, "--format", format, "--out", str(tmp_path / format)]) == 0
    assert main(["report", db, "--out", str(tmp_path / "after")]) == 0
    before, after = (tmp_path / name / "walk" for name in ("before", "after"))
    assert set(pd.read_csv(before / "bouts.csv").track_id) <= {1, 2}
    assert set(pd.read_csv(after / "bouts.csv").track_id) <= {2, 5}
    page = (after / "report.html").read_text()
    assert "Eve" in page
    assert "changed by hand" in page
    kept = json.loads((after / "run.json").read_text())["settings"]["track"]["edits"]
    assert [edit["action"] for edit in kept] == ["merge", "split", "rename"]
    with open_database(db, create=False) as database, database.reading() as tx:
        known = runs.list_runs(tx, 1)
    assert [run.stage for run in known] == ["pose", "track", "actions", "track", "actions"]


def test_labels_follow_their_person(db: str, tracks: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "labels.csv"
    table.write_text(
        "recording,person,action,start_s,stop_s\nwalk,1,walk,0.1,1\nwalk,2,stand,1,1.9\nwalk,2,wave,3,3.5\n"
    )
    assert main(["labels", "import", str(table), "--db", db]) == 0
    tracks("split", "2", "--frame", "50")
    tracks("rename", "1", "9")
    with open_database(db, create=False) as database, database.reading() as tx:
        rows = tx.exec_driver_sql("SELECT action, track_id FROM annotation ORDER BY start_s").all()
    assert rows == [("walk", 9), ("stand", 2), ("wave", 3)]
    assert main(["tracks", "drop", db, "3"]) == 0
    assert "1 are nobody's now" in capsys.readouterr().err


def test_what_was_written_before_is_said_to_be_old(db: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tracks", "drop", db, "2"]) == 0
    assert f"posescribe report {db} --out DIR" in capsys.readouterr().err
    assert main(["tracks", "list", db]) == 0
    assert "posescribe report" not in capsys.readouterr().err


def test_importing_the_file_again_keeps_the_changes(source: Path, db: str, tracks: Any) -> None:
    tracks("drop", "2")
    command = ["import", str(source.parent / "walk.json"), "--db", db, "--fps", str(FPS)]
    assert main(command) == 0
    assert frames_of(tracks("list")) == {1: 80}


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["merge", "DB", "1", "5"], 1, "posescribe: can't merge person 5 into 1: there is no person 5\n"),
        (["split", "DB", "1", "--frame", "0"], 1, "all of that person's frames are on one side"),
        (["split", "DB", "1", "--at", "9"], 1, "no frame at or after 9 s"),
        (["undo", "DB", "9"], 1, "there is no decision 9"),
        (["drop", "DB", "1", "--recording", "run"], 1, "no analysed recording 'run'"),
        (["list", "none.db"], 1, "none.db"),
        (["merge", "DB", "1", "1"], 2, "1 can't be the second person"),
        (["split", "DB", "1"], 2, "give --frame or --at"),
        (["undo", "DB"], 2, "give the numbers of decisions, or --all"),
    ],
)  # fmt: skip
def test_what_can_not_be_is_said_and_changes_nothing(
    db: str, tracks: Any, arguments: list[str], status: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = tracks("list")
    assert main(["tracks", *(db if word == "DB" else word for word in arguments)]) == status
    assert told in " ".join(capsys.readouterr().err.replace("│", " ").split()) + "\n"
    assert tracks("list") == before


def test_a_wrong_line_changes_nothing(db: str, tracks: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = tracks("list")
    file = tmp_path / "edits.csv"
    for text, told in (
        ("action,person\ndrop,1\ndrop,8\n", "there is no person 8"),
        ("action,person\ndrop,1\nfold,2\n", "edits.csv, line 3: unknown action 'fold'"),
        ("action,decision\nundo,2\nundo,2\n", "somebody already"),
    ):
        file.write_text(text)
        assert main(["tracks", "apply", db, str(file)]) == 1
        assert told in capsys.readouterr().err
    assert tracks("list") == before


def test_a_suggestion_is_accepted_by_its_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody sits for two seconds, the seat is empty for two, somebody sits there again."""
    body = np.column_stack([BODY + np.array([300, 200]), np.full(len(BODY), 0.9)]).ravel().tolist()
    items = [
        {"image_id": frame, "category_id": 1, "keypoints": body, "score": 0.9}
        for frame in range(150)
        if not 50 <= frame < 100
    ]
    (tmp_path / "seat.json").write_text(json.dumps(items))
    monkeypatch.chdir(tmp_path)
    assert main(["import", "seat.json", "--db", "s.db", "--fps", str(FPS)]) == 0
    capsys.readouterr()
    assert main(["tracks", "list", "s.db"]) == 0
    assert "suggestion  tracklet 2 may be 1, 2.04 s later  (gap_s 2.04, evidence " in capsys.readouterr().out
    assert main(["tracks", "accept", "s.db", "2"]) == 1
    assert "decision 2 is no suggestion" in capsys.readouterr().err
    assert main(["tracks", "accept", "s.db", "1", "--json"]) == 0
    assert frames_of(json.loads(capsys.readouterr().out)) == {1: 100}
    assert main(["tracks", "accept", "s.db", "1"]) == 1
    assert "tracklets 1 and 2 are one person already" in capsys.readouterr().err
