"""What a label file's names mean: which track a subject is, by name, by a box, or by a click on the picture; and which
names of actions may be one action."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from behavior.errors import DataError
from storage.formats.labels.media import called

NEAR_S = 0.5
"""How far from the time of a click a person may have been seen, seconds."""

_NUMBERED = re.compile(r"(?:person|track)?\s*#?\s*(\d+)", re.IGNORECASE)
_NUMBER = r"\s*(-?\d+(?:\.\d+)?)\s*"
_PLACE = re.compile(rf"{_NUMBER},{_NUMBER}(?:,{_NUMBER},{_NUMBER})?@{_NUMBER}")


@dataclass(frozen=True)
class Target:
    """What a human says a subject is.

    Attributes:
        track_id: the track; None when it is to be found by place.
        place: x, y of a click, or x_min, y_min, x_max, y_max of a box, pixels of the original frame.
        time_s: when that was, seconds of the video's own clock.
    """

    track_id: int | None = None
    place: tuple[float, ...] = ()
    time_s: float = 0.0


def parse_match(text: str) -> tuple[str, Target]:
    """`SUBJECT=TRACK`, `SUBJECT=x,y@t` or `SUBJECT=x1,y1,x2,y2@t`; raises `ValueError`."""
    subject, equals, value = (part.strip() for part in text.rpartition("="))
    if equals and value.isdecimal():
        return subject, Target(int(value))
    found = _PLACE.fullmatch(value)
    if not equals or found is None:
        raise ValueError(f"{text!r}: expected SUBJECT=TRACK, SUBJECT=x,y@t or SUBJECT=x1,y1,x2,y2@t")
    *place, time = (float(number) for number in found.groups() if number is not None)
    if len(place) == 4:
        place = [min(place[::2]), min(place[1::2]), max(place[::2]), max(place[1::2])]
    return subject, Target(None, tuple(place), time)


def by_name(subjects: Iterable[str], tracks: Collection[int], names: Mapping[int, str]) -> dict[str, int]:
    """The subjects that are called like a track: its own name, or `Person 2`, `track 2`, `2`; without case.

    A subject that has one such name among other words (a tier `Anna - posture`, `gesture_Anna`, `Person 1 (2)`) is it.
    """
    labels = called(tracks, names)
    own = {label.casefold(): track for track, label in labels.items()}
    words = {track: re.compile(rf"(?<![^\W_]){re.escape(label)}(?![^\W_])") for label, track in own.items()}
    found: dict[str, int] = {}
    for subject in subjects:
        name = subject.strip().casefold()
        numbered = _NUMBERED.fullmatch(name)
        track = own.get(name)
        if track is None and numbered and int(numbered[1]) in tracks:
            track = int(numbered[1])
        if track is None:
            within = [one for one, word in words.items() if word.search(name)]
            track = within[0] if len(within) == 1 else None
        if track is not None:
            found[subject] = track
    return found


def look_alikes(actions: Iterable[str]) -> list[str]:
    """A line for each set of names that differ in nothing but case and blanks, and so count as several actions."""
    alike: dict[str, set[str]] = {}
    for action in actions:
        alike.setdefault("".join(action.split()).casefold(), set()).add(action)
    lines = []
    for names in alike.values():
        if len(names) > 1:
            case = len({"".join(name.split()) for name in names}) > 1
            blanks = len({name.casefold() for name in names}) > 1
            *others, last = (f"'{name}'" if name != name.strip() else name for name in sorted(names))
            how = "case and blanks" if case and blanks else "case" if case else "blanks"
            lines.append(
                f"{', '.join(others)} and {last} differ only in {how}; `labels import --rename OLD=NEW` makes them one"
            )
    return lines


def at_place(boxes: Mapping[int, NDArray[np.float64]], target: Target) -> int:
    """The track at a click or a box.

    Args:
        boxes: of the people that are on screen at that time, by track: x_min, y_min, x_max, y_max.
        target: with a `place`.

    Returns:
        For a click the track whose box is nearest (of several around it, the one whose centre is), for a box the one
        that overlaps it most.

    Raises:
        DataError: nobody there: for a click nobody nearer than their own box is high, for a box no overlap.
    """
    scored = {track: _score(box, target.place) for track, box in boxes.items()}
    near = {track: score for track, score in scored.items() if score is not None}
    if not near:
        place = ", ".join(f"{value:g}" for value in target.place)
        raise DataError(
            f"nobody was found near {place} at {target.time_s:g} s; choose another moment, or name the track"
        )
    return max(near, key=lambda track: near[track])


def _score(box: NDArray[np.float64], place: tuple[float, ...]) -> tuple[float, float] | None:
    """Higher is a better match; None is none."""
    low, high = box[:2], box[2:]
    if len(place) == 4:
        both = np.prod(np.clip(np.minimum(high, place[2:]) - np.maximum(low, place[:2]), 0, None))
        sizes = np.prod(high - low) + np.prod(np.subtract(place[2:], place[:2]))
        return (float(both / (sizes - both)), 0.0) if both > 0 else None
    away = float(np.linalg.norm(np.maximum(np.maximum(low - place, place - high), 0)))
    if away > high[1] - low[1]:
        return None
    return -away, -float(np.linalg.norm((low + high) / 2 - place))
