"""How good a network in training is: its people, as the product's own parser reads them, against annotations.

One look at one size, upright, without the refiner: `posescribe evaluate-pose` measures the whole chain. A network of
one person is given the crop around each annotated one, whose middle says who is meant.
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
from torch import nn

from pose.confidence import Calibration, Curve
from pose.errors import PoseError
from pose.maps import AnyMaps, BeliefLayout, BeliefMaps, MapLayout, Maps
from pose.metrics import Claims, compute_pck, fit_curve, judge_confidence, score_coco, to_coco_results
from pose.parsing import ParserSettings, parse
from pose.parsing.beliefs import find_joints
from pose.parsing.merging import similarity
from pose.people import Person
from pose.preprocess import fit, letterbox
from pose.skeleton import COCO_17, Skeleton
from pose.training.batches import crops_of, read_image
from pose.training.datasets import Sample, coco_joints, to_coco

_ENOUGH = 100  # people found and right from which curves of confidence are fitted


@dataclass(frozen=True)
class Confidence:
    """What confidence is worth.

    Attributes:
        people: found.
        right: of them.
        calibration: curves through them; None where there are fewer than a hundred right ones.
    """

    people: int
    right: int
    calibration: Calibration | None

    def __str__(self) -> str:
        if self.calibration is None:
            return f"no curves of confidence: {self.right:,} people were found and right, {_ENOUGH} are needed"
        return f"curves of confidence are fitted on {self.people:,} people found, {self.right:,} of them right"


@dataclass(frozen=True)
class Scores:
    """Figures in [0, 1], NaN where they can't be measured.

    Attributes:
        ap: COCO keypoints AP; needs pycocotools and COCO's 17 joints, and people to be found.
        pck: joints within 0.2 of the torso (left shoulder to right hip), mean over joints; where the layout has no
            torso, within 0.1 of the longer side of the annotated joints' box.
        pckh: joints within 0.5 of the head (its top to the neck), mean over joints; where the layout has them.
        confidence: what confidence is worth; None where pycocotools is not installed.
    """

    ap: float
    pck: float
    pckh: float
    confidence: Confidence | None = None

    @property
    def best(self) -> float:
        """The one that networks are chosen by: AP where there is one, else PCK."""
        return self.pck if math.isnan(self.ap) else self.ap

    def as_dict(self) -> dict[str, float]:
        """Those that were measured."""
        return {k: v for k, v in (("ap", self.ap), ("pck", self.pck), ("pckh", self.pckh)) if not math.isnan(v)}


def evaluate(
    network: nn.Module,
    layout: MapLayout | BeliefLayout,
    samples: Sequence[Sample],
    net_height: int,
    *,
    parser: ParserSettings | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Scores:
    """Scores of a network, as it is, on annotated images.

    Args:
        network: (B, 3, H, W) BGR 0..255 -> the layout's outputs.
        layout: of its output.
        samples: images and their people.
        net_height: of the input that images are fitted into, pixels; of the crops of people.
        parser: thresholds, of a network of fields.
        progress: called after each image with the number done and the number of all.
    """
    skeleton = layout.skeleton
    found: list[list[Person]] = []
    pairs: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = []
    was_training = network.training
    network.eval()
    for done, sample in enumerate(samples, start=1):
        if isinstance(layout, BeliefLayout):
            people, meant = _look_at_each(network, layout, sample, net_height)
            pairs += [(person.keypoints[:, :2], sample.keypoints[i]) for i, person in zip(meant, people, strict=True)]
        else:
            people = _detect(network, layout, sample, net_height, parser)
            pairs += paired(sample, people)
        found.append(people)
        if progress is not None:
            progress(done, len(samples))
    network.train(was_training)
    with tempfile.TemporaryDirectory() as folder:
        truth = Path(folder) / "truth.json"
        truth.write_text(json.dumps(to_coco(samples, skeleton)))
        results = [
            result
            for sample, people in zip(samples, found, strict=True)
            for result in to_coco_results(sample.image_id, people, skeleton, coco_joints(skeleton))
        ]
        try:
            return Scores(_ap(truth, results, layout), *_pck(pairs, skeleton), _confidence(truth, results, skeleton))
        except PoseError:  # pycocotools is not installed
            return Scores(math.nan, *_pck(pairs, skeleton))


@torch.inference_mode()
def _maps(network: nn.Module, layout: MapLayout | BeliefLayout, image: NDArray[np.uint8]) -> AnyMaps:
    """Of one (H, W, 3) uint8 input."""
    device = next(network.parameters()).device
    pixels = torch.from_numpy(image).to(device).permute(2, 0, 1)[None].float()
    planes = {
        name: value[0].float().cpu().contiguous().numpy()
        for name, value in zip(layout.outputs, network(pixels), strict=True)
    }
    return layout.maps(planes)


def _detect(
    network: nn.Module, layout: MapLayout, sample: Sample, net_height: int, parser: ParserSettings | None
) -> list[Person]:
    image = read_image(sample)
    canvas, placement = letterbox(image, fit(image.shape[:2], net_height, math.lcm(layout.stride, layout.multiple)))
    maps = _maps(network, layout, canvas)
    assert isinstance(maps, Maps)
    people = []
    for person in parse(maps, parser):
        keypoints = person.keypoints.copy()
        keypoints[:, :2] = placement.to_source(keypoints[:, :2])
        people.append(Person(keypoints, person.score, skeleton=layout.skeleton))
    return people


def _look_at_each(
    network: nn.Module, layout: BeliefLayout, sample: Sample, side: int
) -> tuple[list[Person], list[int]]:
    """The annotated people as they are seen in their crops, and which they are."""
    image = read_image(sample)
    crops = crops_of(sample, layout.skeleton, side)
    people = []
    for _, crop in crops:
        maps = _maps(network, layout, crop.cut(image))
        assert isinstance(maps, BeliefMaps)
        joints = find_joints(maps)
        joints[:, :2] = crop.to_frame(joints[:, :2])
        people.append(Person(joints, float(joints[:, 2].mean()), skeleton=layout.skeleton))
    return people, [i for i, _ in crops]


def _ap(truth: Path, results: list[dict[str, object]], layout: MapLayout | BeliefLayout) -> float:
    """Where people are found, and with COCO's joints."""
    found = isinstance(layout, MapLayout) and coco_joints(layout.skeleton) is COCO_17
    return score_coco(truth, results).ap if found else math.nan


