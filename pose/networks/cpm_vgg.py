"""Convolutional pose machines on VGG-19 features: the one released for MPII, and OpenPose's hand and face.

As in `pose.networks.cpm`, but all stages share one set of features, and refine with five 7×7 convolutions. The network
of bodies sees a centre map; those of hands and faces are shown one hand, or face, alone and need none.

Papers: convolutional pose machines (https://arxiv.org/abs/1602.00134); hand keypoints by multiview bootstrapping
(https://arxiv.org/abs/1704.07809); OpenPose (https://arxiv.org/abs/1812.08008). Layers are called as in the deploy
prototxts: of bodies in github.com/shihenw/convolutional-pose-machines-release (MPI), of hands and faces in
github.com/CMU-Perceptual-Computing-Lab/openpose.

Input is BGR, 0 to 255, brought to [-0.5, 0.5] inside. Output cells are 8 pixels wide.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pose.networks.layers import Affine, CenterMap, convolutions, vgg19


@dataclass(frozen=True)
class CpmVggConfig:
    """Sizes of the network.

    Attributes:
        n_heatmaps: channels of the belief maps: parts and background.
        vgg_layers: convolutions of VGG-19.
        features: name and channels of each 3×3 convolution behind them; the last ones are what stages see.
        first: names of the two layers that are the first stage.
        center: whether later stages see a centre map.
        n_stages: at least 2.
        hidden: channels inside a stage.
        bottleneck: channels of the first stage's hidden layer.
    """

    n_heatmaps: int
    vgg_layers: int
    features: tuple[tuple[str, int], ...]
    first: tuple[str, str]
    center: bool = False
    n_stages: int = 6
    hidden: int = 128
    bottleneck: int = 512


MPI = CpmVggConfig(
    n_heatmaps=15,
    vgg_layers=10,
    features=(*((f"conv4_{i}_CPM", 256) for i in (3, 4, 5, 6)), ("conv4_7_CPM", 128)),
    first=("conv5_1_CPM", "conv5_2_CPM"),
    center=True,
)
"""14 parts of the body."""

HAND = CpmVggConfig(
    n_heatmaps=22, vgg_layers=14, features=(("conv5_3_CPM", 128),), first=("conv6_1_CPM", "conv6_2_CPM")
)
"""21 joints of a hand."""

FACE = CpmVggConfig(
    n_heatmaps=71, vgg_layers=14, features=(("conv5_3_CPM", 128),), first=("conv6_1_CPM", "conv6_2_CPM")
)
"""70 points of a face."""


class CpmVgg(nn.Module):
    """(B, 3, H, W) float BGR 0..255 -> belief maps (B, n_heatmaps, H/8, W/8), sizes rounded up."""

    def __init__(self, config: CpmVggConfig) -> None:
        super().__init__()
        self.config = config
        self.normalise = Affine(1 / 256, -0.5)
        self.vgg = vgg19(config.vgg_layers)
        self.features = convolutions(512, [(name, n, 3) for name, n in config.features])
        self.center = CenterMap() if config.center else None
        n_features, hidden, n = config.features[-1][1], config.hidden, config.n_heatmaps
        widths = (config.bottleneck, n)
        layers = [(name, width, 1) for name, width in zip(config.first, widths, strict=True)]
        self.first = convolutions(n_features, layers, bare=True)
        self.later = nn.ModuleList()
        for stage in range(2, config.n_stages + 1):
            sizes = [(hidden, 7)] * 5 + [(hidden, 1), (n, 1)]
            layers = [(f"Mconv{i}_stage{stage}", *size) for i, size in enumerate(sizes, start=1)]
            self.later.append(convolutions(n + n_features + config.center, layers, bare=True))

    @property
    def outputs(self) -> dict[str, int]:
        """Name and channels of each output."""
        return {"heatmaps": self.config.n_heatmaps}

    def forward(self, image: Tensor) -> tuple[Tensor]:
        return self.each_stage(image)[-1]

    def each_stage(self, image: Tensor, centers: Tensor | None = None) -> list[tuple[Tensor]]:
        """The belief maps of every stage, for losses at each; `centers` as `CenterMap` takes them."""
        features = self.features(self.vgg(self.normalise(image)))  # (B, 128, H/8, W/8)
        beliefs = self.first(features)
        stages = [(beliefs,)]
        constant = [features]
        if self.center is not None:
            constant.append(self.center(features) if centers is None else self.center(features, centers))
        for stage in self.later:
            beliefs = stage(torch.cat((beliefs, *constant), dim=1))
            stages.append((beliefs,))
        return stages
