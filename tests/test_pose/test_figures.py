"""Parameters, multiply-adds and receptive fields: by hand, by torch's own counter, and by what gradients reach."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from pose.networks import body_25, cpm, cpm_vgg, lightweight_openpose, mobilenet_thin, movenet, openpose
from pose.networks.figures import figures
from pose.networks.layers import SameConv2d

NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "openpose_coco": lambda: openpose.Openpose(openpose.COCO),
    "openpose_mpi": lambda: openpose.Openpose(openpose.MPI),
    "body_25": body_25.Body25,
    "cpm_lsp": lambda: cpm.Cpm(cpm.LSP),
    "cpm_flic": lambda: cpm.Cpm(cpm.FLIC),
    "cpm_mpi": lambda: cpm_vgg.CpmVgg(cpm_vgg.MPI),
    "hand": lambda: cpm_vgg.CpmVgg(cpm_vgg.HAND),
    "face": lambda: cpm_vgg.CpmVgg(cpm_vgg.FACE),
    "lightweight": lightweight_openpose.LightweightOpenpose,
    "mobilenet_thin": mobilenet_thin.MobilenetThin,
    "multipose": lambda: movenet.Movenet(movenet.MULTIPOSE),
}


class Tiny(nn.Module):
    """A dilated convolution, a strided one, a pool, and one that is added."""

    outputs: ClassVar = {"map": 1}

    def __init__(self) -> None:
        super().__init__()
        self.spread = nn.Conv2d(3, 2, 3, padding=2, dilation=2)
        self.strided = SameConv2d(2, 4, 3, stride=2)
        self.pool = nn.MaxPool2d(2, ceil_mode=True)
        self.same = nn.Conv2d(4, 4, 3, padding=1, groups=4, bias=False)

    def forward(self, image: Tensor) -> Tensor:
        x = self.pool(self.strided(self.spread(image)))
        return x + self.same(x)

    def each_stage(self, image: Tensor) -> list[tuple[Tensor]]:
        return [(self(image),)]


def test_a_small_network_by_hand() -> None:
    found = figures(Tiny(), 12, 17)
    assert found.parameters == (3 * 2 * 9 + 2) + (2 * 4 * 9 + 4) + 4 * 9
    # 12×17 cells of 2×3×9; 6×9 of 4×2×9; 3×5 of 4×9
    assert found.multiply_adds == 12 * 17 * 54 + 6 * 9 * 72 + 3 * 5 * 36
    # spread 5; strided 5 + 2; pool 7 + 2 (cells 2 pixels apart); same 9 + 2 × 4
    assert found.layer_fields == {"spread": 5, "strided": 7, "same": 17}
    assert found.receptive_fields == {"map": 17}


@pytest.mark.parametrize("name", NETWORKS)
def test_multiply_adds_are_those_that_torch_counts(name: str) -> None:
    """It counts convolutions; the mere scalings among them are done as products, which it does not see."""
    scaled: list[int] = []
    with torch.device("meta"):
        network = NETWORKS[name]()
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d) and layer.weight[0].numel() == 1 and layer.groups > 1:
                layer.register_forward_hook(lambda _, __, output: scaled.append(output.numel()))
        size = (64, 96)
        with FlopCounterMode(display=False) as counter:
            network(torch.zeros(1, 3, *size))
    assert 2 * (figures(network, *size).multiply_adds - sum(scaled)) == counter.get_total_flops()


SMALL_CPM = replace(cpm.FLIC, n_stages=2, hidden=1, n_features=1, bottleneck=1)
SMALL_LIGHT = lightweight_openpose.LightweightOpenposeConfig(
    stem=1, backbone=((1, 1, 1), (1, 2, 1), (1, 2, 1), (1, 1, 2)), hidden=1, bottleneck=1
)
SMALL_MOVENET = movenet.MovenetConfig(
    stem=1, backbone=((1, 1, 1), (1, 2, 2), (1, 2, 3), (1, 2, 4), (1, 1, 3), (1, 2, 3), (1, 1, 1)),
    heads=(("regressions", 1),), last=1, laterals=(1, 1, 1, 1), hidden=1,
)  # fmt: skip
SMALL: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "tiny": (Tiny, 64),
    "cpm": (lambda: cpm.Cpm(SMALL_CPM), 640),
    "cpm of the paper's figure": (lambda: cpm.Cpm(replace(SMALL_CPM, pool=2)), 640),
    "lightweight": (lambda: lightweight_openpose.LightweightOpenpose(SMALL_LIGHT), 640),
    "movenet": (lambda: movenet.Movenet(SMALL_MOVENET), 1280),
}


def positive(network: nn.Module) -> nn.Module:
    """With weights that let every input through, and means in place of maxima: gradients reach whatever is seen."""
    for name, layer in [*network.named_modules()]:
        if isinstance(layer, nn.MaxPool2d):
            parent = network.get_submodule(name.rpartition(".")[0])
            setattr(parent, name.rpartition(".")[2], nn.AvgPool2d(layer.kernel_size, layer.stride, ceil_mode=True))
    for value in network.parameters():
        value.data.fill_(0.0 if value.ndim == 1 else 1.0 / value[0].numel())
    return network.double()


@pytest.mark.parametrize("name", SMALL)
def test_gradients_reach_the_receptive_field_and_nothing_beyond(name: str) -> None:
    build, width = SMALL[name]
    expected = [*figures(build(), 32, 32).receptive_fields.values()]
    network = positive(build())
    strip = torch.full((1, 3, 32, width), 128.5, dtype=torch.float64, requires_grad=True)
    value = network.each_stage(strip)[-1][0]
    widths = []
    for column in range(value.shape[-1] // 2 - 4, value.shape[-1] // 2 + 4):  # 8 differ, where maps are enlarged
        (gradient,) = torch.autograd.grad(value[0, 0, -1, column], strip, retain_graph=True)
        reached = gradient.abs().amax(dim=(0, 1, 2)).nonzero().flatten()
        assert len(reached) == reached[-1] - reached[0] + 1, "no holes"
        widths.append(len(reached))
    assert max(widths) == expected[0]


def test_convolutional_pose_machines_see_as_far_as_their_paper_says() -> None:
    """Figure 2 of https://arxiv.org/abs/1602.00134: 9, 26, 60, 96, 160 in the first stage, then 240, 320, 400."""
    with torch.device("meta"):
        drawn = figures(cpm.Cpm(replace(cpm.LSP, pool=2)), 368, 368)
        released = figures(cpm.Cpm(cpm.LSP), 368, 368)
    layers = [f"trunk.conv{i}_stage1" for i in (1, 2, 3)] + [f"first.conv{i}_stage1" for i in (4, 5)]
    assert [drawn.layer_fields[layer] for layer in layers] == [9, 26, 60, 96, 160]
    assert [drawn.layer_fields[f"later.0.Mconv{i}_stage2"] for i in (1, 2, 3)] == [240, 320, 400]
    assert [stage["heatmaps"] for stage in drawn.stage_fields] == [160, 400, 640, 880, 1120, 1360]
    assert [stage["heatmaps"] for stage in released.stage_fields[:2]] == [167, 407]  # its pools are 3×3
