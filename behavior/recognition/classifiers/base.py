"""One contract for all classifiers of clips.

`fit` and `predict_proba` check their input and the state; subclasses fill `_fit` and `_predict_proba`. What fitting
learns ends in `_`. What a classifier can do is declared in `abilities`. `parts` and `load_parts` turn what was learned
into plain arrays and back, so that no model file needs pickle.

To add one: subclass, give it `name`, `settings_type` and `abilities`, add it to `CLASSIFIERS` in `registry.py`; the
battery in `tests/test_behavior/test_classifiers.py` then runs on it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from behavior.errors import DataError
from behavior.recognition.clips import Clips

Parts = dict[str, NDArray[Any]]
Progress = Callable[[int, int, str], None]
"""Called with steps done, steps in all, and a short message."""


class NotFittedError(RuntimeError):
    """`predict_proba` before `fit`."""


@dataclass(frozen=True)
class Abilities:
    """What a classifier can do, to be asked before trying."""

    trained: bool = True
    """Learns from labels; False for fixed rules."""
    any_joints: bool = True
    """Works on any layout, not on `BODY_13` alone."""
    device: bool = False
    """Can train on a GPU."""


class ActionClassifier(ABC):
    """Clips in, probabilities of actions out."""

    name: ClassVar[str]
    settings_type: ClassVar[type]
    abilities: ClassVar[Abilities] = Abilities()

    def __init__(self, settings: Any | None = None) -> None:
        self.settings = self.settings_type() if settings is None else settings
        if not isinstance(self.settings, self.settings_type):
            raise TypeError(f"expected {self.settings_type.__name__}, got {type(self.settings).__name__}")

    def fit(
        self,
        clips: Clips,
        labels: NDArray[np.int64],
        classes: tuple[str, ...],
        *,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Self:
        """Learn from labelled clips.

        Args:
            clips: S clips.
            labels: (S,) positions in `classes`.
            classes: names; every one needs a clip.
            seed: the same seed gives the same classifier.
            progress: told of the steps.

        Raises:
            DataError: fewer than two classes, a class without clips, or clips without any joint.
        """
        labels = np.asarray(labels, dtype=np.int64)
        if labels.shape != (len(clips),):
            raise ValueError(f"expected {len(clips)} labels, one per clip, got {labels.shape}")
        if len(classes) < 2:
            raise DataError(f"a classifier needs at least two actions, got {len(classes)}: {', '.join(classes)}")
        if labels.min() < 0 or labels.max() >= len(classes):
            raise ValueError(f"labels must lie in 0..{len(classes) - 1}")
        absent = [name for label, name in enumerate(classes) if not np.any(labels == label)]
        if absent:
            raise DataError(f"no clip to train on for {', '.join(absent)}; drop the action or label some")
        seen = np.asarray(clips.any_seen)
        for label, name in enumerate(classes):
            if not np.any(seen & (labels == label)):
                raise DataError(f"every clip of {name} lacks all joints; nothing can be learned from it")
        self.classes_ = tuple(classes)
        self.joints_ = clips.joints
        self._fit(clips[seen], labels[seen], np.random.default_rng(seed), progress or _silent)
        return self

    def predict_proba(self, clips: Clips) -> NDArray[np.float64]:
        """(S, C) probabilities in the order of `classes_`, rows sum to 1; the same for all where no joint is seen."""
        self._check_fitted()
        if clips.joints != self.joints_:
            raise ValueError(f"expected joints {', '.join(self.joints_)}, got {', '.join(clips.joints)}")
        out = np.full((len(clips), len(self.classes_)), 1 / len(self.classes_))
        seen = np.flatnonzero(clips.any_seen)
        for start in range(0, len(seen), 512):
            rows = seen[start : start + 512]
            out[rows] = self._predict_proba(clips[rows])
        return out

    def predict(self, clips: Clips) -> NDArray[np.int64]:
        """(S,) most probable position in `classes_`."""
        return np.asarray(self.predict_proba(clips).argmax(axis=1), dtype=np.int64)

    def parts(self) -> Parts:
        """What fitting learned, as named arrays; together with the settings enough for `load_parts`."""
        self._check_fitted()
        return self._parts()

    def load_parts(self, parts: Mapping[str, NDArray[Any]], classes: tuple[str, ...], joints: tuple[str, ...]) -> Self:
        """Become the classifier that gave `parts`; raises `KeyError` or `ValueError` when they don't fit."""
        self.classes_ = tuple(classes)
        self.joints_ = tuple(joints)
        self._load_parts(dict(parts))
        return self

    def _check_fitted(self) -> None:
        if not hasattr(self, "classes_"):
            raise NotFittedError(f"{type(self).__name__} is not fitted; call fit first")

    @abstractmethod
    def _fit(self, clips: Clips, labels: NDArray[np.int64], rng: np.random.Generator, progress: Progress) -> None: ...

    @abstractmethod
    def _predict_proba(self, clips: Clips) -> NDArray[np.float64]: ...

    @abstractmethod
    def _parts(self) -> Parts: ...

    @abstractmethod
    def _load_parts(self, parts: Parts) -> None: ...


def _silent(done: int, total: int, message: str) -> None:
    """Progress nobody watches."""
