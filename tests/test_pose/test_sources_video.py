"""Real videos of every awkward kind, each frame showing its own number, so that what is read can be checked exactly."""

from __future__ import annotations

import threading
import time
import tracemalloc
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pose.errors import SourceError
from pose.sources import FrameSource, open_source

pytestmark = pytest.mark.timeout(60)

FPS = 30
OPEN_GOP = {"x264-params": "open-gop=1:b-pyramid=normal:keyint=12:min-keyint=12:scenecut=0"}
Row = tuple[int, float, int]


def read(media: Any, path: Path, **selection: Any) -> tuple[list[Row], FrameSource]:
    """Index, time and shown number of each frame."""
    with open_source(path, **selection) as source:
        return [(frame.index, frame.time_s, media.number(frame.image)) for frame in source], source


def copied_from_avi(media: Any) -> Path:
    """B-frames whose stamps stand in decoding order, as when an AVI is put into Matroska without new stamps."""
    avi = media.video("inner.avi", "libx264", b_frames=2)

    def forget(packet: av.Packet, _: int) -> None:
        packet.pts = packet.dts

    return media.remux(avi, "copied.mkv", change=forget)


def fragmented(media: Any) -> Path:
    whole = media.video("whole.mp4", b_frames=2)
    return media.remux(whole, "fragmented.mp4", options={"movflags": "frag_keyframe+empty_moov"})


