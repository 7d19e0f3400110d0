"""Convolutional pose machines: one person's parts, believed in stages, each seeing what the one before believed.

The first stage sees a patch of the image around each cell and nothing else. Each later stage sees features of the image
(x' in the paper), the belief maps of the stage before, and the centre map: a Gaussian that says which of several people
is meant. Its large kernels on belief maps let it learn how parts lie to one another. At test time as in training a
stage is fed what the one before put out, nothing else; the centre map is drawn from the person's box, which here is the
whole image. Every stage has a loss of its own.

Paper: https://arxiv.org/abs/1602.00134. Layers are called as in the deploy prototxts of
github.com/shihenw/convolutional-pose-machines-release (LEEDS_PC, FLIC), which pool over 3×3 where the paper's figure
pools over 2×2.

Input is BGR, 0 to 255, brought to [-0.5, 0.5] inside; height and width are multiples of 8. The person fills the middle
of it. Output cells are 8 pixels wide.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pose.networks.layers import Affine, CenterMap, convolutions


@dataclass(frozen=True)
class CpmConfig:
    """Sizes of the network.

    Attributes:
        n_heatmaps: channels of the belief maps: parts and background.
        n_stages: at least 2.
        pool: kernel of each of the three pools.
        hidden: channels of the large convolutions.
        n_features: channels of the image features that later stages see.
        bottleneck: channels of the first stage's last layers.
    """

    n_heatmaps: int
    n_stages: int = 6
    pool: int = 3
    hidden: int = 128
    n_features: int = 32
    bottleneck: int = 512


LSP = CpmConfig(n_heatmaps=15)
"""14 parts of the whole body."""

FLIC = CpmConfig(n_heatmaps=10, n_stages=4)
"""9 parts of the upper body."""


def _trunk(stage: int, config: CpmConfig) -> nn.Sequential:
    """Image -> (B, hidden, H/8, W/8)."""
    parts: dict[str, nn.Module] = {}
    for i in (1, 2, 3):
        n_in = 3 if i == 1 else config.hidden
        parts |= convolutions(n_in, [(f"conv{i}_stage{stage}", config.hidden, 9)]).named_children()
        parts[f"pool{i}_stage{stage}"] = nn.MaxPool2d(config.pool, stride=2, ceil_mode=True)
    return nn.Sequential(OrderedDict(parts))


class Cpm(nn.Module):
    """(B, 3, H, W) float BGR 0..255 -> belief maps (B, n_heatmaps, H/8, W/8)."""

    def __init__(self, config: CpmConfig = LSP) -> None:
        super().__init__()
        self.config = config
        self.normalise = Affine(1 / 256, -0.5)
        self.center = CenterMap()
        hidden, n_features, bottleneck, n = config.hidden, config.n_features, config.bottleneck, config.n_heatmaps
        sizes = [(n_features, 5), (bottleneck, 9), (bottleneck, 1), (n, 1)]
        layers = [(f"conv{i}_stage1", *size) for i, size in enumerate(sizes, start=4)]
        self.trunk, self.later_trunk = _trunk(1, config), _trunk(2, config)
        self.first = convolutions(hidden, layers, bare=True)
        self.features = nn.ModuleList()
        self.later = nn.ModuleList()
        for stage in range(2, config.n_stages + 1):
            name = "conv4_stage2" if stage == 2 else f"conv1_stage{stage}"  # all on one trunk, the second stage's
            self.features.append(convolutions(hidden, [(name, n_features, 5)]))
            sizes = [(hidden, 11)] * 3 + [(hidden, 1), (n, 1)]
            layers = [(f"Mconv{i}_stage{stage}", *size) for i, size in enumerate(sizes, start=1)]
            self.later.append(convolutions(n_features + n + 1, layers, bare=True))

    @property
    def outputs(self) -> dict[str, int]:
        """Name and channels of each output."""
        return {"heatmaps": self.config.n_heatmaps}

    def forward(self, image: Tensor) -> tuple[Tensor]:
        return self.each_stage(image)[-1]

    def each_stage(self, image: Tensor, centers: Tensor | None = None) -> list[tuple[Tensor]]:
        """The belief maps of every stage, for losses at each; `centers` as `CenterMap` takes them."""
        image = self.normalise(image)
        beliefs = self.first(self.trunk(image))  # (B, 15, H/8, W/8)
        stages = [(beliefs,)]
        x = self.later_trunk(image)  # (B, 128, H/8, W/8)
        center = self.center(x) if centers is None else self.center(x, centers)  # (B, 1, H/8, W/8)
        for to_features, stage in zip(self.features, self.later, strict=True):
            beliefs = stage(torch.cat((to_features(x), beliefs, center), dim=1))  # 32 + 15 + 1 channels in
            stages.append((beliefs,))
        return stages
