"""People in metres, out of recordings of several calibrated cameras."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection

from behavior.pipeline.progress import Narrator
from behavior.pipeline.stages import VERSION
from pose.errors import CalibrationError
from pose.multiview import Camera, CameraGroup, Triangulated, View, match_people, read_cameras, triangulate_robustly
from pose.multiview.clock import on_clock
from pose.multiview.files import calibration_hash
from pose.skeleton import Skeleton
from storage import open_database, poses, recordings, runs, scenes, skeletons, tracks
from storage.errors import MissingError
from storage.files import make_folder, write_bytes
from storage.formats.keypoints import trc
from storage.offsets import read_offsets
from storage.recordings import Recording
from storage.runs import Run
from storage.scenes import ScenePerson, SceneView

ALGORITHM = 1
FITS = ("crop", "crop-centre", "crop-left", "resize")
LIMIT = 0.02
"""Of the longer side of the largest picture: a view further from a point than this does not count."""
_ONE_PLACE_M = 0.01


@dataclass(frozen=True, eq=False)
class Seen:
    """What one camera recorded.

    Attributes:
        camera: as the recording's pixels need it.
        recording, run: what was filmed, and its tracks that count.
        offset_s: added to its own times, seconds.
        fit: how the picture differs from the calibration's; None where it does not.
        frames, time_s: (F,) frames that were looked at, and their common times, seconds.
    """

    camera: Camera
    recording: Recording
    run: Run
    offset_s: float
    fit: str | None
    frames: NDArray[np.int64]
    time_s: NDArray[np.float64]


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
        fits: of cameras, one of `FITS`: how the pictures were changed after the calibration.
        limit_px: a view further from a point does not count; None: `LIMIT` of the longer side.

    Returns:
        The summary that `posescribe triangulate --json` prints.

    Raises:
        CalibrationError: cameras and recordings do not fit each other, or show nobody in common.
        MissingError: a recording is not there or was not analysed.
    """
    group = read_cameras(calibration, format=format, unit=unit)
    for option, names in (("--camera", cameras), ("--offset", offsets or {}), ("--fit", fits)):
        if unknown := [name for name in names if name not in group.names]:
            raise CalibrationError(f"{option} {unknown[0]}: {calibration} has no such camera: {', '.join(group.names)}")
    with open_database(database, create=False) as opened:
        with opened.reading() as tx:
            chosen = _chosen(tx, opened.where, group, cameras, narrator)
            offsets = _stored(tx, opened.where, chosen) if offsets is None else offsets
            seen = [_seen(tx, group.of([name]).cameras[0], one, offsets, fits, narrator) for name, one in chosen]
            skeleton = _skeleton(tx, seen)
            group = CameraGroup(tuple(one.camera for one in seen))
            _refuse_one_place(group)
            first = max(seen, key=lambda one: len(one.frames))
            views, members = _views(tx, seen, first.time_s)
        limit = limit_px or LIMIT * max(max(one.recording.width, one.recording.height) for one in seen)
        people = match_people(group, views)
        if not people:
            raise CalibrationError(
                f"{database}: the {len(seen)} cameras share no person among {len(views)} tracks; check that the "
                "recordings are of one moment (--offset), --camera, and the calibration's unit (--unit)"
            )
        solved = [(nodes, *_joined(views, nodes, len(group))) for nodes in people]
        found: list[tuple[ScenePerson, Triangulated]] = []
        for number, (nodes, pixels, confidence) in enumerate(solved, start=1):
            done = triangulate_robustly(group, pixels, confidence, limit_px=limit)
            found.append((_person(number, [members[node] for node in nodes], done), done))
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


def _chosen(
    tx: Connection, where: str, group: CameraGroup, cameras: Mapping[str, str], narrator: Narrator
) -> list[tuple[str, Recording]]:
    """Each camera with its recording: as stated, else by name."""
    known = [one.name for one in recordings.list_recordings(tx)]
    found = []
    for name in cameras or group.names:
        own = recordings.select_recordings(tx, cameras.get(name, name))
        if len(own) > 1 or (not own and cameras):
            raise MissingError(f"{where}: {len(own)} recordings {cameras.get(name, name)!r}; it has {', '.join(known)}")
        if own:
            found.append((name, own[0]))
    if left := [name for name in group.names if name not in dict(found)]:
        narrator.say(f"without a recording, left out: {', '.join(left)}")
    if len(found) < 2:
        raise CalibrationError(
            f"{where}: expected recordings of at least two of the cameras {', '.join(group.names)}, found "
            f"{', '.join(name for name, _ in found) or 'none'} among {', '.join(known)}; say --camera CAM=RECORDING"
        )
    if len({one.id for _, one in found}) < len(found):
        raise CalibrationError(f"{where}: one recording is given for two cameras; each needs its own --camera")
    return found


