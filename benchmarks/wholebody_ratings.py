"""Which hands and faces are right: what was looked at by eye, and what each threshold makes of it.

    python benchmarks/wholebody_ratings.py [--sheets DIR] [--images DIR] [--json FILE]

Every square that the bodies of some frames give is looked at as the engine does, but whatever the networks say of it is
taken down: presence in the first and in the closer look, distance to the body's wrist or nose, size. `--sheets` draws
the closer squares with their landmarks, numbered, for rating; `wholebody_ratings.csv` holds the ratings of all of them
whose presence was at least .1:

- `right`: it is there and its points lie on it,
- `off`: it is there and they do not,
- `none`: there is no hand, or no face, to be seen.

Frames: of the sample video, of Pose2Sim's cameras, and scikit-image's photograph of an astronaut. `--images` draws the
sheets of a folder of one's own images instead; they are not rated here.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import cv2
import numpy as np
from common import Row, machine, print_table, write
from numpy.typing import NDArray

sys.path.pop(0)  # this folder holds `features.py`, which would hide the package

from pose.backends.base import Backend
from pose.detector import Detector
from pose.engine import DEFAULT_MODEL, EngineSettings, load_networks
from pose.refine import Refiner
from pose.weights import assets
from pose.weights.assets import Asset
from pose.weights.zoo import load_backend
from pose.wholebody import finder
from pose.wholebody.regions import Region, face_of_body, face_of_landmarks, hand_of_body, hand_of_landmarks

ASTRONAUT = Asset(
    name="photograph of an astronaut",
    project="scikit-image",
    file="scikit_image-0.26.0-cp311-cp311-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl",
    file_sha256="74aa5518ccea28121f57a95374581d3b979839adc25bb03f289b1bc9b99c58af",
    member="skimage/data/astronaut.png",
    member_sha256="88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
    licence="CC0-1.0",
)
RATINGS = Path(__file__).with_name("wholebody_ratings.csv")
RATED = 0.1  # presence from which a square was rated
TILE = 224
Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Candidate:
    """One square.

    Attributes:
        source, frame: where.
        part: `left`, `right` or `face`.
        x, y, side: of the closer square, pixels.
        first, presence: what the network said in the first and in the closer look.
        off: of its wrist or nose from the body's, over the square's side; NaN where the body has none.
        rating: see above; empty where nobody looked.
    """

    source: str
    frame: int
    part: str
    x: float
    y: float
    side: float
    first: float
    presence: float
    off: float
    rating: str = ""


def material() -> Iterator[tuple[str, int, Image]]:
    """Name of the source, number of the frame, frame."""
    cameras = assets.fetch(assets.MULTIVIEW_SAMPLES)
    videos = [("sample video", assets.fetch(assets.SAMPLE_VIDEO), 10)]
    for name, folder in (("one", "Demo_SinglePerson"), ("two", "Demo_MultiPerson")):
        for camera in range(1, 5):
            path = cameras / folder / "videos" / f"cam{camera:02}.mp4"
            videos.append((f"Pose2Sim, {name}, camera {camera}", path, 20))
    for name, path, step in videos:
        video = cv2.VideoCapture(str(path))
        for i in itertools.count():
            there, frame = video.read()
            if not there:
                break
            if i % step == step // 2:
                yield name, i, np.asarray(frame, np.uint8)
        video.release()
    yield "astronaut", 0, np.asarray(cv2.imread(str(assets.fetch(ASTRONAUT))), np.uint8)


def folder(path: Path) -> Iterator[tuple[str, int, Image]]:
    for i, file in enumerate(sorted(path.iterdir())):
        yield file.name, i, np.asarray(cv2.imread(str(file)), np.uint8)


def body() -> Detector:
    settings = EngineSettings()
    network, refiner = load_networks(DEFAULT_MODEL, None, settings, device="cpu", in_flight=1)
    return Detector(network, None if refiner is None else Refiner(refiner), settings)


class Collector:
    """Every square of an image, with its landmarks."""

    def __init__(self) -> None:
        def load(role: str) -> Backend:
            return load_backend(f"mediapipe_{role}", role=None, device="cpu", threads=1, in_flight=1)

        self._body = body()
        self._hand, self._face = (finder._Looker(load(part), 1e-9) for part in ("hand", "face"))

    def collect(self, source: str, frame: int, image: Image) -> list[tuple[Candidate, Region, NDArray[np.float64]]]:
        (people,) = self._body.detect([image])
        joints = [finder._Joints(person) for person in people if person.score >= finder._WORTH_A_LOOK]
        guesses = {(i, s): hand_of_body(one, s) for i, one in enumerate(joints) for s in finder._SIDES}
        heads = {(i, "face"): face_of_body(one) for i, one in enumerate(joints)}
        found = []
        for looker, first_squares, closer, at, joint in (
            (self._hand, guesses, hand_of_landmarks, 0, "{}_wrist"),
            (self._face, heads, face_of_landmarks, 4, "nose"),
        ):
            first = looker.look(image, first_squares)
            second = looker.look(image, {key: closer(one.points) for key, one in first.items()})
            for key, one in second.items():
                i, part = key
                off = float(np.hypot(*(one.points[at] - joints[i][joint.format(part)]))) / one.region.side
                square = (one.region.x, one.region.y, one.region.side)
                numbers = (*square, first[key].presence, one.presence, off)
                candidate = Candidate(source, frame, part, *(round(float(n), 3) for n in numbers))
                found.append((candidate, one.region, one.points))
        return found


def draw(image: Image, region: Region, points: NDArray[np.float64], text: str) -> Image:
    """The square and its landmarks beside each other."""
    plain = region.cut(image, TILE)
    drawn = plain.copy()
    for x, y in region.to_crop(points, TILE):
        cv2.circle(drawn, (round(float(x)), round(float(y))), 2 if len(points) == 21 else 1, (0, 255, 255), -1)
    if len(points) == 21:
        places = [(round(float(x)), round(float(y))) for x, y in region.to_crop(points, TILE)]
        for finger in range(5):
            chain = [0, *range(1 + 4 * finger, 5 + 4 * finger)]
            for a, b in itertools.pairwise(chain):
                cv2.line(drawn, places[a], places[b], (0, 160, 255) if finger else (255, 160, 0), 1, cv2.LINE_AA)
    both = np.hstack([plain, drawn])
    cv2.putText(both, text, (4, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 3, cv2.LINE_AA)
    cv2.putText(both, text, (4, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
    return both


def write_sheets(images: Iterator[tuple[str, int, Image]], out: Path) -> None:
    """Sheets of 24 squares, and their numbers without ratings."""
    out.mkdir(parents=True, exist_ok=True)
    collector, tiles, seen = Collector(), [], []
    for source, frame, image in images:
        for candidate, region, points in collector.collect(source, frame, image):
            if candidate.presence >= RATED:
                tiles.append(draw(image, region, points, f"{len(seen)}: {candidate.presence:.2f}"))
                seen.append(candidate)
    for first in range(0, len(tiles), 24):
        some = tiles[first : first + 24]
        some += [np.zeros_like(some[0])] * (-len(some) % 4)
        cv2.imwrite(
            str(out / f"{first:04}.png"), np.vstack([np.hstack(some[i : i + 4]) for i in range(0, len(some), 4)])
        )
    with (out / "candidates.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Candidate)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(candidate) for candidate in seen)


def read_ratings(file: Path = RATINGS) -> list[Candidate]:
    with file.open(newline="") as lines:
        return [
            Candidate(
                row["source"], int(row["frame"]), row["part"],
                *(float(row[name]) for name in ("x", "y", "side", "first", "presence", "off")), row["rating"],
            )
            for row in csv.DictReader(lines)
        ]  # fmt: skip


def table(candidates: Sequence[Candidate]) -> list[Row]:
    """How many squares of each rating pass the usual thresholds, and with one of them changed."""
    usual = {"presence": 0.5, "first": finder._MAYBE, "off": finder._AT_THE_WRIST, "side": finder._SMALLEST_HAND}
    faces = usual | {"off": finder._AT_THE_NOSE, "side": finder._SMALLEST}
    changes = [
        {}, *({"presence": value} for value in (0.3, 0.4, 0.6, 0.7, 0.8, 0.9)), {"first": 0.1}, {"first": 0.0},
        {"off": 0.1}, {"off": 0.15}, {"off": 9.0}, {"side": 80.0}, {"first": 0.1, "side": 14.0},
    ]  # fmt: skip
    rows: list[Row] = []
    for part, limits in (("hands", usual), ("faces", faces)):
        own = [one for one in candidates if (one.part == "face") == (part == "faces")]
        for change in changes:
            at = limits | change
            passed = [
                one.rating
                for one in own
                if one.presence >= at["presence"]
                and one.first >= at["first"]
                and one.side >= at["side"]
                and not one.off > at["off"]
            ]
            what = ", ".join(f"{name} {value:g}" for name, value in change.items()) or "as it is"
            rows.append(
                {"case": f"{part}, {what}"} | {rating: passed.count(rating) for rating in ("right", "off", "none")}
            )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sheets", type=Path, help="draw the squares into this folder")
    parser.add_argument("--images", type=Path, help="a folder of images of one's own, for --sheets")
    parser.add_argument("--json", type=Path, help="also write the rows here")
    parser.add_argument("--quick", action="store_true", help="without meaning: nothing here takes long")
    arguments = parser.parse_args()
    if arguments.sheets is not None:
        write_sheets(material() if arguments.images is None else folder(arguments.images), arguments.sheets)
        return
    rows = table(read_ratings())
    print(f"{machine()}\n")
    print_table(rows, {"case": "", "right": "", "off": "", "none": ""})
    write(rows, arguments.json)


if __name__ == "__main__":
    main()
