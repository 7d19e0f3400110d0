"""One battery for all classifiers; a new one joins by its entry in `CLASSIFIERS`."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GroupKFold, cross_val_score

from behavior.cli import main
from behavior.errors import ActionModelError, DataError
from behavior.pipeline.models import import_model
from behavior.recognition.classifiers.base import ActionClassifier
from behavior.recognition.classifiers.registry import CLASSIFIERS, make_classifier
from behavior.recognition.clips import Clips, LabelledSequences, save_sequences, to_clips
from behavior.recognition.model import ActionModel, load_action_model, save_action_model
from behavior.training.train import TrainSettings, train
from features.catalog import CATALOGUE, DEFAULT_STATISTICS
from features.errors import UnknownFeature

QUICK: dict[str, dict[str, Any]] = {
    "rules": {"copies": 1, "min_rows": 4},
    "logistic": {"copies": 1},
    "forest": {"copies": 1, "trees": 20},
    "svm": {"copies": 1},
    "few_shot": {"copies": 1},
    "rocket": {"copies": 1, "kernels": 100},
    "temporal": {"epochs": 20, "batch": 16, "embed": 8, "width": 16},
    "graph": {"epochs": 30, "batch": 16, "widths": (8, 16)},
    "ensemble": {"rocket": {"copies": 1, "kernels": 40}, "svm": {"copies": 1}},
    "mixed": {"svm": {"copies": 1}, "temporal": {"epochs": 20, "batch": 16, "embed": 8, "width": 16}},
}
"""Settings that fit the small world in a second."""


@pytest.fixture(params=sorted(CLASSIFIERS), scope="module")
def fitted(request: pytest.FixtureRequest, small_world: LabelledSequences) -> ActionClassifier:
    classifier = make_classifier(request.param, QUICK[request.param])
    return classifier.fit(to_clips(small_world), named(small_world))


@pytest.fixture(scope="module")
def clips(small_world: LabelledSequences) -> Clips:
    return to_clips(small_world)


def named(world: LabelledSequences) -> NDArray[np.str_]:
    return np.array(world.classes)[world.labels]


def test_every_classifier_is_in_the_battery() -> None:
    assert set(QUICK) == set(CLASSIFIERS)


def test_learns_the_small_world(fitted: ActionClassifier, clips: Clips, small_world: LabelledSequences) -> None:
    assert (fitted.predict(clips) == named(small_world)).mean() > 0.9


def test_probabilities(fitted: ActionClassifier, clips: Clips) -> None:
    answer = fitted.predict_proba(clips)
    assert answer.shape == (len(clips), 3)
    assert answer.dtype == np.float64
    np.testing.assert_allclose(answer.sum(axis=1), 1, atol=1e-6)
    assert (answer >= 0).all()


def test_asking_changes_nothing(fitted: ActionClassifier, clips: Clips) -> None:
    points = clips.points.copy()
    first = fitted.predict_proba(clips)
    np.testing.assert_array_equal(fitted.predict_proba(clips), first)
    np.testing.assert_array_equal(clips.points, points)


def test_a_batch_equals_its_items(fitted: ActionClassifier, clips: Clips) -> None:
    one_by_one = np.concatenate([fitted.predict_proba(clips[slice(i, i + 1)]) for i in range(6)])
    np.testing.assert_allclose(one_by_one, fitted.predict_proba(clips)[:6], atol=2e-3)


def test_same_seed_same_classifier(fitted: ActionClassifier, clips: Clips, small_world: LabelledSequences) -> None:
    again = clone(fitted).fit(clips, named(small_world))
    np.testing.assert_allclose(again.predict_proba(clips), fitted.predict_proba(clips), atol=1e-5)


def test_parts_make_the_same_classifier(fitted: ActionClassifier, clips: Clips) -> None:
    again = clone(fitted).load_parts(fitted.parts(), fitted.classes_.tolist(), fitted.joints_)
    np.testing.assert_allclose(again.predict_proba(clips), fitted.predict_proba(clips), atol=5e-3)


def test_settings_are_scikit_learns(fitted: ActionClassifier, clips: Clips) -> None:
    assert fitted.get_params()["random_state"] == 0
    changed = clone(fitted).set_params(random_state=7)
    assert changed.get_params(deep=False).keys() == fitted.get_params(deep=False).keys()
    assert changed.random_state == 7
    with pytest.raises(NotFittedError):
        changed.predict_proba(clips)
    assert type(fitted)().get_params(deep=False) | {"random_state": 7} != changed.get_params(deep=False)


def test_missing_joints_are_borne(fitted: ActionClassifier, clips: Clips) -> None:
    nothing = np.full((2, 10, 13, 2), np.nan, dtype=np.float32)
    np.testing.assert_allclose(fitted.predict_proba(Clips(nothing, np.array([10, 4]))), 1 / 3)
    some = clips.points.copy()
    some[:, :, 5:] = np.nan
    some[:, 3:20:2] = np.nan
    assert np.isfinite(fitted.predict_proba(Clips(some, clips.lengths))).all()


@pytest.mark.parametrize("n_frames", [1, 2, 300])
def test_short_and_long_clips(fitted: ActionClassifier, n_frames: int) -> None:
    points = np.random.default_rng(0).normal(size=(2, n_frames, 13, 2)).astype(np.float32)
    assert np.isfinite(fitted.predict_proba(Clips(points, np.array([n_frames, 1])))).all()


def test_no_clips_no_answers(fitted: ActionClassifier, clips: Clips) -> None:
    assert fitted.predict_proba(clips[slice(0, 0)]).shape == (0, 3)


def test_other_joints_are_refused(fitted: ActionClassifier) -> None:
    with pytest.raises(ValueError, match="expected joints head"):
        fitted.predict_proba(Clips(np.zeros((1, 5, 2, 2), np.float32), np.array([5]), ("nose", "tail")))


@pytest.mark.parametrize("name", sorted(CLASSIFIERS))
def test_unfitted_says_so(name: str, clips: Clips) -> None:
    with pytest.raises(NotFittedError, match="not fitted yet"):
        make_classifier(name).predict_proba(clips)
    with pytest.raises(NotFittedError, match="not fitted yet"):
        make_classifier(name).parts()


@pytest.mark.parametrize("name", sorted(CLASSIFIERS))
def test_what_cannot_be_learned_from(name: str, clips: Clips, small_world: LabelledSequences) -> None:
    classifier = make_classifier(name, QUICK[name])
    with pytest.raises(DataError, match="at least two actions"):
        classifier.fit(clips, np.zeros(len(clips), dtype=np.int64), ("only",))
    with pytest.raises(DataError, match="no clip to train on for fly"):
        classifier.fit(clips, small_world.labels, (*small_world.classes, "fly"))
    lost = clips.points.copy()
    lost[small_world.labels == 1] = np.nan
    with pytest.raises(DataError, match="every clip of walk lacks all joints"):
        classifier.fit(Clips(lost, clips.lengths), small_world.labels, small_world.classes)
    with pytest.raises(ValueError, match="one per clip"):
        classifier.fit(clips, small_world.labels[:-1], small_world.classes)


def test_cross_validation_of_scikit_learn(clips: Clips, small_world: LabelledSequences) -> None:
    classifier = make_classifier("ensemble", QUICK["ensemble"])
    assert classifier.get_params()["rocket__kernels"] == 40
    reached = cross_val_score(classifier, clips, named(small_world), groups=small_world.groups, cv=GroupKFold(3))
    assert reached.shape == (3,)
    assert reached.min() > 0.8


def test_unknown_classifier_and_setting() -> None:
    with pytest.raises(DataError, match="unknown classifier 'magic'; known: "):
        make_classifier("magic")
    with pytest.raises(DataError, match="has no depth"):
        make_classifier("logistic", {"depth": 3})
    with pytest.raises(DataError, match="copies must be int, got 'many'"):
        make_classifier("logistic", {"copies": "many"})


def test_a_class_of_one_clip(clips: Clips, small_world: LabelledSequences) -> None:
    rows = np.r_[0:9, 12:16]
    labels = small_world.labels[rows]
    single = np.r_[np.flatnonzero(labels != 2), np.flatnonzero(labels == 2)[:1]]
    classifier = make_classifier("logistic", QUICK["logistic"])
    classifier.fit(clips[rows][single], labels[single], small_world.classes)
    assert set(classifier.predict(clips)) <= set(small_world.classes)


# Model folders


@pytest.fixture(scope="module")
def model(small_world: LabelledSequences) -> ActionModel:
    return train(small_world, "logistic", settings=TrainSettings(folds=3, still=0.2), prior={"walk": 2.0})[0]


@pytest.fixture
def folder(model: ActionModel, tmp_path: Path) -> Path:
    save_action_model(model, tmp_path / "model")
    return tmp_path / "model"


def test_saved_and_loaded_agree(model: ActionModel, folder: Path, clips: Clips) -> None:
    again = load_action_model(folder)
    np.testing.assert_allclose(again.predict_proba(clips), model.predict_proba(clips), atol=1e-6)
    np.testing.assert_allclose(again.weighted_proba(clips), model.weighted_proba(clips), atol=1e-6)
    assert again.info.classes == ("squat", "walk", "wave")
    assert again.info.figures == model.info.figures
    assert len(again.info.sha256) == 64
    assert again.temperature == model.temperature
    assert again.unknown_below == model.unknown_below
    assert sorted(path.name for path in folder.iterdir()) == ["model.json", "weights.safetensors"]


def test_a_zip_is_as_good_as_a_folder(folder: Path, tmp_path: Path, clips: Clips) -> None:
    archive = tmp_path / "model.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in folder.iterdir():
            file.write(path, path.name)
    one, other = load_action_model(folder), load_action_model(archive)
    assert one.info == other.info
    np.testing.assert_array_equal(one.predict_proba(clips), other.predict_proba(clips))


def edit(folder: Path, **changes: object) -> None:
    path = folder / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "other"}, "not of an action model"),
        ({"format_version": 99}, "written in format 99, this version reads 1"),
        ({"unit": "m"}, "made for m at 30.0 Hz"),
        ({"rate_hz": 25.0}, "made for torso at 25.0 Hz"),
        ({"joints": ["nose", "tail"]}, "damaged or incomplete"),
        ({"classes": ["a", "b"]}, "damaged or incomplete"),
        ({"classifier": "magic"}, "unknown classifier 'magic'"),
        ({"settings": {"depth": 1}}, "has no depth"),
        ({"parts": {}}, "lacks 'weights.safetensors'"),
        ({"temperature": 0}, "temperature is 0, expected a number between 0 and inf"),
        ({"temperature": "1"}, "temperature is '1'"),
        ({"temperature": float("nan")}, "holds NaN, expected numbers"),
        ({"unknown_below": 1.5}, "unknown_below is 1.5, expected a number between 0 and 1"),
        ({"window_s": -1}, "window_s is -1"),
        ({"prior": {"walk": -2}}, "prior of walk is -2"),
        ({"decoding": {"switch_s": {"walk": float("inf")}}}, "holds Infinity"),
        ({"decoding": {"min_bout_s": {"walk": -1}}}, "min_bout_s of walk is -1"),
    ],
)
def test_models_that_do_not_fit_are_refused(changes: dict[str, object], message: str, folder: Path) -> None:
    edit(folder, **changes)
    with pytest.raises(ActionModelError, match=re.escape(message)) as caught:
        load_action_model(folder)
    assert "\n" not in str(caught.value)


def test_weights_that_are_no_numbers_are_refused(model: ActionModel, tmp_path: Path) -> None:
    parts = model.classifier.parts() | {"bias": np.full(4, np.nan, dtype=np.float32)}
    spoilt = clone(model.classifier).load_parts(parts, model.sets, model.info.joints)
    save_action_model(replace(model, classifier=spoilt), tmp_path)
    with pytest.raises(ActionModelError, match=r"bias in weights\.safetensors holds NaN or infinite numbers"):
        load_action_model(tmp_path)


def test_links_are_refused(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSESCRIBE_CACHE", str(tmp_path / "cache"))
    secret = tmp_path / "secret.txt"
    secret.write_text("mine")
    (folder / "notes.txt").symlink_to(secret)
    with pytest.raises(ActionModelError, match="holds links"):
        import_model(folder, "linked")
    (folder / "weights.safetensors").rename(tmp_path / "elsewhere")
    (folder / "weights.safetensors").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ActionModelError, match="holds links"):
        load_action_model(folder)


def test_damaged_models_are_refused(folder: Path, tmp_path: Path) -> None:
    weights = folder / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(ActionModelError, match="is damaged"):
        load_action_model(folder)
    weights.unlink()
    with pytest.raises(ActionModelError, match="damaged or incomplete"):
        load_action_model(folder)
    (folder / "model.json").write_text("{")
    with pytest.raises(ActionModelError, match="is not JSON"):
        load_action_model(folder)
    shutil.rmtree(folder)
    with pytest.raises(ActionModelError, match="no action model there"):
        load_action_model(folder)
    text = tmp_path / "text"
    text.write_text("hello")
    with pytest.raises(ActionModelError, match="expected a folder or zip"):
        load_action_model(text)


# Features of the catalogue, a user's own among them

PLUGIN = """
from features import feature

