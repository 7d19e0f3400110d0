"""`PoseEngine`: frames in, people out, in order.

One thread reads ahead, several run network and parser on different frames at once (both release the interpreter lock),
and the caller's thread tracks and receives. Every queue is bounded, an error in any thread reaches the caller, and
leaving the `with` block ends the threads.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import groupby
from types import TracebackType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pose.backends.base import Backend, ModelInfo, Precision
from pose.errors import PoseError
from pose.looks import merge, mirror
from pose.maps import Maps
from pose.parsing import ParserSettings, parse, prepare_parser
from pose.people import FramePeople, Person
from pose.preprocess import NET_HEIGHT, Placement, fit, letterbox
from pose.skeleton import Skeleton
from pose.sources import Frame, FrameSource, open_source
from pose.sources.readahead import read_ahead
from pose.throughput import Load, is_worth_a_trial, loads_of, try_out
from pose.tracking import Tracker, TrackerSettings
from pose.weights.zoo import load_backend

ALGORITHM = 2
"""Version of what makes people of a frame (decoding, preprocessing, parsing). Raise it when the same settings give
another result, or a setting gets another usual value: what was stored before is then computed anew."""


@dataclass(frozen=True)
class Look:
    """One way in which an image is shown to the network.

    Attributes:
        net_height: height of the network's input, pixels; the width follows the image's aspect.
        mirrored: left to right.
    """

    net_height: int
    mirrored: bool = False


Accuracy = Literal["fast", "balanced", "high"]

_LOOKS: dict[Accuracy, tuple[tuple[float, bool], ...]] = {
    "fast": ((0.913, False),),
    "balanced": ((1.0, False),),
    "high": ((1.5, False), (1.5, True), (1.0, False), (1.0, True)),
}
"""Height over the balanced one, and whether mirrored."""


@dataclass(frozen=True)
class EngineSettings:
    """What the people found depend on, apart from the network's weights and the device.

    Attributes:
        net_height: height of the network's input at `balanced` accuracy, pixels.
        accuracy: `fast` leaves out half of the network's refinements and shows it a smaller image, `high` shows two
            sizes, each also mirrored, merged on their maps.
        precision: of the network's arithmetic; None is float32 on CPUs and float16 on GPUs.
        parser: thresholds of the parser.
    """

    net_height: int = NET_HEIGHT
    accuracy: Accuracy = "balanced"
    precision: Precision | None = None
    parser: ParserSettings = field(default_factory=ParserSettings)

    def __post_init__(self) -> None:
        if self.net_height < 64:
            raise ValueError(f"net_height must be at least 64 pixels, got {self.net_height}")
        if self.accuracy not in _LOOKS:
            raise ValueError(f"accuracy must be one of {', '.join(_LOOKS)}, got {self.accuracy!r}")

    @property
    def light(self) -> bool:
        """Whether half of the network's refinements are left out, see `pose.weights.zoo.load_backend`."""
        return self.accuracy == "fast"

    @property
    def looks(self) -> tuple[Look, ...]:
        """How each image is shown to the network; the maps of all looks are merged on the grid of the first."""
        return tuple(Look(round(self.net_height * share), mirrored) for share, mirrored in _LOOKS[self.accuracy])


@dataclass(frozen=True, eq=False)
class PosedFrame(FramePeople):
    """`FramePeople` with the frame they were found in.

    Attributes:
        image: (H, W, 3) uint8 BGR, the original frame.
    """

    image: NDArray[np.uint8]


_TRACKING = TrackerSettings()


