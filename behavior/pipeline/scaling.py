"""The scale of a recording: measured on its people, and kept in its folder, where every report finds it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from behavior.errors import DataError
from behavior.pipeline.describe import Parts
from behavior.pipeline.scale import Measured, Scale, measure
from behavior.pipeline.stages import Recording
from behavior.pipeline.told import SCALE, refuse_others
from features.clean import CleanSettings
from storage import tracks
from storage.database import Database
from storage.files import make_folder, write_bytes
from storage.formats.labels.media import called
from storage.runs import Run


def measure_run(database: Database, track_run: Run, said: Scale, cleaning: CleanSettings, where: str) -> Measured:
    """What a scale comes to on the people of a run; raises `DataError` where it can't be had."""
    with database.reading() as tx:
        known = tracks.list_tracks(tx, track_run.id)
    people = {one.track_id: partial(tracks.iter_track_parts, database, track_run.id, one.track_id) for one in known}
    return measure(
        said, people, called(list(people), {one.track_id: one.name for one in known if one.name}), cleaning, where
    )


def keep_scale(database: Database, recording: Recording, track_run: Run, said: Scale, cleaning: CleanSettings) -> None:
    """Puts a scale into the recording's folder; raises `DataError` if it can't be had, and leaves what is there."""
    measure_run(database, track_run, said, cleaning, recording.stored.name)
    refuse_others(database, recording)
    make_folder(recording.folder)
    write_bytes(recording.folder / SCALE, said.text.encode())


def kept_scale(
    folder: Path, people: Mapping[int, Parts], names: Mapping[int, str], cleaning: CleanSettings, where: str,
    notes: list[str],
) -> Measured | None:  # fmt: skip
    """What the scale in a folder comes to; None without one, or where it can't be had any more: `notes` hears it."""
    if not (folder / SCALE).is_file():
        return None
    try:
        return measure(Scale.read(folder / SCALE), people, names, cleaning, where)
    except DataError as error:
        why = str(error).replace(str(folder / SCALE), SCALE)
        notes.append(f"There are no metres, lengths are in pixels and torso lengths: {why}")
        return None
