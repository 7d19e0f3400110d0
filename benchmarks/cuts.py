"""Real videos cut into parts: whether these give the frames of the whole, by number, time and picture.

    python benchmarks/cuts.py VIDEO... [--parts N] [--end S] [--json FILE]

Each video is read once as a whole and once part by part, as workers read it (`pose.sources.cuts`). Exit status 1 when a
frame differs; a video that can't be cut says why.
"""

from __future__ import annotations

import argparse
import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import av
from common import Row, print_table, write

from pose.sources import open_source
from pose.sources.cuts import NotCut, cut


def frames(path: str, **chosen: Any) -> list[tuple[int, float, str]]:
    """Number, time and hash of the picture of each."""
    with open_source(path, **chosen) as source:
        return [(frame.index, frame.time_s, hashlib.sha256(frame.image).hexdigest()) for frame in source]


def tried(path: str, count: int, end_s: float | None) -> Row:
    whole = frames(path, end_s=end_s)
    with av.open(path) as file:
        context = file.streams.video[0].codec_context
        row = {"video": Path(path).name, "codec": context.name, "size": f"{context.width}×{context.height}"}
        row |= {"B-frames": "yes" if context.has_b_frames else "no", "frames": str(len(whole))}
    try:
        parts = cut(path, (whole[-1][1] - whole[0][1]) / count, end_s=end_s, multiple=8)
    except NotCut as error:
        return row | {"parts": "", "result": str(error).partition(": ")[2], "wrong": 0}
    found = [frame for part in parts for frame in frames(path, **asdict(part))]
    wrong = abs(len(found) - len(whole)) + sum(a != b for a, b in zip(found, whole, strict=False))
    return row | {"parts": len(parts), "result": f"{wrong} frames differ" if wrong else "the same", "wrong": wrong}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="+", metavar="VIDEO")
    parser.add_argument("--parts", type=int, default=3)
    parser.add_argument("--end", type=float, help="read no farther, seconds")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    rows = [tried(path, args.parts, args.end) for path in args.videos]
    names = ("video", "codec", "size", "B-frames", "frames", "parts", "result")
    print_table(rows, dict.fromkeys(names, ""))
    write(rows, args.json)
    return int(any(row["wrong"] for row in rows))


if __name__ == "__main__":
    raise SystemExit(main())
