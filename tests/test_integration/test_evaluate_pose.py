"""`posescribe evaluate-pose` on two frames of the sample video, the truth being what the network finds there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from behavior.cli import main
from pose import COCO_17, PoseEngine

FRAMES = (80, 120)


@pytest.fixture(scope="module")
def truth(sample_video: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of two images and `truth.json`, everyone found in them annotated as COCO does it."""
    folder = tmp_path_factory.mktemp("truth")
    engine = PoseEngine(device="cpu")
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    video = cv2.VideoCapture(str(sample_video))
    for number, frame in enumerate(FRAMES, start=1):
        video.set(cv2.CAP_PROP_POS_FRAMES, frame)
        image = video.read()[1]
        cv2.imwrite(str(folder / f"{frame}.png"), image)
        images.append({"id": number, "file_name": f"{frame}.png", "width": image.shape[1], "height": image.shape[0]})
        for person in engine.detect([image])[0]:
            joints = np.array([person[joint] for joint in COCO_17.joints])
            seen = np.isfinite(joints[:, 0])
            left, top = joints[seen, :2].min(axis=0)
            width, height = joints[seen, :2].max(axis=0) - (left, top)
            marked = np.where(seen[:, None], np.column_stack([joints[:, :2], np.full(17, 2)]), 0)
            annotations.append(
                {
                    "id": len(annotations) + 1, "image_id": number, "category_id": 1, "iscrowd": 0,
                    "area": float(width * height), "bbox": [float(left), float(top), float(width), float(height)],
                    "num_keypoints": int(seen.sum()), "keypoints": marked.ravel().tolist(),
                }
            )  # fmt: skip
    video.release()
    content = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "person"}]}
    (folder / "truth.json").write_text(json.dumps(content))
    return folder


def scores(images: Path, annotations: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert main(["evaluate-pose", str(images), str(annotations), "--device", "cpu", "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out, parse_constant=lambda word: pytest.fail(word))
    return found


def test_its_own_keypoints_score_one(truth: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = scores(truth, truth / "truth.json", capsys)
    assert found["ap"] == pytest.approx(1, abs=1e-6)
    assert found["ar"] == pytest.approx(1, abs=1e-6)
    n_people = len(json.loads((truth / "truth.json").read_text())["annotations"])
    assert n_people >= 4
    assert (found["n_images"], found["n_annotated"], found["n_found"]) == (2, n_people, n_people)
    assert (found["model"], found["refiner"], found["device"]) == ("movenet_multipose", "movenet_thunder", "cpu")


def test_keypoints_elsewhere_score_nothing(truth: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = json.loads((truth / "truth.json").read_text())
    for entry in content["annotations"]:
        keypoints = np.array(entry["keypoints"]).reshape(17, 3)
        keypoints[keypoints[:, 2] > 0, 0] += 5 * entry["bbox"][2]
        entry["keypoints"] = keypoints.ravel().tolist()
    (tmp_path / "far.json").write_text(json.dumps(content))
    assert main(["evaluate-pose", str(truth), str(tmp_path / "far.json"), "--device", "cpu"]) == 0
    told = dict(line.split() for line in capsys.readouterr().out.splitlines())
    assert (told["ap"], told["ar"], told["n_images"]) == ("0.0000", "0.0000", "2")


def test_without_annotated_people_there_is_no_figure(
    truth: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = json.loads((truth / "truth.json").read_text())
    (tmp_path / "nobody.json").write_text(json.dumps(content | {"images": content["images"][:1], "annotations": []}))
    found = scores(truth, tmp_path / "nobody.json", capsys)
    assert (found["ap"], found["n_images"], found["n_annotated"]) == (None, 1, 0)


@pytest.mark.parametrize(
    ("images", "annotations", "said"),
    [
        ("elsewhere", "truth.json", "80.png: no readable image"),
        (".", "gone.json", "gone.json: can't be read"),
        (".", ".", "can't be read"),
        (".", "80.png", "80.png: not in COCO's keypoints form"),
    ],
)
def test_what_is_wrong_is_one_line(
    images: str, annotations: str, said: str, truth: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate-pose", str(truth / images), str(truth / annotations), "--device", "cpu"]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert said in told.err.splitlines()[-1]
    assert "Traceback" not in told.err
