"""Label files and the database: import them, and set the human's word against the machine's."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from behavior.errors import DataError
from behavior.evaluation.agreement import Agreement, Coded, agreement
from behavior.evaluation.matching import NEAR_S, Target, at_place, by_name
from storage import bouts, poses, recordings, runs, tracks
from storage.bouts import Annotation, AnnotationSource, Bout
from storage.database import Database
from storage.errors import MissingError
from storage.formats.labels.elan import ActionFrom
from storage.formats.labels.intervals import Interval, stem
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
    strict: bool = False,
) -> ImportResult:
    """Store what a label file says, all of it or nothing. A file that was imported before replaces what it said then.

    Args:
        database: has the recordings.
        path: BORIS, ELAN or CSV.
        recording: the labels are of this recording; None: the file names the recording or its video.
        matches: subject -> track, or where to find it; other subjects are matched by name.
        unclosed: leave out states that never stop, or close them at the end of the video.
        rename: action in the file -> action to store.
        coder: who coded it; None: as the file says.
        tiers, action_from: see `read_labels`.
        strict: refuse the file when there is any problem in it.

    Raises:
        DataError: the file can't be read, fits no recording, or has labels outside the video.
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
        _check_matches(path, matches or {}, [one for some in shared.values() for one in some])
        for stored, intervals in shared.items():
            seen = _Seen.of(tx, stored)
            closed, told = _close(path, intervals, seen, unclosed)
            problems += told
            who, told = _people(tx, seen, closed, matches or {})
            problems += told
            for source in bouts.list_annotation_sources(tx, stored.id):
                if source.uri == uri:
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
            bouts.write_annotations(
                tx, stored.id, annotations, uri=uri, sha256=sha256, format=labels.format, coder=coder or labels.coder
            )
            points = sum(one.is_point for one in closed)
            done.append(Imported(stored.name, len(closed) - points, points, who))
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

    Each person is judged on the frames from their first to last appearance and on all that the human coded, within
    `start_s` and `stop_s`. The tracks and actions that count are those of `runs.current`.

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
    notes: list[str] = []
    with database.reading() as tx:
        for one in coded_recordings(database, tx, notes, recording=recording, coder=coder):
            now = runs.current(tx, one.stored.id)
            if now is None or now.actions is None:
                notes.append(f"{one.stored.name}: has labels, but no automatic bouts of its newest tracks")
                continue
            machine = bouts.read_bouts(tx, now.actions.id)
            people += judged(tx, one, machine, (start_s, stop_s), notes)
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
        labels: by time; point events and people without a track among them.
    """

    stored: Recording
    track_run: Run
    labels: tuple[Annotation, ...]


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
        if len(sources) > 1:
            notes.append(f"{stored.name}: labels of {len(sources)} files together; --coder chooses")
        labels = bouts.read_annotations(tx, stored.id, [source.id for source in sources])
        found.append(CodedRecording(stored, now.track, tuple(labels)))
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
    )


@dataclass(frozen=True, eq=False)
class _Seen:
    """A recording, its tracks (see `runs.current`), and how long it is; no run when it wasn't analysed."""

    recording: Recording
    run: Run | None
    tracks: tuple[tracks.TrackInfo, ...]
    end_s: float

    @staticmethod
    def of(tx: Connection, recording: Recording) -> _Seen:
        now = runs.current(tx, recording.id)
        if now is None:
            return _Seen(recording, None, (), recording.duration_s or 0.0)
        run = now.track
        _, time_s = poses.frame_times(tx, tracks.pose_run_of(tx, run.id))
        end_s = max(recording.duration_s or 0.0, end_of(time_s))
        return _Seen(recording, run, tuple(tracks.list_tracks(tx, run.id)), end_s)

    @property
    def names(self) -> dict[int, str]:
        return {track.track_id: track.name for track in self.tracks if track.name}


