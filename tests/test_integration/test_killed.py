"""Killed at random moments, again and again: in the end the tables of a run that nobody disturbed."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.test_integration.test_analyze import tables

HOW = ["--start", "3", "--end", "3.6", "--no-overlay", "--device", "cpu"]

# The libraries are imported once: a run is a fork, whose end by a signal is its negative number.
NURSERY = """
import os, sys
import cv2, numba, onnxruntime, pandas, scipy.signal, torch, av
import behavior.cli.analyze, behavior.pipeline.commands, behavior.pipeline.loading
from behavior.pipeline import stages
from behavior.cli import main
stages.COMMIT_EVERY_S = 0.1
print(0, flush=True)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        os._exit(main(line.rstrip("\\n").split("\\t")))
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Nursery:
    def __init__(self) -> None:
        few = {"OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", NURSERY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            stderr=subprocess.DEVNULL, env=os.environ | few,
        )  # fmt: skip
        self.number()

    def number(self) -> int:
        assert self.process.stdout is not None
        return int(self.process.stdout.readline())

    def run(self, arguments: list[str], kill_after_s: float | None = None) -> int:
        """The exit status; that of SIGKILL where it came in time."""
        assert self.process.stdin is not None
        self.process.stdin.write("\t".join(arguments) + "\n")
        self.process.stdin.flush()
        child = self.number()
        if kill_after_s is not None:
            time.sleep(kill_after_s)
            with contextlib.suppress(ProcessLookupError):  # it was faster
                os.kill(child, signal.SIGKILL)
        return self.number()


KILLS = 50


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_killed_at_random_moments(sample_video: Path, tmp_path: Path) -> None:
    nursery, rng = Nursery(), random.Random(KILLS)
    try:
        command = ["analyze", str(sample_video), *HOW, "--out"]
        assert nursery.run([*command, str(tmp_path / "whole")]) == 0  # compiles what is compiled once
        begin = time.monotonic()
        assert nursery.run([*command, str(tmp_path / "again")]) == 0
        whole_s, expected = time.monotonic() - begin, tables(tmp_path / "whole" / "posescribe.db")
        assert all(expected[name] for name in ("frame", "keypoints_coco_18", "membership", "track"))
        killed = 0
        while killed < KILLS:
            out = tmp_path / f"killed{killed}"
            for _ in range(min(rng.randint(1, 4), KILLS - killed)):
                status = nursery.run([*command, str(out)], rng.uniform(0, whole_s))
                assert status in (0, -signal.SIGKILL)
                killed += status != 0
            assert nursery.run([*command, str(out)]) == 0
            assert tables(out / "posescribe.db") == expected, f"after {killed} kills"
            assert (out / "demo" / "report.html").exists()
    finally:
        nursery.process.kill()
        nursery.process.communicate()
