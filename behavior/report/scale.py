"""Metres in a report: how they were had, for whom they hold, and a ruler for the picture."""

from __future__ import annotations

import math
from dataclasses import dataclass

LIKELY_M = (1.45, 2.05)
"""Heights that few adults are beyond: somebody else who comes out so is at another distance, or a child."""
_BARS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)


@dataclass(frozen=True)
class Height:
    """How tall a person comes out by the scale, metres: median and 5th and 95th percentile of the frames upright."""

    track_id: int
    n_frames: int
    low: float
    middle: float
    high: float

    @property
    def likely(self) -> bool:
        """Whether adults are so tall."""
        return LIKELY_M[0] <= self.middle <= LIKELY_M[1]


@dataclass(frozen=True)
class ScaleTold:
    """For the page.

    Attributes:
        said: sentences: how the scale and the floor were had.
        bounds: sentences: where they hold.
        metres_per_px: None where only a floor is known.
        origin: of the floor, px; None where none is known.
        angle_deg: of the floor, + rising to the image's right.
        heights: of the people; empty without a scale.
    """

    said: tuple[str, ...]
    bounds: tuple[str, ...]
    metres_per_px: float | None
    origin: tuple[float, float] | None
    angle_deg: float
    heights: tuple[Height, ...] = ()


@dataclass(frozen=True)
class Ruler:
    """Over a picture: the floor's line, and a bar with its text; each `x1, y1, x2, y2`, or None."""

    floor: tuple[float, float, float, float] | None
    bar: tuple[float, float, float, float] | None
    text: str


def ruler(told: ScaleTold, scale: float, size: tuple[int, int]) -> Ruler:
    """For a picture of a size that is `scale` as large as the original frame."""
    width, height = size
    turn = math.radians(told.angle_deg)
    floor = bar = None
    text = ""
    if told.origin is not None:
        x, y = (scale * value for value in told.origin)
        floor = (0.0, y + x * math.tan(turn), float(width), y - (width - x) * math.tan(turn))
    if told.metres_per_px is not None:
        metre = scale / told.metres_per_px
        length = max((bar for bar in _BARS if bar * metre <= 0.3 * width), default=_BARS[0])
        x, y = 24.0, height - 24.0
        bar = (x, y, x + length * metre * math.cos(turn), y - length * metre * math.sin(turn))
        text = f"{length:g} m"
    return Ruler(floor, bar, text)
