"""MoveNet: people as points. A MobileNet v2 under a feature pyramid, and heads that see a person in one cell.

Each cell of the output (4 pixels) says whether a person's centre lies in it, how far from there each joint is
(`regressions`), where joints of anybody are (`heatmaps`) and where inside its cell each of those is (`offsets`).
MultiPose also gives each person's box. Regression says whose a joint is, heatmap and offset where exactly.

Papers: CenterNet (https://arxiv.org/abs/1904.07850); MobileNet v2 (https://arxiv.org/abs/1801.04381); feature pyramids
(https://arxiv.org/abs/1612.03144). Structure and weights: MoveNet MultiPose Lightning and SinglePose Thunder (Google,
Apache-2.0), whose batch normalisation is already folded into the weights.

Input is BGR, 0 to 255, brought to [-1, 1] inside; its height and width are multiples of 32.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from pose.maps import MOVENET_MULTIPOSE, MOVENET_THUNDER
from pose.networks.layers import Affine, SameConv2d


@dataclass(frozen=True)
class MovenetConfig:
    """Sizes of the network.

    Attributes:
        stem: channels of the first convolution.
        backbone: (channels, stride, repeats) of each group of inverted residuals; its first has its stride.
        taps: blocks (from 0) whose outputs the pyramid takes, at 1/4, 1/8 and 1/16.
        last: channels of the backbone's last convolution.
        laterals: channels of each level of the pyramid, from the coarsest (1/32) to the finest (1/4).
        hidden: channels inside a head.
        heads: name and channels of each output.
    """

    stem: int
    backbone: tuple[tuple[int, int, int], ...]
    heads: tuple[tuple[str, int], ...]
    taps: tuple[int, ...] = (2, 5, 9)
    last: int = 1280
    laterals: tuple[int, ...] = (64, 64, 32, 24)
    hidden: int = 96


MULTIPOSE = MovenetConfig(
    stem=48,
    backbone=((24, 1, 1), (40, 2, 2), (48, 2, 3), (96, 2, 4), (144, 1, 3), (240, 2, 3), (480, 1, 1)),
    heads=tuple(MOVENET_MULTIPOSE.outputs.items()),
)
"""MoveNet MultiPose Lightning: everybody in an image."""

THUNDER = MovenetConfig(
    stem=56,
    backbone=((32, 1, 1), (40, 2, 2), (56, 2, 3), (112, 2, 4), (168, 1, 3), (280, 2, 3), (560, 1, 1)),
    heads=tuple(MOVENET_THUNDER.outputs.items()),
)
"""MoveNet SinglePose Thunder: one person in a square crop of 256 pixels."""

_EXPANSION = 6
_TO_UNIT = 0.007843017578125  # 1 / 127.5 in float16, as the published files have it
_BELIEFS = ("centers", "heatmaps")


class InvertedResidual(nn.Module):
    """Widen, filter each channel, narrow; with the input added where the sizes allow."""

    def __init__(self, n_in: int, n_out: int, stride: int, expansion: int = _EXPANSION) -> None:
        super().__init__()
        n_wide = n_in * expansion
        self.expand = nn.Identity() if expansion == 1 else nn.Sequential(SameConv2d(n_in, n_wide, 1), nn.ReLU6())
        self.depthwise = nn.Sequential(SameConv2d(n_wide, n_wide, 3, stride, groups=n_wide), nn.ReLU6())
        self.project = SameConv2d(n_wide, n_out, 1)
        self.adds = stride == 1 and n_in == n_out

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.project(self.depthwise(self.expand(x)))
        return x + y if self.adds else y


def _separable(n_in: int, n_out: int) -> nn.Sequential:
    return nn.Sequential(SameConv2d(n_in, n_in, 3, groups=n_in, bias=False), SameConv2d(n_in, n_out, 1), nn.ReLU())


class Movenet(nn.Module):
    """(B, 3, H, W) float BGR 0..255 -> each of `config.heads` as (B, channels, H/4, W/4), in their order.

    Centers and heatmaps are beliefs in [0, 1]; regressions and offsets are pairs y, x in cells, per joint; boxes are
    heights and widths, and the way from the cell to the box's middle, y, x in cells.
    """

    def __init__(self, config: MovenetConfig) -> None:
        super().__init__()
        self.config = config
        self.normalise = Affine(_TO_UNIT, -1.0)
        self.stem = nn.Sequential(SameConv2d(3, config.stem, 3, stride=2), nn.ReLU6())
        self.backbone = nn.ModuleList()
        widths = [config.stem]
        for n_out, stride, repeats in config.backbone:
            for i in range(repeats):
                expansion = _EXPANSION if self.backbone else 1
                self.backbone.append(InvertedResidual(widths[-1], n_out, stride if i == 0 else 1, expansion))
                widths.append(n_out)
        self.last = nn.Sequential(SameConv2d(widths[-1], config.last, 1), nn.ReLU6())
        tapped = [config.last, *(widths[tap + 1] for tap in reversed(config.taps))]  # at 1/32, 1/16, 1/8, 1/4
        self.laterals = nn.ModuleList(SameConv2d(n, m, 1) for n, m in zip(tapped, config.laterals, strict=True))
        narrowed = (*config.laterals[2:], config.laterals[-1])
        self.smooths = nn.ModuleList(_separable(n, m) for n, m in zip(config.laterals[1:], narrowed, strict=True))
        self.upsample = nn.Upsample(scale_factor=2, mode="bilinear")
        self.heads = nn.ModuleDict(
            {
                name: nn.Sequential(
                    *_separable(config.laterals[-1], config.hidden),
                    SameConv2d(config.hidden, channels, 1),
                    nn.Sigmoid() if name in _BELIEFS else nn.Identity(),
                )
                for name, channels in config.heads
            }
        )

    @property
    def outputs(self) -> dict[str, int]:
        """Name and channels of each output."""
        return dict(self.config.heads)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        x = self.pyramid(image)[-1]
        return tuple(head(x) for head in self.heads.values())

    def pyramid(self, image: Tensor) -> list[Tensor]:
        """Its levels from the coarsest, 64 channels at 1/32, to the finest, 24 at 1/4, which the heads read."""
        x = self.stem(self.normalise(image))  # 1/2
        tapped = []
        for i, block in enumerate(self.backbone):
            x = block(x)
            if i in self.config.taps:
                tapped.append(x)  # 1/4, 1/8, 1/16
        levels = [self.laterals[0](self.last(x))]
        for lateral, smooth, finer in zip(self.laterals[1:], self.smooths, reversed(tapped), strict=True):
            levels.append(smooth(self.upsample(levels[-1]) + lateral(finer)))  # 32 at 1/16, 24 at 1/8, 24 at 1/4
        return levels

    def each_stage(self, image: Tensor) -> list[tuple[Tensor, ...]]:
        """The outputs of its one stage."""
        return [self(image)]

    def delicate_layers(self) -> list[nn.Module]:
        """Small layers that stay float32 at bfloat16: the first ones, the pyramid's end, and the heads, whose
        regressions reach tens of cells, where bfloat16 counts in quarters."""
        return [self.stem, self.backbone[0], self.laterals[-1], self.smooths[-1], self.heads]
