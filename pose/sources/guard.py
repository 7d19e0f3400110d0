"""What a source may ask of us: only regular files, no file that leads to others, pictures of a bounded size."""

from __future__ import annotations

import stat
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import av
import imagesize

from pose.errors import SourceError

MOST_PIXELS = 2**27
"""Pixels of a picture (134 million; 16K video has 133): a few MB of PNG may unpack to many GB."""

_LEADING_ELSEWHERE = frozenset(
    ["concat", "concatf", "dash", "hls", "image2", "imf", "lavfi", "sdp", "webm_dash_manifest"]
)
"""ffmpeg's formats that open further files or addresses, some of them without an end."""

LENIENT: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}
"""Arguments of `av.open`: titles that are no UTF-8 are no reason not to open a file. PyAV 19 takes them as they are."""

_NETWORK = "http,https,tcp,tls,httpproxy,udp,udplite,rtp,srtp,rtsp,rtsps,rtmp,rtmps,rtmpt,srt,crypto,data"


def regular(path: Path, text: str) -> None:
    """Raises `SourceError` for a pipe, a socket or a device, which could keep us waiting for ever."""
    mode = path.stat().st_mode
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        return
    number = path.name.removeprefix("video")
    remedy = f"for a webcam give its number, such as {number}" if number.isdecimal() else "give a file"
    raise SourceError(f"{text}: no regular file but a pipe or a device; {remedy}")


@cache
def local_options() -> dict[str, str]:
    """Options of ffmpeg for a file: nothing else is opened on its behalf."""
    formats = {name for names in av.formats_available for name in names.split(",")} - _LEADING_ELSEWHERE
    return {"protocol_whitelist": "file", "format_whitelist": ",".join(sorted(formats))}


def network_options() -> dict[str, str]:
    """Options of ffmpeg for an address: it never leads to files of this computer."""
    return {"protocol_whitelist": _NETWORK}


def check_image(file: Path | BinaryIO, what: str) -> None:
    """Raises `SourceError` for an image whose header, where it is a known one, promises too many pixels."""
    try:
        width, height = imagesize.get(file)
    except (OSError, ValueError):  # damaged: for the decoder to say
        return
    bounded(width, height, what)


def bounded(width: int, height: int, what: str) -> None:
    """Raises `SourceError` for a picture of more than `MOST_PIXELS`."""
    if width * height > MOST_PIXELS:
        raise SourceError(
            f"{what}: pictures of {width}×{height}, {width * height / 1e6:.0f} million pixels; at most "
            f"{MOST_PIXELS / 1e6:.0f} million can be analysed, make them smaller"
        )
