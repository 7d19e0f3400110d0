"""The one description that networks and parsing share: what a pose network puts out.

Networks of part affinity fields give `Maps`, centre networks (`pose.networks.movenet`) `CenterMaps`, convolutional pose
machines, which see one person, hand or face in a crop, `BeliefMaps`.

A map cell (column i, row j) has its centre at pixel `stride * (i + 0.5) - 0.5` of the network's input, where a pixel's
own centre is at whole numbers. `cells_to_pixels` and `pixels_to_cells` are the only places where this is written.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pose.parts import FACE_70, HAND_21
from pose.skeleton import BODY_25, COCO_17, COCO_18, CPM_9, CPM_14, MPI_15, Skeleton

Planes = Mapping[str, NDArray[np.float32]]
"""The outputs of a network for one image by their names, (channels, h, w) each."""


@dataclass(frozen=True)
class MapLayout:
    """Which output channel of a part-affinity-field network is which joint or limb.

    Attributes:
        skeleton: joints and limbs of the network.
        limb_channels: per limb of the skeleton, the PAF channels of its x and its y component, counted inside the PAF
            block.
        stride: input pixels per map cell.
        multiple: height and width of the input are multiples of so many pixels.
    """

    skeleton: Skeleton
    limb_channels: tuple[tuple[int, int], ...]
    stride: int = 8
    multiple: int = 1

    def __post_init__(self) -> None:
        if len(self.limb_channels) != len(self.skeleton.limbs):
            raise ValueError(
                f"expected {len(self.skeleton.limbs)} pairs of PAF channels, got {len(self.limb_channels)}"
            )

    @property
    def n_heatmaps(self) -> int:
        """Joints and one background channel."""
        return len(self.skeleton) + 1

    @property
    def n_pafs(self) -> int:
        return 2 * len(self.limb_channels)

    @property
    def outputs(self) -> dict[str, int]:
        """Name and channels of each output of such a network."""
        return {"heatmaps": self.n_heatmaps, "pafs": self.n_pafs}

    def maps(self, planes: Planes) -> Maps:
        """The outputs for one image."""
        return Maps(planes["heatmaps"], planes["pafs"], self)


@dataclass(frozen=True, eq=False)
class Maps:
    """Output of a pose network for one image.

    Attributes:
        heatmaps: (n_joints + 1, h, w) float32 belief of each joint, about [0, 1], background last.
        pafs: (2 * n_limbs, h, w) float32 part affinity fields: x and y of unit vectors along each limb, channels as
            `layout.limb_channels` says.
        layout: meaning of the channels.
    """

    heatmaps: NDArray[np.float32]
    pafs: NDArray[np.float32]
    layout: MapLayout

    def __post_init__(self) -> None:
        heat, paf = (self.layout.n_heatmaps, self.layout.n_pafs)
        if self.heatmaps.ndim != 3 or self.heatmaps.shape[0] != heat:
            raise ValueError(f"expected heatmaps of shape ({heat}, h, w), got {self.heatmaps.shape}")
        if self.pafs.shape != (paf, *self.heatmaps.shape[1:]):
            raise ValueError(f"expected pafs of shape {(paf, *self.heatmaps.shape[1:])}, got {self.pafs.shape}")


@dataclass(frozen=True)
class CenterLayout:
    """What a centre network puts out.

    Attributes:
        skeleton: joints of the network.
        boxes: whether it gives people's boxes.
        stride: input pixels per map cell.
        multiple: height and width of the input are multiples of so many pixels.
    """

    skeleton: Skeleton = COCO_17
    boxes: bool = True
    stride: int = 4
    multiple: int = 32

    @property
    def outputs(self) -> dict[str, int]:
        """Name and channels of each output of such a network."""
        n = len(self.skeleton)
        joints = {"centers": 1, "heatmaps": n, "regressions": 2 * n, "offsets": 2 * n}
        return joints | ({"box_scales": 2, "box_offsets": 2} if self.boxes else {})

    def maps(self, planes: Planes) -> CenterMaps:
        """The outputs for one image."""
        return CenterMaps(**planes, layout=self)


@dataclass(frozen=True, eq=False)
class CenterMaps:
    """Output of a centre network for one image; all in cells, y before x.

    A place in cells is `stride` times as many pixels of the network's input: there is no shift by half a cell, whose
    corner the network was trained to point from (`pose.parsing.centers` says how that was found).

    Attributes:
        centers: (1, h, w) float32 belief in [0, 1] that a person's middle is in the cell.
        heatmaps: (n_joints, h, w) float32 belief in [0, 1] that somebody's joint is in the cell.
        regressions: (2 * n_joints, h, w) float32 from a person's middle to each joint.
        offsets: (2 * n_joints, h, w) float32 from a joint's cell to the joint.
        layout: meaning of the channels.
        box_scales: (2, h, w) float32 height and width of the person whose middle it is; None without boxes.
        box_offsets: (2, h, w) float32 from the middle to that of the box; None without boxes.
    """

    centers: NDArray[np.float32]
    heatmaps: NDArray[np.float32]
    regressions: NDArray[np.float32]
    offsets: NDArray[np.float32]
    layout: CenterLayout
    box_scales: NDArray[np.float32] | None = None
    box_offsets: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        size = self.centers.shape[1:]
        for name, channels in self.layout.outputs.items():
            value = getattr(self, name)
            if value is None or value.shape != (channels, *size):
                shape = None if value is None else value.shape
                raise ValueError(f"expected {name} of shape {(channels, *size)}, got {shape}")


@dataclass(frozen=True)
class BeliefLayout:
    """What a convolutional pose machine puts out.

    Attributes:
        skeleton: joints of the network.
        size: height and width of the crop that it sees, pixels.
        stride: input pixels per map cell.
    """

    skeleton: Skeleton
    size: int = 368
    stride: int = 8

    @property
    def multiple(self) -> int:
        """Height and width of the input are multiples of so many pixels."""
        return self.stride

    @property
    def outputs(self) -> dict[str, int]:
        """Name and channels of each output of such a network."""
        return {"heatmaps": len(self.skeleton) + 1}

    def maps(self, planes: Planes) -> BeliefMaps:
        """The outputs for one crop."""
        return BeliefMaps(planes["heatmaps"], self)


@dataclass(frozen=True, eq=False)
class BeliefMaps:
    """Output of a convolutional pose machine for one crop.

    Attributes:
        heatmaps: (n_joints + 1, h, w) float32 belief of each joint of the one in the crop's middle, about [0, 1],
            background last.
        layout: meaning of the channels.
    """

    heatmaps: NDArray[np.float32]
    layout: BeliefLayout

    def __post_init__(self) -> None:
        n = len(self.layout.skeleton) + 1
        if self.heatmaps.ndim != 3 or self.heatmaps.shape[0] != n:
            raise ValueError(f"expected heatmaps of shape ({n}, h, w), got {self.heatmaps.shape}")


@dataclass(frozen=True)
class LandmarkLayout:
    """What a network of landmarks puts out, which gives places and no maps.

    Attributes:
        skeleton: its points.
        size: height and width of the crop that it sees, pixels.
        others: name and channels of the outputs besides `points`, which has three for each, in the network's order.
        points_at: place of `points` among the outputs.
        logit: the output `presence` is a logit; without such an output whatever is looked at is there.
    """

    skeleton: Skeleton
    size: int
    others: tuple[tuple[str, int], ...] = ()
    points_at: int = 0
    logit: bool = False
    stride: int = 1

    @property
    def outputs(self) -> dict[str, int]:
        """Name and channels of each output of such a network."""
        outputs = list(self.others)
        outputs.insert(self.points_at, ("points", 3 * len(self.skeleton)))
        return dict(outputs)

    @property
    def multiple(self) -> int:
        """Height and width of the input are multiples of so many pixels."""
        return self.size

    def maps(self, planes: Planes) -> Landmarks:
        """The outputs for one crop."""
        flat = {name: values.reshape(-1) for name, values in planes.items()}
        presence = float(flat["presence"][0]) if "presence" in flat else 1.0
        if self.logit:
            presence = 1 / (1 + math.exp(-presence))
        return Landmarks(flat["points"].reshape(-1, 3), presence, self)


@dataclass(frozen=True, eq=False)
class Landmarks:
    """Output of a network of landmarks for one crop.

    Attributes:
        points: (n, 3) float32 x, y in pixels of the crop, and a depth in the same unit, relative to the middle.
        presence: probability that what it looks for is there.
        layout: meaning of the outputs.
    """

    points: NDArray[np.float32]
    presence: float
    layout: LandmarkLayout


Layout = MapLayout | CenterLayout | BeliefLayout | LandmarkLayout
AnyMaps = Maps | CenterMaps | BeliefMaps | Landmarks


def cells_to_pixels(cells: ArrayLike, stride: int) -> NDArray[np.float64]:
    """Map coordinates (any shape, in cells) to pixels of the network's input."""
    return stride * (np.asarray(cells, dtype=np.float64) + 0.5) - 0.5


