"""Calibration boards in pictures: which corners are seen, and where.

Lengths are metres on the board: x along its columns, y along its rows, z into the board's back, origin at the first
inner corner.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from pose.multiview.camera import Array

Pixels = NDArray[np.uint8]

_BENT = 0.02
"""Of the board's diagonal: corners that lie further than this from those of any plane are not its corners. OpenCV puts
them together wrongly at times; what a lens bends stays below."""
_REACH = 0.3
"""Of a square's side: how far around a corner its place is refined."""
_UNTIL = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, 100, 1e-3)
_QUADS = cv2.CALIB_CB_ADAPTIVE_THRESH | cv2.CALIB_CB_NORMALIZE_IMAGE
_SECTORS = cv2.CALIB_CB_NORMALIZE_IMAGE | cv2.CALIB_CB_EXHAUSTIVE
FEWEST = 6
"""Corners of which a board's place can be told; fewer are not taken."""


@dataclass(frozen=True, eq=False)
class Corners:
    """Corners of a board in one picture.

    Attributes:
        numbers: (n,) which corners, in the order of `Board.points`.
        pixels: (n, 2) where, pixels.
    """

    numbers: NDArray[np.int64]
    pixels: Array


@dataclass(frozen=True)
class Board:
    """A chessboard, or a ChArUco board: a chessboard with a marker in each white square.

    Attributes:
        columns, rows: inner corners, of a ChArUco board too.
        square_m: side of a square, metres.
        marker_m: side of a marker, metres; None for a chessboard.
        dictionary: of the markers, as OpenCV calls it.
    """

    columns: int
    rows: int
    square_m: float
    marker_m: float | None = None
    dictionary: str = "DICT_4X4_50"

    @property
    def points(self) -> Array:
        """(columns · rows, 3) the corners on the board, metres, row after row."""
        y, x = np.divmod(np.arange(self.columns * self.rows), self.columns)
        return np.stack([x, y, np.zeros(len(x))], axis=1) * self.square_m

    @property
    def has_a_top(self) -> bool:
        """Whether the board turned by half can be told from itself."""
        return self.marker_m is not None or (self.columns + self.rows) % 2 == 1

    def find(self, picture: Pixels) -> Corners | None:
        """The corners in an (H, W, 3) BGR or (H, W) picture; None where the board is not seen well enough."""
        grey: Pixels = np.asarray(
            picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), dtype=np.uint8
        )
        found = self._chessboard(grey) if self.marker_m is None else self._charuco(grey)
        return found if found is not None and self._is_flat(found) else None

    def _is_flat(self, found: Corners) -> bool:
        """Whether some plane's picture passes near all corners."""
        points = self.points[found.numbers, :2]
        plane, _ = cv2.findHomography(points, found.pixels)
        if np.shape(plane) != (3, 3):  # the corners lie on a line
            return False
        seen = np.concatenate([points, np.ones((len(points), 1))], axis=1) @ plane.T
        off = np.linalg.norm(seen[:, :2] / seen[:, 2:] - found.pixels, axis=1)
        return bool(np.sqrt((off**2).mean()) <= _BENT * np.linalg.norm(np.ptp(found.pixels, axis=0)))

    def _chessboard(self, grey: Pixels) -> Corners | None:
        size = (self.columns, self.rows)
        there, found = cv2.findChessboardCorners(grey, size, flags=_QUADS)
        if not there:  # finds larger and blurred boards, and at times puts a corner some pixels off
            there, found = cv2.findChessboardCornersSB(grey, size, flags=_SECTORS)
        if not there:
            return None
        apart = np.linalg.norm(np.diff(found.reshape(self.rows, self.columns, 2), axis=1), axis=2).min()
        reach = max(2, int(_REACH * apart))
        found = cv2.cornerSubPix(grey, np.ascontiguousarray(found), (reach, reach), (-1, -1), _UNTIL)
        pixels = np.asarray(found, dtype=np.float64).reshape(-1, 2)
        if self.has_a_top and not self._starts_dark(grey, pixels):
            pixels = pixels[::-1]
        return Corners(np.arange(len(pixels)), pixels)

    def _starts_dark(self, grey: Pixels, pixels: Array) -> bool:
        """Whether the square between the first four corners is darker than its neighbours in the first row."""
        place = pixels.reshape(self.rows, self.columns, 2)
        middles = (place[:-1, :-1] + place[1:, 1:]) / 2
        x, y = np.round(middles).astype(np.int64).reshape(-1, 2).T
        light = grey[y.clip(0, grey.shape[0] - 1), x.clip(0, grey.shape[1] - 1)].astype(np.float64)
        first = np.add.outer(np.arange(self.rows - 1), np.arange(self.columns - 1)).ravel() % 2 == 0
        return bool(light[first].mean() < light[~first].mean())

    @cached_property
    def _detector(self) -> cv2.aruco.CharucoDetector:
        markers = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, self.dictionary))
        size = (self.columns + 1, self.rows + 1)
        assert self.marker_m is not None
        return cv2.aruco.CharucoDetector(cv2.aruco.CharucoBoard(size, self.square_m, self.marker_m, markers))

    def _charuco(self, grey: Pixels) -> Corners | None:
        pixels, numbers, _, _ = self._detector.detectBoard(grey)
        if numbers is None or len(numbers) < FEWEST:
            return None
        return Corners(numbers.ravel().astype(np.int64), np.asarray(pixels, dtype=np.float64).reshape(-1, 2))
