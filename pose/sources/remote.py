"""Recordings on other machines, read block by block where they lie: HTTP(S), S3, Google Cloud Storage, SSH.

fsspec speaks these protocols; what opens such an address comes with the extras `http`, `s3`, `gcs` and `ssh`. An HTTP
address may be a camera's as well: it is that of a recording where the server knows its length and gives any part of it.

A connection that is lost is made again, `WAITS_S` later each time. What an address keeps secret (user, password, query)
is in no message and in nothing that is stored; see `shown`.
"""

from __future__ import annotations

import hashlib
import io
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from functools import lru_cache
from typing import Any
from urllib.parse import unquote, urlsplit

import requests

from pose.errors import SourceError, UnreachableError
from pose.sources.images import natural_key

VIDEO_SUFFIXES = frozenset(
    [".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mts", ".m2ts", ".mpg", ".mpeg", ".wmv", ".ts"]
)
"""Names of files that are offered, and taken out of a folder elsewhere; any other can be named by itself."""

WAITS_S = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Before each further attempt at a lost connection, seconds."""

_TIMEOUT_S = 20.0
"""Longest silence of a server, seconds."""
_BLOCK = 2**22
"""Bytes that are asked for at once."""
_BLOCKS = 8
"""Blocks that are kept: sound, picture and index of a file may lie far apart."""

_EXTRAS = {"http": "http", "https": "http", "s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "sftp": "ssh"} | {
    "ssh": "ssh"
}
SCHEMES = frozenset(_EXTRAS)
"""Beginnings of addresses of files."""
_ADDRESS = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]+)://(?:[^/]*@)?(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_PLAYLISTS = (".m3u8", ".m3u", ".mpd", ".sdp", ".asx", ".pls", ".xspf")


class Nature(Enum):
    """What answers at an HTTP address."""

    RECORDING = "a file, of which any part can be had"
    WHOLE_ONLY = "a file that is only given from its start"
    OTHER = "a camera, a list of files, or nobody"


def scheme_of(spec: str) -> str | None:
    """`s3` of `s3://bucket/x.mp4`, in small letters; None for what is no address."""
    address = _ADDRESS.fullmatch(spec)
    return address["scheme"].lower() if address else None


def shown(spec: str) -> str:
    """An address of a file as it may be shown and stored: without user and password and, for HTTP, without query."""
    address = _ADDRESS.fullmatch(spec)
    if address is None or scheme_of(spec) not in _EXTRAS:
        return spec
    rest = re.split(r"[?#]", address["rest"])[0] if _is_http(spec) else address["rest"]
    return f"{address['scheme']}://{rest}"


def name_of(spec: str) -> str:
    """The name of the file at an address, or its host's where it has none."""
    rest = shown(spec).partition("://")[2].rstrip("/")
    name = rest.rpartition("/")[2]
    return unquote(name) if _is_http(spec) else name


def is_recording(spec: str, timeout_s: float = 5.0) -> bool:
    """Whether an address is that of a recording, and not of a camera; asks the server of an HTTP address.

    Raises `SourceError` where an HTTP server says that there is nothing, or nothing for us.
    """
    if _is_http(spec):
        return nature(spec, timeout_s) is Nature.RECORDING
    return scheme_of(spec) in _EXTRAS


def nature(url: str, timeout_s: float) -> Nature:
    """What an HTTP server has there. Whoever is silent or refuses the connection is left to the cameras."""
    try:
        return _nature(url, timeout_s)
    except (requests.RequestException, ValueError):
        return Nature.OTHER


