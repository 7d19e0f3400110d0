from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from behavior.recognition.classifiers.linear import LinearClassifier
from behavior.recognition.clips import Clips, LabelledSequences
from behavior.recognition.model import ActionModel
from behavior.recognition.recognise import RecogniseSettings, decode, recognise, track_points
from behavior.recognition.smoothing import Times
from behavior.training.train import TrainSettings, train
from pose.errors import LayoutError
from pose.layouts import BODY_13
from pose.people import Track
from pose.skeleton import COCO_18, Skeleton
from storage.bouts import Bout
from tests.test_behavior.conftest import ACTIONS

Figure = Callable[..., NDArray[np.float32]]


@pytest.fixture(scope="module")
def model(small_world: LabelledSequences) -> ActionModel:
    return train(small_world, "logistic", settings=TrainSettings(folds=3))[0]


def as_track(body: NDArray[np.float32], rate: float = 30.0, frames: NDArray[np.int64] | None = None) -> Track:
    """(n, 13, 2) body as a COCO-18 track; the head stands in for the nose, neck and the rest stay missing."""
    frames = np.arange(len(body), dtype=np.int64) if frames is None else frames
    keypoints = np.full((len(body), 18, 3), np.nan, dtype=np.float32)
    keypoints[..., 2] = 0
    for place, joint in enumerate(BODY_13):
        keypoints[:, COCO_18.index("nose" if joint == "head" else joint)] = np.column_stack(
            [body[:, place], np.full(len(body), 0.9)]
        )
    return Track(5, frames, frames / rate, keypoints, np.ones(len(body), dtype=np.float32), skeleton=COCO_18)


def learnt(track: Track, model: ActionModel, settings: RecogniseSettings | None = None) -> list[Bout]:
    """Bouts of the model's own actions."""
    return [bout for bout in recognise(track, COCO_18, model, settings).bouts if bout.action in model.info.classes]


def test_two_actions_one_after_the_other(model: ActionModel, figure: Figure) -> None:
    track = as_track(np.concatenate([figure("wave", 120), figure("squat", 120)]))
    found = recognise(track, COCO_18, model)
    bouts = learnt(track, model)
    assert [bout.action for bout in bouts] == ["wave", "squat"]
    assert abs(bouts[0].stop_frame - 119) <= 12
    assert {bout.track_id for bout in found.bouts} == {5}
    assert found.scores.shape == (240, 3)
    assert found.scores.sum(axis=1).max() <= 1 + 1e-5


def test_a_learnt_bout_says_its_probabilities(model: ActionModel, figure: Figure) -> None:
    track = as_track(np.concatenate([figure("wave", 120), figure("squat", 120)]))
    found = recognise(track, COCO_18, model)
    for bout in learnt(track, model):
        rows = slice(bout.start_frame, bout.stop_frame + 1)
        mean = dict(zip(model.info.classes, found.scores[rows].mean(axis=0), strict=True))
        mean["unknown"] = 1 - sum(mean.values())
        own = mean.pop(bout.action)
        following = max(mean, key=lambda action: mean[action])
        told = f"model: {bout.action} {own:.2f} (claimed from {model.unknown_below:.2f} on)"
        assert bout.evidence == f"{told}, next {following} {mean[following]:.2f}"
    scores = np.tile(np.float32([0.6, 0.1, 0.05]), (len(track), 1))
    (unsure,) = decode(track, scores, model, RecogniseSettings(unknown_below=0.5))
    assert (unsure.evidence or "").endswith(" 0.60 (claimed from 0.50 on), next unknown 0.35")  # walk's 0.1 is denied


@pytest.mark.parametrize("rate", [15.0, 60.0])
def test_only_real_time_counts(model: ActionModel, figure: Figure, rate: float) -> None:
    """The same motion filmed at another rate gives the same bout."""
    n = int(4 * rate)
    track = as_track(figure("squat", n, pace=30 / rate), rate)
    bouts = learnt(track, model)
    assert [bout.action for bout in bouts] == ["squat"]
    assert bouts[0].stop_s == pytest.approx(4.0, abs=0.1)


def test_no_bout_crosses_a_gap(model: ActionModel, figure: Figure) -> None:
    frames = np.concatenate([np.arange(60), np.arange(120, 180)])
    bouts = learnt(as_track(figure("wave", 120), frames=frames), model)
    assert [(bout.action, bout.start_frame, bout.stop_frame) for bout in bouts] == [("wave", 0, 59), ("wave", 120, 179)]
    assert bouts[0].stop_s == pytest.approx(2.0, abs=0.03)


