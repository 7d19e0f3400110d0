"""Part affinity fields on MoveNet's features: the backbone and pyramid of MoveNet MultiPose under stages of fields.

What MoveNet knows of people lies in its feature pyramid and in two of its heads: where joints of anybody are, and from
each cell the way to the joints of who stands there, which is what a field along a limb needs. Heads of heatmaps and
part affinity fields read these, refined stage by stage with a loss at each (OpenPose,
https://arxiv.org/abs/1812.08008), so that people are parsed as from any other network of fields.

Channels differ in size a hundredfold, so each is standardised first by its mean and deviation over training images;
without that the loss of an untrained head is in the tens of thousands.

Input is BGR, 0 to 255; its height and width are multiples of 32. Output cells are 8 pixels wide, or 4; in one short
trial each, a head at 8 with 128 channels was ahead of one at 4 with 64 (PCK after 600 images .29 and .16).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from pose.networks.layers import SameConv2d
from pose.networks.movenet import MULTIPOSE, Movenet, MovenetConfig

_READ = ("regressions", "heatmaps")  # of MoveNet's own heads
_BACKBONE = replace(MULTIPOSE, heads=tuple((name, n) for name, n in MULTIPOSE.heads if name in _READ))
_DOWN = 96  # channels of what is read at 1/4, brought to 1/8


@dataclass(frozen=True)
class MovenetFieldsConfig:
    """Sizes of the network.

    Attributes:
        backbone: MoveNet with the heads that are read.
        stride: pixels per output cell, 4 or 8.
        hidden: channels inside a stage.
        kernel: of the depthwise convolutions inside a stage, cells.
        trunk: residual blocks that all stages share.
        blocks: residual blocks of a stage.
        stages: the first and its refinements.
        n_pafs: channels of the part affinity fields.
        n_heatmaps: channels of the heatmaps, background among them.
    """

    backbone: MovenetConfig = _BACKBONE
    stride: int = 8
    hidden: int = 128
    kernel: int = 5
    trunk: int = 2
    blocks: int = 2
    stages: int = 3
    n_pafs: int = 38
    n_heatmaps: int = 19


class Standardise(SameConv2d):
    """Each channel minus its mean, over its deviation: a 1×1 depthwise convolution that is not trained."""

    def __init__(self, n: int) -> None:
        super().__init__(n, n, 1, groups=n)
        self.requires_grad_(False)
        nn.init.ones_(self.weight)
        assert self.bias is not None
        nn.init.zeros_(self.bias)

    def set(self, mean: Tensor, deviation: Tensor) -> None:
        """(n,) each; a channel that never changes gets no weight."""
        assert self.bias is not None
        scale = torch.where(deviation > 1e-6, 1 / deviation.clamp(min=1e-6), 0)
        self.weight.data.copy_(scale.view(-1, 1, 1, 1))
        self.bias.data.copy_(-mean * scale)


class Residual(nn.Module):
    """A separable convolution added to what it reads."""

    def __init__(self, n: int, kernel: int) -> None:
        super().__init__()
        self.depthwise = SameConv2d(n, n, kernel, groups=n)
        self.pointwise = SameConv2d(n, n, 1)
        self.activation = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(x + self.pointwise(self.depthwise(x)))  # type: ignore[no-any-return] # modules are Any


class Stage(nn.Module):
    """Features, and what the stage before found, to heatmaps and fields."""

    def __init__(self, n_in: int, config: MovenetFieldsConfig) -> None:
        super().__init__()
        blocks = (Residual(config.hidden, config.kernel) for _ in range(config.blocks))
        self.trunk = nn.Sequential(SameConv2d(n_in, config.hidden, 1), nn.ReLU(), *blocks)
        self.heatmaps = SameConv2d(config.hidden, config.n_heatmaps, 1)
        self.pafs = SameConv2d(config.hidden, config.n_pafs, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.trunk(x)
        return self.heatmaps(x), self.pafs(x)


class FieldsHead(nn.Module):
    """What MoveNet knows, finest level first, to the outputs of every stage; trained alone while that stays."""

    def __init__(self, config: MovenetFieldsConfig) -> None:
        super().__init__()
        self.config = config
        *_, sixteenth, quarter = config.backbone.laterals
        known = quarter + sum(n for _, n in config.backbone.heads)
        widths = (known, quarter, sixteenth)  # at 1/4, 1/8, 1/16
        self.standardise = nn.ModuleList(Standardise(n) for n in widths)
        self.upsample = nn.Upsample(scale_factor=2, mode="bilinear")
        self.down = nn.Identity() if config.stride == 4 else SameConv2d(known, _DOWN, 3, stride=2)
        n_finest = known if config.stride == 4 else _DOWN
        blocks = (Residual(config.hidden, config.kernel) for _ in range(config.trunk))
        self.trunk = nn.Sequential(SameConv2d(n_finest + sum(widths[1:]), config.hidden, 1), nn.ReLU(), *blocks)
        n_refined = config.hidden + config.n_heatmaps + config.n_pafs
        self.stages = nn.ModuleList(Stage(n_refined if i else config.hidden, config) for i in range(config.stages))

    @property
    def outputs(self) -> dict[str, int]:
        """Name and channels of each output."""
        return {"heatmaps": self.config.n_heatmaps, "pafs": self.config.n_pafs}

    def each_stage(self, *levels: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Heatmaps and fields of every stage."""
        quarter, eighth, sixteenth = (layer(x) for layer, x in zip(self.standardise, levels, strict=True))
        eighth = torch.cat([eighth, self.upsample(sixteenth)], dim=1)
        coarse = self.upsample(eighth) if self.config.stride == 4 else eighth
        features = self.trunk(torch.cat([self.down(quarter), coarse], dim=1))  # (B, hidden, H/stride, W/stride)
        outputs = [self.stages[0](features)]
        for stage in self.stages[1:]:
            outputs.append(stage(torch.cat([features, *outputs[-1]], dim=1)))
        return outputs


class MovenetFields(nn.Module):
    """(B, 3, H, W) float BGR 0..255 -> heatmaps (B, 19, H/stride, W/stride) and fields (B, 38, ...)."""

    def __init__(self, config: MovenetFieldsConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or MovenetFieldsConfig()
        self.movenet = Movenet(config.backbone)
        self.head = FieldsHead(config)

    @property
    def outputs(self) -> dict[str, int]:
        """Name and channels of each output."""
        return self.head.outputs

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        return self.each_stage(image)[-1]

    def each_stage(self, image: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Heatmaps and fields of every stage, for intermediate supervision; the last are those of `forward`."""
        return self.head.each_stage(*self.features(image))

    def features(self, image: Tensor) -> list[Tensor]:
        """What the head reads: MoveNet's own heads and the pyramid's level at 1/4, then its levels at 1/8 and 1/16."""
        _, sixteenth, eighth, quarter = self.movenet.pyramid(image)
        own = [head(quarter) for head in self.movenet.heads.values()]
        return [torch.cat([*own, quarter], dim=1), eighth, sixteenth]

    def delicate_layers(self) -> list[nn.Module]:
        """Small layers that stay float32 at bfloat16: the first ones and the outputs."""
        last = self.head.stages[-1]
        return [self.movenet.stem, self.movenet.backbone[0], *self.head.standardise, last.heatmaps, last.pafs]
