"""Turned looks: the way there and back, and when they are taken."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from pose.people import Person
from pose.skeleton import COCO_18
from pose.turns import turned, turned_back, worth_turning

NOSE = COCO_18.index("nose")


def at(x: float, y: float) -> Person:
    keypoints = np.full((18, 3), np.nan, dtype=np.float32)
    keypoints[:, 2] = 0
    keypoints[NOSE] = x, y, 0.7
    return Person(keypoints, 0.4, track_id=3)


def body(direction: tuple[float, float], score: float) -> Person:
    """Whose shoulders are at (50, 50) and whose hips lie in a direction from there."""
    keypoints = np.full((18, 3), np.nan, dtype=np.float32)
    keypoints[:, 2] = 0
    for side in ("left", "right"):
        keypoints[COCO_18.index(f"{side}_shoulder")] = 50, 50, 1
        keypoints[COCO_18.index(f"{side}_hip")] = 50 + direction[0], 50 + direction[1], 1
    return Person(keypoints, score)


@pytest.mark.parametrize("quarters", range(5))
@pytest.mark.parametrize(("x", "y"), [(0, 0), (6, 4), (5, 1)])
def test_a_lit_pixel_is_turned_back_to_its_place(quarters: int, x: int, y: int) -> None:
    image = np.zeros((5, 7, 3), dtype=np.uint8)
    image[y, x] = 255
    view = turned(image, quarters)
    assert view.flags.c_contiguous
    assert view.shape == ((5, 7, 3), (7, 5, 3))[quarters % 2]
    ((row, column),) = np.argwhere(view[:, :, 0])
    back = turned_back(at(column, row), quarters, (5, 7))
    np.testing.assert_array_equal(back.keypoints[NOSE], np.array([x, y, 0.7], dtype=np.float32))
    assert np.isnan(back.keypoints[1:, :2]).all()
    assert not back.keypoints[1:, 2].any()
    assert (back.score, back.track_id) == (0.4, 3)


def test_a_quarter_is_clockwise() -> None:
    image: NDArray[np.uint8] = np.zeros((2, 3, 3), dtype=np.uint8)
    image[0, 0] = 9  # top left comes to lie at the top right
    assert turned(image, 1)[0, 1, 0] == 9


def test_a_sure_upright_person_needs_no_turned_look() -> None:
    assert worth_turning([body((0, 40), 0.9)], (1, 2, 3)) == {}
    assert worth_turning([body((0, 40), 0.9), body((0, 40), 0.05)], (1, 3)) == {}


def test_nobody_is_looked_for_in_every_turn() -> None:
    for people in ([], [body((0, 40), 0.1)]):
        assert worth_turning(people, (1, 2, 3)) == {1: False, 2: False, 3: False}
        assert worth_turning(people, ()) == {}


@pytest.mark.parametrize(("direction", "quarters"), [((40, 0), 1), ((0, -40), 2), ((-40, 0), 3)])
def test_who_lies_is_looked_at_upright(direction: tuple[float, float], quarters: int) -> None:
    people = [body((0, 40), 0.9), body(direction, 0.2)]
    assert worth_turning(people, (1, 2, 3)) == {quarters: True}
    assert worth_turning(people[1:], (1, 2, 3)) == {q: q == quarters for q in (1, 2, 3)}
    assert worth_turning([people[0], body(direction, 0.05)], (1, 2, 3)) == {}  # hardly there
