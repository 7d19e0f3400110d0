"""Actions of people in space, through the rules and classifiers of pictures.

Both know pictures only, so two cameras are made up that see each person from the side and from the front for all of the
time: without perspective, the vertical upright, so that nothing of a body's size or place is lost as in a real picture.
A model's scores are the mean of both. A posture is told from the side; every other rule by the view in which it claims
more time, since steps are seen from the side and jumping jacks from the front.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from behavior.recognition.model import ActionModel
from behavior.recognition.recognise import RecogniseSettings, decode, rules_of, track_scores
from behavior.recognition.rules import POSTURES, motion_of, rule_bouts
from features.geometry import found_joints, unit
from pose.people import Track
from pose.skeleton import Skeleton
from storage.bouts import Bout

Array = NDArray[np.float64]

PX_PER_M = 200.0
"""Of the made-up pictures; any number would do."""
DOWN = np.array([0.0, 1.0, 0.0])


def recognise_in_space(
    number: int,
    points: Array,
    frames: NDArray[np.int64],
    time_s: Array,
    skeleton: Skeleton,
    model: ActionModel,
    settings: RecogniseSettings | None = None,
) -> list[Bout]:
    """The bouts of one person, in order of time.

    Args:
        number: of the person; the bouts' `track_id`.
        points: (T, K, 3) metres, x right, y down, z away (`features.metric.upright`); NaN where missing.
        frames, time_s: (T,) numbers and timestamps, seconds.
        skeleton: of K joints.

    Raises:
        ActionModelError: the skeleton lacks joints that the model needs.
    """
    settings = settings or RecogniseSettings()
    seen = found_joints(points).any(axis=1)
    if seen.sum() < 2:
        return []
    across = _across(points[seen], skeleton)
    looks = {"side": across, "front": np.cross(across, DOWN)}
    tracks = {
        name: Track(
            number, frames[seen], time_s[seen], _picture(points[seen], ahead),
            np.ones(int(seen.sum()), dtype=np.float32), skeleton=skeleton,
        )
        for name, ahead in looks.items()
    }  # fmt: skip
    motions = {name: motion_of(track, skeleton) for name, track in tracks.items()}
    scores = np.mean([track_scores(track, skeleton, model, settings) for track in tracks.values()], axis=0)
    bouts = decode(tracks["side"], scores, model, settings, motions["side"])
    of_view = {name: rule_bouts(tracks[name], motions[name], rules_of(model)) for name in looks}
    for rule in rules_of(model):
        found = {name: [bout for bout in view if bout.action == rule] for name, view in of_view.items()}
        best = "side" if rule in POSTURES else max(found, key=lambda name: sum(one.duration_s for one in found[name]))
        bouts += [replace(bout, evidence=f"from the {best}: {bout.evidence}") for bout in found[best]]
    return sorted(bouts, key=lambda bout: (bout.start_s, bout.action))


def _across(points: Array, skeleton: Skeleton) -> Array:
    """(3,) the level line along which the hips lie most of the time; either way along it."""
    hips = points[:, skeleton.index("left_hip")] - points[:, skeleton.index("right_hip")]
    turn = np.arctan2(hips[:, 2], hips[:, 0])
    middle = np.angle(np.nanmean(np.exp(2j * turn))) / 2 if np.isfinite(turn).any() else 0.0
    return np.array([np.cos(middle), 0.0, np.sin(middle)])


def _picture(points: Array, ahead: Array) -> NDArray[np.float32]:
    """(T, K, 3) x, y in pixels and confidence 1, or 0 where missing, of a camera that looks along a level line."""
    flat = np.stack([points @ unit(np.cross(DOWN, ahead)), points[..., 1]], axis=-1) * PX_PER_M
    return np.concatenate([flat, np.isfinite(flat[..., :1])], axis=-1).astype(np.float32)
