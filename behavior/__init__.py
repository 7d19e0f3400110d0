"""Features -> actions -> report, and the command line; the only package that sees all the others."""

from typing import TYPE_CHECKING, Any

from behavior.errors import ActionModelError, BehaviorError, DataError
from behavior.labels import UNKNOWN

if TYPE_CHECKING:
    from storage.bouts import Bout
    from storage.errors import OutputError

__all__ = ["UNKNOWN", "ActionModelError", "BehaviorError", "Bout", "DataError", "OutputError"]


def __getattr__(name: str) -> Any:
    if name == "Bout":
        from storage.bouts import Bout

        return Bout
    if name == "OutputError":
        from storage.errors import OutputError

        return OutputError
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
