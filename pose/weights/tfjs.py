"""Weights out of a TensorFlow.js graph model: `model.json` and its binary shards.

The shards of a group hold one after another the bytes of its weights in the manifest's order. A weight stored as
float16 is given as float16; one stored as whole numbers of 8 or 16 bits is `scale * n + min`
(https://github.com/tensorflow/tfjs, tfjs-core/src/io/types.ts).
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pose.errors import ModelError
from pose.networks.movenet import MULTIPOSE, THUNDER, Movenet, MovenetConfig

Weights = dict[str, NDArray[Any]]
_AFFINE = {"uint8": "|u1", "uint16": "<u2"}
_DTYPES = {"float32": "<f4", "int32": "<i4", "bool": "|b1", "float16": "<f2", **_AFFINE}
_MOST_AXES = 8
_FLOAT32_MAX = float(np.finfo(np.float32).max)


def read_weights(path: Path) -> Weights:
    """Name -> value of every weight of a model, in TensorFlow's axis orders.

    Args:
        path: of `model.json`; its shards lie beside it.

    Raises:
        ModelError: not such a model, a shard that is missing or of another length, or a weight of a kind not known.
    """
    weights: Weights = {}
    for shards, entries in _groups(path):
        data = b"".join(_shard(path, name) for name in shards)
        position = 0
        for entry in entries:
            if entry.kind not in _DTYPES:
                raise ModelError(f"{path}: {entry.name} is stored as {entry.kind}; expected {', '.join(_DTYPES)}")
            size = math.prod(entry.shape) * np.dtype(_DTYPES[entry.kind]).itemsize
            if position + size > len(data):
                raise ModelError(
                    f"{path}: its shards end inside {entry.name}; expected {position + size} bytes or more, "
                    f"got {len(data)}"
                )
            weights[entry.name] = entry.value(data[position : position + size])
            position += size
        if position != len(data):
            raise ModelError(f"{path}: expected shards of {position} bytes, as its manifest says, got {len(data)}")
    return weights


def movenet_weights(path: Path) -> tuple[MovenetConfig, Weights]:
    """Which MoveNet it is, and the state dict of `pose.networks.movenet.Movenet`, as precise as the file has it.

    Raises:
        ModelError: not one of them; the message names the first weight that is missing, has another shape or holds what
            is no number.
    """
    known = {_short(name): value for name, value in read_weights(path).items()}
    config = MULTIPOSE if any(name.startswith("box_scale_0/") for name in known) else THUNDER
    weights: Weights = {}
    for name, expected in Movenet(config).state_dict().items():
        source = _source(name, known)
        value = known.get(source)
        if value is None:
            raise ModelError(f"{path}: expected MoveNet MultiPose or Thunder, but there is no weight {source}")
        if value.ndim == 4:  # (kernel, kernel, in, out), depthwise (kernel, kernel, channels, 1)
            value = value.transpose(2, 3, 0, 1) if expected.shape[1] == 1 else value.transpose(3, 2, 0, 1)
        if value.shape != tuple(expected.shape):
            raise ModelError(
                f"{path}: expected MoveNet MultiPose or Thunder, but {source} gives a weight of shape {value.shape} "
                f"where it has {tuple(expected.shape)}"
            )
        if not np.isfinite(value).all():
            raise ModelError(f"{path}: {source} holds NaN or infinity; its shards are damaged")
        if name == "stem.0.weight":
            value = value[:, ::-1]  # RGB -> BGR
        weights[name] = np.ascontiguousarray(value)
    return config, weights


def movenet_safetensors(path: Path) -> bytes:
    """A MoveNet as the content of a `.safetensors` file, float16 as it came; the same model gives the same bytes.

    Raises `ModelError` as `movenet_weights` does.
    """
    from safetensors.numpy import save

    content: bytes = save(movenet_weights(path)[1], metadata={"origin": f"{path.name}, TensorFlow.js"})
    return content


_HEADS = {
    "centers": "center_0", "heatmaps": "kpt_heatmap_0", "regressions": "kpt_regress_0", "offsets": "kpt_offset_0",
    "box_scales": "box_scale_0", "box_offsets": "box_offset_0",
}  # fmt: skip


def _short(name: str) -> str:
    """A weight's name without the scopes that all have in common."""
    for scope in ("StatefulPartitionedCall/", "center_net_mobile_net_v2fpn_feature_extractor/", "model_1/", "model/"):
        name = name.removeprefix(scope)
    return name


