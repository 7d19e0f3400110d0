"""Batches out of samples, made ahead by threads while the network works.

Which samples make a batch, and how each is changed, is a function of the seed and the batch's number alone: not of how
many threads there are, nor of where an interrupted training went on.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pose.errors import TrainingError
from pose.maps import BeliefLayout, MapLayout
from pose.people import Person
from pose.refine.crops import Crop, crop_of
from pose.skeleton import Skeleton
from pose.training.augment import OF_ONE, AugmentSettings, View, disturb, draw_view
from pose.training.datasets import Dataset, Sample
from pose.training.losses import FIRST
from pose.training.targets import Arrays, TargetSettings, draw_targets


@dataclass(frozen=True, eq=False)
class Batch:
    """What the network sees, and what it should give.

    Attributes:
        inputs: arguments of the network's `each_stage`: (B, 3, H, W) uint8 BGR images, and of networks of one person
            (B, 2) float32 x and y of his middle, pixels of the input; or features.
        targets: (B, channels, h, w) float32 as `pose.training.losses.stage_losses` takes them.
        masks: the same, 1 where the target is known.
    """

    inputs: tuple[Tensor, ...]
    targets: Mapping[str, Tensor]
    masks: Mapping[str, Tensor]


class Source(Protocol):
    """Anything that batches come from."""

    def __len__(self) -> int:
        """How many samples an epoch has."""
        ...

    def batch(self, number: int, size: int) -> Batch:
        """The batch of that number (from 0), always the same; may be called from several threads."""
        ...


def drawn(number: int, n: int, seed: int) -> int:
    """Which of n samples is the `number`-th that is learnt from: every epoch has all of them in an order of its own."""
    epoch, place = divmod(number, n)
    return int(_order(seed, epoch, n)[place])


@lru_cache(maxsize=4)
def _order(seed: int, epoch: int, n: int) -> NDArray[np.intp]:
    return np.random.default_rng([seed, 1, epoch]).permutation(n)


class AnnotatedImages:
    """Batches of annotated images, each time in another view.

    A network of one person is shown each person in the crop that the refiner cuts around his joints
    (`pose.refine.crops`), changed, and where in it he is. Its first stage, which sees too little to tell who is meant,
    learns the joints of everybody in the crop, later ones those of this person alone, as in section 4.2 of
    Convolutional Pose Machines (https://arxiv.org/abs/1602.00134).

    Args:
        datasets: learnt from together.
        layout: of the network.
        size: height and width of the network's input, pixels; of crops a square.
        augment: None for the usual one of the layout. Where no joint has a left and a right, as in hands, which are
            right ones, nothing is mirrored.
        targets: see there.
        seed: of everything that is drawn.
    """

    def __init__(
        self,
        datasets: Sequence[Dataset],
        layout: MapLayout | BeliefLayout,
        size: tuple[int, int],
        augment: AugmentSettings | None = None,
        targets: TargetSettings | None = None,
        seed: int = 0,
    ) -> None:
        self.layout, self.size, self.seed = layout, size, seed
        of_one = isinstance(layout, BeliefLayout)
        self.augment = augment or (OF_ONE if of_one else AugmentSettings())
        if np.array_equal(layout.skeleton.mirror_indices, np.arange(len(layout.skeleton))):
            self.augment = replace(self.augment, flip=0.0)
        self.targets = targets or TargetSettings()
        samples = [(sample, dataset.known) for dataset in datasets for sample in dataset.samples]
        self._views: list[tuple[Sample, NDArray[np.bool_], tuple[int, Crop] | None]] = [
            (sample, known, person)
            for sample, known in samples
            for person in (crops_of(sample, layout.skeleton, size[0]) if of_one else [None])
        ]

    def __len__(self) -> int:
        return len(self._views)

    def picture(self, number: int) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 BGR, the `number`-th view."""
        sample, _, _, view, rng = self._view(number)
        return disturb(rng, view.image(read_image(sample)), self.augment)

    def truth(self, number: int) -> tuple[Arrays, Arrays]:
        """Targets and masks of the `number`-th view, by name."""
        sample, known, person, view, _ = self._view(number)
        targets, masks = draw_targets(sample, view, known, self.layout, self.targets)
        if person is None:
            return targets, masks
        alone, alone_masks = draw_targets(sample.alone(person[0]), view, known, self.layout, self.targets)
        return (
            {**alone, **{FIRST + name: value for name, value in targets.items()}},
            {**alone_masks, **{FIRST + name: value for name, value in masks.items()}},
        )

    def middle(self, number: int) -> NDArray[np.float32] | None:
        """(2,) x, y of the person that the `number`-th view is of, pixels of the input; None where it is of nobody."""
        _, _, person, view, _ = self._view(number)
        return None if person is None else view.points(person[1].middle).astype(np.float32)

    def _view(
        self, number: int
    ) -> tuple[Sample, NDArray[np.bool_], tuple[int, Crop] | None, View, np.random.Generator]:
        sample, known, person = self._views[drawn(number, len(self), self.seed)]
        rng = np.random.default_rng([self.seed, 2, number])
        view = draw_view(rng, sample, self.size, self.augment, None if person is None else person[1])
        return sample, known, person, view, rng

    def batch(self, number: int, size: int) -> Batch:
        """See `Source`."""
        numbers = range(number * size, (number + 1) * size)
        images = np.stack([self.picture(n) for n in numbers])
        targets, masks = zip(*(self.truth(n) for n in numbers), strict=True)
        inputs = [torch.from_numpy(images).permute(0, 3, 1, 2)]
        if middles := [middle for n in numbers if (middle := self.middle(n)) is not None]:
            inputs.append(torch.from_numpy(np.stack(middles)))
        return Batch(tuple(inputs), stacked(targets), stacked(masks))


_FEWEST = 3  # joints from which a crop can be told


def crops_of(sample: Sample, skeleton: Skeleton, side: int) -> list[tuple[int, Crop]]:
    """Which of a sample's people have enough joints for a crop, and the square of `side` pixels that the refiner cuts
    around them."""
    found = []
    for i, points in enumerate(sample.keypoints):
        seen = np.isfinite(points[:, 0])
        person = Person(np.column_stack([points, seen]).astype(np.float32), 1.0, skeleton=skeleton)
        if seen.sum() >= _FEWEST and (crop := crop_of(person, side, side)) is not None:
            found.append((i, crop))
    return found


def read_image(sample: Sample) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 BGR of the size that the annotations speak of, not turned by EXIF.

    Raises:
        TrainingError: it can't be read any more.
    """
    image = cv2.imread(str(sample.path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if image is None:
        raise TrainingError(
            f"{sample.path}: can't be read any more; put it back and give the same command, or begin anew (--restart)"
        )
    return np.asarray(image, dtype=np.uint8)


def stacked(arrays: Sequence[Arrays]) -> dict[str, Tensor]:
    """One batch of the targets or masks of several samples."""
    return {name: torch.from_numpy(np.stack([array[name] for array in arrays])) for name in arrays[0]}


class Ahead:
    """Batches in order, some of them made before they are asked for.

    Attributes:
        waited_s: how long whoever asked had to wait.
    """

    def __init__(self, make: Callable[[int], Batch], start: int, stop: int, threads: int = 2) -> None:
        self._make, self._start, self._stop, self._threads = make, start, stop, threads
        self.waited_s = 0.0

    def __iter__(self) -> Iterator[Batch]:
        pending: deque[Future[Batch]] = deque()
        with ThreadPoolExecutor(max(self._threads, 1), thread_name_prefix="batches") as pool:
            try:
                following = self._start
                for _ in range(self._start, self._stop):
                    while following < self._stop and len(pending) <= self._threads:
                        pending.append(pool.submit(self._make, following))
                        following += 1
                    asked = time.perf_counter()
                    batch = pending.popleft().result()
                    self.waited_s += time.perf_counter() - asked
                    yield batch
            finally:
                for future in pending:
                    future.cancel()
