"""Looks of a body network at an image, at several sizes, mirrored and turned: images -> people of all looks.

Looks of part affinity fields are merged on their maps, those of centre networks on their people. A convolutional pose
machine looks once, at the whole image, and sees the one person in it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from pose.averaging import merge, mirror
from pose.backends.base import Backend
from pose.maps import AnyMaps, BeliefLayout, CenterLayout, CenterMaps, Maps
from pose.parsing import find_centered_people, keep_best, parse
from pose.parsing.middles import to_coco_18
from pose.people import Person
from pose.preprocess import NetSize, Placement, fit, fit_longer_side, letterbox
from pose.refine import Refiner
from pose.settings import Accuracy, EngineSettings
from pose.skeleton import COCO_18, Skeleton
from pose.turns import turned, turned_back, worth_turning


@dataclass(frozen=True)
class Look:
    """One way in which an image is shown to the network.

    Attributes:
        share: of the network's input over that of the chief look, per side.
        mirrored: left to right.
    """

    share: float = 1.0
    mirrored: bool = False


_FIELD_LOOKS: dict[Accuracy, tuple[int, tuple[Look, ...]]] = {
    "fast": (336, (Look(),)),
    "balanced": (368, (Look(),)),
    "high": (368, (Look(1.5), Look(1.5, True), Look(), Look(mirrored=True))),
}
"""Of part affinity fields: usual height of the chief look, pixels, and all looks."""

_CENTER_LOOKS: dict[Accuracy, tuple[int, tuple[Look, ...]]] = {
    "fast": (448, (Look(),)),
    "balanced": (640, (Look(0.4), Look())),
    "high": (640, (Look(0.4), Look(0.7, True), Look(), Look(1.3, True))),
}
"""Of centre networks: usual longer side of the chief look, pixels, and all looks."""

_TURNS: dict[Accuracy, tuple[int, ...]] = {"fast": (), "balanced": (1, 3), "high": (1, 2, 3)}
"""Quarter turns clockwise that are looked at where an upright look leaves a doubt."""

_FOUND = 0.1  # score of somebody for whom a turned look has paid


class BodyLooks:
    """The people that a body network sees in images; neither refined nor calibrated, in pixels of the images.

    Args:
        body: finds everybody in an image, or the one person that fills it.
        settings: its accuracy says which looks are taken.
    """

    def __init__(self, body: Backend, settings: EngineSettings) -> None:
        self.body = body
        self.centered = isinstance(body.layout, CenterLayout)
        single = isinstance(body.layout, BeliefLayout)
        self.parsed = not (self.centered or single)
        self._single = Refiner(body, mirrored=settings.accuracy == "high") if single else None
        self._parser = settings.parser
        self._turns = () if single else _TURNS[settings.accuracy]
        self._usual, self._looks = (_CENTER_LOOKS if self.centered else _FIELD_LOOKS)[settings.accuracy]
        self._height = settings.net_height

    @property
    def skeleton(self) -> Skeleton:
        """Joints of the people seen."""
        return COCO_18 if self.centered else self.body.layout.skeleton

    def net_height(self, image_size: tuple[int, int]) -> int:
        """Height of the network's input in its chief look at images of (height, width), pixels."""
        layout = self.body.layout
        return layout.size if isinstance(layout, BeliefLayout) else self._canvas(image_size, Look()).height

    def see(self, images: Sequence[NDArray[np.uint8]], batch: int) -> list[list[Person]]:
        """People of each image as it stands; so many images of one size at a time go through the network together."""
        if self._single is not None:
            return [[person] for person in self._single.see_whole(images)]
        return self._see(images, self._looks, batch)

    def turns(self, people: Sequence[Person]) -> dict[int, bool]:
        """Which quarter turns are worth a look at an image with these people, see `pose.turns.worth_turning`."""
        return worth_turning(people, self._turns)

    def see_turned(
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
        looks = sorted(self._looks, key=lambda look: (look.share, look.mirrored))
        paid = _add_turned(images, people, quarters, self._see(views, looks[:1], batch))
        if (paid or likely) and len(looks) > 1:
            paid |= _add_turned(images, people, quarters, self._see(views, looks[1:], batch))
        return paid

    # ------------------------------------------------------------------------------------------------------------------

    def _see(self, images: Sequence[NDArray[np.uint8]], looks: Sequence[Look], batch: int) -> list[list[Person]]:
        people_of = self._centered_people if self.centered else self._parsed_people
        found: list[list[Person]] = []
        for _, group in groupby(images, key=lambda image: image.shape):
            alike = list(group)
            for start in range(0, len(alike), batch):
                shown = [self._show(alike[start : start + batch], look) for look in looks]
                found += [people_of(seen, looks) for seen in zip(*shown, strict=True)]
        return found

    def _show(self, images: list[NDArray[np.uint8]], look: Look) -> list[tuple[AnyMaps, Placement]]:
        """Maps of images of one size, and where on the network's input each lies."""
        size = self._canvas(images[0].shape[:2], look)
        canvases, placements = zip(*(letterbox(i, size, blur=not self.centered) for i in images), strict=True)
        batch = np.stack(canvases)
        maps = self.body.infer(np.ascontiguousarray(batch[:, :, ::-1]) if look.mirrored else batch)
        return list(zip(maps, placements, strict=True))

    def _canvas(self, image_size: tuple[int, int], look: Look) -> NetSize:
        layout = self.body.layout
        multiple = math.lcm(layout.stride, layout.multiple)
        if self.centered and self._height is None:
            return fit_longer_side(image_size, round(look.share * self._usual), multiple)
        height = round(look.share * (self._height or self._usual))
        return fit(image_size, max(height, multiple), multiple)

    def _parsed_people(self, seen: Sequence[tuple[AnyMaps, Placement]], looks: Sequence[Look]) -> list[Person]:
        straight = []
        for (maps, _), look in zip(seen, looks, strict=True):
            assert isinstance(maps, Maps)
            straight.append(mirror(maps) if look.mirrored else maps)
        merged = straight[0] if len(seen) == 1 else merge(straight, [(p.scale_x, p.scale_y) for _, p in seen])
        return [_placed(person, seen[0][1]) for person in parse(merged, self._parser)]

    def _centered_people(self, seen: Sequence[tuple[AnyMaps, Placement]], looks: Sequence[Look]) -> list[Person]:
        people = []
        for (maps, placement), look in zip(seen, looks, strict=True):
            assert isinstance(maps, CenterMaps)
            width = maps.heatmaps.shape[2] * maps.layout.stride
            for person in find_centered_people(maps, self._parser.max_people):
                straight = _mirrored(person, width) if look.mirrored else person
                people.append(_placed(to_coco_18(straight), placement))
        return keep_best(people)


def _add_turned(
    images: Sequence[NDArray[np.uint8]], people: list[list[Person]], quarters: int, seen: list[list[Person]]
) -> bool:
    paid = False
    for image, persons, found in zip(images, people, seen, strict=True):
        new = [turned_back(person, quarters, image.shape[:2]) for person in found]
        persons[:] = keep_best([*persons, *new])
        paid |= any(person.score > _FOUND and any(person is one for one in new) for person in persons)
    return paid


def _mirrored(person: Person, width: int) -> Person:
    """A person of a canvas flipped left to right, on the canvas itself."""
    keypoints = person.keypoints[person.skeleton.mirror_indices].copy()
    keypoints[:, 0] = width - 1 - keypoints[:, 0]
    return replace(person, keypoints=keypoints)


def _placed(person: Person, placement: Placement) -> Person:
    keypoints = person.keypoints.copy()
    keypoints[:, :2] = placement.to_source(keypoints[:, :2])
    return replace(person, keypoints=keypoints)
