"""Single images and folders of them.

Depth, where OpenCV reads more than 8 bits: white of a 16-bit picture is that of the fewest of 8,
10, 12, 14 or 16 bits that hold its brightest count, since cameras of 10 to 14 bits store their counts as they are;
signed counts are divided by 128, negative is black.
Floats and 32-bit counts have no fixed white: up to 1 they are taken as 0…1, up to 255 as 8-bit levels, and above that
the brightest value becomes white; NaN and negative values are black. EXIF orientation is applied, alpha is ignored.

A folder has no clock: frame i is given the time i / `fps`. Where the images' names differ in one number only
(`frame_0010.png`, `frame_0020.png`) these count the frames, from the first one, so that gaps in the numbers are gaps in
time; else the images are counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray

from pose.errors import SourceError
from pose.sources.base import FrameSource, Image, Picture, Selection, SourceInfo
from pose.sources.guard import check_image

# fmt: off
IMAGE_SUFFIXES = frozenset([
    ".jpg", ".jpeg", ".jpe", ".jp2", ".jxl", ".png", ".webp", ".avif", ".bmp", ".dib", ".pbm", ".pgm", ".ppm", ".pnm",
    ".pxm", ".pfm", ".sr", ".ras", ".tif", ".tiff", ".exr", ".hdr", ".pic", ".gif",
])
# fmt: on
_WHITE = {"int16": 128.0, "int8": 0.5}
"""Per integer type, how many counts make one 8-bit level."""
_BITS = (8, 10, 12, 14, 16)
"""Significant bits that a 16-bit picture may have."""


@contextmanager
def quiet_opencv() -> Iterator[None]:
    """OpenCV reports what it can't read on the terminal besides returning nothing; the report is left out."""
    logging = cv2.utils.logging
    level = logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        logging.setLogLevel(level)


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sorts `img2` before `img10`, without regard to case."""
    parts = re.findall(r"(\d+)|(\D+)", name.casefold())
    return [(0, int(digits), "") if digits else (1, 0, text) for digits, text in parts]


def list_images(folder: Path) -> list[Path]:
    """The folder's own images by suffix, in natural order; hidden files (`._img1.jpg`) are no images."""
    files = (entry for entry in folder.iterdir() if entry.suffix.lower() in IMAGE_SUFFIXES and entry.name[0] != ".")
    return sorted((file for file in files if file.is_file()), key=lambda file: (natural_key(file.name), file.name))


def numbered_images(folder: Path) -> dict[int, Path]:
    """The images of `list_images` by the number of their frame, rising from 0; see the module."""
    images = list_images(folder)
    parts = [match for path in images if (match := re.fullmatch(r"(.*?)(\d+)(\D*)", path.stem))]
    numbers = [int(match[2]) for match in parts]
    alike = len(parts) == len(images) and len({(match[1], match[3]) for match in parts}) == 1
    if not alike or len(set(numbers)) < len(numbers) or max(numbers) >= 10**9:
        return dict(enumerate(images))
    return {number - min(numbers): path for number, path in sorted(zip(numbers, images, strict=True))}


def image_names(folder: Path) -> dict[int, str]:
    """By the number of its frame, what each image of a folder is called: without suffix, unless two differ in that."""
    images = numbered_images(folder)
    stems = [path.stem for path in images.values()]
    return {number: path.stem if stems.count(path.stem) == 1 else path.name for number, path in images.items()}


