from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from behavior.errors import DataError
from behavior.evaluation.metrics import clip_figures, per_class, set_figures
from behavior.recognition.classifiers.linear import LinearClassifier
from behavior.recognition.classifiers.registry import make_classifier
from behavior.recognition.clips import Clips, LabelledSequences, grouped_folds, to_clips
from behavior.recognition.temperature import apply_temperature, fit_temperature
from behavior.training.decoding import bout_lengths
from behavior.training.train import (
    CrossValidation,
    TrainSettings,
    best_threshold,
    calibrate,
    cross_validate,
    still_clips,
    train,
)
from behavior.training.trust import CurvePoint, LearningCurve, group_intervals, more_labels, part_importance


def test_figures_by_hand() -> None:
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7], [0.45, 0.55]])
    figures = clip_figures(probabilities, np.array([0, 1, 1, 1]), unknown_below=0.6)
    assert figures.accuracy == 0.75
    assert figures.balanced_accuracy == pytest.approx((1 + 2 / 3) / 2)
    assert figures.coverage == 0.75
    assert figures.claims_right == pytest.approx(2 / 3)
    assert figures.log_loss == pytest.approx(-np.log([0.9, 0.4, 0.7, 0.55]).mean())
    np.testing.assert_array_equal(figures.confusion, [[1, 0], [1, 2]])
    np.testing.assert_allclose(figures.per_class()[1], [1, 2 / 3, 0.8, 3])
    assert figures.reliability[:, 2].sum() == 4


def test_calibration_error_by_hand() -> None:
    probabilities = np.tile([[0.75, 0.25]], (4, 1))
    assert clip_figures(probabilities, np.array([0, 0, 0, 1])).calibration_error == pytest.approx(0)
    assert clip_figures(probabilities, np.array([0, 0, 1, 1])).calibration_error == pytest.approx(0.25)


def test_temperature_brings_back_the_true_one() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1.5, (4000, 5))
    true = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = np.array([rng.choice(5, p=row) for row in true])
    sharp = apply_temperature(true, 0.5)
    assert fit_temperature(sharp, labels) == pytest.approx(2.0, rel=0.1)
    np.testing.assert_allclose(apply_temperature(sharp, 2.0), true, atol=1e-9)


def test_cross_validation_answers_every_clip_without_its_group(small_world: LabelledSequences) -> None:
    cv = cross_validate(small_world, lambda: make_classifier("logistic", {"copies": 1}), TrainSettings(folds=3))
    assert np.isfinite(cv.clean).all()
    np.testing.assert_allclose(cv.clean.sum(axis=1), 1, atol=1e-6)
    figures = calibrate(cv, small_world.labels, TrainSettings())
    assert figures.clean.accuracy > 0.9
    assert figures.noisy.accuracy > 0.9
    assert 0.2 <= figures.chosen.unknown_below <= 0.9


def test_labels_that_mean_nothing_score_as_chance(small_world: LabelledSequences) -> None:
    from dataclasses import replace

    shuffled = replace(small_world, labels=np.random.default_rng(1).permutation(small_world.labels))
    cv = cross_validate(shuffled, lambda: make_classifier("logistic", {"copies": 1}), TrainSettings(folds=3))
    tested = np.isfinite(cv.clean[:, 0])
    assert (cv.clean.argmax(axis=1) == shuffled.labels)[tested].mean() < 0.7


def test_still_clips_hold_still(small_world: LabelledSequences) -> None:
    still = still_clips(to_clips(small_world), 10, np.random.default_rng(0))
    for points, length in zip(still.points, still.lengths, strict=True):
        np.testing.assert_array_equal(points[:length], np.broadcast_to(points[0], points[:length].shape))
        assert np.isnan(points[length:]).all()


def test_one_group_cannot_be_judged(small_world: LabelledSequences) -> None:
    from dataclasses import replace

    single = replace(small_world, groups=np.zeros(len(small_world), dtype=np.int64))
    with pytest.raises(DataError, match="at least two"):
        train(single, "logistic")
    model, cv = train(single, "logistic", settings=TrainSettings(folds=0), classifier_settings={"copies": 0})
    assert cv is None
    assert model.info.figures == {}


