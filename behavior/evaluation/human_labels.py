"""Label files and the database: import them, and set the human's word against the machine's."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from behavior.errors import DataError
from behavior.evaluation.agreement import Agreement, Coded, agreement
from behavior.evaluation.matching import NEAR_S, Target, at_place, by_name, look_alikes
from behavior.labels import actions_of
from storage import bouts, poses, recordings, runs, tracks
from storage.bouts import Annotation, AnnotationSource, Bout
from storage.coded import Span, read_words, within
from storage.database import Database
from storage.errors import MissingError
from storage.formats.labels.elan import ActionFrom
from storage.formats.labels.intervals import Interval, Medium, stem
from storage.formats.labels.media import MediaInfo, called, end_of
from storage.formats.labels.reading import read_labels
from storage.recordings import Recording
from storage.runs import Run

PAST_END_S = 0.5
"""How far a label may reach behind the end of the video, seconds: players round the length."""


_Timed = TypeVar("_Timed", bound=Annotation | Bout)


@dataclass(frozen=True)
class Imported:
    """What was imported for a recording.

    Attributes:
        recording: its name.
        intervals, points: how many of each.
        people: subject -> track; None for a subject that is no track. Nobody in particular is the empty subject.
    """

    recording: str
    intervals: int
    points: int
    people: Mapping[str, int | None]


@dataclass(frozen=True)
class ImportResult:
    """What `import_labels` did: the format, what was stored, and the lines to show."""

    format: str
    recordings: tuple[Imported, ...]
    problems: tuple[str, ...]


def import_labels(
    database: Database,
    path: Path,
    *,
    recording: str | None = None,
    matches: Mapping[str, Target] | None = None,
    unclosed: Literal["drop", "close"] = "drop",
    rename: Mapping[str, str] | None = None,
    coder: str | None = None,
    tiers: Collection[str] = (),
    action_from: ActionFrom = "value",
    whole: bool | None = None,
    strict: bool = False,
) -> ImportResult:
    """Store what a label file says, all of it or nothing. A file that was imported before replaces what it said then.

    Args:
        database: has the recordings.
        path: BORIS, ELAN or CSV.
        recording: the labels are of this recording; None: the file names the recording or its video.
        matches: subject -> track, or where to find it; other subjects are matched by name.
        unclosed: leave out states that never stop, or close them at the end of the video.
        rename: action in the file -> action to store; what `look_alikes` finds is told.
        coder: who coded it; None: as the file says.
        tiers, action_from: see `read_labels`.
        whole: whether the people in it were coded all the time, so that between labels nothing was done, or only where
            they have a label; None: as its kind is (see `LabelFile`).
        strict: refuse the file when there is any problem in it.

    Raises:
        DataError: the file can't be read, fits no recording, lacks an action to rename, or has labels outside the
            video.
        MissingError: no such recording.
    """
    labels = read_labels(path, tiers=tiers, action_from=action_from)
    problems = list(labels.problems)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    uri = str(path.absolute())
    done: list[Imported] = []
    with database.transaction() as tx:
        chosen = recordings.select_recordings(tx, recording)
        wanted = chosen[0].name if recording is not None and chosen else recording
        shared, skipped = _share_out(path, labels.intervals, chosen or recordings.list_recordings(tx), wanted)
        problems += skipped
        every = [one for some in shared.values() for one in some]
        _check_named(path, "subject", matches or {}, {interval.subject or "" for interval in every})
        _check_named(path, "action", rename or {}, {interval.action for interval in every})
        for stored, intervals in shared.items():
            seen = _Seen.of(tx, stored)
            early_s = (stored.offset_s or 0.0) if labels.of_player else 0.0
            timed = [_moved(_timed(path, interval, seen, problems), -early_s) for interval in intervals]
            closed, told = _close(path, timed, seen, unclosed, early_s)
            problems += told
            who, told = _people(tx, seen, closed, matches or {})
            problems += told
            if labels.source_sha256 not in (None, stored.sha256):
                raise DataError(f"{path}: corrections of another recording than {stored.name!r}; its file has changed")
            corrected = labels.format == bouts.CORRECTIONS
            for source in bouts.list_annotation_sources(tx, stored.id):
                if source.uri == uri and not corrected:
                    bouts.delete_annotation_source(tx, source.id)
            annotations = [
                Annotation(
                    action=(rename or {}).get(one.action, one.action),
                    start_s=one.start_s,
                    stop_s=one.stop_s,
                    subject=one.subject,
                    track_id=who[one.subject or ""],
                    is_point=one.is_point,
                    comment=one.comment,
                )
                for one in closed
            ]
            by = coder or labels.coder
            if corrected:
                people = {one.track_id for one in annotations if one.track_id is not None}
                bouts.write_corrections(tx, stored.id, annotations, people, by)
            else:
                bouts.write_annotations(
                    tx, stored.id, annotations, uri=uri, sha256=sha256, format=labels.format, coder=by,
                    whole=labels.whole if whole is None else whole,
                )  # fmt: skip
            points = sum(one.is_point for one in closed)
            done.append(Imported(stored.name, len(closed) - points, points, who))
        problems += look_alikes(bouts.list_actions(tx))
        if strict and problems:
            raise DataError(f"{path}: {len(problems)} problems, nothing was imported; the first: {problems[0]}")
    return ImportResult(labels.format, tuple(done), tuple(problems))


def compare_labels(
    database: Database,
    *,
    recording: str | None = None,
    coder: str | None = None,
    actions: Collection[str] | None = None,
    start_s: float | None = None,
    stop_s: float | None = None,
    min_s: float = 0.0,
) -> Agreement:
    """Machine against human, over the people that a human coded in the recordings that have both.

    Each person is judged where a human coded: on the frames from their first to last appearance and on all that is
    labelled, where all their time was coded; within `start_s` and `stop_s`. The tracks and actions that count are those
    of `runs.current`.

    Args:
        database: with labels and automatic bouts.
        recording: only this one.
        coder: only labels of this coder.
        actions: only these; None: all that either names.
        start_s, stop_s: only this part, seconds: what the human looked at.
        min_s: leave shorter disagreements out of the list, seconds.

    Raises:
        MissingError: no recording has both labels of people with a track and automatic bouts.
    """
    people: list[Coded] = []
    named: set[str] = set()
    notes: list[str] = []
    with database.reading() as tx:
        for one in coded_recordings(database, tx, notes, recording=recording, coder=coder):
            now = runs.current(tx, one.stored.id)
            if now is None or now.actions is None:
                notes.append(f"{one.stored.name}: has labels, but no automatic bouts of its newest tracks")
                continue
            machine = bouts.read_bouts(tx, now.actions.id)
            named |= {label.action for label in one.labels} | {bout.action for bout in machine}
            people += judged(tx, one, machine, (start_s, stop_s), notes)
    notes += look_alikes(named)
    if not people:
        why = "; ".join(notes) or "no labels were imported (posescribe labels import)"
        raise MissingError(f"{database.where}: nothing to compare: {why}")
    return replace(agreement(people, actions=actions, min_s=min_s), notes=tuple(notes))


@dataclass(frozen=True, eq=False)
class CodedRecording:
    """A recording with labels of humans.

    Attributes:
        stored: the recording.
        track_run: its tracks (see `runs.current`).
        labels: what counts, by time; point events and labels of people without a track among them.
        spans: by track, where a human coded (see `coded.Word`).
    """

    stored: Recording
    track_run: Run
    labels: tuple[Annotation, ...]
    spans: Mapping[int, tuple[Span, ...]]


def coded_recordings(
    database: Database, tx: Connection, notes: list[str], *, recording: str | None = None, coder: str | None = None
) -> list[CodedRecording]:
    """The recordings that have both tracks and labels; `notes` hears what is left out.

    Raises `MissingError` when there is no recording of that name.
    """
    found = []
    for stored in _recordings(database, tx, recording):
        sources = _sources(tx, stored.id, coder)
        if not sources:
            continue
        now = runs.current(tx, stored.id)
        if now is None:
            notes.append(f"{stored.name}: has labels, but no tracks; run posescribe analyze")
            continue
        words = read_words(tx, stored.id, [source.id for source in sources])
        every = bouts.read_annotations(tx, stored.id, [source.id for source in sources])
        labels = [one for one in every if one.is_point or one.track_id is None]
        said = [one for word in words.values() for one in word.said]
        labels += [
            Annotation(one.action, one.start_s, one.stop_s, None, one.track_id, False, one.comment) for one in said
        ]
        if (n_files := len({one.source for one in said})) > 1:
            notes.append(f"{stored.name}: labels of {n_files} files, the newest counts; --coder chooses")
        labels.sort(key=lambda one: (one.start_s, one.stop_s))
        spans = {track_id: word.spans for track_id, word in words.items()}
        found.append(CodedRecording(stored, now.track, tuple(labels), spans))
    return found


def stored_media_info(
    tx: Connection,
    recording: Recording,
    track_run_id: int,
    actions: Sequence[str] = (),
    date: datetime | None = None,
) -> MediaInfo:
    """A stored recording for `BOUT_WRITERS`; `actions` are the classes of the action model, `date` that of its run."""
    frames, time_s = poses.frame_times(tx, tracks.pose_run_of(tx, track_run_id))
    known = tracks.list_tracks(tx, track_run_id)
    return MediaInfo(
        recording=recording.name,
        media=recording.uri,
        frames=frames,
        time_s=time_s,
        duration_s=recording.duration_s,
        fps=recording.fps,
        names={track.track_id: track.name for track in known if track.name},
        people=tuple(track.track_id for track in known),
        actions=tuple(actions),
        date=date,
        offset_s=recording.offset_s or 0.0,
    )


@dataclass(frozen=True, eq=False)
class _Seen:
    """A recording, its tracks (see `runs.current`), its frames' times, and how long it is; no run when not analysed."""

    recording: Recording
    run: Run | None
    tracks: tuple[tracks.TrackInfo, ...]
    frames: NDArray[np.int64]
    time_s: NDArray[np.float64]
    end_s: float

    @staticmethod
    def of(tx: Connection, recording: Recording) -> _Seen:
        now = runs.current(tx, recording.id)
        if now is None:
            return _Seen(recording, None, (), np.empty(0, np.int64), np.empty(0), recording.duration_s or 0.0)
        run = now.track
        frames, time_s = poses.frame_times(tx, tracks.pose_run_of(tx, run.id))
        end_s = max(recording.duration_s or 0.0, end_of(time_s))
        return _Seen(recording, run, tuple(tracks.list_tracks(tx, run.id)), frames, time_s, end_s)

    @property
    def names(self) -> dict[int, str]:
        return {track.track_id: track.name for track in self.tracks if track.name}


