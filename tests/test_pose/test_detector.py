"""The detector with its real networks on frames of the sample video."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pose import EngineSettings
from pose.detector import Detector
from pose.engine import DEFAULT_MODEL, load_networks
from pose.refine import Refiner
from pose.sources import open_source

Frames = Callable[..., list[NDArray[np.uint8]]]


@pytest.fixture(scope="module")
def detector() -> Detector:
    body, refiner = load_networks(DEFAULT_MODEL, None, EngineSettings(), device="cpu")
    assert refiner is not None
    return Detector(body, Refiner(refiner), EngineSettings())


@pytest.fixture(scope="module")
def frames(sample_video: Path) -> Frames:
    with open_source(str(sample_video)) as source:
        kept = {frame.index: frame.image for frame in source if frame.index in (6, 130, 131)}
    return lambda *indices: [kept[i] for i in indices]


def test_two_people_whom_refining_makes_one_count_once(detector: Detector, frames: Frames) -> None:
    [people] = detector.detect(frames(6))
    assert len([person for person in people if person.score > 0.3]) == 1


def test_whoever_the_body_network_loses_is_seen_by_the_refiner(detector: Detector, frames: Frames) -> None:
    alone = detector.detect(frames(131))[0]
    followed = detector.follow(frames(130, 131))
    assert len(alone) == 1
    assert [len(people) for people in followed] == [2, 2]
    assert followed[1][1].score <= followed[0][1].score, "nobody is surer than he was before"
