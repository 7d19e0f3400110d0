"""First pass: people of one frame after another -> tracklets.

Detections are assigned to predicted tracks by the best total similarity (Kuhn, https://doi.org/10.1002/nav.3800020109).
As in ByteTrack (https://arxiv.org/abs/2110.06864) unsure detections extend tracks but never start one; here all are
assigned at once, each gaining what its similarity exceeds the least one for its kind. Memory does not grow with the
number of frames but by one small summary per tracklet.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from pose.parts import body_of
from pose.people import FramePeople
from pose.skeleton import Skeleton
from pose.tracking.costs import Array, body_scale, box_iou, boxes, oks, person_similarity
from pose.tracking.motion import Motion, MotionSettings
from pose.tracking.tracklets import Meeting, Tracklet

Rows = NDArray[np.intp]


ALGORITHM = 3
"""Version of what makes tracklets of people; raise it as `pose.engine.ALGORITHM`."""


@dataclass(frozen=True)
class TrackerSettings:
    """When detections make, extend and end a tracklet.

    Attributes:
        strong_score: a person's score from which it may start a tracklet, [0, 1].
        weak_score: below it a detection is left aside, [0, 1].
        min_joints: fewer joints never start a tracklet.
        min_similarity: least similarity of a sure detection to its track, [0, 1].
        min_weak_similarity: the same for an unsure one.
        duplicate_similarity: a detection as similar as this to a track that has another detection starts no tracklet.
        confirm_hits: frames from which a tracklet outlives a longer gap.
        max_lost_s: a confirmed tracklet not found for longer ends, seconds; one found in the last frame goes on. Short,
            because `resolve` joins with more care; take 1 s where there is no second pass.
        max_tentative_lost_s: the same for one not yet confirmed.
        max_step_s: nobody is followed over a longer time between two frames, seconds.
        lost_penalty: share of the similarity that a track loses on its way to `max_lost_s`.
        box_weight: the boxes' overlap counts as much as this many joints.
        alike: Bhattacharyya coefficient from which two appearances are the same, [0, 1].
            A smaller one lowers the gain of an assignment in proportion.
        appearance_s: memory of a track's appearance, seconds.
        scale_s: memory of a track's body scale, seconds.
        head_s: a tracklet's first velocity is the one known after this time, seconds.
        meeting_iou: overlap of boxes from which two people are recorded as meeting.
        motion: of the filters.
    """

    strong_score: float = 0.5
    weak_score: float = 0.05
    min_joints: int = 3
    min_similarity: float = 0.25
    min_weak_similarity: float = 0.4
    duplicate_similarity: float = 0.6
    confirm_hits: int = 3
    max_lost_s: float = 0.4
    max_tentative_lost_s: float = 0.2
    max_step_s: float = 2.0
    lost_penalty: float = 0.3
    box_weight: float = 4.0
    alike: float = 0.85
    appearance_s: float = 0.5
    scale_s: float = 0.5
    head_s: float = 0.3
    meeting_iou: float = 0.2
    motion: MotionSettings = field(default_factory=MotionSettings)


@dataclass(eq=False)
class _Book:
    """One row per live track: its size and the running sums that become its `Tracklet`."""

    tracklet: NDArray[np.int64]
    scale: Array
    n: NDArray[np.int64]
    seen_s: Array
    first_frame: NDArray[np.int64]
    last_frame: NDArray[np.int64]
    first_time_s: Array
    last_time_s: Array
    sure_time_s: Array
    first_pose: Array
    last_pose: Array
    first_velocity: Array
    last_velocity: Array
    score: Array
    first_scale: Array
    last_scale: Array
    scale_sum: Array
    scale_square: Array
    joints: Array
    limb_n: Array
    limb_sum: Array
    limb_square: Array
    reach: Array
    appearance: Array
    appearance_n: Array
    look: Array

    @classmethod
    def open(
        cls, ids: NDArray[np.int64], points: Array, scale: Array, frame: FramePeople, limbs: int, size: int
    ) -> _Book:
        n = len(ids)
        return cls(
            tracklet=ids,
            scale=scale,
            n=np.zeros(n, dtype=np.int64),
            seen_s=np.zeros(n),
            first_frame=np.full(n, frame.index, dtype=np.int64),
            last_frame=np.full(n, frame.index, dtype=np.int64),
            first_time_s=np.full(n, frame.time_s),
            last_time_s=np.full(n, frame.time_s),
            sure_time_s=np.full(n, frame.time_s),
            first_pose=points,
            last_pose=points.copy(),
            first_velocity=np.zeros((n, 2)),
            last_velocity=np.zeros((n, 2)),
            score=np.zeros(n),
            first_scale=scale.copy(),
            last_scale=scale.copy(),
            scale_sum=np.zeros(n),
            scale_square=np.zeros(n),
            joints=np.zeros(points.shape[:2]),
            limb_n=np.zeros((n, limbs)),
            limb_sum=np.zeros((n, limbs)),
            limb_square=np.zeros((n, limbs)),
            reach=np.tile([np.inf, np.inf, -np.inf, -np.inf], (n, 1)),
            appearance=np.zeros((n, size)),
            appearance_n=np.zeros(n),
            look=np.full((n, size), np.nan),
        )


_Table = TypeVar("_Table", _Book, Motion)


def _keep(table: _Table, rows: NDArray[np.bool_]) -> None:
    for column in fields(table):
        setattr(table, column.name, getattr(table, column.name)[rows])


def _extend(table: _Table, more: _Table) -> None:
    for column in fields(table):
        joined = np.concatenate([getattr(table, column.name), getattr(more, column.name)])
        setattr(table, column.name, joined)


_AT_ONCE_S = 0.2
"""Over a longer step anybody may have walked anywhere."""
_MAX_GROWTH = 0.25
"""Logarithm of the growth of a whole body from one frame to the next that no person reaches; a fast zoom has 0.03."""
_SAME_POSE = 0.1
"""Body scales by which joints differ in the median between poses that are one."""
_ENOUGH_JOINTS = 8
"""So many joints of both tell a pose."""


def _growth(before: Array, after: Array) -> tuple[Array, NDArray[np.intp]]:
    """(...,) size of (..., K, 2) poses over that of others, by their common joints, 1 if too few; and how many."""
    common = np.isfinite(before[..., :1]) & np.isfinite(after[..., :1])
    n = common.sum(axis=(-2, -1))

    def size(points: Array) -> Array:
        centre = np.where(common, points, 0.0).sum(axis=-2, keepdims=True) / np.fmax(n, 1)[..., None, None]
        result: Array = np.sqrt((np.where(common, points - centre, 0.0) ** 2).sum(axis=(-2, -1)))
        return result

    growth: Array = np.where(n >= _ENOUGH_JOINTS, size(after) / np.fmax(size(before), 1e-9), 1.0)
    return np.fmax(growth, 1e-9), n


def assign(gain: Array) -> tuple[Rows, Rows]:
    """Rows and columns of the pairs of the greatest total gain; pairs that gain nothing are left out."""
    rows, columns = linear_sum_assignment(np.fmax(gain, 0.0), maximize=True)
    good = gain[rows, columns] > 0.0
    return rows[good], columns[good]


class Tracker:
    """Follows people from frame to frame; frames come in order of time.

    Args:
        skeleton: layout of the keypoints (`costs.BOX` for detections that are boxes only).
        settings: thresholds.
        appearance_size: length A of the descriptors given to `update`; 0 for none.
    """

    def __init__(
        self, skeleton: Skeleton, settings: TrackerSettings | None = None, *, appearance_size: int = 0
    ) -> None:
        self.skeleton = skeleton
        self.settings = settings or TrackerSettings()
        self._body = body_of(skeleton)  # hands and faces don't say who is who
        self._sigmas = np.asarray(self._body.sigmas, dtype=np.float64)
        self._limbs = self._body.limb_indices
        self._appearance_size = appearance_size
        self._time_s: float | None = None
        self._next_id = 1
        self._scene = 0
        self._camera = np.zeros(2)  # how far its jolts have moved the picture, pixels
        self._ended: list[Tracklet] = []
        self._meetings: dict[tuple[int, int], Meeting] = {}
        nobody = np.empty((0, len(self._body), 2))
        self._motion = Motion.start(nobody, self.settings.motion)
        self._book = self._open_book(nobody, np.empty(0), FramePeople(0, 0.0, ()))

    def update(self, frame: FramePeople, appearance: Array | None = None, *, cut: bool = False) -> FramePeople:
        """The same people in the same order, each with the id of its tracklet, or None when it belongs to none.

        A new tracklet has its id from its first detection on; whether it is a person is decided by `resolve`.

        Args:
            frame: people of the next frame.
            appearance: (N, A) a descriptor of each person, e.g. a colour histogram that sums to 1; NaN rows where
                unknown.
            cut: the picture says that another scene begins with this frame.

        Raises:
            ValueError: the frame is not later than the one before it, or its keypoints are of another layout.
        """
        dt_s = self._step(frame)
        points, scores = self._unpack(frame)
        corners = boxes(points)
        scale = body_scale(points, self._limbs, corners)
        looks = None if appearance is None else np.asarray(appearance, dtype=np.float64)
        if cut:
            self._cut()
        row_of = self._match(points, scores, corners, looks, dt_s)
        shift, broken = self._what_happened(points, scores, row_of, dt_s)
        if broken:
            self._cut()
            row_of[:] = -1
        elif shift is not None:
            self._camera += shift
            points, corners = points - shift, corners - np.tile(shift, 2)
            row_of = self._match(points, scores, corners, looks, dt_s)
        born = np.flatnonzero(self._may_start(points, scores, row_of))
        if len(born):
            row_of[born] = len(self._book.n) + np.arange(len(born))
            _extend(self._motion, Motion.start(points[born], self.settings.motion))
            _extend(self._book, self._open_book(points[born], scale[born], frame))
        found = np.flatnonzero(row_of >= 0)
        rows = row_of[found]
        self._note(rows, points[found], scores[found], scale[found], frame, dt_s)
        if looks is not None:
            self._note_appearance(rows, looks[found], scores[found], dt_s)
        self._note_meetings(rows, points[found], corners[found], scale[found], frame.index)
        ids = np.zeros(len(points), dtype=np.int64)
        ids[found] = self._book.tracklet[rows]
        self._end_lost()
        people = tuple(p.with_track(i or None) for p, i in zip(frame.people, ids.tolist(), strict=True))
        return FramePeople(frame.index, frame.time_s, people)

    def finish(self) -> list[Tracklet]:
        """End all tracks and return the summary of every tracklet, in order of id."""
        self._retire(np.ones(len(self._book.n), dtype=np.bool_))
        met: dict[int, list[Meeting]] = {}
        for pair in sorted(self._meetings):
            for tracklet in pair:
                met.setdefault(tracklet, []).append(self._meetings[pair])
        ended = sorted(self._ended, key=lambda tracklet: tracklet.tracklet_id)
        return [replace(tracklet, meetings=tuple(met.get(tracklet.tracklet_id, ()))) for tracklet in ended]

    def _step(self, frame: FramePeople) -> float:
        if self._time_s is not None and not frame.time_s > self._time_s:
            raise ValueError(
                f"frame {frame.index} at {frame.time_s} s is not later than the one before it, at {self._time_s} s"
            )
        dt_s = 0.0 if self._time_s is None else frame.time_s - self._time_s
        self._time_s = frame.time_s
        if dt_s:
            self._motion.predict(dt_s, self.settings.motion)
        if dt_s > self.settings.max_step_s:
            self._retire(np.ones(len(self._book.n), dtype=np.bool_))
        return dt_s

    def _unpack(self, frame: FramePeople) -> tuple[Array, Array]:
        shape = (len(self.skeleton), 3)
        for person in frame.people:
            if person.keypoints.shape != shape:
                raise ValueError(
                    f"expected keypoints of shape {shape} ({self.skeleton.name}), got {person.keypoints.shape}"
                )
        whole = np.array([person.keypoints for person in frame.people], dtype=np.float64).reshape(-1, *shape)
        points = whole[:, : len(self._body), :2]
        return points - self._camera, np.array([person.score for person in frame.people], dtype=np.float64)

    def _match(self, points: Array, scores: Array, corners: Array, looks: Array | None, dt_s: float) -> Rows:
        """(N,) row of the track of each detection, -1 for none."""
        settings, motion, book = self.settings, self._motion, self._book
        row_of = np.full(len(points), -1, dtype=np.intp)
        usable = np.isfinite(corners[:, 0]) & (scores >= settings.weak_score)
        if not len(book.n) or not usable.any():
            return row_of
        similarity = person_similarity(
            motion.position,
            points,
            book.scale,
            self._sigmas,
            settings.box_weight,
            variance=motion.spread(book.scale, settings.motion),
        )
        lost = np.clip((motion.unseen_s - dt_s) / settings.max_lost_s, 0.0, 1.0)
        similarity *= (1.0 - settings.lost_penalty * lost)[:, None]
        least = np.where(scores >= settings.strong_score, settings.min_similarity, settings.min_weak_similarity)
        least[~usable] = np.inf
        gain = similarity - least
        if looks is not None:
            # Clothes decide between people; light that changes must not end a track.
            alike = np.sqrt(np.fmax(book.look, 0.0)) @ np.sqrt(np.fmax(looks, 0.0)).T
            gain *= np.nan_to_num(np.fmin(alike / settings.alike, 1.0), nan=1.0)
        rows, columns = assign(gain)
        grown = np.abs(np.log(_growth(motion.position[rows], points[columns])[0])) > _MAX_GROWTH * (1 + 10 * dt_s)
        rows, columns = rows[~grown], columns[~grown]
        row_of[columns] = rows
        return row_of

    def _what_happened(self, points: Array, scores: Array, row_of: Rows, dt_s: float) -> tuple[Array | None, bool]:
        """By how many pixels the picture jumped, None if it did not; and whether another scene began.

        Asked when people are lost while others appear: all those lost moved alike, keeping their poses, or people
        changed their size at once, or nobody is where anybody was.
        """
        recent = np.flatnonzero((self._motion.unseen_s <= dt_s) & (self._book.n >= self.settings.confirm_hits))
        gone = recent[~np.isin(recent, row_of)]
        new = np.flatnonzero((row_of < 0) & (scores >= self.settings.strong_score))
        if dt_s > _AT_ONCE_S or not len(gone) or not len(new):
            return None, False
        here, there = self._motion.position[gone][:, None], points[new][None]
        moved = np.nanmedian(np.where(np.isfinite(there - here), there - here, np.nan), axis=2)
        size = self._book.scale[gone][:, None]
        growth, common = _growth(*np.broadcast_arrays(here, there))
        off = np.nanmedian(np.linalg.norm(there - here - moved[:, :, None], axis=-1), axis=2) / size
        same = (common >= _ENOUGH_JOINTS) & (off < _SAME_POSE) & (np.abs(np.log(growth)) < _MAX_GROWTH)
        for shift in moved[same]:
            agree = same & (np.linalg.norm(moved - shift, axis=-1) < _SAME_POSE * size)
            if agree.any(axis=1).sum() >= max(2, len(recent) / 2):
                return np.median(moved[agree], axis=0), False
        stay = 1 - len(gone) / len(recent)
        in_place = (common >= _ENOUGH_JOINTS) & (np.linalg.norm(moved, axis=-1) < size)
        jumped = in_place & (np.abs(np.log(growth)) > _MAX_GROWTH) & (np.isfinite(off))
        return None, bool((stay <= 0.5 and jumped.any()) or (stay <= 0.25 and min(len(gone), len(new)) >= 2))

    def _cut(self) -> None:
        """Everybody's track ends; who comes is in another scene."""
        self._retire(np.ones(len(self._book.n), dtype=np.bool_))
        self._scene += 1

    def _may_start(self, points: Array, scores: Array, row_of: Rows) -> NDArray[np.bool_]:
        settings = self.settings
        enough = np.isfinite(points[..., 0]).sum(axis=1) >= min(settings.min_joints, len(self._body))
        start: NDArray[np.bool_] = (row_of < 0) & enough & (scores >= settings.strong_score)
        taken = row_of[row_of >= 0]
        if start.any() and len(taken):
            explained = person_similarity(
                self._motion.position[taken],
                points[start],
                self._book.scale[taken],
                self._sigmas,
                settings.box_weight,
            )
            start[start] = explained.max(axis=0) < settings.duplicate_similarity
        return start

    def _open_book(self, points: Array, scale: Array, frame: FramePeople) -> _Book:
        ids = self._next_id + np.arange(len(points), dtype=np.int64)
        self._next_id += len(points)
        return _Book.open(ids, points, scale, frame, len(self._limbs), self._appearance_size)

    def _note(self, rows: Rows, points: Array, scores: Array, scale: Array, frame: FramePeople, dt_s: float) -> None:
        book, motion = self._book, self._motion
        elapsed = motion.unseen_s[rows]
        # Size falls slowly, for a body half hidden is no smaller, and rises quickly.
        memory = np.where(scale > book.scale[rows], 0.3, 1.0) * self.settings.scale_s
        book.scale[rows] += (scale - book.scale[rows]) * (1.0 - np.exp(-elapsed / memory))
        motion.update(rows, points, book.scale[rows], self.settings.motion)
        book.n[rows] += 1
        book.seen_s[rows] += dt_s
        book.last_frame[rows], book.last_time_s[rows] = frame.index, frame.time_s
        sure = rows[scores >= self.settings.strong_score]
        book.sure_time_s[sure], book.last_scale[sure] = frame.time_s, book.scale[sure]
        book.last_pose[sure], book.last_velocity[sure] = motion.position[sure], motion.body_velocity[sure]
        young = rows[frame.time_s - book.first_time_s[rows] <= self.settings.head_s]
        book.first_velocity[young], book.first_scale[young] = motion.body_velocity[young], book.scale[young]
        book.score[rows] += scores
        book.scale_sum[rows] += book.scale[rows]
        book.scale_square[rows] += np.log(scale / book.scale[rows]) ** 2
        book.joints[rows] += np.isfinite(points[..., 0])
        if len(self._limbs):
            limbs = np.linalg.norm(points[:, self._limbs[:, 0]] - points[:, self._limbs[:, 1]], axis=-1)
            ratio = np.log(np.fmax(limbs, 1.0) / book.scale[rows, None])
            known = np.isfinite(ratio)
            ratio = np.where(known, ratio, 0.0)
            book.limb_n[rows] += known
            book.limb_sum[rows] += ratio
            book.limb_square[rows] += ratio**2
        known = np.isfinite(motion.position[rows, :, :1])
        centre = np.where(known, motion.position[rows], 0.0).sum(axis=1) / np.fmax(known.sum(axis=1), 1)
        book.reach[rows, :2] = np.fmin(book.reach[rows, :2], centre)
        book.reach[rows, 2:] = np.fmax(book.reach[rows, 2:], centre)

    def _note_appearance(self, rows: Rows, looks: Array, scores: Array, dt_s: float) -> None:
        book = self._book
        sure = np.isfinite(looks).all(axis=1) & (scores >= self.settings.strong_score)
        rows, looks = rows[sure], looks[sure]
        book.appearance[rows] += looks
        book.appearance_n[rows] += 1
        new: NDArray[np.bool_] = np.isnan(book.look[rows, :1])
        follow = 1.0 - np.exp(-dt_s / self.settings.appearance_s)
        book.look[rows] = np.where(new, looks, book.look[rows] + follow * (looks - book.look[rows]))

    def _note_meetings(self, rows: Rows, points: Array, corners: Array, scale: Array, frame: int) -> None:
        iou = box_iou(corners[:, None], corners[None])
        first, second = np.nonzero(np.triu(iou > self.settings.meeting_iou, k=1))
        if not len(first):
            return
        size = np.fmax(scale[first], scale[second])
        similarity = oks(points[first], points[second], size, self._sigmas)
        seen = np.isfinite(points[..., 0])
        shared = (seen[first] & seen[second]).sum(axis=1)
        ids = self._book.tracklet[rows]
        pairs = np.sort(np.stack([ids[first], ids[second]], axis=1), axis=1).tolist()
        for (a, b), alike, joints in zip(pairs, similarity.tolist(), shared.tolist(), strict=True):
            known = self._meetings.get((a, b)) or Meeting(a, b, 0, 0.0, 0.0, frame, frame)
            self._meetings[a, b] = known.and_then(frame, alike, joints)

    def _end_lost(self) -> None:
        patience = np.where(
            self._book.n >= self.settings.confirm_hits, self.settings.max_lost_s, self.settings.max_tentative_lost_s
        )
        self._retire(self._motion.unseen_s > patience)

    def _retire(self, ended: NDArray[np.bool_]) -> None:
        if ended.any():
            self._ended += [self._tracklet(row) for row in np.flatnonzero(ended)]
            _keep(self._motion, ~ended)
            _keep(self._book, ~ended)

    def _tracklet(self, row: np.intp) -> Tracklet:
        book = self._book
        n, limb_n = book.n[row], book.limb_n[row]
        with np.errstate(invalid="ignore", divide="ignore"):
            ratios = book.limb_sum[row] / limb_n
            spread = np.sqrt(np.fmax(book.limb_square[row] / limb_n - ratios**2, 0.0))
        described = book.appearance_n[row] > 0
        return Tracklet(
            tracklet_id=int(book.tracklet[row]),
            first_frame=int(book.first_frame[row]),
            last_frame=int(book.last_frame[row]),
            first_time_s=float(book.first_time_s[row]),
            last_time_s=float(book.last_time_s[row]),
            n=int(n),
            seen_s=float(book.seen_s[row]),
            sure_time_s=float(book.sure_time_s[row]),
            first_pose=book.first_pose[row].copy(),
            last_pose=book.last_pose[row].copy(),
            first_velocity=book.first_velocity[row].copy(),
            last_velocity=book.last_velocity[row].copy(),
            first_scale=float(book.first_scale[row]),
            last_scale=float(book.last_scale[row]),
            scale=float(book.scale_sum[row] / n),
            scale_spread=float(np.sqrt(book.scale_square[row] / n)),
            mean_score=float(book.score[row] / n),
            joints_seen=book.joints[row] / n,
            limb_ratios=ratios,
            limb_spread=spread,
            limb_counts=limb_n.copy(),
            reach=book.reach[row].copy(),
            scene=self._scene,
            appearance=book.appearance[row] / book.appearance_n[row] if described else None,
        )
