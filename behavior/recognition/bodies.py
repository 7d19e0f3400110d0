"""Clips in the body's own frame, for all classifiers that look at the same clips."""

from __future__ import annotations

from behavior.recognition.clips import Clips
from features.clips import Normalised, normalise


def body_of(clips: Clips, smooth: float) -> Normalised:
    """The clips as `features.clips.normalise` gives them; computed once, and kept with them."""
    if smooth not in clips.bodies:
        clips.bodies[smooth] = normalise(clips.points, clips.lengths, clips.joints, smooth)
    found: Normalised = clips.bodies[smooth]
    return found
