"""Maps of a part-affinity-field network to people, at the maps' own resolution (no upsampling, no smoothing)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numba.core import event

from pose.errors import ModelError
from pose.maps import OPENPOSE_COCO, Maps, cells_to_pixels
from pose.parsing.assemble import assemble
from pose.parsing.limbs import all_finite, score_limbs
from pose.parsing.peaks import find_peaks
from pose.people import Person


@dataclass(frozen=True)
class ParserSettings:
    """How maps become people.

    Attributes:
        peak_threshold: smallest heatmap value of a joint, in [0, 1].
        max_candidates: how many peaks of one joint are considered, the highest.
        limb_samples: where the field between two joints is read: this many points, evenly spaced.
        limb_threshold: smallest component of the field along the limb at a sample that counts as hit, in [0, 1].
        limb_hits: share of samples that must hit, in [0, 1].
        min_joints: people with fewer joints are dropped.
        min_score: people with a lower score are dropped, in [0, 1].
        duplicate_oks: a person more similar (OKS) than this to a better one is dropped, in [0, 1].
        max_people: at most so many people are returned, the best.
    """

    peak_threshold: float = 0.05
    max_candidates: int = 512
    limb_samples: int = 10
    limb_threshold: float = 0.05
    limb_hits: float = 0.8
    min_joints: int = 3
    min_score: float = 0.0
    duplicate_oks: float = 0.7
    max_people: int = 1000

    def __post_init__(self) -> None:
        for name in ("peak_threshold", "limb_threshold", "limb_hits", "min_score", "duplicate_oks"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"expected {name} in [0, 1], got {getattr(self, name)}")
        for name in ("max_candidates", "limb_samples", "min_joints", "max_people"):
            if getattr(self, name) < 1:
                raise ValueError(f"expected {name} of at least 1, got {getattr(self, name)}")


def parse(maps: Maps, settings: ParserSettings | None = None) -> list[Person]:
    """Finds the people in the maps of one image.

    Peaks, line integrals and greedy grouping after Cao et al. (https://arxiv.org/abs/1812.08008). Releases the GIL, so
    that several threads parse at once. The first call in a process compiles or loads the kernels; see `prepare_parser`.

    Returns:
        People, best first; keypoints in pixels of the network's input.

    Raises:
        ModelError: the maps hold NaN or infinite values.
    """
    settings = settings or ParserSettings()
    skeleton = maps.layout.skeleton
    heatmaps, pafs = (np.require(m, np.float32, ["C", "W"]) for m in (maps.heatmaps, maps.pafs))
    peaks, starts, finite = find_peaks(heatmaps, len(skeleton), settings.peak_threshold, settings.max_candidates)
    if not (finite and all_finite(pafs)):
        raise ModelError(
            "the network gave NaN or infinite values for this image: check its weights, or run it in float32"
        )
    positions = (np.arange(settings.limb_samples) + 0.5) / settings.limb_samples
    pairs, pair_scores = score_limbs(
        pafs,
        peaks,
        starts,
        skeleton.limb_indices.astype(np.int64),
        np.array(maps.layout.limb_channels, dtype=np.int64),
        positions[np.argsort(np.abs(positions - 0.5), kind="stable")],
        settings.limb_threshold,
        int(settings.limb_samples * (1 - settings.limb_hits) + 1e-9),
    )
    keypoints, scores = assemble(
        peaks,
        starts,
        pairs,
        pair_scores,
        np.array(skeleton.sigmas, dtype=np.float64),
        settings.min_joints,
        settings.min_score,
        settings.duplicate_oks,
        settings.max_people,
    )
    keypoints[:, :, :2] = cells_to_pixels(keypoints[:, :, :2], maps.layout.stride)
    return [Person(person, float(score)) for person, score in zip(keypoints, scores, strict=True)]


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
    maps = Maps(
        np.zeros((layout.n_heatmaps, 1, 1), dtype=np.float32), np.zeros((layout.n_pafs, 1, 1), dtype=np.float32), layout
    )
    with event.install_listener("numba:compile", Listener()):
        parse(maps)
