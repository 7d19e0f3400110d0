"""People and tracks know their joints by name."""

from __future__ import annotations

import numpy as np
import pytest

from pose import BODY_25, COCO_18, Person, Track


def keypoints(n_joints: int = 18) -> np.ndarray:
    return np.arange(3 * n_joints, dtype=np.float32).reshape(n_joints, 3)


def test_a_person_gives_joints_by_name() -> None:
    person = Person(keypoints(), 1.0, skeleton=COCO_18)
    np.testing.assert_array_equal(person["nose"], [0, 1, 2])
    np.testing.assert_array_equal(person["right_wrist"], person.keypoints[4])
    np.testing.assert_array_equal(person.with_track(3)["right_wrist"], person.keypoints[4])
    large = Person(keypoints(25), 1.0, skeleton=BODY_25)
    np.testing.assert_array_equal(large["left_wrist"], large.keypoints[7])


def test_a_track_gives_a_joint_over_time() -> None:
    joints = np.stack([keypoints(), keypoints() + 1, keypoints() + 2])
    track = Track(1, np.arange(3), np.arange(3) / 25, joints, np.ones(3, np.float32), skeleton=COCO_18)
    np.testing.assert_array_equal(track["right_wrist"], joints[:, 4])
    np.testing.assert_array_equal(track.rows(slice(1, 3))["right_wrist"], joints[1:, 4])


def test_an_unknown_joint_is_told_with_those_there_are() -> None:
    person = Person(keypoints(), 1.0, skeleton=COCO_18)
    with pytest.raises(ValueError, match=r"coco_18 has no joint 'tail'; its joints are nose, neck, .*left_ear"):
        person["tail"]


def test_keypoints_of_another_layout_are_refused() -> None:
    with pytest.raises(ValueError, match="coco_18 has 18 joints, the keypoints have 25"):
        Person(keypoints(25), 1.0, skeleton=COCO_18)
    with pytest.raises(ValueError, match="coco_18 has 18 joints, the keypoints have 25"):
        Track(1, np.arange(1), np.zeros(1), keypoints(25)[None], np.ones(1, np.float32), skeleton=COCO_18)
