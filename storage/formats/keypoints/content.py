"""What every reader gives: the keypoints of a file, checked, in the project's own terms.

A joint is missing where x or y is NaN, the confidence is 0, or it lies at exactly (0, 0), whatever its confidence: many
programs mark so what they did not find. It becomes NaN, NaN, 0. A confidence that the file does
not have becomes 1. Anything else that is not a pixel or a confidence is an `ExchangeError` that says where it stands.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pose.layouts import standard_name
from pose.parts import FACE_70, HANDS_42, whole_body
from pose.people import FramePeople, Person
from pose.skeleton import BODY_25, COCO_17, COCO_18, COCO_23, HALPE_26, SKELETONS, Skeleton
from storage.errors import ExchangeError
from storage.formats.guard import read_bytes
from storage.formats.keypoints.wholebody import COCO_133, FACE_68, HALPE_136, OURS

LIMIT_PX = 1e6
"""Farther from the origin no pixel lies."""
MAX_JOINTS = 600
"""A row of the database has room for no more."""
MAX_CONFIDENCE = 10.0
"""Some networks give a little more than 1, which is read as 1; from here on the numbers mean something else."""

Clock = Callable[[int], float]
"""Number of a frame -> its time in seconds."""


@dataclass(frozen=True, eq=False)
class Keypoints:
    """The content of a keypoint file.

    Attributes:
        software: what wrote it, as far as the format tells.
        skeleton: its joints.
        frames: in rising order, people with the file's identities (`track_id`, from 0 or 1) or None. May be walked
            once; errors in the file may come while walking.
        names: what the file calls its identities.
        width, height: pixels; None when the file doesn't say.
        notes: what the reader of the report should know; complete once `frames` has been walked.
    """

    software: str
    skeleton: Skeleton
    frames: Iterable[FramePeople]
    names: Mapping[int, str] = field(default_factory=dict)
    width: int | None = None
    height: int | None = None
    notes: list[str] = field(default_factory=list)


# --- time ----------------------------------------------------------------------------------------------------------


def clock_of(fps: float | None, times: Path | None) -> Clock | None:
    """The clock that the user gave: frames per second, or a text file with one time per line, in seconds.

    Line k (from 0, after an optional heading) is the time of frame k. Raises `ExchangeError`.
    """
    if times is None:
        return None if fps is None else lambda frame: frame / fps
    lines = [line.strip().rstrip(",;") for line in read_text(times).splitlines()]
    if lines and not _is_number(lines[0]):
        del lines[0]
    for number, line in enumerate(lines):
        if not _is_number(line):
            raise ExchangeError(f"{times}: time {number} is {_shown(line)}, expected seconds")
    seconds = [float(line) for line in lines]

    def clock(frame: int) -> float:
        if not 0 <= frame < len(seconds):
            raise ExchangeError(f"{times}: has {len(seconds)} times, none for frame {frame}")
        return seconds[frame]

    return clock


def needed(clock: Clock | None, path: Path) -> Clock:
    """The clock; raises `ExchangeError` when there is none."""
    if clock is None:
        raise ExchangeError(f"{path}: has no time stamps; give --fps N or --times FILE")
    return clock


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


# --- joints --------------------------------------------------------------------------------------------------------

_KNOWN = {
    joint: sigma
    for skeleton in SKELETONS.values()
    for joint, sigma in zip(skeleton.joints, skeleton.sigmas, strict=True)
}
_SIGMA = 0.079
"""Of a joint that COCO does not know: that of a shoulder."""


def layout(names: Sequence[str], limbs: Iterable[tuple[str, str]], path: Path) -> tuple[Skeleton, NDArray[np.intp]]:
    """The skeleton of a file's joint names, and the file's position of each of its joints, -1 for one it lacks.

    Names of body joints are brought to the project's spelling (`LShoulder`, `shoulder_l` -> `left_shoulder`), those of
    MMPose's hands and faces, too; others stay as they are. The joints of a known layout, in whatever order, become that
    layout; beside a body, all joints of two hands and all points of a face become those of `pose.parts.whole_body`,
    where a face may lack its pupils. Raises `ExchangeError`.
    """
    if not names:
        raise ExchangeError(f"{path}: names no joints")
    if len(names) > MAX_JOINTS:
        raise ExchangeError(f"{path}: has {len(names)} joints, expected {MAX_JOINTS} at most")
    for name in names:
        if not name.strip() or names.count(name) > 1:
            raise ExchangeError(f"{path}: joint {_shown(name)} is there twice or has no name; expected unique names")
    spelled = [_spelling(name) for name in names]
    if len(set(spelled)) < len(spelled):
        spelled = list(names)
    hands, face = _whole(spelled)
    parts = {*(HANDS_42 if hands else ()), *(FACE_70.joints if face else ())}
    own = [name for name in spelled if name not in parts]
    place = dict(zip(names, spelled, strict=True))
    pairs = tuple((place[a], place[b]) for a, b in limbs if place.get(a) in own and place.get(b) in own)
    skeleton = whole_body(_body(own, pairs), hands, face)
    return skeleton, np.array([spelled.index(joint) if joint in spelled else -1 for joint in skeleton.joints])


def _whole(names: Sequence[str]) -> tuple[bool, bool]:
    """Whether these are a body with all of two hands, and with all of a face, and nothing of them besides."""
    there = set(names)
    hands, face = there.issuperset(HANDS_42), there.issuperset(FACE_68)
    rest = there - set(HANDS_42 if hands else ()) - set(FACE_70.joints if face else ())
    return (hands, face) if rest and rest.isdisjoint({*HANDS_42, *FACE_68}) else (False, False)


def _body(joints: Sequence[str], limbs: tuple[tuple[str, str], ...]) -> Skeleton:
    for known in SKELETONS.values():
        if set(known.joints) == set(joints):
            return known
    mark = hashlib.sha256(json.dumps([joints, limbs]).encode()).hexdigest()[:8]
    sigmas = tuple(_KNOWN.get(joint, _SIGMA) for joint in joints)
    return Skeleton(f"custom_{len(joints)}_{mark}", tuple(joints), limbs, sigmas)


def _spelling(name: str) -> str:
    standard = standard_name(name)
    return OURS.get(name, standard if standard in _KNOWN else name)


_COUNTED = {17: COCO_17, 18: COCO_18, 23: COCO_23, 25: BODY_25, 26: HALPE_26}
_NAMES = {n: known.joints for n, known in _COUNTED.items()} | {133: COCO_133, 136: HALPE_136}
NUMBERS = "17 (COCO), 18 or 25 (OpenPose), 26 or 136 (HALPE), 23 or 133 (COCO-WholeBody)"


def names_of(size: int) -> tuple[str, ...] | None:
    """The names of a person's joints where a file only tells how many; None where no layout has that number."""
    return _NAMES.get(size)


