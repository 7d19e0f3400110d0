"""A short clip of one moment of one person, who is boxed: for whoever labels it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from behavior.recognition.recognise import nearest
from behavior.report.drawing import Fit, FrameLike, draw_tag, fitted_size, person_colour
from behavior.report.encoding import EncoderSettings, VideoWriter
from pose.people import Track
from storage.files import replacing

MAX_SIDE = 960
"""The longer side of a clip, pixels at most."""
_NEAR_S = 0.25
"""From the time at which the person was last or next seen, the box stands for so long, seconds."""
_MARGIN = 0.1
"""Room around the joints, as a share of the box's height."""


def write_clip(frames: Iterable[FrameLike], track: Track, path: Path, *, called: str) -> int:
    """An H.264 video of the frames with a box around the person, their name, and the source's time in the corner.

    Frames keep their times, counted from the first, see `VideoWriter`.

    Args:
        frames: in order of time.
        track: the person; where they were not seen there is no box.
        path: an `.mp4` file; it appears when it is complete.
        called: the person's name.

    Returns:
        Frames written; no file where there were none.

    Raises:
        OutputError: the file can't be written.
    """
    frames = iter(frames)
    first = next(frames, None)
    if first is None:
        return 0
    height, width = first.image.shape[:2]
    size = fitted_size(width, height, MAX_SIDE, even=True)
    colour = person_colour(track.track_id)
    with replacing(path) as part, VideoWriter(part, path, size, EncoderSettings()) as video:
        for frame in (first, *frames):
            fit = Fit((frame.image.shape[1], frame.image.shape[0]), size)
            picture = fit.image(frame.image)
            corners = box_at(track, frame.time_s)
            if corners is not None:
                (left, top), (right, bottom) = np.rint(fit.keypoints(corners)[:, :2]).astype(int).tolist()
                ink = tuple(int(colour[place : place + 2], 16) for place in (5, 3, 1))
                cv2.rectangle(picture, (left, top), (right, bottom), ink, 2)
                draw_tag(picture, called, ((left + right) / 2, top), colour)
            draw_tag(picture, f"{frame.time_s:.2f} s", (0, size[1]), "#141618")
            video.add(picture, frame.time_s)
        return video.n_frames


def box_at(track: Track, time_s: float) -> NDArray[np.float32] | None:
    """(2, 3) upper left and lower right corner around the joints seen nearest to a time, pixels, with some room and a
    third column of ones; None where the person was not seen about then."""
    row = int(nearest(track.time_s, np.array([time_s]))[0])
    points = track.keypoints[row, :, :2]
    points = points[np.isfinite(points).all(axis=1)]
    if abs(track.time_s[row] - time_s) > _NEAR_S or len(points) == 0:
        return None
    low, high = points.min(axis=0), points.max(axis=0)
    room = _MARGIN * max(float((high - low).max()), 1.0)
    return np.array([[*(low - room), 1], [*(high + room), 1]], dtype=np.float32)
