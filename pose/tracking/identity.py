"""Second pass: who is who over the whole recording, decided from the tracklets' summaries.

Duplicates are taken out, tracklets joined across gaps, ghosts dropped, people numbered from 1 in order of appearance.
Joins are weighed as log likelihood ratios of "the same person" against "somebody else" (as in Zhang, Li, Nevatia 2008,
https://doi.org/10.1109/CVPR.2008.4587584, whose links over the whole recording are also chosen together). Nothing is
changed in the tracklets, and each decision says why in words and numbers; `pose.tracking.edits` takes decisions back
and changes identities by hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from pose.people import FramePeople
from pose.skeleton import Skeleton
from pose.tracking.costs import Array
from pose.tracking.tracker import Tracker, TrackerSettings
from pose.tracking.tracklets import Tracklet

ALGORITHM = 3
"""Version of what makes tracks of tracklets; raise it as `pose.engine.ALGORITHM`."""


@dataclass(frozen=True)
class ResolveSettings:
    """What counts as the same person, and what as nobody. Evidence is a log likelihood ratio (natural logarithm).

    Chosen on the sets of benchmarks/tracking.py (IDF1). `tests/mutations` holds what the tests notice of them.

    Attributes:
        max_gap_s: longest gap joined by motion, seconds.
        max_gap_with_appearance_s: longest gap joined when both sides have an appearance, seconds.
        join_evidence: least evidence for a join.
        suggest_evidence: from it on up to a join, a pair is told as possible, and left to a human.
        hidden_s: mean time for which a hidden person stays so, seconds.
        position: standard deviation of a predicted position without a gap, body scales.
        speed: how fast that grows with the gap, body scales / s.
        new_speed: standard deviation of the velocity of a tracklet of 1 s, body scales / s; falls with duration^1.5.
        speed_change: standard deviation of the velocity's change over a short gap, body scales / s.
        speed_change_rate: growth of that with the gap, body scales / s^2.
        duplicate_similarity: mean similarity from which two simultaneous tracklets are one person, [0, 1].
        duplicate_share: least share of the shorter one's frames in which they meet, [0, 1].
        min_seconds: time seen x mean score that makes a person, seconds; less in recordings that are hardly longer.
        min_joints: mean number of joints at least.
        still: a weak track whose centre stays within this many body scales is background.
        still_score: mean score below which such a track is weak, [0, 1].
    """

    max_gap_s: float = 5.0
    max_gap_with_appearance_s: float = 60.0
    join_evidence: float = 1.5
    suggest_evidence: float = -2.0
    hidden_s: float = 3.0
    position: float = 0.3
    speed: float = 0.25
    new_speed: float = 0.15
    speed_change: float = 0.3
    speed_change_rate: float = 0.35
    duplicate_similarity: float = 0.5
    duplicate_share: float = 0.5
    min_seconds: float = 0.2
    min_joints: float = 3.0
    still: float = 0.15
    still_score: float = 0.6


Kind = Literal["join", "duplicate", "ghost", "suggestion"]


@dataclass(frozen=True)
class Decision:
    """Something the second pass decided.

    Attributes:
        kind: `join` (two tracklets are one person), `duplicate` (the second repeats the first), `ghost` (nobody), or
            `suggestion` (two may be one person; nothing was done).
        tracklets: concerned, in the order of the reason.
        reason: in words.
        numbers: by name; the evidence.
    """

    kind: Kind
    tracklets: tuple[int, ...]
    reason: str
    numbers: dict[str, float] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Resolution:
    """Who each tracklet is.

    Attributes:
        identity: person (from 1) of each tracklet, None for nobody.
        decisions: in the order taken.
    """

    identity: dict[int, int | None]
    decisions: tuple[Decision, ...]

    def apply(self, frame: FramePeople) -> FramePeople:
        """A frame of the first pass with each person's identity in place of the tracklet's id."""
        people = tuple(p.with_track(None if p.track_id is None else self.identity[p.track_id]) for p in frame.people)
        return FramePeople(frame.index, frame.time_s, people)


def resolve(tracklets: Sequence[Tracklet], settings: ResolveSettings | None = None) -> Resolution:
    """Decide who is who over the whole recording.

    Args:
        tracklets: of the first pass, all of one recording.
        settings: thresholds.
    """
    work = _Work(tracklets, settings or ResolveSettings())
    work.merge_duplicates()
    while work.join():
        pass
    work.drop_ghosts()
    work.suggest()
    return Resolution(work.identity(), tuple(work.decisions))


@dataclass(eq=False)
class _Group:
    """Tracklets believed to be one person, in order of time, and their joint summary."""

    members: list[int]
    whole: Tracklet


class _Work:
    def __init__(self, tracklets: Sequence[Tracklet], settings: ResolveSettings) -> None:
        self.settings = settings
        self.by_id = {t.tracklet_id: t for t in tracklets}
        self.groups = [_Group([t.tracklet_id], t) for t in sorted(tracklets, key=lambda t: t.tracklet_id)]
        self.length_s = _length_s(tracklets)
        self.decisions: list[Decision] = []

    def decide(self, kind: Kind, tracklets: tuple[int, ...], reason: str, **numbers: float) -> None:
        self.decisions.append(Decision(kind, tracklets, reason, {k: round(v, 4) for k, v in numbers.items()}))

    def merge_duplicates(self) -> None:
        settings = self.settings
        meetings = sorted(
            {m for t in self.by_id.values() for m in t.meetings}, key=lambda m: (-m.similarity * m.n, m.a, m.b)
        )
        gone: set[int] = set()
        for m in meetings:
            if gone & {m.a, m.b} or not {m.a, m.b} <= self.by_id.keys():
                continue
            strong, weak = sorted(
                (self.by_id[m.a], self.by_id[m.b]), key=lambda t: (-t.n * t.mean_score, t.tracklet_id)
            )
            share = m.n / min(strong.n, weak.n)
            outside = weak.n - m.n
            if m.similarity < settings.duplicate_similarity or share < settings.duplicate_share or outside > m.n:
                continue
            pair = (strong.tracklet_id, weak.tracklet_id)
            reason = f"tracklet {pair[1]} repeats {pair[0]}: {m.n} of its {weak.n} frames at the same place"
            self.decide("duplicate", pair, reason, similarity=m.similarity, share=share)
            gone.add(weak.tracklet_id)
        self.groups = [g for g in self.groups if g.members[0] not in gone]

    def join(self) -> bool:
        """Join what belongs together; whether there was anything."""
        settings, groups = self.settings, self.groups
        follower: dict[int, int] = {}
        for a, b, pair, numbers in self._links(settings.join_evidence):
            reason = f"tracklet {pair[1]} goes on {numbers['gap_s']:.2f} s after {pair[0]} where it was expected" + (
                " and looks alike" if numbers["appearance"] > 0 else ""
            )
            self.decide("join", pair, reason, **numbers)
            follower[a] = b
        started = set(follower.values())
        merged = []
        for start, group in enumerate(groups):
            if start in started:
                continue
            index = start
            while (index := follower.get(index, -1)) >= 0:
                group = _Group(group.members + groups[index].members, _chain(group.whole, groups[index].whole))
            merged.append(group)
        self.groups = merged
        return bool(follower)

    def suggest(self) -> None:
        """Tell what might be joined too, for a human to decide."""
        for _, _, pair, numbers in self._links(self.settings.suggest_evidence):
            reason = f"tracklet {pair[1]} may be {pair[0]}, {numbers['gap_s']:.2f} s later"
            self.decide("suggestion", pair, reason, **numbers)

    def _links(self, least: float) -> list[tuple[int, int, tuple[int, int], dict[str, float]]]:
        """The best pairs of groups with more evidence than this: both places, the tracklets that meet, the figures."""
        groups = self.groups
        if not groups:
            return []
        first, second, evidence, parts = _evidence([g.whole for g in groups], self.settings)
        good = evidence > least
        first, second, evidence, parts = first[good], second[good], evidence[good], parts[good]
        links = []
        for k in sorted(
            _best_links(first, second, evidence - least, len(groups)), key=lambda k: (int(second[k]), int(first[k]))
        ):
            a, b = groups[first[k]], groups[second[k]]
            numbers = {"gap_s": b.whole.first_time_s - a.whole.last_time_s, "evidence": float(evidence[k])}
            numbers |= dict(zip(_PARTS, parts[k].tolist(), strict=True))
            links.append((int(first[k]), int(second[k]), (a.members[-1], b.members[0]), numbers))
        return links

    def drop_ghosts(self) -> None:
        kept = []
        for group in self.groups:
            reason, number = self._ghostly(group.whole)
            if reason:
                of = f"tracklet {', '.join(map(str, group.members))}"
                self.decide("ghost", tuple(group.members), f"{of} is nobody: {reason}", **number)
            else:
                kept.append(group)
        self.groups = kept

    def _ghostly(self, whole: Tracklet) -> tuple[str, dict[str, float]]:
        settings = self.settings
        certain_s = whole.seen_s * whole.mean_score
        if certain_s < min(settings.min_seconds, self.length_s / 4):
            return "seen too briefly and too weakly", {"certain_s": certain_s}
        if whole.mean_joints < min(settings.min_joints, len(whole.joints_seen)):
            return "too few joints", {"mean_joints": whole.mean_joints}
        moved = float(np.hypot(*(whole.reach[2:] - whole.reach[:2]))) / whole.scale
        if whole.mean_score < settings.still_score and moved < settings.still:
            return "weak and never moves: background", {"moved": moved, "mean_score": whole.mean_score}
        return "", {}

    def identity(self) -> dict[int, int | None]:
        """The number of the person of each tracklet."""
        order = sorted(self.groups, key=lambda g: (g.whole.first_time_s, g.members[0]))
        who = {member: number for number, group in enumerate(order, start=1) for member in group.members}
        return {tracklet: who.get(tracklet) for tracklet in sorted(self.by_id)}


_SAME_PLACE = 1.0
"""Standard deviation of where somebody else comes in from where one left, body scales."""
_WALK, _STANDSTILL = 1.5, 0.2
"""Standard deviations of the velocity of those who walk and of those who stand, body scales / s."""
_KEEPS_ON, _STANDS = 0.7, 0.3
"""Shares of the unseen who keep their velocity, and of strangers who stand. At 0.5 instead of 0.3 a wrong join in
TUD-Campus costs 2.5 points of IDF1, and people who are lost for a moment (simulated) 1.8."""
_PARTS = ("prior", "motion", "size", "limbs", "appearance")


def _evidence(
    wholes: Sequence[Tracklet], settings: ResolveSettings
) -> tuple[NDArray[np.intp], NDArray[np.intp], Array, Array]:
    """Pairs (earlier, later) within the gap, (P,) log likelihood ratio of "same person", and (P, 5) its parts."""
    described = np.array([t.appearance is not None for t in wholes], dtype=np.bool_)
    longest_s = max(settings.max_gap_s, settings.max_gap_with_appearance_s) if described.any() else settings.max_gap_s
    start = np.array([t.first_time_s for t in wholes])
    end = np.array([t.last_time_s for t in wholes])
    by_start = np.argsort(start, kind="stable")
    low = np.searchsorted(start[by_start], end, side="right")
    high = np.searchsorted(start[by_start], end + longest_s, side="right")
    first = np.repeat(np.arange(len(wholes)), high - low)
    inside = [np.arange(a, b) for a, b in zip(low, high, strict=True)]
    second = by_start[np.concatenate([np.empty(0, dtype=np.intp), *inside])]
    parts = np.zeros((len(first), len(_PARTS)))
    if not len(first):
        return first, second, np.zeros(0), parts
    room = _room(wholes)
    newcomers = _newcomers_per_s(wholes, settings)
    for chunk in np.array_split(np.arange(len(first)), len(first) // 20000 + 1):
        pairs = [(wholes[a], wholes[b]) for a, b in zip(first[chunk], second[chunk], strict=True)]
        gap_s = np.array([b.first_time_s - a.sure_time_s for a, b in pairs])
        scale = np.array([np.sqrt(a.last_scale * b.first_scale) for a, b in pairs])
        parts[chunk, 0] = -np.log(settings.hidden_s * newcomers) - gap_s / settings.hidden_s
        parts[chunk, 1] = _motion_evidence(pairs, gap_s, scale, room, settings)
        parts[chunk, 2] = _size_evidence(pairs, gap_s)
        parts[chunk, 3] = _limb_evidence(pairs)
        parts[chunk, 4] = [_appearance_evidence(a.appearance, b.appearance) for a, b in pairs]
    total = parts.sum(axis=1)
    scene = np.array([t.scene for t in wholes])
    total[scene[first] != scene[second]] = -np.inf
    far = start[second] - end[first] > settings.max_gap_s
    total[far & ~(described[first] & described[second])] = -np.inf
    return first, second, total, parts


def _room(wholes: Sequence[Tracklet]) -> float:
    """Area in which people move, square pixels: where somebody else could have appeared."""
    reach = np.array([t.reach for t in wholes])
    scale = float(np.median([t.scale for t in wholes]))
    width, height = reach[:, 2:].max(axis=0) - reach[:, :2].min(axis=0)
    return float((width + 2 * scale) * (height + 2 * scale))


def _length_s(tracklets: Sequence[Tracklet]) -> float:
    """From the first person seen to the last."""
    if not tracklets:
        return 0.0
    return max(t.last_time_s for t in tracklets) - min(t.first_time_s for t in tracklets)


def _newcomers_per_s(wholes: Sequence[Tracklet], settings: ResolveSettings) -> float:
    """How often somebody appears after the start; at least once in the recording."""
    start = min(t.first_time_s for t in wholes)
    sure = [t for t in wholes if t.seen_s * t.mean_score >= settings.min_seconds]
    late = sum(t.first_time_s > start + 0.2 for t in sure)
    return max(late, 1) / max(_length_s(wholes), 1.0)


def _motion_evidence(
    pairs: Sequence[tuple[Tracklet, Tracklet]], gap_s: Array, scale: Array, room: float, settings: ResolveSettings
) -> Array:
    """Place and velocity of the later one, as the earlier one goes on against as somebody else comes.

    Somebody else appears anywhere in the room, or as likely where the earlier one left: at the same door or seat. So
    to be at the same place says little after a while; to be where a walk led says much.
    """
    last, then = np.array([a.last_pose for a, _ in pairs]), np.array([b.first_pose for _, b in pairs])
    step = then - last
    common = np.isfinite(step[..., 0])
    weight = common / np.fmax(common.sum(axis=1, keepdims=True), 1)
    moved = np.einsum("pk,pkc->pc", weight, np.where(common[..., None], step, 0.0))
    alone = ~common.any(axis=1)
    if alone.any():
        moved[alone] = np.nanmean(then[alone], axis=1) - np.nanmean(last[alone], axis=1)
    moved /= scale[:, None]
    before = np.array([a.last_velocity for a, _ in pairs]) / scale[:, None]
    after = np.array([b.first_velocity for _, b in pairs]) / scale[:, None]
    # A short tracklet does not know its velocity.
    unsure = settings.new_speed * np.array([[(0.1 + t.duration_s) ** -1.5 for t in pair] for pair in pairs])
    error = np.hypot(*unsure.T)
    missed = moved - (before + after) / 2 * gap_s[:, None]
    spread = settings.position + (settings.speed + error) * gap_s
    same = _gaussian(missed, spread)
    other = 0.5 * scale**2 / room + 0.5 * _gaussian(moved, _SAME_PLACE)
    changed = settings.speed_change + error + settings.speed_change_rate * gap_s
    any_speed = _gaussian(after, _WALK + unsure[:, 1])
    keeps = _KEEPS_ON * _gaussian(after - before, changed) + (1 - _KEEPS_ON) * any_speed
    stranger = _STANDS * _gaussian(after, _STANDSTILL + unsure[:, 1]) + (1 - _STANDS) * any_speed
    tiny = 1e-300
    result: Array = np.log((same + tiny) / other) + np.log((keeps + tiny) / (stranger + tiny))
    return result


def _gaussian(offset: Array, sd: Array | float) -> Array:
    """(P,) density of (P, 2) offsets under a round normal distribution."""
    result: Array = np.exp(-0.5 * (offset**2).sum(axis=1) / np.square(sd)) / (2 * np.pi * np.square(sd))
    return result


def _size_evidence(pairs: Sequence[tuple[Tracklet, Tracklet]], gap_s: Array) -> Array:
    """Sizes alike, against sizes that differ by half."""
    difference = np.log([b.first_scale / a.last_scale for a, b in pairs])
    spread = np.array([max(a.scale_spread, b.scale_spread, 0.03) for a, b in pairs])
    return _gaussian_evidence(difference, (spread + 0.1 * gap_s) ** 2, 0.4**2)


def _limb_evidence(pairs: Sequence[tuple[Tracklet, Tracklet]]) -> Array:
    """Limbs of the same proportions, weighed as three independent ones; views differ, so it is held in bounds."""

    def column(name: str) -> tuple[Array, Array]:
        return np.array([getattr(a, name) for a, _ in pairs]), np.array([getattr(b, name) for _, b in pairs])

    ratio_a, ratio_b = column("limb_ratios")
    if ratio_a.shape[1] == 0:
        return np.zeros(len(pairs))
    difference = ratio_b - ratio_a
    known = np.isfinite(difference)
    count = np.fmax(known.sum(axis=1), 1)
    difference = np.where(known, difference, 0.0)
    difference -= (difference.sum(axis=1) / count)[:, None]
    (spread_a, spread_b), (n_a, n_b) = column("limb_spread"), column("limb_counts")
    with np.errstate(invalid="ignore"):
        variance = 0.15**2 + spread_a**2 / (1 + n_a / 10) + spread_b**2 / (1 + n_b / 10)
    each = np.where(known, _gaussian_evidence(difference, np.where(known, variance, 1.0), 0.15**2), 0.0)
    result: Array = np.clip(3.0 * each.sum(axis=1) / count, -3.0, 1.5) * (count >= 4)
    return result


def _gaussian_evidence(difference: Array, variance: Array, more: float) -> Array:
    """Log likelihood ratio of `difference` under `variance` against under `variance + more`."""
    wide = variance + more
    return 0.5 * np.log(wide / variance) - 0.5 * difference**2 * (1 / variance - 1 / wide)


def _appearance_evidence(a: Array | None, b: Array | None) -> float:
    """From the Bhattacharyya coefficient of two histograms, 0 when one is unknown.

    Of `appearance.clothing` in street frames it is 0.95 +- 0.05 for the halves of one person's track (0.08 here) and
    0.57 +- 0.17 for two people; where the light changes (1 % of the time, say) one person looks like two.
    """
    if a is None or b is None:
        return 0.0
    alike = float(np.sqrt(np.fmax(a, 0) * np.fmax(b, 0)).sum() / np.sqrt(max(a.sum() * b.sum(), 1e-12)))
    same, other = min(alike - 0.95, 0.0) / 0.08, (alike - 0.57) / 0.17
    return float(np.log(0.01 + 0.99 * 0.17 / 0.08 * np.exp(0.5 * other**2 - 0.5 * same**2)))


def _best_links(first: NDArray[np.intp], second: NDArray[np.intp], evidence: Array, n: int) -> list[int]:
    """Which pairs to join: each has one successor and one predecessor at most, the total evidence is the greatest."""
    if not len(first):
        return []
    # Every group may also end (a private column) and be nobody's successor (a private row).
    top = float(evidence.max()) + 1.0
    rows = np.concatenate([first, np.arange(n), n + np.arange(n), n + second])
    columns = np.concatenate([second, n + np.arange(n), np.arange(n), n + first])
    cost = np.concatenate([top - evidence, np.full(n, top), np.full(n, top), np.full(len(first), top)])
    graph = coo_array((cost, (rows, columns)), shape=(2 * n, 2 * n)).tocsr()
    matched_rows, matched_columns = min_weight_full_bipartite_matching(graph)
    successor = dict(zip(matched_rows.tolist(), matched_columns.tolist(), strict=True))
    return [k for k in range(len(first)) if successor.get(int(first[k])) == int(second[k])]


def _chain(a: Tracklet, b: Tracklet) -> Tracklet:
    """The summary of `a` and then `b` as one person."""
    n = a.n + b.n
    share = a.n / n

    def mean(x: Array, y: Array, wx: Array | float, wy: Array | float) -> Array:
        total = np.fmax(np.asarray(wx) + wy, 1e-12)
        result: Array = (np.nan_to_num(x) * wx + np.nan_to_num(y) * wy) / total
        return result

    limb_n = a.limb_counts + b.limb_counts
    ratios = np.where(limb_n > 0, mean(a.limb_ratios, b.limb_ratios, a.limb_counts, b.limb_counts), np.nan)
    spread = np.where(limb_n > 0, mean(a.limb_spread, b.limb_spread, a.limb_counts, b.limb_counts), np.nan)
    if a.appearance is None or b.appearance is None:
        appearance = b.appearance if a.appearance is None else a.appearance
    else:
        appearance = share * a.appearance + (1 - share) * b.appearance
    return replace(
        a,
        last_frame=b.last_frame,
        last_time_s=b.last_time_s,
        n=n,
        seen_s=a.seen_s + b.seen_s,
        sure_time_s=b.sure_time_s,
        last_pose=b.last_pose,
        last_velocity=b.last_velocity,
        last_scale=b.last_scale,
        scale=share * a.scale + (1 - share) * b.scale,
        scale_spread=share * a.scale_spread + (1 - share) * b.scale_spread,
        mean_score=share * a.mean_score + (1 - share) * b.mean_score,
        joints_seen=share * a.joints_seen + (1 - share) * b.joints_seen,
        limb_ratios=ratios,
        limb_spread=spread,
        limb_counts=limb_n,
        reach=np.concatenate([np.fmin(a.reach[:2], b.reach[:2]), np.fmax(a.reach[2:], b.reach[2:])]),
        meetings=a.meetings + b.meetings,
        appearance=appearance,
    )


def track_people(
    frames: Iterable[FramePeople],
    skeleton: Skeleton,
    settings: TrackerSettings | None = None,
    resolve_settings: ResolveSettings | None = None,
) -> list[FramePeople]:
    """Both passes over frames held in memory: the same people, `track_id` being the final identity or None."""
    tracker = Tracker(skeleton, settings)
    followed = [tracker.update(frame) for frame in frames]
    resolution = resolve(tracker.finish(), resolve_settings)
    return [resolution.apply(frame) for frame in followed]
