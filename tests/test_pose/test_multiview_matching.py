"""Who is who in which view, of synthetic people."""

from __future__ import annotations

import numpy as np
import pytest

from pose.multiview import CameraGroup, View, match_people
from tests.test_pose.multiview_scenes import bodies, ring

Truth = list[tuple[int, ...]]


def scene(
    cameras: int, people: int, seed: int, *, height: float | None = None, noise: float = 2.0
) -> tuple[CameraGroup, list[View], Truth]:
    """Views of all people in all cameras in random order, and the indices of each person's views."""
    random = np.random.default_rng(seed)
    group, points = ring(cameras, seed, height), bodies(people, 5, seed)
    views: list[View] = []
    truth: list[list[int]] = [[] for _ in range(people)]
    for number, camera in enumerate(group.cameras):
        for person in random.permutation(people):
            truth[person].append(len(views))
            pixels = camera.project(points[person]) + random.normal(size=(5, 18, 2)) * noise
            views.append(View(number, pixels, np.ones((5, 18))))
    return group, views, sorted(map(tuple, truth))


@pytest.mark.parametrize("people", [1, 2, 4, 6])
@pytest.mark.parametrize("cameras", [2, 3, 4, 8])
def test_people_are_found_in_all_views(cameras: int, people: int) -> None:
    for seed in range(2):
        group, views, truth = scene(cameras, people, seed)
        assert match_people(group, views) == truth


def test_cameras_at_one_height_are_not_led_astray() -> None:
    """Their epipolar lines run along the floor: joints of one height fit pairwise, whoever's they are."""
    for seed in range(3):
        group, views, truth = scene(4, 5, seed, height=1.5)
        assert match_people(group, views) == truth


def test_whoever_a_camera_does_not_see_is_not_lent_to_it() -> None:
    group, views, truth = scene(4, 3, 7)
    gone = truth[1][2]
    left = [view for number, view in enumerate(views) if number != gone]
    numbers = [number for number in range(len(views)) if number != gone]
    wanted = sorted(tuple(numbers.index(node) for node in person if node != gone) for person in truth)
    assert match_people(group, left) == wanted


def test_whoever_only_one_camera_sees_is_nobody() -> None:
    group, views, truth = scene(3, 2, 1)
    alone = [node for node in truth[0] if node != truth[0][0]]
    left = [number for number in range(len(views)) if number not in alone]
    wanted = [tuple(left.index(node) for node in truth[1])]
    assert match_people(group, [views[number] for number in left]) == wanted


def test_a_track_that_broke_is_one_person_and_two_at_a_time_are_not() -> None:
    group, views, _ = scene(3, 1, 2)
    early, late = views[0].pixels.copy(), views[0].pixels.copy()
    early[2:], late[:2] = np.nan, np.nan
    broken = [View(0, early, views[0].confidence), View(0, late, views[0].confidence), *views[1:]]
    assert match_people(group, broken) == [(0, 1, 2, 3)]
    twice = [views[0], *views]
    (person,) = match_people(group, twice)
    assert len(person) == 3
    assert len({twice[node].camera for node in person}) == 3


def test_nobody_and_nothing_in_common() -> None:
    group, views, _ = scene(2, 1, 0)
    assert match_people(group, []) == []
    assert match_people(group, views[:1]) == []
    views[0].pixels[:3] = np.nan
    views[1].pixels[2:] = np.nan
    assert match_people(group, views) == []
