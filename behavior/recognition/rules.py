"""Actions that a rule finds, beside those that a model learnt: they need no training clips and may hold at any time.

To add one: a function from the body's joints to what each frame says, and its entry in `RULES`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from behavior.errors import DataError
from behavior.recognition.smoothing import Times, drop_short, frames_to_bouts
from pose.layouts import BODY_13, has_body, to_body
from pose.people import Track
from pose.skeleton import Skeleton
from storage.bouts import Bout

MIN_S = 0.3
"""Shorter bouts are dropped, shorter interruptions closed, seconds."""
MAX_GAP_S = 0.5
"""No bout crosses a longer gap in the track, seconds."""

Rule = Callable[[NDArray[np.float32]], NDArray[np.float64]]


def arms_raised(body: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n,) 1 where both hands are above the shoulders, 0 where one is not, NaN where that can't be seen.

    `body` is (n, 13, 2) joints of `BODY_13`, y down. A hand that isn't seen is judged by its elbow. The shoulders must
    stand above the hips: of a body upside down nothing is said.
    """
    y = {joint: body[:, place, 1].astype(np.float64) for place, joint in enumerate(BODY_13)}
    shoulders = (y["right_shoulder"] + y["left_shoulder"]) / 2
    hips = (y["right_hip"] + y["left_hip"]) / 2
    raised = np.ones(len(body))
    for side in ("right", "left"):
        hand = np.where(np.isfinite(y[f"{side}_wrist"]), y[f"{side}_wrist"], y[f"{side}_elbow"])
        raised = np.where(np.isfinite(hand), raised * (hand < shoulders), np.nan)
    return np.where(shoulders < hips, raised, np.nan)


RULES: dict[str, Rule] = {"arms_raised": arms_raised}
"""Name of the action to its rule."""


def known_rules(names: Sequence[str]) -> tuple[str, ...]:
    """The names, if all are of `RULES`; `DataError` otherwise."""
    if unknown := [name for name in names if name not in RULES]:
        raise DataError(f"unknown rule {', '.join(unknown)}; known: {', '.join(RULES)}")
    return tuple(names)


def rule_bouts(track: Track, skeleton: Skeleton, rules: Sequence[str]) -> list[Bout]:
    """Bouts of one person by the named rules; none for a skeleton that is no human body.

    The score is the share of the bout's frames in which the rule was seen to hold.
    """
    if not has_body(skeleton.joints) or len(track) < 2:
        return []
    body = to_body(track.keypoints, skeleton.joints)
    times = Times.of(track.time_s, MAX_GAP_S)
    bouts: list[Bout] = []
    for name in rules:
        holds = RULES[name](body) == 1
        for rows in times.stretches:
            labels = drop_short(np.where(holds[rows], 0, -1), times.ends_s[rows], track.time_s[rows], MIN_S)
            bouts += frames_to_bouts(
                labels,
                holds[rows, None].astype(np.float64),
                track.frames[rows],
                track.time_s[rows],
                times.ends_s[rows],
                track.track_id,
                (name,),
            )
    return bouts
