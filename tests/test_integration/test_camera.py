"""A camera on loopback through the whole chain: what it showed is over, so the report rests on what was kept."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path
from typing import Any

import av
import numpy as np
import pandas as pd
import pytest

from behavior.cli import main
from pose.sources import open_source

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def street(mjpeg_camera: Any, sample_video: Path) -> str:
    """Address, with a password, of a camera that shows a moment of the sample video again and again."""
    with open_source(sample_video, start_s=3) as source:
        pictures = [np.ascontiguousarray(frame.image[::2, ::2]) for frame in islice(source, 5)]
    mjpeg_camera.picture = lambda number: pictures[number % len(pictures)]
    mjpeg_camera.interval_s = 0.2
    return mjpeg_camera.url.replace("://", "://guest:secret@") + "/mjpeg"


def test_report_of_a_camera_shows_what_it_saw(street: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", street, "--out", str(tmp_path), "--end", "3", "--json"]) == 0
    told = capsys.readouterr()
    result = json.loads(told.out)
    folder = Path(result["report"]).parent
    assert result["people"] >= 2
    with av.open(str(folder / "overlay.mp4")) as overlay, av.open(str(folder / "pictures.mp4")) as kept:
        drawn, plain = (
            [f.to_ndarray(format="bgr24").astype(int) for f in video.decode(video=0)] for video in (overlay, kept)
        )
    assert len(drawn) == len(plain) == result["frames"]
    assert np.abs(drawn[0] - plain[0]).max() > 100  # the skeletons
    times = pd.read_parquet(folder / "tracks.parquet").time_s
    assert times.min() >= 0
    assert times.max() < 3
    for file in (folder / "report.html", folder / "run.json", tmp_path / "posescribe.db"):
        assert b"secret" not in file.read_bytes()
    assert "secret" not in told.out + told.err


def test_ctrl_c_is_the_regular_end_of_a_camera(street: str, tmp_path: Path) -> None:
    script = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # as in a terminal
    script += "from behavior.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", script, "analyze", street, "--out", str(tmp_path), "--json"]
    errors = tmp_path / "errors.txt"
    with errors.open("wb") as file:
        working = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=file)
    deadline = time.monotonic() + 120
    while not list(tmp_path.rglob("pictures.mp4")) and working.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(3)
    os.kill(working.pid, signal.SIGINT)
    try:
        out, _ = working.communicate(timeout=120)
    finally:
        working.kill()
    assert working.returncode == 0, errors.read_text()
    result = json.loads(out)
    assert result["frames"] > 0
    assert (Path(result["report"]).parent / "overlay.mp4").exists()
