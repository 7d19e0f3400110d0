"""How far to trust a model, beyond one number: intervals, what it looks at, and whether more labels would help."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from behavior.evaluation.metrics import balanced_accuracy, confusion, per_class
from behavior.recognition.classifiers.base import ActionClassifier, Progress
from behavior.recognition.clips import Clips

Fit = Callable[[NDArray[np.intp]], ActionClassifier]
"""A classifier fitted to these clips."""

PARTS = ("head", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")


def group_intervals(
    labels: NDArray[np.int64],
    answers: NDArray[np.int64],
    groups: NDArray[np.int64],
    n_classes: int,
    *,
    draws: int = 1000,
    seed: int = 0,
) -> NDArray[np.float64]:
    """(C, 3, 2) 95 % intervals of precision, recall and F1; whole groups are drawn again (bootstrap by cluster).

    NaN where a class occurs in too few draws. With few groups they are too narrow.
    """
    tables = np.stack([per_class(table)[:, :3] for table in _drawn(labels, answers, groups, n_classes, draws, seed)])
    out = np.full((n_classes, 3, 2), np.nan)
    for place in np.ndindex(n_classes, 3):
        values = tables[(slice(None), *place)]
        values = values[np.isfinite(values)]
        if len(values) >= draws / 2:
            out[place] = np.quantile(values, [0.025, 0.975])
    return out


def _drawn(
    labels: NDArray[np.int64],
    answers: NDArray[np.int64],
    groups: NDArray[np.int64],
    n_classes: int,
    draws: int = 1000,
    seed: int = 0,
) -> NDArray[np.int64]:
    """(draws, C, C) confusions of as many groups drawn with replacement; the same draws for the same groups."""
    names, member = np.unique(groups, return_inverse=True)
    counts = np.zeros((len(names), n_classes, n_classes), dtype=np.int64)
    np.add.at(counts, (member, labels, answers), 1)
    drawn = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), size=draws)
    return np.asarray(np.tensordot(drawn, counts, axes=1))


@dataclass(frozen=True)
class CurvePoint:
    """A point of a learning curve: clips trained on, mean of the folds, and balanced accuracy over all tested clips."""

    clips: float
    reached: float


@dataclass(frozen=True, eq=False)
class LearningCurve:
    """Balanced accuracy after training on shares of the groups; the last point is the whole cross-validation.

    Attributes:
        points: by rising number of clips.
        gain: (2,) 95 % interval of what the last share added, whole groups drawn again.
    """

    points: list[CurvePoint]
    gain: NDArray[np.float64]


SHARES = (0.25, 0.5, 0.75)
"""Of the groups of a fold, the points of the learning curve before its last."""


def learning_curve(
    fit: Fit,
    clips: Clips,
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    splits: Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]],
    answers: NDArray[np.int64],
    n_classes: int,
    *,
    shares: Sequence[float] = SHARES,
    progress: Progress | None = None,
) -> LearningCurve:
    """Train anew on shares of the groups of each fold.

    A share that lacks a class of the whole takes the first group that has it as well.

    Args:
        fit: to these clips; its answers are in the order of the labels, whatever comes after them is left out.
        splits: rows to train on and to test on, of each fold.
        answers: (S,) of classifiers that were trained on all of a split.
        n_classes: how many classes may be answered.
    """
    tested = np.concatenate([test for _, test in splits])
    points, said = [], np.zeros(len(labels), dtype=np.int64)
    done, total = 0, len(splits) * len(shares)
    for share in shares:
        numbers, said = [], said.copy()
        for train, test in splits:
            order = np.random.default_rng(0).permutation(np.unique(groups[train]))
            kept = set(order[: max(1, round(share * len(order)))].tolist())
            for label in np.unique(labels[train]):
                having = groups[train][labels[train] == label]
                if not kept & set(having.tolist()):
                    kept.add(int(having[0]))
            rows = train[np.isin(groups[train], list(kept))]
            said[test] = fit(rows).predict_proba(clips[test])[:, :n_classes].argmax(axis=1)
            numbers.append(len(rows))
            done += 1
            if progress is not None:
                progress(done, total, "would more labels help?")
        points.append(CurvePoint(float(np.mean(numbers)), _reached(labels[tested], said[tested], n_classes)))
    whole = float(np.mean([len(train) for train, _ in splits]))
    points.append(CurvePoint(whole, _reached(labels[tested], answers[tested], n_classes)))
    tables = [_drawn(labels[tested], one[tested], groups[tested], n_classes) for one in (said, answers)]
    gains = [balanced_accuracy(after) - balanced_accuracy(before) for before, after in zip(*tables, strict=True)]
    return LearningCurve(points, np.quantile(gains, [0.025, 0.975]))


def _reached(labels: NDArray[np.int64], answers: NDArray[np.int64], n_classes: int) -> float:
    return balanced_accuracy(confusion(labels, answers, n_classes))


def more_labels(curve: LearningCurve) -> str:
    """What a learning curve says, in a sentence."""
    gain = curve.points[-1].reached - curve.points[-2].reached
    low, high = 100 * curve.gain
    before, after = (point.clips for point in curve.points[-2:])
    told = (
        f"from {before:.0f} to {after:.0f} clips balanced accuracy changed by {100 * gain:+.1f} points"
        f" (95 % interval {low:+.1f} to {high:+.1f})"
    )
    if before == after:
        return "Can't be told: there are too few groups to leave any out without losing a class."
    if gain > 0.01:
        return f"{'Probably' if low > 0 else 'Perhaps'}: {told}."
    return f"Not many more of the same kind: {told}. Other people, views or scenes may still help."


def part_importance(
    classifier: ActionClassifier,
    clips: Clips,
    labels: NDArray[np.int64],
    n_classes: int | None = None,
    *,
    seed: int = 0,
    most: int = 1000,
) -> dict[str, float]:
    """How much accuracy is lost when a part of the body moves as in another clip (permutation importance).

    The part keeps its place relative to the body; parts are both sides of a joint, or each joint of other layouts.
    `n_classes` leaves out what the classifier answers beyond so many classes.
    """
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.permutation(len(clips))[:most])
    clips, labels = clips[rows], labels[rows]
    base = _accuracy(classifier, clips, labels, n_classes)
    parts: dict[str, list[int]] = {}
    for place, joint in enumerate(clips.joints):
        parts.setdefault(next((part for part in PARTS if joint.endswith(part)), joint), []).append(place)
    return {
        part: base - _accuracy(classifier, _swapped(clips, joints, rng), labels, n_classes)
        for part, joints in parts.items()
    }


def _accuracy(classifier: ActionClassifier, clips: Clips, labels: NDArray[np.int64], n_classes: int | None) -> float:
    return float(np.mean(classifier.predict_proba(clips)[:, :n_classes].argmax(axis=1) == labels))


def _swapped(clips: Clips, joints: list[int], rng: np.random.Generator) -> Clips:
    """The clips, each with these joints as they move in another one."""
    points = clips.points.copy()
    donors = rng.permutation(len(clips))
    seen = np.isfinite(clips.points)
    filled = np.where(seen, clips.points, 0)
    centre = filled.sum(axis=2) / np.maximum(seen.sum(axis=2), 1)
    away = np.where(seen, clips.points - centre[:, :, None], 0)
    size = np.sqrt((away**2).sum(axis=(1, 2, 3)) / np.maximum(seen.sum(axis=(1, 2, 3)), 1)) + 1e-6
    for row, donor in enumerate(donors):
        n = int(clips.lengths[row])
        times = np.linspace(0, clips.lengths[donor] - 1, n).round().astype(int)
        own = (clips.points[donor, times][:, joints] - centre[donor, times][:, None]) / size[donor]
        points[row, :n, joints] = (own * size[row] + centre[row, :n][:, None]).swapaxes(0, 1)
    return Clips(points, clips.lengths, clips.joints, clips.rate_hz)
