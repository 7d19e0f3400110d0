"""Windows for training out of clips of many sets: cut where the action is, seen by cameras drawn at random.

Each source counts alike: of every action as many windows are drawn from each set that shows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from behavior.labels import UNKNOWN
from behavior.recognition.clips import RATE_HZ, Clips
from behavior.training.public_sets import SetClips
from pose.layouts import BODY_13

Points = NDArray[np.float32]

SHORTEST_S, LONGEST_S = 1.0, 3.0
"""Windows are drawn between these lengths; a clip that is shorter stands whole."""
CYCLIC = frozenset(("walk", "run", "stand", "sit", "lie", "jump", "jumping_jack", "push_up", "sit_up", "wave", "clap"))
"""Actions that any part of a clip shows."""
HELD, REST = 0.6, 0.12
"""A window of any other action holds at least the first share of the clip's motion; one that holds less than the second
shows what is before or after: `unknown`."""


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows with what they show and where they come from.

    Attributes:
        clips: N windows.
        names: (N,) actions, or `unknown`.
        kinds: (N,) the same, but what is `unknown` by its kind: `unknown: rest`, or `unknown:` and the set's label.
        sources: (N,) names of the sets.
        groups: (N,) people or videos within the set.
    """

    clips: Clips
    names: NDArray[np.str_]
    kinds: NDArray[np.str_]
    sources: NDArray[np.str_]
    groups: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.clips)

    @property
    def of_source(self) -> NDArray[np.str_]:
        """(N,) kinds, those of each set apart from those of the others: `penn_action: squat`."""
        return np.char.add(np.char.add(self.sources, ": "), self.kinds)

    def __getitem__(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> Windows:
        return Windows(self.clips[rows], self.names[rows], self.kinds[rows], self.sources[rows], self.groups[rows])


def draw_windows(sets: Sequence[SetClips], per_action: int, per_kind: int, rng: np.random.Generator) -> Windows:
    """`per_action` windows of every action and set that shows it, `per_kind` of every other label of a set, and as many
    of the moments of each set before and after its actions."""
    rows: list[tuple[Points, str, str, str, int]] = []
    for one in sets:
        source = one.of.name
        for own, action in dict.fromkeys(zip(one.own.tolist(), one.names.tolist(), strict=True)):
            members = np.flatnonzero(one.own == own)
            labels = {name for name, there in zip(one.own, one.names, strict=True) if there == action}
            wanted = per_kind if action == UNKNOWN else -(-per_action // len(labels))
            kind = f"{UNKNOWN}: {own}" if action == UNKNOWN else action
            for clip in _again(members, wanted, rng):
                piece = cut(one.points[clip], rng, whole=action in CYCLIC or action == UNKNOWN)
                rows.append((piece, action, kind, source, int(one.groups[clip])))
        for clip in rng.permutation(np.flatnonzero((one.names != UNKNOWN) & ~np.isin(one.names, list(CYCLIC)))):
            if sum(row[2] == REST_KIND and row[3] == source for row in rows) >= per_kind:
                break
            quiet = rest(one.points[clip], rng)
            if quiet is not None:
                rows.append((quiet, UNKNOWN, REST_KIND, source, int(one.groups[clip])))
    seen = [project(row[0], rng) if row[0].shape[2] == 3 else row[0] for row in rows]
    lengths = np.array([len(piece) for piece in seen], dtype=np.int64)
    points = np.full((len(seen), int(lengths.max()), len(BODY_13), 2), np.nan, dtype=np.float32)
    for row, piece in enumerate(seen):
        points[row, : len(piece)] = piece
    names, kinds, sources = (np.array([row[column] for row in rows]) for column in (1, 2, 3))
    return Windows(Clips(points, lengths), names, kinds, sources, np.array([row[4] for row in rows], dtype=np.int64))


REST_KIND = f"{UNKNOWN}: rest"


def _again(members: NDArray[np.intp], wanted: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """`wanted` of the members, each as often as the others, give or take one."""
    turns = [rng.permutation(members) for _ in range(-(-wanted // len(members)))]
    return np.concatenate(turns)[:wanted]


def motion(points: Points) -> NDArray[np.float64]:
    """(T,) how far the joints move from each frame to the next, as a share of the whole; 0 in the last frame."""
    step = np.linalg.norm(np.diff(points, axis=0), axis=2)
    moved = np.where(np.isfinite(step), step, 0).mean(axis=1)
    moved = np.convolve(moved, np.ones(5) / 5, mode="same") if len(moved) > 5 else moved
    moved = np.maximum(moved - np.quantile(moved, 0.1), 0) if len(moved) else moved
    return np.append(moved, 0.0) / max(float(moved.sum()), 1e-9)


def cut(points: Points, rng: np.random.Generator, *, whole: bool) -> Points:
    """A window of random length and place; one that holds the action's motion, unless the whole clip shows it."""
    length = round(rng.uniform(SHORTEST_S, LONGEST_S) * RATE_HZ)
    if len(points) <= length:
        return points
    if whole:
        start = int(rng.integers(len(points) - length + 1))
        return points[start : start + length]
    held = _held(points, length)
    fit = np.flatnonzero(held >= min(HELD, 0.95 * float(held.max())))
    start = int(rng.choice(fit))
    return points[start : start + length]


def rest(points: Points, rng: np.random.Generator) -> Points | None:
    """A window before or after the action; None where the clip has none of half a second."""
    for length in (round(rng.uniform(SHORTEST_S, 2) * RATE_HZ), round(0.5 * RATE_HZ)):
        if len(points) > length:
            fit = np.flatnonzero(_held(points, length) <= REST)
            if len(fit):
                start = int(rng.choice(fit))
                return points[start : start + length]
    return None


def _held(points: Points, length: int) -> NDArray[np.float64]:
    """Share of the clip's motion that each window of `length` frames holds, by its first frame."""
    total = np.append(0, np.cumsum(motion(points)))
    return np.asarray(total[length:] - total[:-length])


def project(points: Points, rng: np.random.Generator) -> Points:
    """(T, K, 3) metres, y up, as a camera drawn at random sees them: (T, K, 2) in units of the focal length, y down.

    The camera stands 2 to 7 m away within 100° of where the person looks to, 10° below to 35° above, and is
    rolled by 3° (standard deviation).
    """
    turn, lift, roll = np.deg2rad([rng.uniform(-100, 100), rng.uniform(-10, 35), rng.normal(0, 3)])
    flat = points.reshape(-1, 3)
    flat = flat[np.isfinite(flat).all(axis=1)]
    middle = np.median(flat, axis=0) if len(flat) else np.zeros(3)
    x, y, z = np.moveaxis(points - middle, -1, 0)
    x, z = np.cos(turn) * x - np.sin(turn) * z, np.sin(turn) * x + np.cos(turn) * z
    y, z = np.cos(lift) * y - np.sin(lift) * z, np.sin(lift) * y + np.cos(lift) * z
    depth = np.maximum(rng.uniform(2, 7) - z, 0.5)
    x, y = x / depth, -y / depth
    x, y = np.cos(roll) * x - np.sin(roll) * y, np.sin(roll) * x + np.cos(roll) * y
    return np.stack([x, y], axis=-1).astype(np.float32)
