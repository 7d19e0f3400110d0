"""Labels out of several views, on synthetic cameras of which everything is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pose.multiview.bootstrapping import Limits, agreed, choose_frames, frame_scores, labels
from pose.multiview.clock import at_times
from tests.test_pose.multiview_scenes import bodies, ring

GROUP = ring(4)
SIZE = (1280, 720)
LIMITS = Limits(10.0)
POINTS = bodies(1, 5)[0]  # (5, 18, 3)
CONFIDENCE = np.full((4, 5, 18), 0.8)


@settings(max_examples=30, deadline=None)
@given(view=st.integers(0, 3), joint=st.integers(0, 17), frame=st.integers(0, 4))
def test_a_joint_hidden_in_one_view_comes_back(view: int, joint: int, frame: int) -> None:
    truth = GROUP.project(POINTS)
    pixels = truth.copy()
    pixels[view, frame, joint] = np.nan
    found = agreed(GROUP, pixels, CONFIDENCE, LIMITS)
    for number, camera in enumerate(GROUP.cameras):
        label = labels(camera, SIZE, found.points, found.used[number])
        assert np.abs(label[..., :2] - truth[number]).max() < 1e-6
        hidden = np.full((5, 18), 2)
        if number == view:
            hidden[frame, joint] = 1
        assert label[..., 2].tolist() == hidden.tolist()


def test_a_view_that_is_wrong_is_not_believed_but_corrected() -> None:
    pixels = GROUP.project(POINTS)
    truth = pixels[2, 0, 3].copy()
    pixels[2, 0, 3] += [25, 0]
    found = agreed(GROUP, pixels, CONFIDENCE, LIMITS)
    x, y, visible = labels(GROUP.cameras[2], SIZE, found.points, found.used[2])[0, 3]
    assert np.hypot(*(truth - (x, y))) < 1e-6
    assert visible == 1


def test_a_detection_that_is_not_sure_does_not_count() -> None:
    pixels, confidence = GROUP.project(POINTS), CONFIDENCE.copy()
    confidence[1, 0, 0] = 0.09
    assert not agreed(GROUP, pixels, confidence, LIMITS).used[1, 0, 0]
    confidence[1, 0, 0] = 0.1
    assert agreed(GROUP, pixels, confidence, LIMITS).used[1, 0, 0]


def test_too_few_views_make_no_label() -> None:
    pixels = GROUP.project(POINTS)
    pixels[:2, 0, 0] = np.nan
    assert np.isnan(agreed(GROUP, pixels, CONFIDENCE, LIMITS).points[0, 0]).all()
    found = agreed(GROUP, pixels, CONFIDENCE, Limits(10.0, min_views=2))
    assert np.abs(found.points - POINTS).max() < 1e-9
    label = labels(GROUP.cameras[0], SIZE, np.full((2, 3), np.nan), np.array([True, False]))
    assert np.isnan(label[:, :2]).all()
    assert label[:, 2].tolist() == [0, 0]


def test_what_lies_outside_the_picture_is_absent() -> None:
    camera = GROUP.cameras[0]
    x, y = camera.project(POINTS[0, 0])
    seen = np.array(True)
    for size, visible in (((x + 1, y + 1), 2), ((x + 0.5, y + 0.5), 2), ((x + 0.49, y + 1), 0), ((x + 1, y), 0)):
        assert labels(camera, size, POINTS[0, 0], seen)[2] == visible
    shifted = camera.cropped(x + 0.6, 0, 1280, 720)
    assert labels(shifted, SIZE, POINTS[0, 0], seen)[2] == 0
    behind = camera.centre - 0.5 * (POINTS[0, 0] - camera.centre)
    assert labels(camera, SIZE, behind, seen)[2] == 0


def test_a_frame_is_worth_the_confidence_of_those_that_agree() -> None:
    confidence = np.array([[[0.5, 0.25], [1.0, np.nan]], [[0.125, 1.0], [1.0, 1.0]]])  # two views, frames, joints
    used = np.array([[[True, True], [True, False]], [[True, False], [False, False]]])
    assert frame_scores(confidence, used).tolist() == [0.875, 1.0]


def chosen(scores: list[float], points: np.ndarray | None = None, **more: float) -> list[int]:
    time_s = np.arange(len(scores)) / 10
    moving = np.arange(len(scores))[:, None, None] * np.ones((1, 2, 3))
    wanted = {"window_s": 0.3, "same_m": 0.05, "most": 100} | more
    return choose_frames(
        np.array(scores), time_s, moving if points is None else points, **wanted  # type: ignore[arg-type]
    ).tolist()  # fmt: skip


def test_frames_are_ranked_and_windows_do_not_overlap() -> None:
    assert chosen([1, 2, 3, 9, 8, 7, 6, 5]) == [3, 6, 0]  # 0.3 s apart, not less
    assert chosen([1, 2, 3, 9, 8, 7, 6, 5], most=2) == [3, 6]
    assert chosen([0, 0, 0, 0, 0, 0, 1]) == [6]
    assert chosen([4, 0, 0, 4]) == [0, 3]


def test_a_window_that_repeats_its_neighbour_is_dropped() -> None:
    scores = [float(9 - i) for i in range(9)]
    still = np.zeros((9, 2, 3))
    assert chosen(scores, still) == [0, 6]  # 6 is beyond the neighbouring window of 0
    moved = still.copy()
    moved[3, 0] = [0.08, 0, 0]  # one of two joints: 0.057 m in the root of the mean square
    assert chosen(scores, moved) == [0, 3, 6]
    assert chosen(scores, moved, same_m=0.06) == [0, 6]
    moved[3, 1] = np.nan
    assert chosen(scores, moved, same_m=0.06) == [0, 3, 6]
    moved[3] = np.nan  # nothing in common is no repetition
    assert chosen(scores, moved) == [0, 3, 6]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.floats(0.05, 1))
def test_no_two_frames_are_closer_than_the_window(scores: list[float], window_s: float) -> None:
    found = np.array(chosen(scores, window_s=window_s), dtype=int)
    assert (np.diff(np.sort(found)) / 10 >= window_s - 1e-6).all()
    assert (np.diff(np.array(scores)[found]) <= 0).all()
    left = [i for i, score in enumerate(scores) if score > 0 and not (np.abs(found - i) / 10 < window_s - 1e-6).any()]
    assert not left


def test_points_move_evenly_between_two_times() -> None:
    clock = np.array([0.0, 0.1, 0.2, 0.3])
    points = np.array([[0.0, 0, 0], [1, 2, 3], [np.nan] * 3, [4, 4, 4]])[:, None]
    found = at_times(points, clock, np.array([-0.01, 0.0, 0.025, 0.1, 0.15, 0.2, 0.3, 0.31]))[:, 0]
    assert found[[1, 2, 3, 6]] == pytest.approx(np.array([[0, 0, 0], [0.25, 0.5, 0.75], [1, 2, 3], [4, 4, 4]]))
    assert np.isnan(found[[0, 4, 5, 7]]).all()
    late = at_times(points[:2], np.array([0.0, 0.1]), np.array([0.05]))
    assert late[0, 0] == pytest.approx([0.5, 1, 1.5])
    gap = np.array([0.0, 0.1, 0.2, 0.3, 1.0])
    assert np.isnan(at_times(np.zeros((5, 3)), gap, np.array([0.5]))).all()  # too far apart
    assert at_times(points, clock, clock) == pytest.approx(points, nan_ok=True, abs=0)
