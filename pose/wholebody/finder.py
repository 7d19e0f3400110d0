"""Bodies -> hands and faces: a square of the frame for each, its landmarks, and whether they are believed.

The first square is a guess out of the body; the landmarks found in it give the second, in which they are read. In a
video the landmarks of the frame before give the square, so one look is enough. All squares of a frame go through the
network together. What is not sure is missing: the networks answer whatever they are shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pose.backends.base import Backend, ModelInfo
from pose.maps import Landmarks
from pose.parsing.merging import similarities
from pose.parts import FACE_70, HAND_21, whole_body
from pose.people import Person
from pose.skeleton import Skeleton
from pose.wholebody.mesh import to_70
from pose.wholebody.regions import (
    Points,
    Region,
    Side,
    eye_of_landmarks,
    face_of_body,
    face_of_landmarks,
    hand_of_body,
    hand_of_landmarks,
)

_WORTH_A_LOOK = 0.3  # score of a person
_MAYBE = 0.1  # presence in a guessed square from which the next one is looked at
_PRESENT = 0.5  # presence from which a hand or a face is there
_SMALLEST = 14.0  # pixels of the frame, side of the square: less shows nothing
_AT_THE_WRIST = 0.35  # of the square's side: how far a hand's wrist may lie from the body's
_AT_THE_NOSE = 0.25  # the same for a face's nose
_ONE_HAND = 0.15  # of the square's side: mean distance of their landmarks below which two hands are one
_SAME_BODY = 0.3  # similarity of a person in two frames
_SIDES: tuple[Side, Side] = ("left", "right")
_NOSE_TIP = 4  # vertex of the mesh

Key = TypeVar("Key")
Parts = dict[str, "_Found"]
"""Of one person: `left` and `right` (hands), `face`, `left_pupil` and `right_pupil`, as far as they are there."""


@dataclass(frozen=True, eq=False)
class _Found:
    """(n, 2) landmarks in pixels of the frame, how likely they are there, and where they were looked for."""

    points: Points
    presence: float
    region: Region


class PartFinder:
    """Finds the hands and faces of people.

    Args:
        hand, face: their networks; None leaves hands or faces out.
        iris: finds the pupils of faces; without it they are missing.
    """

    def __init__(self, hand: Backend | None, face: Backend | None, iris: Backend | None = None) -> None:
        self._hand, self._face, self._iris = hand, face, iris

    @property
    def models(self) -> dict[str, ModelInfo]:
        """The weights, by what they find."""
        networks = {"hands": self._hand, "face": self._face, "iris": self._iris}
        return {name: network.model for name, network in networks.items() if network is not None}

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
            known = {(i, side): hand_of_landmarks(before[i][side].points) for i, side in hands if side in before[i]}
            guesses = {(i, side): hand_of_body(joints[i], side) for i, side in hands}
            for (i, side), hand in _look_closer(self._hand, image, known, guesses, hand_of_landmarks).items():
                if _is_near(hand.points[0], joints[i][f"{side}_wrist"], _AT_THE_WRIST * hand.region.side):
                    found[i][side] = hand
            _one_owner_each(found, joints)
        if self._face is not None:
            last = {i: face_of_landmarks(before[i]["face"].points) for i in worth if "face" in before[i]}
            heads = {i: face_of_body(joints[i]) for i in worth}
            for i, face in _look_closer(self._face, image, last, heads, face_of_landmarks).items():
                if _is_near(face.points[_NOSE_TIP], joints[i]["nose"], _AT_THE_NOSE * face.region.side):
                    found[i]["face"] = face
        if self._iris is not None:
            faces = {i: parts["face"].points for i, parts in enumerate(found) if "face" in parts}
            eyes = {(i, side): eye_of_landmarks(face, side) for i, face in faces.items() for side in _SIDES}
            for (i, side), eye in _look(self._iris, image, eyes).items():
                found[i][f"{side}_pupil"] = eye
        return found

    def _whole(self, person: Person, parts: Parts) -> Person:
        rows = [person.keypoints]
        if self._hand is not None:
            rows += [_rows(parts.get(side), len(HAND_21)) for side in _SIDES]
        if self._face is not None:
            face = parts.get("face")
            if face is not None:
                right, left = (_pupil(parts.get(f"{side}_pupil")) for side in ("right", "left"))
                face = replace(face, points=to_70(face.points, right, left))
            rows.append(_rows(face, len(FACE_70)))
        return replace(person, keypoints=np.concatenate(rows), skeleton=self.skeleton(person.skeleton))


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


def _look_closer(
    network: Backend,
    image: NDArray[np.uint8],
    known: Mapping[Key, Region],
    guesses: Mapping[Key, Region | None],
    of_landmarks: Callable[[Points], Region],
) -> dict[Key, _Found]:
    """What is there in known regions; where nothing is, or none is known, in the one that a look at the guess gives."""
    found = {i: one for i, one in _look(network, image, known).items() if one.presence >= _PRESENT}
    rest = {i: region for i, region in guesses.items() if region is not None and i not in found}
    first = _look(network, image, rest)
    closer = {i: of_landmarks(one.points) for i, one in first.items() if one.presence >= _MAYBE}
    return found | {i: one for i, one in _look(network, image, closer).items() if one.presence >= _PRESENT}


def _look(network: Backend, image: NDArray[np.uint8], regions: Mapping[Key, Region]) -> dict[Key, _Found]:
    """Landmarks in regions that are large enough and touch the image."""
    size = network.layout.multiple
    height, width = image.shape[:2]
    seen = {
        i: region
        for i, region in regions.items()
        if region.side >= _SMALLEST and 0 <= region.x < width and 0 <= region.y < height
    }
    if not seen:
        return {}
    found: dict[Key, _Found] = {}
    crops = np.stack([region.cut(image, size) for region in seen.values()])
    for (i, region), landmarks in zip(seen.items(), network.infer(crops), strict=True):
        assert isinstance(landmarks, Landmarks)
        found[i] = _Found(region.to_frame(landmarks.points[:, :2], size), landmarks.presence, region)
    return found


def _is_near(point: Points, joint: Points, reach: float) -> bool:
    """Whether a landmark lies where the body has it; a body that has it nowhere does not object."""
    return not np.hypot(*(point - joint)) > reach


def _one_owner_each(found: Sequence[Parts], joints: Sequence[_Joints]) -> None:
    """Takes a hand that two wrists claim from the one that it lies farther from."""
    claims = [(i, side) for i, parts in enumerate(found) for side in _SIDES if side in parts]

    def off(claim: tuple[int, Side]) -> float:
        i, side = claim
        return float(np.hypot(*(found[i][side].points[0] - joints[i][f"{side}_wrist"])))

    kept: list[_Found] = []
    for i, side in sorted(claims, key=off):
        hand = found[i][side]
        apart = [np.hypot(*(hand.points - other.points).T).mean() for other in kept]
        if apart and min(apart) < _ONE_HAND * hand.region.side:
            del found[i][side]
        else:
            kept.append(hand)


def _rows(found: _Found | None, n: int) -> NDArray[np.float32]:
    """(n, 3) joints as `Person` has them; one without a place is missing."""
    rows = np.full((n, 3), (np.nan, np.nan, 0), dtype=np.float32)
    if found is not None:
        rows[:, :2] = found.points
        rows[np.isfinite(rows[:, 0]), 2] = found.presence
    return rows


def _pupil(eye: _Found | None) -> Points:
    return np.full(2, np.nan) if eye is None else eye.points[0]