def _recordings(database: Database, tx: Connection, name: str | None) -> list[Recording]:
    chosen = recordings.select_recordings(tx, name)
    if not chosen:
        names = ", ".join(stored.name for stored in recordings.list_recordings(tx))
        if not names:
            raise MissingError(f"{database.where}: no recording in it; run posescribe analyze or import first")
        raise MissingError(f"{database.where}: no recording {name!r}; it has {names}")
    return chosen


def _share_out(
    path: Path, intervals: Sequence[Interval], known: Sequence[Recording], wanted: str | None
) -> tuple[dict[Recording, list[Interval]], list[str]]:
    """The intervals by recording, each in times of that recording's file, and what belongs to no recording."""
    groups: dict[tuple[str | None, tuple[Medium, ...]], list[Interval]] = {}
    for interval in intervals:
        groups.setdefault((interval.recording, _media(interval)), []).append(interval)
    if not groups:
        raise DataError(f"{path}: no labels in it")
    names = ", ".join(stored.name for stored in known)
    if not names:
        raise DataError(f"{path}: no recording in the database to label; run posescribe analyze or import first")
    chosen = [stored for stored in known if wanted in (None, stored.name)]
    if not chosen:
        raise DataError(f"{path}: no recording {wanted!r} in the database; it has {names}")
    shared: dict[Recording, list[Interval]] = {}
    strangers: list[str] = []
    told: list[str] = []
    for (recording, media), group in groups.items():
        found, ahead_s = _find(chosen, recording, media)
        if not found and (
            (wanted is not None and len(groups) == 1) or (recording is None and not media and len(known) == 1)
        ):
            found = chosen
            if len({medium.ahead_s for medium in media}) > 1:
                told.append(f"none of the file's videos is {found[0].name}: its times are taken for those of the first")
        if len(found) > 1:
            raise DataError(
                f"{path}: the database has {len(found)} recordings {found[0].name!r}; name the video by its whole path,"
                f" such as {found[0].uri}"
            )
        if found:
            shared.setdefault(found[0], []).extend(_moved(interval, ahead_s) for interval in group)
            others = {one.name for medium in media for one in _find(chosen, None, (medium,))[0]} - {found[0].name}
            told += [f"the file is of {name}, too; --recording {name} gives its people the labels" for name in others]
        else:
            strangers.append(recording or (stem(media[0].name) if media else "no name"))
    strangers = list(dict.fromkeys(strangers))
    if not shared:
        labels = ", ".join(map(repr, strangers))
        raise DataError(f"{path}: its labels are of {labels}, the database has {names}; choose one with --recording")
    if wanted is None:
        told += [f"{label}: not in the database, its labels are left out" for label in strangers]
    return shared, told


