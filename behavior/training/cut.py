"""People that humans coded, and the clips that their labels give to train on.

A clip is a window of one person. Its class is the set of actions that hold at its middle, and it counts only where that
set holds in most of it, so clips at the border of two actions are left out. Time without a label where a human coded is
`unknown`: they looked and saw none of the actions. From time that nobody coded nothing is learnt.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from behavior.errors import DataError
from behavior.evaluation.human_labels import coded_recordings, states_of_people
from behavior.evaluation.matching import look_alikes
from behavior.labels import UNKNOWN, set_name
from behavior.recognition.clips import RATE_HZ, LabelledSequences, make_sequences
from behavior.recognition.recognise import RecogniseSettings, nearest, to_grid, track_points
from behavior.recognition.smoothing import Times
from pose.layouts import BODY_13, has_body, standard_names
from pose.people import Track
from pose.skeleton import Skeleton
from storage import skeletons, tracks
from storage.bouts import Annotation
from storage.coded import ALWAYS, Span, within
from storage.database import Database
from storage.errors import MissingError
from storage.formats.labels.media import called

GroupBy = Literal["auto", "recording", "person", "time", "none"]


@dataclass(frozen=True, eq=False)
class CodedPerson:
    """A track that a human coded.

    Attributes:
        recording: its name.
        sha256: of the source; of its name where it was live.
        person: what the person is called.
        named: whether a human gave that name, so that it means the same person in other recordings.
        track: the person over time.
        skeleton: layout of its keypoints.
        labels: states, by time; several may hold at once.
        spans: where a human coded, by time.
    """

    recording: str
    sha256: str
    person: str
    named: bool
    track: Track
    skeleton: Skeleton
    labels: tuple[Annotation, ...]
    spans: tuple[Span, ...] = (ALWAYS,)


def coded_people(
    database: Database, notes: list[str], *, recording: str | None = None, coder: str | None = None
) -> list[CodedPerson]:
    """The people that humans coded, whole in memory; `notes` hears what is left out.

    Raises:
        MissingError: no such recording, or no label of a person with a track.
    """
    people = []
    with database.reading() as tx:
        for coded in coded_recordings(database, tx, notes, recording=recording, coder=coder):
            skeleton = skeletons.skeleton_of(tx, coded.track_run.id)
            known = tracks.list_tracks(tx, coded.track_run.id)
            given = {track.track_id: track.name for track in known if track.name}
            names = called([track.track_id for track in known], given)
            for number, states in states_of_people(tx, coded, notes).items():
                track = tracks.read_track(tx, coded.track_run.id, number)
                sha256 = coded.stored.sha256 or f"live {coded.stored.id}"
                spans = coded.spans[number]
                people.append(
                    CodedPerson(
                        coded.stored.name, sha256, names[number], number in given, track, skeleton, tuple(states), spans
                    )
                )
    if not people:
        why = "; ".join(notes) or "run posescribe labels import first"
        raise MissingError(f"{database.where}: no labels of people with a track: {why}")
    notes += look_alikes(label.action for person in people for label in person.labels)
    return people


@dataclass(frozen=True)
class CutSettings:
    """How tracks with labels are cut into clips."""

    window_s: float | None = None
    """Length of a clip, seconds; None: the median bout, within `WINDOW_S`."""
    unlabelled: bool = True
    """Whether time without a label is `unknown`; otherwise only what is labelled so is."""
    group_by: GroupBy = "auto"
    """What never stands on both sides of a split; auto: recordings, or blocks of time where there is only one."""
    min_share: float = 0.6
    """Share of a clip (or of the bout, if that is shorter) in which its set of actions must hold."""
    min_bout_s: float = 0.2
    """Shorter bouts give no clip, seconds."""
    recognise: RecogniseSettings = field(default_factory=RecogniseSettings)
    """Gaps and joints that must be seen are as when the model will be used."""


UNSURE = "not sure"
"""Comment of a label whose coder was not sure: from that time nothing is learnt, and nothing judged there."""

WINDOW_S = (0.5, 1.5)
"""Shortest and longest window that is chosen by itself."""

BLOCK_WINDOWS = 4
"""Grouped by time: shortest block, in windows of labelled actions; the gaps then cost a quarter of them at most."""
MAX_BLOCKS = 16
"""Four to each of the usual four folds, so that an action of one long bout still falls into several."""

SPLITS = {
    "recording": "whole recordings were held out: no clip was judged by a model that had seen its recording",
    "person": "whole people were held out; others of the same recordings were learnt from",
    "time": "other blocks of time of the same people and scene, a window away at least, were held out, so expect less"
    " on new recordings",
    "none": "clips were held out at random: neighbours in time stood on both sides, so the figures say nothing",
}


@dataclass(frozen=True, eq=False)
class CodedClips:
    """Clips out of people that humans coded.

    Attributes:
        data: the clips; classes are sets of actions (`behavior.labels.set_name`), groups as was asked.
        bouts: (S,) number of the bout (or stretch without a label) that each clip is of.
        people: (S,) place of its person.
        middle_s: (S,) time of its middle, seconds.
        bout_s: (B,) seconds of each bout.
        window_s: length of the clips.
        group_by: what the groups are.
        unlabelled: whether time without a label was taken as `unknown`; otherwise nothing is known of it.
        notes: what was left out, and what to know about the split.
    """

    data: LabelledSequences
    bouts: NDArray[np.int64]
    people: NDArray[np.int64]
    middle_s: NDArray[np.float64]
    bout_s: NDArray[np.float64]
    window_s: float
    group_by: str
    unlabelled: bool
    notes: tuple[str, ...]

    def durations_s(self, rows: NDArray[np.bool_]) -> dict[str, list[float]]:
        """Set of actions -> seconds of each of its bouts, of those that these clips are of."""
        found: dict[str, list[float]] = {}
        for bout, label in sorted(set(zip(self.bouts[rows].tolist(), self.data.labels[rows].tolist(), strict=True))):
            found.setdefault(self.data.classes[label], []).append(float(self.bout_s[bout]))
        return found


@dataclass(frozen=True, eq=False)
class _Run:
    """A stretch of one person in which one set of actions holds: rows of the grid, the last outside; whether a human
    labelled it."""

    person: int
    actions: str
    labelled: bool
    first: int
    stop: int


def cut_clips(people: Sequence[CodedPerson], settings: CutSettings | None = None) -> CodedClips:
    """Cut coded people into clips.

    Raises:
        DataError: layouts that don't fit together, or labels that give no clip.
    """
    settings = settings or CutSettings()
    joints = shared_joints([(person.recording, person.skeleton) for person in people])
    lengths = [label.stop_s - label.start_s for person in people for label in person.labels]
    window_s = settings.window_s or round(float(np.clip(np.median(lengths), *WINDOW_S)), 3)
    grids: list[tuple[int, NDArray[np.float64], NDArray[np.float32]]] = []
    found: list[tuple[int, _Run]] = []  # place of the grid, and a run on it
    for place, person in enumerate(people):
        points = track_points(person.track, person.skeleton, joints)
        times = Times.of(person.track.time_s, settings.recognise.max_gap_s)
        for rows in times.stretches:
            if times.length_s(rows) < settings.recognise.min_window_s:
                continue
            grid_s, grid = to_grid(points[rows], person.track.time_s[rows], times.usual_s)
            found += [(len(grids), run) for run in _runs(place, person, grid_s)]
            grids.append((place, grid_s, grid))
    notes: list[str] = []
    group_by = _group_by(people, settings.group_by, notes)
    found = [(at, run) for at, run in found if settings.unlabelled or run.labelled]
    short = [run for _, run in found if (run.stop - run.first) / RATE_HZ < settings.min_bout_s]
    if named := sum(run.actions != UNKNOWN for run in short):
        notes.append(
            f"{named} bouts shorter than {settings.min_bout_s:g} s, or of people hardly seen then, give no clip"
        )
    found = [(at, run) for at, run in found if run not in short]
    blocks = _blocks(people, [(grids[at][1], run) for at, run in found], window_s) if group_by == "time" else {}
    if group_by == "time" and sum(map(len, blocks.values())) == 1:
        notes.append(
            f"too little time of labelled actions to hold any of it out: two blocks need"
            f" {2 * BLOCK_WINDOWS * window_s:g} s, so no honest figure is possible"
        )

    clips: list[NDArray[np.float32]] = []
    rows_: list[tuple[str, int, int, float, int]] = []  # set, bout, person, middle, block
    unseen = 0
    for bout, (at, run) in enumerate(found):
        _, grid_s, grid = grids[at]
        source = people[run.person].sha256
        for block, (low_s, high_s) in enumerate(blocks.get(source, [(-np.inf, np.inf)])):
            inside = np.searchsorted(grid_s, [low_s, high_s]).tolist()
            for start, end, middle in _windows(run, (inside[0], inside[1]), window_s, settings):
                window = grid[start:end]
                if np.isfinite(window[..., 0]).mean() < settings.recognise.min_seen:
                    unseen += 1
                    continue
                clips.append(window)
                rows_.append((run.actions, bout, run.person, float(grid_s[middle]), block))
    if unseen:
        notes.append(f"{unseen} clips in which too few joints were seen are left out")
    if not rows_:
        raise DataError("the labels give no clip: their people were not seen at those times, or for too short a time")
    kept = _thinned(rows_, notes)
    rows_, clips = [rows_[row] for row in kept], [clips[row] for row in kept]
    names = sorted({row[0] for row in rows_}, key=lambda name: (name == UNKNOWN, name.count("+"), name))
    bouts, persons = (np.array([row[column] for row in rows_], dtype=np.int64) for column in (1, 2))
    groups = {
        "recording": _numbers([people[place].sha256 for place in persons]),
        "person": _numbers([identity(people[place]) for place in persons]),
        "time": _numbers([f"{people[row[2]].sha256} {row[4]}" for row in rows_]),
        "none": np.arange(len(rows_), dtype=np.int64),
    }[group_by]
    data = make_sequences(
        np.concatenate(clips),
        np.concatenate([[0], np.cumsum([len(clip) for clip in clips])]),
        np.array([names.index(row[0]) for row in rows_]),
        names,
        joints,
        groups,
        RATE_HZ,
    )
    middle_s = np.array([row[3] for row in rows_])
    bout_s = np.array([(run.stop - run.first) / RATE_HZ for _, run in found])
    return CodedClips(data, bouts, persons, middle_s, bout_s, window_s, group_by, settings.unlabelled, tuple(notes))


def shared_joints(layouts: Sequence[tuple[str, Skeleton]]) -> tuple[str, ...]:
    """The joints to learn from in recordings (name and layout): `BODY_13` where all hold it, else the layout's own.

    Raises:
        DataError: several layouts without it.
    """
    if all(has_body(skeleton.joints) for _, skeleton in layouts):
        return BODY_13
    found = {standard_names(skeleton.joints): (name, skeleton) for name, skeleton in layouts}
    if len(found) > 1:
        told = " and ".join(f"{name} ({skeleton.name})" for name, skeleton in list(found.values())[:2])
        raise DataError(f"{told} have different joints; take recordings of one layout")
    return next(iter(found))


def _runs(place: int, person: CodedPerson, grid_s: NDArray[np.float64]) -> list[_Run]:
    labels = person.labels
    actions = sorted({label.action for label in labels})
    shown = np.zeros((len(grid_s), len(actions)), dtype=bool)
    for label in labels:
        first, stop = np.searchsorted(grid_s, [label.start_s, label.stop_s])
        shown[first:stop, actions.index(label.action)] = True
    unsure = not_known_at(person, grid_s)
    changes = np.flatnonzero((shown[1:] != shown[:-1]).any(axis=1) | (unsure[1:] != unsure[:-1])) + 1
    edges = np.concatenate([[0], changes, [len(grid_s)]]).tolist()
    return [
        _Run(place, set_name(itertools.compress(actions, shown[first])), bool(shown[first].any()), first, stop)
        for first, stop in itertools.pairwise(edges)
        if not unsure[first]
    ]


def not_known_at(person: CodedPerson, time_s: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(n,) whether nobody coded the person, or the coder was not sure, at these times, which rise."""
    unsure = ~within(time_s, person.spans)
    for label in person.labels:
        if label.comment == UNSURE:
            first, stop = np.searchsorted(time_s, [label.start_s, label.stop_s])
            unsure[first:stop] = True
    return unsure