@feature(name="wrist_gap", unit="torso", formula="|left_wrist - right_wrist| / torso", nan="a joint is missing",
         joints=("left_wrist", "right_wrist"), reference="own")
def wrist_gap(body):
    return body.distance("left_wrist", "right_wrist")
"""


def test_a_plugins_feature_is_learnt_from(small_world: LabelledSequences, tmp_path: Path, capfd: Any) -> None:
    (tmp_path / "mine.py").write_text(PLUGIN)
    save_sequences(tmp_path / "data.npz", small_world)
    settings = {"features": ["wrist_gap", "centre_speed", "left_knee_angle", "right_knee_angle"], "copies": 1}
    data, model, out, plugin = (str(tmp_path / name) for name in ("data.npz", "model", "p.csv", "mine.py"))
    train_it = ["train", data, "--classifier", "logistic", "--out", model, "--folds", "0", "--no-report"]
    try:
        assert main([*train_it, "--settings", json.dumps(settings), "--plugin", plugin]) == 0
        assert len(load_action_model(model).classifier.parts()["mean"]) == 4 * len(DEFAULT_STATISTICS)
        CATALOGUE.remove("wrist_gap")
        assert main(["predict", model, data, "--out", out]) == 1
        assert "no feature 'wrist_gap'" in (told := capfd.readouterr().err)
        assert "--plugin" in told
        assert main(["predict", model, data, "--out", out, "--plugin", plugin]) == 0
        assert (pd.read_csv(out)["label"] == named(small_world)).mean() > 0.9
    finally:
        if "wrist_gap" in CATALOGUE:
            CATALOGUE.remove("wrist_gap")


def test_features_that_are_not_there_are_named(clips: Clips, small_world: LabelledSequences) -> None:
    with pytest.raises(UnknownFeature, match="no feature 'left_wrist_sped'; did you mean left_wrist_speed"):
        make_classifier("svm", {"features": ["left_wrist_sped"]}).fit(clips, named(small_world))
