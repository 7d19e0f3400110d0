"""Train an action model, and know how far to trust it: grouped cross-validation, calibration, the model folder.

python -m behavior.training.train DATA.npz --classifier ensemble --out MODEL
"""

from __future__ import annotations

import argparse
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from behavior.errors import DataError
from behavior.evaluation.metrics import ClipFigures, clip_figures
from behavior.labels import UNKNOWN, all_actions
from behavior.recognition.augment import spoil_evenly
from behavior.recognition.classifiers.base import ActionClassifier, Progress
from behavior.recognition.classifiers.registry import make_classifier
from behavior.recognition.clips import (
    Clips,
    Folds,
    LabelledSequences,
    data_hash,
    grouped_folds,
    load_sequences,
    to_clips,
)
from behavior.recognition.model import ActionModel, ActionModelInfo, save_action_model
from behavior.recognition.rules import known_rules
from behavior.recognition.temperature import apply_temperature, fit_temperature


@dataclass(frozen=True)
class TrainSettings:
    """How a model is trained and judged."""

    folds: int = 4
    """Of the grouped cross-validation; 0 leaves it out, and with it the calibration."""
    seed: int = 0
    """Of every random step."""
    still: float = 0.0
    """Clips of people frozen in the middle of an action, added as `unknown`, as a share of all clips."""
    missing: float = 0.2
    """Share of joints missing in the test of robustness."""
    jitter: float = 0.05
    """Noise in the test of robustness, torso lengths."""
    claims_right: float = 0.8
    """`unknown_below` is the lowest threshold at which this share of the claims is right in cross-validation."""


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """Answers for clips by classifiers that saw no clip of their group.

    Attributes:
        clean: (S, C + 1) uncalibrated probabilities of the C classes but `unknown`, which comes last; NaN for clips
            never tested.
        noisy: the same for clips with missing and jittering joints.
        folds: the split.
    """

    clean: NDArray[np.float64]
    noisy: NDArray[np.float64]
    folds: Folds


def still_clips(clips: Clips, count: int, rng: np.random.Generator) -> Clips:
    """`count` clips of someone who holds still: one moment of a clip, for as long as the clip."""
    rows = rng.integers(0, len(clips), count)
    moment = rng.integers(0, clips.lengths[rows])
    points = np.repeat(clips.points[rows, moment][:, None], clips.points.shape[1], axis=1)
    points[np.arange(clips.points.shape[1])[None] >= clips.lengths[rows][:, None]] = np.nan
    return Clips(points, clips.lengths[rows], clips.joints, clips.rate_hz)


def fit_classifier(
    make: Callable[[], ActionClassifier],
    clips: Clips,
    labels: NDArray[np.int64],
    classes: tuple[str, ...],
    settings: TrainSettings,
    progress: Progress | None = None,
) -> ActionClassifier:
    """A classifier fitted to the clips, and to still ones as `unknown` where the settings ask for them."""
    classifier = make()
    if settings.still > 0:
        still = still_clips(clips, max(1, round(settings.still * len(clips))), np.random.default_rng(settings.seed))
        points = np.concatenate([clips.points, still.points])
        clips = Clips(points, np.concatenate([clips.lengths, still.lengths]), clips.joints, clips.rate_hz)
        if UNKNOWN not in classes:
            classes = (*classes, UNKNOWN)
        labels = np.concatenate([labels, np.full(len(still), classes.index(UNKNOWN), dtype=np.int64)])
    classifier.random_state = settings.seed
    return classifier.fit(clips, labels, classes, progress=progress)