def _stored(tx: Connection, where: str, chosen: Sequence[tuple[str, Recording]]) -> dict[str, float]:
    """The offset of each camera that was found before."""
    found = read_offsets(tx, [one.id for _, one in chosen])
    if not found:
        raise MissingError(
            f"{where}: no offsets are stored for {', '.join(one.name for _, one in chosen)} together; "
            "run posescribe synchronise first"
        )
    return {name: found[one.id].offset_s for name, one in chosen}


def _seen(
    tx: Connection, camera: Camera, recording: Recording, offsets: Mapping[str, float], fits: Mapping[str, str],
    narrator: Narrator,
) -> Seen:  # fmt: skip
    now = runs.current(tx, recording.id)
    if now is None:
        raise MissingError(f"{recording.name}: was not analysed; run posescribe analyze first")
    fit = fits.get(camera.name)
    frames, time_s = poses.frame_times(tx, now.pose.id)
    if not len(frames):
        raise MissingError(f"{recording.name}: no frame of it was looked at; run posescribe analyze first")
    offset = offsets.get(camera.name, 0.0)
    fitted = _fitted(camera, (recording.width, recording.height), fit, narrator)
    return Seen(fitted, recording, now.track, offset, fit, frames, time_s + offset)


def _fitted(camera: Camera, size: tuple[int, int], fit: str | None, narrator: Narrator) -> Camera:
    """The camera of pictures of another size than the calibration's, by what the user says was done to them."""
    if camera.size is None:
        narrator.say(f"{camera.name}: its calibration has no size, so that of the recording is not checked")
        return camera
    if camera.size == size:
        return camera
    told = (
        f"{camera.name}: the recording is {size[0]}×{size[1]} px, the calibration of {camera.size[0]}×{camera.size[1]}"
    )
    if fit is None:
        raise CalibrationError(
            f"{told}; say how the pictures were changed: --fit {camera.name}=crop (cut off at the right and below), "
            "crop-centre, crop-left or resize"
        )
    narrator.say(f"{told}; taken as {fit}")
    if fit == "resize":
        return camera.resized(*size)
    spare_x, spare_y = camera.size[0] - size[0], camera.size[1] - size[1]
    if min(spare_x, spare_y) < 0:
        raise CalibrationError(f"{told}, which is less: nothing was cut off; --fit {camera.name}=resize?")
    left, top = {"crop": (0, 0), "crop-centre": (spare_x / 2, spare_y / 2), "crop-left": (spare_x, 0)}[fit]
    return camera.cropped(left, top, *size)


def _skeleton(tx: Connection, seen: Sequence[Seen]) -> Skeleton:
    found = [skeletons.skeleton_of(tx, one.run.id) for one in seen]
    if other := [one for one in found if one.joints != found[0].joints]:
        raise CalibrationError(
            f"{seen[0].recording.name} has joints of {found[0].name}, another recording of {other[0].name}; "
            "analyse all of them with one network"
        )
    return found[0]


def _refuse_one_place(group: CameraGroup) -> None:
    centres = [camera.centre for camera in group.cameras]
    apart = max(float(np.linalg.norm(one - two)) for one, two in combinations(centres, 2))
    if apart < _ONE_PLACE_M:
        raise CalibrationError(
            f"the cameras {', '.join(group.names)} stand at one place (within {apart * 1000:.1f} mm), from where there "
            "is no depth; check the calibration and its unit (--unit)"
        )


def _views(
    tx: Connection, seen: Sequence[Seen], clock_s: NDArray[np.float64]
) -> tuple[list[View], list[tuple[str, int]]]:
    """All tracks of all cameras on one clock, and the camera and number of each."""
    views, members = [], []
    for number, one in enumerate(seen):
        for info in tracks.list_tracks(tx, one.run.id):
            track = tracks.read_track(tx, one.run.id, info.track_id)
            views.append(View(number, *on_clock(track, one.frames, one.time_s, clock_s)))
            members.append((one.camera.name, info.track_id))
    return views, members


def _joined(
    views: Sequence[View], nodes: Sequence[int], cameras: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(C, T, K, 2) pixels and (C, T, K) confidences of one person."""
    shape = views[nodes[0]].confidence.shape
    pixels, confidence = np.full((cameras, *shape, 2), np.nan), np.zeros((cameras, *shape))
    for node in nodes:
        there = np.isfinite(views[node].pixels).all(axis=-1)
        pixels[views[node].camera][there] = views[node].pixels[there]
        confidence[views[node].camera][there] = views[node].confidence[there]
    return pixels, confidence


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