@lru_cache(1024)
def _nature(url: str, timeout_s: float) -> Nature:
    ask = {"Range": "bytes=0-0", "Accept-Encoding": "identity"}
    with requests.get(url, headers=ask, stream=True, timeout=timeout_s) as answer:
        if answer.status_code in (403, 404, 410):
            raise SourceError(f"{shown(url)}: the server says {answer.status_code} {answer.reason}; {_REMEDY}")
        kind = answer.headers.get("Content-Type", "").lower()
        path = urlsplit(answer.url).path.lower()
        if any(word in kind for word in ("mpegurl", "dash+xml", "sdp", "multipart", "html")) or path.endswith(
            _PLAYLISTS
        ):
            return Nature.OTHER
        if re.fullmatch(r"bytes 0-0/\d+", answer.headers.get("Content-Range", "")):
            return Nature.RECORDING
        whole = answer.status_code == 200 and "Content-Length" in answer.headers
        return Nature.WHOLE_ONLY if whole else Nature.OTHER


_REMEDY = "is the address right, and does it still hold?"


def expand(spec: str) -> list[str] | None:
    """The files that a pattern such as `s3://bucket/day1/*.mp4` fits, or the videos in a folder (`s3://bucket/day1/`).

    In natural order. Only `*` makes a pattern; over HTTP the server must list what it has. None for any other address.

    Raises:
        SourceError: there is none, or the server can't be asked.
    """
    rest = shown(spec).partition("://")[2]
    is_folder = not _is_http(spec) and rest.endswith("/")
    if scheme_of(spec) not in _EXTRAS or not (is_folder or "*" in rest):
        return None
    with _asking(spec):
        system, path = _connect(spec)
        try:
            listed = system.ls(path, detail=True) if is_folder else system.glob(path, detail=True).values()
        except ValueError as error:
            raise SourceError(f"{shown(spec)}: no pattern; ** stands for whole folders, as in a/**/x.mp4") from error
        names = [entry["name"] for entry in listed if entry["type"] == "file"]
    if is_folder:
        names = [name for name in names if name.lower().endswith(tuple(VIDEO_SUFFIXES))]
    if not names:
        raise SourceError(f"{shown(spec)}: no {'video in this folder' if is_folder else 'file matches'}; {_REMEDY}")
    places = [name if "://" in name else f"{_root(spec)}{name}" for name in names]
    return sorted(places, key=lambda place: (natural_key(place), place))


def _root(spec: str) -> str:
    """What stands before the path that a file system speaks of: of SSH the host, of a store nothing."""
    scheme, _, rest = spec.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}" if _EXTRAS[scheme.lower()] == "ssh" else f"{scheme}://"


def stamp(spec: str) -> tuple[tuple[str, int, int], ...]:
    """Name, size in bytes and a digest of what the server tells a version by; empty where it tells nothing.

    Raises `SourceError`.
    """
    with _asking(spec):
        system, path = _connect(spec)
        info = system.info(path)
    marks = ("ETag", "etag", "md5Hash", "generation", "mtime", "LastModified", "Last-Modified")
    version = [str(info[mark]) for mark in marks if info.get(mark)]
    if not version or info.get("size") is None:
        return ()
    digest = hashlib.sha256("\0".join(version).encode()).digest()
    return ((name_of(spec), int(info["size"]), int.from_bytes(digest[:6])),)


