"""What hands and faces cost: time against people, by stage, and beside MediaPipe Holistic.

    python benchmarks/wholebody.py [--quick] [--json FILE] [--rounds N] [--mediapipe]

Frames are put together of the two people of the sample video, cut out of other frames for each, so that 1 to 30 real
people stand in pictures of 1920×1080. Stages: the body network (`body`, the usual two with their looks; `fields`,
mobilenet_thin at 656×368 and nothing else), the networks of hands, faces and pupils, cutting the squares out of the
frame, and the rest. Parts are looked for once where they were in the frame before (`video`), or twice (`images`).
Processor time of one thread; each ratio is of one round, and the median of the rounds is shown.

`--mediapipe`: one person, 880×495, 24 frames of a video in memory, our chains beside MediaPipe Holistic in turns,
processor time of all threads. MediaPipe is installed once, 1 GB, beside the cached models.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import cv2
import numpy as np
from common import Row, interleave, machine, print_table, rows_of, write
from numpy.typing import NDArray
from peers import MediaPipeParts

sys.path.pop(0)  # this folder holds `features.py`, which would hide the package

from pose import PoseEngine
from pose.backends.base import Backend
from pose.detector import Detector
from pose.engine import DEFAULT_MODEL, Accuracy, EngineSettings, load_networks, load_parts, parts_wanted
from pose.maps import AnyMaps
from pose.refine import Refiner
from pose.weights import assets
from pose.wholebody import PartFinder
from pose.wholebody.regions import Region

PEOPLE = (1, 2, 5, 10, 30)
CLIP = 8
COLUMNS, CELL = 8, (240, 270)  # of the pictures that are put together; width, height
STAGES = ("hands", "face", "iris", "cutting")
Image = NDArray[np.uint8]


def man(_: int) -> tuple[int, int, int, int]:
    """Where he stands on the roof, x, y, width, height; frames 40 to 100."""
    return 440, 10, 390, 439


def woman(frame: int) -> tuple[int, int, int, int]:
    """Where she walks past below; frames 60 to 160."""
    return round(1581 - 12.1 * (frame - 65)) - 222, 470, 444, 500


def read(first: int, last: int) -> dict[int, Image]:
    video = cv2.VideoCapture(str(assets.fetch(assets.SAMPLE_VIDEO)))
    frames = {i: np.asarray(video.read()[1], np.uint8) for i in range(last)}
    video.release()
    return {i: frame for i, frame in frames.items() if i >= first}


def crowd(frames: dict[int, Image], n: int) -> list[Image]:
    """A clip of n people: man and woman in turns, each some frames behind the one before."""
    clip = []
    for t in range(CLIP):
        picture = np.full((1080, 1920, 3), 127, np.uint8)
        for i in range(n):
            where, start = (man, 45) if i % 2 == 0 else (woman, 84)
            source = start + 3 * (i // 2) + t
            x, y, width, height = where(source)
            x = min(max(x, 0), 1768 - width)
            cell = cv2.resize(frames[source][y : y + height, x : x + width], CELL, interpolation=cv2.INTER_AREA)
            row, column = divmod(i, COLUMNS)
            picture[row * CELL[1] : (row + 1) * CELL[1], column * CELL[0] : (column + 1) * CELL[0]] = cell
        clip.append(picture)
    return clip


class Watch:
    """Processor seconds of this thread by stage."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def on(self, stage: str) -> Iterator[None]:
        start = time.thread_time()
        yield
        self.seconds[stage] += time.thread_time() - start

    def over(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any) -> Any:
            with self.on(stage):
                return function(*arguments)

        return timed


class Watched:
    """A network under a watch."""

    def __init__(self, backend: Backend, stage: str, watch: Watch) -> None:
        self.layout, self.model, self.device = backend.layout, backend.model, backend.device
        self.runtime, self.precision, self.in_flight = backend.runtime, backend.precision, backend.in_flight
        self._infer = watch.over(stage, backend.infer)
        self.asked = 0

    def infer(self, batch: Image) -> list[AnyMaps]:
        self.asked += len(batch)
        return self._infer(batch)  # type: ignore[no-any-return]


def detector(model: str, accuracy: Accuracy = "balanced", refine: str | None = None, parts: bool = False) -> Detector:
    settings = EngineSettings(accuracy=accuracy, hands=parts, face=parts)
    body, refiner = load_networks(model, refine, settings, device="cpu", in_flight=1)
    looker = None if refiner is None else Refiner(refiner)
    return Detector(body, looker, settings, load_parts(parts_wanted(settings), device="cpu", in_flight=1))


