"""numba's compiler, as all kernels use it: without Python's lock, kept on disk where that can be written to."""

from __future__ import annotations

from functools import partial
from typing import Any

import numba


def _probe() -> None:
    """Stands for all kernels: numba keeps them beside their source, or in the user's cache folder."""


def _can_be_kept() -> bool:
    try:
        numba.njit(cache=True)(_probe)
    except RuntimeError:  # no such place can be written to: compiled anew by each process
        return False
    return True


compiled: Any = partial(numba.njit, nogil=True, cache=_can_be_kept())
