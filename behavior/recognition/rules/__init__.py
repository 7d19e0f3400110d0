"""Actions that a rule finds, beside those that a model learnt: by geometry, with thresholds that have units.

To add one: its score (per frame 1 holds, 0 does not, NaN can't be seen) and its `Rule` in the file that fits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from behavior.errors import DataError
from behavior.recognition.rules import exercises, gestures, locomotion, parts, postures
from behavior.recognition.rules.base import Rule
from behavior.recognition.rules.locomotion import LOCOMOTION, denied
from behavior.recognition.rules.motion import Motion
from behavior.recognition.smoothing import Times, drop_short, frames_to_bouts, rows_of
from pose.layouts import has_body
from pose.people import Track
from pose.skeleton import Skeleton
from storage.bouts import Bout, Repetition

__all__ = [
    "DEFAULT",
    "LOCOMOTION",
    "POSTURES",
    "RULES",
    "UPRIGHT",
    "Motion",
    "Rule",
    "definition",
    "denied",
    "known_rules",
    "motion_of",
    "rule_bouts",
    "vocabulary",
    "with_repetitions",
]

MAX_GAP_S = 0.5
"""No bout crosses a longer gap in the track, seconds."""

RULES: dict[str, Rule] = {
    rule.name: rule for rule in (*postures.RULES, *locomotion.RULES, *gestures.RULES, *exercises.RULES, *parts.RULES)
}
"""Name of the action to its rule."""

POSTURES = frozenset(rule.name for rule in postures.RULES)
UPRIGHT = "upright"
"""The one posture that says nothing of what somebody does: time with nothing else counts as not named."""

DEFAULT = (
    "upright", "sit", "lie", "walk", "run", "arms_raised", "wave", "bend", "push_up", "sit_up", "pull_up",
    "jumping_jack",
)  # fmt: skip
"""Rules that always run, see benchmarks/README.md for how often they are right."""

OTHER_NAMES = {"raise_arms": "arms_raised"}
"""Names under which rules are known, too."""


def known_rules(names: Sequence[str]) -> tuple[str, ...]:
    """The names as in `RULES`, if all are known; `DataError` otherwise."""
    names = [OTHER_NAMES.get(name, name) for name in names]
    if unknown := [name for name in names if name not in RULES]:
        raise DataError(f"unknown rule {', '.join(unknown)}; known: {', '.join(RULES)}")
    return tuple(names)


def definition(name: str) -> str:
    """What the rule goes by, its thresholds filled in."""
    rule = RULES[name]
    return rule.definition.format(**{key: value for key, (value, _) in rule.thresholds.items()})


def vocabulary() -> str:
    """The rules as a Markdown table, for docs/actions.md."""
    rows = [
        f"| `{name}` | {rule.kind} | {definition(name)} | {rule.min_s:g} | {runs} |"
        for name, rule in RULES.items()
        for runs in ("always" if name in DEFAULT else "on demand",)
    ]
    head = ["| action | kind | definition | shortest, s | runs |", "|---|---|---|---|---|"]
    return "\n".join([*head, *rows])


def motion_of(track: Track, skeleton: Skeleton, background: NDArray[np.float64] | None = None) -> Motion | None:
    """What rules read; None for a skeleton that is no human body, or fewer than two frames.

    `background` is (n, 3) where the background is in each of the track's frames, pixels, and the logarithm of how much
    larger it is than in the first; None: the camera is still.
    """
    if not has_body(skeleton.joints) or len(track) < 2:
        return None
    return Motion(track, skeleton, background=background)


def rule_bouts(track: Track, motion: Motion | None, rules: Sequence[str]) -> list[Bout]:
    """Bouts of one person by the named rules; none without a motion.

    Postures exclude each other, and so do kinds of locomotion. The score is the share of the bout's frames in which the
    rule was seen to hold; the evidence is the rule's numbers.
    """
    if motion is None:
        return []
    times = Times.of(track.time_s, MAX_GAP_S)
    groups: dict[str, list[Rule]] = {}
    for rule in (RULES[name] for name in dict.fromkeys(rules)):
        groups.setdefault(rule.name if rule.kind == "motion" else rule.kind, []).append(rule)
    bouts: list[Bout] = []
    for group in groups.values():
        holds = np.stack([rule.score(motion) == 1 for rule in group], axis=1)
        labels = np.where(holds.any(axis=1), holds.argmax(axis=1), -1)
        names, least = [rule.name for rule in group], [rule.min_s for rule in group]
        for rows in times.stretches:
            kept = drop_short(labels[rows], times.ends_s[rows], track.time_s[rows], least)
            found = frames_to_bouts(
                kept,
                holds[rows].astype(np.float64),
                track.frames[rows],
                track.time_s[rows],
                times.ends_s[rows],
                track.track_id,
                names,
            )
            bouts += [_told(bout, motion, rows_of(track, bout)) for bout in found]
    return bouts


def _told(bout: Bout, motion: Motion, rows: slice) -> Bout:
    """The bout with what its rule says of it."""
    return replace(with_repetitions(bout, motion, rows), evidence=RULES[bout.action].evidence(motion, rows))


def with_repetitions(bout: Bout, motion: Motion, rows: slice) -> Bout:
    """A bout, a rule's or a model's, with the repetitions that the rule of its action counts in its rows."""
    rule, time_s = RULES.get(bout.action), motion.time_s
    if rule is None or not (found := rule.repetitions_of(motion, rows)):
        return bout
    repetitions = tuple(
        Repetition(float(time_s[one.first]), float(time_s[one.last]), one.amplitude, rule.unit) for one in found
    )
    evidence = "; ".join(filter(None, [bout.evidence, f"counted: {', '.join(rule.counted(motion, rows))}"]))
    return replace(bout, evidence=evidence, repetitions=repetitions)
