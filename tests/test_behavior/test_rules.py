from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from behavior.errors import DataError
from behavior.recognition.classifiers.tree import FEATURES, RulesClassifier
from behavior.recognition.clips import Clips, LabelledSequences, to_clips
from behavior.recognition.model import ActionModel, load_action_model, save_action_model
from behavior.recognition.rules import arms_raised, known_rules, rule_bouts
from behavior.training.train import TrainSettings, train
from features.errors import FeatureError
from pose.layouts import BODY_13
from pose.people import Track
from pose.skeleton import COCO_18, Skeleton

Figure = Callable[..., NDArray[np.float32]]
WRISTS = [BODY_13.index("right_wrist"), BODY_13.index("left_wrist")]
ELBOWS = [BODY_13.index("right_elbow"), BODY_13.index("left_elbow")]


def jumping_jacks(figure: Figure, n_frames: int = 120) -> NDArray[np.float32]:
    """(n, 13, 2) arms up in every second second of 30 frames, down in the others."""
    body = figure("still", n_frames)
    up = np.arange(n_frames) // 30 % 2 == 1
    body[np.ix_(up, WRISTS, [1])] = -170
    body[np.ix_(up, ELBOWS, [1])] = -130
    return body


def as_track(body: NDArray[np.float32]) -> Track:
    keypoints = np.full((len(body), 18, 3), np.nan, dtype=np.float32)
    for place, joint in enumerate(BODY_13):
        keypoints[:, COCO_18.index("nose" if joint == "head" else joint), :2] = body[:, place]
    frames = np.arange(len(body), dtype=np.int64)
    return Track(3, frames, frames / 30, keypoints, np.ones(len(body), dtype=np.float32), skeleton=COCO_18)


def spans(body: NDArray[np.float32]) -> list[tuple[str, int, int]]:
    found = rule_bouts(as_track(body), COCO_18, ("arms_raised",))
    return [(bout.action, bout.start_frame, bout.stop_frame) for bout in found]


def test_each_raising_is_a_bout(figure: Figure) -> None:
    assert spans(jumping_jacks(figure)) == [("arms_raised", 30, 59), ("arms_raised", 90, 119)]


def test_one_hand_is_not_enough(figure: Figure) -> None:
    assert spans(figure("wave", 60)) == []


def test_missing_hands_are_judged_by_the_elbows(figure: Figure) -> None:
    body = jumping_jacks(figure)
    body[:, WRISTS[0]] = np.nan
    assert len(spans(body)) == 2
    body[:, ELBOWS[0]] = np.nan
    assert spans(body) == []
    assert np.isnan(arms_raised(body)).all()


def test_flicker_and_upside_down(figure: Figure) -> None:
    body = jumping_jacks(figure)
    body[40:44, WRISTS + ELBOWS] = np.nan  # an interruption of 4 frames is closed
    assert spans(body)[0] == ("arms_raised", 30, 59)
    flash = figure("still", 60)
    flash[20:25, WRISTS, 1] = -170
    assert spans(flash) == []
    assert spans(-jumping_jacks(figure)) == []


def test_no_human_no_bouts() -> None:
    mouse = Skeleton("mouse", ("nose", "tail"), (), (0.1, 0.1))
    track = Track(
        1, np.arange(3), np.arange(3) / 30, np.zeros((3, 2, 3), np.float32), np.ones(3, np.float32), skeleton=mouse
    )
    assert rule_bouts(track, mouse, ("arms_raised",)) == []
    with pytest.raises(DataError, match="unknown rule fly; known: arms_raised"):
        known_rules(("fly",))


def test_a_model_keeps_its_rules(small_world: LabelledSequences, tmp_path: Path) -> None:
    model: ActionModel = train(
        small_world, "rules", settings=TrainSettings(folds=0), classifier_settings={"min_rows": 4}
    )[0]
    save_action_model(replace(model, rules=("arms_raised",)), tmp_path / "model")
    assert load_action_model(tmp_path / "model").rules == ("arms_raised",)


# The classifier of thresholds


def test_rules_can_be_read(small_world: LabelledSequences) -> None:
    clips = to_clips(small_world)
    names = np.array(small_world.classes)[small_world.labels]
    classifier = RulesClassifier(copies=1, min_rows=4).fit(clips, names)
    sentences = classifier.sentences()
    assert {sentence.split(" ")[0] for sentence in sentences} == set(small_world.classes)
    assert all(any(f"{feature}_" in sentence for feature in FEATURES) for sentence in sentences)


def test_other_joints_have_no_rules() -> None:
    clips = Clips(np.ones((2, 5, 2, 2), np.float32), np.array([5, 5]), ("nose", "tail"))
    with pytest.raises(FeatureError, match="needs left_wrist"):
        RulesClassifier().fit(clips, ["sleep", "eat"])
