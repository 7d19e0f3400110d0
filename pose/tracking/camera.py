"""How the picture shifts and grows as a whole from frame to frame: a camera that pans, tilts, shakes or zooms.

Corners outside of the people's boxes (J. Shi and C. Tomasi, Good features to track, CVPR 1994) are followed into the
next frame by pyramidal Lucas-Kanade optical flow (J.-Y. Bouguet, 2001); a similarity (shift, turn, one scale) is fitted
to them by RANSAC (M. Fischler and R. Bolles, 1981), and the shift of the picture's middle and the scale are kept.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from pose.people import Person

WIDTH = 320
"""Pixels of the longer side at which the background is followed."""
CORNERS = 150
LEAST = 12
"""Corners that must move as one."""
SHARE = 0.4
"""Share of the corners followed that must move as one."""
MARGIN = 0.15
"""Of a box's size, left out around it."""

Shift = tuple[float, float, float]
"""How far the background moved since the frame before, x and y, pixels of the image; and by which factor it grew."""
UNKNOWN: Shift = (float("nan"), float("nan"), float("nan"))


class CameraMotion:
    """Asked for each frame of a video in turn."""

    def __init__(self) -> None:
        self._before: NDArray[np.uint8] | None = None
        self._outside: NDArray[np.uint8] | None = None

    def shift(self, image: NDArray[np.uint8], people: Sequence[Person]) -> Shift:
        """How the background moved since the frame before.

        NaN for the first frame, and where too few corners move as one: a cut, a blank wall, a crowd.

        Args:
            image: (H, W, 3) BGR.
            people: those of this frame.
        """
        scale = min(1.0, WIDTH / max(image.shape[:2]))
        size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
        small = cv2.cvtColor(cv2.resize(image, size, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
        before, mask = self._before, self._outside
        self._before, self._outside = np.asarray(small, np.uint8), _outside(people, size, scale)
        if before is None or mask is None or before.shape != small.shape:
            return UNKNOWN
        corners = cv2.goodFeaturesToTrack(before, CORNERS, 0.01, 5, mask=mask)
        if corners is None or len(corners) < LEAST:
            return UNKNOWN
        moved, found, _ = cv2.calcOpticalFlowPyrLK(before, small, corners, None)  # type: ignore[call-overload]
        kept = found[:, 0] == 1
        if kept.sum() < LEAST:
            return UNKNOWN
        fitted, inside = cv2.estimateAffinePartial2D(corners[kept], moved[kept], ransacReprojThreshold=0.5)
        if fitted is None or inside.sum() < max(LEAST, SHARE * kept.sum()):
            return UNKNOWN
        middle = np.array(size) / 2
        x, y = (fitted[:, :2] @ middle + fitted[:, 2] - middle) / scale
        return float(x), float(y), float(np.hypot(fitted[0, 0], fitted[1, 0]))


def _outside(people: Sequence[Person], size: tuple[int, int], scale: float) -> NDArray[np.uint8]:
    """255 where nobody is."""
    mask = np.full((size[1], size[0]), 255, dtype=np.uint8)
    for person in people:
        points = person.keypoints[np.isfinite(person.keypoints[:, 0]), :2] * scale
        if len(points):
            low, high = points.min(axis=0), points.max(axis=0)
            edge = MARGIN * (high - low).max()
            (x0, y0), (x1, y1) = np.floor(low - edge).clip(0), np.ceil(high + edge).clip(0)
            mask[int(y0) : int(y1) + 1, int(x0) : int(x1) + 1] = 0
    return mask
