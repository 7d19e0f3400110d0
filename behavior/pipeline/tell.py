"""The last stage: out of what is stored, a folder of tables, an overlay video and the report."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from behavior.errors import DataError
from behavior.pipeline.believed import Believed, believe
from behavior.pipeline.describe import Share, write_features
from behavior.pipeline.places import gait, zone_times
from behavior.pipeline.progress import Narrator
from behavior.pipeline.repeat import command
from behavior.pipeline.settings import Settings, one_or_all
from behavior.pipeline.stages import VERSION, Recording, plain, unusual
from behavior.report.certainty import bands, certainty
from behavior.report.course import Course
from behavior.report.motion import MotionWriter, read_curves
from behavior.report.overlay import Overlay, write_overlay, write_overlay_image
from behavior.report.page import ALGORITHM as REPORT
from behavior.report.page import Provenance, ReportData, people_from_courses, write_page
from behavior.report.places import distances, heat
from behavior.report.sequence import together, transitions
from behavior.report.stills import Stills
from behavior.report.strips import probabilities_table, strips
from behavior.report.tables import (
    bin_widths,
    bins_table,
    bouts_table,
    repetitions_table,
    summary_table,
    told,
    told_pairs,
    with_repetitions,
    with_time_on_screen,
    write_table,
)
from features.clean import ALGORITHM as FEATURES
from features.clean import CleanSettings
from features.zones import read_zones
from pose.errors import SourceError
from pose.people import FramePeople
from pose.skeleton import Skeleton
from pose.sources import Frame, FrameSource, open_source
from pose.tracking import Edit
from pose.weights.entries import NETWORKS
from storage import bouts as stored_bouts
from storage import frames as stored_frames
from storage import poses, runs, skeletons, tracks
from storage.bouts import Bout
from storage.database import Database
from storage.database import made as made_at
from storage.errors import OutputError
from storage.files import make_folder, write_bytes
from storage.formats.keypoints.store import KIND as KEYPOINTS
from storage.formats.labels.media import called
from storage.probabilities import read_probabilities
from storage.recordings import Recording as StoredRecording
from storage.runs import Run

STILLS = "stills"
"""Folder of the report's pictures of people and scene, beside it: for a report again without the source."""
NOBODY = "No person was found."
OLDER = "overlay.mp4 is an older one; posescribe report writes it anew."
NO_ACTIONS = "Actions were left out, as asked (--actions none)."
UNNAMED = "The actions of the people changed by hand have not been named; posescribe analyze does it."
SUGGESTIONS = 10
"""Pairs of people who may be one that the page names."""
MOST_BINS = 1000
"""Of one report."""
ON_THE_PAGE = (NOBODY, NO_ACTIONS)
"""Notes that the page makes by itself."""

MOVED = 0.03
"""Of the picture's diagonal: a camera whose view shifted farther in all is said to have moved."""
CAMERA_MOVED = (
    "The camera moved: its view shifted by {:.0f} pixels sideways and {:.0f} up or down. What rules say of speed and "
    "place is without that shift; a zoom is not taken away."
)
CAMERA_STILL = "The camera was seen to stay where it was."
CAMERA_UNKNOWN = "Whether the camera moved is not known; it is taken as still."

RUN = "run.json"
_NOT_DRAWN = " but for the overlay"

FILES = {
    "bouts.csv": "who did what, from when to when; the human's word where there is one",
    "summary.csv": "per person and action, zeros too: count, total, mean and its spread, share, first, last, pauses",
    "time_bins.csv": "the same as in the summary, in equal stretches of time",
    "transitions.csv": "per person, which action followed which, how often",
    "together.csv": "how long two actions held at the same time, of one person or of two",
    "certainty.csv": "per person: time seen, named and not, joints that were missing",
    "distances.csv": "how far each two people were from each other",
    "gait.csv": "steps, cadence and step lengths of each stretch of walking or running",
    "bouts_automatic.csv": "the bouts as the models say it, whatever humans coded",
    "summary_automatic.csv": "the summary out of these",
    "repetitions.csv": "each repetition of an exercise that was counted: when, how long, how far",
    "probabilities.csv": "how likely the model thought each action, step by step; empty where it could not tell",
    "tracks.parquet": "every joint of every person in every frame",
    "features.parquet": "what was measured on each person in each frame",
    RUN: "what made all this: device, models, settings, hashes",
}