def to_bgr8(pixels: NDArray[Any]) -> Image:
    """Any picture as 8-bit BGR; see the module for the rule.

    Args:
        pixels: (height, width) or (height, width, channels), grey, grey + alpha, BGR or BGRA, any depth.

    Returns:
        (height, width, 3) uint8 BGR.
    """
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    if pixels.dtype != np.uint8:
        if pixels.dtype == np.uint16:
            peak = int(pixels[..., :3].max(initial=0))
            levels = pixels * (255.0 / next(2**bits - 1 for bits in _BITS if peak < 2**bits))
        elif pixels.dtype.name in _WHITE:
            levels = pixels / _WHITE[pixels.dtype.name]
        else:
            levels = np.nan_to_num(pixels.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
            peak = levels.max(initial=0.0)
            levels *= 255.0 if peak <= 1 else 1.0 if peak <= 255 else 255.0 / peak
        pixels = np.rint(levels).clip(0, 255).astype(np.uint8)
    colour = pixels[..., :1].repeat(3, axis=2) if pixels.shape[2] < 3 else pixels[..., :3]
    return np.ascontiguousarray(colour)


def read_image(file: Path | BinaryIO) -> Image | None:
    """The image as (height, width, 3) uint8 BGR, or None when it is damaged, cut off or no image.

    Raises:
        SourceError: it has too many pixels to be unpacked.
    """
    check_image(file, str(file) if isinstance(file, Path) else file.name)
    if isinstance(file, Path):
        encoded = np.fromfile(file, dtype=np.uint8)
    else:
        file.seek(0)
        encoded = np.frombuffer(file.read(), dtype=np.uint8)
    if not len(encoded):
        return None
    with quiet_opencv():
        for mode in (cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH, cv2.IMREAD_UNCHANGED):
            try:
                pixels = cv2.imdecode(encoded, mode)
            except cv2.error:
                continue
            if pixels is not None:
                return to_bgr8(pixels)
    return None


class ImageSource(FrameSource):
    """One image: frame 0 at time 0.

    Args:
        file: its path, or where it is elsewhere the open file.
        name, uri: as in `SourceInfo`.

    Raises:
        SourceError: the image can't be read.
    """

    def __init__(self, file: Path | BinaryIO, selection: Selection, *, name: str, uri: str) -> None:
        super().__init__(selection)
        try:
            image = read_image(file)
        except OSError as error:
            raise SourceError(f"{uri}: can't be read: {error.strerror}") from error
        if image is None:
            raise SourceError(f"{uri}: no image that can be read; is it complete?")
        height, width = image.shape[:2]
        self._image = image
        self.info = SourceInfo(name, uri, "image", width, height, n_frames=1)

    def _pictures(self) -> Iterator[Picture]:
        if self._selection.after is None:
            yield Picture(0, 0.0, lambda: self._image)

    def close(self) -> None:
        """Nothing is held open."""


class FolderSource(FrameSource):
    """The images of a folder, without its subfolders, in natural order; see the module for their numbers.

    Images that can't be read are skipped and counted; the others keep their numbers. Images may differ in size.

    Args:
        fps: the clock that the folder lacks, frames per second; None: `ASSUMED_FPS`, and a note says so.

    Raises:
        SourceError: the folder holds no image, or none that can be read.
    """

    def __init__(self, folder: Path, selection: Selection, fps: float | None = None) -> None:
        super().__init__(selection)
        self._images = numbered_images(folder)
        n = len(self._images)
        if not n:
            raise SourceError(
                f"{folder}: no images in this folder (looked for {', '.join(sorted(IMAGE_SUFFIXES)[:6])}, …); "
                f"for its videos or subfolders pass '{folder}/*'"
            )
        self._fps, clock = self._rate(fps)
        n_numbers = list(self._images)[-1] + 1
        if n_numbers > n:
            self._note(f"the numbers in the images' names count as frames: {n} of {n_numbers} are there")
        duration_s = n_numbers / self._fps
        if self._prime():
            assert self._first is not None
            height, width = self._first.image.shape[:2]
        elif self.skipped and selection.after is None:
            raise SourceError(f"{folder}: none of its {self.skipped} images can be read; are they complete?")
        elif selection.after is None:
            raise SourceError(
                f"{folder}: no image in the asked-for range; it holds {n}, {duration_s:g} s at {self._fps:g} fps"
            )
        else:
            width = height = 0
        self.info = SourceInfo(
            folder.name or str(folder), str(folder), "folder", width, height, n, duration_s, self._fps, clock
        )

    def _pictures(self) -> Iterator[Picture]:
        done = -1 if self._selection.after is None else self._selection.after[0]
        for index, path in self._images.items():
            if index > done:
                yield Picture(index, index / self._fps, partial(self._load, path))

    def frame_times(self) -> NDArray[np.float64]:
        return np.arange(list(self._images)[-1] + 1) / self._fps

    def _load(self, path: Path) -> Image | None:
        try:
            image = read_image(path)
        except OSError:
            image = None
        if image is None:
            self._note(f"{path.name} can't be read and was skipped")
        return image

    def close(self) -> None:
        """Nothing is held open."""
