"""Runs a network as a torch module: on the CPU (bfloat16 is its strength there), or on an NVIDIA GPU."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pose.backends.base import Device, ModelInfo, Precision, Sharing, check_batch, no_device, to_maps
from pose.maps import AnyMaps, Layout

_ALL_CORES = Sharing()
_DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


class TorchBackend:
    """A torch module, channels last.

    Args:
        network: (B, 3, H, W) BGR 0..255 -> the layout's outputs, in its order.
        layout: meaning of its channels.
        model: which network it is.
        device: `cpu` or `cuda`.
        precision: of weights and arithmetic. At bfloat16 what the network names in `delicate_layers`, if it does, stays
            float32.
        sharing: of the CPU's cores. Sets torch's number of threads, of which there is one per process.

    Raises:
        DeviceError: the device is not there, or torch is not built for it.
    """

    def __init__(
        self,
        network: nn.Module,
        layout: Layout,
        model: ModelInfo,
        device: Device,
        precision: Precision = "float32",
        sharing: Sharing = _ALL_CORES,
    ) -> None:
        self.layout = layout
        self.model = model
        self.precision = precision
        self.runtime = f"torch {torch.__version__}"
        if device.kind == "cuda" and device.index >= torch.cuda.device_count():
            have = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
            raise no_device(device, "torch finds no such NVIDIA GPU, or is built without CUDA", have)
        if device.kind not in ("cpu", "cuda"):
            raise no_device(device, "torch runs on cpu and cuda only", ["cpu"])
        self.in_flight, threads_each = sharing.resolve() if device.kind == "cpu" else (2, 1)
        if device.kind == "cpu":
            torch.set_num_threads(threads_each)
        self._dtype = _DTYPES[precision]
        self._device = torch.device(str(device))
        self._network = network.eval().to(self._device)
        delicate: list[nn.Module] = getattr(network, "delicate_layers", list)() if precision == "bfloat16" else []
        spared = {layer for block in delicate for layer in block.modules()}
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d | nn.PReLU):
                layer.to(torch.float32 if layer in spared else self._dtype)
                if spared:
                    layer.register_forward_pre_hook(_as_its_weights)
        self._network.to(memory_format=torch.channels_last)  # type: ignore[call-overload] # torch's stubs lack it

    @property
    def device(self) -> str:
        return str(next(self._network.parameters()).device)

    @torch.inference_mode()
    def infer(self, batch: NDArray[np.uint8]) -> list[AnyMaps]:
        """See `pose.backends.base.Backend`."""
        check_batch(batch, self.layout)
        pixels = torch.from_numpy(batch).to(self._device).permute(0, 3, 1, 2).to(self._dtype)
        values = [_array(value) for value in self._network(pixels)]
        return to_maps(dict(zip(self.layout.outputs, values, strict=True)), self.layout, self.model)


def _as_its_weights(layer: nn.Conv2d | nn.PReLU, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(x.to(layer.weight.dtype) for x in inputs)


def _array(maps: Tensor) -> NDArray[np.float32]:
    """Planes one after another in float32, wherever and however they were."""
    return np.asarray(maps.float().cpu().contiguous().numpy(), dtype=np.float32)
