"""OpenPose's BODY_25: first four stages of part affinity fields, then two of heatmaps that see the finished fields.

Fields matter most, so they are refined first and alone; a 7×7 convolution is replaced by three of 3×3 whose outputs are
concatenated (as in a DenseNet), which sees as far with fewer numbers and more bends in between.

Papers: OpenPose (https://arxiv.org/abs/1812.08008); VGG (https://arxiv.org/abs/1409.1556); DenseNet
(https://arxiv.org/abs/1608.06993). Layers are called as in `models/pose/body_25/pose_deploy.prototxt` of
github.com/CMU-Perceptual-Computing-Lab/openpose.

Input is BGR, 0 to 255, brought to [-0.5, 0.5] inside. Output cells are 8 pixels wide.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pose.networks.layers import Affine, convolutions, last_outputs, vgg19


@dataclass(frozen=True)
class Body25Config:
    """Sizes of the network; the defaults are those of the published weights.

    Attributes:
        n_heatmaps: channels of the heatmaps, background among them.
        n_pafs: channels of the part affinity fields.
        paf_stages: (channels of a 3×3 convolution, channels of the last hidden layer) of each stage of fields.
        heatmap_stages: the same for the stages of heatmaps.
        n_features: channels of the features that every stage sees.
    """

    n_heatmaps: int = 26
    n_pafs: int = 52
    paf_stages: tuple[tuple[int, int], ...] = ((96, 256), (128, 512), (128, 512), (128, 512))
    heatmap_stages: tuple[tuple[int, int], ...] = ((96, 256), (128, 512))
    n_features: int = 128


class DenseBlock(nn.Module):
    """Three 3×3 convolutions one behind the other, all three outputs concatenated."""

    def __init__(self, name: str, n_in: int, hidden: int) -> None:
        super().__init__()
        for i in range(3):
            layers = convolutions(n_in if i == 0 else hidden, [(f"{name}_{i}", hidden, 3)], nn.PReLU)
            self.add_module(str(i), layers)

    def forward(self, x: Tensor) -> Tensor:
        outputs = []
        for layers in self.children():
            x = layers(x)
            outputs.append(x)
        return torch.cat(outputs, dim=1)


def _stage(branch: str, stage: int, n_in: int, hidden: int, bottleneck: int, n_out: int) -> nn.Sequential:
    name = f"stage{stage}_{branch}"
    blocks = [(f"Mconv{i}_{name}", n_in if i == 1 else 3 * hidden) for i in range(1, 6)]
    ends = [(f"Mconv6_{name}", bottleneck, 1), (f"Mconv7_{name}", n_out, 1)]
    parts: dict[str, nn.Module] = {block: DenseBlock(block, n, hidden) for block, n in blocks}
    parts |= convolutions(3 * hidden, ends, nn.PReLU, bare=True).named_children()
    return nn.Sequential(OrderedDict(parts))


class Body25(nn.Module):
    """(B, 3, H, W) float BGR 0..255 -> heatmaps and fields, (B, channels, H/8, W/8) each, sizes rounded up."""

    def __init__(self, config: Body25Config | None = None) -> None:
        super().__init__()
        self.config = config = config or Body25Config()
        self.normalise = Affine(1 / 256, -0.5)
        self.vgg = vgg19(9)
        layers = [("conv4_2", 512, 3), ("conv4_3_CPM", 256, 3), ("conv4_4_CPM", config.n_features, 3)]
        self.features = convolutions(512, layers, nn.PReLU)
        n, n_pafs, n_heatmaps = config.n_features, config.n_pafs, config.n_heatmaps
        self.pafs = nn.ModuleList(
            _stage("L2", i, n + n_pafs if i else n, *sizes, n_out=n_pafs) for i, sizes in enumerate(config.paf_stages)
        )
        self.heatmaps = nn.ModuleList(
            _stage("L1", i, n + n_pafs + (n_heatmaps if i else 0), *sizes, n_out=n_heatmaps)
            for i, sizes in enumerate(config.heatmap_stages)
        )

    @property
    def outputs(self) -> dict[str, int]:
        """Name and channels of each output."""
        return {"heatmaps": self.config.n_heatmaps, "pafs": self.config.n_pafs}

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        return last_outputs(self.each_stage(image))

    def each_stage(self, image: Tensor) -> list[tuple[Tensor | None, Tensor | None]]:
        """The heatmaps or the fields of every stage, for losses at each; None in place of the other."""
        features = self.features(self.vgg(self.normalise(image)))  # (B, 128, H/8, W/8)
        stages: list[tuple[Tensor | None, Tensor | None]] = []
        x = features
        for stage in self.pafs:
            pafs = stage(x)  # (B, 52, H/8, W/8)
            stages.append((None, pafs))
            x = torch.cat((features, pafs), dim=1)  # 180 channels, the first stage of heatmaps' too
        for stage in self.heatmaps:
            heatmaps = stage(x)  # (B, 26, H/8, W/8)
            stages.append((heatmaps, None))
            if len(stages) < len(self.pafs) + len(self.heatmaps):
                x = torch.cat((features, heatmaps, pafs), dim=1)  # 206 channels
        return stages
