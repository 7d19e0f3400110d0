"""Weights out of a `.caffemodel` without Caffe.

A caffemodel is a NetParameter, a message of protocol buffers; of its fields this reader knows those on the way to a
weight, as in caffe/src/caffe/proto/caffe.proto. Its layers stand in `layer` (100), LayerParameter with .name (1) and
.blobs (7), or, in files of before 2015, in `layers` (2), V1LayerParameter with .name (4) and .blobs (6). A BlobProto
has .data (5) or .double_data (8), and .shape (7, with .dim) or .num, .channels, .height and .width (1 to 4).

The axes are torch's already, and our networks call their layers as Caffe's files do.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pose.errors import ModelError
from pose.weights.protobuf import fields, messages, text, varints

Blobs = list[NDArray[np.float32]]
Shapes = Mapping[str, tuple[int, ...]]

_FORMS = {100: (1, 7), 2: (4, 6)}  # field of the layers: fields of a layer's name and blobs
_KINDS = ("weight", "bias")  # of a layer's blobs, in their order


def read_layers(path: Path) -> dict[str, Blobs]:
    """Name -> blobs of every layer that has some, in the file's order. The file is mapped, so each number is held once.

    Raises:
        ModelError: not a caffemodel, or a damaged one.
    """
    try:
        with path.open("rb") as file:
            return dict(_layers(memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))))
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); expected a .caffemodel") from error
    except ValueError as error:  # an empty file can't be mapped
        raise ModelError(f"{path}: expected a .caffemodel; it is damaged or of another kind ({error})") from error


def state_dict(layers: Mapping[str, Blobs], shapes: Shapes) -> dict[str, NDArray[np.float32]]:
    """The layers' blobs under a network's names.

    Args:
        layers: as `read_layers` gives them; those that the network lacks are left out, as Caffe does.
        shapes: name -> shape of the network's state dict.

    Raises:
        ValueError: a layer is missing, or has another shape or what is no number; the message tells the first.
    """
    weights = {}
    for name, expected in shapes.items():
        layer, kind = layer_of(name)
        blobs = layers.get(layer)
        if blobs is None:
            raise ValueError(f"layer {layer}: expected a {kind} of shape {expected}, found no such layer")
        index = _KINDS.index(kind)
        if index >= len(blobs):
            raise ValueError(f"layer {layer}: expected a {kind} of shape {expected}, found none")
        value = trimmed(blobs[index], len(expected))
        if value.shape != expected:
            raise ValueError(f"layer {layer}: expected a {kind} of shape {expected}, found {value.shape}")
        if not np.isfinite(value).all():
            raise ValueError(f"layer {layer}: its {kind} holds NaN or infinity; the file is damaged")
        weights[name] = value
    return weights


def layer_of(name: str) -> tuple[str, str]:
    """Caffe's layer, and whether its `weight` or `bias`, of an entry of a state dict."""
    *_, layer, kind = name.split(".")
    return layer, kind


def trimmed(blob: NDArray[np.float32], ndim: int) -> NDArray[np.float32]:
    """A blob without the leading axes of 1 that old files, which know four axes only, have too many."""
    while blob.ndim > ndim and blob.shape[0] == 1:
        blob = blob[0]
    return blob


def _layers(data: memoryview) -> Iterator[tuple[str, Blobs]]:
    for number, layer in fields(data):
        if number in _FORMS and isinstance(layer, memoryview):
            name_field, blobs_field = _FORMS[number]
            name = text(layer, name_field)
            blobs = [_blob(name, blob) for blob in messages(layer, blobs_field)]
            if blobs:
                yield name, blobs


def _blob(layer: str, blob: memoryview) -> NDArray[np.float32]:
    values = [_numbers(blob, field, kind) for field, kind in ((5, "<f4"), (8, "<f8"))]
    data = values[0] if len(values[0]) else values[1].astype(np.float32)
    shape = _shape(blob)
    if math.prod(shape) != len(data):
        raise ValueError(f"layer {layer} has {len(data)} numbers for the shape {shape}")
    return data.reshape(shape)


def _numbers(blob: memoryview, field: int, kind: str) -> NDArray[np.floating]:
    """All in one piece, as writers have it, or one by one."""
    pieces = messages(blob, field)
    content: memoryview | bytearray = next(pieces, memoryview(b""))
    for piece in pieces:
        content = content if isinstance(content, bytearray) else bytearray(content)
        content += piece
    return np.frombuffer(content, kind).copy()


def _shape(blob: memoryview) -> tuple[int, ...]:
    stated = next(messages(blob, 7), None)
    if stated is None:
        found = dict(fields(blob))
        sizes = [found.get(number, 0) for number in (1, 2, 3, 4)]
        return tuple(size for size in sizes if isinstance(size, int))
    shape: list[int] = []
    for number, value in fields(stated):
        if number == 1:
            shape += [value] if isinstance(value, int) else varints(value)
    return tuple(shape)
