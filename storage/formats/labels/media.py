"""What a label file needs to know of the recording it belongs to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from storage.bouts import Bout


@dataclass(frozen=True, eq=False)
class MediaInfo:
    """A recording, its people and the actions that can occur.

    Attributes:
        recording: its name.
        media: path or URL of the video.
        frames: (n,) int64 numbers of the frames that were looked at, rising.
        time_s: (n,) float64 their timestamps, seconds.
        duration_s: length of the video, seconds; None: the end of the last frame.
        fps: nominal frames per second; None: from the timestamps.
        names: names that humans gave to tracks.
        people: all tracks, also those without a bout.
        actions: the ethogram, besides the actions that occur.
        date: when the bouts were made; None: now.
        offset_s: what a player's clock shows at time 0, seconds: more than 0 where sound begins before the picture.
    """

    recording: str
    media: str
    frames: NDArray[np.int64]
    time_s: NDArray[np.float64]
    duration_s: float | None = None
    fps: float | None = None
    names: Mapping[int, str] = field(default_factory=dict)
    people: tuple[int, ...] = ()
    actions: tuple[str, ...] = ()
    date: datetime | None = None
    offset_s: float = 0.0

    def __post_init__(self) -> None:
        if self.frames.shape != self.time_s.shape or self.frames.ndim != 1:
            raise ValueError(f"expected a time for each frame, got {self.frames.shape} and {self.time_s.shape}")

    @property
    def length_s(self) -> float:
        """Length of the video in seconds; 0 when nothing is known of it."""
        if self.duration_s:
            return self.duration_s
        return end_of(self.time_s)

    @property
    def rate(self) -> float:
        """Nominal frames per second; 0 when nothing is known of it."""
        if self.fps:
            return self.fps
        return float(1 / np.median(np.diff(self.time_s))) if len(self.time_s) > 1 else 0.0

    @property
    def when(self) -> datetime:
        return self.date or datetime.now(UTC)

    def person(self, track_id: int) -> str:
        """What a track is called in label files."""
        return called({*self.people, *self.names, track_id}, self.names)[track_id]

    def everyone(self, bouts: Sequence[Bout]) -> list[int]:
        """All tracks, by number."""
        return sorted({*self.people, *(bout.track_id for bout in bouts)})

    def ethogram(self, bouts: Sequence[Bout]) -> list[str]:
        """All actions: those that can occur in their order, then others that do."""
        return list(dict.fromkeys([*self.actions, *sorted({bout.action for bout in bouts})]))

    def frame_at(self, time_s: float) -> int:
        """Number of the frame on screen at a time."""
        if len(self.frames) == 0:
            return 0
        # Half a millisecond: times that went through a file are rounded.
        place = int(np.searchsorted(self.time_s, time_s + 5e-4, side="right")) - 1
        return int(self.frames[max(place, 0)])


def called(tracks: Collection[int], names: Mapping[int, str]) -> dict[int, str]:
    """What the tracks are called in label files: the name that a human gave, else `Person 2`; never twice the same."""
    labels = {track: names.get(track) or f"Person {track}" for track in tracks}
    counts = Counter(labels.values())
    return {track: f"{label} (track {track})" if counts[label] > 1 else label for track, label in labels.items()}


def end_of(time_s: NDArray[np.float64]) -> float:
    """When the last of these frames ends, seconds: its timestamp and the usual time between frames; 0 without any."""
    if len(time_s) == 0:
        return 0.0
    return float(time_s[-1] + (np.median(np.diff(time_s)) if len(time_s) > 1 else 0.0))


def played(bouts: Sequence[Bout], info: MediaInfo) -> tuple[list[Bout], MediaInfo]:
    """The bouts by time, and the recording, both by the clock of a player: for programs that code on one.

    Raises `ValueError` when one person does one action twice at the same time.
    """
    offset = info.offset_s
    bouts = [replace(bout, start_s=bout.start_s + offset, stop_s=bout.stop_s + offset) for bout in checked(bouts)]
    return bouts, replace(info, time_s=info.time_s + offset, duration_s=info.length_s + offset, offset_s=0.0)


def checked(bouts: Sequence[Bout]) -> list[Bout]:
    """The bouts by time; raises `ValueError` when one person does one action twice at the same time."""
    ordered = sorted(bouts, key=lambda bout: (bout.start_s, bout.track_id, bout.action))
    until: dict[tuple[int, str], float] = {}
    for bout in ordered:
        key = (bout.track_id, bout.action)
        if bout.start_s < until.get(key, -np.inf) - 1e-6:
            raise ValueError(f"bouts of {bout.action!r} of track {bout.track_id} overlap at {bout.start_s:g} s")
        until[key] = bout.stop_s
    return ordered
