"""Images of every depth, and folders of them."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pose.errors import SourceError
from pose.sources import open_source
from pose.sources.images import natural_key, to_bgr8

BASE = cv2.resize(np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8), (64, 48))


def write(path: Path, pixels: np.ndarray) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert cv2.imwrite(str(path), pixels)
    return path


def one(path: Path) -> np.ndarray:
    with open_source(path) as source:
        frames = list(source)
    assert [(frame.index, frame.time_s) for frame in frames] == [(0, 0.0)]
    image = frames[0].image
    assert image.dtype == np.uint8
    assert image.ndim == 3
    assert image.shape[2] == 3
    assert (source.info.kind, source.info.n_frames) == ("image", 1)
    assert (source.info.height, source.info.width) == image.shape[:2]
    return image


GREY = BASE[..., 0]
ALPHA = np.dstack([BASE, GREY])


@pytest.mark.parametrize(
    ("suffix", "pixels", "expected"),
    [
        (".png", BASE, BASE),
        (".bmp", BASE, BASE),
        (".tif", BASE, BASE),
        (".png", GREY, GREY),
        (".pgm", GREY, GREY),
        (".png", ALPHA, BASE),
        (".tif", ALPHA, BASE),
        (".png", GREY.astype(np.uint16) * 257, GREY),
        (".png", ALPHA.astype(np.uint16) * 257, BASE),
        (".tif", BASE.astype(np.uint16) * 257, BASE),
        (".tif", BASE.astype(np.float32) / 255, BASE),
        (".tif", GREY.astype(np.float32) / 255, GREY),
        (".tif", BASE.astype(np.float64), BASE),
        (".pfm", BASE.astype(np.float32) / 255, BASE),
        (".tif", GREY.astype(np.int32), GREY),
    ],
)
def test_every_depth_and_channel_count(suffix: str, pixels: np.ndarray, expected: np.ndarray, tmp_path: Path) -> None:
    image = one(write(tmp_path / f"image{suffix}", pixels))
    expected = expected if expected.ndim == 3 else np.dstack([expected] * 3)
    np.testing.assert_allclose(image.astype(int), expected.astype(int), atol=1)


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".jp2", ".avif", ".hdr"])
def test_lossy_formats(suffix: str, tmp_path: Path) -> None:
    pixels = BASE.astype(np.float32) / 255 if suffix == ".hdr" else BASE
    assert np.abs(one(write(tmp_path / f"image{suffix}", pixels)).astype(int) - BASE).mean() < 6


def test_depth_rule() -> None:
    assert to_bgr8(np.array([[0.0, 0.5, 1.0]])).tolist() == [[[0] * 3, [128] * 3, [255] * 3]]
    assert to_bgr8(np.array([[0.0, 100.0, 255.0]]))[0, :, 0].tolist() == [0, 100, 255]
    assert to_bgr8(np.array([[0.0, 500.0, 1000.0]]))[0, :, 0].tolist() == [0, 128, 255]
    assert to_bgr8(np.array([[np.nan, -3.0, 1.0]]))[0, :, 0].tolist() == [0, 0, 255]
    for bits in (8, 10, 12, 14, 16):  # a camera of so many, or more, stores its counts as they are
        white = 2**bits - 1
        counts = np.array([[0, white // 2, white]], dtype=np.uint16)
        assert to_bgr8(counts)[0, :, 0].tolist() == [0, 127, 255]
    assert to_bgr8(np.array([[-5, 0, 32767]], dtype=np.int16))[0, :, 0].tolist() == [0, 0, 255]
    assert to_bgr8(np.zeros((2, 3, 2), np.uint8)).shape == (2, 3, 3)
    assert to_bgr8(np.zeros((2, 3, 7), np.uint16)).shape == (2, 3, 3)


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (4000, 3)])
def test_sizes(size: tuple[int, int], tmp_path: Path) -> None:
    width, height = size
    assert one(write(tmp_path / "a.png", np.full((height, width), 7, np.uint8))).shape == (height, width, 3)


@pytest.mark.parametrize(
    ("orientation", "turn"),
    [
        (1, lambda image: image),
        (2, lambda image: image[:, ::-1]),
        (3, lambda image: image[::-1, ::-1]),
        (4, lambda image: image[::-1]),
        (5, lambda image: image.swapaxes(0, 1)),
        (6, lambda image: np.rot90(image, -1)),
        (7, lambda image: image[::-1, ::-1].swapaxes(0, 1)),
        (8, lambda image: np.rot90(image, 1)),
    ],
)
def test_exif_orientation(orientation: int, turn: object, tmp_path: Path) -> None:
    encoded = cv2.imencode(".jpg", BASE)[1].tobytes()
    tiff = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    exif = b"Exif\0\0" + tiff
    path = tmp_path / "phone.jpg"
    path.write_bytes(encoded[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + encoded[2:])
    plain = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(one(path), turn(plain))  # type: ignore[operator]  # a parameter


def test_names_beyond_ascii_and_with_glob_signs(tmp_path: Path) -> None:
    (tmp_path / "Übung [1]").mkdir()
    np.testing.assert_array_equal(one(write(tmp_path / "Übung [1]" / "bild*.png", BASE)), BASE)


def test_image_without_a_suffix(tmp_path: Path) -> None:
    path = write(tmp_path / "a.png", BASE).rename(tmp_path / "scan")
    np.testing.assert_array_equal(one(path), BASE)


def shades(folder: Path, names: list[str]) -> None:
    for shade, name in enumerate(names):
        write(folder / name, np.full((4 + shade, 6, 3), 10 * shade, np.uint8))


def test_folder_in_natural_order(tmp_path: Path) -> None:
    names = ["IMG2.png", "img10.PNG", "img010b.png", "shot 1.bmp", "shot 11.bmp", "z.jpg"]
    shades(tmp_path, names)
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "._IMG2.png").write_text("what macOS leaves behind")
    (tmp_path / "folder.png").mkdir()
    with open_source(tmp_path, fps=2.0) as source:
        assert (source.info.kind, source.info.n_frames, source.expected_frames) == ("folder", 6, 6)
        assert (source.info.width, source.info.height, source.info.fps) == (6, 4, 2.0)
        rows = [
            (frame.index, frame.time_s, round(float(frame.image.mean()) / 10), len(frame.image)) for frame in source
        ]
    assert rows == [(i, i / 2, i, 4 + i) for i in range(6)]  # sizes may differ
    assert source.skipped == 0


def test_folder_without_a_rate_says_what_it_assumes(tmp_path: Path) -> None:
    shades(tmp_path, ["a.png", "b.png", "c.png"])
    with open_source(tmp_path) as source:
        assert [frame.time_s for frame in source] == [0.0, 1 / 25, 2 / 25]
        assert (source.info.clock, source.info.fps) == ("assumed", 25.0)
        assert source.notes == ["this source has no clock, 25 frames/s assumed; --fps N gives the true rate"]
    with open_source(tmp_path, fps=10) as source:
        assert [frame.time_s for frame in source] == [0.0, 0.1, 0.2]
        assert (source.info.clock, source.info.fps, source.notes) == ("given", 10.0, [])


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["f_0030.png", "f_0010.png", "f_0020.png"], [0, 10, 20]),
        (["take2_7.png", "take2_9.PNG"], [0, 2]),
        (["7.png", "9.jpg"], [0, 2]),
        (["a_1.png", "b_5.png"], [0, 1]),
        (["1.png", "01.png"], [0, 1]),
        (["1.png", "end.png"], [0, 1]),
        (["17147394151230.png", "17147394151260.png"], [0, 1]),
    ],
    ids=str,
)
def test_numbers_in_names_count_where_names_differ_in_nothing_else(
    names: list[str], expected: list[int], tmp_path: Path
) -> None:
    shades(tmp_path, names)
    with open_source(tmp_path, fps=10) as source:
        assert [(frame.index, frame.time_s) for frame in source] == [(i, i / 10) for i in expected]
        assert source.info.n_frames == len(names)
        assert source.info.duration_s == (expected[-1] + 1) / 10
        assert bool(source.notes) == (expected[-1] + 1 > len(names))
    with open_source(tmp_path, fps=10, after=(expected[0], 0.0)) as source:
        assert [frame.index for frame in source] == expected[1:]


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ({"start_s": 2.0}, [2, 3, 4, 5, 6, 7, 8, 9]),
        ({"start_s": 2.0, "end_s": 5.0}, [2, 3, 4]),
        ({"every": 4}, [0, 4, 8]),
        ({"every": 4, "start_s": 3.0}, [4, 8]),
        ({"after": (6, 6.0)}, [7, 8, 9]),
        ({"after": (4, 4.0), "every": 4}, [8]),
        ({"after": (9, 9.0)}, []),
    ],
)
def test_folder_ranges(selection: dict[str, object], expected: list[int], tmp_path: Path) -> None:
    shades(tmp_path, [f"{i}.png" for i in range(10)])
    with open_source(tmp_path, fps=1, **selection) as source:  # type: ignore[arg-type]  # a parameter
        assert [frame.index for frame in source] == expected


def test_unreadable_images_are_skipped_counted_and_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    shades(tmp_path, [f"{i}.bmp" for i in range(5)])
    (tmp_path / "0.bmp").write_bytes(b"BM broken")
    (tmp_path / "2.bmp").write_bytes(b"")
    whole = write(tmp_path / "3.jpg", BASE).read_bytes()
    (tmp_path / "3.jpg").write_bytes(whole[: len(whole) // 2])
    with open_source(tmp_path, fps=25) as source:
        assert [frame.index for frame in source] == [1, 3, 5]
    assert source.skipped == 3
    assert source.notes == [f"{name} can't be read and was skipped" for name in ("0.bmp", "2.bmp", "3.jpg")]
    assert capfd.readouterr() == ("", "")


def test_errors(tmp_path: Path) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"\xff\xd8\xff\xe0 no more")
    with pytest.raises(SourceError, match=r"bad\.jpg: no image that can be read"):
        open_source(bad)
    with pytest.raises(SourceError, match="none of its 1 images can be read"):
        open_source(tmp_path)
    empty = tmp_path / "none"
    empty.mkdir()
    (empty / "clip.mp4").write_bytes(b"1")
    with pytest.raises(SourceError, match=r"no images in this folder .* pass '.*none/\*'"):
        open_source(empty)
    shades(empty, ["1.png"])
    with pytest.raises(SourceError, match="no image in the asked-for range; it holds 1"):
        open_source(empty, start_s=5)
    with pytest.raises(ValueError, match="fps must be positive"):
        open_source(empty, fps=0)


@given(st.lists(st.integers(0, 10**6), unique=True))
def test_natural_order_is_that_of_the_numbers(numbers: list[int]) -> None:
    names = [f"take_{number} b.png" for number in numbers]
    assert sorted(names, key=natural_key) == [f"take_{number} b.png" for number in sorted(numbers)]


@given(st.lists(st.text(max_size=8)))
def test_any_names_can_be_ordered(names: list[str]) -> None:
    sorted(names, key=natural_key)


def test_pictures_that_move(tmp_path: Path) -> None:
    """An animated PNG is a video with its own times; an animated WebP is refused, a plain one is a picture."""
    moving = cv2.Animation()
    moving.frames = [np.full((48, 64, 3), 40 * number, np.uint8) for number in range(4)]
    moving.durations = [100, 200, 100, 100]
    for suffix in (".png", ".webp"):
        assert cv2.imwriteanimation(str(tmp_path / f"moving{suffix}"), moving)
        assert cv2.imwrite(str(tmp_path / f"still{suffix}"), moving.frames[1])
        with open_source(tmp_path / f"still{suffix}") as source:
            assert source.info.kind == "image"
    with open_source(tmp_path / "moving.png") as source:
        assert source.info.kind == "video"
        shown = [(frame.time_s, int(frame.image[0, 0, 0])) for frame in source]
    assert shown == [(0, 0), (0.1, 40), (0.3, 80), (0.4, 120)]
    with pytest.raises(SourceError, match="animated WebP"):
        open_source(tmp_path / "moving.webp")