# --- frames by name ------------------------------------------------------------------------------------------------

_IMAGE = re.compile(r"([._](jpe?g|png|bmp|webp)\.rf\.\w+)?\.(jpe?g|png|bmp|webp|tiff?)", re.IGNORECASE)
"""What stands behind an image's number; Roboflow puts a hash there."""


def frame_numbers(names: Sequence[str]) -> list[int] | None:
    """Frames by images' names, `frame_0010.png` -> 10; None unless the names differ in their last number only."""
    stems = (_IMAGE.sub("", name) for name in names)
    parts = [match for stem in stems if (match := re.fullmatch(r"(.*?)(\d+)(\D*)", stem, re.DOTALL))]
    numbers = [int(match[2]) for match in parts]
    alike = len(parts) == len(names) and len({(match[1], match[3]) for match in parts}) == 1
    return numbers if alike and len(set(numbers)) == len(numbers) and max(numbers) < 10**9 else None


# --- values --------------------------------------------------------------------------------------------------------


class Values:
    """Turns the numbers of one file into keypoints, and keeps account of what it had to assume."""

    def __init__(self, skeleton: Skeleton, order: NDArray[np.intp], notes: list[str]) -> None:
        self.skeleton = skeleton
        self._order = order
        self._notes = notes
        self._tally: dict[str, int] = {}

    def people(
        self,
        points: NDArray[np.floating[Any]],
        confidence: NDArray[np.floating[Any]] | None,
        where: Callable[[tuple[int, ...], int], str],
    ) -> NDArray[np.float32]:
        """Checked keypoints of some people.

        Args:
            points: (..., J, 2) pixels, the file's order of joints; a joint that the file lacks is missing.
            confidence: (..., J), or None.
            where: for a message: from the position of a person in `...` and the file's joint to words.

        Returns:
            (..., K, 3) float32, the skeleton's order of joints.

        Raises:
            ExchangeError: a number that is neither a pixel nor a confidence.
        """
        found = np.isfinite(points).all(axis=-1) | np.isinf(points).any(axis=-1)
        if confidence is None:
            confidence = np.where(found, 1.0, 0.0)
            self._note("The file holds no confidences; 1 was assumed for every joint.")
        elif (unknown := np.isnan(confidence) & found).any():
            confidence = np.where(unknown, 1.0, confidence)
            self._note("Where the file holds no confidence of a joint, 1 was assumed.")
        found &= confidence != 0
        corner = found & (points == 0).all(axis=-1)
        found &= ~corner
        self.count(int(corner.sum()), "joints at exactly (0, 0) were taken as missing, whatever their confidence.")
        self._refuse(found & (np.abs(points) > LIMIT_PX).any(axis=-1), points, where, "a pixel")
        wrong = found & ((confidence < 0) | (confidence > MAX_CONFIDENCE))
        self._refuse(wrong, confidence[..., None], where, "a confidence from 0 to 1")
        if (found & (confidence > 1)).any():
            self._note("Confidences above 1 were taken as 1.")
        keypoints = np.full((*points.shape[:-2], points.shape[-2] + 1, 3), (np.nan, np.nan, 0), dtype=np.float32)
        keypoints[..., :-1, :2] = np.where(found[..., None], points, np.nan)
        keypoints[..., :-1, 2] = np.where(found, np.minimum(confidence, 1.0), 0.0)  # the last one is for place -1
        return np.ascontiguousarray(keypoints[..., self._order, :])

    def score(self, value: float | None) -> float | None:
        """A person's score, or None where it is a sum, as some programs give: the joints' confidence tells then."""
        if value is None or not value > 1:
            return value
        self._note("Scores of people above 1 are sums; the mean confidence of their joints was taken.")
        return None

    def count(self, n: int, text: str) -> None:
        """A note that says how often something was so."""
        if n == 0:
            return
        before = self._tally.get(text, 0)
        self._tally[text] = before + n
        if before:
            self._notes[self._notes.index(f"{before} {text}")] = f"{before + n} {text}"
        else:
            self._notes.append(f"{n} {text}")

    def _note(self, text: str) -> None:
        if text not in self._notes:
            self._notes.append(text)

    @staticmethod
    def _refuse(
        wrong: NDArray[np.bool_],
        values: NDArray[np.floating[Any]],
        where: Callable[[tuple[int, ...], int], str],
        expected: str,
    ) -> None:
        if not wrong.any():
            return
        *person, joint = (int(index) for index in np.argwhere(wrong)[0])
        shown = ", ".join(f"{value:g}" for value in values[(*person, joint)])
        raise ExchangeError(f"{where(tuple(person), joint)} is {shown}, expected {expected}")