def _media(interval: Interval) -> tuple[Medium, ...]:
    """All files that show an interval."""
    return () if interval.media is None else (Medium(interval.media, 0.0), *interval.further)


def _find(known: Sequence[Recording], recording: str | None, media: Sequence[Medium]) -> tuple[list[Recording], float]:
    """The recordings that a file's names mean: of the same video, else of the same name.

    And how far the clock of that video is ahead of the file's times, seconds.
    """

    def same_path(stored: Recording, medium: Medium) -> bool:
        return stored.uri == medium.name

    def same_file(stored: Recording, medium: Medium) -> bool:
        return stem(medium.name) in (stored.name, stem(stored.uri))

    for fits in (same_path, same_file):
        for medium in media:
            if found := [stored for stored in known if fits(stored, medium)]:
                return found, medium.ahead_s
    if recording is not None:
        for name in (recording, stem(recording)):
            if found := [stored for stored in known if name in (stored.name, stem(stored.uri))]:
                return found, 0.0
    return [], 0.0


def _moved(interval: Interval, by_s: float) -> Interval:
    # To the microsecond: label files keep milliseconds, and sums leave rounding errors.
    start, stop = (round(time + by_s, 6) if by_s else time for time in (interval.start_s, interval.stop_s))
    return replace(interval, start_s=start, stop_s=stop)


