"""Images -> people: all looks of the body network, merged, then each person refined.

frame -> looks (sizes, mirrored, turned) -> maps -> people -> merged -> refined -> calibrated
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pose.backends.base import Backend, Precision
from pose.confidence import calibration_of
from pose.looks import merge, mirror
from pose.maps import CenterLayout, CenterMaps, Maps
from pose.parsing import ParserSettings, find_centered_people, keep_best, parse
from pose.parsing.merging import SAME, similarities
from pose.parsing.middles import to_coco_18, with_middles
from pose.people import Person
from pose.preprocess import NET_HEIGHT, Placement, fit, fit_longer_side, letterbox
from pose.refine import Refiner
from pose.skeleton import COCO_18, Skeleton
from pose.turns import turned, turned_back, worth_turning

Accuracy = Literal["fast", "balanced", "high"]


@dataclass(frozen=True)
class Look:
    """One way in which an image is shown to the network.

    Attributes:
        size: of the network's input, pixels: its height for networks of part affinity fields, its longer side for
            centre networks.
        mirrored: left to right.
    """

    size: int
    mirrored: bool = False


_FIELD_LOOKS: dict[Accuracy, tuple[tuple[float, bool], ...]] = {
    "fast": ((0.913, False),),
    "balanced": ((1.0, False),),
    "high": ((1.5, False), (1.5, True), (1.0, False), (1.0, True)),
}
"""Of part affinity fields, merged on their maps: height over the balanced one, and whether mirrored."""

_CENTER_LOOKS: dict[Accuracy, tuple[tuple[int, bool], ...]] = {
    "fast": ((448, False),),
    "balanced": ((256, False), (640, False)),
    "high": ((256, False), (448, True), (640, False), (832, True)),
}
"""Of centre networks, merged on their people: longer side, and whether mirrored."""

_TURNS: dict[Accuracy, tuple[int, ...]] = {"fast": (), "balanced": (1, 3), "high": (1, 2, 3)}
"""Quarter turns that are looked at where an upright look leaves a doubt."""


@dataclass(frozen=True)
class EngineSettings:
    """What the people found depend on, apart from the networks' weights and the device.

    Attributes:
        net_height: size of the network's input at `balanced` accuracy, pixels: its height for part affinity fields, the
            longer side of the larger look for centre networks; None is the network's own choice, 368 and 640.
        accuracy: how much work is put in; see `docs/networks.md` for what each level does.
        precision: of the networks' arithmetic; None is float32 on CPUs and float16 on GPUs.
        parser: thresholds of the parser.
        every_body: the body network looks at each n-th frame of a video; in between people are followed by the refiner.
    """

    net_height: int | None = None
    accuracy: Accuracy = "balanced"
    precision: Precision | None = None
    parser: ParserSettings = field(default_factory=ParserSettings)
    every_body: int = 1

    def __post_init__(self) -> None:
        if self.net_height is not None and self.net_height < 64:
            raise ValueError(f"net_height must be at least 64 pixels, got {self.net_height}")
        if self.accuracy not in _FIELD_LOOKS:
            raise ValueError(f"accuracy must be one of {', '.join(_FIELD_LOOKS)}, got {self.accuracy!r}")
        if self.every_body < 1:
            raise ValueError(f"every_body must be at least 1, got {self.every_body}")

    @property
    def light(self) -> bool:
        """Whether half of the network's refinements are left out, see `pose.weights.zoo.load_backend`."""
        return self.accuracy == "fast"

    @property
    def turns(self) -> tuple[int, ...]:
        """Quarter turns, clockwise, in which the frame is looked at where that may pay."""
        return _TURNS[self.accuracy]


_WORTH_REFINING = 0.05  # score of the body network
_WORTH_KEEPING = 0.02  # the same without a refiner; lower ones are eight of eleven people and .002 AP
_FOUND = 0.1  # score of somebody for whom a turned look has paid
_THERE = 0.3  # score of somebody who does not vanish from one frame to the next
_FOLLOWED = 0.5  # score, before refining, of a person followed without the body network
_STILL_THERE = 0.65  # score of him, refined
_SAME_BODY = 0.3  # similarity of a person in two frames
_GUESS = 0.3  # confidence of joints that are mere guesses: missing
_GHOST = 0.05  # score of people who are hardly ever there


