"""Maps to people, ours beside other parsers on the same maps, one thread each.

    python benchmarks/parse.py [--quick] [--json FILE] [--plot FILE]

Cases: drawn scenes with known people at two map sizes (S: 82×46 cells of a 656×368 input, L: 164×92 of 1312×736) with
some noise of the kind networks make, and real maps of the default network from the sample video. tf-pose's parser is
timed with the upsampling, smoothing and non-maximum suppression that it needs, and its C++ core once more without them.
`people` counts those found; `error` is the median distance of a joint found from the joint drawn, in pixels of the
network's input (real maps: from the refined maximum nearby of the ×8 cubic upsampled map).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from common import Row, interleave, machine, print_table, rows_of, write
from peers import LightweightParser, TfPoseParser, channels_last

from pose.maps import OPENPOSE_COCO, Maps
from pose.parsing import encode, parse, prepare_parser
from pose.people import Person
from pose.preprocess import fit, letterbox
from pose.skeleton import COCO_18
from pose.weights import assets
from pose.weights.zoo import load_backend

OURS = "posescribe"
CORE = "tf-pose, C++ core alone"
SIZES = {"S": (368, 656), "L": (736, 1312)}
SCENES = (("S", 1), ("S", 12), ("S", 25), ("L", 30), ("L", 60), ("L", 96), ("L", 200))
QUICK = (("S", 1), ("S", 12), ("L", 96))

# A standing person, neck at (0, 0); 150 pixels from top to bottom.
STANDING = np.array(
    [
        (0, -20), (0, 0), (-16, 0), (-20, 24), (-22, 46), (16, 0), (20, 24), (22, 46),
        (-10, 50), (-11, 84), (-12, 118), (10, 50), (11, 84), (12, 118), (-4, -24), (4, -24), (-9, -22), (9, -22),
    ],
    dtype=np.float64,
)  # fmt: skip


def drawn(size: str, n_people: int, seed: int = 0) -> tuple[Maps, list[Person]]:
    """People of many sizes at random places of a grid, and their maps."""
    random = np.random.default_rng(seed)
    height, width = SIZES[size]
    columns = int(np.ceil(np.sqrt(n_people * width / height * 2)))
    rows = int(np.ceil(n_people / columns))
    people = []
    for cell in random.permutation(columns * rows)[:n_people]:
        room = np.array((width / columns, height / rows))
        scale = min(*(room / (55, 155)), 2.2) * random.uniform(0.8, 1)
        points = STANDING + random.normal(0, 1.5, STANDING.shape)
        centre = (np.array((cell % columns, cell // columns)) + 0.5) * room + random.uniform(-0.05, 0.05, 2) * room
        points = (points - (0, 47)) * scale + centre
        people.append(Person(np.column_stack([points, np.ones(18)]).astype(np.float32), 1.0, skeleton=COCO_18))
    maps = encode(people, OPENPOSE_COCO, height, width)
    return replace(
        maps,
        heatmaps=maps.heatmaps + random.normal(0, 0.003, maps.heatmaps.shape).astype(np.float32),
        pafs=maps.pafs + random.normal(0, 0.01, maps.pafs.shape).astype(np.float32),
    ), people


def real(net_height: int) -> Maps:
    """Of one frame of the sample video."""
    video = cv2.VideoCapture(str(assets.fetch(assets.SAMPLE_VIDEO)))
    video.set(cv2.CAP_PROP_POS_FRAMES, 80)
    image = np.asarray(video.read()[1], dtype=np.uint8)
    video.release()
    canvas, _ = letterbox(image, fit(image.shape[:2], net_height))
    return load_backend(device="cpu").infer(canvas[None])[0]


def error_drawn(found: list[Person], people: list[Person]) -> float:
    """Median distance of a joint from the same joint of the person drawn nearest, pixels."""
    truth = np.array([person.keypoints[:, :2] for person in people])
    distances = [
        np.linalg.norm(truth[:, joint] - person.keypoints[joint, :2], axis=1).min()
        for person in found
        for joint in np.flatnonzero(person.visible)
    ]
    return float(np.median(distances)) if distances else float("nan")


def error_real(found: list[Person], maps: Maps) -> float:
    """Median distance of a joint from the refined maximum of the ×8 upsampled heatmap within a cell of it, pixels."""
    dense = [cv2.resize(m, None, fx=8, fy=8, interpolation=cv2.INTER_CUBIC) for m in maps.heatmaps[:-1]]
    distances = []
    for person in found:
        for joint in np.flatnonzero(person.visible):
            x, y = person.keypoints[joint, :2].astype(float)
            left, top = max(round(x) - 8, 1), max(round(y) - 8, 1)
            near = dense[joint][top : round(y) + 9, left : round(x) + 9]
            row, column = (int(i) for i in np.unravel_index(near.argmax(), near.shape))
            around = dense[joint][top + row - 1 : top + row + 2, left + column - 1 : left + column + 2].astype(float)
            if around.shape == (3, 3):
                true = left + column + vertex(*around[1]), top + row + vertex(*around[:, 1])
                distances.append(np.hypot(true[0] - x, true[1] - y))
    return float(np.median(distances)) if distances else float("nan")


def vertex(before: float, at: float, after: float) -> float:
    """Offset of the apex of the parabola through three values."""
    return 0.5 * (before - after) / (before - 2 * at + after)


class Contest:
    """All parsers on one set of maps."""

    def __init__(self, rounds: int) -> None:
        self.rounds = rounds
        self.tf_pose = TfPoseParser()
        self.lightweight = LightweightParser()

    def run(self, case: str, maps: Maps, error: Callable[[list[Person]], float]) -> list[Row]:
        heatmaps, pafs = channels_last(maps)  # as their own networks give them
        upsampled = self.tf_pose.prepare(heatmaps, pafs)
        people = {
            OURS: parse(maps),
            "tf-pose": self.tf_pose.people(maps),
            "lightweight-openpose": self.lightweight.people(maps),
        }
        engines: dict[str, Callable[[], object]] = {
            OURS: lambda: parse(maps),
            "tf-pose": lambda: self.tf_pose(heatmaps, pafs),
            CORE: lambda: self.tf_pose.core(*upsampled),
            "lightweight-openpose": lambda: self.lightweight(heatmaps, pafs),
        }
        rows = rows_of(case, interleave(engines, self.rounds), ratio_to=OURS)
        for row in rows:
            if row["engine"] in people:
                row["people"] = len(people[row["engine"]])
                row["error"] = error(people[row["engine"]])
        return rows


def plot(rows: list[dict[str, Any]], path: Path) -> None:
    """Time over people, both axes logarithmic."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    drawn_rows = [row for row in rows if "drawn" in row["case"]]
    for engine in dict.fromkeys(row["engine"] for row in drawn_rows):
        own = [row for row in drawn_rows if row["engine"] == engine]
        axes.loglog([row["n"] for row in own], [row["median_ms"] for row in own], "o-", label=engine)
    axes.set(xlabel="people in the frame", ylabel="maps to people, ms (median)")
    axes.legend()
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="three scenes, few rounds")
    parser.add_argument("--json", type=Path, help="also write the rows here")
    parser.add_argument("--plot", type=Path, help="also draw time over people here (needs matplotlib)")
    arguments = parser.parse_args()

    cv2.setNumThreads(1)
    prepare_parser(print)
    contest = Contest(rounds=3 if arguments.quick else 25)
    rows: list[Row] = []
    print(f"{machine()}; one thread\n")
    for size, n_people in QUICK if arguments.quick else SCENES:
        maps, people = drawn(size, n_people)
        found = contest.run(f"{size}, {n_people} drawn", maps, lambda found, people=people: error_drawn(found, people))
        rows += [row | {"n": n_people} for row in found]
    for net_height in (368,) if arguments.quick else (368, 736):
        maps = real(net_height)
        rows += contest.run(f"sample video, {net_height}", maps, lambda found, maps=maps: error_real(found, maps))
    print_table(rows, {"case": "", "engine": "", "median_ms": ".2f", "ratio": ".1f", "people": "d", "error": ".2f"})
    write(rows, arguments.json)
    if arguments.plot is not None:
        plot(rows, arguments.plot)


if __name__ == "__main__":
    main()
