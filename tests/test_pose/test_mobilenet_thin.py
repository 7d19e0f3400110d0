from __future__ import annotations

import pytest
import torch

from pose.maps import OPENPOSE_COCO
from pose.networks.mobilenet_thin import MobilenetThin, SameConv2d
from pose.weights.zoo import NETWORKS


def test_has_the_parameters_the_zoo_says() -> None:
    assert sum(value.numel() for value in MobilenetThin().parameters()) == NETWORKS["mobilenet_thin"].parameters


@pytest.mark.parametrize(("height", "width"), [(1, 1), (8, 16), (33, 47), (40, 25)])
def test_gives_one_cell_per_stride_begun(height: int, width: int) -> None:
    with torch.inference_mode():
        heatmaps, pafs = MobilenetThin()(torch.zeros(2, 3, height, width))
    cells = (-(-height // 8), -(-width // 8))
    assert heatmaps.shape == (2, OPENPOSE_COCO.n_heatmaps, *cells)
    assert pafs.shape == (2, OPENPOSE_COCO.n_pafs, *cells)


@pytest.mark.parametrize(("size", "first_centre"), [(6, 1), (7, 0)])
def test_strided_padding_is_tensorflows(size: int, first_centre: int) -> None:
    """At stride 2 the first kernel is centred on pixel 1 of an even row, but on pixel 0 of an odd one."""
    layer = SameConv2d(1, 1, 3, stride=2, bias=False)
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight[0, 0, 1, 1] = 1.0
        row = torch.arange(size, dtype=torch.float32).expand(1, 1, size, size)
        seen = layer(row)[0, 0, 0]
    assert seen.tolist() == list(range(first_centre, size, 2))


def test_the_last_of_its_stages_is_what_it_gives() -> None:
    network = MobilenetThin()
    image = torch.rand(1, 3, 24, 32) * 255
    with torch.inference_mode():
        stages, (heatmaps, pafs) = network.each_stage(image), network(image)
    assert len(stages) == 6
    assert torch.equal(stages[-1][0], heatmaps)
    assert torch.equal(stages[-1][1], pafs)
    assert len({float(stage[1].sum()) for stage in stages}) == 6
