"""Skeletons and name tags on images.

A person's colour is a function of the track id alone, so it is the same in every frame, picture and page. The palette
is that of Okabe and Ito (https://jfly.uni-koeln.de/color/), distinct to colour-blind eyes; from the eighth person on it
repeats, and the number in the tag tells people apart. The person's left limbs carry the full colour, right limbs a
light tint of it, so left and right can be told apart whichever way the person faces.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from pose.parts import FACE_70, n_body_joints
from pose.skeleton import Skeleton

Image = NDArray[np.uint8]
"""(height, width, 3) uint8 BGR."""

PEOPLE_COLOURS = ("#E69F00", "#56B4E9", "#CC79A7", "#009E73", "#F0E442", "#D55E00", "#0072B2")

_INK = (26, 22, 20)
_PAPER = (255, 255, 255)
_HEAD = ("nose", "left_eye", "right_eye", "left_ear", "right_ear")
_FONT = cv2.FONT_HERSHEY_SIMPLEX


class FrameLike(Protocol):
    """What pictures need of a `pose.sources.Frame`."""

    @property
    def index(self) -> int: ...
    @property
    def time_s(self) -> float: ...
    @property
    def image(self) -> Image: ...


@dataclass(frozen=True)
class Fit:
    """A picture scaled, undistorted and centred, into another size; black where it does not reach.

    Attributes:
        source: width and height of the picture, pixels.
        target: width and height to fit it into, pixels.
    """

    source: tuple[int, int]
    target: tuple[int, int]

    @property
    def scale(self) -> tuple[float, float]:
        """Target pixels per source pixel along x and y; equal but for rounding to whole pixels."""
        width, height = self._inner
        return width / self.source[0], height / self.source[1]

    @property
    def _inner(self) -> tuple[int, int]:
        (width, height), (target_width, target_height) = self.source, self.target
        by_width, by_height = target_width / width, target_height / height
        # Where the two differ by no more than whole and even sizes cost, the picture fills all.
        if abs(height * by_width - target_height) <= 2 or abs(width * by_height - target_width) <= 2:
            return self.target
        scale = min(by_width, by_height)
        return max(1, round(width * scale)), max(1, round(height * scale))

    @property
    def _corner(self) -> tuple[int, int]:
        width, height = self._inner
        return (self.target[0] - width) // 2, (self.target[1] - height) // 2

    def image(self, image: Image) -> Image:
        """The picture in its new size; a copy."""
        inner = self._inner
        # Averaging is slow, and needed only where a target pixel covers more than the four neighbours of a linear one.
        smooth = cv2.INTER_AREA if inner[0] < 0.6 * self.source[0] else cv2.INTER_LINEAR
        scaled = np.asarray(cv2.resize(image, inner, interpolation=smooth), dtype=np.uint8)
        if inner == self.target:
            return scaled
        canvas = np.zeros((self.target[1], self.target[0], 3), dtype=np.uint8)
        left, top = self._corner
        canvas[top : top + inner[1], left : left + inner[0]] = scaled
        return canvas

    def keypoints(self, keypoints: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n_joints, 3) moved along; pixel centres stay on pixel centres."""
        moved = keypoints.copy()
        moved[:, :2] = (
            (moved[:, :2] + 0.5) * np.array(self.scale, np.float32) - 0.5 + np.array(self._corner, np.float32)
        )
        return moved