def stages(rounds: int) -> list[Row]:
    """Milliseconds for a frame of each stage, and its ratio to `fields` in the same round."""
    usual, fields = detector(DEFAULT_MODEL), detector("mobilenet_thin", refine="none")
    finder = load_parts(parts_wanted(EngineSettings(hands=True, face=True)), device="cpu", in_flight=1)
    assert finder is not None
    networks = [looker.network for looker in (finder._hand, finder._face, finder._iris) if looker is not None]
    frames = read(40, 140)
    rows: list[Row] = []
    for n in PEOPLE:
        clip = crowd(frames, n)
        people = usual.follow(clip)
        measured: dict[tuple[str, str], list[float]] = defaultdict(list)
        for _ in range(rounds + 1):
            watch = Watch()
            for name, body in (("body", usual), ("fields", fields)):
                with watch.on(name):
                    body.follow(clip)
            for way in ("video", "images"):
                own = Watch()
                hand, face, iris = (
                    Watched(network, stage, own) for network, stage in zip(networks, STAGES[:3], strict=True)
                )
                with patch.object(Region, "cut", own.over("cutting", Region.cut)), own.on("all"):
                    found = PartFinder(hand, face, iris).find(clip, people, consecutive=way == "video")
                own.seconds["rest"] = own.seconds["all"] - sum(own.seconds[stage] for stage in STAGES)
                for stage in (*STAGES, "rest", "all"):
                    measured[way, stage].append(own.seconds[stage])
            for name in ("body", "fields"):
                measured["body", name].append(watch.seconds[name])
        there = [person for persons in found for person in persons]
        row: Row = {"case": f"{n} people", "found": sum(map(len, people)) / CLIP}
        row["hands found"] = sum(np.isfinite(p.hands[:, 0, 0]).sum() for p in there if p.hands is not None) / CLIP
        row["faces found"] = sum(np.isfinite(p.face[0, 0]) for p in there if p.face is not None) / CLIP
        for way, stage in measured:
            seconds, base = measured[way, stage][1:], measured["body", "fields"][1:]
            ratio = statistics.median(a / b for a, b in zip(seconds, base, strict=True))
            ms = 1e3 * statistics.median(seconds) / CLIP
            rows.append(row | {"engine": f"{way}, {stage}", "median_ms": ms, "ratio_to": "fields", "ratio": ratio})
    return rows


def table(rows: list[Row]) -> None:
    """One line for each number of people, milliseconds for a frame."""
    names = [row["engine"] for row in rows if row["case"] == rows[0]["case"]]
    lines = []
    for case in dict.fromkeys(row["case"] for row in rows):
        own = {row["engine"]: row for row in rows if row["case"] == case}
        first = own[names[0]]
        line: Row = {key: first[key] for key in ("case", "found", "hands found", "faces found")}
        line |= {name: own[name]["median_ms"] for name in names}
        line |= {f"{way} / fields": own[f"{way}, all"]["ratio"] for way in ("video", "images")}
        lines.append(line)
    forms = dict.fromkeys(names, ".1f") | {"video / fields": ".2f", "images / fields": ".2f"}
    print_table(lines, {"case": "", "found": ".1f", "hands found": ".1f", "faces found": ".1f"} | forms)


def beside_holistic(rounds: int) -> list[Row]:
    """The man alone, before MediaPipe and before us."""
    clip = [np.ascontiguousarray(frame[:495, :880]) for frame in read(50, 74).values()]
    engines = {
        "posescribe (`balanced`)": detector(DEFAULT_MODEL),
        "posescribe (`balanced`), hands and face": detector(DEFAULT_MODEL, parts=True),
        "posescribe, fast": detector(DEFAULT_MODEL, "fast"),
        "posescribe, fast, hands and face": detector(DEFAULT_MODEL, "fast", parts=True),
        "posescribe, fields": detector("mobilenet_thin", refine="none"),
        "posescribe, fields, hands and face": detector("mobilenet_thin", refine="none", parts=True),
    }

    def loop(engine: Detector) -> Callable[[], object]:
        return lambda: [engine.follow(clip[i : i + CLIP]) for i in range(0, len(clip), CLIP)]

    loops = {name: loop(engine) for name, engine in engines.items()}
    peer = "MediaPipe Holistic 0.10.14"
    with tempfile.TemporaryDirectory() as folder, MediaPipeParts() as mediapipe:
        frames = Path(folder) / "frames.npy"
        np.save(frames, np.stack(clip)[..., ::-1])
        loops[peer] = lambda: mediapipe.run("holistic", frames)
        seconds = interleave(loops, rounds, 1, clock=lambda: time.process_time() + mediapipe.processor_seconds())
    per_frame = {name: [value / len(clip) for value in values] for name, values in seconds.items()}
    return rows_of("one person, 880×495", per_frame, peer)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one round")
    parser.add_argument("--json", type=Path, help="also write the rows here")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--mediapipe", action="store_true", help="beside MediaPipe Holistic, too")
    arguments = parser.parse_args()
    rounds = 1 if arguments.quick else arguments.rounds
    cv2.setNumThreads(1)
    PoseEngine(device="cpu")  # compiles the parser
    print(f"{machine()}\n")
    rows = stages(rounds)
    table(rows)
    if arguments.mediapipe:
        print()
        beside = beside_holistic(rounds)
        print_table(beside, {"case": "", "engine": "", "median_ms": ".1f", "ratio": ".2f"})
        rows += beside
    write(rows, arguments.json)


if __name__ == "__main__":
    main()
