"""Features -> actions -> report, and the command line; the only package that sees all the others."""

from behavior.errors import ActionModelError, BehaviorError, DataError
from behavior.labels import UNKNOWN
from storage.bouts import Bout
from storage.errors import OutputError

__all__ = ["UNKNOWN", "ActionModelError", "BehaviorError", "Bout", "DataError", "OutputError"]
