"""Belief maps of crops -> joints on the frame.

Refiners are centre networks (MoveNet Thunder) or convolutional pose machines. Of the maps of a crop the person asked
for is read, not the likeliest one: each joint near where the body network saw it and, by a centre network, the middle
near the crop's and each joint also near where it is regressed from there (`pose.parsing.centers`). A joint so never
jumps to a neighbour whose belief is higher, unless all agree with it; then it is asked who of the frame claims it more
(`pose.refine.claims`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pose.backends.base import Backend, ModelInfo
from pose.maps import BeliefLayout, BeliefMaps, CenterMaps, MapLayout
from pose.parsing.beliefs import find_joints
from pose.parsing.centers import read_person
from pose.people import Person
from pose.preprocess import NetSize
from pose.refine.claims import Claim, Sight, share_out
from pose.refine.crops import Crop, crop_of

_LONGER = 256  # longer side of the crops that centre networks see, pixels
_WIDTH_OF_MIDDLE = 10.0  # cells
_SLACK = 2.0  # cells
_PLACES = 4  # of each joint that are thought of
_AGREE = 24.0  # pixels of the crop between a joint and the same one seen mirrored

Float = TypeVar("Float", bound=np.floating)


class Refiner:
    """A network that finds the joints of one person in a crop, such as MoveNet Thunder.

    Args:
        backend: the network; its maps are `CenterMaps` or `BeliefMaps`.
        mirrored: show it each crop mirrored as well, and take the mean.
    """

    def __init__(self, backend: Backend, mirrored: bool = False) -> None:
        layout = backend.layout
        if isinstance(layout, MapLayout):
            raise ValueError(f"{backend.model.name}: expected a network that finds one person in a crop")
        self._backend = backend
        self._mirrored = mirrored
        self._longer, self._multiple = (
            (layout.size, layout.size) if isinstance(layout, BeliefLayout) else (_LONGER, layout.multiple)
        )
        self.skeleton = layout.skeleton

    @property
    def model(self) -> ModelInfo:
        """Name, hash, source and licence of the weights."""
        return self._backend.model

    def refine(
        self,
        images: Sequence[NDArray[np.uint8]],
        people: Sequence[Sequence[Person]],
        beside: Sequence[Sequence[Person]] | None = None,
        batch: int = 4,
        square: bool = False,
    ) -> list[list[Person]]:
        """The people of some frames with the joints that the network sees; scores are multiplied by their mean belief.

        A person whose crop can't be cut or whose joints come out as no numbers stays as he was. What others hide stays
        as it was, too; who is one of the others again has score 0 (`pose.refine.claims`).

        Args:
            images: (H, W, 3) uint8 BGR each.
            people: of each image, in its pixels.
            beside: others who are in each image, so that nobody takes joints of theirs.
            batch: crops that go through the network together.
            square: crops are squares also where a person is narrow; for people who may have moved.
        """
        tasks = [
            (i, j, crop)
            for i, persons in enumerate(people)
            for j, person in enumerate(persons)
            if (crop := crop_of(person, self._longer, self._longer if square else self._multiple)) is not None
        ]
        alike: defaultdict[NetSize, list[tuple[int, int, Crop]]] = defaultdict(list)
        for task in tasks:
            alike[task[2].size].append(task)
        seen: list[dict[int, tuple[Crop, Sight]]] = [{} for _ in people]
        for some in (group[start : start + batch] for group in alike.values() for start in range(0, len(group), batch)):
            crops = np.stack([crop.cut(images[i]) for i, _, crop in some])
            priors = [crop.to_crop(self._own(people[i][j])[:, :2]) for i, j, crop in some]
            for (i, j, crop), views in zip(some, self._look(crops, priors), strict=True):
                if all(np.isfinite(view[:, 0]).all() for view in views):
                    there = tuple(_on_frame(view, crop) for view in views)
                    seen[i][j] = crop, Sight(self._claim(people[i][j]), people[i][j].score, there)
        refined = [list(persons) for persons in people]
        for i, of_frame in enumerate(seen):
            others = [self._claim(person) for person in beside[i]] if beside is not None else []
            shared = share_out([sight for _, sight in of_frame.values()], others)
            for (j, (crop, _)), own in zip(of_frame.items(), shared, strict=True):
                if own is None:
                    refined[i][j] = replace(people[i][j], score=0.0)
                else:
                    refined[i][j] = self._placed(people[i][j], _mean(own, _AGREE / crop.scale))
        return refined

    def see_whole(self, images: Sequence[NDArray[np.uint8]]) -> list[Person]:
        """The one person of each (H, W, 3) uint8 BGR image, whose box is the image; the score is the mean belief."""
        seen = []
        for image in images:
            height, width = image.shape[:2]
            square = NetSize(self._longer, self._longer)
            crop = Crop(np.array([width - 1, height - 1]) / 2, self._longer / max(height, width), 0, square)
            nowhere = np.full((len(self.skeleton), 3), (np.nan, np.nan, 0), dtype=np.float32)
            [views] = self._look(crop.cut(image)[None], [nowhere[:, :2].astype(np.float64)])
            joints = _mean([_on_frame(view[:, 0], crop) for view in views], _AGREE / crop.scale)
            seen.append(self._placed(Person(nowhere, 1.0, skeleton=self.skeleton), joints))
        return seen

    def _look(self, crops: NDArray[np.uint8], priors: Sequence[NDArray[np.float64]]) -> list[list[NDArray[np.float32]]]:
        """As `_read`, of each crop and, where wanted, its mirror image."""
        seen = [[places] for places in self._read(crops, priors)]
        if self._mirrored:
            swap = self.skeleton.mirror_indices
            width = crops.shape[2]
            flipped = [_flipped(prior[swap], width) for prior in priors]
            for views, other in zip(seen, self._read(np.ascontiguousarray(crops[:, :, ::-1]), flipped), strict=True):
                views.append(_flipped(other[swap], width))
        return seen

    def _claim(self, person: Person) -> Claim:
        x_min, y_min, x_max, y_max = person.box.astype(np.float64)
        return Claim(self._own(person).astype(np.float64), max(float(x_max - x_min), float(y_max - y_min), 1.0))

    def _own(self, person: Person) -> NDArray[np.float32]:
        """The person's joints in this network's order; NaN, NaN, 0 for those that the person's layout lacks."""
        own = np.full((len(self.skeleton), 3), (np.nan, np.nan, 0), dtype=np.float32)
        theirs, ours = self._common(person)
        own[ours] = person.keypoints[theirs]
        return own

    def _common(self, person: Person) -> tuple[list[int], list[int]]:
        """Where the joints that both layouts have stand in the person's, and in this network's."""
        joints = [joint for joint in self.skeleton.joints if joint in person.skeleton.joints]
        return [person.skeleton.index(joint) for joint in joints], [self.skeleton.index(joint) for joint in joints]

    def _read(self, crops: NDArray[np.uint8], priors: Sequence[NDArray[np.float64]]) -> list[NDArray[np.float32]]:
        """(K, C, 3) x, y in pixels of the crop and belief of the places where the joints of the person in each may be.

        The best first, of the person whose joints are about at the prior; NaN, NaN, 0 where there are no more.
        """
        found = []
        for maps, prior in zip(self._backend.infer(crops), priors, strict=True):
            if isinstance(maps, BeliefMaps):
                joints = find_joints(maps, prior)[:, None]
            else:
                assert isinstance(maps, CenterMaps)
                stride = maps.layout.stride
                middle = np.array(maps.heatmaps.shape[:0:-1]) / 2
                planes = (maps.centers[0], maps.heatmaps, maps.regressions, maps.offsets)
                joints = read_person(*planes, middle, _WIDTH_OF_MIDDLE, prior / stride, _SLACK, _PLACES)
                joints[..., :2] *= stride
            found.append(joints)
        return found

    def _placed(self, person: Person, joints: NDArray[np.float64]) -> Person:
        if not np.isfinite(joints).all():
            return person
        theirs, ours = self._common(person)
        keypoints = person.keypoints.copy()
        keypoints[theirs, :2] = joints[ours, :2]
        keypoints[theirs, 2] = np.clip(joints[ours, 2], 0, 1)
        return replace(person, keypoints=keypoints, score=person.score * float(keypoints[theirs, 2].mean()))


