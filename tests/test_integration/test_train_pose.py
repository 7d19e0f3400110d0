"""`posescribe train-pose` on two rendered images, and the folder it writes wherever a network can be named."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from behavior.cli import main
from pose.engine import PoseEngine
from pose.networks import cpm, cpm_vgg, layers
from pose.parts import HAND_21
from pose.training.rendered import render_dataset
from pose.weights import assets
from pose.weights.zoo import load_backend


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    annotations, images = render_dataset(tmp_path_factory.mktemp("rendered"), 2, (96, 96))
    return str(annotations), str(images)


def train(data: tuple[str, str], out: Path, *more: str) -> int:
    few = ("--size", "64", "--epochs", "1", "--batch", "1", "--held-out", "0.5", "--threads", "1")
    return main(["train-pose", *data, "--out", str(out), *few, *more])


def test_a_trained_network_is_used_judged_and_shown(
    data: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mine"
    start = ("--network", "mobilenet_thin", "--start", "mobilenet_thin", "--learning-rate", "1e-6")
    assert train(data, out, *start, "--teacher", "fast", "--licence", "CC0-1.0", "--json") == 0
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert "annotations.json: 2 images" in told.err
    assert "movenet_multipose" in told.err  # the teacher
    card: dict[str, Any] = json.loads((out / "card.json").read_text())
    assert card["sha256"] == assets.digest(out / "network.safetensors")
    assert card["data"]["start"].startswith("mobilenet_thin (sha256 51f84ea8")
    assert card["figures"]["ap"] == found["figures"]["ap"]
    assert "1 images of annotations.json held out" in (out / "README.md").read_text()
    assert (out / "training" / "teacher.json").is_file()

    assert train(data, out, *start, "--teacher", "fast", "--licence", "CC0-1.0") == 0  # done before
    assert "going on at step 1 of 1" in capsys.readouterr().err
    assert train(data, out, *start, "--teacher", "fast", "--seed", "2") == 1
    assert "--restart" in capsys.readouterr().err

    judge = ["evaluate-pose", data[1], data[0], "--device", "cpu", "--accuracy", "fast", "--json"]
    assert main([*judge, "--model", str(out)]) == 0
    tuned = json.loads(capsys.readouterr().out)
    assert (tuned["model"], tuned["sha256"]) == ("mine", card["sha256"])
    assert main(["models", "show", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["licence"] == "CC0-1.0"


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pose machines of the list with few channels, so that a test has time for them."""
    monkeypatch.setattr(cpm, "LSP", cpm.CpmConfig(15, n_stages=2, hidden=8, n_features=8, bottleneck=8))
    few = {"vgg_layers": 9, "features": (("conv5_3_CPM", 8),), "n_stages": 2, "hidden": 8, "bottleneck": 8}
    monkeypatch.setattr(cpm_vgg, "HAND", replace(cpm_vgg.HAND, **few))
    monkeypatch.setattr(layers, "_VGG_19", (*((8, n) for _, n in layers._VGG_19[:3]), *layers._VGG_19[3:]))


