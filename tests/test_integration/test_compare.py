"""Recordings compared, out of a database, by hand and in a real browser."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Browser

from behavior.cli import main
from pose.people import FramePeople, Person
from pose.skeleton import COCO_18
from storage import bouts, open_database, poses, recordings, runs, tracks
from storage.bouts import Bout

RATE = 10
N_FRAMES = 40
NASTY = "<img src=x onerror=\"document.title='owned'\">"
WALKS = {"a1": (0, 10), "a2": (0, 20), "b1": (0, 30), "b2": (10, 40)}
"""Frames of the walk of person 1 in each recording; person 2 never walks."""


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """Four recordings of four seconds, two people each, moving right by 1, 2, 3 and 4 pixels a frame."""
    path = tmp_path / "posescribe.db"
    body = np.zeros((18, 3), dtype=np.float32)
    body[:, 0], body[:, 1], body[:, 2] = np.linspace(0, 20, 18), np.linspace(10, 60, 18), 0.9
    body[1, :2], body[[8, 11], :2] = (10, 20), (10, 40)  # a trunk of 20 pixels
    with open_database(path) as database, database.transaction() as tx:
        for number, (name, (first, behind)) in enumerate(WALKS.items(), start=1):
            frames = [
                FramePeople(
                    k,
                    k / RATE,
                    tuple(
                        Person(body + np.float32([number * k + 200 * p, 0, 0]), 0.9, p, skeleton=COCO_18)
                        for p in (1, 2)
                    ),
                )
                for k in range(N_FRAMES)
            ]
            recording = recordings.ensure_recording(
                tx, name=name, uri=name, kind="video", sha256=str(number) * 64, width=640, height=480
            )
            pose = runs.start_run(tx, recording, "pose", f"p{name}", settings={}, version="1", skeleton=COCO_18)
            poses.append_frames(tx, pose.id, frames)
            runs.finish_run(tx, pose.id)
            track = runs.start_run(tx, recording, "track", f"t{name}", settings={}, version="1", parent_id=pose.id)
            tracks.append_memberships(tx, track.id, frames)
            tracks.apply_identity(tx, track.id, {1: 1, 2: 2})
            runs.finish_run(tx, track.id)
            acts = runs.start_run(
                tx, recording, "actions", f"a{name}", settings={}, version="1", parent_id=track.id, model_name="m"
            )
            bouts.write_bouts(tx, acts.id, [Bout(1, "walk", first / RATE, behind / RATE, first, behind - 1, 0.9)])
            runs.finish_run(tx, acts.id)
    return path


def groups(tmp_path: Path, *rows: str) -> str:
    path = tmp_path / "groups.csv"
    path.write_text("\n".join(rows), encoding="utf-8")
    return str(path)


def told(table: pd.DataFrame, name: str, measure: str) -> pd.DataFrame:
    return table[(table.name == name) & (table.measure == measure)].reset_index(drop=True)


def test_two_groups_by_hand(db: Path, tmp_path: Path) -> None:
    file = groups(tmp_path, "recording,dose", "a1,low", "a2,low", "b1,high", "b2,high")
    out = tmp_path / "out"
    assert main(["compare", str(db), "--groups", file, "--out", str(out)]) == 0
    units, table, apart = (pd.read_csv(out / f"{name}.csv") for name in ("units", "groups", "differences"))
    total = told(units[units.kind == "action"], "walk", "total_s")
    # Person 1 walks 1, 2, 3, 3 s and person 2 never: the units are half of that.
    assert total[["group", "unit", "n_members", "value"]].to_numpy().tolist() == [
        ["low", "a1", 2, 0.5], ["low", "a2", 2, 1.0], ["high", "b1", 2, 1.5], ["high", "b2", 2, 1.5],
    ]  # fmt: skip
    low, high = told(table, "walk", "total_s").to_dict("records")
    assert (low["mean"], low["low"], low["high"], low["n_units"]) == (0.75, 0.5, 1.0, 2)
    assert (high["mean"], high["std"], high["low"]) == (1.5, 0, 1.5)
    (one,) = told(apart, "walk", "total_s").to_dict("records")
    # Pooled variance (0.125 + 0) / 2; J for m = 2 is Γ(1) / Γ(0.5) = 0.564190.
    assert (one["group_a"], one["group_b"], one["difference"]) == ("low", "high", 0.75)
    assert (one["low"], one["high"]) == (0.5, 1.0)
    assert one["effect"] == pytest.approx(0.564190 * 0.75 / 0.25, abs=1e-5)
    mean_s = told(units, "walk", "mean_s")
    assert mean_s.value.tolist() == [1, 2, 3, 3], "the mean duration of those who walked"
    assert told(units, "walk", "share").value.round(6).tolist() == [0.125, 0.25, 0.375, 0.375]
    assert told(units, "walk", "count_per_min").value.round(6).tolist() == [7.5] * 4
    # 1 to 4 pixels in a tenth of a second, trunks of 20: half a trunk per second for each pixel.
    speed = told(units, "centre_speed", "mean")
    assert speed.value.to_numpy() == pytest.approx([0.5, 1, 1.5, 2], rel=0.02)
    assert set(speed.unit_of_measure) == {"torso/s"}
    about = json.loads((out / "compare.json").read_text())
    assert about["n_units"] == {"low": 2, "high": 2}
    assert any("Fewer than 10 independent units: low (2), high (2)" in note for note in about["notes"])
    assert [made["source"]["name"] for made in about["recordings"]] == ["a1", "a2", "b1", "b2"]


def test_a_feature_is_the_mean_of_the_feature_table(db: Path, tmp_path: Path) -> None:
    assert main(["compare", str(db), "--out", str(tmp_path / "out"), "--features", "centre_speed,left_knee_angle"]) == 0
    assert main(["features", str(db), "--out", str(tmp_path / "f.csv"), "--features", "centre_speed"]) == 0
    table = pd.read_csv(tmp_path / "f.csv").groupby(["recording", "track_id"]).centre_speed
    units = pd.read_csv(tmp_path / "out" / "units.csv")
    for measure, each in (("mean", table.mean()), ("std", table.std())):
        found = told(units, "centre_speed", measure)
        assert found.value.to_numpy() == pytest.approx(each.groupby("recording").mean().to_numpy(), abs=1e-6)


def test_metres_where_every_recording_has_a_scale(db: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Person 1 of a1 moves 1 px a frame, 10 px/s: 20 px are a trunk, and 0.5 m in a1, where 1 px is 25 mm."""
    out = tmp_path / "out"
    for place, (name, metres) in enumerate({"a1": 2.5, "a2": 5, "b1": 2.5, "b2": 2.5}.items()):
        (tmp_path / name).mkdir()
        (tmp_path / name / "scale.json").write_text(f'{{"points": [[0, 0], [100, 0]], "metres": {metres}}}')
        assert main(["compare", str(db), "--out", str(out)]) == 0
        table = pd.read_csv(out / "groups.csv")
        speed = told(table, "centre_speed", "mean")
        assert set(speed.unit_of_measure) == {"m/s" if place == 3 else "torso/s"}
        said = capsys.readouterr().err
        assert ("not in metres" in said) == (place < 3)
    assert "b2 has no scale" not in said
    np.testing.assert_allclose(speed["mean"], [10 * 0.025, 20 * 0.05, 30 * 0.025, 40 * 0.025], rtol=0.02)
    assert set(told(table, "left_knee_angle", "mean").unit_of_measure) == {"deg"}
    about = json.loads((out / "compare.json").read_text())
    assert [one["scale"]["metres_per_px"] for one in about["recordings"]] == [0.025, 0.05, 0.025, 0.025]
    assert main(["compare", str(db), "--out", str(out), "--features", "body_scale"]) == 0
    assert "body_scale has no meaning in them" in capsys.readouterr().err
    (tmp_path / "a2" / "scale.json").write_text("{}")
    assert main(["compare", str(db), "--out", str(out)]) == 0
    said = capsys.readouterr().err
    assert "a2 has no scale" in said
    assert set(told(pd.read_csv(out / "groups.csv"), "centre_speed", "mean").unit_of_measure) == {"torso/s"}


