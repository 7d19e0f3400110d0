"""The way of the data, stage by stage: the one file that sees all four packages.

    find_people    source -> people of each frame, stored as they come
    follow_people  people -> tracks
    name_actions   tracks -> bouts
    tell           all of it -> tables, overlay video, report

Each stage is a run in the database, found again by a fingerprint of everything that decides its result: one that is
done is not done again, `find_people` goes on where it was killed, the others are one transaction each.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from behavior.classifiers.model import ActionModel
from behavior.describe import write_features
from behavior.errors import BehaviorError
from behavior.labels import Bout
from behavior.loading import Models
from behavior.narrator import Narrator
from behavior.recognise import recognise
from behavior.report.files import make_folder, write_bytes
from behavior.report.overlay import Overlay, write_overlay, write_overlay_image
from behavior.report.page import Provenance, ReportData, people_from_tracks, write_page
from behavior.report.stills import Stills
from behavior.report.tables import bouts_table, summary_table, write_table
from behavior.settings import Part, Settings
from features.clean import CleanSettings
from features.errors import FeatureError
from pose.backends.base import ModelInfo
from pose.errors import PoseError, SourceError
from pose.people import FramePeople, Track
from pose.skeleton import Skeleton
from pose.sources import Frame, FrameSource, expand, open_source, source_hash
from pose.tracking import Tracker, resolve
from storage import bouts as stored_bouts
from storage import frames as stored_frames
from storage import open_database, poses, recordings, runs, skeletons, tracks
from storage.database import Database
from storage.errors import MissingError, StorageError
from storage.exchange.openpose_json import write_openpose_json
from storage.recordings import Recording as StoredRecording
from storage.runs import Run

VERSION = version("posescribe")

COMMIT_EVERY_S = 5.0
"""Work that a kill can lose, seconds."""


@dataclass(frozen=True)
class Recording:
    """A source in the database, and the folder of its results."""

    stored: StoredRecording
    folder: Path

    @property
    def id(self) -> int:
        return self.stored.id


def analyze_all(
    specs: Sequence[str],
    out: Path,
    database: str | Path | None,
    models: Models,
    settings: Settings,
    narrator: Narrator,
    *,
    restart: bool,
) -> tuple[list[dict[str, Any]], list[str]]:
    """Every source through all stages; one that fails does not stop the others.

    Returns:
        The summaries of those that were done, and a message for each that was not.
    """
    make_folder(out)
    with open_database(database or out / "posescribe.db") as opened:

        def one(spec: str) -> dict[str, Any]:
            return analyze(opened, spec, out, models, settings, narrator, restart=restart)

        return _each(specs, one, narrator)


def pose_all(
    specs: Sequence[str], out: Path, models: Models, settings: Settings, narrator: Narrator, *, restart: bool
) -> tuple[list[dict[str, Any]], list[str]]:
    """People of every source as OpenPose JSON in `out/json`, and the overlay if `settings` ask for it."""
    make_folder(out)
    with open_database(out / "posescribe.db") as opened:

        def one(spec: str) -> dict[str, Any]:
            recording = find_recording(opened, spec, out)
            if restart:
                forget(opened, recording, models, settings)
            pose_run = find_people(opened, recording, models, settings, narrator)
            track_run = follow_people(opened, pose_run, settings, narrator)
            count = write_openpose_json(
                tracks.iter_identified_frames(opened, track_run.id), out / "json", recording.folder.name
            )
            drawn = None
            if settings.overlay:
                with opened.reading() as tx:
                    skeleton = skeletons.skeleton_of(tx, track_run.id)
                make_folder(recording.folder)
                drawn = _draw(opened, recording, pose_run, track_run, skeleton, (), Stills(skeleton), count, narrator)
            return {
                "source": spec,
                "frames": count,
                "device": pose_run.device,
                "model": pose_run.model_name,
                "json": str(out / "json"),
                "overlay": str(drawn.path) if drawn else None,
                "db": opened.where,
            }

        return _each(specs, one, narrator)


def report_all(database: str, out: Path, settings: Settings, narrator: Narrator) -> list[dict[str, Any]]:
    """Tells every recording of a database again from what is stored.

    Raises `MissingError` when no recording in it has been analysed.
    """
    make_folder(out)
    results: list[dict[str, Any]] = []
    with open_database(database, create=False) as opened:
        with opened.reading() as tx:
            known = recordings.list_recordings(tx)
        for stored in known:
            with opened.reading() as tx:
                track_run = runs.latest_run(tx, stored.id, "track")
                action_run = runs.latest_run(tx, stored.id, "actions")
                if track_run is None or track_run.parent_id is None:
                    continue
                if action_run is not None and action_run.parent_id != track_run.id:
                    action_run = None
                pose_run = runs.get_run(tx, track_run.parent_id)
            recording = _stored_recording(opened, stored, out)
            results.append(tell(opened, recording, pose_run, track_run, action_run, settings, narrator))
        if not results:
            raise MissingError(f"{opened.where}: no recording in it has been analysed; run posescribe analyze first")
    return results


def write_stored_features(
    database: str,
    recording: str | None,
    path: Path,
    settings: CleanSettings,
    windows: tuple[float, float] | None,
    narrator: Narrator,
) -> int:
    """Features of a stored recording, straight from the database; gives the number of rows.

    Raises `MissingError` when the recording is not there, was not analysed, or is one of several and not named.
    """
    make_folder(path.parent)
    with open_database(database, create=False) as opened:
        track_run = _track_run(opened, recording)
        with opened.reading() as tx:
            skeleton = skeletons.skeleton_of(tx, track_run.id)
            total = len(tracks.list_tracks(tx, track_run.id))

        def people() -> Iterator[Track]:
            for done, track in enumerate(tracks.iter_tracks(opened, track_run.id), start=1):
                yield track
                narrator.step("features", done, total)

        return write_features(people(), skeleton, settings, path, windows)


def _track_run(database: Database, recording: str | None) -> Run:
    """The newest tracks of a recording, of the only one when none is named."""
    with database.reading() as tx:
        found = [
            (stored, run)
            for stored in recordings.list_recordings(tx)
            if recording in (None, stored.name) and (run := runs.latest_run(tx, stored.id, "track"))
        ]
    if not found:
        named = f"no analysed recording {recording!r}" if recording else "no recording in it has been analysed"
        raise MissingError(f"{database.where}: {named}; run posescribe analyze first")
    if len(found) > 1:
        names = ", ".join(stored.name for stored, _ in found)
        raise MissingError(f"{database.where}: has several recordings ({names}); choose one with --recording")
    return found[0][1]


def _each(
    specs: Sequence[str], one: Callable[[str], dict[str, Any]], narrator: Narrator
) -> tuple[list[dict[str, Any]], list[str]]:
    """A single source's error is raised; of several sources, each error is told and the next source begins."""
    results: list[dict[str, Any]] = []
    failed: list[str] = []
    sources = expand(specs)
    for number, spec in enumerate(sources, start=1):
        if len(sources) > 1:
            narrator.say(f"[{number} of {len(sources)}] {spec}")
        try:
            results.append(one(spec))
        except (PoseError, StorageError, FeatureError, BehaviorError) as error:
            if len(sources) == 1:
                raise
            failed.append(str(error))
            narrator.say(f"failed: {error}")
    return results, failed


