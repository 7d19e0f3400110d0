"""Recordings on other machines: real servers on loopback, over HTTP and SSH."""

from __future__ import annotations

import builtins
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pose.errors import SourceError, UnreachableError
from pose.sources import expand, is_recording, open_source, remote, shown, source_hash, source_name, source_stamp
from pose.sources.remote import RemoteFile
from tests.servers import Had, http_server, ssh_server

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def films(media: Any) -> Path:
    """A folder with one film, `clip 1.mp4`, whose index is at its end."""
    folder: Path = media.folder / "films"
    folder.mkdir()
    shutil.copy(media.video("clip.mp4", n_frames=60, b_frames=2), folder / "clip 1.mp4")
    return folder


@pytest.fixture
def web(films: Path) -> Iterator[Had]:
    with http_server(films) as had:
        yield had


@pytest.fixture
def ssh(films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with ssh_server(films, tmp_path / "home" / ".ssh" / "known_hosts") as address:
        yield address


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "WAITS_S", (0.01, 0.02))


def refused(spec: str, words: str, kind: type[SourceError] = SourceError) -> None:
    with pytest.raises(SourceError, match=words) as caught:
        open_source(spec)
    assert type(caught.value) is kind
    assert "\n" not in str(caught.value)
    assert "word" not in str(caught.value)


@pytest.mark.parametrize("kind", ["http", "ssh"])
def test_as_the_file_itself(kind: str, films: Path, media: Any, request: pytest.FixtureRequest) -> None:
    if kind == "http":
        base = request.getfixturevalue("web").address.replace("//", "//me:word@")
        spec = f"{base}/clip%201.mp4?key=word"
    else:
        base = request.getfixturevalue("ssh")
        spec = f"{base}/clip 1.mp4"
    local = films / "clip 1.mp4"
    assert is_recording(spec)
    assert source_hash(spec) == source_hash(local)
    assert source_name(spec) == "clip 1.mp4"
    assert shown(spec) == spec.replace("me:word@", "").replace("?key=word", "")
    with open_source(spec) as source:
        assert (source.info.kind, source.info.name, source.info.uri) == ("video", "clip 1.mp4", shown(spec))
        frames = [(frame.index, frame.time_s, media.number(frame.image)) for frame in source]
    with open_source(local) as source:
        assert frames == [(frame.index, frame.time_s, media.number(frame.image)) for frame in source]
    with open_source(spec, after=frames[29][:2]) as source:
        assert [frame.index for frame in source] == list(range(30, 60))
    assert source_stamp(spec) == source_stamp(spec) != ()
    stamp = source_stamp(spec)
    shutil.copy(media.video("other.mp4", n_frames=50), local)
    assert source_stamp(spec) != stamp


def test_only_what_is_needed_is_read_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "_BLOCK", 1000)
    data = np.random.default_rng(0).bytes(50_500)
    (tmp_path / "x.bin").write_bytes(data)
    with http_server(tmp_path) as had, RemoteFile(f"{had.address}/x.bin") as file:
        assert file.size == len(data)
        for place in (50_400, 0, 999, 1000, 50_400, 17_300):
            file.seek(place)
            assert file.read(150) == data[place : place + 150][: 1000 - place % 1000]
        assert had.served == 500 + 1000 + 1000 + 1000
        file.seek(-100, 2)
        assert file.read(1000) == data[-100:]
        assert file.read(1) == b""
        file.seek(0)
        assert file.readall() == data
        assert file._block.cache_info().currsize == 8


@pytest.mark.usefixtures("patient")
def test_a_lost_connection_is_made_again(web: Had, media: Any) -> None:
    spec = f"{web.address}/clip%201.mp4"
    web.breaks = 2
    with open_source(spec) as source:
        assert [media.number(frame.image) for frame in source] == list(range(60))
    assert web.breaks == 0


@pytest.mark.usefixtures("patient")
def test_a_connection_that_stays_lost(
    web: Had, films: Path, sample_video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "_BLOCK", 2**16)
    shutil.copy(sample_video, films / "long.mp4")
    with open_source(f"{web.address}/long.mp4") as source:
        next(source)
        web.breaks = 99
        with pytest.raises(UnreachableError, match="tried 3 times") as caught:
            list(source)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("patient")
