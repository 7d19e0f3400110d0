"""Random convolutions: thousands of small kernels nobody trains, and a least-squares classifier on what they find.

After ROCKET and MiniRocket (Dempster et al., 2020, https://arxiv.org/abs/1910.13051, and 2021). Each kernel looks at a
few series of one clip at once; kept of its answer are its peak and the shares of time it exceeds two limits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from behavior.recognition.augment import augment
from behavior.recognition.classifiers.base import ActionClassifier, Parts, Progress
from behavior.recognition.classifiers.statistics import StatisticsSettings, mirrored, softmax
from behavior.recognition.classifiers.svm import solve_one_against_rest
from behavior.recognition.clips import Clips
from features.clips import evenly, length, normalise

MOMENTS, TAPS, CHANNELS = 40, 7, 5
"""Frames that every clip is brought to, length of a kernel, most series it looks at."""
DILATIONS = (1, 2, 3, 4)
PARTS = ("kernels", "channels", "limits", "mean", "scale", "weights", "bias")


@dataclass(frozen=True)
class RocketSettings(StatisticsSettings):
    """Settings of `RocketClassifier`."""

    copies: int = 6
    kernels: int = 2000
    """Number of kernels."""
    ridge: float = 1.0
    """Penalty on the weights of the features."""
    sharpness: float = 6.0
    """Factor from distances to the borders to log-probabilities."""


class RocketClassifier(ActionClassifier):
    """Random kernels on postures, distances and motions."""

    name = "rocket"
    settings_type = RocketSettings
    settings: RocketSettings

    def _fit(self, clips: Clips, labels: NDArray[np.int64], rng: np.random.Generator, progress: Progress) -> None:
        total = self.settings.copies + 3
        self._draw(series(clips, self.settings.smooth), rng)
        rows = []
        for copy in range(self.settings.copies + 2):
            progress(copy, total, "convolving")
            changed = (
                clips if copy == 0 else mirrored(clips) if copy == 1 else augment(clips, rng, self.settings.augment)
            )
            rows.append(self._features(changed))
        x = np.concatenate(rows)
        self.mean_ = x.mean(axis=0)
        self.scale_ = np.maximum(x.std(axis=0), np.float32(1e-6))
        x = self._standard(x)
        dual, bias = solve_one_against_rest(
            (x @ x.T).astype(np.float64) / x.shape[1], np.tile(labels, len(rows)), self.settings.ridge
        )
        self.weights_ = (x.T @ dual / x.shape[1]).astype(np.float32)
        self.bias_ = bias.astype(np.float32)
        progress(total, total, "fitted")

    def _draw(self, x: Tensor, rng: np.random.Generator) -> None:
        """Random kernels, and limits at random quantiles of what they find in the clips."""
        count, n_series = self.settings.kernels, x.shape[1]
        kernels = rng.normal(size=(count, CHANNELS, TAPS))
        centred = rng.random(count) < 0.7
        kernels[centred] -= kernels[centred].mean(axis=2, keepdims=True)
        kernels[np.arange(CHANNELS) >= rng.integers(1, CHANNELS + 1, (count, 1))] = 0
        self.kernels_ = kernels.astype(np.float16)
        self.channels_ = rng.permuted(np.tile(np.arange(n_series), (count, 1)), axis=1)[:, :CHANNELS].astype(np.int16)
        found = torch.cat(self._convolve(x[torch.from_numpy(rng.permutation(len(x))[:200])]), dim=1)
        ordered = found.transpose(0, 1).flatten(1).sort(dim=1).values  # (kernels, clips * MOMENTS)
        rank = torch.from_numpy((rng.uniform(0.1, 0.9, (count, 2)) * ordered.shape[1]).astype(np.int64))
        self.limits_ = ordered.gather(1, rank).numpy()

    def _convolve(self, x: Tensor) -> list[Tensor]:
        """For each dilation (S, kernels, MOMENTS) answers; the kernels take turns in order."""
        answers = []
        for dilation, rows in zip(
            DILATIONS, np.array_split(np.arange(len(self.kernels_)), len(DILATIONS)), strict=True
        ):
            dense = np.zeros((len(rows), x.shape[1], TAPS), dtype=np.float32)
            dense[np.arange(len(rows))[:, None], self.channels_[rows]] = self.kernels_[rows]
            pad = TAPS // 2 * dilation
            answers.append(functional.conv1d(x, torch.from_numpy(dense), dilation=dilation, padding=pad))
        return answers

    @torch.inference_mode()
    def _features(self, clips: Clips) -> NDArray[np.float32]:
        """(S, 3 * kernels) shares of time above each limit, and peaks."""
        x = series(clips, self.settings.smooth)
        limits = torch.from_numpy(self.limits_)
        parts = []
        for chunk in torch.split(x, 64):
            found, start = [], 0
            for answer in self._convolve(chunk):
                low, high = limits[start : start + answer.shape[1]].T[:, None, :, None]
                above = [(answer > limit).float().mean(dim=2) for limit in (low, high)]
                found.append(torch.cat([*above, answer.amax(dim=2)], dim=1))
                start += answer.shape[1]
            parts.append(torch.cat(found, dim=1))
        return torch.cat(parts).numpy()

    def _standard(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(np.clip((x - self.mean_) / self.scale_, -self.settings.clip, self.settings.clip))

    def _predict_proba(self, clips: Clips) -> NDArray[np.float64]:
        both = [self._standard(self._features(one)) for one in (clips, mirrored(clips))]
        return np.asarray(
            np.mean([softmax(self.settings.sharpness * (x @ self.weights_ + self.bias_)) for x in both], axis=0)
        )

    def _parts(self) -> Parts:
        return {name: getattr(self, f"{name}_") for name in PARTS}

    def _load_parts(self, parts: Parts) -> None:
        for name in PARTS:
            setattr(self, f"{name}_", parts[name])
        expected = (3 * len(self.kernels_), len(self.classes_))
        if self.weights_.shape != expected:
            raise ValueError(f"expected weights of shape {expected}, got {self.weights_.shape}")
        n = len(self.joints_)
        if self.channels_.max() >= 6 * n + n * (n - 1) // 2:
            raise ValueError(f"kernels look at series that {n} joints don't have")


def series(clips: Clips, smooth: float) -> Tensor:
    """(S, F, MOMENTS) postures around the trunk's middle, distances, velocities, and places, in torso lengths."""
    body = normalise(clips.points, clips.lengths, clips.joints, smooth)
    n, longest, n_joints, _ = body.points.shape
    local = body.points - body.centre[:, :, None]
    first, second = np.triu_indices(n_joints, 1)
    distance = length(local[:, :, first] - local[:, :, second]) - 0.9
    velocity = 4 * np.diff(body.points, axis=1, prepend=body.points[:, :1])
    parts = [local, distance, velocity, body.points]
    x = np.concatenate([part.reshape(n, longest, -1) for part in parts], axis=2).astype(np.float32)
    x = evenly(np.nan_to_num(x).clip(-4, 4), clips.lengths, MOMENTS)
    return torch.from_numpy(np.ascontiguousarray(x.transpose(0, 2, 1)))
