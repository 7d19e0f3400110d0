"""Webcams and network cameras, which don't wait: frames that nobody takes in time are dropped, the oldest first.

A thread of its own reads the camera. When the camera goes silent or its connection breaks, the thread connects again,
waiting longer each time; when that has failed for `give_up_s`, the source ends with a SourceError. A camera that can't
be reached in the first place is an error at once.

`index` counts the frames that arrived, so dropped ones leave gaps. `time_s` is 0 at the first frame. Where the protocol
carries a clock (RTSP, RTMP, HLS, MPEG-TS) it is the camera's own, set to the arrival of a frame after each connection
and whenever the two have drifted apart by seconds; webcams and MJPEG over HTTP have none, and the arrival counts.
"""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple
from urllib.parse import urlsplit

import av
import cv2

from pose.errors import SourceError
from pose.sources.base import FrameSource, Image, Kind, Picture, Selection, SourceInfo
from pose.sources.guard import LENIENT, network_options
from pose.sources.images import quiet_opencv, to_bgr8
from pose.sources.video import Converter, pick_stream

_MAX_DRIFT_S = 5.0
"""A camera's clock this far from the arrival of its frames is set anew, seconds."""
_CLOCKLESS = frozenset(["mpjpeg", "mjpeg"])
"""Formats without time, for which ffmpeg makes up 25 frames per second."""


@dataclass(frozen=True)
class LiveSettings:
    """How patient to be with a camera.

    Attributes:
        timeout_s: a connection without a frame for so long is lost, seconds.
        give_up_s: time after the loss until it is final, seconds.
        first_wait_s: pause before connecting again, doubled after each failure, seconds.
        longest_wait_s: the longest such pause, seconds.
        queue_frames: frames kept for a reader that is late; beyond that the oldest is dropped.
    """

    timeout_s: float = 5.0
    give_up_s: float = 60.0
    first_wait_s: float = 0.5
    longest_wait_s: float = 8.0
    queue_frames: int = 4


class Shot(NamedTuple):
    """A frame as it arrives: the camera's own time if it has one, seconds, and the way to the picture."""

    clock_s: float | None
    load: Callable[[], Image]


Feed = Generator[Shot | None, None, None]
"""What one connection gives; None for a frame that could not be decoded. Ends when the camera hangs up."""


class CameraSource(FrameSource):
    """A camera, read by a thread that ends with `close`.

    Args:
        connect: opens the camera and gives its frames; raises SourceError, OSError or an ffmpeg error when it can't.

    Raises:
        SourceError: no connection or no frame; while reading, a loss that stays, or another picture size than before.
        ValueError: `after` is asked for; a camera's past is gone.
    """

    live = True
    _size: tuple[int, int] | None = None  # of the first frame

    def __init__(
        self,
        connect: Callable[[], Feed],
        selection: Selection,
        *,
        name: str,
        uri: str,
        kind: Kind,
        settings: LiveSettings | None = None,
    ) -> None:
        super().__init__(selection)
        if selection.after is not None:
            raise ValueError(f"{uri}: a camera can't go on after an earlier frame")
        self._connect, self._uri = connect, uri
        self._settings = settings or LiveSettings()
        self._queue: deque[Picture] = deque()
        self._change = threading.Condition()
        self._stop = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._watch, name=f"camera {name}", daemon=True)
        self._thread.start()
        try:
            found = self._prime()
        except SourceError:
            self.close()
            raise
        if not found or self._size is None:
            self.close()
            raise SourceError(f"{uri}: no frame in the asked-for range")
        self.info = SourceInfo(name, uri, kind, *self._size)

    def close(self) -> None:
        """End the thread; it may take up to `timeout_s` to hear of it when the camera is silent."""
        self._stop.set()
        with self._change:
            self._change.notify_all()
        with suppress(ValueError):  # another thread is waiting for a frame, and has just been woken
            self._frames.close()
        self._thread.join(self._settings.timeout_s + 1)

    def _pictures(self) -> Iterator[Picture]:
        patience_s = self._settings.give_up_s + 4 * self._settings.timeout_s  # only for a driver that never returns
        while True:
            with self._change:
                self._change.wait_for(lambda: self._queue or self._failure or self._stop.is_set(), patience_s)
                if self._stop.is_set():
                    return
                if not self._queue:
                    raise self._failure or SourceError(f"{self._uri}: the camera does not answer")
                picture = self._queue.popleft()
            yield picture

    def _watch(self) -> None:
        """Body of the thread; whatever goes wrong in it is raised where the frames are taken."""
        try:
            self._keep_connected()
        except Exception as error:
            with self._change:
                self._failure = error
                self._change.notify_all()

    def _keep_connected(self) -> None:
        settings, clock, index = self._settings, _Clock(), 0
        lost_at, wait_s = time.monotonic(), settings.first_wait_s
        while not self._stop.is_set():
            try:
                with closing(self._connect()) as feed:
                    clock.connected()
                    for shot in feed:
                        if self._stop.is_set():
                            return
                        if shot is None:
                            self.skipped += 1
                            continue
                        self._pass_on(Picture(index, clock.time(shot.clock_s), partial(self._check_size, shot.load)))
                        index += 1
                        lost_at, wait_s = time.monotonic(), settings.first_wait_s
                reason = "it hung up"
            except (SourceError, OSError, av.error.FFmpegError, cv2.error) as error:
                if index == 0:
                    raise SourceError(f"{self._uri}: {no_connection(error, settings.timeout_s)}") from error
                reason = _why(error, settings.timeout_s)
            if index == 0:
                raise SourceError(f"{self._uri}: connected, but no picture came; is this a camera's address?")
            if time.monotonic() + wait_s - lost_at > settings.give_up_s:
                raise SourceError(
                    f"{self._uri}: the camera is gone and did not come back within {settings.give_up_s:g} s: {reason}"
                )
            self._note(f"connection lost at {clock.last_s:.1f} s: {reason}")
            self._stop.wait(wait_s)
            wait_s = min(2 * wait_s, settings.longest_wait_s)

    def _pass_on(self, picture: Picture) -> None:
        with self._change:
            if len(self._queue) == self._settings.queue_frames:
                self._queue.popleft()
                self.dropped += 1
            self._queue.append(picture)
            self._change.notify_all()

    def _check_size(self, load: Callable[[], Image]) -> Image:
        image = load()
        size = image.shape[1], image.shape[0]
        if self._size is not None and self._size != size:
            before, now = ("{}×{}".format(*of) for of in (self._size, size))
            raise SourceError(f"{self._uri}: the picture size changes from {before} to {now}; start again with it")
        self._size = size
        return image


