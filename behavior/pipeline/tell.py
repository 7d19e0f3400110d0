"""The last stage: out of what is stored, a folder of tables, an overlay video and the report."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from behavior.errors import DataError
from behavior.pipeline.believed import Believed, believe
from behavior.pipeline.describe import Rows, Share, write_features
from behavior.pipeline.drawing import OLDER, VIDEO, drawn_or_kept, kept_drawing
from behavior.pipeline.places import gait, whole_tables, zone_actions
from behavior.pipeline.progress import Narrator
from behavior.pipeline.provenance import evidence_of, papers, provenance_of, source_shown, trust
from behavior.pipeline.repeat import command
from behavior.pipeline.scale import Measured, page_of
from behavior.pipeline.scaling import kept_scale
from behavior.pipeline.settings import Settings
from behavior.pipeline.stages import VERSION, Recording, plain
from behavior.pipeline.told import (
    NOT_DRAWN,
    RUN,
    SCALE,
    WORDS,
    ZONES,
    already_of_frames,
    beside,
    hashes,
    place_of,
    read_told,
    refuse_others,
    result,
    told_fingerprint,
)
from behavior.recognition.rules.motion import MotionSettings
from behavior.report.certainty import bands, certainty
from behavior.report.course import Course
from behavior.report.motion import MotionWriter, read_curves
from behavior.report.page import FEW, Provenance, ReportData, people_from_courses, write_page
from behavior.report.places import distances, heat
from behavior.report.sequence import together, transitions
from behavior.report.stills import Stills
from behavior.report.strips import probabilities_table, strips
from behavior.report.tables import (
    bin_widths,
    bins_table,
    bout_sources,
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
from features.zones import read_zones
from pose.tracking import Edit
from storage import bouts as stored_bouts
from storage import frames as stored_frames
from storage import poses, runs, skeletons, tracks
from storage.database import Database
from storage.database import made as made_at
from storage.files import make_folder, write_bytes
from storage.formats.labels.media import called
from storage.probabilities import read_probabilities
from storage.recordings import Recording as StoredRecording
from storage.runs import Run

NOBODY = "No person was found."
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
TOO_FEW_FRAMES = (
    "{:.3g} frames/s are too few to see steps, waving or repetitions ({:g} are enough): no rule says walk, run or wave "
    "here, nor an exercise."
)


FILES = {
    "bouts.csv": "who did what, from when to when; the human's word where there is one",
    "summary.csv": "per person and action, zeros too: count, total, mean and its spread, share, first, last, pauses",
    "time_bins.csv": "the same as in the summary, in equal stretches of time",
    "transitions.csv": "per person, which action followed which, how often",
    "together.csv": "how long two actions held at the same time, of one person or of two",
    "certainty.csv": "per person: time seen, named and not, joints that were missing",
    "distances.csv": "how far each two people were from each other",
    "movement.csv": "per person: path, displacement and speed",
    "gait.csv": "steps, cadence, step lengths and speed of each stretch of walking or running",
    "bouts_automatic.csv": "the bouts as the models say it, whatever humans coded",
    "summary_automatic.csv": "the summary out of these",
    "repetitions.csv": "each repetition of an exercise that was counted: when, how long, how far",
    "probabilities.csv": "how likely the model thought each action, step by step; empty where it could not tell",
    "tracks.parquet": "every joint of every person in every frame",
    "features.parquet": "what was measured on each person in each frame",
    RUN: "what made all this: device, models, settings, hashes",
}

ZONE_FILES = {
    "zones.csv": "per person and zone: entries, exits, time in, latency",
    "zone_actions.csv": "per person, zone and action: bouts and time of it there",
    ZONES: "the zones",
}

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
    kept, before = kept_drawing(folder), read_told(folder)
    (folder / RUN).unlink(missing_ok=True)  # until the files are all of this run
    with database.reading() as tx:
        skeleton = skeletons.skeleton_of(tx, track_run.id)
        automatic = stored_bouts.read_bouts(tx, action_run.id) if action_run else []
        said = read_probabilities(tx, action_run.id) if action_run else []
        frames, times = poses.frame_times(tx, pose_run.id)
        known = tracks.list_tracks(tx, track_run.id)
        made = runs.provenance(tx, track_run.id) | {"clean": plain(settings.clean), "features": FEATURES}
        believed = believe(tx, track_run.id, automatic, frames, times)
        fingerprint = told_fingerprint(tx, track_run, action_run, settings, recording.folder)
        possible = _suggestions(tx, track_run.id)
        camera = poses.camera_path(tx, pose_run.id)
    found, coded = believed.bouts, believed.coded
    names = called([track.track_id for track in known], {track.track_id: track.name for track in known if track.name})
    each = [partial(tracks.iter_track_parts, database, track_run.id, track.track_id) for track in known]
    notes = list(pose_run.extra["notes"])
    numbered = dict(zip((track.track_id for track in known), each, strict=True))
    measured = kept_scale(folder, numbered, names, settings.clean, stored.name, notes)
    plane = None if measured is None else measured.plane
    made |= {} if measured is None else {"scale": measured.provenance}
    of_frames = runs.fingerprint(made=made, run=[track_run.id, str(track_run.finished)], parent=track_run.fingerprint)
    as_before = already_of_frames(folder, before, of_frames)
    if not as_before:
        stored_frames.write_tracks_parquet(database, track_run.id, folder / "tracks.parquet")
        share = Share(skeleton, each, rows=Rows(plane=plane))
        write_features([share], settings.clean, folder / "features.parquet", [made])
    size = (stored.width, stored.height)
    motion = MotionWriter(skeleton, size, frames, times, sum(track.n_frames for track in known))
    people = [Course.of(motion.watch(part.track for part in parts(0)), skeleton) for parts in each]
    actions = list(dict.fromkeys([*_classes(action_run), *sorted({bout.action for bout in (*automatic, *found)})]))
    summary = summary_table(found, people, actions=actions)
    for mark, bouts, human in (("_automatic", automatic, None), ("", found, coded)):
        about = partial(told, recording=stored.name, names=names, coded=human)
        table = summary if bouts is found else summary_table(bouts, people, actions=actions)
        each_bout = about(bouts_table(bouts)).assign(source=bout_sources(bouts))
        write_table(each_bout, folder / f"bouts{mark}.csv")
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
    moved, in_zones = whole_tables(each, settings.clean, zones, start_s, stop_s, skeleton.joints, plane)
    done_there = zone_actions(list(numbered.items()), settings.clean, zones, found)
    steps = gait(list(numbered.items()), settings.clean, found, plane)
    apart, apart_over_time = distances(people, start_s, stop_s, None if plane is None else plane.metres_per_px)
    sure = certainty(people, found)
    binned = {width: bins_table(found, people, width) for width in bins}
    write_table(about(binned[bins[0]]), folder / "time_bins.csv")
    write_table(about(sequence), folder / "transitions.csv")
    write_table(about(sure), folder / "certainty.csv")
    write_table(about(steps), folder / "gait.csv")
    write_table(about(moved).drop(columns="source"), folder / "movement.csv")
    write_table(about(repetitions_table(found)), folder / "repetitions.csv")
    write_table(about(probabilities_table(said, frames, times)).drop(columns="source"), folder / "probabilities.csv")
    for table, name in ((at_once, "together.csv"), (apart, "distances.csv")):
        write_table(told_pairs(table, recording=stored.name, names=names), folder / name)
    for table, name in ((in_zones, "zones.csv"), (done_there, "zone_actions.csv")):
        if zones:
            write_table(about(table), folder / name)
        else:
            (folder / name).unlink(missing_ok=True)

    moved_px = None if camera is None else [round(float(np.ptp(way)), 1) for way in camera[1][:, :2].T]
    camera_said = CAMERA_UNKNOWN
    if moved_px is not None:
        camera_said = CAMERA_STILL
        if math.hypot(*moved_px) > MOVED * math.hypot(*size):
            camera_said = CAMERA_MOVED.format(*moved_px)
            notes.append(camera_said)
    rate_hz = 1 / _frame_interval(times) if _frame_interval(times) > 0 else math.inf
    if action_run and people and rate_hz < MotionSettings.min_rate_hz:
        notes.append(TOO_FEW_FRAMES.format(rate_hz, MotionSettings.min_rate_hz))
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
        drawn = drawn_or_kept(
            database, recording, pose_run, track_run, skeleton, believed, stills, len(times), kept, notes, narrator,
            redraw,
        )  # fmt: skip

    seconds = round(pose_run.extra["seconds"] + time.monotonic() - begin, 3)
    provenance = provenance_of(recording, pose_run, track_run, action_run, seconds, len(times), notes)
    provenance["fingerprint"] = fingerprint if OLDER not in notes else f"{fingerprint}{NOT_DRAWN}"
    refiner = provenance["pose"]["refiner"]
    provenance["overlay"] = asdict(drawn) if drawn else None
    provenance["camera"] = {"known": camera is not None, "moved_px": moved_px}
    provenance["settings"]["scale"] = None if measured is None else measured.provenance
    numbers = [track.track_id for track in known]
    curves = read_curves(folder / "features.parquet", numbers, frames, start_s, stop_s)
    film = drawn.video if drawn else None
    words = beside(folder).get(WORDS, "")
    tables = FILES | (ZONE_FILES if zones else {}) | ({WORDS: "the lines under the heading"} if words else {})
    tables |= {SCALE: "what gives the metres, or the floor"} if (folder / SCALE).is_file() else {}
    write_page(
        ReportData(
            source_name=stored.name,
            source_path=source_shown(stored),
            width=stored.width,
            height=stored.height,
            start_s=start_s,
            stop_s=stop_s,
            n_frames=len(times),
            n_skipped=pose_run.extra["skipped"],
            people=tuple(replace(person, thumbnail=stills.people.get(person.track_id)) for person in shown),
            bouts=found,
            camera=camera_said,
            coded=coded,
            summary=summary[summary["count"] > 0],
            bins=binned,
            transitions=sequence,
            together=at_once,
            heat=heat(people, size),
            heats={one.track_id: heat([one], size) for one in people[:FEW]},
            distances=apart,
            distance_curves=apart_over_time,
            certainty=sure,
            bands=bands(found),
            strips=strips(said, [track.track_id for track in known], frames, times, start_s, stop_s),
            trust=trust(action_run),
            examples=action_run.extra.get("examples", {}) if action_run else {},
            zones=zones,
            zone_times=in_zones,
            zone_actions=done_there,
            movement=moved,
            gait=steps,
            scale=None if measured is None else page_of(measured, people, names, CAMERA_MOVED in camera_said),
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
                command=_command(stored, pose_run, action_run, measured),
                papers=papers(provenance["pose"]),
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
        "evidence": evidence_of(found, coded),
        "coded": len(coded),
        "device": pose_run.device,
        "model": pose_run.model_name,
        "refiner": refiner and refiner["model"],
        "seconds": seconds,
        "frames_per_second": _rate(len(times), pose_run.extra["seconds"]),
    }
    written = {name for name in tables if name != RUN} | {"report.html"} | ({drawn.file} if drawn else set())
    written |= {film} if film else set()
    known_by = {"place": place_of(database, folder), "made": made_at(database)}
    provenance |= {"database": known_by, "of_frames": of_frames}
    provenance["files"] = hashes(folder, written - as_before.keys()) | as_before
    write_bytes(folder / RUN, json.dumps(provenance, indent=2).encode())
    return result(provenance, database, recording)


def _command(stored: StoredRecording, pose_run: Run, action_run: Run | None, measured: Measured | None) -> str | None:
    if not pose_run.model_name:
        return None
    return command(source_shown(stored), pose_run, action_run, [] if measured is None else measured.said.words)


def _who_coded(believed: Believed, names: Mapping[int, str]) -> str:
    by = ", ".join(sorted(believed.coders)) or "a human"
    whole, partly = (
        ", ".join(names[track_id] for track_id, word in sorted(believed.words.items()) if word.whole is wanted)
        for wanted in (True, False)
    )
    told = [f"The actions of {whole} were coded by {by}"] if whole else []
    told += [f"{'parts' if whole else 'Parts'} of the time of {partly} were coded by {by}"] if partly else []
    return f"{'; '.join(told)}: there they stand in place of the automatic ones, which are in bouts_automatic.csv."


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


def _classes(action_run: Run | None) -> list[str]:
    """The actions that could have been named."""
    return list(action_run.extra.get("classes", ())) if action_run else []


def _frame_interval(times: NDArray[np.float64]) -> float:
    return float(np.median(np.diff(times))) if len(times) > 1 else 0.0


def _rate(frames: int, seconds: float) -> float:
    return round(frames / seconds, 2) if seconds > 0 else 0.0