def person_of(
    keypoints: NDArray[np.float32], score: float | None, track_id: int | None, skeleton: Skeleton
) -> Person | None:
    """A person, or None when no joint was found; without a score (or with NaN) the mean confidence of the joints."""
    seen = keypoints[:, 2] > 0
    if not seen.any():
        return None
    if score is None or not math.isfinite(score):
        score = float(keypoints[seen, 2].mean())
    return Person(keypoints, min(max(score, 0.0), 1.0), track_id, skeleton=skeleton)


@dataclass(frozen=True, eq=False)
class Block:
    """Some frames of a file that keeps its identities side by side.

    Attributes:
        frames: (n,) numbers.
        time_s: (n,) seconds.
        points: (n, T, J, 2).
        confidence: (n, T, J), or None.
        scores: (n, T), or None.
    """

    frames: Sequence[int]
    time_s: Sequence[float]
    points: NDArray[np.floating[Any]]
    confidence: NDArray[np.floating[Any]] | None
    scores: NDArray[np.floating[Any]] | None = None


def dense_frames(
    blocks: Iterable[Block], values: Values, ids: Sequence[int], joints: Sequence[str], who: Sequence[str], path: Path
) -> Iterator[FramePeople]:
    """The people of dense blocks; individual number i has identity `ids[i]` and is called `who[i]` in messages."""
    for block in blocks:
        frames = block.frames

        def where(place: tuple[int, ...], joint: int, frames: Sequence[int] = frames) -> str:
            return f"{path}: frame {frames[place[0]]}, {who[place[1]]}, {joints[joint]}"

        keypoints = values.people(block.points, block.confidence, where)
        for row, (frame, time_s) in enumerate(zip(frames, block.time_s, strict=True)):
            people = (
                person_of(
                    keypoints[row, number].copy(),
                    None if block.scores is None else values.score(float(block.scores[row, number])),
                    track_id,
                    values.skeleton,
                )
                for number, track_id in enumerate(ids)
            )
            yield FramePeople(int(frame), float(time_s), tuple(person for person in people if person is not None))


