"""Metres and a floor for a recording of one camera: what a user says of them, and what that comes to."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from behavior.errors import DataError
from behavior.pipeline.describe import Parts
from behavior.report.course import Course
from behavior.report.scale import Height, ScaleTold
from features.clean import CleanSettings, clean, sure
from features.errors import FeatureError
from features.geometry import tilt
from features.plane import Feet, Plane, body_heights, floor_of_feet
from features.sequence import PoseSequence
from pose.people import Track

Point = tuple[float, float]
Array = NDArray[np.float64]

LOWEST, HIGHEST = 0.4, 2.8
"""Heights of people, metres; others are taken for a mistake, such as centimetres."""
FEWEST = 10
"""Frames that show somebody upright, for a height out of them."""
NEARER = 1.1
"""Of a person's height in the picture, between its extremes, from which a report warns."""
ON_IT = 0.8
"""Of the places where feet stood, on the floor's line; a report warns below."""
LONGEST_S = 600.0
"""Of a person's track, from its beginning, for a floor out of feet."""
_POINTS = re.compile(r"(-?[\d.]+),(-?[\d.]+):(-?[\d.]+),(-?[\d.]+)")
_EXPECTED = "expected PERSON=METRES, X,Y:X,Y=METRES or a file.json"


@dataclass(frozen=True)
class Scale:
    """What a user says.

    Attributes:
        person: number or name of the one whose height is known; or
        points: two points of the picture between which a length is known, px.
        metres: that height or length; None without.
        floor: two points of the floor, px, or `feet`: where feet of somebody who walks stood; None: not known.
    """

    person: str | None = None
    points: tuple[Point, Point] | None = None
    metres: float | None = None
    floor: tuple[Point, Point] | str | None = None

    def __post_init__(self) -> None:
        if (self.metres is None) != (self.person is None and self.points is None):
            raise DataError(f"a scale needs both what is known and its metres; {_EXPECTED}")
        if self.metres is not None and not (math.isfinite(self.metres) and self.metres > 0):
            raise DataError(f"a scale of {self.metres} m: expected metres above 0")
        if self.person is not None and self.metres is not None and not LOWEST <= self.metres <= HIGHEST:
            raise DataError(f"person {self.person} of {self.metres:g} m: expected a height in metres, e.g. 1.78")
        for ends in (self.points, self.floor):
            if isinstance(ends, tuple) and math.dist(*ends) < 1:
                raise DataError(f"two points of the picture are needed, both lie at {ends[0][0]:g},{ends[0][1]:g}")
        if isinstance(self.floor, tuple) and abs(self.floor[0][0] - self.floor[1][0]) < abs(
            self.floor[0][1] - self.floor[1][1]
        ):
            raise DataError("the floor's two points lie one above the other; give two along it, from left to right")
        if isinstance(self.floor, str) and self.floor != "feet":
            raise DataError(f"floor {self.floor!r}: expected X,Y:X,Y or feet")

    @classmethod
    def read(cls, path: Path) -> Scale:
        """Of a file as `text` makes it; raises `DataError`."""
        try:
            said = json.loads(path.read_text(encoding="utf-8"))
            known = {name: said.pop(name, None) for name in ("person", "points", "metres", "floor")}
            if said:
                raise ValueError(f"{', '.join(said)} is not of a scale")
            person, metres, floor = known["person"], known["metres"], known["floor"]
            return cls(
                None if person is None else str(person), _ends(known["points"]),
                None if metres is None else float(metres), floor if isinstance(floor, str) else _ends(floor),
            )  # fmt: skip
        except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
            raise DataError(
                f'{path}: no scale: {error}; expected {{"person": 1, "metres": 1.78}} or {{"points": [[x, y], [x, y]], '
                '"metres": 6}, and "floor": "feet" or [[x, y], [x, y]] where it is known'
            ) from error
        except DataError as error:
            raise DataError(f"{path}: {error}") from error

    @property
    def text(self) -> str:
        """The file."""
        return json.dumps({name: value for name, value in asdict(self).items() if value is not None}, indent=1) + "\n"

    @property
    def words(self) -> list[str]:
        """The options that say it."""
        words = []
        if self.metres is not None:
            what = self.person if self.points is None else _said(self.points)
            words += ["--scale", f"{what}={self.metres:g}"]
        if self.floor is not None:
            words += ["--floor", self.floor if isinstance(self.floor, str) else _said(self.floor)]
        return words


def scale_of(scale: str | None, floor: str | None = None) -> Scale | None:
    """What `--scale` and `--floor` say; None where neither is given. Raises `DataError`.

    >>> scale_of("1=1.78", "10,900:800,890")
    Scale(person='1', points=None, metres=1.78, floor=((10.0, 900.0), (800.0, 890.0)))
    >>> scale_of("0,0:300,400=2.5").points
    ((0.0, 0.0), (300.0, 400.0))
    """
    if scale is None and floor is None:
        return None
    found = Scale()
    if scale is not None and scale.lower().endswith(".json"):
        found = Scale.read(Path(scale))
    elif scale is not None:
        what, _, metres = scale.rpartition("=")
        try:
            length = float(metres.strip().removesuffix("m"))
        except ValueError:
            length = math.nan
        if not what.strip() or math.isnan(length):
            raise DataError(f"--scale {scale}: {_EXPECTED}")
        points = _POINTS.fullmatch(what.strip())
        found = Scale(None if points else what.strip(), _pair(points), length)
    if floor is None:
        return found
    points = _POINTS.fullmatch(floor.strip())
    return replace(found, floor=_pair(points) or floor.strip())


