"""Several classifiers asked together, their probabilities averaged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from behavior.classifiers.base import Abilities, ActionClassifier, Parts, Progress
from behavior.classifiers.rocket import RocketClassifier, RocketSettings
from behavior.classifiers.svm import SupportVectorClassifier, SupportVectorSettings
from behavior.classifiers.temporal import TemporalClassifier, TemporalSettings
from behavior.datasets import Clips

WEIGHTS = {"rocket": 0.4, "svm": 0.4, "temporal": 0.2}
"""Shares in the mean, chosen by grouped cross-validation on J-HMDB's training part."""


@dataclass(frozen=True)
class EnsembleSettings:
    """Settings of `EnsembleClassifier`: the members' own."""

    rocket: RocketSettings = field(default_factory=RocketSettings)
    svm: SupportVectorSettings = field(default_factory=SupportVectorSettings)
    temporal: TemporalSettings = field(default_factory=lambda: TemporalSettings(epochs=40))


class EnsembleClassifier(ActionClassifier):
    """Random kernels, support vectors and a temporal network: they err on different clips.

    Each member's probabilities are brought to one sharpness by its own settings; `behavior.training.calibrate` then
    finds the temperature of their mean.
    """

    name = "ensemble"
    settings_type = EnsembleSettings
    abilities = Abilities(device=True)
    settings: EnsembleSettings

    def _members(self) -> dict[str, ActionClassifier]:
        return {
            "rocket": RocketClassifier(self.settings.rocket),
            "svm": SupportVectorClassifier(self.settings.svm),
            "temporal": TemporalClassifier(self.settings.temporal),
        }

    def _fit(self, clips: Clips, labels: NDArray[np.int64], rng: np.random.Generator, progress: Progress) -> None:
        self.members_ = self._members()
        for name, member in self.members_.items():

            def step(done: int, total: int, message: str, name: str = name) -> None:
                progress(done, total, f"{name}: {message}")

            member.fit(clips, labels, self.classes_, seed=int(rng.integers(2**31)), progress=step)

    def _predict_proba(self, clips: Clips) -> NDArray[np.float64]:
        answers = [WEIGHTS[name] * member.predict_proba(clips) for name, member in self.members_.items()]
        return np.asarray(np.sum(answers, axis=0))

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
