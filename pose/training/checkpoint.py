"""All that a training needs to go on exactly where it was: one file, without pickle, whole or not there.

Tensors are those of network, average and optimiser; numbers and settings are JSON in the file's header.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from pose.errors import TrainingError
from pose.training.files import replacing

_STATE = "state"


def save(
    path: Path,
    network: nn.Module,
    average: Mapping[str, Tensor],
    optimiser: torch.optim.Optimizer,
    state: Mapping[str, Any],
) -> None:
    """Writes a checkpoint in place of the one before.

    Args:
        path: `.safetensors`.
        network: being trained.
        average: moving average of its weights, by their names.
        optimiser: of the network's trained weights.
        state: anything of JSON.

    Raises:
        TrainingError: it could not be written; the one before is still there.
    """
    tensors = {f"network/{name}": value for name, value in network.state_dict().items()}
    tensors |= {f"average/{name}": value for name, value in average.items()}
    for number, entry in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser/{number}/{k}": v for k, v in entry.items() if isinstance(v, Tensor)}
    tensors = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    with replacing(path) as part:
        save_file(tensors, part, {_STATE: json.dumps(dict(state))})
        with part.open("rb") as file:
            os.fsync(file.fileno())


def read_state(path: Path) -> dict[str, Any]:
    """What was given as `state`. Raises `TrainingError` for a damaged file."""
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            found: dict[str, Any] = json.loads(file.metadata()[_STATE])
            return found
    except (safetensors.SafetensorError, OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise _damaged(path, error) from None


def restore(path: Path, network: nn.Module, average: Mapping[str, Tensor], optimiser: torch.optim.Optimizer) -> None:
    """Brings network, average and optimiser to where they were. Raises `TrainingError` for a damaged file."""
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 # no mapping
        with torch.no_grad():
            for name, value in network.state_dict().items():
                value.copy_(tensors[f"network/{name}"])
            for name, value in average.items():
                value.copy_(tensors[f"average/{name}"])
        weights = [value for group in optimiser.param_groups for value in group["params"]]
        kept: dict[int, dict[str, Tensor]] = {}
        for name, value in tensors.items():
            kind, _, rest = name.partition("/")
            if kind == "optimiser":
                number, _, key = rest.partition("/")
                like = weights[int(number)]  # in its order of axes in memory, so that sums are done in the same order
                same = value.shape == like.shape and value.dim() > 0
                kept.setdefault(int(number), {})[key] = torch.empty_like(like).copy_(value) if same else value
        optimiser.load_state_dict({"state": kept, "param_groups": optimiser.state_dict()["param_groups"]})
    except (safetensors.SafetensorError, OSError, ValueError, KeyError, IndexError, RuntimeError) as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> TrainingError:
    detail = " ".join(str(error).split())[:120]
    return TrainingError(f"{path}: no checkpoint of this training ({detail}); begin anew with --restart")