class RemoteFile(io.RawIOBase):
    """A recording elsewhere as a file to read and seek in; holds `_BLOCKS` blocks, whatever its length.

    Attributes:
        name: of the file.
        size: bytes.

    Raises:
        SourceError: nothing is there, we may not read it, or an extra is missing.
        UnreachableError: nobody answers, or the connection is lost and stays so.
    """

    def __init__(self, spec: str) -> None:
        super().__init__()
        self._spec, self.name = spec, name_of(spec)
        self._at = 0
        self._file: Any = None
        with _asking(spec):
            self._system, self._path = _connect(spec)
            info = self._system.info(self._path)
        if info["type"] == "directory":
            raise SourceError(f"{shown(spec)}: is a folder; for the videos in it give {shown(spec)}/")
        if info.get("size") is None:
            raise SourceError(f"{shown(spec)}: the server does not say how long it is; download it first")
        self.size = int(info["size"])
        if not self.size:
            raise SourceError(f"{shown(spec)}: the file is empty")
        self._block = lru_cache(_BLOCKS)(self._fetch)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise ValueError(f"seek to {base + offset}, before the start")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        if self._at >= self.size:
            return 0
        number, inside = divmod(self._at, _BLOCK)
        part = self._block(number)[inside : inside + len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)

    def close(self) -> None:
        if not self.closed:
            self._hang_up()
            self._block.cache_clear()
        super().close()

    def _fetch(self, number: int) -> bytes:
        start = number * _BLOCK
        length = min(_BLOCK, self.size - start)
        for wait_s in (*WAITS_S, None):
            try:
                with _asking(self._spec):
                    if self._file is None:
                        self._file = _open(self._system, self._path)
                    self._file.seek(start)
                    data: bytes = self._file.read(length)
                if len(data) == length:
                    return data
                raise UnreachableError(f"{shown(self._spec)}: {len(data)} bytes came instead of {length}")
            except UnreachableError as error:
                self._hang_up()
                if wait_s is None:
                    raise UnreachableError(f"{error}; tried {len(WAITS_S) + 1} times") from error
                time.sleep(wait_s)
                with suppress(UnreachableError), _asking(self._spec):
                    self._system, self._path = _connect(self._spec, anew=True)
        raise AssertionError

    def _hang_up(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with suppress(Exception):  # of a connection that is lost
                file.close()


def _is_http(spec: str) -> bool:
    return scheme_of(spec) in ("http", "https")


def _connect(spec: str, *, anew: bool = False) -> tuple[Any, str]:
    """fsspec's file system for an address, and the path in it."""
    from fsspec import get_filesystem_class

    scheme = scheme_of(spec) or ""
    kind: Any = get_filesystem_class(scheme)
    options: dict[str, Any] = {**kind._get_kwargs_from_urls(spec), "skip_instance_cache": anew}
    extra = _EXTRAS[scheme]
    if extra == "http":
        from aiohttp import ClientTimeout

        patience = ClientTimeout(total=None, sock_connect=_TIMEOUT_S, sock_read=_TIMEOUT_S)
        options["client_kwargs"] = {"timeout": patience, "trust_env": True}
    elif extra == "ssh":
        # The known hosts and the settings of ~/.ssh count; sshfs would trust any host.
        options |= {"known_hosts": (), "connect_timeout": _TIMEOUT_S, "keepalive_interval": _TIMEOUT_S}
    system = kind(**options)
    system.invalidate_cache()
    return system, kind._strip_protocol(spec)


def _open(system: Any, path: str) -> Any:
    """Without fsspec's own read-ahead, which SSH has none of: `RemoteFile` keeps blocks."""
    is_ssh = "ssh" in (system.protocol if isinstance(system.protocol, tuple) else (system.protocol,))
    return system.open(path, "rb") if is_ssh else system.open(path, "rb", cache_type="none")


@contextmanager
def _asking(spec: str) -> Iterator[None]:
    """Turns whatever the libraries of a protocol raise into one line without what the address keeps secret."""
    try:
        yield
    except SourceError:
        raise
    except ImportError as error:
        extra = _EXTRAS[scheme_of(spec) or ""]
        raise SourceError(f"{shown(spec)}: needs {error.name or extra}; pip install 'posescribe[{extra}]'") from error
    except FileNotFoundError as error:
        raise SourceError(f"{shown(spec)}: nothing is there (404); {_REMEDY}") from error
    except PermissionError as error:
        raise SourceError(f"{shown(spec)}: may not be read (403); are you known there?") from error
    except Exception as error:
        kind = type(error).__name__
        if "Credential" in kind or "HostKey" in kind or kind in ("PermissionDenied", "KeyImportError"):
            raise SourceError(f"{shown(spec)}: may not be read ({kind}); are you known there?") from error
        raise UnreachableError(f"{shown(spec)}: no connection ({kind}); is its server there?") from error
