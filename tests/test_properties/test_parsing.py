"""People -> maps -> people, on random scenes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pose.averaging import mirror
from pose.maps import OPENPOSE_COCO, Maps
from pose.parsing import encode, parse
from pose.people import Person
from pose.skeleton import COCO_18

HEIGHT, WIDTH = 368, 656
STRIDE = OPENPOSE_COCO.stride

# A standing person, neck at (0, 0), pixels.
STANDING = np.array(
    [
        (0, -20), (0, 0), (-16, 0), (-20, 24), (-22, 46), (16, 0), (20, 24), (22, 46),
        (-10, 50), (-11, 84), (-12, 118), (10, 50), (11, 84), (12, 118), (-4, -24), (4, -24), (-9, -22), (9, -22),
    ],
    dtype=np.float64,
)  # fmt: skip


def _segment_distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Between two limbs (2, 2), by dense samples."""
    along = np.linspace(0, 1, 33)[:, None]
    one, other = a[0] + along * (a[1] - a[0]), b[0] + along * (b[1] - b[0])
    return float(np.linalg.norm(one[:, None] - other[None], axis=-1).min())


def _apart(a: NDArray[np.float64], b: NDArray[np.float64]) -> bool:
    """The same joint, and the same limb, of two people are at least three cells apart.

    Closer, the maps themselves are ambiguous: Gaussians melt together, and the averaged fields of two forearms that
    cross fit two other forearms as well.
    """
    if np.linalg.norm(a - b, axis=1).min() < 3 * STRIDE:
        return False
    return all(_segment_distance(a[limb], b[limb]) >= 3 * STRIDE for limb in COCO_18.limb_indices)


@st.composite
def bodies(draw: st.DrawFn) -> NDArray[np.float64]:
    """(18, 2) joints: any size, direction and place inside the image, each joint moved at random."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scale = draw(st.floats(0.8, 2.4))
    angle = draw(st.floats(-np.pi, np.pi))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = scale * (STANDING + random.normal(0, 2.5, STANDING.shape)) @ turn.T
    size = points.max(axis=0) - points.min(axis=0)
    room = np.array([WIDTH, HEIGHT]) - size
    assume(np.all(room > 0))
    place = np.array([draw(st.floats(0, 1)), draw(st.floats(0, 1))])
    return points - points.min(axis=0) + place * room - 0.5


@st.composite
def scenes(draw: st.DrawFn, max_people: int = 7) -> list[NDArray[np.float64]]:
    scene: list[NDArray[np.float64]] = []
    for body in draw(st.lists(bodies(), min_size=1, max_size=max_people)):
        if all(_apart(body, other) for other in scene):
            scene.append(body)
    return scene


def draw_maps(scene: list[NDArray[np.float64]], height: int = HEIGHT, width: int = WIDTH) -> Maps:
    people = [
        Person(np.column_stack([points, np.ones(18)]).astype(np.float32), 1.0, skeleton=COCO_18) for points in scene
    ]
    return encode(people, OPENPOSE_COCO, height, width)


def matched(people: list[Person], scene: list[NDArray[np.float64]]) -> list[NDArray[np.float32]]:
    """The person found for each one drawn, by the neck."""
    necks = np.array([person.keypoints[1, :2] for person in people])
    return [people[int(np.linalg.norm(necks - points[1], axis=1).argmin())].keypoints for points in scene]


@given(scenes())
@settings(deadline=None, max_examples=150)
def test_everyone_comes_back_complete_and_within_a_quarter_of_a_cell(scene: list[NDArray[np.float64]]) -> None:
    people = parse(draw_maps(scene))
    assert len(people) == len(scene)
    for found, true in zip(matched(people, scene), scene, strict=True):
        assert np.all(np.linalg.norm(found[:, :2] - true, axis=1) < STRIDE / 4)


@given(scenes(), st.sets(st.integers(0, 17), max_size=8))
@settings(deadline=None, max_examples=50)
def test_no_joint_is_invented(scene: list[NDArray[np.float64]], hidden: set[int]) -> None:
    for points in scene:
        points[list(hidden)] = np.nan
    for person in parse(draw_maps(scene)):
        assert not person.visible[list(hidden)].any()


@given(scenes(), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=50)
def test_mirrored_maps_give_mirrored_people(scene: list[NDArray[np.float64]], seed: int) -> None:
    """Also with noise on the maps, where not all is found."""
    random = np.random.default_rng(seed)
    clean = draw_maps(scene)
    noisy = replace(
        clean,
        heatmaps=clean.heatmaps + random.normal(0, 0.01, clean.heatmaps.shape).astype(np.float32),
        pafs=clean.pafs + random.normal(0, 0.05, clean.pafs.shape).astype(np.float32),
    )
    people, others = parse(noisy), parse(mirror(noisy))
    assert len(people) == len(others)
    for person, other in zip(people, others, strict=True):
        swapped = other.keypoints[COCO_18.mirror_indices]
        swapped[:, 0] = WIDTH - 1 - swapped[:, 0]
        assert np.allclose(person.keypoints, swapped, atol=1e-2, equal_nan=True)
        assert np.isclose(person.score, other.score, atol=1e-5)


@given(scenes())
@settings(deadline=None, max_examples=25)
def test_people_moved_by_whole_cells_are_found_moved(scene: list[NDArray[np.float64]]) -> None:
    step = np.array((5 * STRIDE, 3 * STRIDE))
    here = matched(parse(draw_maps(scene)), scene)
    moved = [points + step for points in scene]
    there = matched(parse(draw_maps(moved, HEIGHT + 6 * STRIDE, WIDTH + 10 * STRIDE)), moved)
    for found, found_moved in zip(here, there, strict=True):
        assert np.allclose(found[:, :2] + step, found_moved[:, :2], atol=0.05)