ZONES = "zones.json"
"""Areas of the picture, in the recording's folder: a report counts who was in them."""
WORDS = "heading.txt"
"""Lines for the heading, in the recording's folder: place, subject, whatever a reader should know."""
ZONE_FILES = {"zones.csv": "per person and zone: entries, exits, time in, latency", ZONES: "the zones"}

VIDEO = "video.mp4"
"""What was filmed, as browsers play it: the page draws over it."""
PICTURES = {
    VIDEO: "what was filmed, in a form that browsers play; this page draws over it",
    "overlay.mp4": "the same with everyone drawn in, to share",
}


def tell(
    database: Database,
    recording: Recording,
    pose_run: Run,
    track_run: Run,
    action_run: Run | None,
    settings: Settings,
    narrator: Narrator,
    *,
    redraw: bool = True,
) -> dict[str, Any]:
    """Writes the recording's folder out of what is stored; `run.json` comes last and vouches for the rest.

    Without `redraw` an overlay that is there stays, even if it shows what was believed before.
    """
    begin = time.monotonic()
    folder, stored = recording.folder, recording.stored
    refuse_others(database, recording)
    make_folder(folder)
    kept = _kept(folder)
    (folder / RUN).unlink(missing_ok=True)  # until the files are all of this run
    with database.reading() as tx:
        skeleton = skeletons.skeleton_of(tx, track_run.id)
        automatic = stored_bouts.read_bouts(tx, action_run.id) if action_run else []
        said = read_probabilities(tx, action_run.id) if action_run else []
        frames, times = poses.frame_times(tx, pose_run.id)
        known = tracks.list_tracks(tx, track_run.id)
        made = runs.provenance(tx, track_run.id) | {"clean": plain(settings.clean), "features": FEATURES}
        believed = believe(tx, track_run.id, automatic, frames, times)
        fingerprint = _told_fingerprint(tx, track_run, action_run, settings, recording.folder)
        possible = _suggestions(tx, track_run.id)
        camera = poses.camera_path(tx, pose_run.id)
    found, coded = believed.bouts, believed.coders.keys()
    names = called([track.track_id for track in known], {track.track_id: track.name for track in known if track.name})
    stored_frames.write_tracks_parquet(database, track_run.id, folder / "tracks.parquet")
    each = [partial(tracks.iter_track_parts, database, track_run.id, track.track_id) for track in known]
    write_features([Share(skeleton, each)], settings.clean, folder / "features.parquet", [made])
    size = (stored.width, stored.height)
    motion = MotionWriter(skeleton, size, frames, times, sum(track.n_frames for track in known))
    people = [Course.of(motion.watch(part.track for part in parts(0)), skeleton) for parts in each]
    actions = list(dict.fromkeys([*_classes(action_run), *sorted({bout.action for bout in (*automatic, *found)})]))
    summary = summary_table(found, people, actions=actions)
    for mark, bouts, human in (("_automatic", automatic, frozenset()), ("", found, coded)):
        about = partial(told, recording=stored.name, names=names, coded=human)
        table = summary if bouts is found else summary_table(bouts, people, actions=actions)
        write_table(about(bouts_table(bouts)), folder / f"bouts{mark}.csv")
        summed = with_repetitions(with_time_on_screen(about(table), bouts, people), bouts)
        write_table(summed, folder / f"summary{mark}.csv")
    start_s, stop_s = (float(times[0]), float(times[-1]) + _frame_interval(times)) if len(times) else (0.0, 0.0)
    shown = people_from_courses(people, names=names)
    sequence = transitions(found, {person.track_id: person.on_screen for person in shown})
    at_once = together(found)
    if settings.bin_s and (stop_s - start_s) / settings.bin_s > MOST_BINS:
        raise DataError(
            f"--bin {settings.bin_s:g}: more than {MOST_BINS} bins in {stop_s - start_s:.0f} s; make it wider"
        )
    bins = bin_widths(stop_s - start_s, settings.bin_s)
    about = partial(told, recording=stored.name, names=names, coded=coded)
    zones = read_zones(folder / ZONES) if (folder / ZONES).is_file() else []
    in_zones = zone_times(each, settings.clean, zones, start_s, stop_s)
    steps = gait([(track.track_id, parts) for track, parts in zip(known, each, strict=True)], settings.clean, found)
    apart, apart_over_time = distances(people, start_s, stop_s)
    sure = certainty(people, found)
    binned = {width: bins_table(found, people, width) for width in bins}
    write_table(about(binned[bins[0]]), folder / "time_bins.csv")
    write_table(about(sequence), folder / "transitions.csv")
    write_table(about(sure), folder / "certainty.csv")
    write_table(about(steps), folder / "gait.csv")
    write_table(about(repetitions_table(found)), folder / "repetitions.csv")
    write_table(about(probabilities_table(said, frames, times)).drop(columns="source"), folder / "probabilities.csv")
    for table, name in ((at_once, "together.csv"), (apart, "distances.csv")):
        write_table(told_pairs(table, recording=stored.name, names=names), folder / name)
    if zones:
        write_table(about(in_zones), folder / "zones.csv")
    else:
        (folder / "zones.csv").unlink(missing_ok=True)

    notes = list(pose_run.extra["notes"])
    moved_px = None if camera is None else [round(float(np.ptp(way)), 1) for way in camera[1].T]
    camera_said = CAMERA_UNKNOWN
    if moved_px is not None:
        camera_said = CAMERA_STILL
        if math.hypot(*moved_px) > MOVED * math.hypot(*size):
            camera_said = CAMERA_MOVED.format(*moved_px)
            notes.append(camera_said)
    if not people:
        notes.append(NOBODY)
    by_hand = [Edit(**edit) for edit in track_run.settings.get("edits", ())]
    if by_hand:
        notes.append(f"Who is who was changed by hand: {'; '.join(map(str, by_hand))}.")
    notes += [f"{names[a]} and {names[b]} may be one person: {why}" for a, b, why in possible[:SUGGESTIONS]]
    if len(possible) > SUGGESTIONS:
        notes.append(f"{len(possible) - SUGGESTIONS} more pairs may be one person; posescribe tracks list shows them.")
    if action_run is None and not coded:
        notes.append(UNNAMED if by_hand else NO_ACTIONS)
    if coded:
        notes.append(_who_coded(believed, names))
    stills = Stills(skeleton)
    drawn = None
    if settings.overlay:
        drawn = _drawn(
            database, recording, pose_run, track_run, skeleton, believed, stills, len(times), kept, notes, narrator,
            redraw,
        )  # fmt: skip

    seconds = round(pose_run.extra["seconds"] + time.monotonic() - begin, 3)
    provenance = _provenance(recording, pose_run, track_run, action_run, seconds, len(times), notes)
    provenance["fingerprint"] = fingerprint if OLDER not in notes else f"{fingerprint}{_NOT_DRAWN}"
    refiner = provenance["pose"]["refiner"]
    provenance["overlay"] = asdict(drawn) if drawn else None
    provenance["camera"] = {"known": camera is not None, "moved_px": moved_px}
    numbers = [track.track_id for track in known]
    curves = read_curves(folder / "features.parquet", numbers, start_s, stop_s, len(times))
    film = drawn.video if drawn else None
    words = _beside(folder).get(WORDS, "")
    tables = FILES | (ZONE_FILES if zones else {}) | ({WORDS: "the lines under the heading"} if words else {})
    write_page(
        ReportData(
            source_name=stored.name,
            source_path=_shown(stored),
            width=stored.width,
            height=stored.height,
            start_s=start_s,
            stop_s=stop_s,
            n_frames=len(times),
            n_skipped=pose_run.extra["skipped"],
            people=tuple(replace(person, thumbnail=stills.people.get(person.track_id)) for person in shown),
            bouts=found,
            camera=camera_said,
            coded=frozenset(coded),
            summary=summary[summary["count"] > 0],
            bins=binned,
            transitions=sequence,
            together=at_once,
            heat=heat(people, size),
            distances=apart,
            distance_curves=apart_over_time,
            certainty=sure,
            bands=bands(found, coded),
            strips=strips(said, [track.track_id for track in known], frames, times, start_s, stop_s),
            trust=_trust(action_run),
            zones=zones,
            zone_times=in_zones,
            gait=steps,
            provenance=Provenance(
                version=VERSION,
                device=pose_run.device or "unknown",
                pose_model=pose_run.model_name or "unknown",
                pose_model_sha256=pose_run.model_sha256 or "",
                pose_licence=pose_run.extra.get("licence"),
                refiner=refiner and refiner["model"],
                refiner_sha256=refiner and refiner["sha256"],
                refiner_licence=refiner and refiner["licence"],
                parts={role: (part["model"], part["threshold"]) for role, part in provenance["pose"]["parts"].items()},
                action_model=action_run.model_name if action_run else None,
                action_model_sha256=action_run.model_sha256 if action_run else None,
                source_sha256=recording.stored.sha256,
                started=pose_run.started.astimezone().isoformat(timespec="seconds"),
                seconds=seconds,
                frames_per_second=_rate(len(times), pose_run.extra["seconds"]),
                command=command(_shown(stored), pose_run, action_run) if pose_run.model_name else None,
                papers=_papers(provenance["pose"]),
                action_licence=action_run.extra.get("trust", {}).get("licence") if action_run else None,
            ),
            heading=tuple(line.strip() for line in words.splitlines() if line.strip()),
            notes=tuple(note for note in notes if note not in ON_THE_PAGE),
            overlay=drawn.file if drawn else None,
            overlay_start_s=drawn.start_s if drawn else 0.0,
            video=film,
            motion=motion.finish(curves) if film else None,
            scene=stills.scene,
            files=({name: PICTURES[name] for name in (film, drawn.file)} if drawn and film else {}) | tables,
        ),
        folder / "report.html",
    )
    provenance["result"] = {
        "frames": len(times),
        "people": len(people),
        "tracks": len(people),
        "bouts": len(found),
        "coded": len(coded),
        "device": pose_run.device,
        "model": pose_run.model_name,
        "refiner": refiner and refiner["model"],
        "seconds": seconds,
        "frames_per_second": _rate(len(times), pose_run.extra["seconds"]),
    }
    written = {name for name in tables if name != RUN} | {"report.html"} | ({drawn.file} if drawn else set())
    written |= {film} if film else set()
    known_by = {"place": _place(database, folder), "made": made_at(database)}
    provenance |= {"database": known_by, "files": _hashes(folder, written)}
    write_bytes(folder / RUN, json.dumps(provenance, indent=2).encode())
    return _result(provenance, database, recording)


