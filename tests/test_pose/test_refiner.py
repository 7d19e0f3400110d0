"""The refiner on a network that draws what it was asked to see, so that every answer is known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pose.backends.base import ModelInfo, Precision
from pose.engine import PoseEngine
from pose.maps import MOVENET_THUNDER, OPENPOSE_COCO, AnyMaps, CenterMaps, Layout
from pose.parsing.merging import similarities
from pose.people import Person
from pose.preprocess import NetSize
from pose.refine import Refiner
from pose.refine.crops import crop_of
from pose.skeleton import COCO_17, COCO_18
from pose.weights.zoo import load_backend

N, STRIDE = len(COCO_17), MOVENET_THUNDER.stride
SQUARE = NetSize(256, 256)


def maps_of(points: NDArray[np.float64], belief: float, size: NetSize = SQUARE) -> CenterMaps:
    """Maps of one body, (17, 2) pixels of the crop."""
    height, width = size.height // STRIDE, size.width // STRIDE
    middle = height // 2, width // 2
    centers = np.zeros((1, height, width), dtype=np.float32)
    centers[0, *middle] = 1
    heatmaps = np.zeros((N, height, width), dtype=np.float32)
    regressions, offsets = (np.zeros((2 * N, height, width), dtype=np.float32) for _ in range(2))
    for joint, place in enumerate(points / STRIDE):
        regressions[2 * joint : 2 * joint + 2, *middle] = place[::-1] - middle
        x, y = np.clip(place.astype(int), 0, (width - 1, height - 1))
        heatmaps[joint, y, x] = belief
        offsets[2 * joint : 2 * joint + 2, y, x] = place[1] - y, place[0] - x
    return CenterMaps(centers, heatmaps, regressions, offsets, MOVENET_THUNDER)


class Seeing:
    """Answers each crop in turn with what a function says; keeps the crops."""

    layout: Layout = MOVENET_THUNDER
    model = ModelInfo("seeing", "0" * 64, "this test", "Apache-2.0")
    device = "cpu"
    runtime = "numpy"
    precision: Precision = "float32"
    in_flight = 1

    def __init__(self, answer: Callable[[int], CenterMaps]) -> None:
        self.answer = answer
        self.batches: list[NDArray[np.uint8]] = []

    def infer(self, batch: NDArray[np.uint8]) -> list[AnyMaps]:
        done = sum(len(seen) for seen in self.batches)
        self.batches.append(batch)
        return [self.answer(done + i) for i in range(len(batch))]


def somebody(seed: int, x: float, y: float) -> Person:
    keypoints = np.random.default_rng(seed).uniform(-40, 40, (18, 3)).astype(np.float32)
    keypoints[:, :2] += x, y
    keypoints[:, 2] = 0.5
    return Person(keypoints, 0.8, track_id=seed)


PLACES = [COCO_18.index(joint) for joint in COCO_17.joints]
IMAGE = np.zeros((300, 400, 3), dtype=np.uint8)


def test_joints_come_back_to_the_frame() -> None:
    """The network sees each joint 2 pixels right of and 1 below where the body network saw it; crops of one size go
    through it together."""
    people = [[somebody(1, 100, 100)], [somebody(2, 300, 200), somebody(3, 120, 180)]]
    flat = [person for persons in people for person in persons]
    flat[1].keypoints[:, 0] = 300 + (flat[1].keypoints[:, 0] - 300) / 3
    truth = [person.keypoints[PLACES, :2].astype(np.float64) + np.array([2, 1]) for person in flat]

    def answer(i: int) -> CenterMaps:
        i = (0, 2, 1)[i]
        crop = crop_of(flat[i], 256, 32)
        assert crop is not None
        return maps_of(crop.to_crop(truth[i]), 0.6, crop.size)

    network = Seeing(answer)
    refined = Refiner(network).refine([IMAGE, IMAGE], people, batch=2)
    assert [batch.shape for batch in network.batches] == [(2, 256, 256, 3), (1, 256, 128, 3)]
    assert [len(persons) for persons in refined] == [1, 2]
    for person, before, points in zip((p for persons in refined for p in persons), flat, truth, strict=True):
        np.testing.assert_allclose(person.keypoints[PLACES, :2], points, atol=0.01)
        np.testing.assert_allclose(person.keypoints[PLACES, 2], 0.6, rtol=1e-6)
        np.testing.assert_array_equal(person["neck"], before["neck"])  # it knows none
        assert person.score == pytest.approx(0.8 * 0.6)
        assert (person.track_id, person.skeleton) == (before.track_id, before.skeleton)


@pytest.mark.parametrize("quarters", range(4))
def test_the_network_sees_the_person_upright(quarters: int) -> None:
    directions = ((0, 1), (1, 0), (0, -1), (-1, 0))  # from shoulders to hips
    person = somebody(0, 200, 150)
    dx, dy = directions[quarters]
    for side in ("left", "right"):
        person.keypoints[COCO_18.index(f"{side}_shoulder"), :2] = 200 - 40 * dx, 150 - 40 * dy
        person.keypoints[COCO_18.index(f"{side}_hip"), :2] = 200 + 40 * dx, 150 + 40 * dy
    image = IMAGE.copy()
    cv2.circle(image, (200 - 40 * dx, 150 - 40 * dy), 6, (255, 255, 255), -1)
    network = Seeing(lambda _: maps_of(np.full((N, 2), 128.0), 0.5))
    Refiner(network).refine([image], [[person]])
    rows, columns = np.nonzero(network.batches[0][0, :, :, 0] > 200)
    assert rows.mean() < 80
    assert abs(columns.mean() - 128) < 60


def test_no_numbers_leave_the_person_as_he_was() -> None:
    people = [somebody(i, 100 + 90 * i, 150) for i in range(3)]

    def answer(i: int) -> CenterMaps:
        maps = maps_of(np.full((N, 2), 128.0), 0.5)
        if i == 1:
            for plane in (maps.centers, maps.heatmaps, maps.regressions, maps.offsets):
                plane[:] = np.nan
        return maps

    (refined,) = Refiner(Seeing(answer)).refine([IMAGE], [people])
    assert refined[1] is people[1]
    assert [refined[0].score, refined[2].score] == pytest.approx([0.4, 0.4])


def test_whoever_is_seen_again_in_another_pose_is_nobody() -> None:
    """Both crops show the first one; he stays, whether he is looked at as well or known to be there."""
    first = somebody(1, 150, 150)
    again = Person(first.keypoints + np.float32([6, 3, 0]), 0.7)

    def refine(*people: Person, beside: tuple[Person, ...] = ()) -> list[Person]:
        def answer(i: int) -> CenterMaps:
            crop = crop_of(people[i], 256, 32)
            assert crop is not None
            return maps_of(crop.to_crop(first.keypoints[PLACES, :2]), 0.5, crop.size)

        (refined,) = Refiner(Seeing(answer)).refine([IMAGE], [people], [beside])
        return refined

    assert [person.score for person in refine(first, again)] == pytest.approx([0.4, 0])
    assert [person.score for person in refine(again)] == pytest.approx([0.35])
    assert [person.score for person in refine(again, beside=(first,))] == [0]


def test_a_person_without_joints_stays_and_asks_nothing() -> None:
    empty = Person(np.full((18, 3), np.nan, dtype=np.float32), 0.5)
    network = Seeing(lambda _: maps_of(np.full((N, 2), 128.0), 0.5))
    refined = Refiner(network).refine([IMAGE, IMAGE, IMAGE], [[empty], [], [empty]])
    assert refined == [[empty], [], [empty]]
    assert network.batches == []


def test_a_person_outside_the_frame_is_looked_at_in_grey() -> None:
    network = Seeing(lambda _: maps_of(np.full((N, 2), 128.0), 0.5))
    ((person,),) = Refiner(network).refine([IMAGE], [[somebody(0, -5000, 9000)]])
    assert np.all(network.batches[0] == 127)
    assert np.isfinite(person.keypoints).all()


def test_a_network_that_finds_everybody_is_refused() -> None:
    network = Seeing(lambda _: maps_of(np.full((N, 2), 128.0), 0.5))
    network.layout = OPENPOSE_COCO
    with pytest.raises(ValueError, match="seeing: expected a network that finds one person"):
        Refiner(network)


@pytest.fixture(scope="module")
def thunder() -> Refiner:
    return Refiner(load_backend("movenet_thunder", role="refiner", device="cpu", threads=1))


@pytest.fixture(scope="module")
def frame(sample_video: Path) -> NDArray[np.uint8]:
    video = cv2.VideoCapture(str(sample_video))
    video.set(cv2.CAP_PROP_POS_FRAMES, 60)
    image = np.asarray(video.read()[1], dtype=np.uint8)
    video.release()
    return image


@pytest.fixture(scope="module")
def seen(frame: NDArray[np.uint8]) -> list[Person]:
    """The two people of the frame, as the body network alone sees them."""
    engine = PoseEngine(refine="none", device="cpu", in_flight=1)
    (people,) = engine.detect([frame])
    return [person for person in people if person.score > 0.3]


def test_real_people_stay_where_they_are(thunder: Refiner, frame: NDArray[np.uint8], seen: list[Person]) -> None:
    (refined,) = thunder.refine([frame], [seen])
    assert len(refined) == 2
    assert np.diag(similarities(seen, refined)).min() > 0.8
    for person, before in zip(refined, seen, strict=True):
        height = float(np.ptp(before.box[1::2]))
        sure = (person.keypoints[:, 2] > 0.3) & before.visible
        away = np.linalg.norm(person.keypoints[sure, :2] - before.keypoints[sure, :2], axis=1)
        assert sure.sum() >= 10
        assert np.median(away) < 0.04 * height
        assert np.mean(away < 0.1 * height) > 0.85


def test_a_joint_that_was_misplaced_is_put_right(
    thunder: Refiner, frame: NDArray[np.uint8], seen: list[Person]
) -> None:
    (expected,) = thunder.refine([frame], [seen])
    for before, right in zip(seen, expected, strict=True):
        wrong = Person(before.keypoints.copy(), before.score)
        height = float(np.ptp(before.box[1::2]))
        joint = COCO_18.index("left_shoulder")
        wrong.keypoints[joint, :2] += 0.1 * height
        ((found,),) = thunder.refine([frame], [[wrong]])
        assert np.linalg.norm(found.keypoints[joint, :2] - right.keypoints[joint, :2]) < 0.03 * height


def test_a_batch_gives_what_one_by_one_gives(thunder: Refiner, frame: NDArray[np.uint8], seen: list[Person]) -> None:
    images, people = [frame, frame[:, ::-1].copy()], [seen, seen]
    together = thunder.refine(images, people, batch=4)
    for image, persons, expected in zip(images, people, together, strict=True):
        for person, one in zip(persons, expected, strict=True):
            ((alone,),) = thunder.refine([image], [[person]], batch=1)
            np.testing.assert_allclose(alone.keypoints, one.keypoints, atol=0.02)
            assert alone.score == pytest.approx(one.score, abs=1e-4)
