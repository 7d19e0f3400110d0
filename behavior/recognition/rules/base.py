"""What a rule is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from behavior.recognition.rules.motion import Motion

Array = NDArray[np.float64]
Kind = Literal["posture", "locomotion", "motion"]
"""A person has at most one posture at a time, and at most one kind of locomotion; motions may hold beside them."""


def limit(value: float, unit: str) -> Any:
    """A field of a dataclass of thresholds: its value and its unit."""
    return field(default=value, metadata={"unit": unit})


@dataclass(frozen=True)
class Repetition:
    """One repetition of an exercise.

    Attributes:
        first, last: rows of its frames, both inside.
        amplitude: how far the signal that counts went, in the rule's `unit`.
    """

    first: int
    last: int
    amplitude: float


@dataclass(frozen=True)
class Rule:
    """An action that is seen by its geometry.

    Attributes:
        name: of the action.
        kind: see `Kind`.
        definition: what a human coder would go by.
        limits: frozen dataclass of its thresholds, each made by `limit`.
        score: (n,) 1 where it holds, 0 where it does not, NaN where that can't be seen.
        numbers: (n,) series of what it goes by, each under words with its unit and threshold, `hips {:.1f} body
            heights/s (at least {slowest:g})`; NaN where it can't be seen.
        min_s: shorter bouts are dropped, shorter interruptions closed, seconds.
        repetitions: those that count, in order; None for what has none.
        unit: of their amplitude, and what moves by it: `deg of the knees`.
    """

    name: str
    kind: Kind
    definition: str
    limits: Any
    score: Callable[[Motion], Array]
    numbers: Callable[[Motion], dict[str, Array]] = field(default=lambda _: {})
    min_s: float = 0.3
    repetitions: Callable[[Motion], list[Repetition]] | None = None
    unit: str = ""

    @property
    def thresholds(self) -> dict[str, tuple[float, str]]:
        """Value and unit of each threshold."""
        return {one.name: (getattr(self.limits, one.name), one.metadata["unit"]) for one in fields(self.limits)}

    def repetitions_of(self, motion: Motion, rows: slice) -> list[Repetition]:
        """The repetitions of a bout."""
        found = self.repetitions(motion) if self.repetitions else []
        return [one for one in found if rows.start <= (one.first + one.last) // 2 < rows.stop]

    def counted(self, motion: Motion, rows: slice) -> list[str]:
        """How many repetitions a bout has, and how often they come, in words; empty without any."""
        begins = motion.time_s[[one.first for one in self.repetitions_of(motion, rows)]]
        if not len(begins):
            return []
        count = "1 repetition" if len(begins) == 1 else f"{len(begins)} repetitions"
        return [count, *([f"one every {float(np.median(np.diff(begins))):.2f} s"] if len(begins) > 1 else [])]

    def evidence(self, motion: Motion, rows: slice) -> str:
        """What spoke for a bout: its numbers, each the median over the bout's frames, and its repetitions."""
        limits = {name: value for name, (value, _) in self.thresholds.items()}
        said = self.counted(motion, rows)
        for words, series in self.numbers(motion).items():
            known = series[rows][np.isfinite(series[rows])]
            if len(known):
                said.append(words.format(float(np.median(known)), **limits))
        return f"rule: {', '.join(said)}" if said else "rule"


def verdict(seen: NDArray[np.bool_], holds: NDArray[np.bool_]) -> Array:
    """(n,) 1 where it holds, 0 where it is seen not to, NaN where it can't be seen."""
    return np.where(seen, holds.astype(np.float64), np.nan)


def spans_of(holds: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and behind-the-last row of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], holds.astype(np.int8), [0]])))
    return [(int(first), int(stop)) for first, stop in edges.reshape(-1, 2)]
