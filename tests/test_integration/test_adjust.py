"""`posescribe adjust` as a user runs it, on recordings of cameras of which everything is known."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from behavior.cli import main
from pose.multiview import CameraGroup, read_cameras, write_cameras
from tests.test_integration.test_triangulate import GROUP, film
from tests.test_pose.test_adjust import touched


def test_a_calibration_of_cameras_that_were_touched_is_mended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    db, wrong, mended = film(tmp_path / "a.db"), tmp_path / "wrong.toml", tmp_path / "mended.toml"
    write_cameras(touched(GROUP, 1.0, 0.03), wrong, format="pose2sim")
    command = ["adjust", str(db), "--synchronised", "--calibration", str(wrong), "--out", str(mended)]
    assert main([*command, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["before_px"] > 3
    assert told["after_px"] < 0.1
    assert [row["camera"] for row in told["cameras"]] == ["cam1", "cam2", "cam3"]
    assert json.loads((tmp_path / "mended_adjusted.json").read_text()) == told
    assert read_cameras(mended).names == GROUP.names
    asked = ["triangulate", str(db), "--synchronised", "--out", str(tmp_path / "out"), "--calibration"]
    assert main([*asked, str(mended)]) == 0
    assert pd.read_csv(tmp_path / "out" / "reprojection.csv").median_px.max() < 0.1


def test_what_can_not_be_adjusted_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    db, right, two = film(tmp_path / "a.db"), tmp_path / "right.toml", tmp_path / "two.toml"
    write_cameras(GROUP, right, format="pose2sim")
    write_cameras(CameraGroup(GROUP.cameras[:2]), two, format="pose2sim")
    out = tmp_path / "out.toml"
    for file, message in ((right, "it is no better"), (two, "three at least can be adjusted")):
        assert main(["adjust", str(db), "--synchronised", "--calibration", str(file), "--out", str(out)]) == 1
        assert message in capsys.readouterr().err.strip().splitlines()[-1]
    assert not out.exists()
