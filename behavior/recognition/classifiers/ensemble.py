"""Several classifiers asked together, their probabilities averaged or multiplied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from behavior.recognition.classifiers.base import ActionClassifier, Parts, Progress
from behavior.recognition.classifiers.rocket import RocketClassifier
from behavior.recognition.classifiers.svm import SupportVectorClassifier
from behavior.recognition.clips import Clips


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
    """The geometric mean of the probabilities, normalised, in place of the arithmetic: what one member does not believe
    is not believed, so that less is claimed, and more of that is right."""

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

    def fit_parts(self, clips: Clips, names: NDArray[np.str_], parts: Sequence[NDArray[np.bool_]]) -> list[Self]:
        members = self._members()
        rng = np.random.default_rng(self.random_state)
        by_member = []
        for member in members.values():
            member.random_state = int(rng.integers(2**31))
            by_member.append(member.fit_parts(clips, names, parts))
        fitted = []
        for own in zip(*by_member, strict=True):
            one = clone(self)
            one.members_ = dict(zip(members, own, strict=True))
            one.classes_, one.joints_ = own[0].classes_, clips.joints
            one.notes_ = [note for member in own for note in member.notes_]
            fitted.append(one)
        return fitted

    def _predict_proba(self, clips: Clips) -> NDArray[np.float64]:
        answers = np.stack([member.predict_proba(clips) for member in self.members_.values()])
        if not self.agree:
            return np.asarray(answers.mean(axis=0))
        mean = np.exp(np.log(np.maximum(answers, 1e-12)).mean(axis=0))
        return np.asarray(mean / mean.sum(axis=1, keepdims=True))

    def _parts(self) -> Parts:
        return {
            f"{name}.{part}": value for name, member in self.members_.items() for part, value in member.parts().items()
        }

    def _load_parts(self, parts: Parts) -> None:
        self.members_ = self._members()
        for name, member in self.members_.items():
            own = {key.removeprefix(f"{name}."): value for key, value in parts.items() if key.startswith(f"{name}.")}
            member.load_parts(own, self.classes_.tolist(), self.joints_)
