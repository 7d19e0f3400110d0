"""The process around a command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from storage.files import write_bytes


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGHUP])
def test_signals_end_a_command_as_ctrl_c_does(asked: signal.Signals) -> None:
    script = (
        "import time\nfrom behavior.cli.console import Narrator\nfrom behavior.cli.process import end_in_order\n"
        "end_in_order()\nwith Narrator():\n    print('ready', flush=True)\n    time.sleep(60)"
    )
    working = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert working.stdout is not None
    working.stdout.readline()
    os.kill(working.pid, asked)
    _, told = working.communicate(timeout=60)
    assert working.returncode == 128 + asked
    assert told.splitlines() == ["stopped; what is done is kept, and the same command goes on from there"]


def test_libraries_say_nothing_on_the_terminal(tmp_path: Path) -> None:
    whole = cv2.imencode(".png", np.random.default_rng(0).integers(0, 255, (40, 40, 3), np.uint8))[1].tobytes()
    (tmp_path / "broken.png").write_bytes(whole[:900] + b"\0" * 20 + whole[920:])
    arguments = ["pose", str(tmp_path / "broken.png"), "--out", str(tmp_path / "out")]

    def told(extra: list[str]) -> str:
        script = f"import sys; sys.argv[1:] = {[*extra, *arguments]!r}; from behavior.cli import main; sys.exit(main())"
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
        assert done.returncode == 1
        return done.stderr

    assert "libpng" in told(["--debug"])
    assert told([]).splitlines() == [
        f"posescribe: {tmp_path / 'broken.png'}: no image that can be read; is it complete?"
    ]


def test_parts_of_killed_processes_are_removed(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left = tmp_path / f".table.{gone.pid}.part.csv"
    left.write_text("half")
    at_work = tmp_path / f".table.{os.getppid()}.part.csv"
    at_work.write_text("another process writes this")
    other = tmp_path / f".other.{gone.pid}.part.csv"
    other.write_text("of another file")
    write_bytes(tmp_path / "table.csv", b"whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([other.name, at_work.name, "table.csv"])