class ByWrist(LinearClassifier):
    """Answers by the height of the right wrist over the shoulder alone."""

    def _predict_proba(self, clips: Clips) -> NDArray[np.float64]:
        wrist, shoulder = (clips.points[:, :, clips.joints.index(f"right_{part}"), 1] for part in ("wrist", "shoulder"))
        up = np.nanmean(wrist - shoulder, axis=1) < 0
        return np.where(up[:, None], [0.0, 0.0, 1.0], [0.9, 0.1, 0.0])


def test_importance_is_lost_where_the_classifier_looks(small_world: LabelledSequences) -> None:
    classifier = ByWrist().load_parts(
        make_classifier("logistic", {"copies": 0})
        .fit(to_clips(small_world), small_world.labels, small_world.classes)
        .parts(),
        small_world.classes,
        to_clips(small_world).joints,
    )
    lost = part_importance(classifier, to_clips(small_world), small_world.labels)
    assert lost["wrist"] > 0.1
    assert lost["knee"] == lost["ankle"] == lost["head"] == 0


def test_intervals_are_wider_where_groups_differ() -> None:
    labels = np.tile([0, 1], 20)
    groups = np.repeat(np.arange(10), 4)
    right, one_group_wrong = labels.copy(), np.where(groups == 3, 1 - labels, labels)
    np.testing.assert_array_equal(group_intervals(labels, right, groups, 2), 1.0)
    low, high = group_intervals(labels, one_group_wrong, groups, 2)[0, 1]
    assert low < 0.9 <= high == 1.0
    assert low == pytest.approx(0.7, abs=0.1)


def test_what_a_learning_curve_says() -> None:
    def said(before: float, after: float, low: float, high: float) -> str:
        return more_labels(LearningCurve([CurvePoint(50, before), CurvePoint(100, after)], np.array([low, high])))

    assert said(0.8, 0.802, -0.01, 0.01).startswith("Not many")
    assert said(0.7, 0.8, 0.05, 0.15).startswith("Probably")
    assert said(0.7, 0.8, -0.05, 0.2).startswith("Perhaps")
    assert "from 50 to 100 clips" in said(0.7, 0.8, -0.05, 0.2)
    assert "+10.0 points (95 % interval -5.0 to +20.0)" in said(0.7, 0.8, -0.05, 0.2)
    same = LearningCurve([CurvePoint(50, 0.8), CurvePoint(50, 0.8)], np.zeros(2))
    assert more_labels(same).startswith("Can't be told")


def test_figures_of_names() -> None:
    answers = np.eye(3)[[0, 1, 1, 0]]
    classes, found = set_figures(answers, ["a", "b", "unknown"], ["a", "a", "b", "unknown"], np.array([0.5, 0.5]))
    assert classes == ("a", "b", "unknown")
    assert found.confusion.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]
    assert found.accuracy == 0.5
    assert found.to_dict(classes)["per_class"]["b"] == {"precision": 0.5, "recall": 1.0, "f1": 0.6667, "clips": 1}
    assert (found.coverage, found.claims_right) == (1.0, 0.5)


def test_classes_without_clips_show_nothing() -> None:
    np.testing.assert_array_equal(np.isnan(per_class(np.array([[1, 1], [0, 0]]))[1]), [True, True, True, False])
    answers = np.array([[0.6, 0.4], [0.3, 0.7]])
    classes, found = set_figures(answers, ["a", "b"], ["a", "a"], np.array([0.5, 0.5]))
    assert found.balanced_accuracy == found.accuracy == 0.5
    assert found.to_dict(classes)["per_class"]["b"] == {"precision": None, "recall": None, "f1": None, "clips": 0}


