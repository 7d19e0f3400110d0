"""A long recording in parts by time: each has a run of its own, of stage `part`; joined they are the run of the whole.

Two things lead from frame to frame. Who is found in a frame depends on the others of its clip (`pose.engine.CLIP`), so
parts begin where clips do. How far the camera moved depends on the frame before, so that is looked at again at each
seam. All that reads the people (tracks, features, actions) is done on the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from behavior.errors import DataError
from behavior.pipeline.commands import find_recording
from behavior.pipeline.loading import Models
from behavior.pipeline.progress import Narrator
from behavior.pipeline.settings import Settings
from behavior.pipeline.stages import (
    VERSION,
    Recording,
    find_people,
    known_people,
    people_fingerprint,
    pose_settings,
)
from pose.engine import CLIP
from pose.people import FramePeople
from pose.sources import open_source, shown
from pose.sources.cuts import Stretch, cut
from pose.tracking.camera import UNKNOWN, CameraMotion, Shift
from storage import open_database, poses, runs, skeletons
from storage.database import Database
from storage.merging import merge
from storage.runs import Run


def cut_recording(
    database: Database, spec: str, out: Path, models: Models, settings: Settings, part_s: float
) -> list[Stretch]:
    """Parts of a recording that are looked at by themselves; none where it is short, or begun as a whole.

    Raises `SourceError` when it can't be read, or not exactly from the middle.
    """
    with find_recording(database, spec, out, settings.part) as recording, database.transaction() as tx:
        if known_people(tx, recording, models, settings) is not None:
            return []
    part = settings.part
    return cut(spec, part_s, start_s=part.start_s, end_s=part.end_s, fps=part.fps, multiple=CLIP)


def find_part(
    database: Database,
    spec: str,
    out: Path,
    models: Models,
    settings: Settings,
    stretch: Stretch,
    place: tuple[int, int],
    narrator: Narrator,
) -> Run:
    """The people of a part, which is the first of the two numbers of `place`, of so many."""
    own = _of(settings, stretch)
    with find_recording(database, spec, out, own.part, stretch.after) as recording:
        whole = people_fingerprint(recording, models, settings)
        number, count = place
        return find_people(database, recording, models, own, narrator, {"run": whole, "number": number, "count": count})


def join(
    database: Database,
    spec: str,
    out: Path,
    models: Models,
    settings: Settings,
    stretches: Sequence[Stretch],
    kept_in: Sequence[str],
) -> None:
    """The people of the whole out of those of its parts, in one transaction; nothing where the whole was begun.

    Args:
        database: of the whole.
        spec, out, models, settings: as for the whole.
        stretches: all of `cut_recording`.
        kept_in: databases of the parts, where that is another one.

    Raises `DataError` when a part is not done.
    """
    with find_recording(database, spec, out, settings.part) as recording:
        with database.transaction() as tx:
            if known_people(tx, recording, models, settings) is not None:
                return
        for path in kept_in:
            with open_database(path, create=False) as part:
                merge(database, part)
        with database.reading() as tx:
            found = [known_people(tx, recording, models, _of(settings, one), "part") for one in stretches]
        parts = [run for run in found if run is not None and run.done]
        if len(parts) < len(stretches):
            raise DataError(f"{shown(spec)}: only {len(parts)} of its {len(stretches)} parts are done; run again")
        seams = _seams(database, recording, settings, parts)
        with database.transaction() as tx:
            _join(tx, recording, models, settings, parts, seams)


def _join(
    tx: Connection,
    recording: Recording,
    models: Models,
    settings: Settings,
    parts: Sequence[Run],
    seams: Sequence[tuple[FramePeople, Shift]],
) -> None:
    first = parts[0]
    kept = {name: value for name, value in first.extra.items() if name != "part_of"}
    told = {
        "skipped": sum(run.extra["skipped"] for run in parts),
        "seconds": round(sum(run.extra["seconds"] for run in parts), 3),
        "notes": list(dict.fromkeys(note for run in parts for note in run.extra["notes"])),
        "net_heights": sorted({height for run in parts for height in run.extra["net_heights"]}),
        "joined_of": [_provenance(tx, run) for run in parts],
    }
    whole = runs.start_run(
        tx, recording.id, "pose", people_fingerprint(recording, models, settings), version=VERSION,
        settings=pose_settings(settings), skeleton=skeletons.skeleton_of(tx, first.id), model_name=first.model_name,
        model_sha256=first.model_sha256, device=", ".join(dict.fromkeys(run.device or "" for run in parts)),
        extra=kept | told,
    )  # fmt: skip
    for run in parts:
        poses.move_frames(tx, run.id, whole.id)
    poses.append_camera(tx, whole.id, [frame for frame, _ in seams], [shift for _, shift in seams])
    runs.delete_parts(tx, recording.id, whole.fingerprint)
    runs.finish_run(tx, whole.id, extra={"broke_off": any(run.extra.get("broke_off") for run in parts)})


def _provenance(tx: Connection, run: Run) -> dict[str, Any]:
    """What the run of the whole tells of a part."""
    part = run.settings["part"]
    return {
        "start_s": part["start_s"],
        "end_s": part["end_s"],
        "frames": poses.count_frames(tx, run.id),
        "seconds": run.extra["seconds"],
        "device": run.device,
        "version": run.version,
        "started": run.started.isoformat(),
        "finished": None if run.finished is None else run.finished.isoformat(),
    }


def _of(settings: Settings, stretch: Stretch) -> Settings:
    return replace(settings, part=replace(settings.part, start_s=stretch.start_s, end_s=stretch.end_s))


def _seams(
    database: Database, recording: Recording, settings: Settings, parts: Sequence[Run]
) -> list[tuple[FramePeople, Shift]]:
    """The first frame of each part but the first, and how far the camera moved since the one before."""
    if recording.opened is None or not recording.opened.info.consecutive:
        return []
    seams: list[tuple[FramePeople, Shift]] = []
    before: Run | None = None
    for run in parts:
        first = next(iter(poses.iter_frames(database, run.id, chunk=1)), None)
        if first is None:
            continue
        if before is not None:
            seams.append((first, _shift(database, recording, settings, before, first)))
        before = run
    return seams


def _shift(database: Database, recording: Recording, settings: Settings, before: Run, first: FramePeople) -> Shift:
    with database.reading() as tx:
        last = poses.last_frame(tx, before.id)
        assert last is not None
        ahead = poses.last_frame(tx, before.id, before=last[0])
    seen = next(iter(poses.iter_frames(database, before.id, after=last[0] - 1)))
    people = {seen.index: seen.people, first.index: first.people}
    camera, shift = CameraMotion(), UNKNOWN
    part = replace(settings.part, start_s=last[1])
    with open_source(recording.place, **asdict(part), after=ahead) as source:
        for frame in source:
            if frame.index in people:
                shift = camera.shift(frame.image, people[frame.index])
            if frame.index >= first.index:
                break
    return shift
