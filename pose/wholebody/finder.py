"""Bodies -> hands and faces: a square of the frame for each, its landmarks, and whether they are believed.

Networks of landmarks: the first square is a guess out of the body; the landmarks found in it give the second, in which
they are read. In a video the landmarks of the frame before give the square, so one look is enough. OpenPose's networks,
which draw a map of beliefs for each joint, look once, where the body says. All squares of a frame go through the
network together. What is not sure is missing: the networks answer whatever they are shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pose.backends.base import Backend, ModelInfo
from pose.maps import AnyMaps, BeliefLayout, BeliefMaps, Landmarks, Layout
from pose.parsing.beliefs import find_joints
from pose.parsing.merging import similarities
from pose.parts import FACE_70, HAND_21, whole_body
from pose.people import Person
from pose.skeleton import Skeleton
from pose.wholebody.mesh import N_VERTICES, to_70
from pose.wholebody.regions import (
    Points,
    Region,
    Side,
    eye_of_landmarks,
    face_of_body,
    face_of_landmarks,
    hand_of_body,
    hand_of_landmarks,
    openpose_face,
    openpose_hand,
)

_WORTH_A_LOOK = 0.3  # score of a person
_MAYBE = 0.02  # presence in a guessed square from which the next one is looked at
_PRESENT = 0.5  # presence from which a hand or a face is there
_BELIEVED = {HAND_21: 0.2, FACE_70: 0.4}  # belief from which OpenPose draws a joint
_SMALLEST_HAND = 30.0  # pixels of the frame, side of the square: smaller ones are more often wrong than right
_SMALLEST = 14.0  # the same of a face and of an eye
_AT_THE_WRIST = 0.35  # of the square's side: how far a hand's wrist may lie from the body's
_AT_THE_NOSE = 0.25  # the same for a face's nose
_ONE = 0.15  # of the square's side: mean distance of their landmarks below which two hands, or faces, are one
_AS_NEAR = 0.05  # of the square's side: how much nearer a body must be for it to matter
_SAME_BODY = 0.3  # similarity of a person in two frames
_SIDES: tuple[Side, Side] = ("left", "right")
_WRIST, _NOSE_OF_70, _NOSE_OF_MESH = 0, 30, 4  # places among the landmarks

Key = TypeVar("Key")
Parts = dict[str, "_Found"]
"""Of one person: `left` and `right` (hands), `face`, `left_pupil` and `right_pupil`, as far as they are there."""


@dataclass(frozen=True, eq=False)
class _Found:
    """What was found in a square.

    Attributes:
        points: (n, 2) pixels of the frame.
        confidence: (n,) of each point.
        presence: how likely what was looked for is there.
        region: where it was looked for.
    """

    points: Points
    confidence: Points
    presence: float
    region: Region


def usual_threshold(layout: Layout) -> float:
    """The presence from which a hand or a face counts as there; for belief maps also the belief of each joint."""
    return _BELIEVED[layout.skeleton] if isinstance(layout, BeliefLayout) else _PRESENT


class PartFinder:
    """Finds the hands and faces of people.

    Args:
        hand, face: their networks, of landmarks or of belief maps; None leaves hands or faces out.
        iris: finds the pupils in the eyes of a face's mesh; without it they are missing. OpenPose's faces have them.
        hand_threshold, face_threshold: how likely one must be there; None is `usual_threshold`.
    """

    def __init__(
        self,
        hand: Backend | None,
        face: Backend | None,
        iris: Backend | None = None,
        hand_threshold: float | None = None,
        face_threshold: float | None = None,
    ) -> None:
        self._hand = None if hand is None else _Looker(hand, hand_threshold, _SMALLEST_HAND)
        self._face = None if face is None else _Looker(face, face_threshold)
        self._iris = None if iris is None else _Looker(iris)

    @property
    def models(self) -> dict[str, ModelInfo]:
        """The weights, by what they find."""
        networks = {"hands": self._hand, "face": self._face, "iris": self._iris}
        return {name: looker.network.model for name, looker in networks.items() if looker is not None}

    def skeleton(self, body: Skeleton) -> Skeleton:
        """Joints of the people given back."""
        return whole_body(body, hands=self._hand is not None, face=self._face is not None)

    def find(
        self,
        images: Sequence[NDArray[np.uint8]],
        people: Sequence[Sequence[Person]],
        consecutive: bool = False,
    ) -> list[list[Person]]:
        """The people with the joints of their hands and faces behind those of their bodies.

        Args:
            images: (H, W, 3) uint8 BGR each.
            people: of each image, in its pixels; bodies only.
            consecutive: the images follow one another in a video, so that a person's last landmarks say where to look.
        """
        done: list[list[Person]] = []
        last: list[tuple[Person, Parts]] = []
        for image, persons in zip(images, people, strict=True):
            found = self._parts(image, persons, _carried_over(persons, last) if consecutive else [{} for _ in persons])
            done.append([self._whole(person, parts) for person, parts in zip(persons, found, strict=True)])
            last = list(zip(persons, found, strict=True))
        return done

    def _parts(self, image: NDArray[np.uint8], people: Sequence[Person], before: Sequence[Parts]) -> list[Parts]:
        joints = [_Joints(person) for person in people]
        worth = [i for i, person in enumerate(people) if person.score >= _WORTH_A_LOOK]
        found: list[Parts] = [{} for _ in people]
        if self._hand is not None:
            hands = [(i, side) for i in worth for side in _SIDES]
            last_hands = {(i, side): before[i][side] for i, side in hands if side in before[i]}
            first = openpose_hand if self._hand.once else hand_of_body
            guesses = {(i, side): first(joints[i], side) for i, side in hands}
            wrists = {(i, side): (joints[i][f"{side}_wrist"], people[i].score) for i, side in hands}
            seen = self._hand.closer(image, last_hands, guesses, hand_of_landmarks)
            for (i, side), hand in _owned(seen, _WRIST, wrists, _AT_THE_WRIST).items():
                found[i][side] = hand
        if self._face is not None:
            last = {i: before[i]["face"] for i in worth if "face" in before[i]}
            heads = {i: (openpose_face if self._face.once else face_of_body)(joints[i]) for i in worth}
            noses = {i: (joints[i]["nose"], people[i].score) for i in worth}
            tip = _NOSE_OF_70 if self._face.once else _NOSE_OF_MESH
            shown = self._face.closer(image, last, heads, face_of_landmarks)
            for i, face in _owned(shown, tip, noses, _AT_THE_NOSE).items():
                found[i]["face"] = face
        if self._iris is not None:
            faces = {i: parts["face"].points for i, parts in enumerate(found) if "face" in parts}
            eyes = {(i, side): eye_of_landmarks(face, side) for i, face in faces.items() for side in _SIDES}
            for (i, side), eye in self._iris.look(image, eyes).items():
                found[i][f"{side}_pupil"] = eye
        return found

    def _whole(self, person: Person, parts: Parts) -> Person:
        rows, mesh = [person.keypoints], None
        if self._hand is not None:
            rows += [_rows(parts.get(side), len(HAND_21)) for side in _SIDES]
        if self._face is not None:
            face = parts.get("face")
            if face is not None and len(face.points) != len(FACE_70):
                right, left = (_pupil(parts.get(f"{side}_pupil")) for side in ("right", "left"))
                mesh = _rows(face, N_VERTICES)
                points = to_70(face.points, right, left)
                face = replace(face, points=points, confidence=np.full(len(points), face.presence))
            rows.append(_rows(face, len(FACE_70)))
        skeleton = self.skeleton(person.skeleton)
        return replace(person, keypoints=np.concatenate(rows), skeleton=skeleton, face_mesh=mesh)


class _Joints(dict[str, Points]):
    """(2,) pixels of a person's joints by name; NaN for those that are missing or that the layout lacks."""

    def __init__(self, person: Person) -> None:
        super().__init__(zip(person.skeleton.joints, person.keypoints[:, :2].astype(np.float64), strict=True))

    def __missing__(self, joint: str) -> Points:
        return np.full(2, np.nan)


