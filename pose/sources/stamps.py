"""Numbers and times for the frames of a video, whatever its container and wherever reading starts.

- Containers with presentation stamps (MP4, MOV, Matroska, WebM, MPEG-TS, …): a frame's stamp is its time, and its
  number is the rank of that stamp among those of the file's packets. Both are the same wherever reading starts, and a
  packet that yields no frame leaves a gap in the numbers. Packets before the first keyframe don't count: nothing can
  be decoded from them.
- AVI, and streams without a container: these only number their packets in decoding order, and ffmpeg's guess runs
  backwards where B-frames are reordered; copied into another container, these guesses become its stamps. There the
  k-th frame shown gets the k-th smallest stamp. After a packet that can't be decoded, up to 32 frames may sit one slot
  early until the loss is certain.
- A clock that steps back by more than a second (recordings joined end to end) goes on one frame after the last one. A
  stamp that does not rise otherwise is placed half a frame after the one before.
"""

from __future__ import annotations

import heapq
from array import array
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream
from numpy.typing import NDArray

_STEP_BACK_S = 1.0
"""A clock that falls back by more than this has been reset; by less, single stamps are wrong. Seconds."""
_REORDER_WINDOW = 32
"""Packets after which a frame that has not come is lost; codecs reorder over 16 at most."""
_MAX_READ_ERRORS = 10
"""Reading gives up after so many errors without a packet between."""
_MAX_WAIT_FOR_KEY = 300
"""Packets passed over in search of a keyframe; a stream without any is then decoded from where it stands."""

_NO_TIMESTAMPS = 0x0080  # AVFMT_NOTIMESTAMPS
_CLOCK_MAY_JUMP = 0x0200  # AVFMT_TS_DISCONT


class Demuxer:
    """The packets of one video stream from where the container stands, beginning with a keyframe, each with a stamp.

    Attributes:
        tick: seconds per unit of the stamps.
        rate: nominal frames per second.
        step: nominal time from frame to frame, in ticks.
        stampless: the container gives no stamps; these are counted by `rate`.
        slots: packets are only numbered in decoding order, and shown in another.
        seekable: reading may begin in the middle and still give the same stamps.
        may_step_back: the container allows clocks that step back; only a scan can tell.
        stepped_back: the clock was found to step back, so stamps hold only when read from the start.
        failure: the read error that ended it, or nothing.
    """

    def __init__(
        self, container: InputContainer, stream: VideoStream, *, scrambled: bool = False, fps: float | None = None
    ) -> None:
        """`scrambled`: what `is_scrambled` found; `fps`: rate of a stream that has no clock."""
        self._container, self._stream = container, stream
        self.tick = stream.time_base or Fraction(1, av.time_base)
        self.rate = Fraction(fps) if fps else stream.guessed_rate or stream.average_rate or Fraction(25)
        self.step = max(1, round(1 / (self.rate * self.tick)))
        self.stampless = bool(container.format.flags & _NO_TIMESTAMPS)
        self._decoding_order = self.stampless or container.format.name == "avi"
        self.slots = scrambled or (self._decoding_order and stream.codec_context.has_b_frames)
        self.seekable = not self.stampless and not self.slots
        self.may_step_back = bool(container.format.flags & _CLOCK_MAY_JUMP)
        self.stepped_back = False
        self.failure = ""

    def __iter__(self) -> Iterator[Packet[VideoStream]]:
        begun, waited, offset = False, 0, 0
        before: int | None = None  # decoding stamp of the last packet that had one
        for packet in self._read():
            if not begun and not packet.is_keyframe and waited < _MAX_WAIT_FOR_KEY:
                waited += 1
                continue
            begun = True
            if self.stampless or (packet.dts is None and packet.pts is None):
                packet.dts = 0 if before is None else before + self.step - offset
            if packet.dts is not None:
                if before is not None and packet.dts + offset < before - _STEP_BACK_S / self.tick:
                    offset = before + self.step - packet.dts
                    self.stepped_back = True
                packet.dts += offset
                before = packet.dts
            if packet.dts is not None and (self._decoding_order or packet.pts is None):
                packet.pts = packet.dts
            elif packet.pts is not None:
                packet.pts += offset
            yield packet

    def _read(self) -> Iterator[Packet[VideoStream]]:
        failures = 0
        while True:
            try:
                for packet in self._container.demux(self._stream):
                    failures = 0
                    if packet.size:  # empty ones mark a repeated frame, or the end
                        yield packet
                return
            except av.error.FFmpegError as error:
                failures += 1
                if failures == _MAX_READ_ERRORS:
                    self.failure = str(error.strerror)
                    return


@dataclass(frozen=True)
class Place:
    """A frame that was given out before: its number, and the stamps between which its own lies."""

    index: int
    low: int
    high: int


