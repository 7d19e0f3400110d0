"""Stick figures of a movement, side by side, as SVG paths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOMENTS = 6
"""Figures of a movement."""
_APART, _MARGIN = 1.7, 0.3  # torso lengths


@dataclass(frozen=True)
class Sticks:
    """Time to the right, in a box of torso lengths.

    Attributes:
        box: `viewBox`.
        left, middle, right: paths of the limbs of each side, and of those across; the body's own sides.
        heads: x, y.
    """

    box: str
    left: str
    middle: str
    right: str
    heads: tuple[tuple[float, float], ...]


def stick_figures(points: NDArray[np.floating], joints: tuple[str, ...], limbs: Sequence[tuple[str, str]]) -> Sticks:
    """`MOMENTS` figures of (T, K, 2) points, spread evenly; torso lengths, y down, NaN where a joint was not seen."""
    frames = np.linspace(0, len(points) - 1, MOMENTS).round().astype(int)
    points = points[frames] + np.array([_APART, 0]) * np.arange(MOMENTS)[:, None, None]
    low, high = np.nanmin(points, axis=(0, 1)) - _MARGIN, np.nanmax(points, axis=(0, 1)) + _MARGIN
    paths: dict[str, list[str]] = {"left": [], "middle": [], "right": []}
    for a, b in limbs:
        sides = [side for side in ("left", "right") if a.startswith(side) and b.startswith(side)]
        for (x, y), (to_x, to_y) in zip(points[:, joints.index(a)], points[:, joints.index(b)], strict=True):
            if np.isfinite([x, y, to_x, to_y]).all():
                paths[sides[0] if sides else "middle"].append(f"M{x:.2f} {y:.2f}L{to_x:.2f} {to_y:.2f}")
    heads = points[:, joints.index("head")] if "head" in joints else np.empty((0, 2))
    return Sticks(
        f"{low[0]:.2f} {low[1]:.2f} {high[0] - low[0]:.2f} {high[1] - low[1]:.2f}",
        "".join(paths["left"]),
        "".join(paths["middle"]),
        "".join(paths["right"]),
        tuple((float(x), float(y)) for x, y in heads if np.isfinite(x)),
    )
