"""Maps drawn as a centre network gives them -> people."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from pose.maps import MOVENET_MULTIPOSE, MOVENET_THUNDER, CenterMaps
from pose.parsing import find_centered_people
from pose.parsing.centers import read_person
from pose.skeleton import COCO_17

STRIDE = MOVENET_MULTIPOSE.stride
N = len(COCO_17)
# a body of about 40 by 100 pixels around (0, 0), COCO-17
BODY = np.array(
    [
        (0, -45), (3, -48), (-3, -48), (7, -46), (-7, -46), (14, -30), (-14, -30), (18, -12), (-18, -12), (20, 4),
        (-20, 4), (9, 6), (-9, 6), (10, 30), (-10, 30), (11, 52), (-11, 52),
    ],
    dtype=np.float64,
)  # fmt: skip


def standing(x: float, y: float, scale: float = 1) -> NDArray[np.float64]:
    """(17, 2) body around a place."""
    placed: NDArray[np.float64] = scale * BODY + np.array([x, y])
    return placed


def draw(
    people: Sequence[NDArray[np.float64]],
    size: tuple[int, int] = (256, 384),
    beliefs: Sequence[float] | None = None,
    boxes: bool = True,
) -> CenterMaps:
    """Maps of (17, 2) bodies, pixels; a network's maps are sharp, with true regressions where a middle is."""
    h, w = size[0] // STRIDE, size[1] // STRIDE
    centers = np.zeros((1, h, w), dtype=np.float32)
    heatmaps = np.zeros((N, h, w), dtype=np.float32)
    regressions, offsets = (np.zeros((2 * N, h, w), dtype=np.float32) for _ in range(2))
    scales = np.zeros((2, h, w), dtype=np.float32)
    ys, xs = np.mgrid[:h, :w]
    for i, body in enumerate(people):
        belief = beliefs[i] if beliefs else 0.9
        cells = body / STRIDE
        cx, cy = np.floor((cells.min(axis=0) + cells.max(axis=0)) / 2 + 0.5).astype(int)
        centers[0] = np.maximum(centers[0], belief * np.exp(-((xs - cx) ** 2 + (ys - cy) ** 2) / 2))
        scales[:, cy, cx] = np.ptp(cells, axis=0)[::-1]
        for joint, (x, y) in enumerate(cells):
            regressions[2 * joint, cy, cx], regressions[2 * joint + 1, cy, cx] = y - cy, x - cx
            jx, jy = np.clip((int(x), int(y)), 0, (w - 1, h - 1))
            heatmaps[joint, jy, jx] = belief
            offsets[2 * joint, jy, jx], offsets[2 * joint + 1, jy, jx] = y - jy, x - jx
    if boxes:
        return CenterMaps(centers, heatmaps, regressions, offsets, MOVENET_MULTIPOSE, scales, np.zeros_like(scales))
    return CenterMaps(centers, heatmaps, regressions, offsets, MOVENET_THUNDER)


def test_two_people_are_placed_exactly_the_surer_first() -> None:
    bodies = [standing(80.3, 120.7), standing(250.6, 100.2, 0.7)]
    found = find_centered_people(draw(bodies, beliefs=[0.5, 0.95]))
    assert [person.skeleton for person in found] == [COCO_17, COCO_17]
    for person, body in zip(found, bodies[::-1], strict=True):
        np.testing.assert_allclose(person.keypoints[:, :2], body, atol=0.1)
    assert found[0].score > found[1].score > 0
    for person, belief in zip(found, (0.95, 0.5), strict=True):  # less by how far the cell is from the regression
        assert np.all((person.keypoints[:, 2] <= belief) & (person.keypoints[:, 2] > 0.6 * belief))


def test_six_hundred_people_are_found() -> None:
    places = [(x, y) for y in range(24, 24 + 20 * 32, 32) for x in range(24, 24 + 30 * 28, 28)]
    bodies = [standing(x, y, 0.2) for x, y in places]
    assert len(bodies) == 600
    found = find_centered_people(draw(bodies, (704, 896)))
    assert len(found) == 600
    at = np.array([person.keypoints[:, :2].mean(axis=0) for person in found])
    truth = np.array([body.mean(axis=0) for body in bodies])
    distances = np.linalg.norm(at[:, None] - truth[None], axis=-1)
    assert distances.min(axis=0).max() < 0.1
    assert len(find_centered_people(draw(bodies, (704, 896)), max_people=5)) == 5


def test_the_most_certain_are_kept_where_there_are_too_many() -> None:
    bodies = [standing(60 + 90 * i, 120) for i in range(3)]
    (kept,) = find_centered_people(draw(bodies, beliefs=[0.4, 0.9, 0.6]), max_people=1)
    np.testing.assert_allclose(kept.keypoints[:, :2], bodies[1], atol=0.1)


def test_a_plateau_is_one_person() -> None:
    maps = draw([standing(120, 120)])
    maps.centers[0, 29:32, 29:32] = 0.9
    assert len(find_centered_people(maps)) == 1


