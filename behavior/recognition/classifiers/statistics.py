"""What all classifiers of clip statistics share: changed copies, standardised statistics, both mirror images asked."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from behavior.recognition.augment import AugmentSettings, augment, mirror
from behavior.recognition.classifiers.base import ActionClassifier, Parts, Progress
from behavior.recognition.clips import Clips
from features.clips import clip_statistics


@dataclass(frozen=True)
class StatisticsSettings:
    """How clips become rows of numbers; subclasses add the settings of what learns from them."""

    copies: int = 6
    """Augmented copies of each clip, beside itself and its mirror image."""
    smooth: float = 1.0
    """Smoothing before the statistics, frames."""
    clip: float = 4.0
    """Standardised statistics are cut off here, in standard deviations."""
    augment: AugmentSettings = field(default_factory=AugmentSettings)


class StatisticsClassifier(ActionClassifier):
    """Learns from `clip_statistics`; subclasses fill in what learns, and how it answers from plain arrays."""

    settings: Any

    @abstractmethod
    def _learn(self, x: NDArray[np.float32], labels: NDArray[np.int64]) -> Parts:
        """Learn from standardised (n, F) rows; what is learned, as arrays."""

    @abstractmethod
    def _answer(self, x: NDArray[np.float32], learned: Parts) -> NDArray[np.float64]:
        """(n, C) probabilities of standardised rows; `ValueError` or `KeyError` where the arrays don't fit."""

    def _fit(self, clips: Clips, labels: NDArray[np.int64], rng: np.random.Generator, progress: Progress) -> None:
        data = [self._statistics(clips), self._statistics(mirrored(clips))]
        for copy in range(self.settings.copies):
            progress(copy, self.settings.copies + 4, "augmenting")
            data.append(self._statistics(augment(clips, rng, self.settings.augment)))
        x = np.concatenate(data)
        known = np.isfinite(x).any(axis=0)
        self.mean_, self.scale_ = np.zeros((2, x.shape[1]), dtype=np.float32)
        self.mean_[known] = np.nanmean(x[:, known], axis=0)
        self.scale_[known] = np.nanstd(x[:, known], axis=0)
        self.scale_ = np.maximum(self.scale_, np.float32(1e-6))
        self.seed_ = int(rng.integers(2**31))
        self.learned_ = self._learn(self._standard(x), np.tile(labels, len(data)))
        progress(1, 1, "fitted")

    def _predict_proba(self, clips: Clips) -> NDArray[np.float64]:
        both = [self._standard(self._statistics(one)) for one in (clips, mirrored(clips))]
        return np.asarray(np.mean([self._answer(x, self.learned_) for x in both], axis=0))

    def _statistics(self, clips: Clips) -> NDArray[np.float32]:
        return clip_statistics(clips.points, clips.lengths, clips.joints, self.settings.smooth)

    def _standard(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        limit = self.settings.clip
        return np.asarray(np.clip(np.nan_to_num((x - self.mean_) / self.scale_), -limit, limit))

    def _parts(self) -> Parts:
        return {"mean": self.mean_, "scale": self.scale_, **self.learned_}

    def _load_parts(self, parts: Parts) -> None:
        self.mean_, self.scale_ = (parts.pop(name).astype(np.float32) for name in ("mean", "scale"))
        self.learned_ = parts
        answer = self._answer(np.zeros((1, len(self.mean_)), dtype=np.float32), parts)
        if answer.shape != (1, len(self.classes_)):
            raise ValueError(f"expected answers for {len(self.classes_)} classes, got {answer.shape[1]}")


def mirrored(clips: Clips) -> Clips:
    """The clips as a mirror shows them; averaging over both makes a classifier blind to handedness."""
    return Clips(mirror(clips.points, clips.joints), clips.lengths, clips.joints, clips.rate_hz)


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """(S, C) probabilities."""
    shifted = np.exp((logits - logits.max(axis=1, keepdims=True)).astype(np.float64))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))
