"""Typical clips of what a model learnt, kept with it as a few poses each: a claim is shown beside those it resembles.

Near is near in the embedding of `behavior.recognition.embedding`, in which people and cameras are divided out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from behavior.labels import UNKNOWN
from behavior.recognition.classifiers.base import Parts
from behavior.recognition.clips import Clips
from behavior.recognition.embedding import shipped_embedding
from features.clips import evenly, normalise
from pose.layouts import BODY_13

POSES = 16
"""Of an example, spread evenly over its clip."""
NEAREST = 3
"""Examples that a claim is shown beside."""
_LIKE = "; most like "
_MOST = 400
"""Clips of one name among which the typical ones are looked for."""


@dataclass(frozen=True, eq=False)
class Examples:
    """A few clips.

    Attributes:
        names: (P) what each shows, and a number: `swing 2`.
        sources: (P) where each is from, in words.
        poses: (P, `POSES`, 13, 2) float16 joints of `BODY_13`, torso lengths around the body's middle, y down; NaN
            where a joint was not seen.
        lengths: (P,) int64 frames of each clip, at `RATE_HZ`.
    """

    names: tuple[str, ...]
    sources: tuple[str, ...]
    poses: NDArray[np.float16]
    lengths: NDArray[np.int64]

    def __post_init__(self) -> None:
        n = len(self.names)
        if (len(self.sources), len(self.lengths)) != (n, n) or self.poses.shape != (n, POSES, len(BODY_13), 2):
            raise ValueError(f"expected {n} examples of {POSES} poses with sources and lengths, got {self.poses.shape}")
        if n and self.lengths.min() < 2:
            raise ValueError("an example is shorter than two frames")

    @cached_property
    def _places(self) -> NDArray[np.float32]:
        """(P, D) in the embedding."""
        points = np.full((len(self.names), int(self.lengths.max()), len(BODY_13), 2), np.nan, dtype=np.float32)
        for row, (poses, length) in enumerate(zip(self.poses.astype(np.float32), self.lengths, strict=True)):
            at = np.linspace(0, POSES - 1, length)
            low = np.minimum(at.astype(np.int64), POSES - 2)
            share = (at - low)[:, None, None].astype(np.float32)
            points[row, :length] = poses[low] * (1 - share) + poses[low + 1] * share
        return shipped_embedding().of(Clips(points, self.lengths))

    def nearest(self, clip: Clips, count: int = NEAREST) -> list[tuple[str, float]]:
        """Names of the examples nearest to one clip, and their distances, the nearest first.

        The distance is the root mean square over the directions of the embedding, in deviations within one action. In
        the sets that it is learnt from, half of all windows have the same action of somebody else within 0.84, and
        nothing else within 1.19.
        """
        away = np.sqrt(((self._places - shipped_embedding().of(clip)) ** 2).mean(axis=1))
        return [(self.names[place], float(away[place])) for place in np.argsort(away, kind="stable")[:count]]

    def shown(self, names: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Source and poses of some of them as plain JSON, by name: numbers to a hundredth, None where not seen."""
        rounded = np.round(self.poses.astype(np.float64), 2)
        return {
            name: {
                "source": self.sources[place],
                "poses": [
                    [[None if np.isnan(value) else value for value in joint] for joint in pose]
                    for pose in rounded[place].tolist()
                ],
            }
            for place, name in enumerate(self.names)
            if name in names
        }

    def parts(self) -> Parts:
        """As arrays of a model file."""
        poses = np.where(np.isnan(self.poses), _ABSENT, self.poses).astype(np.float16)
        return {"poses": poses, "lengths": self.lengths}

    @classmethod
    def from_parts(cls, about: Mapping[str, Sequence[str]], parts: Parts) -> Examples:
        """Raises `KeyError` or `ValueError` where the arrays don't fit."""
        poses = parts["poses"].astype(np.float16)
        poses[poses >= _ABSENT] = np.nan
        return cls(tuple(about["names"]), tuple(about["sources"]), poses, parts["lengths"].astype(np.int64))


_ABSENT = np.float16(1000)
"""In files, which hold no NaN."""


def told(near: Sequence[tuple[str, float]]) -> str:
    """The end of a bout's evidence: `; most like swing 2 at 0.84, throw 1 at 1.10`."""
    return _LIKE + ", ".join(f"{name} at {away:.2f}" for name, away in near)


def named_in(evidence: str) -> list[str]:
    """The examples that a bout's evidence names."""
    return [one.rpartition(" at ")[0] for one in evidence.partition(_LIKE)[2].split(", ") if one]


def typical(clips: Clips, names: NDArray[np.str_], sources: Sequence[str], count: Mapping[str, int]) -> Examples | None:
    """The clips that stand for all of their name: each next one brings the others nearest to one that is chosen.

    Clips in which a joint is never seen stand back where others of the name show all.

    Args:
        clips: S clips.
        names: (S,) what they show, classes of a classifier; kinds of `unknown` lose that word.
        sources: (S) where they are from.
        count: how many of each name; a name that is left out has none.

    Returns:
        None for clips of other joints than `BODY_13`, or where none are wanted.
    """
    if clips.joints != BODY_13:
        return None
    rng = np.random.default_rng(0)
    shown = np.asarray(clips.seen.any(axis=1))
    whole = shown.all(axis=1) & (clips.lengths > 1)
    chosen: list[int] = []
    titles: list[str] = []
    for name, wanted in count.items():
        own = np.flatnonzero((names == name) & whole)
        own = own if len(own) else np.flatnonzero((names == name) & clips.any_seen & (clips.lengths > 1))
        own = rng.permutation(own)[:_MOST]
        if len(own):
            places = shipped_embedding().of(clips[own])
            for number, place in enumerate(_medoids(places, wanted)):
                chosen.append(int(own[place]))
                titles.append(f"{name.removeprefix(f'{UNKNOWN}: ').replace(',', ' ')} {number + 1}")
    if not chosen:
        return None
    some = clips[np.array(chosen)]
    body = normalise(some.points, some.lengths, some.joints)
    flat = evenly(body.points.reshape(*body.points.shape[:2], -1), some.lengths, POSES)
    poses = flat.astype(np.float16).reshape(len(chosen), POSES, len(BODY_13), 2)
    return Examples(tuple(titles), tuple(sources[row] for row in chosen), poses, some.lengths)


def _medoids(places: NDArray[np.float32], count: int) -> list[int]:
    """Rows, each the one that most lowers the sum of distances to the nearest chosen one (greedy k-medoids)."""
    square = (places.astype(np.float64) ** 2).sum(axis=1)
    apart = np.sqrt(np.maximum(square[:, None] + square - 2 * places.astype(np.float64) @ places.T, 0))
    near = np.full(len(places), np.inf)
    rows: list[int] = []
    for _ in range(min(count, len(places))):
        best = int(np.minimum(near[:, None], apart).sum(axis=0).argmin())
        if best in rows:
            break
        rows.append(best)
        near = np.minimum(near, apart[:, best])
    return rows