def pixels_to_cells(pixels: ArrayLike, stride: int) -> NDArray[np.float64]:
    """Pixels of the network's input (any shape) to map coordinates, in cells; inverse of `cells_to_pixels`."""
    return (np.asarray(pixels, dtype=np.float64) + 0.5) / stride - 0.5


OPENPOSE_COCO = MapLayout(
    skeleton=COCO_18,
    limb_channels=(
        (12, 13), (20, 21), (14, 15), (16, 17), (22, 23), (24, 25), (0, 1), (2, 3), (4, 5), (6, 7),
        (8, 9), (10, 11), (28, 29), (30, 31), (34, 35), (32, 33), (36, 37), (18, 19), (26, 27),
    ),
)  # fmt: skip
"""OpenPose's COCO network and those trained after it, mobilenet_thin among them (poseParameters.cpp)."""

OPENPOSE_BODY_25 = MapLayout(
    skeleton=BODY_25,
    limb_channels=(
        (0, 1), (14, 15), (22, 23), (16, 17), (18, 19), (24, 25), (26, 27), (6, 7), (2, 3), (4, 5),
        (8, 9), (10, 11), (12, 13), (30, 31), (32, 33), (36, 37), (34, 35), (38, 39), (20, 21), (28, 29),
        *((i, i + 1) for i in range(40, 52, 2)),
    ),
)  # fmt: skip
"""OpenPose's BODY_25 network."""

