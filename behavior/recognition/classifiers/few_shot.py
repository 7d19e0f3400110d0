"""Support vectors on clip statistics and on an embedding learnt from public sets: for actions with few clips."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from behavior.errors import DataError
from behavior.recognition.classifiers.base import Parts
from behavior.recognition.classifiers.svm import SupportVectorClassifier
from behavior.recognition.clips import Clips
from behavior.recognition.embedding import Embedding, shipped_embedding
from pose.layouts import BODY_13

_PREFIX = "embedding."


@dataclass(eq=False, repr=False, kw_only=True)
class FewShotClassifier(SupportVectorClassifier):
    """The support vector machine, told which differences between clips matter by `behavior.recognition.embedding`.

    The embedding is kept with the model, so that a later one in the package changes nothing. It knows the body's joints
    alone; clips of others are refused.
    """

    copies: int = 2
    weight: float = 1.5
    """Of the embedding in the kernel's square difference, where the statistics have 1."""

    def _prepare(self, clips: Clips, rng: np.random.Generator) -> None:
        if clips.joints != BODY_13:
            raise DataError(
                f"few_shot needs the joints {', '.join(BODY_13)}, the clips have {', '.join(clips.joints)};"
                " use --classifier svm"
            )
        super()._prepare(clips, rng)
        self.embedding_ = self._embedding()

    def _embedding(self) -> Embedding:
        return shipped_embedding()

    def _statistics(self, clips: Clips) -> NDArray[np.float32]:
        return np.concatenate([super()._statistics(clips), self.embedding_.of(clips)], axis=1)

    def _kernel(self, a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float64]:
        own = a.shape[1] - self.embedding_.size
        apart = self._apart(a[:, :own], b[:, :own]) + self.weight * self._apart(a[:, own:], b[:, own:])
        return np.asarray(np.exp(-self.width * apart / (1 + self.weight)))

    def _parts(self) -> Parts:
        return super()._parts() | {_PREFIX + name: value for name, value in self.embedding_.arrays.items()}

    def _load_parts(self, parts: Parts) -> None:
        own = {name.removeprefix(_PREFIX): parts.pop(name) for name in list(parts) if name.startswith(_PREFIX)}
        self.embedding_ = Embedding(own)
        super()._load_parts(parts)
