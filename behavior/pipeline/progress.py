"""Who hears what the pipeline is doing: the command line shows it, a test may collect it."""

from __future__ import annotations

from typing import Protocol


class Narrator(Protocol):
    """Hears messages and progress."""

    def say(self, text: str) -> None:
        """One line for the user."""

    def step(self, stage: str, done: int, total: int | None) -> None:
        """`done` of about `total` units of a stage; None when nobody knows how many there are."""
