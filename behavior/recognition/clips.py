"""Labelled clips: the `.npz` form of the contract, clips as one padded array, and splits that don't leak."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from behavior.errors import DataError
from pose.layouts import BODY_13, has_body, mirror, standard_names, to_body
from storage.errors import ExchangeError
from storage.formats.guard import read_npz

RATE_HZ = 30.0
"""Frames per second at which every classifier sees motion; clips and tracks are resampled to it."""


@dataclass(frozen=True, eq=False)
class LabelledSequences:
    """Short clips of one person, one label each.

    Attributes:
        joints: (N, K, 2 or 3) float32, all clips one after another; x, y[, confidence]; NaN where missing.
        offsets: (S + 1,) int64; clip i is `joints[offsets[i]:offsets[i + 1]]`.
        labels: (S,) int64 positions in `classes`.
        classes: names of the actions.
        joint_names: K names.
        groups: (S,) int64 recording or subject: clips of one group never stand on both sides of a split. None when the
            file names none; every clip is then its own group.
        fps: (S,) float64 frames per second.
    """

    joints: NDArray[np.float32]
    offsets: NDArray[np.int64]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    joint_names: tuple[str, ...]
    groups: NDArray[np.int64] | None
    fps: NDArray[np.float64]

    def __post_init__(self) -> None:
        n = len(self.offsets) - 1
        if self.joints.ndim != 3 or self.joints.shape[2] not in (2, 3):
            raise ValueError(f"expected joints of shape (N, K, 2 or 3), got {self.joints.shape}")
        if self.joints.shape[1] != len(self.joint_names):
            raise ValueError(f"expected {len(self.joint_names)} joints as in joint_names, got {self.joints.shape[1]}")
        if n < 1 or self.offsets[0] != 0 or self.offsets[-1] != len(self.joints):
            raise ValueError(f"offsets must run from 0 to {len(self.joints)} (the rows of joints)")
        if np.any(np.diff(self.offsets) < 1):
            raise ValueError(f"clip {int(np.argmax(np.diff(self.offsets) < 1))} has no frames (offsets must rise)")
        if self.labels.shape != (n,):
            raise ValueError(f"expected {n} labels, one per clip, got {self.labels.shape}")
        if n and not (self.labels.min() >= 0 and self.labels.max() < len(self.classes)):
            raise ValueError(f"labels must lie in 0..{len(self.classes) - 1} (classes has {len(self.classes)} names)")
        if len(set(self.classes)) != len(self.classes) or len(set(self.joint_names)) != len(self.joint_names):
            raise ValueError("classes and joint_names must be unique")
        if self.groups is not None and self.groups.shape != (n,):
            raise ValueError(f"expected {n} groups, one per clip, got {self.groups.shape}")
        if self.fps.shape != (n,) or not np.all(np.isfinite(self.fps) & (self.fps > 0)):
            raise ValueError("fps must be positive, one number or one per clip")

    def __len__(self) -> int:
        return len(self.labels)


def load_sequences(path: str | Path) -> LabelledSequences:
    """Read a labelled-sequences file (`.npz`, see the contract in the docs).

    Raises:
        DataError: not such a file, or its arrays don't fit together; one line with the file and what was expected.
    """
    path = Path(path)
    required = ("joints", "offsets", "labels", "classes", "joint_names")
    try:
        arrays = read_npz(path)
    except ExchangeError as error:
        raise DataError(str(error)) from None
    missing = [name for name in required if name not in arrays]
    if missing:
        raise DataError(f"{path}: lacks {', '.join(missing)}; a labelled-sequences file has {', '.join(required)}")
    try:
        return make_sequences(
            **{name: arrays[name] for name in required},
            groups=arrays.get("groups"),
            fps=arrays.get("fps", 25.0),
        )
    except (TypeError, ValueError) as error:
        raise DataError(f"{path}: {error}") from None


def make_sequences(
    joints: NDArray[np.floating],
    offsets: NDArray[np.integer],
    labels: NDArray[np.integer],
    classes: Sequence[str] | NDArray[np.str_],
    joint_names: Sequence[str] | NDArray[np.str_],
    groups: NDArray[np.integer] | None = None,
    fps: float | NDArray[np.floating] = 25.0,
) -> LabelledSequences:
    """Labelled sequences from plain arrays, converted to the right types; raises `ValueError` when they don't fit."""
    offsets = np.asarray(offsets)
    if offsets.ndim != 1 or not np.issubdtype(offsets.dtype, np.integer):
        raise ValueError(f"offsets must be a row of whole numbers, got {offsets.dtype} {offsets.shape}")
    for name, array in (("labels", labels), ("groups", groups)):
        if array is not None and not np.issubdtype(np.asarray(array).dtype, np.integer):
            raise ValueError(f"{name} must be whole numbers, got {np.asarray(array).dtype}")
    if not np.issubdtype(np.asarray(joints).dtype, np.number):
        raise ValueError(f"joints must be numbers, got {np.asarray(joints).dtype}")
    return LabelledSequences(
        np.asarray(joints, dtype=np.float32),
        offsets.astype(np.int64),
        np.asarray(labels).astype(np.int64),
        tuple(str(name) for name in np.asarray(classes).ravel()),
        tuple(str(name) for name in np.asarray(joint_names).ravel()),
        None if groups is None else np.asarray(groups).astype(np.int64),
        np.broadcast_to(np.asarray(fps, dtype=np.float64), (max(len(offsets) - 1, 0),)).copy(),
    )


