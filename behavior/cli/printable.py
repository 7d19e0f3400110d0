"""Text from outside, such as a file's name, on a terminal."""

from __future__ import annotations

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
