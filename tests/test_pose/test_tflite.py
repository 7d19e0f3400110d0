"""Networks out of TensorFlow Lite: the published hand, face and iris networks beside the runtime they were made for."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest
import tflite
import torch
from numpy.typing import NDArray

from pose.errors import ModelError
from pose.weights import assets
from pose.weights.assets import Asset
from pose.weights.export import to_onnx
from pose.weights.tflite import read_tflite

PUBLISHED = {
    "hand": (assets.HAND_LANDMARKS, {"points": 63, "presence": 1, "right": 1, "world": 63}, (224, 224)),
    "face": (assets.FACE_LANDMARKS, {"points": 1404, "presence": 1}, (192, 192)),
    "iris": (assets.IRIS_LANDMARKS, {"eye": 213, "iris": 15}, (64, 64)),
}


def smooth(n: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """(n, H, W, 3) as smooth as pictures are: noise drives landmarks far outside."""
    rng = np.random.default_rng(0)
    small = [rng.integers(0, 256, (7, 7, 3), dtype=np.uint8) for _ in range(n)]
    return np.stack([cv2.resize(image, size[::-1], interpolation=cv2.INTER_LINEAR) for image in small])


@pytest.mark.parametrize(("asset", "outputs", "size"), PUBLISHED.values(), ids=PUBLISHED)
def test_outputs_are_those_of_the_runtime(asset: Asset, outputs: dict[str, int], size: tuple[int, int]) -> None:
    litert = pytest.importorskip("ai_edge_litert.interpreter", reason="the extra `test` is not installed")
    file = assets.fetch(asset)
    network = read_tflite(file, list(outputs))
    assert (network.outputs, network.size) == (outputs, size)
    reference = litert.Interpreter(model_path=str(file))
    reference.allocate_tensors()
    image = smooth(1, size)
    rgb = np.ascontiguousarray(image[..., ::-1]) / np.float32(255)
    reference.set_tensor(reference.get_input_details()[0]["index"], rgb)
    reference.invoke()
    found = network(torch.from_numpy(image).permute(0, 3, 1, 2).float())
    for detail, values, (name, channels) in zip(reference.get_output_details(), found, outputs.items(), strict=True):
        expected = reference.get_tensor(detail["index"]).ravel()
        assert values.shape == (1, channels, 1, 1), name
        np.testing.assert_allclose(values.numpy().ravel(), expected, atol=1e-3, err_msg=name)


@pytest.mark.parametrize(("asset", "outputs", "size"), PUBLISHED.values(), ids=PUBLISHED)
def test_onnx_gives_the_same(asset: Asset, outputs: dict[str, int], size: tuple[int, int]) -> None:
    network = read_tflite(assets.fetch(asset), list(outputs))
    session = onnxruntime.InferenceSession(to_onnx(network).SerializeToString(), providers=["CPUExecutionProvider"])
    images = smooth(2, size)
    found = session.run(list(outputs), {"image": images})
    expected = network(torch.from_numpy(images).permute(0, 3, 1, 2).float())
    for values, reference, (name, channels) in zip(found, expected, outputs.items(), strict=True):
        assert values.shape == (2, channels, 1, 1), name
        np.testing.assert_allclose(values, reference.numpy(), atol=1e-3, err_msg=name)


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "some.tflite"
    file.write_bytes(b"PK\3\4 no such thing")
    with pytest.raises(ModelError, match=r"some\.tflite: expected a TensorFlow Lite file"):
        read_tflite(file, ["points"])
    with pytest.raises(ModelError, match=r"none\.tflite: cannot be read"):
        read_tflite(tmp_path / "none.tflite", ["points"])


@pytest.mark.parametrize("share", [0.0001, 0.01, 0.5, 0.999])
def test_a_cut_file_is_damaged(tmp_path: Path, share: float) -> None:
    content = assets.fetch(assets.HAND_LANDMARKS).read_bytes()
    file = tmp_path / "cut.tflite"
    file.write_bytes(content[: max(int(len(content) * share), 64)])
    with pytest.raises(ModelError, match=r"cut\.tflite: "):
        read_tflite(file, list(PUBLISHED["hand"][1]))


def test_an_operator_that_is_not_known_is_named(tmp_path: Path) -> None:
    content = bytearray(assets.fetch(assets.HAND_LANDMARKS).read_bytes())
    codes = tflite.Model.GetRootAsModel(content, 0)
    for i in range(codes.OperatorCodesLength()):
        code = codes.OperatorCodes(i)
        if code.DeprecatedBuiltinCode() == tflite.BuiltinOperator.LOGISTIC:
            content[code._tab.Pos + code._tab.Offset(4)] = tflite.BuiltinOperator.TANH
    file = tmp_path / "tanh.tflite"
    file.write_bytes(content)
    with pytest.raises(ModelError, match=r"tanh\.tflite: operator TANH is not known here"):
        read_tflite(file, list(PUBLISHED["hand"][1]))


def test_the_number_of_outputs_tells_another_network() -> None:
    with pytest.raises(ModelError, match="expected 2 outputs, found 4"):
        read_tflite(assets.fetch(assets.HAND_LANDMARKS), ["points", "presence"])