def test_a_short_gap_is_bridged(model: ActionModel, figure: Figure) -> None:
    keep = np.r_[0:50, 56:120]
    bouts = learnt(as_track(figure("wave", 120)[keep], frames=keep), model)
    assert [(bout.action, bout.start_frame, bout.stop_frame) for bout in bouts] == [("wave", 0, 119)]


def test_bouts_that_touch_leave_no_hole() -> None:
    time_s = np.array([0.0, 0.033, 0.067, 0.1, 0.4, 0.433, 2.0, 2.033])
    times = Times.of(time_s, max_gap_s=0.5)
    np.testing.assert_array_equal(times.ends_s[:5], time_s[1:6])
    np.testing.assert_allclose(times.ends_s[[5, 7]], time_s[[5, 7]] + times.usual_s)
    assert [rows.tolist() for rows in times.stretches] == [[0, 1, 2, 3, 4, 5], [6, 7]]
    assert Times.of(time_s[:0], 0.5).stretches == []
    assert Times.of(time_s[:1], 0.5).ends_s.tolist() == [pytest.approx(1 / 30)]


def test_joints_that_jump_away_are_not_read(figure: Figure) -> None:
    clean, spoilt = figure("wave", 90), figure("wave", 90)
    rng = np.random.default_rng(0)
    hit = rng.random(spoilt.shape[:2]) < 0.05
    spoilt[hit] += rng.normal(0, 120, (hit.sum(), 2)).astype(np.float32)
    read = track_points(as_track(spoilt), COCO_18, BODY_13)
    far = np.linalg.norm(spoilt - clean, axis=-1) > 40
    assert np.isnan(read[far]).mean() > 0.9
    np.testing.assert_allclose(read[~hit & np.isfinite(read[..., 0])], spoilt[~hit & np.isfinite(read[..., 0])])
    unsure = as_track(clean)
    unsure.keypoints[10, :, 2] = 0.05
    assert np.isnan(track_points(unsure, COCO_18, BODY_13)[10]).all()


def test_too_few_joints_are_unknown(model: ActionModel, figure: Figure) -> None:
    body = figure("wave", 90)
    body[:, 3:] = np.nan
    found = recognise(as_track(body), COCO_18, model)
    assert found.bouts == []
    assert np.isnan(found.scores).all(), "nothing can be said, which is no probability of 0"


def test_what_cannot_be_said_is_missing(model: ActionModel, figure: Figure) -> None:
    """A stretch too short for a window, and frames with too few joints further than a window from any others."""
    body = np.concatenate([figure("wave", 180), figure("wave", 180), figure("wave", 6)])
    body[180:360, 3:] = np.nan
    track = as_track(body, frames=np.r_[0:360, 420:426])
    scores = recognise(track, COCO_18, model).scores
    known = np.isfinite(scores).all(axis=1)
    assert (known == np.isfinite(scores).any(axis=1)).all()
    reach = round(30 * model.window_s)
    assert known[:180].all()
    assert not known[180 + reach :].any()
    assert learnt(track, model)[0].action == "wave"


def test_a_ghost_makes_no_bout(model: ActionModel) -> None:
    rng = np.random.default_rng(0)
    body = rng.uniform(0, 300, (8, 13, 2)).astype(np.float32)
    assert learnt(as_track(body), model) == []
    assert learnt(as_track(body[:1]), model) == []
    empty = recognise(as_track(body[:0]), COCO_18, model)
    assert empty.bouts == []
    assert empty.scores.shape == (0, 3)


def test_minimum_duration(model: ActionModel, figure: Figure) -> None:
    track = as_track(figure("wave", 45))
    assert learnt(track, model)
    assert learnt(track, model, RecogniseSettings(min_bout_s=2.0)) == []


@pytest.mark.parametrize(("frames", "found"), [(12, 0), (18, 1)])
def test_half_a_second_is_the_least_that_is_told(model: ActionModel, figure: Figure, frames: int, found: int) -> None:
    """An action that is sure for 0.4 s is no bout, one of 0.6 s is, where the model learnt no other length."""
    scores = np.zeros((90, 3), dtype=np.float32)
    scores[40 : 40 + frames, 2] = 0.99
    settings = RecogniseSettings(unknown_below=0.1)
    assert len(decode(as_track(figure("wave", 90)), scores, model, settings)) == found


class Undecided(LinearClassifier):
    """Gives every clip the same answer."""

    def _predict_proba(self, clips: Clips) -> NDArray[np.float64]:
        return np.tile([0.5, 0.3, 0.2], (len(clips), 1))


