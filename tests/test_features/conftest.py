"""Small worlds whose features can be computed by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from features.sequence import PoseSequence

# A person who stands upright and looks at the camera: trunk of 100, straight legs, arms hanging; y points down.
STANDING = {
    "nose": (0, -120), "neck": (0, -100), "left_eye": (5, -125), "right_eye": (-5, -125), "left_ear": (10, -120),
    "right_ear": (-10, -120), "left_shoulder": (20, -100), "right_shoulder": (-20, -100), "left_elbow": (20, -60),
    "right_elbow": (-20, -60), "left_wrist": (20, -20), "right_wrist": (-20, -20), "left_hip": (10, 0),
    "right_hip": (-10, 0), "left_knee": (10, 50), "right_knee": (-10, 50), "left_ankle": (10, 100),
    "right_ankle": (-10, 100),
}  # fmt: skip

Make = Callable[..., PoseSequence]


@pytest.fixture
def make() -> Make:
    """`make(n_frames, rate=10, path=(n, 2) or None, **joints)`: the standing person, moved along a path, joints moved.

    Each joint given is an (x, y), or an (n, 2) array, and replaces the standing one, before the path is added.
    """

    def make(n_frames: int = 11, rate: float = 10.0, path: object = None, **joints: object) -> PoseSequence:
        names = tuple(STANDING)
        points = np.stack(
            [
                np.broadcast_to(np.asarray(joints.get(name, STANDING[name]), dtype=float), (n_frames, 2))
                for name in names
            ],
            axis=1,
        )
        if path is not None:
            points = points + np.asarray(path, dtype=float)[:, None]
        found = np.isfinite(points).all(axis=-1)
        return PoseSequence(points.copy(), found.astype(float), names, np.arange(n_frames) / rate)

    return make


@pytest.fixture
def walking(make: Make) -> PoseSequence:
    """Ten seconds at 50 frames/s to the right at 80 px/s; a stride of 1.25 s, so 96 steps a minute, 60 px apart."""
    time_s = np.arange(500) / 50
    swing = 30 * np.sin(2 * np.pi * time_s / 1.25)
    left = np.stack([swing, np.full(500, 100.0)], axis=1)
    right = np.stack([-swing, np.full(500, 100.0)], axis=1)
    path = np.stack([80 * time_s, np.zeros(500)], axis=1)
    return make(500, 50, path, left_ankle=left, right_ankle=right)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)
