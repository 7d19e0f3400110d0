"""One network in three forms: the torch module, the ONNX file, the published graph in TensorFlow."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from pose.maps import MOVENET_MULTIPOSE, MOVENET_THUNDER
from pose.networks.movenet import MULTIPOSE, THUNDER, Movenet
from pose.weights.export import to_onnx
from pose.weights.tfjs import _HEADS, read_weights
from pose.weights.zoo import NETWORKS

CONFIGS = {"movenet_multipose": MULTIPOSE, "movenet_thunder": THUNDER}
Network = Callable[[NDArray[np.uint8]], dict[str, NDArray[np.float32]]]


@pytest.fixture(scope="module", params=CONFIGS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def network(name: str) -> Movenet:
    network = Movenet(CONFIGS[name]).eval().requires_grad_(False)
    network.load_state_dict({key: value.float() for key, value in load_file(NETWORKS[name].find()).items()})
    return network


@pytest.fixture(scope="module")
def batch(sample_video: Path) -> NDArray[np.uint8]:
    """(2, 256, 384, 3): two frames, two people in each."""
    video = cv2.VideoCapture(str(sample_video))
    images = []
    for index in (20, 80):
        video.set(cv2.CAP_PROP_POS_FRAMES, index)
        images.append(cv2.resize(video.read()[1], (384, 256), interpolation=cv2.INTER_AREA))
    video.release()
    return np.stack(images)


def in_torch(network: Movenet, batch: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    with torch.inference_mode():
        values = network(torch.from_numpy(batch).permute(0, 3, 1, 2).float())
    return {name: value.numpy() for name, value in zip(network.outputs, values, strict=True)}


def in_onnx(network: Movenet, precision: Any = "float32") -> Network:
    content = to_onnx(network, precision).SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    names = list(network.outputs)
    return lambda batch: dict(zip(names, session.run(names, {"image": batch}), strict=True))


def assert_close(
    found: dict[str, NDArray[np.float32]], expected: dict[str, NDArray[np.float32]], share: float = 1e-4
) -> None:
    """Within a share of each output's largest value."""
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=0, atol=share * np.abs(value).max(), err_msg=name)


def test_has_the_parameters_and_outputs_the_zoo_says(name: str, network: Movenet) -> None:
    entry = NETWORKS[name]
    assert sum(value.numel() for value in network.parameters()) == entry.parameters
    assert network.outputs == entry.layout.outputs
    assert entry.layout is {"movenet_multipose": MOVENET_MULTIPOSE, "movenet_thunder": MOVENET_THUNDER}[name]


@pytest.mark.parametrize(("height", "width"), [(32, 32), (64, 96), (96, 160)])
def test_gives_four_cells_where_it_takes_sixteen_pixels(network: Movenet, height: int, width: int) -> None:
    found = in_torch(network, np.zeros((2, height, width, 3), dtype=np.uint8))
    for name, channels in network.outputs.items():
        assert found[name].shape == (2, channels, height // 4, width // 4)


def test_onnx_gives_the_same(network: Movenet, batch: NDArray[np.uint8]) -> None:
    expected = in_torch(network, batch)
    assert expected["centers"].max() > 0.3  # someone is seen
    assert expected["heatmaps"].max() > 0.5
    run = in_onnx(network)
    assert_close(run(batch), expected)
    assert_close(run(batch[1:, :192, :256]), in_torch(network, batch[1:, :192, :256]))


def test_half_precision_stays_close(network: Movenet, batch: NDArray[np.uint8]) -> None:
    """That the file is right; onnxruntime computes it in float32 where the processor has no float16."""
    assert_close(in_onnx(network, "float16")(batch[:1]), in_torch(network, batch[:1]), share=0.05)


def in_tensorflow(path: Path) -> Network:
    """A published graph as TensorFlow runs it, its heads read before people are chosen."""
    import tensorflow as tf
    from google.protobuf import json_format

    weights = read_weights(path)
    graph = tf.compat.v1.GraphDef()
    heads = {}
    for stored in json.loads(path.read_text())["modelTopology"]["node"]:
        name, inputs, attributes = stored["name"], stored.get("input", []), dict(stored.get("attr", {}))
        attributes.pop("_output_shapes", None)
        node = graph.node.add(name=name, op=stored["op"], input=inputs)
        if node.op == "Const":
            value = weights[name].astype("f4") if weights[name].dtype == np.float16 else weights[name]
            node.attr["dtype"].type = tf.as_dtype(value.dtype).as_datatype_enum
            node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value, shape=value.shape))
            continue
        if node.op == "Placeholder":
            attributes["shape"] = {"shape": {"unknownRank": True}}
        elif node.op == "_FusedConv2D":
            attributes["TArgs"] = {"list": {"type": ["DT_FLOAT"]}}
        elif node.op == "FusedDepthwiseConv2dNative":  # of TensorFlow.js alone; all of these end in ReLU6
            source, kernel, bias = inputs
            kept = {"strides", "padding", "dilations", "data_format", "T"}
            attributes = {key: value for key, value in attributes.items() if key in kept}
            node.name, node.op, node.input[:] = f"{name}/raw", "DepthwiseConv2dNative", [source, kernel]
            added = graph.node.add(name=f"{name}/biased", op="BiasAdd", input=[node.name, bias])
            clipped = graph.node.add(name=name, op="Relu6", input=[added.name])
            for other in (added, clipped):
                other.attr["T"].type = tf.float32.as_datatype_enum
        for key, value in attributes.items():
            json_format.ParseDict(value, node.attr[key])
        for head, scope in _HEADS.items():
            if f"/{scope}/conv2d_" in name and name.endswith("/BiasAdd"):
                heads[head] = name
    session_graph = tf.Graph()
    with session_graph.as_default():
        tf.import_graph_def(graph, name="")
        beliefs = {"centers", "heatmaps"}
        values = {head: session_graph.get_tensor_by_name(f"{name}:0") for head, name in heads.items()}
        values = {head: tf.sigmoid(value) if head in beliefs else value for head, value in values.items()}
    session = tf.compat.v1.Session(graph=session_graph)

    def run(batch: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        found = session.run(values, {"input:0": batch[..., ::-1].astype(np.int32)})
        return {name: value.transpose(0, 3, 1, 2) for name, value in found.items()}

    return run


@pytest.mark.skipif(importlib.util.find_spec("tensorflow") is None, reason="TensorFlow is not installed")
@pytest.mark.filterwarnings("ignore")  # TensorFlow's own
def test_tensorflow_gives_the_same(name: str, network: Movenet, batch: NDArray[np.uint8], npm_models: Path) -> None:
    run = in_tensorflow(npm_models / f"{name.replace('_', '-')}.json")
    image = batch[:1] if name == "movenet_multipose" else cv2.resize(batch[0], (256, 256))[None]
    expected = run(image)
    assert_close(in_torch(network, image), {head: expected[head] for head in network.outputs})
