"""How far to trust a model, beyond one number: intervals, what it looks at, and whether more labels would help."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from behavior.evaluation.metrics import per_class
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
    names, member = np.unique(groups, return_inverse=True)
    counts = np.zeros((len(names), n_classes, n_classes))
    np.add.at(counts, (member, labels, answers), 1)
    drawn = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), size=draws)
    tables = np.stack([per_class(table)[:, :3] for table in np.tensordot(drawn, counts, axes=1)])
    out = np.full((n_classes, 3, 2), np.nan)
    for place in np.ndindex(n_classes, 3):
        values = tables[(slice(None), *place)]
        values = values[np.isfinite(values)]
        if len(values) >= draws / 2:
            out[place] = np.quantile(values, [0.025, 0.975])
    return out


@dataclass(frozen=True)
class CurvePoint:
    """A point of a learning curve: clips trained on, and balanced accuracy on held-out groups, one per fold."""

    clips: float
    reached: tuple[float, ...]

    @property
    def mean(self) -> float:
        return float(np.mean(self.reached))


def learning_curve(
    fit: Fit,
    clips: Clips,
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    splits: Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]],
    *,
    shares: Sequence[float] = (0.25, 0.5, 0.75, 1.0),
    progress: Progress | None = None,
) -> tuple[list[CurvePoint], list[ActionClassifier]]:
    """Balanced accuracy after training on shares of the groups, and the classifiers of the last share, one per split.

    A share that lacks a class of the whole takes the first group that has it as well.
    """
    reached: dict[float, list[tuple[int, float]]] = {share: [] for share in shares}
    last: list[ActionClassifier] = []
    done, total = 0, len(splits) * len(shares)
    for train, test in splits:
        order = np.random.default_rng(0).permutation(np.unique(groups[train]))
        for share in shares:
            kept = set(order[: max(1, round(share * len(order)))].tolist())
            for label in np.unique(labels[train]):
                having = groups[train][labels[train] == label]
                if not kept & set(having.tolist()):
                    kept.add(int(having[0]))
            rows = train[np.isin(groups[train], list(kept))]
            classifier = fit(rows)
            answer = classifier.predict_proba(clips[test]).argmax(axis=1)
            recalls = [np.mean(answer[labels[test] == label] == label) for label in np.unique(labels[test])]
            reached[share].append((len(rows), float(np.mean(recalls))))
            done += 1
            if progress is not None:
                progress(done, total, "would more labels help?")
        last.append(classifier)
    points = [CurvePoint(float(np.mean([n for n, _ in some])), tuple(v for _, v in some)) for some in reached.values()]
    return points, last


def more_labels(points: Sequence[CurvePoint]) -> str:
    """What a learning curve says, in a sentence."""
    gain = points[-1].mean - points[-2].mean
    spread = float(np.std([b - a for a, b in zip(points[-2].reached, points[-1].reached, strict=True)]))
    told = f"the last quarter of the labels changed balanced accuracy by {100 * gain:+.1f} points"
    if gain > max(0.01, spread):
        return f"Probably: {told}."
    if gain > 0.01:
        return f"Perhaps: {told}, within the difference between folds."
    return f"Not many more of the same kind: {told}. Other people, views or scenes may still help."


def part_importance(
    classifier: ActionClassifier, clips: Clips, labels: NDArray[np.int64], *, seed: int = 0, most: int = 1000
) -> dict[str, float]:
    """How much accuracy is lost when a part of the body moves as in another clip (permutation importance).

    The part keeps its place relative to the body; parts are both sides of a joint, or each joint of other layouts.
    """
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.permutation(len(clips))[:most])
    clips, labels = clips[rows], labels[rows]
    base = float(np.mean(classifier.predict_proba(clips).argmax(axis=1) == labels))
    parts: dict[str, list[int]] = {}
    for place, joint in enumerate(clips.joints):
        parts.setdefault(next((part for part in PARTS if joint.endswith(part)), joint), []).append(place)
    return {part: base - _swapped(classifier, clips, labels, joints, rng) for part, joints in parts.items()}


def _swapped(
    classifier: ActionClassifier,
    clips: Clips,
    labels: NDArray[np.int64],
    joints: list[int],
    rng: np.random.Generator,
) -> float:
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
    swapped = Clips(points, clips.lengths, clips.joints, clips.rate_hz)
    return float(np.mean(classifier.predict_proba(swapped).argmax(axis=1) == labels))
