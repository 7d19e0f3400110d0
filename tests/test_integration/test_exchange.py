"""`posescribe import` and `export` as a user runs them; `features` and `report` on what came in."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from behavior.cli import export, import_, main
from pose.skeleton import COCO_17
from storage import open_database, recordings
from storage.formats.keypoints import READERS, WRITERS
from storage.formats.labels import BOUT_WRITERS


def walking(path: Path, frames: int = 60, people: int = 2) -> Path:
    """COCO results at 25 frames/s: people who stand 300 px apart and go right at 5 px per frame. No identities."""
    body = np.array(
        [[0, -40], [3, -43], [-3, -43], [6, -40], [-6, -40], [20, 0], [-20, 0], [25, 40], [-25, 40],
         [28, 75], [-28, 75], [12, 80], [-12, 80], [13, 130], [-13, 130], [14, 180], [-14, 180]]
    )  # fmt: skip
    items = []
    for frame in range(frames):
        for person in range(people):
            xy = body + np.array([100 + 5 * frame + 300 * person, 200])
            keypoints = np.column_stack([xy, np.full(len(xy), 0.9)]).ravel().tolist()
            items.append({"image_id": frame, "category_id": 1, "keypoints": keypoints, "score": 0.9})
    path.write_text(json.dumps(items))
    return path


def names_in(db: Path) -> list[str]:
    with open_database(db) as database, database.reading() as tx:
        return [recording.name for recording in recordings.list_recordings(tx)]


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("imported")
    source = walking(folder / "walk.json")
    assert main(["import", str(source), "--db", str(folder / "w.db"), "--fps", "25", "--actions", "default"]) == 0
    return folder / "w.db"


def test_names_in_the_help_are_the_formats_there_are() -> None:
    assert set(export.FORMATS) == {*WRITERS, *BOUT_WRITERS}
    assert set(import_.FORMATS) == set(READERS)


def test_who_is_who_is_found_by_the_tracker(imported: Path, tmp_path: Path) -> None:
    assert main(["features", str(imported), "--out", str(tmp_path / "f.parquet")]) == 0
    table = pd.read_parquet(tmp_path / "f.parquet")
    assert table.groupby("track_id").size().tolist() == [60, 60]
    assert table.time_s.max() == pytest.approx(59 / 25)


def test_report_without_a_video_says_so(imported: Path, tmp_path: Path) -> None:
    assert main(["report", str(imported), "--out", str(tmp_path)]) == 0
    page = (tmp_path / "walk" / "report.html").read_text()
    assert "There is no overlay: walk was imported as keypoints, without pictures" in page
    assert "imported from walk.json (COCO results)" in page
    assert not (tmp_path / "walk" / "overlay.mp4").exists()
    tracks = pd.read_parquet(tmp_path / "walk" / "tracks.parquet")
    assert set(tracks.keypoint) == set(COCO_17.joints)


def test_too_few_frames_a_second_for_steps_are_told(imported: Path, tmp_path: Path) -> None:
    source, db = walking(tmp_path / "slow.json"), str(tmp_path / "s.db")
    assert main(["import", str(source), "--db", db, "--fps", "6", "--actions", "default"]) == 0
    said = "6 frames/s are too few to see steps, waving or repetitions (6.5 are enough)"
    for database, told in ((db, True), (str(imported), False)):
        assert main(["report", database, "--out", str(tmp_path)]) == 0
        name = "slow" if told else "walk"
        assert (said in (tmp_path / name / "report.html").read_text(encoding="utf-8")) is told


@pytest.mark.parametrize("format", [name for name in export.FORMATS if name != "face-mesh"])  # imports have none
def test_every_format_is_written(
    imported: Path, tmp_path: Path, format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if format not in BOUT_WRITERS:
        pytest.importorskip("pynwb", reason="the extra `exchange` is not installed")
    out = tmp_path / "new folder" / "out.x"
    assert main(["export", str(imported), "--format", format, "--out", str(out), "--json"]) == 0
    files = json.loads(capsys.readouterr().out)["files"]
    assert files
    assert all(Path(file).exists() for file in files)


def test_import_says_what_it_did_and_does_it_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = walking(tmp_path / "walk.json", frames=5)
    command = ["import", str(source), "--db", str(tmp_path / "w.db"), "--fps", "25", "--name", "corridor", "--json"]
    for new in (True, False):
        assert main(command) == 0
        told = capsys.readouterr()
        result = json.loads(told.out)
        assert (result["recording"], result["frames"], result["people"]) == ("corridor", 5, 2)
        assert (result["format"], result["identities"], result["new"]) == ("coco", "tracker", new)
        assert ("nothing to do" in told.err) is not new
    assert names_in(tmp_path / "w.db") == ["corridor"]


def test_another_recording_needs_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    db = str(tmp_path / "w.db")
    for name in ("first", "second"):
        source = walking(tmp_path / f"{name}.json", frames=5 if name == "first" else 6)
        assert main(["import", str(source), "--db", db, "--fps", "25"]) == 0
    out = ["--format", "csv", "--out", str(tmp_path / "t.csv")]
    assert main(["export", db, *out]) == 1
    assert "several recordings (first, second)" in capsys.readouterr().err
    assert main(["export", db, *out, "--recording", "second"]) == 0
    assert pd.read_csv(tmp_path / "t.csv").frame.max() == 5


def test_a_name_is_cut_at_no_dot_and_two_of_one_name_are_told_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    db, out = str(tmp_path / "w.db"), tmp_path / "t.csv"
    days = ["S01.2024-05-03", "S01.2024-05-04"]
    for number, day in enumerate(days):
        assert main(["import", str(walking(tmp_path / f"{day}.json", 5 + number)), "--db", db, "--fps", "25"]) == 0
    assert names_in(Path(db)) == days
    (tmp_path / "other").mkdir()
    source = walking(tmp_path / "other" / f"{days[0]}.json", 7)
    for _ in range(2):
        capsys.readouterr()
        assert main(["import", str(source), "--db", db, "--fps", "25"]) == 0
        assert f"another recording is called {days[0]} already; this one is {days[0]}-2" in capsys.readouterr().err
    assert names_in(Path(db)) == [*days, f"{days[0]}-2"]
    chosen = {days[0]: 4, days[1]: 5, f"{days[0]}-2": 6, "2": 5, str(source): 6, f"{days[1]}.json": 5}
    for wanted, last in chosen.items():
        assert main(["export", db, "--format", "csv", "--out", str(out), "--recording", wanted]) == 0
        assert pd.read_csv(out).frame.max() == last
    assert main(["features", db, "--out", str(out), "--recording", "3"]) == 0
    assert pd.read_csv(out).frame.max() == 6
    assert main(["export", db, "--format", "csv", "--out", str(out), "--recording", "S01"]) == 1


def test_no_name_leads_out_of_the_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, db = walking(tmp_path / "walk.json", 5), tmp_path / "w.db"
    command = ["import", str(source), "--db", str(db), "--fps", "25"]
    for name in ("../../evil", "P01/T1", "..", "/abs", "a\\b"):
        assert main([*command, "--name", name]) == 1
        assert "choose another --name" in capsys.readouterr().err
    assert main(command) == 0
    for number, name in enumerate(("../../evil", str(tmp_path / "abs"), "..", "", "x.db")):  # as somebody may send it
        with sqlite3.connect(db) as connection:
            connection.execute("UPDATE recording SET name = ?", (name,))
        connection.close()
        out = tmp_path / "deep" / "er" / str(number)
        out.mkdir(parents=True)
        (out / "x.db").touch()
        before = {path for path in tmp_path.rglob("*") if out not in path.parents}
        assert main(["report", str(db), "--out", str(out)]) == 0
        assert len([path for path in out.iterdir() if path.is_dir()]) == 1
        assert main(["export", str(db), "--format", "openpose-json", "--out", str(out / "json")]) == 0
        assert len(list((out / "json").iterdir())) == 5
        assert {path for path in tmp_path.rglob("*") if out not in path.parents} <= before | set(
            tmp_path.glob("w.db-*")
        )


def test_a_broken_file_is_one_line_and_nothing_half_imported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = walking(tmp_path / "walk.json")
    items = json.loads(source.read_text())
    items[-1]["keypoints"][3] = "wide"
    source.write_text(json.dumps(items))
    assert main(["import", str(source), "--db", str(tmp_path / "w.db"), "--fps", "25"]) == 1
    told = capsys.readouterr().err.strip()
    assert told == f"posescribe: {source}: result 119: keypoints holds 'wide', expected numbers in groups of 3"
    assert names_in(tmp_path / "w.db") == []


def test_a_model_that_does_not_fit_leaves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "mouse.csv"
    source.write_text("scorer,n,n\nbodyparts,snout,snout\ncoords,x,y\n0,1,2\n1,2,3\n")
    command = ["import", str(source), "--db", str(tmp_path / "w.db"), "--fps", "25"]
    assert main([*command, "--actions", "default"]) == 1
    assert "missing" in capsys.readouterr().err
    assert names_in(tmp_path / "w.db") == []
    assert main(command) == 0
    assert main(["features", str(tmp_path / "w.db"), "--out", str(tmp_path / "f.csv")]) == 0
    assert main(["report", str(tmp_path / "w.db"), "--out", str(tmp_path)]) == 0


@pytest.mark.parametrize(
    "wrong", [["--format", "xls"], ["--fps", "0"], ["--fps", "25", "--times", "t.txt"]], ids=lambda wrong: wrong[0]
)
def test_wrong_usage(tmp_path: Path, wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(tmp_path), "--db", str(tmp_path / "w.db"), *wrong]) == 2
    assert main(["export", str(tmp_path), "--out", "x", "--format", "xls"]) == 2
    assert "xls" in capsys.readouterr().err


BOTH_WAYS = {"openpose-json": "", "coco": ".json", "dlc-csv": ".csv", "dlc-h5": ".h5", "sleap-h5": ".h5"} | {
    "movement-nc": ".nc"
}


@pytest.fixture(scope="module")
def exported(imported: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file, or folder, of each format that goes both ways."""
    pytest.importorskip("h5netcdf", reason="the extra `exchange` is not installed")
    folder = tmp_path_factory.mktemp("exported")
    for format, suffix in BOTH_WAYS.items():
        assert main(["export", str(imported), "--format", format, "--out", str(folder / f"{format}{suffix}")]) == 0
    return folder


