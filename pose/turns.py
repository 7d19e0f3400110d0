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

_SURE = 0.35  # score of a person who leaves no doubt


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


def leaves_doubt(people: Sequence[Person]) -> bool:
    """Whether somebody may have been missed because he does not stand: nobody is sure, or a sure one lies."""
    sure = [person for person in people if person.score > _SURE]
    return not sure or any(quarters_of(person) % 4 for person in sure)
