"""From a frame to the network's input, and from the network's pixels back to the frame's.

Sizes are (height, width). A whole image is scaled by one factor, laid into the top left corner of the canvas and
followed by grey up to the next multiple of the network's stride. A pixel's centre is at whole numbers on both sides, so
that `net = scale * (source + 0.5) - 0.5`, which is what OpenCV's resize does.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

NET_HEIGHT = 368
"""Pixels; the height the default network was trained at."""

MAX_ASPECT = 4.0
"""Width over height of the widest canvas; a wider panorama is scaled down instead."""

# COCO AP of the default network at 368 by way of shrinking (300 small images, so differences under .01 say little):
# cubic .317, linear .323, area .327, linear and this blur .330; area costs six times as much. Large frames are left
# sharp: on the sample video, shrunk to a third, blur loses a far, thin person whom plain linear finds.
# MoveNet wants none: .377 instead of .363 at 448.
_BLUR = 0.5  # standard deviation, pixels of the network's input
_BLUR_ABOVE = 0.5  # pixels of the network's input per pixel of the image
_HALVE_BELOW = 0.25  # the same
_GREY = 127
_AVERAGE_BELOW = 0.5  # of a turned cut, the same: areas are averaged before it is cut


@dataclass(frozen=True)
class NetSize:
    """Size of the network's input, pixels; both multiples of its stride."""

    height: int
    width: int


@dataclass(frozen=True)
class Placement:
    """Where an image lies in the network's input: pixels of the input per pixel of the image, along x and y."""

    scale_x: float
    scale_y: float

    def to_source(self, xy: ArrayLike) -> NDArray[np.float64]:
        """(..., 2) x, y in pixels of the network's input -> pixels of the original image. NaN stays NaN."""
        return (np.asarray(xy, dtype=np.float64) + 0.5) / self._scale - 0.5

    def to_net(self, xy: ArrayLike) -> NDArray[np.float64]:
        """(..., 2) x, y in pixels of the original image -> pixels of the network's input. NaN stays NaN."""
        return (np.asarray(xy, dtype=np.float64) + 0.5) * self._scale - 0.5

    @property
    def _scale(self) -> NDArray[np.float64]:
        return np.array([self.scale_x, self.scale_y])


def fit(image_size: tuple[int, int], net_height: int = NET_HEIGHT, stride: int = 8) -> NetSize:
    """The canvas for images of one size.

    Args:
        image_size: (height, width) of the image, pixels.
        net_height: wanted height of the network's input, pixels; rounded up to the stride.
        stride: of the network, pixels.
    """
    height, width = image_size
    if height < 1 or width < 1:
        raise ValueError(f"expected an image of at least 1×1 pixels, got {width}×{height}")
    if net_height < stride:
        raise ValueError(f"expected a net height of at least {stride} pixels, got {net_height}")
    scale = min(net_height / height, MAX_ASPECT * net_height / width)
    return NetSize(
        height=round_up(min(height * scale, net_height), stride),
        width=round_up(min(width * scale, MAX_ASPECT * net_height), stride),
    )


def fit_longer_side(image_size: tuple[int, int], longer: int, multiple: int) -> NetSize:
    """The canvas for images of one size whose longer side is `longer` pixels; both rounded up to a multiple."""
    height, width = image_size
    if height < 1 or width < 1:
        raise ValueError(f"expected an image of at least 1×1 pixels, got {width}×{height}")
    scale = longer / max(height, width)
    return NetSize(round_up(height * scale, multiple), round_up(width * scale, multiple))


