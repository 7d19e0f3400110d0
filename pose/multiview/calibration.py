"""Cameras out of pictures of a board or of known points: lens first, then place, then all places together.

The lens: Z. Zhang, 2000, https://doi.org/10.1109/34.888718, as in OpenCV's `calibrateCamera`, with k1, k2, p1, p2. The
place of one camera: `solvePnP`. All places together: bundle adjustment (B. Triggs et al., 2000,
https://doi.org/10.1007/3-540-44480-7_21), least squares of pixels with a soft L1 loss, so that a wrong corner pulls
little; lenses stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.sparse import lil_matrix

from pose.errors import CalibrationError
from pose.multiview.boards import Board, Corners
from pose.multiview.camera import Array, Camera

FEWEST_VIEWS = 3
"""Of a board, to tell a lens."""
MOST_VIEWS = 60
"""That a lens is told from; of more, so many spread over all of them."""
_NO_TURN = np.zeros(3)


@dataclass(frozen=True, eq=False)
class Seen:
    """Known points in one picture of one camera.

    Attributes:
        camera: number of the camera.
        view: number of the moment; all pictures of one moment show the board at one place.
        points: (n, 3) metres, on the board, or in the world.
        pixels: (n, 2).
    """

    camera: int
    view: int
    points: Array
    pixels: Array


def lens_of(name: str, size: tuple[int, int], board: Board, found: Sequence[Corners]) -> tuple[Camera, Array]:
    """A camera at the world's origin with the lens that pictures of a board tell, and (n,) RMS of each picture, pixels.

    Raises:
        CalibrationError: fewer than `FEWEST_VIEWS` pictures show the board, or they don't tell a lens.
    """
    if len(found) < FEWEST_VIEWS:
        raise CalibrationError(
            f"{name}: the board of {board.columns}×{board.rows} inner corners is seen in {len(found)} pictures,"
            f" expected {FEWEST_VIEWS} at least; is its size right, is it whole and sharp?"
        )
    points = [board.points[one.numbers].astype(np.float32) for one in found]
    pixels = [one.pixels.astype(np.float32)[:, None] for one in found]
    longer = float(max(size))  # a field of view of 53°; from OpenCV's own guess some sets of pictures run astray
    guess = np.array([[longer, 0, (size[0] - 1) / 2], [0, longer, (size[1] - 1) / 2], [0, 0, 1]])
    flags = cv2.CALIB_USE_INTRINSIC_GUESS | cv2.CALIB_FIX_K3
    try:
        _, matrix, lens, _, _, _, _, errors = cv2.calibrateCameraExtended(
            points, pixels, size, guess, np.zeros(5), flags=flags
        )
    except cv2.error as error:
        raise CalibrationError(f"{name}: the pictures of the board tell no lens ({error.err})") from error
    camera = Camera(name, size, _floats(matrix).reshape(3, 3), _floats(lens)[:4], _NO_TURN, np.zeros(3))
    return camera, np.asarray(errors, dtype=np.float64).ravel()


def _floats(values: object) -> Array:
    return np.asarray(values, dtype=np.float64).ravel()


def place_of(camera: Camera, points: Array, pixels: Array) -> Camera:
    """The camera where (n, 3) points, metres, are seen at (n, 2) pixels.

    Raises:
        CalibrationError: fewer than four points, or none of the places fits.
    """
    if len(points) < 4:
        raise CalibrationError(f"{camera.name}: {len(points)} known points, expected four at least")
    flat = np.ptp(points - points.mean(axis=0), axis=0).min() < 1e-9
    method = cv2.SOLVEPNP_IPPE if flat and np.ptp(points[:, 2]) < 1e-9 else cv2.SOLVEPNP_SQPNP
    try:
        there, turn, move = cv2.solvePnP(points, pixels[:, None], camera.matrix, camera.distortion, flags=method)
        if there:
            turn, move = cv2.solvePnPRefineLM(points, pixels[:, None], camera.matrix, camera.distortion, turn, move)
    except cv2.error:  # points so far apart that nothing can be computed with them
        there = False
    if not there or not np.isfinite(move).all():
        raise CalibrationError(f"{camera.name}: no place fits its {len(points)} known points; are they right?")
    return replace(camera, rotation=_floats(turn), translation=_floats(move))


def place_all(cameras: Sequence[Camera], seen: Sequence[Seen]) -> tuple[tuple[Camera, ...], list[Array]]:
    """Cameras in the world of the first view's board, and of each picture the (n,) distances in pixels.

    Cameras that see the board at one moment tell where the board is to each other; from the first view on, whoever is
    reached so is placed, and then all cameras and boards are moved together.

    Raises:
        CalibrationError: a camera shares no moment with those placed before.
    """
    alone = [place_of(cameras[one.camera], one.points, one.pixels) for one in seen]
    start = max({one.view for one in seen}, key=lambda view: (sum(one.view == view for one in seen), -view))
    boards: dict[int, tuple[Array, Array]] = {start: (np.eye(3), np.zeros(3))}
    placed: dict[int, Camera] = {}
    while True:
        reached = False
        for one, camera in zip(seen, alone, strict=True):
            turn, move = camera.world_to_camera, camera.translation
            if one.view in boards and one.camera not in placed:
                board_turn, board_move = boards[one.view]
                rotation = turn @ board_turn.T
                placed[one.camera] = replace(camera, rotation=rotation, translation=move - rotation @ board_move)
                reached = True
            elif one.camera in placed and one.view not in boards:
                world = placed[one.camera]
                boards[one.view] = (
                    world.world_to_camera.T @ turn, world.world_to_camera.T @ (move - world.translation)
                )  # fmt: skip
                reached = True
        if not reached:
            break
    if lost := [camera.name for number, camera in enumerate(cameras) if number not in placed]:
        raise CalibrationError(
            f"{', '.join(lost)}: sees the board at no moment at which the other cameras do; film it where views meet"
        )
    return _adjusted([placed[number] for number in range(len(cameras))], boards, start, seen)


def _adjusted(
    cameras: Sequence[Camera], boards: dict[int, tuple[Array, Array]], fixed: int, seen: Sequence[Seen]
) -> tuple[tuple[Camera, ...], list[Array]]:
    """Bundle adjustment: cameras and boards, but the one that is the world."""
    from scipy.spatial.transform import Rotation

    moving = [view for view in boards if view != fixed]
    start = [np.concatenate([one.rotation_vector, one.translation]) for one in cameras]
    start += [np.concatenate([Rotation.from_matrix(boards[v][0]).as_rotvec(), boards[v][1]]) for v in moving]
    place = {view: len(cameras) + number for number, view in enumerate(moving)}
    sizes = [2 * len(one.points) for one in seen]
    touched = lil_matrix((sum(sizes), 6 * len(start)), dtype=np.int8)
    row = 0
    for one, size in zip(seen, sizes, strict=True):
        for block in (one.camera, place.get(one.view)):
            if block is not None:
                touched[row : row + size, 6 * block : 6 * block + 6] = 1
        row += size

    def cameras_at(values: Array) -> list[Camera]:
        return [
            replace(one, rotation=own[:3], translation=own[3:])
            for one, own in zip(cameras, values.reshape(-1, 6), strict=False)
        ]

    def missing(values: Array) -> Array:
        blocks = values.reshape(-1, 6)
        now = cameras_at(values)
        out = []
        for one in seen:
            points = one.points
            if one.view in place:
                own = blocks[place[one.view]]
                points = Rotation.from_rotvec(own[:3]).apply(points) + own[3:]
            out.append((now[one.camera].project(points) - one.pixels).ravel())
        return np.nan_to_num(np.concatenate(out), nan=1e4)

    first = np.concatenate(start)
    solved = least_squares(
        missing, first, jac_sparsity=touched, loss="soft_l1", f_scale=1.0, x_scale="jac", max_nfev=100
    )
    off = np.linalg.norm(missing(solved.x).reshape(-1, 2), axis=1)
    return tuple(cameras_at(solved.x)), np.split(off, np.cumsum([size // 2 for size in sizes])[:-1])


def spread(numbers: NDArray[np.intp], most: int = MOST_VIEWS) -> NDArray[np.intp]:
    """At most so many of them, spread over all."""
    if len(numbers) <= most:
        return numbers
    return numbers[np.linspace(0, len(numbers) - 1, most).round().astype(np.intp)]