def find_recording(database: Database, spec: str, out: Path) -> Recording:
    """Looks at a source and enters it into the database.

    Raises `SourceError` when it can't be read.
    """
    sha256 = source_hash(spec)
    with open_source(spec) as source:
        info = source.info
    name = Path(info.name).stem if info.kind in ("image", "video") else info.name
    with database.transaction() as tx:
        key = recordings.ensure_recording(
            tx, name=name, uri=info.uri, kind=info.kind, sha256=sha256, width=info.width, height=info.height,
            fps=info.fps, duration_s=info.duration_s, n_frames=info.n_frames,
        )  # fmt: skip
        stored = recordings.get_recording(tx, key)
    return _stored_recording(database, stored, out)


def _stored_recording(database: Database, stored: StoredRecording, out: Path) -> Recording:
    with database.reading() as tx:
        older = any(r.name == stored.name and r.id < stored.id for r in recordings.list_recordings(tx))
    # Two files of one name: the second one's folder says which it is.
    mark = stored.sha256[:8] if stored.sha256 else str(stored.id)
    return Recording(stored, out / (f"{stored.name}-{mark}" if older else stored.name))


def analyze(
    database: Database, spec: str, out: Path, models: Models, settings: Settings, narrator: Narrator, *, restart: bool
) -> dict[str, Any]:
    """One source through all stages.

    Args:
        database: where everything is kept.
        spec: one source, as `pose.sources.expand` gives them.
        out: the results go to a folder in it, named after the source.
        restart: forget what an earlier run of the same command left.

    Returns:
        The summary that `posescribe analyze --json` prints.
    """
    recording = find_recording(database, spec, out)
    if restart:
        forget(database, recording, models, settings)
    pose_run = find_people(database, recording, models, settings, narrator)
    track_run = follow_people(database, pose_run, settings, narrator)
    action_run = name_actions(database, track_run, models.actions, settings, narrator) if models.actions else None
    told = _already_told(recording, action_run or track_run, settings)
    if told is not None and not restart:
        narrator.say(f"{recording.stored.name}: nothing to do, it is up to date (--restart does it again)")
        return told
    return tell(database, recording, pose_run, track_run, action_run, settings, narrator)


