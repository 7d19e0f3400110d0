"""What the pose stages hand to each other: people of a frame, and their tracks.

Everywhere: pixels of the original frame, x right, y down, origin at the centre of the top-left pixel; time in seconds
of the source's own clock; a joint is a row `x, y, confidence` and a missing one is `NaN, NaN, 0`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from pose.parts import HAND_21, part_slices
from pose.skeleton import COCO_18, Skeleton


def _check_keypoints(keypoints: NDArray[np.float32], skeleton: Skeleton, ndim: int) -> None:
    if keypoints.ndim != ndim or keypoints.shape[-1] != 3:
        shape = "(n_joints, 3)" if ndim == 2 else "(n_frames, n_joints, 3)"
        raise ValueError(f"expected keypoints of shape {shape}, got {keypoints.shape}")
    if keypoints.dtype != np.float32:
        raise ValueError(f"expected keypoints of dtype float32, got {keypoints.dtype}")
    if keypoints.shape[-2] != len(skeleton):
        raise ValueError(
            f"{skeleton.name} has {len(skeleton)} joints, the keypoints have {keypoints.shape[-2]}; give their skeleton"
        )


@dataclass(frozen=True, eq=False)
class Person:
    """One person in one frame; `person["right_wrist"]` is one joint.

    Attributes:
        keypoints: (n_joints, 3) float32; x, y in pixels of the original frame, confidence in [0, 1]; a missing joint is
            NaN, NaN, 0.
        score: confidence that this is a person, in [0, 1].
        track_id: identity over time, counted from 1; None before tracking.
        skeleton: names of the joints; COCO-18, the default body, where none is given.
        face_mesh: (468, 3) float32, the vertices of MediaPipe's mesh of the face as the joints are, with the presence
            of the face for a confidence; None where no face was found by a network that has one.
    """

    keypoints: NDArray[np.float32]
    score: float
    track_id: int | None = None
    skeleton: Skeleton = field(default=COCO_18, kw_only=True)
    face_mesh: NDArray[np.float32] | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        _check_keypoints(self.keypoints, self.skeleton, ndim=2)

    def __getitem__(self, joint: str) -> NDArray[np.float32]:
        """(3,) x, y, confidence of a joint by its name; `ValueError` lists the names when there is no such joint."""
        point: NDArray[np.float32] = self.keypoints[self.skeleton.index(joint)]
        return point

    @property
    def hands(self) -> NDArray[np.float32] | None:
        """(2, 21, 3) joints of the left and the right hand, in `pose.parts.HAND_21`'s order; None without hands."""
        where, _ = part_slices(self.skeleton.joints)
        return None if where is None else self.keypoints[where].reshape(2, len(HAND_21), 3)

    @property
    def face(self) -> NDArray[np.float32] | None:
        """(70, 3) points of the face, in `pose.parts.FACE_70`'s order; None without a face."""
        _, where = part_slices(self.skeleton.joints)
        return None if where is None else self.keypoints[where]

    @property
    def visible(self) -> NDArray[np.bool_]:
        """(n_joints,) True where the joint was found."""
        return np.isfinite(self.keypoints[:, 0])

    @property
    def box(self) -> NDArray[np.float32]:
        """(4,) float32 x_min, y_min, x_max, y_max of the joints found, pixels; NaN when none was."""
        points = self.keypoints[self.visible, :2]
        if len(points) == 0:
            return np.full(4, np.nan, dtype=np.float32)
        return np.concatenate([points.min(axis=0), points.max(axis=0)])

    def with_track(self, track_id: int | None) -> Person:
        """The same person under another identity."""
        return replace(self, track_id=track_id)


@dataclass(frozen=True, eq=False)
class FramePeople:
    """The people of one frame.

    Attributes:
        index: number of the frame in the source's decoding order, from 0.
        time_s: the frame's own timestamp, in seconds from the start of the source.
        people: in no particular order.
    """

    index: int
    time_s: float
    people: tuple[Person, ...]