def cross_validate(
    data: LabelledSequences,
    make: Callable[[], ActionClassifier],
    settings: TrainSettings | None = None,
    progress: Progress | None = None,
) -> CrossValidation:
    """Grouped cross-validation on clean clips and on clips with missing and jittering joints.

    Raises:
        DataError: one class or one group only.
    """
    settings = settings or TrainSettings()
    clips = to_clips(data)
    noisy_clips = spoil_evenly(clips, np.random.default_rng(settings.seed), settings.missing, settings.jitter)
    folds = grouped_folds(data.labels, data.groups, settings.folds)
    data = unknown_last(data)
    n_outputs = len(data.classes) + (UNKNOWN not in data.classes)
    clean, noisy = np.full((2, len(data), n_outputs), np.nan)
    for fold in range(folds.n_folds):
        train, test = folds.split(fold)
        if len(test) == 0:
            continue

        def step(done: int, total: int, message: str, fold: int = fold) -> None:
            if progress is not None:
                progress(fold * total + done, folds.n_folds * total, f"fold {fold + 1}: {message}")

        classifier = fit_classifier(make, clips[train], data.labels[train], data.classes, settings, step)
        for out, source in ((clean, clips), (noisy, noisy_clips)):
            answer = classifier.predict_proba(source[test])
            out[test, : answer.shape[1]] = answer
            out[test, answer.shape[1] :] = 0
    return CrossValidation(clean, noisy, folds)


def unknown_last(data: LabelledSequences) -> LabelledSequences:
    """The same clips with `unknown`, if it is a class, as the last one."""
    if UNKNOWN not in data.classes:
        return data
    order = sorted(range(len(data.classes)), key=lambda place: data.classes[place] == UNKNOWN)
    labels = np.argsort(order)[data.labels].astype(np.int64)
    return replace(data, classes=tuple(data.classes[place] for place in order), labels=labels)


@dataclass(frozen=True, eq=False)
class Calibration:
    """What cross-validation says about the classifier's probabilities."""

    temperature: float
    unknown_below: float
    clean: ClipFigures
    noisy: ClipFigures


def calibrate(cv: CrossValidation, labels: NDArray[np.int64], settings: TrainSettings) -> Calibration:
    """Temperature, threshold of `unknown` and figures from cross-validated answers (clean and noisy together).

    Clips labelled `unknown` count as wrong where an action is claimed, and are a class of the figures.
    """
    tested = np.isfinite(cv.clean[:, 0])
    clean, noisy, truth = cv.clean[tested], cv.noisy[tested], labels[tested]
    both, both_truth = np.concatenate([clean, noisy]), np.concatenate([truth, truth])
    temperature = fit_temperature(both, both_truth)
    best = apply_temperature(both, temperature)[:, :-1]
    right = best.argmax(axis=1) == both_truth
    order = np.argsort(-best.max(axis=1))
    share = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(share >= settings.claims_right)
    threshold = float(best.max(axis=1)[order][enough[-1]]) if len(enough) else 0.9
    below = round(float(np.clip(threshold, 0.2, 0.9)), 3)
    unknown = clean.shape[1] - 1
    labelled = bool((labels == unknown).any())
    figures = [
        clip_figures(p if labelled else p[:, :-1], truth, below, unknown=unknown if labelled else None)
        for p in (apply_temperature(clean, temperature), apply_temperature(noisy, temperature))
    ]
    return Calibration(temperature, below, *figures)


