"""Weights out of a TensorFlow.js graph model: `model.json` and its binary shards.

The shards are one after another the bytes of all weights in the manifest's order. A weight stored as float16 is given
as float16; one stored as whole numbers of 8 or 16 bits is `scale * n + min`
(https://github.com/tensorflow/tfjs, tfjs-core/src/io/types.ts).
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pose.errors import ModelError
from pose.networks.movenet import MULTIPOSE, THUNDER, Movenet, MovenetConfig

Weights = dict[str, NDArray[Any]]
_DTYPES = {"float32": "<f4", "int32": "<i4", "bool": "|b1", "float16": "<f2", "uint8": "|u1", "uint16": "<u2"}


def read_weights(path: Path) -> Weights:
    """Name -> value of every weight of a model, in TensorFlow's axis orders.

    Args:
        path: of `model.json`; its shards lie beside it.

    Raises:
        ModelError: not such a model, a shard that is missing or of another length, or a weight of a kind not known.
    """
    manifest = _manifest(path)
    weights: Weights = {}
    for group in manifest:
        data = b"".join(_shard(path.parent / Path(name).name, path) for name in group["paths"])
        position = 0
        for entry in group["weights"]:
            stored = entry.get("quantization", {})
            kind = stored.get("dtype", entry["dtype"])
            if kind not in _DTYPES:
                raise ModelError(f"{path}: {entry['name']} is stored as {kind}; expected {', '.join(_DTYPES)}")
            dtype = np.dtype(_DTYPES[kind])
            count = math.prod(entry["shape"])
            if count < 0 or position + count * dtype.itemsize > len(data):
                raise ModelError(f"{path}: its shards end inside {entry['name']}; expected more bytes than {len(data)}")
            value = np.frombuffer(data, dtype, count, position).reshape(entry["shape"])
            position += count * dtype.itemsize
            if "scale" in stored:
                value = (value.astype(np.float64) * stored["scale"] + stored["min"]).astype(np.float32)
            weights[entry["name"]] = value
        if position != len(data):
            raise ModelError(f"{path}: its shards have {len(data)} bytes, its manifest speaks of {position}")
    return weights


def movenet_weights(path: Path) -> tuple[MovenetConfig, Weights]:
    """Which MoveNet it is, and the state dict of `pose.networks.movenet.Movenet`, as precise as the file has it.

    Raises:
        ModelError: not one of them; the message names the first weight that is missing or has another shape.
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
        if name == "stem.0.weight":
            value = value[:, ::-1]  # RGB -> BGR
        if value.shape != tuple(expected.shape):
            raise ModelError(
                f"{path}: expected MoveNet MultiPose or Thunder, but {source} gives a weight of shape {value.shape} "
                f"where it has {tuple(expected.shape)}"
            )
        weights[name] = np.ascontiguousarray(value)
    return config, weights


def convert(path: Path, target: Path) -> None:
    """Writes a MoveNet as the state dict of `pose.networks.movenet.Movenet`, float16 as it came, with its origin.

    The same model gives the same bytes. Raises `ModelError` as `movenet_weights` does.
    """
    from safetensors.numpy import save_file

    _, weights = movenet_weights(path)
    save_file(weights, target, metadata={"origin": f"{path.name}, TensorFlow.js"})


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


def _manifest(path: Path) -> list[dict[str, Any]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        manifest = content["weightsManifest"]
        for group in manifest:
            for entry in group["weights"]:
                assert isinstance(entry["name"], str)
                assert all(isinstance(size, int) and size >= 0 for size in entry["shape"])
                assert isinstance(entry["dtype"], str)
            assert all(isinstance(name, str) for name in group["paths"])
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); expected a TensorFlow.js model.json") from error
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        raise ModelError(f"{path}: expected a TensorFlow.js graph model with a weightsManifest ({error!r})") from error
    return list(manifest)


def _shard(file: Path, model: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ModelError(f"{model}: its shard {file.name} cannot be read ({error.strerror})") from error
