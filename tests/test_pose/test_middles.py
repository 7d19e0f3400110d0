from __future__ import annotations

import numpy as np

from pose.parsing.middles import to_coco_18, with_middles
from pose.people import Person
from pose.skeleton import BODY_25, COCO_17, COCO_18, MPI_15


def full() -> Person:
    rng = np.random.default_rng(0)
    keypoints = rng.uniform(0.1, 1, (17, 3)).astype(np.float32)
    keypoints[:, :2] *= 100
    return Person(keypoints, 0.6, track_id=2, skeleton=COCO_17)


def test_every_joint_keeps_its_name() -> None:
    person = full()
    before = person.keypoints.copy()
    with_18 = to_coco_18(person)
    assert with_18.skeleton is COCO_18
    assert (with_18.score, with_18.track_id) == (0.6, 2)
    for joint in COCO_17.joints:
        np.testing.assert_array_equal(with_18[joint], person[joint])
    np.testing.assert_array_equal(person.keypoints, before)


def test_the_neck_is_between_the_shoulders_as_sure_as_the_less_sure() -> None:
    person = full()
    left, right = person["left_shoulder"], person["right_shoulder"]
    neck = to_coco_18(person)["neck"]
    np.testing.assert_allclose(neck[:2], (left[:2] + right[:2]) / 2, rtol=1e-6)
    assert neck[2] == min(left[2], right[2])


def test_without_a_shoulder_there_is_no_neck() -> None:
    keypoints = to_coco_18(full()).keypoints
    keypoints[COCO_18.index("left_shoulder")] = np.nan, np.nan, 0
    placed = with_middles(keypoints, COCO_18)
    np.testing.assert_array_equal(placed[COCO_18.index("neck")], [np.nan, np.nan, 0])
    assert np.isfinite(keypoints[COCO_18.index("neck")]).all()  # what was given stays


def test_each_layout_has_its_own_middles() -> None:
    keypoints = np.random.default_rng(1).uniform(1, 100, (25, 3)).astype(np.float32)
    placed = dict(zip(BODY_25.joints, with_middles(keypoints, BODY_25), strict=True))
    for middle, part in (("neck", "shoulder"), ("mid_hip", "hip")):
        ends = [placed[f"{side}_{part}"] for side in ("left", "right")]
        np.testing.assert_allclose(placed[middle][:2], np.mean(ends, axis=0)[:2], rtol=1e-6)
    moved = (with_middles(keypoints, BODY_25) != keypoints).any(axis=1)
    assert {joint for joint, changed in zip(BODY_25.joints, moved, strict=True) if changed} == {"neck", "mid_hip"}
    np.testing.assert_array_equal(with_middles(keypoints[:15], MPI_15), keypoints[:15])  # its neck is another
