"""What every source gives: frames one after another, each with its number and its own time.

Conventions, the same for every kind:

- `index` counts the source's frames from its start, from 0, however much of it is read. A frame that can't be decoded
  keeps its number: the numbers leave a gap there, and `skipped` counts it.
- `time_s` rises strictly from frame to frame.
- Frames stand as a viewer shows them: turned upright as the file asks, in square pixels, 8-bit BGR, alpha ignored.
- A range holds its start and not its end, `start_s <= time_s < end_s`, so that ranges that touch share no frame.
  `every` keeps the frames whose index is a multiple of it, so runs over different ranges keep the same frames.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from pose.errors import SourceError

Image = NDArray[np.uint8]
Kind = Literal["image", "folder", "video", "webcam", "stream"]
ClockOrigin = Literal["source", "given", "assumed"]

ASSUMED_FPS = 25.0
"""Of a source without a clock when nobody says its rate, frames per second: that of the tools which make such files."""

_ROUNDING_S = 1e-6
"""Slack of the range's ends for times that no float holds exactly, seconds."""
_MAX_NOTES = 20


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a source.

    Attributes:
        index: number of the frame in the source, from 0; see the module for gaps.
        time_s: the frame's own timestamp, seconds from the start of the source.
        image: (height, width, 3) uint8 BGR.
        skipped: frames of the range before it that could not be decoded.
    """

    index: int
    time_s: float
    image: Image
    skipped: int = 0


@dataclass(frozen=True)
class SourceInfo:
    """What is known of a source before it is read.

    Attributes:
        name: short name for people, the file's or folder's own.
        uri: absolute path, URL without its password, or webcam number.
        kind: what it is.
        width, height: size of the frames as delivered, pixels; of the first one where a folder's images differ.
        n_frames: frames of the whole source: exact for images, else what the header says, which may be wrong.
        duration_s: length of the whole source as the header says, seconds.
        fps: nominal frame rate, for display only: time is each frame's own `time_s`.
        clock: where the times come from: the source itself, the rate that the caller gave, or `ASSUMED_FPS`, which the
            notes then say.
        pixel_aspect: width over height of the file's own pixels. Where it isn't 1 the frames were widened (above 1) or
            heightened (below 1) by it, before any turn, so that pixels are square and no detail is lost.
        offset_s: what a player's clock shows at `time_s` 0, when sound starts before the picture, seconds.
    """

    name: str
    uri: str
    kind: Kind
    width: int
    height: int
    n_frames: int | None = None
    duration_s: float | None = None
    fps: float | None = None
    clock: ClockOrigin = "source"
    pixel_aspect: float = 1.0
    offset_s: float = 0.0

    @property
    def consecutive(self) -> bool:
        """Whether the frames follow one another: a video, or a folder whose rate somebody knows."""
        return self.kind == "video" or (self.kind == "folder" and self.clock == "given")


@dataclass(frozen=True)
class Selection:
    """Which frames of a source are wanted.

    Attributes:
        start_s: first time, inside; None for the source's start. Seconds.
        end_s: last time, outside; None for the source's end. Seconds.
        every: keep the frames whose index is a multiple of it.
        after: index and time of the last frame that was read before; reading goes on with the one after it.
    """

    start_s: float | None = None
    end_s: float | None = None
    every: int = 1
    after: tuple[int, float] | None = None

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError(f"every must be at least 1, got {self.every}")
        if self.start_s is not None and not self.start_s >= 0:
            raise ValueError(f"start_s must be at least 0, got {self.start_s}")
        if self.end_s is not None and not self.end_s > (self.start_s or 0):
            raise ValueError(f"the range must end after it starts, got {self.start_s} to {self.end_s} s")

    def is_before(self, time_s: float) -> bool:
        return self.start_s is not None and time_s < self.start_s - _ROUNDING_S

    def is_over(self, time_s: float) -> bool:
        return self.end_s is not None and time_s >= self.end_s - _ROUNDING_S

    def holds(self, time_s: float) -> bool:
        return not (self.is_before(time_s) or self.is_over(time_s))


@dataclass(frozen=True)
class Picture:
    """A frame that is not yet converted: most cost is in `load`, which gives None when it can't be read."""

    index: int
    time_s: float
    load: Callable[[], Image | None]


class FrameSource(ABC):
    """Frames one after another; an iterator and a context manager.

    Attributes:
        info: what is known of the source.
        live: True for cameras: frames come at their own pace, and the oldest are dropped when nobody takes them.
        skipped: frames of the range so far that could not be decoded; ranges that touch share none.
        dropped: frames so far that a camera gave and nobody took in time; always 0 for files.
        broke_off: True once it ended before its end: there may be more another time.
        notes: plain sentences on what was found wrong and what was done about it, for the report.
    """

    info: SourceInfo
    live: bool = False

    def __init__(self, selection: Selection) -> None:
        self.skipped = 0
        self.dropped = 0
        self.broke_off = False
        self.notes: list[str] = []
        self._selection = selection
        self._frames = self._select()
        self._first: Frame | None = None

    @abstractmethod
    def _pictures(self) -> Iterator[Picture]:
        """Every frame after `after` (those before `start_s` may be left out), in order."""

    def frame_times(self) -> NDArray[np.float64]:
        """(n,) time of each frame of the whole source by its number, seconds, told without decoding them.

        A source that was asked gives no more frames. Raises `SourceError`, with the reason, where frames would have
        other numbers or times when reading begins in the middle.
        """
        raise SourceError(f"{self.info.uri}: {self.info.kind}s are not read from the middle")

    @abstractmethod
    def close(self) -> None:
        """Give files, cameras and threads back; may be called twice."""

    def _select(self) -> Generator[Frame, None, None]:
        for picture in self._pictures():
            if self._selection.is_over(picture.time_s):
                return
            if self._selection.is_before(picture.time_s) or picture.index % self._selection.every:
                continue
            image = picture.load()
            if image is None:
                self.skipped += 1
            else:
                yield Frame(picture.index, picture.time_s, image, self.skipped)

    def _note(self, text: str) -> None:
        if text not in self.notes and len(self.notes) < _MAX_NOTES:
            self.notes.append(text)

    def _break_off(self, why: str) -> None:
        self.broke_off = True
        self._note(why)

    def _rate(self, given: float | None) -> tuple[float, ClockOrigin]:
        """Frames per second of a source without a clock, and where they come from."""
        if given is not None:
            return given, "given"
        self._note(f"this source has no clock, {ASSUMED_FPS:g} frames/s assumed; --fps N gives the true rate")
        return ASSUMED_FPS, "assumed"

    def _prime(self) -> bool:
        """Read the first frame now, so that what can't be read is said at once; False when there is none."""
        self._first = next(self._frames, None)
        return self._first is not None

    @property
    def expected_frames(self) -> int | None:
        """About how many frames the wanted range holds, for progress; None when the source does not say."""
        if self.info.n_frames is None:
            return None
        first, last = self._selection.start_s or 0.0, self._selection.end_s
        done = self._selection.after
        if not self.info.duration_s:
            return max(0, self.info.n_frames - (done[0] + 1 if done else 0)) // self._selection.every or None
        if done is not None:
            first = max(first, done[1])
        span = min(self.info.duration_s, np.inf if last is None else last) - first
        return round(max(0.0, span) * self.info.n_frames / self.info.duration_s / self._selection.every)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Frame:
        if self._first is not None:
            frame, self._first = self._first, None
            return frame
        return next(self._frames)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
