"""Where hands and faces are: turned squares of the frame, out of the body's joints or out of last landmarks.

OpenPose's networks take upright squares out of the body (its `handDetector.cpp` and `faceDetector.cpp`).

All other squares are those that MediaPipe's networks were trained on (its graphs `hand_landmark_landmarks_to_roi`,
`face_landmark_landmarks_to_roi` and `iris_landmark_landmarks_to_roi`): of a hand upright with the wrist below, of a
face with the eyes level. Out of the body they are a guess, good enough to find the landmarks that tell better.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pose.preprocess import NetSize, cut_out

Side = Literal["left", "right"]
Points = NDArray[np.float64]

_HAND_BEHIND_WRIST = 0.4  # the hand's middle beyond the wrist, forearm lengths
_OPENPOSE_BEHIND_WRIST = 0.33
_HAND_SIDE = 1.5  # of its square, forearm lengths; OpenPose's rule for boxes of hands
_HAND_MARGIN, _HAND_SHIFT = 2.0, 0.1  # of the square over the palm's box, and towards the fingers
_PALM = (0, 1, 2, 3, 5, 6, 9, 10, 13, 14, 17, 18)  # landmarks that a bent finger does not move far
_FACE_MARGIN = 1.5
_EYE_MARGIN = 2.3
_FACE_BELOW_EYES = 0.4  # the face's middle, distances between the eyes
_FACE_SIDES = {"eyes": 4.5, "ears": 1.95, "eye_to_ear": 3.2, "nose_to_ear": 2.4, "neck": 1.45}
"""Of a face's square over distances in the body."""


