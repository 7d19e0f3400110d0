"""What becomes of files that lie about themselves, hang or unpack to gigabytes: message, exit status, time, memory.

    python benchmarks/hostile.py [--quick] [--json FILE]

Each input is made here, and given to the command that a user would give it to, in a process of its own with at most
8 GB of address space and 60 s. Exit status 1 when one of them hangs, ends in a traceback, or is taken for whole.
"""

from __future__ import annotations

import gzip
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from common import Row, write

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Case:
    """One input: its name, what makes it at a path, and the command's words, `{}` for the path."""

    name: str
    file: str
    make: Callable[[Path], object]
    command: str


def png(width: int, height: int, rows: int) -> bytes:
    data = zlib.compress(b"\0" * (rows * (3 * width + 1)), 9)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(part)) + kind + part + struct.pack(">I", zlib.crc32(kind + part))
        for kind, part in ((b"IHDR", head), (b"IDAT", data), (b"IEND", b""))
    )


def database(path: Path) -> None:
    """Of one recording, so that labels could be brought in."""
    from storage import open_database, recordings

    with open_database(path) as opened, opened.transaction() as tx:
        recordings.ensure_recording(
            tx, name="clip", uri="clip.mp4", kind="video", sha256="0" * 64, width=640, height=480, fps=25.0,
            duration_s=10.0, n_frames=250,
        )  # fmt: skip


def xlsx(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file, file.open("xl/worksheets/sheet1.xml", "w") as sheet:
        for _ in range(200):
            sheet.write(b" " * 10**7)


def npz(path: Path) -> None:
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000,), }".ljust(117) + b"\n"
    with zipfile.ZipFile(path, "w") as file:
        for name in ("joints", "offsets", "labels", "classes", "joint_names"):
            file.writestr(f"{name}.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(80))


def hdf5_unwritten(path: Path) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        file.create_dataset("tracks", (1, 2, 20, 10**9), "f8", chunks=(1, 2, 20, 1000), compression="gzip")
        file["node_names"] = [b"nose"] * 20
        file["track_names"] = [b"a"]
        file["track_occupancy"] = [[1]]


def hdf5_elsewhere(path: Path) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        file.create_dataset("node_names", (10,), "S8", external=[("/etc/passwd", 0, 80)])
        file["track_occupancy"] = [[1]]


def hdf5_pickle(path: Path) -> None:
    import pickle

    import h5py
    import numpy as np

    nested: object = "x"
    for _ in range(80):
        nested = (nested, nested)
    with h5py.File(path, "w") as file:
        table = file.create_dataset("df/table", (1,), [("index", "i8"), ("values_block_0", "f8", (1,))])
        table.attrs["values_block_0_kind"] = np.void(pickle.dumps([nested], 2))
        file["df"].attrs["pandas_type"] = "frame_table"


def model(path: Path) -> None:
    import behavior

    shutil.copytree(Path(behavior.__file__).parent / "models" / "default", path)
    (path / "weights.safetensors").unlink()
    (path / "weights.safetensors").symlink_to("/etc/passwd")


CASES = (
    Case("named pipe as a video", "pipe.mp4", os.mkfifo, "analyze {} --out OUT"),
    Case("device as a video", "zero.mp4", lambda p: p.symlink_to("/dev/zero"), "analyze {} --out OUT"),
    Case("playlist that names itself", "self.m3u8",
         lambda p: p.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nself.m3u8\n"), "analyze {} --out OUT"),
    Case("list of files called .mp4", "list.mp4",
         lambda p: p.write_text("ffconcat version 1.0\nfile '/etc/passwd'\n"), "analyze {} --out OUT"),
    Case("PNG of 1600 million pixels, 2 MB", "bomb.png",
         lambda p: p.write_bytes(png(40_000, 40_000, 16_000)), "analyze {} --out OUT"),
    Case("address without an end", "http://[::1", lambda _: None, "analyze http://[::1 --out OUT"),
    Case("labels out of a named pipe", "labels.csv", os.mkfifo, "labels import {} --db DB"),
    Case("gzip that unpacks to 4 GB", "bomb.boris.gz",
         lambda p: p.write_bytes(gzip.compress(b" " * 10**8) * 40), "labels import {} --db DB"),
    Case("spreadsheet that unpacks to 2 GB", "bomb.xlsx", xlsx, "labels import {} --db DB"),
    Case("npz that declares 8 GB", "bomb.npz", npz, "train {} --out OUT"),
    Case("HDF5 that declares 320 GB", "bomb.h5", hdf5_unwritten, "import {} --fps 25 --db DB"),
    Case("HDF5 with data in /etc/passwd", "raw.h5", hdf5_elsewhere, "import {} --fps 25 --db DB"),
    Case("HDF5 with a pickle of 2^80 names", "nested.h5", hdf5_pickle, "import {} --fps 25 --db DB"),
    Case("JSON nested 100,000 deep", "deep.json",
         lambda p: p.write_text("[" * 100_000 + "]" * 100_000), "import {} --fps 25 --db DB"),
    Case("model folder with a link in it", "model", model, "models import {} --name stranger"),
)  # fmt: skip


_WATCHED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (8 * 10**9, 8 * 10**9))
from behavior.cli import main
status = main()
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print("peak", int(peak.split()[1]) // 1024, file=sys.stderr)
sys.exit(status)
"""


def tried(case: Case) -> Row:
    """What the command makes of one input."""
    with tempfile.TemporaryDirectory(prefix="hostile-") as name:
        folder = Path(name)
        path = folder / case.file.replace("/", "_")
        case.make(path)
        places = {"{}": str(path), "OUT": str(folder / "out"), "DB": str(folder / "w.db")}
        command = [sys.executable, "-c", _WATCHED, *(places.get(word, word) for word in case.command.split())]
        environment = dict(os.environ)
        if case.command.startswith("models"):
            environment["POSESCRIBE_CACHE"] = str(folder / "cache")
        if "labels" in case.command:
            database(folder / "w.db")
        begin = time.monotonic()
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, cwd=ROOT)
            *lines, peak = done.stderr.strip().splitlines()
            status, memory = str(done.returncode), int(peak.removeprefix("peak "))
        except subprocess.TimeoutExpired:
            lines, status, memory = [], "hangs", 0
        seconds = time.monotonic() - begin
    says = " / ".join(lines).replace(f"{folder}/", "").replace("|", "\\|")
    return {"case": case.name, "exit": status, "s": seconds, "MB": memory, "reads": says, "lines": len(lines)}


def main() -> int:
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="as without: it takes a minute")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    rows = []
    print("| input | exit | s | MB | what the user reads |\n|---|---|---|---|---|")
    for case in CASES:
        rows.append(row := tried(case))
        print(f"| {row['case']} | {row['exit']} | {row['s']:.1f} | {row['MB']} | {row['reads']} |", flush=True)
    write(rows, asked.json)
    return 0 if all(row["exit"] == "1" and row["lines"] == 1 for row in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main())
