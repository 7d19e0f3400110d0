"""Cameras moved to where the people whom they see fit: bundle adjustment on joints instead of a board.

For a calibration that is nearly right: a tripod was touched, a board was filmed another day. Lenses stay. Joints alone
do not tell where the world is nor how large, so cameras are held, weakly, to where they were.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.sparse import lil_matrix
from scipy.spatial.transform import Rotation

from pose.multiview.camera import Array
from pose.multiview.group import CameraGroup

MOST_POINTS = 400
"""More are thinned evenly: they tell little more, and the time is theirs."""

_FEWEST = 50
_MIN_VIEWS = 3  # two rays nearly always meet somewhere
_SCALE_PX = 10.0  # distances beyond weigh less (soft L1): an uncertain joint is further off than a corner of a board
_HELD = 2.0  # px that a camera costs which turns by a radian, or moves by a metre


def adjust(group: CameraGroup, pixels: Array, confidence: Array, *, most: int = MOST_POINTS) -> CameraGroup:
    """The cameras, turned and moved so that the joints which they see agree.

    Args:
        group: C cameras, three at least.
        pixels: (C, ..., 2) of the same joints of the same people; NaN where not seen.
        confidence: (C, ...) in [0, 1], the weight of each; 0 leaves it out.
        most: joints that are used.

    Returns:
        Cameras of the same lenses, names and sizes, in the same world.

    Raises:
        ValueError: fewer than 50 joints that three cameras see.
    """
    flat = np.asarray(pixels, dtype=np.float64).reshape(len(group), -1, 2)
    weight = np.nan_to_num(np.asarray(confidence, dtype=np.float64)).reshape(flat.shape[:2])
    weight = np.where(np.isfinite(flat).all(axis=-1), weight, 0.0)
    points = group.triangulate(flat, weight)
    good = np.flatnonzero(((weight > 0).sum(axis=0) >= _MIN_VIEWS) & np.isfinite(points).all(axis=-1))
    if len(good) < _FEWEST:
        raise ValueError(f"{len(good)} joints that three cameras see, expected {_FEWEST} at least")
    good = good[np.linspace(0, len(good) - 1, min(most, len(good))).astype(np.intp)]
    flat, points = flat[:, good], points[good]
    camera, point = np.nonzero(weight[:, good] > 0)
    seen, root = flat[camera, point], np.sqrt(weight[:, good][camera, point])[:, None]
    n = 6 * len(group)

    def off(values: Array) -> Array:
        projected = _moved(group, values[:n]).project(values[n:].reshape(-1, 3))[camera, point]
        return np.concatenate([np.nan_to_num(root * (projected - seen), nan=1e3).ravel(), _HELD * values[:n]])

    solved = least_squares(
        off, np.concatenate([np.zeros(n), points.ravel()]), jac_sparsity=_touched(camera, point, n, len(good)),
        loss="soft_l1", f_scale=_SCALE_PX, x_scale="jac", max_nfev=100,
    )  # fmt: skip
    return _moved(group, solved.x[:n])


def _touched(camera: NDArray[np.intp], point: NDArray[np.intp], n: int, points: int) -> lil_matrix:
    """Which of the distances depends on which of the values."""
    touched = lil_matrix((2 * len(camera) + n, n + 3 * points), dtype=np.int8)
    rows = np.arange(len(camera))
    for axis in (0, 1):
        for part in range(6):
            touched[2 * rows + axis, 6 * camera + part] = 1
        for part in range(3):
            touched[2 * rows + axis, n + 3 * point + part] = 1
    touched[2 * len(camera) + np.arange(n), np.arange(n)] = 1
    return touched


def _moved(group: CameraGroup, values: Array) -> CameraGroup:
    """Each camera turned about its own centre by a rotation vector, and moved, metres of its own axes."""
    cameras = []
    for camera, own in zip(group.cameras, values.reshape(-1, 6), strict=True):
        turn = Rotation.from_rotvec(own[:3]).as_matrix()
        cameras.append(
            replace(
                camera, rotation=turn @ camera.world_to_camera, translation=turn @ camera.translation + own[3:]
            )
        )  # fmt: skip
    return CameraGroup(tuple(cameras))