def _result(provenance: dict[str, Any], database: Database, recording: Recording) -> dict[str, Any]:
    """What `--json` prints. Only there are paths of this machine: `run.json` is made to be handed on."""
    return {
        "source": recording.stored.uri,
        **provenance["result"],
        "report": str(recording.folder / "report.html"),
        "db": database.where,
    }


def _who_coded(believed: Believed, names: Mapping[int, str]) -> str:
    people = ", ".join(names[track_id] for track_id in sorted(believed.coders))
    by = ", ".join(sorted({coder for coder in believed.coders.values() if coder}))
    return (
        f"The actions of {people} were coded by {by or 'a human'}; they stand here in place of the automatic ones,"
        " which are in bouts_automatic.csv."
    )


def _shown(stored: StoredRecording) -> str:
    """What a report says of a source: the name of its file, or its address without a password."""
    if "://" not in stored.uri:
        return PureWindowsPath(stored.uri).name or stored.name
    return re.sub(r"(?<=://)[^/@]*@", "", stored.uri)


@dataclass(frozen=True)
class Drawn:
    """An overlay beside the report: its clock is 0 at `start_s`, `tracks` and `shows` are digests of what it shows.

    `video` is what was filmed, on the same clock, and `of` the fingerprint of the run that looked at its frames; both
    None for a picture, and where an older version wrote them.
    """

    file: str
    start_s: float
    tracks: str
    shows: str
    video: str | None = None
    of: str | None = None


