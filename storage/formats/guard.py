"""Files of strangers, looked at before they are read: they may promise more than they hold.

Each function refuses with one line (`ExchangeError`): what is no regular file, is larger than `MOST`, unpacks to more
than `MOST`, declares arrays that its bytes can't hold, or leads to other files of the disk.
"""

from __future__ import annotations

import gzip
import io
import math
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any

import numpy as np

from storage.errors import ExchangeError
from storage.formats.optional import load

MOST = 2**31
"""Bytes that a file may have, or unpack to, where it is held in memory whole."""

MOST_UNZIPPED = 2**28
"""The same for gzipped files; those of BORIS have some MB."""

MOST_SHEET = 2**26
"""The same for spreadsheets, whose XML takes some thirty times its size in memory."""

SMALL = 2**26
"""An array of fewer bytes is never refused for its size."""

ZIP_DAMAGE = (
    OSError, EOFError, zipfile.BadZipFile, zlib.error, struct.error, NotImplementedError, RuntimeError,
    UnicodeDecodeError,
)  # fmt: skip
"""What `zipfile` raises on a damaged zip, one of a kind that it does not read, or one with a password."""

DEFLATE = 1032
"""What deflate compresses at best, https://zlib.net/zlib_tech.html; HDF5 leaves out chunks never written besides."""


def regular(path: Path) -> Path:
    """The path of a regular file: opening a pipe or a device could wait for ever."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise ExchangeError(f"{path}: can't be read ({error.strerror or error})") from error
    if stat.S_ISDIR(mode):
        raise ExchangeError(f"{path}: can't be read (Is a directory)")
    if not stat.S_ISREG(mode):
        raise ExchangeError(f"{path}: no regular file but a pipe or a device; give a file")
    return path


def read_bytes(path: Path) -> bytes:
    """The whole of a regular file."""
    try:
        size = regular(path).stat().st_size
        if size > MOST:
            raise ExchangeError(f"{path}: has {_size(size)}, at most {_size(MOST)} can be read")
        return path.read_bytes()
    except OSError as error:
        raise ExchangeError(f"{path}: can't be read ({error.strerror or error})") from error


def gunzip(path: Path, data: bytes) -> bytes:
    """The content of gzipped data, of at most `MOST_UNZIPPED` bytes."""
    try:
        with gzip.open(io.BytesIO(data)) as file:
            content = file.read(MOST_UNZIPPED + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ExchangeError(f"{path}: damaged, can't be unzipped ({error})") from error
    if len(content) > MOST_UNZIPPED:
        raise ExchangeError(f"{path}: unzips to more than {_size(MOST_UNZIPPED)}; is it what it seems to be?")
    return content


@contextmanager
def archive(path: Path, most: int = MOST) -> Iterator[zipfile.ZipFile]:
    """An open zip whose members unpack to at most `most` bytes together; `zipfile.BadZipFile` when it is none."""
    with zipfile.ZipFile(regular(path)) as opened:
        declared = sum(member.file_size for member in opened.infolist())
        if declared > most:
            raise ExchangeError(f"{path}: unzips to {_size(declared)}, at most {_size(most)} can be read")
        yield opened


def read_npz(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays of an .npz, none of them pickled; each declares what its member holds.

    Raises `ExchangeError`, also when it is damaged or no .npz.
    """
    arrays = {}
    try:
        with archive(path) as opened:
            for member in opened.infolist():
                with opened.open(member) as file:
                    _fits(path, member, file)
                with opened.open(member) as file:
                    arrays[member.filename.removesuffix(".npy")] = np.lib.format.read_array(file, allow_pickle=False)
    except (*ZIP_DAMAGE, ValueError, SyntaxError, TokenError) as error:  # the last two of a header that is no Python
        reason = " ".join(str(error).split())[:120]
        raise ExchangeError(
            f"{path}: not a readable .npz without pickle ({reason}); write it with numpy.savez"
        ) from error
    return arrays


def _fits(path: Path, member: zipfile.ZipInfo, file: IO[bytes]) -> None:
    header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    version = np.lib.format.read_magic(file)
    if version not in header:
        raise ValueError(f"{member.filename} is of version {version} of numpy's format")
    shape, _, dtype = header[version](file)
    if dtype.hasobject:
        raise ExchangeError(f"{path}: {member.filename} holds pickled objects, which are never loaded")
    declared = math.prod(shape) * dtype.itemsize
    if declared + file.tell() != member.file_size:
        raise ExchangeError(
            f"{path}: {member.filename} declares {_size(declared)}, but holds {_size(member.file_size - file.tell())}"
        )


@contextmanager
def open_hdf5(path: Path, opened: Any = None) -> Iterator[Any]:
    """An open HDF5 file, all of it its own; by h5py, or by what `opened` makes of the path (a class like h5py.File).

    Raises `ExchangeError` for links into other files, data kept in them, or arrays that declare more than the file
    holds; what h5py raises on a damaged file.
    """
    h5py = load("h5py")
    with h5py.File(regular(path), "r") as file:
        for where, item in _items(file, h5py):
            if isinstance(item, h5py.ExternalLink):
                raise ExchangeError(f"{path}: {where} leads to another file ({item.filename}), which is not read")
            if isinstance(item, h5py.Dataset):
                if item.external or item.is_virtual:
                    raise ExchangeError(f"{path}: {where} keeps its data in another file, which is not read")
                declared, held = item.nbytes, item.id.get_storage_size()
                if declared > max(SMALL, DEFLATE * held):
                    raise ExchangeError(f"{path}: {where} declares {_size(declared)}, but holds {_size(held)}")
        if opened is None:
            yield file
            return
    with opened(path, "r") as other:
        yield other


def _items(file: Any, h5py: Any) -> Iterator[tuple[str, Any]]:
    """Every link and object by its path, each group once; nothing outside the file is opened."""
    seen = {h5py.h5o.get_info(file.id).addr}
    todo = [("", file)]
    while todo:
        where, group = todo.pop()
        for name in group:
            link = group.get(name, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                yield f"{where}/{name}", link
                continue
            item = group.get(name)
            if item is None:  # a soft link that leads nowhere
                continue
            yield f"{where}/{name}", item
            if isinstance(item, h5py.Group) and (address := h5py.h5o.get_info(item.id).addr) not in seen:
                seen.add(address)
                todo.append((f"{where}/{name}", item))


def _size(n: int) -> str:
    for unit in ("bytes", "kB", "MB"):
        if n < 1000:
            return f"{n:.0f} {unit}"
        n /= 1000  # type: ignore[assignment]  # a whole number of bytes, then of larger units
    return f"{n:.1f} GB"
