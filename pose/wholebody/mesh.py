"""From the 468 points of MediaPipe's face mesh, and its irises, to the 70 of `pose.parts.FACE_70`.

Each of iBUG's 68 points is the vertex that lies where iBUG puts it on a face; the jaw is the mesh's outline.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

N_VERTICES = 468
"""Of the mesh; their places on a face are those of MediaPipe's canonical face model."""

_JAW = (127, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 356)
_BROWS = (70, 63, 105, 66, 107, 336, 296, 334, 293, 300)
_NOSE = (168, 197, 5, 4, 75, 97, 2, 326, 305)
_EYES = (33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380)
_LIPS = (61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181)
_MOUTH = (78, 82, 13, 312, 308, 317, 14, 87)

TO_68 = np.array((*_JAW, *_BROWS, *_NOSE, *_EYES, *_LIPS, *_MOUTH))
"""(68,) vertices of the mesh, in iBUG's order."""


def to_70(
    mesh: NDArray[np.float64], right_pupil: NDArray[np.float64], left_pupil: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(70, 2) points of a face out of its (468, 2) mesh and its (2,) pupils; NaN stays NaN."""
    return np.concatenate([mesh[TO_68], right_pupil[None], left_pupil[None]])