@dataclass(frozen=True, eq=False)
class Track:
    """One person over time; frames where the person was not found are simply absent.

    `track["right_wrist"]` is one joint over time.

    Attributes:
        track_id: identity, counted from 1.
        frames: (n,) int64 frame numbers, strictly rising.
        time_s: (n,) float64 their timestamps, seconds.
        keypoints: (n, n_joints, 3) float32, as in `Person`.
        scores: (n,) float32, as in `Person`; NaN where unknown.
        skeleton: names of the joints; COCO-18, the default body, where none is given.
    """

    track_id: int
    frames: NDArray[np.int64]
    time_s: NDArray[np.float64]
    keypoints: NDArray[np.float32]
    scores: NDArray[np.float32]
    skeleton: Skeleton = field(default=COCO_18, kw_only=True)

    def __post_init__(self) -> None:
        _check_keypoints(self.keypoints, self.skeleton, ndim=3)
        lengths = {len(self.frames), len(self.time_s), len(self.keypoints), len(self.scores)}
        if len(lengths) != 1:
            raise ValueError(f"track {self.track_id}: frames, times, keypoints and scores differ in length")
        if len(self.frames) > 1 and not np.all(np.diff(self.frames) > 0):
            raise ValueError(f"track {self.track_id}: frame numbers must rise")

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, joint: str) -> NDArray[np.float32]:
        """(n, 3) x, y, confidence of a joint by its name; `ValueError` lists the names when there is no such joint."""
        points: NDArray[np.float32] = self.keypoints[:, self.skeleton.index(joint)]
        return points

    def rows(self, rows: slice) -> Track:
        """The same person in some of the frames."""
        return replace(
            self,
            frames=self.frames[rows],
            time_s=self.time_s[rows],
            keypoints=self.keypoints[rows],
            scores=self.scores[rows],
        )


def tracks_of(frames: Iterable[FramePeople]) -> list[Track]:
    """Everyone in some frames over time, by number; whoever has no `track_id` is left out.

    Args:
        frames: in rising order, e.g. those of `PoseEngine.open`. Their images are not kept.

    Raises:
        ValueError: two people of one frame have the same number, the frames do not rise, or the people's skeletons
            differ.

    >>> from pose.skeleton import COCO_18
    >>> ann = Person(np.zeros((18, 3), dtype=np.float32), 0.9, track_id=1, skeleton=COCO_18)
    >>> [track] = tracks_of([FramePeople(0, 0.0, (ann,)), FramePeople(1, 0.04, ()), FramePeople(2, 0.08, (ann,))])
    >>> track.track_id, track.frames.tolist(), track.time_s.tolist()
    (1, [0, 2], [0.0, 0.08])
    """
    seen: dict[int, list[tuple[int, float, Person]]] = {}
    for frame in frames:
        for person in frame.people:
            if person.track_id is not None:
                seen.setdefault(person.track_id, []).append((frame.index, frame.time_s, person))
    tracks = []
    for track_id, rows in sorted(seen.items()):
        indices, times, people = zip(*rows, strict=True)
        skeletons = {person.skeleton.joints: person.skeleton.name for person in people}
        if len(skeletons) > 1:
            raise ValueError(f"track {track_id}: expected people of one skeleton, got {', '.join(skeletons.values())}")
        tracks.append(
            Track(
                track_id,
                np.array(indices, dtype=np.int64),
                np.array(times, dtype=np.float64),
                np.stack([person.keypoints for person in people]),
                np.array([person.score for person in people], dtype=np.float32),
                skeleton=people[0].skeleton,
            )
        )
    return tracks


@dataclass(frozen=True, eq=False)
class TrackPart:
    """Some frames of one person, and what comes before and after them.

    Attributes:
        track: the frames with their surroundings.
        own: which rows of it are this part; the others are of its neighbours.
    """

    track: Track
    own: slice
