"""Recurring movements of people without labels, called syllables as in the analysis of animal behaviour.

Windows of a track are described by random convolutions (`classifiers.rocket`), whichever way round the body is seen,
and brought to their principal components; a Gaussian mixture with one shared covariance finds what recurs among them
(Fraley and Raftery, 2002), and the best course through its probabilities (Viterbi) cuts each track into bouts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture

from behavior.errors import DataError
from behavior.recognition.classifiers.rocket import draw_kernels, kernel_statistics
from behavior.recognition.clips import RATE_HZ, Clips
from behavior.recognition.recognise import RecogniseSettings, nearest, to_grid, track_points
from behavior.recognition.smoothing import UNKNOWN_STATE, Times, frames_to_bouts, viterbi
from pose.people import Track
from pose.skeleton import Skeleton
from storage.bouts import Bout


@dataclass(frozen=True)
class SegmentSettings:
    """How behaviour is cut into syllables."""

    count: int = 10
    """Most syllables."""
    window_s: float = 1.0
    """Length of the windows, seconds."""
    step_s: float = 0.1
    """From window to window, seconds."""
    switch_s: float = 1.0
    """Price of a change of syllable, see `smoothing.viterbi`, seconds."""
    kernels: int = 500
    """Random convolutions."""
    components: int = 20
    """Most principal components of what they find."""
    seed: int = 0
    """Of every random step: the same number gives the same syllables."""
    recognise: RecogniseSettings = field(default_factory=RecogniseSettings)
    """Gaps, and joints that must be seen, are those of the recognition of actions."""


SMOOTH = 1.0
"""Smoothing before the convolutions, frames."""
_AT_ONCE = 512
SAMPLE = 6000
"""Most windows that syllables are found in; all windows are then named."""
BLOCK_S = 10.0
"""The halves whose syllables are compared are blocks of this length in turn, seconds."""
_WINDOWS_EACH = 20
"""A syllable more for so many windows at most."""


@dataclass(frozen=True, eq=False)
class Windows:
    """The windows of one unbroken stretch of a track.

    Attributes:
        rows: (n,) of the track's frames.
        time_s: (m,) middles of all windows, seconds.
        start_s: (m,) their beginnings, seconds.
        seen: (m,) True where enough joints were seen; only these are in `clips`.
        clips: S windows.
    """

    rows: NDArray[np.intp]
    time_s: NDArray[np.float64]
    start_s: NDArray[np.float64]
    seen: NDArray[np.bool_]
    clips: Clips


def track_windows(
    track: Track, skeleton: Skeleton, joints: tuple[str, ...], settings: SegmentSettings
) -> Iterator[Windows]:
    """The windows of each stretch of a track that lasts long enough.

    Raises:
        LayoutError, DataError: the skeleton lacks joints.
    """
    points = track_points(track, skeleton, joints)
    known = settings.recognise
    times = Times.of(track.time_s, known.max_gap_s)
    size, step = (max(1, round(seconds * RATE_HZ)) for seconds in (settings.window_s, settings.step_s))
    for rows in times.stretches:
        if len(rows) < 2 or times.length_s(rows) < known.min_window_s:
            continue
        grid_s, grid = to_grid(points[rows], track.time_s[rows], times.usual_s)
        length = min(size, len(grid))
        middles = np.arange(0, len(grid), step)
        starts = np.clip(middles - length // 2, 0, len(grid) - length)
        windows = grid[starts[:, None] + np.arange(length)]
        seen = np.isfinite(windows[..., 0]).mean(axis=(1, 2)) >= known.min_seen
        clips = Clips(windows[seen], np.full(int(seen.sum()), length, dtype=np.int64), joints)
        yield Windows(rows, grid_s[middles], grid_s[starts], seen, clips)


class Sample:
    """Windows drawn from all that pass by, each as likely as any other; `SAMPLE` at most."""

    def __init__(self, joints: tuple[str, ...], settings: SegmentSettings) -> None:
        self.joints = joints
        self._rng = np.random.default_rng(settings.seed)
        self._size = max(1, round(settings.window_s * RATE_HZ))
        self._points = np.empty((0, self._size, len(joints), 2), dtype=np.float32)
        self._lengths, self._second = np.empty(0, dtype=np.int64), np.empty(0, dtype=bool)
        self._keys = np.empty(0)

    def add(self, windows: Windows) -> None:
        """Those of one stretch."""
        n, length = windows.clips.points.shape[:2]
        padded = np.full((n, self._size, len(self.joints), 2), np.nan, dtype=np.float32)
        padded[:, :length] = windows.clips.points
        keys = np.append(self._keys, self._rng.random(n))
        kept = np.argsort(keys, kind="stable")[:SAMPLE]
        second = windows.time_s[windows.seen] // BLOCK_S % 2 == 1
        self._points = np.concatenate([self._points, padded])[kept]
        self._lengths = np.append(self._lengths, windows.clips.lengths)[kept]
        self._second = np.append(self._second, second)[kept]
        self._keys = keys[kept]

    @property
    def clips(self) -> Clips:
        """(S,) the windows drawn."""
        return Clips(self._points, self._lengths, self.joints)

    @property
    def second(self) -> NDArray[np.bool_]:
        """(S,) True for those of the second half: every other block of time."""
        return self._second


class Syllables:
    """What recurs in a sample of windows.

    Attributes:
        names: `s1`, `s2`, ..., the most frequent first.
        agreement: how far syllables learnt from each half of the time alone divide all of it alike: adjusted Rand
            index, 1 the same, 0 as by chance; None where a half is too short.
    """

    def __init__(self, sample: Sample, settings: SegmentSettings) -> None:
        """Raises `DataError` where there are too few windows."""
        clips, self._settings = sample.clips, settings
        count = min(settings.count, len(clips) // _WINDOWS_EACH)
        if count < 2:
            raise DataError(
                f"people are seen for {len(clips) * settings.step_s:.0f} s in all, too little to find what recurs"
            )
        self._kernels = draw_kernels(clips, settings.kernels, SMOOTH, np.random.default_rng(settings.seed))
        rows = self._found(clips)
        self._mean, self._scale = rows.mean(axis=0), rows.std(axis=0) + 1e-6
        rows = self._even(clips, rows)
        self._components = PCA(min(settings.components, *rows.shape), random_state=settings.seed).fit(rows)
        found = self._components.transform(rows)
        self._unit = found[:, 0].std()
        found /= self._unit
        self._mixture = self._fit(found, count)
        self._order = np.argsort(-self._mixture.weights_, kind="stable")
        self.names = tuple(f"s{number}" for number in range(1, count + 1))
        self.joints = sample.joints
        halves = [found[sample.second == half] for half in (False, True)]
        self.agreement: float | None = None
        if min(map(len, halves)) >= _WINDOWS_EACH * count:
            first, second = (self._fit(half, count).predict(found) for half in halves)
            self.agreement = float(adjusted_rand_score(first, second))

    def bouts(self, track: Track, windows: Windows) -> tuple[list[Bout], NDArray[np.float64]]:
        """The bouts of one stretch of a track, and how typical each is: the log-density of its most typical window.

        Score is the mean probability of the syllable. Time in which too few joints are seen is in no bout.
        """
        if not windows.seen.any():
            return [], np.empty(0)
        found = self._describe(windows.clips)
        proba = np.zeros((len(windows.seen), len(self.names)))
        proba[windows.seen] = self._mixture.predict_proba(found)[:, self._order]
        typical = np.full(len(windows.seen), -np.inf)
        typical[windows.seen] = self._mixture.score_samples(found)
        best = proba / np.maximum(proba.max(axis=1, keepdims=True), 1e-12)
        # Nothing is unknown where it is seen: the least probable syllable is as good as that.
        labels = viterbi(best, windows.time_s, 1e-6, self._settings.switch_s)
        labels[~windows.seen] = UNKNOWN_STATE
        times = Times.of(track.time_s, self._settings.recognise.max_gap_s)
        rows, place = windows.rows, nearest(windows.time_s, track.time_s[windows.rows])
        bouts = frames_to_bouts(
            labels[place], proba[place], track.frames[rows], track.time_s[rows], times.ends_s[rows], track.track_id,
            self.names,
        )  # fmt: skip
        spans = [(windows.time_s >= bout.start_s) & (windows.time_s < bout.stop_s) for bout in bouts]
        return bouts, np.array([typical[span].max(initial=-np.inf) for span in spans])

    def _describe(self, clips: Clips) -> NDArray[np.float64]:
        """(S, F) principal components."""
        return np.asarray(self._components.transform(self._even(clips, self._found(clips))) / self._unit)

    def _found(self, clips: Clips) -> NDArray[np.float32]:
        """(S, 3 * kernels) what the kernels find, a part of the clips at a time."""
        parts = [clips[start : start + _AT_ONCE] for start in range(0, len(clips), _AT_ONCE)]
        return np.concatenate([kernel_statistics(part, self._kernels, SMOOTH) for part in parts])

    def _even(self, clips: Clips, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Standardised rows, the mean of both mirror images."""
        both = (rows, self._found(clips.mirrored))
        return np.asarray(np.mean([np.clip((one - self._mean) / self._scale, -4, 4) for one in both], axis=0))

    def _fit(self, rows: NDArray[np.float64], count: int) -> GaussianMixture:
        return GaussianMixture(
            count, covariance_type="tied", n_init=2, reg_covar=1e-3, random_state=self._settings.seed
        ).fit(rows)
