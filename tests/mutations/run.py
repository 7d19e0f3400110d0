"""Which planted faults the tests notice.

    python tests/mutations/run.py [WORD...] [--jobs N]

Each fault of the lists beside this file is planted into a copy of the tree, and the tests that should notice it are run
there. With words, only faults whose file or description holds one of them. Prints a Markdown table; exit status 1 when
a fault goes unnoticed. CONTRIBUTING.md tells the result.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(Path(__file__).parent))

from fault import Fault  # noqa: E402 - lies beside this script
from lists import FAULTS  # noqa: E402


def copy_of_the_tree(folder: Path) -> None:
    """All files that git knows, as they are now."""
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in names.splitlines():
        if (ROOT / name).is_file() and not name.endswith(".png"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


def pytest(folder: Path, tests: Iterable[str]) -> int:
    """Exit status of the tests: 0 passed, 1 failed."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True).returncode


def sound(tests: Sequence[str]) -> bool:
    """Whether the tests pass as long as nothing is planted."""
    with tempfile.TemporaryDirectory(prefix="sound-") as name:
        copy_of_the_tree(Path(name))
        return pytest(Path(name), tests) == 0


def noticed(fault: Fault) -> tuple[bool, float]:
    """Whether a test failed, and after how many seconds."""
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fault-") as name:
        copy_of_the_tree(Path(name))
        fault.plant(Path(name))
        status = pytest(Path(name), fault.tests)
    if status not in (0, 1):
        raise SystemExit(f"{fault.about}: pytest ended with {status}; are {', '.join(fault.tests)} there?")
    return status == 1, time.monotonic() - begin


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Which planted faults the tests notice.")
    parser.add_argument("words", nargs="*", help="only faults whose file or description holds one of these")
    parser.add_argument("--jobs", type=int, default=2, help="faults tried at the same time")
    asked = parser.parse_args(argv)
    faults = [f for f in FAULTS if not asked.words or any(word in f"{f.file} {f.about}" for word in asked.words)]
    tests = sorted({test for fault in faults for test in fault.tests})
    if not sound(tests):
        raise SystemExit("the tests fail before anything is planted; mend them first")
    print("| file | planted fault | noticed | s |\n|---|---|---|---|")
    caught = 0
    with ThreadPoolExecutor(asked.jobs) as pool:
        for fault, (seen, seconds) in zip(faults, pool.map(noticed, faults), strict=True):
            print(f"| {fault.file} | {fault.about} | {'yes' if seen else '**no**'} | {seconds:.0f} |", flush=True)
            caught += seen
    print(f"\n{caught} of {len(faults)} planted faults noticed.")
    return 0 if caught == len(faults) else 1


if __name__ == "__main__":
    raise SystemExit(main())
