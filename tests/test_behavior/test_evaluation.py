from __future__ import annotations

import numpy as np
import pytest

from behavior.classifiers.registry import make_classifier
from behavior.datasets import LabelledSequences, to_clips
from behavior.errors import DataError
from behavior.evaluation.metrics import apply_temperature, clip_figures, fit_temperature
from behavior.training import TrainSettings, calibrate, cross_validate, still_clips, train


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
