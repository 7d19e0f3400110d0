"""Columns of whole numbers, small enough to stand in a page: differences, as varints, deflated.

A column is one number after another; each is stored as its difference from the one before, zigzagged (0, -1, 1, -2, ...
become 0, 1, 2, 3, ...) plus 1, and 0 where it is missing; then as LEB128. `script/columns.js` reads them back.
"""

from __future__ import annotations

import base64
import zlib

import numpy as np
from numpy.typing import NDArray

MISSING = np.iinfo(np.int64).min
"""A number that is not there."""


class Columns:
    """Columns one after another, compressed as they come."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(6)
        self._parts: list[bytes] = []

    def add(self, values: NDArray[np.int64]) -> None:
        """One column, `MISSING` where there is no number."""
        found = values != MISSING
        steps = np.diff(values[found], prepend=np.int64(0))
        codes = np.zeros(len(values), dtype=np.uint64)
        codes[found] = ((steps << 1) ^ (steps >> 63)).astype(np.uint64) + np.uint64(1)
        self._parts.append(self._deflate.compress(varints(codes)))

    def base64(self) -> str:
        """All of them; nothing may be added afterwards."""
        self._parts.append(self._deflate.flush())
        return base64.b64encode(b"".join(self._parts)).decode()


def varints(codes: NDArray[np.uint64]) -> bytes:
    """LEB128 of each number, one after another."""
    lengths = np.ones(len(codes), dtype=np.int64)
    for bits in range(7, 64, 7):
        lengths += codes >= np.uint64(1 << bits)
    starts = np.cumsum(lengths) - lengths
    out = np.empty(int(lengths.sum()), dtype=np.uint8)
    for place in range(int(lengths.max(initial=0))):
        these = lengths > place
        byte = (codes[these] >> np.uint64(7 * place)) & np.uint64(127)
        more = (lengths[these] > place + 1).astype(np.uint64) << np.uint64(7)
        out[starts[these] + place] = (byte | more).astype(np.uint8)
    return out.tobytes()
