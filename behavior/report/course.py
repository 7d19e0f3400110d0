"""What the report needs of a track, without keeping its keypoints."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from behavior.report.figures import body_middle
from features.normalize import trunk_length
from features.sequence import PoseSequence
from pose.people import Track
from pose.skeleton import Skeleton


@dataclass(frozen=True, eq=False)
class Course:
    """When and where one person was seen: what the page needs of a track.

    Attributes:
        track_id: identity, counted from 1.
        time_s: (n,) float64 timestamps of the frames that show the person, seconds.
        middle: (n, 2) float32, see `figures.body_middle`.
        score: mean confidence, in [0, 1].
        torso: from the neck to the middle of the hips, pixels, median over the frames; NaN where never seen.
    """

    track_id: int
    time_s: NDArray[np.float64]
    middle: NDArray[np.float32]
    score: float
    torso: float = math.nan

    @classmethod
    def of(cls, parts: Iterable[Track], skeleton: Skeleton) -> Course:
        """Out of at least one part of a track, one after another."""
        times, middles, scores, torsos = [], [], [], []
        for part in parts:
            times.append(part.time_s)
            middles.append(body_middle(part.keypoints, skeleton))
            scores.append(part.scores)
            torsos.append(trunk_length(PoseSequence.from_track(part)))
        score = float(np.mean(np.concatenate(scores)))
        torso = np.concatenate(torsos)
        usual = float(np.nanmedian(torso)) if np.isfinite(torso).any() else math.nan
        return cls(part.track_id, np.concatenate(times), np.concatenate(middles), score, usual)
