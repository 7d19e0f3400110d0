"""torch -> ONNX, shaped for speed without changing the result.

Three exact rewrites first, on the torch module of mobilenet_thin itself:

- A 1×1 depthwise convolution is a scaling of channels; it goes into the pointwise weights behind it.
- What a stage hands on gets channels of zeros (fields 38 -> 48, heatmaps 19 -> 32), multiples of 16, so that
  onnxruntime stays in its blocked kernels from the first convolution to the last.
- Nothing nonlinear stands between the two halves of a separable convolution, so on concatenated inputs it is the sum of
  one per input. Copying 944 channels together for each stage costs a CPU more than the additions, which onnxruntime
  does inside the convolutions. GPUs keep the concatenation: fewer, larger kernels.

Then the graph is written node by node along a torch.fx trace. `torch.onnx.export` would put computed `Pad` nodes before
the strided convolutions as soon as height and width are dynamic; ONNX itself has TensorFlow's padding as an attribute
(`SAME_UPPER`), right at every size. The networks are made of few kinds of layers, so the writer is shorter than the
exporter's clean-up would be, and it needs `onnx` alone.

The graph takes `image`, a (B, H, W, 3) uint8 BGR batch, and gives the network's `outputs`, (B, channels, h, w) float32
each; batch, height and width are free. Cast and transpose are inside, so that a GPU is sent bytes.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, fx, nn

from pose.networks.layers import Affine, CenterMap, LayerTracer, PadChannels, SameConv2d
from pose.networks.mobilenet_thin import Branch, Entry, MobilenetThin, Separable

_OPSET, _IR_VERSION = 17, 9  # read by every onnxruntime since 1.15
_BLOCK = 16  # channels per block of onnxruntime's AVX-512 kernels; the 8 of its other kernels divide it

Precision = Literal["float32", "float16"]


class SplitEntry(nn.Module):
    """An `Entry` as the sum of one separable convolution per input, `sizes` channels each."""

    def __init__(self, entry: Entry, sizes: Sequence[int]) -> None:
        super().__init__()
        assert isinstance(entry.depthwise, SameConv2d)
        n_out = entry.pointwise.out_channels
        self.depthwise = nn.ModuleList(SameConv2d(size, size, 3, groups=size, bias=False) for size in sizes)
        self.pointwise = nn.ModuleList(SameConv2d(size, n_out, 1, bias=i == 0) for i, size in enumerate(sizes))
        self.activation = entry.activation
        scalings = torch.split(entry.depthwise.weight, list(sizes), dim=0)
        mixings = torch.split(entry.pointwise.weight, list(sizes), dim=1)
        self.load_state_dict(
            {f"depthwise.{i}.weight": value for i, value in enumerate(scalings)}
            | {f"pointwise.{i}.weight": value for i, value in enumerate(mixings)}
            | {"pointwise.0.bias": entry.pointwise.bias}
        )

    def forward(self, *inputs: Tensor) -> Tensor:
        first, *others = zip(self.depthwise, self.pointwise, inputs, strict=True)
        depthwise, pointwise, part = first
        total = pointwise(depthwise(part))
        for depthwise, pointwise, part in others:
            total = total + pointwise(depthwise(part))
        return self.activation(total)  # type: ignore[no-any-return] # modules are Any


def streamline(network: MobilenetThin, split: bool = True) -> MobilenetThin:
    """An equal network that runs faster, for inference only; the given one is left as it is.

    Args:
        network: as defined and trained.
        split: do the third of the rewrites in the module's docstring, too.
    """
    config = network.config
    wide = replace(config, wide_pafs=_round_up(config.n_pafs), wide_heatmaps=_round_up(config.n_heatmaps))
    result = MobilenetThin(wide).requires_grad_(False).eval()
    tapped = [config.backbone[tap][0] for tap in config.taps]
    sizes = [wide.wide_pafs, wide.wide_heatmaps, *tapped]  # of the inputs of each stage but the first
    kept = [config.n_pafs, config.n_heatmaps, *tapped]  # channels of them that are not mere zeros
    starts = np.cumsum([0, *sizes[:-1]])
    places = torch.cat([start + torch.arange(n) for start, n in zip(starts.tolist(), kept, strict=True)])
    target = dict(result.named_parameters())
    for name, value in network.named_parameters():
        _spread(value.detach(), target[name], places)
    for module in result.modules():
        if isinstance(module, Separable):
            _fold_scaling(module)
    if split:
        for i, stage in enumerate(result.stages):
            for branch in stage.children():
                assert isinstance(branch, Branch)
                entry = branch[0]
                assert isinstance(entry, Entry)
                branch[0] = SplitEntry(entry, tapped if i == 0 else sizes)
    return result.requires_grad_(False)


def _round_up(channels: int) -> int:
    return -(-channels // _BLOCK) * _BLOCK


def _spread(value: Tensor, target: Tensor, places: Tensor) -> None:
    """Copies a weight into a larger one of zeros; `places` are those of the channels that a stage takes in."""
    target.zero_()
    axes = [
        places if old != new and old == len(places) else torch.arange(old)
        for old, new in zip(value.shape, target.shape, strict=True)
    ]
    target[torch.meshgrid(*axes, indexing="ij")] = value


def _fold_scaling(block: Separable) -> None:
    scaling = block.depthwise
    if isinstance(scaling, SameConv2d) and scaling.kernel_size == (1, 1):
        block.pointwise.weight.mul_(scaling.weight.view(1, -1, 1, 1))
        block.depthwise = nn.Identity()


def to_onnx(
    network: nn.Module, precision: Precision = "float32", metadata: Mapping[str, str] | None = None
) -> onnx.ModelProto:
    """The network, as it is, as an ONNX model; see the module's docstring for its input and outputs.

    Args:
        network: one of `pose.networks`, streamlined or not.
        precision: of the weights and of everything between the input's cast and the outputs' cast back to float32.
        metadata: stored in the model's properties: `network` is its name in `pose.weights.entries`, `licence` that of
            its weights, `weights_sha256` their hash, and `precision` the argument above.
    """
    graph = _Writer(np.dtype(precision))
    graph.write(network)
    outputs: Mapping[str, int] = network.outputs  # type: ignore[assignment] # a PoseNetwork's
    element = helper.np_dtype_to_tensor_dtype(graph.dtype)
    model = helper.make_model(
        helper.make_graph(
            [
                helper.make_node("Transpose", ["image"], ["bytes"], perm=[0, 3, 1, 2]),
                helper.make_node("Cast", ["bytes"], ["pixels"], to=element),
                *graph.nodes,
                *(
                    helper.make_node("Cast", [value], [name], to=TensorProto.FLOAT)
                    for name, value in zip(outputs, graph.outputs, strict=True)
                ),
            ],
            "pose",
            [helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", "height", "width", 3])],
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", channels, "map_height", "map_width"])
                for name, channels in outputs.items()
            ],
            graph.weights,
        ),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
        producer_name="posescribe",
    )
    helper.set_model_props(model, dict(metadata or {}))
    onnx.checker.check_model(model, full_check=True)
    return model


class _Writer:
    """ONNX nodes and weights along a trace; a value is called what its module is called."""

    def __init__(self, dtype: np.dtype[np.floating]) -> None:
        self.dtype = dtype
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.outputs: list[str] = []

    def write(self, network: nn.Module) -> None:
        modules = dict(network.named_modules())
        names: dict[fx.Node, str] = {}

        def name_of(argument: object) -> str:
            assert isinstance(argument, fx.Node)
            return names[argument]

        for node in LayerTracer().trace(network).nodes:
            name = str(node.target)
            names[node] = name if node.op == "call_module" and name not in names.values() else node.name
            if node.op == "placeholder":
                names[node] = "pixels"
            elif node.op == "call_module":
                names[node] = self._layer(names[node], modules[name], name_of(node.args[0]))
            elif node.op == "call_function" and node.target is torch.cat:
                self._add("Concat", [name_of(part) for part in node.args[0]], node.name, axis=1)
            elif node.op == "call_function" and node.target is operator.add:
                self._add("Add", [name_of(part) for part in node.args], node.name)
            elif node.op == "call_function" and node.target is operator.getitem:
                value, (_, channels) = node.args
                self._first_channels(name_of(value), channels.stop, node.name)
            elif node.op == "output":
                self.outputs = [name_of(value) for value in node.args[0]]
            else:
                raise TypeError(f"no ONNX for {node.format_node()}")

    def _layer(self, name: str, layer: nn.Module, source: str) -> str:
        """Writes one layer; gives the name of its output."""
        match layer:
            case nn.Conv2d():
                inputs = [source, self._weight(f"{name}.weight", layer.weight)]
                if layer.bias is not None:
                    inputs.append(self._weight(f"{name}.bias", layer.bias))
                shape = {"kernel_shape": layer.kernel_size, "strides": layer.stride, "group": layer.groups}
                if isinstance(layer, SameConv2d):
                    self._add("Conv", inputs, name, auto_pad="SAME_UPPER", **shape)
                else:
                    assert not isinstance(layer.padding, str)
                    self._add("Conv", inputs, name, pads=layer.padding * 2, dilations=layer.dilation, **shape)
            case nn.ReLU6():  # a kind of nn.Hardtanh, not of nn.ReLU
                self._add("Clip", [source, self._number(f"{name}.low", 0), self._number(f"{name}.high", 6)], name)
            case nn.ReLU():
                self._add("Relu", [source], name)
            case nn.PReLU() if self.dtype == np.float32 and layer.num_parameters > 1:
                self._leaky(name, layer, source)
            case nn.PReLU():
                slopes = self._weight(f"{name}.weight", layer.weight.view(-1, 1, 1))
                self._add("PRelu", [source, slopes], name)
            case nn.ELU():
                self._add("Elu", [source], name, alpha=layer.alpha)
            case nn.Sigmoid():
                self._add("Sigmoid", [source], name)
            case Affine():
                self._add("Mul", [source, self._number(f"{name}.scale", layer.scale)], f"{name}.scaled")
                self._add("Add", [f"{name}.scaled", self._number(f"{name}.shift", layer.shift)], name)
            case nn.Upsample(mode="bilinear"):
                assert not layer.align_corners
                factor = float(layer.scale_factor)  # type: ignore[arg-type] # ours have one number
                scales = numpy_helper.from_array(np.array([1, 1, factor, factor], dtype=np.float32), f"{name}.scales")
                self.weights.append(scales)
                mode = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
                self._add("Resize", [source, "", f"{name}.scales"], name, **mode)
            case nn.MaxPool2d(kernel_size=2, ceil_mode=True):
                self._add("MaxPool", [source], name, kernel_shape=[2, 2], strides=[2, 2], auto_pad="SAME_UPPER")
            case nn.MaxPool2d(kernel_size=3, stride=2, padding=0, ceil_mode=True):
                self._add("MaxPool", [source], name, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
            case PadChannels():
                pads = self._integers(f"{name}.pads", [0, 0, 0, 0, 0, layer.n, 0, 0])
                self._add("Pad", [source, pads], name)
            case nn.AdaptiveAvgPool2d(output_size=1):
                self._add("GlobalAveragePool", [source], name)
            case CenterMap():
                self._center_map(name, layer, source)
            case nn.Identity():
                return source
            case _:
                raise TypeError(f"no ONNX for {name}, a {type(layer).__name__}")
        return name

    def _leaky(self, name: str, layer: nn.PReLU, source: str) -> None:
        """A PReLU of slopes a as (1 - a) relu(x) + a x, both products as convolutions: on CPUs onnxruntime keeps those
        in its blocked layout, out of which and back again PRelu takes everything. MediaPipe's face and iris take half
        of the time so."""
        shape = {"kernel_shape": [1, 1], "group": layer.num_parameters}
        slopes = layer.weight.view(-1, 1, 1, 1)
        self._add("Relu", [source], f"{name}.positive")
        self._add("Conv", [f"{name}.positive", self._weight(f"{name}.rest", 1 - slopes)], f"{name}.risen", **shape)
        self._add("Conv", [source, self._weight(f"{name}.weight", slopes)], f"{name}.sloped", **shape)
        self._add("Add", [f"{name}.risen", f"{name}.sloped"], name)

    def _first_channels(self, source: str, n: int, name: str) -> None:
        bounds = {"start": 0, "stop": n, "axis": 1}
        self._add("Slice", [source, *(self._integers(f"{name}.{key}", [at]) for key, at in bounds.items())], name)

    def _center_map(self, name: str, layer: CenterMap, source: str) -> None:
        """Both profiles of the map, each out of the source's size along its axis, and their product for each image."""
        self._add("Shape", [source], f"{name}.shape")
        self._integers(f"{name}.zero", 0)
        self._integers(f"{name}.one", 1)
        for axis, outside in ((2, [0, 1, 3]), (3, [0, 1, 2])):
            part = f"{name}.{axis}"
            self._integers(f"{part}.axis", axis)
            self._integers(f"{part}.outside", outside)
            self._add("Gather", [f"{name}.shape", f"{part}.axis"], f"{part}.cells")
            self._add("Mul", [f"{part}.cells", self._integers(f"{part}.stride", layer.stride)], f"{part}.size")
            self._add("Range", [f"{name}.zero", f"{part}.size", f"{name}.one"], f"{part}.counted")
            self._add("Cast", [f"{part}.counted"], f"{part}.pixels", to=TensorProto.FLOAT)
            self._add("ReduceMean", [f"{part}.pixels"], f"{part}.middle", axes=[0])
            self._add("Sub", [f"{part}.pixels", f"{part}.middle"], f"{part}.distances")
            self._add("Mul", [f"{part}.distances", f"{part}.distances"], f"{part}.squares")
            scale = np.array(-0.5 / layer.sigma**2, dtype=np.float32)
            self.weights.append(numpy_helper.from_array(scale, f"{part}.scale"))
            self._add("Mul", [f"{part}.squares", f"{part}.scale"], f"{part}.exponents")
            self._add("Exp", [f"{part}.exponents"], f"{part}.gaussian")
            self._add("Unsqueeze", [f"{part}.gaussian", f"{part}.outside"], f"{part}.profile")
            size = {key: [1, 1] for key in ("kernel_shape", "strides")}
            size["kernel_shape"][axis - 2], size["strides"][axis - 2] = layer.kernel, layer.stride
            pads = [0, 0, int(axis == 2), int(axis == 3)]  # beyond the end, where it is left out of the mean
            self._add("AveragePool", [f"{part}.profile"], f"{part}.pooled", pads=pads, **size)
        self._add("Mul", [f"{name}.2.pooled", f"{name}.3.pooled"], f"{name}.map")
        self._add("Gather", [f"{name}.shape", self._integers(f"{name}.first", [0])], f"{name}.batch")
        self._add("Concat", [f"{name}.batch", self._integers(f"{name}.ones", [1, 1, 1])], f"{name}.sizes", axis=0)
        self._add("Expand", [f"{name}.map", f"{name}.sizes"], f"{name}.expanded")
        self._add("Cast", [f"{name}.expanded"], name, to=helper.np_dtype_to_tensor_dtype(self.dtype))

    def _integers(self, name: str, value: int | list[int]) -> str:
        self.weights.append(numpy_helper.from_array(np.array(value, dtype=np.int64), name))
        return name

    def _add(self, kind: str, inputs: list[str], output: str, **attributes: object) -> None:
        self.nodes.append(helper.make_node(kind, inputs, [output], output, None, None, None, **attributes))

    def _number(self, name: str, value: float) -> str:
        self.weights.append(numpy_helper.from_array(np.array(value, dtype=self.dtype), name))
        return name

    def _weight(self, name: str, value: Tensor) -> str:
        array = value.detach().cpu().numpy().astype(self.dtype)
        self.weights.append(numpy_helper.from_array(array, name))
        return name
