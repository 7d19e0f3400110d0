"""Frozen TensorFlow graphs without TensorFlow: the named constants of a GraphDef, and our networks' weights among them.

A GraphDef is a message of protocol buffers; of its fields this reader knows those on the way to a constant:
GraphDef.node (1), NodeDef.name (1), .op (2), .attr (5, a map), AttrValue.tensor (8), TensorProto.dtype (1),
.tensor_shape (2), .tensor_content (4), .float_val (5), as in tensorflow/core/framework.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pose.errors import ModelError
from pose.networks.mobilenet_thin import MobilenetThin
from pose.weights.protobuf import fields, messages, text

_FLOAT = 1  # DataType.DT_FLOAT
_MOST_FILLED = 2**24
"""Numbers of a constant fill; the largest weight of our networks has fewer."""

Weights = dict[str, NDArray[np.float32]]


def read_constants(path: Path) -> Weights:
    """Name -> value of every float32 constant of a frozen graph, in TensorFlow's axis orders.

    Raises:
        ModelError: not a GraphDef, or a truncated one.
    """
    try:
        data = memoryview(path.read_bytes())
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); expected a frozen TensorFlow graph") from error
    constants: Weights = {}
    try:
        for node in messages(data, 1):
            named = _constant(node)
            if named is not None:
                constants[named[0]] = named[1]
    except (ValueError, IndexError) as error:
        raise ModelError(
            f"{path}: expected a frozen TensorFlow graph (GraphDef); it is damaged or of another kind ({error})"
        ) from error
    return constants


def mobilenet_thin_weights(path: Path) -> Weights:
    """State dict of `pose.networks.mobilenet_thin.MobilenetThin` out of its frozen graph.

    Raises:
        ModelError: not that network's graph; the message names the first weight that is missing or has another shape.
    """
    constants = read_constants(path)
    weights: Weights = {}
    for name, expected in MobilenetThin().state_dict().items():
        source = _source(name)
        value = constants.get(source)
        if value is None:
            raise ModelError(f"{path}: expected the graph of mobilenet_thin, but it has no constant {source}")
        if value.ndim == 4:  # (kernel, kernel, in, out), depthwise (kernel, kernel, channels, 1)
            value = value.transpose(2, 3, 0, 1) if "depthwise" in name else value.transpose(3, 2, 0, 1)
        if value.shape != tuple(expected.shape):
            raise ModelError(
                f"{path}: expected the graph of mobilenet_thin, but {source} gives a weight of shape {value.shape} "
                f"where it has {tuple(expected.shape)}"
            )
        weights[name] = np.ascontiguousarray(value)
    return weights


def _source(name: str) -> str:
    """Constant of the frozen graph that holds one entry of the state dict."""
    match name.split("."):
        case ["stem", _, kind]:
            layer, convolution = "MobilenetV1/Conv2d_0", ""
        case ["backbone", block, convolution, kind]:
            layer = f"MobilenetV1/Conv2d_{int(block) + 1}_{convolution}"
        case ["stages", stage, branch, block, convolution, kind]:
            half = {"paf": "L1", "heat": "L2"}[branch]
            layer = f"Openpose/MConv_Stage{int(stage) + 1}_{half}_{int(block) + 1}_{convolution}"
        case _:
            raise AssertionError(name)
    if kind == "bias":
        return f"{layer}/Conv2D_bn_offset"
    return f"{layer}/depthwise_weights" if convolution == "depthwise" else f"{layer}/weights"


def _constant(node: memoryview) -> tuple[str, NDArray[np.float32]] | None:
    """Name and value of a NodeDef that is a float32 constant."""
    if text(node, 2) != "Const":
        return None
    for attribute in messages(node, 5):
        if text(attribute, 1) == "value":
            for value in messages(attribute, 2):
                for tensor in messages(value, 8):
                    if (1, _FLOAT) in fields(tensor):
                        return text(node, 1), _tensor(tensor)
    return None


def _tensor(tensor: memoryview) -> NDArray[np.float32]:
    shape = []
    for dimensions in messages(tensor, 2):
        for dimension in messages(dimensions, 2):
            shape.append(next((size for number, size in fields(dimension) if number == 1), 0))
    sizes = tuple(size for size in shape if isinstance(size, int))
    content = b"".join(messages(tensor, 4)) or b"".join(messages(tensor, 5))
    values = np.frombuffer(content, dtype="<f4").astype(np.float32)
    count = math.prod(sizes)
    if len(values) == 1 != count:  # TensorFlow stores a constant fill once
        if count > _MOST_FILLED:
            raise ValueError(f"a constant fill of {count} numbers")
        values = np.full(count, values[0])
    return values.reshape(sizes)