def _carried_over(people: Sequence[Person], last: Sequence[tuple[Person, Parts]]) -> list[Parts]:
    """Of each person what was found of him in the frame before."""
    alike = similarities(people, [person for person, _ in last])
    return [last[int(row.argmax())][1] if row.max(initial=0) >= _SAME_BODY else {} for row in alike]


class _Looker:
    """A network, and what it must say to be believed.

    Attributes:
        network: of landmarks or of belief maps.
        once: it looks once, where the body says, and needs no closer look.
    """

    def __init__(self, network: Backend, threshold: float | None = None, smallest: float = _SMALLEST) -> None:
        self.network = network
        self._smallest = smallest
        self.once = isinstance(network.layout, BeliefLayout)
        self._threshold = usual_threshold(network.layout) if threshold is None else threshold

    def closer(
        self,
        image: NDArray[np.uint8],
        last: Mapping[Key, _Found],
        guesses: Mapping[Key, Region | None],
        of_landmarks: Callable[[Points], Region],
    ) -> dict[Key, _Found]:
        """What is there where it was last; where nothing is, or was, in the square that a look at the guess gives."""
        if self.once:
            return self._there(self.look(image, guesses))
        found = self._there(self.look(image, {i: of_landmarks(one.points) for i, one in last.items()}))
        first = self.look(image, {i: region for i, region in guesses.items() if i not in found})
        closer = {i: of_landmarks(one.points) for i, one in first.items() if one.presence >= _MAYBE}
        return found | self._there(self.look(image, closer))

    def look(self, image: NDArray[np.uint8], regions: Mapping[Key, Region | None]) -> dict[Key, _Found]:
        """What regions show that are large enough and touch the image."""
        layout = self.network.layout
        size = layout.size if isinstance(layout, BeliefLayout) else layout.multiple
        height, width = image.shape[:2]
        seen = {
            i: region
            for i, region in regions.items()
            if region is not None and region.side >= self._smallest and 0 <= region.x < width and 0 <= region.y < height
        }
        if not seen:
            return {}
        crops = np.stack([region.cut(image, size) for region in seen.values()])
        answers = zip(seen.items(), self.network.infer(crops), strict=True)
        return {i: self._read(maps, region, size) for (i, region), maps in answers}

    def _there(self, found: Mapping[Key, _Found]) -> dict[Key, _Found]:
        return {i: one for i, one in found.items() if one.presence >= self._threshold}

    def _read(self, maps: AnyMaps, region: Region, size: int) -> _Found:
        """A part of belief maps is there as far as half of its joints are; those that are not have no confidence."""
        if isinstance(maps, BeliefMaps):
            joints = find_joints(maps).astype(np.float64)
            points = region.to_frame(joints[:, :2], size)
            beliefs = joints[:, 2]
            sure = np.where(beliefs >= self._threshold, beliefs, 0.0)
            return _Found(points, sure, float(np.median(beliefs)), region)
        assert isinstance(maps, Landmarks)
        points = region.to_frame(maps.points[:, :2], size)
        return _Found(points, np.full(len(points), maps.presence), maps.presence, region)