def test_a_server_that_goes(films: Path, sample_video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(remote, "_BLOCK", 2**16)
    shutil.copy(sample_video, films / "long.mp4")
    with ssh_server(films, tmp_path / ".ssh" / "known_hosts") as address:
        source = open_source(f"{address}/long.mp4")
        assert next(source).index == 0
    with source, pytest.raises(UnreachableError, match="no connection"):
        list(source)


def test_what_is_not_there_or_not_ours(web: Had, ssh: str, tmp_path: Path) -> None:
    refused(f"{web.address}/none.mp4?key=word", "none.mp4: the server says 404")
    refused(f"{ssh}/none.mp4", "none.mp4: nothing is there")
    refused(ssh.replace("word", "sword") + "/clip 1.mp4", "may not be read")
    (tmp_path / "home" / ".ssh" / "known_hosts").write_text("")
    refused(f"{ssh.replace('127.0.0.1', 'localhost')}/clip 1.mp4", r"may not be read \(HostKeyNotVerifiable\)")
    web.status = 403
    refused(f"{web.address}/other.mp4?key=word", "other.mp4: the server says 403 Forbidden")


def test_nobody_answers() -> None:
    refused("sftp://127.0.0.1:1/x.mp4", "x.mp4: no connection", UnreachableError)


def test_an_extra_that_is_missing(web: Had, monkeypatch: pytest.MonkeyPatch) -> None:
    really = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.split(".")[0] == "aiohttp":
            raise ImportError("no aiohttp", name="aiohttp")
        return really(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    refused(f"{web.address}/clip%201.mp4", r"needs aiohttp; pip install 'posescribe\[http\]'")


def test_a_server_without_ranges(web: Had, media: Any) -> None:
    web.ranges = False
    spec = f"{web.address}/clip%201.mp4"
    assert source_hash(spec) is None
    with open_source(spec) as source:
        assert source.info.kind == "stream"
        assert any("only from its start" in note for note in source.notes)
        assert [media.number(frame.image) for frame in source] == list(range(60))


@pytest.mark.parametrize("name", ["empty.mp4", "text.mp4"])
def test_what_is_no_video(name: str, web: Had, films: Path) -> None:
    (films / name).write_bytes(b"no video\n" * 99 if name == "text.mp4" else b"")
    with pytest.raises(SourceError, match=f"{name}: "):
        open_source(f"{web.address}/{name}")


def test_an_image_elsewhere(web: Had, films: Path) -> None:
    image = np.full((20, 30, 3), 200, np.uint8)
    cv2.imwrite(str(films / "a.png"), image)
    with open_source(f"{web.address}/a.png") as source:
        assert (source.info.kind, source.info.name) == ("image", "a.png")
        assert np.array_equal(next(source).image, image)


def test_patterns_and_folders(web: Had, ssh: str, films: Path) -> None:
    for name in ("clip 10.mp4", "clip 2.MOV", "notes.txt"):
        (films / name).write_bytes(b"x")
    (films / "deep.mp4").mkdir()
    assert expand([f"{web.address}/*.mp4"]) == [f"{web.address}/clip%201.mp4", f"{web.address}/clip%2010.mp4"]
    assert expand([f"{ssh}/*.mp4"]) == [f"{ssh}/clip 1.mp4", f"{ssh}/clip 10.mp4"]
    assert expand([f"{ssh}/"]) == [f"{ssh}/clip 1.mp4", f"{ssh}/clip 2.MOV", f"{ssh}/clip 10.mp4"]
    assert expand([f"{ssh}/clip?.mp4", f"{ssh}/x[1].mp4"]) == [f"{ssh}/clip?.mp4", f"{ssh}/x[1].mp4"]
    with pytest.raises(SourceError, match="no pattern"):
        expand([f"{ssh}/**.mp4"])
    with pytest.raises(SourceError, match=r"\*\.avi: no file matches") as caught:
        expand([f"{ssh}/*.avi"])
    assert "word" not in str(caught.value)
    refused(f"{ssh}/deep.mp4", "is a folder; for the videos in it give")


def test_secrets_are_not_shown() -> None:
    assert shown("https://me:p@ss@host:8443/a/x.mp4?X-Amz-Signature=1#t") == "https://host:8443/a/x.mp4"
    assert shown("s3://bucket/odd?name#1.mp4") == "s3://bucket/odd?name#1.mp4"
    assert shown("rtsp://me:word@cam/s?token=1") == "rtsp://me@cam/s?token=***"
    assert shown("films/x.mp4") == "films/x.mp4"
    assert source_name("s3://bucket/a%20b/odd?name#1.mp4") == "odd?name#1.mp4"


def test_a_list_of_files_is_no_recording(web: Had, films: Path) -> None:
    (films / "live.m3u8").write_text("#EXTM3U\n")
    assert not is_recording(f"{web.address}/live.m3u8")
