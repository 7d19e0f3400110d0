"""Sets left out whole: which thresholds their answers choose; parts that are learnt from; kinds of `unknown`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from behavior.labels import UNKNOWN, actions_of
from behavior.recognition.augment import spoil_evenly
from behavior.recognition.classifiers.ensemble import EnsembleClassifier
from behavior.recognition.classifiers.rocket import RocketClassifier
from behavior.recognition.classifiers.svm import SupportVectorClassifier
from behavior.recognition.clips import LabelledSequences, to_clips
from behavior.recognition.model import ActionModel, load_action_model, save_action_model
from behavior.training.left_out import FEW, Judged, left_out, recalls, thresholds
from behavior.training.train import TrainSettings, train

NAMES = ("walk", "swing")


def judged(said: dict[tuple[str, str], NDArray[np.float64]]) -> Judged:
    """(set, truth) -> scores of `swing`; what they lack to 1 is `unknown`."""
    answers = np.concatenate([np.stack([0 * score, score, 1 - score], axis=1) for score in said.values()])
    sources = np.repeat([source for source, _ in said], [len(score) for score in said.values()])
    truth = np.repeat([name for _, name in said], [len(score) for score in said.values()])
    return Judged(NAMES, answers, answers, truth, sources, np.zeros(len(truth), dtype=bool))


HIGH, LOW = np.full(20, 0.9), np.full(20, 0.4)


def test_an_action_is_claimed_from_where_its_claims_are_right() -> None:
    found = judged({("a", "swing"): HIGH, ("b", "swing"): HIGH, ("a", UNKNOWN): LOW, ("b", "walk"): LOW})
    assert thresholds(found, 1.0) == {"swing": pytest.approx(0.9, abs=0.002)}
    everywhere = judged({("a", "swing"): HIGH, ("b", "swing"): LOW, ("a", UNKNOWN): 0 * LOW})
    assert thresholds(everywhere, 1.0) == {"swing": pytest.approx(0.4, abs=0.002)}


def test_an_action_that_is_wrong_found_on_one_set_or_seldom_is_not_claimed() -> None:
    wrong = judged({("a", "swing"): HIGH, ("b", "swing"): HIGH, ("a", UNKNOWN): HIGH})
    assert thresholds(wrong, 1.0) == {}
    one_set = judged({("a", "swing"): HIGH, ("b", "swing"): 0 * HIGH})
    assert thresholds(one_set, 1.0) == {}
    few = judged({("a", "swing"): HIGH[: FEW // 4], ("b", "swing"): HIGH[: FEW // 4 - 1]})
    assert thresholds(few, 1.0) == {}


def test_the_set_left_out_chooses_nothing() -> None:
    """On `c` everything unnamed looks like a swing; the thresholds of the others must not know."""
    said = {("a", "swing"): HIGH, ("b", "swing"): HIGH, ("a", UNKNOWN): LOW, ("c", UNKNOWN): HIGH + 0.05}
    rows = {row["set"]: row for row in left_out(judged(said), 1.0)}
    assert rows["c"]["unnamed claimed, clean"] == 100
    assert rows["c"]["claims right, noisy"] == 0
    assert rows["a"]["claimed, clean"] == 0  # b and c alone allow no claim


def test_recalls_are_of_single_sets() -> None:
    said = judged({("a", "swing"): HIGH, ("b", "swing"): np.append(HIGH, LOW)})
    assert recalls(said, 1.0, {"swing": 0.8}) == {"swing": {"a": 1.0, "b": 0.5}}


def test_parts_are_learnt_from_alone(small_world: LabelledSequences) -> None:
    clips, names = to_clips(small_world), np.array(small_world.classes)[small_world.labels]
    part = names != "wave"
    classifier = RocketClassifier(kernels=60, copies=1)
    some, whole = classifier.fit_parts(clips, names, [part, np.ones(len(part), dtype=bool)])
    assert some.classes_.tolist() == ["squat", "walk"]
    assert (some.predict(clips[part]) == names[part]).mean() > 0.9
    assert (whole.predict(clips) == names).mean() > 0.9
    mixed = names.copy()
    mixed[~part] = "squat"
    again = classifier.fit_parts(clips, mixed, [part])[0]
    np.testing.assert_allclose(again.predict_proba(clips), some.predict_proba(clips))


def test_parts_of_an_ensemble_are_those_of_its_members(small_world: LabelledSequences) -> None:
    """Where its members disagree and have to agree, it says `unknown`, or nothing where that is no class."""
    clips, names = to_clips(small_world), np.array(small_world.classes)[small_world.labels]
    part = names != "wave"
    strange = spoil_evenly(clips, np.random.default_rng(0), missing=0.5, jitter=1.0)
    members = RocketClassifier(kernels=60, copies=1), SupportVectorClassifier(copies=1)
    for other in ("walk", UNKNOWN):
        shown = np.where(names == "walk", other, names)
        mean, agreed = (
            EnsembleClassifier(rocket=members[0], svm=members[1], agree=agree).fit_parts(clips, shown, [part])[0]
            for agree in (False, True)
        )
        assert mean.classes_.tolist() == sorted(("squat", other))
        each = np.stack([member.predict_proba(strange) for member in mean.members_.values()])
        np.testing.assert_allclose(mean.predict_proba(strange), each.mean(axis=0))
        differ = each[0].argmax(axis=1) != each[1].argmax(axis=1)
        assert 0 < differ.sum() < len(clips)
        said = agreed.predict_proba(strange)
        rest = [0.0, 1.0] if other == UNKNOWN else [0.5, 0.5]
        np.testing.assert_allclose(said[differ], 0.1 * each.mean(axis=0)[differ] + 0.9 * np.array(rest))
        np.testing.assert_allclose(said[~differ], each.mean(axis=0)[~differ])
        assert (agreed.predict(clips[part]) == shown[part]).mean() > 0.9


@pytest.fixture(scope="module")
def model(small_world: LabelledSequences) -> ActionModel:
    """It learnt walking, and does not claim it."""
    trained = train(small_world, "rocket", settings=TrainSettings(folds=0), classifier_settings={"kernels": 60})[0]
    trained.classifier.classes_ = np.array(["squat", f"{UNKNOWN}: walk", "wave"])
    return replace(trained, info=replace(trained.info, classes=("squat", "wave")))


def test_kinds_of_unknown_are_no_actions(model: ActionModel, small_world: LabelledSequences, tmp_path: Path) -> None:
    assert actions_of(f"{UNKNOWN}: walk") == ()
    save_action_model(model, tmp_path / "model")
    again = load_action_model(tmp_path / "model")
    assert again.info.classes == ("squat", "wave")
    assert again.sets == ("squat", UNKNOWN, "wave")
    clips, names = to_clips(small_world), np.array(small_world.classes)[small_world.labels]
    np.testing.assert_allclose(again.set_proba(clips).sum(axis=1), 1, atol=1e-6)
    said = np.array(again.claims(again.predict_proba(clips)))
    assert (said[names == "walk"] == UNKNOWN).mean() > 0.9
    assert (said[names == "wave"] == "wave").mean() > 0.8
