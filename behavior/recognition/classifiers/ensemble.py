"""Several classifiers asked together, their probabilities averaged."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
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
class Ensemble(ActionClassifier):
    """Members that learn from the same clips; subclasses name them.

    Each member's probabilities are brought to one sharpness by its own settings; training then finds the temperature
    of their mean.
    """

    agree: bool = False
    """Where the members' most probable classes differ, `DOUBTED` of each probability is left, and `unknown` takes the
    rest; where it is no class, all take it alike. Less is claimed then, and more of that is right."""

    @abstractmethod
    def _members(self) -> dict[str, ActionClassifier]:
        """Unfitted, by name."""

    def _fit(self, clips: Clips, labels: NDArray[np.int64], rng: np.random.Generator, progress: Progress) -> None:
        self.members_ = self._members()
        for name, member in self.members_.items():

            def step(done: int, total: int, message: str, name: str = name) -> None:
                progress(done, total, f"{name}: {message}")

            member.random_state = int(rng.integers(2**31))
            member.fit(clips, labels, self.classes_.tolist(), progress=step, checkpoints=self.checkpoints_)
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
        return [clone(self).of(dict(zip(members, own, strict=True))) for own in zip(*by_member, strict=True)]

    def of(self, members: Mapping[str, ActionClassifier]) -> Self:
        """Become the ensemble of fitted members, by name; all know the same classes and joints."""
        first, *others = members.values()
        if any(one.classes_.tolist() != first.classes_.tolist() or one.joints_ != first.joints_ for one in others):
            raise ValueError("the members learnt different classes or joints")
        self.members_ = dict(members)
        self.classes_, self.joints_ = first.classes_, first.joints_
        self.notes_ = [note for member in members.values() for note in member.notes_]
        return self

    def _predict_proba(self, clips: Clips) -> NDArray[np.float64]:
        answers = np.stack([member._predict_proba(clips) for member in self.members_.values()])
        return together(answers, self.classes_, agree=self.agree)

    def _parts(self) -> Parts:
        return {
            f"{name}.{part}": value for name, member in self.members_.items() for part, value in member.parts().items()
        }

    def _load_parts(self, parts: Parts) -> None:
        self.members_ = self._members()
        for name, member in self.members_.items():
            own = {key.removeprefix(f"{name}."): value for key, value in parts.items() if key.startswith(f"{name}.")}
            member.load_parts(own, self.classes_.tolist(), self.joints_)


def together(answers: NDArray[np.float64], classes: NDArray[np.str_], *, agree: bool) -> NDArray[np.float64]:
    """(S, C) what M members say together whose probabilities are (M, S, C); `agree` as of `Ensemble`."""
    mean = np.asarray(answers.mean(axis=0))
    if agree:
        best = answers.argmax(axis=2)
        apart = (best != best[0]).any(axis=0)
        rest = (np.asarray(classes).astype(str) == UNKNOWN).astype(np.float64)
        rest = rest if rest.any() else np.ones(len(rest))
        mean[apart] = DOUBTED * mean[apart] + (1 - DOUBTED) * rest / rest.sum()
    return mean


@dataclass(eq=False, repr=False, kw_only=True)
class EnsembleClassifier(Ensemble):
    """Random convolutions and support vectors: statistics and sequences err on different clips."""

    rocket: RocketClassifier = field(default_factory=RocketClassifier)
    svm: SupportVectorClassifier = field(default_factory=SupportVectorClassifier)

    def _members(self) -> dict[str, ActionClassifier]:
        return {"rocket": clone(self.rocket), "svm": clone(self.svm)}