def save_sequences(path: str | Path, data: LabelledSequences) -> None:
    """Write the labelled-sequences form; `load_sequences` gives the same back."""
    arrays: dict[str, Any] = {
        "joints": data.joints,
        "offsets": data.offsets,
        "labels": data.labels,
        "classes": np.array(data.classes),
        "joint_names": np.array(data.joint_names),
        "fps": data.fps,
    }
    if data.groups is not None:
        arrays["groups"] = data.groups
    np.savez_compressed(path, **arrays)


def data_hash(data: LabelledSequences) -> str:
    """sha256 (hex) of what a classifier is trained on: joints, clips, labels, names, groups, rates."""
    digest = hashlib.sha256()
    for array in (data.joints, data.offsets, data.labels, data.fps, data.groups):
        digest.update(b"-" if array is None else np.ascontiguousarray(array).tobytes())
    digest.update("\n".join((*data.classes, "", *data.joint_names)).encode())
    return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class Clips:
    """What classifiers take: clips of one rate in one padded array.

    Attributes:
        points: (S, T, K, 2) float32, NaN where a joint is missing and beyond the end of a clip.
        lengths: (S,) int64 frames of each clip.
        joints: K names.
        rate_hz: frames per second.
        bodies: by smoothing, see `behavior.recognition.bodies`.
    """

    points: NDArray[np.float32]
    lengths: NDArray[np.int64]
    joints: tuple[str, ...] = BODY_13
    rate_hz: float = RATE_HZ
    bodies: dict[float, Any] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.points.ndim != 4 or self.points.shape[2:] != (len(self.joints), 2):
            raise ValueError(f"expected points of shape (S, T, {len(self.joints)}, 2), got {self.points.shape}")
        if self.lengths.shape != (len(self.points),):
            raise ValueError(f"expected {len(self.points)} lengths, got {self.lengths.shape}")
        if len(self.lengths) and not (self.lengths.min() >= 1 and self.lengths.max() <= self.points.shape[1]):
            raise ValueError(f"lengths must lie in 1..{self.points.shape[1]}")

    def __len__(self) -> int:
        return len(self.points)

    @cached_property
    def mirrored(self) -> Clips:
        """The clips as a mirror shows them; averaging over both makes a classifier blind to handedness."""
        return Clips(mirror(self.points, self.joints), self.lengths, self.joints, self.rate_hz)

    @property
    def seen(self) -> NDArray[np.bool_]:
        """(S, T, K) True where a joint is there."""
        return np.isfinite(self.points[..., 0]) & np.isfinite(self.points[..., 1])

    @property
    def any_seen(self) -> NDArray[np.bool_]:
        """(S,) True for clips in which any joint is there."""
        return np.asarray(self.seen.reshape(len(self), self.points.shape[1] * len(self.joints)).any(axis=1))

    @property
    def shape(self) -> tuple[int, ...]:
        """Of `points`; tells scikit-learn's splitters that rows are taken by arrays of numbers."""
        return self.points.shape

    def __getitem__(self, rows: Any) -> Clips:
        """Some of the clips, by a slice or an array of numbers or booleans."""
        rows = rows[0] if isinstance(rows, tuple) else rows  # scikit-learn asks for [rows, ...]
        lengths = self.lengths[rows]
        longest = int(lengths.max()) if len(lengths) else 1
        return Clips(self.points[rows][:, :longest], lengths, self.joints, self.rate_hz)


