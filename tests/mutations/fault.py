"""A planted fault."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Fault:
    """A change of the code that makes it wrong.

    Attributes:
        file: path in the tree.
        right: text that stands there once.
        wrong: what takes its place.
        about: what is wrong then, in a few words.
        tests: files or tests of which at least one must fail.
    """

    file: str
    right: str
    wrong: str
    about: str
    tests: tuple[str, ...]

    def plant(self, root: Path) -> None:
        """Makes the change in a copy of the tree; raises `ValueError` when the text does not stand there once."""
        path = root / self.file
        text = path.read_text(encoding="utf-8")
        if text.count(self.right) != 1:
            raise ValueError(f"{self.file}: {self.right!r} stands there {text.count(self.right)} times, expected once")
        path.write_text(text.replace(self.right, self.wrong), encoding="utf-8")