def forget(database: Database, recording: Recording, models: Models, settings: Settings) -> None:
    """Deletes what an earlier run of the same command stored."""
    with database.transaction() as tx:
        run = runs.find_run(tx, recording.id, "pose", _pose_fingerprint(recording, models.pose, settings))
        if run is not None:
            runs.delete_run(tx, run.id)


def find_people(
    database: Database, recording: Recording, models: Models, settings: Settings, narrator: Narrator
) -> Run:
    """Source -> people of each frame. Goes on behind the last stored frame; keeps what is done when it is stopped."""
    fingerprint = _pose_fingerprint(recording, models.pose, settings)
    with database.transaction() as tx:
        run = runs.find_run(tx, recording.id, "pose", fingerprint)
        if run is not None and run.done:
            return run
        last = poses.last_frame(tx, run.id) if run is not None else None
        done = poses.count_frames(tx, run.id) if run is not None else 0
    if last is not None:
        narrator.say(f"{recording.stored.name}: going on after frame {last[0]} ({last[1]:.2f} s)")
    engine = models.engine(settings.engine)
    if run is None:
        with database.transaction() as tx:
            run = runs.start_run(
                tx, recording.id, "pose", fingerprint, version=VERSION,
                settings=_plain(settings.engine) | {"part": _plain(settings.part)},
                skeleton=engine.skeleton, model_name=engine.model.name,
                model_sha256=engine.model.sha256, device=engine.device,
                extra={"skipped": 0, "seconds": 0.0, "notes": [], "runtime": engine.runtime},
            )  # fmt: skip
    part = settings.part
    chunk: list[FramePeople] = []
    saved = begin = time.monotonic()

    def save(source: FrameSource) -> None:
        nonlocal saved
        with database.transaction() as tx:
            poses.append_frames(tx, run.id, chunk)
            extra = {
                "skipped": run.extra["skipped"] + source.skipped,
                "seconds": round(run.extra["seconds"] + time.monotonic() - begin, 3),
                "notes": list(dict.fromkeys([*run.extra["notes"], *source.notes])),
            }
            runs.update_run(tx, run.id, device=engine.device, extra=extra)
        chunk.clear()
        saved = time.monotonic()

    with engine.open(
        recording.stored.uri, start_s=part.start_s, end_s=part.end_s, every=part.every, after=last
    ) as stream:
        expected = stream.source.expected_frames
        total = None if expected is None else done + expected
        narrator.step("people", done, total)
        try:
            for frame in stream:
                chunk.append(FramePeople(frame.index, frame.time_s, frame.people))
                done += 1
                narrator.step("people", done, total)
                if len(chunk) == poses.CHUNK or time.monotonic() - saved > COMMIT_EVERY_S:
                    save(stream.source)
        except KeyboardInterrupt:
            if not stream.source.live:
                raise
        finally:
            save(stream.source)
    with database.transaction() as tx:
        return runs.finish_run(tx, run.id)


