"""Runs an ONNX file through onnxruntime: on the CPU, or on an NVIDIA GPU through CUDA or TensorRT."""

from __future__ import annotations

import contextlib
import ctypes
import io
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as ort_state

from pose.backends.base import Device, ModelInfo, Precision, Sharing, check_batch, no_device, to_maps
from pose.errors import ModelError
from pose.maps import AnyMaps, Layout

_PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}
_UNREADABLE = (
    ort_state.Fail,
    ort_state.InvalidArgument,
    ort_state.InvalidGraph,
    ort_state.InvalidProtobuf,
    ort_state.NoModel,
    ort_state.NoSuchFile,
    ort_state.NotImplemented,
    ort_state.RuntimeException,
)
_ALL_CORES = Sharing()
_ERRORS_ONLY, _NOTHING = 3, 4  # onnxruntime's log levels


class OnnxBackend:
    """A network of the form that `pose.weights.export` writes, in onnxruntime.

    Args:
        file: the network; `image` (B, H, W, 3) uint8 -> the layout's outputs, all sizes but channels free.
        layout: meaning of its channels.
        model: which network it is.
        device: where to run it; not `auto`.
        sharing: of the CPU's cores; without meaning on GPUs.

    Raises:
        ModelError: not an ONNX file, or not with those inputs and outputs.
        DeviceError: the device, or what onnxruntime needs to use it, is not there.
    """

    def __init__(
        self, file: Path, layout: Layout, model: ModelInfo, device: Device, sharing: Sharing = _ALL_CORES
    ) -> None:
        self.layout = layout
        self.model = model
        self.runtime = f"onnxruntime {onnxruntime.__version__}"
        self.in_flight, threads_each = sharing.resolve() if device.kind == "cpu" else (2, 1)
        self._index = device.index
        self._names = list(layout.outputs)
        self._session = _open(file, device, threads_each)
        self._on_gpu = device.kind != "cpu"
        self.precision = _check(self._session, file, layout)

    @property
    def device(self) -> str:
        used = self._session.get_providers()[0]
        kind = next(kind for kind, provider in _PROVIDERS.items() if provider == used)
        return kind if kind == "cpu" else f"{kind}:{self._index}"

    def infer(self, batch: NDArray[np.uint8]) -> list[AnyMaps]:
        """See `pose.backends.base.Backend`."""
        check_batch(batch, self.layout)
        try:
            if self._on_gpu:
                values = self._infer_on_gpu(np.ascontiguousarray(batch))
            else:
                values = self._session.run(self._names, {"image": batch})
        except _UNREADABLE as error:
            raise ModelError(f"{self.model.name}: fails on a frame ({str(error).splitlines()[0]})") from error
        return to_maps(dict(zip(self._names, values, strict=True)), self.layout, self.model)

    def _infer_on_gpu(self, batch: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """Bytes up once, all outputs down once; a binding of its own per call, for the threads' sake."""
        binding = self._session.io_binding()
        binding.bind_ortvalue_input("image", onnxruntime.OrtValue.ortvalue_from_numpy(batch, "cuda", self._index))
        for name in self._names:
            binding.bind_output(name, "cuda", self._index)
        self._session.run_with_iobinding(binding)
        return list(binding.copy_outputs_to_cpu())


def gpu_count() -> int:
    """NVIDIA GPUs that the installed driver reports; 0 without a driver."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return 0
    return count.value


def usable_devices() -> list[str]:
    """Devices that a session may be asked to run on here: `cpu`, then each GPU if onnxruntime is built for it."""
    if _PROVIDERS["cuda"] not in onnxruntime.get_available_providers():
        return ["cpu"]
    return ["cpu", *(f"cuda:{i}" for i in range(gpu_count()))]


def read_header(file: Path) -> tuple[dict[str, int | None], dict[str, str]]:
    """Names and channels of the outputs of a network, and the file's properties.

    Raises `ModelError` when onnxruntime cannot load it.
    """
    session = _open(file, Device("cpu"), 1)
    return _channels(session), dict(session.get_modelmeta().custom_metadata_map)


def _open(file: Path, device: Device, threads: int) -> onnxruntime.InferenceSession:
    provider = _PROVIDERS[device.kind]
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # others need the cores, too
    if device.kind == "cpu":
        return _session(file, options, [(provider, {})])

    have = usable_devices()
    if provider not in onnxruntime.get_available_providers():
        raise no_device(device, "this onnxruntime is built without it; install onnxruntime-gpu", have)
    if device.index >= gpu_count():
        raise no_device(device, "there is no such NVIDIA GPU", have)
    providers: list[tuple[str, dict[str, object]]] = [(_PROVIDERS["cuda"], {"device_id": device.index})]
    if device.kind == "tensorrt":
        cache = {"trt_engine_cache_enable": True, "trt_engine_cache_path": str(file.parent / "tensorrt")}
        providers.insert(0, (provider, {"device_id": device.index, "trt_fp16_enable": True, **cache}))
    with contextlib.redirect_stdout(io.StringIO()):  # it prints what it does not find
        onnxruntime.preload_dlls()
    options.log_severity_level = _NOTHING
    onnxruntime.set_default_logger_severity(_NOTHING)  # a missing library is told once, by the error below
    try:
        session = _session(file, options, [*providers, (_PROVIDERS["cpu"], {})])
    finally:
        onnxruntime.set_default_logger_severity(_ERRORS_ONLY)
    if session.get_providers()[0] != provider:
        raise no_device(
            device,
            f"the GPU is there, but onnxruntime could not load {device.kind}; it needs CUDA {onnxruntime.cuda_version} "
            "and cuDNN 9" + (" and TensorRT" if device.kind == "tensorrt" else ""),
            have,
        )
    return session


def _session(
    file: Path, options: onnxruntime.SessionOptions, providers: list[tuple[str, dict[str, object]]]
) -> onnxruntime.InferenceSession:
    try:
        session = onnxruntime.InferenceSession(str(file), options, providers=providers, enable_fallback=0)
        _channels(session), session.get_modelmeta().custom_metadata_map  # names that are no text fail here
        return session
    except (*_UNREADABLE, UnicodeDecodeError) as error:
        detail = (str(error).splitlines() or ["damaged"])[0]
        raise ModelError(f"{file}: onnxruntime cannot load it as a network ({detail})") from error


def _check(session: onnxruntime.InferenceSession, file: Path, layout: Layout) -> Precision:
    """`ModelError` unless inputs and outputs are ours; the precision that the file's properties state."""
    inputs = {value.name: (value.type, value.shape[-1]) for value in session.get_inputs()}
    outputs = _channels(session)
    if inputs != {"image": ("tensor(uint8)", 3)} or outputs != layout.outputs:
        wanted = " and ".join(f"{name} with {channels}" for name, channels in layout.outputs.items())
        raise ModelError(
            f"{file}: expected a network with input image (B, H, W, 3) uint8 and outputs {wanted} "
            f"channels, got inputs {inputs} and outputs {outputs}"
        )
    stated = session.get_modelmeta().custom_metadata_map.get("precision", "float32")
    return "float16" if stated == "float16" else "float32"


def _channels(session: onnxruntime.InferenceSession) -> dict[str, int | None]:
    return {value.name: value.shape[1] if len(value.shape) == 4 else None for value in session.get_outputs()}