@pytest.mark.parametrize("format", BOTH_WAYS)
def test_there_and_back(exported: Path, tmp_path: Path, format: str, capsys: pytest.CaptureFixture[str]) -> None:
    source = exported / f"{format}{BOTH_WAYS[format]}"
    command = ["import", str(source), "--db", str(tmp_path / "w.db"), "--json"]
    assert main([*command, *([] if format in ("coco", "movement-nc") else ["--fps", "25"])]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["frames"], told["people"], told["skeleton"]) == (60, 2, "coco_17")
    assert told["identities"] == "file"


@pytest.mark.parametrize("format", BOTH_WAYS)
@pytest.mark.parametrize("damage", ["cut", "noise"])
def test_damaged_files_are_one_line_and_nothing_half_imported(
    exported: Path, tmp_path: Path, format: str, damage: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Cut off at many places; a few bytes replaced at random, with which a file may still be one that can be read."""
    source = tmp_path / f"w{BOTH_WAYS[format]}"
    intact = exported / f"{format}{BOTH_WAYS[format]}"
    shutil.copytree(intact, source) if intact.is_dir() else shutil.copy(intact, source)
    file = sorted(source.iterdir())[7] if source.is_dir() else source
    whole, rng = file.read_bytes(), np.random.default_rng(1)
    for number, share in enumerate((0, 0.01, 0.1, 0.5, 0.9, 0.99)):
        data = np.frombuffer(whole, dtype=np.uint8)
        if damage == "cut":
            data = data[: int(share * len(data))]
        else:
            data = data.copy()
            data[rng.integers(len(data), size=20)] = rng.integers(256, size=20)
        file.write_bytes(data.tobytes())
        db = tmp_path / f"{number}.db"
        capfd.readouterr()
        code = main(["import", str(source), "--db", str(db), "--fps", "25", "--format", format])
        told = capfd.readouterr().err.strip()
        assert code == 1 or (damage == "noise" and code == 0), told
        if code == 1:
            assert "\n" not in told
            assert source.name in told
            assert not db.exists() or names_in(db) == []
