"""Layers that more than one network is made of."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class SameConv2d(nn.Conv2d):
    """Convolution with TensorFlow's SAME padding, for odd kernels at stride 1 and 3×3 kernels at stride 2.

    At stride 2 that is (0, 1) for even sizes and (1, 1) for odd ones; (1, 1) for both would shift every joint.
    """

    def __init__(self, n_in: int, n_out: int, kernel: int, stride: int = 1, groups: int = 1, bias: bool = True) -> None:
        padding = kernel // 2 if stride == 1 else 0
        super().__init__(n_in, n_out, kernel, stride, padding, groups=groups, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        if self.stride != (1, 1):
            height, width = x.shape[-2:]
            x = functional.pad(x, (width % 2, 1, height % 2, 1))
        return super().forward(x)


class Affine(nn.Module):
    """`scale * x + shift` with two numbers: pixels to what a network was trained on."""

    def __init__(self, scale: float, shift: float) -> None:
        super().__init__()
        self.scale, self.shift = scale, shift

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale + self.shift
