"""`posescribe synchronise` as a user runs it, and `triangulate` with what it found."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from behavior.cli import main
from pose.multiview import write_cameras
from pose.people import FramePeople, Person
from pose.skeleton import COCO_18
from storage import open_database, poses, recordings, runs, tracks
from storage.offsets import read_offsets
from tests.test_pose.multiview_scenes import ring

GROUP = ring(3, 4)
BODY = np.random.default_rng(0).normal(size=(18, 3)) * [0.2, 0.2, 0.35] + [0, 0, 1]
BEHIND = {"cam1": 0.0, "cam2": 0.4, "cam3": -1.13}
"""What must be added to the clock of each camera."""
RATES = np.random.default_rng(1).uniform(0.2, 1.5, (18, 6))


def body(time_s: float, *, still: bool = False) -> np.ndarray:
    """(18, 3) metres: every joint goes up and down in its own way."""
    lift = np.sin(2 * np.pi * RATES * time_s + np.arange(6)).sum(axis=1) * (0.0 if still else 0.05)
    return BODY + np.stack([np.zeros(18), np.zeros(18), lift], axis=1)


def film(path: Path, *, still: bool = False, fps: float = 25.0) -> Path:
    names = dict(zip([camera.name for camera in GROUP.cameras], BEHIND.values(), strict=True))
    with open_database(path) as database, database.transaction() as tx:
        for number, camera in enumerate(GROUP.cameras):
            key = recordings.ensure_recording(
                tx, name=camera.name, uri=f"/{camera.name}.mp4", kind="video", sha256=str(number) * 64,
                width=1280, height=720, fps=fps,
            )  # fmt: skip
            frames = []
            for index in range(250):
                time_s = index / (fps + number)
                pixels = camera.project(body(time_s + names[camera.name], still=still and number == 2))
                cells = np.column_stack([pixels, np.full(18, 0.9)]).astype(np.float32)
                frames.append(FramePeople(index, time_s, (Person(cells, 0.9, 1, skeleton=COCO_18),)))
            pose = runs.start_run(tx, key, "pose", f"p{number}", settings={}, version="1", skeleton=COCO_18)
            poses.append_frames(tx, pose.id, frames)
            runs.finish_run(tx, pose.id)
            track = runs.start_run(tx, key, "track", f"t{number}", settings={}, version="1", parent_id=pose.id)
            tracks.append_memberships(tx, track.id, frames)
            tracks.apply_identity(tx, track.id, {1: 1})
            runs.finish_run(tx, track.id)
    return path


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("synchronise") / "a.db")


def test_offsets_are_found_kept_and_used_when_asked(
    db: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [camera.name for camera in GROUP.cameras]
    calibration = tmp_path / "cameras.toml"
    write_cameras(GROUP, calibration, format="pose2sim")
    space = ["triangulate", str(db), "--calibration", str(calibration), "--out", str(tmp_path / "space"), "--json"]
    assert main([*space, "--stored-offsets"]) == 1
    assert "no offsets are stored" in capsys.readouterr().err
    assert main(["synchronise", str(db), "--out", str(tmp_path / "clock"), "--max-offset", "3", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["reference"] == names[0]
    for row, true in zip(found["offsets"], list(BEHIND.values())[1:], strict=True):
        assert row["offset_s"] == pytest.approx(true, abs=0.01)
        assert 0 <= row["error_s"] < 0.02
        assert row["correlation"] > 0.9
    table = pd.read_csv(tmp_path / "clock" / "offsets.csv")
    assert table.recording.tolist() == names[1:]
    assert set(table.columns) == {
        "recording", "reference", "offset_s", "error_s", "correlation", "rival_s", "rival", "common_s",
    }  # fmt: skip
    curves = pd.read_csv(tmp_path / "clock" / "correlation.csv")
    best = curves.loc[curves.groupby("recording").correlation.idxmax()].set_index("recording").offset_s
    assert best[names[1]] == pytest.approx(0.4, abs=0.02)
    assert "<svg" in (tmp_path / "clock" / "offsets.svg").read_text()
    assert main([*space, "--stored-offsets"]) == 0
    together = json.loads(capsys.readouterr().out)["median_px"]
    assert main([*space, "--synchronised"]) == 0
    apart = json.loads(capsys.readouterr().out)["median_px"]
    assert together < 1 < apart


def test_two_ways_to_say_it_are_one_too_many(db: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["triangulate", str(db), "--calibration", "c.toml", "--out", str(tmp_path), "--synchronised"]
    assert main([*command, "--stored-offsets"]) == 2
    assert "one of them: no offset is assumed" in capsys.readouterr().err


def test_another_reference_turns_the_offsets_round(db: Path, tmp_path: Path) -> None:
    names = [camera.name for camera in GROUP.cameras]
    asked = ["--recording", names[0], "--reference", names[1], "--max-offset", "2"]
    assert main(["synchronise", str(db), "--out", str(tmp_path), *asked]) == 0
    table = pd.read_csv(tmp_path / "offsets.csv")
    assert table.recording.tolist() == [names[0]]
    assert table.offset_s[0] == pytest.approx(-0.4, abs=0.01)
    with open_database(db, create=False) as database, database.reading() as tx:
        ids = [recordings.select_recordings(tx, name)[0].id for name in names]
        assert read_offsets(tx, ids[:2])[ids[0]].offset_s == pytest.approx(-0.4, abs=0.01)


def test_what_can_not_be_told_is_refused_and_not_stored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    still = film(tmp_path / "still.db", still=True)
    assert main(["synchronise", str(still), "--out", str(tmp_path / "out")]) == 1
    told = capsys.readouterr().err.strip().splitlines()[-1]
    assert GROUP.cameras[2].name in told
    with open_database(still, create=False) as database, database.reading() as tx:
        assert read_offsets(tx, [1, 2, 3]) == {}
    assert main(["synchronise", str(still), "--out", str(tmp_path / "out"), "--recording", "nobody"]) == 1
    assert "0 recordings 'nobody'" in capsys.readouterr().err
    assert main(["synchronise", str(still), "--out", str(tmp_path / "o"), "--recording", GROUP.cameras[0].name]) == 1
    assert "expected at least two recordings" in capsys.readouterr().err
