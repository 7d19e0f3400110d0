"""Mutilated files of every kind that is read: each gives a result or one of the project's own errors, in one line.

The files of `corpus/` are mutilated (see `mutilate`), and read by another process (see `child`), so that one that takes
all memory, never ends, or takes the process with it is seen, too. What was found once lies in `found/`, and is read
first. A run of minutes: `POSESCRIBE_FUZZ=2000 pytest tests/test_fuzz`, examples of each file.
"""

from __future__ import annotations

import base64
import json
import os
import select
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.test_fuzz.mutilate import Edit, edits, mutilate
from tests.test_fuzz.targets import TARGETS

HERE = Path(__file__).parent
CORPUS = sorted(path for path in (HERE / "corpus").rglob("*") if path.is_file())
FOUND = sorted(path for path in (HERE / "found").rglob("*") if path.is_file())
EXAMPLES = int(os.environ.get("POSESCRIBE_FUZZ", "15"))
PATIENCE_S = 60
"""Until a reader counts as one that never ends; the files have some kB."""


class Readers:
    """The process that reads, started again when it has died."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.counts: Counter[str] = Counter()

    def read(self, target: str, name: str, content: bytes) -> tuple[str, str]:
        if self.process is None:
            few = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.test_fuzz.child"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, env=os.environ | few, cwd=HERE.parent.parent,
            )  # fmt: skip
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        line = json.dumps([target, name, base64.b64encode(content).decode()])
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE_S)
        told = self.process.stdout.readline() if ready else b""
        if told:
            how, message = json.loads(told)
            self.counts[how] += 1
            return how, message
        status = "it never ends" if not ready else f"it died, status {self.process.wait()}"
        self.close()
        return "fault", status

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None


@pytest.fixture(scope="module")
def readers() -> Iterator[Readers]:
    started = Readers()
    yield started
    started.close()
    print(f"\n{sum(started.counts.values())} files: {dict(started.counts)}")


def name_of(path: Path) -> str:
    return str(path.relative_to(HERE))


def test_every_reader_has_files() -> None:
    assert {path.parent.name for path in CORPUS} == set(TARGETS)


@pytest.mark.parametrize("path", CORPUS, ids=name_of)
def test_the_corpus_can_be_read(readers: Readers, path: Path) -> None:
    how, message = readers.read(path.parent.name, path.name, path.read_bytes())
    assert how == ("refused" if path.parent.name in ("convert",) else "read"), message


@pytest.mark.parametrize("path", FOUND, ids=name_of)
def test_what_was_found_once(readers: Readers, path: Path) -> None:
    how, message = readers.read(path.parent.name, path.name, path.read_bytes())
    assert how != "fault", message


@pytest.mark.parametrize("path", CORPUS, ids=name_of)
def test_mutilated(readers: Readers, path: Path) -> None:
    whole = path.read_bytes()

    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), database=None)
    @given(edits)
    def each(changes: list[Edit]) -> None:
        data = mutilate(whole, changes)
        how, message = readers.read(path.parent.name, path.name, data)
        if how == "fault" and (keep := os.environ.get("POSESCRIBE_FUZZ_KEEP")):
            _keep(Path(keep) / path.parent.name / path.name, data, message)
        assert how != "fault", f"{name_of(path)}, {changes}: {message}"

    each()


def _keep(place: Path, data: bytes, message: Any) -> None:
    """The smallest that was found of a file, as hypothesis makes it smaller."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)
    place.with_name(place.name + ".txt").write_text(str(message))
