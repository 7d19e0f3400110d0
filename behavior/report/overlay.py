"""The source again, with the skeleton, number and current action of everyone drawn in: a video, or a still image.

Only people with a `track_id` are drawn: what the second look over the recording left out as a ghost has none.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from behavior.report.drawing import Fit, FrameLike, Image, draw_skeleton, draw_tag, fitted_size, person_colour
from behavior.report.encoding import EncoderSettings, VideoWriter
from behavior.report.stills import Stills
from pose.people import FramePeople
from pose.skeleton import Skeleton
from storage.bouts import Bout
from storage.files import replacing, write_bytes


@dataclass(frozen=True)
class OverlaySettings:
    """How the overlay looks.

    Attributes:
        max_side: the longer side is scaled down to this, pixels.
        encoder: quality and speed of the encoding.
        time_stamp: write the source's time into the corner.
    """

    max_side: int = 1280
    encoder: EncoderSettings = field(default_factory=EncoderSettings)
    time_stamp: bool = True


@dataclass(frozen=True)
class Overlay:
    """An overlay that was written.

    Attributes:
        path: the file.
        start_s: time of the source at which the overlay's own clock is 0, seconds.
        n_frames: frames written.
        width, height: of the overlay, pixels.
    """

    path: Path
    start_s: float
    n_frames: int
    width: int
    height: int


def write_overlay(
    frames: Iterable[tuple[FrameLike, FramePeople]],
    path: Path,
    *,
    skeleton: Skeleton,
    bouts: Sequence[Bout] = (),
    settings: OverlaySettings | None = None,
    stills: Stills | None = None,
    plain: Path | None = None,
) -> Overlay | None:
    """Writes an H.264 video that browsers play, in constant memory.

    Times are those of the source, see `VideoWriter`. Frames of another size than the first are fitted into it.

    Args:
        frames: frames and their people, in order of time; read once.
        path: an `.mp4` file; it appears when it is complete.
        skeleton: the layout of the people's keypoints.
        bouts: actions to name, by track and frame number.
        settings: size, quality and look.
        stills: is shown every frame too, when pictures are wanted from the same pass.
        plain: another `.mp4` file, of the same pictures with nothing drawn in.

    Returns:
        What was written; None, and no file, when there was no frame.

    Raises:
        OutputError: the file can't be written.
    """
    settings = settings or OverlaySettings()
    frames = iter(frames)
    first = next(frames, None)
    if first is None:
        return None
    height, width = first[0].image.shape[:2]
    size = fitted_size(width, height, settings.max_side, even=True)
    artist = _Artist(size, skeleton, bouts, settings.time_stamp)
    with ExitStack() as files:
        encoder, *bare = (
            files.enter_context(VideoWriter(files.enter_context(replacing(file)), file, size, settings.encoder))
            for file in (path, plain)
            if file is not None
        )
        for frame, people in itertools.chain([first], frames):
            if stills is not None:
                stills.see(frame, people)
            picture = artist.fit(frame)
            for writer in bare:
                writer.add(picture, frame.time_s)
            encoder.add(artist.draw(picture, frame, people), frame.time_s)
    return Overlay(path, first[0].time_s, encoder.n_frames, *size)


def write_overlay_image(
    frame: FrameLike,
    people: FramePeople,
    path: Path,
    *,
    skeleton: Skeleton,
    bouts: Sequence[Bout] = (),
    settings: OverlaySettings | None = None,
    stills: Stills | None = None,
) -> Overlay:
    """The same for a still image; the suffix of `path` (`.jpg` or `.png`) says the format.

    Raises:
        OutputError: the file can't be written.
        ValueError: another suffix.
    """
    if path.suffix.lower() not in {".jpg", ".jpeg", ".png"}:
        raise ValueError(f"expected a picture named .jpg or .png, got {path.name}")
    settings = settings or OverlaySettings(time_stamp=False)
    height, width = frame.image.shape[:2]
    size = fitted_size(width, height, settings.max_side)
    if stills is not None:
        stills.see(frame, people)
    artist = _Artist(size, skeleton, bouts, settings.time_stamp)
    _, data = cv2.imencode(path.suffix, artist.draw(artist.fit(frame), frame, people))
    write_bytes(path, bytes(data))
    return Overlay(path, frame.time_s, 1, *size)


class _Artist:
    """Draws one frame after another."""

    def __init__(self, size: tuple[int, int], skeleton: Skeleton, bouts: Sequence[Bout], time_stamp: bool) -> None:
        self._size = size
        self._skeleton = skeleton
        self._coming = sorted(bouts, key=lambda bout: bout.start_frame, reverse=True)
        self._now: list[Bout] = []
        self._time_stamp = time_stamp

    def fit(self, frame: FrameLike) -> Image:
        """The picture in the overlay's size."""
        return self._fit(frame).image(frame.image)

    def _fit(self, frame: FrameLike) -> Fit:
        height, width = frame.image.shape[:2]
        return Fit((width, height), self._size)

    def draw(self, picture: Image, frame: FrameLike, people: FramePeople) -> Image:
        """Everyone of a frame drawn into its picture, see `fit`, in place."""
        fit = self._fit(frame)
        actions = self._actions(frame.index)
        tags = []
        for person in people.people:
            if person.track_id is None or not person.visible.any():
                continue
            colour = person_colour(person.track_id)
            keypoints = fit.keypoints(person.keypoints)
            draw_skeleton(picture, keypoints, self._skeleton, colour)
            top, bottom = float(np.nanmin(keypoints[:, 1])), float(np.nanmax(keypoints[:, 1]))
            middle = float(np.nanmedian(keypoints[:, 0]))
            doing = ", ".join(actions.get(person.track_id, []))
            text = f"{person.track_id}: {doing}" if doing else str(person.track_id)
            tags.append((text, (middle, top - 0.1 * (bottom - top) - 4), colour))
        for text, anchor, colour in tags:
            draw_tag(picture, text, anchor, colour)
        if self._time_stamp:
            draw_tag(picture, f"{frame.time_s:.2f} s", (0, self._size[1]), "#141618")
        return picture

    def _actions(self, index: int) -> dict[int, list[str]]:
        """What each person does in a frame; frames are asked for in order."""
        while self._coming and self._coming[-1].start_frame <= index:
            self._now.append(self._coming.pop())
        self._now = [bout for bout in self._now if bout.stop_frame >= index]
        actions: dict[int, list[str]] = {}
        for bout in self._now:
            said = " (human)" if bout.source == "human" else ""
            actions.setdefault(bout.track_id, []).append(bout.action + said)
        return actions