def with_hidden_frames(media: Any) -> Path:
    """VP8 may carry packets that are decoded and never shown; here each keyframe comes once more, hidden."""
    plain, path = media.video("plain.webm", "libvpx"), media.folder / "hidden.webm"
    count = 0
    with av.open(str(plain)) as old, av.open(str(path), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.is_keyframe and packet.size:
                data = bytearray(packet)
                data[0] &= ~0x10  # show_frame
                hidden = av.Packet(bytes(data))
                hidden.pts, hidden.dts, hidden.time_base = packet.pts, packet.dts, packet.time_base
                hidden.is_keyframe, hidden.stream = True, stream
                new.mux(hidden)
                count += 1
            if packet.size:
                packet.stream = stream
                new.mux(packet)
    assert count > 1
    return path


KINDS: dict[str, Callable[[Any], Path]] = {
    "mp4 with B-frames": lambda media: media.video("b.mp4", b_frames=2),
    "mp4 with open groups": lambda media: media.video("open.mp4", b_frames=3, options=OPEN_GOP),
    "fragmented mp4": fragmented,
    "mkv": lambda media: media.video("a.mkv", b_frames=2),
    "mkv hevc": lambda media: media.video(
        "hevc.mkv", "libx265", options={"x265-params": "log-level=none:keyint=12:open-gop=1:bframes=4"}
    ),
    "webm vp9": lambda media: media.video("vp9.webm", "libvpx-vp9"),
    "webm vp8 with hidden frames": with_hidden_frames,
    "ts with open groups": lambda media: media.video("open.ts", b_frames=3, options=OPEN_GOP),
    "mpeg program stream": lambda media: media.video("a.mpg", "mpeg2video", b_frames=2),
    "avi whose times run backwards": lambda media: media.video("b.avi", "libx264", b_frames=2),
    "avi mpeg4 with B-frames": lambda media: media.video("m4.avi", "mpeg4", b_frames=2),
    "avi mjpeg": lambda media: media.video("mj.avi", "mjpeg", pix_fmt="yuvj420p"),
    "stamps in decoding order": copied_from_avi,
    "no container": lambda media: media.video("a.h264", b_frames=2),
}


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_and_times_are_the_same_wherever_reading_starts(kind: str, media: Any) -> None:
    path = KINDS[kind](media)
    rows, source = read(media, path)
    assert [number for _, _, number in rows] == list(range(60))
    assert [index for index, _, _ in rows] == list(range(60))
    assert [time_s for _, time_s, _ in rows] == pytest.approx([i / FPS for i in range(60)], abs=6e-4)
    assert (source.skipped, source.dropped, source.notes) == (0, 0, [])
    for last in (0, 1, 10, 11, 12, 13, 30, 58, 59):
        index, time_s, _ = rows[last]
        assert read(media, path, after=(index, time_s))[0] == rows[last + 1 :]
        assert read(media, path, start_s=time_s)[0] == rows[last:]
        assert read(media, path, after=(index, round(time_s, 4)))[0] == rows[last + 1 :]


@pytest.fixture(scope="module")
def uneven(shared_media: Any) -> tuple[Path, list[int]]:
    """A phone's variable frame rate, with a pause of 20 s, and its times in milliseconds."""
    rng = np.random.default_rng(3)
    steps = rng.choice([10, 33, 34, 100, 400], size=89)
    steps[40] = 20_000
    stamps = [0, *np.cumsum(steps).tolist()]
    path = shared_media.video("vfr.mp4", n_frames=90, stamps=stamps, stamp_s=Fraction(1, 1000), b_frames=2)
    return path, stamps


def test_variable_frame_rate(uneven: tuple[Path, list[int]], media: Any) -> None:
    path, stamps = uneven
    rows, _ = read(media, path)
    assert [number for _, _, number in rows] == list(range(90))
    assert [time_s for _, time_s, _ in rows] == pytest.approx([stamp / 1000 for stamp in stamps], abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_ranges_and_steps_land_on_the_exact_frames(
    uneven: tuple[Path, list[int]], shared_media: Any, data: Any
) -> None:
    path, stamps = uneven
    start = data.draw(st.one_of(st.none(), st.sampled_from(stamps), st.integers(0, stamps[-1])))
    end = data.draw(st.one_of(st.none(), st.sampled_from(stamps), st.integers(0, stamps[-1] + 100)))
    every = data.draw(st.sampled_from([1, 2, 7, 30]))
    last = data.draw(st.one_of(st.none(), st.integers(0, 89)))
    wanted = [
        i
        for i, stamp in enumerate(stamps)
        if stamp >= (start or 0) and (end is None or stamp < end) and i % every == 0 and (last is None or i > last)
    ]
    selection = {
        "start_s": None if start is None else start / 1000,
        "end_s": None if end is None else end / 1000,
        "every": every,
        "after": None if last is None else (last, stamps[last] / 1000),
    }
    if end is not None and end <= (start or 0):
        with pytest.raises(ValueError, match="range"):
            open_source(path, **selection)
    elif not wanted and last is None:
        with pytest.raises(SourceError, match="no frame between"):
            open_source(path, **selection)
    else:
        rows, _ = read(shared_media, path, **selection)
        assert [(index, number) for index, _, number in rows] == [(i, i) for i in wanted]


def test_expected_frames_follow_the_selection(media: Any) -> None:
    path = media.video("a.mp4", n_frames=60)
    for selection, expected in [
        ({}, 60),
        ({"start_s": 1.0}, 30),
        ({"end_s": 0.5}, 15),
        ({"every": 10}, 6),
        ({"after": (29, 29 / FPS)}, 31),
    ]:
        with open_source(path, **selection) as source:
            assert source.expected_frames == pytest.approx(expected, abs=1)
            assert source.info.n_frames == 60


def test_header_with_a_wrong_number_of_frames(media: Any) -> None:
    path = media.video("a.avi", "mjpeg", pix_fmt="yuvj420p")
    data = bytearray(path.read_bytes())
    for tag, offset in ((b"avih", 8 + 16), (b"strh", 8 + 32)):
        at = data.index(tag) + offset
        assert int.from_bytes(data[at : at + 4], "little") == 60
        data[at : at + 4] = (7).to_bytes(4, "little")
    path.write_bytes(data)
    rows, source = read(media, path)
    assert source.info.n_frames == 7
    assert [number for _, _, number in rows] == list(range(60))


def test_time_starts_with_the_picture(media: Any) -> None:
    whole = media.video("whole.mp4", b_frames=2)
    late = media.folder / "late.mkv"
    with av.open(str(whole)) as old, av.open(str(late), "w") as new:
        video, sound = new.add_stream_from_template(old.streams.video[0]), new.add_stream("aac", rate=44100)
        for i in range(300):
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            silence.sample_rate, silence.pts = 44100, i * 1024
            new.mux(sound.encode(silence))
        new.mux(sound.encode())
        for packet in old.demux(video=0):
            if packet.size:
                packet.pts += 5 * 15360
                packet.dts += 5 * 15360
                packet.stream = video
                new.mux(packet)
    rows, source = read(media, late)
    assert [time_s for _, time_s, _ in rows] == pytest.approx([i / FPS for i in range(60)], abs=6e-4)
    assert source.info.offset_s == pytest.approx(5, abs=0.05)
    assert source.notes == []


def test_edit_list_hides_the_frames_before_the_cut(media: Any) -> None:
    """A cut without re-encoding keeps the frames from the keyframe on, and says not to show them."""
    whole = media.video("whole.mp4", gop=30)
    cut = media.remux(whole, "cut.mp4", change=lambda packet, _: shift(packet, -10 * 512))
    rows, _ = read(media, cut)
    assert [number for _, _, number in rows] == list(range(10, 60))
    assert [index for index, _, _ in rows] == list(range(50))
    assert rows[0][1] == 0
    assert read(media, cut, after=rows[20][:2])[0] == rows[21:]


def shift(packet: Any, ticks: int) -> None:
    packet.pts += ticks
    packet.dts += ticks


def test_recording_that_begins_between_keyframes(media: Any) -> None:
    """What comes before the first keyframe can't be decoded and has no number; the times stay true."""
    whole = media.video("whole.ts", b_frames=0, options={"x264-params": "keyint=12:min-keyint=12:scenecut=0"})
    with av.open(str(whole)) as container:
        positions = [packet.pos for packet in container.demux(video=0) if packet.size]
    data = whole.read_bytes()
    cut = media.folder / "cut.ts"
    cut.write_bytes(data[: 3 * 188] + data[positions[5] :])
    rows, source = read(media, cut)
    assert [(index, number) for index, _, number in rows] == [(i, i + 12) for i in range(48)]
    assert [time_s for _, time_s, _ in rows] == pytest.approx([(i + 7) / FPS for i in range(48)], abs=1e-4)
    assert source.skipped == 0
    assert read(media, cut, after=rows[20][:2])[0] == rows[21:]


def test_joined_recordings_keep_one_rising_clock(media: Any) -> None:
    part = media.video("part.ts", b_frames=2).read_bytes()
    joined = media.folder / "joined.ts"
    joined.write_bytes(part + part)
    rows, source = read(media, joined)
    assert [number for _, _, number in rows] == [*range(60), *range(60)]
    assert [time_s for _, time_s, _ in rows] == pytest.approx([i / FPS for i in range(120)], abs=1e-4)
    assert any("clock steps back" in note for note in source.notes)
    for last in (5, 59, 60, 100):
        assert read(media, joined, after=rows[last][:2])[0] == rows[last + 1 :]
        assert read(media, joined, start_s=rows[last][1])[0] == rows[last:]


def test_stamps_that_stand_still_are_moved_and_noted(media: Any) -> None:
    whole = media.video("whole.mkv", "mjpeg", pix_fmt="yuvj420p")

    before = 0

    def repeat(packet: Any, i: int) -> None:
        nonlocal before
        if i in (20, 40):
            packet.pts = packet.dts = before
        before = packet.pts

    rows, source = read(media, media.remux(whole, "repeated.mkv", change=repeat))
    assert [(index, number) for index, _, number in rows] == [(i, i) for i in range(60)]
    assert all(a < b for (_, a, _), (_, b, _) in pairwise(rows))
    assert [time_s for _, time_s, _ in rows] == pytest.approx([i / FPS for i in range(60)], abs=0.02)
    assert source.notes == ["2 timestamps did not rise and were moved half a frame after the one before"]


@pytest.mark.parametrize("codec", ["libx264", "mpeg4", "libvpx-vp9", "mjpeg"])
def test_corrupt_packets_are_skipped_and_counted(codec: str, media: Any) -> None:
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    whole = media.video("whole.mp4", codec, n_frames=120, pix_fmt=pix_fmt)
    broken = media.damage(whole, "broken.mp4", [30, 31, 75])
    rows, source = read(media, broken)
    assert source.skipped >= 3
    assert source.skipped + len(rows) == 120
    assert all(a < b for (a, _, _), (b, _, _) in pairwise(rows))
    # Every frame keeps its own time and number; what it shows may bear traces until the next keyframe.
    assert [time_s for _, time_s, _ in rows] == pytest.approx([index / FPS for index, _, _ in rows], abs=1e-9)
    intact = [index for index, _, number in rows if index == number]
    assert set(range(28)) | set(range(36, 71)) | set(range(84, 120)) <= set(intact)
    for last in (5, 40, 90):
        assert read(media, broken, after=rows[last][:2])[0][-25:] == rows[-25:]
    assert [row for row in read(media, broken, start_s=2.0)[0] if row[0] >= 84] == [row for row in rows if row[0] >= 84]


def test_corrupt_avi_finds_back_to_its_clock(media: Any) -> None:
    broken = media.damage(media.video("whole.avi", n_frames=120, b_frames=2), "broken.avi", [30])
    rows, source = read(media, broken)
    assert source.skipped > 0
    assert all(a < b for (_, a, _), (_, b, _) in pairwise(rows))
    assert [(index, number) for index, _, number in rows if index > 80] == [(i, i) for i in range(81, 120)]
    assert all(abs(time_s * FPS - index) < 1e-6 for index, time_s, _ in rows)


@pytest.mark.parametrize("name", ["cut.mkv", "cut.mp4", "cut.ts", "cut.avi"])
def test_truncated_file_gives_what_can_be_decoded(name: str, media: Any) -> None:
    whole = media.video("whole" + name[3:], n_frames=120, b_frames=2)
    if name == "cut.mp4":
        whole = media.remux(whole, "index_first.mp4", options={"movflags": "faststart"})
    data = whole.read_bytes()
    cut = media.folder / name
    cut.write_bytes(data[: int(len(data) * 0.6)])
    rows, source = read(media, cut)
    assert 30 < len(rows) < 100
    # B-frames that were cut off leave no trace before the frame that they depend on, the last one; one that was cut in
    # the middle is left out, or is what the decoder makes of it. Where the cut falls differs from run to run.
    assert [(index, number) for index, _, number in rows[:-3]] == [(i, i) for i in range(len(rows) - 3)]
    assert all(before[0] < after[0] for before, after in pairwise(rows))
    if name != "cut.ts":  # has no header that promises a length
        assert any("the header promises" in note for note in source.notes)
    assert read(media, cut, after=rows[-1][:2])[0] == []
    assert read(media, cut, start_s=rows[-1][1])[0] == rows[-1:]


def test_damage_at_the_very_end_takes_no_other_frame_along(media: Any) -> None:
    """Decoder threads that fail while they are drained keep good frames back."""
    broken = media.damage(media.video("whole.mp4", "mjpeg", 50, pix_fmt="yuvj420p"), "broken.mp4", [48])
    rows, source = read(media, broken)
    assert [index for index, _, _ in rows] == [*range(48), 49]
    assert source.skipped == 1


def halves(_: int) -> np.ndarray:
    """48×64: upper left quarter white, upper right grey, lower half black."""
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:24, :32], picture[:24, 32:] = 255, 128
    return picture


def corners(image: np.ndarray) -> list[int]:
    """Brightness in eighths of upper left, upper right, lower left, lower right."""
    height, width = image.shape[:2]
    return [
        round(float(image[y, x].mean()) / 32)
        for y in (height // 4, 3 * height // 4)
        for x in (width // 4, 3 * width // 4)
    ]


@pytest.mark.parametrize(
    ("degrees", "flip", "expected", "size"),
    [
        (0, False, [8, 4, 0, 0], (64, 48)),
        (90, False, [4, 0, 8, 0], (48, 64)),  # counter-clockwise, as ffmpeg counts
        (180, False, [0, 0, 4, 8], (64, 48)),
        (-90, False, [0, 8, 0, 4], (48, 64)),
        (0, True, [4, 8, 0, 0], (64, 48)),
        (90, True, [0, 4, 0, 8], (48, 64)),
        (-90, True, [8, 0, 4, 0], (48, 64)),
        (180, True, [0, 0, 8, 4], (64, 48)),
        (45, False, [8, 4, 0, 0], (64, 48)),  # no quarter turn: left as it is
    ],
)
def test_frames_stand_upright(degrees: int, flip: bool, expected: list[int], size: tuple[int, int], media: Any) -> None:
    plain = media.video("plain.mp4", n_frames=5, pictures=halves)
    path = media.remux(plain, "turned.mp4", prepare=lambda s: s.set_display_rotation(degrees, hflip=flip))
    with open_source(path) as source:
        assert (source.info.width, source.info.height) == size
        images = [frame.image for frame in source]
    assert len(images) == 5
    for image in images:
        assert image.shape == (size[1], size[0], 3)
        assert image.flags.c_contiguous
        assert corners(image) == expected


@pytest.mark.parametrize(
    ("aspect", "degrees", "size", "reported"),
    [
        (Fraction(4, 3), 0, (85, 48), 4 / 3),
        (Fraction(3, 4), 0, (64, 64), 3 / 4),
        (Fraction(4, 3), 90, (48, 85), 4 / 3),
        (Fraction(200, 201), 0, (64, 48), 1.0),
    ],
)
def test_pixels_become_square(
    aspect: Fraction, degrees: int, size: tuple[int, int], reported: float, media: Any
) -> None:
    """A point of the file at column x is delivered at about x times the aspect."""

    def squeeze(stream: Any) -> None:
        stream.codec_context.sample_aspect_ratio = aspect

    plain = media.video("plain.mp4", n_frames=3, pictures=halves, prepare=squeeze)
    path = media.remux(plain, "turned.mp4", prepare=lambda s: s.set_display_rotation(degrees)) if degrees else plain
    with open_source(path) as source:
        assert (source.info.width, source.info.height) == size
        assert source.info.pixel_aspect == pytest.approx(reported)
        image = next(source).image
    assert image.shape == (size[1], size[0], 3)
    assert corners(image) == ([4, 0, 8, 0] if degrees else [8, 4, 0, 0])


@pytest.mark.parametrize(
    ("codec", "pix_fmt", "name"),
    [
        ("libx264", "yuv420p10le", "deep.mp4"),
        ("libx264", "gray", "grey.mp4"),
        ("libx264", "yuv444p", "full.mp4"),
        ("ffv1", "gray16le", "grey16.mkv"),
        ("ffv1", "bgra", "alpha.mkv"),
        ("qtrle", "argb", "alpha.mov"),
        ("ffv1", "yuva420p", "alpha_yuv.mkv"),
        ("gif", "pal8", "small.gif"),
    ],
)
def test_every_pixel_format_becomes_bgr(codec: str, pix_fmt: str, name: str, media: Any) -> None:
    if codec == "gif":
        pix_fmt = "rgb8"
    rows, source = read(media, media.video(name, codec, n_frames=20, pix_fmt=pix_fmt))
    assert [(index, number) for index, _, number in rows] == [(i, i) for i in range(20)]
    with open_source(source.info.uri) as again:
        frame = next(again)
        assert frame.image.dtype == np.uint8
        assert frame.image.shape == (48, 64, 3)
        assert frame.image.min() < 40
    colours = np.zeros((48, 64, 3), np.uint8)
    colours[..., 2] = 255
    if pix_fmt not in ("gray", "gray16le"):
        red = media.video("red_" + name, codec, n_frames=2, pix_fmt=pix_fmt, pictures=lambda _: colours)
        with open_source(red) as again:
            assert next(again).image[24, 32].tolist() == pytest.approx([0, 0, 255], abs=12)


@pytest.mark.parametrize("size", [(3840, 2160), (1080, 1920), (2, 2), (66, 50)])
def test_sizes(size: tuple[int, int], media: Any) -> None:
    grey = np.full((size[1], size[0], 3), 90, np.uint8)
    path = media.video("sized.mp4", "mpeg4", n_frames=2, size=size, pictures=lambda _: grey)
    with open_source(path) as source:
        assert (source.info.width, source.info.height) == size
        assert [frame.image.shape for frame in source] == [(size[1], size[0], 3)] * 2


def test_size_that_changes_midway_ends_with_an_error(media: Any) -> None:
    small, large = media.video("small.ts", n_frames=20), media.video("large.ts", n_frames=20, size=(96, 80))
    path = media.folder / "growing.ts"
    path.write_bytes(small.read_bytes() + large.read_bytes())
    with open_source(path) as source:
        frames = [next(source) for _ in range(20)]
        assert [media.number(frame.image) for frame in frames] == list(range(20))
        with pytest.raises(SourceError, match=r"size changes at 0\.6\d+ s from 64×48 to 96×80; end the range"):
            next(source)
    rows, _ = read(media, path, end_s=0.6)
    assert len(rows) == 18


def test_cover_art_is_no_video_and_does_not_hide_one(media: Any) -> None:
    path = media.folder / "song.mp4"
    whole = media.video("whole.mp4", n_frames=10)
    with av.open(str(whole)) as old, av.open(str(path), "w") as new:
        cover, video = new.add_stream("mjpeg"), new.add_stream_from_template(old.streams.video[0])
        cover.width, cover.height, cover.pix_fmt = 640, 480, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        art = av.VideoFrame.from_ndarray(np.full((480, 640, 3), 200, np.uint8), format="bgr24")
        art.pts = 0
        new.mux(cover.encode(art))
        new.mux(cover.encode())
        for packet in old.demux(video=0):
            if packet.size:
                packet.stream = video
                new.mux(packet)
    rows, source = read(media, path)
    assert [number for _, _, number in rows] == list(range(10))
    assert (source.info.width, source.info.height) == (64, 48)


def test_nothing_reaches_the_terminal(media: Any, capfd: pytest.CaptureFixture[str]) -> None:
    whole = media.video("whole.mp4", n_frames=60, b_frames=2)
    capfd.readouterr()
    read(media, media.damage(whole, "broken.mp4", [20, 21]))
    bad = media.folder / "bad.mp4"
    bad.write_bytes(b"no video" * 100)
    with pytest.raises(SourceError):
        open_source(bad)
    assert capfd.readouterr() == ("", "")


def test_odd_names_and_metadata(media: Any) -> None:
    odd = media.folder / "take:1 %03d [é].mp4"
    media.video("plain.mp4", n_frames=5).rename(odd)
    rows, source = read(media, odd)
    assert len(rows) == 5
    assert source.info.name == odd.name


@pytest.mark.usefixtures("threads_end")
def test_close_while_another_thread_reads(media: Any) -> None:
    source = open_source(media.video("long.mp4", n_frames=250, size=(320, 240)))
    count = 0

    def drain() -> None:
        nonlocal count
        for _ in source:
            count += 1
            time.sleep(0.002)

    reader = threading.Thread(target=drain)
    reader.start()
    source.close()
    reader.join(10)
    assert not reader.is_alive()
    assert count < 250
    source.close()
    assert list(source) == []


def test_memory_does_not_grow_with_the_video(media: Any) -> None:
    """Nothing is kept of frames that were handed out: the objects alive don't grow."""
    path = media.video("long.mp4", n_frames=1500, b_frames=2)
    with open_source(path) as source:
        for _ in range(300):
            next(source)
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(1100):
            next(source)
        grown = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
    assert grown < 100_000


@pytest.mark.parametrize("name", ["pi.mjpeg", "pi.hevc"])
def test_a_raw_stream_without_a_clock_takes_the_given_one_or_says_what_it_assumes(media: Any, name: str) -> None:
    if name.endswith("mjpeg"):
        path = media.video(name, "mjpeg", 20, pix_fmt="yuvj420p")
    else:  # timing is left out of the header
        path = media.video(name, "libx265", 20, options={"x265-params": "vui-timing-info=0:bframes=0:log-level=none"})
    rows, source = read(media, path)
    assert (source.info.clock, source.info.fps) == ("assumed", 25.0)
    assert [time_s for _, time_s, _ in rows] == pytest.approx([i / 25 for i in range(20)])
    assert source.notes == ["this source has no clock, 25 frames/s assumed; --fps N gives the true rate"]
    rows, source = read(media, path, fps=10)
    assert (source.info.clock, source.info.fps, source.notes) == ("given", 10.0, [])
    assert [row[:2] for row in rows] == [(i, pytest.approx(i / 10)) for i in range(20)]
    assert [number for _, _, number in rows] == list(range(20))
    rest, _ = read(media, path, fps=10, after=(11, rows[11][1]))
    assert rest == rows[12:]


def test_a_raw_stream_with_timing_in_its_header_has_a_clock(media: Any) -> None:
    rows, source = read(media, media.video("timed.h264", n_frames=20, b_frames=2), fps=10)
    assert (source.info.clock, source.info.fps) == ("source", FPS)
    assert rows[-1][1] == pytest.approx(19 / FPS)
    assert source.notes == ["this source has a clock of its own; --fps 10 was not used"]


def test_a_clip_cut_without_encoding_is_no_damaged_file(media: Any) -> None:
    """An edit list hides the frames between the keyframe and the cut; the header's number counts them all the same."""
    whole = media.video("whole.mp4", n_frames=60, gop=60)

    def earlier(packet: av.Packet, _: int) -> None:
        shift = round(20 / FPS / packet.time_base)
        packet.pts, packet.dts = packet.pts - shift, packet.dts - shift

    clip = media.remux(whole, "clip.mp4", change=earlier)
    rows, source = read(media, clip)
    assert [number for _, _, number in rows] == list(range(20, 60))
    assert rows[0][1] == 0
    assert source.notes == []
