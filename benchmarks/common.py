"""What the benchmarks share: interleaved timing, one table, one file."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def interleave(
    engines: Mapping[str, Callable[[], object]],
    rounds: int,
    warm_up: int = 2,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Seconds of each engine in each round, all engines in every round, so that a machine's moods meet all of them."""
    for run in engines.values():
        for _ in range(warm_up):
            run()
    seconds: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(rounds):
        for name, run in engines.items():
            start = clock()
            run()
            seconds[name].append(clock() - start)
    return seconds


def rows_of(case: str, seconds: Mapping[str, Sequence[float]], ratio_to: str) -> list[Row]:
    """Median milliseconds, and the median over the rounds of the time relative to one engine's in the same round."""
    return [
        {
            "case": case,
            "engine": engine,
            "median_ms": statistics.median(values) * 1e3,
            "ratio_to": ratio_to,
            "ratio": statistics.median(a / b for a, b in zip(values, seconds[ratio_to], strict=True)),
        }
        for engine, values in seconds.items()
    ]


def print_table(rows: Sequence[Row], columns: Mapping[str, str]) -> None:
    """Markdown; `columns` maps a row's key to the format of its value."""
    print("| " + " | ".join(columns) + " |")
    print("|" + "---|" * len(columns))
    for row in rows:
        print("| " + " | ".join(format(row[key], form) if key in row else "" for key, form in columns.items()) + " |")


def write(rows: Sequence[Row], path: Path | None) -> None:
    """The `--json` file of the contract; nothing without a path."""
    if path is not None:
        path.write_text(json.dumps({"machine": machine(), "commit": commit(), "rows": list(rows)}, indent=1) + "\n")


def machine() -> str:
    """Processor, cores this process may use, system, Python."""
    processor = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
        processor = names[0] if names else processor
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{processor}, {cores} cores, {platform.system()}, Python {platform.python_version()}"


def commit() -> str:
    """Of the checkout this file lies in; empty outside of one."""
    folder = Path(__file__).parent
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout.strip()