OPENPOSE_MPI = MapLayout(skeleton=MPI_15, limb_channels=tuple((i, i + 1) for i in range(0, 28, 2)))
"""OpenPose's MPI network."""

CPM_BODY = BeliefLayout(CPM_14)
CPM_UPPER_BODY = BeliefLayout(CPM_9)
OPENPOSE_HAND = BeliefLayout(HAND_21)
OPENPOSE_FACE = BeliefLayout(FACE_70)

MOVENET_FIELDS = replace(OPENPOSE_COCO, multiple=32)
"""OpenPose's channels on MoveNet's features."""


def _points(name: str, n: int) -> Skeleton:
    """A layout of points that have numbers and no names."""
    return Skeleton(name, tuple(f"point_{i}" for i in range(n)), (), (0.01,) * n)


HAND_LANDMARKS = LandmarkLayout(HAND_21, 224, (("presence", 1), ("right", 1), ("world", 63)))
FACE_LANDMARKS = LandmarkLayout(_points("face_mesh_468", 468), 192, (("presence", 1),), logit=True)
IRIS_LANDMARKS = LandmarkLayout(_points("iris_5", 5), 64, (("contour", 213),), points_at=1)
"""MediaPipe's networks (https://arxiv.org/abs/2006.10214, 1907.06724, 2006.11341); an iris begins with its pupil."""

MOVENET_MULTIPOSE = CenterLayout()
MOVENET_THUNDER = CenterLayout(boxes=False)
