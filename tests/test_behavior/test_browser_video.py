"""Videos that browsers don't play, or play otherwise: the copy shows each frame at the source's own time."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from behavior.report.overlay import write_overlay
from pose.people import FramePeople
from pose.skeleton import COCO_18
from pose.sources import Frame, open_source

STAMPS = [30, 31, 33, 36, 37, 44, 45, 46, 60, 61]
"""Of ten frames, in 30ths of a second: no rate at all, and the clock does not begin at 0."""
SIZE = (256, 192)

PAGE = """<!doctype html><body style="margin:0"><video src="video.mp4" muted style="display:block"></video>"""


def seek(page: Page, time_s: float) -> np.ndarray:
    """The picture at a time of the video's clock; `player.js` seeks a millisecond behind the frame's own time, too."""
    page.evaluate(
        """(time) => new Promise((done, failed) => {
            const video = document.querySelector("video");
            video.onerror = () => failed(new Error(`not played: ${video.error.message}`));
            if (video.error) video.onerror();
            const go = () => {
                video.onseeked = () => requestAnimationFrame(() => requestAnimationFrame(done));
                video.currentTime = time + 0.001;
            };
            if (video.readyState >= 1) go(); else video.onloadedmetadata = go;
        })""",
        time_s,
    )
    shot = cv2.imdecode(np.frombuffer(page.locator("video").screenshot(), np.uint8), cv2.IMREAD_COLOR)
    assert shot is not None
    return np.asarray(shot)


@pytest.mark.parametrize(
    ("codec", "container", "turned"),
    [("libx265", "mkv", 0), ("libx265", "mp4", 0), ("libx265", "mp4", 90), ("mpeg4", "avi", 0), ("ffv1", "mkv", 0)],
)
def test_every_frame_stands_at_its_own_time(
    media: Any, browser: Browser, tmp_path: Path, codec: str, container: str, turned: int
) -> None:
    stamps = list(range(10)) if container == "avi" else STAMPS  # which has no times of its own
    source = media.video(f"film.{container}", codec, 10, stamps=stamps, stamp_s=Fraction(1, 30), size=SIZE, b_frames=0)
    if turned:
        source = media.remux(source, "turned.mp4", prepare=lambda stream: stream.set_display_rotation(turned))
    told: list[Frame] = []

    def frames() -> Iterator[tuple[Frame, FramePeople]]:
        with open_source(str(source)) as opened:
            for frame in opened:
                told.append(frame)
                yield frame, FramePeople(frame.index, frame.time_s, ())

    made = write_overlay(frames(), tmp_path / "overlay.mp4", skeleton=COCO_18, plain=tmp_path / "video.mp4")
    assert made is not None
    assert np.diff([frame.time_s for frame in told]) == pytest.approx(np.diff(stamps) / 30, abs=2e-3)
    (tmp_path / "page.html").write_text(PAGE)
    page = browser.new_page(viewport={"width": 400, "height": 400})
    page.goto((tmp_path / "page.html").as_uri())
    shown = [seek(page, frame.time_s - made.start_s) for frame in told]
    page.close()
    assert {picture.shape for picture in shown} == {frame.image.shape for frame in told}
    assert {picture.shape[:2] for picture in shown} == {SIZE if turned else SIZE[::-1]}
    back = turned // 90
    numbers = [media.number(np.rot90(picture, back)) for picture in shown]
    assert numbers == [media.number(np.rot90(frame.image, back)) for frame in told]
    assert len(set(numbers)) == 10
