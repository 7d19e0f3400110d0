"""Files of other programs: what is stored, out; keypoints that others computed, in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from behavior.evaluation.human_labels import stored_media_info
from behavior.pipeline.commands import current_of
from behavior.pipeline.models import locate
from behavior.pipeline.progress import Narrator
from behavior.pipeline.settings import Settings
from behavior.pipeline.stages import VERSION, follow_people, name_actions
from behavior.recognition.model import load_action_model
from pose.tracking import ResolveSettings, TrackerSettings
from storage import bouts, open_database, recordings, runs, tracks
from storage.bouts import Bout
from storage.database import Database
from storage.errors import ExchangeError, MissingError
from storage.files import make_folder
from storage.formats.keypoints import READERS, WRITERS, detect
from storage.formats.keypoints.content import clock_of, in_pixels
from storage.formats.keypoints.openpose_json import read as read_openpose
from storage.formats.keypoints.store import content_hash, store_keypoints
from storage.formats.labels import BOUT_WRITERS
from storage.runs import Current

_ENDINGS = (".analysis.h5", "_keypoints.json")
"""Of files that other programs name after a recording; longer than a suffix."""

IMPORTED = Settings(
    tracker=TrackerSettings(strong_score=0.2, weak_score=0.03),
    resolve=ResolveSettings(still_score=0.25, min_seconds=0.1),
)
"""How imported people are followed: other programs' scores are no probabilities, and mostly lower."""


def export(database: str, recording: str | None, format: str, path: Path) -> list[Path]:
    """Write the tracks that count, or their bouts, of a recording as a file of another program; gives the files.

    Args:
        database: file or URL.
        recording: which, see `recordings.select_recordings`; needed when there are several.
        format: one of `WRITERS` or `BOUT_WRITERS`.
        path: the file (for OpenPose, the folder).

    Raises:
        MissingError: the recording is not there or was not analysed.
        ExchangeError, OutputError: the format can't hold it, or the file can't be written.
    """
    with open_database(database, create=False) as opened:
        now = current_of(opened, recording)
        if format in WRITERS:
            return WRITERS[format](opened, now.track.id, path)
        return _export_bouts(opened, now, BOUT_WRITERS[format], path)


def _export_bouts(database: Database, now: Current, write: Callable[..., None], path: Path) -> list[Path]:
    with database.reading() as tx:
        stored = recordings.get_recording(tx, now.track.recording_id)
        if now.actions is None:
            raise MissingError(
                f"{database.where}: no actions of {stored.name}; run posescribe analyze or import with --actions"
            )
        found = [Bout(**vars(row)) for row in bouts.read_bouts(tx, now.actions.id)]
        media = stored_media_info(tx, stored, now.track.id, date=now.actions.finished)
    make_folder(path.parent)
    write(found, media, path)
    return [path]


def import_keypoints(
    path: Path,
    database: str,
    narrator: Narrator,
    *,
    format: str | None = None,
    fps: float | None = None,
    times: Path | None = None,
    name: str | None = None,
    size: tuple[int, int] | None = None,
    actions: str = "none",
) -> dict[str, object]:
    """Bring the keypoints of a file into a database, all or nothing: a recording, its people and their tracks.

    Who is who stands in the file or, where it doesn't, is found by the tracker.

    Args:
        path: file or folder.
        database: file, made if it is not there, or URL.
        narrator: hears what is done.
        format: one of `READERS`; None: seen from the file.
        fps: frames per second, where the format has no time; it overrides the file's own times.
        times: text file with the time of each frame instead, seconds.
        size: width and height of the picture, pixels: positions from 0 to 1 are multiplied by it.
        name: of the recording; None: that of the file.
        actions: action model by name or file, `none` for no actions.

    Returns:
        The summary that `posescribe import --json` prints.

    Raises:
        ExchangeError: the file is not as its format says.
        ActionModelError: the model is unknown, or the skeleton lacks joints that it needs.
    """
    chosen = format or detect(path)
    if not path.exists():
        raise ExchangeError(f"{path}: no such file or folder")
    if name is not None and recordings.folder_name(name) != name:
        raise ExchangeError(f"{name!r} can't name a recording, since it names a folder, too; choose another --name")
    clock = clock_of(fps, times)
    # A folder of OpenPose's files may hold several videos; the name says which.
    content = read_openpose(path, clock, name=name) if chosen == "openpose-json" else READERS[chosen](path, clock)
    content = in_pixels(content, size, path)
    settings: dict[str, object] = {
        "format": chosen,
        "fps": fps,
        "times": None if times is None else content_hash(times),
        "video": name if chosen == "openpose-json" else None,
    }
    if size is not None:
        settings["size"] = size
    model = None if actions == "none" else load_action_model(locate(actions))
    called = name or _stem(path)
    with open_database(database) as opened, opened.transaction() as tx:
        stored = store_keypoints(
            opened, content, path.resolve(), name=called, sha256=content_hash(path), settings=settings,
            version=VERSION,
        )  # fmt: skip
        for note in stored.pose_run.extra["notes"]:
            narrator.say(note)
        if stored.track_run is not None:
            track_run = runs.choose(tx, (tracks.changed_run(tx, stored.track_run) or stored.track_run).id)
        else:
            track_run = follow_people(opened, stored.pose_run, IMPORTED, narrator)
        named = bouts.read_bouts(tx, name_actions(opened, track_run, model, Settings(), narrator).id) if model else []
        recording = recordings.get_recording(tx, stored.recording_id)
        if recording.name != called:
            narrator.say(f"another recording is called {called} already; this one is {recording.name}")
        people = len(tracks.list_tracks(tx, track_run.id))
    if not stored.new:
        narrator.say(f"{recording.name}: was imported before; nothing to do")
    return {
        "source": str(path),
        "format": chosen,
        "recording": recording.name,
        "frames": stored.n_frames,
        "people": people,
        "bouts": len(named),
        "skeleton": content.skeleton.name,
        "joints": len(content.skeleton),
        "identities": "file" if stored.track_run else "tracker",
        "new": stored.new,
        "db": database,
    }


def _stem(path: Path) -> str:
    """`walk` of `walk.analysis.h5`: the name without its suffix, or without a known double one."""
    whole = path.resolve()
    if whole.is_dir():
        return recordings.folder_name(whole.name)
    ending = next((ending for ending in _ENDINGS if whole.name.lower().endswith(ending)), whole.suffix)
    return recordings.folder_name(whole.name[: len(whole.name) - len(ending)] or whole.name)
