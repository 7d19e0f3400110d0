"""Actions of one track: sliding windows, scores per frame, bouts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from behavior.classifiers.model import ActionModel
from behavior.datasets import RATE_HZ, Clips, resample, to_joints
from behavior.labels import Bout
from behavior.smoothing import drop_short, frames_to_bouts, viterbi
from pose.people import Track
from pose.skeleton import Skeleton


@dataclass(frozen=True)
class RecogniseSettings:
    """How a track is cut into windows and its scores into bouts."""

    step_s: float = 0.3
    """Distance of windows, seconds."""
    max_gap_s: float = 0.5
    """A longer gap in the track ends a stretch; no window and no bout crosses it. Seconds."""
    min_bout_s: float = 0.5
    """Shorter bouts are dropped, seconds."""
    switch_s: float = 0.25
    """Price of a change of action, see `behavior.smoothing.viterbi`; seconds."""
    min_seen: float = 0.45
    """A window in which a smaller share of the joints is seen counts as unknown."""
    min_window_s: float = 0.4
    """Stretches shorter than this are unknown throughout, seconds."""
    unknown_below: float | None = None
    """Score under which nothing is claimed, in (0, 1); None takes the model's own."""


@dataclass(frozen=True, eq=False)
class Recognition:
    """What was recognised of one track.

    Attributes:
        bouts: in order of time; never `unknown`.
        classes: C actions.
        frames: (n,) int64 frame numbers of the track.
        time_s: (n,) float64 their timestamps, seconds.
        scores: (n, C) float32 calibrated probabilities under the model's prior; what a row lacks to 1 is `unknown`.
    """

    bouts: list[Bout]
    classes: tuple[str, ...]
    frames: NDArray[np.int64]
    time_s: NDArray[np.float64]
    scores: NDArray[np.float32]


def recognise(
    track: Track, skeleton: Skeleton, model: ActionModel, settings: RecogniseSettings | None = None
) -> Recognition:
    """Find the actions of one person.

    The track is cut at long gaps, each stretch resampled by its own timestamps to the model's rate, and described by
    windows that overlap; a frame's score is the mean over the windows that hold it, the nearer ones counting more.

    Raises:
        ActionModelError: the skeleton lacks joints that the model needs.
    """
    settings = settings or RecogniseSettings()
    points = to_joints(track.keypoints, skeleton.joints, model.info.joints)
    n = len(track)
    scores = np.zeros((n, len(model.info.classes)), dtype=np.float32)
    bouts: list[Bout] = []
    below = model.unknown_below if settings.unknown_below is None else settings.unknown_below
    steps = np.diff(track.time_s)
    usual = float(np.median(steps)) if len(steps) else 1 / RATE_HZ
    ends_s = np.append(track.time_s[:-1] + np.minimum(steps, usual * 1.5), track.time_s[-1:] + usual)
    cuts = np.flatnonzero(steps > max(settings.max_gap_s, 2 * usual)) + 1
    for rows in np.split(np.arange(n), cuts):
        if len(rows) < 2 or ends_s[rows[-1]] - track.time_s[rows[0]] < settings.min_window_s:
            continue
        time_s, frames = track.time_s[rows], track.frames[rows]
        own = stretch_scores(points[rows], time_s, usual, model, settings)
        scores[rows] = own
        labels = viterbi(own, time_s, below, settings.switch_s)
        labels = drop_short(labels, ends_s[rows], time_s, settings.min_bout_s)
        bouts += frames_to_bouts(labels, own, frames, time_s, ends_s[rows], track.track_id, model.info.classes)
    return Recognition(bouts, model.info.classes, track.frames, track.time_s, scores)


def stretch_scores(
    points: NDArray[np.float32],
    time_s: NDArray[np.float64],
    usual_s: float,
    model: ActionModel,
    settings: RecogniseSettings,
) -> NDArray[np.float64]:
    """(n, C) scores of the frames of one unbroken stretch."""
    grid_s = np.arange(time_s[0], time_s[-1] + 0.5 / RATE_HZ, 1 / RATE_HZ)
    grid = resample(points, time_s, grid_s)
    near = np.abs(grid_s - time_s[nearest(time_s, grid_s)])
    grid[near > max(0.6 * usual_s, 0.75 / RATE_HZ)] = np.nan  # inside a gap: missing, not made up

    half = max(2, round(model.window_s * RATE_HZ / 2))
    step = max(1, round(settings.step_s * RATE_HZ))
    least = min(len(grid), max(2, round(settings.min_window_s * RATE_HZ)))
    centres = np.arange(0, len(grid), step)
    starts = np.clip(centres - half, 0, len(grid) - least)
    stops = np.clip(centres + half, least, len(grid))
    total = np.zeros((len(grid), len(model.info.classes)))
    weight = np.zeros(len(grid))
    offsets = np.arange(2 * half)
    for chunk in np.array_split(np.arange(len(centres)), max(1, len(centres) // 1024)):
        inside = starts[chunk, None] + offsets
        held = inside < stops[chunk, None]
        windows = grid[np.minimum(inside, len(grid) - 1)]
        windows[~held] = np.nan
        lengths = (stops - starts)[chunk]
        share = np.isfinite(windows[..., 0]).sum(axis=(1, 2)) / (lengths * windows.shape[2])
        answers = model.weighted_proba(Clips(windows, lengths, model.info.joints))
        answers[share < settings.min_seen] = 0
        nearness = np.where(held, 1 - np.abs(inside - centres[chunk, None]) / (half + 1), 0).clip(0.02, None) * held
        np.add.at(total, inside[held], (nearness[..., None] * answers[:, None])[held])
        np.add.at(weight, inside[held], nearness[held])
    mean = total / np.maximum(weight, 1e-9)[:, None]
    return np.asarray(mean[nearest(grid_s, time_s)])


def nearest(known_s: NDArray[np.float64], asked_s: NDArray[np.float64]) -> NDArray[np.intp]:
    """(m,) position in `known_s` (rising) of the moment nearest to each asked one."""
    right = np.clip(np.searchsorted(known_s, asked_s), 1, max(len(known_s) - 1, 1))
    right = np.minimum(right, len(known_s) - 1)
    left = np.maximum(right - 1, 0)
    return np.asarray(np.where(asked_s - known_s[left] <= known_s[right] - asked_s, left, right), dtype=np.intp)
