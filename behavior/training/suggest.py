"""What to label next: moments unlike those that are labelled or chosen, first of all where a model is in doubt.

Moments lie in the embedding (`behavior.recognition.embedding`), where other people and cameras lie close together and
other actions far apart. They are chosen farthest first: T. F. Gonzalez, 1985, Clustering to minimize the maximum
intercluster distance, https://doi.org/10.1016/0304-3975(85)90224-5; for what to label next: O. Sener and S. Savarese,
2018, https://arxiv.org/abs/1708.00489.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from behavior.errors import DataError
from behavior.evaluation.human_labels import coded_recordings
from behavior.recognition.classifiers.base import Parts, Progress
from behavior.recognition.classifiers.rocket import draw_kernels, kernel_statistics
from behavior.recognition.clips import RATE_HZ, Clips
from behavior.recognition.embedding import SMOOTH, shipped_embedding
from behavior.recognition.model import ActionModel
from behavior.recognition.recognise import RecogniseSettings, track_scores
from behavior.recognition.syllables import SegmentSettings, track_windows
from behavior.training.cut import shared_joints
from pose.layouts import BODY_13
from storage import recordings, runs, skeletons, tracks
from storage.database import Database
from storage.errors import MissingError

_AT_ONCE = 512
_KERNELS, _COMPONENTS = 300, 20
"""Of layouts that the embedding does not know."""


@dataclass(frozen=True, eq=False)
class Moments:
    """Windows of all people, overlapping by half.

    Attributes:
        recordings: (M,) keys of the recordings in the database.
        track_ids: (M,) the people.
        start_s, stop_s: (M,) from when to when, seconds of the source's own clock.
        places: (M, D) where each lies; distances between them say how different two moments are.
        doubt: (M,) how unsure the model is, 0 to 1, see `doubt_of`; 0 where no model was asked.
        labelled: (M,) True where a label holds at the middle.
    """

    recordings: NDArray[np.int64]
    track_ids: NDArray[np.int64]
    start_s: NDArray[np.float64]
    stop_s: NDArray[np.float64]
    places: NDArray[np.float32]
    doubt: NDArray[np.float64]
    labelled: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.places)

    def overlapping(self, row: int) -> NDArray[np.bool_]:
        """(M,) True for those that show the same person at the same time, at least in part."""
        same = (self.recordings == self.recordings[row]) & (self.track_ids == self.track_ids[row])
        return np.asarray(same & (self.start_s < self.stop_s[row]) & (self.stop_s > self.start_s[row]))


@dataclass(frozen=True, eq=False)
class Chosen:
    """Moments to label, the one that would teach most first.

    Attributes:
        rows: (N,) of the moments.
        distance: (N,) of each to the nearest that was labelled or chosen before it, units of `Moments.places`; NaN for
            the first where nothing was.
    """

    rows: NDArray[np.int64]
    distance: NDArray[np.float64]


def choose(moments: Moments, count: int) -> Chosen:
    """Up to `count` moments without labels, none overlapping another of the same person.

    Next is always the moment of the largest (d - e) (1 + u): d is its distance to the nearest that is labelled or
    chosen, e that to its nearest neighbour of all, u the doubt (which a negative d - e is divided by). What is far from
    everything, as where a track jumps to somebody else, has no neighbour either, and so does not come first. Where
    nothing is labelled, the first is the one nearest to the median of all.
    """
    near = np.zeros(len(moments))
    if len(moments) > 1:
        near = np.asarray(KDTree(moments.places).query(moments.places, k=2)[0])[:, 1]
    far = np.full(len(moments), np.inf)
    if moments.labelled.any():
        far = np.asarray(KDTree(moments.places[moments.labelled]).query(moments.places)[0])
    free = ~moments.labelled
    rows: list[int] = []
    distance: list[float] = []
    while free.any() and len(rows) < count:
        if np.isinf(far[0]):
            gain = -np.linalg.norm(moments.places - np.median(moments.places, axis=0), axis=1)
        else:
            gain = (far - near) * (1 + moments.doubt) ** np.sign(far - near)
        row = int(np.where(free, gain, -np.inf).argmax())
        rows.append(row)
        distance.append(float(far[row]) if np.isfinite(far[row]) else np.nan)
        far = np.minimum(far, np.linalg.norm(moments.places - moments.places[row], axis=1))
        free &= ~moments.overlapping(row)
    return Chosen(np.array(rows, dtype=np.int64), np.array(distance))


def doubt_of(scores: NDArray[np.floating], *, exclusive: bool) -> NDArray[np.float64]:
    """(M,) doubt behind the (M, C) scores of moments: 1 less what the best action is ahead of the next answer.

    `unknown`, the rest up to 1, is an answer, so that what it wins is doubted wholly; a margin as of T. Scheffer et
    al., 2001, https://doi.org/10.1007/3-540-44816-0_31. Where actions may hold together: 1 where a score is one half,
    0 where all are 0 or 1.
    """
    scores = np.asarray(scores, dtype=np.float64)
    if not exclusive:
        return np.asarray(1 - 2 * np.abs(scores - 0.5).min(axis=1))
    others = np.sort(np.column_stack([scores, np.zeros(len(scores))]), axis=1)[:, -2]
    ahead = scores.max(axis=1) - np.maximum(others, 1 - scores.sum(axis=1))
    return np.asarray(np.clip(1 - ahead, 0, 1))


def moments_of(
    database: Database,
    model: ActionModel | None = None,
    window_s: float = 2.0,
    *,
    recording: str | None = None,
    progress: Progress | None = None,
) -> Moments:
    """The moments of all tracks that count, one track in memory at a time.

    Left out are moments in which too few joints are seen, as in recognition, and people seen for less than half a
    window without a gap.

    Raises:
        MissingError: no tracks.
        DataError: recordings of layouts that don't fit together, or nobody was seen for long enough.
        ActionModelError: the layout lacks joints that the model needs.
    """
    with database.reading() as tx:
        stored = recordings.select_recordings(tx, recording)
        tracked = [(one, now.track) for one in stored if (now := runs.current(tx, one.id))]
        layouts = [skeletons.skeleton_of(tx, run.id) for _, run in tracked]
        labelled: dict[tuple[int, int | None], list[tuple[float, float]]] = {}
        for coded in coded_recordings(database, tx, []) if tracked else ():
            for label in coded.labels:
                labelled.setdefault((coded.stored.id, label.track_id), []).append((label.start_s, label.stop_s))
    if not tracked:
        of = f" of a recording {recording!r}" if recording else ""
        raise MissingError(f"{database.where}: no tracks{of}; run posescribe analyze")
    joints = shared_joints([(one.name, skeleton) for (one, _), skeleton in zip(tracked, layouts, strict=True)])
    settings = SegmentSettings(
        window_s=window_s, step_s=window_s / 2, recognise=RecogniseSettings(min_window_s=window_s / 2)
    )
    where = _Places(joints)
    found: list[tuple[int, int, float, float, float, bool]] = []
    for done, ((one, run), skeleton) in enumerate(zip(tracked, layouts, strict=True)):
        if progress is not None:
            progress(done, len(tracked), f"looking at {one.name}")
        for track in tracks.iter_tracks(database, run.id):
            scores = None
            if model is not None:
                scores = np.nan_to_num(track_scores(track, skeleton, model, RecogniseSettings()))
            known = labelled.get((one.id, track.track_id), [])
            for windows in track_windows(track, skeleton, joints, settings):
                # At the end of a stretch windows are nearly the same, and would be each other's neighbours.
                starts = windows.start_s[windows.seen]
                apart = np.diff(starts, prepend=-np.inf) > window_s / 4
                where.add(windows.clips[apart])
                for start in starts[apart].tolist():
                    stop = start + windows.clips.points.shape[1] / RATE_HZ
                    taken = any(first <= (start + stop) / 2 < last for first, last in known)
                    doubt = 0.0
                    if model is not None and scores is not None:
                        inside = slice(*np.searchsorted(track.time_s, [start, stop]))
                        doubt = float(doubt_of(scores[inside].mean(axis=0)[None], exclusive=model.exclusive)[0])
                    found.append((one.id, track.track_id, start, stop, doubt, taken))
    if not found:
        raise DataError(f"{database.where}: nobody is seen for half of {window_s:g} s; choose a shorter --window")
    keys, people, begun, ended, doubts, known_ = zip(*found, strict=True)
    return Moments(
        np.array(keys), np.array(people), np.array(begun), np.array(ended), where.found(), np.array(doubts),
        np.array(known_),
    )  # fmt: skip


@dataclass(eq=False)
class _Places:
    """Clips to places: those of the embedding; of layouts that it does not know, the principal components of what
    random convolutions find, drawn for the first clips."""

    joints: tuple[str, ...]
    parts: list[NDArray[np.float32]] = field(default_factory=list)
    kernels: Parts | None = None

    def add(self, clips: Clips) -> None:
        for first in range(0, len(clips), _AT_ONCE):
            some = clips[first : first + _AT_ONCE]
            if self.joints == BODY_13:
                self.parts.append(shipped_embedding().of(some))
                continue
            self.kernels = self.kernels or draw_kernels(some, _KERNELS, SMOOTH, np.random.default_rng(0))
            self.parts.append(kernel_statistics(some, self.kernels, SMOOTH))

    def found(self) -> NDArray[np.float32]:
        rows = np.concatenate(self.parts)
        if self.joints == BODY_13:
            return rows
        rows = np.clip((rows - rows.mean(axis=0)) / (rows.std(axis=0) + 1e-6), -4, 4)
        return np.asarray(rows @ np.linalg.eigh(rows.T @ rows)[1][:, -_COMPONENTS:], dtype=np.float32)
