"""`analyze --clothes`: colours are kept with the people, and the tracker uses them."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from behavior.cli import main
from behavior.pipeline.progress import Narrator
from behavior.pipeline.settings import Settings
from behavior.pipeline.stages import follow_people
from pose.people import FramePeople, Person
from pose.skeleton import COCO_18
from pose.tracking.appearance import CLOTHING_SIZE
from storage import open_database, poses, recordings, runs, tracks


class Silent(Narrator):
    def say(self, text: str) -> None: ...
    def step(self, stage: str, done: int, total: int | None) -> None: ...


def body(x: float) -> Person:
    keypoints = np.ones((len(COCO_18), 3), dtype=np.float32)
    keypoints[:, 0] = x + 20 * np.cos(np.arange(len(COCO_18)))
    keypoints[:, 1] = 100 + 10 * np.arange(len(COCO_18))
    return Person(keypoints, 0.9, skeleton=COCO_18)


@pytest.mark.parametrize(("after", "people"), [("red", 1), ("blue", 2)])
def test_who_goes_on_in_other_colours_is_another_person(tmp_path: Path, after: str, people: int) -> None:
    """Somebody in red walks right; nobody is seen for a second; somebody goes on where the first one would be."""
    frames = [FramePeople(k, k / 25, (body(100 + 3 * k),) if not 50 <= k < 75 else ()) for k in range(150)]
    red, blue = np.zeros(CLOTHING_SIZE), np.zeros(CLOTHING_SIZE)
    red[0] = blue[4] = 1
    looks = [np.stack([red if frame.index < 50 or after == "red" else blue] * len(frame.people)) if frame.people
             else np.empty((0, CLOTHING_SIZE)) for frame in frames]  # fmt: skip
    with open_database(tmp_path / "w.db") as database:
        with database.transaction() as tx:
            recording = recordings.ensure_recording(
                tx, name="w", uri="w.mp4", kind="video", sha256="0" * 64, width=900, height=500, fps=25.0
            )
            run = runs.start_run(
                tx, recording, "pose", "f" * 64, settings={"clothes": True}, version="1", skeleton=COCO_18
            )
            poses.append_frames(tx, run.id, frames)
            poses.append_clothing(tx, run.id, frames, looks)
            run = runs.finish_run(tx, run.id)
        found = follow_people(database, run, Settings(clothes=True), Silent())
        with database.reading() as tx:
            assert len(tracks.list_tracks(tx, found.id)) == people


def test_analyze_keeps_the_colours(sample_video: Path, tmp_path: Path) -> None:
    command = ["analyze", str(sample_video), "--out", str(tmp_path), "--start", "3", "--end", "3.3", "--no-overlay"]
    assert main([*command, "--actions", "none", "--clothes"]) == 0
    with sqlite3.connect(tmp_path / "posescribe.db") as connection:
        found = connection.execute("SELECT count(*), min(length(shares)) FROM clothing").fetchone()
        raw = connection.execute("SELECT sum(n_people) FROM frame").fetchone()[0]
    connection.close()
    assert 0.8 * raw <= found[0] <= raw
    assert found[1] == CLOTHING_SIZE
    assert json.loads((tmp_path / "demo" / "run.json").read_text())["settings"]["pose"]["clothes"] is True
