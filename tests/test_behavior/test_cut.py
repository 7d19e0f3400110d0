"""Clips of one recording: what is held out by time is out of sight of what is learnt from."""

from __future__ import annotations

import numpy as np
import pytest

from behavior.recognition.classifiers.registry import make_classifier
from behavior.recognition.clips import grouped_folds
from behavior.training.cut import CodedPerson, CutSettings, cut_clips
from behavior.training.train import TrainSettings, cross_validate
from pose.people import Track
from pose.skeleton import COCO_18
from storage.bouts import Annotation

FPS = 30


def person(points: np.ndarray, labels: list[Annotation]) -> CodedPerson:
    n = len(points)
    keypoints = np.ones((n, 18, 3), dtype=np.float32)
    keypoints[..., :2] = points
    track = Track(1, np.arange(n), np.arange(n) / FPS, keypoints, np.ones(n, dtype=np.float32), skeleton=COCO_18)
    return CodedPerson("film", "sha", "Person 1", False, track, COCO_18, tuple(labels))


def stamped(seconds: int, labels: list[Annotation]) -> CodedPerson:
    """Someone whose joints all say the number of the frame."""
    number = np.arange(seconds * FPS, dtype=np.float32)
    return person(np.repeat(number, 36).reshape(-1, 18, 2), labels)


def turns(bout_s: float, seconds: int, names: tuple[str, ...] = ("walk", "wave")) -> list[Annotation]:
    return [
        Annotation(names[k % len(names)], k * bout_s, (k + 1) * bout_s, track_id=1)
        for k in range(int(seconds / bout_s))
    ]


@pytest.mark.parametrize("bout_s", [0.4, 1.0, 1.5, 3.0, 20.0])
@pytest.mark.parametrize("seconds", [15, 60])
def test_groups_of_time_are_a_window_apart(bout_s: float, seconds: int) -> None:
    clips = cut_clips([stamped(seconds, turns(min(bout_s, seconds / 2), seconds))])
    data = clips.data
    assert clips.group_by == "time"
    assert data.groups is not None
    first, last = (data.joints[rows, 0, 0] for rows in (data.offsets[:-1], data.offsets[1:] - 1))
    for group in np.unique(data.groups):
        own = data.groups == group
        low, high = first[own].min(), last[own].max()
        assert ((first[~own] >= high + clips.window_s * FPS - 1) | (last[~own] <= low - clips.window_s * FPS + 1)).all()
    folds = grouped_folds(data.labels, data.groups, 4)
    frames = [set(range(int(a), int(b) + 1)) for a, b in zip(first, last, strict=True)]
    for fold in range(folds.n_folds):
        train, test = folds.split(fold)
        learnt = set().union(*(frames[row] for row in train))
        assert not any(frames[row] & learnt for row in test)
    assert "a window away" in " ".join(clips.notes)


def test_an_action_of_one_long_bout_is_tested_too() -> None:
    labels = [Annotation("walk", 0, 20, track_id=1), Annotation("wave", 20, 40, track_id=1)]
    data = cut_clips([stamped(40, labels)]).data
    assert grouped_folds(data.labels, data.groups, 4).never_tested == ()


def test_two_people_of_one_moment_are_never_on_both_sides() -> None:
    clips = cut_clips([stamped(60, turns(3, 60)), stamped(60, turns(2, 60))], CutSettings(group_by="time"))
    assert clips.data.groups is not None
    for moment in np.unique(clips.middle_s.round()):
        near = np.abs(clips.middle_s - moment) < clips.window_s / 4
        assert len(np.unique(clips.data.groups[near])) <= 1


def test_too_little_time_is_said() -> None:
    clips = cut_clips([stamped(6, turns(1.5, 6))])
    assert len(np.unique(clips.data.groups)) == 1
    assert "no honest figure is possible" in clips.notes[-1]


def test_labels_that_mean_nothing_give_chance_on_one_recording() -> None:
    reached = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        body = rng.uniform(-100, 100, (18, 2))
        wander = np.cumsum(rng.normal(0, 1, (60 * FPS, 18, 2)), axis=0)
        wander *= 25 / wander.std(axis=0)
        names = rng.permutation(np.repeat(["walk", "wave"], 30))
        labels = [Annotation(str(name), k, k + 1.0, track_id=1) for k, name in enumerate(names)]
        data = cut_clips([person(body + 400 + wander, labels)]).data
        cv = cross_validate(data, lambda: make_classifier("logistic", {"copies": 0}), TrainSettings())
        tested = np.isfinite(cv.clean[:, 0])
        reached.append(np.mean(cv.clean[tested].argmax(axis=1) == data.labels[tested]))
    assert np.mean(reached) == pytest.approx(0.5, abs=0.1)
