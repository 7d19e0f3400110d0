"""Networks out of TensorFlow Lite files, without TensorFlow: the flatbuffer's operators as torch layers.

Only the operators that pose networks occur with are known; any other is refused by its name. Weights may be float32 or
float16. Axes change from TensorFlow's (height, width, channels) to torch's; what has no height and width any more keeps
two axes of length 1, so that every value is a (B, channels, h, w). https://ai.google.dev/edge/litert/models/schema
"""

from __future__ import annotations

import operator
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tflite
import torch
from numpy.typing import NDArray
from torch import Tensor, fx, nn

from pose.errors import ModelError
from pose.networks.layers import Affine, PadChannels, SameConv2d

_OPERATORS = {code: name for name, code in vars(tflite.BuiltinOperator).items() if isinstance(code, int)}
_TYPES = {
    tflite.TensorType.FLOAT32: np.float32,
    tflite.TensorType.FLOAT16: np.float16,
    tflite.TensorType.INT32: np.int32,
}
_ACTIVATIONS = {
    tflite.ActivationFunctionType.NONE: nn.Identity,
    tflite.ActivationFunctionType.RELU: nn.ReLU,
    tflite.ActivationFunctionType.RELU6: nn.ReLU6,
}


class TfliteNetwork(nn.Module):
    """(B, 3, H, W) float BGR 0..255 -> the file's outputs, (B, channels, 1, 1) each; H and W as in the file.

    Attributes:
        size: height and width of the image, pixels.
        outputs: name and channels of each output.
    """

    def __init__(self, body: fx.GraphModule, size: tuple[int, int], outputs: Mapping[str, int]) -> None:
        super().__init__()
        self.normalise = Affine(1 / 255, 0.0)
        self.body = body
        self.size = size
        self.outputs = dict(outputs)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        found: tuple[Tensor, ...] = self.body(self.normalise(image))
        return found


