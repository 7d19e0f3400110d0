"""Files dropped on the studio's start page, or chosen there."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import time
import types
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

pytest.importorskip("starlette")

from behavior.errors import DataError
from behavior.studio import uploads
from behavior.studio.uploads import safe_name

NASTY = "<img src=x onerror=\"document.title='owned'\"> & ../ü\N{RIGHT-TO-LEFT OVERRIDE}.mp4"


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands of analyses that were begun; none of them runs."""
    asked: list[list[str]] = []

    def start(command: Any) -> Any:
        asked.append(list(command))
        return types.SimpleNamespace(terminate=lambda: None)

    monkeypatch.setattr("behavior.studio.jobs._started", start)
    monkeypatch.setattr("behavior.studio.jobs._followed", lambda *_: 0)
    return asked


@pytest.fixture
def studio(world: Any, studio_of: Any) -> Any:
    return studio_of(world.db, world.out)


def kept(studio: Any) -> list[str]:
    return sorted(path.name for path in (studio.out / "videos").iterdir())


def put(studio: Any, name: str, body: bytes, size: int | None = None, **headers: str) -> tuple[int, str]:
    asked = urlencode({"name": name, "size": len(body) if size is None else size, "database": 0})
    own = {"Origin": f"http://127.0.0.1:{studio.port}"}
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", studio.port)) as connection:
        connection.request("PUT", f"{studio.path}uploads?{asked}", body, headers or own)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def test_a_file_is_chosen_by_keys_and_dropped(studio: Any, world: Any, begun: list[list[str]]) -> None:
    page = studio.open()
    studio.wait(page, "document.documentElement?.dataset.ready === ''")
    page.locator("form button").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.type") == "file"
    film = world.video.read_bytes()
    page.locator("[type=file]").set_input_files([{"name": NASTY, "mimeType": "video/mp4", "buffer": film}])
    deadline = time.monotonic() + 60
    while len(begun) < 1:
        assert time.monotonic() < deadline, page.locator("#work .told").inner_text()
        page.wait_for_timeout(50)
    (name,) = kept(studio)
    assert name == "ü.mp4"
    assert (studio.out / "videos" / name).read_bytes() == film
    assert begun[0][-2:] == ["--", str(studio.out / "videos" / name)]
    page.evaluate(
        """(bytes) => {
            const data = new DataTransfer();
            data.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], "ü.mp4"));
            data.items.add(new File(["hello"], "notes <b>.txt"));
            const told = { dataTransfer: data, cancelable: true };
            for (const kind of ["dragover", "drop"]) document.dispatchEvent(new DragEvent(kind, told));
        }""",
        base64.b64encode(film).decode(),
    )
    studio.wait(page, "document.querySelector('#work .told').textContent.startsWith('notes _b_.txt: neither video')")
    assert kept(studio) == ["ü-2.mp4", "ü.mp4"]
    assert page.title() == "Posescribe studio"
    studio.said.clear()  # the browser notes the refusal


def test_an_upload_is_shown_and_cancelled(studio: Any, begun: list[list[str]]) -> None:
    """The network is slow: 200 kB a second."""
    page = studio.open()
    session = page.context.new_cdp_session(page)
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 200_000}
    session.send("Network.emulateNetworkConditions", slow)
    page.locator("[type=file]").set_input_files(
        [{"name": "long.mp4", "mimeType": "video/mp4", "buffer": bytes(4_000_000)}]
    )
    studio.wait(page, "document.querySelector('.sending progress')?.value > 0.05")
    assert " of 4.0 MB" in page.locator(".sending p").inner_text()
    page.get_by_role("button", name="Cancel: long.mp4").click()
    studio.wait(page, "document.querySelector('#work .told').textContent === 'long.mp4: cancelled'")
    deadline = time.monotonic() + 30
    while kept(studio):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert begun == []


def test_what_is_not_taken(studio: Any, world: Any, begun: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    film = world.video.read_bytes()
    for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"X": "no origin"}):
        assert put(studio, "a.mp4", film, **headers)[0] == 403
    studio.path = "/wrong/"
    assert put(studio, "a.mp4", film)[0] == 404
    studio.path = "/t0ken/"
    for name, body, size, why in (
        ("a.txt", film, None, "neither video nor picture"), ("a.mp4", b"", None, "is empty"),
        ("a.mp4", b"no film at all" * 99, None, "a.mp4"), ("a.mp4", film, len(film) + 1, "broke off"),
        ("a.mp4", film, 9, "more came in"), ("list.mp4", b"ffconcat version 1.0\nfile /etc/passwd\n", None, "list.mp4"),
    ):  # fmt: skip
        status, said = put(studio, name, body, size)
        assert (status, why in json.loads(said)["error"]) == (400, True), said
        assert "\n" not in json.loads(said)["error"]
        assert str(studio.out) not in said, "no name of the file while it came in"
    assert kept(studio) == []
    usage = types.SimpleNamespace(free=uploads.SPARE + len(film) - 1)
    monkeypatch.setattr("behavior.studio.uploads.shutil.disk_usage", lambda _: usage)
    said = {"name": "a.mp4", "size": len(film), "database": 0}
    own = {"Origin": f"http://127.0.0.1:{studio.port}"}
    status, _, text = studio.ask("POST", f"{studio.path}uploads", said, **own)
    assert (status, b"the disk has room for" in text) == (400, True)
    assert put(studio, "a.mp4", film)[0] == 400
    usage.free += 1
    assert studio.ask("POST", f"{studio.path}uploads", said, **own)[0] == 200
    assert begun == []
    assert put(studio, "a.mp4", film)[0] == 200
    assert kept(studio) == ["a.mp4"]
    assert studio.ask("POST", f"{studio.path}uploads", {**said, "database": "x"}, **own)[0] == 400
    assert studio.ask("POST", f"{studio.path}uploads", {**said, "database": 7}, **own)[0] == 404


@given(st.text(max_size=300), st.sampled_from([".mp4", ".MOV", ""]))
@example("0\xa0", ".mp4")
def test_any_name_is_one_file_of_the_folder(name: str, suffix: str) -> None:
    safe = safe_name(name + suffix)
    assert safe == Path(safe).name
    assert safe.isprintable()
    assert 0 < len(safe.encode()) <= 200
    assert not safe.startswith((".", " "))
    assert not set(safe) & set('<>:"/\\|?*\0')
    assert safe_name(safe) == safe


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/cron.d/x.mp4", "x.mp4"), ("C:\\films\\x.mp4", "x.mp4"), (".mp4", "video.mp4"),
        ("-rf.mp4", "-rf.mp4"),
        ("a\nb\0.mp4", "ab.mp4"), ("what?.mp4", "what_.mp4"), ("..mp4", "video.mp4"), ("x.mp4.", "x.mp4"),
    ],
)  # fmt: skip
def test_names(name: str, safe: str) -> None:
    assert safe_name(name) == safe


def test_a_name_alone_is_no_film(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^video: neither video"):
        uploads.check("", 1, tmp_path)
