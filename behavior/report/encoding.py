"""Pictures and their times into an H.264 video that browsers play, by PyAV."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import av.error

from behavior.report.drawing import Image
from storage.files import blaming

_CLOCK = Fraction(1, 90_000)
"""Unit of the time stamps, seconds; the usual one of MPEG."""

_BT709 = 1
"""Code of BT.709 for colour space, primaries and transfer (ITU-T H.273)."""

_AT_THE_END = "+faststart"
_AS_IT_GROWS = "+frag_keyframe+empty_moov+default_base_moof"


@dataclass(frozen=True)
class EncoderSettings:
    """How a video is encoded.

    Attributes:
        quality: H.264 constant rate factor, 0 (lossless) to 51; lower is better and larger.
        preset: x264's trade of encoding time for size.
        keyframe_every: frames between two that a player can jump to at once.
        readable_at_once: a kill costs no more than the frames since the last keyframe; otherwise the index is written
            at the end, which players like better.
    """

    quality: int = 23
    preset: str = "veryfast"
    keyframe_every: int = 30
    readable_at_once: bool = False


class VideoWriter:
    """Writes frame after frame, in constant memory; a context manager.

    Each frame keeps its own time: the time between two frames is that of the source (to 1/90000 s), whatever its frame
    rate does. The video's clock starts at 0 with the first frame.

    Args:
        part: the file that is written.
        path: what it is called in messages.
        size: width and height of the images, pixels, both even.
        settings: see there.

    Raises:
        OutputError: here and while writing: the file can't be written.
    """

    def __init__(self, part: Path, path: Path, size: tuple[int, int], settings: EncoderSettings) -> None:
        self.n_frames = 0
        self._path = path
        with self._blaming():
            self._container = av.open(
                str(part),
                "w",
                format="mp4",
                options={
                    "movflags": _AS_IT_GROWS if settings.readable_at_once else _AT_THE_END,
                    "video_track_timescale": str(_CLOCK.denominator),
                },
            )
            stream = self._container.add_stream("libx264", rate=30)
            stream.width, stream.height = size
            stream.pix_fmt = "yuv420p"
            # Without B-frames the file needs no edit list, so every player agrees on when the first frame shows.
            stream.options = {"crf": str(settings.quality), "preset": settings.preset, "bf": "0"}
            context = stream.codec_context
            context.time_base = _CLOCK
            context.gop_size = settings.keyframe_every
            context.colorspace = context.color_primaries = context.color_trc = _BT709
        self._stream = stream
        self._start_s = 0.0
        self._last_tick = -1
        self._step: int | None = None

    def __enter__(self) -> VideoWriter:
        return self

    def add(self, image: Image, time_s: float) -> None:
        """One (height, width, 3) uint8 BGR image, shown from `time_s` on, seconds; times rise."""
        if self.n_frames == 0:
            self._start_s = time_s
        tick = max(round((time_s - self._start_s) / _CLOCK), self._last_tick + 1)
        if self.n_frames:
            self._step = min(self._step or tick, tick - self._last_tick)
        self._last_tick = tick
        frame = av.VideoFrame.from_ndarray(image, format="bgr24").reformat(format="yuv420p", dst_colorspace=_BT709)
        frame.pts, frame.time_base = tick, _CLOCK
        self._mux(frame)
        self.n_frames += 1

    def _mux(self, frame: av.VideoFrame | None) -> None:
        with self._blaming():
            for packet in self._stream.encode(frame):
                # Only the last frame's is used: there the shortest time between two frames is the best guess.
                packet.duration = self._step or _CLOCK.denominator // 30
                self._container.mux(packet)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._mux(None)
        finally:
            with self._blaming():
                self._container.close()

    @contextmanager
    def _blaming(self) -> Iterator[None]:
        """FFmpeg's errors too; only some of them are `OSError`s."""
        with blaming(self._path):
            try:
                yield
            except av.error.FFmpegError as error:
                raise OSError(error.errno, error.strerror) from error
