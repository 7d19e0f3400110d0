"""Cameras that share a world, and points of it from the pixels in which several of them see it.

Linear: the direct linear transform (Hartley and Zisserman, Multiple View Geometry, 12.2), on normalised coordinates and
a world moved and scaled to the cameras. Refined: Levenberg and Marquardt's method on the pixels, which for noise that
is alike in all of them is the most likely point.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from pose.multiview.camera import Array, Camera

MIN_ANGLE_DEG = 1.0
"""Rays that all lie closer together than this have no point: their depth would be noise."""

_MIN_SINE = float(np.sin(np.deg2rad(MIN_ANGLE_DEG)))
_STEPS = 30
_CHUNK = 20_000


@dataclass(frozen=True, eq=False)
class CameraGroup:
    """Cameras that share a world.

    Attributes:
        cameras: C of them, each with a name of its own.

    Raises:
        ValueError: no camera, or two of one name.
    """

    cameras: tuple[Camera, ...]

    def __post_init__(self) -> None:
        if not self.cameras or len(set(self.names)) != len(self.names):
            raise ValueError(f"expected cameras with a name each, got {', '.join(self.names) or 'none'}")

    def __len__(self) -> int:
        return len(self.cameras)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(camera.name for camera in self.cameras)

    @property
    def up(self) -> Array:
        """(3,) where the cameras' pictures have their top, on average, in the world; of length 1, or NaN."""
        total = -np.sum([camera.world_to_camera[1] for camera in self.cameras], axis=0)
        size = float(np.linalg.norm(total))
        return np.asarray(total / size if size > 0 else np.full(3, np.nan))

    def of(self, names: Sequence[str]) -> CameraGroup:
        """Some of the cameras, in this order; `ValueError` for a name that is not there."""
        known = {camera.name: camera for camera in self.cameras}
        if missing := [name for name in names if name not in known]:
            raise ValueError(f"no camera {missing[0]}; there are {', '.join(self.names)}")
        return CameraGroup(tuple(known[name] for name in names))

    def project(self, points: Array) -> Array:
        """(C, ..., 2) pixels of (..., 3) points, metres; NaN as for `Camera.project`."""
        return np.stack([camera.project(points) for camera in self.cameras])

    def undistort(self, pixels: Array) -> Array:
        """(C, ..., 2) normalised coordinates of (C, ..., 2) pixels; NaN as for `Camera.undistort`."""
        return np.stack([camera.undistort(own) for camera, own in zip(self.cameras, pixels, strict=True)])

    def rays(self, pixels: Array) -> Array:
        """(C, ..., 3) directions in the world, of length 1, in which (C, ..., 2) pixels lie; NaN where missing."""
        flat = self.undistort(pixels)
        towards = np.concatenate([flat, np.ones((*flat.shape[:-1], 1))], axis=-1)
        turned = np.stack([own @ camera.world_to_camera for camera, own in zip(self.cameras, towards, strict=True)])
        return np.asarray(turned / np.linalg.norm(turned, axis=-1, keepdims=True))

    def triangulate(self, pixels: Array, weights: Array | None = None, *, refine: bool = False) -> Array:
        """Points that the cameras see.

        Args:
            pixels: (C, ..., 2); NaN where a camera does not see the point.
            weights: (C, ...) of each observation, 0 leaves it out; None: all alike.
            refine: minimise the weighted squared distance in the pictures, pixels, from the linear solution on.

        Returns:
            (..., 3) float64 metres; NaN where fewer than two cameras see the point, where all rays to it lie within
            `MIN_ANGLE_DEG`, and where it would be behind a camera that sees it.
        """
        pixels = np.asarray(pixels, dtype=np.float64)
        if pixels.ndim < 2 or pixels.shape[0] != len(self) or pixels.shape[-1] != 2:
            raise ValueError(f"expected pixels of shape ({len(self)}, ..., 2), got {pixels.shape}")
        shape = pixels.shape[1:-1]
        flat = pixels.reshape(len(self), -1, 2)
        given = np.ones(flat.shape[:2]) if weights is None else np.asarray(weights, dtype=np.float64)
        weight = given.reshape(flat.shape[:2])
        weight = np.where(np.isfinite(flat).all(axis=-1) & (weight > 0), weight, 0.0)
        points = np.full((flat.shape[1], 3), np.nan)
        for start in range(0, flat.shape[1], _CHUNK):
            part = slice(start, start + _CHUNK)
            points[part] = _linear(self, flat[:, part], weight[:, part])
            if refine:
                points[part] = _refined(self, flat[:, part], weight[:, part], points[part])
        return points.reshape(*shape, 3)

    def errors(self, points: Array, pixels: Array) -> Array:
        """(C, ...) distances in pixels between (C, ..., 2) pixels and where (..., 3) points, metres, are projected."""
        return np.asarray(np.linalg.norm(self.project(points) - pixels, axis=-1))