def _pair(found: re.Match[str] | None) -> tuple[Point, Point] | None:
    if found is None:
        return None
    a, b, c, d = map(float, found.groups())
    return (a, b), (c, d)


def _ends(said: Any) -> tuple[Point, Point] | None:
    if said is None:
        return None
    ends = np.array(said, dtype=np.float64)
    if ends.shape != (2, 2) or not np.isfinite(ends).all():
        raise ValueError("expected two points [[x, y], [x, y]]")
    (a, b), (c, d) = ends.tolist()
    return (a, b), (c, d)


def _said(ends: tuple[Point, Point]) -> str:
    return ":".join(f"{x:g},{y:g}" for x, y in ends)


@dataclass(frozen=True)
class Measured:
    """What a scale comes to on a recording.

    Attributes:
        said: by the user.
        plane: in which it measures.
        track_id: whose height gives the metres; None where a length does.
        height_px: that height, median over `n_frames`, and `low_px`, `high_px` its 5th and 95th percentile; else NaN.
        feet: of the floor, and `feet_of`, whose; None unless the floor is out of feet.
    """

    said: Scale
    plane: Plane
    track_id: int | None = None
    n_frames: int = 0
    height_px: float = math.nan
    low_px: float = math.nan
    high_px: float = math.nan
    feet: Feet | None = None
    feet_of: int | None = None

    @property
    def provenance(self) -> dict[str, Any]:
        """As plain JSON."""
        found = {
            "said": json.loads(self.said.text),
            "metres_per_px": self.plane.metres_per_px,
            "origin_px": list(self.plane.origin),
            "floor_deg": self.plane.angle_deg,
        }
        if self.track_id is not None:
            found |= {"person": self.track_id, "frames": self.n_frames}
            found |= {"height_px": [self.low_px, self.height_px, self.high_px]}
        return found | ({} if self.feet is None else {"feet": asdict(self.feet) | {"person": self.feet_of}})


def measure(
    said: Scale, people: Mapping[int, Parts], names: Mapping[int, str], cleaning: CleanSettings, where: str
) -> Measured:
    """The plane of a recording.

    Args:
        said: what the user says.
        people: the parts of each, by track id.
        names: of the people.
        cleaning: what makes a joint sure, and, for a floor out of feet, all of it.
        where: the recording, for messages.

    Raises:
        DataError: the person is not there or never upright, or no feet stood where they tell a floor.
    """
    found = Measured(said, Plane())
    if said.person is not None and said.metres is not None:
        track_id = _who(said.person, people, names, where)
        heights = np.concatenate([
            body_heights(sure(PoseSequence.from_track(part.track).rows(part.own), cleaning))
            for part in people[track_id](0)
        ])  # fmt: skip
        heights = heights[np.isfinite(heights)]
        if len(heights) < FEWEST:
            raise DataError(
                f"{where}: person {said.person} is upright with legs and head in sight in {len(heights)} frames, "
                f"{FEWEST} are needed; take somebody else, or a length between two points"
            )
        low, middle, high = np.percentile(heights, [5, 50, 95]).tolist()
        plane = Plane(said.metres / middle)
        found = Measured(said, plane, track_id, len(heights), middle, low, high)
    elif said.points is not None and said.metres is not None:
        found = replace(found, plane=Plane(said.metres / math.dist(*said.points)))
    if isinstance(said.floor, tuple):
        left, right = sorted(said.floor)
        angle = float(tilt(np.array([left]), np.array([right]))[0])
        found = replace(found, plane=replace(found.plane, origin=left, angle_deg=angle))
    elif said.floor is not None:
        whose = _farthest(people) if found.track_id is None else found.track_id
        if whose is None:
            raise DataError(f"{where}: nobody was found whose feet could tell the floor")
        try:
            feet = floor_of_feet(clean(_beginning(people[whose]), cleaning))
        except FeatureError as error:
            raise DataError(f"{where}: floor out of the feet of person {whose}: {error}") from error
        plane = replace(found.plane, origin=feet.origin, angle_deg=feet.angle_deg)
        found = replace(found, plane=plane, feet=feet, feet_of=whose)
    return found


def _who(person: str, people: Mapping[int, Parts], names: Mapping[int, str], where: str) -> int:
    fitting = [track_id for track_id in people if person in (str(track_id), names.get(track_id))]
    if len(fitting) != 1:
        known = ", ".join(dict.fromkeys([*map(str, people), *(name for name in names.values())][:20])) or "nobody"
        raise DataError(f"{where}: {len(fitting) or 'no'} person {person!r} for the scale; it has {known}")
    return fitting[0]


