"""Pose against annotations, on two small images whose people are known."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pose.errors import PoseError, SourceError
from pose.metrics import (
    Claims,
    bin_confidence,
    calibration_error,
    compute_pck,
    evaluate_coco,
    fit_curve,
    judge_confidence,
    match_coco,
    resample,
    score_coco,
    to_coco_17,
    to_coco_results,
    turn_coco,
    turn_image,
)
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


Found = list[dict[str, Any]]


def crowd(seed: int, n_images: int = 12) -> tuple[dict[str, Any], Found]:
    """Up to five people on an image, some not to be counted; most of them found, more or less well; ghosts; ties."""
    rng = np.random.default_rng(seed)
    annotations: list[dict[str, Any]] = []
    found: Found = []
    for image in range(1, n_images + 1):
        for _ in range(rng.integers(0, 6)):
            size = float(rng.uniform(20, 200))
            joints = np.column_stack([rng.uniform(0, size, (17, 2)) + rng.uniform(0, 400, 2), rng.choice([0, 2], 17)])
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image,
                    "category_id": 1,
                    "iscrowd": int(rng.random() < 0.2),
                    "area": 0.7 * size * size,
                    "bbox": [*joints[:, :2].min(axis=0), size, size],
                    "num_keypoints": int((joints[:, 2] > 0).sum()),
                    "keypoints": joints.ravel().tolist(),
                }
            )
            if rng.random() < 0.8:
                joints[:, :2] += rng.normal(0, rng.uniform(0, 0.15) * size, (17, 2))
                found.append({"image_id": image, "keypoints": joints.ravel().tolist()})
        if rng.random() < 0.5:
            found.append({"image_id": image, "keypoints": rng.uniform(0, 400, 51).tolist()})
    for person in found:
        person |= {"category_id": 1, "score": float(rng.integers(1, 30) / 30)}
    images = [{"id": i, "file_name": f"{i}.png", "width": 640, "height": 480} for i in range(1, n_images + 1)]
    return {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "person"}]}, found


def repeated(content: dict[str, Any], found: Found, times: Sequence[int]) -> tuple[dict[str, Any], Found]:
    """Each image as often as asked for, under numbers of its own."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    people: Found = []
    for image, n in zip(content["images"], times, strict=True):
        for _ in range(n):
            images.append(image | {"id": len(images) + 1})
            for entry in content["annotations"]:
                if entry["image_id"] == image["id"]:
                    annotations.append(entry | {"id": len(annotations) + 1, "image_id": len(images)})
            people += [person | {"image_id": len(images)} for person in found if person["image_id"] == image["id"]]
    return content | {"images": images, "annotations": annotations}, people


@pytest.mark.parametrize("seed", range(3))
def test_matches_sum_up_to_what_coco_says(tmp_path: Path, seed: int) -> None:
    """As they are, to the last digit; and images drawn several times or never, as if they had been annotated so."""
    content, found = crowd(seed)
    for i, person in enumerate(found if seed else []):  # but for the first seed, no two scores are alike
        person["score"] += i / 1e4
    path = tmp_path / "gt.json"
    path.write_text(json.dumps(content))
    matches = match_coco(path, found)
    ((ap, recall),) = zip(*matches.score(np.ones((1, 12), dtype=np.int64)), strict=True)
    scores = score_coco(path, found)
    assert (*ap, recall[0]) == (scores.ap, scores.ap_medium, scores.ap_large, scores.ar)
    assert 0.1 < scores.ap < 0.9
    if seed:
        times = resample(12, 2, seed)
        for row, precision in zip(times, matches.score(times)[0], strict=True):
            drawn, people = repeated(content, found, row.tolist())
            path.write_text(json.dumps(drawn))
            assert precision[0] == pytest.approx(score_coco(path, people).ap, abs=1e-12)


def test_matches_of_nobody(world: World) -> None:
    ap, ar = match_coco(world.annotations, []).score(np.array([[1, 1], [0, 0]]))
    assert np.array_equal(ap[0], [0, np.nan, 0], equal_nan=True)
    assert np.array_equal(ar[0], [0, np.nan, 0], equal_nan=True)
    assert np.isnan(ap[1]).all()


def test_images_are_drawn_with_replacement() -> None:
    times = resample(50, 400)
    assert (times.sum(axis=1) == 50).all()
    assert times.var() == pytest.approx(1 - 1 / 50, abs=0.05)
    assert np.array_equal(times, resample(50, 400))


