"""`posescribe features`: rows, zones, pairs, cleaning and a user's own features, straight from a database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from behavior.cli import main
from features import CATALOGUE

FPS = 25
BODY = np.array(
    [[0, -40], [3, -43], [-3, -43], [6, -40], [-6, -40], [20, 0], [-20, 0], [25, 40], [-25, 40],
     [28, 75], [-28, 75], [12, 80], [-12, 80], [13, 130], [-13, 130], [14, 180], [-14, 180]]
)  # fmt: skip
OWN = """
from features import feature

@feature(
    name="wrist_gap", unit="torso", formula="|left_wrist − right_wrist| / torso", joints=("left_wrist", "right_wrist"),
    nan="a joint is missing", reference="own",
)
def wrist_gap(body):
    return body.distance("left_wrist", "right_wrist")
"""


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Four seconds: Ada walks right at 5 px per frame from x = 100, Bob stands at x = 700; human labels of both."""
    folder = tmp_path_factory.mktemp("features")
    items = []
    for frame in range(100):
        for person, x in ((1, 100 + 5 * frame), (2, 700)):
            keypoints = np.column_stack([BODY + np.array([x, 200]), np.full(len(BODY), 0.9)]).ravel().tolist()
            items.append(
                {"image_id": frame, "category_id": 1, "keypoints": keypoints, "score": 0.9, "track_id": person}
            )
    (folder / "walk.json").write_text(json.dumps(items))
    db = str(folder / "w.db")
    assert main(["import", str(folder / "walk.json"), "--db", db, "--fps", str(FPS), "--actions", "default"]) == 0
    labels = "recording,person,action,start_s,stop_s\nwalk,1,walk,0.4,2.4\nwalk,2,stand,0,4\nwalk,2,nod,1,1\n"
    (folder / "labels.csv").write_text(labels)
    assert main(["labels", "import", str(folder / "labels.csv"), "--db", db]) == 0
    return db


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Path]:
    known = {entry.name for entry in CATALOGUE}
    (tmp_path / "own.py").write_text(OWN)
    yield tmp_path / "own.py"
    for name in {entry.name for entry in CATALOGUE} - known:
        CATALOGUE.remove(name)


def test_per_bout_of_a_human(db: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["features", db, "--out", str(tmp_path / "b.parquet"), "--bouts", "human"]) == 0
    table = pd.read_parquet(tmp_path / "b.parquet")
    assert table[["track_id", "action", "n_frames"]].to_numpy().tolist() == [[1, "walk", 50], [2, "stand", 100]]
    assert table.centre_displacement[1] < 0.01 < table.centre_displacement[0]
    assert "1 of 3 labels are left out" in capsys.readouterr().err


def test_per_bout_of_the_model(db: str, tmp_path: Path) -> None:
    assert main(["features", db, "--out", str(tmp_path / "b.csv"), "--bouts", "automatic"]) == 0
    assert main(["export", db, "--format", "boris-aggregated", "--out", str(tmp_path / "bouts.csv")]) == 0
    table, bouts = pd.read_csv(tmp_path / "b.csv"), pd.read_csv(tmp_path / "bouts.csv")
    assert sorted(table.action) == sorted(bouts.Behavior)


def test_zones(db: str, tmp_path: Path) -> None:
    (tmp_path / "zones.json").write_text(json.dumps({"door": [[200, 0], [400, 0], [400, 400], [200, 400]]}))
    zones = ["--zones", str(tmp_path / "zones.json")]
    assert main(["features", db, "--out", str(tmp_path / "z.parquet"), *zones]) == 0
    frames = pd.read_parquet(tmp_path / "z.parquet")
    inside = frames[frames.track_id == 1].door_inside.to_numpy()
    np.testing.assert_array_equal(inside[[0, 19, 22, 58, 62]], [0, 0, 1, 1, 0])
    assert main(["features", db, "--out", str(tmp_path / "w.parquet"), *zones, "--window", "4"]) == 0
    windows = pd.read_parquet(tmp_path / "w.parquet").set_index("track_id")
    assert windows.door_entries.tolist() == [1, 0]
    assert windows.door_time_in[1] == pytest.approx(40 / FPS, abs=1.5 / FPS)


def test_pairs(db: str, tmp_path: Path) -> None:
    assert main(["features", db, "--out", str(tmp_path / "p.parquet"), "--pairs"]) == 0
    table = pd.read_parquet(tmp_path / "p.parquet")
    assert list(table)[:4] == ["recording", "track_a", "track_b", "time_s"]
    assert (len(table), set(table.track_a), set(table.track_b)) == (100, {1}, {2})
    assert table.pair_distance.is_monotonic_decreasing
    assert main(["features", db, "--out", str(tmp_path / "w.csv"), "--pairs", "--window", "1"]) == 0
    assert "pair_distance_mean" in pd.read_csv(tmp_path / "w.csv")