@pytest.mark.usefixtures("small")
def test_a_trained_pose_machine_refines_and_sees_one_person(
    data: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mine"
    assert train(data, out, "--network", "cpm_lsp", "--batch", "2", "--epochs", "2", "--json") == 0
    told = capsys.readouterr()
    assert "people, each in a crop" in told.err
    assert "no curves of confidence: " in told.err
    assert json.loads(told.out)["figures"].keys() == {"pck", "pckh"}
    readme = (out / "README.md").read_text()
    assert "Use it with `--refine` or `--model`." in readme
    assert "in a crop of 64 pixels" in readme
    card = json.loads((out / "card.json").read_text())
    shown = (("--model", "movenet_multipose", "--refine", str(out)), ("--model", str(out), "--refine", "none"))
    for use in shown:
        assert main(["pose", f"{data[1]}/000001.jpg", "--out", str(tmp_path / "pose"), *use, "--device", "cpu"]) == 0
        assert "confidences of joints and people are taken as they are" in capsys.readouterr().err

    curves = {"joints": {"raw": [0, 1], "calibrated": [0.5, 0.9]}, "people": {"raw": [0, 1], "calibrated": [0.4, 0.8]}}
    card["confidence"]["calibration"] = curves
    (out / "card.json").write_text(json.dumps(card))
    engine = PoseEngine(str(out), refine="none", device="cpu")
    [[person]] = engine.detect([np.zeros((96, 96, 3), np.uint8)])
    assert 0.4 <= person.score <= 0.8
    assert person.keypoints[:, 2].min() >= 0.5
    assert main(["pose", f"{data[1]}/000001.jpg", "--out", str(tmp_path / "pose"), *shown[1], "--device", "cpu"]) == 0
    assert "taken as they are" not in capsys.readouterr().err
    curves["joints"]["raw"] = [1, 0]
    (out / "card.json").write_text(json.dumps(card))
    assert main(["models", "show", str(out)]) == 1
    assert "a curve of confidence rises" in capsys.readouterr().err


@pytest.mark.usefixtures("small")
def test_hands_are_learnt_by_the_same_command(
    data: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    points = np.column_stack([np.random.default_rng(0).uniform(20, 70, (21, 2)), np.full(21, 2)])
    image = {"file_name": "000001.jpg", "height": 96, "width": 96}
    hand = {"category_id": 1, "bbox": [20, 20, 50, 50], "keypoints": points.ravel().tolist()}
    content = {
        "images": [image | {"id": 1}, image | {"id": 2, "file_name": "000002.jpg"}],
        "annotations": [hand | {"image_id": i} for i in (1, 2)],
        "categories": [{"id": 1, "name": "hand", "keypoints": list(HAND_21.joints)}],
    }
    (tmp_path / "hands.json").write_text(json.dumps(content))
    hands = (str(tmp_path / "hands.json"), data[1])
    assert train(hands, tmp_path / "mine", "--network", "openpose_hand", "--json") == 0
    assert json.loads(capsys.readouterr().out)["figures"].keys() == {"pck"}
    assert load_backend(str(tmp_path / "mine"), role="hand", device="cpu").layout.multiple == 8
    assert "Use it with `--hand-network`." in (tmp_path / "mine" / "README.md").read_text()


def test_a_head_is_trained_on_frozen_features(
    data: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(data, tmp_path / "head", "--network", "movenet_fields", "--frozen", "2", "--json") == 0
    assert json.loads(capsys.readouterr().out)["steps"] == 2
    card = json.loads((tmp_path / "head" / "card.json").read_text())
    assert card["data"]["start"].startswith("movenet_multipose")
    whole = ("--network", "movenet_fields", "--start", str(tmp_path / "head"))
    assert train(data, tmp_path / "whole", *whole) == 0


def test_a_training_is_gone_on_with_only_as_it_was_and_lost_only_when_a_new_one_begins(
    data: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    all_of_it = ("--network", "mobilenet_thin", "--held-out", "0", "--size", "32")
    assert train(data, tmp_path, *all_of_it) == 0
    for other, said in ((("--net-size", "96"), "net_height 32"), (("--check", *data), "images_judged '0 (")):
        capsys.readouterr()
        assert train(data, tmp_path, *all_of_it, *other) == 1
        assert f"is of a training with {said}" in capsys.readouterr().err
    assert train(data, tmp_path, *all_of_it, "--restart", "--start", "nope") == 1
    assert (tmp_path / "training" / "checkpoint.safetensors").is_file()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--network", "movenet_thunder"), "'movenet_thunder' can't be trained here; choose from"),
        (("--network", "mobilenet_thin", "--size", "63"), ""),
        (("--network", "movenet_fields", "--size", "72"), "multiples of 32"),
        (("--network", "mobilenet_thin", "--frozen", "2"), "leave --frozen out"),
        (("--network", "mobilenet_thin", "--start", "movenet_thunder"), "another network than mobilenet_thin"),
        (("--network", "mobilenet_thin", "--start", "nothing.safetensors"), "no such file"),
    ],
)  # fmt: skip
def test_what_can_not_be_trained_is_told_in_one_line(
    options: tuple[str, ...], said: str, data: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = train(data, tmp_path / "out", *options)
    told = capsys.readouterr()
    assert status == (1 if said else 0)
    assert said in told.err
    assert "Traceback" not in told.err


@pytest.mark.parametrize("device", ["foo", "auto", "tensorrt", "cuda:"])
def test_a_device_that_nothing_is_trained_on_is_wrong_usage(
    device: str, data: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(data, tmp_path / "out", "--network", "mobilenet_thin", "--device", device) == 2
    assert "expected cpu, cuda or cuda:N" in capsys.readouterr().err


def test_a_file_in_the_folders_place_is_told(
    data: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").touch()
    assert train(data, tmp_path / "out", "--network", "mobilenet_thin") == 1
    assert "choose another --out folder" in capsys.readouterr().err


def test_missing_annotations_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gone = (str(tmp_path / "gone.json"), str(tmp_path))
    assert train(gone, tmp_path / "out", "--network", "mobilenet_thin") == 1
    assert "gone.json: can't be read" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