def _drawn(
    database: Database,
    recording: Recording,
    pose_run: Run,
    track_run: Run,
    skeleton: Skeleton,
    believed: Believed,
    stills: Stills,
    total: int,
    kept: Drawn | None,
    notes: list[str],
    narrator: Narrator,
    redraw: bool,
) -> Drawn | None:
    """The overlay and the stills: those that are there where they show what is to be shown, else new ones.

    Where the source is gone those that are there stay; `notes` hears it.
    """
    bouts = [(bout.track_id, bout.action, bout.start_frame, bout.stop_frame) for bout in believed.bouts]
    with database.reading() as tx:
        who = tracks.identity_digest(tx, track_run.id)
    shows = runs.fingerprint(
        stage="overlay", algorithm=REPORT, parent=who, bouts=sorted(bouts), coded=sorted(believed.coders)
    )
    folder = recording.folder
    filmed = kept is not None and kept.video is not None and kept.of == pose_run.fingerprint
    complete = filmed or recording.stored.kind == "image"
    if kept is not None and kept.shows == shows and complete and stills.load(folder / STILLS):
        return kept
    if kept is not None and complete and not redraw:
        stills.load(folder / STILLS)
        if kept.tracks != who:
            stills.people.clear()
        notes.append(OLDER)
        return kept
    try:
        made = draw(
            database, recording, pose_run, track_run, skeleton, believed.bouts, stills, total, narrator,
            coded=believed.coders.keys(), plain=None if filmed else folder / VIDEO,
        )  # fmt: skip
    except SourceError as error:
        reason = str(error).replace(recording.stored.uri, _shown(recording.stored))
        if kept is not None and kept.tracks == who:
            stills.load(folder / STILLS)
        if kept is None:
            notes.append(f"There is no overlay: {reason}")
        elif kept.shows != shows:
            notes.append(f"The overlay is an older one, its actions and numbers may differ: {reason}")
        narrator.say(f"There is no new overlay: {error}")
        return kept
    if made is None:
        return None
    stills.save(folder / STILLS)
    is_picture = made.path.suffix != ".mp4"
    return Drawn(
        made.path.name, made.start_s, who, shows, *((None, None) if is_picture else (VIDEO, pose_run.fingerprint))
    )


