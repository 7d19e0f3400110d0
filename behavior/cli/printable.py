"""What a command prints: text from outside, such as a file's name, made harmless to a terminal; results as JSON."""

from __future__ import annotations

import json
from math import isfinite
from typing import Any
from unicodedata import category


def printable(text: str) -> str:
    r"""The text with everything that a terminal would obey, or that is no text, written out.

    Line breaks and tabs stay. Control characters, escape sequences, marks that turn the direction of writing, and bytes
    of a name that are no UTF-8 become `\x1b`, `\u202e`, `\udcff`.
    """
    return "".join(
        char
        if char.isprintable() or char in "\n\t" or category(char) == "Zs"
        else char.encode("unicode_escape").decode()
        for char in text
    )


MOST = 1000
"""Characters of a message: one that quotes a file may be as long as the file."""


def one_line(text: str) -> str:
    """A message in one line, harmless and short: what is too long loses its middle."""
    line = printable(" ".join(text.split()))
    return line if len(line) <= MOST else f"{line[: MOST // 2]} … {line[-MOST // 2 :]}"


def print_safely(text: str) -> None:
    """Prints a line on stdout, harmless."""
    print(printable(text))


def print_json(value: Any) -> None:
    """Prints one JSON object on stdout; a number that there is not (NaN) is `null`, as JSON has no other word."""
    print(json.dumps(_finite(value), allow_nan=False))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not isfinite(value) else value
