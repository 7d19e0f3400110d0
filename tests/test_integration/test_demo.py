"""`posescribe demo` on the first frames of the sample video, with the real network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from behavior.cli import main
from pose.weights import assets

N_FRAMES = 4


@pytest.fixture
def fetched(sample_video: Path, media: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The sample is its own beginning; gives the names of the assets that are asked for."""
    clip = media.remux(sample_video, "demo.mp4", change=lambda _, i: i < N_FRAMES)
    asked: list[str] = []
    fetch = assets.fetch

    def short(asset: assets.Asset, *args: Any) -> Path:
        asked.append(asset.name)
        return clip if asset is assets.SAMPLE_VIDEO else fetch(asset, *args)

    monkeypatch.setattr(assets, "fetch", short)
    return asked


def test_the_demo_is_an_analysis_of_the_sample(
    fetched: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["demo", "--out", str(out), "--device", "cpu", "--json"]) == 0
    told = capsys.readouterr()
    result = json.loads(told.out)
    assert set(fetched) == {assets.SAMPLE_VIDEO.name}  # the networks are in the package
    assert (result["frames"], result["device"], result["model"]) == (N_FRAMES, "cpu", "movenet_multipose")
    assert result["refiner"] == "movenet_thunder"
    assert Path(result["report"]) == out / "demo" / "report.html"
    assert told.err.splitlines()[-1] == result["report"]
    assert result["people"] >= 1
    page = Path(result["report"]).read_text(encoding="utf-8")
    assert "overlay.mp4" in page
    run = json.loads((out / "demo" / "run.json").read_text())
    assert run["result"].items() <= result.items()
    assert main(["demo", "--out", str(out)]) == 0
    assert "nothing to do" in capsys.readouterr().err


def test_the_sample_that_cannot_be_had_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POSESCRIBE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(assets, "_pip_settings", lambda: {"index-url": "http://127.0.0.1:9/simple"})
    assert main(["demo", "--out", str(tmp_path / "out")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "sample video" in line
    assert not (tmp_path / "out").exists()
