"""How far to trust a trained model, in figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from behavior.evaluation.metrics import ClipFigures
from behavior.recognition.classifiers.base import ActionClassifier, Progress
from behavior.recognition.classifiers.registry import make_classifier
from behavior.recognition.clips import LabelledSequences, to_clips
from behavior.recognition.model import ActionModel
from behavior.training.train import CrossValidation, TrainSettings, fit_classifier, unknown_last
from behavior.training.trust import LearningCurve, group_intervals, learning_curve, part_importance


@dataclass(frozen=True, eq=False)
class TrainingFigures:
    """What the page shows; all from clips whose group was not trained on.

    Attributes:
        classes: of the figures; sets of actions, `unknown` where labelled.
        clean, noisy: figures without and with missing and jittering joints.
        intervals: (C, 3, 2) of precision, recall and F1.
        n_groups: groups tested.
        curve: would more labels help?
        importance: accuracy lost without each part of the body.
    """

    classes: tuple[str, ...]
    clean: ClipFigures
    noisy: ClipFigures
    intervals: NDArray[np.float64]
    n_groups: int
    curve: LearningCurve
    importance: dict[str, float]


def training_figures(
    model: ActionModel,
    data: LabelledSequences,
    cv: CrossValidation,
    settings: TrainSettings,
    classifier_settings: dict[str, Any] | None = None,
    progress: Progress | None = None,
) -> TrainingFigures:
    """Figures of a cross-validation, and of a few more fits for the learning curve and the importance of parts."""
    assert cv.calibration is not None
    found = cv.calibration
    data = unknown_last(data)
    clips, labels = to_clips(data), data.labels
    groups = np.arange(len(data), dtype=np.int64) if data.groups is None else data.groups
    tested, n_classes = cv.tested, len(found.classes)
    answers = np.nan_to_num(cv.clean[:, :n_classes]).argmax(axis=1)

    def fit(rows: NDArray[np.intp]) -> ActionClassifier:
        return fit_classifier(
            lambda: make_classifier(model.info.classifier, classifier_settings),
            clips[rows], labels[rows], data.classes, settings,
        )  # fmt: skip

    splits = {fold: cv.folds.split(fold) for fold in cv.fitted}
    curve = learning_curve(fit, clips, labels, groups, list(splits.values()), answers, n_classes, progress=progress)
    lost = [
        part_importance(cv.fitted[fold], clips[test], labels[test], n_classes) for fold, (_, test) in splits.items()
    ]
    importance = {part: float(np.mean([one[part] for one in lost])) for part in lost[0]}
    return TrainingFigures(
        classes=found.classes,
        clean=found.clean,
        noisy=found.noisy,
        intervals=group_intervals(labels[tested], answers[tested], groups[tested], n_classes),
        n_groups=len(np.unique(groups[tested])),
        curve=curve,
        importance=dict(sorted(importance.items(), key=lambda item: -item[1])),
    )
