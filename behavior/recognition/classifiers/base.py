"""One contract for all classifiers of clips: scikit-learn's, with clips as samples.

A classifier is a dataclass of its settings; what fitting learns ends in `_`. `fit` and `predict_proba` check their
input and the state, subclasses fill `_fit` and `_predict_proba`. `parts` and `load_parts` turn what was learned into
plain arrays and back, so that no model file needs pickle.

To add one: subclass, and add it to `CLASSIFIERS` in `registry.py`; the battery in
`tests/test_behavior/test_classifiers.py` then runs on it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils.validation import check_is_fitted

from behavior.errors import DataError
from behavior.recognition.clips import Clips

Parts = dict[str, NDArray[Any]]
Progress = Callable[[int, int, str], None]
"""Called with steps done, steps in all, and a short message."""

_AT_ONCE = 512
"""Clips that are answered together, so that memory does not grow with their number."""


@dataclass(eq=False, repr=False, kw_only=True)
class ActionClassifier(ClassifierMixin, BaseEstimator, ABC):  # type: ignore[misc]  # scikit-learn has no types
    """Clips in, probabilities of actions out.

    Attributes:
        classes_: (C,) labels in the order of the columns of `predict_proba`.
        joints_: names of the joints of the clips.
        notes_: what a reader of the model's card must know of this fit, a sentence each.
    """

    random_state: int = 0
    """Of every random step: the same number gives the same classifier."""

    def fit(
        self,
        X: Clips,
        y: ArrayLike,
        classes: Sequence[str] | None = None,
        *,
        progress: Progress | None = None,
        checkpoints: Path | None = None,
    ) -> Self:
        """Learn from labelled clips.

        Args:
            X: S clips.
            y: (S,) labels, for example names of actions; positions in `classes` where these are given.
            classes: names in the order that the answers shall have, every one with a clip; None: the labels, sorted.
            progress: told of the steps.
            checkpoints: folder in which networks keep the state of their training; one of the same settings and clips
                that was stopped goes on from there. None: a training that is stopped is lost.

        Raises:
            DataError: fewer than two classes, a class without clips, or clips without any joint.
        """
        labels = np.asarray(y)
        if labels.shape != (len(X),):
            raise ValueError(f"expected {len(X)} labels, one per clip, got {labels.shape}")
        if classes is None:
            names, labels = np.unique(labels, return_inverse=True)
        else:
            names = np.asarray(classes)
        if len(names) < 2:
            told = ", ".join(map(str, names))
            raise DataError(f"a classifier needs at least two actions, got {len(names)}: {told}")
        if labels.min() < 0 or labels.max() >= len(names):
            raise ValueError(f"labels must lie in 0..{len(names) - 1}")
        clips = np.bincount(labels, minlength=len(names))
        if not clips.all():
            absent = ", ".join(map(str, names[clips == 0]))
            raise DataError(f"no clip to train on for {absent}; drop the action or label some")
        seen = X.any_seen
        unseen = np.bincount(labels[seen], minlength=len(names)) == 0
        if unseen.any():
            raise DataError(f"every clip of {names[unseen][0]} lacks all joints; nothing can be learned from it")
        self.classes_ = names
        self.joints_ = X.joints
        self.notes_: list[str] = []
        self.checkpoints_ = checkpoints
        self._fit(X[seen], labels[seen], np.random.default_rng(self.random_state), progress or silent)
        return self

    def fit_parts(
        self,
        clips: Clips,
        names: NDArray[np.str_],
        parts: Sequence[NDArray[np.bool_]],
        *,
        progress: Progress | None = None,
        checkpoints: Path | None = None,
    ) -> list[Self]:
        """A classifier for each part of the same clips.

        Args:
            clips: S clips.
            names: (S,) what they show.
            parts: (S,) True for the clips that a classifier learns from.
            progress, checkpoints: see `fit`.
        """
        told = {"progress": progress, "checkpoints": checkpoints}
        return [clone(self).fit(clips[part], names[part], **told) for part in parts]

    def predict_proba(self, X: Clips) -> NDArray[np.float64]:
        """(S, C) probabilities in the order of `classes_`, rows sum to 1; the same for all where no joint is seen."""
        check_is_fitted(self, "classes_")
        if X.joints != self.joints_:
            raise ValueError(f"expected joints {', '.join(self.joints_)}, got {', '.join(X.joints)}")
        out = np.full((len(X), len(self.classes_)), 1 / len(self.classes_))
        seen = np.flatnonzero(X.any_seen)
        for start in range(0, len(seen), _AT_ONCE):
            rows = seen[start : start + _AT_ONCE]
            out[rows] = self._predict_proba(X[rows])
        return out

    def predict(self, X: Clips) -> NDArray[Any]:
        """(S,) most probable label."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])

    def parts(self) -> Parts:
        """What fitting learned, as named arrays; together with the settings enough for `load_parts`."""
        check_is_fitted(self, "classes_")
        return self._parts()

    def load_parts(self, parts: Mapping[str, NDArray[Any]], classes: Sequence[str], joints: Sequence[str]) -> Self:
        """Become the classifier that gave `parts`; raises `KeyError` or `ValueError` when they don't fit."""
        self.classes_ = np.asarray(classes)
        self.joints_ = tuple(joints)
        self.notes_ = []
        self._load_parts(dict(parts))
        return self

    @abstractmethod
    def _fit(self, clips: Clips, labels: NDArray[np.int64], rng: np.random.Generator, progress: Progress) -> None: ...

    @abstractmethod
    def _predict_proba(self, clips: Clips) -> NDArray[np.float64]: ...

    @abstractmethod
    def _parts(self) -> Parts: ...

    @abstractmethod
    def _load_parts(self, parts: Parts) -> None: ...


def silent(done: int, total: int, message: str) -> None:
    """Progress nobody watches."""
