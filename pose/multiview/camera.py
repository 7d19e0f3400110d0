"""Cameras and what they see: from metres of the world to pixels, and back.

The model is OpenCV's pinhole camera. A point X of the world lies at R X + t before the camera, which looks along its
z, with x right and y down; (x/z, y/z) are its normalised coordinates. The lens moves these (Brown 1966, with OpenCV's
rational term), and the matrix makes pixels of them: x right, y down, origin at the centre of the top-left pixel.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_ITERATIONS = 50
_CONVERGED = 1e-12  # of normalised coordinates: 1e-9 px at a focal length of 1000 px
_ORTHONORMAL = 1e-3  # files round


@dataclass(frozen=True, eq=False)
class Camera:
    """One calibrated camera.

    Attributes:
        name: as in the calibration's file.
        size: width and height of the picture, pixels; None where the file does not say.
        matrix: (3, 3) intrinsics, pixels: `[[fx, skew, cx], [0, fy, cy], [0, 0, 1]]`.
        distortion: (4,), (5,) or (8,): k1, k2, p1, p2, k3, k4, k5, k6, as OpenCV orders them; dimensionless.
        rotation: (3,) rotation vector (axis times angle, radians) or (3, 3) matrix, world to camera; kept in the form
            in which it was given, so that a file goes out as it came in.
        translation: (3,) metres, world to camera.

    Raises:
        ValueError: a shape is another, a number is not finite, a focal length is not positive, or the matrix is no
            rotation.
    """

    name: str
    size: tuple[int, int] | None
    matrix: Array
    distortion: Array
    rotation: Array
    translation: Array

    def __post_init__(self) -> None:
        shapes = {
            "matrix": ((3, 3),), "distortion": ((4,), (5,), (8,)), "rotation": ((3,), (3, 3)), "translation": ((3,),),
        }  # fmt: skip
        for field, allowed in shapes.items():
            value = np.asarray(getattr(self, field), dtype=np.float64)
            if value.shape not in allowed:
                expected = " or ".join(map(str, allowed))
                raise ValueError(f"camera {self.name}: {field} has shape {value.shape}, expected {expected}")
            if not np.isfinite(value).all():
                raise ValueError(f"camera {self.name}: {field} has a number that is not finite")
            object.__setattr__(self, field, value)
        if self.matrix[0, 0] <= 0 or self.matrix[1, 1] <= 0:
            raise ValueError(f"camera {self.name}: a focal length is not positive")
        if self.size is not None and min(self.size) < 1:
            raise ValueError(f"camera {self.name}: a picture of {self.size[0]}×{self.size[1]} px")
        turned = self.world_to_camera
        if np.abs(turned @ turned.T - np.eye(3)).max() > _ORTHONORMAL or np.linalg.det(turned) < 0:
            raise ValueError(f"camera {self.name}: its rotation is no rotation")

    @property
    def world_to_camera(self) -> Array:
        """(3, 3) rotation matrix."""
        if self.rotation.ndim == 2:
            return self.rotation
        from scipy.spatial.transform import Rotation

        return np.asarray(Rotation.from_rotvec(self.rotation).as_matrix(), dtype=np.float64)

    @property
    def rotation_vector(self) -> Array:
        """(3,) axis times angle, radians."""
        if self.rotation.ndim == 1:
            return self.rotation
        from scipy.spatial.transform import Rotation

        return np.asarray(Rotation.from_matrix(self.rotation).as_rotvec(), dtype=np.float64)

    @property
    def centre(self) -> Array:
        """(3,) where it stands in the world, metres."""
        return -self.world_to_camera.T @ self.translation

    def before(self, points: Array) -> Array:
        """(..., 3) points of the world, metres, as they lie before the camera; z is the depth."""
        return np.asarray(points @ self.world_to_camera.T + self.translation)

    def project(self, points: Array) -> Array:
        """(..., 2) pixels of (..., 3) points of the world, metres; NaN for one that is missing or not before it."""
        seen = self.before(np.asarray(points, dtype=np.float64))
        depth = np.where(seen[..., 2:] > 0, seen[..., 2:], np.nan)
        return self.pixels(seen[..., :2] / depth)

    def pixels(self, normalised: Array) -> Array:
        """(..., 2) pixels of (..., 2) normalised coordinates; the inverse of `undistort`."""
        return np.asarray(self._distorted(normalised)[0] @ self.matrix[:2, :2].T + self.matrix[:2, 2])

    def undistort(self, pixels: Array) -> Array:
        """(..., 2) normalised coordinates of (..., 2) pixels: what a lens without distortion would make of x/z, y/z.

        Newton's method; NaN for a missing point, and for one further out than the distortion can be taken back.
        """
        pixels = np.asarray(pixels, dtype=np.float64)
        target = np.asarray((pixels - self.matrix[:2, 2]) @ np.linalg.inv(self.matrix[:2, :2]).T)
        found = target.copy()
        with np.errstate(all="ignore"):
            for _ in range(_ITERATIONS):
                moved, slope = self._distorted(found)
                missing = target - moved
                if not (np.abs(missing) > _CONVERGED / 100).any():
                    break
                a, b, d = slope[..., 0, 0], slope[..., 0, 1], slope[..., 1, 1]
                det = a * d - b * b
                step_x = (d * missing[..., 0] - b * missing[..., 1]) / det
                step_y = (a * missing[..., 1] - b * missing[..., 0]) / det
                found = found + np.stack([step_x, step_y], axis=-1)
            moved, slope = self._distorted(found)
            # Beyond the fold of the lens there are other solutions, mirrored or turned inside out.
            upright = (slope[..., 0, 0] > 0) & (np.linalg.det(slope) > 0)
            good = (np.abs(moved - target) <= _CONVERGED).all(axis=-1) & upright
        return np.where(good[..., None], found, np.nan)

    def slope(self, points: Array) -> tuple[Array, Array]:
        """(..., 2) pixels of (..., 3) points, and (..., 2, 3) how they move, pixels per metre."""
        seen = self.before(points)
        depth = np.where(seen[..., 2] > 0, seen[..., 2], np.nan)
        normalised = seen[..., :2] / depth[..., None]
        moved, lens = self._distorted(normalised)
        towards = np.zeros((*depth.shape, 2, 3))
        towards[..., 0, 0] = towards[..., 1, 1] = 1 / depth
        towards[..., 2] = -normalised / depth[..., None]
        pixels = moved @ self.matrix[:2, :2].T + self.matrix[:2, 2]
        return pixels, self.matrix[:2, :2] @ lens @ towards @ self.world_to_camera

    def _distorted(self, normalised: Array) -> tuple[Array, Array]:
        """(..., 2) coordinates behind the lens, and (..., 2, 2) their derivative, which is symmetric."""
        k1, k2, p1, p2, k3, k4, k5, k6 = np.pad(self.distortion, (0, 8 - len(self.distortion)))
        x, y = normalised[..., 0], normalised[..., 1]
        r2 = x * x + y * y
        above, below = 1 + r2 * (k1 + r2 * (k2 + r2 * k3)), 1 + r2 * (k4 + r2 * (k5 + r2 * k6))
        radial = above / below
        rising = (k1 + r2 * (2 * k2 + r2 * 3 * k3) - radial * (k4 + r2 * (2 * k5 + r2 * 3 * k6))) / below
        moved = np.stack(
            [x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x), y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y],
            axis=-1,
        )
        slope = np.empty((*x.shape, 2, 2))
        slope[..., 0, 0] = radial + 2 * x * x * rising + 2 * p1 * y + 6 * p2 * x
        slope[..., 1, 1] = radial + 2 * y * y * rising + 6 * p1 * y + 2 * p2 * x
        slope[..., 0, 1] = slope[..., 1, 0] = 2 * x * y * rising + 2 * p1 * x + 2 * p2 * y
        return moved, slope

    def resized(self, width: int, height: int) -> Camera:
        """The camera of pictures that were made larger or smaller, whole, to this size in pixels."""
        if self.size is None:
            raise ValueError(f"camera {self.name}: its size is not known, so that of resized pictures can't be told")
        x, y = width / self.size[0], height / self.size[1]
        # Pixel centres are whole numbers: the picture reaches from -0.5 to its size - 0.5.
        scale = np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1]])
        return replace(self, size=(width, height), matrix=scale @ self.matrix)

    def cropped(self, left: float, top: float, width: int, height: int) -> Camera:
        """The camera of pictures out of which a rectangle was cut, all in pixels."""
        shift = np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1.0]])
        return replace(self, size=(width, height), matrix=shift @ self.matrix)
