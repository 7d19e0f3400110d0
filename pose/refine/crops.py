"""Person -> crop, turned so that the body stands upright, and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pose.people import Person
from pose.preprocess import NetSize, cut_out, round_up

_MARGIN = 1.25  # of the crop over the joints' box; 1.1 and 1.4 lose .002 and .006 AP
_ROOM = 32.0  # pixels of the crop that its shorter side has beyond that, for joints that are still unseen
_SMALLEST = 16.0  # pixels; longer side of the smallest crop
_UNSURE = 0.05  # confidence of joints that don't count for the box
_GREY = (127, 127, 127)


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
        turn = self._turn
        return cut_out(image, np.column_stack([turn, self._middle - turn @ self.middle]), self.size, _GREY)


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
    if not {"left_shoulder", "right_shoulder", "left_hip", "right_hip"} <= set(person.skeleton.joints):
        return 0  # a hand or a face
    shoulders, hips = (_middle(person, joint) for joint in ("shoulder", "hip"))
    x, y = hips - shoulders
    if not np.isfinite(x + y):
        return 0
    return round(float(np.arctan2(x, y)) / (np.pi / 2)) % 4


def _middle(person: Person, joint: str) -> NDArray[np.float64]:
    sides = np.stack([person[f"left_{joint}"], person[f"right_{joint}"]]).astype(np.float64)
    known = sides[sides[:, 2] > _UNSURE, :2]
    return known.mean(axis=0) if len(known) else np.full(2, np.nan)
