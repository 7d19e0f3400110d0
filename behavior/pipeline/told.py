"""What a folder of results says of itself in `run.json`: what it tells, which files it vouches for, whose they are."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from behavior.errors import DataError
from behavior.pipeline.settings import Settings
from behavior.pipeline.stages import Recording, plain, unusual
from behavior.report.page import ALGORITHM as REPORT
from features.clean import ALGORITHM as FEATURES
from features.clean import CleanSettings
from storage import runs, tracks
from storage.coded import told_words
from storage.database import Database
from storage.database import made as made_at
from storage.errors import OutputError
from storage.runs import Run

RUN = "run.json"
ZONES = "zones.json"
"""Areas of the picture, in the recording's folder: a report counts who was in them."""
WORDS = "heading.txt"
"""Lines for the heading, in the recording's folder: place, subject, whatever a reader should know."""
SCALE = "scale.json"
"""A known height or length and a floor, in the recording's folder: a report then tells metres."""
OF_FRAMES = ("features.parquet", "tracks.parquet")
"""Tables of every frame: large, and the same whatever humans or models say of actions."""
NOT_DRAWN = " but for the overlay"


def read_told(folder: Path) -> dict[str, Any]:
    """What `run.json` says; empty when there is none that can be read."""
    try:
        told = json.loads((folder / RUN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def result(provenance: dict[str, Any], database: Database, recording: Recording) -> dict[str, Any]:
    """What `--json` prints. Only there are paths of this machine: `run.json` is made to be handed on."""
    return {
        "source": recording.stored.uri,
        **provenance["result"],
        "report": str(recording.folder / "report.html"),
        "db": database.where,
    }


def told_fingerprint(tx: Connection, track_run: Run, action_run: Run | None, settings: Settings, folder: Path) -> str:
    """Of all that a report tells: what was found, what humans say of it, and how it is told."""
    own = unusual(plain(settings.clean), plain(CleanSettings())) | {"overlay": settings.overlay}
    own |= {} if settings.bin_s is None else {"bin_s": settings.bin_s}
    last = action_run or track_run
    finished = None if last.finished is None else last.finished.isoformat()
    names = [(track.track_id, track.name) for track in tracks.list_tracks(tx, track_run.id) if track.name]
    coded = told_words(tx, track_run.id)
    return runs.fingerprint(
        stage="tell", algorithm=[FEATURES, REPORT], parent=last.fingerprint, run=finished, settings=own,
        coded=coded, names=names, **beside(folder),
    )  # fmt: skip


def beside(folder: Path) -> dict[str, str]:
    """What users say in the folder: the texts of the files of zones, heading and scale that are there."""
    there = (name for name in (ZONES, WORDS, SCALE) if (folder / name).is_file())
    return {name: (folder / name).read_text(encoding="utf-8") for name in there}


def hashes(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """sha256 of each file; raises `OutputError` for one that is not there any more."""
    found: dict[str, str] = {}
    for name in sorted(names):
        try:
            with (folder / name).open("rb") as file:
                found[name] = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise OutputError(f"{folder / name}: was written and is gone ({error.strerror}); run again") from error
    return found


def already_of_frames(folder: Path, told: dict[str, Any], fingerprint: str) -> dict[str, str]:
    """Digests of `OF_FRAMES` as they lie in the folder, if they are of that fingerprint and whole; else empty."""
    files = told.get("files", {})
    if told.get("of_frames") != fingerprint or not all(name in files for name in OF_FRAMES):
        return {}
    with suppress(OutputError):
        found = hashes(folder, OF_FRAMES)
        return found if all(found[name] == files[name] for name in OF_FRAMES) else {}
    return {}


def place_of(database: Database, folder: Path) -> str:
    """Where a database lies as seen from a folder of results, or a digest of its address: nothing of its maker's."""
    file = database.url.removeprefix("sqlite:///")
    with suppress(ValueError):  # another drive
        if file != database.url:
            return os.path.relpath(file, folder)
    return f"sha256:{hashlib.sha256(database.url.encode()).hexdigest()}"


def refuse_others(database: Database, recording: Recording) -> None:
    """Raises `DataError` when the folder holds results of another database that is still there."""
    folder, own = recording.folder, place_of(database, recording.folder)
    other = read_told(folder).get("database", {})
    place = other.get("place", own)
    if place == own or other.get("made") == made_at(database):
        return
    if place.startswith("sha256:") or (folder / place).exists():
        raise DataError(f"{folder}: holds results of another database, {place}; choose another --out")


def already_told(
    database: Database, recording: Recording, track_run: Run, action_run: Run | None, settings: Settings
) -> dict[str, Any] | None:
    """The summary of an earlier run of the same command whose files are all there as it wrote them."""
    told = read_told(recording.folder)
    with database.reading() as tx:
        fingerprint = told_fingerprint(tx, track_run, action_run, settings, recording.folder)
    if told.get("fingerprint") != fingerprint or not told.get("files"):
        return None
    with suppress(OutputError):
        if hashes(recording.folder, told["files"]) == told["files"]:
            return result(told, database, recording)
    return None


def is_current(
    database: Database, recording: Recording, track_run: Run, action_run: Run | None, settings: Settings
) -> bool:
    """Whether the recording's page tells what is stored, whatever the overlay shows."""
    told = read_told(recording.folder)
    with database.reading() as tx:
        fingerprint = told_fingerprint(tx, track_run, action_run, settings, recording.folder)
    page = recording.folder / "report.html"
    return told.get("fingerprint") in (fingerprint, f"{fingerprint}{NOT_DRAWN}") and page.is_file()


def files_of(folder: Path) -> dict[str, Path]:
    """The files that a report's `run.json` vouches for, and itself; those that are there, and no others."""
    names = [name for name in (*read_told(folder).get("files", {}), RUN) if Path(name).name == name]
    return {name: folder / name for name in names if (folder / name).is_file()}