def _linear(group: CameraGroup, pixels: Array, weight: Array) -> Array:
    flat = group.undistort(pixels)
    weight = np.where(np.isfinite(flat).all(axis=-1), weight, 0.0)
    seen = weight > 0
    rays = group.rays(pixels)
    apart: NDArray[np.bool_] = np.zeros(pixels.shape[1], dtype=bool)
    for one, two in combinations(range(len(group)), 2):
        with np.errstate(invalid="ignore"):
            sine = np.linalg.norm(np.cross(rays[one], rays[two]), axis=-1)
            apart |= seen[one] & seen[two] & (sine >= _MIN_SINE)
    points = np.full((pixels.shape[1], 3), np.nan)
    if not apart.any():
        return points
    centres = np.array([camera.centre for camera in group.cameras])
    middle = centres.mean(axis=0)
    scale = max(float(np.sqrt(((centres - middle) ** 2).sum(axis=1).mean())), 1e-9)
    rows = []
    for camera, own, mass in zip(group.cameras, flat[:, apart], weight[:, apart], strict=True):
        turn = camera.world_to_camera
        pose = np.column_stack([turn, (turn @ middle + camera.translation) / scale])
        rows += [mass[:, None] * (own[:, axis, None] * pose[2] - pose[axis]) for axis in (0, 1)]
    system = np.nan_to_num(np.stack(rows, axis=1))
    solution = np.linalg.svd(system, full_matrices=False)[2][:, 3]
    with np.errstate(divide="ignore", invalid="ignore"):
        found = solution[:, :3] / solution[:, 3:] * scale + middle
    depth = np.stack([camera.before(found)[:, 2] for camera in group.cameras])
    behind = (seen[:, apart] & ~(depth > 0)).sum(axis=0) > 0
    points[apart] = np.where(behind[:, None], np.nan, found)
    return points


def _refined(group: CameraGroup, pixels: Array, weight: Array, points: Array) -> Array:
    """Levenberg and Marquardt's method on all points at once, each with its own damping."""
    there = np.flatnonzero(np.isfinite(points).all(axis=-1))
    if not len(there):
        return points
    pixels, weight, at = pixels[:, there], weight[:, there], points[there]
    damping = np.full(len(there), 1e-4)
    cost = _cost(group, pixels, weight, at)
    for _ in range(_STEPS):
        hessian, gradient = np.zeros((len(at), 3, 3)), np.zeros((len(at), 3))
        for camera, own, mass in zip(group.cameras, pixels, weight, strict=True):
            seen, slope = camera.slope(at)
            off = np.where((mass > 0)[:, None], own - seen, 0.0)
            slope = np.where((mass > 0)[:, None, None], slope, 0.0)
            hessian += mass[:, None, None] * (slope.transpose(0, 2, 1) @ slope)
            gradient += mass[:, None] * np.einsum("nij,ni->nj", slope, off)
        damped = hessian + damping[:, None, None] * hessian * np.eye(3)
        step = np.linalg.solve(damped, gradient[..., None])[..., 0]
        new = _cost(group, pixels, weight, at + step)
        better = new <= cost
        at = np.where(better[:, None], at + step, at)
        cost = np.where(better, new, cost)
        damping = np.where(better, damping / 10, damping * 10).clip(1e-12, 1e9)
        if (np.abs(step).max(axis=-1) < 1e-11).all():
            break
    points = points.copy()
    points[there] = at
    return points


def _cost(group: CameraGroup, pixels: Array, weight: Array, points: Array) -> Array:
    squared = group.errors(points, pixels) ** 2
    # A point that a camera can't see though it does is no solution.
    return np.asarray((weight * np.where(weight > 0, np.nan_to_num(squared, nan=np.inf), 0.0)).sum(axis=0))
