"""Body network, turned looks and refiner together, on the sample video and on networks whose answers are known."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pose.backends.base import Backend, ModelInfo, Precision
from pose.detector import Detector, EngineSettings, _mirrored
from pose.engine import CLIP, PoseEngine, load_networks, usual_refiner
from pose.errors import ModelError
from pose.maps import MOVENET_MULTIPOSE, AnyMaps, CenterMaps, Layout
from pose.parsing.merging import similarities
from pose.people import Person
from pose.refine import Refiner
from pose.skeleton import COCO_17, COCO_18
from pose.sources import FrameSource, SourceInfo
from pose.sources.base import Picture, Selection
from pose.turns import turned, turned_back
from pose.weights.zoo import load_backend

Images = list[NDArray[np.uint8]]


@pytest.fixture(scope="module")
def clip(sample_video: Path) -> Images:
    """Eight frames with the woman and the man, 884×497."""
    video = cv2.VideoCapture(str(sample_video))
    video.set(cv2.CAP_PROP_POS_FRAMES, 60)
    images = [cv2.resize(video.read()[1], (884, 497), interpolation=cv2.INTER_AREA) for _ in range(CLIP)]
    video.release()
    return [np.asarray(image, dtype=np.uint8) for image in images]


@pytest.fixture(scope="module")
def body() -> Backend:
    return load_backend("movenet_multipose", device="cpu", in_flight=1)


@pytest.fixture(scope="module")
def thunder() -> Backend:
    return load_backend("movenet_thunder", role="refiner", device="cpu", in_flight=1)


class Counted:
    """A network that keeps the sizes it was shown."""

    def __init__(self, inner: Backend) -> None:
        self.layout, self.model, self.device = inner.layout, inner.model, inner.device
        self.runtime, self.precision, self.in_flight = inner.runtime, inner.precision, inner.in_flight
        self.inner = inner
        self.shown: list[tuple[int, ...]] = []

    def infer(self, batch: NDArray[np.uint8]) -> list[AnyMaps]:
        self.shown.append(batch.shape[:3])
        return self.inner.infer(batch)


def detector(body: Backend, thunder: Backend | None, **settings: object) -> Detector:
    return Detector(body, None if thunder is None else Refiner(thunder), EngineSettings(**settings))  # type: ignore[arg-type]


def sure(people: list[Person], least: float = 0.3) -> list[Person]:
    return [person for person in people if person.score > least]


def assert_same(people: list[Person], others: list[Person], least: float) -> None:
    """Two people, each like one of the others."""
    assert len(people) == len(others) == 2
    assert similarities(people, others).max(axis=1).min() >= least


def test_an_upright_frame_of_sure_people_costs_no_turned_look(body: Backend, thunder: Backend, clip: Images) -> None:
    counted = Counted(body)
    (people,) = detector(counted, thunder).detect(clip[:1])
    assert len(sure(people)) == 2
    assert counted.shown == [(1, 160, 256), (1, 384, 640)]
    assert [person.skeleton for person in people] == [COCO_18] * len(people)
    assert people == sorted(people, key=lambda person: -person.score)


@pytest.mark.parametrize("quarters", [1, 3])
def test_people_who_lie_are_found_as_those_who_stand(
    body: Backend, thunder: Backend, clip: Images, quarters: int
) -> None:
    counted = Counted(body)
    (upright,) = detector(body, thunder).detect(clip[:1])
    view = turned(clip[0], quarters)
    (lying,) = detector(counted, thunder).detect([view])
    back = [turned_back(person, quarters, clip[0].shape[:2]) for person in sure(lying)]
    assert_same(sure(upright), back, 0.7)
    assert_same(back, sure(upright), 0.7)
    assert {h > w for _, h, w in counted.shown} == {True, False}  # by way of turned looks


def test_a_clip_repeats_the_turned_looks_that_paid_and_no_others(body: Backend, clip: Images) -> None:
    counted = Counted(body)
    found = detector(counted, None, net_height=384).follow([turned(image, 1) for image in clip[:3]], batch=3)
    assert all(len(sure(people, least=0.9)) == 2 for people in found)
    upright, lying = (sum(n for n, h, w in counted.shown if (h > w) == tall) for tall in (True, False))
    assert upright == 2 * 3
    assert 2 * 3 <= lying < 2 * 2 * 3  # the one turn in every frame at both sizes, the other at most in the first


def test_between_the_key_frames_people_are_followed(body: Backend, thunder: Backend, clip: Images) -> None:
    counted = Counted(body)
    some = detector(counted, thunder, every_body=4).follow(clip)
    assert sum(shape[0] for shape in counted.shown) == 2 * 2  # two key frames, two sizes
    assert len(some) == len(clip)
    for i in (1, 3, 7):
        (expected,) = detector(body, thunder).detect(clip[i : i + 1])
        assert_same(sure(some[i]), sure(expected), 0.8)


def test_without_a_refiner_every_frame_is_a_key_frame(body: Backend, clip: Images) -> None:
    counted = Counted(body)
    detector(counted, None, every_body=4, accuracy="fast").follow(clip[:3])
    assert sum(shape[0] for shape in counted.shown) == 3


def test_high_accuracy_finds_the_same_people(body: Backend, thunder: Backend, clip: Images) -> None:
    (usual,) = detector(body, thunder).detect(clip[:1])
    (high,) = detector(body, thunder, accuracy="high").detect(clip[:1])
    assert_same(sure(high), sure(usual), 0.8)


def test_people_of_fields_are_refined_too(thunder: Backend, clip: Images) -> None:
    body = load_backend("mobilenet_thin", device="cpu", in_flight=1)
    (people,) = detector(body, thunder).detect(clip[:1])
    assert len(people) >= 1
    for person in people:
        assert person.skeleton is COCO_18
        if np.isfinite(person["neck"][0]):
            shoulders = np.stack([person["left_shoulder"], person["right_shoulder"]])
            np.testing.assert_allclose(person["neck"][:2], shoulders[:, :2].mean(axis=0), rtol=1e-5)
    (bare,) = detector(body, None).detect(clip[:1])
    assert similarities(people[:1], bare).max() > 0.6


def test_images_of_many_sizes_give_what_each_gives(body: Backend, clip: Images) -> None:
    images = [clip[0], clip[1], np.zeros((1, 1, 3), np.uint8), np.zeros((7, 900, 3), np.uint8), clip[0]]
    bare = detector(body, None, net_height=256, accuracy="fast")
    found = bare.detect(images, batch=2)
    for people, image in zip(found, images, strict=True):
        (alone,) = bare.detect([image])
        assert [person.score for person in people] == pytest.approx([person.score for person in alone], abs=1e-3)
    assert bare.detect([]) == []


class Nothing:
    """A network whose maps are full of one value."""

    layout: Layout = MOVENET_MULTIPOSE
    model = ModelInfo("nothing", "0" * 64, "this test", "Apache-2.0")
    device = "cpu"
    runtime = "numpy"
    precision: Precision = "float32"
    in_flight = 1

    def __init__(self, value: float) -> None:
        self.value, self.shown = value, 0

    def infer(self, batch: NDArray[np.uint8]) -> list[AnyMaps]:
        self.shown += len(batch)
        if np.isnan(self.value):
            raise ModelError("nothing: the network's output is not finite")
        size = batch.shape[1] // 4, batch.shape[2] // 4
        planes = {n: np.full((c, *size), self.value, np.float32) for n, c in MOVENET_MULTIPOSE.outputs.items()}
        return [CenterMaps(**planes, layout=MOVENET_MULTIPOSE) for _ in batch]


@pytest.mark.parametrize(("accuracy", "looks"), [("fast", 1), ("balanced", 2 + 2), ("high", 4 + 3)])
def test_nobody_is_looked_for_turned_by_the_smallest_look_alone(accuracy: str, looks: int) -> None:
    network = Nothing(0)
    assert detector(network, None, accuracy=accuracy).detect([np.zeros((120, 160, 3), np.uint8)]) == [[]]
    assert network.shown == looks
    network = Nothing(0)
    frames = [np.zeros((120, 160, 3), np.uint8)] * 4
    assert detector(network, None, accuracy=accuracy).follow(frames) == [[], [], [], []]
    assert network.shown == looks + 3 * {"fast": 1, "balanced": 2, "high": 4}[accuracy]


def test_a_network_that_gives_no_numbers_is_told(body: Backend, clip: Images) -> None:
    class Damaged(Nothing):
        layout = load_backend("movenet_thunder", role="refiner", device="cpu").layout

    engine = PoseEngine(backend=body, refiner=Damaged(np.nan))
    with pytest.raises(ModelError, match="not finite"):
        engine.detect(clip[:1])


def test_mirrored_twice_is_the_person() -> None:
    keypoints = np.random.default_rng(0).uniform(0, 99, (17, 3)).astype(np.float32)
    person = Person(keypoints, 0.5, skeleton=COCO_17)
    once = _mirrored(person, 100)
    np.testing.assert_allclose(once["left_wrist"][0], 99 - person["right_wrist"][0], rtol=1e-5)
    np.testing.assert_allclose(once["left_wrist"][1:], person["right_wrist"][1:])
    np.testing.assert_allclose(_mirrored(once, 100).keypoints, keypoints, atol=1e-4)


@pytest.mark.parametrize("wrong", [{"every_body": 0}, {"net_height": 63}, {"accuracy": "highest"}])
def test_settings_are_checked(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        EngineSettings(**wrong)  # type: ignore[arg-type]


def test_the_usual_networks() -> None:
    assert [usual_refiner(accuracy) for accuracy in ("fast", "balanced", "high")] == [
        "none", "movenet_thunder", "movenet_thunder",
    ]  # fmt: skip
    for refine, accuracy, expected in (
        (None, "balanced", "movenet_thunder"), (None, "fast", None), ("none", "high", None),
        ("movenet_thunder", "fast", "movenet_thunder"),
    ):  # fmt: skip
        found = load_networks("movenet_multipose", refine, EngineSettings(accuracy=accuracy), device="cpu", in_flight=1)  # type: ignore[arg-type]
        assert found[0].model.name == "movenet_multipose"
        assert (found[1] and found[1].model.name) == expected
    with pytest.raises(ModelError, match="as --model"):
        load_networks("movenet_multipose", "movenet_multipose", EngineSettings(), device="cpu")


class Blank(FrameSource):
    def __init__(self, kind: str, live: bool) -> None:
        super().__init__(Selection())
        self.info = SourceInfo("blank", "memory", kind, 64, 48)  # type: ignore[arg-type]
        self.live = live

    def _pictures(self) -> Iterator[Picture]:
        yield from ()

    def close(self) -> None:
        pass


@pytest.mark.parametrize(("kind", "live", "clip"), [("video", False, CLIP), ("video", True, 1), ("folder", False, 1)])
def test_only_videos_are_worked_on_in_clips(kind: str, live: bool, clip: int) -> None:
    assert PoseEngine(backend=Nothing(0)).open(Blank(kind, live)).clip == clip
