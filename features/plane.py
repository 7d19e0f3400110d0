"""Metres out of one camera: a plane of movement parallel to the image, its scale and its floor.

What holds in that plane holds there alone: whoever is nearer to the camera by a tenth of its distance comes out a ninth
too long, and motion towards the camera is not seen at all. The camera should stand still, level and square to the
movement; lens distortion is not taken away.

The body's height is that of its segments, as Sports2D measures it (D. Pagnon, H. Kim 2024,
https://doi.org/10.21105/joss.06849), of frames that show a person upright: legs, trunk, and the head above the neck
along the trunk. Joints end at ankles, eyes and ears; what they span of the body's height is that of R. Drillis and
R. Contini 1966 (Winter 2009, Biomechanics and Motor Control of Human Movement, fig. 4.1).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from features.body import Body
from features.errors import FeatureError
from features.geometry import angle, distance, lean, unit
from features.normalize import has_joint, joint_points, mean_of_found
from features.sequence import PoseSequence
from features.zones import Zone

Array = NDArray[np.float64]

ANKLE, EYE, TRAGION = 0.039, 0.936, 0.926
"""Heights above the floor, of the body's; the ear's is that of C. Gordon et al. 1989, NATICK/TR-89/044 (men)."""
STRAIGHT, UPRIGHT = 135.0, 30.0
"""Degrees that hips and knees of somebody upright have at least, and by which the trunk leans at most."""
STANDS = 0.4
"""A foot stands while its ankle is slower than this part of the body; of a swinging foot it is about twice as fast."""
FEWEST_STANCES, LEAST_WAY = 4, 1.0
"""Stances that make a floor line, and how far apart, trunk lengths."""
_LEG = ("hip", "knee", "ankle")


@dataclass(frozen=True)
class Plane:
    """A plane parallel to the image.

    Attributes:
        metres_per_px: None where no scale is known: lengths stay pixels.
        origin: (x, y) px, the zero of positions.
        angle_deg: of the floor in the image, + rising to the image's right.
    """

    metres_per_px: float | None = None
    origin: tuple[float, float] = (0.0, 0.0)
    angle_deg: float = 0.0

    @property
    def unit(self) -> str:
        """`m` or `px`."""
        return "px" if self.metres_per_px is None else "m"

    def place(self, points: Array) -> Array:
        """(..., 2) px in the image as (..., 2) along the floor and down from it, in `unit`.

        >>> Plane(0.5, (2.0, 4.0)).place(np.array([4.0, 2.0])).tolist()
        [1.0, -1.0]
        """
        turn = np.deg2rad(self.angle_deg)
        along = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        return np.asarray((points - np.array(self.origin)) @ along.T * (self.metres_per_px or 1.0))

    def sequence(self, sequence: PoseSequence) -> PoseSequence:
        """A person of the image, px, in the plane."""
        if sequence.dimensions != 2 or sequence.unit != "px":
            raise FeatureError(
                f"expected joints in an image, px, got {sequence.dimensions} dimensions in {sequence.unit}"
            )
        return replace(sequence, points=self.place(sequence.points), unit=self.unit)

    def zone(self, zone: Zone) -> Zone:
        """An area of the image in the plane."""
        return replace(zone, corners=self.place(np.asarray(zone.corners, dtype=np.float64)))


def body_heights(sequence: PoseSequence) -> Array:
    """(n_frames,) how tall the body is, in the sequence's unit; NaN unless a frame shows somebody upright.

    Of the legs those that are found from hip to ankle count, their mean.
    """
    names = sequence.joint_names
    marks = [
        (f"{side}_{mark}", share) for side in ("left", "right") for mark, share in (("eye", EYE), ("ear", TRAGION))
    ]
    marks = [(name, share) for name, share in marks if name in names]
    legs = [tuple(f"{side}_{joint}" for joint in _LEG) for side in ("left", "right")]
    if not marks or not all(has_joint(names, joint) for joint in ("neck", "mid_hip", *legs[0], *legs[1])):
        return np.full(len(sequence), np.nan)
    neck, hip = joint_points(sequence, "neck"), joint_points(sequence, "mid_hip")
    up = unit(neck - hip)
    upright = np.nan_to_num(lean(hip, neck), nan=180.0) <= UPRIGHT
    whole = []
    for side, leg in zip(("left", "right"), legs, strict=True):
        top, knee, ankle = (sequence.joint(joint) for joint in leg)
        straight = np.stack([angle(top, knee, ankle), angle(sequence.joint(f"{side}_shoulder"), top, knee)])
        upright &= ~(straight < STRAIGHT).any(axis=0)
        whole.append((distance(top, knee) + distance(knee, ankle))[:, None])
    length = mean_of_found(np.stack(whole, axis=1))[:, 0]
    points = np.stack([sequence.joint(name) for name, _ in marks], axis=1)
    above = np.einsum("nkd,nd->nk", points - neck[:, None], up)
    found = np.isfinite(above)
    n = found.sum(axis=1)
    share = np.where(found, [share for _, share in marks], 0).sum(axis=1) / np.where(n > 0, n, np.nan)
    head = np.where(found, above, 0).sum(axis=1) / np.where(n > 0, n, np.nan)
    return np.where(upright, (length + distance(hip, neck) + head) / (share - ANKLE), np.nan)


@dataclass(frozen=True)
class Feet:
    """A line through the places where somebody's feet stood.

    Attributes:
        origin, angle_deg: as of `Plane`; the origin is under the leftmost of them.
        stances: how many.
        apart: px from the first to the last.
        near: how many lie within an ankle's height of the line.
    """

    origin: tuple[float, float]
    angle_deg: float
    stances: int
    apart: float
    near: int


def floor_of_feet(sequence: PoseSequence) -> Feet:
    """The floor's line under one person who walks across the image, px; clean the sequence first.

    A foot stands while its ankle is slower than `STANDS` of the body, which has to walk; the places of all stances give
    the line by the median of the slopes between each two of them (Theil–Sen: P. K. Sen 1968,
    https://doi.org/10.1080/01621459.1968.10480934), moved down by an ankle's height.

    Raises `FeatureError` where too few feet stood, or too near to each other.
    """
    body = Body(sequence)
    walking = np.isfinite(body.course[:, 0])
    places: list[Array] = []
    for side in ("left", "right"):
        ankle = body.joint(f"{side}_ankle")
        stands = walking & (body.speed(f"{side}_ankle") < STANDS * body.speed("mid_hip"))
        edges = np.flatnonzero(np.diff(np.r_[False, stands, False].astype(int)))
        places += [np.median(ankle[a:b], axis=0) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a > 2]
    points = np.array(places).reshape(-1, 2)
    apart = float(np.ptp(points[:, 0])) if len(points) else 0.0
    if len(points) < FEWEST_STANCES or not apart >= LEAST_WAY * body.scale:
        raise FeatureError(
            f"feet stood at {len(points)} places within {apart:.0f} px: too few or too near to tell a floor; give two "
            "points of it"
        )
    a, b = np.triu_indices(len(points), 1)
    dx, dy = (points[b] - points[a]).T
    far = np.abs(dx) > 0.1 * apart
    slope = float(np.median(dy[far] / dx[far]))
    misses = points[:, 1] - slope * points[:, 0]
    heights = body_heights(sequence)
    tall = float(np.nanmedian(heights)) if np.isfinite(heights).any() else 3.5 * body.scale
    down = ANKLE * tall * np.hypot(1, slope)
    left = float(points[:, 0].min())
    at = float(np.median(misses)) + slope * left + down
    near = int((np.abs(misses - np.median(misses)) <= down).sum())
    return Feet((left, at), float(np.degrees(np.arctan(-slope))), len(points), apart, near)
