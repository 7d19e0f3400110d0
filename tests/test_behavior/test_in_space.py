"""Actions of people in space: what they are must not hang on where they look or how they were turned."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from behavior.recognition.in_space import recognise_in_space
from behavior.recognition.model import ActionModel, load_action_model
from pose.layouts import BODY_13
from pose.skeleton import COCO_18
from storage.bouts import Bout

Figure = Callable[..., NDArray[np.float32]]
WRISTS = [BODY_13.index("right_wrist"), BODY_13.index("left_wrist")]
ELBOWS = [BODY_13.index("right_elbow"), BODY_13.index("left_elbow")]


@pytest.fixture(scope="module")
def model() -> ActionModel:
    return load_action_model("default")


def from_the_side(body: NDArray[np.float32]) -> NDArray[np.float64]:
    """(T, 18, 3) metres of a figure drawn from the side: shoulders and hips 0.3 m apart, away from who looks."""
    points = np.zeros((*body.shape[:2], 3))
    points[..., :2] = body
    points[..., 2] = [0.0 if joint == "head" else 60.0 * (joint.startswith("left") - 0.5) for joint in BODY_13]
    middle = points[:, [BODY_13.index("left_hip"), BODY_13.index("right_hip")], 0].mean(axis=1)
    points[:, [BODY_13.index(f"{side}_{part}") for side in ("left", "right") for part in ("hip", "shoulder")], 0] = (
        middle[:, None]
    )
    return as_coco(points * 0.005)


def from_the_front(body: NDArray[np.float32]) -> NDArray[np.float64]:
    """(T, 18, 3) metres of a flat figure that looks at who looks."""
    return as_coco(np.concatenate([body, np.zeros((*body.shape[:2], 1), dtype=np.float32)], axis=2) * 0.005)


def as_coco(body: NDArray[np.floating]) -> NDArray[np.float64]:
    points = np.full((len(body), len(COCO_18), 3), np.nan)
    for place, joint in enumerate(BODY_13):
        points[:, COCO_18.index("nose" if joint == "head" else joint)] = body[:, place]
    shoulders = [COCO_18.index("left_shoulder"), COCO_18.index("right_shoulder")]
    points[:, COCO_18.index("neck")] = points[:, shoulders].mean(axis=1)
    return points


def turned(points: NDArray[np.float64], degrees: float) -> NDArray[np.float64]:
    """About the vertical, and put somewhere else."""
    a = np.deg2rad(degrees)
    return points @ np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]]) + [2.0, -1.0, 5.0]


def bouts_of(points: NDArray[np.float64], model: ActionModel) -> list[Bout]:
    frames = np.arange(len(points))
    return recognise_in_space(7, points, frames, frames / 30, COCO_18, model)


@pytest.mark.parametrize("degrees", [0, 40, 90, 200])
def test_who_walks_walks_whichever_way(figure: Figure, model: ActionModel, degrees: float) -> None:
    walk = from_the_side(figure("walk", 120))
    found = {bout.action: bout for bout in bouts_of(turned(walk, degrees), model)}
    assert set(found) >= {"walk", "upright"}
    assert found["walk"].evidence is not None
    assert found["walk"].evidence.startswith("from the side: rule: ")
    assert found["walk"].duration_s > 2.5
    assert found["walk"].track_id == 7
    assert "walk" not in {bout.action for bout in bouts_of(turned(from_the_side(figure("still", 120)), degrees), model)}


@pytest.mark.parametrize("degrees", [0, 70, 90])
def test_waving_and_raised_arms_are_seen_from_the_front(figure: Figure, model: ActionModel, degrees: float) -> None:
    (wave,) = (
        one for one in bouts_of(turned(from_the_front(figure("wave", 90)), degrees), model) if one.action == "wave"
    )
    assert wave.evidence is not None
    assert wave.evidence.startswith("from the front: ")
    body = figure("still", 120)
    up = np.arange(120) // 30 % 2 == 1
    body[np.ix_(up, WRISTS, [1])], body[np.ix_(up, ELBOWS, [1])] = -170, -142
    raised = [one for one in bouts_of(turned(from_the_front(body), degrees), model) if one.action == "arms_raised"]
    assert [(one.start_frame, one.stop_frame) for one in raised] == [(30, 59), (90, 119)]


def test_nobody_and_gaps(figure: Figure, model: ActionModel) -> None:
    walk = from_the_side(figure("walk", 120))
    assert bouts_of(np.full_like(walk, np.nan), model) == []
    walk[:60] = np.nan
    assert all(one.start_frame >= 60 for one in bouts_of(walk, model))
