"""OpenPose's first networks, COCO and MPI: VGG-19 features, then two branches that refine each other in six stages.

In each stage one branch (L1) draws the part affinity fields, the other (L2) the heatmaps; the next stage sees both and
the features. Every stage has a loss of its own in training, without which the gradient hardly reaches the first layers.

Papers: part affinity fields (https://arxiv.org/abs/1611.08050); VGG (https://arxiv.org/abs/1409.1556). Layers are
called as in `pose_deploy_linevec.prototxt` of github.com/CMU-Perceptual-Computing-Lab/openpose.

Input is BGR, 0 to 255, brought to [-0.5, 0.5] inside. Output cells are 8 pixels wide.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pose.networks.layers import Affine, convolutions, vgg19


@dataclass(frozen=True)
class OpenposeConfig:
    """Sizes of the network.

    Attributes:
        n_heatmaps: channels of the heatmaps, background among them.
        n_pafs: channels of the part affinity fields.
        n_stages: of two branches each.
        n_features: channels of the features that every stage sees.
        hidden: channels inside a branch.
    """

    n_heatmaps: int
    n_pafs: int
    n_stages: int = 6
    n_features: int = 128
    hidden: int = 128


COCO = OpenposeConfig(n_heatmaps=19, n_pafs=38)
"""18 joints, 19 limbs."""

MPI = OpenposeConfig(n_heatmaps=16, n_pafs=28)
"""15 joints, 14 limbs."""

_BOTTLENECK = 512  # of the first stage


def _branch(branch: str, stage: int, n_in: int, n_out: int, hidden: int) -> nn.Sequential:
    """Three 3×3 convolutions in the first stage, five 7×7 in the later ones, and two of a single cell."""
    if stage == 1:
        sizes = [(hidden, 3)] * 3 + [(_BOTTLENECK, 1), (n_out, 1)]
        names = [f"conv5_{i}_CPM_{branch}" for i in range(1, 6)]
    else:
        sizes = [(hidden, 7)] * 5 + [(hidden, 1), (n_out, 1)]
        names = [f"Mconv{i}_stage{stage}_{branch}" for i in range(1, 8)]
    return convolutions(n_in, [(name, *size) for name, size in zip(names, sizes, strict=True)], bare=True)


class Openpose(nn.Module):
    """(B, 3, H, W) float BGR 0..255 -> heatmaps and fields, (B, channels, H/8, W/8) each, sizes rounded up."""

    def __init__(self, config: OpenposeConfig = COCO) -> None:
        super().__init__()
        self.config = config
        self.normalise = Affine(1 / 256, -0.5)
        self.vgg = vgg19(10)
        self.features = convolutions(512, [("conv4_3_CPM", 256, 3), ("conv4_4_CPM", config.n_features, 3)])
        n_refined = config.n_pafs + config.n_heatmaps + config.n_features  # 185 for COCO
        n_in = [config.n_features] + [n_refined] * (config.n_stages - 1)
        self.pafs, self.heatmaps = (
            nn.ModuleList(_branch(name, stage, n, n_out, config.hidden) for stage, n in enumerate(n_in, start=1))
            for name, n_out in (("L1", config.n_pafs), ("L2", config.n_heatmaps))
        )

    @property
    def outputs(self) -> dict[str, int]:
        """Name and channels of each output."""
        return {"heatmaps": self.config.n_heatmaps, "pafs": self.config.n_pafs}

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        return self.each_stage(image)[-1]

    def each_stage(self, image: Tensor) -> list[tuple[Tensor, Tensor]]:
        """The outputs of every stage, for losses at each."""
        features = self.features(self.vgg(self.normalise(image)))  # (B, 128, H/8, W/8)
        x = features
        stages = []
        for to_pafs, to_heatmaps in zip(self.pafs, self.heatmaps, strict=True):
            pafs, heatmaps = to_pafs(x), to_heatmaps(x)
            stages.append((heatmaps, pafs))
            if len(stages) < self.config.n_stages:
                x = torch.cat((pafs, heatmaps, features), dim=1)
        return stages
