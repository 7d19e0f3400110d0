"""Hands and faces: the orders that OpenPose's networks and files have."""

from __future__ import annotations

import numpy as np

from pose.maps import CPM_BODY, OPENPOSE_FACE, OPENPOSE_HAND
from pose.parts import FACE_70, FINGERS, HAND_21


def test_a_hand_is_a_wrist_and_five_fingers_from_the_thumb() -> None:
    assert len(HAND_21) == 21
    assert [HAND_21.index(f"{finger}_tip") for finger in FINGERS] == [4, 8, 12, 16, 20]
    assert all(("wrist", HAND_21.joints[i]) in HAND_21.limbs for i in (1, 5, 9, 13, 17))
    assert len(HAND_21.limbs) == 20


def test_a_face_is_ibugs_points_and_two_pupils() -> None:
    known = {
        "chin": 8, "right_brow_1": 17, "left_brow_1": 26, "nose_bridge_4": 30, "nose_base": 33, "right_eye_outer": 36,
        "right_eye_inner": 39, "left_eye_inner": 42, "left_eye_outer": 45, "right_lip_corner": 48, "upper_lip": 51,
        "left_lip_corner": 54, "lower_lip": 57, "right_mouth_corner": 60, "mouth_upper": 62, "left_mouth_corner": 64,
        "mouth_lower": 66, "right_pupil": 68, "left_pupil": 69,
    }  # fmt: skip
    assert {joint: FACE_70.index(joint) for joint in known} == known


def test_a_face_has_its_mirror_image() -> None:
    swap = FACE_70.mirror_indices
    np.testing.assert_array_equal(swap[swap], np.arange(70))
    np.testing.assert_array_equal(swap[:27], np.arange(26, -1, -1)[[*range(10, 27), *range(10)]])
    alone = {joint for joint, other in zip(FACE_70.joints, swap, strict=True) if FACE_70.joints[other] == joint}
    assert alone == {
        "chin", "nose_base", "upper_lip", "lower_lip", "mouth_upper", "mouth_lower",
        *(f"nose_bridge_{i}" for i in range(1, 5)),
    }  # fmt: skip
    limbs = {frozenset(limb) for limb in FACE_70.limbs}
    assert {frozenset(FACE_70.joints[swap[FACE_70.index(joint)]] for joint in limb) for limb in limbs} == limbs


def test_belief_maps_have_a_background() -> None:
    for layout, channels in ((CPM_BODY, 15), (OPENPOSE_HAND, 22), (OPENPOSE_FACE, 71)):
        planes = {"heatmaps": np.zeros((channels, 46, 46), dtype=np.float32)}
        assert layout.outputs == {"heatmaps": channels}
        assert layout.maps(planes).heatmaps.shape == (channels, 46, 46)
