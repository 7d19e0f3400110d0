"""A stick figure with known actions: it waves one arm, squats, or walks across the picture; and a report in a browser.

Torso 100 px (shoulders at y = -100, hips at 0), 30 frames per second, y down.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser

from behavior.recognition.clips import LabelledSequences, make_sequences
from behavior.report.overlay import write_overlay
from pose.layouts import BODY_13
from pose.people import FramePeople
from pose.skeleton import COCO_18
from tests.test_behavior.report_page import (
    FPS,
    N_FRAMES,
    START_S,
    Watched,
)

ACTIONS = ("squat", "walk", "wave")

_STANDING = {
    "head": (0, -140),
    "right_shoulder": (-28, -100), "left_shoulder": (28, -100), "right_elbow": (-32, -58), "left_elbow": (32, -58),
    "right_wrist": (-34, -18), "left_wrist": (34, -18), "right_hip": (-16, 0), "left_hip": (16, 0),
    "right_knee": (-17, 66), "left_knee": (17, 66), "right_ankle": (-18, 126), "left_ankle": (18, 126),
}  # fmt: skip

Figure = Callable[..., NDArray[np.float32]]


def stick_figure(action: str, n_frames: int = 40, phase: float = 0.0, pace: float = 1.0) -> NDArray[np.float32]:
    """(n_frames, 13, 2) pixels of a figure doing `action`, or holding still."""
    time = pace * np.arange(n_frames) / 30 * 2 * np.pi + phase
    points = np.repeat(np.array([_STANDING[joint] for joint in BODY_13], dtype=np.float32)[None], n_frames, axis=0)
    place = BODY_13.index
    if action == "wave":
        points[:, place("right_elbow")] = (-60, -120)
        points[:, place("right_wrist"), 0] = -70 + 25 * np.sin(1.5 * time)
        points[:, place("right_wrist"), 1] = -165
    elif action == "squat":
        depth = 30 * (1 - np.cos(time))
        upper = [place(joint) for joint in BODY_13 if not joint.endswith(("knee", "ankle"))]
        points[:, upper, 1] += depth[:, None]
        points[:, [place("right_knee"), place("left_knee")], 1] += depth[:, None] / 2
        points[:, place("right_knee"), 0] -= depth / 2
        points[:, place("left_knee"), 0] += depth / 2
    elif action == "walk":
        for side, sign in (("right", 1), ("left", -1)):
            swing = sign * np.sin(time)
            points[:, place(f"{side}_ankle"), 0] += 45 * swing
            points[:, place(f"{side}_knee"), 0] += 22 * swing
            points[:, place(f"{side}_wrist"), 0] -= 30 * swing
        points[..., 0] += (8 * pace * np.arange(n_frames))[:, None]
    return points


@pytest.fixture(scope="session")
def figure() -> Figure:
    return stick_figure


@pytest.fixture(scope="session")
def small_world() -> LabelledSequences:
    """Three actions, three groups (people of different size), four clips of each: 36 clips of 24 to 40 frames."""
    rng = np.random.default_rng(0)
    pieces, labels, groups = [], [], []
    for group in range(3):
        for label, action in enumerate(ACTIONS):
            for _ in range(4):
                n_frames = int(rng.integers(24, 41))
                points = stick_figure(action, n_frames, rng.uniform(0, 6.3), rng.uniform(0.8, 1.25))
                points = points + rng.normal(0, 2, points.shape)
                pieces.append((1 + group) * points + rng.uniform(0, 900, 2))
                labels.append(label)
                groups.append(group)
    return make_sequences(
        np.concatenate(pieces),
        np.concatenate([[0], np.cumsum([len(piece) for piece in pieces])]),
        np.array(labels),
        ACTIONS,
        BODY_13,
        np.array(groups),
        30.0,
    )


@pytest.fixture(scope="session")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of video, dark to light."""

    @dataclass(frozen=True)
    class Picture:
        index: int
        time_s: float
        image: np.ndarray

    def frames() -> Iterator[tuple[Picture, FramePeople]]:
        for index in range(N_FRAMES):
            time_s = START_S + index / FPS
            image = np.full((120, 160, 3), 5 * index, dtype=np.uint8)
            yield Picture(index, time_s, image), FramePeople(index, time_s, ())

    path = tmp_path_factory.mktemp("overlay") / "overlay.mp4"
    assert write_overlay(frames(), path, skeleton=COCO_18) is not None
    return path


@pytest.fixture
def watched(browser: Browser, overlay: Path, tmp_path: Path) -> Iterator[Watched]:
    """A fresh page that fails the test when it says, or asks anyone for, anything."""
    shutil.copy(overlay, tmp_path / "overlay.mp4")
    context = browser.new_context(viewport={"width": 1200, "height": 800})
    watched = Watched(context.new_page(), tmp_path)
    watched.page.on("console", lambda message: watched.said.append(message.text))
    watched.page.on("pageerror", lambda error: watched.said.append(str(error)))
    watched.page.on("request", lambda request: watched.asked.append(request.url))
    watched.page.set_default_timeout(120_000)
    yield watched
    context.close()
    # The page never reads its canvas, `painted` does.
    assert [text for text in watched.said if not text.startswith("Canvas2D: Multiple readback")] == []
    own = tmp_path.as_uri()
    assert [url for url in watched.asked if not url.startswith((own, "data:"))] == []
