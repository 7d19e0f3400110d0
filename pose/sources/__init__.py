"""Pictures from anywhere behind one interface: image, folder, video file, recording elsewhere, webcam, network camera.

`open_source` takes one of these; `expand` turns what a user typed, globs included, into a list of them. `base.py` says
what all sources have in common.
"""

from __future__ import annotations

import glob
import hashlib
import io
import os
import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit

import av
import cv2

from pose.errors import SourceError
from pose.sources import remote
from pose.sources.base import ASSUMED_FPS, Frame, FrameSource, Selection, SourceInfo
from pose.sources.camera import (
    CameraSource,
    LiveSettings,
    is_finite,
    network_feed,
    no_connection,
    webcam_feed,
    without_password,
)
from pose.sources.guard import regular
from pose.sources.images import IMAGE_SUFFIXES, FolderSource, ImageSource, image_names, list_images, natural_key
from pose.sources.remote import VIDEO_SUFFIXES, Nature, RemoteFile, is_recording
from pose.sources.video import VideoSource

__all__ = [
    "ASSUMED_FPS",
    "VIDEO_SUFFIXES",
    "Frame",
    "FrameSource",
    "LiveSettings",
    "SourceInfo",
    "Stamp",
    "expand",
    "image_names",
    "is_recording",
    "is_there",
    "open_source",
    "shown",
    "source_hash",
    "source_name",
    "source_stamp",
]

Stamp = tuple[tuple[str, int, int], ...]
"""What tells two states of a source's files apart without reading them, see `source_stamp`."""

_URL = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)
_SCHEMES = frozenset(["http", "https", "rtsp", "rtsps", "rtmp", "rtmps", "srt", "udp", "tcp", "rtp"])


def expand(specs: Iterable[str]) -> list[str]:
    """Single sources out of what a user typed: globs become their matches in natural order, the rest stays.

    An existing file or folder is taken by its name, even with `[`, `?` or `*` in it. `**` descends into folders. A
    folder stays one source. Of addresses, `remote.expand` says which are several. What is named twice comes once.

    Raises:
        SourceError: a glob without a match.
    """
    sources: dict[str, str] = {}
    for spec in map(os.fspath, specs):
        if _URL.match(spec):
            found = remote.expand(spec) or [spec]
        elif os.path.lexists(spec) or not glob.has_magic(spec):
            found = [spec]
        else:
            found = sorted(glob.glob(spec, recursive=True), key=lambda path: (natural_key(path), path))
            if not found:
                raise SourceError(f"{spec}: no file matches; is the folder right?")
        for path in found:
            sources.setdefault(path if _is_live(path) else os.path.realpath(_path(path)), path)
    return list(sources.values())


def open_source(
    spec: str | os.PathLike[str] | int,
    *,
    start_s: float | None = None,
    end_s: float | None = None,
    every: int = 1,
    after: tuple[int, float] | None = None,
    fps: float | None = None,
    live: LiveSettings | None = None,
) -> FrameSource:
    """Open one source and read its first frame.

    Args:
        spec: image, folder of images, video file, webcam number, or address of a recording or a camera.
        start_s: first time wanted, seconds.
        end_s: end of the range, seconds; a frame at that time is outside.
        every: keep only frames whose index is a multiple of it.
        after: index and time of the last frame read before; goes on with the very next one. Not for cameras.
        fps: frames per second of a source without a clock: a folder, a raw stream (.mjpeg, most .h264). Without it
            `ASSUMED_FPS`, and a note that says so. Where there is a clock that one counts, and a note says so, too.
        live: how patient to be with a camera.

    Raises:
        SourceError: what is there can't be read, or there is nothing, or nothing in the range. One line.
        UnreachableError: the machine that has it does not answer; while reading, too.
        ValueError: a range that is none, or a rate that is none.
    """
    if fps is not None and not 0 < fps < float("inf"):
        raise ValueError(f"fps must be positive, got {fps}")
    source = _open(spec, Selection(start_s, end_s, every, after), fps, live or LiveSettings())
    if fps is not None and source.info.clock == "source" and source.info.kind != "image":
        source.notes.append(f"this source has a clock of its own; --fps {fps:g} was not used")
    return source


def _open(
    spec: str | os.PathLike[str] | int, selection: Selection, fps: float | None, live: LiveSettings
) -> FrameSource:
    text = str(spec) if isinstance(spec, int) else os.fspath(spec)
    if is_recording(text, live.timeout_s):
        return _open_recording(text, selection, fps)
    if _is_live(text):
        return _open_camera(text, selection, fps, live)
    path = _path(text).absolute()
    try:
        if path.is_dir():
            return FolderSource(path, selection, fps)
        if not path.exists():
            raise SourceError(f"{text}: no such file or folder")
        regular(path, text)
        if path.stat().st_size == 0:
            raise SourceError(f"{text}: the file is empty")
        with path.open("rb"):
            pass
        if _is_image(path):
            return ImageSource(path, selection, name=path.name, uri=str(path))
    except OSError as error:
        raise SourceError(f"{text}: can't be read: {error.strerror}") from error
    return VideoSource(f"file:{path}", selection, name=path.name, uri=str(path), fps=fps)


