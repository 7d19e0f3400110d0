"""Several classifiers asked together, their probabilities averaged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from behavior.labels import UNKNOWN
from behavior.recognition.classifiers.base import ActionClassifier, Parts, Progress
from behavior.recognition.classifiers.rocket import RocketClassifier
from behavior.recognition.classifiers.svm import SupportVectorClassifier
from behavior.recognition.clips import Clips

DOUBTED = 0.1
"""Share of a probability that is left where members disagree."""


@dataclass(eq=False, repr=False, kw_only=True)
class EnsembleClassifier(ActionClassifier):
    """Random convolutions and support vectors: statistics and sequences err on different clips.

    Each member's probabilities are brought to one sharpness by its own settings; training then finds the temperature
    of their mean. The networks are left out: on J-HMDB they cost four times the time and add nothing to these two
    (`benchmarks/README.md`).
    """

    rocket: RocketClassifier = field(default_factory=RocketClassifier)
    svm: SupportVectorClassifier = field(default_factory=SupportVectorClassifier)
    agree: bool = False
    """Where the members' most probable classes differ, `DOUBTED` of each probability is left, and `unknown` takes the
    rest; where it is no class, all take it alike. Less is claimed then, and more of that is right."""

    def _members(self) -> dict[str, ActionClassifier]:
        return {"rocket": clone(self.rocket), "svm": clone(self.svm)}

    def _fit(self, clips: Clips, labels: NDArray[np.int64], rng: np.random.Generator, progress: Progress) -> None:
        self.members_ = self._members()
        for name, member in self.members_.items():

            def step(done: int, total: int, message: str, name: str = name) -> None:
                progress(done, total, f"{name}: {message}")

            member.random_state = int(rng.integers(2**31))
            member.fit(clips, labels, self.classes_.tolist(), progress=step)
            self.notes_ += member.notes_

    def fit_parts(
        self,
        clips: Clips,
        names: NDArray[np.str_],
        parts: Sequence[NDArray[np.bool_]],
        *,
        progress: Progress | None = None,
        checkpoints: Path | None = None,
    ) -> list[Self]:
        """Each member as its own `fit_parts` makes it."""
        members = self._members()
        told: dict[str, Any] = {"progress": progress, "checkpoints": checkpoints}
        by_member = [member.fit_parts(clips, names, parts, **told) for member in members.values()]
        fitted = []
        for own in zip(*by_member, strict=True):
            one = clone(self)
            one.members_ = dict(zip(members, own, strict=True))
            one.classes_, one.joints_ = own[0].classes_, clips.joints
            one.notes_ = [note for member in own for note in member.notes_]
            fitted.append(one)
        return fitted

    def _predict_proba(self, clips: Clips) -> NDArray[np.float64]:
        answers = np.stack([member._predict_proba(clips) for member in self.members_.values()])
        mean = np.asarray(answers.mean(axis=0))
        if self.agree:
            best = answers.argmax(axis=2)
            apart = (best != best[0]).any(axis=0)
            rest = (self.classes_.astype(str) == UNKNOWN).astype(np.float64)
            rest = rest if rest.any() else np.ones(len(rest))
            mean[apart] = DOUBTED * mean[apart] + (1 - DOUBTED) * rest / rest.sum()
        return mean

    def _parts(self) -> Parts:
        return {
            f"{name}.{part}": value for name, member in self.members_.items() for part, value in member.parts().items()
        }

    def _load_parts(self, parts: Parts) -> None:
        self.members_ = self._members()
        for name, member in self.members_.items():
            own = {key.removeprefix(f"{name}."): value for key, value in parts.items() if key.startswith(f"{name}.")}
            member.load_parts(own, self.classes_.tolist(), self.joints_)