class Numbering:
    """Number and stamp of each decoded frame, from the stamps of the packets that went in.

    Attributes:
        index, last: number and stamp of the last frame given out.
        lost: stamps of packets whose frame never came; who reads them may clear them.
        repaired: frames whose own stamp did not rise.
        found: the packet of `after` came by.
    """

    def __init__(self, demuxer: Demuxer, after: Place | None = None) -> None:
        """Frames up to the one of `after` may come again and don't count."""
        self.index: int = -1 if after is None else after.index
        self.last: int | None = None if after is None else after.high
        self.lost: list[int] = []
        self.repaired = 0
        self.found = after is None
        self.demuxer = demuxer
        self._step, self._slots = demuxer.step, demuxer.slots
        self._after = after
        self._first: int | None = None  # stamp of the first keyframe; what is shown before it can't be decoded
        self._waiting: list[int] = []  # heap of stamps whose frame has not come
        self._unseen: set[int] = set()  # slots only: packets whose own frame has not come
        self._late: deque[int] = deque(maxlen=_REORDER_WINDOW)  # stamps given up, which may still come

    @property
    def waiting(self) -> list[int]:
        """Stamps of packets whose frame has not come."""
        return self._waiting

    def shows(self, packet: Packet[VideoStream]) -> bool:
        """Whether the next packet stands for a frame that is shown, after the given one."""
        stamp = packet.pts
        assert stamp is not None
        self._first = stamp if self._first is None else self._first
        self.found = self.found or (self._after is not None and self._after.low <= stamp <= self._after.high)
        given_out = stamp < self._first if self._after is None else stamp <= self._after.high
        return not (given_out or packet.is_discard or _is_hidden(packet))

    def send(self, packet: Packet[VideoStream]) -> None:
        """The packet is about to be decoded."""
        if self.shows(packet):
            assert packet.pts is not None
            heapq.heappush(self._waiting, packet.pts)
            if self._slots:
                self._unseen.add(packet.pts)

    def receive(self, stamp: int | None) -> tuple[int, int] | None:
        """Number and stamp for a frame that carries its packet's stamp; None when it comes again, or too late."""
        if stamp is not None and self._after is not None and stamp <= self._after.high:
            return None
        if self._slots:
            stamp = self._take_slot(stamp)
        if stamp in self._late:
            return None
        while self._waiting and stamp is not None and self._waiting[0] <= stamp:
            if (earliest := heapq.heappop(self._waiting)) == stamp:
                break
            self._lose(earliest)
            self._late.append(earliest)
        if self.last is not None and (stamp is None or stamp <= self.last):
            stamp = self.last + (self._step if stamp is None else max(1, self._step // 2))
            self.repaired += 1
        self.index, self.last = self.index + 1, stamp or 0
        return self.index, self.last

    def _take_slot(self, own: int | None) -> int | None:
        if own is not None:
            self._unseen.discard(own)
            for late in [slot for slot in self._unseen if slot < own - _REORDER_WINDOW * self._step]:
                self._unseen.remove(late)
                if self._waiting:
                    self._lose(heapq.heappop(self._waiting))
        return self._waiting[0] if self._waiting else None

    def _lose(self, stamp: int) -> None:
        self.lost.append(stamp)
        self.index += 1


def _is_hidden(packet: Packet[VideoStream]) -> bool:
    """A VP8 packet that only prepares later frames: its show_frame bit is off (RFC 6386, 9.1)."""
    return packet.stream.codec_context.codec.name in ("vp8", "libvpx") and not memoryview(packet)[0] >> 4 & 1


def has_no_clock(container: InputContainer, stream: VideoStream) -> bool:
    """True for a raw stream whose header holds no timing either; ffmpeg then says 25 frames/s, whatever was filmed."""
    return bool(container.format.flags & _NO_TIMESTAMPS) and not stream.codec_context.framerate


def is_scrambled(container: InputContainer, stream: VideoStream) -> bool:
    """True when stamps were written in decoding order though frames are shown in another, as in AVI put into Matroska.

    Looks at the first packets, and decodes them only when their stamps look like that. The container stands elsewhere
    afterwards.
    """
    if not stream.codec_context.has_b_frames:
        return False
    packets = list(islice(container.demux(stream), _REORDER_WINDOW + 1))
    stamps = [packet.pts for packet in packets if packet.pts is not None]
    if stamps != sorted(stamps):
        return False
    shown: list[int] = []
    for packet in packets:
        with suppress(av.error.FFmpegError):
            shown += [frame.pts for frame in stream.codec_context.decode(packet) if frame.pts is not None]
    return shown != sorted(shown)


def last_before(demuxer: Demuxer, stamp: int) -> Place | None:
    """The last frame shown before the stamp; reads packets from the file's start, decodes nothing.

    Where the clock may step back, it reads to the end, since a seek might land behind such a place.
    """
    numbering = Numbering(demuxer)
    count, last = 0, None
    for packet in demuxer:
        assert packet.pts is not None
        if not demuxer.may_step_back and packet.dts is not None and packet.dts >= stamp:
            break
        if numbering.shows(packet) and packet.pts < stamp:
            count += 1
            last = packet.pts if last is None else max(last, packet.pts)
    return None if last is None else Place(count - 1, last, last)


def all_shown(demuxer: Demuxer) -> NDArray[np.int64]:
    """(n,) stamps of all frames that are shown, in order, 8 bytes each; reads every packet, decodes nothing."""
    numbering = Numbering(demuxer)
    stamps = array("q", (packet.pts or 0 for packet in demuxer if numbering.shows(packet)))
    return np.sort(np.frombuffer(stamps, dtype=np.int64))