def _group_by(people: Sequence[CodedPerson], asked: GroupBy, notes: list[str]) -> str:
    recordings = {person.sha256 for person in people}
    if asked == "auto":
        if len(recordings) > 1:
            return "recording"
        notes.append(f"labels of one recording only: {SPLITS['time']}")
        return "time"
    if asked == "recording" and len(recordings) == 1:
        raise DataError(
            f"labels of one recording only ({people[0].recording}), nothing to hold out: label another one,"
            " or choose --group-by time or person"
        )
    if asked == "person" and len({identity(person) for person in people}) == 1:
        raise DataError(
            f"labels of one person only ({people[0].person}), nothing to hold out: label another one,"
            " or choose --group-by recording or time"
        )
    if asked == "none" or (asked != "recording" and len(recordings) > 1):
        notes.append(f"THIS SPLIT LEAKS (--group-by {asked}): {SPLITS[asked]}")
    return asked


def identity(person: CodedPerson) -> str:
    """The same for the same person: their name where a human gave it, else recording and track."""
    return person.person if person.named else f"{person.sha256} {person.track.track_id}"


def _numbers(names: Sequence[str]) -> NDArray[np.int64]:
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def _blocks(
    people: Sequence[CodedPerson], runs: Sequence[tuple[NDArray[np.float64], _Run]], window_s: float
) -> dict[str, list[tuple[float, float]]]:
    """Recording -> first and last second of blocks of equal time of labelled actions, a window apart."""
    shown: dict[str, list[NDArray[np.float64]]] = {}
    for grid_s, run in runs:
        if run.actions != UNKNOWN:
            shown.setdefault(people[run.person].sha256, []).append(grid_s[run.first : run.stop])
    blocks = {}
    for source, pieces in shown.items():
        times = np.concatenate(pieces)
        count = int(np.clip(len(times) / RATE_HZ / (BLOCK_WINDOWS * window_s), 1, MAX_BLOCKS))
        inner = np.quantile(times, np.arange(1, count) / count)
        edges = zip([-np.inf, *(inner + window_s / 2)], [*(inner - window_s / 2), np.inf], strict=True)
        blocks[source] = [(float(low), float(high)) for low, high in edges]
    return blocks


