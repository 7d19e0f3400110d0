"""Joints half way between two others, as they were when OpenPose's networks were trained: neck and mid-hip."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pose.people import Person
from pose.skeleton import COCO_17, COCO_18, Skeleton

_FROM_17 = [COCO_17.joints.index(joint) if joint in COCO_17.joints else 0 for joint in COCO_18.joints]


def to_coco_18(person: Person) -> Person:
    """A person of COCO-17 with a neck."""
    keypoints = with_middles(person.keypoints[_FROM_17], COCO_18)
    return replace(person, keypoints=keypoints, skeleton=COCO_18)


def with_middles(keypoints: NDArray[np.float32], skeleton: Skeleton) -> NDArray[np.float32]:
    """(K, 3) with the layout's `middles` between their joints, as sure as the less sure; missing when one is."""
    placed = keypoints.copy()
    for joint, ends in skeleton.middles:
        i = skeleton.index(joint)
        points = keypoints[[skeleton.index(end) for end in ends]]
        placed[i] = *points[:, :2].mean(axis=0), points[:, 2].min()
        if np.isnan(placed[i, 0]):
            placed[i] = np.nan, np.nan, 0
    return placed
