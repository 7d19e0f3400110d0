"""Several classifiers asked together, their probabilities averaged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from behavior.classifiers.base import Abilities, ActionClassifier, Parts, Progress
from behavior.classifiers.linear import LinearClassifier, LinearSettings
from behavior.classifiers.temporal import TemporalClassifier, TemporalSettings
from behavior.datasets import Clips


@dataclass(frozen=True)
class EnsembleSettings:
    """Settings of `EnsembleClassifier`: the members' own."""

    logistic: LinearSettings = field(default_factory=LinearSettings)
    temporal: TemporalSettings = field(default_factory=lambda: TemporalSettings(members=2))


class EnsembleClassifier(ActionClassifier):
    """Logistic regression and temporal networks: statistics and sequences err on different clips."""

    name = "ensemble"
    settings_type = EnsembleSettings
    abilities = Abilities(device=True)
    settings: EnsembleSettings

    def _members(self) -> dict[str, ActionClassifier]:
        return {
            "logistic": LinearClassifier(self.settings.logistic),
            "temporal": TemporalClassifier(self.settings.temporal),
        }

    def _fit(self, clips: Clips, labels: NDArray[np.int64], rng: np.random.Generator, progress: Progress) -> None:
        self.members_ = self._members()
        for name, member in self.members_.items():

            def step(done: int, total: int, message: str, name: str = name) -> None:
                progress(done, total, f"{name}: {message}")

            member.fit(clips, labels, self.classes_, seed=int(rng.integers(2**31)), progress=step)

    def _predict_proba(self, clips: Clips) -> NDArray[np.float64]:
        answers = np.stack([member.predict_proba(clips) for member in self.members_.values()])
        return np.asarray(answers.mean(axis=0))

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
