"""Whether a file's network gives what this project's definition gives with the same weights: both run once.

A frozen TensorFlow graph is run by OpenCV, where its build has a reader for them, an ONNX file by onnxruntime. A state
dict and what is converted hold weights alone: there is no original to run.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pose.errors import ModelError
from pose.weights.entries import NetworkEntry

if TYPE_CHECKING:
    from torch import Tensor

_Compared = tuple[str, NDArray[np.float32], NDArray[np.float32]]
"""What runs the file, its outputs and ours, (channels, h, w) one behind the other."""

_WIDE = 96  # pixels of the image that both see; its height is 64


def check_parity(file: Path, entry: NetworkEntry) -> str:
    """One line: the largest difference of the outputs, of how large a value; or that it was not checked, and why."""
    size = (64, _WIDE) if entry.role == "body" else (entry.net_height, entry.net_height)
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    try:
        if file.suffix == ".pb":
            runtime, theirs, ours = _graphdef(file, entry, image)
        elif file.suffix == ".onnx":
            runtime, theirs, ours = _onnx(file, entry, image)
        else:
            raise _NotChecked("the file holds weights alone")
    except _NotChecked as reason:
        return f"parity was not checked: {reason}"
    if theirs.shape != ours.shape or not np.isfinite(theirs).all():
        raise ModelError(f"{file}: {runtime} gives {theirs.shape} numbers, {entry.name} as defined here {ours.shape}")
    difference = float(np.abs(theirs - ours).max())
    largest = float(np.abs(ours).max())
    return (
        f"{runtime} and {entry.name} as defined here differ by {difference:.1e} at most, of values up to {largest:.2g}"
    )


class _NotChecked(Exception):
    """Why."""


def _graphdef(file: Path, entry: NetworkEntry, image: NDArray[np.uint8]) -> _Compared:
    import cv2
    import torch

    from pose.weights.graphdef import mobilenet_thin_weights

    try:
        network = cv2.dnn.readNetFromTensorflow(str(file))
        network.setInput(cv2.dnn.blobFromImage(image))
        theirs = np.asarray(network.forward()[0], dtype=np.float32)
    except (AttributeError, cv2.error):
        raise _NotChecked(f"OpenCV {cv2.__version__} can't run it") from None
    state = {name: torch.from_numpy(value) for name, value in mobilenet_thin_weights(file).items()}
    return f"OpenCV {cv2.__version__}", theirs, _defined(entry, state, image)


def _onnx(file: Path, entry: NetworkEntry, image: NDArray[np.uint8]) -> _Compared:
    import onnx
    import onnxruntime
    import torch
    from onnx import numpy_helper

    from pose.weights.imported import mismatch, shapes_of

    held = {value.name: numpy_helper.to_array(value) for value in onnx.load(str(file)).graph.initializer}
    wanted = shapes_of(entry.build(empty=True)) if entry.definition is not None else {}
    state = {name: torch.from_numpy(held[name].astype(np.float32)) for name in wanted if name in held}
    if not wanted or mismatch({name: tuple(value.shape) for name, value in state.items()}, entry.build(empty=True)):
        raise _NotChecked(f"its weights do not stand under the names of {entry.name} as defined here")
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    found = session.run(list(entry.layout.outputs), {"image": image[None]})
    theirs = np.concatenate([np.asarray(value[0], dtype=np.float32) for value in found])
    return f"onnxruntime {onnxruntime.__version__}", theirs, _defined(entry, state, image)


def _defined(entry: NetworkEntry, state: dict[str, Tensor], image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(channels, h, w) all outputs of the definition with these weights, one behind the other."""
    import torch

    network = entry.build()
    network.load_state_dict(state)
    with torch.inference_mode():
        values = network.eval()(torch.from_numpy(image).permute(2, 0, 1)[None].float())
    return np.concatenate([value[0].numpy() for value in values])