def read_tflite(file: Path, outputs: Sequence[str]) -> TfliteNetwork:
    """The network of a file that takes one RGB image in [0, 1].

    Args:
        file: the `.tflite` file.
        outputs: what to call its outputs, in the file's order.

    Raises:
        ModelError: it can't be read, is not such a file or damaged, or has operators or shapes that are not known here.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ModelError(f"{file}: cannot be read ({error.strerror}); expected a TensorFlow Lite file") from error
    if content[4:8] != b"TFL3":
        raise ModelError(f"{file}: expected a TensorFlow Lite file (its fifth to eighth byte are TFL3)")
    try:
        return _Reader(file, content).network(outputs)
    except ModelError:
        raise
    except Exception as error:  # flatbuffers checks nothing: whatever a damaged file leads to
        raise ModelError(f"{file}: the TensorFlow Lite file is damaged ({type(error).__name__}: {error})") from error


class _Reader:
    def __init__(self, file: Path, content: bytes) -> None:
        self.file = file
        self.model = tflite.Model.GetRootAsModel(content, 0)
        if self.model.SubgraphsLength() != 1:
            raise ModelError(f"{file}: expected one subgraph, found {self.model.SubgraphsLength()}")
        self.graph = self.model.Subgraphs(0)
        self.layers: OrderedDict[str, nn.Module] = OrderedDict()
        self.constants: dict[int, NDArray[Any]] = {}

    def network(self, outputs: Sequence[str]) -> TfliteNetwork:
        inputs, results = (list(map(int, ends)) for ends in (self.graph.InputsAsNumpy(), self.graph.OutputsAsNumpy()))
        shape = self._shape(inputs[0])
        if len(inputs) != 1 or len(shape) != 4 or shape[0] != 1 or shape[3] != 3:
            raise ModelError(f"{self.file}: expected one input of shape (1, height, width, 3), found {shape}")
        if len(results) != len(outputs):
            raise ModelError(f"{self.file}: expected {len(outputs)} outputs, found {len(results)}")
        graph = fx.Graph()
        values = {inputs[0]: graph.placeholder("image")}
        for i in range(self.graph.OperatorsLength()):
            self._add(self.graph.Operators(i), graph, values, first=inputs[0])
        graph.output(tuple(values[result] for result in results))
        body = fx.GraphModule(dict(self.layers), graph).eval().requires_grad_(False)
        channels = {name: int(np.prod(self._shape(result))) for name, result in zip(outputs, results, strict=True)}
        return TfliteNetwork(body, (shape[1], shape[2]), channels)

    def _add(self, node: Any, graph: fx.Graph, values: dict[int, fx.Node], first: int) -> None:
        """One operator as a layer and its activation, or as a constant."""
        code = self.model.OperatorCodes(node.OpcodeIndex())
        kind = _OPERATORS.get(max(code.BuiltinCode(), code.DeprecatedBuiltinCode()), "unknown")
        sources = [int(i) for i in node.InputsAsNumpy()]
        target = int(node.Outputs(0))
        if kind == "DEQUANTIZE":
            self.constants[target] = self._constant(sources[0]).astype(np.float32)
            return
        name = f"layer_{len(self.layers)}"
        if kind in ("ADD", "CONCATENATION"):
            function = operator.add if kind == "ADD" else torch.cat
            parts = [values[source] for source in sources]
            options = self._options(node, tflite.AddOptions() if kind == "ADD" else tflite.ConcatenationOptions())
            if kind == "CONCATENATION" and options.Axis() not in (3, -1):
                raise self._unknown(kind, f"along axis {options.Axis()}")
            value = graph.call_function(function, tuple(parts) if kind == "ADD" else (parts, 1))
            activation = options.FusedActivationFunction()
        else:
            layer, activation = self._layer(kind, node, sources, target, swapped=sources[0] == first)
            self.layers[name] = layer
            value = graph.call_module(name, (values[sources[0]],))
        if activation not in _ACTIVATIONS:
            raise self._unknown(kind, f"with activation {activation}")
        if activation != tflite.ActivationFunctionType.NONE:
            name = f"layer_{len(self.layers)}"
            self.layers[name] = _ACTIVATIONS[activation]()
            value = graph.call_module(name, (value,))
        values[target] = value

    def _layer(self, kind: str, node: Any, sources: list[int], target: int, swapped: bool) -> tuple[nn.Module, int]:
        """A layer and its activation; `swapped` where its three channels are the image's, which here are BGR."""
        none = int(tflite.ActivationFunctionType.NONE)
        before, after = self._shape(sources[0]), self._shape(target)
        match kind:
            case "CONV_2D" | "DEPTHWISE_CONV_2D":
                return self._convolution(kind, node, sources, swapped)
            case "FULLY_CONNECTED":
                options = self._options(node, tflite.FullyConnectedOptions())
                weight = self._constant(sources[1])
                linear = SameConv2d(weight.shape[1], weight.shape[0], 1, bias=len(sources) > 2)
                self._fill(linear, weight[:, :, None, None], sources)
                return linear, options.FusedActivationFunction()
            case "PRELU":
                slopes = self._constant(sources[1])
                if slopes.size != slopes.shape[-1]:
                    raise self._unknown(kind, f"with slopes of shape {slopes.shape}")
                prelu = nn.PReLU(slopes.size)
                prelu.weight.data = torch.from_numpy(slopes.reshape(-1).astype(np.float32))
                return prelu, none
            case "MAX_POOL_2D":
                options = self._options(node, tflite.Pool2DOptions())
                sizes = (options.FilterHeight(), options.FilterWidth(), options.StrideH(), options.StrideW())
                if sizes != (2, 2, 2, 2) or before[1] % 2 or before[2] % 2:
                    raise self._unknown(kind, f"of {sizes} on {before}")
                return nn.MaxPool2d(2, ceil_mode=True), options.FusedActivationFunction()
            case "PAD":
                pads = self._constant(sources[1])
                if pads[:3].any() or pads[3, 0]:
                    raise self._unknown(kind, f"by {pads.tolist()}")
                return PadChannels(int(pads[3, 1])), none
            case "MEAN":
                if sorted(self._constant(sources[1]).tolist()) != [1, 2]:
                    raise self._unknown(kind, "over other axes than height and width")
                return nn.AdaptiveAvgPool2d(1), none
            case "RESHAPE":
                if before[1:-1] != [1] * (len(before) - 2):
                    raise self._unknown(kind, f"from {before} to {after}")
                return nn.Identity(), none
            case "LOGISTIC":
                return nn.Sigmoid(), none
        raise self._unknown(kind)

    def _convolution(self, kind: str, node: Any, sources: list[int], swapped: bool) -> tuple[nn.Module, int]:
        depthwise = kind == "DEPTHWISE_CONV_2D"
        options = self._options(node, tflite.DepthwiseConv2DOptions() if depthwise else tflite.Conv2DOptions())
        weight = self._constant(sources[1])  # (out, h, w, in), or (1, h, w, out)
        stride = options.StrideH()
        if depthwise and weight.shape[3] != self._shape(sources[0])[3]:
            raise self._unknown(kind, "with several filters for a channel")
        plain = options.DilationHFactor() == options.DilationWFactor() == 1 and stride == options.StrideW()
        if not plain or weight.shape[1] != weight.shape[2]:
            raise self._unknown(kind, "dilated, or with sides that differ")
        kernel = weight.shape[1]
        sides = self._shape(sources[0])[1:3]
        same = options.Padding() == tflite.Padding.SAME or (kernel == stride and not any(n % stride for n in sides))
        if not same and sides != [kernel, kernel]:
            raise self._unknown(kind, "without padding")
        n_in = weight.shape[3]
        n_out = n_in if depthwise else weight.shape[0]
        weight = weight.transpose((3, 0, 1, 2) if depthwise else (0, 3, 1, 2))
        if swapped:
            weight = weight[:, ::-1]
        if same:
            layer: nn.Conv2d = SameConv2d(n_in, n_out, kernel, stride, n_in if depthwise else 1, len(sources) > 2)
        else:  # over all that there is
            layer = nn.Conv2d(n_in, n_out, kernel, groups=n_in if depthwise else 1, bias=len(sources) > 2)
        self._fill(layer, weight, sources)
        return layer, options.FusedActivationFunction()

    def _fill(self, layer: nn.Conv2d, weight: NDArray[Any], sources: list[int]) -> None:
        layer.weight.data = torch.from_numpy(np.ascontiguousarray(weight, dtype=np.float32))
        if layer.bias is not None:
            layer.bias.data = torch.from_numpy(self._constant(sources[2]).astype(np.float32))

    def _options(self, node: Any, options: Any) -> Any:
        table = node.BuiltinOptions()
        options.Init(table.Bytes, table.Pos)
        return options

    def _shape(self, tensor: int) -> list[int]:
        return [int(n) for n in self.graph.Tensors(tensor).ShapeAsNumpy()]

    def _constant(self, index: int) -> NDArray[Any]:
        if index in self.constants:
            return self.constants[index]
        tensor = self.graph.Tensors(index)
        name = re.sub(r"\s+", " ", tensor.Name().decode(errors="replace"))
        if tensor.Type() not in _TYPES:
            raise ModelError(f"{self.file}: {name} is quantized or of another type; expected float32 or float16")
        buffer = self.model.Buffers(tensor.Buffer())
        if not buffer.DataLength():
            raise ModelError(f"{self.file}: {name} is computed; expected a constant")
        values = buffer.DataAsNumpy().view(_TYPES[tensor.Type()])
        return np.array(values).reshape(self._shape(index))

    def _unknown(self, kind: str, detail: str = "") -> ModelError:
        return ModelError(f"{self.file}: operator {' '.join(filter(None, (kind, detail)))} is not known here")
