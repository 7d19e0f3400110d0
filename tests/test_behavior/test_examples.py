"""Typical clips that a model keeps, and which of them a bout is most like."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from behavior.errors import ActionModelError
from behavior.labels import UNKNOWN
from behavior.recognition.clips import Clips, LabelledSequences, to_clips
from behavior.recognition.examples import POSES, Examples, named_in, told, typical
from behavior.recognition.model import ActionModel, load_action_model, save_action_model
from behavior.recognition.recognise import recognise
from behavior.training.train import EXAMPLES, TrainSettings, train
from pose.skeleton import COCO_18
from tests.test_behavior.conftest import stick_figure
from tests.test_behavior.test_recognise import as_track


@pytest.fixture(scope="module")
def model(small_world: LabelledSequences) -> ActionModel:
    return train(small_world, "logistic", settings=TrainSettings(folds=0))[0]


def examples_of(model: ActionModel) -> Examples:
    assert model.examples is not None
    return model.examples


def test_each_action_has_its_own_clips(model: ActionModel, small_world: LabelledSequences) -> None:
    found = examples_of(model)
    shown = [name.rpartition(" ")[0] for name in found.names]
    assert set(shown) == set(small_world.classes)
    assert max(shown.count(name) for name in shown) <= EXAMPLES
    labels = np.array(small_world.classes)[small_world.labels]
    for name, source in zip(shown, found.sources, strict=True):
        assert labels[int(source.removeprefix("clip "))] == name


def test_a_clip_is_nearest_to_those_of_its_action(model: ActionModel) -> None:
    for action in ("wave", "squat", "walk"):
        clip = Clips(40 * stick_figure(action, 48, phase=0.7)[None], np.array([48]))
        near = examples_of(model).nearest(clip)
        assert [away for _, away in near] == sorted(away for _, away in near)
        assert near[0][0].startswith(f"{action} ")


def test_a_kept_clip_is_near_itself(small_world: LabelledSequences) -> None:
    """Few poses stand for the whole clip, in its own units and pace."""
    clips, names = to_clips(small_world), np.array(small_world.classes)[small_world.labels]
    found = typical(clips, names, [str(row) for row in range(len(clips))], {"wave": 3, "walk": 3})
    assert found is not None
    for name, source in zip(found.names, found.sources, strict=True):
        nearest, away = found.nearest(clips[np.array([int(source)])])[0]
        assert nearest == name
        assert away < 0.5


def test_the_first_stands_for_most_and_the_next_for_others(small_world: LabelledSequences) -> None:
    clips, names = to_clips(small_world), np.array(small_world.classes)[small_world.labels]
    rows = np.concatenate([np.flatnonzero(names == "wave")[:6], np.flatnonzero(names == "squat")[:3]])
    found = typical(
        clips[rows], np.full(len(rows), f"{UNKNOWN}: mixed"), [names[row] for row in rows], {f"{UNKNOWN}: mixed": 2}
    )
    assert found is not None
    assert found.names == ("mixed 1", "mixed 2")
    assert found.sources == ("wave", "squat")


def test_evidence_names_them(model: ActionModel) -> None:
    track = as_track(100 * np.concatenate([stick_figure("wave", 120), stick_figure("squat", 120)]))
    bouts = [one for one in recognise(track, COCO_18, model, explain=True).bouts if one.action in model.info.classes]
    assert len(bouts) == 2
    for bout in bouts:
        assert bout.evidence is not None
        named = named_in(bout.evidence)
        assert len(named) == 3
        assert named[0].startswith(bout.action)
        shown = examples_of(model).shown(named)
        assert list(shown) == [name for name in examples_of(model).names if name in named]
        assert np.array(shown[named[0]]["poses"], dtype=float).shape == (POSES, 13, 2)
    assert named_in("model: wave 0.9" + told([("wave at dawn 1", 0.5)])) == ["wave at dawn 1"]
    assert named_in("knees 100°") == []


def test_they_are_kept_with_the_model(model: ActionModel, tmp_path: Path) -> None:
    poses = examples_of(model).poses.copy()
    poses[0, 3, 4] = np.nan
    save_action_model(replace(model, examples=replace(examples_of(model), poses=poses)), tmp_path / "model")
    again = examples_of(load_action_model(tmp_path / "model"))
    assert again.names == examples_of(model).names
    assert again.sources == examples_of(model).sources
    np.testing.assert_array_equal(again.poses, poses)


def test_those_that_do_not_fit_are_refused(model: ActionModel, tmp_path: Path) -> None:
    save_action_model(model, tmp_path / "model")
    header = tmp_path / "model" / "model.json"
    header.write_text(header.read_text().replace(f'"{examples_of(model).names[0]}",', ""))
    with pytest.raises(ActionModelError, match="examples of 16 poses"):
        load_action_model(tmp_path / "model")


def test_other_joints_have_none() -> None:
    clips = Clips(np.zeros((2, 5, 3, 2), dtype=np.float32), np.array([5, 5]), ("a", "b", "c"))
    assert typical(clips, np.array(["x", "y"]), ["1", "2"], {"x": 1}) is None