def follow_people(database: Database, pose_run: Run, settings: Settings, narrator: Narrator) -> Run:
    """People -> tracks: frame by frame first, then over the whole recording. All or nothing."""
    own = {"tracker": _plain(settings.tracker), "resolve": _plain(settings.resolve)}
    fingerprint = runs.fingerprint(stage="track", version=VERSION, parent=pose_run.fingerprint, settings=own)
    with database.transaction() as tx:
        run = runs.find_run(tx, pose_run.recording_id, "track", fingerprint)
        if run is not None:
            return run
        run = runs.start_run(
            tx, pose_run.recording_id, "track", fingerprint, settings=own, version=VERSION, parent_id=pose_run.id
        )
        total = poses.count_frames(tx, pose_run.id)
        tracker = Tracker(skeletons.skeleton_of(tx, pose_run.id), settings.tracker)
        chunk: list[FramePeople] = []
        for done, frame in enumerate(poses.iter_frames(database, pose_run.id), start=1):
            chunk.append(tracker.update(frame))
            if len(chunk) == poses.CHUNK or done == total:
                tracks.append_memberships(tx, run.id, chunk)
                chunk.clear()
                narrator.step("tracks", done, total)
        found = resolve(tracker.finish(), settings.resolve)
        parts = [(s.tracklet, s.first_frame, s.last_frame, s.identity) for s in found.exceptions]
        tracks.apply_identity(tx, run.id, found.identity, parts)
        tracks.write_decisions(
            tx,
            run.id,
            (
                tracks.Decision(d.kind, d.tracklets, found.identity[d.tracklets[0]], d.reason, d.numbers)
                for d in found.decisions
            ),
        )
        return runs.finish_run(tx, run.id)


def name_actions(database: Database, track_run: Run, model: ActionModel, settings: Settings, narrator: Narrator) -> Run:
    """Tracks -> bouts. All or nothing."""
    fingerprint = runs.fingerprint(
        stage="actions", version=VERSION, parent=track_run.fingerprint, model=model.info.sha256,
        settings=_plain(settings.recognise),
    )  # fmt: skip
    with database.transaction() as tx:
        run = runs.find_run(tx, track_run.recording_id, "actions", fingerprint)
        if run is not None:
            return run
        run = runs.start_run(
            tx, track_run.recording_id, "actions", fingerprint, settings=_plain(settings.recognise), version=VERSION,
            model_name=model.info.name, model_sha256=model.info.sha256, parent_id=track_run.id,
        )  # fmt: skip
        skeleton = skeletons.skeleton_of(tx, track_run.id)
        total = len(tracks.list_tracks(tx, track_run.id))
        for done, track in enumerate(tracks.iter_tracks(database, track_run.id), start=1):
            stored_bouts.write_bouts(tx, run.id, recognise(track, skeleton, model, settings.recognise).bouts)
            narrator.step("actions", done, total)
        return runs.finish_run(tx, run.id)


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
    make_folder(folder)
    with database.reading() as tx:
        skeleton = skeletons.skeleton_of(tx, track_run.id)
        found = [Bout(**vars(row)) for row in stored_bouts.read_bouts(tx, action_run.id)] if action_run else []
        _, times = poses.frame_times(tx, pose_run.id)
        names = {track.track_id: track.name for track in tracks.list_tracks(tx, track_run.id) if track.name}
    people = list(tracks.iter_tracks(database, track_run.id))
    stored_frames.write_tracks_parquet(database, track_run.id, folder / "tracks.parquet")
    write_features(people, skeleton, settings.clean, folder / "features.parquet")
    write_table(bouts_table(found), folder / "bouts.csv")
    summary = summary_table(found, people)
    write_table(summary, folder / "summary.csv")

    notes = list(pose_run.extra["notes"])
    if not people:
        notes.append(NOBODY)
    if action_run is None:
        notes.append(NO_ACTIONS)
    stills = Stills(skeleton)
    drawn = None
    if settings.overlay:
        try:
            drawn = _draw(database, recording, pose_run, track_run, skeleton, found, stills, len(times), narrator)
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
            people=people_from_tracks(people, skeleton, thumbnails=stills.people, names=names),
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
    write_bytes(folder / "run.json", json.dumps(provenance, indent=2).encode())
    return dict(provenance["result"])