class _Clock:
    """Times of live frames: 0 at the first one, rising, from the camera's clock where it has one."""

    def __init__(self) -> None:
        self.last_s = 0.0
        self._zero: float | None = None
        self._shift: float | None = None

    def connected(self) -> None:
        self._shift = None

    def time(self, clock_s: float | None) -> float:
        now = time.monotonic()
        if self._zero is None:
            self._zero, self._shift = now, None if clock_s is None else -clock_s
            return self.last_s
        arrival_s = max(now - self._zero, self.last_s + 1e-3)
        time_s = arrival_s
        if clock_s is not None:
            time_s = arrival_s if self._shift is None else clock_s + self._shift
            if time_s <= self.last_s or abs(time_s - arrival_s) > _MAX_DRIFT_S:
                time_s = arrival_s
            self._shift = time_s - clock_s
        self.last_s = time_s
        return time_s


def network_feed(url: str, timeout_s: float) -> Feed:
    """The frames of a network camera, as ffmpeg reads them."""
    options = {
        "rtsp_flags": "prefer_tcp",  # UDP loses packets, and pictures with them
        "fflags": "nobuffer",
        "analyzeduration": "1000000",  # 1 s, in microseconds
        **network_options(),
    }
    begun = time.monotonic()
    try:
        container = av.open(url, options=options, timeout=timeout_s, **LENIENT)
    except av.error.InvalidDataError as error:
        if time.monotonic() - begun < timeout_s:
            raise
        raise TimeoutError from error  # what ffmpeg makes of an RTSP server that keeps silent
    with container:
        stream = pick_stream(container, without_password(url))
        stream.thread_type = "SLICE"  # frame threads would hold frames back
        has_clock = container.format.name not in _CLOCKLESS
        converter: Converter | None = None
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                yield None
                continue
            for frame in frames:
                if frame.is_corrupt:
                    yield None
                    continue
                if converter is None or not converter.fits(frame):
                    converter = Converter(frame, stream.sample_aspect_ratio)
                clock_s = frame.time if has_clock else None
                yield Shot(clock_s, partial(converter, frame))


def webcam_feed(number: int) -> Feed:
    """The frames of a webcam, as OpenCV reads them."""
    with quiet_opencv():
        camera = cv2.VideoCapture(number)
    try:
        if not camera.isOpened():
            raise SourceError("no such webcam; is it plugged in, and free?")
        while True:
            found, image = camera.read()
            if not found:
                return
            yield Shot(None, partial(to_bgr8, image))
    finally:
        camera.release()


def is_finite(url: str, timeout_s: float) -> bool:
    """True for a video behind a URL that has an end, which is read without hurry, like a file."""
    with av.open(url, options=network_options(), timeout=timeout_s, **LENIENT) as container:
        return bool(container.duration) or container.format.name.endswith("_pipe")


_SECRET = re.compile(r"([^&=]*(?:token|key|pass|pwd|auth|secret|credential|sig|session)[^&=]*)=[^&]*", re.IGNORECASE)


def without_password(url: str) -> str:
    """The URL as it may be shown: without its password, and without what its query calls a key or a token."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    query = _SECRET.sub(r"\1=***", parts.query)
    return parts._replace(netloc=user.partition(":")[0] + at + host, query=query).geturl()


def no_connection(error: Exception, timeout_s: float) -> str:
    """What a user can do about a camera that does not answer."""
    if isinstance(error, SourceError):
        return str(error)
    if isinstance(error, av.error.InvalidDataError):
        return "what answers there is no video; is this the address of the stream itself, not of a web page?"
    return f"no connection: {_why(error, timeout_s)}; is the camera on, and the address right?"


def _why(error: Exception, timeout_s: float) -> str:
    if isinstance(error, (av.error.ExitError, TimeoutError)):
        return f"no answer within {timeout_s:g} s"
    return str(getattr(error, "strerror", None) or error)
