"""Files that were dropped on the start page or chosen there: kept in a folder beside the reports, to be analysed."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
import unicodedata
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path, PureWindowsPath

from starlette.concurrency import run_in_threadpool

from behavior.errors import DataError
from pose.errors import SourceError
from pose.sources import VIDEO_SUFFIXES, open_source
from pose.sources.images import IMAGE_SUFFIXES
from storage.files import make_folder

FOLDER = "videos"
"""Beside the reports of a database."""
SPARE = 1 << 30
"""Bytes of the disk that are left free: an analysis needs room, too."""
_BUFFER = 1 << 20
_LONGEST = 180
_FORGOTTEN_S = 86_400.0


def check(name: str, size: int, folder: Path) -> str:
    """What a file will be called; raises `DataError`, a sentence, where it can't be taken.

    Args:
        name: as its owner calls it, whatever that is.
        size: bytes.
        folder: of the reports.
    """
    safe = safe_name(name)
    if Path(safe).suffix.lower() not in VIDEO_SUFFIXES | IMAGE_SUFFIXES:
        raise DataError(f"{safe}: neither video nor picture by its name; any other file can be analysed by its path")
    if size <= 0:
        raise DataError(f"{safe}: is empty, or a folder; a folder of images can be analysed by its path")
    make_folder(folder)
    free = shutil.disk_usage(folder).free - SPARE
    if size > free:
        raise DataError(
            f"{safe}: has {size / 1e9:.2f} GB, and the disk has room for {max(0, free) / 1e9:.2f} GB;"
            " where the file lies on this machine give its path instead"
        )
    return safe


def safe_name(name: str) -> str:
    """A name that is one file in a folder on any system: no path, no control or joining characters, not too long."""
    last = PureWindowsPath(unicodedata.normalize("NFC", name)).name
    kinds = [(each, unicodedata.category(each)[0]) for each in last]
    kept = "".join(" " if kind == "Z" else each for each, kind in kinds if kind != "C")
    kept = re.sub(r'[<>:"/\\|?*]', "_", kept).strip().rstrip(". ")
    stem, suffix = os.path.splitext(f"_{kept}")  # so that a name that begins with a point has an end, too
    if len(suffix.encode()) > _LONGEST // 2:
        stem, suffix = stem + suffix, ""
    stem = stem[1:].encode()[: _LONGEST - len(suffix.encode())].decode(errors="ignore").strip(". ")
    return (stem or "video") + suffix


async def receive(name: str, size: int, chunks: AsyncIterator[bytes], folder: Path) -> Path:
    """Writes a file as it comes in; one that breaks off, or holds no pictures, leaves nothing behind.

    Args:
        name, size: see `check`.
        chunks: its bytes.
        folder: of the reports.

    Returns:
        Where it lies; another one of that name stays, and this one gets a number.
    """
    safe = check(name, size, folder)
    place = folder / FOLDER
    place.mkdir(exist_ok=True)
    _tidy(place)
    part = place / f".{secrets.token_hex(8)}{Path(safe).suffix}"
    try:
        with part.open("xb") as file:
            held, came = bytearray(), 0
            async for chunk in chunks:
                held += chunk
                came += len(chunk)
                if came > size:
                    raise DataError(f"{safe}: more came in than was announced")
                if len(held) >= _BUFFER:
                    await run_in_threadpool(file.write, bytes(held))
                    held.clear()
            await run_in_threadpool(file.write, bytes(held))
        if came < size:
            raise DataError(f"{safe}: broke off")
        await run_in_threadpool(_look, part, safe)
        return _placed(part, place, safe)
    except OSError as error:
        raise DataError(f"{safe}: can't be kept in {place} ({error.strerror})") from error
    finally:
        part.unlink(missing_ok=True)


def _look(part: Path, safe: str) -> None:
    """Raises `DataError` where nothing can be seen in it."""
    try:
        with open_source(str(part)) as source:
            if next(source, None) is None:
                raise DataError(f"{safe}: not one frame can be read")
    except SourceError as error:
        raise DataError(str(error).replace(str(part), safe).replace(part.name, safe)) from error


def _placed(part: Path, place: Path, safe: str) -> Path:
    stem, suffix = os.path.splitext(safe)
    for number in range(1, 10**6):
        target = place / (safe if number == 1 else f"{stem}-{number}{suffix}")
        with suppress(FileExistsError):
            target.open("xb").close()  # nobody else takes the name
            os.replace(part, target)
            return target
    raise DataError(f"{safe}: there are too many of that name")


def _tidy(place: Path) -> None:
    """What was left by a studio that was killed while a file came in."""
    for left in place.glob(".*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _FORGOTTEN_S and re.fullmatch(r"\.[0-9a-f]{16}\.\w+", left.name):
                left.unlink()
