"""Who is who, corrected by a human.

What the tracker decided stays stored as it is. Changes by hand are a list of edits on top of it, kept in a track run of
their own, which takes its place: it is the one that counts (`runs.current`). Every change applies the whole list anew,
so that any of them can be taken back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection

from behavior.errors import ActionModelError, DataError
from behavior.pipeline.commands import current_of
from behavior.pipeline.models import locate
from behavior.pipeline.progress import Narrator
from behavior.pipeline.settings import Settings
from behavior.pipeline.stages import VERSION, name_actions
from behavior.recognition.model import load_action_model
from behavior.recognition.recognise import RecogniseSettings
from pose.tracking import Edit, Segment, apply_edit, names_after, take_back
from storage import bouts, open_database, poses, recordings, runs, tracks
from storage.database import Database
from storage.runs import Run
from storage.tracks import Decision, TrackInfo


@dataclass(frozen=True)
class People:
    """Who is who in a recording, and why.

    Attributes:
        recording: its name.
        run_id: the track run.
        tracks: the people.
        tracklets: of each person, by number, those that it is made of.
        decisions: numbered from 1 in this order; those of kind `edit` were made by hand.
        edits: the changes by hand.
    """

    recording: str
    run_id: int
    tracks: tuple[TrackInfo, ...]
    tracklets: Mapping[int, tuple[int, ...]]
    decisions: tuple[Decision, ...]
    edits: tuple[Edit, ...]


def list_people(database: str, recording: str | None = None) -> list[People]:
    """The people of one recording, or of all that were analysed; raises `MissingError` when there is none."""
    with open_database(database, create=False) as opened:
        if recording is not None:
            found = [current_of(opened, recording)]
        else:
            with opened.reading() as tx:
                each = [runs.current(tx, stored.id) for stored in recordings.list_recordings(tx)]
            found = [now for now in each if now is not None] or [current_of(opened, None)]
        with opened.reading() as tx:
            return [_people(tx, now.track) for now in found]


def change(database: str, recording: str | None, edits: Sequence[Edit], narrator: Narrator) -> People:
    """Apply edits on top of those made before, all or none.

    Raises:
        DataError: an edit names people or decisions that are not there.
        MissingError: the recording is not there, or is one of several and not named.
    """
    return _change(database, recording, lambda made, _: [*made, *edits], narrator)


def split_at(database: str, recording: str | None, time_s: float) -> int:
    """The number of the first frame at or after a time, seconds; raises `DataError` when there is none."""
    with open_database(database, create=False) as opened:
        run = current_of(opened, recording).track
        with opened.reading() as tx:
            frames, times = poses.frame_times(tx, tracks.pose_run_of(tx, run.id))
    after = frames[times >= time_s]
    if not len(after):
        raise DataError(
            f"no frame at or after {time_s:g} s; the last is at {times[-1]:g} s" if len(times) else "no frame"
        )
    return int(after[0])


def accept_suggestions(database: str, recording: str | None, numbers: Sequence[int], narrator: Narrator) -> People:
    """Make people one who the tracker said may be one, by the numbers of its suggestions.

    Raises `DataError` for a number that is no suggestion, or when who it names is nobody, or one already.
    """
    with open_database(database, create=False) as opened:
        run = current_of(opened, recording).track
        with opened.reading() as tx:
            people = _people(tx, run)
    edits = []
    who = {tracklet: person for person, tracklets in people.tracklets.items() for tracklet in tracklets}
    for number in numbers:
        decision = people.decisions[number - 1] if 1 <= number <= len(people.decisions) else None
        if decision is None or decision.kind != "suggestion":
            raise DataError(f"decision {number} is no suggestion; `posescribe tracks list` shows those there are")
        first, second = (who.get(tracklet) for tracklet in decision.tracklets)
        if first is None or second is None or first == second:
            state = "one person already" if first == second else "nobody any more"
            a, b = decision.tracklets
            raise DataError(f"can't accept suggestion {number}: tracklets {a} and {b} are {state}")
        edits.append(Edit("merge", first, second))
        who = {tracklet: first if person == second else person for tracklet, person in who.items()}
    return change(database, recording, edits, narrator)


def take_back_decisions(
    database: str, recording: str | None, numbers: Sequence[int] | None, narrator: Narrator
) -> People:
    """Take back decisions by their numbers, the tracker's and those made by hand; None: all those made by hand.

    Raises `DataError` for a number that is not there, or when later changes rest on that decision.
    """

    def without(made: list[Edit], automatic: int) -> list[Edit]:
        if numbers is None:
            return []
        wrong = [number for number in numbers if not 1 <= number <= automatic + len(made)]
        if wrong:
            raise DataError(f"there is no decision {wrong[0]}; `posescribe tracks list` shows those there are")
        kept = [edit for number, edit in enumerate(made, start=automatic + 1) if number not in numbers]
        return kept + [Edit("undo", decision=number) for number in numbers if number <= automatic]

    return _change(database, recording, without, narrator)


def _change(
    where: str, recording: str | None, edits_of: Callable[[list[Edit], int], list[Edit]], narrator: Narrator
) -> People:
    with open_database(where, create=False) as database:
        now = current_of(database, recording)
        before, actions = now.track, now.actions
        with database.transaction() as tx:
            automatic = tracks.automatic_run(tx, before)
            edits = edits_of(_stored_edits(before), len(tracks.read_decisions(tx, automatic.id)))
            after = runs.choose(tx, (_apply(tx, automatic, edits) if edits else automatic).id)
            moved, lost = bouts.rematch_annotations(tx, before.recording_id, before.id, after.id)
            if moved or lost:
                narrator.say(f"human labels: {moved} follow their person to another number, {lost} are nobody's now")
            if actions is not None and after.id not in (before.id, automatic.id):
                _name_again(database, after, actions, narrator)
            if before.id not in (after.id, automatic.id):
                runs.delete_run(tx, before.id)
            people = _people(tx, after)
    if after.id != before.id:
        narrator.say(
            "features, export and report now show these people; files written before do not: "
            f"posescribe report {where} --out DIR writes them anew"
        )
    return people


def _apply(tx: Connection, automatic: Run, edits: Sequence[Edit]) -> Run:
    """The run with these edits; made when it is not there."""
    listed = [_plain(edit) for edit in edits]
    fingerprint = runs.fingerprint(stage="track", parent=automatic.fingerprint, edits=listed)
    known = runs.find_run(tx, automatic.recording_id, "track", fingerprint)
    if known is not None:
        return known
    decisions = tracks.read_decisions(tx, automatic.id)
    segments = [Segment(*row) for row in tracks.read_segments(tx, automatic.id)]
    names = {track.track_id: track.name for track in tracks.list_tracks(tx, automatic.id) if track.name}
    for edit in edits:
        concerned = {s.tracklet for s in segments if s.identity is not None and s.identity in (edit.person, edit.other)}
        try:
            if edit.decision is None:
                segments, reason = apply_edit(segments, edit), str(edit)
            else:
                segments, taken = _without(segments, decisions, edit.decision)
                concerned, reason = set(taken.tracklets), f"{edit}: {taken.reason}"
            names = names_after(names, edit)
        except ValueError as error:
            raise DataError(str(error)) from error
        decisions.append(Decision("edit", tuple(sorted(concerned)), edit.person, reason))
    run = runs.start_run(
        tx, automatic.recording_id, "track", fingerprint, settings={**automatic.settings, "edits": listed},
        version=VERSION, parent_id=automatic.parent_id, extra={**automatic.extra, tracks.AUTOMATIC: automatic.id},
    )  # fmt: skip
    tracks.copy_memberships(tx, automatic.id, run.id)
    parts = [(s.tracklet, s.first_frame, s.last_frame, s.identity) for s in segments]
    tracks.apply_identity(tx, run.id, {tracklet: None for tracklet, *_ in parts}, parts)
    present = {track.track_id for track in tracks.list_tracks(tx, run.id)}
    for person, name in names.items():
        if person in present:
            tracks.name_track(tx, run.id, person, name)
    tracks.write_decisions(tx, run.id, decisions)
    return runs.finish_run(tx, run.id)


def _without(segments: Sequence[Segment], decisions: Sequence[Decision], number: int) -> tuple[list[Segment], Decision]:
    if not 1 <= number <= len(decisions) or decisions[number - 1].kind == "edit":
        raise ValueError(f"there is no decision {number} of the tracker")
    taken = decisions[number - 1]
    return take_back(segments, taken.kind, taken.tracklets), taken


def _name_again(database: Database, track_run: Run, actions: Run, narrator: Narrator) -> None:
    """The actions of the changed people, by the model that named them before; told when that can't be had."""
    try:
        model = load_action_model(locate(actions.model_name or ""))
        if model.info.sha256 != actions.model_sha256:
            raise ActionModelError(f"{actions.model_name} is not the model that named them before")
    except ActionModelError as error:
        narrator.say(f"actions are not named on the changed people: {error}")
        return
    settings = Settings(recognise=RecogniseSettings(**actions.settings))
    name_actions(database, track_run, model, settings, narrator)


def _people(tx: Connection, run: Run) -> People:
    members: dict[int, list[int]] = {}
    for tracklet, _, _, person in tracks.read_segments(tx, run.id):
        if person is not None and tracklet not in members.setdefault(person, []):
            members[person].append(tracklet)
    return People(
        recording=recordings.get_recording(tx, run.recording_id).name,
        run_id=run.id,
        tracks=tuple(tracks.list_tracks(tx, run.id)),
        tracklets={person: tuple(numbers) for person, numbers in members.items()},
        decisions=tuple(tracks.read_decisions(tx, run.id)),
        edits=tuple(_stored_edits(run)),
    )


def _stored_edits(run: Run) -> list[Edit]:
    return [Edit(**edit) for edit in run.settings.get("edits", [])]


def _plain(edit: Edit) -> dict[str, Any]:
    return {name: value for name, value in asdict(edit).items() if value is not None}