def _farthest(people: Mapping[int, Parts]) -> int | None:
    """Who went farthest across the picture."""
    way: dict[int, float] = {}
    for track_id, parts in people.items():
        low, high = math.inf, -math.inf
        for part in parts(0):
            x = part.track.keypoints[part.own, :, 0]
            middle = np.nanmean(x[np.isfinite(x).any(axis=1)], axis=1)
            low, high = min(low, float(middle.min(initial=low))), max(high, float(middle.max(initial=high)))
        way[track_id] = high - low
    return max(way, key=way.__getitem__, default=None)


def _beginning(parts: Parts) -> PoseSequence:
    """The first `LONGEST_S` of a person."""
    tracks: list[Track] = []
    for part in parts(0):
        tracks.append(part.track)
        if part.track.time_s[-1] - tracks[0].time_s[0] >= LONGEST_S:
            break
    whole = [PoseSequence.from_track(track) for track in tracks]
    return PoseSequence(
        np.concatenate([one.points for one in whole]), np.concatenate([one.confidence for one in whole]),
        whole[0].joint_names, np.concatenate([one.time_s for one in whole]),
    )  # fmt: skip


def for_one(said: Scale | None, n: int) -> None:
    """Raises `DataError` where a scale by a person's number would be used for several recordings."""
    if n > 1 and said is not None and said.person is not None and said.person.isdecimal():
        raise DataError(
            f"--scale {said.words[1]}: person {said.person} is somebody else in each of {n} recordings; choose one "
            "with --recording, name the person (posescribe tracks rename), or give a length between two points"
        )


def page_of(measured: Measured, people: Sequence[Course], names: Mapping[int, str], moved: bool) -> ScaleTold:
    """What a report says of it.

    Args:
        measured: the scale and the floor.
        people: of the recording.
        names: what to call them, by track id.
        moved: whether the camera did.
    """
    said, plane = measured.said, measured.plane
    known: list[str] = []
    heights: list[Height] = []
    whose = "what was measured"
    if plane.metres_per_px is not None:
        if measured.track_id is not None:
            whose = names[measured.track_id]
            known.append(
                f"{whose} was given as {said.metres:g} m tall, and stands {measured.height_px:.0f} px tall in the "
                f"picture (median of {measured.n_frames:,} frames upright, 5th to 95th percentile "
                f"{measured.low_px:.0f} to {measured.high_px:.0f}): 1 px is {1000 * plane.metres_per_px:.3g} mm."
            )
        elif said.points is not None:
            known.append(
                f"{said.metres:g} m were given between {_place(said.points[0])} and {_place(said.points[1])}, "
                f"{math.dist(*said.points):.0f} px: 1 px is {1000 * plane.metres_per_px:.3g} mm."
            )
        for course in people:
            if len(course.heights) >= FEWEST:
                low, middle, high = (np.percentile(course.heights, [5, 50, 95]) * plane.metres_per_px).tolist()
                heights.append(Height(course.track_id, len(course.heights), low, middle, high))
    slope = f"{'rises' if plane.angle_deg > 0 else 'falls'} by {abs(plane.angle_deg):.1f}° to the right"
    if measured.feet is not None and measured.feet_of is not None:
        feet = measured.feet
        known.append(
            f"The floor {slope}, estimated by a line under {feet.stances} places where feet of "
            f"{names[measured.feet_of]} stood, {feet.apart:.0f} px apart; {feet.near} of them lie within "
            "the height of an ankle of it."
        )
    elif said.floor is not None:
        known.append(f"The floor {slope}, as given.")
    else:
        known.append("No floor was given: angles are against the picture’s edges.")
    bounds = []
    if plane.metres_per_px is not None:
        bounds.append(
            f"Metres hold at the distance of {whose} from the camera, for movements parallel to the picture. Whoever "
            "is nearer by a tenth comes out a ninth too long and too fast; motion towards the camera or away from it "
            "is not seen. The camera has to stand still, level and square to the movement; lens distortion is not "
            "taken away."
        )
        if measured.track_id is not None and (spread := measured.high_px / measured.low_px) > NEARER:
            bounds.append(
                f"{whose}’s own height varies by {100 * (spread - 1):.0f} % between its 5th and 95th percentile: where "
                "that is coming nearer and going away, lengths and speeds are off by as much."
            )
    if measured.feet is not None and measured.feet.near < ON_IT * measured.feet.stances:
        bounds.append("Feet stood on other heights, too: the line is that of most of them; look at it in the picture.")
    if moved:
        bounds.append("The camera moved: places and speeds are of the picture, not of the floor.")
    origin = None if said.floor is None else plane.origin
    return ScaleTold(tuple(known), tuple(bounds), plane.metres_per_px, origin, plane.angle_deg, tuple(heights))


def _place(point: Point) -> str:
    return "({:g}, {:g})".format(*point)
