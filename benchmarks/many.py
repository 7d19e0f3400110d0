"""Many short recordings, or one long one in parts: by one process, and shared by several.

    python benchmarks/many.py [--recordings N] [--workers N] [--frames N] [--kill] [--rounds N] [--json FILE]
    python benchmarks/many.py --part SECONDS [--workers N] [--frames N] [--rounds N] [--json FILE]

N clips cut out of the sample video, each from another frame on and of 1 to 1.8 times so many frames, once by
`posescribe analyze` and once with `--workers`. Both write whole results but for the overlay. The start of the processes
counts. With --kill a worker is killed (SIGKILL) in the middle. In the end the tables of both are compared, row by row.

With --part it is one film, the sample played forth and back for so many frames: by one process as a whole, by one
worker in parts of so many seconds, and by several. Rounds are in turns; seconds and ratios are medians.
"""

from __future__ import annotations

import argparse
import os
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import psutil
from common import Row, print_table, write

from pose.weights import assets

TABLES = ("frame", "keypoints_coco_18", "membership", "tracklet", "track", "decision", "bout")


def sample() -> tuple[list[np.ndarray], Fraction]:
    """All pictures of the sample video, and how many of them a second has."""
    with av.open(str(assets.fetch(assets.SAMPLE_VIDEO))) as film:
        rate = film.streams.video[0].average_rate
        assert rate is not None
        return [frame.to_ndarray(format="yuv420p") for frame in film.decode(video=0)], rate


def film(path: Path, pictures: Sequence[np.ndarray], rate: Fraction) -> str:
    """A file in H.264."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=rate)
        stream.height, stream.width = pictures[0].shape[0] * 2 // 3, pictures[0].shape[1]
        for picture in pictures:
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="yuv420p")))
        file.mux(stream.encode(None))
    return str(path)


def clips(folder: Path, count: int, n_frames: int) -> list[str]:
    """Files of their own stretch and length each, in the sample's own time from frame to frame."""
    pictures, rate = sample()
    found = []
    for number in range(count):
        length = n_frames * (5 + number % 5) // 5
        first = number * (len(pictures) - 2 * n_frames) // count
        found.append(film(folder / f"clip{number:03}.mp4", pictures[first : first + length], rate))
    return found


def long_film(folder: Path, n_frames: int) -> str:
    """The sample, played forth and back."""
    pictures, rate = sample()
    there_and_back = [*pictures, *pictures[-2:0:-1]]
    return film(folder / "long.mp4", [there_and_back[i % len(there_and_back)] for i in range(n_frames)], rate)


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


def has_part(process: psutil.Process) -> bool:
    """Whether a process has the database of a recording open."""
    with suppress(psutil.NoSuchProcess):  # it ended meanwhile
        return any(file.path.endswith(".db") and "parts" in file.path for file in process.open_files())
    return False


def analyse(
    sources: list[str], out: Path, script: Path, workers: int | None, kill: bool, part_s: float | None
) -> float:
    """Seconds that it took, the start of its processes among them."""
    words = [sys.executable, str(script), "analyze", *sources, "--out", str(out), "--no-overlay"]
    words += ["--workers", str(workers)] if workers else []
    words += ["--part", str(part_s / 60)] if workers and part_s else []
    begin = time.monotonic()
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as process:
        while kill and process.poll() is None:
            done = len(list(out.glob("*/run.json")))
            at_work = [child for child in psutil.Process(process.pid).children(recursive=True) if has_part(child)]
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
    parser.add_argument("--frames", type=int, default=5)
    parser.add_argument("--kill", action="store_true")
    parser.add_argument("--part", type=float, help="seconds")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    cases: dict[str, int | None] = {"one process": None, f"{args.workers} workers": args.workers}
    if args.part:
        cases = {"one process": None, "1 worker": 1, f"{args.workers} workers": args.workers}
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        script = folder / "run.py"
        script.write_text(
            "import sys\nfrom behavior.cli import main\nif __name__ == '__main__':\n    sys.exit(main())\n"
        )
        sources = [long_film(folder, args.frames)] if args.part else clips(folder, args.recordings, args.frames)
        times: dict[str, list[float]] = {case: [] for case in cases}
        loads: dict[str, list[float]] = {case: [] for case in cases}
        for number in range(args.rounds):
            for case, workers in cases.items():
                kill = args.kill and workers == args.workers
                out = folder / f"{number}-{workers}"
                times[case].append(analyse(sources, out, script, workers, kill, args.part))
                loads[case].append(os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan"))
        for case in cases:
            seconds, load = statistics.median(times[case]), statistics.median(loads[case])
            ratio = statistics.median(a / b for a, b in zip(times["one process"], times[case], strict=True))
            rows.append({"case": case, "recordings": len(sources), "seconds": seconds, "ratio": ratio, "load": load})
            rows[-1]["each"] = times[case]
        found = [content(folder / f"0-{workers}" / "posescribe.db") for workers in cases.values()]
    same = "the same" if all(one == found[0] for one in found) else "NOT the same"
    print(f"tables are {same}: " + ", ".join(f"{len(found[0][table])} {table}" for table in TABLES))
    print_table(rows, {"case": "", "recordings": "", "seconds": ".0f", "ratio": ".2f", "load": ".1f"})
    write(rows, args.json)


if __name__ == "__main__":
    main()
