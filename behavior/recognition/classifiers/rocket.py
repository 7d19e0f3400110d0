"""Random convolutions: thousands of small kernels nobody trains, and a least-squares classifier on what they find.

After ROCKET and MiniRocket (Dempster et al., 2020, https://arxiv.org/abs/1910.13051, and 2021). Each kernel looks at a
few series of one clip at once; kept of its answer are its peak and the shares of time it exceeds two limits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from behavior.recognition.bodies import body_of
from behavior.recognition.classifiers.base import Parts
from behavior.recognition.classifiers.ridge import solve_one_against_rest
from behavior.recognition.classifiers.statistics import StatisticsClassifier, softmax
from behavior.recognition.clips import Clips
from features.clips import evenly
from features.geometry import length
from pose.compiled import compiled

MOMENTS, TAPS, CHANNELS = 40, 7, 5
"""Frames that every clip is brought to, length of a kernel, most series it looks at."""
DILATIONS = (1, 2, 3, 4)
"""Frames from tap to tap; the kernels take turns in order."""
_SIDE_BY_SIDE = 64
"""Clips that a kernel goes over at once; their series fit the processor's nearest cache."""
_LOOKED_AT = 200
"""Clips whose answers the limits are drawn from."""


@dataclass(eq=False, repr=False, kw_only=True)
class RocketClassifier(StatisticsClassifier):
    """Random kernels on postures, distances and motions."""

    kernels: int = 2000
    """Number of kernels."""
    ridge: float = 1.0
    """Penalty on the weights of the features."""
    sharpness: float = 6.0
    """Factor from distances to the borders to log-probabilities."""

    def _prepare(self, clips: Clips, rng: np.random.Generator) -> None:
        self.drawn_ = draw_kernels(clips, self.kernels, self.smooth, rng)

    def _statistics(self, clips: Clips) -> NDArray[np.float32]:
        return kernel_statistics(clips, self.drawn_, self.smooth)

    def _learn(self, x: NDArray[np.float32], labels: NDArray[np.int64]) -> Parts:
        root = np.float32(np.sqrt(x.shape[1]))
        weights, bias = solve_one_against_rest(lambda part: x[part] / root, labels, self.ridge)
        return {"weights": (weights / root).astype(np.float32), "bias": bias.astype(np.float32)}

    def _answer(self, x: NDArray[np.float32], learned: Parts) -> NDArray[np.float64]:
        return softmax(self.sharpness * (x @ learned["weights"] + learned["bias"]))

    def _parts(self) -> Parts:
        return super()._parts() | self.drawn_

    def _load_parts(self, parts: Parts) -> None:
        self.drawn_ = {name: parts.pop(name) for name in ("kernels", "channels", "limits")}
        super()._load_parts(parts)
        count, n = len(self.drawn_["kernels"]), len(self.joints_)
        shapes = {"kernels": (count, CHANNELS, TAPS), "channels": (count, CHANNELS), "limits": (count, 2)}
        if any(self.drawn_[name].shape != shape for name, shape in shapes.items()) or len(self.mean_) != 3 * count:
            raise ValueError("kernels, channels, limits and weights differ in number")
        if not 0 <= self.drawn_["channels"].min() <= self.drawn_["channels"].max() < 6 * n + n * (n - 1) // 2:
            raise ValueError(f"kernels look at series that {n} joints don't have")


def draw_kernels(clips: Clips, count: int, smooth: float, rng: np.random.Generator) -> Parts:
    """Random kernels, and limits at random quantiles of what they find in some of the clips."""
    x = series(clips[rng.permutation(len(clips))[:_LOOKED_AT]], smooth)
    kernels = rng.normal(size=(count, CHANNELS, TAPS))
    centred = rng.random(count) < 0.7
    kernels[centred] -= kernels[centred].mean(axis=2, keepdims=True)
    kernels[np.arange(CHANNELS) >= rng.integers(1, CHANNELS + 1, (count, 1))] = 0
    channels = rng.permuted(np.tile(np.arange(x.shape[1]), (count, 1)), axis=1)[:, :CHANNELS].astype(np.int16)
    kept = kernels.astype(np.float16)
    found = _answers(x, kept.astype(np.float32), channels, dilations(count))
    ordered = np.sort(found.transpose(1, 0, 2).reshape(count, -1), axis=1)
    rank = (rng.uniform(0.1, 0.9, (count, 2)) * ordered.shape[1]).astype(np.int64)
    return {"kernels": kept, "channels": channels, "limits": np.take_along_axis(ordered, rank, axis=1)}


