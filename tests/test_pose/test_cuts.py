"""Sources cut into parts: read one after another they are the whole, frame for frame, or they are not cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from pose.errors import SourceError
from pose.sources import cuts, open_source
from pose.sources.cuts import NotCut, Stretch, cut
from tests.test_pose.test_sources_video import KINDS, Row, fragmented, read

NOT_CUT = {"avi whose times run backwards", "avi mpeg4 with B-frames", "stamps in decoding order", "no container"}
"""Their packets are only numbered, and not in the order in which frames are shown."""


def joined(media: Any, path: Path, stretches: list[Stretch], **chosen: Any) -> list[Row]:
    return [row for one in stretches for row in read(media, path, **asdict(one), **chosen)[0]]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("multiple", [1, 8])
def test_the_parts_are_the_whole(kind: str, multiple: int, media: Any) -> None:
    path = KINDS[kind](media)
    if kind in NOT_CUT:
        with pytest.raises(NotCut, match="container tells no times"):
            cut(path, 0.3, multiple=multiple)
        return
    rows, _ = read(media, path)
    with open_source(path) as source:
        assert source.frame_times().tolist() == [time_s for _, time_s, _ in rows]
    stretches = cut(path, 0.3, multiple=multiple)
    begun = [0 if one.after is None else one.after[0] + 1 for one in stretches]
    assert begun == ([0, 8, 16, 24, 32, 40, 48] if multiple == 8 else [0, 9, 17, 26, 34, 43, 51])
    assert joined(media, path, stretches) == rows
    assert joined(media, path, stretches, every=7) == rows[::7]


def test_a_range_is_cut_within_it(media: Any) -> None:
    path = KINDS["mp4 with open groups"](media)
    rows, _ = read(media, path, start_s=0.5, end_s=1.7)
    stretches = cut(path, 0.4, start_s=0.5, end_s=1.7, multiple=8)
    assert [one.after and one.after[0] + 1 for one in stretches] == [None, 24, 32]
    assert (stretches[0].start_s, stretches[-1].end_s) == (0.5, 1.7)
    assert joined(media, path, stretches) == rows
    assert cut(path, 0.8, start_s=0.5, end_s=1.7) == []  # not longer than one and a half parts


def test_uneven_times_are_cut_by_the_clock(media: Any) -> None:
    """A pause of 20 s in 30 s: parts are equal in time, not in frames, and none is empty."""
    steps = np.random.default_rng(3).choice([10, 33, 34, 100, 400], size=89)
    steps[40] = 20_000
    stamps = [0, *np.cumsum(steps).tolist()]
    path = media.video("vfr.mp4", n_frames=90, stamps=stamps, stamp_s=Fraction(1, 1000), b_frames=2)
    stretches = cut(path, 5)
    rows, _ = read(media, path)
    assert joined(media, path, stretches) == rows
    assert 41 in [one.after[0] + 1 for one in stretches if one.after]
    assert len(stretches) == 3  # the pause holds the beginnings of several


def with_broken(media: Any, whole: Path, packets: Sequence[int]) -> Path:
    """The same film, with zeros in these packets, in the order of the file."""
    path: Path = media.folder / f"broken{whole.suffix}"
    with av.open(str(whole)) as old, av.open(str(path), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for number, packet in enumerate(one for one in old.demux(video=0) if one.size):
            if number in packets:
                broken = av.Packet(bytes(50))
                broken.pts, broken.dts, broken.time_base = packet.pts, packet.dts, packet.time_base
                broken.is_keyframe = packet.is_keyframe
                packet = broken
            packet.stream = stream
            new.mux(packet)
    return path


def test_damage_keeps_its_gap_in_the_numbers(media: Any) -> None:
    """Frames that can't be decoded keep their numbers on both sides of a cut."""
    path = with_broken(media, media.video("whole.mkv", "mjpeg", pix_fmt="yuvj420p"), (15, 16, 17, 40))
    rows, _ = read(media, path)
    assert [index for index, _, _ in rows] == [i for i in range(60) if i not in (15, 16, 17, 40)]
    assert joined(media, path, cut(path, 0.3, multiple=8)) == rows