def _timed(path: Path, interval: Interval, seen: _Seen, problems: list[str]) -> Interval:
    """An interval that is told in frames, by the recording's timestamps; raises `DataError` for frames it lacks."""
    if interval.frames is None:
        return interval
    first, last = interval.frames
    name = seen.recording.name
    if len(seen.frames) == 0:
        raise DataError(f"{path}, {interval}: told in frames, but {name!r} was not analysed; run posescribe analyze")
    if last < seen.frames[0] or first > seen.frames[-1]:
        raise DataError(
            f"{path}, {interval}, frames {first} to {last}: outside recording {name!r}, whose frames are"
            f" {seen.frames[0]} to {seen.frames[-1]}; another video, or frames counted otherwise?"
        )
    if first < seen.frames[0] or last > seen.frames[-1]:
        problems.append(f"{interval}, frames {first} to {last}: {name} has {seen.frames[0]} to {seen.frames[-1]} only")
    begin, behind = int(np.searchsorted(seen.frames, first)), int(np.searchsorted(seen.frames, last, side="right"))
    ends = np.append(seen.time_s, end_of(seen.time_s))
    return replace(interval, start_s=float(seen.time_s[begin]), stop_s=float(ends[max(behind, begin)]))


def _close(
    path: Path, intervals: Sequence[Interval], seen: _Seen, unclosed: Literal["drop", "close"], early_s: float
) -> tuple[list[Interval], list[str]]:
    """The intervals, unclosed ones dropped or closed; what was done to them, and what reaches over the end.

    A player shows no picture in the first `early_s` seconds, which end at time 0.

    Raises `DataError` for a label outside the video.
    """
    kept: list[Interval] = []
    problems: list[str] = []
    for one in intervals:
        start, stop = one.start_s, one.stop_s
        if start < -PAST_END_S and -early_s - PAST_END_S <= start <= stop:
            problems.append(f"{one} starts {-start:g} s before the first picture, when there was but sound")
            if stop <= 0:
                problems[-1] += ", and ends there: dropped"
                continue
            one = replace(one, start_s=0.0)
        elif seen.end_s > 0 and (start > seen.end_s + PAST_END_S or min(start, stop) < -PAST_END_S):
            raise DataError(
                f"{path}, {one}, {start:g} s: outside recording {seen.recording.name!r}, which lasts"
                f" {seen.end_s:.3f} s; another video, or times with an offset?"
            )
        if not one.closed and (unclosed == "drop" or seen.end_s <= one.start_s):
            problems.append(f"{one} starts at {one.start_s:g} s and never stops: dropped")
        elif not one.closed:
            problems.append(f"{one} starts at {one.start_s:g} s and never stops: closed at the end, {seen.end_s:.3f} s")
            kept.append(replace(one, stop_s=seen.end_s))
        else:
            if 0 < seen.end_s + PAST_END_S < one.stop_s:
                problems.append(f"{one} lasts until {one.stop_s:g} s, the video only until {seen.end_s:.3f} s")
            kept.append(one)
    return kept, problems


