"""C3D, the binary marker files of motion capture: one person in a file.

Facts from c3d.org's user guide: points are x, y, z and a residual, the mean distance of the rays that measured them, in
the file's unit; 0 is a point that was not measured but made up, −1 one that is not there. Residuals are whole numbers
up to 255, so that of all units millimetres suit. Seven bits say which of the first seven cameras measured a point.
There is one rate for all frames, so uneven times can't be held, and no time of the first frame: that goes into the
group POSESCRIBE, with what made the file.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pose.tables import frame_rate
from storage.errors import ExchangeError
from storage.formats.keypoints.writing import replacing
from storage.formats.optional import load

CAMERAS = 7
"""Cameras that the format can name."""

_PER_M = 1000
_LARGEST = 255

Array = NDArray[np.float64]


def write_space(
    path: Path, joints: Sequence[str], time_s: Array, points: Array, residuals: Array, cameras: NDArray[np.bool_],
    origin: str,
) -> None:  # fmt: skip
    """One person in space.

    Args:
        path: the file.
        joints: K names.
        time_s: (n,) seconds.
        points: (n, K, 3) metres; NaN where missing. They go into the file in mm, the axes as they are.
        residuals: (n, K) metres; 0 where a position was filled in. Of a point that is missing it doesn't count.
        cameras: (n, K, C) which measured it; those beyond the first `CAMERAS` are left out.
        origin: what made the points, up to 255 letters, kept in the file.

    Raises:
        ExchangeError: the library c3d is not there, the times are uneven, or the file can't be written.
    """
    rate = frame_rate(np.arange(len(time_s)), time_s)
    if rate is None:
        raise ExchangeError(
            f"{path}: C3D has one frame rate, and the times of these {len(time_s)} frames are not even within 1 %; "
            "take TRC, Parquet or movement's netCDF"
        )
    file = load("c3d").Writer(point_rate=rate, point_units="mm")
    file.set_point_labels(list(joints))
    ours = file.add_group(file.numeric_key_next, "POSESCRIBE", "what made the points")
    ours.add_str("ORIGIN", "program and its input", origin, len(origin))
    ours.set("START_S", "time of the first frame, seconds", 4, "<f", float(time_s[0]))
    there = np.asarray(np.isfinite(points).all(axis=-1))
    # One that was measured is none that was made up, however well its rays meet.
    measured = np.where(residuals > 0, np.clip(np.round(_PER_M * np.nan_to_num(residuals)), 1, _LARGEST), 0)
    bits = (cameras[..., :CAMERAS] * 2 ** np.arange(cameras[..., :CAMERAS].shape[-1])).sum(axis=-1)
    rows = np.stack([np.where(there, measured, -1), np.where(there, bits, 0)], axis=-1)
    nothing = np.empty((0, 1))
    for row, rest in zip(np.where(there[..., None], _PER_M * points, 0), rows, strict=True):
        file.add_frames((np.concatenate([row, rest], axis=-1), nothing))
    with replacing(path) as part, part.open("wb") as out, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "No analog data")  # nor is there any
        file.write(out)