class PoseEngine:
    """Finds the people of images, videos and cameras.

    Args:
        model: a name of `posescribe models list`, or a network file of ours.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `tensorrt`; one that is not there raises `DeviceError`.
        settings: see `EngineSettings`.
        tracking: settings of the tracker of `open`; None leaves `track_id` empty.
        backend: a ready network in place of `model`, `device` and precision, for tests and for networks of your own.
        batch, in_flight: frames that go through the network together, and how many such batches are worked on at the
            same time; None is decided by measuring, on the first frames of each source that is long enough.
        announce: receives one line before something that takes long, such as the parser's first compilation.
    """

    def __init__(
        self,
        model: str = "mobilenet_thin",
        *,
        device: str = "auto",
        settings: EngineSettings | None = None,
        tracking: TrackerSettings | None = _TRACKING,
        backend: Backend | None = None,
        batch: int | None = None,
        in_flight: int | None = None,
        announce: Callable[[str], None] | None = None,
    ) -> None:
        self.settings = settings or EngineSettings()
        self._tracking = tracking
        self._backend = backend or load_backend(
            model,
            device=device,
            precision=self.settings.precision,
            in_flight=in_flight,
            light=self.settings.light,
        )
        self._loads = loads_of(self._backend, batch, in_flight)
        prepare_parser(announce)

    @property
    def device(self) -> str:
        """The device that really runs the network, as the runtime itself reports it."""
        return self._backend.device

    @property
    def runtime(self) -> str:
        """Library, version and precision that run the network."""
        return f"{self._backend.runtime}, {self._backend.precision}"

    @property
    def model(self) -> ModelInfo:
        """Name, hash, source and licence of the weights."""
        return self._backend.model

    @property
    def skeleton(self) -> Skeleton:
        """Joints of the people found."""
        return self._backend.layout.skeleton

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[list[Person]]:
        """People of each image, unordered and untracked.

        Args:
            images: (H, W, 3) uint8 BGR each; sizes may differ.

        Raises:
            ModelError: the network gave NaN.
        """
        found: list[list[Person]] = []
        for _, group in groupby(images, key=lambda image: image.shape):
            alike = list(group)
            looks = [self._look(alike, look) for look in self.settings.looks]
            for seen in zip(*looks, strict=True):
                placement = seen[0][1]
                if len(seen) == 1:
                    maps = seen[0][0]
                else:
                    maps = merge([maps for maps, _ in seen], [(p.scale_x, p.scale_y) for _, p in seen])
                found.append([_place(person, placement) for person in parse(maps, self.settings.parser)])
        return found

    def _look(self, images: list[NDArray[np.uint8]], look: Look) -> list[tuple[Maps, Placement]]:
        """Maps of images of one size, and where on the network's input each lies."""
        size = fit(images[0].shape[:2], look.net_height, self._backend.layout.stride)
        canvases, placements = zip(*(letterbox(image, size) for image in images), strict=True)
        batch = np.stack(canvases)
        maps = self._backend.infer(np.ascontiguousarray(batch[:, :, ::-1]) if look.mirrored else batch)
        return list(zip((mirror(m) for m in maps) if look.mirrored else maps, placements, strict=True))

    def open(
        self,
        source: str | os.PathLike[str] | FrameSource,
        *,
        start_s: float | None = None,
        end_s: float | None = None,
        every: int = 1,
        after: tuple[int, float] | None = None,
    ) -> PoseStream:
        """The people of a source's frames, one frame after another.

        Args:
            source: image, folder, video, webcam number or camera address, or an opened `FrameSource`.
            start_s, end_s: part of the source, seconds.
            every: take each n-th frame.
            after: index and time of the last frame that was read before; go on with the one behind it.
        """
        if not isinstance(source, FrameSource):
            source = open_source(os.fspath(source), start_s=start_s, end_s=end_s, every=every, after=after)
        tracker = Tracker(self.skeleton, self._tracking) if self._tracking else None
        return PoseStream(self, source, tracker, self._loads)


class PoseStream:
    """Iterates over `PosedFrame`s in the source's order; use it in a `with` block.

    Attributes:
        load: batch size and batches in flight, as far as they are decided.
    """

    def __init__(self, engine: PoseEngine, source: FrameSource, tracker: Tracker | None, loads: Sequence[Load]) -> None:
        self.load = loads[0]
        self._engine = engine
        self._source = source
        self._tracker = tracker
        self._loads = loads
        self._failure: PoseError | None = None

    @property
    def source(self) -> FrameSource:
        """What is read: its `info`, and what it `skipped` and `dropped` so far."""
        return self._source

    def __enter__(self) -> PoseStream:
        self._source.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._source.__exit__(kind, error, trace)

    def __iter__(self) -> Iterator[PosedFrame]:
        depth = max(max(load.batch, load.in_flight) for load in self._loads)
        with closing(read_ahead(self._source, depth)) as ahead:
            frames = self._until_failure(ahead)
            if is_worth_a_trial(self._loads, self._source):
                yield from try_out(self._loads, frames, self._work, self._choose)
            yield from self._work(frames, self.load)
        if self._failure is not None:
            raise self._failure

    def _choose(self, load: Load) -> None:
        self.load = load

    def _until_failure(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        """A source that fails first gives what came before."""
        try:
            yield from frames
        except PoseError as error:
            self._failure = error

    def _work(self, frames: Iterator[Frame], load: Load) -> Iterator[PosedFrame]:
        pending: deque[Future[list[PosedFrame]]] = deque()
        with ThreadPoolExecutor(load.in_flight, thread_name_prefix="pose") as pool:
            try:
                for batch in _batches(frames, load.batch):
                    pending.append(pool.submit(self._detect, batch))
                    if len(pending) > load.in_flight:
                        yield from map(self._follow, pending.popleft().result())
                while pending:
                    yield from map(self._follow, pending.popleft().result())
            finally:
                for future in pending:
                    future.cancel()

    def _detect(self, frames: list[Frame]) -> list[PosedFrame]:
        people = self._engine.detect([frame.image for frame in frames])
        return [PosedFrame(f.index, f.time_s, tuple(p), f.image) for f, p in zip(frames, people, strict=True)]

    def _follow(self, frame: PosedFrame) -> PosedFrame:
        if self._tracker is None:
            return frame
        return replace(frame, people=self._tracker.update(frame).people)


def _batches(frames: Iterator[Frame], size: int) -> Iterator[list[Frame]]:
    batch: list[Frame] = []
    for frame in frames:
        batch.append(frame)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _place(person: Person, placement: Placement) -> Person:
    keypoints = person.keypoints.copy()
    keypoints[:, :2] = placement.to_source(keypoints[:, :2])
    return replace(person, keypoints=keypoints)
