"""Many short recordings: by one process, and shared by several.

    python benchmarks/many.py [--recordings N] [--workers N] [--seconds S] [--kill] [--json FILE]

The sample video as N files that differ in an atom that nobody reads, S seconds of each, once by `posescribe analyze`
and once with `--workers`. Both write whole results but for the overlay. The start of the processes counts. With --kill
a worker is killed (SIGKILL) in the middle. In the end the tables of both are compared, row by row.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
from common import Row, print_table, write

from pose.weights import assets

TABLES = ("frame", "keypoints_coco_18", "membership", "tracklet", "track", "decision", "bout")


def clips(folder: Path, count: int) -> list[str]:
    video, found = assets.fetch(assets.SAMPLE_VIDEO), []
    for number in range(count):
        path = folder / f"clip{number:03}.mp4"
        shutil.copy(video, path)
        with path.open("ab") as file:
            file.write((16).to_bytes(4, "big") + b"free" + number.to_bytes(8, "big"))
        found.append(str(path))
    return found


def content(db: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row by its recording and the fingerprint of its run, without numbers that the database gave."""
    found = {}
    with closing(sqlite3.connect(db)) as connection:
        for table in TABLES:
            names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            kept = ", ".join(f"{table}.{name}" for name in names if name not in ("id", "run_id"))
            query = (
                f"SELECT recording.name, run.fingerprint, {kept} FROM {table} JOIN run ON run.id = run_id"
                " JOIN recording ON recording.id = recording_id"
            )
            found[table] = sorted(connection.execute(query).fetchall(), key=repr)
    return found


def analyse(sources: list[str], out: Path, seconds: float, script: Path, workers: int | None, kill: bool) -> float:
    """Seconds that it took, the start of its processes among them."""
    words = [sys.executable, str(script), "analyze", *sources, "--out", str(out), "--no-overlay", "--start", "3"]
    words += ["--end", str(3 + seconds), *(["--workers", str(workers)] if workers else [])]
    begin = time.monotonic()
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as process:
        while kill and process.poll() is None:
            done = len(list(out.glob("*/run.json")))
            at_work = [
                child
                for child in psutil.Process(process.pid).children(recursive=True)
                if any(file.path.endswith(".db") and "parts" in file.path for file in child.open_files())
            ]
            if done >= len(sources) // 2 and at_work:
                os.kill(at_work[0].pid, signal.SIGKILL)
                print(f"killed one of {len(at_work)} workers after {done} of {len(sources)} recordings")
                kill = False
            time.sleep(0.02)
    if process.returncode != 0 or kill:
        raise SystemExit(f"analyze ended with {process.returncode}" + (", and nobody was killed" if kill else ""))
    return time.monotonic() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=int, default=40)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=0.4)
    parser.add_argument("--kill", action="store_true")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        script = folder / "run.py"
        script.write_text(
            "import sys\nfrom behavior.cli import main\nif __name__ == '__main__':\n    sys.exit(main())\n"
        )
        sources = clips(folder, args.recordings)
        for case, workers in (("one process", None), (f"{args.workers} workers", args.workers)):
            out = folder / case.replace(" ", "-")
            seconds = analyse(sources, out, args.seconds, script, workers, args.kill and workers is not None)
            load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
            rows.append({"case": case, "recordings": len(sources), "seconds": seconds, "load": load})
        for row in rows:
            row["ratio"] = rows[0]["seconds"] / row["seconds"]
        alone, together = (content(folder / row["case"].replace(" ", "-") / "posescribe.db") for row in rows)
    same = "the same" if alone == together else "NOT the same"
    print(f"tables are {same}: " + ", ".join(f"{len(alone[table])} {table}" for table in TABLES))
    print_table(rows, {"case": "", "recordings": "", "seconds": ".0f", "ratio": ".2f", "load": ""})
    write(rows, args.json)


if __name__ == "__main__":
    main()
