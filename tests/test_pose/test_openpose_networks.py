"""The OpenPose family in two forms, torch and ONNX, at few channels; their stages; the centre map."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from pose.networks import body_25, cpm, cpm_vgg, lightweight_openpose, openpose
from pose.networks.layers import CenterMap
from pose.weights.export import to_onnx

NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, int]]] = {
    "openpose": (lambda: openpose.Openpose(replace(openpose.COCO, n_stages=2, hidden=8)), (43, 61)),
    "body_25": (
        lambda: body_25.Body25(replace(body_25.Body25Config(), paf_stages=((4, 8),) * 2, heatmap_stages=((4, 8),) * 2)),
        (43, 61),
    ),
    "cpm": (lambda: cpm.Cpm(replace(cpm.FLIC, n_stages=3, hidden=8, n_features=4, bottleneck=8)), (48, 72)),
    "cpm_mpi": (lambda: cpm_vgg.CpmVgg(replace(cpm_vgg.MPI, n_stages=2, hidden=8)), (48, 72)),
    "hand": (lambda: cpm_vgg.CpmVgg(replace(cpm_vgg.HAND, n_stages=2, hidden=8)), (43, 61)),
    "lightweight": (lightweight_openpose.LightweightOpenpose, (43, 61)),
}


def lively(network: nn.Module) -> nn.Module:
    """With weights under which values neither die out nor blow up, and slopes that differ."""
    torch.manual_seed(1)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.normal_(layer.bias, std=0.1)
        elif isinstance(layer, nn.PReLU):
            nn.init.uniform_(layer.weight, -0.5, 0.5)
    return network.eval().requires_grad_(False)


@pytest.fixture(scope="module", params=NETWORKS)
def case(request: pytest.FixtureRequest) -> tuple[Any, np.ndarray]:
    """A network and a batch of two images."""
    build, (height, width) = NETWORKS[request.param]
    return lively(build()), np.random.default_rng(0).integers(0, 256, (2, height, width, 3), dtype=np.uint8)


def in_torch(network: nn.Module, batch: np.ndarray) -> list[np.ndarray]:
    return [value.numpy() for value in network(torch.from_numpy(batch).permute(0, 3, 1, 2).float())]


@pytest.mark.parametrize(("precision", "share"), [("float32", 1e-5), ("float16", 2e-2)])
def test_onnx_gives_the_same(case: tuple[Any, np.ndarray], precision: Any, share: float) -> None:
    network, batch = case
    content = to_onnx(network, precision).SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    found = session.run(list(network.outputs), {"image": batch})
    for value, expected in zip(found, in_torch(network, batch), strict=True):
        assert expected.std() > 0.1
        np.testing.assert_allclose(value, expected, rtol=0, atol=share * np.abs(expected).max())


def test_outputs_are_what_they_are_said_to_be(case: tuple[Any, np.ndarray]) -> None:
    network, batch = case
    size = tuple(-(-n // 8) for n in batch.shape[1:3])
    found = in_torch(network, batch)
    assert [value.shape for value in found] == [(2, n, *size) for n in network.outputs.values()]


def test_the_last_of_the_stages_are_the_outputs(case: tuple[Any, np.ndarray]) -> None:
    network, batch = case
    stages = network.each_stage(torch.from_numpy(batch).permute(0, 3, 1, 2).float())
    assert len(stages) >= 2
    for i, expected in enumerate(in_torch(network, batch)):
        computed = [stage[i] for stage in stages if stage[i] is not None]
        np.testing.assert_array_equal(computed[-1].numpy(), expected)
        assert not np.allclose(computed[0].numpy(), expected)  # each stage has its own


def test_the_centre_map_is_the_mean_of_a_gaussian_over_each_window() -> None:
    x = torch.zeros(2, 5, 6, 9)
    centers = torch.tensor([[20.0, 11.0], [70.0, 3.0]])
    found = CenterMap()(x, centers).numpy()
    assert found.shape == (2, 1, 6, 9)
    rows, columns = np.mgrid[:48, :72]
    for value, (x_center, y_center) in zip(found[:, 0], centers.numpy(), strict=True):
        gaussian = np.exp(-((columns - x_center) ** 2 + (rows - y_center) ** 2) / (2 * 21**2))
        expected = [[gaussian[8 * i : 8 * i + 9, 8 * j : 8 * j + 9].mean() for j in range(9)] for i in range(6)]
        np.testing.assert_allclose(value, expected, atol=1e-6)
    middle = CenterMap()(x).numpy()
    np.testing.assert_allclose(middle, CenterMap()(x, torch.tensor([[35.5, 23.5]] * 2)).numpy(), atol=1e-6)


def test_the_centre_map_tells_whom_is_meant() -> None:
    network = lively(cpm.Cpm(replace(cpm.FLIC, n_stages=2, hidden=8, n_features=4, bottleneck=8)))
    image = torch.rand(1, 3, 48, 48) * 255
    left, right = (network.each_stage(image, torch.tensor([[x, 24.0]])) for x in (8.0, 40.0))
    torch.testing.assert_close(left[0], right[0], rtol=0, atol=0)  # the first stage sees the image alone
    assert not torch.allclose(left[1][0], right[1][0])
