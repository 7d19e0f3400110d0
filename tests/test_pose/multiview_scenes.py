"""Synthetic cameras around a floor, of which everything is known."""

from __future__ import annotations

import numpy as np

from pose.multiview import Camera, CameraGroup


def camera(
    name: str, centre: np.ndarray, target: np.ndarray, lens: tuple[float, ...] = (-0.05, 0.1, 1e-3, -5e-4)
) -> Camera:
    """At `centre`, looking at `target`, metres, upright (z is up); 1280×720 px, focal length 1000 px."""
    forward = (target - centre) / np.linalg.norm(target - centre)
    right = np.cross(forward, [0.0, 0, 1])
    right /= np.linalg.norm(right)
    turn = np.stack([right, np.cross(forward, right), forward])
    matrix = np.array([[1000.0, 0, 640], [0, 990, 360], [0, 0, 1]])
    return Camera(name, (1280, 720), matrix, np.array(lens), turn, -turn @ centre)


def ring(n: int, seed: int = 0, height: float | None = None) -> CameraGroup:
    """`n` cameras on a circle of 5 m, at `height` or at heights of their own, that look at its middle, 1 m up."""
    random = np.random.default_rng(seed)
    cameras = []
    for i, angle in enumerate(0.3 + np.arange(n) * 1.8 * np.pi / max(n, 3)):
        up = random.uniform(1, 3) if height is None else height
        centre = np.array([5 * np.cos(angle), 5 * np.sin(angle), up])
        cameras.append(camera(f"cam{i + 1}", centre, np.array([0.0, 0, 1])))
    return CameraGroup(tuple(cameras))


def bodies(n: int, times: int, seed: int = 0) -> np.ndarray:
    """(n, times, 18, 3) joints of people who stand at least 0.5 m apart, every time in another posture."""
    random = np.random.default_rng(seed)
    places: list[np.ndarray] = []
    while len(places) < n:
        place = np.append(random.uniform(-1.5, 1.5, 2), 1.0)
        if all(np.linalg.norm(place - other) > 0.5 for other in places):
            places.append(place)
    return np.array(places)[:, None, None] + random.normal(size=(n, times, 18, 3)) * [0.2, 0.2, 0.35]
