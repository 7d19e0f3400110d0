"""Blocks of columns that a page's script unpacks: in the page itself, or taken out of it and asked for one by one.

A page from a file can't ask anybody, so it has all of its blocks, each in an element and line of its own. The studio
sends the page without them; `script/blocks.js` asks for the one that is wanted, by its name and digest, so that what it
gets is always of the page that asks.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from pathlib import Path

from markupsafe import Markup

from behavior.report.columns import bytes_of

_OPEN, _CLOSE = '<script type="application/octet-stream" id="', "</script>"
_LINE = re.compile(f'^{_OPEN}([a-z0-9-]+)">([^<]*){_CLOSE}\n'.encode(), re.MULTILINE)
"""Nothing else in a page begins so: what users name is escaped."""


def holder(name: str, text: str) -> Markup:
    """The element of a block, without the end of its line."""
    return Markup(f'{_OPEN}{name}">{text}{_CLOSE}')  # a name of this package, and text without `<`


def digest(text: str | bytes) -> str:
    """Of a block's text."""
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()[:32]


def without_blocks(page: Path) -> bytes:
    """A page as it is sent to whom asks for its blocks."""
    return _cut(page)[0]


def read_block(page: Path, name: str, wanted: str) -> bytes | None:
    """A block of a page, deflated; None where the page has none of that name and digest."""
    start, stop = _cut(page)[1].get(name, (0, 0))
    with page.open("rb") as file:
        file.seek(start)
        text = file.read(stop - start)
    return bytes_of(text) if stop and digest(text) == wanted else None


def _cut(page: Path) -> tuple[bytes, dict[str, tuple[int, int]]]:
    about = page.stat()
    return _cut_as_written(page, about.st_mtime_ns, about.st_size, about.st_ino)


@lru_cache(maxsize=4)
def _cut_as_written(page: Path, *_written: int) -> tuple[bytes, dict[str, tuple[int, int]]]:
    """The page without its blocks, and where in the file the text of each begins and ends."""
    whole = page.read_bytes()
    return _LINE.sub(b"", whole), {found[1].decode(): found.span(2) for found in _LINE.finditer(whole)}
