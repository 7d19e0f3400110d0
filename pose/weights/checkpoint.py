"""Weights out of a PyTorch checkpoint, its batch normalisation folded into the convolutions.

Only tensors and plain containers are read (`weights_only`): a pickle can hold any code, and none of it is run.
"""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import torch
from torch import Tensor, nn

from pose.errors import ModelError

_EPSILON = 1e-5  # torch's batch normalisation, and that of the checkpoints known


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """Name -> tensor of a checkpoint: its `state_dict` where it has one (what else it holds, such as an optimiser's
    state, is left alone), without the `module.` that training on several GPUs puts before each name.

    Raises:
        ModelError: no checkpoint of tensors, or a damaged one.
    """
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a pickle's version, before it is refused or read
            content = _load(path, file)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); expected a PyTorch checkpoint") from error
    state = content.get("state_dict", content) if isinstance(content, Mapping) else None
    if not isinstance(state, Mapping):
        raise ModelError(
            f"{path}: expected a PyTorch checkpoint with names and tensors, found a {type(content).__name__}"
        )
    return {str(name).removeprefix("module."): value for name, value in state.items() if _has_shape(value)}


def _has_shape(value: object) -> bool:
    return isinstance(value, Tensor) and not value.is_nested


def _load(path: Path, file: IO[bytes]) -> object:
    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(
            f"{path}: expected a PyTorch checkpoint of tensors; it is damaged, or holds more than tensors, which is "
            "not loaded because it could run any code"
        ) from error
    except Exception as error:  # an old file is unpacked unchecked: whatever a damaged one leads to
        reason = " ".join(str(error).split())[:120]
        raise ModelError(
            f"{path}: expected a PyTorch checkpoint; it is damaged or of another kind ({reason})"
        ) from error


def folded(state: Mapping[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """A network's state dict out of one that still has batch normalisation.

    Args:
        state: as `read_checkpoint` gives it; what the network lacks is left out.
        network: its convolutions that were normalised are each followed by an `nn.Identity` in the normalisation's
            place; values don't matter.

    Raises:
        ValueError: a weight is missing, of another shape or form, or holds what is no number; the first is named.
    """
    modules = dict(network.named_modules())
    weights: dict[str, Tensor] = {}
    for name, layer in modules.items():
        if not isinstance(layer, nn.Conv2d):
            continue
        parent, _, index = name.rpartition(".")
        behind = f"{parent}.{int(index) + 1}" if index.isdigit() else ""
        n_out = layer.out_channels
        weight = _tensor(state, f"{name}.weight", tuple(layer.weight.shape))
        if isinstance(modules.get(behind), nn.Identity):
            kinds = ("weight", "bias", "running_mean", "running_var")
            scale, shift, mean, variance = (_tensor(state, f"{behind}.{kind}", (n_out,)) for kind in kinds)
            scale = scale / torch.sqrt(variance + _EPSILON)
            bias = _tensor(state, f"{name}.bias", (n_out,)) if f"{name}.bias" in state else torch.zeros(n_out)
            weights[f"{name}.weight"] = weight * scale[:, None, None, None]
            weights[f"{name}.bias"] = (bias - mean) * scale + shift
        else:
            weights[f"{name}.weight"] = weight
            if layer.bias is not None:
                weights[f"{name}.bias"] = _tensor(state, f"{name}.bias", (n_out,))
    return {name: value.float() for name, value in weights.items()}


def _tensor(state: Mapping[str, Tensor], name: str, expected: tuple[int, ...]) -> Tensor:
    value = state.get(name)
    if value is None:
        raise ValueError(f"{name}: expected a tensor of shape {expected}, found none of that name")
    if tuple(value.shape) != expected:
        raise ValueError(f"{name}: expected a tensor of shape {expected}, found {tuple(value.shape)}")
    if value.layout != torch.strided or value.is_meta or not value.is_floating_point():
        raise ValueError(f"{name}: expected a dense tensor of floating point numbers, found another kind")
    value = value.detach().double()
    if not torch.isfinite(value).all():
        raise ValueError(f"{name}: holds NaN or infinity; the file is damaged")
    return value
