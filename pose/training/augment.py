"""One image and its joints, changed together: scale, rotation, crop and flip as one affine map; then how it looks.

Everything is drawn from the generator that is handed in, so a view depends on its seed alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pose.refine.crops import Crop
from pose.training.datasets import Sample

_GREY = 127


@dataclass(frozen=True)
class AugmentSettings:
    """How much views differ; zeros and ones leave the image, fitted into the network's input, as it is.

    Attributes:
        scale: least and greatest size relative to the image fitted into the network's input.
        rotation: up to so many degrees either way.
        flip: share that is mirrored.
        on_person: share whose crop is centred near a person, not near the image's middle; of crops of one person the
            share whose middle is not quite his.
        colour: greatest change of brightness, contrast and saturation, share.
        patches: greatest number of patches that hide something.
        blur: share that is blurred.
        jpeg: share that goes through JPEG at a low quality.
    """

    scale: tuple[float, float] = (0.7, 1.8)
    rotation: float = 35.0
    flip: float = 0.5
    on_person: float = 0.8
    colour: float = 0.25
    patches: int = 2
    blur: float = 0.1
    jpeg: float = 0.2


PLAIN = AugmentSettings((1.0, 1.0), 0, 0, 0, 0, 0, 0, 0)
"""No change."""

OF_ONE = AugmentSettings(scale=(0.7, 1.3), on_person=1.0)
"""The usual one of networks that see one person in a crop: of about his size."""

_BESIDE = 0.25  # of the input's size: how far from a person's middle that of an image's crop may be
_BESIDE_ONE = 0.1  # the same of a crop of one person


@dataclass(frozen=True, eq=False)
class View:
    """Where the pixels of an image come to lie in the network's input.

    Attributes:
        matrix: (2, 3) float64, pixels of the image -> pixels of the input; pixel centres are whole numbers in both.
        mirrored: whether left and right have changed places.
        size: height and width of the input, pixels.
    """

    matrix: NDArray[np.float64]
    mirrored: bool
    size: tuple[int, int]

    def points(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """(..., 2) x, y of the image as those of the input. NaN stays NaN."""
        return points @ self.matrix[:, :2].T + self.matrix[:, 2]

    def keypoints(self, keypoints: NDArray[np.floating], mirror: NDArray[np.intp]) -> NDArray[np.float64]:
        """(n, n_joints, 2) joints in the input; `mirror` (`Skeleton.mirror_indices`) exchanges left and right."""
        moved = self.points(keypoints)
        return moved[:, mirror] if self.mirrored else moved

    def image(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 as seen in the input, grey where there is nothing."""
        matrix = self.matrix
        scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
        while scale <= 0.5 and min(image.shape[:2]) > 1:  # bilinear alone would skip pixels
            height, width = (length // 2 for length in image.shape[:2])
            image = np.asarray(
                cv2.resize(image[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA), np.uint8
            )
            matrix = np.column_stack([2 * matrix[:, :2], matrix[:, 2] + matrix[:, :2].sum(axis=1) / 2])
            scale *= 2
        warped = cv2.warpAffine(
            image, matrix, self.size[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT,
            borderValue=(_GREY, _GREY, _GREY),
        )  # fmt: skip
        return np.asarray(warped, dtype=np.uint8)


def draw_view(
    rng: np.random.Generator,
    sample: Sample,
    size: tuple[int, int],
    settings: AugmentSettings,
    crop: Crop | None = None,
) -> View:
    """A view of a sample in an input of `size` (height, width): of the image, or of a person in a crop like `crop`."""
    height, width = sample.size
    fitted = min(size[0] / height, size[1] / width) if crop is None else crop.scale
    low, high = np.log(settings.scale)
    scale = fitted * float(np.exp(rng.uniform(low, high)))
    angle = np.deg2rad(rng.uniform(-settings.rotation, settings.rotation))
    mirrored = bool(rng.random() < settings.flip)
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    near_person = rng.random() < settings.on_person
    pick, jitter = rng.random(), rng.uniform(-1, 1, 2) * np.array(size[::-1]) / scale
    if crop is not None:
        angle += crop.quarters * np.pi / 2
        centre = crop.middle + near_person * _BESIDE_ONE * jitter
    elif near_person and len(sample.boxes):
        x0, y0, x1, y1 = sample.boxes[int(pick * len(sample.boxes))]
        room = np.maximum(np.array([width, height]) - np.array(size[::-1]) / scale, 0) / 2  # crops stay on the image
        person = np.array([(x0 + x1) / 2, (y0 + y1) / 2]) + _BESIDE * jitter
        centre = np.clip(person, centre - room, centre + room)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if mirrored:
        turn[0] *= -1
    middle = (np.array(size[::-1]) - 1) / 2
    return View(np.column_stack([turn, middle - turn @ centre]), mirrored, size)


def disturb(rng: np.random.Generator, image: NDArray[np.uint8], settings: AugmentSettings) -> NDArray[np.uint8]:
    """Other colours, things in front, blur and JPEG's noise; nothing moves."""
    if settings.colour:
        image = _recolour(rng, image, settings.colour)
    for _ in range(int(rng.integers(0, settings.patches + 1))):
        _hide(rng, image)
    if rng.random() < settings.blur:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 1.5)), dtype=np.uint8)
    if rng.random() < settings.jpeg:
        quality = int(rng.integers(15, 80))
        done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        assert done
        image = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)
    return image


def _recolour(rng: np.random.Generator, image: NDArray[np.uint8], amount: float) -> NDArray[np.uint8]:
    """Saturation, contrast and tint of each channel."""
    saturation, contrast = 1 + rng.uniform(-amount, amount, 2)
    tint = 128 * rng.uniform(-amount, amount) + 128 * 0.3 * rng.uniform(-amount, amount, 3)
    grey = np.array([0.114, 0.587, 0.299])  # of blue, green, red
    mixing = contrast * (saturation * np.eye(3) + (1 - saturation) * np.tile(grey, (3, 1)))
    shift = 128 * (1 - contrast) + tint
    return np.asarray(cv2.transform(image, np.column_stack([mixing, shift])), dtype=np.uint8)


def _hide(rng: np.random.Generator, image: NDArray[np.uint8]) -> None:
    """A rectangle of one colour, or of another part of the image, in front."""
    height, width = image.shape[:2]
    h, w = (max(int(rng.uniform(0.04, 0.22) * length), 1) for length in (height, width))
    places = rng.integers(0, (height - h + 1, width - w + 1), (2, 2))  # of the patch, and of what is copied
    (y, x), (from_y, from_x) = places.tolist()
    colour = rng.integers(0, 256, 3, dtype=np.uint8)
    patch = image[from_y : from_y + h, from_x : from_x + w].copy()
    image[y : y + h, x : x + w] = patch if rng.random() < 0.5 else colour
