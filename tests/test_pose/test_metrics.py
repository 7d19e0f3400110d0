"""Pose against annotations, on two small images whose people are known."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pose.errors import PoseError, SourceError
from pose.metrics import compute_pck, evaluate_coco, score_coco, to_coco_17, to_coco_results
from pose.people import Person
from pose.skeleton import BODY_25, COCO_17, COCO_18

AREA = 100.0 * 100.0


def body(x: float, y: float) -> Person:
    """18 joints on a spiral of 100 pixels around a point."""
    turn = np.linspace(0, 2 * np.pi, 18)
    points = np.column_stack([x + 50 * np.cos(turn), y + 50 * np.sin(turn), np.ones(18)])
    return Person(points.astype(np.float32), 0.9, skeleton=COCO_18)


class World:
    """Two images, told apart by their width, with two people and one."""

    def __init__(self, folder: Path) -> None:
        self.images = folder
        self.annotations = folder / "gt.json"
        self.people = {320: [body(80, 80), body(230, 120)], 321: [body(150, 100)]}
        annotations: list[dict[str, object]] = []
        for image_id, (width, people) in enumerate(self.people.items(), start=1):
            cv2.imwrite(str(folder / f"{width}.png"), np.zeros((240, width, 3), dtype=np.uint8))
            for person in people:
                joints = to_coco_17(person.keypoints, COCO_18)
                box = [float(joints[:, 0].min()), float(joints[:, 1].min()), 100.0, 100.0]
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": image_id,
                        "category_id": 1,
                        "iscrowd": 0,
                        "area": AREA,
                        "bbox": box,
                        "num_keypoints": 17,
                        "keypoints": np.column_stack([joints[:, :2], np.full(17, 2)]).ravel().tolist(),
                    }
                )
        content = {
            "images": [
                {"id": i, "file_name": f"{width}.png", "width": width, "height": 240}
                for i, width in enumerate(self.people, start=1)
            ],
            "annotations": annotations,
            "categories": [{"id": 1, "name": "person"}],
        }
        self.annotations.write_text(json.dumps(content))

    def detect(self, image: NDArray[np.uint8]) -> list[Person]:
        return self.people[image.shape[1]]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_the_truth_scores_one(world: World) -> None:
    seen: list[tuple[int, int]] = []
    scores = evaluate_coco(
        world.images, world.annotations, world.detect, progress=lambda done, of: seen.append((done, of))
    )
    assert scores.ap == pytest.approx(1)
    assert scores.ar == pytest.approx(1)
    assert scores.ap_large == pytest.approx(1)
    assert np.isnan(scores.ap_medium)
    assert (scores.n_images, scores.n_annotated, scores.n_found) == (2, 3, 3)
    assert seen == [(1, 2), (2, 2)]


def test_a_missed_person_costs_a_third_of_the_recall(world: World) -> None:
    scores = evaluate_coco(world.images, world.annotations, lambda image: world.detect(image)[:1])
    assert scores.ar == pytest.approx(2 / 3)


def test_nobody_found_scores_zero(world: World) -> None:
    scores = evaluate_coco(world.images, world.annotations, lambda _: [])
    assert (scores.ap, scores.ar, scores.n_found) == (0, 0, 0)


def test_oks_at_a_known_distance(world: World) -> None:
    """All joints off by 12 px: OKS = mean exp(-144 / (2 · 10⁴ · (2 sigma)²)) over 17 joints."""

    def shifted(image: NDArray[np.uint8]) -> list[Person]:
        return [
            Person(person.keypoints + np.float32((12, 0, 0)), 0.9, skeleton=COCO_18) for person in world.detect(image)
        ]

    oks = np.exp(-144 / (2 * AREA * (2 * np.array(COCO_17.sigmas)) ** 2)).mean()
    passed = np.mean(oks >= np.arange(0.5, 1, 0.05))
    assert 0 < passed < 1
    assert evaluate_coco(world.images, world.annotations, shifted).ap == pytest.approx(passed)


def test_missing_joints_are_zeros_in_a_results_file() -> None:
    person = body(80, 80)
    person.keypoints[COCO_18.index("left_ankle")] = (np.nan, np.nan, 0)
    (entry,) = to_coco_results(7, [person], COCO_18)
    assert entry["image_id"] == 7
    assert entry["score"] == pytest.approx(0.9)
    values = entry["keypoints"]
    assert isinstance(values, list)
    assert len(values) == 51
    assert values[3 * COCO_17.index("left_ankle") :][:3] == [0, 0, 0]
    assert json.dumps(entry)


@pytest.mark.parametrize("skeleton", [COCO_18, BODY_25, COCO_17])
def test_conversion_goes_by_joint_names(skeleton: object) -> None:
    assert isinstance(skeleton, type(COCO_18))
    keypoints = np.arange(len(skeleton) * 3, dtype=np.float32).reshape(1, -1, 3)
    converted = to_coco_17(keypoints, skeleton)[0]
    for i, joint in enumerate(COCO_17.joints):
        assert np.array_equal(converted[i], keypoints[0, skeleton.index(joint)])


def test_the_published_order_of_coco_18() -> None:
    """OpenPose's own table (cocoJsonSaver.cpp)."""
    order = [0, 15, 14, 17, 16, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10]
    keypoints = np.repeat(np.arange(18, dtype=np.float32)[:, None], 3, axis=1)
    assert to_coco_17(keypoints, COCO_18)[:, 0].tolist() == order


def test_a_missing_image_is_named(world: World) -> None:
    (world.images / "321.png").unlink()
    with pytest.raises(SourceError, match=r"321\.png"):
        evaluate_coco(world.images, world.annotations, world.detect)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"images": [{"id": 1}]}', '{"images": [], "annotations": [{}]}'])
def test_other_json_is_refused_in_one_line(tmp_path: Path, content: str) -> None:
    annotations = tmp_path / "gt.json"
    annotations.write_text(content)
    with pytest.raises(PoseError, match="COCO's keypoints form") as error:
        score_coco(annotations, [])
    assert "\n" not in str(error.value)


def test_absent_annotations_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"nowhere\.json"):
        score_coco(tmp_path / "nowhere.json", [])


def test_without_pycocotools_the_error_says_how_to_get_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pycocotools.coco", None)
    with pytest.raises(PoseError, match="pip install"):
        evaluate_coco(world.images, world.annotations, world.detect)


def pck(predicted: Sequence[object], annotated: Sequence[object], reference: Sequence[float]) -> list[float]:
    arrays = (np.array(values, dtype=np.float32) for values in (predicted, annotated, reference))
    return list(compute_pck(*arrays, alpha=0.2))


def test_pck_by_hand() -> None:
    """Reference 50 px, so 10 px are allowed: at 9 right, at 11 wrong, not found wrong, not annotated not counted."""
    nan = float("nan")
    annotated = [[(0, 0), (0, 0), (0, 0), (nan, nan)], [(0, 0), (0, 0), (0, 0), (nan, nan)]]
    predicted = [[(9, 0), (11, 0), (nan, nan), (0, 0)], [(0, 9), (0, 0), (nan, nan), (0, 0)]]
    assert pck(predicted, annotated, [50, 50]) == pytest.approx([1, 0.5, 0, nan], nan_ok=True)
    assert pck(predicted, annotated, [50, nan]) == pytest.approx([1, 0, 0, nan], nan_ok=True)


def test_pck_refuses_other_shapes() -> None:
    with pytest.raises(ValueError, match="one shape"):
        pck([[(0, 0)]], [[(0, 0), (0, 0)]], [1])
