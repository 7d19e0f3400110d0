"""Recordings of several calibrated cameras, on one clock and in one world."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from behavior.pipeline.progress import Narrator
from pose.errors import CalibrationError
from pose.multiview import Camera, CameraGroup, View, match_people, read_cameras
from pose.multiview.clock import on_clock
from pose.skeleton import Skeleton
from storage import poses, recordings, runs, skeletons, tracks
from storage.database import Database
from storage.errors import MissingError
from storage.offsets import read_offsets
from storage.recordings import Recording
from storage.runs import Run

FITS = ("crop", "crop-centre", "crop-left", "resize")
LIMIT = 0.02
"""Of the longer side of the largest picture: a view further from a point than this does not count."""
AXES: dict[str, NDArray[np.float64]] = {
    f"{sign}{name}": (-1 if sign else 1) * np.eye(3)[i] for i, name in enumerate("xyz") for sign in ("", "-")
}
_ONE_PLACE_M = 0.01
_TILTED_DEG = 30.0


@dataclass(frozen=True)
class Rig:
    """Calibrated cameras, and which recording is of which.

    Attributes:
        calibration: see `pose.multiview.read_cameras`, as are `format` and `unit`.
        cameras: recording of each camera; empty: matched by name.
        offsets: of cameras, added to the time of their recordings, seconds; 0 for the others. None: those stored.
        fits: of cameras, one of `FITS`: how the pictures were changed after the calibration.
    """

    calibration: Path
    cameras: Mapping[str, str]
    offsets: Mapping[str, float] | None
    fits: Mapping[str, str]
    format: str | None = None
    unit: str | None = None


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


@dataclass(frozen=True, eq=False)
class Watched:
    """One scene as all cameras recorded it.

    Attributes:
        where: the database.
        seen: C cameras, with what each recorded.
        skeleton: of all tracks.
        clock: the one whose times are those of the scene: that with the most frames.
        views: all 2-D tracks of all cameras, on that clock.
        members: camera and number of each track.
    """

    where: str
    seen: tuple[Seen, ...]
    skeleton: Skeleton
    clock: Seen
    views: tuple[View, ...]
    members: tuple[tuple[str, int], ...]

    @property
    def group(self) -> CameraGroup:
        return CameraGroup(tuple(one.camera for one in self.seen))

    @property
    def longer_side(self) -> int:
        """Of the largest picture, pixels."""
        return max(max(one.recording.width, one.recording.height) for one in self.seen)

    @property
    def limit_px(self) -> float:
        """`LIMIT` of the longer side, pixels."""
        return LIMIT * self.longer_side

    def people(self) -> list[tuple[int, ...]]:
        """For each person the indices of its views; see `match_people`. `CalibrationError` where there is nobody."""
        found = match_people(self.group, self.views)
        if not found:
            raise CalibrationError(
                f"{self.where}: the {len(self.seen)} cameras share no person among {len(self.views)} tracks; check "
                "that the recordings are of one moment (--offset), --camera, and the calibration's unit (--unit)"
            )
        return found


def watch(opened: Database, rig: Rig, narrator: Narrator) -> Watched:
    """What calibrated cameras recorded of one scene.

    Args:
        opened: with the tracks of all recordings.
        rig: the cameras, and what each recorded.
        narrator: hears what is left out or taken as something.

    Raises:
        CalibrationError: cameras and recordings do not fit each other.
        MissingError: a recording is not there or was not analysed.
    """
    group = read_cameras(rig.calibration, format=rig.format, unit=rig.unit)
    for option, names in (("--camera", rig.cameras), ("--offset", rig.offsets or {}), ("--fit", rig.fits)):
        if unknown := [name for name in names if name not in group.names]:
            raise CalibrationError(
                f"{option} {unknown[0]}: {rig.calibration} has no such camera: {', '.join(group.names)}"
            )
    with opened.reading() as tx:
        chosen = _chosen(tx, opened.where, group, rig.cameras, narrator)
        offsets = _stored(tx, opened.where, chosen) if rig.offsets is None else rig.offsets
        seen = [_seen(tx, group.of([name]).cameras[0], one, offsets, rig.fits, narrator) for name, one in chosen]
        skeleton = _skeleton(tx, seen)
        _refuse_one_place(CameraGroup(tuple(one.camera for one in seen)))
        clock = max(seen, key=lambda one: len(one.frames))
        views, members = _views(tx, seen, clock.time_s)
    return Watched(opened.where, tuple(seen), skeleton, clock, tuple(views), tuple(members))


def vertical(group: CameraGroup, axis: str | None, narrator: Narrator) -> NDArray[np.float64]:
    """(3,) direction against gravity: the axis as said (`AXES`), else that nearest to the top of the cameras' pictures.

    Where none is near it, the top itself.

    Raises:
        CalibrationError: none is said, and the pictures' tops cancel each other.
    """
    if axis is not None:
        return AXES[axis]
    top = group.up
    if not np.isfinite(top).all():
        raise CalibrationError("the cameras are held every way, so that no axis is seen to be up; say which one: --up")
    name, direction = max(AXES.items(), key=lambda item: float(top @ item[1]))
    away = float(np.degrees(np.arccos(np.clip(top @ direction, -1, 1))))
    if away > _TILTED_DEG:
        narrator.say(
            f"no axis of the calibration is up: the nearest to the top of the cameras' pictures, {name}, is "
            f"{away:.0f}° off, so that top is taken; tilted cameras tilt angles to the vertical (--up says otherwise)"
        )
        return top
    narrator.say(f"up is {name}: the top of the cameras' pictures is {away:.0f}° from it (--up says otherwise)")
    return direction


def joined(
    views: Sequence[View], nodes: Sequence[int], cameras: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(C, T, K, 2) pixels, NaN where not seen, and (C, T, K) confidences of the person of these views."""
    shape = views[nodes[0]].confidence.shape
    pixels, confidence = np.full((cameras, *shape, 2), np.nan), np.zeros((cameras, *shape))
    for node in nodes:
        there = np.isfinite(views[node].pixels).all(axis=-1)
        pixels[views[node].camera][there] = views[node].pixels[there]
        confidence[views[node].camera][there] = views[node].confidence[there]
    return pixels, confidence


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
    own = fitted(camera, (recording.width, recording.height), fit, narrator)
    return Seen(own, recording, now.track, offset, fit, frames, time_s + offset)


def fitted(camera: Camera, size: tuple[int, int], fit: str | None, narrator: Narrator) -> Camera:
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
