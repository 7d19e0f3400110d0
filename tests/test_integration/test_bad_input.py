"""Whatever is wrong with the input: one line that says what, where and what to do, and exit status 1."""

from __future__ import annotations

import json
import sqlite3
import wave
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from behavior.cli import main


def missing(folder: Path, _: Path) -> Path:
    return folder / "nowhere.mp4"


def empty(folder: Path, _: Path) -> Path:
    file = folder / "empty.mp4"
    file.touch()
    return file


def text(folder: Path, _: Path) -> Path:
    file = folder / "text.mp4"
    file.write_text("This is no video.\n" * 100)
    return file


def headless(folder: Path, video: Path) -> Path:
    """The end of a video, without the header that says how to read it."""
    file = folder / "headless.mp4"
    file.write_bytes(video.read_bytes()[100_000:200_000])
    return file


def sound(folder: Path, _: Path) -> Path:
    file = folder / "sound.wav"
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(bytes(16000))
    return file


def no_images(folder: Path, _: Path) -> Path:
    (folder / "texts").mkdir()
    (folder / "texts" / "note.txt").write_text("nothing")
    return folder / "texts"


@pytest.mark.parametrize("make", [missing, empty, text, headless, sound, no_images])
def test_unusable_sources(
    make: Callable[[Path, Path], Path], sample_video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = make(tmp_path, sample_video)
    assert main(["analyze", str(source), "--out", str(tmp_path / "out")]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    (line,) = told.err.strip().splitlines()
    assert source.name in line
    assert "Traceback" not in line


def test_one_bad_source_does_not_stop_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grey = tmp_path / "grey.png"
    cv2.imwrite(str(grey), np.full((48, 64, 3), 128, dtype=np.uint8))
    bad = text(tmp_path, tmp_path)
    assert main(["analyze", str(bad), str(grey), "--out", str(tmp_path / "out"), "--json"]) == 1
    told = capsys.readouterr()
    result = json.loads(told.out)
    assert [entry["source"] for entry in result["results"]] == [str(grey)]
    assert len(result["failed"]) == 1
    assert "1 of 2 sources failed" in told.err
    assert (tmp_path / "out" / "grey" / "report.html").is_file()


def test_missing_sources_are_named_before_the_first_begins(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grey = tmp_path / "grey.png"
    cv2.imwrite(str(grey), np.full((48, 64, 3), 128, dtype=np.uint8))
    command = ["analyze", str(grey), str(tmp_path / "gone.mp4"), "--out", str(tmp_path / "out"), "--no-overlay"]
    assert main(command) == 1
    told = capsys.readouterr().err
    assert told.index("gone.mp4: no such file or folder") < told.index("[1 of 2]")
    assert "nobody was found in 1 frames" in told
    assert "1 of 2 sources failed" in told


def test_keypoints_of_a_folder_keep_the_images_names_and_its_clock_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "day").mkdir()
    for name in ("walk 010.png", "walk 012.jpg"):
        cv2.imwrite(str(tmp_path / "day" / name), np.full((48, 64, 3), 128, dtype=np.uint8))
    assert main(["pose", str(tmp_path / "day"), "--out", str(tmp_path / "out")]) == 0
    assert "this source has no clock, 25 frames/s assumed; --fps" in capsys.readouterr().err
    files = sorted(path.name for path in (tmp_path / "out" / "json").iterdir())
    assert files == ["walk 010_keypoints.json", "walk 012_keypoints.json"]
    assert main(["analyze", str(tmp_path / "day"), "--out", str(tmp_path / "out"), "--fps", "10"]) == 0
    assert "assumed" not in capsys.readouterr().err
    run = json.loads((tmp_path / "out" / "day" / "run.json").read_text())
    assert run["settings"]["pose"]["part"]["fps"] == 10


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 1), (480, 640, 3)])
def test_an_image_without_people_is_no_error(shape: tuple[int, ...], tmp_path: Path) -> None:
    image = tmp_path / "plain.png"
    cv2.imwrite(str(image), np.full(shape, 90, dtype=np.uint8))
    assert main(["analyze", str(image), "--out", str(tmp_path / "out")]) == 0
    run = json.loads((tmp_path / "out" / "plain" / "run.json").read_text())
    assert run["result"]["people"] == 0
    assert "No person was found." in run["notes"]


def test_an_output_folder_that_cannot_be_made(
    sample_video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert main(["analyze", str(sample_video), "--out", str(tmp_path / "file" / "out")]) == 1
    assert "choose another --out" in capsys.readouterr().err


def test_a_database_of_a_newer_schema(sample_video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from storage import open_database

    db = tmp_path / "newer.db"
    open_database(db).close()
    with sqlite3.connect(db) as connection:
        connection.execute("INSERT INTO posescribe_migration VALUES ('of the future', '2100-01-01 00:00:00')")
    connection.close()
    assert main(["analyze", str(sample_video), "--out", str(tmp_path / "out"), "--db", str(db)]) == 1
    assert "newer" in capsys.readouterr().err


@pytest.mark.parametrize("option", [["--model", "hourglass"], ["--model", "gone.onnx"], ["--actions", "mind_reader"]])
def test_unknown_models(
    option: list[str], sample_video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["analyze", str(sample_video), "--out", str(tmp_path / "out"), *option]) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert option[1] in line


def test_a_network_with_other_channels(sample_video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "other.onnx"
    node = helper.make_node("Identity", ["image"], ["maps"])
    graph = helper.make_graph(
        [node],
        "other",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 64, 64])],
        [helper.make_tensor_value_info("maps", TensorProto.FLOAT, [1, 3, 64, 64])],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), file)
    assert main(["analyze", str(sample_video), "--out", str(tmp_path / "out"), "--model", str(file)]) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "other.onnx" in line


def test_a_device_that_is_not_there(sample_video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["analyze", str(sample_video), "--out", str(tmp_path / "out"), "--device", "cuda:7"]
    assert main(command) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "cuda:7" in line


@pytest.mark.parametrize(
    "arguments",
    [
        ["analyze"],
        ["analyze", "x.mp4"],
        ["dance"],
        ["analyze", "x.mp4", "--out", "o", "--every", "0"],
        ["pose", "--help-me"],
    ],
)
def test_wrong_usage_is_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().out == ""