def test_what_is_not_independent_is_said(db: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert main(["compare", str(db), "--out", str(out)]) == 0
    notes = json.loads((out / "compare.json").read_text())["notes"]
    assert "a1 rests on one independent unit: its 2 people" in notes[0]
    assert "nothing can be inferred" in notes[-1]
    assert pd.read_csv(out / "groups.csv").low.isna().all()
    windows = groups(tmp_path, "recording,start_s,dose", "a1,0,low", "a1,2,low", "a2,0,low", "b1,0,high", "b2,0,high")
    assert main(["compare", str(db), "--out", str(out), "--groups", windows, "--by", "dose"]) == 0
    about = json.loads((out / "compare.json").read_text())
    assert about["n_units"] == {"low": 2, "high": 2}
    assert any("several rows of a1: windows of one recording are not independent" in note for note in about["notes"])
    subjects = groups(tmp_path, "recording;Dose;animal", "a1;low;x", "a2;low;x", "b1;high;y", "b2;high;z")
    assert main(["compare", str(db), "--out", str(out), "--groups", subjects, "--unit", "animal"]) == 0
    assert json.loads((out / "compare.json").read_text())["n_units"] == {"low": 1, "high": 2}
    assert "low rests on one independent unit" in capsys.readouterr().err


def test_people_of_the_same_recordings_are_paired(db: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert main(["compare", str(db), "--out", str(out), "--by", "person"]) == 0
    (one,) = told(pd.read_csv(out / "differences.csv"), "walk", "total_s").to_dict("records")
    assert (one["group_a"], one["group_b"], one["paired"], one["effect_size"]) == ("Person 1", "Person 2", True, "d_z")
    changes = np.array([-1.0, -2, -3, -3])
    assert one["difference"] == changes.mean()
    assert one["effect"] == pytest.approx(changes.mean() / changes.std(ddof=1), abs=1e-6)


def test_headings_and_other_columns_are_variables(db: Path, tmp_path: Path) -> None:
    """Lines of the headings stand beside each unit and make groups; so do columns of the file that are no group."""
    for name, place in (("a1", "Yard"), ("a2", "Yard"), ("b1", "Hall")):
        (db.parent / name).mkdir(exist_ok=True)
        (db.parent / name / "heading.txt").write_text(f"Place: {place}\nSubject: {name[0]}\na line without a value\n")
    out = tmp_path / "out"
    assert main(["compare", str(db), "--out", str(out), "--by", "Place", "--unit", "subject"]) == 0
    units = pd.read_csv(out / "units.csv")
    assert units[["group", "unit"]].drop_duplicates().to_numpy().tolist() == [["Yard", "a"], ["Hall", "b"]]
    assert units.place.tolist() == units.group.tolist()
    about = json.loads((out / "compare.json").read_text())
    assert (about["by"], about["unit"]) == ("place", "subject")
    assert any("left out: b2" in note for note in about["notes"])
    file = groups(tmp_path, "recording,dose,sex,age", "a1,low,f,3", "a2,low,f,4", "b1,high,m,5", "b2,high,m,5")
    assert main(["compare", str(db), "--out", str(out), "--groups", file, "--by", "dose", "--unit", "sex"]) == 0
    units = pd.read_csv(out / "units.csv", dtype=str)
    found = units[["group", "unit", "age", "place"]].drop_duplicates().fillna("").to_numpy().tolist()
    assert found == [["low", "f", "", "Yard"], ["high", "m", "5", ""]], "members that differ have no value"


@pytest.mark.parametrize(
    ("rows", "arguments", "line"),
    [
        (["recording,dose", "a1,low", "a1,high"], [], "a1, Person 1 stands in it as high of a1 and as low of a1"),
        (["recording,dose,sex", "a1,low,f"], [], "which column has the groups? --by dose or --by sex"),
        (["recording,dose", "a1,low"], ["--by", "sex"], "no column 'sex'; it has recording, dose"),
        (["name,dose", "a1,low"], [], "no column `recording`"),
        (["recording,dose", "zz,low"], [], "none of its recordings and people are in"),
        (None, ["--by", "dose"], "--by dose needs --groups FILE"),
        (None, ["--features", "step_count"], "step_count: only features of single frames"),
        (None, ["--features", "spead"], "no feature 'spead'"),
    ],
)
def test_what_it_refuses(
    db: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    rows: list[str] | None,
    arguments: list[str],
    line: str,
) -> None:
    file = [] if rows is None else ["--groups", groups(tmp_path, *rows)]
    assert main(["compare", str(db), "--out", str(tmp_path / "out"), *file, *arguments]) == 1
    said = capsys.readouterr().err.strip().splitlines()
    assert line in said[-1]
    assert not (tmp_path / "out" / "groups.csv").exists()


@pytest.mark.parametrize("width", [1200, 420])
def test_the_page(db: Path, tmp_path: Path, browser: Browser, width: int) -> None:
    file = groups(
        tmp_path, "recording,dose", f"a1,{NASTY}".replace('"', "'"), f"a2,{NASTY}".replace('"', "'"), "b1,b", "b2,b"
    )
    out = tmp_path / "out"
    assert main(["compare", str(db), "--groups", file, "--out", str(out)]) == 0
    said: list[str] = []
    asked: list[str] = []
    context = browser.new_context(viewport={"width": width, "height": 900})
    page = context.new_page()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto((out / "compare.html").as_uri())
    assert page.locator("h1").inner_text().replace("\xa0", " ") == "2 groups side by side"
    assert page.locator("svg image, main img").count() == 0
    walk = page.locator("section", has_text="walk").first
    assert walk.locator("svg").count() == 5
    assert walk.locator("svg").first.locator("circle.dot").count() == 4
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out"
    context.close()
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
