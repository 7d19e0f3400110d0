"""Convolutional pose machines as the engine uses them: on the whole image, and behind a body network."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pose.backends.base import ModelInfo, Precision
from pose.engine import EngineSettings, PoseEngine
from pose.maps import CPM_BODY, AnyMaps, BeliefMaps, Layout, pixels_to_cells
from pose.parsing.beliefs import read_beliefs
from pose.people import Person
from pose.refine import Refiner
from pose.skeleton import COCO_18, CPM_14

BODY = {
    "head": (0, -78), "neck": (0, -54), "right_shoulder": (-20, -40), "right_elbow": (-42, -14),
    "right_wrist": (-44, 14), "left_shoulder": (20, -40), "left_elbow": (42, -14), "left_wrist": (44, 14),
    "right_hip": (-12, 8), "right_knee": (-13, 44), "right_ankle": (-14, 80), "left_hip": (12, 8),
    "left_knee": (13, 44), "left_ankle": (14, 80),
}  # fmt: skip
GREYS = dict(zip(CPM_14.joints, (*range(20, 116, 16), *range(140, 250, 14)), strict=False))


def picture(x: float, y: float, width: int = 400, height: int = 300) -> NDArray[np.uint8]:
    """A black image with a square of its own grey at every joint of a body, and a white stripe at the left."""
    image = np.zeros((height, width, 3), dtype=np.uint8)
    image[:, :12] = 255
    for joint, (dx, dy) in BODY.items():
        column, row = round(x + dx), round(y + dy)
        image[row - 6 : row + 7, column - 6 : column + 7] = GREYS[joint]
    return image


class Believing:
    """Believes in each joint where its grey is; in the mirrored image it takes left for right, as networks do."""

    layout: Layout = CPM_BODY
    model = ModelInfo("believing", "0" * 64, "this test", "Apache-2.0")
    device = "cpu"
    runtime = "numpy"
    precision: Precision = "float32"
    in_flight = 1

    def infer(self, batch: NDArray[np.uint8]) -> list[AnyMaps]:
        return [self._believe(image[:, :, 0].astype(int)) for image in batch]

    def _believe(self, grey: NDArray[np.int_]) -> BeliefMaps:
        cells = len(grey) // CPM_BODY.stride
        rows, columns = np.mgrid[:cells, :cells]
        heatmaps = np.zeros((len(CPM_14) + 1, cells, cells), dtype=np.float32)
        for heatmap, joint in zip(heatmaps, CPM_14.joints, strict=False):
            marks = cv2.erode((np.abs(grey - GREYS[joint]) <= 1).astype(np.uint8), np.ones((3, 3)))
            marked = np.nonzero(marks)  # without edges, where other squares have this grey
            if len(marked[0]) > 0:
                y, x = pixels_to_cells([np.median(marked[0]), np.median(marked[1])], CPM_BODY.stride)
                heatmap[:] = 0.8 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 4)
        if np.median(grey[cells * 4 - 20 : cells * 4 + 20, -5]) == 255:
            heatmaps[:-1] = heatmaps[:-1][CPM_14.mirror_indices]
        return BeliefMaps(heatmaps, CPM_BODY)


def test_one_person_of_the_whole_image() -> None:
    engine = PoseEngine(backend=Believing())
    ((person,),) = engine.detect([picture(200, 140)])
    assert engine.skeleton is person.skeleton is CPM_14
    truth = [(200 + BODY[joint][0], 140 + BODY[joint][1]) for joint in CPM_14.joints]
    np.testing.assert_allclose(person.keypoints[:, :2], truth, atol=1)
    np.testing.assert_allclose(person.keypoints[:, 2], 0.8, atol=0.02)
    assert person.score == pytest.approx(0.8, abs=0.02)


def test_nobody_in_an_empty_image() -> None:
    assert PoseEngine(backend=Believing()).detect([np.zeros((300, 400, 3), dtype=np.uint8)]) == [[]]


def test_the_mirrored_image_agrees() -> None:
    one, two = (
        PoseEngine(backend=Believing(), settings=EngineSettings(accuracy=accuracy)).detect([picture(200, 140)])[0][0]
        for accuracy in ("balanced", "high")
    )
    np.testing.assert_allclose(one.keypoints, two.keypoints, atol=1)


def seen(x: float, y: float) -> Person:
    """As a body network of another layout may see that body: joints off by some pixels."""
    keypoints = np.full((18, 3), (np.nan, np.nan, 0), dtype=np.float32)
    for joint, place in BODY.items():
        if joint in COCO_18.joints:
            keypoints[COCO_18.index(joint)] = x + place[0] + 5, y + place[1] - 4, 0.5
    keypoints[COCO_18.index("nose")] = x, y - 60, 0.9
    return Person(keypoints, 0.6, track_id=3)


def test_behind_a_body_network_it_refines_what_both_know() -> None:
    before = seen(200, 140)
    ((person,),) = Refiner(Believing()).refine([picture(200, 140)], [[before]])
    for joint, (dx, dy) in BODY.items():
        if joint in COCO_18.joints:
            np.testing.assert_allclose(person[joint][:2], (200 + dx, 140 + dy), atol=1)
    np.testing.assert_array_equal(person["nose"], before["nose"])  # it knows none
    assert (person.track_id, person.skeleton) == (3, COCO_18)
    assert person.score == pytest.approx(0.6 * 0.8, abs=0.02)


def test_no_numbers_leave_the_person_as_he_was() -> None:
    network = Believing()
    network._believe = lambda _: BeliefMaps(  # type: ignore[method-assign] # a network that fails
        np.full((15, 46, 46), np.nan, dtype=np.float32), CPM_BODY
    )
    before = seen(200, 140)
    assert Refiner(network).refine([picture(200, 140)], [[before]]) == [[before]]


def test_of_two_maxima_the_prior_decides() -> None:
    heatmaps = np.zeros((2, 46, 46), dtype=np.float32)
    rows, columns = np.mgrid[:46, :46]
    for x, y, height in ((10.3, 12.6, 0.9), (30.2, 12.0, 0.6)):
        heatmaps[0] += height * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 8).astype(np.float32)
    free = read_beliefs(heatmaps, np.full((1, 2), np.nan), 2.0)
    near = read_beliefs(heatmaps, np.array([[31.0, 13.0]]), 2.0)
    np.testing.assert_allclose(free, [[10.3, 12.6, 0.9]], atol=0.02)
    np.testing.assert_allclose(near, [[30.2, 12.0, 0.6]], atol=0.02)


def test_the_crop_is_of_the_layouts_size() -> None:
    shapes = []

    class Small(Believing):
        layout: Layout = replace(CPM_BODY, size=256)

        def infer(self, batch: NDArray[np.uint8]) -> list[AnyMaps]:
            shapes.append(batch.shape)
            return super().infer(batch)

    PoseEngine(backend=Small()).detect([picture(200, 140)])
    assert shapes == [(1, 256, 256, 3)]