def _kept(folder: Path) -> Drawn | None:
    """The overlay of an earlier report in this folder."""
    known = _told(folder)
    try:
        drawn = Drawn(**known["overlay"])
    except (KeyError, TypeError):
        return None

    def there(name: str) -> bool:
        return Path(name).name == name and (folder / name).is_file()

    def whole(name: str) -> bool:
        """Whether it is as it was written, and not damaged, or another that browsers may not play."""
        return there(name) and _hashes(folder, [name])[name] == known.get("files", {}).get(name)

    if drawn.video is not None and not whole(drawn.video):
        drawn = replace(drawn, video=None, of=None)
    return drawn if there(drawn.file) else None


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
    *,
    coded: Set[int] = frozenset(),
    plain: Path | None = None,
) -> Overlay | None:
    """The source again, frame by frame, with everyone drawn in; shows each frame to `stills`, and writes `plain`, too.

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
            picture = recording.folder / "overlay.jpg"
            return write_overlay_image(
                *next(drawn), picture, skeleton=skeleton, bouts=bouts, coded=coded, stills=stills
            )
        film = recording.folder / "overlay.mp4"
        return write_overlay(drawn, film, skeleton=skeleton, bouts=bouts, coded=coded, stills=stills, plain=plain)


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
    seconds: float,
    n_frames: int,
    notes: Sequence[str],
) -> dict[str, Any]:
    return {
        "posescribe": VERSION,
        "source": {
            "name": _shown(recording.stored),
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
            "licence": pose_run.extra.get("licence"),
            "refiner": _refiner(pose_run),
            "parts": {
                part: {"model": info["name"], "sha256": info["sha256"], "threshold": info.get("threshold")}
                for part, info in pose_run.extra.get("parts", {}).items()
            },
            "net_height": one_or_all(pose_run.extra.get("net_heights", ())),
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
    }


def _papers(pose: Mapping[str, Any]) -> dict[str, Sequence[str]]:
    """Of the networks that this package knows."""
    others = [part for part in (pose["refiner"], *pose["parts"].values()) if part]
    names = dict.fromkeys([pose["model"], *(part["model"] for part in others)])
    return {name: NETWORKS[name].papers for name in names if name in NETWORKS}


def _trust(action_run: Run | None) -> dict[str, Any] | None:
    """How right the action model was where it was tried; None where that is not known."""
    known = action_run.extra.get("trust", {}) if action_run else {}
    return known if known.get("coverage") is not None and known.get("claims_right") is not None else None


def _refiner(pose_run: Run) -> dict[str, Any] | None:
    """Name, hash and licence of the network that looked at each person again; not where a user's own lies."""
    refiner = pose_run.extra.get("refiner")
    if not refiner:
        return None
    return {"model": refiner["name"], "sha256": refiner["sha256"], "licence": refiner.get("licence")}


