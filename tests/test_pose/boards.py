"""Boards as a camera of which everything is known would film them."""

from __future__ import annotations

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from pose.multiview import Camera
from pose.multiview.boards import Board

SIZE = (960, 720)
_rays: dict[bytes, np.ndarray] = {}
_PX = 80  # of the drawn board, a square


def draw(board: Board) -> np.ndarray:
    """The board's own picture, `_PX` to a square, with a white edge of one square."""
    wide, high = board.columns + 1, board.rows + 1
    if board.marker_m is not None:
        markers = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, board.dictionary))
        whole = cv2.aruco.CharucoBoard((wide, high), board.square_m, board.marker_m, markers)
        inner = whole.generateImage((wide * _PX, high * _PX))
    else:
        dark = np.add.outer(np.arange(high), np.arange(wide)) % 2 == 0
        inner = np.kron(np.where(dark, 20, 235).astype(np.uint8), np.ones((_PX, _PX), np.uint8))
    return np.pad(inner, _PX, constant_values=235)


def film(camera: Camera, board: Board, turn: np.ndarray, move: np.ndarray) -> np.ndarray:
    """(H, W, 3) picture of the board at a place of the world, lens and all: each pixel looks where its ray meets it."""
    assert camera.size is not None
    width, height = camera.size
    key = camera.matrix.tobytes()
    if key not in _rays:
        grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float64)
        flat = camera.undistort(grid)
        _rays[key] = np.concatenate([flat, np.ones((*flat.shape[:2], 1))], axis=-1)
    rays = _rays[key]
    rotation = camera.world_to_camera @ turn
    place = camera.world_to_camera @ move + camera.translation
    to_board = np.linalg.inv(np.column_stack([rotation[:, 0], rotation[:, 1], place]))
    hit = rays @ to_board.T
    spot = hit[..., :2] / hit[..., 2:] / board.square_m  # squares from the first inner corner
    pixel = ((spot + 2) * _PX - 0.5).astype(np.float32)  # an edge and a square lie before it
    seen = cv2.remap(
        cv2.GaussianBlur(draw(board), (0, 0), 2.0), pixel[..., 0], pixel[..., 1], cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT, borderValue=235,
    )  # fmt: skip
    return np.repeat(seen[..., None], 3, axis=2)


def lens(name: str, seed: int) -> Camera:
    """At the world's origin."""
    random = np.random.default_rng(seed)
    focal = random.uniform(850, 1000)
    matrix = np.array([[focal, 0, 480 + random.uniform(-20, 20)], [0, focal, 360 + random.uniform(-20, 20)], [0, 0, 1]])
    return Camera(name, SIZE, matrix, np.array([-0.12, 0.05, 8e-4, -6e-4]), np.zeros(3), np.zeros(3))


def poses(board: Board, count: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Places before a camera at the origin, all over its picture, tilted by up to 40°."""
    random = np.random.default_rng(seed)
    middle = board.points.mean(axis=0)
    found = []
    for number in range(count):
        turn = Rotation.from_euler("xyz", random.uniform(-40, 40, 3) * [1, 1, 0.5], degrees=True).as_matrix()
        away = random.uniform(0.55, 0.8)
        aim = np.array([0.16 * (number % 3 - 1), 0.1 * (number // 3 % 3 - 1), 1.0]) * away
        found.append((turn, aim - turn @ middle))
    return found
