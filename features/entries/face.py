"""Faces: mouth, eyes, brows, the turn of the head, per frame; blinks, per window.

`features.clean` leaves the points of a face unsmoothed: see there what a filter would take from a blink.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features import geometry, kinematics, normalize
from features.body import Body
from features.entries.motion import ALONE, FORNBERG
from features.entries.posture import MEMBERS, SIDES
from features.head import HEAD, head_angles
from features.normalize import TYPICAL, eye_joints
from features.registry import feature
from features.windows import TICK, Windows

Array = NDArray[np.float64]
FrameFunction = Callable[[Body], Array]

BLINKS = "Soukupová & Čech 2016, Real-Time Eye Blink Detection using Facial Landmarks, CVWW"
PNP = "perspective-n-point, Terzakis & Lourakis 2020, and the generic head and camera of features.head"
LIPS = ("left_lip_corner", "right_lip_corner")
EYES = ("left_eye_outer", "right_eye_outer")
EYELIDS = TYPICAL["open_eyes"].joints
NO_WIDTH = MEMBERS + ", or what it is divided by has no length"


def _ratio(a: str, b: str, over: tuple[str, str]) -> FrameFunction:
    def ratio(body: Body) -> Array:
        whole = geometry.distance(body.joint(over[0]), body.joint(over[1]))
        return geometry.distance(body.joint(a), body.joint(b)) / np.where(whole > 0, whole, np.nan)

    return ratio


mouth_opening = feature(
    name="mouth_opening", unit="1", joints=("mouth_upper", "mouth_lower", *LIPS), nan=NO_WIDTH, reference="own",
    formula="|mouth_upper − mouth_lower| / |{} − {}|; 0 closed".format(*LIPS),
)(_ratio("mouth_upper", "mouth_lower", LIPS))  # fmt: skip


@feature(
    name="mouth_motion", unit="1/s", joints=("mouth_upper", "mouth_lower", *LIPS), reference=FORNBERG,
    formula="|d mouth_opening / dt|", nan=ALONE + ", or the mouth has no width",
)  # fmt: skip
def mouth_motion(body: Body) -> Array:
    return np.abs(kinematics.velocity(mouth_opening(body), body.time_s, body.max_step_s))


feature(
    name="mouth_width", unit="1", joints=(*LIPS, *EYES), nan=NO_WIDTH, reference="own",
    formula="|{} − {}| / |{} − {}|".format(*LIPS, *EYES), note="A smile widens it. A turn of the head changes it, too.",
)(_ratio(*LIPS, EYES))  # fmt: skip


def _brow(side: str) -> tuple[str, ...]:
    return tuple(f"{side}_brow_{i}" for i in range(1, 6))


def _corners(side: str) -> tuple[str, str]:
    """An eye's corners, in an upright face that of the image's left first."""
    corners = f"{side}_eye_outer", f"{side}_eye_inner"
    return corners if side == "right" else corners[::-1]


def _brow_raise(side: str) -> FrameFunction:
    def brow_raise(body: Body) -> Array:
        brow, eye = (
            np.mean([body.joint(joint) for joint in joints], axis=0) for joints in (_brow(side), _corners(side))
        )
        apart = geometry.distance(body.joint(EYES[0]), body.joint(EYES[1]))
        return geometry.distance(brow, eye) / np.where(apart > 0, apart, np.nan)

    return brow_raise


def _aspect_ratio(side: str) -> FrameFunction:
    return lambda body: normalize.eye_aspect_ratio(body.sequence, side)


def _gaze(side: str, upwards: bool) -> FrameFunction:
    def gaze(body: Body) -> Array:
        start, end = (body.joint(corner) for corner in _corners(side))
        half = (end - start) / 2
        along = np.stack([half[:, 1], -half[:, 0]], axis=1) if upwards else half
        square = np.einsum("nd,nd->n", half, half)
        away = body.joint(f"{side}_pupil") - (start + end) / 2
        across: Array = np.einsum("nd,nd->n", away, along)
        return across / np.where(square > 0, square, np.nan)

    return gaze


for _side in SIDES:
    feature(
        name=f"{_side}_eye_aspect_ratio", unit="1", joints=eye_joints(_side), nan=NO_WIDTH, reference=BLINKS,
        formula="(|p₂ − p₆| + |p₃ − p₅|) / 2|p₁ − p₄| of the eye's six points",
        note="About 0.3 open, towards 0 closed; looking down and a nodding head lower it.",
    )(_aspect_ratio(_side))  # fmt: skip
    feature(
        name=f"{_side}_brow_raise", unit="1", joints=(*_brow(_side), *_corners(_side), *EYES), nan=NO_WIDTH,
        reference="own", formula="|mean of the brow − mean of the eye's corners| / |{} − {}|".format(*EYES),
        note="Compare it within one person.",
    )(_brow_raise(_side))  # fmt: skip
    _pupil = (f"{_side}_pupil", *_corners(_side))
    _unsure = "Against the head, not the room. A guess where the eye is closed."
    feature(
        name=f"{_side}_gaze_x", unit="1", joints=_pupil, dimensions=(2,), reference="own, a proxy", mirror=-1,
        formula="(pupil − middle of the eye's corners), along the line of the corners, / half their distance; "
        "+ to the person's left, the image's right",
        nan=NO_WIDTH, note="−1 and 1 at the corners. " + _unsure,
    )(_gaze(_side, upwards=False))  # fmt: skip
    feature(
        name=f"{_side}_gaze_y", unit="1", joints=_pupil, dimensions=(2,), reference="own, a proxy",
        formula="(pupil − middle of the eye's corners), across the line of the corners, / half their distance; + up",
        nan=NO_WIDTH, note="Small and uncertain: lids move with the gaze and hide the pupil. " + _unsure,
    )(_gaze(_side, upwards=True))  # fmt: skip


@feature(
    name="eye_openness", unit="1", joints=EYELIDS, reference=BLINKS,
    formula="mean of the two eyes' aspect ratios / its 75th percentile over the sequence; 1 open",
    nan=NO_WIDTH,
)  # fmt: skip
def eye_openness(body: Body) -> Array:
    return body.once("eye_openness", lambda: TYPICAL["open_eyes"].of_frames(body.sequence) / body.typical("open_eyes"))


@feature(
    name="eyes_closed", unit="1", joints=EYELIDS, reference="own", formula="1 where eye_openness < 0.6, else 0",
    nan=NO_WIDTH, note="Threshold: FeatureSettings.",
)  # fmt: skip
def eyes_closed(body: Body) -> Array:
    openness = eye_openness(body)
    return np.where(np.isfinite(openness), openness < body.settings.eye_closed, np.nan)


class Blinks(NamedTuple):
    """Eyes that close and open again after the times that `FeatureSettings` allows.

    Attributes:
        start_s: (n,) when the openness falls below the threshold, seconds, linear between two frames.
        duration_s: (n,) until it is back at it, seconds.
    """

    start_s: Array
    duration_s: Array


def blinks(body: Body) -> Blinks:
    """The blinks of a sequence; eyes that are missing or across a hole in between are no blink."""

    def compute() -> Blinks:
        openness, time_s, least = eye_openness(body), body.time_s, body.settings.eye_closed
        before, after = openness[:-1], openness[1:]
        near = np.diff(time_s) <= body.max_step_s
        closing = np.flatnonzero(near & (before >= least) & (after < least))
        opening = np.flatnonzero(near & (before < least) & (after >= least))
        broken = np.append(0, np.cumsum(~near | ~np.isfinite(after)))  # rises between frames that don't follow
        following = np.searchsorted(opening, closing)
        closing = closing[following < len(opening)]
        opening = opening[following[: len(closing)]]
        whole = broken[closing] == broken[opening + 1]
        start, stop = (_crossing(openness, time_s, at[whole], least) for at in (closing, opening))
        lasts, allowed = stop - start, body.settings
        real = (lasts >= allowed.shortest_blink_s - TICK) & (lasts <= allowed.longest_blink_s + TICK)
        return Blinks(start[real], lasts[real])

    return body.once("blinks", compute)


def _crossing(values: Array, time_s: Array, at: NDArray[np.intp], level: float) -> Array:
    """When the line from each frame of `at` to the next crosses a level, seconds."""
    share = (values[at] - level) / (values[at] - values[at + 1])
    return time_s[at] + share * (time_s[at + 1] - time_s[at])


_NEVER = "no frame of the window shows both eyes"
_BLINK = "closures of the eyes (eye_openness < 0.6) of 0.05 to 0.5 s"


def _seen_s(body: Body, windows: Windows) -> Array:
    return windows.sum(np.where(np.isfinite(eyes_closed(body)), body.frame_durations, np.nan))


@feature(
    name="blink_count", unit="1", level="window", joints=EYELIDS, reference=BLINKS, nan=_NEVER,
    formula=f"{_BLINK} that begin in the window",
    note="Blinks last 0.1 to 0.4 s: below 20 frames/s some fall between two frames.",
)  # fmt: skip
def blink_count(body: Body, windows: Windows) -> Array:
    inside = Windows(blinks(body).start_s, windows.start_s, windows.stop_s)
    return np.where(windows.count(eyes_closed(body)) > 0, inside.n_frames.astype(np.float64), np.nan)


@feature(
    name="blink_rate", unit="1/min", level="window", joints=EYELIDS, reference=BLINKS, nan=_NEVER,
    formula="60 · blink_count / time in which both eyes are seen",
)  # fmt: skip
def blink_rate(body: Body, windows: Windows) -> Array:
    seen = _seen_s(body, windows)
    return 60 * blink_count(body, windows) / np.where(seen > 0, seen, np.nan)


@feature(
    name="blink_duration", unit="s", level="window", joints=EYELIDS, reference=BLINKS,
    nan="no blink begins in the window", formula=f"mean time of the {_BLINK} that begin in the window",
    note="From and to the moment at which the threshold is crossed, between frames on a straight line.",
)  # fmt: skip
def blink_duration(body: Body, windows: Windows) -> Array:
    found = blinks(body)
    return Windows(found.start_s, windows.start_s, windows.stop_s).mean(found.duration_s)


def _angles(body: Body) -> Array:
    return body.once("head", lambda: head_angles(np.stack([body.joint(joint) for joint in HEAD], axis=1)))


def _head(axis: int) -> FrameFunction:
    return lambda body: _angles(body)[:, axis]


for _axis, (_name, _way, _mirror) in enumerate(
    (("yaw", "+ to the image's right", -1), ("pitch", "+ up", 1), ("roll", "+ leaning to the image's right", -1))
):
    feature(
        name=f"head_{_name}", unit="deg", joints=tuple(HEAD), dimensions=(2,), reference=PNP, mirror=_mirror,
        formula=f"{_name} of the rotation that makes the generic head look like the points of the face; {_way}",
        nan=MEMBERS + ", or all points coincide", period=0 if _name == "pitch" else 360,
        note="0 looking into the camera, upright. Against the line of sight, not the camera's axis; within about 3°.",
    )(_head(_axis))  # fmt: skip
