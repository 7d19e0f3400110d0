"""`PoseEngine`: frames in, people out, in order.

One thread reads ahead, several run network and parser on different frames at once (both release the interpreter lock),
and the caller's thread tracks and receives. Every queue is bounded, an error in any thread reaches the caller, and
leaving the `with` block ends the threads.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain, groupby, islice
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from pose.backends.base import Backend, ModelInfo
from pose.detector import Detector
from pose.errors import ModelError, PoseError
from pose.maps import FACE_LANDMARKS
from pose.parsing import prepare_parser
from pose.people import FramePeople, Person
from pose.refine import Refiner
from pose.settings import Accuracy, EngineSettings
from pose.skeleton import Skeleton
from pose.sources import Frame, FrameSource, open_source
from pose.sources.readahead import read_ahead
from pose.throughput import Load, is_worth_a_trial, loads_of, try_out
from pose.tracking import Tracker, TrackerSettings
from pose.weights.assets import Progress
from pose.weights.zoo import Role, entry_of, load_backend
from pose.wholebody import PartFinder, usual_threshold

__all__ = [
    "ALGORITHM",
    "CLIP",
    "DEFAULT_MODEL",
    "Accuracy",
    "EngineSettings",
    "PartNetwork",
    "PoseEngine",
    "PoseStream",
    "PosedFrame",
    "load_networks",
    "load_parts",
    "parts_wanted",
    "usual_refiner",
]  # fmt: skip

ALGORITHM = 5
"""Version of what makes people of a frame (decoding, preprocessing, parsing). Raise it when the same settings give
another result, or a setting gets another usual value: what was stored before is then computed anew."""

DEFAULT_MODEL = "movenet_multipose"
PART_NETWORKS: dict[Role, str] = {"hand": "mediapipe_hand", "face": "mediapipe_face", "iris": "mediapipe_iris"}
"""The usual networks of hands and faces by their role."""

CLIP = 8
"""Consecutive frames of a video that are worked on together; where a clip begins, its first frame is looked at from all
sides. Clips are counted by the frames' numbers, so that they are the same wherever reading begins."""


@dataclass(frozen=True, eq=False)
class PosedFrame(FramePeople):
    """`FramePeople` with the frame they were found in.

    Attributes:
        image: (H, W, 3) uint8 BGR, the original frame.
        skipped: frames before it that could not be decoded.
    """

    image: NDArray[np.uint8]
    skipped: int = 0


_TRACKING = TrackerSettings()


