"""Tracks and points on another clock than their own."""

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
    pixels = at_times(own[..., :2], time_s, clock_s)
    left, right, _ = _neighbours(time_s, clock_s)
    seen = np.asarray(np.isfinite(pixels).all(axis=-1))
    confidence = np.nan_to_num(np.minimum(own[left, :, 2], own[right, :, 2]))
    return np.where(seen[..., None], pixels, np.nan), np.where(seen, confidence, 0.0)


def at_times(points: Array, time_s: Array, wanted_s: Array) -> Array:
    """Points at other times than those at which they are known.

    Between two neighbouring times at which it is known a point moves evenly; it is NaN where one of them is missing or
    they are too far apart, and outside.

    Args:
        points: (T, ..., D), in any unit.
        time_s: (T,) rising, seconds.
        wanted_s: (F,) seconds.

    Returns:
        (F, ..., D).
    """
    left, right, share = _neighbours(time_s, wanted_s)
    weight = share.reshape(-1, *(1,) * (points.ndim - 1))
    return np.asarray(points[left] * (1 - weight) + points[right] * weight)


def _neighbours(time_s: Array, wanted_s: Array) -> tuple[NDArray[np.intp], NDArray[np.intp], Array]:
    """(F,) indices of the times before and behind each wanted one, the same where it is one of them, and how far it is
    from the first to the second, in [0, 1]; NaN where there is none on both sides within `_WIDEST`."""
    widest = _WIDEST * float(np.median(np.diff(time_s))) if len(time_s) > 1 else 0.0
    right = np.clip(np.searchsorted(time_s, wanted_s), 0, len(time_s) - 1)
    left = np.maximum(right - 1, 0)
    before, behind = wanted_s - time_s[left], time_s[right] - wanted_s
    at_left, at_right = np.abs(before) <= _SAME_S, np.abs(behind) <= _SAME_S
    left, right = np.where(at_right, right, left), np.where(at_left & ~at_right, left, right)
    gap = before + behind
    between = (before >= 0) & (behind >= 0) & (gap <= widest) & (gap > 0)
    share = np.where(between, before / np.where(gap > 0, gap, 1.0), np.nan)
    return left, right, np.where(at_left | at_right, 0.0, share)
