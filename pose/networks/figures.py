"""How large a network is, how much it computes and how far it sees, out of its definition.

A walk along the layers (torch.fx) that knows of each value how many cells it has along an axis and which pixels of the
image each of them depends on. A cell's receptive field is the stretch of pixels that can change it, paddings left out;
fields are squares, so one axis tells.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, fx, nn

from pose.networks.layers import CenterMap, LayerTracer, SameConv2d


class PoseNetwork(Protocol):
    """What the networks of this room have in common."""

    @property
    def outputs(self) -> dict[str, int]:
        """Name and channels of each output."""
        ...

    def each_stage(self, image: Tensor) -> list[tuple[Tensor | None, ...]]:
        """Of every stage the outputs, in the order of `outputs`; None in place of one that it leaves as it was."""
        ...


@dataclass(frozen=True)
class Figures:
    """What can be counted of a network.

    Attributes:
        parameters: numbers that training finds.
        multiply_adds: of its convolutions for one image of `size`; all else is below a hundredth of that.
        size: height and width of that image, pixels.
        receptive_fields: of each output at the end, pixels.
        stage_fields: the same after each stage, of the outputs that it computes.
        layer_fields: the same behind each convolution, by its name in the network.
    """

    parameters: int
    multiply_adds: int
    size: tuple[int, int]
    receptive_fields: dict[str, int]
    stage_fields: tuple[dict[str, int], ...]
    layer_fields: dict[str, int]


def figures(network: nn.Module, height: int, width: int) -> Figures:
    """The figures of a network (of `PoseNetwork`'s form) at an input of this size; its weights don't matter."""
    trace = LayerTracer().trace(_EachStage(network))
    modules = {f"network.{name}": module for name, module in network.named_modules()}
    rows, columns = _walk(trace, modules, height), _walk(trace, modules, width)
    layers = {
        node: layer
        for node in trace.nodes
        if node.op == "call_module" and isinstance(layer := modules[str(node.target)], nn.Conv2d)
    }
    fields = _walk(trace, modules, _LONG)
    outputs: Mapping[str, int] = network.outputs  # type: ignore[assignment] # of a PoseNetwork
    (stages,) = (node.args[0] for node in trace.nodes if node.op == "output")
    stage_fields = tuple(
        {name: fields[node].widest for name, node in zip(outputs, stage, strict=True) if node is not None}
        for stage in stages
    )
    return Figures(
        parameters=sum(value.numel() for value in network.parameters()),
        multiply_adds=sum(rows[node].n * columns[node].n * layer.weight.numel() for node, layer in layers.items()),
        size=(height, width),
        receptive_fields={name: next(s[name] for s in reversed(stage_fields) if name in s) for name in outputs},
        stage_fields=stage_fields,
        layer_fields={str(node.target).removeprefix("network."): fields[node].widest for node in layers},
    )


_LONG = 4096  # pixels; no field is as wide


class _EachStage(nn.Module):
    """A network whose forward gives all stages, to be traced."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> list[tuple[Tensor | None, ...]]:
        return self.network.each_stage(image)  # type: ignore[operator, no-any-return] # of a PoseNetwork


@dataclass(frozen=True)
class _Span:
    """Along one axis the first and last pixel of the image that each cell depends on; (n,) each."""

    first: NDArray[np.int64]
    last: NDArray[np.int64]

    @property
    def n(self) -> int:
        return len(self.first)

    @property
    def widest(self) -> int:
        return int((self.last - self.first).max()) + 1

    def read(self, first: NDArray[np.int64], last: NDArray[np.int64]) -> _Span:
        """Of cells that read these cells, first to last; those outside are padding."""
        first, last = (np.clip(cells, 0, self.n - 1) for cells in (first, last))
        return _Span(self.first[first], self.last[last])

    def windows(self, kernel: int, stride: int, before: int, n: int) -> _Span:
        """Of n cells that read `kernel` cells each, the first from `before` cells outside."""
        start = np.arange(n) * stride - before
        return self.read(start, start + kernel - 1)

    def joined(self, other: _Span) -> _Span:
        return _Span(np.minimum(self.first, other.first), np.maximum(self.last, other.last))


def _walk(trace: fx.Graph, modules: Mapping[str, nn.Module], size: int) -> dict[fx.Node, _Span]:
    spans: dict[fx.Node, _Span] = {}
    for node in trace.nodes:
        inputs = [spans[source] for source in node.all_input_nodes if node.op != "output"]
        if node.op == "placeholder":
            pixels = np.arange(size)
            spans[node] = _Span(pixels, pixels)
        elif node.op == "call_module":
            spans[node] = _through(modules[str(node.target)], inputs[0])
        elif node.op == "call_function" and node.target in (torch.cat, operator.add, operator.getitem):
            span, *others = inputs
            for other in others:
                span = span.joined(other)
            spans[node] = span
        else:
            assert node.op == "output", f"no figures for {node.format_node()}"
    return spans


def _through(layer: nn.Module, span: _Span) -> _Span:
    n = span.n
    match layer:
        case SameConv2d():
            kernel, stride = layer.kernel_size[0], layer.stride[0]
            return span.windows(kernel, stride, layer.padding_of(n)[0], -(-n // stride))
        case nn.Conv2d():
            assert not isinstance(layer.padding, str)
            kernel = (layer.kernel_size[0] - 1) * layer.dilation[0] + 1
            stride, padding = layer.stride[0], layer.padding[0]
            return span.windows(kernel, stride, padding, (n + 2 * padding - kernel) // stride + 1)
        case nn.MaxPool2d(ceil_mode=True, padding=0):
            kernel, stride = int(layer.kernel_size), int(layer.stride)  # type: ignore[arg-type] # ours have one number
            return span.windows(kernel, stride, 0, -(-(n - kernel) // stride) + 1)
        case nn.Upsample(mode="bilinear"):
            factor = int(layer.scale_factor)  # type: ignore[arg-type] # ours have one number
            places = (np.arange(n * factor) + 0.5) / factor - 0.5
            return span.read(np.floor(places).astype(np.int64), np.ceil(places).astype(np.int64))
        case CenterMap():  # of the image it knows the size alone: no pixel first, none last
            return _Span(np.full(n, _LONG), np.full(n, -_LONG))
        case _:
            return span
