"""Logistic regression on clip statistics: small, quick, and hard to beat on a few hundred clips."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from behavior.augment import AugmentSettings, augment, mirror
from behavior.classifiers.base import ActionClassifier, Parts, Progress
from behavior.classifiers.descriptors import clip_statistics
from behavior.datasets import Clips


@dataclass(frozen=True)
class LinearSettings:
    """Settings of `LinearClassifier`."""

    c: float = 0.003
    """Inverse strength of the L2 penalty."""
    copies: int = 6
    """Augmented copies of each clip, beside itself and its mirror image."""
    smooth: float = 1.0
    """Smoothing before the statistics, frames."""
    clip: float = 4.0
    """Standardised statistics are cut off here, in standard deviations."""
    augment: AugmentSettings = field(default_factory=AugmentSettings)


class LinearClassifier(ActionClassifier):
    """Multinomial logistic regression (scikit-learn), kept as weights alone."""

    name = "logistic"
    settings_type = LinearSettings
    settings: LinearSettings

    def _fit(self, clips: Clips, labels: NDArray[np.int64], rng: np.random.Generator, progress: Progress) -> None:
        from sklearn.linear_model import LogisticRegression

        data = [self._statistics(clips), self._statistics(mirrored(clips))]
        for copy in range(self.settings.copies):
            progress(copy, self.settings.copies + 4, "augmenting")
            data.append(self._statistics(augment(clips, rng, self.settings.augment)))
        x = np.concatenate(data)
        self.mean_ = np.nan_to_num(np.nanmean(x, axis=0)) if len(x) else x
        self.scale_ = np.maximum(np.nan_to_num(np.nanstd(x, axis=0)), 1e-6)
        model = LogisticRegression(C=self.settings.c, max_iter=300)
        model.fit(self._standard(x), np.tile(labels, len(data)))
        coef, intercept = model.coef_, model.intercept_
        if len(self.classes_) == 2:
            coef, intercept = np.concatenate([-coef, coef]) / 2, np.concatenate([-intercept, intercept]) / 2
        self.weights_ = coef.T.astype(np.float32)
        self.bias_ = intercept.astype(np.float32)
        self.mean_, self.scale_ = self.mean_.astype(np.float32), self.scale_.astype(np.float32)
        progress(1, 1, "fitted")

    def _predict_proba(self, clips: Clips) -> NDArray[np.float64]:
        both = [self._standard(self._statistics(one)) for one in (clips, mirrored(clips))]
        return np.asarray(np.mean([softmax(x @ self.weights_ + self.bias_) for x in both], axis=0))

    def _statistics(self, clips: Clips) -> NDArray[np.float32]:
        return clip_statistics(clips.points, clips.lengths, clips.joints, self.settings.smooth)

    def _standard(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        limit = self.settings.clip
        return np.asarray(np.clip(np.nan_to_num((x - self.mean_) / self.scale_), -limit, limit))

    def _parts(self) -> Parts:
        return {"mean": self.mean_, "scale": self.scale_, "weights": self.weights_, "bias": self.bias_}

    def _load_parts(self, parts: Parts) -> None:
        self.mean_, self.scale_ = parts["mean"].astype(np.float32), parts["scale"].astype(np.float32)
        self.weights_, self.bias_ = parts["weights"].astype(np.float32), parts["bias"].astype(np.float32)
        if self.weights_.shape != (len(self.mean_), len(self.classes_)):
            raise ValueError(f"expected weights of shape ({len(self.mean_)}, {len(self.classes_)})")


def mirrored(clips: Clips) -> Clips:
    """The clips as a mirror shows them; averaging over both makes a classifier blind to handedness."""
    return Clips(mirror(clips.points, clips.joints), clips.lengths, clips.joints, clips.rate_hz)


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """(S, C) probabilities."""
    shifted = np.exp((logits - logits.max(axis=1, keepdims=True)).astype(np.float64))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))
