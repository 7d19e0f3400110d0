"""Actions of one track: sliding windows, scores per frame, bouts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from behavior.labels import UNKNOWN
from behavior.recognition import examples
from behavior.recognition.clips import RATE_HZ, Clips, resample, to_joints
from behavior.recognition.explain import told
from behavior.recognition.model import ActionModel
from behavior.recognition.rules import (
    DEFAULT,
    LOCOMOTION,
    RULES,
    Motion,
    denied,
    motion_of,
    rule_bouts,
    with_repetitions,
)
from behavior.recognition.smoothing import Times, drop_short, frames_to_bouts, rows_of, viterbi
from features.clean import CleanSettings, clean
from features.sequence import PoseSequence
from pose.people import Track
from pose.skeleton import Skeleton
from storage.bouts import Bout

ALGORITHM = 10
"""Version of what makes bouts and probabilities of a track (windows, smoothing, rules); raise it as
`pose.engine.ALGORITHM`."""


@dataclass(frozen=True)
class RecogniseSettings:
    """How a track is cut into windows and its scores into bouts; None takes what the model learnt."""

    step_s: float = 0.3
    """Distance of windows, seconds."""
    max_gap_s: float = 0.5
    """A longer gap in the track ends a stretch; no window and no bout crosses it. Seconds."""
    min_bout_s: float | None = None
    """Shorter bouts are dropped, seconds; `MIN_BOUT_S` where the model learnt none."""
    switch_s: float | None = None
    """Price of a change of action, see `smoothing.viterbi`, seconds; `SWITCH_S` where it learnt none."""
    min_seen: float = 0.45
    """A window in which a smaller share of the joints is seen counts as unknown."""
    min_window_s: float = 0.4
    """Stretches shorter than this are unknown throughout, seconds."""
    unknown_below: float | None = None
    """Score under which nothing is claimed, in (0, 1)."""


MIN_BOUT_S = 0.5
SWITCH_S = 0.25


@dataclass(frozen=True, eq=False)
class Recognition:
    """What was recognised of one track.

    Attributes:
        bouts: in order of time, by action where several hold at once; never `unknown`. Those of the model first, then
            those of the rules.
        classes: C actions of the model.
        frames: (n,) int64 frame numbers of the track.
        time_s: (n,) float64 their timestamps, seconds.
        scores: (n, C) float32 calibrated probabilities under the model's prior, before rules have their say; where
            actions are exclusive, what a row lacks to 1 is `unknown`. NaN where nothing can be said.
    """

    bouts: list[Bout]
    classes: tuple[str, ...]
    frames: NDArray[np.int64]
    time_s: NDArray[np.float64]
    scores: NDArray[np.float32]


def recognise(
    track: Track,
    skeleton: Skeleton,
    model: ActionModel,
    settings: RecogniseSettings | None = None,
    background: NDArray[np.float64] | None = None,
    *,
    explain: bool = False,
) -> Recognition:
    """Find the actions of one person.

    The track is cut at long gaps, each stretch resampled by its own timestamps to the model's rate, and described by
    windows that overlap; a frame's score is the mean over the windows that hold it, the nearer ones counting more.
    Rules look at the same track, see `rules_of`; `background` is that of `motion_of`. With `explain` the evidence of
    each learnt bout says which joints it hangs on in its middle, see `explain.told`.

    Raises:
        ActionModelError: the skeleton lacks joints that the model needs.
    """
    settings = settings or RecogniseSettings()
    scores = track_scores(track, skeleton, model, settings)
    motion = motion_of(track, skeleton, background)
    bouts = decode(track, scores, model, settings, motion)
    if explain and bouts:
        bouts = _explained(bouts, track, track_points(track, skeleton, model.info.joints), model, settings)
    bouts += rule_bouts(track, motion, rules_of(model))
    return Recognition(bouts, model.info.classes, track.frames, track.time_s, scores)


def rules_of(model: ActionModel) -> tuple[str, ...]:
    """The rules that run beside a model: those it names, and those that always do without the actions it learnt."""
    return tuple(dict.fromkeys((*model.rules, *(name for name in DEFAULT if name not in model.info.classes))))


def track_scores(
    track: Track, skeleton: Skeleton, model: ActionModel, settings: RecogniseSettings
) -> NDArray[np.float32]:
    """(n, C) scores of the frames of a track; NaN where nothing can be said."""
    points = track_points(track, skeleton, model.info.joints)
    scores = np.full((len(track), len(model.info.classes)), np.nan, dtype=np.float32)
    times = Times.of(track.time_s, settings.max_gap_s)
    for rows in times.stretches:
        if len(rows) >= 2 and times.length_s(rows) >= settings.min_window_s:
            scores[rows] = stretch_scores(points[rows], track.time_s[rows], times.usual_s, model, settings)
    return scores


_READ = replace(CleanSettings(), max_gap_s=None, smoothing=None)
"""How tracks are cleaned for classifiers: as for the feature tables, but nothing is put where nothing was seen.

