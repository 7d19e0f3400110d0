"""People as they are stored: whole clips, so that a run that was stopped goes on to what it would have found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from behavior.cli import main
from behavior.cli.console import Narrator
from behavior.pipeline import loading, stages
from pose.backends.base import ModelInfo, Precision
from pose.detector import Detector
from pose.engine import CLIP
from pose.maps import MOVENET_MULTIPOSE, AnyMaps, Layout
from pose.people import Person
from storage import poses, runs
from storage.database import open_database
from tests.conftest import Media

N_FRAMES = 4 * CLIP + 5


class Idle:
    """A network that nobody asks."""

    layout: Layout = MOVENET_MULTIPOSE
    model = ModelInfo("idle", "0" * 64, "this test", "Apache-2.0")
    device = "cpu"
    runtime = "numpy"
    precision: Precision = "float32"
    in_flight = 1

    def infer(self, _: NDArray[np.uint8]) -> list[AnyMaps]:
        raise AssertionError("asked")


def follow(_: Detector, images: Sequence[NDArray[np.uint8]], __: int) -> list[list[Person]]:
    """A person whose place says which frame of how many of its clip it is: another clip, another answer."""
    return [[Person(np.full((18, 3), (10 * i + 1, len(images), 1), dtype=np.float32), 0.9)] for i in range(len(images))]


@pytest.fixture
def video(media: Media, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(loading, "load_networks", lambda *_, **__: (Idle(), None))
    monkeypatch.setattr(Detector, "follow", follow)
    monkeypatch.setattr(stages, "COMMIT_EVERY_S", 0.0)
    return media.video("clip.mp4", n_frames=N_FRAMES)


def find(video: Path, out: Path, stop_at: int | None, monkeypatch: pytest.MonkeyPatch) -> int:
    """Runs the command; a keyboard interrupt comes once so many frames are done."""
    step = Narrator.step

    def stopped(self: Narrator, stage: str, done: int, total: int | None) -> None:
        if stage == "people" and done == stop_at:
            raise KeyboardInterrupt
        step(self, stage, done, total)

    with monkeypatch.context() as patched:
        patched.setattr(Narrator, "step", stopped)
        return main(["pose", str(video), "--out", str(out), "--no-overlay"])


def stored(out: Path) -> list[tuple[int, Any]]:
    with open_database(out / "posescribe.db") as database:
        with database.reading() as tx:
            (run,) = (run for run in runs.list_runs(tx, 1) if run.stage == "pose")
        return [
            (frame.index, [person.keypoints[0, :2].tolist() for person in frame.people])
            for frame in poses.iter_frames(database, run.id)
        ]


EXPECTED = [(i, [[10.0 * (i % CLIP) + 1, min(CLIP, N_FRAMES - i // CLIP * CLIP)]]) for i in range(N_FRAMES)]


@pytest.mark.parametrize("stops", [(1, CLIP + 1), (2 * CLIP + 3, N_FRAMES)])
def test_a_stopped_run_goes_on_to_the_same_people(
    video: Path, tmp_path: Path, stops: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    for stop in stops:
        assert find(video, tmp_path, stop, monkeypatch) == 130
        kept = stored(tmp_path)
        assert len(kept) % CLIP == 0
        assert stop - len(kept) <= CLIP  # no more than a clip is lost
        assert kept == EXPECTED[: len(kept)]
    assert find(video, tmp_path, None, monkeypatch) == 0
    assert stored(tmp_path) == EXPECTED