_OURS = re.compile(r"person_([1-9]\d{0,8})")


def identities(names: Sequence[str], path: Path) -> tuple[list[int], dict[int, str]]:
    """Numbers for a file's individuals, and the names to keep.

    What posescribe wrote gets its numbers back (`person_3` is 3); others count from 1. Raises `ExchangeError` when two
    have one name.
    """
    for name in names:
        if names.count(name) > 1:
            raise ExchangeError(f"{path}: individual {_shown(name)} is there twice; expected unique names")
    ours = [_OURS.fullmatch(name) for name in names]
    taken = {int(match[1]) for match in ours if match}
    free = (number for number in range(1, len(names) + len(taken) + 1) if number not in taken)
    ids = [int(match[1]) if match else next(free) for match in ours]
    return ids, {number: name for number, name, match in zip(ids, names, ours, strict=True) if name and not match}


# --- the picture ---------------------------------------------------------------------------------------------------

_LOOK = 100
"""People on whom it is decided whether positions are pixels."""


def in_pixels(content: Keypoints, size: tuple[int, int] | None, path: Path) -> Keypoints:
    """The same with positions in pixels of a picture of this width and height; without a size, of the file's own.

    Where most joints lie within two pixels of the corner, positions are shares of the picture (0 to 1) and are
    multiplied by the size. While walking raises `ExchangeError` when they are and no size is given, or when most joints
    lie farther outside the picture than it is large.
    """
    width, height = size or (content.width, content.height)

    def walk() -> Iterator[FramePeople]:
        frames, ahead, people = iter(content.frames), [], 0
        for frame in frames:
            ahead.append(frame)
            people += len(frame.people)
            if people >= _LOOK:
                break
        points = np.concatenate([np.empty((0, 2)), *(_seen(person) for frame in ahead for person in frame.people)])
        near = (np.abs(points) <= 2).all(axis=1)
        shares = bool(len(points)) and near.mean() > 0.5 and (points[near] % 1 != 0).any()
        if shares and size is None:
            raise ExchangeError(
                f"{path}: positions from {points.min():g} to {points.max():g} are no pixels; if they are shares of the "
                "picture, give its size with --size WIDTHxHEIGHT"
            )
        n_far = n_all = 0
        for frame in chain(ahead, frames):
            if shares and size is not None:
                frame = replace(frame, people=tuple(_scaled(person, size) for person in frame.people))
            if width and height:
                for person in frame.people:
                    away = _seen(person) / (width, height)
                    n_far += int(((away < -1) | (away > 2)).any(axis=1).sum())
                    n_all += len(away)
            yield frame
        if n_far > 0.5 * n_all:
            raise ExchangeError(f"{path}: most joints lie far outside the picture of {width}x{height}; is that right?")
        if n_far:
            content.notes.append(f"{n_far} joints lie far outside the picture of {width}x{height} pixels.")

    return replace(content, frames=walk(), width=width, height=height)