Classifiers fill gaps and smooth by themselves, and count what was filled less. On J-HMDB (svm, folds of
benchmarks/actions.py) with 4 % of the joints thrown 0.6 torso lengths away, 66.2 % of the clips are named right as they
are, 73.1 % without the outliers, 71.5 % filled and smoothed too; without such noise 73.1, 72.9 and 71.6 %.
"""


def track_points(track: Track, skeleton: Skeleton, joints: tuple[str, ...]) -> NDArray[np.float32]:
    """(n, len(joints), 2) what classifiers read of a track, pixels: NaN where a joint is unsure or an outlier.

    Raises:
        LayoutError, DataError: the skeleton lacks joints.
    """
    return to_joints(clean(PoseSequence.from_track(track), _READ).points, skeleton.joints, joints)


def decode(
    track: Track,
    scores: NDArray[np.float32],
    model: ActionModel,
    settings: RecogniseSettings,
    motion: Motion | None = None,
) -> list[Bout]:
    """The bouts behind the (n, C) scores of a track's frames; where they are NaN nothing is claimed.

    The body has the last word, see `without_denied`; `motion` is the track's, computed where it isn't given.
    """
    actions, learnt = model.info.classes, model.decoding
    motion = motion or motion_of(track, track.skeleton)
    scores = without_denied(np.nan_to_num(scores), model, motion)
    below = np.array([_chosen(settings.unknown_below, learnt.unknown_below, a, model.unknown_below) for a in actions])
    price = np.array([_chosen(settings.switch_s, learnt.switch_s, state, SWITCH_S) for state in (*actions, UNKNOWN)])
    least = [_chosen(settings.min_bout_s, learnt.min_bout_s, action, MIN_BOUT_S) for action in actions]
    everything = np.arange(len(actions))
    alone = [everything] if model.exclusive else np.split(everything, len(actions))
    times = Times.of(track.time_s, settings.max_gap_s)
    bouts: list[Bout] = []
    for rows in times.stretches:
        time_s, ends_s, frames = track.time_s[rows], times.ends_s[rows], track.frames[rows]
        for some in alone:
            labels = viterbi(scores[rows][:, some], time_s, below[some], price[[*some, -1]])
            labels = drop_short(labels, ends_s, time_s, [least[action] for action in some])
            names = [actions[action] for action in some]
            found = frames_to_bouts(labels, scores[rows][:, some], frames, time_s, ends_s, track.track_id, names)
            bouts += [replace(one, evidence=_evidence(one, scores[rows_of(track, one)], below, model)) for one in found]
    if motion is not None:
        bouts = [with_repetitions(bout, motion, rows_of(track, bout)) for bout in bouts]
    return bouts


def _evidence(bout: Bout, scores: NDArray[np.float32], below: NDArray[np.float64], model: ActionModel) -> str:
    """What the model saw in a bout: the mean probabilities of its action and of what came next, and what it claims
    from. The rest up to 1 is `unknown` where actions are exclusive."""
    actions, mean = model.info.classes, scores.mean(axis=0)
    own = actions.index(bout.action)
    others = {action: float(mean[place]) for place, action in enumerate(actions) if place != own}
    if model.exclusive:
        others[UNKNOWN] = max(0.0, 1 - float(mean.sum()))
    text = f"model: {bout.action} {mean[own]:.2f} (claimed from {below[own]:.2f} on)"
    if others:
        following = max(others, key=lambda action: others[action])
        text += f", next {following} {others[following]:.2f}"
    return text


def _explained(
    bouts: list[Bout], track: Track, points: NDArray[np.float32], model: ActionModel, settings: RecogniseSettings
) -> list[Bout]:
    """The bouts with the joints that mattered in the window in their middle, or in as much of it as the stretch has,
    and the model's examples that it is most like."""
    times = Times.of(track.time_s, settings.max_gap_s)
    stretch = np.repeat(np.arange(len(times.stretches)), [len(rows) for rows in times.stretches])
    found = []
    for bout in bouts:
        middle = (bout.start_s + bout.stop_s) / 2
        near = np.abs(track.time_s - middle) <= model.window_s / 2
        rows = np.flatnonzero(near & (stretch == stretch[np.searchsorted(track.frames, bout.start_frame)]))
        if len(rows) >= 2:
            _, grid = to_grid(points[rows], track.time_s[rows], times.usual_s)
            clip = Clips(grid[None], np.array([len(grid)]), model.info.joints)
            like = examples.told(model.examples.nearest(clip)) if model.examples else ""
            bout = replace(bout, evidence=f"{bout.evidence}; {told(model, clip, bout.action)}{like}")
        found.append(bout)
    return found