def _windows(run: _Run, inside: tuple[int, int], window_s: float, settings: CutSettings) -> list[tuple[int, int, int]]:
    """Start, stop and middle of the windows of one run whose middle is `inside`; none reaches out of there."""
    size = max(2, round(window_s * RATE_HZ))
    step = max(1, round(window_s / 2 * RATE_HZ))
    middles = np.arange(run.first + (run.stop - run.first - 1) % step // 2, run.stop, step)
    middles = middles[(middles >= inside[0]) & (middles < inside[1])]
    starts = np.maximum(middles - size // 2, inside[0])
    stops = np.minimum(middles - size // 2 + size, inside[1])
    shared = np.minimum(stops, run.stop) - np.maximum(starts, run.first)
    right = (shared >= settings.min_share * min(size, run.stop - run.first)) & (stops - starts >= 2)
    return [(int(a), int(b), int(m)) for a, b, m in zip(starts[right], stops[right], middles[right], strict=True)]


def _thinned(rows: list[tuple[str, int, int, float, int]], notes: list[str]) -> list[int]:
    """Which clips to keep: no more of `unknown` than of all actions together, and no set of actions seen but twice."""
    names = np.array([row[0] for row in rows])
    kept = np.arange(len(rows))
    for name, count in zip(*np.unique(names, return_counts=True), strict=True):
        if "+" in name and count < 3:
            notes.append(f"{name}: only {count} clips show both at once, left out")
            kept = kept[names[kept] != name]
    nothing = kept[names[kept] == UNKNOWN]
    most = max(len(kept) - len(nothing), 1)
    if len(nothing) > most:
        notes.append(f"of {len(nothing)} clips without a label {most} are kept, as many as of all actions")
        few = nothing[np.linspace(0, len(nothing) - 1, most).round().astype(int)]
        kept = np.sort(np.concatenate([kept[names[kept] != UNKNOWN], few]))
    return [int(row) for row in kept]


def clip_of_frames(clips: CodedClips, place: int, time_s: NDArray[np.float64]) -> NDArray[np.int64]:
    """(n,) the clip of a person whose middle is nearest to each frame; -1 for a person without clips."""
    own = np.flatnonzero(clips.people == place)
    if len(own) == 0:
        return np.full(len(time_s), -1, dtype=np.int64)
    own = own[np.argsort(clips.middle_s[own], kind="stable")]
    return own[nearest(clips.middle_s[own], time_s)].astype(np.int64)
