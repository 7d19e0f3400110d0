"""What the engine asks of whatever runs a network, and the names of the devices it can run on."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from pose.confidence import Calibration
from pose.errors import DeviceError, ModelError
from pose.maps import AnyMaps, Layout

Kind = Literal["auto", "cpu", "cuda", "tensorrt"]
Precision = Literal["float32", "float16", "bfloat16"]


@dataclass(frozen=True)
class ModelInfo:
    """Which network it is, for provenance.

    Attributes:
        name: of the zoo's entry, or the file's name.
        sha256: of the weights' original file.
        source: where its publisher has it, or the path given.
        licence: SPDX identifier, or `unknown` for a user's own file.
        calibration: curves of confidence that were fitted when it was trained; None for those of `pose.confidence`.
    """

    name: str
    sha256: str
    source: str
    licence: str
    calibration: Calibration | None = None

    def provenance(self) -> dict[str, Any]:
        """Which it is, for records."""
        return {"name": self.name, "sha256": self.sha256, "source": self.source, "licence": self.licence}


class Backend(Protocol):
    """A network on a device.

    Attributes:
        layout: meaning of the channels.
        model: which network.
        device: what really runs, as the runtime reports it: `cpu`, `cuda:0`, `tensorrt:0`.
        runtime: library and version that runs it.
        precision: of the arithmetic.
        in_flight: calls of `infer` at the same time, from as many threads, that make best use of the device.
    """

    @property
    def layout(self) -> Layout: ...
    @property
    def model(self) -> ModelInfo: ...
    @property
    def device(self) -> str: ...
    @property
    def runtime(self) -> str: ...
    @property
    def precision(self) -> Precision: ...
    @property
    def in_flight(self) -> int: ...

    def infer(self, batch: NDArray[np.uint8]) -> list[AnyMaps]:
        """Maps of each image of a (B, H, W, 3) uint8 BGR batch. May be called from several threads.

        H and W are any multiples of `layout.multiple`.

        Raises:
            ModelError: the network gave something that is no number.
        """
        ...


@dataclass(frozen=True)
class Device:
    """A `--device` option, taken apart. `index` counts GPUs from 0; always 0 on CPUs."""

    kind: Kind
    index: int = 0

    @classmethod
    def parse(cls, text: str) -> Device:
        """Reads `auto`, `cpu`, `cuda`, `cuda:N` or `tensorrt`; anything else is a `ValueError`."""
        match = re.fullmatch(r"(auto|cpu|tensorrt|cuda)|cuda:(\d+)", text)
        if match is None:
            raise ValueError(f"expected device auto, cpu, cuda, cuda:N or tensorrt, got {text!r}")
        kind: Kind = match[1] or "cuda"  # type: ignore[assignment] # the pattern admits no other
        return cls(kind, int(match[2] or 0))

    def __str__(self) -> str:
        return self.kind if self.kind in ("auto", "cpu") else f"{self.kind}:{self.index}"


def available_cores() -> int:
    """Processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True)
class Sharing:
    """How frames share the cores of a CPU.

    Layers this small gain more from whole frames side by side than from threads inside a frame: on two cores, two
    frames of one thread each take 0.84 times the processor time of one after another on two threads. Beyond eight
    frames their memory and caches get in the way.

    Attributes:
        threads: CPU threads in all; None for all cores.
        in_flight: frames at the same time; None for one per thread, at most eight. 1 gives the shortest delay.
    """

    threads: int | None = None
    in_flight: int | None = None

    def __post_init__(self) -> None:
        if self.threads is not None and self.threads < 1:
            raise ValueError(f"expected at least 1 thread, got {self.threads}")
        if self.in_flight is not None and self.in_flight < 1:
            raise ValueError(f"expected at least 1 frame in flight, got {self.in_flight}")

    def resolve(self) -> tuple[int, int]:
        """(frames in flight, threads for each)."""
        total = self.threads or available_cores()
        in_flight = self.in_flight or min(total, 8)
        return in_flight, max(total // in_flight, 1)


def check_batch(batch: NDArray[np.uint8], layout: Layout) -> None:
    """`ValueError` unless it is a batch of at least one image of at least one pixel, of a size the network takes."""
    if batch.ndim != 4 or batch.shape[3] != 3 or batch.dtype != np.uint8 or batch.size == 0:
        raise ValueError(f"expected a batch of shape (B, H, W, 3) and dtype uint8, got {batch.shape} {batch.dtype}")
    if any(size % layout.multiple for size in batch.shape[1:3]):
        raise ValueError(f"expected height and width that are multiples of {layout.multiple}, got {batch.shape[1:3]}")


def to_maps(outputs: Mapping[str, NDArray[np.float32]], layout: Layout, model: ModelInfo) -> list[AnyMaps]:
    """(B, channels, h, w) per output as the maps of each image; `ModelError` when they hold NaN or infinity."""
    if not all(np.isfinite(values.sum()) for values in outputs.values()):
        raise ModelError(f"{model.name}: the network's output is not finite; its file is damaged or the precision low")
    n = len(next(iter(outputs.values())))
    return [layout.maps({name: values[i] for name, values in outputs.items()}) for i in range(n)]


def no_device(asked: Device, reason: str, have: list[str]) -> DeviceError:
    """The error for a device that was asked for and is not there."""
    return DeviceError(f"device {asked}: {reason}; this machine has: {', '.join(have)}")
