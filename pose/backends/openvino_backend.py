"""Runs an ONNX file through OpenVINO, an optional extra: the fastest way to bfloat16 on CPUs that compute in it."""

from __future__ import annotations

import threading
from importlib import import_module
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pose.backends.base import ModelInfo, Precision, Sharing, check_batch, to_maps
from pose.maps import AnyMaps, Layout

_ALL_CORES = Sharing()
_HINTS: dict[Precision, str] = {"float32": "f32", "float16": "f16", "bfloat16": "bf16"}


class OpenvinoBackend:
    """A network of the form that `pose.weights.export` writes, in OpenVINO on the CPU.

    Args:
        file: the network, in float32.
        layout: meaning of its channels.
        model: which network it is.
        precision: asked for; `precision` then says what OpenVINO really uses on this processor.
        sharing: of the CPU's cores.
    """

    device = "cpu"

    def __init__(
        self, file: Path, layout: Layout, model: ModelInfo, precision: Precision, sharing: Sharing = _ALL_CORES
    ) -> None:
        openvino = import_module("openvino")
        self.layout = layout
        self.model = model
        self.runtime = f"openvino {openvino.__version__.partition('-')[0]}"
        self.in_flight, threads_each = sharing.resolve()
        settings = {
            "INFERENCE_PRECISION_HINT": _HINTS[precision],
            "NUM_STREAMS": self.in_flight,
            "INFERENCE_NUM_THREADS": self.in_flight * threads_each,
        }
        self._network = openvino.Core().compile_model(str(file), "CPU", settings)
        used = self._network.get_property("INFERENCE_PRECISION_HINT").get_type_name()
        self.precision: Precision = next(name for name, hint in _HINTS.items() if hint == used)
        # Its binding looks for numpy's on first use; two threads that do so at once wait for each other for good.
        _ = openvino.Tensor(np.zeros(1, dtype=np.float32)).data
        self._requests = threading.local()

    def infer(self, batch: NDArray[np.uint8]) -> list[AnyMaps]:
        """See `pose.backends.base.Backend`."""
        check_batch(batch, self.layout)
        if not hasattr(self._requests, "mine"):  # a request serves one thread at a time
            self._requests.mine = self._network.create_infer_request()
        found = self._requests.mine.infer({"image": np.ascontiguousarray(batch)})
        outputs = {name: np.array(found[name], dtype=np.float32) for name in self.layout.outputs}
        return to_maps(outputs, self.layout, self.model)
