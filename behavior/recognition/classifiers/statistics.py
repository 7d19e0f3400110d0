"""What all classifiers of clip statistics share: changed copies, standardised statistics, both mirror images asked."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from behavior.recognition.augment import AugmentSettings, augment
from behavior.recognition.bodies import body_of
from behavior.recognition.classifiers.base import ActionClassifier, Parts, Progress, silent
from behavior.recognition.clips import Clips
from features.clips import catalogue_statistics, clip_statistics

_AT_ONCE = 1024
"""Rows that are worked on together beside the table of all."""


@dataclass(eq=False, repr=False, kw_only=True)
class StatisticsClassifier(ActionClassifier):
    """Learns from rows of statistics; subclasses fill in what learns, and how it answers from plain arrays.

    The rows are `features.clips.clip_statistics`, or, where `features` names some, window statistics of features of the
    catalogue, a user's own among them.
    """

    features: tuple[str, ...] = ()
    """Features of the catalogue to learn from; none: the statistics of clips, which know all joints."""
    copies: int = 6
    """Augmented copies of each clip, beside itself and its mirror image."""
    smooth: float = 1.0
    """Smoothing before the statistics, frames."""
    clip: float = 4.0
    """Standardised statistics are cut off here, in standard deviations."""
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    """How the copies are changed."""

    @abstractmethod
    def _learn(self, x: NDArray[np.float32], labels: NDArray[np.int64]) -> Parts:
        """Learn from standardised (n, F) rows; what is learned, as arrays."""

    @abstractmethod
    def _answer(self, x: NDArray[np.float32], learned: Parts) -> NDArray[np.float64]:
        """(n, C) probabilities of standardised rows; `ValueError` or `KeyError` where the arrays don't fit."""

    def _fit(self, clips: Clips, labels: NDArray[np.int64], rng: np.random.Generator, progress: Progress) -> None:
        self._prepare(clips, rng)
        x = self._rows(clips, rng, progress)
        self._learn_rows(x, np.tile(labels, len(x) // len(labels)), rng)
        progress(1, 1, "fitted")

    def fit_parts(
        self,
        clips: Clips,
        names: NDArray[np.str_],
        parts: Sequence[NDArray[np.bool_]],
        *,
        progress: Progress | None = None,
        checkpoints: Path | None = None,  # noqa: ARG002  # there is nothing to go on with
    ) -> list[Self]:
        """The clips are described once for all parts.

        What is drawn before learning (random kernels and their limits) is drawn from all clips, whatever they show.
        """
        rng = np.random.default_rng(self.random_state)
        self._prepare(clips, rng)
        x = self._rows(clips, rng, progress or silent)
        versions = len(x) // len(clips)
        fitted = []
        for part in parts:
            one = copy.copy(self)
            one.classes_, labels = np.unique(names[part], return_inverse=True)
            one.joints_, one.notes_ = clips.joints, []
            one._learn_rows(
                x[np.tile(part, versions)], np.tile(labels, versions), np.random.default_rng(self.random_state)
            )
            fitted.append(one)
        return fitted

    def _prepare(self, clips: Clips, rng: np.random.Generator) -> None:
        """What statistics need before clips can be described."""

    def _learn_rows(self, x: NDArray[np.float32], labels: NDArray[np.int64], rng: np.random.Generator) -> None:
        """Learn from (n, F) rows, which are standardised in place."""
        self.mean_, self.scale_ = np.zeros((2, x.shape[1]), dtype=np.float32)
        for columns in np.array_split(np.arange(x.shape[1]), -(-x.size // (_AT_ONCE * x.shape[1]))):
            known = columns[np.isfinite(x[:, columns]).any(axis=0)]
            self.mean_[known] = np.nanmean(x[:, known], axis=0)
            self.scale_[known] = np.nanstd(x[:, known], axis=0)
        self.scale_ = np.maximum(self.scale_, np.float32(1e-6))
        for start in range(0, len(x), _AT_ONCE):
            x[start : start + _AT_ONCE] = self._standard(x[start : start + _AT_ONCE])
        self.seed_ = int(rng.integers(2**31))
        self.learned_ = self._learn(x, labels)

    def _rows(self, clips: Clips, rng: np.random.Generator, progress: Progress) -> NDArray[np.float32]:
        """(n, F) statistics of the clips, their mirror images and their changed copies, one table after another."""

        def versions() -> Iterator[Clips]:
            yield clips
            yield clips.mirrored
            for _ in range(self.copies):
                yield augment(clips, rng, self.augment)

        total = self.copies + 2
        for number, version in enumerate(versions()):
            progress(number, total + 2, "describing")
            rows = self._statistics(version)
            if number == 0:
                x = np.empty((total * len(clips), rows.shape[1]), dtype=np.float32)  # whole, so that it is never copied
            x[number * len(clips) : (number + 1) * len(clips)] = rows
        return x

    def _predict_proba(self, clips: Clips) -> NDArray[np.float64]:
        both = [self._standard(self._statistics(one)) for one in (clips, clips.mirrored)]
        return np.asarray(np.mean([self._answer(x, self.learned_) for x in both], axis=0))

    def _statistics(self, clips: Clips) -> NDArray[np.float32]:
        """(S, F) rows of numbers, NaN where nothing is known."""
        if self.features:
            return catalogue_statistics(clips.points, clips.lengths, clips.joints, clips.rate_hz, self.features)
        return clip_statistics(body_of(clips, self.smooth), clips.lengths, clips.joints)

    def _standard(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(np.clip(np.nan_to_num((x - self.mean_) / self.scale_), -self.clip, self.clip))

    def _parts(self) -> Parts:
        return {"mean": self.mean_, "scale": self.scale_, **self.learned_}

    def _load_parts(self, parts: Parts) -> None:
        self.mean_, self.scale_ = (parts.pop(name).astype(np.float32) for name in ("mean", "scale"))
        self.learned_ = parts
        answer = self._answer(np.zeros((1, len(self.mean_)), dtype=np.float32), parts)
        if answer.shape != (1, len(self.classes_)):
            raise ValueError(f"expected answers for {len(self.classes_)} classes, got {answer.shape[1]}")


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """(S, C) probabilities."""
    shifted = np.exp((logits - logits.max(axis=1, keepdims=True)).astype(np.float64))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))
