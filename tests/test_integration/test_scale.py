"""Metres and a floor: from the command line into tables, page and provenance."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from behavior.cli import main
from behavior.errors import DataError
from behavior.pipeline.scale import Scale, scale_of
from pose.people import FramePeople, Person
from pose.skeleton import COCO_18
from storage import bouts, open_database, poses, recordings, runs, tracks
from storage.bouts import Bout
from tests.test_features.test_plane import FOCAL, TALL, walk

DEPTH = 8.0
PX = FOCAL / DEPTH
"""Per metre, where somebody 1.8 m tall crosses the picture at 1.4 m/s."""
LONG = 70.0
"""Seconds: tracks of more than a minute are described in parts."""


def stored(db: Path, name: str = "yard", *, seconds: float = 4.0, roll: float = 0.0) -> None:
    person = walk(depth=DEPTH, seconds=seconds, roll=roll)
    order = [person.joint_names.index(joint) for joint in COCO_18.joints]
    keypoints = person.points[:, order]
    frames = []
    for k, time_s in enumerate(person.time_s):
        joints = np.column_stack([keypoints[k], np.full(18, 0.9)]).astype(np.float32)
        frames.append(FramePeople(k, float(time_s), (Person(joints, 0.9, 1, skeleton=COCO_18),)))
    part = {"part": {"start_s": None, "end_s": None, "every": 1}}
    with open_database(db) as database, database.transaction() as tx:
        recording = recordings.ensure_recording(
            tx, name=name, uri=f"{name}.mp4", kind="video", sha256=name * 8, width=1920, height=1080
        )
        pose = runs.start_run(
            tx, recording, "pose", "p", settings=part, version="1", skeleton=COCO_18, model_name="net",
            model_sha256="5" * 64, extra={"notes": [], "skipped": 0, "seconds": 1.0},
        )  # fmt: skip
        poses.append_frames(tx, pose.id, frames)
        runs.finish_run(tx, pose.id)
        track = runs.start_run(tx, recording, "track", "t", settings={}, version="1", parent_id=pose.id)
        tracks.append_memberships(tx, track.id, frames)
        tracks.apply_identity(tx, track.id, {1: 1})
        runs.finish_run(tx, track.id)
        actions = runs.start_run(
            tx, recording, "actions", "a", settings={}, version="1", parent_id=track.id, model_name="acts",
            model_sha256="6" * 64, extra={"classes": ["walk"]},
        )  # fmt: skip
        stop_s = float(person.time_s[-1])
        bouts.write_bouts(tx, actions.id, [Bout(1, "walk", 0.0, stop_s, 0, len(frames) - 1, 0.9)])
        runs.finish_run(tx, actions.id)


def report(db: Path, *arguments: str) -> Path:
    out = db.parent / "out"
    assert main(["report", str(db), "--out", str(out), "--no-overlay", *arguments]) == 0
    return out / "yard"


@pytest.mark.parametrize(
    ("arguments", "rel"),
    [(["--scale", "1=1.8"], 0.03), (["--scale", f"0,0:{3 * PX:g},{4 * PX:g}=5m"], 1e-3)],
    ids=["height", "length"],
)
def test_tables_and_page_tell_metres(tmp_path: Path, arguments: list[str], rel: float) -> None:
    stored(tmp_path / "a.db", roll=4.0)
    folder = report(tmp_path / "a.db", *arguments, "--floor", "feet")
    (gait,) = pd.read_csv(folder / "gait.csv").to_dict("records")
    assert (gait["speed"], gait["unit"]) == (pytest.approx(1.4, rel=max(rel, 0.02)), "m")
    assert gait["step_length"] == pytest.approx(0.7, rel=0.12)  # smoothing rounds off where feet turn back
    (moved,) = pd.read_csv(folder / "movement.csv").to_dict("records")
    assert (moved["displacement"], moved["unit"]) == (pytest.approx(1.4 * 119 / 30, rel=max(rel, 0.02)), "m")
    schema = pq.read_schema(folder / "features.parquet")
    units = {field.name: field.metadata[b"unit"].decode() for field in schema}
    assert (units["centre_speed"], units["centre_x"], units["left_knee_angle"]) == ("m/s", "m", "deg")
    assert not [name for name, unit in units.items() if "torso" in unit or "px" in unit]
    assert "body_scale" not in units
    (made,) = json.loads(schema.metadata[b"posescribe"])
    table = pd.read_parquet(folder / "features.parquet")
    assert table.trunk_inclination.median() == pytest.approx(0, abs=0.3)
    assert table.centre_y.median() == pytest.approx(-0.53 * TALL, rel=0.08)
    run = json.loads((folder / "run.json").read_text())
    scale = run["settings"]["scale"]
    assert scale == made["scale"]
    assert scale["metres_per_px"] == pytest.approx(1 / PX, rel=rel)
    assert scale["floor_deg"] == pytest.approx(4, abs=0.3)
    page = (folder / "report.html").read_text()
    assert "m tall, and stands" in page if arguments[1].startswith("1") else "m were given between" in page
    assert "nearer by a tenth" in page
    assert f"--scale {arguments[1].removesuffix('m')} --floor feet" in page
    assert "torso lengths" not in page.split('id="movement"')[1].split("</details>")[0]


def test_a_scale_stays_until_it_is_taken_away(tmp_path: Path) -> None:
    db = tmp_path / "a.db"
    stored(db)
    report(db, "--scale", "1=1.8")
    folder = report(db)
    assert pd.read_csv(folder / "gait.csv").unit.tolist() == ["m"]
    assert Scale.read(folder / "scale.json") == Scale(person="1", metres=1.8)
    report(db, "--no-scale")
    assert not (folder / "scale.json").exists()
    assert pd.read_csv(folder / "gait.csv").unit.tolist() == ["torso"]
    assert json.loads((folder / "run.json").read_text())["settings"]["scale"] is None
    page = (folder / "report.html").read_text()
    assert "no length is known" in page
    assert "--scale" not in page.split("To do it again")[1].split("</dd>")[0]


def test_a_scale_that_fails_later_is_told_and_nothing_else_is_lost(tmp_path: Path) -> None:
    db = tmp_path / "a.db"
    stored(db)
    folder = report(db, "--scale", "1=1.8")
    (folder / "scale.json").write_text(Scale(person="7", metres=1.8).text)
    report(db)
    assert "There are no metres" in (folder / "report.html").read_text()
    assert pd.read_csv(folder / "gait.csv").unit.tolist() == ["torso"]


@pytest.mark.parametrize("seconds", [4.0, LONG], ids=["whole", "in parts"])
def test_features_in_metres_are_pixels_times_the_scale(tmp_path: Path, seconds: float) -> None:
    db = tmp_path / "a.db"
    stored(db, seconds=seconds)
    tables = {}
    for name, more in (("px", []), ("m", ["--scale", "0,0:100,0=1"])):
        path = tmp_path / f"{name}.csv"
        asked = "centre_x,centre_speed,left_knee_angle,left_shank_length"
        assert main(["features", str(db), "--out", str(path), "--features", asked, *more]) == 0
        tables[name] = pd.read_csv(path)
        units = pd.read_csv(path.with_suffix(".units.csv")).set_index("column").unit
        assert units["centre_speed"] == {"px": "torso/s", "m": "m/s"}[name]
        assert units["centre_x"] == name
    trunk = (0.818 - 0.53) * TALL * PX
    px, metres = tables["px"], tables["m"]
    assert metres.centre_x.to_numpy() == pytest.approx(px.centre_x.to_numpy() / 100)
    for name in ("centre_speed", "left_shank_length"):
        assert metres[name].to_numpy() == pytest.approx(px[name].to_numpy() * trunk / 100, rel=1e-3, nan_ok=True)
    assert metres.left_knee_angle.to_numpy() == pytest.approx(px.left_knee_angle.to_numpy())
    for name, more in (("px", []), ("m", ["--scale", "0,0:100,0=1"])):
        path = tmp_path / f"{name}.csv"
        asked = ["--features", "step_length,step_count", "--window", "80"]
        assert main(["features", str(db), "--out", str(path), *asked, *more]) == 0
        tables[name] = pd.read_csv(path)
    assert tables["m"].step_count.tolist() == tables["px"].step_count.tolist()
    assert tables["m"].step_length[0] == pytest.approx(tables["px"].step_length[0] * trunk / 100, rel=1e-3)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--scale", "2=1.8"], "no person '2' for the scale; it has 1"),
        (["--scale", "1=178"], "expected a height in metres"),
        (["--scale", "1"], "expected PERSON=METRES"),
        (["--scale", "5,5:5,5=2"], "both lie at 5,5"),
        (["--scale", "1=-1"], "expected metres above 0"),
        (["--floor", "down"], "expected X,Y:X,Y or feet"),
        (["--floor", "5,5:6,90"], "one above the other"),
        (["--scale", "missing.json"], "no scale"),
    ],
)
def test_bad_scales_get_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    stored(tmp_path / "a.db")
    assert main(["report", str(tmp_path / "a.db"), "--out", str(tmp_path / "out"), "--no-overlay", *arguments]) == 1
    error = capsys.readouterr().err.strip()
    assert said in error
    assert "Traceback" not in error
    assert not list(tmp_path.glob("out/*/scale.json"))


def test_one_number_is_not_somebody_in_each_recording(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    db = tmp_path / "a.db"
    stored(db)
    stored(db, "hall")
    assert main(["features", str(db), "--out", str(tmp_path / "f.csv"), "--scale", "1=1.8"]) == 1
    assert "somebody else in each of 2 recordings" in capsys.readouterr().err
    assert main(["features", str(db), "--out", str(tmp_path / "f.csv"), "--scale", "0,0:100,0=1"]) == 0
    assert main(["features", str(db), "--out", str(tmp_path / "f.csv"), "--scale", "1=1.8", "--recording", "hall"]) == 0


def test_what_is_said_can_be_read_again(tmp_path: Path) -> None:
    for said in (scale_of("1=1.78", "feet"), scale_of("0,1:2,3=4.5", "0,5:9,6"), scale_of(None, "0,5:9,6")):
        assert said is not None
        path = tmp_path / "scale.json"
        path.write_text(said.text)
        assert Scale.read(path) == said
        words = dict(zip(said.words[::2], said.words[1::2], strict=True))
        assert scale_of(words.get("--scale"), words.get("--floor")) == said
    path.write_text('{"persn": 1, "metres": 1.8}')
    with pytest.raises(DataError, match="expected"):
        Scale.read(path)
