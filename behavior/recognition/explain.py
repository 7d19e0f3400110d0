"""Which joints a learnt action hangs on in one clip: each is hidden in turn, and what that costs is told."""

from __future__ import annotations

import numpy as np

from behavior.recognition.clips import Clips
from behavior.recognition.model import ActionModel

LEAST = 0.01
"""A joint that costs less probability than this is not told."""
MOST = 3
"""Joints that are told."""


def joint_losses(model: ActionModel, clip: Clips, action: str) -> tuple[float, dict[str, float]]:
    """The probability of an action in a clip, and what it loses when a joint is hidden (occlusion: M. D. Zeiler and
    R. Fergus, 2014, https://arxiv.org/abs/1311.2901).

    Args:
        model: with its prior.
        clip: one clip.
        action: one of the model's.

    Returns:
        The probability with all joints; joint -> loss, negative where hiding it helps, for the joints that are seen.
    """
    seen = np.flatnonzero(clip.seen[0].any(axis=0))
    points = np.repeat(clip.points, len(seen) + 1, axis=0)
    points[np.arange(len(seen)) + 1, :, seen] = np.nan
    clips = Clips(points, np.repeat(clip.lengths, len(points)), clip.joints, clip.rate_hz)
    whole, *without = model.weighted_proba(clips)[:, model.info.classes.index(action)].tolist()
    return whole, {clip.joints[joint]: whole - one for joint, one in zip(seen, without, strict=True)}


def told(model: ActionModel, clip: Clips, action: str) -> str:
    """The joints that mattered most, in words: `in its middle 0.93, without right wrist 0.41`."""
    whole, losses = joint_losses(model, clip, action)
    most = sorted((joint for joint in losses if losses[joint] >= LEAST), key=lambda joint: -losses[joint])[:MOST]
    text = f"in its middle {whole:.2f}, "
    if not most:
        return f"{text}whichever joint is hidden"
    return text + ", ".join(f"without {joint.replace('_', ' ')} {whole - losses[joint]:.2f}" for joint in most)
