"""What each command does, from its sources to its results: the one file that sees all four packages.

source -> find_people -> follow_people -> name_actions (behavior/pipeline/stages.py) -> tell (behavior/pipeline/tell.py)
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection

from behavior.errors import BehaviorError
from behavior.labels import actions_of
from behavior.pipeline.describe import BoutLike, Parts, Rows, Share, write_features
from behavior.pipeline.drawing import STILLS, draw
from behavior.pipeline.index import write_index
from behavior.pipeline.loading import Models
from behavior.pipeline.progress import Narrator
from behavior.pipeline.scale import Scale, for_one
from behavior.pipeline.scaling import keep_scale, measure_run
from behavior.pipeline.settings import Part, Settings
from behavior.pipeline.stages import (
    Recording,
    find_people,
    follow_people,
    forget,
    hash_of,
    name_actions,
    plain,
)
from behavior.pipeline.tell import tell
from behavior.pipeline.told import SCALE, WORDS, ZONES, already_told, files_of, is_current, refuse_others
from behavior.report.stills import Stills
from features.catalog import CATALOGUE
from features.clean import CleanSettings
from features.errors import FeatureError
from features.zones import Zone, read_zones
from pose.errors import PoseError
from pose.people import Track
from pose.sources import SourceInfo, expand, image_names, is_there, open_source, shown, source_stamp
from storage import bouts as stored_bouts
from storage import open_database, recordings, runs, skeletons, tracks
from storage.coded import words_of_run
from storage.database import Database
from storage.errors import MissingError, StorageError
from storage.failures import forget_failure, note_failure
from storage.files import make_folder, write_bytes
from storage.formats.keypoints.openpose_json import write_openpose_json
from storage.recordings import Recording as StoredRecording
from storage.runs import Current, Run
from storage.tracks import TrackInfo


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
    for_one(settings.scale, len(expand(specs)))
    make_folder(out)
    with open_database(database or out / "posescribe.db") as opened:

        def one(spec: str) -> dict[str, Any]:
            with noting_failure(opened, spec):
                return analyze(opened, spec, out, models, settings, narrator, restart=restart)

        return _each(specs, one, narrator, lambda spec, reason: note_failed(opened, spec, reason))


def note_failed(database: Database, spec: str, reason: str) -> None:
    """`posescribe status` tells that a source failed, and why, until it is analysed."""
    with suppress(StorageError), database.transaction() as tx:  # where the database fails there is nowhere to note it
        note_failure(tx, shown(spec), reason)


def forget_failed(database: Database, spec: str) -> None:
    """A source is analysed now."""
    with database.transaction() as tx:
        forget_failure(tx, shown(spec))


@contextmanager
def noting_failure(database: Database, spec: str) -> Iterator[None]:
    """Notes the error that the block ends with, or that there was none."""
    try:
        yield
    except (PoseError, StorageError, FeatureError, BehaviorError) as error:
        note_failed(database, spec, str(error))
        raise
    forget_failed(database, spec)


def pose_all(
    specs: Sequence[str], out: Path, models: Models, settings: Settings, narrator: Narrator, *, restart: bool
) -> tuple[list[dict[str, Any]], list[str]]:
    """People of every source as OpenPose JSON in `out/json`, and the overlay if `settings` ask for it."""
    make_folder(out)
    with open_database(out / "posescribe.db") as opened:

        def one(spec: str) -> dict[str, Any]:
            with find_recording(opened, spec, out, settings.part) as recording:
                if restart:
                    forget(opened, recording, models, settings)
                pose_run = find_people(opened, recording, models, settings, narrator)
            track_run = follow_people(opened, pose_run, settings, narrator)
            count = write_openpose_json(
                tracks.iter_identified_frames(opened, track_run.id),
                out / "json",
                recording.folder.name,
                image_names(Path(recording.stored.uri)) if recording.stored.kind == "folder" else None,
            )
            drawn = None
            if settings.overlay:
                with opened.reading() as tx:
                    skeleton = skeletons.skeleton_of(tx, track_run.id)
                make_folder(recording.folder)
                drawn = draw(opened, recording, pose_run, track_run, skeleton, (), Stills(skeleton), count, narrator)
            return {
                "source": shown(spec),
                "frames": count,
                "device": pose_run.device,
                "model": pose_run.model_name,
                "refiner": pose_run.extra.get("refiner", {}).get("name"),
                "json": str(out / "json"),
                "overlay": str(drawn.path) if drawn else None,
                "db": opened.where,
            }

        return _each(specs, one, narrator)


def report_all(
    database: str,
    out: Path,
    settings: Settings,
    narrator: Narrator,
    recording: str | None = None,
    zones: Path | None = None,
    heading: Sequence[str] = (),
    *,
    no_scale: bool = False,
) -> list[dict[str, Any]]:
    """Tells every recording of a database, or the one that is named, again from what is stored.

    `out/recordings.html` lists all recordings of the database. A file of zones is copied into the folder of each and is
    theirs from then on; so are lines for the heading and, until `no_scale` takes it away, a scale of the settings.

    Raises `MissingError` when no recording in it has been analysed, or none is called so.
    """
    make_folder(out)
    results: list[dict[str, Any]] = []
    with open_database(database, create=False) as opened:
        with opened.reading() as tx:
            known = recordings.select_recordings(tx, recording)
            if recording is not None and not known:
                names = ", ".join(stored.name for stored in recordings.list_recordings(tx)) or "none"
                raise MissingError(f"{opened.where}: no recording {recording!r}; it has {names}")
        for_one(settings.scale, len(known))
        for stored in known:
            with opened.reading() as tx:
                now = runs.current(tx, stored.id)
            if now is not None:
                told = _stored_recording(opened, stored, out)
                if zones is not None:
                    read_zones(zones)
                    _keep(opened, told, ZONES, zones.read_bytes())
                if settings.scale is not None:
                    keep_scale(opened, told, now.track, settings.scale, settings.clean)
                elif no_scale:
                    (told.folder / SCALE).unlink(missing_ok=True)
                if heading:
                    _keep(opened, told, WORDS, "".join(f"{line}\n" for line in heading).encode())
                results.append(tell(opened, told, now.pose, now.track, now.actions, settings, narrator))
        if not results:
            raise MissingError(f"{opened.where}: no recording in it has been analysed; run posescribe analyze first")
        narrator.say(str(write_index(opened, out)))
    return results


def _keep(database: Database, told: Recording, name: str, content: bytes) -> None:
    refuse_others(database, told)
    make_folder(told.folder)
    write_bytes(told.folder / name, content)


def current_report(database: Database, recording: int, out: Path, narrator: Narrator) -> dict[str, Path]:
    """The files of a recording's report by name, told anew where what is stored has changed since.

    An overlay that is there stays, as does the video: what a page needs is drawn by the page.

    Args:
        database: has the recording.
        recording: its key.
        out: the report is in a folder of this one.
        narrator: hears what is done.

    Raises `MissingError` when there is no such recording, or it was not analysed.
    """
    with database.reading() as tx:
        stored, now = recordings.get_recording(tx, recording), runs.current(tx, recording)
    if now is None:
        raise MissingError(f"{database.where}: {stored.name} has not been analysed; run posescribe analyze first")
    told = _stored_recording(database, stored, out)
    settings = Settings()
    if not is_current(database, told, now.track, now.actions, settings):
        make_folder(out)
        tell(database, told, now.pose, now.track, now.actions, settings, narrator, redraw=False)
    return files_of(told.folder)


def report_files(database: Database, recording: int, out: Path) -> dict[str, Path]:
    """The files of a recording's report as it was told last, by name; raises `MissingError`."""
    with database.reading() as tx:
        stored = recordings.get_recording(tx, recording)
    return files_of(_stored_recording(database, stored, out).folder)