def _check_named(path: Path, what: str, asked: Iterable[str], there: Collection[str]) -> None:
    for name in asked:
        if name not in there:
            known = ", ".join(map(repr, sorted(filter(None, there)))) or "none"
            raise DataError(f"{path}: no {what} {name!r}; it names {known}")


def _people(
    tx: Connection, seen: _Seen, intervals: Sequence[Interval], matches: Mapping[str, Target]
) -> tuple[dict[str, int | None], list[str]]:
    """Subject -> track, and a line for each that is none."""
    numbers = [track.track_id for track in seen.tracks]
    counts = Counter(interval.subject or "" for interval in intervals)
    named = by_name(filter(None, counts), numbers, seen.names)
    who: dict[str, int | None] = {}
    problems: list[str] = []
    for subject, count in counts.items():
        if subject in matches:
            who[subject] = _track_of(tx, seen, subject, matches[subject])
        elif not subject and len(numbers) == 1:
            who[subject] = numbers[0]
            problems.append(f"{seen.recording.name}: labels of nobody in particular are those of its only person")
        else:
            who[subject] = named.get(subject)
            if who[subject] is None:
                problems.append(
                    f"{seen.recording.name}: {subject or 'nobody in particular'!r} ({count} labels) matches no track;"
                    f" name it with --match {subject!r}=TRACK or =x,y@t"
                )
    return who, problems


def _track_of(tx: Connection, seen: _Seen, subject: str, target: Target) -> int:
    name = seen.recording.name
    if target.track_id is not None:
        if target.track_id not in {track.track_id for track in seen.tracks}:
            known = ", ".join(str(track.track_id) for track in seen.tracks) or "none"
            raise DataError(f"--match {subject}={target.track_id}: {name!r} has no such track; it has {known}")
        return target.track_id
    try:
        return at_place(_boxes(tx, seen, target.time_s), target)
    except DataError as error:
        raise DataError(f"--match {subject}: in {name!r} {error}") from error


