"""Features -> actions -> report, and the command line; the only package that sees all the others."""

from behavior.errors import ActionModelError, BehaviorError, DataError, OutputError
from behavior.labels import UNKNOWN, Bout

__all__ = ["UNKNOWN", "ActionModelError", "BehaviorError", "Bout", "DataError", "OutputError"]
