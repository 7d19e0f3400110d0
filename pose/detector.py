"""Images -> people: all looks of the body network, then each person refined, then calibrated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pose.backends.base import Backend
from pose.confidence import calibration_of
from pose.following import Follower
from pose.looks import BodyLooks
from pose.parsing import keep_best
from pose.parsing.middles import with_middles
from pose.people import Person
from pose.refine import Refiner
from pose.settings import EngineSettings
from pose.skeleton import Skeleton
from pose.wholebody import PartFinder

_WORTH_REFINING = 0.05  # score of the body network
_WORTH_KEEPING = 0.02  # the same without a refiner; lower ones are eight of eleven people and .002 AP
_GUESS = 0.3  # confidence of joints that are mere guesses: missing
_GHOST = 0.05  # score of people who are hardly ever there


class Detector:
    """The people of images, by a body network and, if there is one, a refiner.

    Args:
        body: finds everybody in an image.
        refiner: looks at each of them again; None leaves them as the body network saw them.
        settings: see `EngineSettings`.
        parts: finds hands and faces; None leaves them out.

    Attributes:
        calibration: of its confidences.
    """

    def __init__(
        self, body: Backend, refiner: Refiner | None, settings: EngineSettings, parts: PartFinder | None = None
    ) -> None:
        self.refiner = refiner
        self.parts = parts
        self.settings = settings
        self._looks = BodyLooks(body, settings)
        self._follower = None if refiner is None else Follower(refiner, self._calibrated)
        self.calibration = calibration_of(body.model, refiner.model if refiner is not None else None)

    @property
    def skeleton(self) -> Skeleton:
        """Joints of the people found."""
        return self._looks.skeleton if self.parts is None else self.parts.skeleton(self._looks.skeleton)

    def net_height(self, image_size: tuple[int, int]) -> int:
        """See `pose.looks.BodyLooks.net_height`."""
        return self._looks.net_height(image_size)

    def detect(self, images: Sequence[NDArray[np.uint8]], batch: int = 1) -> list[list[Person]]:
        """People of each image, best first; images need have nothing to do with each other.

        Args:
            images: (H, W, 3) uint8 BGR each; sizes may differ.
            batch: images that go through the network together.
        """
        people = self._looks.see(images, batch)
        for image, persons in zip(images, people, strict=True):
            for quarters, likely in self._looks.turns(persons).items():
                self._looks.see_turned([image], [persons], quarters, batch, likely)
        return self._with_parts(images, self._finish(images, people))

    def follow(self, images: Sequence[NDArray[np.uint8]], batch: int = 1) -> list[list[Person]]:
        """People of each of some consecutive frames of a video, best first.

        The turned looks that find somebody in the first frame are repeated in all; those that do not, in none. Whoever
        is seen in one frame and not found in the next, or in the one before, is looked for there by the refiner.
        """
        if self._follower is None:
            return self._with_parts(images, self._detect_alike(images, batch), consecutive=True)
        step = self.settings.every_body
        found = dict(zip(range(0, len(images), step), self._detect_alike(images[::step], batch), strict=True))
        for i in range(len(images)):
            if i not in found:
                found[i] = self._follower.carry_on([found[j] for j in range(max(i - 2, 0), i)], images[i])
        people = [found[i] for i in range(len(images))]
        self._follower.fill_gaps(images, people)
        return self._with_parts(images, people, consecutive=True)

    def _with_parts(
        self, images: Sequence[NDArray[np.uint8]], people: list[list[Person]], consecutive: bool = False
    ) -> list[list[Person]]:
        return people if self.parts is None else self.parts.find(images, people, consecutive)

    def _detect_alike(self, images: Sequence[NDArray[np.uint8]], batch: int) -> list[list[Person]]:
        """As `detect`, but the first image decides for all in which turns they are looked at."""
        people = self._looks.see(images, batch)
        for quarters, likely in self._looks.turns(people[0]).items():
            if self._looks.see_turned(images[:1], people[:1], quarters, batch, likely):
                self._looks.see_turned(images[1:], people[1:], quarters, batch, likely=True)
        return self._finish(images, people)

    def _finish(self, images: Sequence[NDArray[np.uint8]], people: list[list[Person]]) -> list[list[Person]]:
        """Refined, everybody once, calibrated, the best first, no more than wanted."""
        if self.refiner is not None:
            worth = [[person for person in persons if person.score >= _WORTH_REFINING] for persons in people]
            people = [keep_best(persons) for persons in self.refiner.refine(images, worth)]
        elif self._looks.centered:
            people = [[person for person in persons if person.score >= _WORTH_KEEPING] for persons in people]
        return [self._calibrated(persons) for persons in people]

    def _calibrated(self, people: list[Person]) -> list[Person]:
        """The best people, first the best; scores and confidences say how likely what they say is right.

        What a parser of fields put together stands where no curve is known: it has its own rule for what is missing.
        """
        unknown = self.calibration.missing if self._looks.parsed and self.refiner is None else []
        guess, ghost = (0.0 if name in unknown else least for name, least in (("joints", _GUESS), ("people", _GHOST)))
        calibrated = []
        for person in people:
            keypoints = person.keypoints.copy()
            keypoints[:, 2] = self.calibration.joints(keypoints[:, 2])
            if self._looks.centered or self.refiner is not None:  # which see no middles
                keypoints = with_middles(keypoints, person.skeleton)
            keypoints[keypoints[:, 2] < guess] = np.nan, np.nan, 0
            score = float(self.calibration.people(person.score))
            if score >= ghost and np.isfinite(keypoints[:, 0]).sum() >= self.settings.parser.min_joints:
                calibrated.append(replace(person, keypoints=keypoints, score=score))
        calibrated.sort(key=lambda person: -person.score)
        return calibrated[: self.settings.parser.max_people]
