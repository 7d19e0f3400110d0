"""How good a network in training is: its people, as the product's own parser reads them, against annotations.

One look at one size, upright, without the refiner: `posescribe evaluate-pose` measures the whole chain.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pose.errors import PoseError
from pose.maps import MapLayout
from pose.metrics import compute_pck, score_coco, to_coco_results
from pose.parsing import ParserSettings, parse
from pose.parsing.merging import similarity
from pose.people import Person
from pose.preprocess import fit, letterbox
from pose.skeleton import COCO_17
from pose.training.batches import read_image
from pose.training.datasets import Sample, to_coco


@dataclass(frozen=True)
class Scores:
    """Figures in [0, 1], NaN where they can't be measured.

    Attributes:
        ap: COCO keypoints AP; needs pycocotools and COCO's 17 joints.
        pck: joints within 0.2 of the torso (left shoulder to right hip), mean over joints.
        pckh: joints within 0.5 of the head (its top to the neck), mean over joints; where the layout has them.
    """

    ap: float
    pck: float
    pckh: float

    @property
    def best(self) -> float:
        """The one that networks are chosen by: AP where there is one, else PCK."""
        return self.pck if math.isnan(self.ap) else self.ap

    def as_dict(self) -> dict[str, float]:
        """Those that were measured."""
        return {k: v for k, v in (("ap", self.ap), ("pck", self.pck), ("pckh", self.pckh)) if not math.isnan(v)}


def evaluate(
    network: nn.Module,
    layout: MapLayout,
    samples: Sequence[Sample],
    net_height: int,
    *,
    parser: ParserSettings | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Scores:
    """Scores of a network, as it is, on annotated images.

    Args:
        network: (B, 3, H, W) BGR 0..255 -> heatmaps and fields.
        layout: of its output.
        samples: images and their people.
        net_height: of the input that images are fitted into, pixels.
        parser: thresholds.
        progress: called after each image with the number done and the number of all.
    """
    device = next(network.parameters()).device
    found: list[list[Person]] = []
    was_training = network.training
    network.eval()
    for done, sample in enumerate(samples, start=1):
        found.append(_detect(network, layout, sample, net_height, device, parser))
        if progress is not None:
            progress(done, len(samples))
    network.train(was_training)
    return Scores(_ap(samples, found, layout), *_pck(samples, found, layout))


@torch.inference_mode()
def _detect(
    network: nn.Module,
    layout: MapLayout,
    sample: Sample,
    net_height: int,
    device: torch.device,
    parser: ParserSettings | None,
) -> list[Person]:
    image = read_image(sample)
    canvas, placement = letterbox(image, fit(image.shape[:2], net_height, math.lcm(layout.stride, layout.multiple)))
    pixels = torch.from_numpy(canvas).to(device).permute(2, 0, 1)[None].float()
    values: list[Tensor] = [value[0].float().cpu().contiguous() for value in network(pixels)]
    planes = {name: value.numpy() for name, value in zip(layout.outputs, values, strict=True)}
    people = []
    for person in parse(layout.maps(planes), parser):
        keypoints = person.keypoints.copy()
        keypoints[:, :2] = placement.to_source(keypoints[:, :2])
        people.append(Person(keypoints, person.score, skeleton=layout.skeleton))
    return people


def _ap(samples: Sequence[Sample], found: Sequence[Sequence[Person]], layout: MapLayout) -> float:
    if not set(COCO_17.joints) <= set(layout.skeleton.joints):
        return math.nan
    results = [
        result
        for sample, people in zip(samples, found, strict=True)
        for result in to_coco_results(sample.image_id, people, layout.skeleton)
    ]
    with tempfile.TemporaryDirectory() as folder:
        truth = Path(folder) / "truth.json"
        truth.write_text(json.dumps(to_coco(samples, layout.skeleton)))
        try:
            return score_coco(truth, results).ap
        except PoseError:  # pycocotools is not installed
            return math.nan


def _pck(samples: Sequence[Sample], found: Sequence[Sequence[Person]], layout: MapLayout) -> tuple[float, float]:
    """Each annotated person beside the one found that is most alike."""
    skeleton = layout.skeleton
    nobody = np.full((len(skeleton), 2), np.nan, dtype=np.float32)
    pairs: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = []
    for sample, people in zip(samples, found, strict=True):
        points = np.array([person.keypoints[:, :2] for person in people], dtype=np.float64)
        for annotated, area in zip(sample.keypoints, sample.areas, strict=True):
            best = nobody
            if people:
                alike = similarity(annotated.astype(np.float64), points, np.full(len(people), area), people[0])
                best = people[int(alike.argmax())].keypoints[:, :2]
            pairs.append((best, annotated))
    if not pairs:
        return math.nan, math.nan
    predicted, truth = (np.stack(side) for side in zip(*pairs, strict=True))
    torso = _length(truth, ("left_shoulder", "right_hip"), layout)
    head = _length(truth, ("head", "neck") if "head" in skeleton.joints else ("head_top", "neck"), layout)
    return tuple(  # type: ignore[return-value] # two of them
        _mean(compute_pck(predicted, truth, reference, alpha)) for reference, alpha in ((torso, 0.2), (head, 0.5))
    )


def _length(points: NDArray[np.float32], joints: tuple[str, str], layout: MapLayout) -> NDArray[np.float32]:
    skeleton = layout.skeleton
    if not set(joints) <= set(skeleton.joints):
        return np.full(len(points), np.nan, dtype=np.float32)
    a, b = (points[:, skeleton.index(joint)] for joint in joints)
    return np.asarray(np.linalg.norm(a - b, axis=1), dtype=np.float32)


def _mean(shares: NDArray[np.float64]) -> float:
    known = shares[np.isfinite(shares)]
    return float(known.mean()) if len(known) else math.nan
