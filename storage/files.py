"""Files that are either whole or not there."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from storage.errors import OutputError


@contextmanager
def blaming(path: Path) -> Iterator[None]:
    """Turns an `OSError` of the block into an `OutputError` that names `path`."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        remedy = "free some space or choose another --out folder"
        if error.errno == errno.ENOMEM:
            remedy = "give the process more memory"
        raise OutputError(f"{path}: can't be written ({reason}); {remedy}") from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, of the same suffix, which takes the place of `path` when the block ends well.

    The block writes the temporary file. When it fails, what it wrote is removed and `path` stays as it was.

    Raises:
        OutputError: the folder can't be made, or the file can't be put in place.
    """
    part = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    with blaming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    _remove_orphans(path)
    try:
        yield part
        with blaming(path):
            os.replace(part, path)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _remove_orphans(path: Path) -> None:
    """Removes what killed processes left of this file."""
    head, tail = f".{path.stem}.", f".part{path.suffix}"
    for entry in path.parent.iterdir():
        number = entry.name[len(head) : -len(tail)]
        if entry.name == f"{head}{number}{tail}" and number.isdecimal() and not _runs(int(number)):
            with suppress(OSError):
                entry.unlink()


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        return True
    return True


def write_bytes(path: Path, data: bytes) -> None:
    """Writes the whole file or nothing.

    Raises:
        OutputError: the folder or file can't be written.
    """
    with replacing(path) as part, blaming(path):
        part.write_bytes(data)


def make_folder(folder: Path) -> None:
    """Makes a folder for results; raises `OutputError` when it can't be written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"{folder}: can't be written ({reason}); choose another --out folder") from error