def report_pictures(database: Database, recording: int, out: Path) -> dict[str, Path]:
    """`scene.jpg` of a recording's report, where there is one; raises `MissingError`."""
    with database.reading() as tx:
        stored = recordings.get_recording(tx, recording)
    scene = _stored_recording(database, stored, out).folder / STILLS / "scene.jpg"
    return {"scene.jpg": scene} if scene.is_file() else {}


def write_stored_features(
    database: str,
    recording: str | None,
    path: Path,
    settings: CleanSettings,
    narrator: Narrator,
    *,
    windows: tuple[float, float] | None = None,
    bouts: Literal["automatic", "human"] | None = None,
    zones: Sequence[Zone] = (),
    pairs: bool = False,
    names: Sequence[str] | None = None,
    scale: Scale | None = None,
) -> int:
    """Features of a stored recording, or of all, straight from the database; gives the number of rows.

    Args:
        windows: a row per window of this length and step, seconds, instead of per frame.
        bouts: a row per automatic bout, or per interval that a human coded and that has a person.
        pairs: features between each two people instead.
        names: the features wanted; None is all that the layout allows. Of several recordings, one whose layout lacks
            the joints for a feature has NaN there, which is said.
        scale: gives metres in place of pixels and trunk lengths, and angles against a floor.

    Raises:
        DataError: the scale can't be had of a recording, or would be somebody else's in each of several.
        MissingError: the recording is not there, was not analysed, or has no bouts.
        UnknownFeature: a name that the catalogue does not have.
        FeatureError: no recording has the joints for a feature.
    """
    make_folder(path.parent)
    with open_database(database, create=False) as opened:
        found = all_current(opened, recording)
        for_one(scale, len(found))
        shares: list[Share] = []
        made: list[dict[str, Any]] = []
        had: set[str] = set()
        for _, folder, now in found:
            with opened.reading() as tx:
                skeleton = skeletons.skeleton_of(tx, now.track.id)
                wanted = names
                if names is not None and len(found) > 1:
                    wanted = [name for name in names if CATALOGUE[name].fits(skeleton.joints, 2)]
                    had.update(wanted)
                    if lacking := [name for name in names if name not in wanted]:
                        narrator.say(f"{folder}: its layout ({skeleton.name}) has no {', '.join(lacking)}: NaN")
                known = tracks.list_tracks(tx, now.track.id)
                try:
                    stretches = None if bouts is None else _bouts_of(tx, now, bouts, narrator)
                except MissingError as error:
                    if len(found) == 1:
                        raise
                    narrator.say(f"{folder}: left out, {error}")
                    continue
                made.append(runs.provenance(tx, now.track.id) | {"clean": plain(settings)})
            plane = None
            if scale is not None:
                measured = measure_run(opened, now.track, scale, settings, folder)
                made[-1]["scale"], plane = measured.provenance, measured.plane
            shares.append(
                Share(
                    skeleton,
                    _people(opened, now.track, known, narrator),
                    _couples(opened, now.track, known, narrator) if pairs else None,
                    Rows(windows, stretches, zones, wanted, plane),
                    folder,
                )
            )
        if not shares:
            raise MissingError(f"{opened.where}: no recording in it has such bouts")
        if len(found) > 1 and (nowhere := [name for name in names or () if name not in had]):
            raise FeatureError(f"{opened.where}: no recording's layout has the joints for {', '.join(nowhere)}")
        return write_features(shares, settings, path, made)


