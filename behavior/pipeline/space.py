"""People in metres, out of recordings of several calibrated cameras."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from behavior.pipeline.progress import Narrator
from behavior.pipeline.stages import VERSION
from behavior.pipeline.views import Seen, joined, watch
from pose.multiview import Triangulated, triangulate_robustly
from pose.multiview.files import calibration_hash
from pose.skeleton import Skeleton
from storage import open_database, runs, scenes
from storage.files import make_folder, write_bytes
from storage.formats.keypoints import trc
from storage.scenes import ScenePerson, SceneView

ALGORITHM = 1


def triangulate(
    database: str,
    calibration: Path,
    out: Path,
    narrator: Narrator,
    *,
    cameras: Mapping[str, str],
    offsets: Mapping[str, float] | None,
    fits: Mapping[str, str],
    format: str | None = None,
    unit: str | None = None,
    limit_px: float | None = None,
) -> dict[str, Any]:
    """People in space, stored and written to a folder.

    Args:
        database: file or URL.
        calibration: see `pose.multiview.read_cameras`, as are `format` and `unit`.
        out: folder for the tables.
        cameras: recording of each camera; empty: matched by name.
        offsets: of cameras, added to the time of their recordings, seconds; 0 for the others. None: those stored.
        fits: of cameras, one of `views.FITS`: how the pictures were changed after the calibration.
        limit_px: a view further from a point does not count; None: `views.LIMIT` of the longer side.

    Returns:
        The summary that `posescribe triangulate --json` prints.

    Raises:
        CalibrationError: cameras and recordings do not fit each other, or show nobody in common.
        MissingError: a recording is not there or was not analysed.
    """
    with open_database(database, create=False) as opened:
        scene = watch(
            opened, calibration, narrator, cameras=cameras, offsets=offsets, fits=fits, format=format, unit=unit
        )
        seen, skeleton, first, group = scene.seen, scene.skeleton, scene.clock, scene.group
        limit = limit_px or scene.limit_px
        people = scene.people()
        solved = [(nodes, *joined(scene.views, nodes, len(group))) for nodes in people]
        found: list[tuple[ScenePerson, Triangulated]] = []
        for number, (nodes, pixels, confidence) in enumerate(solved, start=1):
            done = triangulate_robustly(group, pixels, confidence, limit_px=limit)
            found.append((_person(number, [scene.members[node] for node in nodes], done), done))
            narrator.step("people in space", number, len(people))
        if len(seen) > 2 and all(done.used.sum(axis=0).max() < 3 for _, done in found):
            narrator.say(
                f"of {len(seen)} cameras no three agree on any joint, so that nothing checks the points; expected if "
                "they overlap in twos only, else check that each camera has its own recording (--camera) and offset"
            )
        settings = {
            "limit_px": limit, "cameras": {one.camera.name: one.recording.name for one in seen},
            "offsets_s": {one.camera.name: one.offset_s for one in seen},
            "fits": {one.camera.name: one.fit for one in seen if one.fit}, "unit": unit, "format": format,
        }  # fmt: skip
        sha256 = calibration_hash(calibration)
        fingerprint = runs.fingerprint(
            calibration=sha256, settings=settings, tracks=[one.run.fingerprint for one in seen], algorithm=ALGORITHM
        )
        with opened.transaction() as tx:
            key = scenes.write_scene(
                tx, fingerprint, calibration=(str(calibration.resolve()), sha256), settings=settings, version=VERSION,
                views=[SceneView(one.camera.name, one.run.id, one.offset_s, one.fit) for one in seen],
                frames=first.frames, time_s=first.time_s, joints=skeleton.joints, people=[one for one, _ in found],
            )  # fmt: skip
            table = pd.DataFrame(scenes.read_positions(tx, key))
    errors, bones = _errors(seen, found), _bones(skeleton, [person for person, _ in found])
    _write(out, table, errors, bones, skeleton, first, [person for person, _ in found])
    origin = {"posescribe": VERSION, "scene": key, "calibration": str(calibration), "calibration_sha256": sha256,
              "db": database, "settings": settings}  # fmt: skip
    write_bytes(out / "run.json", json.dumps(origin, indent=2).encode())
    for row in errors.to_dict("records"):
        narrator.say(
            f"person {row['person']}, {row['camera']}: {row['median_px']:.1f} px in the median, "
            f"{row['used'] * 100:.0f} % of {row['seen']} joints seen count"
        )
    return {
        "scene": key, "people": len(found), "frames": len(first.frames), "cameras": settings["cameras"],
        "limit_px": limit, "median_px": float(errors.median_px.median()), "out": str(out), "db": database,
    }  # fmt: skip


def _person(number: int, members: Sequence[tuple[str, int]], found: Triangulated) -> ScenePerson:
    n_views = found.used.sum(axis=0)
    total = np.where(found.used, found.errors, 0.0).sum(axis=0)
    mean = np.where(n_views > 0, total / np.maximum(n_views, 1), np.nan)
    return ScenePerson(number, tuple(members), found.points, mean, n_views)


def _errors(seen: Sequence[Seen], people: Sequence[tuple[ScenePerson, Triangulated]]) -> pd.DataFrame:
    """A row per person and camera; all joints that the camera sees and that have a point, whether they count or not."""
    rows = []
    for person, found in people:
        for number, one in enumerate(seen):
            errors, used = found.errors[number], found.used[number]
            known = np.isfinite(errors)
            if not known.any():
                continue
            depth = one.camera.before(found.points[known])[:, 2]
            focal = float(np.sqrt(one.camera.matrix[0, 0] * one.camera.matrix[1, 1]))
            rows.append(
                {
                    "person": person.person, "camera": one.camera.name, "recording": one.recording.name,
                    "tracks": " ".join(str(track) for name, track in person.members if name == one.camera.name),
                    "seen": int(known.sum()), "used": float(used[known].mean()),
                    "median_px": float(np.median(errors[known])), "p95_px": float(np.percentile(errors[known], 95)),
                    "mm_per_px": float(np.median(depth) / focal * 1000),
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def _bones(skeleton: Skeleton, people: Sequence[ScenePerson]) -> pd.DataFrame:
    """A row per person and limb: how long it is, and how much that varies though it should not."""
    rows = []
    for person in people:
        for (one, two), (i, j) in zip(skeleton.limbs, skeleton.limb_indices.tolist(), strict=True):
            length = np.linalg.norm(person.points[:, i] - person.points[:, j], axis=-1)
            length = length[np.isfinite(length)]
            if len(length) < 2:
                continue
            mean, spread = float(length.mean()), float(length.std(ddof=1))
            rows.append(
                {"person": person.person, "bone": f"{one}-{two}", "frames": len(length), "mean_m": mean, "sd_m": spread,
                 "cv": spread / mean}
            )  # fmt: skip
    return pd.DataFrame(rows, columns=["person", "bone", "frames", "mean_m", "sd_m", "cv"])


def _write(
    out: Path, table: pd.DataFrame, errors: pd.DataFrame, bones: pd.DataFrame, skeleton: Skeleton, first: Seen,
    people: Sequence[ScenePerson],
) -> None:  # fmt: skip
    make_folder(out)
    write_bytes(out / "positions.parquet", table.to_parquet(index=False))
    for name, one in (("positions", table), ("reprojection", errors), ("bones", bones)):
        write_bytes(out / f"{name}.csv", one.to_csv(index=False).encode())
    for person in people:
        path = out / f"person_{person.person}.trc"
        trc.write_space(path, skeleton.joints, first.frames, first.time_s, person.points)
