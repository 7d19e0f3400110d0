"""The command that a report gives, read again by the command line itself."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from typing import Any

import pytest
import typer

from behavior.cli.analyze import analyze
from behavior.pipeline.repeat import command
from behavior.pipeline.settings import make_settings
from behavior.pipeline.stages import plain, pose_settings
from storage.runs import Run

USUAL: dict[str, Any] = {
    "accuracy": "balanced", "precision": None, "max_people": None, "start_s": None, "end_s": None, "every": 1,
    "overlay": True,
}  # fmt: skip


def run(stage: str, model: str, settings: dict[str, Any], **extra: Any) -> Run:
    now = datetime.now(UTC)
    return Run(1, 1, None, stage, "done", "", settings, None, model, "0" * 64, "cpu", "0.1.0", now, now, extra, now)


@pytest.mark.parametrize(
    ("changed", "options"),
    [
        ({}, ""),
        ({"accuracy": "high", "net_height": 736}, "--accuracy high --net-size 736"),
        ({"start_s": 3.0, "end_s": 4.5, "every": 2, "fps": 12.5}, "--start 3 --end 4.5 --every 2 --fps 12.5"),
        ({"max_people": 4, "hands": True, "hand_threshold": 0.4}, "--max-people 4 --hand-threshold 0.4 --hands"),
        ({"face": True, "face_mesh": True, "clothes": True}, "--face --face-mesh --clothes"),
        ({"precision": "bfloat16", "every_body": 3}, "--precision bfloat16 --every-body 3"),
    ],
)
def test_options_that_are_not_at_their_defaults(changed: dict[str, Any], options: str) -> None:
    settings = make_settings(**USUAL | changed)
    pose = run("pose", "movenet_multipose", pose_settings(settings), refiner={"name": "movenet_thunder"})
    said = command("a b.mp4", pose, run("actions", "default", plain(settings.recognise)))
    words = shlex.split(said)
    assert words[:5] == ["posescribe", "analyze", "a b.mp4", "--out", "results"]
    assert sorted(words[5:]) == sorted([*shlex.split(options), "--device", "cpu"])
    app = typer.Typer()
    app.command()(analyze)
    typer.main.get_command(app).make_context("analyze", words[2:])  # the command line takes it


def test_other_models() -> None:
    settings = make_settings(**USUAL)
    pose = run("pose", "mobilenet_thin", pose_settings(settings))
    assert "--model mobilenet_thin --refine none" in command("a.mp4", pose, None)
    assert "--actions none" in command("a.mp4", pose, None)
    fast = run("pose", "movenet_multipose", pose_settings(make_settings(**USUAL | {"accuracy": "fast"})))
    assert "--refine" not in command("a.mp4", fast, None)
    named = run("actions", "mine", plain(make_settings(**USUAL | {"min_bout_s": 0.8}).recognise))
    assert "--actions mine --min-bout 0.8" in command("a.mp4", fast, named)
