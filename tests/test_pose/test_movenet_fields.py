from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from pose import PoseEngine
from pose.maps import MOVENET_FIELDS
from pose.networks.movenet_fields import MovenetFields, MovenetFieldsConfig, Standardise
from pose.weights.export import to_onnx
from pose.weights.zoo import STRUCTURES, define, state_of


def test_has_the_parameters_the_zoo_says() -> None:
    entry = STRUCTURES["movenet_fields"]
    assert sum(value.numel() for value in define(entry.name).parameters()) == entry.parameters


@pytest.mark.parametrize("stride", [4, 8])
def test_onnx_gives_the_same_maps(stride: int) -> None:
    torch.manual_seed(0)
    network = MovenetFields(MovenetFieldsConfig(stride=stride, hidden=16, stages=2)).eval()
    image = np.random.default_rng(0).integers(0, 255, (2, 64, 96, 3), np.uint8)
    session = onnxruntime.InferenceSession(to_onnx(network).SerializeToString(), providers=["CPUExecutionProvider"])
    found = session.run(None, {"image": image})
    with torch.inference_mode():
        stages = network.each_stage(torch.from_numpy(image).permute(0, 3, 1, 2).float())
    assert [values.shape for values in found] == [(2, n, 64 // stride, 96 // stride) for n in (19, 38)]
    assert len(stages) == 2
    for values, expected in zip(found, stages[-1], strict=True):
        assert np.abs(values - expected.numpy()).max() < 1e-5


def test_takes_the_backbone_of_multipose() -> None:
    state, _ = state_of("movenet_multipose")
    missing, surplus = define("movenet_fields").movenet.load_state_dict(state, strict=False)
    assert missing == []
    assert {name.split(".")[1] for name in surplus} == {"centers", "offsets", "box_scales", "box_offsets"}
    assert MOVENET_FIELDS.stride == MovenetFieldsConfig().stride


def test_the_head_of_the_package_stands_on_multipose(sample_video: Path) -> None:
    state, info = state_of("movenet_fields")
    below, _ = state_of("movenet_multipose")
    assert info.licence == "Apache-2.0"
    assert all(torch.equal(value, below[name[8:]]) for name, value in state.items() if name.startswith("movenet."))
    engine = PoseEngine("movenet_fields", refine="none", device="cpu")
    with engine.open(sample_video, start_s=3.0, end_s=3.03) as frames:
        [frame] = frames
    man, woman = sorted(frame.people[:2], key=lambda person: -person["nose"][0])
    for person in (man, woman):
        assert person.score > 0.5
        assert person["nose"][1] < person["neck"][1] < person["right_hip"][1] < person["right_knee"][1]


def test_channels_are_standardised() -> None:
    torch.manual_seed(0)
    x = torch.randn(4, 3, 8, 8) * torch.tensor([0.1, 5.0, 0.0]).view(1, 3, 1, 1) + 7
    layer = Standardise(3)
    layer.set(x.mean(dim=(0, 2, 3)), x.std(dim=(0, 2, 3)))
    y = layer(x)
    assert y.mean(dim=(0, 2, 3)) == pytest.approx([0, 0, 0], abs=1e-4)
    assert y.std(dim=(0, 2, 3)) == pytest.approx([1, 1, 0], abs=1e-3)
    assert not any(value.requires_grad for value in layer.parameters())
