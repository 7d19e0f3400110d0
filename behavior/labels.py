"""Names of actions: `unknown`, and sets of actions that hold at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

UNKNOWN = "unknown"
"""What a classifier says when it is unsure or sees too few joints; never stored as a bout. As a class of labelled
clips: none of the actions."""

TOGETHER = " + "
"""Joins the actions of a set into one name: `walk + wave` is both at once."""


def set_name(actions: Iterable[str]) -> str:
    """One name for actions that hold at once; `unknown` for none."""
    return TOGETHER.join(actions) or UNKNOWN


def actions_of(name: str) -> tuple[str, ...]:
    """The actions of a set by its name; `unknown` has none, nor has a kind of it, such as `unknown: walk`."""
    return () if name.partition(":")[0] == UNKNOWN else tuple(name.split(TOGETHER))


def all_actions(names: Sequence[str]) -> tuple[str, ...]:
    """Every action that the sets hold: those that stand alone in their order, then the others."""
    alone = [name for name in names if len(actions_of(name)) == 1]
    return tuple(dict.fromkeys([*alone, *(action for name in names for action in actions_of(name))]))
