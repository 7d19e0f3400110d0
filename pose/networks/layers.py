"""Layers that more than one network is made of."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, fx, nn
from torch.nn import functional


class SameConv2d(nn.Conv2d):
    """Convolution with TensorFlow's SAME padding.

    For 3×3 kernels at stride 2 that is (0, 1) for even sizes and (1, 1) for odd ones; (1, 1) for both would shift every
    joint.
    """

    def __init__(self, n_in: int, n_out: int, kernel: int, stride: int = 1, groups: int = 1, bias: bool = True) -> None:
        self._pads = stride > 1 or kernel % 2 == 0
        super().__init__(n_in, n_out, kernel, stride, 0 if self._pads else kernel // 2, groups=groups, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        if self.kernel_size == self.stride == (1, 1) and self.groups == self.in_channels:  # in torch channel by channel
            x = x * self.weight.view(1, -1, 1, 1)
            return x if self.bias is None else x + self.bias.view(1, -1, 1, 1)
        if self._pads:
            height, width = x.shape[-2:]
            x = functional.pad(x, (*self.padding_of(width), *self.padding_of(height)))
        return super().forward(x)

    def padding_of(self, n: int) -> tuple[int, int]:
        """Cells added before and behind n cells."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        total = max((-(-n // stride) - 1) * stride + kernel - n, 0)
        return total // 2, total - total // 2


class PadChannels(nn.Module):
    """So many channels of zeros behind those that are there."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.n = n

    def forward(self, x: Tensor) -> Tensor:
        return functional.pad(x, (0, 0, 0, 0, 0, self.n))


class Affine(nn.Module):
    """`scale * x + shift` with two numbers: pixels to what a network was trained on."""

    def __init__(self, scale: float, shift: float) -> None:
        super().__init__()
        self.scale, self.shift = scale, shift

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale + self.shift


def convolutions(
    n_in: int, layers: Iterable[tuple[str, int, int]], activation: type[nn.Module] = nn.ReLU, bare: bool = False
) -> nn.Sequential:
    """Convolutions that keep the size, one after another, under the names that Caffe's files have them.

    Args:
        n_in: channels of the input.
        layers: name, channels and kernel of each.
        activation: behind each; `nn.PReLU` has a slope for each channel. `Mconv1_stage2` is followed by `Mrelu1_stage2`
            or `Mprelu1_stage2`.
        bare: nothing behind the last.
    """
    parts: dict[str, nn.Module] = {}
    for name, n_out, kernel in layers:
        parts[name] = nn.Conv2d(n_in, n_out, kernel, padding=kernel // 2)
        last = name.replace("conv", activation.__name__.lower())
        parts[last] = nn.PReLU(n_out) if activation is nn.PReLU else activation()
        n_in = n_out
    if bare:
        del parts[last]
    return nn.Sequential(OrderedDict(parts))


_VGG_19 = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))  # channels, convolutions
_VGG_POOLS = 3  # as far as pose networks go down: to 1/8


def vgg19(n_layers: int) -> nn.Sequential:
    """The first convolutions of VGG-19 (https://arxiv.org/abs/1409.1556): image -> features at 1/8 of its size.

    Ten end with `conv4_2`, fourteen with `conv5_2`; no pool stands between `conv4_4` and `conv5_1`.
    """
    parts: dict[str, nn.Module] = {}
    n_in = 3
    for block, (width, count) in enumerate(_VGG_19, start=1):
        names = [f"conv{block}_{i}" for i in range(1, count + 1)][:n_layers]
        parts |= convolutions(n_in, [(name, width, 3) for name in names]).named_children()
        n_layers -= len(names)
        if block <= _VGG_POOLS:
            parts[f"pool{block}_stage1"] = nn.MaxPool2d(2, ceil_mode=True)
        n_in = width
    return nn.Sequential(OrderedDict(parts))


class CenterMap(nn.Module):
    """Which of several people is meant: a Gaussian of 21 pixels around a point, averaged over 9×9 pixels per cell.

    Args of `forward`:
        x: anything of the map's size (B, ., h, w), cells 8 pixels wide.
        centers: (B, 2) x and y, pixels of the network's input; the middle of the image when left out.

    Returns (B, 1, h, w), as the released networks were trained with it.
    """

    sigma, kernel, stride = 21.0, 9, 8

    def forward(self, x: Tensor, centers: Tensor | None = None) -> Tensor:
        rows, columns = (
            self._profile(x, size, None if centers is None else centers[:, axis])
            for axis, size in ((1, x.shape[-2]), (0, x.shape[-1]))
        )
        return (rows[:, None, :, None] * columns[:, None, None, :]).expand(len(x), -1, -1, -1).to(x.dtype)

    def _profile(self, x: Tensor, n_cells: int, middle: Tensor | None) -> Tensor:
        """(B, n_cells) along one axis, B = 1 for the middle; what the last window has beyond the image is left out."""
        pixels = torch.arange(n_cells * self.stride, device=x.device, dtype=torch.float32)
        distances = pixels - (pixels.mean() if middle is None else middle[:, None])
        profile = torch.exp(-0.5 * (distances / self.sigma) ** 2).reshape(-1, 1, len(pixels))
        return functional.avg_pool1d(profile, self.kernel, self.stride, ceil_mode=True)[:, 0]


def last_outputs(stages: Sequence[tuple[Tensor | None, ...]]) -> tuple[Tensor, ...]:
    """Of each output what the last stage that computes it gives."""
    return tuple(next(x for x in reversed(column) if x is not None) for column in zip(*stages, strict=True))


_LEAVES = (
    nn.Conv2d, nn.ReLU, nn.ReLU6, nn.PReLU, nn.ELU, nn.Sigmoid, nn.MaxPool2d, nn.Upsample, nn.Identity, Affine,
    CenterMap, PadChannels, nn.AdaptiveAvgPool2d,
)  # fmt: skip
"""The layers that networks are made of, for whoever walks along a trace."""


class LayerTracer(fx.Tracer):
    """Traces a network down to its layers."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:  # noqa: ARG002 # torch names it
        return isinstance(m, _LEAVES)
