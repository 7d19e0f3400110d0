"""Train an action model, and know how far to trust it: grouped cross-validation, calibration, the model folder."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from behavior.errors import DataError
from behavior.evaluation.metrics import ClipFigures, set_figures
from behavior.labels import UNKNOWN, actions_of, all_actions
from behavior.recognition.augment import spoil_evenly
from behavior.recognition.classifiers.base import ActionClassifier, Progress
from behavior.recognition.classifiers.registry import make_classifier
from behavior.recognition.clips import (
    Clips,
    Folds,
    LabelledSequences,
    data_hash,
    grouped_folds,
    to_clips,
)
from behavior.recognition.examples import typical
from behavior.recognition.model import ActionModel, ActionModelInfo, Decoding, save_action_model
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
    """`unknown_below` is the lowest threshold at which this share of the claims is right by their own calibrated
    probabilities: counting right answers instead picks the luckiest threshold, and few clips make that worse."""
    own_thresholds: bool = False
    """Each action gets the threshold of its best F1 instead, as unbroken video needs it, in which most is `unknown`."""
    checkpoints: Path | None = None
    """Folder in which networks keep the state of their training; the same one goes on there when it was stopped."""


BELOW = (0.2, 0.9)
"""Lowest and highest threshold; the highest is also that of a model whose claims are never right often enough."""
EXAMPLES = 4
"""Typical clips of each class that a model keeps."""
FEW = 8
"""An action of fewer tested clips gets no threshold of its own, but the median of the others."""


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """Answers for clips by classifiers that saw no clip of their group.

    Attributes:
        clean: (S, C + 1) uncalibrated probabilities of the C classes but `unknown`, which comes last; NaN for clips
            never tested.
        noisy: the same for clips with missing and jittering joints.
        folds: the split.
        fitted: fold -> the classifier that answered its clips.
        calibration: see `calibrate`; `train` adds it.
    """

    clean: NDArray[np.float64]
    noisy: NDArray[np.float64]
    folds: Folds
    fitted: Mapping[int, ActionClassifier] = field(default_factory=dict)
    calibration: Calibration | None = None

    @property
    def tested(self) -> NDArray[np.bool_]:
        """(S,) clips that were judged."""
        return np.isfinite(self.clean[:, 0])


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
    return classifier.fit(clips, labels, classes, progress=progress, checkpoints=settings.checkpoints)


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
    data = unknown_last(data)
    folds = grouped_folds(data.labels, data.groups, settings.folds)
    fitted: dict[int, ActionClassifier] = {}
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
        fitted[fold] = classifier
    return CrossValidation(clean, noisy, folds, fitted)


def unknown_last(data: LabelledSequences) -> LabelledSequences:
    """The same clips with `unknown`, if it is a class, as the last one."""
    if UNKNOWN not in data.classes:
        return data
    order = sorted(range(len(data.classes)), key=lambda place: data.classes[place] == UNKNOWN)
    labels = np.argsort(order)[data.labels].astype(np.int64)
    return replace(data, classes=tuple(data.classes[place] for place in order), labels=labels)


@dataclass(frozen=True)
class Choice:
    """What is chosen on cross-validated answers: temperature, threshold of all actions, and those of single actions."""

    temperature: float = ActionModel.temperature
    unknown_below: float = ActionModel.unknown_below
    own: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Calibration:
    """What cross-validation says about the classifier's probabilities.

    Attributes:
        chosen: on all answers; what the model takes.
        by_fold: fold -> what the answers of the other folds choose.
        classes: of the figures.
        clean, noisy: figures of answers that chose nothing: each fold is judged by the choice of the others.
        notes: what the user must know of the thresholds.
    """

    chosen: Choice
    by_fold: Mapping[int, Choice]
    classes: tuple[str, ...]
    clean: ClipFigures
    noisy: ClipFigures
    notes: tuple[str, ...]

    @property
    def temperature(self) -> float:
        return self.chosen.temperature

    @property
    def unknown_below(self) -> float:
        return self.chosen.unknown_below


def calibrate(
    cv: CrossValidation,
    labels: NDArray[np.int64],
    settings: TrainSettings,
    classes: Sequence[str] | None = None,
) -> Calibration:
    """Temperature and thresholds from cross-validated answers (clean and noisy together), and cross-fitted figures.

    Temperature and thresholds that were chosen on the answers that they are judged by flatter; so each fold is judged
    by those that the other folds choose. Where one fold alone was tested, that is the temperature 1 and the threshold
    of a model without cross-validation.

    Args:
        cv: the answers.
        labels: (S,) positions in `classes`, that of `unknown` last.
        settings: how thresholds are chosen.
        classes: names of sets of actions, `unknown` last where it is one; None: every column is an action.
    """
    names = [name for name in classes or map(str, range(cv.clean.shape[1] - 1)) if name != UNKNOWN]
    sets = (*names, UNKNOWN)
    actions = all_actions(sets)
    tested = np.flatnonzero(cv.tested)
    fold_of = cv.folds.test_fold[tested]
    by_fold = {int(k): _choose(cv, labels, sets, tested[fold_of != k], settings) for k in np.unique(fold_of)}
    below = np.zeros((len(tested), len(actions)))
    clean, noisy = cv.clean[tested], cv.noisy[tested]
    for fold, choice in by_fold.items():
        rows = fold_of == fold
        below[rows] = [choice.own.get(action, choice.unknown_below) for action in actions]
        clean[rows], noisy[rows] = (apply_temperature(one[rows], choice.temperature) for one in (clean, noisy))
    truth = [sets[label] for label in labels[tested]]
    shown, figures = set_figures(clean, sets, truth, below)
    chosen = _choose(cv, labels, sets, tested, settings)
    notes = []
    if settings.own_thresholds and chosen.own and (few := [name for name in actions if name not in chosen.own]):
        notes.append(
            f"{', '.join(few)}: fewer than {FEW} tested clips, so without a threshold of their own; claimed from"
            f" {chosen.unknown_below:g}, the median of the other actions"
        )
    elif not chosen.own and chosen.unknown_below >= BELOW[1]:
        notes.append(
            f"no threshold makes {settings.claims_right:.0%} of the claims right;"
            f" an action is claimed from {BELOW[1]:g}"
        )
    return Calibration(chosen, by_fold, shown, figures, set_figures(noisy, sets, truth, below)[1], tuple(notes))


def _choose(
    cv: CrossValidation,
    labels: NDArray[np.int64],
    sets: tuple[str, ...],
    rows: NDArray[np.intp],
    settings: TrainSettings,
) -> Choice:
    if len(rows) == 0:
        return Choice()
    both, both_truth = np.concatenate([cv.clean[rows], cv.noisy[rows]]), np.tile(labels[rows], 2)
    temperature = fit_temperature(both, both_truth)
    answers = apply_temperature(both, temperature)
    own: dict[str, float] = {}
    if settings.own_thresholds:
        scores = set_scores(answers[: len(rows)], sets)
        for place, action in enumerate(all_actions(sets)):
            truth = np.array([action in actions_of(name) for name in sets])[labels[rows]]
            if FEW <= truth.sum() < len(truth):
                own[action] = best_threshold(scores[:, place], truth)
    if own:
        return Choice(temperature, round(float(np.median(list(own.values()))), 3), own)
    best = np.sort(answers[:, :-1].max(axis=1))[::-1]
    expected = np.cumsum(best) / np.arange(1, len(best) + 1)
    enough = np.flatnonzero(expected >= settings.claims_right)
    below = float(np.clip(best[enough[-1]], *BELOW)) if len(enough) else BELOW[1]
    return Choice(temperature, round(below, 3))


def set_scores(answers: NDArray[np.float64], sets: Sequence[str]) -> NDArray[np.float64]:
    """(S, A) scores of `all_actions(sets)` out of (S, n) probabilities of the sets."""
    return np.asarray(answers @ [[float(a in actions_of(name)) for a in all_actions(sets)] for name in sets])


def best_threshold(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """The threshold of best F1, within `BELOW`: halfway between the last score to claim and the next."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(truth[order])
    f1 = 2 * hits / (np.arange(1, len(order) + 1) + truth.sum())
    last = int(f1.argmax())
    following = min(last + 1, len(order) - 1)
    return round(float(np.clip((scores[order[last]] + scores[order[following]]) / 2, *BELOW)), 3)


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
    origins: Sequence[str] | None = None,
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
        origins: (S) where each clip is from, for the model's examples; None: its number.

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
        calibration = calibrate(cv, data.labels, settings, data.classes)
        cv = replace(cv, calibration=calibration)
    fitted = fit_classifier(make, clips, data.labels, data.classes, settings, progress)
    figures: dict[str, Any] = {}
    if calibration is not None and cv is not None:
        figures = {
            "protocol": f"{cv.folds.n_folds}-fold cross-validation, groups kept whole; temperature and thresholds of"
            " each fold chosen on the others",
            "classes": list(data.classes),
            "not_tested": [data.classes[label] for label in cv.folds.never_tested],
            "clean": calibration.clean.to_dict(calibration.classes),
            "noisy": {"missing": settings.missing, "jitter": settings.jitter}
            | calibration.noisy.to_dict(calibration.classes),
            "notes": [*calibration.notes],
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
        versions=versions(),
    )
    window_s = float(np.clip(np.median(clips.lengths) / clips.rate_hz, 0.5, 5))
    examples = typical(
        clips,
        np.array(data.classes)[data.labels],
        origins or [f"clip {number}" for number in range(len(data))],
        dict.fromkeys(data.classes, EXAMPLES),
    )
    model = ActionModel(
        info, fitted, window_s=round(window_s, 3), prior=prior or {}, rules=known_rules(rules), examples=examples
    )
    if calibration is not None:
        chosen = calibration.chosen
        model = replace(
            model,
            temperature=chosen.temperature,
            unknown_below=chosen.unknown_below,
            decoding=Decoding(unknown_below=dict(chosen.own)),
        )
    if out is not None:
        model = replace(model, info=save_action_model(model, out))
    return model, cv


def versions() -> dict[str, str]:
    """Of Python, the package and the libraries that train."""
    packages = {name: metadata.version(name) for name in ("posescribe", "numpy", "torch", "scikit-learn")}
    return {"python": platform.python_version(), **packages}
