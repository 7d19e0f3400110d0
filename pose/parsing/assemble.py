"""Joint candidates and limb scores to people.

Limbs are taken from the best down, over all limbs at once (Kruskal's forest): one joins two parts of people when no
joint would stand twice in the whole and the limb is not far too long for what it joins. Greedy as in OpenPose, but a
certain elbow-wrist comes before a doubtful neck-hip. Two legs whose body is not in the picture are joined at the hips.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pose.compiled import compiled

_TOO_LONG = 2.5
"""A limb this many times as long as the body's other limbs make it is none of the body. Of the 452 people
in every third map of four videos it changes 8."""
_LENGTH_MARGIN = 3.0
"""Cells by which any limb may be longer: small bodies are drawn inexactly."""
_KNOWN_BODY = 3
"""So many limbs tell the body's size."""


@compiled()
def assemble(
    peaks: NDArray[np.float32],
    starts: NDArray[np.int64],
    pairs: NDArray[np.int64],
    pair_scores: NDArray[np.float32],
    limb_lengths: NDArray[np.float32],
    hips: tuple[int, int, int],
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
        limb_lengths: (n_joints, n_joints) float32 limb lengths of a body, in any unit; 0 where there is no limb.
        hips: the two hips and the joint through which limbs join them; -1, -1, -1 where a limb joins them.
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
    person_of = _group(peaks, joint_of, pairs, pair_scores, limb_lengths, hips)

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


@compiled()
def _group(
    peaks: NDArray[np.float32],
    joint_of: NDArray[np.int64],
    pairs: NDArray[np.int64],
    scores: NDArray[np.float32],
    limb_lengths: NDArray[np.float32],
    hips: tuple[int, int, int],
) -> NDArray[np.int64]:
    """(n,) one candidate of the person each candidate belongs to, the same for all of that person."""
    parent = np.arange(len(joint_of))
    joints = np.uint64(1) << joint_of.astype(np.uint64)  # of the whole that a root stands for
    limbs = np.zeros(len(joint_of), dtype=np.int64)
    sizes = np.zeros(len(joint_of), dtype=np.float32)  # the body's, by its longest limb
    for pair in np.argsort(-scores, kind="mergesort"):
        a, b = _root(parent, pairs[pair, 0]), _root(parent, pairs[pair, 1])
        if a != b and joints[a] & joints[b] == 0:
            i, j = pairs[pair]
            length = math.hypot(peaks[i, 0] - peaks[j, 0], peaks[i, 1] - peaks[j, 1])
            usual = limb_lengths[joint_of[i], joint_of[j]]
            longest = _TOO_LONG * usual * max(sizes[a], sizes[b]) + _LENGTH_MARGIN
            if usual > 0 and limbs[a] + limbs[b] >= _KNOWN_BODY and length > longest:
                continue
            _join(parent, joints, a, b)
            limbs[a] += limbs[b] + 1
            sizes[a] = max(sizes[a], sizes[b], length / usual if usual > 0 else 0.0)
    if hips[0] >= 0:
        _join_hips(peaks, joint_of, parent, joints, sizes, limb_lengths, hips)
    for i in range(len(parent)):
        parent[i] = _root(parent, i)
    return parent


@compiled()
def _join(parent: NDArray[np.int64], joints: NDArray[np.uint64], a: int, b: int) -> None:
    parent[b] = a
    joints[a] |= joints[b]


@compiled()
def _join_hips(
    peaks: NDArray[np.float32],
    joint_of: NDArray[np.int64],
    parent: NDArray[np.int64],
    joints: NDArray[np.uint64],
    sizes: NDArray[np.float32],
    limb_lengths: NDArray[np.float32],
    hips: tuple[int, int, int],
) -> None:
    """Joins legs without a body, the nearest first."""
    above = np.uint64(1) << np.uint64(hips[2])
    sides = [np.flatnonzero(joint_of == hip) for hip in hips[:2]]
    while True:
        nearest, first, second = np.inf, -1, -1
        for i in sides[0]:
            a = _root(parent, int(i))
            if sizes[a] == 0 or joints[a] & above != 0:
                continue
            for j in sides[1]:
                b = _root(parent, int(j))
                if sizes[b] == 0 or (joints[a] | joints[b]) & above != 0 or joints[a] & joints[b] != 0:
                    continue
                apart = math.hypot(peaks[i, 0] - peaks[j, 0], peaks[i, 1] - peaks[j, 1])
                widest = limb_lengths[hips[0], hips[1]] * max(sizes[a], sizes[b])
                if apart <= widest and apart < nearest:
                    nearest, first, second = apart, a, b
        if first < 0:
            return
        _join(parent, joints, first, second)


@compiled()
def _root(parent: NDArray[np.int64], node: int) -> int:
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node
