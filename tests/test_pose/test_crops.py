"""Crops: where a place of the frame lands in the cut, and back."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from pose.people import Person
from pose.preprocess import NetSize
from pose.refine.crops import Crop, crop_of, quarters_of
from pose.skeleton import COCO_18
from pose.turns import turned

# (x, y) of a body that stands; COCO-18
STANDING = {
    "nose": (0, -30), "neck": (0, -20), "right_shoulder": (-8, -20), "left_shoulder": (8, -20),
    "right_hip": (-5, 10), "left_hip": (5, 10), "right_ankle": (-6, 45), "left_ankle": (6, 45),
}  # fmt: skip


def person(places: Mapping[str, tuple[float, float]], confidence: float = 1.0) -> Person:
    keypoints = np.full((18, 3), np.nan, dtype=np.float32)
    keypoints[:, 2] = 0
    for joint, place in places.items():
        keypoints[COCO_18.index(joint)] = *place, confidence
    return Person(keypoints, 1.0)


def rotated(degrees: float) -> Person:
    """A standing person, turned counterclockwise as one sees it, around (100, 100)."""
    a = np.deg2rad(degrees)
    turn = np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])
    return person({joint: tuple(turn @ np.array(place) + 100) for joint, place in STANDING.items()})


def dot(image: NDArray[np.uint8], x: float, y: float, sigma: float) -> NDArray[np.uint8]:
    ys, xs = np.mgrid[: image.shape[0], : image.shape[1]]
    glow = 255 * np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / (2 * sigma**2))
    return np.broadcast_to(glow[:, :, None], (*glow.shape, 3)).astype(np.uint8)


def brightest(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(2,) x, y of the middle of a glow; grey borders don't count."""
    weights = image[:, :, 0].astype(np.float64)
    weights[weights <= 130] = 0
    ys, xs = np.mgrid[: image.shape[0], : image.shape[1]]
    middle: NDArray[np.float64] = np.array([(xs * weights).sum(), (ys * weights).sum()]) / weights.sum()
    return middle


@pytest.mark.parametrize("quarters", range(4))
@pytest.mark.parametrize(
    ("middle", "side", "place"),
    [
        ((150, 100), 96, (171.4, 88.3)),  # enlarged
        ((150, 100), 200, (111.2, 140.6)),  # shrunk less than to a half
        ((151, 102), 340, (87.7, 61.9)),  # shrunk first, leaves the frame below and above
        ((40, 30), 320, (101.3, 99.1)),  # leaves the frame left and above
        ((280, 180), 700, (201.6, 71.8)),  # shrunk five times, leaves it everywhere
    ],
)
def test_a_dot_lands_where_the_crop_says(
    quarters: int, middle: tuple[float, float], side: float, place: tuple[float, float]
) -> None:
    crop = Crop(np.array(middle, dtype=np.float64), 128 / side, quarters, NetSize(128, 96))
    shown = crop.cut(dot(np.zeros((203, 301, 3), np.uint8), *place, sigma=max(2 / crop.scale, 2)))
    assert shown.shape == (128, 96, 3)
    assert shown.dtype == np.uint8
    np.testing.assert_allclose(brightest(shown), crop.to_crop(place), atol=0.15)


@pytest.mark.parametrize("quarters", range(4))
def test_a_crop_of_the_whole_frame_is_the_turned_frame(quarters: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (48, 48, 3), dtype=np.uint8)
    crop = Crop(np.full(2, 23.5), 1, quarters, NetSize(48, 48))
    np.testing.assert_array_equal(crop.cut(image), turned(image, quarters))


@pytest.mark.parametrize("side", [60, 900])
@pytest.mark.parametrize("middle", [(-2000, 50), (2000, 50), (50, -2000), (50, 2000), (-2000, 2000), (1e9, -1e9)])
def test_a_crop_outside_the_frame_is_grey(middle: tuple[float, float], side: float) -> None:
    image = np.full((120, 160, 3), 250, dtype=np.uint8)
    shown = Crop(np.array(middle, dtype=np.float64), 64 / side, 1, NetSize(64, 64)).cut(image)
    assert np.all(shown == 127)


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (500, 3)])
def test_any_frame_can_be_cut(size: tuple[int, int]) -> None:
    image = np.full((*size, 3), 250, dtype=np.uint8)
    for side in (16, 300, 5000):
        shown = Crop(np.array([size[1] / 2, size[0] / 2]), 64 / side, 3, NetSize(32, 64)).cut(image)
        assert shown.shape == (32, 64, 3)
        assert shown.max() >= 127


