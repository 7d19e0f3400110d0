from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from features import normalize
from features.errors import FeatureError
from features.sequence import PoseSequence

Make = Callable[..., PoseSequence]


def keep(sequence: PoseSequence, *names: str) -> PoseSequence:
    index = [sequence.joint_names.index(name) for name in names]
    return replace(
        sequence, points=sequence.points[:, index], confidence=sequence.confidence[:, index], joint_names=names
    )


def test_derived_joints(make: Make) -> None:
    sequence = make(3)
    for joint, xy in (("mid_hip", (0, 0)), ("mid_shoulder", (0, -100)), ("mid_ankle", (0, 100)), ("head", (0, -122))):
        np.testing.assert_array_equal(normalize.joint_points(sequence, joint)[0], xy)


def test_the_head_is_the_mean_of_the_face_joints_found(make: Make) -> None:
    gone = (np.nan, np.nan)
    eyes_and_ears = {f"{side}_{part}": gone for side in ("left", "right") for part in ("eye", "ear")}
    np.testing.assert_array_equal(normalize.joint_points(make(3, **eyes_and_ears), "head")[0], [0, -120])
    assert np.isnan(normalize.joint_points(make(3, nose=gone, **eyes_and_ears), "head")).all()


def test_a_middle_is_missing_when_one_side_is(make: Make) -> None:
    assert np.isnan(normalize.joint_points(make(3, left_hip=(np.nan, np.nan)), "mid_hip")).all()


def test_a_layout_without_a_neck_takes_the_middle_of_the_shoulders(make: Make) -> None:
    sequence = keep(make(3), "left_shoulder", "right_shoulder", "left_hip", "right_hip")
    assert normalize.body_scale(sequence) == 100
    assert normalize.has_joint(sequence.joint_names, "neck")
    assert not normalize.has_joint(sequence.joint_names, "head")
    with pytest.raises(FeatureError, match="no joint 'head'"):
        normalize.joint_points(sequence, "head")


def test_the_scale_is_a_median(make: Make) -> None:
    neck = np.tile([0.0, -100.0], (11, 1))
    neck[:4], neck[4] = [0, -900], np.nan
    assert normalize.body_scale(make(11, neck=neck)) == 100
    assert np.isnan(normalize.body_scale(make(11, neck=(np.nan, np.nan))))
    assert np.isnan(normalize.body_scale(keep(make(11), "nose", "left_hip")))


def test_facing(make: Make) -> None:
    np.testing.assert_allclose(normalize.facing(make(5, nose=(30, -120))), 0.3)
    np.testing.assert_allclose(normalize.facing(make(5, nose=(-30, -120))), -0.3)
