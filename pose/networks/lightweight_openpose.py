"""Lightweight OpenPose: a dilated MobileNet under one stage of fields and heatmaps and one that refines both.

MobileNet's last strides are left out and its kernels spread instead, so that cells stay 8 pixels wide while each sees
as much of the image. Both outputs of a stage share one trunk; a 7×7 convolution is replaced by a 1×1, a 3×3 and a
spread 3×3 with a way around the last two.

Papers: https://arxiv.org/abs/1811.12004; MobileNets (https://arxiv.org/abs/1704.04861). Structure and weights: Daniil
Osokin's lightweight-human-pose-estimation.pytorch (Apache-2.0). Here its batch normalisation is folded into the
convolutions; an `nn.Identity` holds its place, so that layers keep their numbers.

Input is BGR, 0 to 255, brought to [-0.5, 0.5] inside. Output cells are 8 pixels wide.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pose.networks.layers import Affine


@dataclass(frozen=True)
class LightweightOpenposeConfig:
    """Sizes of the network; the defaults are those of the published weights.

    Attributes:
        stem: channels of the first convolution.
        backbone: (channels, stride, dilation) of each separable block after it.
        hidden: channels of the features and inside a stage.
        bottleneck: channels of the last hidden layer of the first stage.
        n_refinements: stages behind the first.
        n_heatmaps: channels of the heatmaps, background among them.
        n_pafs: channels of the part affinity fields.
    """

    stem: int = 32
    backbone: tuple[tuple[int, int, int], ...] = (
        (64, 1, 1), (128, 2, 1), (128, 1, 1),  # 1/4
        (256, 2, 1), (256, 1, 1), (512, 1, 1), (512, 1, 2), (512, 1, 1), (512, 1, 1), (512, 1, 1), (512, 1, 1),  # 1/8
    )  # fmt: skip
    hidden: int = 128
    bottleneck: int = 512
    n_refinements: int = 1
    n_heatmaps: int = 19
    n_pafs: int = 38


def _normalised(n_in: int, n_out: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """3×3 convolution, the place of its batch normalisation, ReLU."""
    return nn.Sequential(nn.Conv2d(n_in, n_out, 3, stride, dilation, dilation), nn.Identity(), nn.ReLU())


def _plain(n_in: int, n_out: int, kernel: int = 3, relu: bool = True) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Conv2d(n_in, n_out, kernel, padding=kernel // 2)]
    return nn.Sequential(*layers, *([nn.ReLU()] if relu else []))


def _separable(n_in: int, n_out: int, stride: int, dilation: int) -> nn.Sequential:
    """Depthwise, then pointwise convolution, each with the place of its batch normalisation and ReLU."""
    return nn.Sequential(
        nn.Conv2d(n_in, n_in, 3, stride, dilation, dilation, groups=n_in),
        nn.Identity(),
        nn.ReLU(),
        nn.Conv2d(n_in, n_out, 1),
        nn.Identity(),
        nn.ReLU(),
    )


def _separable_elu(n: int) -> nn.Sequential:
    depthwise = nn.Conv2d(n, n, 3, padding=1, groups=n, bias=False)
    return nn.Sequential(depthwise, nn.ELU(), nn.Conv2d(n, n, 1, bias=False), nn.ELU())


class CpmBlock(nn.Module):
    """Features of the backbone, fewer and looked over once more."""

    def __init__(self, n_in: int, hidden: int) -> None:
        super().__init__()
        self.align = _plain(n_in, hidden, kernel=1)
        self.trunk = nn.Sequential(*(_separable_elu(hidden) for _ in range(3)))
        self.conv = _plain(hidden, hidden)

    def forward(self, x: Tensor) -> Tensor:
        x = self.align(x)
        return self.conv(x + self.trunk(x))  # type: ignore[no-any-return] # modules are Any


class RefinementBlock(nn.Module):
    """Sees 7×7 cells."""

    def __init__(self, n_in: int, hidden: int) -> None:
        super().__init__()
        self.initial = _plain(n_in, hidden, kernel=1)
        self.trunk = nn.Sequential(_normalised(hidden, hidden), _normalised(hidden, hidden, dilation=2))

    def forward(self, x: Tensor) -> Tensor:
        x = self.initial(x)
        return x + self.trunk(x)  # type: ignore[no-any-return] # modules are Any


class Stage(nn.Module):
    """A trunk, and two layers of single cells for each output."""

    def __init__(self, trunk: nn.Sequential, config: LightweightOpenposeConfig, bottleneck: int) -> None:
        super().__init__()
        self.trunk = trunk
        self.heatmaps, self.pafs = (
            nn.Sequential(_plain(config.hidden, bottleneck, 1), _plain(bottleneck, n_out, 1, relu=False))
            for n_out in (config.n_heatmaps, config.n_pafs)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.trunk(x)
        return self.heatmaps(x), self.pafs(x)


class LightweightOpenpose(nn.Module):
    """(B, 3, H, W) float BGR 0..255 -> heatmaps (B, 19, H/8, W/8) and fields (B, 38, H/8, W/8), sizes rounded up."""

    def __init__(self, config: LightweightOpenposeConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or LightweightOpenposeConfig()
        self.normalise = Affine(1 / 256, -0.5)
        widths = (config.stem, *(width for width, _, _ in config.backbone))
        self.model = nn.Sequential(
            _normalised(3, config.stem, stride=2),
            *(_separable(n, *sizes) for n, sizes in zip(widths, config.backbone, strict=False)),
        )
        hidden = config.hidden
        self.cpm = CpmBlock(widths[-1], hidden)
        self.initial_stage = Stage(
            nn.Sequential(*(_plain(hidden, hidden) for _ in range(3))), config, config.bottleneck
        )
        n_refined = hidden + config.n_heatmaps + config.n_pafs  # 185
        self.refinement_stages = nn.ModuleList()
        for _ in range(config.n_refinements):
            blocks = (RefinementBlock(hidden if i else n_refined, hidden) for i in range(5))
            self.refinement_stages.append(Stage(nn.Sequential(*blocks), config, hidden))

    @property
    def outputs(self) -> dict[str, int]:
        """Name and channels of each output."""
        return {"heatmaps": self.config.n_heatmaps, "pafs": self.config.n_pafs}

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        return self.each_stage(image)[-1]

    def each_stage(self, image: Tensor) -> list[tuple[Tensor, Tensor]]:
        """The outputs of every stage, for losses at each."""
        features = self.cpm(self.model(self.normalise(image)))  # (B, 128, H/8, W/8)
        heatmaps, pafs = self.initial_stage(features)
        stages = [(heatmaps, pafs)]
        for stage in self.refinement_stages:
            heatmaps, pafs = stage(torch.cat((features, heatmaps, pafs), dim=1))
            stages.append((heatmaps, pafs))
        return stages