def test_a_very_wide_frame_can_be_cut() -> None:
    """Wider than 16 bits count, as OpenCV's warp once did."""
    image = np.zeros((40, 40_000, 3), dtype=np.uint8)
    image[18:23, 36_008:36_013] = 255
    crop = Crop(np.array([36_000.0, 20.0]), 1, 0, NetSize(64, 64))
    shown = crop.cut(image)
    np.testing.assert_allclose(brightest(shown), crop.to_crop((36_010, 20)), atol=0.1)


def test_the_crop_holds_the_sure_joints_with_a_margin() -> None:
    crop = crop_of(person(STANDING), 256, 32)
    assert crop is not None
    np.testing.assert_allclose(crop.middle, (0, 7.5))
    assert crop.scale == pytest.approx(256 / (75 * 1.25))
    assert (crop.quarters, crop.size) == (0, NetSize(256, 96)), "16 of 75 pixels wide: 55 and the room"
    far = person(STANDING)
    far.keypoints[COCO_18.index("left_wrist")] = 900, 900, 0.01
    assert crop_of(far, 256, 32).scale == crop.scale  # type: ignore[union-attr]


@pytest.mark.parametrize(("joint", "size"), [("left_wrist", NetSize(192, 256)), ("left_ankle", NetSize(256, 224))])
@pytest.mark.parametrize("degrees", [0, 90, 180, -90])
def test_the_shorter_side_is_as_long_as_the_joints_need(joint: str, size: NetSize, degrees: float) -> None:
    body = rotated(degrees)
    a = np.deg2rad(degrees)
    reached = {"left_wrist": (120, 0), "left_ankle": (45, 45)}[joint]
    turn = np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])
    body.keypoints[COCO_18.index(joint)] = *(turn @ np.array(reached) + 100), 1
    crop = crop_of(body, 256, 32)
    assert crop is not None
    assert crop.size == size
    places = crop.to_crop(body.keypoints[body.visible, :2])
    assert np.all((places >= 0) & (places <= (size.width - 1, size.height - 1)))
    assert crop_of(body, 256, 256).size == NetSize(256, 256)  # type: ignore[union-attr]


def test_crops_of_few_joints() -> None:
    assert crop_of(person({}), 256, 32) is None
    one = crop_of(person({"nose": (30, 40)}), 256, 32)
    assert one is not None
    np.testing.assert_allclose(one.middle, (30, 40))
    assert (one.scale, one.size) == (16, NetSize(32, 32))
    unsure = crop_of(person(STANDING, confidence=0.01), 256, 32)
    assert unsure is not None
    assert unsure.scale == pytest.approx(256 / (75 * 1.25))


@pytest.mark.parametrize(
    ("degrees", "quarters"),
    [(0, 0), (40, 0), (-40, 0), (50, 1), (90, 1), (130, 1), (140, 2), (180, 2), (-140, 2), (-90, 3), (-50, 3)],
)
def test_the_head_is_up_in_the_crop(degrees: float, quarters: int) -> None:
    lying = rotated(degrees)
    assert quarters_of(lying) == quarters
    crop = crop_of(lying, 256, 32)
    assert crop is not None
    shoulders, hips = (
        crop.to_crop(np.mean([lying[f"left_{joint}"][:2], lying[f"right_{joint}"][:2]], axis=0))
        for joint in ("shoulder", "hip")
    )
    down = hips - shoulders
    assert down[1] > abs(down[0])


def test_one_side_is_enough_for_the_axis() -> None:
    assert quarters_of(person({"left_shoulder": (0, 0), "right_hip": (50, 3)})) == 1
    assert quarters_of(person({"left_shoulder": (0, 0), "right_shoulder": (50, 3)})) == 0
    assert quarters_of(person({})) == 0
