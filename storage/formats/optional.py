"""Libraries that only some formats need."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from storage.errors import ExchangeError

DAMAGE = (OSError, RuntimeError, LookupError, ValueError, TypeError, AttributeError, EOFError)
"""What h5py, and what stands on it, raises on a damaged file."""


def load(module: str) -> Any:
    """A module of the extra `exchange`; raises `ExchangeError` when it is not installed."""
    try:
        return import_module(module)
    except ImportError as error:
        raise ExchangeError(
            f"this format needs {module.split('.')[0]}, which is not installed; pip install 'posescribe[exchange]'"
        ) from error
