"""Columns of whole numbers, small enough to stand in a page: differences, as varints, deflated, as text.

A column is one number after another. Each is stored as its difference from what is expected: the one before, or, where
that makes the column smaller, as if it went on as it did in the last two steps, `a + floor((a - c) / 2)` of the last
ones ..., c, b, a. A byte before a column says which: 0 or 1; its first three are always expected where the one before
is, the first at 0. Differences are zigzagged (0, -1, 1, -2, ... become 0, 1, 2, 3, ...) plus 1, and 0 where a number is
missing; then as LEB128. `script/columns.js` reads them back.

Text has five characters for four bytes, base 85 (RFC 1924) with `.` for `<`, which ends what stands in a page.
"""

from __future__ import annotations

import base64
import zlib

import numpy as np
from numpy.typing import NDArray

MISSING = np.iinfo(np.int64).min
"""A number that is not there."""
_OUT, _IN = bytes.maketrans(b"<", b"."), bytes.maketrans(b".", b"<")


class Columns:
    """Columns one after another, compressed as they come."""

    def __init__(self) -> None:
        # Differences are noise, in which nothing comes again but runs; 5 % smaller than with longer matches.
        self._deflate = zlib.compressobj(6, strategy=zlib.Z_RLE)
        self._parts: list[bytes] = []

    def add(self, values: NDArray[np.int64]) -> None:
        """One column, `MISSING` where there is no number."""
        found = values != MISSING
        known = values[found]
        steps = np.diff(known, prepend=np.int64(0))
        carried = steps.copy()
        carried[3:] -= (known[2:-1] - known[:-3]) >> 1
        goes_on = bool(_bits(carried) < _bits(steps))
        steps = carried if goes_on else steps
        codes = np.zeros(len(values), dtype=np.uint64)
        codes[found] = ((steps << 1) ^ (steps >> 63)).astype(np.uint64) + np.uint64(1)
        self._parts.append(self._deflate.compress(bytes([goes_on]) + varints(codes)))

    def text(self) -> str:
        """All of them; nothing may be added afterwards."""
        self._parts.append(self._deflate.flush())
        return base64.b85encode(b"".join(self._parts)).translate(_OUT).decode()


def bytes_of(text: bytes) -> bytes:
    """What `Columns.text` gives, deflated still."""
    return base64.b85decode(text.translate(_IN))


def _bits(steps: NDArray[np.int64]) -> float:
    return float(np.log2(1 + 2.0 * np.abs(steps)).sum())


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
