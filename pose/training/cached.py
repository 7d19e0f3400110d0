"""Batches of features that stay as they are, computed once and read from a file that is mapped into memory.

While a backbone is frozen its features of a view never change; a head on them then learns at many times the speed. Each
image has some views, fixed beforehand, instead of a new one each time.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pose.errors import TrainingError
from pose.training.batches import AnnotatedImages, Batch, drawn, stacked

Features = Callable[[Tensor], list[Tensor]]


class CachedFeatures:
    """Batches whose inputs are features.

    Args:
        images: whose views are looked at.
        features: (B, 3, H, W) float images -> levels, (B, channels, h, w) each.
        views: of each image.
        folder: for the files, `level-0.npy` and so on, float16.
        batch: images that go through the network together.
        progress: views done and all views.

    Raises:
        TrainingError: the folder has no room for all features.
    """

    def __init__(
        self,
        images: AnnotatedImages,
        features: Features,
        views: int,
        folder: Path,
        batch: int = 8,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self._images = images
        self._n = len(images) * views
        self._levels: list[NDArray[np.float16]] = []
        for start in range(0, self._n, batch):
            numbers = range(start, min(start + batch, self._n))
            pictures = np.stack([images.picture(number) for number in numbers])
            with torch.inference_mode():
                found = features(torch.from_numpy(pictures).permute(0, 3, 1, 2).float())
            if not self._levels:
                self._levels = _files(folder, [(self._n, *level.shape[1:]) for level in found])
            for kept, level in zip(self._levels, found, strict=True):
                kept[start : start + len(numbers)] = level.cpu().numpy().astype(np.float16)
            if progress is not None:
                progress(numbers[-1] + 1, self._n)

    def __len__(self) -> int:
        return self._n

    def batch(self, number: int, size: int) -> Batch:
        """See `pose.training.batches.Source`."""
        rows = [drawn(number * size + i, self._n, self._images.seed) for i in range(size)]
        targets, masks = zip(*(self._images.truth(row) for row in rows), strict=True)
        inputs = tuple(torch.from_numpy(level[rows].astype(np.float32)) for level in self._levels)
        return Batch(inputs, stacked(targets), stacked(masks))

    def moments(self) -> list[tuple[Tensor, Tensor]]:
        """Mean and standard deviation of each channel of each level, (channels,) each, over some of the views."""
        rows = np.unique(np.linspace(0, self._n - 1, 64).astype(int))
        found = []
        for level in self._levels:
            values = torch.from_numpy(level[rows].astype(np.float32))
            found.append((values.mean(dim=(0, 2, 3)), values.std(dim=(0, 2, 3))))
        return found


def _files(folder: Path, shapes: Sequence[tuple[int, ...]]) -> list[NDArray[np.float16]]:
    """New files in memory. Their space is taken at once: a disk that is full later would kill the process."""
    arrays: list[NDArray[np.float16]] = []
    try:
        for i, shape in enumerate(shapes):
            file = folder / f"level-{i}.npy"
            arrays.append(np.lib.format.open_memmap(file, mode="w+", dtype=np.float16, shape=shape))
            if hasattr(os, "posix_fallocate"):  # neither on macOS nor on Windows
                with file.open("r+b") as whole:
                    os.posix_fallocate(whole.fileno(), 0, file.stat().st_size)
    except OSError as error:
        needed = sum(2 * math.prod(shape) for shape in shapes) / 1e6
        raise TrainingError(
            f"{folder}: no room for {needed:,.0f} MB of features ({error.strerror}); lower --frozen, or let TMPDIR be "
            "a folder with more room"
        ) from None
    return arrays