def _boxes(tx: Connection, seen: _Seen, time_s: float) -> dict[int, NDArray[np.float64]]:
    """The box of each track in its frame nearest to a time, of those seen within half a second of it."""
    boxes: dict[int, NDArray[np.float64]] = {}
    if seen.run is None:
        return boxes
    for info in seen.tracks:
        if info.start_s - NEAR_S <= time_s <= info.stop_s + NEAR_S:
            track = tracks.read_track(tx, seen.run.id, info.track_id)
            nearest = int(np.argmin(np.abs(track.time_s - time_s)))
            points = track.keypoints[nearest, :, :2].astype(np.float64)
            points = points[np.isfinite(points[:, 0])]
            if len(points) and abs(track.time_s[nearest] - time_s) <= NEAR_S:
                boxes[info.track_id] = np.concatenate([points.min(axis=0), points.max(axis=0)])
    return boxes


def _sources(tx: Connection, recording_id: int, coder: str | None) -> list[AnnotationSource]:
    return [
        source for source in bouts.list_annotation_sources(tx, recording_id) if coder is None or source.coder == coder
    ]


def _within(actions: Sequence[_Timed], low: float, high: float) -> list[_Timed]:
    """The parts of the intervals between two times."""
    return [
        replace(one, start_s=max(one.start_s, low), stop_s=min(one.stop_s, high))
        for one in actions
        if one.start_s < high and one.stop_s > low
    ]


def states_of_people(tx: Connection, coded: CodedRecording, notes: list[str]) -> dict[int, list[Annotation]]:
    """What a human coded of each track; `notes` hears of labels that belong to no track or have no duration."""
    known = {track.track_id for track in tracks.list_tracks(tx, coded.track_run.id)}
    name = coded.stored.name
    states = [label for label in coded.labels if not label.is_point]
    if without := sum(label.track_id not in known for label in states):
        notes.append(f"{name}: {without} labels of people without a track are left out")
    if points := len(coded.labels) - len(states):
        notes.append(f"{name}: {points} point events are left out, they have no duration")
    people: dict[int, list[Annotation]] = {}
    for label in states:
        if label.track_id is not None and label.track_id in known:
            people.setdefault(label.track_id, []).append(label)
    return dict(sorted(people.items()))


def judged(
    tx: Connection,
    coded: CodedRecording,
    machine: Sequence[Bout],
    part: tuple[float | None, float | None],
    notes: list[str],
) -> list[Coded]:
    """Each person of a recording that a human coded, with both sides' bouts."""
    known = {track.track_id: track for track in tracks.list_tracks(tx, coded.track_run.id)}
    frames, time_s = poses.frame_times(tx, tracks.pose_run_of(tx, coded.track_run.id))
    names = called(known, {number: track.name for number, track in known.items() if track.name})
    labels = states_of_people(tx, coded, notes)
    if others := [names[number] for number in known if number not in labels]:
        notes.append(f"{coded.stored.name}: without labels, so not judged: {', '.join(others)}")
    low, high = (part[0] if part[0] is not None else -np.inf), (part[1] if part[1] is not None else np.inf)
    people: list[Coded] = []
    for number, states in labels.items():
        own = _within(states, low, high)
        track = known[number]
        seen = (time_s >= track.start_s) & (time_s <= track.stop_s) & within(time_s, coded.spans[number])
        for label in own:
            seen |= (time_s >= label.start_s) & (time_s < label.stop_s)
        seen &= (time_s >= low) & (time_s < high)
        people.append(
            Coded(
                recording=coded.stored.name,
                track_id=number,
                person=names[number],
                frames=frames[seen],
                time_s=time_s[seen],
                ends_s=np.append(time_s[1:], end_of(time_s))[seen],
                human=[label for label in own if actions_of(label.action)],
                machine=_within([bout for bout in machine if bout.track_id == number], low, high),
            )
        )
    return people
