"""What every writer takes: the tracks of a recording, in pieces; and a file that is either whole or not there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pose.people import Person
from pose.skeleton import Skeleton
from pose.tables import frame_rate
from storage.database import Database
from storage.errors import ExchangeError
from storage.poses import CHUNK, frame_times
from storage.recordings import Recording, get_recording
from storage.runs import Run, get_run
from storage.skeletons import skeleton_of
from storage.tracks import TrackInfo, iter_tracked_frames, list_tracks, pose_run_of

BLOCK_CELLS = 2_000_000
"""Numbers in memory at a time."""


@dataclass(frozen=True, eq=False)
class Tracked:
    """The tracks of one track run.

    Attributes:
        database, run_id: where they are.
        recording: what was filmed.
        pose_run: what found the people.
        skeleton: K joints.
        tracks: T identities.
        frames: (n,) int64 numbers of all frames that were looked at, also those without people.
        time_s: (n,) float64 their times, seconds.
    """

    database: Database
    run_id: int
    recording: Recording
    pose_run: Run
    skeleton: Skeleton
    tracks: tuple[TrackInfo, ...]
    frames: NDArray[np.int64]
    time_s: NDArray[np.float64]

    @classmethod
    def load(cls, database: Database, run_id: int) -> Tracked:
        """Everything but the keypoints; raises `MissingError`."""
        with database.reading() as tx:
            pose_run = get_run(tx, pose_run_of(tx, run_id))
            recording = get_recording(tx, pose_run.recording_id)
            found = tuple(list_tracks(tx, run_id))
            frames, time_s = frame_times(tx, pose_run.id)
            return cls(database, run_id, recording, pose_run, skeleton_of(tx, run_id), found, frames, time_s)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """T unique names: as given by a human, else `person_<track_id>`."""
        numbered = [f"person_{track.track_id}" for track in self.tracks]
        given = [track.name or number for track, number in zip(self.tracks, numbered, strict=True)]
        return tuple(
            name if given.count(name) == 1 else f"{name}_{track.track_id}"
            for name, track in zip(given, self.tracks, strict=True)
        )

    @property
    def scorer(self) -> str:
        """The network, for formats that name their source."""
        return f"posescribe_{self.pose_run.model_name}" if self.pose_run.model_name else "posescribe"

    @property
    def fps(self) -> float | None:
        """Frames per second, see `pose.tables.frame_rate`."""
        return frame_rate(self.frames, self.time_s)

    def require_people(self, name: str) -> None:
        """Raises `ExchangeError` when there is no track: the dense formats need at least one."""
        if not self.tracks:
            raise ExchangeError(
                f"{self.database.where}: no person in {self.recording.name}, which {name} can't hold; "
                "export it as csv or parquet"
            )

    def paths(self, path: Path, suffix: str) -> list[Path]:
        """A file for each person: `path` itself for one alone, else `<stem>_<person><suffix>` beside it."""
        if len(self.tracks) == 1:
            return [path]
        stem = path.name.removesuffix(suffix)
        names = [re.sub(r"[^\w.-]+", "_", name) for name in self.names]
        return [
            path.with_name(f"{stem}_{name if names.count(name) == 1 else f'{name}_{track.track_id}'}{suffix}")
            for name, track in zip(names, self.tracks, strict=True)
        ]

    def blocks(self) -> Iterator[tuple[slice, NDArray[np.float32], NDArray[np.float32]]]:
        """All frames in order, in pieces of bounded size.

        Yields:
            The rows (of `frames`), their (r, T, K, 3) float32 keypoints and (r, T) float32 scores; a person who is not
            in a frame is NaN throughout, a missing joint NaN, NaN, 0.
        """
        n_tracks, n_joints = len(self.tracks), len(self.skeleton)
        column = {track.track_id: number for number, track in enumerate(self.tracks)}
        size = max(1, min(CHUNK, BLOCK_CELLS // max(1, n_tracks * n_joints * 3)))
        source = iter_tracked_frames(self.database, self.run_id, chunk=size)
        start = 0
        while page := list(islice(source, size)):
            keypoints = np.full((len(page), n_tracks, n_joints, 3), np.nan, dtype=np.float32)
            scores = np.full((len(page), n_tracks), np.nan, dtype=np.float32)
            for row, frame in enumerate(page):
                for person in frame.people:
                    if person.track_id is not None:
                        keypoints[row, column[person.track_id]] = person.keypoints
                        scores[row, column[person.track_id]] = person.score
            yield slice(start, start + len(page)), keypoints, scores
            start += len(page)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, of the same suffix, that takes its place when the block ends well.

    Makes the folder. Raises `ExchangeError` when the file can't be written.
    """
    part = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        if path.is_dir():
            raise IsADirectoryError(21, "is a folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        os.replace(part, path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ExchangeError(f"{path}: can't be written ({reason}); choose another --out") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def points_of(person: Person, joints: Sequence[str]) -> NDArray[np.float64]:
    """(n, 3) joints by name, in the shortest decimals; 0, 0, 0 for one that is missing, or that the layout lacks."""
    names = person.skeleton.joints
    places = [names.index(joint) if joint in names else -1 for joint in joints]
    return short(np.nan_to_num(np.concatenate([person.keypoints, np.zeros((1, 3), np.float32)])[places]))


def short(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """The numbers of the shortest decimals that give the same float32."""
    return values.astype(str).astype(np.float64)
