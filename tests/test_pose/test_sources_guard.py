"""Sources that would keep us waiting, lead to other files or unpack to more than can be held."""

from __future__ import annotations

import os
import re
import struct
import threading
import zlib
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest

from pose.errors import SourceError
from pose.sources import expand, open_source, source_hash
from pose.sources.camera import without_password


def refused(spec: str | Path, words: str) -> None:
    with pytest.raises(SourceError, match=re.escape(words)) as caught:
        open_source(spec)
    assert "\n" not in str(caught.value)


def test_pipes_and_devices(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "video.mp4")
    with pytest.raises(SourceError, match="no regular file but a pipe or a device; give a file"):
        open_source(tmp_path / "video.mp4")
    with pytest.raises(SourceError, match="no regular file"):
        source_hash(tmp_path / "video.mp4")
    with pytest.raises(SourceError, match="no regular file"):
        open_source("/dev/zero")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("itself.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nitself.m3u8\n"),
        ("looks.mp4", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n/etc/passwd\n"),
        ("list.ffconcat", "ffconcat version 1.0\nfile 'clip.mp4'\n"),
        ("camera.sdp", "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"),
    ],
)
def test_lists_that_lead_to_other_files(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    refused(tmp_path / name, "not a video")


def png(width: int, height: int) -> bytes:
    """A PNG of that size by its header, with nothing behind it."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def test_picture_that_unpacks_to_many_gigabytes(tmp_path: Path) -> None:
    (tmp_path / "bomb.png").write_bytes(png(40_000, 40_000))
    refused(tmp_path / "bomb.png", "pictures of 40000×40000, 1600 million pixels; at most 134 million")


def test_file_addresses_name_files(tmp_path: Path) -> None:
    from cv2 import imencode

    image = tmp_path / "a picture.png"
    image.write_bytes(imencode(".png", np.zeros((8, 8, 3), np.uint8))[1].tobytes())
    address = image.as_uri()
    assert "%20" in address
    assert source_hash(address) == source_hash(image)
    with open_source(address) as source:
        assert (source.info.name, source.info.uri) == (image.name, str(image))
    assert expand([address, str(image)]) == [address]


def test_an_address_that_is_none() -> None:
    refused("http://[::1", "no address")


def test_a_video_that_breaks_off_on_its_way(sample_video: Path) -> None:
    data = sample_video.read_bytes()

    class Half(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[: len(data) // 20])
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Half)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        refused(f"http://127.0.0.1:{server.server_port}/clip.mp4", "http://127.0.0.1")
    finally:
        server.shutdown()
        server.server_close()


def test_what_an_address_keeps_secret_is_not_shown() -> None:
    shown = without_password("rtsp://me:word@cam:554/s?channel=2&access_token=abc&api-key=d%26e")
    assert shown == "rtsp://me@cam:554/s?channel=2&access_token=***&api-key=***"
