"""Errors of the behavior package.

BehaviorError
├── ActionModelError      an action model that is unknown, damaged, or made for other joints
└── DataError             labelled clips or intervals that can't be read or don't fit together
"""


class BehaviorError(Exception):
    """A stage after the poses can't do its work."""


class ActionModelError(BehaviorError):
    """An action model that is unknown, damaged, or made for other joints."""


class DataError(BehaviorError):
    """Labelled clips or intervals that can't be read or don't fit together."""
