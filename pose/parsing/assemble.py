"""Joint candidates and limb scores to people.

Limbs are taken from the best down, over all limbs at once (Kruskal's forest): one joins two parts of people when no
joint would stand twice in the whole. Greedy as in OpenPose, but a certain elbow-wrist comes before a doubtful neck-hip.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray


@numba.njit(nogil=True, cache=True)
def _root(parent: NDArray[np.int64], node: int) -> int:
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node


@numba.njit(nogil=True, cache=True)
def group(joint_of: NDArray[np.int64], pairs: NDArray[np.int64], scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """Groups candidates into people.

    Args:
        joint_of: (n,) int64 joint of each candidate, below 64.
        pairs: (m, 3) int64 `limb, candidate, candidate`.
        scores: (m,) float32; the highest come first.

    Returns:
        (n,) int64 one candidate of the person each candidate belongs to, the same for all of that person.
    """
    parent = np.arange(len(joint_of))
    joints = np.uint64(1) << joint_of.astype(np.uint64)
    for pair in np.argsort(-scores):
        a, b = _root(parent, pairs[pair, 1]), _root(parent, pairs[pair, 2])
        if a != b and joints[a] & joints[b] == 0:
            parent[b] = a
            joints[a] |= joints[b]
    for i in range(len(parent)):
        parent[i] = _root(parent, i)
    return parent


@numba.njit(nogil=True, cache=True)
def _similarity(one: NDArray[np.float32], other: NDArray[np.float32], sigmas: NDArray[np.float64]) -> float:
    """OKS over the joints of `one`, with the area of the larger box; a joint that `other` lacks counts 0."""
    area = 0.0
    for person in (one, other):
        left, right, top, bottom = np.inf, -np.inf, np.inf, -np.inf
        for joint in person:
            if joint[2] > 0:
                left, right = min(left, joint[0]), max(right, joint[0])
                top, bottom = min(top, joint[1]), max(bottom, joint[1])
        area = max(area, (right - left) * (bottom - top))
    total, n = 0.0, 0
    for i in range(len(one)):
        if one[i, 2] > 0:
            n += 1
            if other[i, 2] > 0:
                dx, dy = one[i, 0] - other[i, 0], one[i, 1] - other[i, 1]
                total += math.exp(-(dx * dx + dy * dy) / (8.0 * sigmas[i] * sigmas[i] * max(area, 1.0)))
    return total / n


@numba.njit(nogil=True, cache=True)
def assemble(
    peaks: NDArray[np.float32],
    starts: NDArray[np.int64],
    pairs: NDArray[np.int64],
    pair_scores: NDArray[np.float32],
    sigmas: NDArray[np.float64],
    min_joints: int,
    min_score: float,
    max_similarity: float,
    max_people: int,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """People, best first.

    Args:
        peaks: (n, 3) float32 candidates as `find_peaks` gives them.
        starts: (n_joints + 1,) int64 where each joint's candidates start.
        pairs: (m, 3) int64 as `score_limbs` gives them.
        pair_scores: (m,) float32.
        sigmas: (n_joints,) float64 of the skeleton.
        min_joints: people with fewer joints are dropped.
        min_score: people below are dropped.
        max_similarity: people whose OKS with a better one exceeds this are dropped.
        max_people: how many are kept.

    Returns:
        (p, n_joints, 3) float32 `x, y, confidence` in cells, missing joints NaN, NaN, 0; (p,) float32 scores in [0, 1].
    """
    n_joints = len(sigmas)
    joint_of = np.empty(len(peaks), dtype=np.int64)
    for joint in range(n_joints):
        joint_of[starts[joint] : starts[joint + 1]] = joint
    person_of = group(joint_of, pairs, pair_scores)

    sizes = np.zeros(len(peaks), dtype=np.int64)
    for root in person_of:
        sizes[root] += 1
    rank = np.full(len(peaks), -1, dtype=np.int64)
    n = 0
    for i in range(len(peaks)):
        if sizes[i] >= min_joints:
            rank[i] = n
            n += 1
    people = np.empty((n, n_joints, 3), dtype=np.float32)
    people[:, :, :2] = np.nan
    people[:, :, 2] = 0
    scores = np.zeros(n, dtype=np.float32)
    for i in range(len(peaks)):
        person = rank[person_of[i]]
        if person >= 0:
            confidence = min(peaks[i, 2], 1)
            people[person, joint_of[i], 0] = peaks[i, 0]
            people[person, joint_of[i], 1] = peaks[i, 1]
            people[person, joint_of[i], 2] = confidence
            scores[person] += confidence / n_joints

    kept = np.empty(n, dtype=np.int64)
    n_kept = 0
    for person in np.argsort(-scores):
        if n_kept == max_people or scores[person] < min_score:
            break
        double = False
        for better in kept[:n_kept]:
            if _similarity(people[person], people[better], sigmas) > max_similarity:
                double = True
                break
        if not double:
            kept[n_kept] = person
            n_kept += 1
    return people[kept[:n_kept]], scores[kept[:n_kept]]
