"""Video files, decoded by ffmpeg through PyAV, each frame with the timestamp that the file gives it.

Time 0 is the start of the video stream (its first frame, unless that one is damaged); `SourceInfo.offset_s` leads to a
player's clock, which starts with the sound where that starts earlier. `stamps.py` says how frames get their numbers
and times, and what happens to clocks that are wrong.

Damage: packets that can't be decoded and frames that the decoder flags as damaged are skipped and counted. Frames that
follow a loss within the same group of pictures are delivered, as players do, and may show traces of it. A file that is
cut off gives what can be decoded.

Interlaced video is delivered as it is stored, both fields in one frame.

A picture size that changes midway ends the reading with an error: one set of pixel coordinates can't hold both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from fractions import Fraction
from functools import partial
from itertools import chain
from typing import Literal

import av
import numpy as np
from av.container import InputContainer
from av.sidedata.sidedata import SideData
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from pose.errors import SourceError
from pose.sources.base import ClockOrigin, FrameSource, Image, Kind, Picture, Selection, SourceInfo
from pose.sources.guard import LENIENT, MOST_PIXELS, bounded, local_options, network_options
from pose.sources.remote import RemoteFile
from pose.sources.stamps import Demuxer, Numbering, Place, all_shown, has_no_clock, is_scrambled, last_before

_SQUARE = 0.01
"""Pixels this close to square are taken as square: the odd ratios of some encoders are rounding."""
_MAX_SEEK_BACK_S = 300.0
"""Farthest step back in search of a keyframe; beyond it the file is read from its start."""
_TEXT_FORMATS = frozenset(["tty", "bin", "xbin", "adf", "idf"])
"""Text that ffmpeg would play as a terminal's screen."""
_SAME_S = 1e-4
"""A frame this close to the one read before is that one: its time may have been rounded where it was kept. Seconds."""
_NOT_PICTURES = Disposition.attached_pic | Disposition.still_image | Disposition.timed_thumbnails