def _flipped(joints: NDArray[Float], width: int) -> NDArray[Float]:
    """(K, ..., 2 or 3) joints of a crop on the crop flipped left to right; left and right keep their places."""
    flipped = joints.copy()
    flipped[..., 0] = width - 1 - flipped[..., 0]
    return flipped


def _on_frame(joints: NDArray[np.float32], crop: Crop) -> NDArray[np.float64]:
    """(..., 3) joints of a crop, x, y in pixels of the frame."""
    return np.concatenate([crop.to_frame(joints[..., :2]), joints[..., 2:]], axis=-1)


def _mean(views: Sequence[NDArray[np.float64]], near: float) -> NDArray[np.float64]:
    """Of two (K, 3) answers within `near` pixels the mean, weighted by their beliefs; else the surer one."""
    if len(views) == 1:
        return views[0]
    one, two = views
    weights = np.stack([one[:, 2:], two[:, 2:]]) + 1e-6
    mean = (np.stack([one, two]) * weights).sum(axis=0) / weights.sum(axis=0)
    agree = np.linalg.norm(one[:, :2] - two[:, :2], axis=1) <= near
    surer = np.where(one[:, 2:] >= two[:, 2:], one, two)
    mean[:, 2] = (one[:, 2] + two[:, 2]) / 2
    surer[:, 2] = mean[:, 2]
    return np.where(agree[:, None], mean, surer)