@dataclass(frozen=True)
class Region:
    """A turned square of a frame.

    Attributes:
        x, y: its middle, pixels of the frame.
        side: pixels of the frame.
        angle: radians by which its upward direction is turned clockwise from the frame's.
        mirrored: it is shown mirrored left to right.
    """

    x: float
    y: float
    side: float
    angle: float = 0.0
    mirrored: bool = False

    def to_frame(self, points: ArrayLike, size: int) -> Points:
        """(..., 2) pixels of a crop of `size` pixels as pixels of the frame."""
        local = (np.asarray(points, dtype=np.float64) - (size - 1) / 2) * (self.side / size)
        return (local * (-1 if self.mirrored else 1, 1)) @ self._turn.T + (self.x, self.y)

    def to_crop(self, points: ArrayLike, size: int) -> Points:
        """(..., 2) pixels of the frame as pixels of a crop of `size` pixels; inverse of `to_frame`."""
        local = (np.asarray(points, dtype=np.float64) - (self.x, self.y)) @ self._turn
        return local * (-1 if self.mirrored else 1, 1) * (size / self.side) + (size - 1) / 2

    def cut(self, image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
        """(size, size, 3) uint8 of an (H, W, 3) frame; black where the square leaves it."""
        turn = (self._turn * (-1 if self.mirrored else 1, 1)).T * (size / self.side)
        way = np.column_stack([turn, (size - 1) / 2 - turn @ (self.x, self.y)])
        return cut_out(image, way, NetSize(size, size))

    @property
    def _turn(self) -> Points:
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        return np.array([[cos, -sin], [sin, cos]])


def hand_of_body(joints: Mapping[str, Points], side: Side) -> Region | None:
    """The square of a hand beyond the wrist, along the forearm; None without wrist and elbow.

    Args:
        joints: (2,) pixels by name; NaN where missing.
        side: the person's.
    """
    wrist, elbow = joints[f"{side}_wrist"], joints[f"{side}_elbow"]
    forearm, whole = wrist - elbow, _forearm(joints, side)
    if not whole >= 1:
        return None
    middle = wrist + forearm * (_HAND_BEHIND_WRIST if np.hypot(*forearm) > 0.3 * whole else 0.0)
    return _square(middle, _HAND_SIDE * whole, np.arctan2(forearm[0], -forearm[1]))


def openpose_hand(joints: Mapping[str, Points], side: Side) -> Region | None:
    """The square in which OpenPose's network looks for a hand, upright, a left one mirrored; None without wrist and
    elbow. Arguments as of `hand_of_body`.
    """
    wrist, elbow = joints[f"{side}_wrist"], joints[f"{side}_elbow"]
    whole = _forearm(joints, side)
    if not whole >= 1:
        return None
    middle = wrist + _OPENPOSE_BEHIND_WRIST * (wrist - elbow)
    return _square(middle, _HAND_SIDE * whole, 0.0, mirrored=side == "left")


def _forearm(joints: Mapping[str, Points], side: Side) -> float:
    """Its length as if it were not shortened by pointing to the camera; NaN without wrist and elbow."""
    wrist, elbow, shoulder = (joints[f"{side}_{name}"] for name in ("wrist", "elbow", "shoulder"))
    length, upper = _distance(wrist, elbow), _distance(elbow, shoulder)
    return length if np.isnan(upper) else max(length, 0.9 * upper)


def hand_of_landmarks(points: Points) -> Region:
    """The square around a hand whose (21, 2) landmarks are known."""
    wrist = points[0]
    knuckles = (points[9] + (points[5] + points[13]) / 2) / 2
    x, y = knuckles - wrist
    angle = float(np.arctan2(x, -y))
    return _around(points[list(_PALM)], angle, _HAND_MARGIN, _HAND_SHIFT)


def face_of_body(joints: Mapping[str, Points]) -> Region | None:
    """The square of a face out of nose, eyes, ears and neck; None when too few of them are known."""
    eyes = joints["left_eye"], joints["right_eye"]
    ears = joints["left_ear"], joints["right_ear"]
    nose, neck = joints["nose"], joints["neck"]
    known = [point for point in (*eyes, nose) if np.isfinite(point).all()]
    if len(known) < 2:
        return None
    distances = {
        "eyes": _distance(*eyes),
        "ears": _distance(*ears),
        "eye_to_ear": np.fmax(_distance(eyes[0], ears[0]), _distance(eyes[1], ears[1])),
        "nose_to_ear": np.fmax(_distance(nose, ears[0]), _distance(nose, ears[1])),
        "neck": _distance(nose, neck),
    }
    sides = [share * distances[name] for name, share in _FACE_SIDES.items() if name != "neck"]
    side = float(np.nanmax(sides)) if np.isfinite(sides).any() else _FACE_SIDES["neck"] * float(distances["neck"])
    if not side >= 4:
        return None
    across = eyes[0] - eyes[1] if np.isfinite(eyes).all() else ears[0] - ears[1]
    angle = float(np.arctan2(across[1], across[0])) if np.isfinite(across).all() else 0.0
    if np.isfinite(neck).all():  # somebody upside down, or seen from behind, has eyes the wrong way round
        up = np.mean(known, axis=0) - neck
        upright = float(np.arctan2(up[0], -up[1]))
        if abs(np.angle(np.exp(1j * (angle - upright)))) > np.pi / 3:
            angle = upright
    down = np.array([-np.sin(angle), np.cos(angle)])
    middle = np.mean(known, axis=0) + down * side * _FACE_BELOW_EYES / _FACE_SIDES["eyes"]
    return _square(middle, side, angle)


def openpose_face(joints: Mapping[str, Points]) -> Region | None:
    """The square in which OpenPose's network looks for a face: the mean of what neck and nose, eyes, and ears say."""
    nose, neck = joints["nose"], joints["neck"]
    eyes = joints["left_eye"], joints["right_eye"]
    ears = joints["left_ear"], joints["right_ear"]
    said = [((eyes[0] + eyes[1]) / 2, 3 * _distance(*eyes)), ((ears[0] + ears[1]) / 2, 2 * _distance(*ears))]
    seen = [np.isfinite(eye + ear).all() for eye, ear in zip(eyes, ears, strict=True)]
    hidden = [np.isnan([eye, ear]).all() for eye, ear in zip(eyes, ears, strict=True)]
    if (seen[0] and hidden[1]) or (seen[1] and hidden[0]):  # in profile
        eye, ear = (eyes[0], ears[0]) if seen[0] else (eyes[1], ears[1])
        around = _distance(nose, eye) + _distance(nose, ear) + _distance(nose, neck)
        said.append(((eye + ear + nose) / 3, 0.85 * around))
    else:
        said.append(((neck + nose) / 2, 2 * _distance(neck, nose)))
    known = [(middle, side) for middle, side in said if np.isfinite(side)]
    if not known:
        return None
    return _square(np.mean([m for m, _ in known], axis=0), float(np.mean([side for _, side in known])), 0.0)


def face_of_landmarks(points: Points) -> Region:
    """The square around a face whose (468, 2) landmarks are known."""
    x, y = points[263] - points[33]
    return _around(points, float(np.arctan2(y, x)), _FACE_MARGIN)


def eye_of_landmarks(points: Points, side: Side) -> Region:
    """The square around an eye of a face whose (468, 2) landmarks are known; the right one is shown mirrored."""
    inner, outer = points[[362, 263]] if side == "left" else points[[133, 33]]
    x, y = (outer - inner) if side == "left" else (inner - outer)
    middle, length = (inner + outer) / 2, float(np.hypot(x, y))
    return _square(middle, _EYE_MARGIN * length, np.arctan2(y, x), mirrored=side == "right")


def _around(points: Points, angle: float, margin: float, shift: float = 0.0) -> Region:
    """The square around points in a frame turned by an angle, moved upwards by a share of their box's height."""
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, -sin], [sin, cos]])
    local = points @ turn
    low, high = local.min(axis=0), local.max(axis=0)
    middle = (low + high) / 2 - (0, shift * (high - low)[1])
    return _square(turn @ middle, max(margin * float((high - low).max()), 1.0), angle)


def _square(middle: Points, side: float, angle: float, mirrored: bool = False) -> Region:
    return Region(float(middle[0]), float(middle[1]), side, float(angle), mirrored)


def _distance(a: Points, b: Points) -> float:
    return float(np.hypot(*(a - b)))