def without_denied(scores: NDArray[np.float32], model: ActionModel, motion: Motion | None) -> NDArray[np.float32]:
    """The (n, C) scores, 0 where the body shows otherwise.

    No action of `LOCOMOTION` is left where the body is seen to rest and makes no steps (`rules.denied`). Where a rule
    that the model names for an action it also learnt can see, the rule alone decides.
    """
    if motion is None:
        return scores
    scores = scores.copy()
    for place, action in enumerate(model.info.classes):
        if action in LOCOMOTION:
            scores[denied(motion), place] = 0
        if action in model.rules:
            scores[np.isfinite(RULES[action].score(motion)), place] = 0
    return scores


def _chosen(asked: float | None, learnt: Mapping[str, float], name: str, usual: float) -> float:
    return learnt.get(name, usual) if asked is None else asked


def to_grid(
    points: NDArray[np.float32], time_s: NDArray[np.float64], usual_s: float
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """One stretch at `RATE_HZ`: the moments, and (m, K, 2) points; what lies inside a gap is missing, not made up."""
    grid_s = _moments(time_s)
    return grid_s, _at(grid_s, points, time_s, usual_s)


def _moments(time_s: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.arange(time_s[0], time_s[-1] + 0.5 / RATE_HZ, 1 / RATE_HZ)


def _at(
    grid_s: NDArray[np.float64], points: NDArray[np.float32], time_s: NDArray[np.float64], usual_s: float
) -> NDArray[np.float32]:
    grid = resample(points, time_s, grid_s)
    near = np.abs(grid_s - time_s[nearest(time_s, grid_s)])
    grid[near > max(0.6 * usual_s, 0.75 / RATE_HZ)] = np.nan
    return grid


_AT_ONCE = 256
"""Windows that are in memory together."""


def stretch_scores(
    points: NDArray[np.float32],
    time_s: NDArray[np.float64],
    usual_s: float,
    model: ActionModel,
    settings: RecogniseSettings,
) -> NDArray[np.float32]:
    """(n, C) scores of the frames of one unbroken stretch; NaN where no window shows enough of the body."""
    grid_s = _moments(time_s)
    half = max(2, round(model.window_s * RATE_HZ / 2))
    step = max(1, round(settings.step_s * RATE_HZ))
    least = min(len(grid_s), max(2, round(settings.min_window_s * RATE_HZ)))
    centres = np.arange(0, len(grid_s), step)
    starts = np.clip(centres - half, 0, len(grid_s) - least)
    stops = np.clip(centres + half, least, len(grid_s))
    total = np.zeros((len(grid_s), len(model.info.classes)), dtype=np.float32)
    weight, told = np.zeros((2, len(grid_s)), dtype=np.float32)
    offsets = np.arange(2 * half)
    for chunk in np.array_split(np.arange(len(centres)), max(1, len(centres) // _AT_ONCE)):
        first, last = starts[chunk[0]], stops[chunk[-1]]
        grid = _at(grid_s[first:last], points, time_s, usual_s)
        inside = starts[chunk, None] + offsets
        held = inside < stops[chunk, None]
        windows = grid[np.minimum(inside - first, len(grid) - 1)]
        windows[~held] = np.nan
        lengths = (stops - starts)[chunk]
        share = np.isfinite(windows[..., 0]).sum(axis=(1, 2)) / (lengths * windows.shape[2])
        answers = model.weighted_proba(Clips(windows, lengths, model.info.joints))
        enough = share >= settings.min_seen
        answers[~enough] = 0
        nearness = np.where(held, 1 - np.abs(inside - centres[chunk, None]) / (half + 1), 0).clip(0.02, None) * held
        np.add.at(total, inside[held], (nearness[..., None] * answers[:, None])[held])
        np.add.at(weight, inside[held], nearness[held])
        np.add.at(told, inside[held], (nearness * enough[:, None])[held])
    total /= np.maximum(weight, 1e-9)[:, None]
    total[told == 0] = np.nan
    return np.asarray(total[nearest(grid_s, time_s)])


def nearest(known_s: NDArray[np.float64], asked_s: NDArray[np.float64]) -> NDArray[np.intp]:
    """(m,) position in `known_s` (rising) of the moment nearest to each asked one."""
    right = np.clip(np.searchsorted(known_s, asked_s), 1, max(len(known_s) - 1, 1))
    right = np.minimum(right, len(known_s) - 1)
    left = np.maximum(right - 1, 0)
    return np.asarray(np.where(asked_s - known_s[left] <= known_s[right] - asked_s, left, right), dtype=np.intp)