def test_confidence_is_held_against_the_truth(world: World) -> None:
    """One joint beyond what its OKS term of 0.5 allows, one within; a missing one claims nothing; two ghosts, of which
    one stands where not everybody is annotated; somebody whose joints are not annotated."""
    limit = np.sqrt(2 * AREA * (2 * np.array(COCO_17.sigmas)) ** 2 * np.log(2))
    near, far, ghost = body(80, 80), body(150, 100), body(700, 700)
    for person, joint, share in ((near, "nose", 0.99), (near, "left_hip", 1.01), (far, "right_ear", 1.01)):
        person.keypoints[COCO_18.index(joint), 1] += share * limit[COCO_17.index(joint)]
    near.keypoints[COCO_18.index("left_knee")] = (np.nan, np.nan, 0)
    near.keypoints[:, 2] *= np.float32(0.5)
    content = json.loads(world.annotations.read_text())
    content["annotations"][2]["keypoints"][2] = 0  # the nose of the second image's only person
    content["annotations"].append(
        content["annotations"][2] | {"id": 4, "num_keypoints": 0, "keypoints": [0] * 51, "bbox": [5000, 5000, 99, 99]}
    )
    world.annotations.write_text(json.dumps(content))
    unannotated = body(5050, 5050)
    results = to_coco_results(1, [near, ghost], COCO_18) + to_coco_results(2, [far, ghost, unannotated], COCO_18)
    judged = judge_confidence(world.annotations, results)
    assert sorted(zip(judged.people.image_id, judged.people.right, strict=True)) == [(1, 0), (1, 1), (2, 0), (2, 1)]
    assert judged.ghost_joints.image_id.tolist() == [1] * 17
    assert not judged.ghost_joints.right.any()
    first = judged.joints.image_id == 1
    assert (first.sum(), judged.joints.right[first].sum()) == (16, 15)
    assert ((~first).sum(), judged.joints.right[~first].sum()) == (16, 15)
    assert np.unique(judged.joints.confidence[first]) == 0.5


def claims(confidence: Sequence[float], right: Sequence[int]) -> Claims:
    return Claims(np.array(confidence, dtype=float), np.array(right, dtype=bool), np.zeros(len(right), dtype=np.int64))


def test_calibration_error_by_hand() -> None:
    """Two bins of ten are filled: 0.15 says 0.5, 0.95 says 0.75."""
    some = claims([0.1, 0.2 - 1e-9, 0.9, 1.0, 0.95, 0.95], [0, 1, 1, 1, 1, 0])
    assert bin_confidence(some)[[1, 9]].ravel().tolist() == pytest.approx([0.15, 0.5, 2, 0.95, 0.75, 4])
    assert calibration_error(some) == pytest.approx((2 * 0.35 + 4 * 0.2) / 6)
    assert np.isnan(calibration_error(claims([], [])))


def test_a_curve_brings_confidence_to_what_it_is_worth() -> None:
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.2, 0.9, 20000)
    some = claims(list(confidence), list(rng.random(20000) < confidence**2))
    points = fit_curve(some)
    assert points.shape == (8, 2)
    assert points[:, 1] == pytest.approx(points[:, 0] ** 2, abs=0.04)
    assert calibration_error(some) > 0.2
    assert calibration_error(claims(list(np.interp(confidence, *points.T)), list(some.right))) < 0.02


def test_a_curve_never_falls() -> None:
    falling = fit_curve(claims([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [1, 1, 1, 0, 0, 0]))
    assert falling[:, 1] == pytest.approx(0.5)
    assert fit_curve(claims([], [])).shape == (0, 2)
    assert fit_curve(claims([0.3, 0.3], [0, 1])).tolist() == [[pytest.approx(0.3), pytest.approx(0.5)]]


@pytest.mark.parametrize(("degrees", "nose"), [(0, (5, 3)), (90, (16, 5)), (-90, (3, 24)), (180, (24, 16))])
def test_joints_turn_with_their_image(degrees: int, nose: tuple[int, int]) -> None:
    """A pixel of a 30 x 20 image, in a box of 4 x 2 pixels."""
    image = np.zeros((20, 30, 3), dtype=np.uint8)
    image[3, 5] = 255
    person = {"image_id": 1, "keypoints": [5, 3, 2, *[0] * 48], "bbox": [4, 2, 4, 2], "area": 8, "segmentation": []}
    content = {"images": [{"id": 1, "width": 30, "height": 20}], "annotations": [person], "categories": []}
    turned, pixels = turn_coco(content, degrees), turn_image(image, degrees)
    (entry,) = turned["annotations"]
    assert entry["keypoints"] == [*nose, 2, *[0] * 48]
    assert pixels[nose[1], nose[0], 0] == 255
    assert (turned["images"][0]["height"], turned["images"][0]["width"]) == pixels.shape[:2]
    x, y, width, height = entry["bbox"]
    box = np.zeros((20, 30, 3), dtype=np.uint8)
    box[2:4, 4:8] = 1
    inside = np.zeros(pixels.shape[:2])
    inside[int(y) : int(y + height), int(x) : int(x + width)] = 1
    assert np.array_equal(turn_image(box, degrees)[..., 0], inside)
    assert turn_coco(turned, -degrees) == turn_coco(content, 0)


def test_only_quarter_turns() -> None:
    with pytest.raises(ValueError, match="multiple of 90"):
        turn_image(np.zeros((2, 2, 3), dtype=np.uint8), 45)
