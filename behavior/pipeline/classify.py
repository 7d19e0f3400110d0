"""Actions of stored people by another model, beside those that are there: name, compare, choose.

Each model's bouts are a run of their own; nothing is taken away. What counts is the run that was asked for last
(`storage.runs.current`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from behavior.errors import DataError
from behavior.evaluation.agreement import Coded, agreement
from behavior.pipeline.progress import Narrator
from behavior.pipeline.settings import Settings
from behavior.pipeline.stages import name_actions
from behavior.recognition.model import ActionModel
from behavior.recognition.recognise import RecogniseSettings
from behavior.recognition.rules import UPRIGHT
from behavior.recognition.smoothing import Times
from storage import open_database, poses, recordings, runs, tracks
from storage.bouts import Bout, read_bouts
from storage.database import Database
from storage.errors import MissingError
from storage.formats.labels.media import called
from storage.runs import Current, Run

INSTEAD_OF = "instead_of"
"""In `extra` of a run: key of the run that counted when it was made."""


def classify(where: str, model: ActionModel, narrator: Narrator, *, aside: bool = False) -> list[dict[str, Any]]:
    """Names the actions of all stored people of a database by a model; what was named before stays.

    Args:
        where: the database, file or URL.
        model: saved, so that it has a hash.
        narrator: hears how far it is.
        aside: what counted before goes on counting.

    Returns:
        Of each recording: `recording`, `bouts`, and `counts`, whether they count now; plain JSON.

    Raises:
        MissingError: no recording in it has people.
        ActionModelError: a layout lacks joints that the model needs.
    """
    told = []
    with open_database(where, create=False) as database:
        for name, now in _analysed(database):
            with database.transaction() as tx:
                before = now.actions
                kept = before.settings.get("min_bout_s") if before else None
                settings = Settings(recognise=RecogniseSettings(min_bout_s=kept))
                run = name_actions(database, now.track, model, settings, narrator)
                if before is not None and before.id != run.id and INSTEAD_OF not in run.extra:
                    runs.update_run(tx, run.id, extra={INSTEAD_OF: before.id})
                if aside and before is not None:
                    runs.choose(tx, before.id)
                elif aside:
                    runs.leave_out(tx, now.track.id, "actions")
                found = read_bouts(tx, run.id)
            told.append({"recording": name, "bouts": len(found), "counts": not aside or before == run})
    return told


@dataclass(frozen=True)
class NamedBy:
    """A model that named actions of the people that count.

    Attributes:
        name, sha256: of the model.
        runs: recording -> its run there.
        counts: the recordings in which these bouts count.
        lacks: names of the recordings whose people it has not named.
        first: when it first named any, UTC.
    """

    name: str
    sha256: str
    runs: dict[int, Run]
    counts: tuple[int, ...]
    lacks: tuple[str, ...]
    first: datetime


def named_by(database: Database) -> list[NamedBy]:
    """The models that named actions of the people that count, the newest first."""
    found: dict[str, dict[int, Run]] = {}
    counting: dict[int, int] = {}
    with database.reading() as tx:
        known = {one.id: (one.name, now) for one in recordings.list_recordings(tx) if (now := runs.current(tx, one.id))}
        for recording, (_, now) in known.items():
            counting[recording] = now.actions.id if now.actions else -1
            for run in runs.list_runs(tx, recording):
                if run.stage == "actions" and run.done and run.parent_id == now.track.id:
                    of_model = found.setdefault(run.model_sha256 or "", {})
                    if of_model.get(recording, run).id <= run.id or run.id == counting[recording]:
                        of_model[recording] = run
    models = [
        NamedBy(
            name=next(iter(own.values())).model_name or "unknown",
            sha256=sha256,
            runs=own,
            counts=tuple(recording for recording, run in own.items() if run.id == counting[recording]),
            lacks=tuple(name for recording, (name, _) in known.items() if recording not in own),
            first=min(run.started for run in own.values()),
        )
        for sha256, own in found.items()
    ]
    return sorted(models, key=lambda one: one.first, reverse=True)


def choose(database: Database, sha256: str) -> None:
    """What a model said of each recording counts from now on; raises `DataError` where it has not named any."""
    found = [one for one in named_by(database) if one.sha256 == sha256]
    if not found:
        raise DataError(f"{database.where}: no model {sha256[:12]!r} has named actions of these people")
    with database.transaction() as tx:
        for run in found[0].runs.values():
            runs.choose(tx, run.id)


@dataclass(frozen=True, eq=False)
class Change:
    """What one run of a recording says otherwise than another; being upright is no action.

    Attributes:
        recording, name: key and name.
        before: name of the model of the other run.
        n_before, n_after: bouts of either.
        n_same: bouts of either that have a partner of the same person and action whose intersection over union is at
            least one half.
        seconds: of people's time in which the two differ.
        most: the longest stretches in which they differ, as `Agreement.disagreements` has them (`human` is before).
    """

    recording: int
    name: str
    before: str
    n_before: int
    n_after: int
    n_same: int
    seconds: float
    most: pd.DataFrame


def changes(database: Database, model: NamedBy, most: int = 5) -> list[Change]:
    """By recording, what a model says otherwise than the bouts that count; where its own do, than those before them.

    Recordings in which there is nothing to compare with are left out.
    """
    told = []
    with database.reading() as tx:
        for recording, run in model.runs.items():
            now = runs.current(tx, recording)
            before = now.actions if now else None
            if before is not None and before.id == run.id:
                stored = {one.id: one for one in runs.list_runs(tx, recording)}
                before = stored.get(run.extra.get(INSTEAD_OF, -1))
            if now is not None and before is not None:
                told.append(_change(tx, now, before, run, most))
    return told


def _change(tx: Connection, now: Current, before: Run, run: Run, most: int) -> Change:
    stored = recordings.get_recording(tx, run.recording_id)
    frames, time_s = poses.frame_times(tx, now.pose.id)
    ends_s = Times.of(time_s, RecogniseSettings.max_gap_s).ends_s
    known = tracks.list_tracks(tx, now.track.id)
    names = called([one.track_id for one in known], {one.track_id: one.name for one in known if one.name})
    sides = [[bout for bout in read_bouts(tx, one.id) if bout.action != UPRIGHT] for one in (before, run)]

    def of(person: int, bouts: Sequence[Bout]) -> list[Bout]:
        return [bout for bout in bouts if bout.track_id == person]

    both = []
    for one in known:
        seen = (time_s >= one.start_s) & (time_s <= one.stop_s)
        about = (stored.name, one.track_id, names[one.track_id])
        both.append(
            Coded(*about, frames[seen], time_s[seen], ends_s[seen], *(of(one.track_id, side) for side in sides))
        )
    found = agreement(both)
    rows = found.per_action
    same = int(np.nan_to_num(rows.bout_recall_50 * rows.human_bouts).sum().round()) if len(rows) else 0
    return Change(
        recording=stored.id,
        name=stored.name,
        before=before.model_name or "unknown",
        n_before=len(sides[0]),
        n_after=len(sides[1]),
        n_same=same,
        seconds=float(found.disagreements.duration_s.sum()),
        most=found.disagreements.nlargest(most, "duration_s"),
    )


def _analysed(database: Database) -> list[tuple[str, Current]]:
    with database.reading() as tx:
        found = [
            (one.name, now) for one in recordings.list_recordings(tx) if (now := runs.current(tx, one.id)) is not None
        ]
    if not found:
        raise MissingError(f"{database.where}: no recording in it has been analysed; run posescribe analyze first")
    return found