def resample(
    points: NDArray[np.floating], time_s: NDArray[np.float64], at_s: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Points at other moments, linear between the two neighbouring frames.

    Args:
        points: (n, K, D); NaN where missing.
        time_s: (n,) strictly rising.
        at_s: (m,) moments inside `time_s`; outside, the first or last frame holds.

    Returns:
        (m, K, D) float32. Where one neighbour is missing the nearer one stands, if it is seen.
    """
    if len(time_s) == 1:
        return np.repeat(points, len(at_s), axis=0).astype(np.float32)
    right = np.clip(np.searchsorted(time_s, at_s, side="right"), 1, len(time_s) - 1)
    left = right - 1
    weight = np.clip((at_s - time_s[left]) / (time_s[right] - time_s[left]), 0, 1)[:, None, None]
    between = points[left] * (1 - weight) + points[right] * weight
    nearer = np.where(weight < 0.5, points[left], points[right])
    return np.where(np.isfinite(between), between, nearer).astype(np.float32)


def to_clips(data: LabelledSequences, joints: tuple[str, ...] | None = None) -> Clips:
    """All clips as one padded array at `RATE_HZ`.

    `joints` None takes `BODY_13` where the layout holds it, else the layout's own joints. Raises `ActionModelError`
    when asked for joints that the data lacks.
    """
    if joints is None:
        joints = BODY_13 if has_body(data.joint_names) else standard_names(data.joint_names)
    points = to_joints(data.joints, data.joint_names, joints)
    pieces = []
    for start, stop, fps in zip(data.offsets[:-1], data.offsets[1:], data.fps, strict=True):
        piece = points[start:stop]
        if fps != RATE_HZ and len(piece) > 1:
            time_s = np.arange(len(piece)) / fps
            piece = resample(piece, time_s, np.arange(0, time_s[-1] + 0.5 / RATE_HZ, 1 / RATE_HZ))
        pieces.append(piece)
    lengths = np.array([len(piece) for piece in pieces], dtype=np.int64)
    padded = np.full((len(pieces), int(lengths.max()), len(joints), 2), np.nan, dtype=np.float32)
    for row, piece in enumerate(pieces):
        padded[row, : len(piece)] = piece
    return Clips(padded, lengths, joints)


def to_joints(points: NDArray[np.floating], joint_names: Sequence[str], joints: tuple[str, ...]) -> NDArray[np.float32]:
    """(..., K, 2 or 3) points of one layout as (..., len(joints), 2) of another; refuses what is not there."""
    if joints == BODY_13:
        return to_body(points, joint_names)
    names = standard_names(joint_names)
    missing = [joint for joint in joints if joint not in names]
    if missing:
        raise DataError(f"joints {', '.join(missing)} are missing; the data has {', '.join(joint_names)}")
    return points[..., [names.index(joint) for joint in joints], :2].astype(np.float32)


@dataclass(frozen=True, eq=False)
class Folds:
    """A grouped split.

    Attributes:
        test_fold: (S,) int64 fold in which a clip is tested, -1 for clips that are trained on in every fold.
        n_folds: number of folds.
        never_tested: classes that would be absent from training if their clips were tested (all in one group, or in
            groups of one fold); they are trained on and not scored.
    """

    test_fold: NDArray[np.int64]
    n_folds: int
    never_tested: tuple[int, ...]

    def split(self, fold: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Rows to train on and rows to test on."""
        return np.flatnonzero(self.test_fold != fold), np.flatnonzero(self.test_fold == fold)


def grouped_folds(labels: NDArray[np.int64], groups: NDArray[np.int64] | None, n_folds: int = 4) -> Folds:
    """Folds that keep every group whole, and every class in training wherever its groups allow it.

    Groups are dealt to folds, the largest first, each to the fold where it takes the fewest classes out of training,
    then where it mixes the classes best. Without groups each clip is its own.

    Raises:
        DataError: a single group, which can't be split.
    """
    groups = np.arange(len(labels), dtype=np.int64) if groups is None else groups
    names, member = np.unique(groups, return_inverse=True)
    if len(names) < 2:
        raise DataError("all clips are of one group (recording or person); a fair test needs at least two")
    n_folds = min(n_folds, len(names))
    n_classes = int(labels.max()) + 1
    counts = np.zeros((len(names), n_classes), dtype=np.int64)  # clips of each group and class
    np.add.at(counts, (member, labels), 1)
    total = counts.sum(axis=0)
    held = np.zeros((n_folds, n_classes), dtype=np.int64)
    fold_of = np.zeros(len(names), dtype=np.int64)
    for group in np.argsort(-counts.sum(axis=1), kind="stable"):
        after = held + counts[group]
        emptied = ((after == total) & (total > 0)).sum(axis=1)
        crowded = (after**2 - held**2).sum(axis=1)
        fold_of[group] = np.lexsort((held.sum(axis=1), crowded, emptied))[0]
        held[fold_of[group]] += counts[group]
    never = np.flatnonzero((held == total).any(axis=0) & (total > 0))
    test_fold = np.where(np.isin(labels, never), -1, fold_of[member])
    return Folds(test_fold.astype(np.int64), n_folds, tuple(never.tolist()))
