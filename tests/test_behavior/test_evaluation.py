from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from behavior.errors import DataError
from behavior.evaluation.metrics import clip_figures, confusion_figures
from behavior.recognition.classifiers.linear import LinearClassifier
from behavior.recognition.classifiers.registry import make_classifier
from behavior.recognition.clips import Clips, LabelledSequences, to_clips
from behavior.recognition.temperature import apply_temperature, fit_temperature
from behavior.training.decoding import best_threshold, bout_lengths
from behavior.training.train import TrainSettings, calibrate, cross_validate, still_clips, train
from behavior.training.trust import CurvePoint, group_intervals, more_labels, part_importance


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
    assert 0.2 <= figures.unknown_below <= 0.9


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
    flat = [CurvePoint(50, (0.8, 0.8)), CurvePoint(100, (0.8, 0.805))]
    rising = [CurvePoint(50, (0.7, 0.7)), CurvePoint(100, (0.8, 0.81))]
    assert more_labels(flat).startswith("Not many")
    assert more_labels(rising).startswith("Probably")
    assert more_labels([rising[0], CurvePoint(100, (0.95, 0.6))]).startswith("Perhaps")


def test_confusion_of_names() -> None:
    found = confusion_figures(["a", "a", "b", "unknown"], ["a", "b", "b", "a"])
    assert found["classes"] == ["a", "b", "unknown"]
    assert found["confusion"] == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]
    assert found["accuracy"] == 0.5
    assert found["per_class"]["b"] == {"precision": 0.5, "recall": 1.0, "f1": 0.6667, "clips": 1}


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
