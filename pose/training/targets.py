"""A view of a sample to what the network should give there, and where that is known.

Targets are drawn by the encoder that the parser inverts. They are not known (mask 0) where people are who are not
annotated, and nowhere for joints that the annotations don't speak of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pose.maps import BeliefLayout, MapLayout, pixels_to_cells
from pose.parsing.encode import encode_points
from pose.training.augment import View
from pose.training.datasets import Sample

Arrays = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class TargetSettings:
    """How targets are drawn.

    Attributes:
        sigma: of a joint's Gaussian, pixels of the network's input.
        limb_half_width: of a limb's field, pixels of the network's input.
        unlabelled: what a joint of an annotated person is that has no label: `absent`, as OpenPose and most others
            take COCO, or `unknown`, and then nothing is learnt of it, nor of the background, in the person's box.
    """

    sigma: float = 7.0
    limb_half_width: float = 8.0
    unlabelled: str = "absent"

    def __post_init__(self) -> None:
        if self.unlabelled not in ("absent", "unknown"):
            raise ValueError(f"expected unlabelled to be absent or unknown, got {self.unlabelled!r}")


_PRESENT = 0.05  # of a Gaussian: known there, even inside somebody else's box
_MARGIN = 0.1  # around a person's box, share of its size


def draw_targets(
    sample: Sample, view: View, known: NDArray[np.bool_], layout: MapLayout | BeliefLayout, settings: TargetSettings
) -> tuple[Arrays, Arrays]:
    """Targets and masks, (channels, h, w) float32 by the names of the network's outputs.

    Args:
        sample: people in pixels of their image.
        view: where these lie in the network's input.
        known: (n_joints,) joints that the annotations speak of.
        layout: of the network.
        settings: see there.
    """
    height, width = view.size
    skeleton = layout.skeleton
    points = view.keypoints(sample.keypoints, skeleton.mirror_indices)
    if view.mirrored:
        known = known[skeleton.mirror_indices]
    planes = encode_points(
        points, layout, height, width, sigma=settings.sigma, limb_half_width=settings.limb_half_width
    )
    shape = planes["heatmaps"].shape[1:]
    area = np.full(shape, int(sample.complete), dtype=np.uint8)
    if not sample.complete:
        for box in sample.boxes:
            _fill(area, box, view, layout.stride, 1, _MARGIN)
    for box in sample.ignore:
        _fill(area, box, view, layout.stride, 0)
    masks = {name: np.repeat(area[None], len(plane), axis=0) for name, plane in planes.items()}
    if settings.unlabelled == "unknown":
        for person, box in zip(points, sample.boxes, strict=True):
            inside = np.zeros(shape, dtype=np.uint8)
            _fill(inside, box, view, layout.stride, 1, _MARGIN)
            for name, channels in _channels_of(layout, ~np.isfinite(person[:, 0])).items():
                masks[name][channels] &= 1 - inside
    masks["heatmaps"][:-1] |= planes["heatmaps"][:-1] > _PRESENT
    if "pafs" in masks:
        masks["pafs"] |= planes["pafs"] != 0
    for name, channels in _channels_of(layout, ~known).items():
        masks[name][channels] = 0
    return planes, {name: mask.astype(np.float32) for name, mask in masks.items()}


def _channels_of(layout: MapLayout | BeliefLayout, joints: NDArray[np.bool_]) -> dict[str, NDArray[np.bool_]]:
    """By output, the channels of these joints: their own, the background, which is what no joint covers, and those of
    limbs that end in one of them."""
    channels = {"heatmaps": np.append(joints, joints.any())}
    if isinstance(layout, MapLayout):
        channels["pafs"] = np.zeros(layout.n_pafs, dtype=np.bool_)
        ends = joints[layout.skeleton.limb_indices].any(axis=1)
        channels["pafs"][np.array(layout.limb_channels)[ends]] = True
    return channels


def _fill(
    area: NDArray[np.uint8], box: NDArray[np.float32], view: View, stride: int, value: int, margin: float = 0.0
) -> None:
    """Sets the cells that a box of the image covers, if only in part."""
    x0, y0, x1, y1 = box
    dx, dy = margin * (x1 - x0), margin * (y1 - y0)
    corners = np.array([(x0 - dx, y0 - dy), (x1 + dx, y0 - dy), (x1 + dx, y1 + dy), (x0 - dx, y1 + dy)])
    cells = np.clip(pixels_to_cells(view.points(corners), stride), -1e4, 1e4)
    cv2.fillConvexPoly(area, np.round(cells * 16).astype(np.int32), value, shift=4)