def _people(database: Database, run: Run, known: Sequence[TrackInfo], narrator: Narrator) -> Iterator[Parts]:
    for done, track in enumerate(known, start=1):
        yield partial(tracks.iter_track_parts, database, run.id, track.track_id)
        narrator.step("features", done, len(known))


def _couples(
    database: Database, run: Run, known: Sequence[TrackInfo], narrator: Narrator
) -> Iterator[tuple[Track, Track]]:
    for done, one in enumerate(known, start=1):
        others = [other for other in known[done:] if other.start_s <= one.stop_s and one.start_s <= other.stop_s]
        with database.reading() as tx:
            first = tracks.read_track(tx, run.id, one.track_id)
            yield from ((first, tracks.read_track(tx, run.id, two.track_id)) for two in others)
        narrator.step("features", done, len(known))


def _bouts_of(
    tx: Connection, now: Current, who: Literal["automatic", "human"], narrator: Narrator
) -> Sequence[BoutLike]:
    if who == "automatic":
        if now.actions is None:
            raise MissingError("no actions are named on these people; run posescribe analyze with an action model")
        return stored_bouts.read_bouts(tx, now.actions.id)
    coded = stored_bouts.read_annotations(tx, now.track.recording_id)
    left = sum(label.track_id is None or label.stop_s <= label.start_s for label in coded)
    if left:
        narrator.say(f"{left} of {len(coded)} labels are left out: points, or of no person")
    said = [one for word in words_of_run(tx, now.track.id).values() for one in word.said]
    usable = [one for one in said if one.stop_s > one.start_s and actions_of(one.action)]
    if not usable:
        raise MissingError("no human-coded intervals of a person; bring some in with posescribe labels import")
    return usable


def current_of(database: Database, recording: str | None) -> Current:
    """What counts (`runs.current`) of a recording (`select_recordings`), of the only one when none is named."""
    found = all_current(database, recording)
    if len(found) > 1:
        names = ", ".join(folder for _, folder, _ in found)
        if recording is not None:
            names = ", ".join(f"{folder} is number {stored.id}" for stored, folder, _ in found)
        raise MissingError(f"{database.where}: has several recordings ({names}); choose one with --recording")
    return found[0][2]


def all_current(database: Database, recording: str | None) -> list[tuple[StoredRecording, str, Current]]:
    """Each recording of that name, or all, with its folder and what counts of it; `MissingError` when that is none."""
    with database.reading() as tx:
        folders = recordings.result_folders(recordings.list_recordings(tx))
        found = [
            (stored, folders[stored.id], now)
            for stored in recordings.select_recordings(tx, recording)
            if (now := runs.current(tx, stored.id))
        ]
    if not found:
        named = f"no analysed recording {recording!r}" if recording else "no recording in it has been analysed"
        raise MissingError(f"{database.where}: {named}; run posescribe analyze first")
    return found


