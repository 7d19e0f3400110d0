"""The same people seen several times (at two sizes, in the turned frame) to each of them once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from pose.people import Person

SAME = 0.5
"""Object keypoint similarity from which two are the same person."""

_AREA = 0.53  # of the body, share of its box; COCO's people
_THIN = 0.3  # least shorter side of the box, share of the longer one


def keep_best(people: Iterable[Person], same: float = SAME) -> list[Person]:
    """Everybody once, best first: whoever is alike to a better one is dropped (non-maximum suppression by OKS)."""
    ordered = sorted(people, key=lambda person: -person.score)
    if not ordered:
        return []
    points = np.stack([person.keypoints[:, :2] for person in ordered]).astype(np.float64)
    areas = np.array([body_area(person) for person in ordered])
    kept: list[int] = []
    for i in range(len(ordered)):
        if not kept or similarity(points[i], points[kept], np.maximum(areas[i], areas[kept]), ordered[i]).max() < same:
            kept.append(i)
    return [ordered[i] for i in kept]


def similarity(
    points: NDArray[np.float64], others: NDArray[np.float64], areas: NDArray[np.float64], person: Person
) -> NDArray[np.float64]:
    """(n,) object keypoint similarity (COCO) of (K, 2) points to each of (n, K, 2), over the joints that both have.

    Args:
        points, others: pixels; NaN where missing.
        areas: (n,) of the bodies, square pixels.
        person: any, for the joints' sigmas.
    """
    k = 2 * np.array(person.skeleton.sigmas)
    d2 = ((others - points) ** 2).sum(axis=-1)
    terms = np.exp(-d2 / (2 * np.maximum(areas, 1)[:, None] * k**2))
    both = np.isfinite(d2)
    found: NDArray[np.float64] = np.where(both, terms, 0).sum(axis=1) / np.maximum(both.sum(axis=1), 1)
    return found


def body_area(person: Person) -> float:
    """Square pixels that a person covers, by the box of its joints; 0 where there are none."""
    x_min, y_min, x_max, y_max = person.box.astype(np.float64)
    short, long = sorted((x_max - x_min, y_max - y_min))
    return float(np.nan_to_num(_AREA * long * max(short, _THIN * long)))


def similarities(people: Sequence[Person], others: Sequence[Person]) -> NDArray[np.float64]:
    """(n, m) similarity of each of some people to each of others."""
    if not people or not others:
        return np.zeros((len(people), len(others)))
    points = np.stack([person.keypoints[:, :2] for person in others]).astype(np.float64)
    areas = np.array([body_area(person) for person in others])
    return np.stack(
        [
            similarity(person.keypoints[:, :2].astype(np.float64), points, np.maximum(areas, body_area(person)), person)
            for person in people
        ]
    )