def test_cleaning_is_chosen_and_named(db: str, tmp_path: Path) -> None:
    out = ["--out", str(tmp_path / "f.parquet")]
    assert main(["features", db, *out, "--smoothing", "butterworth", "--repair-swaps", "--max-gap", "0"]) == 0
    steps = json.loads(pq.read_schema(tmp_path / "f.parquet").metadata[b"pandas"])["attributes"]["steps"]
    names = [step.split("(")[0] for step in steps]
    assert names == ["drop_unsure", "repair_swaps", "drop_outliers", "butterworth"]
    raw = ["--smoothing", "none", "--max-gap", "0", "--min-confidence", "0", "--outlier-window", "0"]
    assert main(["features", db, *out, *raw]) == 0
    assert json.loads(pq.read_schema(tmp_path / "f.parquet").metadata[b"pandas"])["attributes"]["steps"] == []


def test_own_features(db: str, own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "f.parquet"
    assert main(["features", db, "--out", str(out), "--plugin", str(own), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["own_features"] == ["wrist_gap"]
    assert pd.read_parquet(out).wrist_gap.to_numpy() == pytest.approx(0.7, abs=0.01)


def test_columns_are_chosen(db: str, own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command, chosen = ["features", db], ["--features", "wrist_gap, width"]
    assert main([*command, "--out", str(tmp_path / "f.csv"), *chosen, "--plugin", str(own)]) == 0
    assert list(pd.read_csv(tmp_path / "f.csv")) == ["recording", "track_id", "frame", "time_s", "wrist_gap", "width"]
    window = ["--window", "1", "--features", "width"]
    assert main([*command, "--out", str(tmp_path / "w.csv"), *window]) == 0
    assert [name for name in pd.read_csv(tmp_path / "w.csv") if "width" in name][:2] == ["width_mean", "width_std"]
    capsys.readouterr()
    assert main([*command, "--out", str(tmp_path / "n.csv"), "--features", "widht"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "no feature 'widht'; did you mean width" in line
    assert not (tmp_path / "n.csv").exists()


def test_units_go_with_the_table(db: str, tmp_path: Path) -> None:
    chosen = ["--features", "width", "--window", "1"]
    assert main(["features", db, "--out", str(tmp_path / "f.csv"), *chosen]) == 0
    assert main(["features", db, "--out", str(tmp_path / "f.parquet"), *chosen]) == 0
    units = pd.read_csv(tmp_path / "f.units.csv", keep_default_na=False)
    assert list(units) == ["column", "unit", "description"]
    assert list(units.column) == list(pd.read_csv(tmp_path / "f.csv"))
    row = units.set_index("column").loc["width_mean"]
    assert (row.unit, row.description) == (CATALOGUE["width"].unit, f"mean of {CATALOGUE['width'].formula}")
    assert (units.description != "").all()
    metadata = pq.read_schema(tmp_path / "f.parquet").field("width_mean").metadata
    assert metadata[b"unit"].decode() == row.unit
    assert metadata[b"description"].decode() == row.description


def test_all_recordings_of_a_database(db: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    both = tmp_path / "both.db"
    both.write_bytes(Path(db).read_bytes())
    items = json.loads((Path(db).parent / "walk.json").read_text())
    (tmp_path / "stand.json").write_text(json.dumps([item for item in items if item["track_id"] == 2][:40]))
    assert main(["import", str(tmp_path / "stand.json"), "--db", str(both), "--fps", "25"]) == 0
    out = ["--out", str(tmp_path / "f.parquet")]
    assert main(["features", str(both), *out]) == 0
    table = pd.read_parquet(tmp_path / "f.parquet")
    assert table.groupby("recording").size().to_dict() == {"walk": 200, "stand": 40}
    assert main(["features", str(both), *out, "--recording", "stand"]) == 0
    alone = pd.read_parquet(tmp_path / "f.parquet")
    pd.testing.assert_frame_equal(alone, table[table.recording == "stand"].reset_index(drop=True))
    capsys.readouterr()
    assert main(["features", str(both), *out, "--bouts", "human"]) == 0
    assert set(pd.read_parquet(tmp_path / "f.parquet").recording) == {"walk"}
    assert "stand: left out, no human-coded intervals" in capsys.readouterr().err
    assert main(["features", str(both), *out, "--recording", "run"]) == 1


LEGS = ("nose", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle")


@pytest.fixture
def mixed(db: str, tmp_path: Path) -> str:
    """The database with another recording, `legs`: 50 frames of one person in a layout of seven joints."""
    both = tmp_path / "both.db"
    both.write_bytes(Path(db).read_bytes())
    body = np.column_stack([np.arange(7) * 10.0, np.arange(7) * 20.0 + 50, np.full(7, 2)]).ravel().tolist()
    items = [
        {"image_id": frame, "category_id": 1, "id": frame, "keypoints": body, "num_keypoints": 7, "track_id": 5,
         "bbox": [0, 50, 60, 120], "area": 7200, "iscrowd": 0}
        for frame in range(50)
    ]  # fmt: skip
    content = {
        "images": [{"id": frame, "file_name": f"{frame}.png", "width": 640, "height": 480} for frame in range(50)],
        "annotations": items,
        "categories": [{"id": 1, "name": "person", "keypoints": list(LEGS), "skeleton": []}],
    }
    (tmp_path / "legs.json").write_text(json.dumps(content))
    assert main(["import", str(tmp_path / "legs.json"), "--db", str(both), "--fps", "25"]) == 0
    return str(both)


def test_recordings_of_different_layouts(mixed: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ["--out", str(tmp_path / "f.parquet")]
    assert main(["features", mixed, *out]) == 0
    table = pd.read_parquet(tmp_path / "f.parquet")
    assert table.groupby("recording").size().to_dict() == {"walk": 200, "legs": 50}
    legs, walk = (table.recording == name for name in ("legs", "walk"))
    assert table[legs].left_elbow_angle.isna().all()
    assert table[legs].left_knee_angle.notna().all()
    assert table[walk].left_elbow_angle.notna().all()
    capsys.readouterr()
    assert main(["features", mixed, *out, "--features", "left_elbow_angle,left_knee_angle"]) == 0
    (note,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("legs: its layout")]
    assert note.endswith("has no left_elbow_angle: NaN")
    chosen = pd.read_parquet(tmp_path / "f.parquet")
    assert list(chosen)[4:] == ["left_elbow_angle", "left_knee_angle"]
    pd.testing.assert_frame_equal(chosen, table[list(chosen)])
    assert main(["features", mixed, *out, "--features", "left_elbow_angle", "--window", "1"]) == 0
    windows = pd.read_parquet(tmp_path / "f.parquet").set_index("recording")
    assert windows.left_elbow_angle_mean["legs"].isna().all()
    assert windows.left_elbow_angle_mean["walk"].notna().all()
    assert main(["features", mixed, *out, "--features", "left_elbow_angle", "--recording", "legs"]) == 1
    assert "feature left_elbow_angle needs" in capsys.readouterr().err


def test_the_catalogue_as_json(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["features", "--list", "--json", "--plugin", str(own)]) == 0
    listed = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)["features"]}
    assert list(listed) == [entry.name for entry in CATALOGUE]
    assert listed["wrist_gap"]["joints"] == ["left_wrist", "right_wrist"]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (None, "FileNotFoundError"),
        ("def wrist_gap(:", "SyntaxError"),
        ("import nothing_of_that_name", "ModuleNotFoundError"),
        ("x = 1", "no function in it is decorated"),
        (OWN + "1 / 0", "ZeroDivisionError"),
        (OWN.replace("wrist_gap", "width"), "already a feature 'width'"),
        (OWN.replace('body.distance("left_wrist", "right_wrist")', "1 / 0"), "feature wrist_gap: ZeroDivisionError"),
        (OWN.replace('body.distance("left_wrist", "right_wrist")', "[1.0]"), "feature wrist_gap gave an array"),
    ],
)
def test_bad_plugins(
    code: str | None, said: str, db: str, own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own.unlink()
    if code is not None:
        own.write_text(code)
    assert main(["features", db, "--out", str(tmp_path / "f.csv"), "--plugin", str(own)]) == 1
    told = capsys.readouterr().err.strip()
    assert said in told
    assert "\n" not in told
    assert not (tmp_path / "f.csv").exists()


@pytest.mark.parametrize(
    "wrong",
    [["--bouts", "human", "--window", "1"], ["--pairs", "--zones", "z.json"], ["--step", "1"], ["--features", " ,"]],
)
def test_wrong_usage(wrong: list[str], db: str, tmp_path: Path) -> None:
    assert main(["features", db, "--out", str(tmp_path / "f.csv"), *wrong]) == 2


def test_no_bouts_is_said(db: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed = tmp_path / "w.db"
    changed.write_bytes(Path(db).read_bytes())
    assert main(["tracks", "drop", str(changed), "1"]) == 0
    assert main(["features", str(changed), "--out", str(tmp_path / "b.csv"), "--bouts", "automatic"]) == 0
    assert set(pd.read_csv(tmp_path / "b.csv").track_id) <= {2}
    bare = tmp_path / "bare.db"
    items = json.loads((Path(db).parent / "walk.json").read_text())
    (tmp_path / "bare.json").write_text(json.dumps(items))
    assert main(["import", str(tmp_path / "bare.json"), "--db", str(bare), "--fps", "25"]) == 0
    capsys.readouterr()
    for who, said in (("human", "no human-coded intervals"), ("automatic", "no actions are named")):
        assert main(["features", str(bare), "--out", str(tmp_path / "n.csv"), "--bouts", who]) == 1
        assert said in capsys.readouterr().err
