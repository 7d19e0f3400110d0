"""Hands and faces: a hand at the face, talking, blinks. They speak only where hands and faces were looked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from behavior.recognition.rules.base import Rule, limit, verdict
from behavior.recognition.rules.motion import SIDES, Motion
from features import geometry
from features.body import Body, FeatureSettings
from features.entries.face import EYELIDS, EYES, LIPS, blinks, eye_openness, mouth_opening
from features.entries.hands import hand_to_face, hand_to_face_joints
from features.filters import kalman
from features.normalize import TYPICAL
from features.sequence import PoseSequence

Array = NDArray[np.float64]

SMALLEST_FACE = 40.0
"""Pixels between the outer corners of the eyes below which eyes and mouth are not read: of a face of 22 pixels in the
sample video the aspect ratio of open eyes wanders by an eighth, and a frame gone wrong looks like a blink."""


@dataclass(frozen=True)
class HandToFaceLimits:
    """Thresholds of `hand_to_face`."""

    touch: float = limit(0.25, "head widths from a fingertip to a point of the face, at most")


_TOUCH = HandToFaceLimits()


def _nearest_hand(motion: Motion) -> Array:
    """(n,) distance of the nearer hand from the face, head widths."""
    away = np.full(len(motion), np.nan)
    for side in SIDES:
        if motion.whole.has(*hand_to_face_joints(side), *TYPICAL["head_width"].joints):
            away = np.fmin(away, hand_to_face(motion.whole, side))
    return away


def at_face(motion: Motion) -> Array:
    """(n,) see `Rule.score`."""
    away = _nearest_hand(motion)
    return verdict(np.isfinite(away), away <= _TOUCH.touch)


def _large(motion: Motion) -> NDArray[np.bool_]:
    """(n,) whether there is a face that is large enough to be read."""
    if not motion.whole.has(*EYES):
        return np.zeros(len(motion), dtype=bool)
    left, right = (motion.whole.joint(corner) for corner in EYES)
    return geometry.distance(left, right) >= SMALLEST_FACE


@dataclass(frozen=True)
class TalkingLimits:
    """Thresholds of `talking`."""

    slowest: float = limit(2.0, "Hz, lower end of the band in which speech moves the lips")
    fastest: float = limit(7.0, "Hz, upper end of it")
    opening: float = limit(0.04, "widths of the mouth, root mean square of its opening in that band over 1 s, at least")
    face: float = limit(SMALLEST_FACE, "pixels between the outer corners of the eyes, at least")


_TALKING = TalkingLimits()


def mouth_rms(motion: Motion) -> Array:
    """(n,) root mean square over the second around each frame of the mouth's opening within the band; mouth widths."""
    if not motion.whole.has("mouth_upper", "mouth_lower", *LIPS):
        return np.full(len(motion), np.nan)
    opening = np.where(_large(motion), mouth_opening(motion.whole), np.nan)[:, None, None]
    series = PoseSequence(np.repeat(opening, 2, axis=2), np.isfinite(opening[..., 0]) * 1.0, ("mouth",), motion.time_s)
    fast, slow = (kalman(series, hz).points[:, 0, 0] for hz in (_TALKING.fastest, _TALKING.slowest))
    around = motion.around(1.0)
    enough = around.count(opening[:, 0, 0]) >= 0.6 * around.n_frames
    return np.where(enough & np.isfinite(opening[:, 0, 0]), np.sqrt(around.mean((fast - slow) ** 2)), np.nan)


def talking(motion: Motion) -> Array:
    """(n,) see `Rule.score`."""
    moves = mouth_rms(motion)
    return verdict(np.isfinite(moves), moves >= _TALKING.opening)


@dataclass(frozen=True)
class BlinkLimits:
    """Thresholds of `blink`."""

    closed: float = limit(0.6, "of the person's own open eyes, below")
    shortest: float = limit(0.05, "s that the eyes are closed, at least")
    longest: float = limit(0.5, "s that the eyes are closed, at most")
    face: float = limit(SMALLEST_FACE, "pixels between the outer corners of the eyes, at least")


_BLINK = BlinkLimits()


def _openness(motion: Motion) -> Array:
    """(n,) opening of the eyes, of the person's own open eyes."""
    return eye_openness(motion.whole) if motion.whole.has(*EYELIDS) else np.full(len(motion), np.nan)


def blink(motion: Motion) -> Array:
    """(n,) see `Rule.score`; 1 in the frames between closing and opening."""
    if not motion.whole.has(*EYELIDS):
        return np.full(len(motion), np.nan)
    settings = FeatureSettings(
        eye_closed=_BLINK.closed, shortest_blink_s=_BLINK.shortest, longest_blink_s=_BLINK.longest
    )
    body = Body(motion.whole.sequence, settings)
    found = blinks(body)
    place = np.searchsorted(found.start_s, motion.time_s, side="right") - 1
    inside = np.zeros(len(motion), dtype=bool)
    after = place >= 0
    inside[after] = motion.time_s[after] <= (found.start_s + found.duration_s)[place[after]]
    return verdict(np.isfinite(eye_openness(body)) & _large(motion), inside)


RULES = (
    Rule(
        "hand_to_face",
        "motion",
        "A fingertip at most {touch:g} head widths from a point of the face, as the picture shows it; from the nose "
        "where no face was found.",
        _TOUCH,
        at_face,
        lambda motion: {"fingertip {:.2f} head widths from the face (at most {touch:g})": _nearest_hand(motion)},
    ),
    Rule(
        "talking",
        "motion",
        "The lips open and close {slowest:g} to {fastest:g} times a second, by {opening:g} mouth widths (root mean "
        "square over 1 s) or more, in a face of {face:g} pixels between the outer corners of the eyes; so do those of "
        "somebody who chews or laughs.",
        _TALKING,
        talking,
        lambda motion: {"lips open and close by {:.3f} mouth widths (at least {opening:g})": mouth_rms(motion)},
        min_s=0.5,
    ),
    Rule(
        "blink",
        "motion",
        "Both eyes below {closed:g} of their own usual opening for {shortest:g} to {longest:g} s, in a face of "
        "{face:g} pixels between the outer corners of the eyes.",
        _BLINK,
        blink,
        lambda motion: {"eyes open to {:.2f} of their usual opening (below {closed:g})": _openness(motion)},
        min_s=0.02,
    ),
)
