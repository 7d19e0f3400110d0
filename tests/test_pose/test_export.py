"""One network in four forms: the original graph in OpenCV, the torch module, its streamlined copy, the ONNX file."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray

from pose.networks.mobilenet_thin import LIGHT, MobilenetThin, MobilenetThinConfig, Refinement
from pose.weights.export import streamline, to_onnx
from pose.weights.graphdef import mobilenet_thin_weights

SIZES = [(368, 656), (307, 547), (320, 433)]  # height, width: both even, both odd, one of each


@pytest.fixture(scope="module")
def network(body_graph: Path) -> MobilenetThin:
    network = MobilenetThin().eval()
    network.load_state_dict(
        {name: torch.from_numpy(value) for name, value in mobilenet_thin_weights(body_graph).items()}
    )
    return network


@pytest.fixture(scope="module")
def session(network: MobilenetThin) -> onnxruntime.InferenceSession:
    content = to_onnx(streamline(network)).SerializeToString()
    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def frames(sample_video: Path) -> list[NDArray[np.uint8]]:
    """A different frame in each of the sizes, people in all of them."""
    video = cv2.VideoCapture(str(sample_video))
    images = []
    for index, (height, width) in zip((20, 80, 130), SIZES, strict=True):
        video.set(cv2.CAP_PROP_POS_FRAMES, index)
        images.append(cv2.resize(video.read()[1], (width, height), interpolation=cv2.INTER_AREA))
    video.release()
    return images


def in_torch(network: MobilenetThin, image: NDArray[np.uint8]) -> NDArray[np.float32]:
    with torch.inference_mode():
        pixels = torch.from_numpy(image)[None].permute(0, 3, 1, 2).float()
        return torch.cat(network(pixels), dim=1).numpy()


def in_onnx(session: onnxruntime.InferenceSession, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.concatenate(session.run(["heatmaps", "pafs"], {"image": batch}), axis=1)


@pytest.mark.parametrize("i", range(len(SIZES)))
def test_all_forms_agree_with_the_original_graph(
    body_graph: Path,
    network: MobilenetThin,
    session: onnxruntime.InferenceSession,
    frames: list[NDArray[np.uint8]],
    i: int,
) -> None:
    original = cv2.dnn.readNetFromTensorflow(str(body_graph))
    original.setInput(np.ascontiguousarray(frames[i].transpose(2, 0, 1)[None], dtype=np.float32))
    expected = original.forward()
    assert expected[:, :18].max() > 0.4  # someone is seen
    np.testing.assert_allclose(in_torch(network, frames[i]), expected, atol=1e-4)
    np.testing.assert_allclose(in_onnx(session, frames[i][None]), expected, atol=1e-4)


def test_streamlining_changes_nothing_but_the_speed(network: MobilenetThin, frames: list[NDArray[np.uint8]]) -> None:
    fast = streamline(network)
    np.testing.assert_allclose(in_torch(fast, frames[1]), in_torch(network, frames[1]), atol=2e-5)
    inputs = [layer.in_channels for layer in fast.modules() if isinstance(layer, torch.nn.Conv2d)]
    assert all(channels % 8 == 0 for channels in inputs[1:])


def test_a_batch_equals_its_images(session: onnxruntime.InferenceSession, frames: list[NDArray[np.uint8]]) -> None:
    batch = np.stack([cv2.resize(image, (104, 96)) for image in frames])
    one_by_one = [in_onnx(session, image[None])[0] for image in batch]
    np.testing.assert_allclose(in_onnx(session, batch), one_by_one, atol=2e-5)


@pytest.mark.parametrize("split", [True, False])
@pytest.mark.parametrize(
    "refinements",
    [("pafs", "heatmaps", "heatmaps"), ("both", "heatmaps", "pafs"), ("heatmaps", "both"), ("pafs",), ()],
)
def test_what_a_stage_leaves_out_passes_through(
    network: MobilenetThin, refinements: tuple[Refinement, ...], split: bool, frames: list[NDArray[np.uint8]]
) -> None:
    part = MobilenetThin(MobilenetThinConfig(refinements=refinements)).eval()
    part.load_state_dict({name: value for name, value in network.state_dict().items() if name in part.state_dict()})
    image = cv2.resize(frames[0], (104, 96))
    expected = in_torch(part, image)
    assert expected.shape[1] == 19 + 38
    session = onnxruntime.InferenceSession(
        to_onnx(streamline(part, split)).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    np.testing.assert_allclose(in_onnx(session, image[None]), expected, atol=2e-5)


@pytest.mark.parametrize("config", [MobilenetThinConfig(), LIGHT])
def test_onnxruntime_keeps_its_blocked_kernels(config: MobilenetThinConfig, tmp_path: Path) -> None:
    """Every convolution in NCHWc form, and values brought into it and out of it only at the ends."""
    network = MobilenetThin(config)
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.log_severity_level = 3  # it warns that such a file is for this machine only
    content = to_onnx(streamline(network)).SerializeToString()
    onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    nodes = onnx.load(tmp_path / "optimised.onnx").graph.node
    kinds = [node.op_type for node in nodes]
    if "ReorderOutput" not in kinds:
        pytest.skip("this processor has no blocked kernels in onnxruntime")
    assert {node.domain for node in nodes if node.op_type == "Conv"} == {"com.microsoft.nchwc"}
    assert kinds.count("ReorderInput") == 0
    assert kinds.count("ReorderOutput") == 2


def test_half_precision_stays_close(network: MobilenetThin, frames: list[NDArray[np.uint8]]) -> None:
    model = to_onnx(streamline(network), precision="float16")
    half = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(in_onnx(half, frames[0][None]), in_torch(network, frames[0])[None][0], atol=0.03)


def test_metadata_is_kept(network: MobilenetThin) -> None:
    model = to_onnx(network, metadata={"licence": "Apache-2.0"})
    assert {entry.key: entry.value for entry in model.metadata_props} == {"licence": "Apache-2.0"}
