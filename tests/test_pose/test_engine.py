"""The engine on a network that draws the ideal maps of a known scene, so that every answer is known."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pose.backends.base import ModelInfo
from pose.engine import EngineSettings, PoseEngine
from pose.errors import ModelError, SourceError
from pose.maps import OPENPOSE_COCO, MapLayout, Maps
from pose.parsing import encode
from pose.people import Person
from pose.skeleton import COCO_18
from pose.sources import FrameSource, SourceInfo
from pose.sources.base import Picture, Selection

HEIGHT, WIDTH = 368, 496
SETTINGS = EngineSettings(net_height=HEIGHT)
STANDING = {
    "nose": (0, -60), "neck": (0, -40), "right_shoulder": (-16, -40), "right_elbow": (-22, -14),
    "right_wrist": (-24, 10), "left_shoulder": (16, -40), "left_elbow": (22, -14), "left_wrist": (24, 10),
    "right_hip": (-10, 8), "right_knee": (-11, 44), "right_ankle": (-12, 80), "left_hip": (10, 8),
    "left_knee": (11, 44), "left_ankle": (12, 80), "right_eye": (-5, -65), "left_eye": (5, -65),
    "right_ear": (-10, -61), "left_ear": (10, -61),
}  # fmt: skip


def person_at(x: float, y: float) -> Person:
    points = [(x + dx, y + dy, 1.0) for dx, dy in (STANDING[joint] for joint in OPENPOSE_COCO.skeleton.joints)]
    return Person(np.array(points, dtype=np.float32), 1.0, skeleton=COCO_18)


def scene(index: int) -> list[Person]:
    """Two people: one walks 4 pixels a frame to the right, one stands."""
    return [person_at(60 + 4 * index, 180), person_at(400, 170)]


class Drawn:
    """Draws the maps of the scene whose number is the grey value of the image."""

    layout: MapLayout = OPENPOSE_COCO
    model = ModelInfo("drawn", "0" * 64, "this test", "Apache-2.0")
    device = "cpu"
    runtime = "numpy"
    precision = "float32"
    in_flight = 3

    def __init__(self, fail_at: int | None = None) -> None:
        self.fail_at = fail_at

    def infer(self, batch: NDArray[np.uint8]) -> list[Maps]:
        return [self._draw(int(image[0, 0, 0])) for image in batch]

    def _draw(self, index: int) -> Maps:
        if index == self.fail_at:
            raise ModelError("the network is broken")
        return encode(scene(index), self.layout, HEIGHT, WIDTH)


class Numbered(FrameSource):
    """Grey frames, each of its own number, 10 a second."""

    info = SourceInfo("numbered", "memory", "video", WIDTH, HEIGHT)

    def __init__(self, n_frames: int, fail_at: int | None = None) -> None:
        super().__init__(Selection())
        self.n_frames, self.fail_at, self.closed = n_frames, fail_at, False

    def _pictures(self) -> Iterator[Picture]:
        for index in range(self.n_frames):
            if index == self.fail_at:
                raise SourceError("the camera is gone")
            image = np.full((HEIGHT, WIDTH, 3), index, dtype=np.uint8)
            yield Picture(index, index / 10, lambda image=image: image)

    def close(self) -> None:
        self.closed = True


def numbers_of_threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith(("pose", "read-ahead"))]


@pytest.mark.parametrize("batch", [1, 4])
def test_people_of_every_frame_in_order(batch: int) -> None:
    engine = PoseEngine(backend=Drawn(), settings=SETTINGS, batch=batch)
    with engine.open(Numbered(23)) as frames:
        found = list(frames)
    assert [frame.index for frame in found] == list(range(23))
    assert [frame.time_s for frame in found] == [index / 10 for index in range(23)]
    ids = {frozenset(person.track_id for person in frame.people) for frame in found}
    assert ids == {frozenset({1, 2})}
    for frame in found:
        by_x = sorted(frame.people, key=lambda person: float(person.keypoints[1, 0]))
        for person, truth in zip(by_x, sorted(scene(frame.index), key=lambda p: float(p.keypoints[1, 0])), strict=True):
            np.testing.assert_allclose(person.keypoints[:, :2], truth.keypoints[:, :2], atol=2.0)
    assert numbers_of_threads() == []


def test_pixels_are_those_of_the_original_frame() -> None:
    engine = PoseEngine(backend=Drawn(), settings=SETTINGS)
    large = np.full((2 * HEIGHT, 2 * WIDTH, 3), 10, dtype=np.uint8)
    (found,) = engine.detect([large])
    truth = 2 * (person_at(100, 180).keypoints[:, :2] + 0.5) - 0.5
    walker = min(found, key=lambda person: float(person.keypoints[1, 0]))
    np.testing.assert_allclose(walker.keypoints[:, :2], truth, atol=4.0)


def test_a_neck_that_the_network_saw_stays_without_shoulders() -> None:
    class OneSided(Drawn):
        def _draw(self, index: int) -> Maps:
            maps = super()._draw(index)
            maps.heatmaps[COCO_18.index("left_shoulder")] = 0
            return maps

    (found,) = PoseEngine(backend=OneSided(), settings=SETTINGS).detect([np.full((HEIGHT, WIDTH, 3), 10, np.uint8)])
    assert found
    for person in found:
        assert np.isnan(person["left_shoulder"][0])
        assert np.isfinite(person["neck"]).all()


def test_a_failing_network_reaches_the_caller_and_ends_the_threads() -> None:
    source = Numbered(200)
    with (
        pytest.raises(ModelError, match="the network is broken"),
        PoseEngine(backend=Drawn(fail_at=5), settings=SETTINGS).open(source) as frames,
    ):
        list(frames)
    assert source.closed
    assert numbers_of_threads() == []


def test_a_failing_source_gives_what_came_before() -> None:
    seen: list[int] = []
    with (
        pytest.raises(SourceError, match="the camera is gone"),
        PoseEngine(backend=Drawn(), settings=SETTINGS).open(Numbered(50, fail_at=7)) as frames,
    ):
        seen.extend(frame.index for frame in frames)
    assert seen == list(range(7))
    assert numbers_of_threads() == []


def test_leaving_early_ends_the_threads() -> None:
    source = Numbered(200)
    with PoseEngine(backend=Drawn(), settings=SETTINGS).open(source) as frames:
        for frame in frames:
            if frame.index == 3:
                break
    assert source.closed
    assert numbers_of_threads() == []


def test_without_tracking_nobody_has_an_identity() -> None:
    with PoseEngine(backend=Drawn(), settings=SETTINGS, tracking=None).open(Numbered(3)) as frames:
        assert {person.track_id for frame in frames for person in frame.people} == {None}


@pytest.mark.parametrize(("kind", "clock", "together"), [
    ("video", "source", True), ("folder", "given", True), ("folder", "assumed", False), ("image", "given", False),
])  # fmt: skip
def test_what_is_followed_from_frame_to_frame(kind: Any, clock: Any, together: bool) -> None:
    source = Numbered(3)
    source.info = SourceInfo("numbered", "memory", kind, WIDTH, HEIGHT, clock=clock)
    with PoseEngine(backend=Drawn(), settings=SETTINGS).open(source) as frames:
        assert (frames.clip > 1) == together


def test_settings_are_checked() -> None:
    with pytest.raises(ValueError, match="at least 64"):
        EngineSettings(net_height=10)


@pytest.mark.parametrize(("batch", "in_flight"), [(None, None), (2, None), (None, 5), (3, 2)])
def test_a_trial_loses_no_frame_and_keeps_to_what_is_given(batch: int | None, in_flight: int | None) -> None:
    class Long(Numbered):
        info = SourceInfo("numbered", "memory", "folder", WIDTH, HEIGHT)  # one by one, not in clips
        expected_frames = 10_000

    engine = PoseEngine(backend=Drawn(), settings=SETTINGS, batch=batch, in_flight=in_flight)
    with engine.open(Long(120)) as frames:
        assert [frame.index for frame in frames] == list(range(120))
        assert frames.load.batch == (batch or 1)
        assert frames.load.in_flight in ({in_flight} if in_flight else {3, 6})
    assert numbers_of_threads() == []


def test_the_trial_settles_on_the_faster_load() -> None:
    """On a device that takes the same time for one call as for two at once, and is slowed by more."""

    class Narrow(Drawn):
        in_flight = 2

        def __init__(self) -> None:
            super().__init__()
            self.inside, self.lock = 0, threading.Lock()

        def infer(self, batch: NDArray[np.uint8]) -> list[Maps]:
            with self.lock:
                self.inside += 1
                crowd = self.inside
            time.sleep(0.01 if crowd <= 2 else 0.4)
            with self.lock:
                self.inside -= 1
            return super().infer(batch)

    class Long(Numbered):
        info = SourceInfo("numbered", "memory", "folder", WIDTH, HEIGHT)  # one by one, not in clips
        expected_frames = 10_000

    with PoseEngine(backend=Narrow(), settings=SETTINGS).open(Long(40)) as frames:
        assert len(list(frames)) == 40
        assert frames.load.in_flight == 2
