"""Stretches of time and what happens in each: sliding windows over uneven timestamps, bouts, statistics.

A window holds the frames with start_s <= time < stop_s, to the microsecond (`TICK`), so that a rounding error in a
timestamp does not decide. Windows go by the clock, not by counting frames, so a video of
variable frame rate and a track with holes give windows of equal length with fewer frames in some. Statistics take the
values that are there; a window with none gives NaN. How full a window is, its table says (`n_frames`, `coverage`): sums
(path length, steps, time in a zone) are of what was seen, so that windows add up; means and rates compare as they are;
and what depends on the whole window is NaN when more than a fifth of it is unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from features.errors import FeatureError

Array = NDArray[np.float64]

TICK = 1e-6
"""Seconds: timestamps closer than this are one moment."""


@dataclass(frozen=True, eq=False)
class Windows:
    """Stretches of one sequence; they may overlap.

    Attributes:
        time_s: (n_frames,) float64 timestamps of the sequence.
        start_s, stop_s: (n_windows,) float64, start inside, stop outside.
    """

    time_s: Array
    start_s: Array
    stop_s: Array

    def __post_init__(self) -> None:
        if self.start_s.shape != self.stop_s.shape or self.start_s.ndim != 1:
            raise ValueError(f"expected as many starts as stops, got {self.start_s.shape} and {self.stop_s.shape}")
        if not np.all(self.stop_s > self.start_s):
            raise ValueError("a window must stop after it starts")

    @classmethod
    def sliding(cls, time_s: Array, window_s: float, step_s: float) -> Windows:
        """Windows of `window_s` seconds every `step_s` seconds from the first frame on, until one holds the last.

        A sequence shorter than `window_s` gives one window.

        >>> Windows.sliding(np.arange(25) / 10, 1.0, 0.5).start_s.tolist()
        [0.0, 0.5, 1.0, 1.5]
        """
        if not (window_s > 0 and step_s > 0):
            raise FeatureError(f"windows need a length and a step above 0 s, got {window_s} and {step_s}")
        if len(time_s) == 0:
            return cls(time_s, np.empty(0), np.empty(0))
        beyond = max(0.0, float(time_s[-1] - time_s[0]) - window_s)
        # A last frame that falls on a window's end still needs a window that holds it.
        start = time_s[0] + step_s * np.arange(int(np.floor((beyond + TICK) / step_s)) + 2)
        keep = np.concatenate([[True], start[:-1] + window_s <= time_s[-1] + TICK])
        return cls(time_s, start[keep], start[keep] + window_s)

    @classmethod
    def around(cls, time_s: Array, window_s: float) -> Windows:
        """A window of `window_s` seconds centred on each frame, both ends inside.

        >>> Windows.around(np.arange(4) / 10, 0.2).n_frames.tolist()
        [2, 3, 3, 2]
        """
        return cls(time_s, time_s - window_s / 2, time_s + window_s / 2 + 2 * TICK)

    def __len__(self) -> int:
        return len(self.start_s)

    @cached_property
    def first(self) -> NDArray[np.intp]:
        """(n_windows,) index of the first frame in each."""
        return np.searchsorted(self.time_s, self.start_s - TICK)

    @cached_property
    def end(self) -> NDArray[np.intp]:
        """(n_windows,) index after the last frame in each."""
        return np.searchsorted(self.time_s, self.stop_s - TICK)

    @property
    def duration_s(self) -> Array:
        """(n_windows,) length in seconds."""
        return self.stop_s - self.start_s

    @property
    def n_frames(self) -> NDArray[np.intp]:
        """(n_windows,) frames in each."""
        return self.end - self.first

    def reduce(self, operation: np.ufunc, values: Array, empty: float = np.nan) -> Array:
        """`operation` over each window of (..., n_frames) values: (..., n_windows); `empty` where there is no frame."""
        out = np.full((*values.shape[:-1], len(self)), empty)
        filled = np.flatnonzero(self.n_frames > 0)
        if len(filled):
            bounds = np.stack([self.first[filled], self.end[filled]], axis=1).ravel()
            padded = np.concatenate([values, values[..., -1:]], axis=-1)  # the last bound may lie behind the last frame
            out[..., filled] = operation.reduceat(padded, bounds, axis=-1)[..., ::2]
        return out

    def count(self, values: Array) -> Array:
        """Values that are there in each window."""
        return self.reduce(np.add, np.isfinite(values).astype(np.float64), 0.0)

    def sum(self, values: Array) -> Array:
        """Sum of the values that are there; NaN when there is none.

        >>> Windows.sliding(np.arange(4) / 2, 1.0, 1.0).sum(np.array([1.0, 2.0, np.nan, 4.0])).tolist()
        [3.0, 4.0]
        """
        total = self.reduce(np.add, np.where(np.isfinite(values), values, 0.0))
        return np.where(self.count(values) > 0, total, np.nan)

    def mean(self, values: Array) -> Array:
        """Mean of the values that are there.

        >>> Windows.sliding(np.arange(4) / 2, 1.0, 1.0).mean(np.array([1.0, 2.0, np.nan, 4.0])).tolist()
        [1.5, 4.0]
        """
        return self._moments(values, 1)[0]

    def std(self, values: Array) -> Array:
        """Standard deviation (divisor n) of the values that are there.

        >>> Windows.sliding(np.arange(4) / 2, 1.0, 1.0).std(np.array([1.0, 2.0, np.nan, 4.0])).tolist()
        [0.5, 0.0]
        """
        # Around the whole sequence's mean, so that squares of far-away numbers don't cancel.
        found = np.isfinite(values)
        n = np.maximum(found.sum(axis=-1, keepdims=True), 1)
        first, second = self._moments(values - np.where(found, values, 0.0).sum(axis=-1, keepdims=True) / n, 2)
        return np.sqrt(np.maximum(second - first**2, 0))

    def _moments(self, values: Array, highest: int) -> list[Array]:
        """Means of the first powers of the values that are there."""
        found = np.isfinite(values)
        n = self.reduce(np.add, found.astype(np.float64), 0.0)
        n = np.where(n > 0, n, np.nan)
        known = np.where(found, values, 0.0)
        return [self.reduce(np.add, known**power if power > 1 else known) / n for power in range(1, highest + 1)]

    def min(self, values: Array) -> Array:
        """Smallest of the values that are there."""
        return self.reduce(np.fmin, values)

    def max(self, values: Array) -> Array:
        """Largest of the values that are there."""
        return self.reduce(np.fmax, values)

    def range(self, values: Array) -> Array:
        """Largest minus smallest of the values that are there."""
        return self.max(values) - self.min(values)

    def median(self, values: Array) -> Array:
        """Median of the values that are there."""
        out = np.full((*values.shape[:-1], len(self)), np.nan)
        if values.shape[-1]:
            for part, block in self.blocks(values):
                out[..., part] = median_of_found(block)
        return out

    def share(self, known: NDArray[np.bool_], durations: Array) -> Array:
        """Share of each window's length that is in frames with a value, each standing for its duration; in [0, 1].

        Args:
            known: (n_frames,) whether a frame has a value.
            durations: (n_frames,) see `features.clock.frame_durations`.

        >>> second = Windows.sliding(np.arange(4) / 4, 1.0, 1.0)
        >>> second.share(np.array([True, True, False, True]), np.full(4, 0.25)).round(3).tolist()
        [0.75]
        """
        covered = self.reduce(np.add, np.where(known, durations, 0.0), 0.0)
        return np.minimum((covered + TICK) / self.duration_s, 1.0)

    def unwrapped(self, values: Array, period: float) -> tuple[Windows, Array]:
        """Angles made fit for statistics: each within half a period of its window's circular mean.

        A frame in several windows may need several values, so each window gets its own copies; `values` is
        (..., n_frames), the result (..., sum of n_frames) and the windows over it. Where nothing wraps, all statistics
        are those of the plain values (N. I. Fisher, Statistical Analysis of Circular Data, 1993, 2.3).

        >>> own, degrees = Windows.sliding(np.arange(2) / 2, 1.0, 1.0).unwrapped(np.array([179.0, -177.0]), 360)
        >>> own.mean(degrees).round(6).tolist()
        [-179.0]
        """
        end = np.cumsum(self.n_frames)
        first = end - self.n_frames
        frames = np.arange(len(end) and end[-1]) + np.repeat(self.first - first, self.n_frames)
        own = Windows(self.time_s[frames], self.start_s, self.stop_s)
        own.__dict__.update(first=first, end=end)
        copies = values[..., frames]
        turn = copies * (2 * np.pi / period)
        middle = np.arctan2(own.mean(np.sin(turn)), own.mean(np.cos(turn))) * (period / (2 * np.pi))
        middle = np.repeat(middle, self.n_frames, axis=-1)
        return own, middle + wrapped(copies - middle, period)

    def first_value(self, values: Array) -> Array:
        """First of the values that are there, over (n_frames,) values or rows of (n_frames, D) ones."""
        return self._edge(values, last=False)

    def last_value(self, values: Array) -> Array:
        """Last of the values that are there, over (n_frames,) values or rows of (n_frames, D) ones."""
        return self._edge(values, last=True)

    def sum_of_steps(self, moved: Array) -> Array:
        """Sum over each window of (n_frames,) steps from the frame before, without the one that leads into the window.

        NaN where a window has fewer than two frames.

        >>> Windows.sliding(np.arange(4) / 4, 1.0, 1.0).sum_of_steps(np.array([9.0, 1.0, 1.0, 2.0])).tolist()
        [4.0]
        """
        return self._inner(1, 0).sum(moved)

    def mean_of_inner(self, values: Array) -> Array:
        """Mean over each window's frames without its first and last."""
        return self._inner(1, 1).mean(values)

    def _inner(self, from_start: int, from_end: int) -> Windows:
        """The same windows without some of their first and last frames."""
        inner = Windows(self.time_s, self.start_s, self.stop_s)
        first = np.minimum(self.first + from_start, self.end)
        inner.__dict__.update(first=first, end=np.maximum(self.end - from_end, first))
        return inner

    def correlation(self, a: Array, b: Array) -> Array:
        """Pearson correlation of two (n_frames,) series; NaN with fewer than three common values or a constant one.

        >>> Windows.sliding(np.arange(4) / 4, 1.0, 1.0).correlation(np.arange(4.0), -np.arange(4.0)).round(6).tolist()
        [-1.0]
        """
        both = np.isfinite(a) & np.isfinite(b)
        a, b = np.where(both, a, np.nan), np.where(both, b, np.nan)
        if both.any():
            a, b = a - a[both].mean(), b - b[both].mean()
        spread = self.std(a) * self.std(b)
        covariance = self.mean(a * b) - self.mean(a) * self.mean(b)
        flat = np.minimum(self.std(a), self.std(b)) <= 1e-6 * np.sqrt(self.mean(a**2) + self.mean(b**2))
        usable = (self.count(a) >= 3) & (spread > 0) & ~flat
        return np.where(usable, np.clip(covariance / np.where(usable, spread, 1.0), -1, 1), np.nan)

    def _edge(self, values: Array, last: bool) -> Array:
        found = np.isfinite(values) if values.ndim == 1 else np.isfinite(values).all(axis=1)
        where = np.flatnonzero(found)
        at = np.searchsorted(where, self.end) - 1 if last else np.searchsorted(where, self.first)
        inside = (at >= 0) & (at < len(where))
        if len(where):
            frame = where[np.clip(at, 0, len(where) - 1)]
            inside &= (frame >= self.first) & (frame < self.end)
        else:
            frame = np.zeros(len(self), dtype=np.intp)
        picked = values[frame] if len(values) else np.full((len(self), *values.shape[1:]), np.nan)
        return np.where(inside if values.ndim == 1 else inside[:, None], picked, np.nan)

    def blocks(self, values: Array) -> Iterator[tuple[slice, Array]]:
        """Slices of windows with (..., n, longest) blocks of their values, NaN where a window is shorter."""
        longest = max(1, int(self.n_frames.max(initial=0)))
        at_once = max(1, 4_000_000 // (longest * max(1, int(np.prod(values.shape[:-1])))))
        for begin in range(0, len(self), at_once):
            part = slice(begin, begin + at_once)
            index = self.first[part, None] + np.arange(longest)
            inside = index < self.end[part, None]
            yield part, np.where(inside, values[..., np.minimum(index, values.shape[-1] - 1)], np.nan)


def wrapped(degrees: Array, period: float = 360) -> Array:
    """Angles brought into (-period/2, period/2].

    >>> wrapped(np.array([190.0, -180.0, 45.0])).tolist()
    [-170.0, 180.0, 45.0]
    """
    return -((period / 2 - degrees) % period - period / 2)


def median_of_found(values: Array) -> Array:
    """Median over the last axis of the values that are there; NaN when there is none. Sorts `values` in place.

    >>> median_of_found(np.array([[3.0, np.nan, 1.0, 8.0]])).tolist()
    [3.0]
    """
    values.sort(axis=-1)  # NaN go last
    last = np.maximum(np.isfinite(values).sum(axis=-1, keepdims=True) - 1, 0)
    low, high = np.take_along_axis(values, last // 2, -1), np.take_along_axis(values, (last + 1) // 2, -1)
    return np.asarray((low + high)[..., 0] / 2)


STATISTICS: dict[str, Callable[[Windows, Array], Array]] = {
    "mean": Windows.mean,
    "std": Windows.std,
    "min": Windows.min,
    "max": Windows.max,
    "range": Windows.range,
    "median": Windows.median,
}
"""What `window_table` can say of a frame feature: over (..., n_frames) values, giving (..., n_windows)."""


def intervals(time_s: Array, bounds: Sequence[tuple[float, float]]) -> Windows:
    """Windows at given (start_s, stop_s) pairs, e.g. the bouts of an action; raises `FeatureError` on an empty one.

    >>> intervals(np.arange(10) / 10, [(0.2, 0.5)]).n_frames.tolist()
    [3]
    """
    pairs = np.asarray(bounds, dtype=np.float64).reshape(-1, 2)
    wrong = np.flatnonzero(~(pairs[:, 1] > pairs[:, 0]))
    if len(wrong):
        start, stop = pairs[wrong[0]]
        raise FeatureError(
            f"interval {wrong[0]} runs from {start} s to {stop} s; an interval must stop after it starts"
        )
    return Windows(time_s, pairs[:, 0], pairs[:, 1])
