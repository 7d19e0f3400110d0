"""What `video_people.py` is run on: videos with marked people, and what an engine finds in them."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from tracking_sets import pack, read_mot, unpack

from pose import EngineSettings, PoseEngine
from pose.engine import ALGORITHM, DEFAULT_MODEL
from pose.people import FramePeople
from pose.skeleton import SKELETONS, Skeleton
from pose.sources import open_source
from pose.weights.assets import MULTIVIEW_SAMPLES, SAMPLE_VIDEO, fetch

Truth = list[tuple[np.ndarray, np.ndarray]]
"""Per frame, identities (n,) and boxes (n, 4) x_min, y_min, x_max, y_max of the whole bodies, pixels."""

Marks = Mapping[str, Mapping[int, tuple[int, int, int, int]]]
"""Name of a person -> frame -> box; between two frames a box moves evenly, before the first and after the last one
nobody is there."""


@dataclass(frozen=True)
class Engine:
    """One way of finding people."""

    model: str = DEFAULT_MODEL
    refine: str | None = None
    settings: EngineSettings = field(default_factory=EngineSettings)

    @cached_property
    def loaded(self) -> PoseEngine:
        return PoseEngine(self.model, refine=self.refine, settings=self.settings)


@dataclass(frozen=True, eq=False)
class Found:
    """What an engine found in a video: every detection, without identities.

    Attributes:
        ms: processor time for a frame: reading, finding, tracking.
    """

    frames: list[FramePeople]
    skeleton: Skeleton
    ms: float


@dataclass(frozen=True, eq=False)
class Video:
    """One video or folder of images, and who is where in it.

    Attributes:
        names: of the people, by identity; empty where nobody named them.
        fps: of a folder of images, which has no clock of its own.
    """

    name: str
    source: str
    truth: Truth
    names: Mapping[int, str] = field(default_factory=dict)
    fps: float | None = None


# --- engines ----------------------------------------------------------------------------------------------------------


def find(video: Video, name: str, engine: Engine, keep: Path | None) -> Found:
    """Runs an engine, or reads what it found before under the same name with the same model and settings."""
    made_by = f"{engine.model} {engine.refine} {engine.settings!r} {ALGORITHM} {video.source} {len(video.truth)}"
    file = None if keep is None else keep / f"{name}-{video.name}.npz".replace(" ", "_")
    if file is not None and file.exists():
        with np.load(file) as data:
            if str(data["made_by"]) == made_by:
                skeleton = SKELETONS[str(data["skeleton"])]
                return Found(unpack(dict(data), skeleton), skeleton, float(data["ms"]))
    loaded = engine.loaded
    found: list[FramePeople] = []
    start = time.process_time()
    with loaded.open(open_source(video.source, fps=video.fps)) as stream:
        for frame in stream:
            found.append(FramePeople(frame.index, frame.time_s, frame.people))
            if len(found) == len(video.truth):
                break
    ms = 1e3 * (time.process_time() - start) / len(found)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savez(file, made_by=made_by, skeleton=loaded.skeleton.name, ms=ms, **pack(found))
    return Found(found, loaded.skeleton, ms)


# --- people, marked by hand -------------------------------------------------------------------------------------------

SAMPLE: Marks = {
    "woman": {
        36: (1515, 555, 1592, 941), 40: (1471, 556, 1589, 941), 50: (1450, 541, 1553, 941), 60: (1311, 541, 1503, 947),
        70: (1272, 527, 1382, 932), 80: (1104, 530, 1340, 947), 90: (1071, 515, 1184, 929), 100: (911, 527, 1115, 935),
        110: (852, 512, 988, 926), 120: (719, 518, 947, 932), 130: (633, 503, 805, 932), 140: (503, 509, 731, 929),
        150: (385, 506, 607, 935), 160: (343, 512, 527, 950), 170: (172, 521, 435, 941), 180: (127, 518, 272, 941),
        190: (0, 524, 213, 941), 194: (0, 522, 155, 942), 199: (0, 516, 84, 905),
    },
    "man": {
        0: (592, 80, 712, 453), 10: (490, 74, 815, 453), 20: (510, 10, 731, 456), 30: (472, 36, 795, 450),
        40: (582, 89, 730, 453), 50: (468, 33, 835, 438), 60: (527, 44, 725, 453), 70: (458, 38, 800, 444),
        80: (577, 100, 695, 456), 90: (574, 62, 695, 450), 100: (598, 74, 701, 453), 110: (618, 83, 772, 456),
        120: (630, 89, 775, 458), 130: (710, 89, 814, 458), 140: (734, 80, 882, 456), 150: (737, 65, 867, 456),
        159: (736, 157, 910, 457), 162: (730, 197, 974, 457), 165: (736, 205, 1030, 457), 168: (752, 179, 1012, 420),
        171: (760, 163, 982, 305), 174: (819, 152, 985, 358), 177: (840, 171, 1028, 339), 180: (886, 216, 1138, 414),
        183: (929, 275, 1207, 543), 186: (945, 288, 1164, 722), 189: (993, 422, 1132, 872), 192: (1014, 605, 1229, 905),
        195: (1020, 712, 1247, 905), 200: (1059, 731, 1264, 905), 210: (1104, 624, 1411, 894),
        220: (1346, 550, 1539, 905), 222: (1361, 547, 1561, 896),
        225: (1422, 552, 1590, 880),
    },
}  # fmt: skip

CAMERAS: Mapping[str, Marks] = {
    "cam01": {
        "woman": {0: (488, 794, 971, 1748), 33: (483, 794, 966, 1732), 66: (488, 794, 932, 1737),
                  99: (472, 777, 938, 1737)},
        "man": {0: (233, 316, 572, 1166), 33: (144, 400, 644, 1177), 66: (222, 455, 849, 1277),
                99: (438, 472, 1077, 1321)},
        "onlooker": {0: (8, 289, 108, 710), 99: (0, 289, 94, 710)},
    },
    "cam02": {
        "woman": {0: (105, 638, 366, 1471), 33: (100, 627, 400, 1471), 66: (50, 627, 355, 1471),
                  99: (83, 627, 377, 1471)},
        "man": {0: (405, 389, 727, 1138), 33: (250, 444, 749, 1149), 66: (372, 455, 705, 1166),
                99: (239, 433, 783, 1221)},
        "onlooker": {0: (745, 480, 860, 880), 99: (745, 480, 860, 880)},
    },
    "cam03": {
        "woman": {0: (155, 500, 361, 1038), 33: (161, 500, 355, 1043), 66: (155, 500, 322, 1043),
                  99: (155, 500, 344, 1054)},
        "man": {0: (483, 405, 794, 1321), 33: (300, 444, 727, 1221), 66: (266, 433, 611, 1232),
                99: (11, 416, 511, 1166)},
    },
    "cam04": {
        "woman": {0: (644, 405, 921, 927), 33: (638, 405, 932, 927), 66: (594, 389, 855, 916),
                  99: (616, 400, 888, 900)},
        "man": {0: (155, 483, 660, 1399), 33: (139, 444, 943, 1249), 66: (122, 433, 810, 1249),
                99: (211, 389, 722, 1138)},
    },
}  # fmt: skip


def truth_of(marks: Marks, n: int) -> Truth:
    """Boxes of the first `n` frames; identities count the people of `marks` from 1."""
    boxes = np.full((n, len(marks), 4), np.nan)
    for person, places in enumerate(marks.values()):
        known = list(places)
        frames = np.arange(known[0], min(known[-1] + 1, n))
        for side in range(4):
            boxes[frames, person, side] = np.interp(frames, known, [box[side] for box in places.values()])
    there = np.isfinite(boxes[..., 0])
    return [(np.flatnonzero(here) + 1, row[here]) for here, row in zip(there, boxes, strict=True)]


def marked(name: str, source: Path, marks: Marks, n: int) -> Video:
    return Video(name, str(source), truth_of(marks, n), dict(enumerate(marks, start=1)))


def videos(arguments: argparse.Namespace) -> Iterator[tuple[str, list[Video]]]:
    """Name of a set -> its videos; `--quick` takes the first 30 frames of each."""
    n = 30 if arguments.quick else None
    yield "sample video", [marked("sample", fetch(SAMPLE_VIDEO), SAMPLE, n or 230)]
    folder = fetch(MULTIVIEW_SAMPLES) / "Demo_MultiPerson" / "videos"
    yield (
        "Pose2Sim's four cameras",
        [marked(name, folder / f"{name}.mp4", marks, n or 100) for name, marks in CAMERAS.items()],
    )
    if arguments.frames:
        yield "frames given", [Video("frames", arguments.frames, read_mot(arguments.truth, n), fps=arguments.fps)]
