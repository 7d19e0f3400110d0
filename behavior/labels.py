"""Actions as intervals: `Bout`, and the way between bouts and labels per frame.

Frame numbers hold both ends: a bout from frame 10 to frame 20 has 11 frames. Its times run from the timestamp of its
first frame to the moment its last frame leaves the screen, so bouts that touch leave no hole between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

UNKNOWN = "unknown"
"""What a classifier says when it is unsure or sees too few joints; never stored as a bout. As a class of labelled
clips: none of the actions."""

TOGETHER = " + "
"""Joins the actions of a set into one name: `walk + wave` is both at once."""


def set_name(actions: Iterable[str]) -> str:
    """One name for actions that hold at once; `unknown` for none."""
    return TOGETHER.join(actions) or UNKNOWN


def actions_of(name: str) -> tuple[str, ...]:
    """The actions of a set by its name; `unknown` has none."""
    return () if name == UNKNOWN else tuple(name.split(TOGETHER))


def all_actions(names: Sequence[str]) -> tuple[str, ...]:
    """Every action that the sets hold: those that stand alone in their order, then the others."""
    alone = [name for name in names if len(actions_of(name)) == 1]
    return tuple(dict.fromkeys([*alone, *(action for name in names for action in actions_of(name))]))


@dataclass(frozen=True)
class Bout:
    """One action of one person from a first to a last frame, both inside.

    Attributes:
        track_id: the person, as in `pose.people.Track`.
        action: name of the action.
        start_s: time of the first frame, seconds.
        stop_s: time at which the last frame ends, seconds: the timestamp of the frame after it.
        start_frame: first frame number.
        stop_frame: last frame number.
        score: mean calibrated probability over the bout, in [0, 1]; 1 for a human's label.
    """

    track_id: int
    action: str
    start_s: float
    stop_s: float
    start_frame: int
    stop_frame: int
    score: float

    def __post_init__(self) -> None:
        if self.stop_frame < self.start_frame or self.stop_s < self.start_s:
            raise ValueError(f"bout {self.action!r} of track {self.track_id} stops before it starts")

    @property
    def duration_s(self) -> float:
        return self.stop_s - self.start_s
