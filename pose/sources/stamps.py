"""Numbers and times for the frames of a video, whatever its container and wherever reading starts.

- Containers with presentation stamps (MP4, MOV, Matroska, WebM, MPEG-TS, …): a frame's stamp is its time, and its
  number is the rank of that stamp among those of the file's packets. Both are the same wherever reading starts, and a
  packet that yields no frame leaves a gap in the numbers. Packets before the first keyframe don't count: nothing can
  be decoded from them.
- AVI, and streams without a container: these only number their packets in decoding order, and ffmpeg's guess runs
  backwards where B-frames are reordered. The k-th frame shown therefore gets the k-th slot of the file's constant
  clock. After a packet that can't be decoded, up to 32 frames may sit one slot early until the loss is certain.
- A clock that steps back by more than a second (recordings joined end to end) goes on one frame after the last one. A
  stamp that does not rise otherwise is placed half a frame after the one before.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator
from fractions import Fraction

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

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
        step: nominal time from frame to frame, in ticks.
        slots: packets are only numbered in decoding order, and shown in another.
        seekable: reading may begin in the middle and still give the same stamps.
        may_step_back: the container allows clocks that step back; only a scan can tell.
        stepped_back: the clock was found to step back, so stamps hold only when read from the start.
        failure: the read error that ended it, or nothing.
    """

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self._container, self._stream = container, stream
        self.tick = stream.time_base or Fraction(1, av.time_base)
        rate = stream.guessed_rate or stream.average_rate or Fraction(25)
        self.step = max(1, round(1 / (rate * self.tick)))
        self._stampless = bool(container.format.flags & _NO_TIMESTAMPS)
        self._decoding_order = self._stampless or container.format.name == "avi"
        self.slots = self._decoding_order and stream.codec_context.has_b_frames
        self.seekable = not self._stampless and not self.slots
        self.may_step_back = bool(container.format.flags & _CLOCK_MAY_JUMP)
        self.stepped_back = False
        self.failure = ""

    def __iter__(self) -> Iterator[Packet[VideoStream]]:
        offset, waited = 0, 0
        before: int | None = None
        for packet in self._read():
            if before is None and not packet.is_keyframe and waited < _MAX_WAIT_FOR_KEY:
                waited += 1
                continue
            own = packet.dts if packet.dts is not None else packet.pts
            if self._stampless or own is None:
                own = 0 if before is None else before + self.step - offset
            if before is not None and own + offset < before - _STEP_BACK_S / self.tick:
                offset = before + self.step - own
                self.stepped_back = True
            shown = own if self._decoding_order or packet.pts is None else packet.pts
            packet.pts, packet.dts = shown + offset, own + offset
            before = own + offset
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


class Numbering:
    """Number and stamp of each decoded frame, from the stamps of the packets that went in.

    Attributes:
        index, last: number and stamp of the last frame given out.
        lost: packets whose frame never came.
        repaired: frames whose own stamp did not rise.
    """

    def __init__(self, demuxer: Demuxer, after: tuple[int, int] | None = None) -> None:
        """`after` is number and stamp of a frame given out before; frames up to it may come again and don't count."""
        self.index: int = -1 if after is None else after[0]
        self.last: int | None = None if after is None else after[1]
        self.lost = 0
        self.repaired = 0
        self._step = demuxer.step
        self._slots = demuxer.slots
        self._floor = self.last
        self._first: int | None = None  # stamp of the first keyframe; what is shown before it can't be decoded
        self._waiting: list[int] = []  # heap of stamps whose frame has not come
        self._unseen: set[int] = set()  # slots only: packets whose own frame has not come
        self._late: deque[int] = deque(maxlen=_REORDER_WINDOW)  # stamps given up, which may still come

    @property
    def waiting(self) -> int:
        """Packets whose frame has not come."""
        return len(self._waiting)

    def send(self, packet: Packet[VideoStream]) -> bool:
        """The packet is about to be decoded; True when it stands for a frame that is shown, after the given one."""
        stamp = packet.pts
        assert stamp is not None
        self._first = stamp if self._first is None else self._first
        given_out = stamp < self._first if self._floor is None else stamp <= self._floor
        if given_out or packet.is_discard or _is_hidden(packet):
            return False
        heapq.heappush(self._waiting, stamp)
        if self._slots:
            self._unseen.add(stamp)
        return True

    def receive(self, stamp: int | None) -> tuple[int, int] | None:
        """Number and stamp for a frame that carries its packet's stamp; None when it comes again, or too late."""
        if stamp is not None and self._floor is not None and stamp <= self._floor:
            return None
        if self._slots:
            stamp = self._take_slot(stamp)
        if stamp in self._late:
            return None
        while self._waiting and stamp is not None and self._waiting[0] <= stamp:
            if (earliest := heapq.heappop(self._waiting)) == stamp:
                break
            self._lose()
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
                    heapq.heappop(self._waiting)
                    self._lose()
        return self._waiting[0] if self._waiting else None

    def _lose(self) -> None:
        self.lost += 1
        self.index += 1


def _is_hidden(packet: Packet[VideoStream]) -> bool:
    """A VP8 packet that only prepares later frames: its show_frame bit is off (RFC 6386, 9.1)."""
    return packet.stream.codec_context.codec.name in ("vp8", "libvpx") and not memoryview(packet)[0] >> 4 & 1


def count_before(demuxer: Demuxer, stamp: int) -> int:
    """How many frames are shown before the stamp; reads packets from the file's start, decodes nothing."""
    numbering, count = Numbering(demuxer), 0
    for packet in demuxer:
        assert packet.pts is not None
        assert packet.dts is not None
        if packet.dts >= stamp:
            break
        count += numbering.send(packet) and packet.pts < stamp
    return count
