"""Looks at the turned frame: networks that were trained on people who stand do not see those who lie.

A frame turned by quarters is looked at like any other, and its people are turned back. That costs as much again per
turn, so it is done where it may pay: where the upright look leaves a doubt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pose.people import Person
from pose.refine.crops import quarters_of

_SOMEBODY = 0.4  # score of the best person below which somebody may have been missed
_LYING = 0.15  # score of a person who seems to lie


def turned(image: NDArray[np.uint8], quarters: int) -> NDArray[np.uint8]:
    """The (H, W, 3) image turned clockwise."""
    return np.ascontiguousarray(np.rot90(image, -quarters))


def turned_back(person: Person, quarters: int, size: tuple[int, int]) -> Person:
    """A person found in the turned image, in pixels of the image itself.

    Args:
        person: in pixels of the image turned by so many `quarters` clockwise.
        size: (height, width) of the image itself.
    """
    height, width = size
    x, y = person.keypoints[:, 0], person.keypoints[:, 1]
    x, y = ((x, y), (y, height - 1 - x), (width - 1 - x, height - 1 - y), (width - 1 - y, x))[quarters % 4]
    return replace(person, keypoints=np.stack([x, y, person.keypoints[:, 2]], axis=1))


def worth_turning(people: Sequence[Person], turns: Sequence[int]) -> dict[int, bool]:
    """Which of some quarter turns may show somebody better than he was seen upright, and whether that is likely.

    Likely are those that would set one of the people who lie upright; where nobody is sure to be there, the others may.
    """
    lying = {quarters_of(person) for person in people if person.score > _LYING}
    nobody = max((person.score for person in people), default=0.0) < _SOMEBODY
    return {quarters: quarters in lying for quarters in turns if nobody or quarters in lying}
