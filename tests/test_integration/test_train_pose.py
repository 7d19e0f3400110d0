"""`posescribe train-pose` on two rendered images, and the folder it writes wherever a network can be named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from behavior.cli import main
from pose.training.rendered import render_dataset
from pose.weights import assets


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
