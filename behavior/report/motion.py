"""What moves in the page: the joints of everyone in every frame, and a few features over time.

A page of hours must stay small, so it draws to a step of `GRID` of the picture's longer side and, where there is too
much for one page, without hands and faces, then not in every frame. The exact values are in `tracks.parquet`.

The joints lie in parts of equal time, each a block of its own that the page unpacks, or asks the studio for, when it is
about to be shown.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from behavior.report.columns import MISSING, Columns
from pose.parts import n_body_joints
from pose.people import Track
from pose.skeleton import Skeleton

GRID, COARSE_GRID = 2048, 1024
"""Steps that the longer side of the picture is divided into; the coarse ones from `MANY_NUMBERS` on."""
MANY_NUMBERS = 4_000_000
MOST_NUMBERS = 20_000_000
"""Coordinates in a page: an hour of five bodies of 18 joints at 30 frames/s has 19 million."""
PART_NUMBERS = 100_000
"""Coordinates in a part, about: what a browser unpacks between two frames."""
CURVES = (
    "centre_speed", "quantity_of_motion", "left_wrist_speed", "right_wrist_speed", "left_knee_angle",
    "right_knee_angle", "left_elbow_angle", "right_elbow_angle", "trunk_inclination", "mean_confidence",
)  # fmt: skip
"""Features that the page can show, those that the layout allows."""
CURVE_NUMBERS = 400_000
"""Values of all curves of all people; where every frame would be more, a point is the mean over some frames' time."""
_LEVELS = 1000
_TICK_S = 1e-5


@dataclass(frozen=True, eq=False)
class Motion:
    """For the page.

    Attributes:
        about: plain JSON, what `script/motion.js` needs to read the data.
        blocks: columns by name, see `Columns`. `motion`: times of the frames (10 µs), their numbers; of each curve a
            column per person. `motion-0` and so on, `about["part"]` frames each: how many rows each person has; of each
            person the frames (places in the list of frames), then x and y of each joint.
        coarse: what was left out to keep the page small, a sentence; None when nothing was.
    """

    about: dict[str, Any]
    blocks: Mapping[str, str]
    coarse: str | None = None


class MotionWriter:
    """Collects the people's joints while their tracks go by.

    Args:
        skeleton: layout of the tracks.
        size: width and height of the picture, pixels.
        frames, time_s: number and timestamp of each frame that was looked at.
        n_rows: frames of all tracks together; decides what is left out.
    """

    def __init__(
        self,
        skeleton: Skeleton,
        size: tuple[int, int],
        frames: NDArray[np.int64],
        time_s: NDArray[np.float64],
        n_rows: int,
    ) -> None:
        n_body = n_body_joints(skeleton.joints)
        self._n_joints = len(skeleton) if 2 * n_rows * len(skeleton) <= MOST_NUMBERS else n_body
        self._every = max(1, math.ceil(2 * n_rows * self._n_joints / MOST_NUMBERS))
        left_out = ["hands and faces"] if self._n_joints < len(skeleton) else []
        left_out += [f"all but one of {self._every} frames"] if self._every > 1 else []
        self._coarse = f"To keep the page small it leaves out {' and '.join(left_out)}." if left_out else None
        self._skeleton = skeleton
        many = 2 * n_rows * self._n_joints > MANY_NUMBERS
        self._unit = max(*size, 1) / (COARSE_GRID if many else GRID)
        self._frames = frames
        self._head = Columns()
        self._head.add(np.round(time_s / _TICK_S).astype(np.int64))
        self._head.add(frames.astype(np.int64))
        self._people: list[tuple[NDArray[np.int64], NDArray[np.int16]]] = []
        self._about: dict[str, Any] = {
            "frames": len(frames),
            "tick": _TICK_S,
            "unit": self._unit,
            "every": self._every,
            "joints": self._n_joints,
            "body": min(n_body, self._n_joints),
            "right": [i for i, joint in enumerate(skeleton.joints[: self._n_joints]) if joint.startswith("right_")],
            "limbs": [list(limb) for limb in _drawn_limbs(skeleton) if max(limb) < self._n_joints],
            "trunk": [i for i, joint in enumerate(skeleton.joints) if joint in {"neck", "left_hip", "right_hip"}],
            "curves": [],
        }

    def watch(self, parts: Iterable[Track]) -> Iterator[Track]:
        """The parts of one person's track, which is kept when they are through; people in the order of the page."""
        places: list[NDArray[np.int64]] = []
        points: list[NDArray[np.int16]] = []
        for part in parts:
            yield part
            place = np.searchsorted(self._frames, part.frames)
            kept = place % self._every == 0
            xy = part.keypoints[kept, : self._n_joints, :2] / self._unit
            missing = ~np.isfinite(xy)
            steps = np.clip(np.round(np.where(missing, 0, xy)), -32000, 32000).astype(np.int16)
            steps[missing] = -32768
            places.append(place[kept])
            points.append(steps)
        place = np.concatenate([*places, np.empty(0, np.int64)]).astype(np.int64)
        self._people.append((place, np.concatenate([*points, np.empty((0, self._n_joints, 2), np.int16)])))

    def finish(self, curves: Sequence[Curve] = ()) -> Motion:
        """After the last person."""
        for curve in curves:
            low, high = (float(f(curve.values)) for f in (np.nanmin, np.nanmax))
            step = (high - low) / _LEVELS  # 0 where it never changes
            n_people, n_points = curve.values.shape
            known = {"name": curve.name, "unit": curve.unit, "low": low, "step": step}
            known |= {"points": n_points, "people": n_people}
            self._about["curves"].append(known)
            for row in curve.values:
                levels = np.round((np.where(np.isfinite(row), row, low) - low) / (step or 1)).astype(np.int64)
                self._head.add(np.where(np.isfinite(row), levels, MISSING))
        n_frames = len(self._frames)
        n_parts = max(1, math.ceil(sum(points.size for _, points in self._people) / PART_NUMBERS))
        length = max(1, math.ceil(n_frames / n_parts / self._every)) * self._every
        starts = range(0, max(1, n_frames), length)
        blocks = {f"motion-{k}": self._part(start, start + length).text() for k, start in enumerate(starts)}
        about = {**self._about, "part": length, "people": len(self._people)}
        return Motion(about, {"motion": self._head.text(), **blocks}, self._coarse)

    def _part(self, start: int, stop: int) -> Columns:
        columns = Columns()
        cuts = [np.searchsorted(places, (start, stop)) for places, _ in self._people]
        columns.add(np.array([last - first for first, last in cuts], dtype=np.int64))
        for (first, last), (places, points) in zip(cuts, self._people, strict=True):
            columns.add(places[first:last])
            for column in points[first:last].reshape(last - first, 2 * self._n_joints).T.astype(np.int64):
                columns.add(np.where(column == -32768, MISSING, column))
        return columns


