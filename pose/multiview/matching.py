"""Which person of one view is which of another.

Views are matched by whole tracks: each 2-D track of each camera is a node, and the people of the world are the parts
of the partition of all nodes that minimises

    sum over people of (their views - 1) * sum over their nodes of (median distance - limit)

in metres, the distance being that between the node's rays and the person's joints, which are the points nearest to the
rays of all of its nodes. The first factor counts pairs, so that four views that agree are one person, not two. Nobody
has two nodes of one camera at the same time. A partition is consistent around every cycle of cameras by what it is, and
identities stay over time as the 2-D tracks keep them. Found by merging greedily, and from several random beginnings,
each followed by moves and exchanges of single nodes until none helps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from pose.multiview.camera import Array
from pose.multiview.group import MIN_ANGLE_DEG, CameraGroup

LIMIT_M = 0.15
"""A view whose rays pass a person's joints further off than this, in the median, is of somebody else."""

_TIMES = 40  # looked at, of a recording, and a few more of each track
_MIN_JOINTS = 4  # rays of a person of which a distance is made
_RESTARTS = 8


@dataclass(frozen=True, eq=False)
class View:
    """One person as one camera sees it: a 2-D track on the times that all cameras share.

    Attributes:
        camera: index of the camera in its group.
        pixels: (T, K, 2); NaN where not seen.
        confidence: (T, K) in [0, 1]; 0 where not seen.
    """

    camera: int
    pixels: Array
    confidence: Array


def match_people(group: CameraGroup, views: Sequence[View], *, limit_m: float = LIMIT_M) -> list[tuple[int, ...]]:
    """The people that at least two cameras see.

    Args:
        group: C cameras.
        views: all 2-D tracks of all of them, T times and K joints each.
        limit_m: see `LIMIT_M`.

    Returns:
        For each person the indices of its views, in rising order; people in the order of their first. Views that fit
        nobody else's are in none.
    """
    if not views:
        return []
    return _Partition(group, views, limit_m).best()