NOBODY = "No person was found."
NO_ACTIONS = "Actions were left out, as asked (--actions none)."
ON_THE_PAGE = (NOBODY, NO_ACTIONS)
"""Notes that the page makes by itself."""

FILES = {
    "bouts.csv": "who did what, from when to when",
    "summary.csv": "per person and action: count, total, mean, share, latency",
    "tracks.parquet": "every joint of every person in every frame",
    "features.parquet": "what was measured on each person in each frame",
    "run.json": "what made all this: device, models, settings, hashes",
}


def _draw(
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
    if recording.stored.sha256 is None:
        raise SourceError(f"{recording.stored.uri} was live, its pictures were not kept")
    if source_hash(recording.stored.uri) != recording.stored.sha256:
        raise SourceError(f"{recording.stored.uri} is not the file that was analysed any more")
    part = Part(**pose_run.settings["part"])

    def pairs(source: FrameSource) -> Iterator[tuple[Frame, FramePeople]]:
        known = tracks.iter_tracked_frames(database, track_run.id)
        people = next(known, None)
        for done, frame in enumerate(source, start=1):
            while people is not None and people.index < frame.index:
                people = next(known, None)
            if people is not None and people.index == frame.index:
                yield frame, people
            narrator.step("overlay", done, total)

    with open_source(recording.stored.uri, **asdict(part)) as source:
        drawn = pairs(source)
        if recording.stored.kind == "image":
            return write_overlay_image(
                *next(drawn), recording.folder / "overlay.jpg", skeleton=skeleton, bouts=bouts, stills=stills
            )
        return write_overlay(drawn, recording.folder / "overlay.mp4", skeleton=skeleton, bouts=bouts, stills=stills)


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


# --- small parts ---------------------------------------------------------------------------------------------------


def _pose_fingerprint(recording: Recording, model: ModelInfo, settings: Settings) -> str:
    # A live source has no hash: each session of a camera is its own recording.
    source = recording.stored.sha256 or f"live {recording.id}"
    return runs.fingerprint(
        stage="pose", version=VERSION, source=source, model=model.sha256,
        settings=_plain(settings.engine), part=_plain(settings.part),
    )  # fmt: skip


def _plain(settings: Any) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(asdict(settings)))
    return plain


def _told_fingerprint(last: Run, settings: Settings) -> str:
    own = {"clean": _plain(settings.clean), "overlay": settings.overlay}
    return runs.fingerprint(stage="tell", version=VERSION, parent=last.fingerprint, settings=own)


def _already_told(recording: Recording, last: Run, settings: Settings) -> dict[str, Any] | None:
    """The summary of an earlier run of the same command whose files are all there."""
    try:
        provenance = json.loads((recording.folder / "run.json").read_text(encoding="utf-8"))
        result: dict[str, Any] = provenance["result"]
    except (OSError, ValueError, KeyError):
        return None
    if provenance.get("fingerprint") != _told_fingerprint(last, settings):
        return None
    there = all((recording.folder / name).is_file() for name in ("report.html", *FILES))
    return result if there else None


def _frame_interval(times: NDArray[np.float64]) -> float:
    return float(np.median(np.diff(times))) if len(times) > 1 else 0.0


def _rate(frames: int, seconds: float) -> float:
    return round(frames / seconds, 2) if seconds > 0 else 0.0
