"""Clips moved and spoilt as real ones are: mirrored, slower, half out of the picture, badly detected.

Annotated joints are clean, detected ones are not; a model that never saw the difference fails on it. Every step works
on whole batches of NaN-padded clips (see `behavior.recognition.clips.Clips`) and never looks at labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from behavior.recognition.clips import Clips
from features.clips import body_scale, pad_mask
from pose.layouts import mirror, mirror_indices

Points = NDArray[np.float32]


@dataclass(frozen=True)
class AugmentSettings:
    """How far clips are changed; `strength` of every spoiling step is drawn anew for each clip."""

    mirror: float = 0.5
    """Probability of a mirrored clip."""
    rotation_deg: float = 10.0
    """Standard deviation of the rotation in the image plane, degrees."""
    stretch: float = 0.1
    """Standard deviation of the logarithm of the width-to-height ratio."""
    speed: float = 0.1
    """Standard deviation of the logarithm of the speed."""
    crop: float = 0.5
    """Probability that only a part of the clip, at least 60 % long, is kept."""
    follow: float = 0.5
    """Probability that the camera follows: the steady part of the body's motion through the picture is taken away."""
    drift: float = 0.06
    """Standard deviation of an added camera motion, torso lengths per frame; half the clips get none."""
    limbs: float = 0.05
    """Standard deviation of a constant displacement of each joint, torso lengths: other people, other conventions."""
    spoil: float = 0.7
    """Probability that a clip is spoilt at all by the steps below."""
    jitter: float = 0.08
    """Largest standard deviation of independent noise per frame, torso lengths."""
    wander: float = 0.08
    """Largest standard deviation of noise that stays for several frames, torso lengths."""
    missing: float = 0.35
    """Largest share of single joints dropped at random."""
    lost_joint: float = 0.15
    """Probability that a clip loses one or two joints altogether."""
    lost_part: float = 0.12
    """Probability that a clip loses the legs, the ankles, or one arm: a body partly outside the picture."""
    swap: float = 0.12
    """Probability that left and right arms or legs are swapped for a part of the clip."""
    lost_frames: float = 0.15
    """Probability that a run of up to a quarter of the frames is missing."""


def augment(clips: Clips, rng: np.random.Generator, settings: AugmentSettings | None = None) -> Clips:
    """A changed copy; the same generator state gives the same copy."""
    settings = settings or AugmentSettings()
    points = clips.points.copy()
    n, _, n_joints, _ = points.shape
    points = _affine(points, rng, settings)
    points, lengths = _retime(points, clips.lengths, rng, settings)
    mirrored = rng.random(n) < settings.mirror
    points[mirrored] = mirror(points[mirrored], clips.joints)

    scale = body_scale(points, clips.joints)[:, None, None, None]
    velocity = scale * rng.normal(0, settings.drift, (n, 1, 1, 2)) * (rng.random((n, 1, 1, 1)) < 0.5)
    velocity -= _steady_motion(points) * (rng.random((n, 1, 1, 1)) < settings.follow)
    points += (velocity * np.arange(points.shape[1])[None, :, None, None]).astype(np.float32)
    points += (scale * rng.normal(0, settings.limbs, (n, 1, n_joints, 2))).astype(np.float32)

    spoilt = rng.random(n) < settings.spoil
    points[spoilt] = _spoil(points[spoilt], lengths[spoilt], scale[spoilt], clips.joints, rng, settings)
    return Clips(points, lengths, clips.joints, clips.rate_hz)


def spoil_evenly(clips: Clips, rng: np.random.Generator, missing: float = 0.2, jitter: float = 0.05) -> Clips:
    """The test of robustness: single joints missing at random, the others moved by Gaussian noise.

    `missing` is a share of joints, `jitter` a standard deviation in torso lengths.
    """
    scale = body_scale(clips.points, clips.joints)[:, None, None, None]
    noise = rng.normal(0, jitter, clips.points.shape) * scale
    points = (clips.points + noise).astype(np.float32)
    points[rng.random(points.shape[:3]) < missing] = np.nan
    return Clips(points, clips.lengths, clips.joints, clips.rate_hz)


def _affine(points: Points, rng: np.random.Generator, settings: AugmentSettings) -> Points:
    n = len(points)
    angle = np.deg2rad(rng.normal(0, settings.rotation_deg, n))
    ratio = np.exp(rng.normal(0, settings.stretch, n) / 2)
    cos, sin = np.cos(angle), np.sin(angle)
    matrix = np.stack([np.stack([cos * ratio, -sin / ratio], -1), np.stack([sin * ratio, cos / ratio], -1)], -2)
    return np.asarray(np.einsum("ntkj,nij->ntki", points, matrix.astype(np.float32)), dtype=np.float32)