class Detector:
    """The people of images, by a body network and, if there is one, a refiner.

    Args:
        body: finds everybody in an image.
        refiner: looks at each of them again; None leaves them as the body network saw them.
        settings: see `EngineSettings`.
    """

    def __init__(self, body: Backend, refiner: Refiner | None, settings: EngineSettings) -> None:
        self.body = body
        self.refiner = refiner
        self.settings = settings
        self._centered = isinstance(body.layout, CenterLayout)
        self._calibration = calibration_of(body.model.name, refiner.model.name if refiner is not None else None)

    @property
    def skeleton(self) -> Skeleton:
        """Joints of the people found."""
        return COCO_18 if self._centered else self.body.layout.skeleton

    def detect(self, images: Sequence[NDArray[np.uint8]], batch: int = 1) -> list[list[Person]]:
        """People of each image, best first; images need have nothing to do with each other.

        Args:
            images: (H, W, 3) uint8 BGR each; sizes may differ.
            batch: images that go through the network together.
        """
        people = self._see(images, self._looks(), batch)
        for image, persons in zip(images, people, strict=True):
            for quarters, likely in worth_turning(persons, self.settings.turns).items():
                self._look_turned([image], [persons], quarters, batch, likely)
        return self._finish(images, people)

    def follow(self, images: Sequence[NDArray[np.uint8]], batch: int = 1) -> list[list[Person]]:
        """People of each of some consecutive frames of a video, best first.

        The turned looks that find somebody in the first frame are repeated in all; those that do not, in none. Whoever
        is seen in one frame and not found in the next, or in the one before, is looked for there by the refiner.
        """
        step = self.settings.every_body if self.refiner is not None else 1
        keys = list(range(0, len(images), step))
        shown = [images[i] for i in keys]
        people = self._see(shown, self._looks(), batch)
        for quarters, likely in worth_turning(people[0], self.settings.turns).items():
            if self._look_turned(shown[:1], people[:1], quarters, batch, likely):
                self._look_turned(shown[1:], people[1:], quarters, batch, likely=True)
        found = dict(zip(keys, self._finish(shown, people), strict=True))
        for i in range(len(images)):
            if i not in found:
                found[i] = self._carry_on([found[j] for j in range(max(i - 2, 0), i)], images[i])
        people = [found[i] for i in range(len(images))]
        if self.refiner is not None:
            for direction in (1, -1):
                images, people = images[::direction], people[::direction]
                self._look_again(images, people)
            people.reverse()
        return people

    # ------------------------------------------------------------------------------------------------------------------

    def _see(self, images: Sequence[NDArray[np.uint8]], looks: Sequence[Look], batch: int) -> list[list[Person]]:
        """What the body network sees of upright people, in pixels of the images; neither refined nor calibrated."""
        see = self._see_centers if self._centered else self._see_fields
        found: list[list[Person]] = []
        for _, group in groupby(images, key=lambda image: image.shape):
            alike = list(group)
            for start in range(0, len(alike), batch):
                found += see(alike[start : start + batch], looks)
        return found

    def _looks(self) -> tuple[Look, ...]:
        accuracy, height = self.settings.accuracy, self.settings.net_height
        if self._centered:
            share = 1.0 if height is None else height / 640
            return tuple(Look(round(size * share), mirrored) for size, mirrored in _CENTER_LOOKS[accuracy])
        return tuple(
            Look(round((height or NET_HEIGHT) * share), mirrored) for share, mirrored in _FIELD_LOOKS[accuracy]
        )

    def _see_fields(self, images: list[NDArray[np.uint8]], looks: Sequence[Look]) -> list[list[Person]]:
        found = []
        for seen in zip(*(self._field_maps(images, look) for look in looks), strict=True):
            placement = seen[0][1]
            if len(seen) == 1:
                maps = seen[0][0]
            else:
                maps = merge([maps for maps, _ in seen], [(p.scale_x, p.scale_y) for _, p in seen])
            found.append([_placed(person, placement) for person in parse(maps, self.settings.parser)])
        return found

    def _field_maps(self, images: list[NDArray[np.uint8]], look: Look) -> list[tuple[Maps, Placement]]:
        """Maps of images of one size, and where on the network's input each lies."""
        size = fit(images[0].shape[:2], look.size, self.body.layout.stride)
        canvases, placements = zip(*(letterbox(image, size) for image in images), strict=True)
        batch = np.stack(canvases)
        maps = []
        for one in self.body.infer(np.ascontiguousarray(batch[:, :, ::-1]) if look.mirrored else batch):
            assert isinstance(one, Maps)
            maps.append(mirror(one) if look.mirrored else one)
        return list(zip(maps, placements, strict=True))

    def _see_centers(self, images: list[NDArray[np.uint8]], looks: Sequence[Look]) -> list[list[Person]]:
        layout = self.body.layout
        assert isinstance(layout, CenterLayout)
        found: list[list[Person]] = [[] for _ in images]
        for look in looks:
            size = fit_longer_side(images[0].shape[:2], look.size, layout.multiple)
            canvases, placements = zip(*(letterbox(image, size, blur=False) for image in images), strict=True)
            batch = np.stack(canvases)
            maps = self.body.infer(np.ascontiguousarray(batch[:, :, ::-1]) if look.mirrored else batch)
            for people, one, placement in zip(found, maps, placements, strict=True):
                assert isinstance(one, CenterMaps)
                for person in find_centered_people(one, self.settings.parser.max_people):
                    if look.mirrored:
                        person = _mirrored(person, size.width)
                    people.append(_placed(to_coco_18(person), placement))
        return [keep_best(people) for people in found]

    def _look_turned(
        self,
        images: Sequence[NDArray[np.uint8]],
        people: list[list[Person]],
        quarters: int,
        batch: int,
        likely: bool,
    ) -> bool:
        """Adds those whom a turned look sees better than the looks before; whether there are any.

        The smallest look goes first; the others follow where it finds somebody, or that is `likely` anyway.
        """
        views = [turned(image, quarters) for image in images]
        looks = sorted(self._looks(), key=lambda look: (look.size, look.mirrored))
        paid = self._add_turned(images, people, quarters, self._see(views, looks[:1], batch))
        if (paid or likely) and len(looks) > 1:
            paid |= self._add_turned(images, people, quarters, self._see(views, looks[1:], batch))
        return paid

    def _add_turned(
        self,
        images: Sequence[NDArray[np.uint8]],
        people: list[list[Person]],
        quarters: int,
        seen: list[list[Person]],
    ) -> bool:
        paid = False
        for image, persons, found in zip(images, people, seen, strict=True):
            new = [turned_back(person, quarters, image.shape[:2]) for person in found]
            persons[:] = keep_best([*persons, *new])
            paid |= any(person.score > _FOUND and any(person is one for one in new) for person in persons)
        return paid

    def _finish(self, images: Sequence[NDArray[np.uint8]], people: list[list[Person]]) -> list[list[Person]]:
        """Refined, everybody once, calibrated, the best first, no more than wanted."""
        if self.refiner is not None:
            worth = [[person for person in persons if person.score >= _WORTH_REFINING] for persons in people]
            people = [keep_best(persons) for persons in self.refiner.refine(images, worth)]
        elif self._centered:
            people = [[person for person in persons if person.score >= _WORTH_KEEPING] for persons in people]
        return [self._calibrated(persons) for persons in people]

    def _look_again(self, images: Sequence[NDArray[np.uint8]], people: list[list[Person]]) -> None:
        """Adds to each frame those of the frame before who are lost in it and whom the refiner still sees."""
        for i in range(1, len(images)):
            known = [person for person in people[i - 1] if person.score >= _THERE]
            found = similarities(known, people[i]).max(axis=1, initial=0) >= _SAME_BODY
            lost = [person for person, is_found in zip(known, found, strict=True) if not is_found]
            if lost:
                again = self._carry_on([*people[max(i - 2, 0) : i - 1], lost], images[i])
                new = similarities(again, people[i]).max(axis=1, initial=0) < SAME
                people[i] += [person for person, is_new in zip(again, new, strict=True) if is_new]
                people[i].sort(key=lambda person: -person.score)

    def _carry_on(self, before: list[list[Person]], image: NDArray[np.uint8]) -> list[Person]:
        """The people of the frames before, moved on as they moved and refined; who is not seen any more is left out.

        Nobody is surer to be there than he was before.
        """
        assert self.refiner is not None
        last, earlier = before[-1], before[-2] if len(before) > 1 else []
        alike = similarities(last, earlier)
        moved = []
        for i, person in enumerate(last):
            step = np.zeros(2, dtype=np.float32)
            if earlier and alike[i].max() >= _SAME_BODY:
                twin = earlier[int(alike[i].argmax())]
                step = np.nan_to_num(np.nanmedian(person.keypoints[:, :2] - twin.keypoints[:, :2], axis=0))
            keypoints = person.keypoints.copy()
            keypoints[:, :2] += step
            moved.append(replace(person, keypoints=keypoints, score=_FOLLOWED))
        [refined] = self.refiner.refine([image], [moved])
        seen = []
        for person, again in zip(last, refined, strict=True):
            for one in self._calibrated([again]):
                if one.score >= _STILL_THERE:
                    seen.append(replace(one, score=min(one.score, person.score)))
        return keep_best(seen)

    def _calibrated(self, people: list[Person]) -> list[Person]:
        """The best people, first the best; scores and confidences say how likely what they say is right."""
        calibrated = []
        for person in people:
            keypoints = person.keypoints.copy()
            keypoints[:, 2] = self._calibration.joints(keypoints[:, 2])
            if self._centered or self.refiner is not None:  # which see no middles
                keypoints = with_middles(keypoints, person.skeleton)
            keypoints[keypoints[:, 2] < _GUESS] = np.nan, np.nan, 0
            score = float(self._calibration.people(person.score))
            if score >= _GHOST and np.isfinite(keypoints[:, 0]).sum() >= self.settings.parser.min_joints:
                calibrated.append(replace(person, keypoints=keypoints, score=score))
        calibrated.sort(key=lambda person: -person.score)
        return calibrated[: self.settings.parser.max_people]


def _mirrored(person: Person, width: int) -> Person:
    """A person of a canvas flipped left to right, on the canvas itself."""
    keypoints = person.keypoints[person.skeleton.mirror_indices].copy()
    keypoints[:, 0] = width - 1 - keypoints[:, 0]
    return replace(person, keypoints=keypoints)


def _placed(person: Person, placement: Placement) -> Person:
    keypoints = person.keypoints.copy()
    keypoints[:, :2] = placement.to_source(keypoints[:, :2])
    return replace(person, keypoints=keypoints)
