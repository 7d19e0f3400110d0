"""Belief maps of crops -> joints on the frame.

Of the maps of a crop the person asked for is read, not the likeliest one: the middle near the crop's, and each joint
near both where the network regresses it from there and where the body network saw it (`pose.parsing.centers`). A joint
so never jumps to a neighbour whose belief is higher, unless both agree with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pose.backends.base import Backend, ModelInfo
from pose.maps import CenterLayout, CenterMaps
from pose.parsing.centers import read_person
from pose.people import Person
from pose.refine.crops import Crop, crop_of

_SIZE = 256  # of the crops, pixels
_WIDTH_OF_MIDDLE = 10.0  # cells
_SLACK = 2.0  # cells


class Refiner:
    """A network that finds the joints of one person in a crop, such as MoveNet Thunder.

    Args:
        backend: the network; its maps are `CenterMaps`.
    """

    def __init__(self, backend: Backend) -> None:
        if not isinstance(backend.layout, CenterLayout):
            raise ValueError(f"{backend.model.name}: expected a network that finds one person in a crop")
        self._backend = backend
        self._joints = backend.layout.skeleton.joints

    @property
    def model(self) -> ModelInfo:
        """Name, hash, source and licence of the weights."""
        return self._backend.model

    def refine(
        self, images: Sequence[NDArray[np.uint8]], people: Sequence[Sequence[Person]], batch: int = 4
    ) -> list[list[Person]]:
        """The people of some frames with the joints that the network sees; scores are multiplied by their mean belief.

        A person whose crop can't be cut or whose joints come out as no numbers stays as he was.

        Args:
            images: (H, W, 3) uint8 BGR each.
            people: of each image, in its pixels.
            batch: crops that go through the network together.
        """
        refined = [list(persons) for persons in people]
        tasks = [
            (i, j, crop)
            for i, persons in enumerate(people)
            for j, person in enumerate(persons)
            if (crop := crop_of(person, _SIZE)) is not None
        ]
        for start in range(0, len(tasks), batch):
            some = tasks[start : start + batch]
            crops = np.stack([crop.cut(images[i]) for i, _, crop in some])
            for (i, j, crop), maps in zip(some, self._backend.infer(crops), strict=True):
                assert isinstance(maps, CenterMaps)
                refined[i][j] = self._read(people[i][j], crop, maps)
        return refined

    def _read(self, person: Person, crop: Crop, maps: CenterMaps) -> Person:
        places = [person.skeleton.index(joint) for joint in self._joints]
        stride = maps.layout.stride
        prior = crop.to_crop(person.keypoints[places, :2]) / stride
        middle = np.full(2, crop.size / (2 * stride))
        joints = read_person(
            maps.centers[0], maps.heatmaps, maps.regressions, maps.offsets, middle, _WIDTH_OF_MIDDLE, prior, _SLACK
        )
        if not np.isfinite(joints).all():
            return person
        keypoints = person.keypoints.copy()
        keypoints[places, :2] = crop.to_frame(joints[:, :2] * stride)
        keypoints[places, 2] = np.clip(joints[:, 2], 0, 1)
        score = person.score * float(keypoints[places, 2].mean())
        return replace(person, keypoints=keypoints, score=score)
