"""The time between two recordings of one scene, out of how fast what they show moves.

Speeds that do not depend on where a camera stands (up and down, for cameras that stand upright) rise and fall together
in all recordings of one moment. Their correlation at every offset tells the offset, its curve how sure that is: cf. the
synchronisation of Pose2Sim (D. Pagnon, M. Domalain, L. Reveret, 2022, https://doi.org/10.21105/joss.04362), which
correlates vertical speeds too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import correlate

from pose.multiview.camera import Array

GRID_S = 0.01
"""Step of the offsets that are tried, seconds; the best is read off between them."""
SHORTEST_S = 2.0
"""Least time in which both must show motion."""
_WIDEST = 2.5  # frame intervals that are interpolated over
_NEAR_S = 0.3  # offsets so near to the best one are of the same peak
_PARTS = 10


@dataclass(frozen=True, eq=False)
class Offset:
    """What must be added to the second recording's time to get the first one's.

    Attributes:
        seconds: the offset of the greatest correlation; NaN where no offset has enough in common.
        error_s: its standard error, by leaving out each tenth of the common time in turn (jackknife; B. Efron,
            C. Stein, 1981, https://doi.org/10.1214/aos/1176345462); what is wrong in all of it, it does not know.
        correlation: Pearson's, over all channels together, in [-1, 1].
        rival_s, rival: the next best offset that is not of the same peak, and its correlation; NaN without one.
        common_s: time in which both show motion, seconds.
        tried_s, correlations: (L,) offsets tried and their correlations; NaN where too little is common.
    """

    seconds: float
    error_s: float
    correlation: float
    rival_s: float
    rival: float
    common_s: float
    tried_s: Array
    correlations: Array


def find_offset(
    time_a: Array, speed_a: Array, time_b: Array, speed_b: Array, *, longest_s: float, shortest_s: float = SHORTEST_S
) -> Offset:
    """The offset between two recordings.

    Args:
        time_a, time_b: (A,), (B,) times of their frames, each by its own clock, seconds, rising.
        speed_a, speed_b: (A, C), (B, C) the same C speeds (of joints, say) as both show them; NaN where not seen.
        longest_s: offsets up to this are tried, either way.
        shortest_s: an offset that leaves less in common is not taken.
    """
    step = min(GRID_S, *(float(np.median(np.diff(t))) / 2 for t in (time_a, time_b) if len(t) > 1))
    start_a, a = _on_grid(time_a, speed_a, step)
    start_b, b = _on_grid(time_b, speed_b, step)
    lags, sums = _sums(a, b)
    tried: Array = lags.astype(np.float64) * step + (start_a - start_b)
    kept = np.flatnonzero(np.abs(tried) <= longest_s)
    tried, curve, common = tried[kept], _pearson(sums[:, :, kept]), sums[0, :, kept].max(axis=1) * step
    curve[common < shortest_s] = np.nan
    if not np.isfinite(curve).any():
        nothing = float("nan")
        return Offset(nothing, nothing, nothing, nothing, nothing, float(common.max(initial=0.0)), tried, curve)
    best = int(np.nanargmax(curve))
    seconds = _summit(tried, curve, best)
    far = np.where(np.abs(tried - seconds) > _NEAR_S, np.nan_to_num(curve, nan=-np.inf), -np.inf)
    inner = np.flatnonzero((far[1:-1] >= far[:-2]) & (far[1:-1] >= far[2:]) & np.isfinite(far[1:-1])) + 1
    rival = int(inner[far[inner].argmax()]) if len(inner) else None
    near = kept[np.flatnonzero(np.abs(tried - tried[best]) <= _NEAR_S)]
    return Offset(
        seconds,
        _jackknife(a, b, lags[near], tried[np.abs(tried - tried[best]) <= _NEAR_S]),
        float(curve[best]),
        float("nan") if rival is None else float(tried[rival]),
        float("nan") if rival is None else float(curve[rival]),
        float(common[best]),
        tried,
        curve,
    )


def _on_grid(time_s: Array, values: Array, step: float) -> tuple[float, Array]:
    """Start and (G, C) values at even steps from it on; NaN where no two neighbouring frames show them."""
    start = float(np.ceil(time_s[0] / step) * step)
    grid = start + step * np.arange(max(1, int((time_s[-1] - start) / step) + 1))
    widest = _WIDEST * float(np.median(np.diff(time_s))) if len(time_s) > 1 else 0.0
    right = np.clip(np.searchsorted(time_s, grid), 1, max(1, len(time_s) - 1))
    out = np.full((len(grid), values.shape[1]), np.nan)
    if len(time_s) > 1:
        share = ((grid - time_s[right - 1]) / (time_s[right] - time_s[right - 1]))[:, None]
        near = (time_s[right] - time_s[right - 1] <= widest)[:, None]
        out = np.where(near, values[right - 1] * (1 - share) + values[right] * share, np.nan)
    known = np.isfinite(out)
    return start, out - np.where(known, out, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)


def _sums(a: Array, b: Array) -> tuple[NDArray[np.int64], Array]:
    """Lags (a's sample less b's), and (6, C, L) sums over what both show: n, x, y, x², y², xy."""
    lags = np.arange(-(len(b) - 1), len(a), dtype=np.int64)
    out = np.empty((6, a.shape[1], len(lags)))
    for channel in range(a.shape[1]):
        here, there = np.isfinite(a[:, channel]) * 1.0, np.isfinite(b[:, channel]) * 1.0
        x, y = np.nan_to_num(a[:, channel]), np.nan_to_num(b[:, channel])
        for row, (one, two) in enumerate(((here, there), (x, there), (here, y), (x * x, there), (here, y * y), (x, y))):
            out[row, channel] = correlate(one, two, method="fft")
    out[0] = np.round(out[0])
    return lags, out


def _pearson(sums: Array) -> Array:
    """(L,) correlation of all channels together, each about its own mean; NaN where one side does not move."""
    n, x, y, xx, yy, xy = sums
    n = np.maximum(n, 1)
    spread_a, spread_b = ((xx - x * x / n).clip(0).sum(axis=0), (yy - y * y / n).clip(0).sum(axis=0))
    spread = np.sqrt(spread_a * spread_b)
    floor = 1e-9 * max(float(spread.max(initial=0)), 1e-300)
    return np.where(spread > floor, (xy - x * y / n).sum(axis=0) / np.maximum(spread, floor), np.nan)


def _summit(tried: Array, curve: Array, best: int) -> float:
    """The top of the parabola through the greatest value and its neighbours."""
    if 0 < best < len(curve) - 1:
        before, top, after = curve[best - 1 : best + 2]
        bend = before - 2 * top + after
        if np.isfinite(bend) and bend < 0:
            return float(tried[best] + (before - after) / (2 * bend) * (tried[1] - tried[0]))
    return float(tried[best])


def _jackknife(a: Array, b: Array, lags: NDArray[np.int64], tried: Array) -> float:
    """Standard error of the summit near the best lag."""
    sums = np.zeros((_PARTS, 6, a.shape[1], len(lags)))
    middle = int(lags[len(lags) // 2])
    first, last = max(0, middle), min(len(a), len(b) + middle)
    part_of = np.clip((np.arange(len(a)) - first) * _PARTS // max(1, last - first), 0, _PARTS - 1)
    for place, lag in enumerate(lags.tolist()):
        low, high = max(0, lag), min(len(a), len(b) + lag)
        x, y = a[low:high], b[low - lag : high - lag]
        both = np.isfinite(x) & np.isfinite(y)
        x, y = np.where(both, x, 0), np.where(both, y, 0)
        for row, value in enumerate((both * 1.0, x, y, x * x, y * y, x * y)):
            edges = np.searchsorted(part_of[low:high], np.arange(_PARTS + 1))
            total = np.concatenate([np.zeros((1, a.shape[1])), np.cumsum(value, axis=0)])
            sums[:, row, :, place] = np.diff(total[edges], axis=0)
    without = sums.sum(axis=0) - sums
    tops = []
    for one in without:
        curve = _pearson(one)
        if np.isfinite(curve).any():
            tops.append(_summit(tried, curve, int(np.nanargmax(curve))))
    return float(np.sqrt((len(tops) - 1) * np.var(tops))) if tops else float("nan")
