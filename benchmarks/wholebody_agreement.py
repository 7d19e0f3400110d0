"""How far our hands and faces lie from MediaPipe's own, and who finds which.

    python benchmarks/wholebody_agreement.py [--quick] [--json FILE]

The frames are those of `wholebody_ratings.py`, each by itself. Both run the same networks of landmarks; MediaPipe
finds the squares by its own detectors. It is asked in three ways: `hands` and `face_mesh` on the whole frame, the same
on each body of ours alone (its box and a quarter more on each side), and `holistic`, made for one person, on each body
alone.

A hand of ours and one of theirs are the same when their landmarks lie within half the hand's size of each other on
average. The error is that mean distance over the longer side of the hand's box, or over the distance between the outer
corners of the eyes (68 points). MediaPipe is installed once, 1 GB, beside the cached models.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from common import Row, machine, print_table, write
from numpy.typing import NDArray
from peers import MediaPipeParts
from wholebody_ratings import material

sys.path.pop(0)  # this folder holds `features.py`, which would hide the package

from pose import PoseEngine
from pose.engine import EngineSettings
from pose.people import Person
from pose.wholebody.mesh import TO_68

Image = NDArray[np.uint8]
Points = NDArray[np.float64]
_SAME = 0.5  # of the size: mean distance below which two are one
_ROOM = 0.25  # around a body's box
WAYS = ("frame", "bodies", "holistic")


def size_of_hand(points: Points) -> float:
    return float(np.ptp(points, axis=0).max())


def between_eyes(points: Points) -> float:
    return float(np.hypot(*(points[45] - points[36])))


def alone(image: Image, person: Person) -> tuple[Image, Points]:
    """A person's part of a frame, and its corner."""
    low, high = person.box.reshape(2, 2).astype(np.float64)
    room = _ROOM * (high - low).max()
    x0, y0 = np.maximum(np.floor(low - room), 0).astype(int)
    x1, y1 = np.minimum(np.ceil(high + room), image.shape[1::-1]).astype(int)
    return np.ascontiguousarray(image[y0:y1, x0:x1]), np.array([x0, y0], dtype=np.float64)


def theirs(mediapipe: MediaPipeParts, way: str, image: Image, people: list[Person]) -> dict[str, list[Points]]:
    """Hands, (21, 2), and faces, (68, 2), of each once."""
    pieces = [(image, np.zeros(2))] if way == "frame" else [alone(image, person) for person in people]
    solutions = ("holistic",) if way == "holistic" else ("hands", "face_mesh")
    found: dict[str, list[Points]] = {"hand": [], "face": []}
    for solution in solutions:
        answers = mediapipe.find(solution, [piece for piece, _ in pieces])
        for (_, corner), answer in zip(pieces, answers, strict=True):
            found["hand"] += [points + corner for points in answer["hand"]]
            found["face"] += [points[TO_68] + corner for points in answer["face"]]
    return {"hand": once(found["hand"], size_of_hand), "face": once(found["face"], between_eyes)}


def once(all_of_them: list[Points], size: Callable[[Points], float]) -> list[Points]:
    """Without those that were found in the parts of two people."""
    kept: list[Points] = []
    for one in all_of_them:
        if all(apart(one, other) > _SAME * size(one) for other in kept):
            kept.append(one)
    return kept


def apart(a: Points, b: Points) -> float:
    return float(np.hypot(*(a - b).T).mean())


def pairs(ours: list[Points], others: list[Points], size: Callable[[Points], float]) -> Iterator[float]:
    """Errors of those that are the same, the nearest first; each is one of one pair only."""
    left, right = set(range(len(ours))), set(range(len(others)))
    errors = sorted((apart(a, b) / size(b), i, j) for i, a in enumerate(ours) for j, b in enumerate(others))
    for error, i, j in errors:
        if error <= _SAME and i in left and j in right:
            left.remove(i)
            right.remove(j)
            yield error


def ours(people: list[Person]) -> dict[str, list[Points]]:
    hands = [hand[:, :2] for person in people if person.hands is not None for hand in person.hands]
    faces = [person.face[:68, :2] for person in people if person.face is not None]
    return {
        part: [points.astype(np.float64) for points in some if np.isfinite(points).all()]
        for part, some in (("hand", hands), ("face", faces))
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="each fifth frame")
    parser.add_argument("--json", type=Path, help="also write the rows here")
    arguments = parser.parse_args()
    engine = PoseEngine(device="cpu", settings=EngineSettings(hands=True, face=True))
    errors: defaultdict[tuple[str, str, str], list[float]] = defaultdict(list)
    counts: defaultdict[tuple[str, str, str], NDArray[np.int64]] = defaultdict(lambda: np.zeros(2, dtype=np.int64))
    with MediaPipeParts() as mediapipe:
        for n, (source, _, image) in enumerate(material()):
            if arguments.quick and n % 5:
                continue
            (people,) = engine.detect([image])
            own, source = ours(people), source.partition(",")[0]
            for way in WAYS:
                other = theirs(mediapipe, way, image, people)
                for part, size in (("hand", size_of_hand), ("face", between_eyes)):
                    for name in (source, "all"):
                        errors[part, way, name] += pairs(own[part], other[part], size)
                        counts[part, way, name] += len(own[part]), len(other[part])
    rows: list[Row] = []
    for (part, way, source), (n_ours, n_theirs) in sorted(counts.items()):
        same = errors[part, way, source]
        row: Row = {"case": f"{part}s, {source}", "engine": f"MediaPipe, {way}", "both": len(same)}
        row |= {"ours only": int(n_ours) - len(same), "theirs only": int(n_theirs) - len(same)}
        if same:
            row |= {"median": float(np.median(same)), "mean": float(np.mean(same)), "worst": max(same)}
        rows.append(row)
    print(f"{machine()}\n")
    forms = {"both": "", "ours only": "", "theirs only": "", "median": ".3f", "mean": ".3f", "worst": ".3f"}
    print_table(rows, {"case": "", "engine": "", **forms})
    write(rows, arguments.json)


if __name__ == "__main__":
    main()
