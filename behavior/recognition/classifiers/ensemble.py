"""Several classifiers asked together, their probabilities averaged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from behavior.recognition.classifiers.base import ActionClassifier, Parts, Progress
from behavior.recognition.classifiers.rocket import RocketClassifier, RocketSettings
from behavior.recognition.classifiers.svm import SupportVectorClassifier, SupportVectorSettings
from behavior.recognition.clips import Clips


@dataclass(frozen=True)
class EnsembleSettings:
    """Settings of `EnsembleClassifier`: the members' own."""

    rocket: RocketSettings = field(default_factory=RocketSettings)
    svm: SupportVectorSettings = field(default_factory=SupportVectorSettings)


class EnsembleClassifier(ActionClassifier):
    """Random convolutions and support vectors: statistics and sequences err on different clips.

    Each member's probabilities are brought to one sharpness by its own settings; training then finds the temperature
    of their mean. The networks are left out: on J-HMDB they cost four times the time and add
    nothing to these two (`benchmarks/README.md`).
    """

    name = "ensemble"
    settings_type = EnsembleSettings
    settings: EnsembleSettings

    def _members(self) -> dict[str, ActionClassifier]:
        return {
            "rocket": RocketClassifier(self.settings.rocket),
            "svm": SupportVectorClassifier(self.settings.svm),
        }

    def _fit(self, clips: Clips, labels: NDArray[np.int64], rng: np.random.Generator, progress: Progress) -> None:
        self.members_ = self._members()
        for name, member in self.members_.items():

            def step(done: int, total: int, message: str, name: str = name) -> None:
                progress(done, total, f"{name}: {message}")

            member.fit(clips, labels, self.classes_, seed=int(rng.integers(2**31)), progress=step)

    def _predict_proba(self, clips: Clips) -> NDArray[np.float64]:
        answers = [member.predict_proba(clips) for member in self.members_.values()]
        return np.asarray(np.mean(answers, axis=0))

    def _parts(self) -> Parts:
        return {
            f"{name}.{part}": value for name, member in self.members_.items() for part, value in member.parts().items()
        }

    def _load_parts(self, parts: Parts) -> None:
        self.members_ = self._members()
        for name, member in self.members_.items():
            own: dict[str, NDArray[Any]] = {
                part.removeprefix(f"{name}."): value for part, value in parts.items() if part.startswith(f"{name}.")
            }
            member.load_parts(own, self.classes_, self.joints_)
