"""Several classifiers asked together, their probabilities averaged."""

from __future__ import annotations

from dataclasses import dataclass, field

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

    def _predict_proba(self, clips: Clips) -> NDArray[np.float64]:
        return np.asarray(np.mean([member.predict_proba(clips) for member in self.members_.values()], axis=0))

    def _parts(self) -> Parts:
        return {
            f"{name}.{part}": value for name, member in self.members_.items() for part, value in member.parts().items()
        }

    def _load_parts(self, parts: Parts) -> None:
        self.members_ = self._members()
        for name, member in self.members_.items():
            own = {key.removeprefix(f"{name}."): value for key, value in parts.items() if key.startswith(f"{name}.")}
            member.load_parts(own, self.classes_.tolist(), self.joints_)
