from __future__ import annotations

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from pose.parsing.merging import SAME, body_area, keep_best, similarities, similarity
from pose.people import Person
from pose.skeleton import COCO_17


def somebody(seed: int, score: float = 1.0, size: float = 100.0, shift: float = 0.0) -> Person:
    keypoints = np.random.default_rng(seed).uniform(0.0, size, (17, 3)).astype(np.float32)
    keypoints[:, 0] += shift
    keypoints[:, 2] = 1
    return Person(keypoints, score, skeleton=COCO_17)


def moved(person: Person, by: float, score: float) -> Person:
    keypoints = person.keypoints.copy()
    keypoints[:, :2] += by
    return Person(keypoints, score, skeleton=COCO_17)


def in_pycocotools(person: Person, truth: Person, area: float) -> float:
    coco = COCO()
    image = {"id": 1, "width": 500, "height": 500}
    keypoints = truth.keypoints.astype(np.float64).copy()
    keypoints[:, 2] = np.where(truth.visible, 2, 0)
    x0, y0, x1, y1 = truth.box.tolist()
    annotation = {
        "id": 1, "image_id": 1, "category_id": 1, "iscrowd": 0, "area": area, "bbox": [x0, y0, x1 - x0, y1 - y0],
        "keypoints": np.nan_to_num(keypoints).ravel().tolist(), "num_keypoints": int(truth.visible.sum()),
    }  # fmt: skip
    coco.dataset = {"images": [image], "annotations": [annotation], "categories": [{"id": 1}]}
    coco.createIndex()
    result = {"image_id": 1, "category_id": 1, "keypoints": person.keypoints.astype(float).ravel().tolist(), "score": 1}
    scored = COCOeval(coco, coco.loadRes([result]), "keypoints")
    scored._prepare()
    return float(scored.computeOks(1, 1)[0, 0])


@pytest.mark.parametrize("missing", [0, 5])
def test_similarity_is_that_of_coco(missing: int) -> None:
    truth = somebody(0)
    truth.keypoints[:missing] = np.nan, np.nan, 0
    noisy = truth.keypoints.copy()
    noisy[:, :2] = np.random.default_rng(1).normal(np.nan_to_num(noisy[:, :2]), 8)
    person = Person(noisy, 1.0, skeleton=COCO_17)
    points, others = person.keypoints[:, :2].astype(float), truth.keypoints[None, :, :2].astype(float)
    found = similarity(points, others, np.array([4000.0]), person)
    assert found == pytest.approx(in_pycocotools(person, truth, 4000.0), rel=1e-6)
    assert 0.2 < found[0] < 0.9


def test_without_common_joints_nobody_is_alike() -> None:
    upper, lower = somebody(0), somebody(0)
    upper.keypoints[8:] = np.nan, np.nan, 0
    lower.keypoints[:8] = np.nan, np.nan, 0
    assert similarities([upper], [lower]).tolist() == [[0.0]]
    assert similarities([upper], [upper]).tolist() == [[1.0]]
    assert len(keep_best([upper, lower])) == 2


def test_similarities_of_nobody() -> None:
    one = somebody(0)
    assert similarities([], [one]).shape == (0, 1)
    assert similarities([one], []).shape == (1, 0)


def test_similarities_are_symmetric() -> None:
    people = [somebody(i % 3, size=100 + i, shift=3 * i) for i in range(6)]
    found = similarities(people, people)
    np.testing.assert_allclose(found, found.T, atol=1e-12)
    np.testing.assert_allclose(np.diag(found), 1)


def test_area_is_a_share_of_the_box_but_never_of_a_line() -> None:
    one = somebody(0)
    one.keypoints[:, :2] = np.nan
    one.keypoints[:2, :2] = (10, 10), (30, 50)
    assert body_area(one) == pytest.approx(0.53 * 20 * 40)
    one.keypoints[:2, :2] = (10, 10), (10, 50)
    assert body_area(one) == pytest.approx(0.53 * 12 * 40)
    one.keypoints[:] = np.nan
    assert body_area(one) == 0


def test_the_best_of_those_alike_stays() -> None:
    first, second = somebody(0), somebody(1, shift=300)
    people = [moved(first, 2, 0.3), moved(second, 1, 0.8), moved(first, 0, 0.5), moved(second, 0, 0.4)]
    kept = keep_best(people)
    assert kept == [people[1], people[2]]
    assert keep_best(people, same=1.1) == [people[1], people[2], people[3], people[0]]
    assert keep_best([]) == []


def test_people_without_joints_disturb_nobody() -> None:
    empty = Person(np.full((17, 3), np.nan, dtype=np.float32), 0.9, skeleton=COCO_17)
    person = somebody(0, score=0.5)
    assert keep_best([person, empty]) == [empty, person]


def test_what_is_kept_is_unlike_and_kept_again() -> None:
    rng = np.random.default_rng(3)
    people = [moved(somebody(int(rng.integers(4))), float(rng.normal(0, 15)), float(rng.random())) for _ in range(40)]
    kept = keep_best(people)
    assert 4 <= len(kept) < 40
    assert [person.score for person in kept] == sorted((person.score for person in kept), reverse=True)
    assert keep_best(kept) == kept
    assert np.triu(similarities(kept, kept), 1).max() < SAME
    for person in people:  # who went is alike to somebody better who stayed
        if not any(person is one for one in kept):
            better = [one for one in kept if one.score >= person.score]
            assert similarities([person], better).max() >= SAME