class _Partition:
    """The rays of all nodes, as the normal equations of the point nearest to them, and what a person of some costs."""

    def __init__(self, group: CameraGroup, views: Sequence[View], limit_m: float) -> None:
        self.limit = limit_m
        self.cameras = [view.camera for view in views]
        present = np.stack([np.isfinite(view.pixels).all(axis=-1).any(axis=-1) for view in views])
        times = _times(present)
        present = present[:, times]
        self.apart = np.array(
            [
                [
                    i != j and one.camera == two.camera and bool((present[i] & present[j]).any())
                    for j, two in enumerate(views)
                ]
                for i, one in enumerate(views)
            ]
        )
        self.nodes = range(len(views))
        self.centres, rays, flats, sides = [], [], [], []
        for view in views:
            camera = CameraGroup((group.cameras[view.camera],))
            ray = camera.rays(view.pixels[None, times])[0].reshape(-1, 3)
            there = np.isfinite(ray).all(axis=-1)
            ray = np.where(there[:, None], ray, 0.0)
            # The square of the distance to a ray is that of what is left across it.
            flat = np.where(there[:, None, None], np.eye(3) - ray[:, :, None] * ray[:, None, :], 0.0)
            self.centres.append(camera.cameras[0].centre)
            rays.append(ray)
            flats.append(flat)
            sides.append(flat @ camera.cameras[0].centre)
        self.rays, self.flats, self.sides = np.stack(rays), np.stack(flats), np.stack(sides)
        self.seen = np.abs(self.rays).sum(axis=-1) > 0
        self.known: dict[frozenset[int], float] = {}

    def cost(self, person: frozenset[int]) -> float:
        """What a person costs, metres, negative where its views agree; 0 alone, infinite where it can't be one."""
        if len(person) < 2:
            return 0.0
        if person not in self.known:
            self.known[person] = self._cost(sorted(person))
        return self.known[person]

    def _cost(self, person: list[int]) -> float:
        if self.apart[np.ix_(person, person)].any() or len({self.cameras[node] for node in person}) < 2:
            return np.inf
        system = self.flats[person].sum(axis=0)
        # The smallest eigenvalue is small where all rays are nearly parallel: for two, 1 - cos of their angle.
        enough: NDArray[np.bool_] = self.seen[person].sum(axis=0) >= 2
        if not enough.any():
            return np.inf
        smallest = np.linalg.eigvalsh(system[enough])[:, 0]
        enough[enough] = smallest > 1 - np.cos(np.deg2rad(MIN_ANGLE_DEG))
        if not enough.any():
            return np.inf
        points = np.linalg.solve(system[enough], self.sides[person].sum(axis=0)[enough][..., None])[..., 0]
        total = 0.0
        for node in person:
            seen = self.seen[node][enough]
            if seen.sum() < _MIN_JOINTS:
                return np.inf  # nothing says that this view is of the same person
            off = points[seen] - self.centres[node]
            along = (off * self.rays[node][enough][seen]).sum(axis=-1)
            across = np.linalg.norm(off - along[:, None] * self.rays[node][enough][seen], axis=-1)
            total += float(np.median(np.where(along > 0, across, np.inf))) - self.limit
        return total * (len({self.cameras[node] for node in person}) - 1)

    def best(self) -> list[tuple[int, ...]]:
        random = np.random.default_rng(0)
        found: list[frozenset[int]] = []
        lowest = np.inf
        for start in range(_RESTARTS):
            people = self._merged() if start == 0 else self._inserted(random.permutation(len(self.cameras)).tolist())
            people = self._improved(people)
            cost = sum(map(self.cost, people))
            if cost < lowest - 1e-12:
                found, lowest = people, cost
        return sorted(tuple(sorted(person)) for person in found if len(person) > 1)

    def _merged(self) -> list[frozenset[int]]:
        people = [frozenset((node,)) for node in self.nodes]
        while True:
            gains = [
                (self.cost(one | two) - self.cost(one) - self.cost(two), i, j)
                for (i, one), (j, two) in combinations(enumerate(people), 2)
            ]
            gain, i, j = min(gains, default=(0.0, 0, 0))
            if gain >= 0:
                return people
            people = [*(one for k, one in enumerate(people) if k not in (i, j)), people[i] | people[j]]

    def _inserted(self, order: list[int]) -> list[frozenset[int]]:
        people: list[frozenset[int]] = []
        for node in order:
            gain, i = min(
                ((self.cost(one | {node}) - self.cost(one), i) for i, one in enumerate(people)), default=(0.0, 0)
            )
            if gain < 0:
                people[i] |= {node}
            else:
                people.append(frozenset((node,)))
        return people

    def _improved(self, people: list[frozenset[int]]) -> list[frozenset[int]]:
        """Moves of one node to another person or to none, and exchanges between two people, while one helps."""
        while True:
            best: tuple[float, list[frozenset[int]], list[frozenset[int]]] = (-1e-9, [], [])
            for one in people:
                for node in one:
                    rest = one - {node}
                    for two in [*(other for other in people if other is not one), frozenset[int]()]:
                        moved = two | {node}
                        trials = [[rest, moved]]
                        trials += [[rest | {other}, moved - {other}] for other in two if self._bars(node, other)]
                        before = self.cost(one) + self.cost(two)
                        for trial in trials:
                            after = sum(map(self.cost, trial)) - before
                            if after < best[0]:
                                best = (after, [one, two], trial)
            if not best[1]:
                return people
            people = [one for one in people if one not in best[1]] + [one for one in best[2] if one]

    def _bars(self, node: int, other: int) -> bool:
        return bool(self.apart[node, other])


def _times(present: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Times to look at: evenly over all at which anybody is there, and three of each track."""
    anybody = np.flatnonzero(present.any(axis=0))
    if not len(anybody):
        return np.zeros(1, dtype=np.intp)
    chosen = [anybody[np.linspace(0, len(anybody) - 1, min(_TIMES, len(anybody))).astype(int)]]
    for own in present:
        there = np.flatnonzero(own)
        if len(there):
            chosen.append(there[np.linspace(0, len(there) - 1, 3).astype(int)])
    return np.unique(np.concatenate(chosen))
