"""How long a training will take, measured on a few of its clips before it starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from behavior.recognition.classifiers.base import ActionClassifier
from behavior.recognition.clips import LabelledSequences, to_clips
from behavior.training.train import TrainSettings, fit_classifier, unknown_last
from behavior.training.trust import SHARES

_FEW, _MORE = 2, 5
"""Clips of each class in the two trial fits."""


def expected_seconds(
    make: Callable[[], ActionClassifier], data: LabelledSequences, settings: TrainSettings, *, report: bool
) -> float:
    """About how long `train` will take, with the figures of its report where they are asked for; seconds.

    Two fits, to at most two and five clips of each class, say what a fit costs and what each clip adds. One fit is
    made for each fold, one for all clips, and, of each fold, one for each point of the report's learning curve. What
    answers cost is left out; what is compiled on the first training of an installation is taken for part of each fit.
    """
    data, settings = unknown_last(data), replace(settings, checkpoints=None)
    clips = to_clips(data)
    seen = np.flatnonzero(clips.any_seen | ~clips.any_seen.any())  # of none, the classifier says what they lack
    clips, labels = clips[seen], data.labels[seen]

    def fit(rows: NDArray[np.intp]) -> float:
        before = perf_counter()
        fit_classifier(make, clips[rows], labels[rows], data.classes, settings)
        return perf_counter() - before

    few, more = (_each(labels, count) for count in (_FEW, _MORE))
    first = fit(few)
    slope = 0.0 if len(more) == len(few) else max(0.0, (fit(more) - first) / (len(more) - len(few)))
    fixed = max(0.0, first - slope * len(few))
    counts = [len(labels)]
    if settings.folds > 1:
        trained = len(labels) * (1 - 1 / settings.folds)
        counts += [trained * share for share in (1.0, *(SHARES if report else ())) for _ in range(settings.folds)]
    return sum(fixed + slope * count for count in counts)


def _each(labels: NDArray[np.int64], count: int) -> NDArray[np.intp]:
    """Rows of at most `count` clips of each class."""
    return np.concatenate([np.flatnonzero(labels == label)[:count] for label in np.unique(labels)])