def test_an_empty_picture_has_nobody() -> None:
    assert find_centered_people(draw([])) == []


def test_what_is_no_number_is_nobody() -> None:
    maps = draw([standing(120, 120)])
    for plane in (maps.centers, maps.heatmaps, maps.regressions, maps.offsets, maps.box_scales):
        plane[:] = np.nan  # type: ignore[index]
    assert find_centered_people(maps) == []


def test_a_network_without_boxes_is_refused() -> None:
    with pytest.raises(ValueError, match="boxes"):
        find_centered_people(draw([standing(120, 120)], boxes=False))


def test_a_joint_nobody_saw_has_no_confidence_and_a_place_near_the_body() -> None:
    maps = draw([standing(120, 120)])
    maps.heatmaps[9] = 0
    (person,) = find_centered_people(maps)
    assert person.keypoints[9, 2] == 0
    assert np.isfinite(person.keypoints).all()
    np.testing.assert_allclose(
        np.delete(person.keypoints[:, :2], 9, axis=0), np.delete(BODY + 120, 9, axis=0), atol=0.1
    )


def test_a_body_that_leaves_the_picture_stays_near_it() -> None:
    (person,) = find_centered_people(draw([standing(380, 120)]))
    inside = BODY[:, 0] + 380 < 383
    np.testing.assert_allclose(person.keypoints[inside, :2], standing(380, 120)[inside], atol=0.1)


def test_a_small_middle_far_away_is_a_less_likely_person_than_a_large_one() -> None:
    """Of people of equal belief, those of a size that the network sees well score more."""
    found = find_centered_people(draw([standing(80, 120), standing(250, 120, 0.12)]))
    assert np.ptp(found[0].keypoints[:, 1]) > 60
    assert found[0].score > 2 * found[1].score


def places_of(maps: CenterMaps, middle: NDArray[np.float64], prior: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    planes = (maps.centers[0], maps.heatmaps, maps.regressions, maps.offsets)
    found = read_person(*planes, middle / STRIDE, 10.0, prior / STRIDE, 2.0, n)
    return np.concatenate([found[..., :2] * STRIDE, found[..., 2:]], axis=-1)


def read(maps: CenterMaps, middle: NDArray[np.float64], prior: NDArray[np.float64]) -> NDArray[np.float64]:
    return places_of(maps, middle, prior, 1)[:, 0]


ASKED, NEIGHBOUR = standing(128, 128), standing(196, 120)


@pytest.mark.parametrize("known", [True, False])
def test_the_person_asked_for_is_read_beside_a_brighter_one(known: bool) -> None:
    maps = draw([ASKED, NEIGHBOUR], (256, 256), beliefs=[0.5, 0.95], boxes=False)
    prior = ASKED + 3 if known else np.full((N, 2), np.nan)
    found = read(maps, np.full(2, 128.0), prior)
    np.testing.assert_allclose(found[:, :2], ASKED, atol=0.1)
    assert found[:, 2] == pytest.approx(0.5)


def test_a_joint_does_not_jump_to_the_neighbour_whose_belief_is_higher() -> None:
    """Of the asked person's wrists little is seen; the neighbour's are bright."""
    maps = draw([ASKED, NEIGHBOUR], (256, 256), beliefs=[0.5, 0.95], boxes=False)
    for joint in (9, 10):
        x, y = (ASKED[joint] / STRIDE).astype(int)
        maps.heatmaps[joint, y, x] = 0.1
    found = read(maps, np.full(2, 128.0), ASKED)
    np.testing.assert_allclose(found[:, :2], ASKED, atol=0.1)


def test_where_network_and_prior_agree_the_prior_of_one_joint_may_err() -> None:
    maps = draw([ASKED], (256, 256), boxes=False)
    prior = ASKED.copy()
    prior[9] += 25
    np.testing.assert_allclose(read(maps, np.full(2, 128.0), prior)[:, :2], ASKED, atol=0.1)


def test_a_joint_has_several_places_the_best_first() -> None:
    """The second one is the neighbour's, however bright; there is no third, and none of a joint that nobody shows."""
    maps = draw([ASKED, NEIGHBOUR], (256, 256), beliefs=[0.5, 0.95], boxes=False)
    maps.heatmaps[9] = 0
    found = places_of(maps, np.full(2, 128.0), ASKED, 3)
    seen = np.delete(np.arange(N), 9)
    np.testing.assert_allclose(found[seen, 0, :2], ASKED[seen], atol=0.1)
    np.testing.assert_allclose(found[seen, 1, :2], NEIGHBOUR[seen], atol=0.1)
    np.testing.assert_allclose(found[seen][:, :, 2], [[0.5, 0.95, 0]] * len(seen), rtol=1e-5)
    assert np.isnan(found[seen, 2, :2]).all()
    np.testing.assert_allclose(found[9, 0], [*ASKED[9], 0], atol=0.1)
    assert np.isnan(found[9, 1:, :2]).all()
