"""Tracks of several cameras on one clock."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pose.multiview.camera import Array
from pose.people import Track

_SAME_S = 1e-6
_WIDEST = 2.5  # frame intervals between which a joint is interpolated


def on_clock(track: Track, frames: NDArray[np.int64], time_s: Array, clock_s: Array) -> tuple[Array, Array]:
    """A track at other times than its own frames'.

    Between two neighbouring frames in which a joint is seen, it moves evenly; nothing is bridged beyond that.

    Args:
        track: of one recording.
        frames, time_s: (F,) all frames of the recording that were looked at, and when, seconds of the common clock.
        clock_s: (T,) the times wanted, seconds.

    Returns:
        (T, K, 2) pixels, NaN where not seen, and (T, K) confidences, the lower of the two frames', 0 where not seen.
    """
    own = np.full((len(frames), *track.keypoints.shape[1:]), np.nan)
    own[np.searchsorted(frames, track.frames)] = track.keypoints
    widest = _WIDEST * float(np.median(np.diff(time_s))) if len(time_s) > 1 else 0.0
    right = np.clip(np.searchsorted(time_s, clock_s), 0, len(time_s) - 1)
    left = np.maximum(right - 1, 0)
    before, after = clock_s - time_s[left], time_s[right] - clock_s
    exact_left, exact_right = np.abs(before) <= _SAME_S, np.abs(after) <= _SAME_S
    inside = (before >= 0) & (after >= 0) & (before + after <= widest)
    gap = before + after
    share = np.where(inside & (gap > 0), before / np.where(gap > 0, gap, 1), 0.0)[:, None, None]
    points = own[left] * (1 - share) + own[right] * share
    points[..., 2] = np.minimum(own[left, :, 2], own[right, :, 2])
    points[~inside] = np.nan
    points[exact_left] = own[left[exact_left]]
    points[exact_right] = own[right[exact_right]]
    seen = np.isfinite(points[..., :2]).all(axis=-1)
    return np.where(seen[..., None], points[..., :2], np.nan), np.where(seen, np.nan_to_num(points[..., 2]), 0.0)
