"""The last stage: out of what is stored, a folder of tables, an overlay video and the report."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from behavior.errors import DataError
from behavior.pipeline.describe import Share, write_features
from behavior.pipeline.progress import Narrator
from behavior.pipeline.settings import Settings
from behavior.pipeline.stages import VERSION, Recording, plain, unusual
from behavior.report.overlay import Overlay, write_overlay, write_overlay_image
from behavior.report.page import ALGORITHM as REPORT
from behavior.report.page import Course, Provenance, ReportData, people_from_courses, write_page
from behavior.report.stills import Stills
from behavior.report.tables import bouts_table, summary_table, write_table
from features.clean import ALGORITHM as FEATURES
from features.clean import CleanSettings
from pose.errors import SourceError
from pose.people import FramePeople
from pose.skeleton import Skeleton
from pose.sources import Frame, FrameSource, open_source
from pose.tracking import Edit
from storage import bouts as stored_bouts
from storage import frames as stored_frames
from storage import poses, runs, skeletons, tracks
from storage.bouts import Bout
from storage.database import Database
from storage.database import made as made_at
from storage.errors import OutputError
from storage.files import make_folder, write_bytes
from storage.formats.keypoints.store import KIND as KEYPOINTS
from storage.runs import Run

NOBODY = "No person was found."
NO_ACTIONS = "Actions were left out, as asked (--actions none)."
UNNAMED = "The actions of the people changed by hand have not been named; posescribe analyze does it."
ON_THE_PAGE = (NOBODY, NO_ACTIONS)
"""Notes that the page makes by itself."""

RUN = "run.json"

FILES = {
    "bouts.csv": "who did what, from when to when",
    "summary.csv": "per person and action: count, total, mean, share, latency",
    "tracks.parquet": "every joint of every person in every frame",
    "features.parquet": "what was measured on each person in each frame",
    RUN: "what made all this: device, models, settings, hashes",
}


def tell(
    database: Database,
    recording: Recording,
    pose_run: Run,
    track_run: Run,
    action_run: Run | None,
    settings: Settings,
    narrator: Narrator,
) -> dict[str, Any]:
    """Writes the recording's folder out of what is stored; `run.json` comes last and vouches for the rest."""
    begin = time.monotonic()
    folder, stored = recording.folder, recording.stored
    refuse_others(database, recording)
    make_folder(folder)
    (folder / RUN).unlink(missing_ok=True)  # until the files are all of this run
    with database.reading() as tx:
        skeleton = skeletons.skeleton_of(tx, track_run.id)
        found = [Bout(**vars(row)) for row in stored_bouts.read_bouts(tx, action_run.id)] if action_run else []
        _, times = poses.frame_times(tx, pose_run.id)
        known = tracks.list_tracks(tx, track_run.id)
        made = runs.provenance(tx, track_run.id) | {"clean": plain(settings.clean), "features": FEATURES}
    names = {track.track_id: track.name for track in known if track.name}
    stored_frames.write_tracks_parquet(database, track_run.id, folder / "tracks.parquet")
    each = [partial(tracks.iter_track_parts, database, track_run.id, track.track_id) for track in known]
    write_features([Share(skeleton, each)], settings.clean, folder / "features.parquet", [made])
    people = [Course.of((part.track for part in parts(0)), skeleton) for parts in each]
    write_table(bouts_table(found), folder / "bouts.csv")
    summary = summary_table(found, people)
    write_table(summary, folder / "summary.csv")

    notes = list(pose_run.extra["notes"])
    if not people:
        notes.append(NOBODY)
    by_hand = [Edit(**edit) for edit in track_run.settings.get("edits", ())]
    if by_hand:
        notes.append(f"Who is who was changed by hand: {'; '.join(map(str, by_hand))}.")
    if action_run is None:
        notes.append(UNNAMED if by_hand else NO_ACTIONS)
    stills = Stills(skeleton)
    drawn = None
    if settings.overlay:
        try:
            drawn = draw(database, recording, pose_run, track_run, skeleton, found, stills, len(times), narrator)
        except SourceError as error:
            notes.append(f"There is no overlay: {error}")
            narrator.say(notes[-1])

    seconds = round(pose_run.extra["seconds"] + time.monotonic() - begin, 3)
    provenance = _provenance(recording, pose_run, track_run, action_run, settings, seconds, len(times), notes)
    write_page(
        ReportData(
            source_name=stored.name,
            source_path=stored.uri,
            width=stored.width,
            height=stored.height,
            start_s=float(times[0]) if len(times) else 0.0,
            stop_s=float(times[-1]) + _frame_interval(times) if len(times) else 0.0,
            n_frames=len(times),
            n_skipped=pose_run.extra["skipped"],
            people=people_from_courses(people, thumbnails=stills.people, names=names),
            bouts=tuple(found),
            summary=summary,
            provenance=Provenance(
                version=VERSION,
                device=pose_run.device or "unknown",
                pose_model=pose_run.model_name or "unknown",
                pose_model_sha256=pose_run.model_sha256 or "",
                action_model=action_run.model_name if action_run else None,
                action_model_sha256=action_run.model_sha256 if action_run else None,
                source_sha256=recording.stored.sha256,
                started=pose_run.started.astimezone().isoformat(timespec="seconds"),
                seconds=seconds,
                frames_per_second=_rate(len(times), pose_run.extra["seconds"]),
                settings=provenance["settings"],
            ),
            notes=tuple(note for note in notes if note not in ON_THE_PAGE),
            overlay=drawn.path.name if drawn else None,
            overlay_start_s=drawn.start_s if drawn else 0.0,
            scene=stills.scene,
            files=FILES,
        ),
        folder / "report.html",
    )
    provenance["result"] = {
        "source": recording.stored.uri,
        "frames": len(times),
        "people": len(people),
        "tracks": len(people),
        "bouts": len(found),
        "device": pose_run.device,
        "model": pose_run.model_name,
        "seconds": seconds,
        "frames_per_second": _rate(len(times), pose_run.extra["seconds"]),
        "report": str(folder / "report.html"),
        "db": database.where,
    }
    written = {name for name in FILES if name != RUN} | {"report.html"} | ({drawn.path.name} if drawn else set())
    provenance |= {"database": {"url": database.url, "made": made_at(database)}, "files": _hashes(folder, written)}
    write_bytes(folder / RUN, json.dumps(provenance, indent=2).encode())
    return dict(provenance["result"])


