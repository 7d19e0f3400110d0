from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from behavior.pipeline.annotated_frames import annotated_frames
from pose.people import FramePeople, Person
from pose.skeleton import COCO_18
from pose.training.datasets import read_annotations
from storage import open_database, poses, recordings, runs, tracks
from storage.errors import MissingError
from tests.conftest import Media


class Quiet:
    said: list[str]

    def __init__(self) -> None:
        self.said = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def step(self, stage: str, done: int, total: int | None) -> None:
        pass


def test_frames_and_sure_joints_of_tracks_become_annotations(tmp_path: Path) -> None:
    video = Media(tmp_path).video("walk.mp4", n_frames=30)
    people = []
    for k in range(30):
        points = np.array([[10 + k, 2 * j, 0.4 if j == 4 else 0.9] for j in range(18)], dtype=np.float32)
        people.append(FramePeople(k, k / 30, (Person(points, 0.9, track_id=1),) if k != 20 else ()))
    with open_database(tmp_path / "some.db") as database, database.transaction() as tx:
        number = recordings.ensure_recording(
            tx, name="walk.mp4", uri="/elsewhere/walk.mp4", kind="video", sha256="0" * 64, width=64, height=48
        )
        pose = runs.start_run(tx, number, "pose", "f" * 64, settings={}, version="1", skeleton=COCO_18)
        poses.append_frames(tx, pose.id, people)
        runs.finish_run(tx, pose.id)
        track = runs.start_run(tx, number, "track", "e" * 64, settings={}, version="1", parent_id=pose.id)
        tracks.append_memberships(tx, track.id, people)
        tracks.apply_identity(tx, track.id, {1: 1})
        runs.finish_run(tx, track.id)
    narrator = Quiet()
    found = annotated_frames(str(tmp_path / "some.db"), video.parent, tmp_path / "frames", narrator)
    data = read_annotations(*found, COCO_18)
    assert [len(sample.keypoints) for sample in data.samples] == [1, 1]  # frames 0 and 10; nobody in 20
    ten = data.samples[1]
    assert Media.number(cv2.imread(str(ten.path))) == 10
    assert ten.keypoints[0, 3] == pytest.approx([20, 6])
    assert np.isnan(ten.keypoints[0, 4]).all()
    assert not ten.complete
    with pytest.raises(MissingError, match="none of the videos"):
        annotated_frames(str(tmp_path / "some.db"), tmp_path / "frames", tmp_path / "other", narrator)
    assert "walk.mp4" in narrator.said[0]