class VideoSource(FrameSource):
    """A video file, or a finite video behind a URL.

    Args:
        opened: what ffmpeg opens, or a file to read from, which is closed with the source.
        name, uri, kind: as in `SourceInfo`.
        timeout_s: longest wait for a server, seconds.
        fps: of a stream that has no clock, frames per second; None: `ASSUMED_FPS`, and a note says so.

    Raises:
        SourceError: no video, no frame that can be decoded, nothing in the range; while reading, a size that changes.
    """

    _converter: Converter | None = None  # made for the first frame
    _threads: Literal["AUTO", "SLICE"] = "AUTO"

    def __init__(
        self,
        opened: str | RemoteFile,
        selection: Selection,
        *,
        name: str,
        uri: str,
        kind: Kind = "video",
        timeout_s: float = 10.0,
        fps: float | None = None,
    ) -> None:
        super().__init__(selection)
        self._opened, self._uri = opened, uri
        is_address = isinstance(opened, str) and not opened.startswith("file:")
        self._limits = network_options() if is_address else local_options()
        self._timeout_s = timeout_s if is_address else None  # a file has its own patience
        self._fps: float | None = None
        clock: ClockOrigin = "source"
        self._closed = False
        self._open()
        self._scrambled = is_scrambled(self._container, self._stream)
        self._reopen()
        stream = self._stream
        if has_no_clock(self._container, stream):
            self._fps, clock = self._rate(fps)
        demuxer = self._demuxer()
        self._tick = demuxer.tick
        self._start = stream.start_time or 0
        after = selection.after
        self._last: Place | None = None
        if after is not None:
            self._last = Place(after[0], self._stamp(after[1] - _SAME_S), self._stamp(after[1] + _SAME_S))
        rate = demuxer.rate if demuxer.stampless else stream.average_rate or stream.guessed_rate
        offset_s = float(self._start * self._tick) - (self._container.start_time or 0) / av.time_base
        duration_s = None if self._container.duration is None else self._container.duration / av.time_base - offset_s
        # The container's own length may be that of its sound.
        self._header_s = None if self._container.streams.audio else duration_s
        if stream.duration is not None:
            duration_s = self._header_s = float(stream.duration * self._tick)
        self._header_frames = stream.frames
        n_frames = stream.frames or (round(duration_s * rate) if duration_s and rate else None)
        width, height, aspect = stream.codec_context.width, stream.codec_context.height, 1.0
        if not self._prime() and selection.after is None:
            raise SourceError(f"{uri}: {self._why_nothing()}")
        if self._converter is not None:
            width, height, aspect = self._converter.width, self._converter.height, self._converter.pixel_aspect
        self.info = SourceInfo(
            name=name,
            uri=uri,
            kind=kind,
            width=width,
            height=height,
            n_frames=n_frames,
            duration_s=duration_s,
            fps=float(rate) if rate else None,
            clock=clock,
            pixel_aspect=aspect,
            offset_s=offset_s if offset_s > 1e-5 else 0.0,
        )

    def frame_times(self) -> NDArray[np.float64]:
        self._reopen()
        demuxer = self._demuxer()
        if not demuxer.seekable:
            raise SourceError(f"{self._uri}: its container tells no times by which to begin in the middle")
        stamps = all_shown(demuxer)
        if demuxer.stepped_back or (np.diff(stamps) == 0).any():
            raise SourceError(f"{self._uri}: its clock steps back or stands still midway")
        return np.array([self._time_s(stamp) for stamp in stamps.tolist()])

    def close(self) -> None:
        self._closed = True
        with suppress(ValueError):  # raised while another thread reads: the file is then closed at the next frame
            self._frames.close()

    def _pictures(self) -> Iterator[Picture]:
        try:
            index, time_s = self._selection.after or (-1, 0.0)
            for index, stamp, frame in self._read_twice():
                if self._closed:
                    return
                if self._converter is None:
                    self._converter = Converter(frame, self._stream.sample_aspect_ratio)
                time_s = self._time_s(stamp)
                yield Picture(index, time_s, partial(self._convert, frame, time_s))
            if self._header_s is not None:
                # The number of frames is no promise: it counts what an edit list hides, as in a clip cut without
                # encoding it again.
                if time_s < 0.98 * self._header_s - 1:
                    self._break_off(
                        f"the last frame is at {time_s:.3f} s, though the header promises {self._header_s:.3f} s"
                    )
            elif index + 1 < 0.98 * self._header_frames - 1:
                self._break_off(
                    f"the last frame is number {index}, though the header promises {self._header_frames} frames"
                )
        finally:
            self._container.close()
            if not isinstance(self._opened, str):
                self._opened.close()

    def _read_twice(self) -> Iterator[tuple[int, int, VideoFrame]]:
        """Number, stamp and frame; after an error at the end, what the decoder's threads then kept is read again."""
        yield from self._read()
        if self._incomplete:
            self._threads = "SLICE"
            self._reopen()
            yield from self._read()
        self._skip(self._missing)

    def _read(self) -> Iterator[tuple[int, int, VideoFrame]]:
        already = -1 if self._last is None else self._last.index
        frames, numbering = self._begin()
        for frame in frames:
            place = numbering.receive(frame.pts)
            if place is None or place[0] <= already:
                numbering.lost.clear()
                continue
            self._last = Place(place[0], place[1], place[1])
            self._skip(numbering.lost)
            numbering.lost.clear()
            if frame.is_corrupt:
                self._skip([place[1]])
            else:
                yield *place, frame
        if numbering.repaired:
            self._note(f"{numbering.repaired} timestamps did not rise and were moved half a frame after the one before")
        self._missing = numbering.waiting
        self._incomplete = bool(numbering.waiting)

    def _skip(self, stamps: Iterable[int]) -> None:
        """Counts those of the range; the decoder may have gone on behind its end, to find what is lost before it."""
        self.skipped += sum(self._selection.holds(self._time_s(stamp)) for stamp in stamps)

    def _begin(self) -> tuple[Iterator[VideoFrame], Numbering]:
        """Frames from a keyframe before the first wanted one, and their numbering."""
        place = self._place()
        if place is not None:
            back_s = 0.0
            while back_s < _MAX_SEEK_BACK_S and (target := place.low - round(back_s / self._tick)) > self._start:
                try:
                    self._container.seek(target, stream=self._stream)
                except av.error.FFmpegError:
                    break
                self._stream.codec_context.reorder_depth = self._reorder_depth  # or B-frames get lost after a seek
                numbering = Numbering(self._demuxer(), place)
                frames = self._decode(numbering)
                first = next(frames, None)
                if first is not None and first.pts is not None and first.pts <= place.high:
                    ahead = next((frame for frame in frames if frame.pts is None or frame.pts > place.high), None)
                    if numbering.found:  # else the stamps are others after a seek
                        return chain([] if ahead is None else [ahead], frames), numbering
                back_s = 2 * back_s or 1.0
            self._reopen()
        numbering = Numbering(self._demuxer())
        return self._decode(numbering), numbering

    def _place(self) -> Place | None:
        """The last frame before the first wanted one; None when the file must be read from its start."""
        demuxer = self._demuxer()
        start_s = self._selection.start_s
        if not demuxer.seekable or (self._last is None and not start_s):
            return None
        if self._last is not None and not demuxer.may_step_back:
            return self._last
        before = last_before(demuxer, self._stamp(start_s or 0.0))
        self._reopen()
        return None if demuxer.stepped_back else self._last or before

    def _decode(self, numbering: Numbering) -> Iterator[VideoFrame]:
        context, demuxer = self._stream.codec_context, numbering.demuxer
        for packet in demuxer:
            numbering.send(packet)
            with suppress(av.error.FFmpegError):  # what is lost shows in the numbering
                yield from context.decode(packet)
        with suppress(av.error.FFmpegError):
            yield from context.decode(None)
        if demuxer.stepped_back:
            self._note("the clock steps back midway (recordings joined?) and was continued one frame later")
        if demuxer.failure:
            self._break_off(f"reading ended early: {demuxer.failure}")

    def _demuxer(self) -> Demuxer:
        return Demuxer(self._container, self._stream, scrambled=self._scrambled, fps=self._fps)

    def _convert(self, frame: VideoFrame, time_s: float) -> Image:
        assert self._converter is not None
        if not self._converter.fits(frame):
            raise SourceError(
                f"{self._uri}: the picture size changes at {time_s:.3f} s from {self._converter.coded_size} to "
                f"{frame.width}×{frame.height}; end the range there, or split the video"
            )
        return self._converter(frame)

    def _stamp(self, time_s: float) -> int:
        return self._start + round(Fraction(time_s) / self._tick)

    def _time_s(self, stamp: int) -> float:
        return float((stamp - self._start) * self._tick)

    def _open(self) -> None:
        try:
            if not isinstance(self._opened, str):
                self._opened.seek(0)
            self._container: InputContainer = av.open(
                self._opened, "r", options=dict(self._limits), timeout=self._timeout_s, **LENIENT
            )
        except (av.error.FFmpegError, ValueError) as error:
            raise SourceError(f"{self._uri}: {_why_not_opened(error)}") from error
        self._stream = pick_stream(self._container, self._uri)
        self._stream.codec_context.options = {"max_pixels": str(MOST_PIXELS)}  # of a picture that comes later
        bounded(self._stream.codec_context.width, self._stream.codec_context.height, self._uri)
        self._stream.thread_type = self._threads
        self._reorder_depth = self._stream.codec_context.reorder_depth

    def _reopen(self) -> None:
        self._container.close()
        self._open()

    def _why_nothing(self) -> str:
        start_s, end_s = self._selection.start_s, self._selection.end_s
        if self._converter is None and not start_s:
            return "not one frame of its video can be decoded; is the file complete?"
        end = "the end" if end_s is None else f"{end_s:g} s"
        length = "" if self._header_s is None else f"; the video lasts {self._header_s:.3f} s"
        return f"no frame between {start_s or 0:g} s and {end}{length}"