@dataclass(frozen=True, eq=False)
class Curve:
    """A feature over time.

    Attributes:
        name, unit: as in the catalogue.
        values: (n_people, n_points) of each frame, or, where there are fewer points than frames, means over equal
            shares of the time; NaN where nothing was measured.
    """

    name: str
    unit: str
    values: NDArray[np.float64]


def curve_points(n_frames: int, n_curves: int) -> int:
    """How many points each of so many curves of one person has, for `CURVE_NUMBERS` in all."""
    every = max(1, math.ceil(n_frames * n_curves / CURVE_NUMBERS))
    return max(1, n_frames // every)


def read_curves(
    features: Path, people: Sequence[int], frames: NDArray[np.int64], start_s: float, stop_s: float
) -> list[Curve]:
    """`CURVES` out of a table of features, `features.parquet`; those that were never measured are left out.

    Args:
        features: the table, a row per person and frame.
        people: track ids, in the order of the page.
        frames: numbers of the recording's.
        start_s, stop_s: the time that the page shows.
    """
    file = pq.ParquetFile(features)
    schema = file.schema_arrow
    names = [name for name in CURVES if name in schema.names]
    n_points = curve_points(len(frames), len(names) * len(people))
    sums = np.zeros((len(names), len(people), n_points))
    counts = np.zeros(sums.shape, dtype=np.int64)
    rank = {track_id: place for place, track_id in enumerate(people)}
    for batch in file.iter_batches(columns=["track_id", "frame", "time_s", *names]):
        table = batch.to_pandas()
        table = table[table.track_id.isin(people)]
        who = table.track_id.map(rank).to_numpy(dtype=np.int64)
        share = (table.time_s.to_numpy() - start_s) / max(stop_s - start_s, 1e-9)
        point = np.clip((share * n_points + 1e-6).astype(np.int64), 0, n_points - 1)
        point = np.searchsorted(frames, table.frame) if n_points == len(frames) else point
        for place, name in enumerate(names):
            values = table[name].to_numpy(dtype=np.float64)
            found = np.isfinite(values)
            np.add.at(sums[place], (who[found], point[found]), values[found])
            np.add.at(counts[place], (who[found], point[found]), 1)
    curves = []
    for place, name in enumerate(names):
        if counts[place].any():
            unit = (schema.field(name).metadata or {}).get(b"unit", b"").decode()
            values = np.where(counts[place] > 0, sums[place] / np.maximum(counts[place], 1), np.nan)
            curves.append(Curve(name, unit, values))
    return curves


def _drawn_limbs(skeleton: Skeleton) -> list[tuple[int, int]]:
    """Without the links from ear to shoulder, which serve the parser and distract in a picture."""
    kinds = [joint.rpartition("_")[2] for joint in skeleton.joints]
    return [(int(a), int(b)) for a, b in skeleton.limb_indices if {kinds[a], kinds[b]} != {"ear", "shoulder"}]