def draw(
    database: Database,
    recording: Recording,
    pose_run: Run,
    track_run: Run,
    skeleton: Skeleton,
    bouts: Sequence[Bout],
    stills: Stills,
    total: int,
    narrator: Narrator,
) -> Overlay | None:
    """The source again, frame by frame, with everyone drawn in; shows each frame to `stills` too.

    Raises `SourceError` when there are no pictures, the source was live, or is not what was analysed any more.
    """
    if recording.stored.kind == KEYPOINTS:
        raise SourceError(f"{recording.stored.name} was imported as keypoints, without pictures")

    def kept_pairs(source: FrameSource) -> Iterator[tuple[Frame, FramePeople]]:
        for done, people in enumerate(tracks.iter_tracked_frames(database, track_run.id), start=1):
            picture = next(source, None)
            if picture is None:
                return
            yield Frame(people.index, people.time_s, picture.image), people
            narrator.step("overlay", done, total)

    def pairs(source: FrameSource) -> Iterator[tuple[Frame, FramePeople]]:
        known = tracks.iter_tracked_frames(database, track_run.id)
        people = next(known, None)
        for done, frame in enumerate(source, start=1):
            while people is not None and people.index < frame.index:
                people = next(known, None)
            if people is not None and people.index == frame.index:
                yield frame, people
            narrator.step("overlay", done, total)

    with _open_again(recording, pose_run) as source:
        drawn = pairs(source) if recording.stored.sha256 else kept_pairs(source)
        if recording.stored.kind == "image":
            return write_overlay_image(
                *next(drawn), recording.folder / "overlay.jpg", skeleton=skeleton, bouts=bouts, stills=stills
            )
        return write_overlay(drawn, recording.folder / "overlay.mp4", skeleton=skeleton, bouts=bouts, stills=stills)


