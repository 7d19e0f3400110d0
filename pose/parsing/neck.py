"""COCO-17 to COCO-18: the neck is the middle of the shoulders, as it was when OpenPose's networks were trained."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pose.people import Person
from pose.skeleton import COCO_17, COCO_18

_FROM_17 = [COCO_17.joints.index(joint) if joint != "neck" else 0 for joint in COCO_18.joints]
_NECK = COCO_18.index("neck")
_SHOULDERS = [COCO_18.index("left_shoulder"), COCO_18.index("right_shoulder")]


def to_coco_18(person: Person) -> Person:
    """A person of COCO-17 with a neck."""
    return replace(person, keypoints=with_neck(person.keypoints[_FROM_17]), skeleton=COCO_18)


def with_neck(keypoints: NDArray[np.float32]) -> NDArray[np.float32]:
    """(18, 3) with the neck between the shoulders, as sure as the less sure one; missing when one of them is."""
    placed = keypoints.copy()
    shoulders = keypoints[_SHOULDERS]
    placed[_NECK] = *shoulders[:, :2].mean(axis=0), shoulders[:, 2].min()
    if np.isnan(placed[_NECK, 0]):
        placed[_NECK] = np.nan, np.nan, 0
    return placed
