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
def assemble(
    peaks: NDArray[np.float32],
    starts: NDArray[np.int64],
    pairs: NDArray[np.int64],
    pair_scores: NDArray[np.float32],
    min_joints: int,
    min_score: float,
    max_people: int,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """People, best first.

    A person's score is the root mean square of the confidences of all joints, missing ones counted as 0, times
    `extent / (extent + 8 cells)` with the larger side of the box: what is small is less certain and less exact.

    Args:
        peaks: (n, 3) float32 candidates as `find_peaks` gives them.
        starts: (n_joints + 1,) int64 where each joint's candidates start; at most 64 joints.
        pairs: (m, 2) int64 as `score_limbs` gives them.
        pair_scores: (m,) float32.
        min_joints: people with fewer joints are dropped.
        min_score: people below are dropped.
        max_people: how many are kept.

    Returns:
        (p, n_joints, 3) float32 `x, y, confidence` in cells, missing joints NaN, NaN, 0; (p,) float32 scores in [0, 1].
    """
    n_joints = len(starts) - 1
    joint_of = np.empty(len(peaks), dtype=np.int64)
    for joint in range(n_joints):
        joint_of[starts[joint] : starts[joint + 1]] = joint
    person_of = _group(joint_of, pairs, pair_scores)

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
    boxes = np.empty((n, 4), dtype=np.float32)  # x_min, y_min, x_max, y_max
    boxes[:, :2] = np.inf
    boxes[:, 2:] = -np.inf
    scores = np.zeros(n, dtype=np.float32)
    for i in range(len(peaks)):
        person = rank[person_of[i]]
        if person >= 0:
            x, y, confidence = peaks[i, 0], peaks[i, 1], min(peaks[i, 2], 1.0)
            people[person, joint_of[i], 0], people[person, joint_of[i], 1] = x, y
            people[person, joint_of[i], 2] = confidence
            boxes[person, 0], boxes[person, 1] = min(boxes[person, 0], x), min(boxes[person, 1], y)
            boxes[person, 2], boxes[person, 3] = max(boxes[person, 2], x), max(boxes[person, 3], y)
            scores[person] += confidence * confidence
    for person in range(n):
        box = boxes[person]
        extent = max(box[2] - box[0], box[3] - box[1])
        scores[person] = math.sqrt(scores[person] / n_joints) * extent / (extent + 8)

    order = np.argsort(-scores, kind="mergesort")[:max_people]
    order = order[scores[order] >= min_score]
    return people[order], scores[order]


@numba.njit(nogil=True, cache=True)
def _group(joint_of: NDArray[np.int64], pairs: NDArray[np.int64], scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """(n,) one candidate of the person each candidate belongs to, the same for all of that person."""
    parent = np.arange(len(joint_of))
    joints = np.uint64(1) << joint_of.astype(np.uint64)  # of the whole that a root stands for
    for pair in np.argsort(-scores, kind="mergesort"):
        a, b = _root(parent, pairs[pair, 0]), _root(parent, pairs[pair, 1])
        if a != b and joints[a] & joints[b] == 0:
            parent[b] = a
            joints[a] |= joints[b]
    for i in range(len(parent)):
        parent[i] = _root(parent, i)
    return parent


@numba.njit(nogil=True, cache=True)
def _root(parent: NDArray[np.int64], node: int) -> int:
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node