def fitted_size(width: int, height: int, max_side: int, *, even: bool = False) -> tuple[int, int]:
    """Width and height scaled down so that the longer side is at most `max_side`; never scaled up unless to be even."""
    scale = min(1.0, max_side / max(width, height))
    sides = (max(1, round(width * scale)), max(1, round(height * scale)))
    if not even:
        return sides
    return max(2, sides[0] // 2 * 2), max(2, sides[1] // 2 * 2)


def person_colour(track_id: int) -> str:
    """`#rrggbb` of a track."""
    return PEOPLE_COLOURS[(track_id - 1) % len(PEOPLE_COLOURS)]


def draw_skeleton(image: Image, keypoints: NDArray[np.float32], skeleton: Skeleton, colour: str) -> None:
    """Draws the limbs whose two joints were found, and all joints found, in place; eyes, ears and nose of the body only
    where there is no face that shows them.

    Args:
        image: drawn on.
        keypoints: (n_joints, 3) in pixels of `image`; NaN where missing.
        skeleton: the layout of `keypoints`.
        colour: `#rrggbb` of the person.
    """
    line = max(2, round(max(image.shape[:2]) / 320))
    n_body = n_body_joints(skeleton.joints)
    full = _bgr(colour)
    tint = _tint(full, 0.65)
    sides = [tint if joint.startswith("right_") else full for joint in skeleton.joints]
    found = np.isfinite(keypoints[:, 0]) & np.isfinite(keypoints[:, 1])
    if found[np.isin(skeleton.joints, FACE_70.joints)].any():
        found &= ~np.isin(skeleton.joints, _HEAD)  # the face shows where they are
    # Far outside the image nothing is to be seen, and OpenCV's fixed-point coordinates would overflow.
    points = np.clip(np.nan_to_num(keypoints[:, :2]), -8192, 8192)
    dots = [(round(float(x) * 16), round(float(y) * 16)) for x, y in points]
    drawn = [
        (int(a), int(b))
        for a, b in skeleton.limb_indices
        if found[a] and found[b] and not _ear_to_shoulder(skeleton, a, b)
    ]
    limbs = [limb for limb in drawn if max(limb) < n_body]
    for a, b in limbs:
        cv2.line(image, dots[a], dots[b], _INK, line + 2, cv2.LINE_AA, shift=4)
    for a, b in limbs:
        cv2.line(
            image, dots[a], dots[b], sides[b] if "neck" in skeleton.joints[a] else sides[a], line, cv2.LINE_AA, shift=4
        )
    fine = drawn[len(limbs) :]  # fingers and faces are small: thin lines, no dots
    for a, b in fine:
        cv2.line(image, dots[a], dots[b], _INK, 3, cv2.LINE_AA, shift=4)
    for a, b in fine:
        cv2.line(image, dots[a], dots[b], sides[b], 1, cv2.LINE_AA, shift=4)
    for joint in np.flatnonzero(found[:n_body]):
        cv2.circle(image, dots[joint], (line + 1) * 16, _INK, -1, cv2.LINE_AA, shift=4)
        cv2.circle(image, dots[joint], line * 16, sides[joint], -1, cv2.LINE_AA, shift=4)


def _ear_to_shoulder(skeleton: Skeleton, a: int, b: int) -> bool:
    """These links serve the parser; in a picture they distract."""
    return {skeleton.joints[joint].rpartition("_")[2] for joint in (a, b)} == {"ear", "shoulder"}


def draw_tag(image: Image, text: str, anchor: tuple[float, float], colour: str) -> None:
    """Text on a filled label that stands centred on `anchor` (pixels of `image`), kept inside the image, in place."""
    height, width = image.shape[:2]
    scale = max(0.35, max(height, width) / 2000)
    pad = max(3, round(9 * scale))
    (text_width, text_height), base = cv2.getTextSize(text, _FONT, scale, 1)
    box_width, box_height = text_width + 2 * pad, text_height + base + pad
    left = max(0, min(round(anchor[0] - box_width / 2), width - box_width))
    top = max(0, min(round(anchor[1]) - box_height, height - box_height))
    fill = _bgr(colour)
    cv2.rectangle(image, (left, top), (left + box_width - 1, top + box_height - 1), fill, -1)
    ink = _INK if _luminance(fill) > 0.3 else _PAPER
    cv2.putText(image, text, (left + pad, top + pad // 2 + text_height), _FONT, scale, ink, 1, cv2.LINE_AA)


def _bgr(colour: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(colour[1:])
    return blue, green, red


def _tint(colour: tuple[int, int, int], share: float) -> tuple[int, int, int]:
    blue, green, red = (round(value + (255 - value) * share) for value in colour)
    return blue, green, red


def _luminance(colour: tuple[int, int, int]) -> float:
    """Relative luminance as in WCAG 2, 0 to 1."""
    blue, green, red = (float((value / 255) ** 2.2) for value in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