def train(
    data: LabelledSequences,
    classifier: str,
    out: str | Path | None = None,
    *,
    settings: TrainSettings | None = None,
    classifier_settings: dict[str, Any] | None = None,
    name: str = "custom",
    data_name: str = "",
    licence: str = "as the data it was trained on",
    prior: Mapping[str, float] | None = None,
    rules: Sequence[str] = (),
    progress: Progress | None = None,
) -> tuple[ActionModel, CrossValidation | None]:
    """Cross-validate, calibrate, then fit to all clips; write the model folder when `out` is given.

    Args:
        data: labelled clips; joints other than the body's are used as they are.
        classifier: name in `behavior.recognition.classifiers.registry.CLASSIFIERS`.
        classifier_settings: its settings where they differ from the defaults.
        data_name: of the data, for the model's card.
        prior: see `ActionModel.prior`.
        rules: see `ActionModel.rules`.

    Raises:
        DataError: what can't be learned from, see `ActionClassifier.fit` and `grouped_folds`.
        OutputError: the folder can't be written.
    """
    settings = settings or TrainSettings()

    def make() -> ActionClassifier:
        return make_classifier(classifier, classifier_settings)

    data = unknown_last(data)
    if not all_actions(data.classes):
        raise DataError("no clip shows an action, all are labelled `unknown`; label some")
    clips = to_clips(data)
    cv, calibration = None, None
    if settings.folds > 1:
        cv = cross_validate(data, make, settings, progress)
        if not np.isfinite(cv.clean).any():
            raise DataError("no class has clips of two groups, so nothing can be tested; use --folds 0 to train anyway")
        calibration = calibrate(cv, data.labels, settings)
    fitted = fit_classifier(make, clips, data.labels, data.classes, settings, progress)
    figures: dict[str, Any] = {}
    if calibration is not None and cv is not None:
        figures = {
            "protocol": f"{cv.folds.n_folds}-fold cross-validation, groups kept whole",
            "classes": list(data.classes),
            "not_tested": [data.classes[label] for label in cv.folds.never_tested],
            "clean": calibration.clean.to_dict(data.classes),
            "noisy": {"missing": settings.missing, "jitter": settings.jitter} | calibration.noisy.to_dict(data.classes),
        }
    info = ActionModelInfo(
        name=name,
        classifier=classifier,
        classes=all_actions(data.classes),
        joints=clips.joints,
        sha256="",
        licence=licence,
        data={
            "name": data_name,
            "sha256": data_hash(data),
            "clips": len(data),
            "classes": list(data.classes),
            "clips_per_class": np.bincount(data.labels, minlength=len(data.classes)).tolist(),
            "groups": 0 if data.groups is None else len(np.unique(data.groups)),
            "joint_names": list(data.joint_names),
            "notes": fitted.notes_,
        },
        figures=figures,
        versions=_versions(),
    )
    window_s = float(np.clip(np.median(clips.lengths) / clips.rate_hz, 0.5, 5))
    model = ActionModel(info, fitted, window_s=round(window_s, 3), prior=prior or {}, rules=known_rules(rules))
    if calibration is not None:
        model = replace(model, temperature=calibration.temperature, unknown_below=calibration.unknown_below)
    if out is not None:
        model = replace(model, info=save_action_model(model, out))
    return model, cv


def _versions() -> dict[str, str]:
    packages = {name: metadata.version(name) for name in ("posescribe", "numpy", "torch", "scikit-learn")}
    return {"python": platform.python_version(), **packages}


def main(argv: list[str] | None = None) -> None:
    """Train from the command line; progress as plain lines."""
    import json

    parser = argparse.ArgumentParser(description="Train an action model from labelled sequences.")
    parser.add_argument("data", type=Path)
    parser.add_argument("--classifier", default="ensemble")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--name", default="custom")
    parser.add_argument("--data-name", default="")
    parser.add_argument("--licence", default="as the data it was trained on")
    parser.add_argument("--still", type=float, default=TrainSettings.still, help="share of still clips as unknown")
    parser.add_argument("--folds", type=int, default=TrainSettings.folds)
    parser.add_argument("--seed", type=int, default=TrainSettings.seed)
    parser.add_argument("--prior", type=json.loads, default=None, help="weights of actions, as JSON")
    parser.add_argument("--settings", type=json.loads, default=None, help="of the classifier, as JSON")
    asked = parser.parse_args(argv)

    def say(done: int, total: int, message: str) -> None:
        if done % 20 == 0:
            print(f"{done}/{total} {message}", flush=True)

    model, _ = train(
        load_sequences(asked.data),
        asked.classifier,
        asked.out,
        settings=TrainSettings(folds=asked.folds, seed=asked.seed, still=asked.still),
        classifier_settings=asked.settings,
        name=asked.name,
        data_name=asked.data_name,
        licence=asked.licence,
        prior=asked.prior,
        progress=say,
    )
    print(json.dumps(model.info.figures, indent=1))
    print(f"temperature {model.temperature:.3f}, unknown below {model.unknown_below:.3f}, window {model.window_s} s")


if __name__ == "__main__":
    main()
