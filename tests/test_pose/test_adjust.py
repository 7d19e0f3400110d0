"""Cameras that were touched, brought back by the people whom they see."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from pose.multiview import CameraGroup, held_out
from pose.multiview.adjust import adjust
from tests.test_pose.multiview_scenes import bodies, ring

TRUTH = ring(4)
LEARNT, OTHERS = bodies(2, 12), bodies(2, 5, seed=1)


def touched(group: CameraGroup, degrees: float, metres: float) -> CameraGroup:
    random = np.random.default_rng(3)
    cameras = []
    for one in group.cameras:
        turn, move = random.normal(size=3), random.normal(size=3)
        turned = Rotation.from_rotvec(np.deg2rad(degrees) * turn / np.linalg.norm(turn)).as_matrix()
        shifted = one.translation + metres * move / np.linalg.norm(move)
        cameras.append(replace(one, rotation=turned @ one.world_to_camera, translation=shifted))
    return CameraGroup(tuple(cameras))


def off(group: CameraGroup) -> float:
    """Median distance between what a camera sees of other people and where the other cameras put it, pixels."""
    pixels = TRUTH.project(OTHERS)
    return float(np.nanmedian(held_out(group, pixels, np.ones(pixels.shape[:-1]), limit_px=200)))


def test_cameras_that_were_touched_agree_again() -> None:
    wrong = touched(TRUTH, 1.5, 0.05)
    pixels = TRUTH.project(LEARNT)
    confidence = np.ones(pixels.shape[:-1])
    assert off(wrong) > 15
    found = adjust(wrong, pixels, confidence, most=200)
    assert off(found) < 0.01
    assert found.names == TRUTH.names
    for before, now in zip(wrong.cameras, found.cameras, strict=True):
        assert (now.matrix == before.matrix).all()
        assert np.linalg.norm(now.centre - before.centre) < 0.3  # the world stays where it was, nearly
    noisy = pixels + np.random.default_rng(5).normal(size=pixels.shape)
    noisy[2, :, ::2, 5] += 150  # a joint that a camera takes for another at times
    noisy[0, :, :3] = np.nan
    assert off(adjust(wrong, noisy, confidence, most=200)) < 4


def test_what_is_unsure_does_not_count() -> None:
    pixels, confidence = TRUTH.project(LEARNT), np.ones((4, *LEARNT.shape[:-1]))
    pixels[1, 0] += 300
    confidence[1, 0] = 0
    assert off(adjust(touched(TRUTH, 1, 0.02), pixels, confidence, most=200)) < 0.01


def test_too_few_joints_are_refused() -> None:
    pixels, confidence = TRUTH.project(LEARNT), np.ones((4, *LEARNT.shape[:-1]))
    confidence[:2] = 0
    with pytest.raises(ValueError, match="0 joints that three cameras see"):
        adjust(TRUTH, pixels, confidence)