def test_the_threshold_and_the_prior_decide(model: ActionModel, figure: Figure) -> None:
    classifier = Undecided().load_parts(model.classifier.parts(), model.info.classes, BODY_13)
    undecided = replace(model, classifier=classifier, temperature=1.0, unknown_below=0.55)
    track = as_track(figure("wave", 90))
    assert learnt(track, undecided) == []
    claimed = learnt(track, undecided, RecogniseSettings(unknown_below=0.45))
    assert [(bout.action, round(bout.score, 5)) for bout in claimed] == [("squat", 0.5)]
    often = learnt(track, replace(undecided, prior={"wave": 5.0}))
    assert [(bout.action, round(bout.score, 5)) for bout in often] == [("wave", round(1 / 1.8, 5))]


class AlwaysWalks(LinearClassifier):
    """Says that everybody walks."""

    def _predict_proba(self, clips: Clips) -> NDArray[np.float64]:
        return np.tile([0.01, 0.98, 0.01], (len(clips), 1))


def test_nobody_walks_on_the_spot(model: ActionModel, figure: Figure) -> None:
    """A model that always says walk is believed where there are steps, or none could be seen, and nowhere else."""
    walks = replace(model, classifier=AlwaysWalks().load_parts(model.classifier.parts(), ACTIONS, BODY_13))
    for action in ("wave", "squat", "still"):
        assert not {"walk", "run"} & {bout.action for bout in learnt(as_track(figure(action, 150)), walks)}
    assert "walk" in {bout.action for bout in learnt(as_track(figure("walk", 150)), walks)}
    half = figure("wave", 150)
    half[:, [BODY_13.index(f"{side}_ankle") for side in ("left", "right")]] = np.nan
    assert not {bout.action for bout in learnt(as_track(half), walks)}  # the hips rest
    half[..., 0] += 8 * np.arange(150)[:, None]
    assert {bout.action for bout in learnt(as_track(half), walks)} == {"walk"}


def test_a_rule_that_the_model_names_decides(model: ActionModel, figure: Figure) -> None:
    """By the rule this is a run."""
    walks = replace(model, classifier=AlwaysWalks().load_parts(model.classifier.parts(), ACTIONS, BODY_13))
    track = as_track(figure("walk", 150, pace=2.0))  # 1.4 body heights a second
    assert [bout.action for bout in learnt(track, walks)] == ["walk"]
    assert learnt(track, replace(walks, rules=("walk",))) == []


def test_other_joints_are_refused(model: ActionModel) -> None:
    mouse = Skeleton("mouse", ("nose", "tail"), (), (0.1, 0.1))
    track = Track(
        1, np.arange(3), np.arange(3) / 30, np.zeros((3, 2, 3), np.float32), np.ones(3, np.float32), skeleton=mouse
    )
    with pytest.raises(LayoutError, match="missing"):
        recognise(track, mouse, model)


def test_a_bout_says_which_joints_it_hangs_on(model: ActionModel, figure: Figure) -> None:
    """Each joint's figure is the probability of the window in the middle of the bout with that joint away."""
    model = replace(model, temperature=1.0)  # less sure of itself, so that single joints count
    track = as_track(np.concatenate([figure("wave", 120), figure("squat", 121)]))
    plain = learnt(track, model)
    explained = [
        bout for bout in recognise(track, COCO_18, model, explain=True).bouts if bout.action in model.info.classes
    ]
    assert [replace(bout, evidence=None) for bout in explained] == [replace(bout, evidence=None) for bout in plain]
    hung = 0
    for bout, before in zip(explained, plain, strict=True):
        begin, _, words = (bout.evidence or "").partition("; most like ")[0].partition("; in its middle ")
        assert begin == before.evidence
        middle = (bout.start_s + bout.stop_s) / 2
        rows = np.flatnonzero(np.abs(track.time_s - middle) <= model.window_s / 2)
        points = track_points(track, COCO_18, BODY_13)[rows]

        def proba(hidden: int | None, points: NDArray[np.float32] = points, action: str = bout.action) -> float:
            seen = points.copy()
            if hidden is not None:
                seen[:, hidden] = np.nan
            clip = Clips(seen[None], np.array([len(seen)]))
            return float(model.weighted_proba(clip)[0, model.info.classes.index(action)])

        left = {joint.replace("_", " "): proba(place) for place, joint in enumerate(BODY_13)}
        whole, *joints = words.split(", without ")
        assert float(whole.split(",")[0]) == pytest.approx(proba(None), abs=0.005)
        told = {joint.rpartition(" ")[0]: float(joint.rpartition(" ")[2]) for joint in joints}
        worst = sorted(value for value in left.values() if proba(None) - value >= 0.01)[:3]
        assert list(told.values()) == pytest.approx(worst, abs=0.005)
        assert list(told.values()) == pytest.approx([left[joint] for joint in told], abs=0.005)
        hung += len(told)
    assert hung > 1