def _source(name: str, known: Weights) -> str:
    """The model's name of one entry of the state dict, without scopes; heads number their layers as they please."""
    kind = name.rpartition(".")[2]
    folded = "Conv2D_weights" if kind == "weight" else "Conv2D_bn_offset"
    match name.split("."):
        case ["stem", *_]:
            return f"Conv1/{folded}"
        case ["last", *_]:
            return f"Conv_1/{folded}"
        case ["backbone", block, layer, *_]:
            scope = "expanded_conv" if block == "0" else f"block_{block}"
            if layer == "depthwise":
                folded = "depthwise_weights" if kind == "weight" else "depthwise_bn_offset"
            return f"{scope}_{layer}/{folded}"
        case ["laterals", level, _]:
            scope = "conv2d" if level == "0" else f"conv2d_{level}"
            return f"{scope}/Conv2D/ReadVariableOp" if kind == "weight" else f"{scope}/BiasAdd/ReadVariableOp"
        case ["smooths", level, layer, _]:
            scope = "separable_conv2d" if level == "0" else f"separable_conv2d_{level}"
            ending = {("0", "weight"): "/ReadVariableOp", ("1", "weight"): "_weights", ("1", "bias"): "_bn_offset"}
            return f"{scope}/separable_conv2d{ending[layer, kind]}"
        case ["heads", head, layer, _]:
            scope = _HEADS[head]
            last = {
                ("0", "weight"): "separable_conv2d/ReadVariableOp",
                ("1", "weight"): "separable_conv2d/ReadVariableOp_1",
                ("1", "bias"): "BiasAdd/ReadVariableOp",
                ("3", "weight"): "Conv2D/ReadVariableOp",
                ("3", "bias"): "BiasAdd/ReadVariableOp",
            }[layer, kind]
            stem = "conv2d" if layer == "3" else "separable_conv2d"
            found = [n for n in known if n.startswith(f"{scope}/{stem}") and n.endswith(f"/{last}")]
            return found[0] if len(found) == 1 else f"{scope}/{stem}*/{last}"
        case _:
            raise AssertionError(name)


@dataclass(frozen=True)
class _Entry:
    """One weight of the manifest; `kind` is what its bytes are, `original` what they stand for."""

    name: str
    shape: tuple[int, ...]
    original: str
    kind: str
    scale: float = 1.0
    minimum: float = 0.0

    @classmethod
    def read(cls, content: dict[str, Any]) -> _Entry:
        name, shape, original = content["name"], tuple(content["shape"]), content["dtype"]
        stored = content.get("quantization", {})
        kind = stored.get("dtype", original)
        affine = (stored["scale"], stored["min"]) if kind in _AFFINE else (1.0, 0.0)
        if not all(isinstance(text, str) for text in (name, original, kind)):
            raise TypeError("a name or dtype is no text")
        if len(shape) > _MOST_AXES or not all(type(size) is int and 0 <= size < 2**31 for size in shape):
            raise ValueError(f"{name} has the shape {shape}")
        if not all(isinstance(number, int | float) and abs(number) < _FLOAT32_MAX for number in affine):
            raise ValueError(f"{name} has the scale and minimum {affine}")
        return cls(name, shape, original, kind, *affine)

    def value(self, data: bytes) -> NDArray[Any]:
        stored = np.frombuffer(data, _DTYPES[self.kind]).reshape(self.shape)
        if self.kind not in _AFFINE:
            return stored
        numbers = stored * np.float64(self.scale) + self.minimum
        if self.original == "int32":
            return np.floor(numbers + 0.5).astype(np.int32)
        with np.errstate(over="ignore"):
            return numbers.astype(np.float32)


def _groups(path: Path) -> list[tuple[list[str], list[_Entry]]]:
    """Names of the shards and weights of each group of the manifest."""
    try:
        groups = json.loads(path.read_text(encoding="utf-8"))["weightsManifest"]
        return [([str(name) for name in group["paths"]], [*map(_Entry.read, group["weights"])]) for group in groups]
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); expected a TensorFlow.js model.json") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = " ".join(repr(error).split())[:200]
        raise ModelError(f"{path}: expected a TensorFlow.js graph model with a weightsManifest ({reason})") from error


def _shard(model: Path, name: str) -> bytes:
    """The content of a shard, which lies beside the model whatever folder its name tells of."""
    try:
        return (model.parent / Path(name).name).read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise ModelError(f"{model}: its shard {name!r} cannot be read ({error})") from error
