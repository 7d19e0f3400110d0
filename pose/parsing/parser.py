"""Maps of a part-affinity-field network to people, at the maps' own resolution (no upsampling, no smoothing)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numba.core import event
from numpy.typing import NDArray

from pose.compiled import compiled
from pose.errors import ModelError
from pose.maps import OPENPOSE_COCO, MapLayout, Maps, cells_to_pixels
from pose.parsing.assemble import assemble
from pose.parsing.limbs import score_limbs
from pose.parsing.peaks import find_peaks
from pose.people import Person


@dataclass(frozen=True)
class ParserSettings:
    """How maps become people. The defaults were chosen on 300 images of COCO val2017.

    Attributes:
        peak_threshold: smallest heatmap value of a joint, in [0, 1]. Low: a faint joint counts only if a limb holds it.
        max_candidates: how many peaks of one joint are considered, the highest.
        limb_samples: the field between two joints is read at so many points, evenly spaced.
        limb_threshold: smallest component of the field along the limb at a sample that counts as hit, in [0, 1].
        min_joints: people with fewer joints are dropped.
        min_score: people with a lower score are dropped, in [0, 1].
        max_people: at most so many people are returned, the best.
    """

    peak_threshold: float = 0.015
    max_candidates: int = 512
    limb_samples: int = 10
    limb_threshold: float = 0.02
    min_joints: int = 3
    min_score: float = 0.03
    max_people: int = 1000

    def __post_init__(self) -> None:
        for name in ("peak_threshold", "limb_threshold", "min_score"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"expected {name} in [0, 1], got {getattr(self, name)}")
        for name in ("max_candidates", "limb_samples", "min_joints", "max_people"):
            if getattr(self, name) < 1:
                raise ValueError(f"expected {name} of at least 1, got {getattr(self, name)}")


def parse(maps: Maps, settings: ParserSettings | None = None) -> list[Person]:
    """Finds the people in the maps of one image.

    Peaks, line integrals and greedy grouping after Cao et al. (https://arxiv.org/abs/1812.08008). Releases the GIL, so
    that several threads parse at once. The first call of a process compiles or loads the kernels: see `prepare_parser`.

    Returns:
        People, best first; keypoints in pixels of the network's input.

    Raises:
        ModelError: the maps hold NaN or infinite values.
    """
    settings = settings or ParserSettings()
    heatmaps, pafs = (np.require(m, np.float32, ["C", "W"]) for m in (maps.heatmaps, maps.pafs))
    n_joints = len(maps.layout.skeleton)
    if not (_all_finite(heatmaps) and _all_finite(pafs)):
        raise ModelError("the network gave NaN or infinite values for this image: check its weights, or run in float32")
    peaks, starts = find_peaks(heatmaps, n_joints, settings.peak_threshold, settings.max_candidates)
    limbs, channels, lengths, hips = _limb_tables(maps.layout)
    positions = _sample_positions(settings.limb_samples)
    pairs, pair_scores = score_limbs(pafs, peaks, starts, limbs, channels, positions, settings.limb_threshold)
    keypoints, scores = assemble(
        peaks,
        starts,
        pairs,
        pair_scores,
        lengths,
        hips,
        settings.min_joints,
        settings.min_score,
        settings.max_people,
    )
    keypoints[:, :, :2] = cells_to_pixels(keypoints[:, :, :2], maps.layout.stride)
    skeleton = maps.layout.skeleton
    return [Person(person, score, skeleton=skeleton) for person, score in zip(keypoints, scores.tolist(), strict=True)]


@compiled(fastmath={"reassoc", "nsz"})
def _all_finite(values: NDArray[np.float32]) -> bool:
    """Whether no value of an array in C order is NaN or infinite: 0 times such a value is NaN."""
    flat, total = values.ravel(), np.float32(0)
    for i in range(flat.size):  # vectorised
        total += flat[i] * np.float32(0)
    return bool(total == 0)


@lru_cache(maxsize=16)
def _limb_tables(
    layout: MapLayout,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32], tuple[int, int, int]]:
    """Joints and channels of each limb, usual lengths and hips as `assemble` takes them."""
    if len(layout.skeleton) > 64:
        raise ValueError(f"expected at most 64 joints, got {len(layout.skeleton)} ({layout.skeleton.name})")
    skeleton = layout.skeleton
    limbs = skeleton.limb_indices.astype(np.int64)
    lengths = np.zeros((len(skeleton), len(skeleton)), dtype=np.float32)
    for a, b in [*skeleton.limbs, ("right_hip", "left_hip")]:
        kinds = frozenset(joint.removeprefix("left_").removeprefix("right_") for joint in (a, b))
        if kinds in _LIMB_LENGTHS and {a, b} <= set(skeleton.joints):
            i, j = skeleton.index(a), skeleton.index(b)
            lengths[i, j] = lengths[j, i] = _LIMB_LENGTHS[kinds]
    pairs = [set(limb) for limb in skeleton.limbs]
    between = [j for j in skeleton.joints if {j, "right_hip"} in pairs and {j, "left_hip"} in pairs]
    hips = tuple(skeleton.index(joint) for joint in ("right_hip", "left_hip", *between[:1])) if between else (-1,) * 3
    if {"right_hip", "left_hip"} in pairs:
        hips = (-1,) * 3
    return limbs, np.array(layout.limb_channels, dtype=np.int64).reshape(-1, 2), lengths, (hips[0], hips[1], hips[2])


_LIMB_LENGTHS = {
    frozenset(limb): length
    for limb, length in {
        ("neck", "shoulder"): 0.129, ("shoulder", "elbow"): 0.186, ("elbow", "wrist"): 0.146, ("neck", "hip"): 0.30,
        ("shoulder", "hip"): 0.288, ("neck", "mid_hip"): 0.288, ("mid_hip", "hip"): 0.10, ("hip",): 0.25,
        ("hip", "knee"): 0.245, ("knee", "ankle"): 0.246, ("neck", "nose"): 0.13, ("nose", "eye"): 0.04,
        ("eye", "ear"): 0.06, ("shoulder", "ear"): 0.18, ("head", "neck"): 0.18, ("neck", "chest"): 0.15,
        ("chest", "hip"): 0.17, ("ankle", "big_toe"): 0.13, ("big_toe", "small_toe"): 0.06, ("ankle", "heel"): 0.06,
    }.items()
}  # fmt: skip
"""Shares of the body height (Drillis and Contini 1966, as in Winter, Biomechanics and Motor Control, figure 4.1); the
head, chest and feet by eye, and from hip to hip what people with their legs apart have, annotators' hips lying outside
the joints."""


@lru_cache(maxsize=16)
def _sample_positions(n: int) -> NDArray[np.float64]:
    """Shares of the way, from the middle outwards: there a wrong limb is found out first."""
    positions = (np.arange(n) + 0.5) / n
    return positions[np.argsort(np.abs(positions - 0.5), kind="stable")]


def prepare_parser(announce: Callable[[str], None] | None = None) -> None:
    """Compiles the kernels, or loads them from numba's cache, so that the first frame is not held up.

    Args:
        announce: called with one line when there is something to compile (about 10 s, once per installation).
    """

    class Listener(event.Listener):
        announced = False

        def on_start(self, _: event.Event) -> None:
            if announce is not None and not self.announced:
                self.announced = True
                announce("compiling the parser, once for this installation (about 10 s)")

        def on_end(self, _: event.Event) -> None:
            pass

    layout = OPENPOSE_COCO
    heatmaps = np.zeros((layout.n_heatmaps, 1, 1), dtype=np.float32)
    pafs = np.zeros((layout.n_pafs, 1, 1), dtype=np.float32)
    with event.install_listener("numba:compile", Listener()):
        parse(Maps(heatmaps, pafs, layout))
