"""numba's compiler, as all kernels use it: without Python's lock, kept on disk where that can be written to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

R = TypeVar("R")


def _probe() -> None:
    """Stands for all kernels: numba keeps them beside their source, or in the user's cache folder."""


def _can_be_kept() -> bool:
    try:
        numba.njit(cache=True)(_probe)
    except RuntimeError:  # no such place can be written to: compiled anew by each process
        return False
    return True


_KEPT = _can_be_kept()


def compiled(**options: Any) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """A decorator; `options` of `numba.njit` beside these."""
    decorator: Callable[[Callable[..., R]], Callable[..., R]] = numba.njit(nogil=True, cache=_KEPT, **options)
    return decorator