def way_to_report(database: str, out: Path, folder: str) -> str | None:
    """The way from `out` to a recording's report, where there is one beside the database or in `out`."""
    for place in (out, Path(database).parent) if "://" not in database else (out,):
        report = place / folder / "report.html"
        if report.is_file():
            return os.path.relpath(report.resolve(), out.resolve()).replace(os.sep, "/")
    return None


def ways_to_reports(database: str, out: Path) -> dict[str, str]:
    """Recording -> the way from `out` to its report, where there is one; several of one name have none."""
    with open_database(database, create=False) as opened, opened.reading() as tx:
        known = recordings.list_recordings(tx)
        folders = recordings.result_folders(known)
    names = Counter(one.name for one in known)
    found = {one.name: way_to_report(database, out, folders[one.id]) for one in known if names[one.name] == 1}
    return {name: way for name, way in found.items() if way is not None}


def _each(
    specs: Sequence[str],
    one: Callable[[str], dict[str, Any]],
    narrator: Narrator,
    note: Callable[[str, str], None] = lambda _spec, _reason: None,
) -> tuple[list[dict[str, Any]], list[str]]:
    """A single source's error is raised; of several sources, each error is told and the next source begins.

    `note` hears of those that are not there, before any is looked at.
    """
    results: list[dict[str, Any]] = []
    sources = expand(specs)
    missing = [spec for spec in sources if not is_there(spec)] if len(sources) > 1 else []
    failed = [f"{spec}: no such file or folder" for spec in missing]
    for spec, message in zip(missing, failed, strict=True):
        note(spec, message)
        narrator.say(f"failed: {message}")
    for number, spec in enumerate(sources, start=1):
        if spec in missing:
            continue
        if len(sources) > 1:
            narrator.say(f"[{number} of {len(sources)}] {shown(spec)}")
        try:
            results.append(one(spec))
        except (PoseError, StorageError, FeatureError, BehaviorError) as error:
            if len(sources) == 1:
                raise
            failed.append(str(error))
            narrator.say(f"failed: {error}")
    return results, failed


@contextmanager
def find_recording(
    database: Database, spec: str, out: Path, part: Part, after: tuple[int, float] | None = None
) -> Iterator[Recording]:
    """Looks at a source and enters it into the database; it is open, at its beginning, inside the `with` block.

    `after`: see `open_source`.

    Raises `SourceError` when it can't be read, or has nothing in the part that is asked for.
    """
    stamp = source_stamp(spec)
    sha256 = hash_of(spec, stamp)
    with open_source(spec, **asdict(part), after=after) as source:
        given = spec if "://" in spec and sha256 is not None else None
        yield replace(_enter(database, source.info, sha256, out), opened=source, stamp=stamp, spec=given)


def _enter(database: Database, info: SourceInfo, sha256: str | None, out: Path) -> Recording:
    name = Path(info.name).stem if info.kind in ("image", "video") else info.name
    with database.transaction() as tx:
        key = recordings.ensure_recording(
            tx, name=name, uri=info.uri, kind=info.kind, sha256=sha256, width=info.width, height=info.height,
            fps=info.fps, duration_s=info.duration_s, n_frames=info.n_frames, offset_s=info.offset_s,
            clock=info.clock,
        )  # fmt: skip
        stored = recordings.get_recording(tx, key)
    return _stored_recording(database, stored, out)


def _stored_recording(database: Database, stored: StoredRecording, out: Path) -> Recording:
    with database.reading() as tx:
        name = recordings.result_folders(recordings.list_recordings(tx))[stored.id]
    # A video called posescribe.db.mp4 must not ask for the database's own file as its folder.
    return Recording(stored, out / (f"{name}-results" if (out / name).is_file() else name))


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
    with find_recording(database, spec, out, settings.part) as recording:
        refuse_others(database, recording)
        if restart:
            forget(database, recording, models, settings)
            (recording.folder / "run.json").unlink(missing_ok=True)
        pose_run = find_people(database, recording, models, settings, narrator)
    track_run = follow_people(database, pose_run, settings, narrator)
    action_run = None
    if models.actions is not None:
        action_run = name_actions(database, track_run, models.actions, settings, narrator)
    else:
        with database.transaction() as tx:
            runs.leave_out(tx, track_run.id, "actions")
    if settings.scale is not None:
        keep_scale(database, recording, track_run, settings.scale, settings.clean)
    told = already_told(database, recording, track_run, action_run, settings)
    if told is not None and not restart:
        narrator.say(f"{recording.stored.name}: nothing to do, it is up to date (--restart does it again)")
        return told
    return tell(database, recording, pose_run, track_run, action_run, settings, narrator)