def _open_recording(text: str, selection: Selection, fps: float | None) -> FrameSource:
    file = RemoteFile(text)
    if Path(file.name).suffix.lower() in IMAGE_SUFFIXES - {".gif"}:
        with file, io.BufferedReader(file) as image:
            return ImageSource(image, selection, name=file.name, uri=remote.shown(text))
    try:
        return VideoSource(file, selection, name=file.name, uri=remote.shown(text), fps=fps)
    except BaseException:
        file.close()
        raise


def _open_camera(text: str, selection: Selection, fps: float | None, live: LiveSettings) -> FrameSource:
    scheme = _URL.match(text)
    if scheme is None:
        number = int(text)
        name = f"webcam{number}"
        return CameraSource(partial(webcam_feed, number), selection, name=name, uri=text, kind="webcam", settings=live)
    try:
        uri = without_password(text)
    except ValueError as error:
        raise SourceError(f"{text}: no address ({error}); expected one such as rtsp://host:port/path") from error
    if scheme[1].lower() not in _SCHEMES:
        known = ", ".join(sorted(_SCHEMES | remote.SCHEMES))
        raise SourceError(f"{uri}: {scheme[1]}:// is no address of a camera or a recording; {known} are known")
    parts = urlsplit(text)
    name = re.sub(r"[^\w.-]+", "_", f"{parts.hostname or ''}{parts.path}").strip("_")
    if scheme[1].lower() in ("http", "https"):
        try:
            finite = is_finite(text, live.timeout_s)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise SourceError(f"{uri}: {no_connection(error, live.timeout_s)}") from error
        if finite:
            video = VideoSource(text, selection, name=name, uri=uri, kind="stream", timeout_s=live.timeout_s, fps=fps)
            if remote.nature(text, live.timeout_s) is Nature.WHOLE_ONLY:
                video.notes.append(
                    "this server gives a file only from its start: it was read as from a camera, once, and can't be "
                    "gone on with"
                )
            return video
    feed = partial(network_feed, text, live.timeout_s)
    return CameraSource(feed, selection, name=name, uri=uri, kind="stream", settings=live)


def is_there(spec: str) -> bool:
    """False for a path that leads nowhere; what has an address is there until it is asked."""
    return _is_live(spec) or Path(_local(spec)).exists()


def _local(text: str) -> str:
    return unquote(urlsplit(text).path) if text.lower().startswith("file:") else text


def source_hash(spec: str | os.PathLike[str] | int) -> str | None:
    """SHA-256 of a file's bytes, of a folder's image names and bytes, None for what is live; hex digits.

    Raises:
        SourceError: it can't be read.
    """
    text = str(spec) if isinstance(spec, int) else os.fspath(spec)
    if is_recording(text):
        with io.BufferedReader(RemoteFile(text)) as remote_file:
            return hashlib.file_digest(remote_file, "sha256").hexdigest()
    if _is_live(text):
        return None
    path = _path(text)
    try:
        regular(path, text)
        if not path.is_dir():
            return _digest(path)
        whole = hashlib.sha256()
        for image in list_images(path):
            whole.update(f"{image.name}\0{_digest(image)}\n".encode(errors="surrogateescape"))
        return whole.hexdigest()
    except OSError as error:
        raise SourceError(f"{text}: can't be read: {error.strerror}") from error


def source_stamp(spec: str) -> Stamp:
    """Name, size in bytes and time of change of a file, or of each in a folder; of a recording elsewhere a mark that
    its server tells states apart by, in place of the time. Empty for what has no such, or can't be asked.
    """
    try:
        if is_recording(spec):
            return remote.stamp(spec)
        path = Path(spec)
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        known = [(file.name, file.stat()) for file in files]
    except (OSError, SourceError):
        return ()
    return tuple((name, found.st_size, found.st_mtime_ns) for name, found in known)


def source_name(spec: str) -> str:
    """What a file or folder is called, without what comes before it."""
    return remote.name_of(spec) if is_recording(spec) else Path(spec).expanduser().absolute().name


def shown(spec: str) -> str:
    """A source as it may be shown: an address without what it keeps secret."""
    scheme = remote.scheme_of(spec)
    if scheme is None or scheme in remote.SCHEMES:
        return remote.shown(spec)
    try:
        return without_password(spec)
    except ValueError:
        return spec


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _path(text: str) -> Path:
    """The file or folder that a path or a `file://` address names."""
    scheme = _URL.match(text)
    return Path(unquote(urlsplit(text).path) if scheme and scheme[1].lower() == "file" else text)


def _is_live(spec: str) -> bool:
    """Webcam number or URL; a file named `0` is a file."""
    scheme = _URL.match(spec)
    if scheme:
        return scheme[1].lower() != "file"
    return spec.isdecimal() and not os.path.lexists(spec)


def _is_image(path: Path) -> bool:
    """By suffix, else by content; what may move (GIF, PNG with animation) is read as a video.

    Raises `SourceError` for an animated WebP, whose pictures and times no reader here gives.
    """
    suffix = path.suffix.lower()
    if suffix not in IMAGE_SUFFIXES:
        return not suffix and cv2.haveImageReader(str(path))
    if suffix == ".gif":
        return False
    with path.open("rb") as file:
        head = file.read(4096)
    if head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X" and head[20] & 2:
        raise SourceError(f"{path}: an animated WebP, which can't be read; save it as GIF, animated PNG or a video")
    return not (head[:8] == b"\x89PNG\r\n\x1a\n" and b"acTL" in head.partition(b"IDAT")[0])
