"""How a head is turned, from points of its face in one picture (perspective-n-point).

The generic head is the mean of the meshes that the face network `mediapipe_face` gave for a portrait and for the faces
of the sample video that it saw from the front, the two sides averaged, in widths from outer eye corner to outer eye
corner; only points that neither speech nor mimicry moves. It looks straight ahead where the temples (`left_jaw_1`,
`right_jaw_1`) are level with the outer corners of the eyes: between the two sources that differs by 8° of pitch, so
zero pitch is a person's own to within some degrees.

The camera is one that stands on the line of sight to the face: its principal point is the middle of the face's points,
and it is so far away that they span 1/30 of the distance (root mean square), about 1 m for an adult. So nothing need be
known of the real camera, angles are against the direction to the camera, not against its axis, and a head is turned
alike wherever it is in the picture. `tests/test_features/test_head.py` holds what other cameras and distances cost.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.geometry import found_joints, length

Array = NDArray[np.float64]

HEAD: dict[str, tuple[float, float, float]] = {
    "nose_bridge_1": (0.0, -0.038, -0.237),
    "nose_bridge_2": (0.0, 0.124, -0.325),
    "nose_bridge_3": (0.0, 0.272, -0.431),
    "nose_bridge_4": (0.0, 0.361, -0.449),
    "nose_base": (0.0, 0.476, -0.252),
} | {
    f"{side}_{part}": (x * sign, y, z)
    for side, sign in (("left", 1), ("right", -1))
    for part, (x, y, z) in {
        "eye_outer": (0.500, 0.0, 0.0),
        "eye_inner": (0.195, 0.018, -0.055),
        "nostril_1": (0.149, 0.428, -0.218),
        "jaw_1": (0.736, 0.0, 0.513),
    }.items()
}
"""Points of the generic head: x to the left of the person (right of the picture), y down, z away from the camera."""

DISTANCE = 30.0
"""Of the camera, in root mean squares of the distances of the face's points from their middle in the picture."""


def head_angles(points: Array) -> Array:
    """(n, 3) yaw, pitch and roll of heads, degrees.

    Rotation = yaw · pitch · roll about the camera's y, x and z: + yaw to the image's right, + pitch up, + roll leaning
    to the image's right; all 0 for a face that looks into the camera, upright.

    Args:
        points: (n, K, 2) the points of `HEAD`, in its order, in any unit. A missing one gives NaN, as do points that
            all coincide.

    Source: G. Terzakis, M. Lourakis, A Consistently Fast and Globally Optimal Solution to the Perspective-n-Point
    Problem, ECCV 2020, and Levenberg-Marquardt steps from there, both OpenCV's.
    """
    import cv2  # importing the catalogue stays light

    precisely = (cv2.TERM_CRITERIA_COUNT + cv2.TERM_CRITERIA_EPS, 30, 1e-12)
    model = np.array(list(HEAD.values()))
    camera = np.diag([DISTANCE, DISTANCE, 1.0])
    middle = points.mean(axis=1, keepdims=True)
    spread = np.sqrt((length(points - middle) ** 2).mean(axis=1))
    out = np.full((len(points), 3), np.nan)
    for row in np.flatnonzero(found_joints(points).all(axis=1) & (spread > 0)):
        image = (points[row] - middle[row]) / spread[row]
        done, turn, place = cv2.solvePnP(model, image, camera, None, flags=cv2.SOLVEPNP_SQPNP)
        if done:
            turn, _ = cv2.solvePnPRefineLM(model, image, camera, None, turn, place, precisely)
            r = cv2.Rodrigues(turn)[0]
            out[row] = np.arctan2(-r[0, 2], r[2, 2]), np.arcsin(np.clip(r[1, 2], -1, 1)), np.arctan2(r[1, 0], r[1, 1])
    return np.asarray(np.degrees(out))
