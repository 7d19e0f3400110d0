"""People in metres, out of recordings of several calibrated cameras."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from behavior.pipeline.models import locate
from behavior.pipeline.progress import Narrator
from behavior.pipeline.scene import Scene, SceneCamera, export, solve, write_tables
from behavior.pipeline.scene_actions import write_actions
from behavior.pipeline.scene_features import write_features
from behavior.pipeline.scene_page import write_page
from behavior.pipeline.stages import VERSION
from behavior.pipeline.views import Rig, Seen, joined, vertical, watch
from behavior.recognition.model import load_action_model
from features.clean import CleanSettings
from pose.multiview.files import calibration_hash
from storage import open_database, runs, scenes
from storage.files import make_folder, write_bytes
from storage.scenes import SceneView

ALGORITHM = 1


def triangulate(
    database: str,
    rig: Rig,
    out: Path,
    narrator: Narrator,
    *,
    limit_px: float | None = None,
    cleaning: CleanSettings | None = None,
    up: str | None = None,
    formats: Sequence[str] = (),
    actions: str = "default",
) -> dict[str, Any]:
    """People in space, stored and written to a folder.

    Args:
        database: file or URL.
        rig: the cameras, and what each recorded.
        out: folder for the tables.
        limit_px: a view further from a point does not count; None: `views.LIMIT` of the longer side.
        cleaning: of the tables made of the positions; the database keeps them as they are. None: the defaults.
        up: the world's axis against gravity, one of `views.AXES`; None: by the cameras.
        formats: files besides, of `scene.FORMATS`.
        actions: model that names what people do, a name or a file; `none`: nothing does.

    Returns:
        The summary that `posescribe triangulate --json` prints.

    Raises:
        CalibrationError: cameras and recordings do not fit each other, or show nobody in common.
        MissingError: a recording is not there or was not analysed.
        ActionModelError: no such model, or it needs joints that the recordings lack.
        ExchangeError: a format can't hold the people, or its library is not there.
    """
    cleaning = cleaning or CleanSettings()
    named = None if actions == "none" else load_action_model(locate(actions))
    with open_database(database, create=False) as opened:
        scene = watch(opened, rig, narrator)
        seen, skeleton, first, group = scene.seen, scene.skeleton, scene.clock, scene.group
        limit = limit_px or scene.limit_px
        people = scene.people()
        against_gravity = vertical(group, up, narrator)
        found = []
        for number, nodes in enumerate(people, start=1):
            pixels, confidence = joined(scene.views, nodes, len(group))
            own = tuple(scene.members[node] for node in nodes)
            found.append(solve(group, number, own, pixels, confidence, limit, skeleton, first.time_s, cleaning))
            narrator.step("people in space", number, len(people))
        if len(seen) > 2 and all(one.found.used.sum(axis=0).max() < 3 for one in found):
            narrator.say(
                f"of {len(seen)} cameras no three agree on any joint, so that nothing checks the points; expected if "
                "they overlap in twos only, else check that each camera has its own recording (--camera) and offset"
            )
        settings = {
            "limit_px": limit, "cameras": {one.camera.name: one.recording.name for one in seen},
            "offsets_s": {one.camera.name: one.offset_s for one in seen},
            "fits": {one.camera.name: one.fit for one in seen if one.fit}, "unit": rig.unit, "format": rig.format,
        }  # fmt: skip
        sha256 = calibration_hash(rig.calibration)
        fingerprint = runs.fingerprint(
            calibration=sha256, settings=settings, tracks=[one.run.fingerprint for one in seen], algorithm=ALGORITHM
        )
        with opened.transaction() as tx:
            key = scenes.write_scene(
                tx, fingerprint, calibration=(str(rig.calibration.resolve()), sha256), settings=settings,
                version=VERSION,
                views=[SceneView(one.camera.name, one.run.id, one.offset_s, one.fit) for one in seen],
                frames=first.frames, time_s=first.time_s, joints=skeleton.joints, people=[one.stored for one in found],
            )  # fmt: skip
            table = pd.DataFrame(scenes.read_positions(tx, key))
    world = Scene(
        skeleton, first.frames, first.time_s, found, [SceneCamera(one.camera, one.recording.name) for one in seen]
    )
    errors = world.errors()
    if late := world.doubtful_clock():
        name, seconds, then, now = late
        offset = next(one.offset_s for one in seen if one.camera.name == name)
        narrator.say(
            f"{name}: what it sees {seconds:+.2f} s on fits the other cameras better, {then:.1f} px instead of "
            f"{now:.1f}; are the recordings of one clock? --offset {name}={offset - seconds:.2f} would move it, "
            "posescribe synchronise finds offsets"
        )
    make_folder(out)
    write_tables(world, table, out)
    origin = {"posescribe": VERSION, "scene": key, "calibration": str(rig.calibration), "calibration_sha256": sha256,
              "db": database, "settings": settings, "cleaning": list(found[0].cleaned.steps),
              "up": against_gravity.tolist()}  # fmt: skip
    write_features(world, against_gravity, out, origin)
    if named is not None:
        origin["actions"] = {"model": named.info.name, "sha256": named.info.sha256}
        write_actions(world, against_gravity, named, out)
    export(world, formats, out, f"posescribe {VERSION}, scene {key}, calibration {sha256}")
    write_bytes(out / "run.json", json.dumps(origin, indent=2).encode())
    films = {
        name: (way, float(next(one.time_s[0] for one in seen if one.camera.name == name)))
        for name, way in _beside(database, out, seen, "video.mp4").items()
    }
    write_page(world, against_gravity, out, origin, _beside(database, out, seen, "report.html"), films)
    for row in errors.to_dict("records"):
        narrator.say(
            f"person {row['person']}, {row['camera']}: {row['median_px']:.1f} px in the median"
            + (f", {row['held_out_px']:.1f} px from where the others put it" if row["held_out"] else "")
            + f"; {row['used'] * 100:.0f} % of {row['seen']} joints seen count"
        )
    return {
        "scene": key, "people": len(found), "frames": len(first.frames), "cameras": settings["cameras"],
        "limit_px": limit, "median_px": float(errors.median_px.median()), "out": str(out), "db": database,
    }  # fmt: skip


def _beside(database: str, out: Path, seen: Sequence[Seen], file: str) -> dict[str, str]:
    """Of each camera the way from the folder to a file of its recording's results, where `analyze` puts them."""
    results = Path(database).resolve().parent
    found = {one.camera.name: results / one.recording.name / file for one in seen}
    there = {name: path for name, path in found.items() if path.is_file()}
    return {name: os.path.relpath(path, out.resolve()).replace(os.sep, "/") for name, path in there.items()}
