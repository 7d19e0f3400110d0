"""The shift of the background, in pictures cut out of the sample video."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pose.people import Person
from pose.skeleton import COCO_18
from pose.tracking.camera import CameraMotion

Image = NDArray[np.uint8]


@pytest.fixture(scope="module")
def still(sample_video: Path) -> Image:
    read, image = cv2.VideoCapture(str(sample_video)).read()
    assert read
    return np.asarray(image, np.uint8)


def shifts(images: list[Image], people: list[tuple[Person, ...]]) -> NDArray[np.float64]:
    camera = CameraMotion()
    return np.array([camera.shift(image, some) for image, some in zip(images, people, strict=True)])


def somebody(x: float, y: float, size: float) -> Person:
    keypoints = np.full((18, 3), np.nan, dtype=np.float32)
    keypoints[[0, 8, 10]] = [(x, y, 1), (x + size, y, 1), (x, y + size, 1)]
    return Person(keypoints, 0.9, skeleton=COCO_18)


def test_a_pan_is_the_opposite_shift_of_the_background(still: Image) -> None:
    """A window of 1200 x 800 pixels goes 6 to the right and 2 down each frame, and rests for the last three."""
    place = np.array([(100 + 6 * min(k, 9), 20 + 2 * min(k, 9)) for k in range(13)])
    found = shifts([still[y : y + 800, x : x + 1200] for x, y in place], [()] * 13)
    assert np.isnan(found[0]).all()
    assert found[1:10] == pytest.approx(np.tile([-6.0, -2.0, 1.0], (9, 1)), abs=0.4)
    assert found[10:] == pytest.approx(np.tile([0, 0, 1.0], (3, 1)), abs=0.05)
    assert found[1:, 2] == pytest.approx(1.0, abs=0.001)


def test_a_zoom_is_a_scale_about_the_middle(still: Image) -> None:
    """The picture grows by 1 % a frame for five frames and rests for three."""
    sizes = [1.01 ** min(k, 5) for k in range(9)]
    middle = (960.0, 540.0)
    images = [cv2.warpAffine(still, cv2.getRotationMatrix2D(middle, 0, size), (1920, 1080)) for size in sizes]
    found = shifts([np.asarray(image, np.uint8) for image in images], [()] * 9)
    assert found[1:6, 2] == pytest.approx(1.01, abs=0.001)
    assert found[6:, 2] == pytest.approx(1.0, abs=0.0005)
    assert found[1:, :2] == pytest.approx(np.zeros((8, 2)), abs=0.3)


def test_people_are_no_background(still: Image) -> None:
    """A patch that fills two thirds of the picture runs; it is left out where it is somebody's box."""
    patch, images = still[300:900, 900:1500], []
    for k in range(6):
        image = still[:700, :700].copy()
        image[60:660, 20 + 8 * k : 620 + 8 * k] = patch
        images.append(image)
    people = [(somebody(20 + 8 * k, 60, 600),) for k in range(6)]
    hidden = shifts(images, people)[1:, :2]
    assert np.nan_to_num(hidden) == pytest.approx(np.zeros((5, 2)), abs=0.3)
    assert np.abs(shifts(images, [()] * 6)[1:, 0]).max() > 4


def test_what_cannot_be_told(still: Image) -> None:
    blank = np.full((300, 400, 3), 120, dtype=np.uint8)
    assert np.isnan(shifts([blank] * 3, [()] * 3)).all()
    noise = np.random.default_rng(0).integers(0, 255, (300, 400, 3), dtype=np.uint8)
    cut = shifts([noise, np.ascontiguousarray(noise[::-1]), still[:300, :400]], [()] * 3)
    assert np.isnan(cut).all()
    other = shifts([still[:300, :400], still[:200, :400]], [()] * 2)
    assert np.isnan(other).all()
