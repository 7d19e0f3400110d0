"""Real cameras on loopback: MJPEG over HTTP and H.264 over RTSP. Every wait has a limit."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from itertools import islice, pairwise
from typing import Any

import cv2
import numpy as np
import pytest

from pose.errors import SourceError
from pose.sources import FrameSource, LiveSettings, open_source
from pose.sources.base import Selection
from pose.sources.camera import CameraSource, Shot

pytestmark = [pytest.mark.timeout(60), pytest.mark.usefixtures("threads_end")]

QUICK = LiveSettings(timeout_s=2.0, give_up_s=2.0, first_wait_s=0.05, longest_wait_s=0.2)


def wait_for(condition: Callable[[], bool], limit_s: float = 10.0) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def check_rising(frames: list[Any]) -> None:
    assert all(a.index < b.index and a.time_s < b.time_s for a, b in pairwise(frames))


@pytest.mark.parametrize("kind", ["mjpeg", "rtsp"])
def test_frames_arrive_in_order(kind: str, media: Any, request: pytest.FixtureRequest) -> None:
    camera = request.getfixturevalue(f"{kind}_camera")
    url = camera.url + ("/mjpeg" if kind == "mjpeg" else "")
    with open_source(url, live=QUICK) as source:
        assert source.live
        assert (source.info.kind, source.info.width, source.info.height) == ("stream", 64, 48)
        assert (source.info.n_frames, source.expected_frames) == (None, None)
        frames = list(islice(source, 20))
    check_rising(frames)
    assert frames[0].time_s == 0
    numbers = [media.number(frame.image) for frame in frames]
    assert [b - a for a, b in pairwise(numbers)] == [b.index - a.index for a, b in pairwise(frames)]


def test_rtsp_times_are_the_cameras_own(rtsp_camera: Any) -> None:
    """Frames that leave every 10 ms, stamped 40 ms apart: the stamps count, not the arrival."""
    rtsp_camera.interval_s = 0.01
    with open_source(rtsp_camera.url, live=QUICK) as source:
        frames = list(islice(source, 30))
    steps = [(b.time_s - a.time_s) / (b.index - a.index) for a, b in pairwise(frames)]
    assert steps == pytest.approx([0.04] * 29, abs=0.002)


def test_range_and_step_of_a_camera(mjpeg_camera: Any) -> None:
    with open_source(mjpeg_camera.url + "/mjpeg", start_s=0.1, end_s=1.0, every=3, live=QUICK) as source:
        frames = list(source)
    assert frames
    assert all(frame.index % 3 == 0 and 0.099 < frame.time_s < 1.0 for frame in frames)


def test_late_reader_gets_the_newest_frames(mjpeg_camera: Any, media: Any) -> None:
    with open_source(mjpeg_camera.url + "/mjpeg", live=LiveSettings(queue_frames=3)) as source:
        next(source)
        wait_for(lambda: source.dropped >= 20)
        frames = list(islice(source, 5))
    check_rising(frames)
    assert frames[0].index >= 20
    assert frames[1].index == frames[0].index + 1
    assert media.number(frames[1].image) == media.number(frames[0].image) + 1


def test_camera_that_hangs_up_is_called_again(mjpeg_camera: Any) -> None:
    mjpeg_camera.frames_per_connection = 10
    with open_source(mjpeg_camera.url + "/mjpeg", live=QUICK) as source:
        frames = list(islice(source, 25))
    check_rising(frames)
    assert mjpeg_camera.connections >= 3
    assert any(note.startswith("connection lost at") for note in source.notes)


def test_silent_camera_is_called_again(mjpeg_camera: Any) -> None:
    patient = LiveSettings(timeout_s=0.5, give_up_s=20, first_wait_s=0.05)
    with open_source(mjpeg_camera.url + "/mjpeg", live=patient) as source:
        first = next(source)
        mjpeg_camera.silent = True
        wait_for(lambda: any("no answer within 0.5 s" in note for note in source.notes))
        mjpeg_camera.silent = False
        frames = [first, *islice(source, 10)]
    check_rising(frames)
    assert frames[-1].time_s > 0.5


def test_camera_that_vanishes_ends_with_an_error(mjpeg_camera: Any) -> None:
    with open_source(mjpeg_camera.url + "/mjpeg", live=QUICK) as source:
        next(source)
        mjpeg_camera.shut()
        with pytest.raises(SourceError, match=r"the camera is gone and did not come back within 2 s: .*refused"):
            list(source)
        assert list(source) == []


def test_camera_whose_pictures_change_size(mjpeg_camera: Any) -> None:
    with open_source(mjpeg_camera.url + "/mjpeg", live=QUICK) as source:
        next(source)
        mjpeg_camera.size = (80, 48)
        with pytest.raises(SourceError, match="picture size changes from 64×48 to 80×48"):
            list(source)


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_refused_connection(scheme: str, mjpeg_camera: Any) -> None:
    port = mjpeg_camera.url.rpartition(":")[2]
    mjpeg_camera.shut()
    with pytest.raises(SourceError, match="no connection: Connection refused; is the camera on") as error:
        open_source(f"{scheme}://user:secret@127.0.0.1:{port}/live", live=QUICK)
    assert "secret" not in str(error.value)
    assert "\n" not in str(error.value)


def test_server_that_never_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for scheme in ("http", "rtsp"):
            with pytest.raises(SourceError, match=r"no answer within 0\.3 s"):
                open_source(f"{scheme}://127.0.0.1:{port}/live", live=LiveSettings(timeout_s=0.3))


@pytest.mark.parametrize(("path", "message"), [("/page", "what answers there is no video"), ("/nothing", "404")])
def test_address_of_something_else(path: str, message: str, mjpeg_camera: Any) -> None:
    with pytest.raises(SourceError, match=message):
        open_source(mjpeg_camera.url + path, live=QUICK)


def test_video_behind_a_url_is_read_whole(mjpeg_camera: Any, media: Any) -> None:
    path = media.video("clip.mp4", n_frames=60, b_frames=2)
    with open_source(f"{mjpeg_camera.url}/file{path}", after=(9, 9 / 30), live=QUICK) as source:
        assert not source.live
        assert (source.info.kind, source.info.n_frames) == ("stream", 60)
        time.sleep(0.2)  # a live source would drop frames meanwhile
        assert [media.number(frame.image) for frame in source] == list(range(10, 60))


def test_still_behind_a_url(mjpeg_camera: Any, media: Any) -> None:
    with open_source(mjpeg_camera.url + "/still", live=QUICK) as source:
        assert [media.number(frame.image) for frame in source] == [7]


def test_absent_webcam(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SourceError, match="99: no such webcam; is it plugged in"):
        open_source(99)
    assert capfd.readouterr() == ("", "")


def test_cameras_have_no_past(mjpeg_camera: Any) -> None:
    with pytest.raises(ValueError, match="can't go on after"):
        open_source(mjpeg_camera.url + "/mjpeg", after=(3, 0.1), live=QUICK)


def test_close_while_another_thread_waits(mjpeg_camera: Any) -> None:
    source = open_source(mjpeg_camera.url + "/mjpeg", live=LiveSettings(timeout_s=1.0))
    next(source)
    mjpeg_camera.silent = True
    ended = threading.Event()

    def drain() -> None:
        list(source)
        ended.set()

    reader = threading.Thread(target=drain)
    reader.start()
    time.sleep(0.1)
    source.close()
    assert ended.wait(5)
    reader.join(5)
    source.close()


def test_unexpected_error_in_the_thread_reaches_the_reader() -> None:
    def connect() -> Any:
        yield Shot(None, lambda: np.zeros((4, 4, 3), np.uint8))
        raise KeyError("a bug")

    source: FrameSource = CameraSource(connect, Selection(), name="test", uri="test", kind="stream", settings=QUICK)
    with source, pytest.raises(KeyError, match="a bug"):
        list(source)


def test_damaged_live_frames_are_counted(mjpeg_camera: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    encode = cv2.imencode
    count = 0

    def sometimes_broken(suffix: str, image: np.ndarray) -> Any:
        nonlocal count
        count += 1
        found, data = encode(suffix, image)
        if count % 5 == 0:
            data[20:] = 0
        return found, data

    monkeypatch.setattr(cv2, "imencode", sometimes_broken)
    with open_source(mjpeg_camera.url + "/mjpeg", live=QUICK) as source:
        frames = list(islice(source, 30))
    check_rising(frames)
    assert source.skipped >= 3


def test_password_in_an_address_is_not_shown(mjpeg_camera: Any) -> None:
    url = mjpeg_camera.url.replace("://", "://user:secret@") + "/mjpeg"
    with open_source(url, live=QUICK) as source:
        assert source.info.uri == url.replace(":secret", "")
        assert "secret" not in source.info.name