def _recordings(database: Database, tx: Connection, name: str | None) -> list[Recording]:
    chosen = recordings.select_recordings(tx, name)
    if not chosen:
        names = ", ".join(stored.name for stored in recordings.list_recordings(tx)) or "none"
        raise MissingError(f"{database.where}: no recording {name!r}; it has {names}")
    return chosen


def _share_out(
    path: Path, intervals: Sequence[Interval], known: Sequence[Recording], wanted: str | None
) -> tuple[dict[Recording, list[Interval]], list[str]]:
    """The intervals by recording, and what belongs to no recording."""
    groups: dict[tuple[str | None, str | None], list[Interval]] = {}
    for interval in intervals:
        groups.setdefault((interval.recording, interval.media), []).append(interval)
    if not groups:
        raise DataError(f"{path}: no labels in it")
    names = ", ".join(stored.name for stored in known) or "none"
    if wanted is not None and wanted not in {stored.name for stored in known}:
        raise DataError(f"{path}: no recording {wanted!r} in the database; it has {names}")
    shared: dict[Recording, list[Interval]] = {}
    strangers: list[str] = []
    for (recording, media), group in groups.items():
        found = _find(known, recording, media)
        if wanted is not None and len(groups) == 1:
            found = [stored for stored in known if stored.name == wanted]
        elif recording is None and media is None and len(known) == 1:
            found = list(known)
        label = recording or (stem(media) if media else "no name")
        if len(found) > 1:
            raise DataError(
                f"{path}: the database has {len(found)} recordings {found[0].name!r}; name the video by its whole path,"
                f" such as {found[0].uri}"
            )
        if not found:
            strangers.append(label)
        elif wanted in (None, found[0].name):
            shared.setdefault(found[0], []).extend(group)
    strangers = list(dict.fromkeys(strangers))
    if not shared:
        told = ", ".join(map(repr, strangers)) or repr(wanted)
        raise DataError(f"{path}: its labels are of {told}, the database has {names}; choose one with --recording")
    return shared, [f"{label}: not in the database, its labels are left out" for label in strangers if wanted is None]


def _find(known: Sequence[Recording], recording: str | None, media: str | None) -> list[Recording]:
    """The recordings that a file's names mean: of the same video, else of the same name."""
    for fits in (
        lambda stored: media is not None and stored.uri == media,
        lambda stored: media is not None and stem(media) in (stored.name, stem(stored.uri)),
        lambda stored: recording is not None and stem(recording) in (stored.name, stem(stored.uri)),
        lambda stored: recording == stored.name,
    ):
        if found := [stored for stored in known if fits(stored)]:
            return found
    return []


def _close(
    path: Path, intervals: Sequence[Interval], seen: _Seen, unclosed: Literal["drop", "close"]
) -> tuple[list[Interval], list[str]]:
    """The intervals, unclosed ones dropped or closed; what was done to them, and what reaches over the end.

    Raises `DataError` for a label outside the video.
    """
    kept: list[Interval] = []
    problems: list[str] = []
    for one in intervals:
        if seen.end_s > 0 and (one.start_s > seen.end_s + PAST_END_S or min(one.start_s, one.stop_s) < -PAST_END_S):
            raise DataError(
                f"{path}, {one}, {one.start_s:g} s: outside recording {seen.recording.name!r}, which lasts"
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


def _check_matches(path: Path, matches: Mapping[str, Target], intervals: Sequence[Interval]) -> None:
    subjects = {interval.subject or "" for interval in intervals}
    for subject in matches:
        if subject not in subjects:
            named = ", ".join(map(repr, sorted(filter(None, subjects)))) or "nobody"
            raise DataError(f"{path}: no subject {subject!r}; it names {named}")


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
        seen = (time_s >= track.start_s) & (time_s <= track.stop_s)
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
                human=own,
                machine=_within([bout for bout in machine if bout.track_id == number], low, high),
            )
        )
    return people