def _confidence(truth: Path, results: list[dict[str, object]], skeleton: Skeleton) -> Confidence:
    judged = judge_confidence(truth, results, coco_joints(skeleton).sigmas)
    right = int(judged.people.right.sum())
    fitted = Calibration(_curve(judged.joints), _curve(judged.people)) if right >= _ENOUGH else None
    return Confidence(len(judged.people.right), right, fitted)


def _curve(claims: Claims) -> Curve:
    raw, calibrated = fit_curve(claims).T.tolist()
    return Curve(tuple(raw), tuple(calibrated))


def paired(sample: Sample, people: Sequence[Person]) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Each annotated person behind the one found that is most alike."""
    points = np.array([person.keypoints[:, :2] for person in people], dtype=np.float64)
    pairs = []
    for annotated, area in zip(sample.keypoints, sample.areas, strict=True):
        best = np.full_like(annotated, np.nan)
        if people:
            alike = similarity(annotated.astype(np.float64), points, np.full(len(people), area), people[0])
            best = people[int(alike.argmax())].keypoints[:, :2]
        pairs.append((best, annotated))
    return pairs


def _pck(pairs: Sequence[tuple[NDArray[np.float32], NDArray[np.float32]]], skeleton: Skeleton) -> tuple[float, float]:
    """Of joints found and annotated, (n_joints, 2) each; see `Scores`."""
    if not pairs:
        return math.nan, math.nan
    predicted, truth = (np.stack(side) for side in zip(*pairs, strict=True))
    body, alpha = _length(truth, ("left_shoulder", "right_hip"), skeleton), 0.2
    if np.isnan(body).all():
        body, alpha = (np.nanmax(truth, axis=1) - np.nanmin(truth, axis=1)).max(axis=1), 0.1
    head = _length(truth, ("head" if "head" in skeleton.joints else "head_top", "neck"), skeleton)
    return tuple(  # type: ignore[return-value] # two of them
        _mean(compute_pck(predicted, truth, reference, share)) for reference, share in ((body, alpha), (head, 0.5))
    )


def _length(points: NDArray[np.float32], joints: tuple[str, str], skeleton: Skeleton) -> NDArray[np.float32]:
    if not set(joints) <= set(skeleton.joints):
        return np.full(len(points), np.nan, dtype=np.float32)
    a, b = (points[:, skeleton.index(joint)] for joint in joints)
    return np.asarray(np.linalg.norm(a - b, axis=1), dtype=np.float32)


def _mean(shares: NDArray[np.float64]) -> float:
    known = shares[np.isfinite(shares)]
    return float(known.mean()) if len(known) else math.nan
