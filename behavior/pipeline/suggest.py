"""What to label next: a label file to fill in, and a short clip of each moment in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from behavior.pipeline.commands import all_current
from behavior.pipeline.progress import Narrator
from behavior.recognition.model import ActionModel
from behavior.report.moments import write_clip
from behavior.report.tables import write_table
from behavior.training.suggest import choose, moments_of
from pose.errors import SourceError
from pose.sources import open_source, source_hash
from storage import open_database, tracks
from storage.database import Database
from storage.files import make_folder
from storage.formats.keypoints.store import KIND as KEYPOINTS
from storage.formats.labels.media import called
from storage.recordings import Recording
from storage.runs import Current

LABELS, CLIPS = "labels.csv", "clips"
COLUMNS = ("recording", "person", "start_s", "stop_s", "action", "clip", "distance", "doubt", "video")


def suggest(
    database: str,
    out: Path,
    narrator: Narrator,
    *,
    model: ActionModel | None = None,
    count: int = 20,
    window_s: float = 2.0,
    recording: str | None = None,
    clips: bool = True,
) -> dict[str, Any]:
    """Writes `labels.csv`, in which the column `action` is to be filled in, and a clip of each of its moments.

    The file is what `labels import` reads. It does not tell what the model takes a moment for, so that nobody is led by
    that. Where a recording's video is gone, the file has no clip of it, which is said.

    Returns:
        The summary that `posescribe labels suggest --json` prints.

    Raises:
        MissingError, DataError, ActionModelError: see `moments_of`.
        OutputError: the folder can't be written.
    """
    make_folder(out)
    with open_database(database, create=False) as opened:
        moments = moments_of(
            opened, model, window_s, recording=recording,
            progress=lambda done, total, message: narrator.step(message, done, total),
        )  # fmt: skip
        chosen = choose(moments, count)
        found = {stored.id: (stored, now) for stored, _, now in all_current(opened, recording)}
        rows: list[dict[str, Any]] = []
        readable: dict[int, bool] = {}
        for number, (row, distance) in enumerate(zip(chosen.rows, chosen.distance, strict=True), start=1):
            stored, now = found[int(moments.recordings[row])]
            with opened.reading() as tx:
                known = tracks.list_tracks(tx, now.track.id)
            names = called([one.track_id for one in known], {one.track_id: one.name for one in known if one.name})
            person = int(moments.track_ids[row])
            start, stop = round(float(moments.start_s[row]), 3), round(float(moments.stop_s[row]), 3)
            told = {
                "recording": stored.name, "person": names[person], "start_s": start, "stop_s": stop, "action": "",
                "clip": "", "distance": round(float(distance), 3), "doubt": round(float(moments.doubt[row]), 3),
                "video": stored.uri,
            }  # fmt: skip
            if stored.id not in readable:
                readable[stored.id] = clips and _is_readable(stored, narrator)
            if readable[stored.id]:
                narrator.step("clips", number, len(chosen.rows))
                path = f"{CLIPS}/{number:03}.mp4"
                if _cut(opened, stored, now, person, names[person], start, stop, out / path):
                    told["clip"] = path
            rows.append(told)
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    write_table(table, out / LABELS)
    cut = int((table["clip"] != "").sum())
    narrator.say(f"{len(table)} moments to label, {cut} clips: fill in the column action of {out / LABELS}")
    seconds = round(float((table["stop_s"] - table["start_s"]).sum()), 3)
    return {"labels": str(out / LABELS), "moments": len(table), "clips": cut, "seconds": seconds}


def _is_readable(stored: Recording, narrator: Narrator) -> bool:
    """Whether a recording's video is there as it was analysed; if not, the narrator hears why."""
    reason = None
    if stored.kind == KEYPOINTS:
        reason = "was imported as keypoints"
    elif stored.sha256 is None:
        reason = "was live"
    else:
        try:
            if source_hash(stored.uri) != stored.sha256:
                reason = f"{stored.uri} is not the file that was analysed any more"
        except SourceError as error:
            reason = str(error)
    if reason is not None:
        narrator.say(f"note: no clips of {stored.name}: {reason}")
    return reason is None


def _cut(
    database: Database, stored: Recording, now: Current, person: int, name: str, start: float, stop: float, path: Path
) -> bool:
    """One clip; False where the source has no frame then."""
    part = now.pose.settings["part"] | {"start_s": start, "end_s": stop, "every": 1}
    with database.reading() as tx:
        track = tracks.read_track(tx, now.track.id, person)
    with open_source(stored.uri, **part) as source:
        return write_clip(source, track, path, called=name) > 0
