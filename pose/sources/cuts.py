"""A long source cut into parts by time, each read by itself: together they give the frames of the whole, each once."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from pose.errors import SourceError
from pose.sources import FrameSource, open_source

_LONGER = 1.5
"""What is longer than so many parts is cut."""


class NotCut(SourceError):
    """A source whose frames would have other numbers, times or sizes when reading begins in the middle."""


@dataclass(frozen=True)
class Stretch:
    """A part of a source, as `open_source` takes it; plain JSON.

    Attributes:
        start_s: time of its first frame, seconds; None where the whole begins.
        end_s: time of the first frame behind it, seconds; None where the whole ends.
        after: number and time of the frame before it, by which its beginning is found; None where the whole begins.
    """

    start_s: float | None
    end_s: float | None
    after: tuple[int, float] | None


def cut(
    spec: str | os.PathLike[str],
    length_s: float,
    *,
    start_s: float | None = None,
    end_s: float | None = None,
    fps: float | None = None,
    multiple: int = 1,
) -> list[Stretch]:
    """Parts of about `length_s` each, of about equal length; empty for what is shorter than one and a half of them.

    Each part is begun once to see that its first frame has the number, the time and the size that it has in the whole.

    Args:
        spec: a file or folder, see `open_source`.
        length_s: seconds.
        start_s, end_s: what is wanted of it, seconds.
        fps: see `open_source`.
        multiple: parts begin at frames whose number is a multiple of it.

    Raises:
        NotCut: it can't be read exactly from the middle; with the reason.
        SourceError: it can't be read.
    """
    with open_source(spec, start_s=start_s, end_s=end_s, fps=fps) as source:
        known_s = source.info.duration_s
        if known_s is not None and min(known_s, end_s or np.inf) - (start_s or 0) <= _LONGER * length_s:
            return []
        try:
            times = source.frame_times()
        except SourceError as error:
            raise NotCut(str(error)) from error
    first = int(np.searchsorted(times, start_s or 0.0))
    last = len(times) if end_s is None else int(np.searchsorted(times, end_s))
    span = float(times[last - 1] - times[first]) if last > first else 0.0
    if span <= _LONGER * length_s:
        return []
    count = round(span / length_s)
    wished = times[first] + span * np.arange(1, count) / count
    numbers = np.unique(np.searchsorted(times, wished) // multiple * multiple)
    cuts = [(int(k), float(times[k]), float(times[k - 1])) for k in numbers if first < k < last]
    for number, time_s, before_s in cuts:
        with open_source(spec, start_s=time_s, end_s=end_s, after=(number - 1, before_s), fps=fps) as part:
            _check(part, source, times, number)
    inner = [Stretch(time_s, None, (number - 1, before_s)) for number, time_s, before_s in cuts]
    bounds = [Stretch(start_s, None, None), *inner, Stretch(end_s, None, None)]
    return [Stretch(one.start_s, other.start_s, one.after) for one, other in pairwise(bounds)]


def _check(part: FrameSource, whole: FrameSource, times: np.ndarray, number: int) -> None:
    frame = next(part, None)
    where = f"{whole.info.uri}: begun at {times[number]:.3f} s"
    if frame is None:
        raise NotCut(f"{where} it gives nothing")
    if frame.index < number or frame.index >= len(times) or frame.time_s != times[frame.index]:
        raise NotCut(f"{where} it gives a frame {frame.index} at {frame.time_s:.3f} s, as the whole does not")
    if frame.image.shape[1::-1] != (whole.info.width, whole.info.height):
        raise NotCut(f"{where} its pictures have another size")
