"""From clips to what classifiers learn from: normalised series, and statistics of them.

Position in the image, size in pixels and the exact rate of detection must not matter, so every clip is first brought to
the body's own frame: gaps filled, the middle of the trunk as origin, the torso as unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.catalog import CATALOGUE, DEFAULT_STATISTICS, bout_table
from features.geometry import angle, distance, found_joints, length
from features.sequence import PoseSequence
from pose.layouts import mirror_indices

Points = NDArray[np.float32]

_TRUNK = ("right_shoulder", "left_shoulder", "right_hip", "left_hip")
_TYPICAL = {  # median length over torso length in J-HMDB, annotated
    ("right_shoulder", "right_elbow"): 0.43, ("left_shoulder", "left_elbow"): 0.43,
    ("right_elbow", "right_wrist"): 0.41, ("left_elbow", "left_wrist"): 0.41,
    ("right_hip", "right_knee"): 0.67, ("left_hip", "left_knee"): 0.67,
    ("right_knee", "right_ankle"): 0.60, ("left_knee", "left_ankle"): 0.60,
}  # fmt: skip


def pad_mask(lengths: NDArray[np.int64], longest: int) -> NDArray[np.bool_]:
    """(S, T) True inside each clip."""
    return np.arange(longest)[None] < lengths[:, None]


def body_scale(points: Points, joints: tuple[str, ...]) -> NDArray[np.float32]:
    """(S,) torso length of each clip in the unit of `points`.

    The 80th percentile over frames of the distance from mid-shoulder to mid-hip, since foreshortening only shortens.
    Clips whose torso is never seen take it from arms and legs and their typical ratios; layouts without a torso take
    the root-mean-square extent. NaN when nothing is seen.
    """
    place = {joint: index for index, joint in enumerate(joints)}
    if not all(joint in place for joint in _TRUNK):
        return _extent(points)
    shoulders, hips = (
        (points[:, :, place[f"right_{part}"]] + points[:, :, place[f"left_{part}"]]) / 2 for part in ("shoulder", "hip")
    )
    scale = _high(distance(shoulders, hips))
    lost = ~(scale > 0)
    if lost.any():
        some = points[lost]
        limbs = [
            _high(distance(some[:, :, place[a]], some[:, :, place[b]])) / typical
            for (a, b), typical in _TYPICAL.items()
            if a in place and b in place
        ]
        fallback = _high(np.stack([*limbs, _extent(some) / 0.9 * 0.5], axis=1)) if limbs else _extent(some)
        scale = scale.copy()
        scale[lost] = fallback
    return scale


def _high(values: NDArray[np.floating]) -> NDArray[np.float32]:
    """80th percentile along the last axis, NaN ignored, without a warning for rows that are all NaN."""
    ordered = np.sort(values, axis=-1)
    count = np.isfinite(ordered).sum(axis=-1)
    place = np.clip(np.ceil(0.8 * count).astype(np.int64) - 1, 0, None)
    picked: NDArray[np.float32] = np.take_along_axis(ordered, place[..., None], axis=-1)[..., 0].astype(np.float32)
    return picked


def _extent(points: Points) -> NDArray[np.float32]:
    seen = np.isfinite(points[..., 0])
    count = np.maximum(seen.sum(axis=2), 1)[..., None]
    middle = np.where(seen[..., None], points, 0).sum(axis=2) / count
    square = np.where(seen, ((points - middle[:, :, None]) ** 2).sum(axis=-1), 0).sum(axis=2) / count[..., 0]
    radius = np.where(seen.sum(axis=2) >= 2, np.sqrt(square), np.nan)
    return _high(radius)


@dataclass(frozen=True, eq=False)
class Normalised:
    """Clips in the body's own frame.

    Attributes:
        points: (S, T, K, 2) float32 torso lengths from the clip's middle, gaps filled and smoothed; NaN for joints
            never seen in the clip and beyond its end.
        centre: (S, T, 2) float32 path of the trunk in the same unit, its median is the origin of `points`.
        seen: (S, T, K) bool where the joint was really there.
        inside: (S, T) bool frames of the clip.
    """

    points: Points
    centre: NDArray[np.float32]
    seen: NDArray[np.bool_]
    inside: NDArray[np.bool_]


def normalise(points: Points, lengths: NDArray[np.int64], joints: tuple[str, ...], smooth: float = 1.0) -> Normalised:
    """Bring clips to the body's own frame.

    Args:
        points: (S, T, K, 2), NaN where missing and beyond the end.
        lengths: (S,) frames of each clip.
        joints: K names.
        smooth: standard deviation of the Gaussian in time that smooths and weighs filled frames less, frames; 0: none.
    """
    inside = pad_mask(lengths, points.shape[1])
    seen = np.isfinite(points[..., 0]) & inside[..., None]
    scale = body_scale(points, joints)
    scale = np.where(scale > 0, scale, np.nan)
    filled = fill(points, seen) / scale[:, None, None, None]
    if smooth > 0:
        filled = _smoothed(filled, seen, inside, smooth)
    place = [joints.index(joint) for joint in _TRUNK if joint in joints] or list(range(len(joints)))
    centre = _mean(filled[:, :, place], axis=2)
    everything = _mean(filled, axis=2)
    centre = np.where(np.isfinite(centre), centre, everything)
    centre[~inside] = np.nan
    middle = np.nan_to_num(_median(centre))
    filled[~inside] = np.nan
    return Normalised(
        (filled - middle[:, None, None]).astype(np.float32), (centre - middle[:, None]).astype(np.float32), seen, inside
    )


def _mean(values: NDArray[np.floating], axis: int) -> NDArray[np.float32]:
    seen = np.isfinite(values)
    count = seen.sum(axis=axis)
    total = np.where(seen, values, 0).sum(axis=axis)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)


def _median(values: NDArray[np.floating]) -> NDArray[np.float32]:
    """(S, 2) median over axis 1, NaN ignored."""
    ordered = np.sort(values, axis=1)
    count = np.isfinite(ordered).sum(axis=1, keepdims=True)
    picked: NDArray[np.float32] = np.take_along_axis(ordered, np.maximum(count - 1, 0) // 2, axis=1)[:, 0]
    return picked


def fill(points: Points, seen: NDArray[np.bool_]) -> Points:
    """(S, T, K, 2) with every gap filled in time: linear inside, the nearest value before the first and after the last.

    A joint never seen in a clip stays NaN.
    """
    longest = points.shape[1]
    frames = np.arange(longest)[None, :, None]
    before = np.maximum.accumulate(np.where(seen, frames, -1), axis=1)
    after = np.minimum.accumulate(np.where(seen, frames, longest)[:, ::-1], axis=1)[:, ::-1]
    low = np.where(before >= 0, before, np.minimum(after, longest - 1))
    high = np.where(after < longest, after, np.maximum(before, 0))
    first = np.take_along_axis(points, low[..., None], axis=1)
    second = np.take_along_axis(points, high[..., None], axis=1)
    weight = ((frames - low) / np.maximum(high - low, 1)).clip(0, 1).astype(np.float32)[..., None]
    return np.asarray(first * (1 - weight) + second * weight, dtype=np.float32)


def _smoothed(points: Points, seen: NDArray[np.bool_], inside: NDArray[np.bool_], sigma: float) -> Points:
    """Normalised convolution (Knutsson and Westin, 1993): filled frames count a fifth of seen ones."""
    n, longest = points.shape[:2]
    steps = np.arange(longest)
    kernel = np.exp(-0.5 * ((steps[:, None] - steps[None]) / sigma) ** 2).astype(np.float32)
    weight = np.where(seen, 1.0, 0.2).astype(np.float32) * inside[..., None]
    flat = (np.nan_to_num(points) * weight[..., None]).reshape(n, longest, -1)
    total = np.matmul(kernel, flat).reshape(points.shape)
    share = np.matmul(kernel, weight)
    smooth = total / np.maximum(share, 1e-6)[..., None]
    smooth[np.broadcast_to(~seen.any(axis=1, keepdims=True), seen.shape)] = np.nan
    return np.asarray(smooth, dtype=np.float32)


_ANGLES = (
    ("right_shoulder", "right_elbow", "right_wrist"), ("left_shoulder", "left_elbow", "left_wrist"),
    ("right_hip", "right_knee", "right_ankle"), ("left_hip", "left_knee", "left_ankle"),
    ("right_hip", "right_shoulder", "right_elbow"), ("left_hip", "left_shoulder", "left_elbow"),
    ("right_shoulder", "right_hip", "right_knee"), ("left_shoulder", "left_hip", "left_knee"),
)  # fmt: skip


def clip_statistics(body: Normalised, lengths: NDArray[np.int64], joints: tuple[str, ...]) -> NDArray[np.float32]:
    """(S, F) statistics of whole clips; NaN where they rest on a joint never seen.

    Per series its mean, deviation, extremes and thirds; of the motion its cosine transform, speeds at three time
    scales, net displacement and which joints move together; of the shape all distances between joints and the angles of
    the limbs; of each pair of limbs which side does more, whichever that is.
    """
    n, longest, n_joints, _ = body.points.shape
    local = (body.points - body.centre[:, :, None]).reshape(n, longest, -1)
    whole = body.points.reshape(n, longest, -1)
    first, second = np.triu_indices(n_joints, 1)
    distance = length(body.points[:, :, first] - body.points[:, :, second])
    even = evenly(whole, lengths, 32)
    even_local = evenly(local, lengths, 32)
    even_distance = evenly(distance, lengths, 32)
    parts = [
        *_moments(even_local),
        *_thirds(even_local),
        *_moments(even_distance),
        _cosine(even, 6)[:, 1:].reshape(n, -1),
        _cosine(even_distance, 3)[:, 1:].reshape(n, -1),
        *_moments(_angles(even.reshape(n, 32, n_joints, 2), joints)),
        even[:, -1] - even[:, 0],
    ]
    for lag in (1, 3, 8):
        parts += _speeds(body.points, lengths, lag)
    power = _cosine(even - even.mean(axis=1, keepdims=True), 24).reshape(n, 24, n_joints, 2)
    bands = [
        np.log(1e-4 + (power[:, low:high] ** 2).sum(axis=(1, 3))) for low, high in ((1, 3), (3, 6), (6, 12), (12, 24))
    ]
    frames = np.log(lengths.astype(np.float32))[:, None]
    sides = _sides(even_local.reshape(n, 32, n_joints, 2), body.points, lengths, joints)
    together = _together(even.reshape(n, 32, n_joints, 2))
    return np.concatenate([*parts, *bands, frames, sides, together], axis=1).astype(np.float32)


def evenly(series: NDArray[np.floating], lengths: NDArray[np.int64], count: int) -> NDArray[np.float32]:
    """(S, count, F): each clip at `count` moments spread evenly over its length."""
    place = np.linspace(0, 1, count)[None] * (lengths - 1)[:, None]
    low = place.astype(np.int64)
    high = np.minimum(low + 1, (lengths - 1)[:, None])
    weight = (place - low).astype(np.float32)[..., None]
    rows = np.arange(len(series))[:, None]
    return np.asarray(series[rows, low] * (1 - weight) + series[rows, high] * weight, dtype=np.float32)


def _moments(series: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    mean = series.mean(axis=1, keepdims=True)
    return [mean[:, 0], series.std(axis=1, mean=mean), series.min(axis=1), series.max(axis=1)]


def _thirds(series: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    return [part.mean(axis=1) for part in np.array_split(series, 3, axis=1)]


def _cosine(series: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """(S, count, F) first coefficients of the orthonormal DCT-II along time."""
    length = series.shape[1]
    basis = np.cos(np.pi / length * (np.arange(length)[None] + 0.5) * np.arange(count)[:, None])
    basis *= np.sqrt(2 / length)
    basis[0] /= np.sqrt(2)
    return np.asarray(np.matmul(basis.astype(np.float32), series), dtype=np.float32)


def _angles(points: Points, joints: tuple[str, ...]) -> NDArray[np.float32]:
    """(S, T, A) angles at elbows, knees, shoulders and hips, radians."""
    place = {joint: index for index, joint in enumerate(joints)}
    known = [[place[joint] for joint in angle] for angle in _ANGLES if all(joint in place for joint in angle)]
    if not known:
        return np.zeros((*points.shape[:2], 0), dtype=np.float32)
    a, b, c = np.array(known).T
    return np.radians(angle(points[:, :, a], points[:, :, b], points[:, :, c])).astype(np.float32)


def _sides(local: Points, points: Points, lengths: NDArray[np.int64], joints: tuple[str, ...]) -> NDArray[np.float32]:
    """(S, F) the larger and the smaller of what the left and the right joint of each pair do; no side is preferred."""
    partner = mirror_indices(joints)
    right = np.flatnonzero(np.arange(len(joints)) < partner)
    left = partner[right]
    x, y = local[..., 0], local[..., 1]
    speeds = [speed for lag in (1, 3, 8) for speed in _speeds(points, lengths, lag)[:3]]
    single = np.stack(
        [
            *speeds,
            y.mean(axis=1), y.min(axis=1), y.max(axis=1), y.std(axis=1),
            x.std(axis=1), np.abs(x).max(axis=1), np.abs(x).mean(axis=1),
            *(part.mean(axis=1) for part in np.array_split(y, 3, axis=1)),
        ],
        axis=1,
    )  # fmt: skip
    higher = np.minimum(y[..., right], y[..., left])  # y points down
    lower = np.maximum(y[..., right], y[..., left])
    parts = [
        np.maximum(single[..., right], single[..., left]), np.minimum(single[..., right], single[..., left]),
        *(part[:, None] for part in (higher.mean(axis=1), higher.min(axis=1), higher.std(axis=1))),
        *(part[:, None] for part in (lower.mean(axis=1), lower.max(axis=1), lower.std(axis=1))),
    ]  # fmt: skip
    return np.concatenate(parts, axis=1).reshape(len(local), -1)


def _together(points: Points) -> NDArray[np.float32]:
    """(S, K(K-1)/2) how far two joints move the same way, -1 to 1: mean inner product of their scaled velocities."""
    step = np.diff(points, axis=1)
    step = step / (0.01 + np.sqrt((step**2).sum(axis=(1, 3), keepdims=True) / step.shape[1]))
    first, second = np.triu_indices(points.shape[2], 1)
    return np.asarray((step[:, :, first] * step[:, :, second]).sum(axis=(1, 3)) / step.shape[1], dtype=np.float32)


def _speeds(points: Points, lengths: NDArray[np.int64], lag: int) -> list[NDArray[np.float32]]:
    """Mean, deviation and maximum of each joint's speed over `lag` frames, and its mean velocity's parts by size."""
    n, longest, n_joints, _ = points.shape
    if longest <= lag:
        return [np.zeros((n, size), dtype=np.float32) for size in (n_joints, n_joints, n_joints, 2 * n_joints)]
    step = (points[:, lag:] - points[:, :-lag]) / lag
    inside = pad_mask(np.maximum(lengths - lag, 0), longest - lag)[..., None]
    count = np.maximum(inside.sum(axis=1), 1)
    speed = np.where(inside, length(step), 0)
    mean = speed.sum(axis=1) / count
    square = (speed**2).sum(axis=1) / count
    size = np.where(inside[..., None], np.abs(step), 0).sum(axis=1) / count[..., None]
    return [mean, np.sqrt(np.maximum(square - mean**2, 0)), speed.max(axis=1), size.reshape(n, -1)]


def catalogue_statistics(
    points: Points, lengths: NDArray[np.int64], joints: tuple[str, ...], rate_hz: float, names: Sequence[str]
) -> NDArray[np.float32]:
    """(S, F) window statistics of features of the catalogue, each clip one window; NaN by the features' own rules.

    The columns are `catalogue_columns`. Raises `UnknownFeature` or `FeatureError` for a feature that can't be had.
    """
    columns = catalogue_columns(names)
    out = np.empty((len(lengths), len(columns)), dtype=np.float32)
    for row, n in enumerate(lengths):
        clip = points[row, :n].astype(np.float64)
        sequence = PoseSequence(clip, found_joints(clip).astype(np.float64), joints, np.arange(n) / rate_hz)
        out[row] = bout_table(sequence, [(0.0, n / rate_hz)], names)[columns].to_numpy(np.float32)[0]
    return out


def catalogue_columns(names: Sequence[str]) -> list[str]:
    """Columns of `catalogue_statistics`: `<feature>_<statistic>`, or a window feature's own name."""
    return [
        column
        for name in names
        for column in (
            [name] if CATALOGUE[name].level == "window" else [f"{name}_{statistic}" for statistic in DEFAULT_STATISTICS]
        )
    ]