def _owned(
    found: Mapping[Key, _Found], landmark: int, bodies: Mapping[Key, tuple[Points, float]], reach: float
) -> dict[Key, _Found]:
    """Those that lie where the body has them; what several bodies claim goes to the nearest, or surest of near ones.

    Args:
        found: hands or faces.
        landmark: the one that a body has, too.
        bodies: where the body has it, and its score; one that has it nowhere does not object.
        reach: how far apart the two may be, shares of the square's side.
    """
    off = {
        key: float(np.hypot(*(one.points[landmark] - bodies[key][0]))) / one.region.side for key, one in found.items()
    }
    kept: dict[Key, _Found] = {}
    for key in sorted(found, key=lambda key: np.nan_to_num((off[key] + _AS_NEAR) / bodies[key][1], nan=np.inf)):
        one = found[key]
        apart = [np.hypot(*(one.points - other.points).T).mean() for other in kept.values()]
        if not off[key] > reach and min(apart, default=np.inf) >= _ONE * one.region.side:
            kept[key] = one
    return kept


def _rows(found: _Found | None, n: int) -> NDArray[np.float32]:
    """(n, 3) joints as `Person` has them; one without a place or a confidence is missing."""
    rows = np.full((n, 3), (np.nan, np.nan, 0), dtype=np.float32)
    if found is not None:
        there = np.isfinite(found.points[:, 0]) & (found.confidence > 0)
        rows[there, :2], rows[there, 2] = found.points[there], found.confidence[there]
    return rows


def _pupil(eye: _Found | None) -> Points:
    return np.full(2, np.nan) if eye is None else eye.points[0]