class PoseEngine:
    """Finds the people of images, videos and cameras.

    Args:
        model: body network: a name of `posescribe models list`, or a network file of ours.
        refine: refiner: a name or file, `none`, or None for the usual one of the accuracy (none at `fast`).
        hand_network, face_network: names or files, where the settings ask for hands or faces; None for the usual ones.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `tensorrt`; one that is not there raises `DeviceError`.
        settings: see `EngineSettings`.
        tracking: settings of the tracker of `open`; None leaves `track_id` empty.
        backend, refiner, parts: ready networks in place of `model`, `refine`, `device` and precision, for tests and for
            networks of your own; a backend without a refiner is used alone, one without parts gives bodies.
        batch, in_flight: frames that go through the network together, and how many such batches are worked on at the
            same time; None is decided by measuring, on the first frames of each source that is long enough.
        announce: receives one line before something that takes long, such as the parser's first compilation, and when
            confidences are not calibrated.
    """

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        *,
        refine: str | None = None,
        hand_network: str | None = None,
        face_network: str | None = None,
        device: str = "auto",
        settings: EngineSettings | None = None,
        tracking: TrackerSettings | None = _TRACKING,
        backend: Backend | None = None,
        refiner: Backend | None = None,
        parts: PartFinder | None = None,
        batch: int | None = None,
        in_flight: int | None = None,
        announce: Callable[[str], None] | None = None,
    ) -> None:
        self.settings = settings or EngineSettings()
        self._tracking = tracking
        if backend is None:
            backend, refiner = load_networks(model, refine, self.settings, device=device, in_flight=in_flight)
            wanted = parts_wanted(self.settings, hand_network, face_network)
            parts = load_parts(wanted, device=device, in_flight=in_flight)
        self._backend = backend
        mirrored = self.settings.accuracy == "high"
        looker = None if refiner is None else Refiner(refiner, mirrored)
        self._detector = Detector(backend, looker, self.settings, parts)
        missing = self._detector.calibration.missing
        if missing and announce is not None:
            names = backend.model.name if refiner is None else f"{backend.model.name} refined by {refiner.model.name}"
            announce(
                f"{names}: confidences of {' and '.join(missing)} are taken as they are, no curve was fitted to them"
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
        return self._detector.skeleton

    def net_height(self, image_size: tuple[int, int]) -> int:
        """Height of the body network's input for images of (height, width), pixels; see `EngineSettings.net_height`."""
        return self._detector.net_height(image_size)

    @property
    def refiner(self) -> ModelInfo | None:
        """The refiner's weights; None where people stay as the body network saw them."""
        return None if self._detector.refiner is None else self._detector.refiner.model

    @property
    def parts(self) -> dict[str, ModelInfo]:
        """The weights that find hands and faces, by what they find; empty where they are left out."""
        return {} if self._detector.parts is None else self._detector.parts.models

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[list[Person]]:
        """People of each image, best first and untracked; the images need have nothing to do with each other.

        Args:
            images: (H, W, 3) uint8 BGR each; sizes may differ.

        Raises:
            ModelError: a network gave NaN.
        """
        return self._detector.detect(images, len(images))

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


def load_networks(
    model: str,
    refine: str | None,
    settings: EngineSettings,
    *,
    device: str = "auto",
    in_flight: int | None = None,
    progress: Progress | None = None,
) -> tuple[Backend, Backend | None]:
    """Body network and refiner, ready to run; arguments as in `PoseEngine`, errors as in `load_backend`."""
    body = load_backend(
        model, device=device, precision=settings.precision, in_flight=in_flight, light=settings.light, progress=progress
    )
    name = refine or usual_refiner(settings.accuracy)
    if name == "none":
        if settings.every_body > 1:
            raise ModelError("nobody can be followed between the frames without a refiner; leave every_body at 1")
        return body, None
    return body, load_backend(
        name, role="refiner", device=device, precision=settings.precision, in_flight=in_flight, progress=progress
    )


@dataclass(frozen=True)
class PartNetwork:
    """A network of hands or faces.

    Attributes:
        model: its name or file.
        threshold: see `EngineSettings.hand_threshold`; None for pupils, which are wherever there is a face.
    """

    model: str
    threshold: float | None = None


def parts_wanted(
    settings: EngineSettings, hand: str | None = None, face: str | None = None, progress: Progress | None = None
) -> dict[Role, PartNetwork]:
    """The networks, by their role, that the settings ask for besides those of the body; errors as in `load_backend`.

    Args:
        settings: whether hands and faces are wanted, and their thresholds.
        hand, face: names or files; None for the usual ones. A face that is no mesh has pupils of its own.
        progress: told about a download.
    """
    asked: tuple[tuple[Role, bool, str | None, float | None], ...] = (
        ("hand", settings.hands, hand, settings.hand_threshold),
        ("face", settings.face, face, settings.face_threshold),
    )
    wanted: dict[Role, PartNetwork] = {}
    for role, asked_for, model, threshold in asked:
        if asked_for:
            model = model or PART_NETWORKS[role]
            entry = entry_of(model, role, progress)
            wanted[role] = PartNetwork(model, usual_threshold(entry.layout) if threshold is None else threshold)
            if entry.layout is FACE_LANDMARKS:
                wanted["iris"] = PartNetwork(PART_NETWORKS["iris"])
    return wanted


def load_parts(
    wanted: Mapping[Role, PartNetwork],
    *,
    device: str = "auto",
    in_flight: int | None = None,
    progress: Progress | None = None,
) -> PartFinder | None:
    """What finds hands and faces by the networks of `parts_wanted`; errors as in `load_backend`.

    The networks are small and run beside those of the body: one thread for each call.
    """
    if not wanted:
        return None
    networks = {
        role: load_backend(
            part.model, role=role, device=device, threads=in_flight, in_flight=in_flight, progress=progress
        )
        for role, part in wanted.items()
    }
    return PartFinder(
        networks.get("hand"),
        networks.get("face"),
        networks.get("iris"),
        hand_threshold=wanted["hand"].threshold if "hand" in wanted else None,
        face_threshold=wanted["face"].threshold if "face" in wanted else None,
    )


def usual_refiner(accuracy: Accuracy) -> str:
    """Name of the refiner of an accuracy, or `none`."""
    return "none" if accuracy == "fast" else "movenet_thunder"


class PoseStream:
    """Iterates over `PosedFrame`s in the source's order; use it in a `with` block.

    Attributes:
        load: batch size and batches in flight, as far as they are decided.
        clip: so many frames are worked on together and come out together, counted by `frame.index // clip`; 1 for
            images and cameras, whose frames are each looked at for themselves.
    """

    def __init__(self, engine: PoseEngine, source: FrameSource, tracker: Tracker | None, loads: Sequence[Load]) -> None:
        self.load = loads[0]
        self.clip = CLIP if source.info.consecutive and not source.live else 1
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
            clips = _clips(self._until_failure(ahead), self.clip)
            if is_worth_a_trial(self._loads, self._source, self.clip):
                yield from try_out(self._loads, clips, self._work, self._choose)
            yield from self._work(clips, self.load)
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

    def _work(self, clips: Iterator[list[Frame]], load: Load) -> Iterator[PosedFrame]:
        units = clips if self.clip > 1 else (list(chain.from_iterable(some)) for some in _batches(clips, load.batch))
        pending: deque[Future[list[PosedFrame]]] = deque()
        with ThreadPoolExecutor(load.in_flight, thread_name_prefix="pose") as pool:
            try:
                for unit in units:
                    pending.append(pool.submit(self._detect, unit, load.batch))
                    if len(pending) > load.in_flight:
                        yield from map(self._follow, pending.popleft().result())
                while pending:
                    yield from map(self._follow, pending.popleft().result())
            finally:
                for future in pending:
                    future.cancel()

    def _detect(self, frames: list[Frame], batch: int) -> list[PosedFrame]:
        images = [frame.image for frame in frames]
        detector = self._engine._detector
        people = detector.follow(images, batch) if self.clip > 1 else detector.detect(images, batch)
        return [
            PosedFrame(f.index, f.time_s, tuple(p), f.image, f.skipped) for f, p in zip(frames, people, strict=True)
        ]

    def _follow(self, frame: PosedFrame) -> PosedFrame:
        if self._tracker is None:
            return frame
        return replace(frame, people=self._tracker.update(frame).people)


def _clips(frames: Iterator[Frame], size: int) -> Iterator[list[Frame]]:
    """Frames whose numbers have the same share in `size`."""
    for _, clip in groupby(frames, key=lambda frame: frame.index // size):
        yield list(clip)


def _batches(clips: Iterator[list[Frame]], n: int) -> Iterator[list[list[Frame]]]:
    while batch := list(islice(clips, n)):
        yield batch