def _seen(person: Person) -> NDArray[np.float32]:
    return person.keypoints[person.keypoints[:, 2] > 0, :2]


def _scaled(person: Person, size: tuple[int, int]) -> Person:
    keypoints = person.keypoints * np.array([*size, 1], dtype=np.float32)
    return replace(person, keypoints=keypoints)


# --- files ---------------------------------------------------------------------------------------------------------


def read_text(path: Path) -> str:
    """A UTF-8 file, with or without byte order mark; raises `ExchangeError`."""
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ExchangeError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from error


def read_json(path: Path) -> Any:
    """The content of a JSON file in UTF-8, -16 or -32; raises `ExchangeError`."""
    try:
        return json.loads(read_bytes(path))
    except UnicodeDecodeError as error:
        raise ExchangeError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from error
    except json.JSONDecodeError as error:
        raise ExchangeError(
            f"{path}: no whole JSON ({error.msg} in line {error.lineno}, column {error.colno}); is it cut off?"
        ) from error
    except (ValueError, RecursionError) as error:
        raise ExchangeError(f"{path}: no JSON that can be read ({error})") from error


def json_files(folder: Path) -> list[Path]:
    """The JSON files of a folder in natural order, without hidden ones, such as macOS leaves beside each file."""
    files = (file for file in folder.iterdir() if file.suffix.lower() == ".json" and file.name[0] != ".")
    return sorted(files, key=lambda file: [int(t) if t.isdecimal() else t for t in re.split(r"(\d+)", file.name)])


def array_of(value: Any, where: str, columns: int) -> NDArray[np.float64]:
    """(n, columns) float64 out of a list of numbers, flat or in rows; null is NaN. Raises `ExchangeError`."""
    expected = f"expected numbers in groups of {columns}"
    if not isinstance(value, list):
        raise ExchangeError(f"{where} is {_shown(value)}, {expected}")
    rows = value if value and isinstance(value[0], list) else [value]
    if not all(isinstance(row, list) for row in rows):
        raise ExchangeError(f"{where}: {expected}")
    flat = [cell for row in rows for cell in row]
    for cell in flat:
        if isinstance(cell, bool) or not isinstance(cell, int | float | None):
            raise ExchangeError(f"{where} holds {_shown(cell)}, {expected}")
    if len(flat) % columns or (len(rows) > 1 and any(len(row) != columns for row in rows)):
        raise ExchangeError(f"{where} has {len(flat)} numbers, {expected}")
    try:
        return np.array([np.nan if cell is None else cell for cell in flat], dtype=np.float64).reshape(-1, columns)
    except OverflowError as error:
        raise ExchangeError(f"{where} holds a number that is too large, {expected}") from error


def integer_of(value: Any, where: str, most: int = 2**31 - 1) -> int:
    """An int of at most this size, or a float without fraction; raises `ExchangeError`."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > most:
        raise ExchangeError(f"{where} is {_shown(value)}, expected a whole number")
    return value


def number_of(value: Any, where: str) -> float:
    """A finite number; raises `ExchangeError`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e300:
        raise ExchangeError(f"{where} is {_shown(value)}, expected a number")
    return float(value)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
