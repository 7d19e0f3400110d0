"""Movements that recur, found without labels and held against what the figures do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from behavior.cli import main
from pose.layouts import BODY_13
from pose.people import FramePeople, Person
from pose.skeleton import COCO_18
from storage import open_database, poses, recordings, runs, tracks

Figure = Callable[..., NDArray[np.float32]]
COURSE = ("wave", "squat", "walk", "wave", "squat", "walk")
BOUT_S = 4.0


def film(database: Path, name: str, figure: Figure, course: tuple[str, ...], seed: int) -> None:
    rng = np.random.default_rng(seed)
    body = np.concatenate([figure(action, int(30 * BOUT_S), rng.uniform(0, 6)) for action in course]) + 300
    body = body + rng.normal(0, 1.5, body.shape)
    keypoints = np.full((len(body), 18, 3), np.nan, dtype=np.float32)
    keypoints[..., 2] = 0
    for place, joint in enumerate(BODY_13):
        where = COCO_18.index("nose" if joint == "head" else joint)
        keypoints[:, where, :2], keypoints[:, where, 2] = body[:, place], 0.9
    frames = [FramePeople(i, i / 30, (Person(one, 0.9, 1, skeleton=COCO_18),)) for i, one in enumerate(keypoints)]
    with open_database(database) as opened, opened.transaction() as tx:
        recording = recordings.ensure_recording(
            tx, name=name, uri=f"/{name}.mp4", kind="video", sha256=name.ljust(64, "0"), width=640, height=480, fps=30.0
        )
        pose = runs.start_run(tx, recording, "pose", "p", settings={}, version="1", skeleton=COCO_18)
        poses.append_frames(tx, pose.id, frames)
        runs.finish_run(tx, pose.id)
        track = runs.start_run(tx, recording, "track", "t", settings={}, version="1", parent_id=pose.id)
        tracks.append_memberships(tx, track.id, frames)
        tracks.apply_identity(tx, track.id, {1: 1})
        runs.finish_run(tx, track.id)


def test_each_movement_is_a_syllable(tmp_path: Path, figure: Figure, capsys: pytest.CaptureFixture[str]) -> None:
    database, out = tmp_path / "posescribe.db", tmp_path / "out"
    for seed, name in enumerate(("one", "two")):
        film(database, name, figure, COURSE, seed)
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "report.html").write_text("a report")
    assert main(["segment", str(database), "--out", str(out), "--count", "3", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["syllables"] == 3
    assert 0 < told["agreement"] <= 1
    table = pd.read_csv(out / "segments.csv")
    found: dict[str, set[str]] = {}
    for name in ("one", "two"):
        own = table[table.recording == name]
        for place, action in enumerate(COURSE):
            middle = (place + 0.5) * BOUT_S
            found.setdefault(action, set()).update(own.action[(own.start_s <= middle) & (own.stop_s > middle)])
    assert sorted(map(len, found.values())) == [1, 1, 1]
    assert len(set.union(*found.values())) == 3
    assert table.groupby("recording").duration_s.sum().to_list() == pytest.approx([24, 24], abs=0.1)
    page = (out / "segments.html").read_text()
    assert 'href="../one/report.html#t=' in page
    assert "../two/" not in page
    renamed = [f"--rename={name}={next(iter(found))}" for name in found[next(iter(found))]]
    assert main(["labels", "import", str(out / "segments.csv"), "--db", str(database), *renamed]) == 0


def test_too_little_is_said(tmp_path: Path, figure: Figure, capsys: pytest.CaptureFixture[str]) -> None:
    film(tmp_path / "posescribe.db", "one", figure, ("wave",), 0)
    assert main(["segment", str(tmp_path / "posescribe.db"), "--out", str(tmp_path / "out"), "--count", "40"]) == 0
    capsys.readouterr()
    assert len(pd.read_csv(tmp_path / "out" / "syllables.csv")) <= 2
