"""MOTChallenge's text: a line per person and frame, the box around the joints.

Facts from https://motchallenge.net/instructions: frame, id, bb_left, bb_top, bb_width, bb_height, conf, x, y, z; frames
count from 1, and x, y, z are -1 in an image. It holds no joints, so it is written and not read.
"""

from __future__ import annotations

from pathlib import Path

from storage.database import Database
from storage.formats.keypoints.writing import replacing
from storage.tracks import iter_tracked_frames


def write(database: Database, track_run_id: int, path: Path) -> list[Path]:
    """Boxes of the people that have a track, pixels."""
    with replacing(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        for frame in iter_tracked_frames(database, track_run_id):
            for person in frame.people:
                if person.track_id is not None and person.visible.any():
                    x0, y0, x1, y1 = (float(end) for end in person.box)
                    box = f"{x0:.2f},{y0:.2f},{x1 - x0:.2f},{y1 - y0:.2f}"
                    file.write(f"{frame.index + 1},{person.track_id},{box},{person.score:.4f},-1,-1,-1\n")
    return [path]