def letterbox(image: NDArray[np.uint8], net_size: NetSize, blur: bool = True) -> tuple[NDArray[np.uint8], Placement]:
    """The image, undistorted and as large as it fits, on a canvas of the network's size.

    Args:
        image: (H, W, 3) uint8 BGR, any size from 1×1.
        net_size: of the canvas; need not have been made for this image.
        blur: lightly, where the image is hardly shrunk.

    Returns:
        (height, width, 3) uint8 BGR canvas, and the way back.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"expected an image of shape (H, W, 3) and dtype uint8, got {image.shape} {image.dtype}")
    height, width = image.shape[:2]
    scale = min(net_size.height / height, net_size.width / width)
    inner_height = min(max(round(height * scale), 1), net_size.height)
    inner_width = min(max(round(width * scale), 1), net_size.width)
    halved, halvings = _halve(image, scale)
    inner = cv2.resize(halved, (inner_width, inner_height), interpolation=cv2.INTER_LINEAR)
    if blur and scale > _BLUR_ABOVE:
        cv2.GaussianBlur(inner, (3, 3), _BLUR, dst=inner)
    covered_height, covered_width = (length << halvings for length in halved.shape[:2])
    placement = Placement(inner_width / covered_width, inner_height / covered_height)
    if (inner_height, inner_width) == (net_size.height, net_size.width):
        return np.asarray(inner, dtype=np.uint8), placement
    canvas = np.full((net_size.height, net_size.width, 3), _GREY, dtype=np.uint8)
    canvas[:inner_height, :inner_width] = inner
    return canvas, placement


def _halve(image: NDArray[np.uint8], scale: float) -> tuple[NDArray[np.uint8], int]:
    """Averages 2×2 pixels while bilinear would skip most; gives how often. An odd last row or column is left out."""
    halvings = 0
    while scale <= _HALVE_BELOW and min(image.shape[:2]) > 1:
        height, width = (length // 2 for length in image.shape[:2])
        shrunk = cv2.resize(image[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)
        image, scale, halvings = np.asarray(shrunk, dtype=np.uint8), 2 * scale, halvings + 1
    return image, halvings


def round_up(length: float, stride: int) -> int:
    """The length or the next multiple of the stride, at least one."""
    return max(-(-round(length) // stride), 1) * stride


def cut_out(
    image: NDArray[np.uint8], way: NDArray[np.float64], size: NetSize, border: tuple[int, int, int] = (0, 0, 0)
) -> NDArray[np.uint8]:
    """A turned, scaled or mirrored rectangle of an image; what is shrunk by more than half is averaged first.

    Args:
        image: (H, W, 3) uint8.
        way: (2, 3) from pixels of the image to those of the cut; it scales alike in all directions.
        size: of the cut.
        border: colour where it leaves the image.

    Returns:
        (height, width, 3) uint8.
    """
    scale = float(np.sqrt(abs(np.linalg.det(way[:, :2]))))
    shrink = max(round(1 / scale), 1) if scale < _AVERAGE_BELOW else 1
    corner = np.zeros(2)
    if shrink > 1:
        back = np.linalg.inv(way[:, :2])
        middle = back @ ((np.array([size.width, size.height]) - 1) / 2 - way[:, 2])
        half = np.ceil(np.abs(back) @ (size.width / 2, size.height / 2)) + shrink
        corner = np.maximum(np.floor(middle - half), 0)
        end = np.minimum(np.ceil(middle + half) + 1, image.shape[1::-1])
        columns, rows = (max(int(length) // shrink, 1) for length in end - corner)
        x, y = corner.astype(int)
        part = image[y : y + rows * shrink, x : x + columns * shrink]
        if part.size == 0:
            return np.full((size.height, size.width, 3), border, dtype=np.uint8)
        image = np.asarray(cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    # a pixel p of the shrunk part is at `shrink * (p + 0.5) - 0.5 + corner` in the image
    origin = (shrink - 1) / 2 + corner
    way = np.column_stack([way[:, :2] * shrink, way[:, :2] @ origin + way[:, 2]])
    cut = cv2.warpAffine(image, way, (size.width, size.height), flags=cv2.INTER_LINEAR, borderValue=border)
    return np.asarray(cut, dtype=np.uint8)
