"""A short recording, analysed, for tests of what comes after."""

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
