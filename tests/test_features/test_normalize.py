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
    sequence = normalize.with_derived(make(3))
    np.testing.assert_array_equal(sequence.joint("mid_hip")[0], [0, 0])
    np.testing.assert_array_equal(sequence.joint("mid_shoulder")[0], [0, -100])
    np.testing.assert_array_equal(sequence.joint("mid_ankle")[0], [0, 100])
    np.testing.assert_array_equal(sequence.joint("head")[0], [0, -122])
    assert sequence.steps == ("derive(mid_hip, mid_shoulder, mid_ankle, head)",)
    assert normalize.with_derived(sequence) is sequence


def test_the_head_is_the_mean_of_the_face_joints_found(make: Make) -> None:
    gone = (np.nan, np.nan)
    sequence = normalize.with_derived(make(3, left_eye=gone, left_ear=gone, right_eye=gone, right_ear=gone))
    np.testing.assert_array_equal(sequence.joint("head")[0], [0, -120])
    assert sequence.confidence[0, -1] == 1
    none = normalize.joint_points(
        make(3, left_eye=gone, left_ear=gone, right_eye=gone, right_ear=gone, nose=gone), "head"
    )
    assert np.isnan(none).all()


def test_a_middle_is_missing_when_one_side_is(make: Make) -> None:
    sequence = normalize.with_derived(make(3, left_hip=(np.nan, np.nan)))
    assert np.isnan(sequence.joint("mid_hip")).all()
    assert (sequence.confidence[:, sequence.joint_names.index("mid_hip")] == 0).all()


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


def test_normalize(make: Make) -> None:
    sequence = make(5, path=[[300, 200]] * 5, nose=(-30, -120))  # looks to the left
    raw = sequence.points.copy()
    body = normalize.normalize(sequence)
    assert body.unit == "body"
    np.testing.assert_allclose(body.joint("mid_hip"), 0)
    np.testing.assert_allclose(body.joint("neck")[0], [0, -1])
    np.testing.assert_allclose(body.joint("nose")[0], [0.3, -1.2])  # turned to the right
    np.testing.assert_allclose(body.joint("left_hip")[0], [0.1, 0])  # mirrored, and the other hip's
    assert body.steps[-1] == "face_right"
    np.testing.assert_array_equal(sequence.points, raw)


def test_who_faces_right_stays(make: Make) -> None:
    sequence = make(5, nose=(30, -120))
    np.testing.assert_array_equal(normalize.face_right(sequence).points, sequence.points)
    np.testing.assert_allclose(normalize.facing(sequence), 0.3)


@pytest.mark.parametrize("degrees", [0, 40, 90, 180, 250])
def test_three_dimensions_are_turned_about_the_vertical(make: Make, degrees: float) -> None:
    flat = make(2, nose=(0, -120))
    points = np.concatenate([flat.points, np.zeros((2, 18, 1))], axis=-1)
    points[:, 0, 2] = -25  # the nose points at the camera, left of the image is the person's right
    turn = np.radians(degrees)
    matrix = np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
    turned = normalize.face_right(replace(flat, points=points @ matrix.T))
    np.testing.assert_allclose(turned.joint("nose"), [[25, -120, 0]] * 2, atol=1e-9)
    np.testing.assert_allclose(turned.joint("left_hip"), [[0, 0, 10]] * 2, atol=1e-9)


def test_a_body_without_a_trunk_cannot_be_scaled(make: Make) -> None:
    with pytest.raises(FeatureError, match="no frame shows the trunk"):
        normalize.scale(make(3, left_hip=(np.nan, np.nan)))


def test_centre_gives_up_frames_without_the_origin(make: Make) -> None:
    hip = np.tile([10.0, 0.0], (3, 1))
    hip[1] = np.nan
    sequence = normalize.centre(make(3, left_hip=hip))
    np.testing.assert_array_equal(sequence.found.all(axis=1), [True, False, True])
    assert (sequence.confidence[1] == 0).all()