def pick_stream(container: InputContainer, uri: str) -> VideoStream:
    """The video stream that a player would show; cover art and thumbnails are none.

    Raises:
        SourceError: there is none, or no decoder for it.
    """
    streams = [s for s in container.streams.video if not s.disposition & _NOT_PICTURES]
    if not streams or container.format.name in _TEXT_FORMATS:
        sound = "only sound" if container.streams.audio else "nothing to see"
        container.close()
        raise SourceError(f"{uri}: no video in this file, {sound}")
    best = container.streams.best("video")
    stream = next((s for s in streams if s is best), streams[0])
    if not stream.codec_context:
        container.close()
        raise SourceError(f"{uri}: no decoder for its video; convert it, for example with ffmpeg, to H.264")
    return stream


def _why_not_opened(error: Exception) -> str:
    """What a user can do about ffmpeg's refusal."""
    if isinstance(error, av.error.ArgumentError):
        return "not a video; lists of files and playlists are not followed, give the videos themselves"
    if isinstance(error, av.error.InvalidDataError):
        return "not a video, or one cut off before its index was written (recording interrupted?)"
    return f"can't be opened: {getattr(error, 'strerror', None) or error}"


class Converter:
    """Decoded frames to upright BGR in square pixels; keeps its scaler from frame to frame.

    Attributes:
        width, height: size of what it gives, pixels.
        pixel_aspect: as in `SourceInfo`.
    """

    def __init__(self, first: VideoFrame, pixel_aspect: Fraction | None) -> None:
        self._scaler = VideoReformatter()
        self._width, self._height = first.width, first.height
        aspect = float(pixel_aspect or 1)
        self.pixel_aspect = aspect if aspect > 0 and abs(aspect - 1) > _SQUARE else 1.0
        self._scaled = (
            round(first.width * max(1.0, self.pixel_aspect)),
            round(first.height / min(1.0, self.pixel_aspect)),
        )
        self._matrix = _display_matrix(first)
        self.width, self.height = self._scaled if self._matrix[0, 0] else self._scaled[::-1]

    @property
    def coded_size(self) -> str:
        return f"{self._width}×{self._height}"

    def fits(self, frame: VideoFrame) -> bool:
        """False when the frame has another size than the first one."""
        return (frame.width, frame.height) == (self._width, self._height)

    def __call__(self, frame: VideoFrame) -> Image:
        """(height, width, 3) uint8 BGR."""
        width, height = self._scaled
        image = self._scaler.reformat(frame, width=width, height=height, format="bgr24", threads=1).to_ndarray()
        (a, b), (c, d) = self._matrix.tolist()
        if not a:
            image, a, d = image.swapaxes(0, 1), c, b
        return np.ascontiguousarray(image[:: d or 1, :: a or 1], dtype=np.uint8)


def _display_matrix(frame: VideoFrame) -> NDArray[np.int64]:
    """(2, 2) of -1, 0, 1, a quarter turn or flip: x' = a x + c y, y' = b x + d y. Any other angle counts as upright."""
    data = frame.side_data.get("DISPLAYMATRIX")
    if isinstance(data, SideData):
        fixed = np.frombuffer(memoryview(data), dtype=np.int32).reshape(3, 3)[:2, :2]  # 16.16 fixed point
        matrix: NDArray[np.int64] = np.rint(fixed / 65536).astype(np.int64)
        if np.abs(matrix).tolist() in ([[1, 0], [0, 1]], [[0, 1], [1, 0]]):
            return matrix
    return np.eye(2, dtype=np.int64)
