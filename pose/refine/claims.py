"""Whose joint is it: the people of a frame share out what the refiner sees in their crops.

A crop shows neighbours, too, and a network made for one person gladly takes the elbow of who stands in front for that
of who is hidden. Part affinity fields give each joint to one person; here a place is another's when he is surer to be
there and claims it more: when his joint, as the body network saw it, was surer and nearer. Who has next to nothing of
his own is no other person but one of the others again, seen in another pose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_SLACK = 0.05  # body sizes; by about so much the body network errs
_LEAST = 0.1  # confidence with which a joint is claimed at least
_OWN = 0.25  # share of the belief in all that is seen of somebody that is his own
_HIDDEN = 0.5  # share of the belief in a joint from which it is believed to be elsewhere, too

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Claim:
    """Where somebody's joints are, as far as it was known before.

    Attributes:
        joints: (K, 3) x, y and confidence; pixels of the frame, NaN where unknown.
        size: longer side of the body's box, pixels.
    """

    joints: Array
    size: float


@dataclass(frozen=True, eq=False)
class Sight:
    """What the refiner sees of somebody.

    Attributes:
        claim: what was known of him.
        score: that he is there.
        views: of each look at him, (K, C, 3) C places where each joint may be, best first, and the belief in each;
            pixels of the frame, NaN, NaN, 0 where there are no more.
    """

    claim: Claim
    score: float
    views: tuple[Array, ...]


def share_out(sights: Sequence[Sight], beside: Sequence[Claim] = ()) -> list[list[Array] | None]:
    """(K, 3) joints of each look at each of the people; None for who is one of the others again.

    A joint whose place another has is where it is next best; if there is hardly any belief in that, it is hidden, and
    what was known of it before remains.

    Args:
        sights: of all that are looked at in a frame.
        beside: others who are there, surer than these.
    """
    alone = [[view[:, 0] for view in sight.views] for sight in sights]
    shared: list[list[Array] | None] = [None] * len(sights)
    others = list(beside)
    for i in sorted(range(len(sights)), key=lambda i: -sights[i].score * _belief(alone[i])):
        own = [_unclaimed(view, sights[i].claim, others) for view in sights[i].views] if others else alone[i]
        if _belief(own) >= _OWN * _belief(alone[i]):
            shared[i] = [_seen(*views, sights[i].claim) for views in zip(own, alone[i], strict=True)]
            others.append(sights[i].claim)
    return shared


def _belief(views: Sequence[Array]) -> float:
    return float(np.mean([view[:, 2].mean() for view in views]))


def _unclaimed(places: Array, claim: Claim, others: Sequence[Claim]) -> Array:
    """(K, 3) best of (K, C, 3) places that no other claims more; where there is none, the best one without belief."""
    theirs = np.nan_to_num([_strength(places, other) for other in others]).max(axis=0)
    ours = _strength(places, claim)
    unknown = _LEAST / _SLACK**2
    free = np.isfinite(places[..., 0]) & (np.where(np.isfinite(ours), ours, unknown) >= theirs)
    best: Array = places[np.arange(len(places)), free.argmax(axis=1)]
    return np.where(free.any(axis=1)[:, None], best, best * (1, 1, 0))


def _strength(places: Array, claim: Claim) -> Array:
    """(K, C) of somebody's claim to (K, C, 3) places; NaN where he does not know the joint."""
    away = np.linalg.norm(places[..., :2] - claim.joints[:, None, :2], axis=-1) / claim.size
    strength: Array = np.fmax(claim.joints[:, None, 2], _LEAST) / (away + _SLACK) ** 2
    return strength


def _seen(own: Array, alone: Array, claim: Claim) -> Array:
    """(K, 3) own places; of hidden joints what was known before, no surer than what is seen there."""
    hidden = (own[:, 2] < _HIDDEN * alone[:, 2]) & np.isfinite(claim.joints[:, 0])
    known = np.column_stack([claim.joints[:, :2], np.fmin(claim.joints[:, 2], alone[:, 2])])
    return np.where(hidden[:, None], known, own)
