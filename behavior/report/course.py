"""What the report needs of a track, without keeping its keypoints."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from behavior.report.figures import body_middle
from features.normalize import trunk_length
from features.plane import body_heights
from features.sequence import PoseSequence
from pose.parts import n_body_joints
from pose.people import Track
from pose.skeleton import Skeleton

PARTS: Mapping[str, frozenset[str]] = {
    "head": frozenset({"head", "nose", "eye", "ear", "face"}),
    "trunk": frozenset({"neck", "shoulder", "hip"}),
    "arms": frozenset({"elbow", "wrist"}),
    "legs": frozenset({"knee", "ankle"}),
}
"""Joints of the body by the last word of their names."""


@dataclass(frozen=True, eq=False)
class Course:
    """When and where one person was seen: what the page needs of a track.

    Attributes:
        track_id: identity, counted from 1.
        time_s: (n,) float64 timestamps of the frames that show the person, seconds.
        middle: (n, 2) float32, see `figures.body_middle`.
        score: mean confidence, in [0, 1].
        torso: from the neck to the middle of the hips, pixels, median over the frames; NaN where never seen.
        missing: (parts, 2) of `PARTS`, joints that were not found, and all in these frames.
        heights: (n,) how tall the body is in the frames that show it upright, px, see `features.plane.body_heights`.
    """

    track_id: int
    time_s: NDArray[np.float64]
    middle: NDArray[np.float32]
    score: float
    torso: float = math.nan
    missing: NDArray[np.int64] = field(default_factory=lambda: np.zeros((len(PARTS), 2), dtype=np.int64))
    heights: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    @classmethod
    def of(cls, parts: Iterable[Track], skeleton: Skeleton) -> Course:
        """Out of at least one part of a track, one after another."""
        times, middles, scores, torsos, missing, heights = [], [], [], [], [], []
        for part in parts:
            times.append(part.time_s)
            middles.append(body_middle(part.keypoints, skeleton))
            scores.append(part.scores)
            sequence = PoseSequence.from_track(part)
            torsos.append(trunk_length(sequence))
            tall = body_heights(sequence)
            heights.append(tall[np.isfinite(tall)])
            missing.append(missing_joints(part.keypoints, skeleton.joints))
        score = float(np.mean(np.concatenate(scores)))
        torso = np.concatenate(torsos)
        usual = float(np.nanmedian(torso)) if np.isfinite(torso).any() else math.nan
        return cls(
            part.track_id, np.concatenate(times), np.concatenate(middles), score, usual, np.sum(missing, axis=0),
            np.concatenate(heights),
        )  # fmt: skip


def missing_joints(keypoints: NDArray[np.float32], joints: tuple[str, ...]) -> NDArray[np.int64]:
    """(parts, 2) of `PARTS`: joints that were not found in (n, n_joints, 3) keypoints, and all there could be."""
    joints = joints[: n_body_joints(joints)]
    missing = np.isnan(keypoints[..., 0]).sum(axis=0)
    of_part = [[i for i, joint in enumerate(joints) if joint.rpartition("_")[2] in words] for words in PARTS.values()]
    return np.array([(missing[own].sum(), len(keypoints) * len(own)) for own in of_part], dtype=np.int64)
