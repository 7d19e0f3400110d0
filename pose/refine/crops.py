"""Person -> crop, turned so that the body stands upright, and back."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from pose.people import Person
from pose.preprocess import NetSize, round_up

_MARGIN = 1.25  # of the crop over the joints' box; 1.1 and 1.4 lose .002 and .006 AP
_ROOM = 32.0  # pixels of the crop that its shorter side has beyond that, for joints that are still unseen
_SMALLEST = 16.0  # pixels; longer side of the smallest crop
_UNSURE = 0.05  # confidence of joints that don't count for the box
_GREY = (127, 127, 127)
_SHRINK_FROM = 0.5  # crop pixels per pixel of the frame below which area averaging comes first


@dataclass(frozen=True)
class Crop:
    """A rectangle of a frame.

    Attributes:
        middle: (2,) x, y in pixels of the frame.
        scale: pixels of the crop per pixel of the frame.
        quarters: by how many quarter turns the frame is turned clockwise before it is cut.
        size: of the crop.
    """

    middle: NDArray[np.float64]
    scale: float
    quarters: int
    size: NetSize

    @property
    def _middle(self) -> NDArray[np.float64]:
        """(2,) x, y in pixels of the crop."""
        return np.array([self.size.width - 1, self.size.height - 1]) / 2

    @property
    def _turn(self) -> NDArray[np.float64]:
        cos, sin = ((1, 0), (0, 1), (-1, 0), (0, -1))[self.quarters % 4]
        return self.scale * np.array([[cos, -sin], [sin, cos]], dtype=np.float64)

    def to_crop(self, xy: ArrayLike) -> NDArray[np.float64]:
        """(..., 2) x, y in pixels of the frame -> pixels of the crop. NaN stays NaN."""
        return (np.asarray(xy, dtype=np.float64) - self.middle) @ self._turn.T + self._middle

    def to_frame(self, xy: ArrayLike) -> NDArray[np.float64]:
        """(..., 2) x, y in pixels of the crop -> pixels of the frame; inverse of `to_crop`."""
        return (np.asarray(xy, dtype=np.float64) - self._middle) @ self._turn / self.scale**2 + self.middle

    def cut(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(height, width, 3) uint8 of an (H, W, 3) frame; grey where the crop leaves it."""
        shrink = max(round(1 / self.scale), 1) if self.scale < _SHRINK_FROM else 1
        turn = self._turn
        corner = np.zeros(2)
        if shrink > 1:
            half = np.ceil(np.abs(turn.T @ (self.size.width / 2, self.size.height / 2)) / self.scale**2) + shrink
            corner = np.maximum(np.floor(self.middle - half), 0)
            end = np.minimum(np.ceil(self.middle + half) + 1, image.shape[1::-1])
            columns, rows = (max(int(length) // shrink, 1) for length in end - corner)
            x, y = corner.astype(int)
            part = image[y : y + rows * shrink, x : x + columns * shrink]
            if part.size == 0:
                return np.full((self.size.height, self.size.width, 3), _GREY, dtype=np.uint8)
            image = np.asarray(cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA), dtype=np.uint8)
        # a pixel p of the shrunk part is at `shrink * (p + 0.5) - 0.5 + corner` in the frame
        origin = (shrink - 1) / 2 + corner
        shift = turn @ (origin - self.middle) + self._middle
        way = np.column_stack([turn * shrink, shift])
        cut = cv2.warpAffine(image, way, (self.size.width, self.size.height), flags=cv2.INTER_LINEAR, borderValue=_GREY)
        return np.asarray(cut, dtype=np.uint8)


def crop_of(person: Person, longer: int, multiple: int) -> Crop | None:
    """What is around a person's joints, turned by quarters so that the head is up; None when too few are known.

    Args:
        person: in pixels of the frame.
        longer: side of the crop, pixels; the other one is as long as the joints need.
        multiple: of both sides.
    """
    points = person.keypoints[:, :2].astype(np.float64)
    sure = person.visible & (person.keypoints[:, 2] > _UNSURE)
    if sure.sum() < 2:
        sure = person.visible
    if not sure.any():
        return None
    low, high = points[sure].min(axis=0), points[sure].max(axis=0)
    quarters = quarters_of(person)
    width, height = (high - low)[::-1] if quarters % 2 else high - low
    scale = longer / max(width * _MARGIN, height * _MARGIN, _SMALLEST)
    sides = (min(round_up(side * _MARGIN * scale + _ROOM, multiple), longer) for side in (height, width))
    return Crop((low + high) / 2, scale, quarters, NetSize(*sides))


def quarters_of(person: Person) -> int:
    """By how many quarter turns clockwise the frame is turned for the body to stand upright; 0 when that is not known.

    The body's axis goes from the middle of the shoulders to that of the hips; it is upright while it points down by
    less than 45° to either side.
    """
    shoulders, hips = (_middle(person, joint) for joint in ("shoulder", "hip"))
    x, y = hips - shoulders
    if not np.isfinite(x + y):
        return 0
    return round(float(np.arctan2(x, y)) / (np.pi / 2)) % 4


def _middle(person: Person, joint: str) -> NDArray[np.float64]:
    sides = np.stack([person[f"left_{joint}"], person[f"right_{joint}"]]).astype(np.float64)
    known = sides[sides[:, 2] > _UNSURE, :2]
    return known.mean(axis=0) if len(known) else np.full(2, np.nan)
