"""First weights of a network without normalisation: each layer's output has variance 1 on real images.

Layer-sequential unit-variance initialisation (Mishkin and Matas, All you need is a good init,
https://arxiv.org/abs/1511.06422). Networks here have their batch normalisation folded into the weights; without this
what a deep one puts out vanishes.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


@torch.no_grad()
def initialise(network: nn.Module, *inputs: Tensor, outputs_scale: float = 0.02, seed: int = 0) -> None:
    """Draws the weights of every trained convolution, layer by layer, in the order in which they run.

    Maps begin as what they mostly are: about 0, the background (last channel of a stage's first output) about 1.

    Args:
        network: gives `each_stage(*inputs)`.
        inputs: a batch, on the network's device.
        outputs_scale: standard deviation of what a stage's last layers give.
        seed: of the draw.
    """
    generator = torch.Generator().manual_seed(seed)
    done: set[nn.Module] = set()

    def scale(layer: nn.Module, _: Any, y: Tensor) -> Tensor:
        assert isinstance(layer, nn.Conv2d)
        if layer in done:
            return y
        done.add(layer)
        wanted = outputs_scale if layer in last else 1.0
        factor = wanted / y.std().clamp(min=1e-8)
        layer.weight.mul_(factor)
        y = y * factor
        if last.get(layer) == 0 and layer.bias is not None:
            layer.bias[-1] = 1
            y[:, -1] += 1
        return y

    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d) and m.weight.requires_grad]
    last = _last_layers(network, inputs)
    for layer in convolutions:
        drawn = torch.empty(layer.weight.shape)
        if layer.weight[0].numel() > 1:
            nn.init.orthogonal_(drawn.view(len(drawn), -1), generator=generator)
        else:
            drawn.uniform_(0.5, 1.5, generator=generator)
        layer.weight.copy_(drawn)
        if layer.bias is not None:
            layer.bias.zero_()
    hooks = [layer.register_forward_hook(scale) for layer in convolutions]
    try:
        network.each_stage(*inputs)  # type: ignore[operator]
    finally:
        for hook in hooks:
            hook.remove()


def _last_layers(network: nn.Module, inputs: tuple[Tensor, ...]) -> dict[nn.Module, int]:
    """Those whose outputs are outputs of stages, and the place of that output in its stage."""
    made: dict[int, tuple[nn.Module, Tensor]] = {}  # the tensors are kept, so that no two have one address
    hooks = [
        layer.register_forward_hook(lambda layer, _, y: made.update({y.data_ptr(): (layer, y)}))
        for layer in network.modules()
        if isinstance(layer, nn.Conv2d)
    ]
    try:
        stages = network.each_stage(*inputs)  # type: ignore[operator]
    finally:
        for hook in hooks:
            hook.remove()
    return {
        made[y.data_ptr()][0]: place
        for stage in stages
        for place, y in enumerate(stage)
        if y is not None and y.data_ptr() in made
    }
