"""Confidence that means the same for every network: how likely a joint, or a person, is right.

A joint is right when it lies within the distance at which its object keypoint similarity is 0.5; that is said of people
who are right, so a ghost's joints are not less sure for his being one. A person is right when the similarity to an
annotated one is at least 0.5. The curves are the rising lines of least squares through eight points on 300 images of
COCO val2017 (`benchmarks/accuracy.py --curves`); fitted on half of them, they leave an error of .004 for joints and .02
to .04 for people on the other half.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Curve:
    """Points (raw, calibrated) of a rising line; constant beyond its ends. `ValueError` when they are none."""

    raw: tuple[float, ...]
    calibrated: tuple[float, ...]

    def __post_init__(self) -> None:
        if not len(self.raw) == len(self.calibrated) > 0:
            raise ValueError("a curve of confidence has as many points on either side, and at least one")
        for side in (self.raw, self.calibrated):
            if not all(map(math.isfinite, side)) or sorted(side) != list(side):
                raise ValueError(f"a curve of confidence rises, got {side}")

    def __call__(self, values: ArrayLike) -> NDArray[np.float32]:
        return np.interp(np.asarray(values, dtype=np.float64), self.raw, self.calibrated).astype(np.float32)


AS_IT_IS = Curve((0.0, 1.0), (0.0, 1.0))


@dataclass(frozen=True)
class Calibration:
    """Curves of one chain of networks, for joints and for people."""

    joints: Curve = AS_IT_IS
    people: Curve = AS_IT_IS

    @property
    def missing(self) -> list[str]:
        """What is taken as it is, because nobody has fitted a curve."""
        return [name for name, curve in (("joints", self.joints), ("people", self.people)) if curve is AS_IT_IS]


_REFINED_JOINTS = Curve(
    (0.004, 0.245, 0.372, 0.463, 0.539, 0.619, 0.703, 0.953),
    (0.296, 0.842, 0.933, 0.950, 0.975, 0.980, 0.994, 0.994),
)

_JOINTS: dict[str | None, Curve] = {"movenet_thunder": _REFINED_JOINTS}
"""By the refiner's name, behind any body network."""

CALIBRATIONS: dict[tuple[str, str | None], Calibration] = {
    ("movenet_multipose", "movenet_thunder"): Calibration(
        joints=_REFINED_JOINTS,
        people=Curve(
            (0.002, 0.014, 0.036, 0.097, 0.184, 0.294, 0.394, 0.613),
            (0.004, 0.194, 0.346, 0.648, 0.909, 0.933, 1.000, 1.000),
        ),
    ),
    ("movenet_multipose", None): Calibration(
        joints=Curve(
            (0.001, 0.246, 0.365, 0.459, 0.554, 0.653, 0.751, 0.966),
            (0.263, 0.693, 0.822, 0.889, 0.964, 0.985, 0.997, 0.999),
        ),
        people=Curve((0.0, 0.006, 0.383, 0.911), (0.0, 0.172, 0.959, 0.984)),
    ),
    ("mobilenet_thin", "movenet_thunder"): Calibration(  # people: on 150 of the images
        joints=_REFINED_JOINTS,
        people=Curve((0.0, 0.052, 0.079, 0.099, 0.129, 0.248, 0.432), (0.0, 0.412, 0.553, 0.621, 0.953, 0.992, 1.000)),
    ),
    ("movenet_fields", "movenet_thunder"): Calibration(
        joints=_REFINED_JOINTS,
        people=Curve((0.0, 0.006, 0.012, 0.047, 0.12, 0.206, 0.519), (0.0, 0.009, 0.056, 0.533, 0.991, 0.991, 1.0)),
    ),
    ("movenet_fields", None): Calibration(
        joints=Curve(
            (0.017, 0.328, 0.520, 0.657, 0.768, 0.862, 0.964, 1.000),
            (0.265, 0.804, 0.818, 0.903, 0.952, 0.952, 0.952, 0.963),
        ),
        people=Curve((0.0, 0.102, 0.250, 0.369, 0.482, 0.762), (0.0, 0.0, 0.551, 0.942, 0.979, 1.0)),
    ),
    ("mobilenet_thin", None): Calibration(
        joints=Curve(
            (0.015, 0.294, 0.477, 0.597, 0.684, 0.760, 0.833, 1.000),
            (0.358, 0.755, 0.814, 0.899, 0.955, 0.965, 0.968, 0.994),
        ),
        people=Curve(
            (0.030, 0.060, 0.116, 0.227, 0.308, 0.378, 0.451, 0.645),
            (0.006, 0.049, 0.154, 0.759, 0.857, 0.997, 0.997, 1.000),
        ),
    ),
}
"""By the names of body network and refiner."""


class Network(Protocol):
    """Of a `ModelInfo` its name, and the curves that were fitted when it was trained."""

    @property
    def name(self) -> str: ...
    @property
    def calibration(self) -> Calibration | None: ...


def calibration_of(body: Network, refiner: Network | None) -> Calibration:
    """The curves of a body network and a refiner.

    Networks of one's own bring theirs: a body network those that hold without a refiner, a refiner that of joints,
    which is the same behind any body network. What has no curve is taken as it is.
    """
    behind = None if refiner is None else refiner.name
    if refiner is None and body.calibration is not None:
        return body.calibration
    if refiner is not None and refiner.calibration is not None:
        return Calibration(joints=refiner.calibration.joints)
    if body.calibration is not None:  # whatever it is called
        return Calibration(joints=_JOINTS.get(behind, AS_IT_IS))
    return CALIBRATIONS.get((body.name, behind), Calibration())
