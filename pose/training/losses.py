"""What training makes small: the squared error of every stage, where the truth is known.

Cao et al., https://arxiv.org/abs/1812.08008, equation 5; intermediate supervision after Wei et al., Convolutional Pose
Machines, https://arxiv.org/abs/1602.00134, equations 4 (a stage) and 5 (their sum).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

Targets = Mapping[str, Tensor]

FIRST = "first/"
"""Before the name of an output: what the first stage should give, where that is another thing than later on."""


def stage_losses(
    stages: Sequence[tuple[Tensor | None, ...]], outputs: Sequence[str], targets: Targets, masks: Targets
) -> Tensor:
    """(n_stages,) squared error of what each stage computes: summed over channels, the mean over cells and images.

    Args:
        stages: outputs of every stage, (B, channels, h, w) each, in the order of `outputs`; None where a stage leaves
            one as it was.
        outputs: their names.
        targets: (B, channels, h, w) by name; the first stage's by `FIRST` and the name, where there are such.
        masks: the same, 1 where the target is known and 0 where not.
    """
    losses = []
    for number, stage in enumerate(stages):
        names = [FIRST + name if number == 0 and FIRST + name in targets else name for name in outputs]
        parts = [
            ((value.float() - targets[name]).square() * masks[name]).sum(dim=1).mean()
            for name, value in zip(names, stage, strict=True)
            if value is not None
        ]
        losses.append(torch.stack(parts).sum())
    return torch.stack(losses)


def total_loss(stages: Tensor, intermediate: bool = True) -> Tensor:
    """Of the losses of the stages all, or without intermediate supervision the last."""
    return stages.sum() if intermediate else stages[-1]
