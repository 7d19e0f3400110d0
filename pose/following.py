"""People of one frame of a video found again in the next ones by the refiner alone.

A person moves on as he moved between the two frames before; there the refiner looks for him.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pose.parsing import keep_best
from pose.parsing.merging import SAME, similarities
from pose.people import Person
from pose.refine import Refiner

_THERE = 0.3  # score of somebody who does not vanish from one frame to the next
_FOLLOWED = 0.5  # score, before refining, of a person followed without the body network
_STILL_THERE = 0.65  # score of him, refined
_SAME_BODY = 0.3  # similarity of a person in two frames


class Follower:
    """Finds people of a frame in the frames beside it.

    Args:
        refiner: looks at them.
        calibrated: of refined people those who are there, and how likely that is.
    """

    def __init__(self, refiner: Refiner, calibrated: Callable[[list[Person]], list[Person]]) -> None:
        self._refiner = refiner
        self._calibrated = calibrated

    def carry_on(
        self, before: Sequence[list[Person]], image: NDArray[np.uint8], beside: Sequence[Person] = ()
    ) -> list[Person]:
        """The people of the last frame before this one who are seen in it, best first.

        Nobody is surer to be there than he was before.

        Args:
            before: people of one or two frames, the last one last.
            image: (H, W, 3) uint8 BGR, the frame.
            beside: others who were found in it.
        """
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
        [refined] = self._refiner.refine([image], [moved], [beside], square=True)
        seen = []
        for person, again in zip(last, refined, strict=True):
            for one in self._calibrated([again]):
                if one.score >= _STILL_THERE:
                    seen.append(replace(one, score=min(one.score, person.score)))
        return keep_best(seen)

    def fill_gaps(self, images: Sequence[NDArray[np.uint8]], people: Sequence[list[Person]]) -> None:
        """Adds to each frame those of the frame before, or behind, who are lost in it and still seen by the refiner."""
        self._look_again(images, people)
        self._look_again(images[::-1], people[::-1])

    def _look_again(self, images: Sequence[NDArray[np.uint8]], people: Sequence[list[Person]]) -> None:
        for i in range(1, len(images)):
            known = [person for person in people[i - 1] if person.score >= _THERE]
            found = similarities(known, people[i]).max(axis=1, initial=0) >= _SAME_BODY
            lost = [person for person, is_found in zip(known, found, strict=True) if not is_found]
            if lost:
                again = self.carry_on([*people[max(i - 2, 0) : i - 1], lost], images[i], people[i])
                new = similarities(again, people[i]).max(axis=1, initial=0) < SAME
                people[i].extend(person for person, is_new in zip(again, new, strict=True) if is_new)
                people[i].sort(key=lambda person: -person.score)