def _steady_motion(points: Points) -> NDArray[np.float64]:
    """(S, 1, 1, 2) velocity of the mean joint by least squares, per frame."""
    seen = np.isfinite(points[..., :1]) & np.isfinite(points[..., 1:])
    count = seen.sum(axis=2)
    path = np.where(seen, points, 0).sum(axis=2, dtype=np.float64) / np.maximum(count, 1)
    weight = (count > 0).astype(np.float64)
    time = np.arange(points.shape[1], dtype=np.float64)[None, :, None]
    total = np.maximum(weight.sum(axis=1, keepdims=True), 1)
    time = (time - (time * weight).sum(axis=1, keepdims=True) / total) * weight
    slope = (time * path).sum(axis=1, keepdims=True) / np.maximum((time**2).sum(axis=1, keepdims=True), 1e-9)
    return np.asarray(slope[:, :, None])


def _retime(
    points: Points, lengths: NDArray[np.int64], rng: np.random.Generator, settings: AugmentSettings
) -> tuple[Points, NDArray[np.int64]]:
    """Crop and change of speed in one resampling."""
    n, longest = points.shape[:2]
    speed = np.exp(rng.normal(0, settings.speed, n)).clip(0.6, 1.6)
    share = np.where(rng.random(n) < settings.crop, rng.uniform(0.6, 1.0, n), 1.0)
    span = np.maximum((lengths - 1) * share, np.minimum(lengths - 1, 7))
    start = rng.random(n) * (lengths - 1 - span)
    new = np.clip(np.round(span / speed).astype(np.int64) + 1, 1, longest)
    position = start[:, None] + np.minimum(np.arange(longest)[None] * speed[:, None], span[:, None])
    low = np.minimum(position.astype(np.int64), (lengths - 1)[:, None])
    high = np.minimum(low + 1, (lengths - 1)[:, None])
    weight = (position - low).astype(np.float32)[..., None, None]
    rows = np.arange(n)[:, None]
    first, second = points[rows, low], points[rows, high]
    mixed = first * (1 - weight) + second * weight
    mixed = np.where(np.isfinite(mixed), mixed, np.where(weight < 0.5, first, second))
    mixed[~pad_mask(new, longest)] = np.nan
    return mixed, new


def _spoil(
    points: Points,
    lengths: NDArray[np.int64],
    scale: NDArray[np.float32],
    joints: tuple[str, ...],
    rng: np.random.Generator,
    settings: AugmentSettings,
) -> Points:
    n, longest, n_joints, _ = points.shape

    def some(probability: float) -> NDArray[np.intp]:
        return np.flatnonzero(rng.random(n) < probability)

    def span(row: int, largest: float) -> slice:
        size = max(1, int(rng.uniform(0.1, largest) * lengths[row]))
        start = int(rng.integers(0, max(1, lengths[row] - size + 1)))
        return slice(start, start + size)

    partner = mirror_indices(joints)
    limbs = {part: [i for i, joint in enumerate(joints) if joint.endswith(part)] for part in _ARM + _LEG}
    for row in some(settings.swap):
        parts = _ARM if rng.random() < 0.5 else _LEG
        chosen = [i for part in parts for i in limbs[part]]
        frames = span(row, 0.6)
        points[row, frames, chosen] = points[row, frames, partner[chosen]]

    white = rng.normal(size=points.shape).astype(np.float32)
    points = points + scale * rng.uniform(0, settings.jitter, (n, 1, 1, 1)).astype(np.float32) * white
    knots = rng.normal(size=(n, longest // 5 + 2, n_joints, 2)).astype(np.float32)
    points = points + scale * rng.uniform(0, settings.wander, (n, 1, 1, 1)).astype(np.float32) * _between(
        knots, longest
    )

    share = rng.uniform(0, settings.missing, (n, 1, 1)) * rng.uniform(0.3, 1.7, (n, 1, n_joints))
    points[rng.random((n, longest, n_joints)) < share] = np.nan
    for row in some(settings.lost_joint):
        points[row, :, rng.choice(n_joints, size=int(rng.integers(1, 3)), replace=False)] = np.nan
    for row in some(settings.lost_part):
        part = rng.integers(0, 4)
        side = "left_" if rng.random() < 0.5 else "right_"
        lost = {0: ("_knee", "_ankle"), 1: ("_ankle",), 2: (f"{side}elbow", f"{side}wrist"), 3: ("_wrist",)}[int(part)]
        points[row, :, [i for i, joint in enumerate(joints) if joint.endswith(lost)]] = np.nan
    for row in some(settings.lost_frames):
        points[row, span(row, 0.25)] = np.nan
    return np.asarray(points, dtype=np.float32)


_ARM = ("_elbow", "_wrist")
_LEG = ("_knee", "_ankle")


def _between(knots: Points, longest: int) -> Points:
    """(n, longest, K, 2) values linear between knots that stand five frames apart."""
    place = np.arange(longest) / 5
    low = place.astype(np.int64)
    weight = (place - low).astype(np.float32)[None, :, None, None]
    return knots[:, low] * (1 - weight) + knots[:, low + 1] * weight
