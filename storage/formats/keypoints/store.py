"""Keypoints of a file -> the database: a recording, a pose run and, where the file knows who is who, a track run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import update

from pose.people import FramePeople
from storage import poses, recordings, runs, schema, tracks
from storage.database import Database
from storage.errors import ExchangeError
from storage.formats.guard import read_bytes
from storage.formats.keypoints.content import Keypoints

KIND = "keypoints"
"""Kind of a recording that came as keypoints: there is no picture of it."""


@dataclass(frozen=True)
class Imported:
    """What came into the database.

    Attributes:
        recording_id: the recording.
        pose_run: its keypoints.
        track_run: the file's identities; None when it has none.
        n_frames: frames read.
        new: False when the same file was there already.
    """

    recording_id: int
    pose_run: runs.Run
    track_run: runs.Run | None
    n_frames: int
    new: bool


def content_hash(path: Path) -> str:
    """sha256 of a file or, for a folder, of the names and contents of its JSON files; raises `ExchangeError`."""
    digest = hashlib.sha256()
    if path.is_dir():
        for file in sorted(path.glob("[!.]*.json")):
            digest.update(file.name.encode() + b"\0" + hashlib.sha256(read_bytes(file)).digest())
        return digest.hexdigest()
    try:
        with path.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise ExchangeError(f"{path}: can't be read ({error.strerror or error})") from error


def store_keypoints(
    database: Database,
    content: Keypoints,
    path: Path,
    *,
    name: str,
    sha256: str,
    settings: Mapping[str, Any],
    version: str,
) -> Imported:
    """Bring the keypoints of a file into the database, all of them or nothing; what is there already stays.

    Args:
        database: where to.
        content: what a reader gave.
        path: the file, for messages and as the recording's place.
        name: of the recording.
        sha256: of the file.
        settings: what decided how it was read, e.g. format and frame rate; part of the run's identity.
        version: of posescribe.

    Raises:
        ExchangeError: the file turns out to be broken, has frames out of order, or no frame.
    """
    with database.transaction() as tx:
        recording_id = recordings.ensure_recording(
            tx, name=name, uri=str(path), kind=KIND, sha256=sha256, width=content.width or 1,
            height=content.height or 1,
        )  # fmt: skip
        fingerprint = runs.fingerprint(stage="pose", source=sha256, settings=dict(settings), version=version)
        known = runs.find_run(tx, recording_id, "pose", fingerprint)
        if known is not None:
            track_run = runs.find_run(tx, recording_id, "track", _track_fingerprint(known))
            return Imported(recording_id, known, track_run, poses.count_frames(tx, known.id), new=False)
        pose_run = runs.start_run(
            tx, recording_id, "pose", fingerprint, settings=settings, version=version, skeleton=content.skeleton,
            model_name=content.software,
        )  # fmt: skip
        track_run = None
        seen: set[int] = set()
        order = _Order(path)
        frames = iter(content.frames)
        while chunk := list(islice(frames, poses.CHUNK)):
            for frame in chunk:
                order.check(frame)
                seen.update(person.track_id for person in frame.people if person.track_id is not None)
            poses.append_frames(tx, pose_run.id, chunk)
            if seen and track_run is None:
                track_run = runs.start_run(
                    tx, recording_id, "track", _track_fingerprint(pose_run), settings={"identities": "of the file"},
                    version=version, parent_id=pose_run.id,
                )  # fmt: skip
            if track_run is not None:
                tracks.append_memberships(tx, track_run.id, chunk)
        if order.count == 0:
            raise ExchangeError(f"{path}: holds no frame")
        extra = {"skipped": 0, "seconds": 0.0, "notes": [_origin(content, path), *content.notes]}
        pose_run = runs.finish_run(tx, pose_run.id, extra=extra)
        if track_run is not None:
            shift = max(0, 1 - min(seen))  # identities count from 1 here
            tracks.apply_identity(tx, track_run.id, {number: number + shift for number in seen})
            for number, called in content.names.items():
                if number in seen:
                    tracks.name_track(tx, track_run.id, number + shift, called)
            track_run = runs.finish_run(tx, track_run.id)
        own = schema.recording
        tx.execute(
            update(own)
            .where(own.c.id == recording_id)
            .values(
                width=content.width or order.width,
                height=content.height or order.height,
                n_frames=order.count,
                duration_s=order.duration_s,
            )
        )
    return Imported(recording_id, pose_run, track_run, order.count, new=True)


def _origin(content: Keypoints, path: Path) -> str:
    return f"The keypoints were imported from {path.name} ({content.software}), not computed here."


def _track_fingerprint(pose_run: runs.Run) -> str:
    return runs.fingerprint(stage="track", parent=pose_run.fingerprint, identities="of the file")


class _Order:
    """Walks along with the frames: they must rise, in number and in time, and name nobody twice."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last: FramePeople | None = None
        self._first_s = 0.0
        self._far = np.zeros(2)
        self.count = 0

    def check(self, frame: FramePeople) -> None:
        last = self._last
        if last is None:
            self._first_s = frame.time_s
            if frame.index < 0:
                raise ExchangeError(f"{self._path}: frame {frame.index}, expected numbers from 0")
        elif frame.index == last.index:
            raise ExchangeError(f"{self._path}: frame {frame.index} is there twice")
        elif frame.index < last.index:
            raise ExchangeError(f"{self._path}: frame {frame.index} comes after frame {last.index}, expected rising")
        elif not frame.time_s > last.time_s:
            raise ExchangeError(
                f"{self._path}: frame {frame.index} is at {frame.time_s:g} s, frame {last.index} at {last.time_s:g} s; "
                "expected rising times"
            )
        if not np.isfinite(frame.time_s):
            raise ExchangeError(f"{self._path}: frame {frame.index} is at {frame.time_s} s, expected a time")
        ids = [person.track_id for person in frame.people if person.track_id is not None]
        for number in ids:
            if ids.count(number) > 1:
                raise ExchangeError(f"{self._path}: frame {frame.index} has two people with identity {number}")
        for person in frame.people:
            self._far = np.fmax(self._far, person.box[2:])
        self._last = frame
        self.count += 1

    @property
    def width(self) -> int:
        """Of a picture that holds all joints, pixels."""
        return int(self._far[0]) + 1

    @property
    def height(self) -> int:
        return int(self._far[1]) + 1

    @property
    def duration_s(self) -> float:
        return self._last.time_s - self._first_s if self._last is not None else 0.0
