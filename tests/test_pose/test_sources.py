"""What a user may type as a source, and what is said when nothing is there."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from pose.errors import SourceError
from pose.sources import expand, open_source, source_hash

pytestmark = pytest.mark.timeout(60)


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_expand_globs_in_natural_order(tmp_path: Path) -> None:
    touch(tmp_path, "clip10.mp4", "clip2.mp4", "Clip1.MP4", "notes.txt", "sub/clip3.mp4", "sub/deep/clip4.mp4")
    names = [Path(path).name for path in expand([f"{tmp_path}/[cC]lip*"])]
    assert names == ["Clip1.MP4", "clip2.mp4", "clip10.mp4"]
    assert [Path(path).name for path in expand([f"{tmp_path}/**/clip?.mp4"])] == ["clip2.mp4", "clip3.mp4", "clip4.mp4"]


def test_expand_leaves_single_sources_alone() -> None:
    specs = [
        "video.mp4",
        "0",
        "rtsp://cam/live?channel=1",
        "http://cam/[::1]/?*.mjpg",
        r"C:\videos\clip.mp4",
        "folder/",
    ]
    assert expand(specs) == specs


def test_expand_takes_existing_names_literally(tmp_path: Path) -> None:
    touch(tmp_path, "clip[1].mp4", "clip1.mp4", "what?.mp4", "*.mp4", "dir[2]/a.png")
    for name in ("clip[1].mp4", "what?.mp4", "*.mp4", "dir[2]"):
        assert expand([f"{tmp_path}/{name}"]) == [f"{tmp_path}/{name}"]


def test_expand_names_each_source_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "a1.mp4", "a2.mp4")
    monkeypatch.chdir(tmp_path)
    specs = ["a2.mp4", "a*.mp4", f"{tmp_path}/a1.mp4", "./a2.mp4", "0", "0", "rtsp://cam", "rtsp://cam"]
    assert expand(specs) == ["a2.mp4", "a1.mp4", "0", "rtsp://cam"]


def test_expand_without_a_match(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"\*\.mp4: no file matches"):
        expand([f"{tmp_path}/*.mp4"])


def test_a_file_may_be_called_like_a_webcam(media: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    media.video("clip.mp4", n_frames=5).rename(media.folder / "0")
    monkeypatch.chdir(media.folder)
    with open_source("0") as source:
        assert source.info.kind == "video"
        assert not source.live


def test_file_urls(media: Any) -> None:
    path = media.video("clip.mp4", n_frames=5).rename(media.folder / "my clip.mp4")
    with open_source(path.as_uri()) as source:
        assert source.info.uri == str(path)
        assert len(list(source)) == 5


def sound_only(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        for i in range(20):
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            silence.sample_rate, silence.pts = 44100, i * 1024
            container.mux(stream.encode(silence))
        container.mux(stream.encode())
    return path


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def without_frames(media: Any) -> Path:
    """A header that promises a video, and no picture that can be decoded."""
    whole = media.video("whole.mp4", n_frames=20, b_frames=0)
    return media.damage(whole, "no_frames.mp4", range(20))


BAD = {
    "missing": (lambda m: m.folder / "missing.mp4", "no such file or folder"),
    "below a file": (lambda m: write(m.folder / "a.txt", b"a") / "b.mp4", "no such file or folder"),
    "empty": (lambda m: write(m.folder / "empty.mp4", b""), "the file is empty"),
    "empty image": (lambda m: write(m.folder / "empty.png", b""), "the file is empty"),
    "text": (lambda m: write(m.folder / "text.mp4", b"This is no video.\n" * 99), "not a video, or one cut off"),
    "text as text": (lambda m: write(m.folder / "notes.txt", b"This is no video.\n" * 99), "no video in this file"),
    "noise": (lambda m: write(m.folder / "noise.avi", os.urandom(9999)), "not a video"),
    "sound only": (lambda m: sound_only(m.folder / "sound.m4a"), "no video in this file, only sound"),
    "no frames": (without_frames, "not one frame of its video can be decoded"),
    "index cut off": (
        lambda m: write(m.folder / "cut.mp4", m.video("whole.mp4").read_bytes()[:2000]),
        r"cut off before its index was written \(recording interrupted\?\)",
    ),
    "unknown address": (lambda _: "gopher://host/video", "gopher:// is no address of a camera"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_sources_say_what_and_where_in_one_line(kind: str, media: Any) -> None:
    make, message = BAD[kind]
    spec = make(media)
    with pytest.raises(SourceError, match=message) as error:
        open_source(spec)
    assert "\n" not in str(error.value)
    assert str(spec) in str(error.value)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a user whom permissions bind")
def test_unreadable_file(media: Any) -> None:
    path = media.video("clip.mp4", n_frames=2)
    path.chmod(0)
    with pytest.raises(SourceError, match="Permission denied"):
        open_source(path)


def test_range_beyond_the_end(media: Any) -> None:
    path = media.video("clip.mp4", n_frames=30)
    with pytest.raises(SourceError, match=r"no frame between 5 s and the end; the video lasts 1\.000 s"):
        open_source(path, start_s=5)
    with pytest.raises(SourceError, match=r"no frame between 0\.01 s and 0\.02 s"):
        open_source(path, start_s=0.01, end_s=0.02)


@pytest.mark.parametrize(
    "selection", [{"every": 0}, {"start_s": -1.0}, {"start_s": 2.0, "end_s": 2.0}, {"end_s": 0.0}, {"start_s": np.nan}]
)
def test_impossible_ranges(selection: dict[str, float], media: Any) -> None:
    with pytest.raises(ValueError, match="must"):
        open_source(media.video("clip.mp4", n_frames=5), **selection)


def test_hash_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    data = os.urandom(3_000_000)
    assert source_hash(write(tmp_path / "a.mp4", data)) == hashlib.sha256(data).hexdigest()
    with pytest.raises(SourceError, match=r"b\.mp4: can't be read"):
        source_hash(tmp_path / "b.mp4")


def test_hash_of_a_folder_covers_names_and_contents(tmp_path: Path) -> None:
    write(tmp_path / "1.png", b"one")
    write(tmp_path / "2.png", b"two")
    first = source_hash(tmp_path)
    write(tmp_path / "notes.txt", b"no image")
    assert source_hash(tmp_path) == first
    (tmp_path / "2.png").rename(tmp_path / "3.png")
    renamed = source_hash(tmp_path)
    write(tmp_path / "3.png", b"three")
    assert len({first, renamed, source_hash(tmp_path)}) == 3


def test_cameras_have_no_hash() -> None:
    assert source_hash("0") is None
    assert source_hash("rtsp://cam/live") is None