def test_a_model_that_did_not_learn_unknown_is_right_to_claim_nothing() -> None:
    answers = np.array([[0.9, 0.1], [0.5, 0.5]])
    classes, found = set_figures(answers, ["a", "b"], ["a", "unknown"], np.array([0.6, 0.6]))
    assert classes == ("a", "b", "unknown")
    assert (found.accuracy, found.coverage, found.claims_right) == (0.5, 0.5, 1.0)
    assert np.isnan(found.log_loss)


def test_sets_are_claimed_whole() -> None:
    sets = ["walk", "wave", "walk + wave", "unknown"]
    answers = np.array([[0.1, 0.1, 0.8, 0.0], [0.7, 0.1, 0.1, 0.1], [0.1, 0.1, 0.1, 0.7]])
    _, found = set_figures(answers, sets, ["walk + wave", "walk + wave", "unknown"], np.array([0.5, 0.5]))
    assert found.coverage == pytest.approx(2 / 3)
    assert found.claims_right == 0.5


def drawn(
    rng: np.random.Generator, n: int, n_classes: int, skill: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Labels, and answers that are too sure of themselves."""
    labels = rng.integers(0, n_classes, n)
    logits = rng.normal(size=(n, n_classes + 1))
    logits[np.arange(n), labels] += skill
    logits[:, -1] = -9
    answers = np.exp(2 * logits)
    return labels, answers / answers.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("own_thresholds", [False, True])
def test_what_is_told_is_what_fresh_clips_show(own_thresholds: bool) -> None:
    """Over many small training sets: share right among all claims, their number and the log-loss, told and true."""
    settings = TrainSettings(own_thresholds=own_thresholds)
    told, true = np.zeros((2, 3))
    for seed in range(40):
        rng = np.random.default_rng(seed)
        labels, answers = drawn(rng, 80, 4, 1.0)
        found = calibrate(CrossValidation(answers, answers.copy(), grouped_folds(labels, None, 4)), labels, settings)
        truth, fresh = drawn(rng, 1000, 4, 1.0)
        names = ("0", "1", "2", "3", "unknown")
        below = np.array([found.chosen.own.get(name, found.chosen.unknown_below) for name in names[:-1]])
        calibrated = apply_temperature(fresh, found.chosen.temperature)
        _, shown = set_figures(calibrated, names, [names[label] for label in truth], below)
        for figures, out in ((found.clean, told), (shown, true)):
            out += [np.nan_to_num(figures.claims_right) * figures.coverage, figures.coverage, figures.log_loss]
    assert told[0] / told[1] == pytest.approx(true[0] / true[1], abs=0.06)
    assert told[1] / 40 == pytest.approx(true[1] / 40, abs=0.05)
    assert told[2] / 40 == pytest.approx(true[2] / 40, abs=0.03)


def test_a_fold_is_judged_by_what_the_others_choose() -> None:
    labels, answers = drawn(np.random.default_rng(0), 80, 4, 1.0)
    folds = grouped_folds(labels, None, 4)
    settings = TrainSettings(own_thresholds=True)
    before = calibrate(CrossValidation(answers, answers, folds), labels, settings)
    changed = labels.copy()
    rows = folds.test_fold == 2
    changed[rows] = (labels[rows] + 1) % 4
    after = calibrate(CrossValidation(answers, answers, folds), changed, settings)
    assert before.by_fold[2] == after.by_fold[2]
    assert before.by_fold[1] != after.by_fold[1]


def test_threshold_of_best_f1_and_lengths_of_bouts() -> None:
    scores, truth = np.array([0.9, 0.8, 0.6, 0.3, 0.2]), np.array([True, True, False, False, False])
    assert best_threshold(scores, truth) == 0.7
    lengths = bout_lengths({"walk": [1.0], "walk + wave": [2.0], "unknown": [5.0]})
    assert lengths == {"walk": [1.0, 2.0], "wave": [2.0], "unknown": [5.0]}


def test_unknown_as_a_class_is_a_claim_of_nothing() -> None:
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]])
    figures = clip_figures(probabilities, np.array([0, 1, 1]), 0.5, unknown=1)
    assert figures.coverage == pytest.approx(2 / 3)
    assert figures.claims_right == 0.5