def _suggestions(tx: Connection, run_id: int) -> list[tuple[int, int, str]]:
    """Who may be one person, by two numbers, and what speaks for it and how to accept it."""
    who = {tracklet: person for tracklet, *_, person in tracks.read_segments(tx, run_id) if person is not None}
    found = []
    for number, decision in enumerate(tracks.read_decisions(tx, run_id), start=1):
        if decision.kind == "suggestion":
            first, second = (who.get(tracklet) for tracklet in decision.tracklets)
            if first is not None and second is not None and first != second:
                why = f"{decision.reason} (`posescribe tracks accept DB {number}` makes them one)."
                found.append((first, second, why))
    return found


def _told_fingerprint(tx: Connection, track_run: Run, action_run: Run | None, settings: Settings, folder: Path) -> str:
    """Of all that a report tells: what was found, what humans say of it, and how it is told."""
    own = unusual(plain(settings.clean), plain(CleanSettings())) | {"overlay": settings.overlay}
    own |= {} if settings.bin_s is None else {"bin_s": settings.bin_s}
    last = action_run or track_run
    finished = None if last.finished is None else last.finished.isoformat()
    names = [(track.track_id, track.name) for track in tracks.list_tracks(tx, track_run.id) if track.name]
    coded = [*stored_bouts.read_coded(tx, track_run.id), *sorted(stored_bouts.read_marks(tx, track_run.id).items())]
    return runs.fingerprint(
        stage="tell", algorithm=[FEATURES, REPORT], parent=last.fingerprint, run=finished, settings=own,
        coded=coded, names=names, **_beside(folder),
    )  # fmt: skip


def _beside(folder: Path) -> dict[str, str]:
    """What users say in the folder: the texts of the files of zones and of words for the heading that are there."""
    return {name: (folder / name).read_text(encoding="utf-8") for name in (ZONES, WORDS) if (folder / name).is_file()}


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


def _place(database: Database, folder: Path) -> str:
    """Where a database lies as seen from a folder of results, or a digest of its address: nothing of its maker's."""
    file = database.url.removeprefix("sqlite:///")
    with suppress(ValueError):  # another drive
        if file != database.url:
            return os.path.relpath(file, folder)
    return f"sha256:{hashlib.sha256(database.url.encode()).hexdigest()}"


def refuse_others(database: Database, recording: Recording) -> None:
    """Raises `DataError` when the folder holds results of another database that is still there."""
    folder, own = recording.folder, _place(database, recording.folder)
    other = _told(folder).get("database", {})
    place = other.get("place", own)
    if place == own or other.get("made") == made_at(database):
        return
    if place.startswith("sha256:") or (folder / place).exists():
        raise DataError(f"{folder}: holds results of another database, {place}; choose another --out")


def already_told(
    database: Database, recording: Recording, track_run: Run, action_run: Run | None, settings: Settings
) -> dict[str, Any] | None:
    """The summary of an earlier run of the same command whose files are all there as it wrote them."""
    told = _told(recording.folder)
    with database.reading() as tx:
        fingerprint = _told_fingerprint(tx, track_run, action_run, settings, recording.folder)
    if told.get("fingerprint") != fingerprint or not told.get("files"):
        return None
    with suppress(OutputError):
        if _hashes(recording.folder, told["files"]) == told["files"]:
            return _result(told, database, recording)
    return None


def is_current(
    database: Database, recording: Recording, track_run: Run, action_run: Run | None, settings: Settings
) -> bool:
    """Whether the recording's page tells what is stored, whatever the overlay shows."""
    told = _told(recording.folder)
    with database.reading() as tx:
        fingerprint = _told_fingerprint(tx, track_run, action_run, settings, recording.folder)
    page = recording.folder / "report.html"
    return told.get("fingerprint") in (fingerprint, f"{fingerprint}{_NOT_DRAWN}") and page.is_file()


def files_of(folder: Path) -> dict[str, Path]:
    """The files that a report's `run.json` vouches for, and itself; those that are there, and no others."""
    names = [name for name in (*_told(folder).get("files", {}), RUN) if Path(name).name == name]
    return {name: folder / name for name in names if (folder / name).is_file()}


def _classes(action_run: Run | None) -> list[str]:
    """The actions that could have been named."""
    return list(action_run.extra.get("classes", ())) if action_run else []


def _frame_interval(times: NDArray[np.float64]) -> float:
    return float(np.median(np.diff(times))) if len(times) > 1 else 0.0


def _rate(frames: int, seconds: float) -> float:
    return round(frames / seconds, 2) if seconds > 0 else 0.0