def _open_again(recording: Recording, pose_run: Run) -> FrameSource:
    """The pictures that were analysed: the source itself or, of one that is over, those that were kept."""
    stored = recording.stored
    if stored.sha256 is None:
        kept = pose_run.extra.get("pictures")
        if kept is None or not Path(kept).is_file():
            raise SourceError(f"{stored.uri} was live, its pictures were not kept")
        return open_source(kept)
    if not recording.is_unchanged:
        raise SourceError(f"{stored.uri} is not the file that was analysed any more")
    return open_source(stored.uri, **pose_run.settings["part"])


def _provenance(
    recording: Recording,
    pose_run: Run,
    track_run: Run,
    action_run: Run | None,
    settings: Settings,
    seconds: float,
    n_frames: int,
    notes: Sequence[str],
) -> dict[str, Any]:
    return {
        "posescribe": VERSION,
        "source": {
            "uri": recording.stored.uri,
            "kind": recording.stored.kind,
            "sha256": recording.stored.sha256,
            "width": recording.stored.width,
            "height": recording.stored.height,
            "frames": n_frames,
            "skipped": pose_run.extra["skipped"],
        },
        "pose": {
            "model": pose_run.model_name,
            "sha256": pose_run.model_sha256,
            "device": pose_run.device,
            "runtime": pose_run.extra.get("runtime"),
            "load": pose_run.extra.get("load"),
        },
        "actions": {"model": action_run.model_name, "sha256": action_run.model_sha256} if action_run else None,
        "settings": {
            "pose": pose_run.settings,
            "track": track_run.settings,
            "actions": action_run.settings if action_run else None,
        },
        "started": pose_run.started.isoformat(timespec="seconds"),
        "seconds": seconds,
        "notes": list(notes),
        "runs": {"pose": pose_run.id, "track": track_run.id, "actions": action_run.id if action_run else None},
        "fingerprint": _told_fingerprint(action_run or track_run, settings),
    }


def _told_fingerprint(last: Run, settings: Settings) -> str:
    own = unusual(plain(settings.clean), plain(CleanSettings())) | {"overlay": settings.overlay}
    finished = None if last.finished is None else last.finished.isoformat()
    return runs.fingerprint(
        stage="tell", algorithm=[FEATURES, REPORT], parent=last.fingerprint, run=[last.id, finished], settings=own
    )


def _hashes(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """sha256 of each file; raises `OutputError` for one that is not there any more."""
    found: dict[str, str] = {}
    for name in sorted(names):
        try:
            with (folder / name).open("rb") as file:
                found[name] = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise OutputError(f"{folder / name}: was written and is gone ({error.strerror}); run again") from error
    return found


def _told(folder: Path) -> dict[str, Any]:
    """What `run.json` says; empty when there is none that can be read."""
    try:
        told = json.loads((folder / RUN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def refuse_others(database: Database, recording: Recording) -> None:
    """Raises `DataError` when the folder holds results of another database that is still there."""
    other = _told(recording.folder).get("database", {})
    url = other.get("url", database.url)
    if url == database.url or other.get("made") == made_at(database):
        return
    if not url.startswith("sqlite:///") or Path(url.removeprefix("sqlite:///")).exists():
        raise DataError(f"{recording.folder}: holds results of another database, {url}; choose another --out")


def already_told(recording: Recording, last: Run, settings: Settings) -> dict[str, Any] | None:
    """The summary of an earlier run of the same command whose files are all there as it wrote them."""
    told = _told(recording.folder)
    if told.get("fingerprint") != _told_fingerprint(last, settings) or not told.get("files"):
        return None
    with suppress(OutputError):
        if _hashes(recording.folder, told["files"]) == told["files"]:
            result: dict[str, Any] = told["result"]
            return result
    return None


def _frame_interval(times: NDArray[np.float64]) -> float:
    return float(np.median(np.diff(times))) if len(times) > 1 else 0.0


def _rate(frames: int, seconds: float) -> float:
    return round(frames / seconds, 2) if seconds > 0 else 0.0