@pytest.mark.parametrize("name", ["whole.mp4", "whole.mkv"])
@pytest.mark.parametrize("b_frames", [0, 2])
def test_damage_at_a_seam_is_counted_once(name: str, b_frames: int, media: Any) -> None:
    """What is lost on one side of a seam may show only when a frame of the other side has come."""
    whole = media.video(name, b_frames=b_frames, options={"x264-params": "keyint=12:min-keyint=12:scenecut=0"})
    for broken in ([24], [23], [22, 23, 24, 25], [36], [23, 47, 48]):
        path = with_broken(media, whole, broken)
        rows, source = read(media, path)
        assert source.skipped + len(rows) == 60
        stretches = cut(path, 0.4, multiple=8)
        assert {0, 24} <= {0 if one.after is None else one.after[0] + 1 for one in stretches}
        parts = [read(media, path, **asdict(one)) for one in stretches]
        assert [row[:2] for found, _ in parts for row in found] == [row[:2] for row in rows]
        assert sum(part.skipped for _, part in parts) == source.skipped
        assert list(dict.fromkeys(note for _, part in parts for note in part.notes)) == source.notes


def test_a_folder_is_cut_by_its_numbers(media: Any) -> None:
    folder = media.folder / "images"
    folder.mkdir()
    for number in (*range(20), *range(30, 60)):
        cv2.imwrite(str(folder / f"{number:04}.png"), media.picture(number))
    rows, _ = read(media, folder, fps=10)
    stretches = cut(folder, 1.5, fps=10, multiple=8)
    assert len(stretches) == 4
    assert joined(media, folder, stretches, fps=10) == rows


def test_what_can_not_be_sought_is_not_cut(media: Any) -> None:
    part = media.video("part.ts", b_frames=2).read_bytes()
    again = media.folder / "joined.ts"
    again.write_bytes(part + part)
    with pytest.raises(NotCut, match=r"joined\.ts: its clock steps back"):
        cut(again, 0.5)
    before = 0

    def repeat(packet: Any, i: int) -> None:
        nonlocal before
        packet.pts = packet.dts = before if i == 20 else packet.pts
        before = packet.pts

    still = media.remux(media.video("a.mkv", "mjpeg", pix_fmt="yuvj420p"), "still.mkv", change=repeat)
    with pytest.raises(NotCut, match="stands still"):
        cut(still, 0.5)
    with pytest.raises(SourceError, match="no such file"):
        cut(media.folder / "gone.mp4", 0.5)


def test_a_cut_whose_first_frame_is_another_one_is_refused(media: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when a container's index leads elsewhere: here each part is begun one frame late."""
    path = fragmented(media)
    real = cuts.open_source

    def late(spec: Any, **chosen: Any) -> Any:
        source = real(spec, **chosen)
        if chosen.get("after"):
            frame = next(source)
            source._first = type(frame)(frame.index + 1, frame.time_s, frame.image)
        return source

    monkeypatch.setattr(cuts, "open_source", late)
    with pytest.raises(NotCut, match="as the whole does not"):
        cut(path, 0.5)


def test_a_size_that_changes_is_not_cut_away(media: Any) -> None:
    """The whole ends with an error there; parts must not go on behind it."""
    small, large = (media.video(f"{w}.h264", n_frames=30, size=(w, 48), b_frames=0) for w in (64, 128))
    both = media.folder / "both.h264"
    both.write_bytes(small.read_bytes() + large.read_bytes())
    path = media.folder / "both.ts"
    with av.open(str(both)) as old, av.open(str(path), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for number, packet in enumerate(one for one in old.demux(video=0) if one.size):
            packet.pts = packet.dts = number * 3000
            packet.time_base, packet.stream = Fraction(1, 90000), stream
            new.mux(packet)
    with pytest.raises(SourceError, match="size changes"):
        read(media, path)
    with pytest.raises(NotCut, match="another size"):
        cut(path, 0.5)


def test_a_real_film(sample_video: Path) -> None:
    """Each frame's picture, number and time, in three parts as in one."""

    def frames(**chosen: Any) -> list[tuple[int, float, int]]:
        with open_source(sample_video, **chosen) as source:
            return [(frame.index, frame.time_s, int(frame.image[::50, ::50].sum())) for frame in source]

    stretches = cut(sample_video, 2.5, multiple=8)
    assert len(stretches) == 3
    assert [row for one in stretches for row in frames(**asdict(one))] == frames()