def kernel_statistics(clips: Clips, drawn: Parts, smooth: float) -> NDArray[np.float32]:
    """(S, 3 * kernels) of each drawn kernel the shares of time above its limits, and its peak."""
    kernels, channels, limits = (drawn[name] for name in ("kernels", "channels", "limits"))
    x = series(clips, smooth)
    out = np.empty((len(x), 3 * len(kernels)), dtype=np.float32)
    for start in range(0, len(x), _SIDE_BY_SIDE):
        some = np.ascontiguousarray(x[start : start + _SIDE_BY_SIDE].transpose(1, 2, 0))
        found = _found(some, kernels.astype(np.float32), channels, dilations(len(kernels)), limits)
        out[start : start + _SIDE_BY_SIDE] = found.T
    return out


def dilations(count: int) -> NDArray[np.int64]:
    """(count,) dilation of each kernel."""
    return np.repeat(DILATIONS, [len(part) for part in np.array_split(np.arange(count), len(DILATIONS))])


@compiled(fastmath={"contract"})
def _convolve(x, kernel, channels, dilation, out):  # type: ignore[no-untyped-def]  # pragma: no cover  # compiled
    """One kernel over one clip: (MOMENTS,) sums of its taps on its series, zeros beyond the ends."""
    n = x.shape[1]
    out[:] = 0
    for c in range(kernel.shape[0]):
        series = x[channels[c]]
        for tap in range(kernel.shape[1]):
            weight = kernel[c, tap]
            if weight != 0:
                shift = (tap - kernel.shape[1] // 2) * dilation
                low, high = max(0, -shift), min(n, n - shift)
                seen, into = series[low + shift : high + shift], out[low:high]
                for m in range(len(into)):  # on slices, so that it is vectorised
                    into[m] += weight * seen[m]


@compiled()
def _answers(x, kernels, channels, dilation):  # type: ignore[no-untyped-def]  # pragma: no cover  # compiled
    """(S, kernels, MOMENTS) answers to (S, F, MOMENTS) series."""
    out = np.empty((len(x), len(kernels), x.shape[2]), dtype=np.float32)
    for i in range(len(x)):
        for k in range(len(kernels)):
            _convolve(x[i], kernels[k], channels[k], dilation[k], out[i, k])
    return out


@compiled(fastmath={"contract"})
def _found(x, kernels, channels, dilation, limits):  # type: ignore[no-untyped-def]  # pragma: no cover  # compiled
    """(3 * kernels, S) shares of time above the two limits of each kernel, and peaks, of (F, MOMENTS, S) series."""
    count, n, clips = len(kernels), x.shape[1], x.shape[2]
    flat = x.reshape(x.shape[0], n * clips)
    out = np.zeros((3 * count, clips), dtype=np.float32)
    answer = np.empty((n, clips), dtype=np.float32)
    along = answer.reshape(n * clips)
    for k in range(count):
        along[:] = 0
        for c in range(kernels.shape[1]):
            for tap in range(kernels.shape[2]):
                weight = kernels[k, c, tap]
                if weight != 0:
                    shift = (tap - kernels.shape[2] // 2) * dilation[k]
                    low, high = max(0, -shift), min(n, n - shift)
                    seen = flat[channels[k, c], (low + shift) * clips : (high + shift) * clips]
                    into = along[low * clips : high * clips]
                    for m in range(len(into)):  # on slices, so that it is vectorised
                        into[m] += weight * seen[m]
        lows, highs, peaks = out[k], out[count + k], out[2 * count + k]
        peaks[:] = answer[0]
        for m in range(n):
            row = answer[m]
            for i in range(clips):
                lows[i] += np.float32(row[i] > limits[k, 0])
                highs[i] += np.float32(row[i] > limits[k, 1])
                peaks[i] = max(peaks[i], row[i])
        for i in range(clips):
            lows[i] /= np.float32(n)
            highs[i] /= np.float32(n)
    return out


def series(clips: Clips, smooth: float) -> NDArray[np.float32]:
    """(S, F, MOMENTS) postures around the trunk's middle, distances, velocities, and places, in torso lengths."""
    body = body_of(clips, smooth)
    n, longest, n_joints, _ = body.points.shape
    local = body.points - body.centre[:, :, None]
    first, second = np.triu_indices(n_joints, 1)
    distance = length(local[:, :, first] - local[:, :, second]) - 0.9
    velocity = 4 * np.diff(body.points, axis=1, prepend=body.points[:, :1])
    parts = [local, distance, velocity, body.points]
    x = np.concatenate([part.reshape(n, longest, -1) for part in parts], axis=2).astype(np.float32)
    x = evenly(np.nan_to_num(x).clip(-4, 4), clips.lengths, MOMENTS)
    return np.ascontiguousarray(x.transpose(0, 2, 1))
