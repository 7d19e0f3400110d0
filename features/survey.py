"""What the features of a part of a long sequence must know of the whole, gathered part by part."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from features.body import Body, FeatureSettings
from features.entries import gait, places
from features.geometry import extents
from features.normalize import TYPICAL, full_height, median_length, trunk_length
from features.sequence import PoseSequence, Whole
from features.zones import Zone, crossings

Array = NDArray[np.float64]


class Survey:
    """Takes a cleaned sequence in parts that follow each other without overlap; gives its `Whole`.

    It keeps some numbers a frame, not the joints.
    """

    def __init__(
        self, zones: Sequence[Zone] = (), settings: FeatureSettings | None = None, trunk: float | None = None
    ) -> None:
        """`trunk` is what lengths are divided by, sequence unit; None: the median length of the trunk."""
        self.settings = settings or FeatureSettings()
        self._trunk = trunk
        self._times: list[Array] = []
        self._trunks: list[Array] = []
        self._heights: list[Array] = []
        self._ankles: list[Array] = []
        self._typical: dict[str, list[Array]] = {}
        self._inside: dict[Zone, list[Array]] = {zone: [] for zone in zones}

    def add(self, part: PoseSequence) -> None:
        """The next part, cleaned."""
        body = Body(part, self.settings)
        self._times.append(part.time_s)
        self._trunks.append(trunk_length(part))
        self._heights.append(extents(part.points)[:, 1])
        if body.has(*gait.ANKLES):
            self._ankles.append(body.joint("left_ankle") - body.joint("right_ankle"))
        for name, figure in TYPICAL.items():
            if part.has(*figure.joints):
                self._typical.setdefault(name, []).append(figure.of_frames(part))
        for zone, inside in self._inside.items():
            inside.append(places.inside(body, zone))

    def whole(self) -> Whole:
        """What the parts together say."""
        time_s = np.concatenate(self._times)
        trunk = median_length(np.concatenate(self._trunks)) if self._trunk is None else self._trunk
        ankles = np.concatenate(self._ankles) / trunk if self._ankles else None
        return Whole(
            trunk=trunk,
            height=full_height(np.concatenate(self._heights)),
            steps=None if ankles is None else gait.find_steps(ankles, time_s, self.settings),
            crossings={zone: crossings(np.concatenate(inside), time_s) for zone, inside in self._inside.items()},
            typical={name: TYPICAL[name].among(np.concatenate(values)) for name, values in self._typical.items()},
        )
