"""Pose networks by name: how to run one of the list (`pose.weights.entries`), an imported one, or a file of that kind.

A network runs from an ONNX file made once from the original weights and kept in the cache under a name that says what
it was made of: digits of the weights' sha256 (the folder), of the code that made it, and of its own content, which is
checked on use.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pose.backends.base import Backend, Device, ModelInfo, Precision, Sharing
from pose.errors import AssetError, DeviceError, ModelError
from pose.maps import Layout
from pose.weights import assets
from pose.weights.assets import Progress
from pose.weights.entries import IMPORTABLE, MOBILENET_THIN, MULTIPOSE, NETWORKS, STRUCTURES, NetworkEntry, Role
from pose.weights.imported import (
    CARD,
    FOLDER_WEIGHTS,
    FOREIGN_FILES,
    TFLITE,
    best_match,
    imported_folder,
    mismatch,
    not_of_ours,
    read_folder,
)

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = [
    "CARD", "FOLDER_WEIGHTS", "MULTIPOSE", "NETWORKS", "NETWORK_FILES", "STRUCTURES", "NetworkEntry", "Role", "define",
    "entry_of", "identify", "load_backend", "state_of",
]  # fmt: skip

NETWORK_FILES = (".pb", ".onnx", ".safetensors")
"""Suffixes of files that hold a network: TensorFlow's frozen graph, ONNX, a state dict."""

_MADE_BY = ("weights/export.py", "weights/graphdef.py", "weights/tflite.py", "networks/*.py")


def load_backend(
    model: str = MOBILENET_THIN.name,
    *,
    role: Role | None = "body",
    device: str = "auto",
    threads: int | None = None,
    in_flight: int | None = None,
    precision: Precision | None = None,
    light: bool = False,
    progress: Progress | None = None,
) -> Backend:
    """A network ready to run.

    Args:
        model: a name of `NETWORKS` or of an imported network, or a file: the frozen graph (`.pb`) or state dict
            (`.safetensors`) of such a network, an ONNX file as `pose.weights.export` writes it, or the folder that
            `train-pose` wrote.
        role: what it must be good for; None for any.
        device: `auto` (the first GPU that works, else the CPU), `cpu`, `cuda`, `cuda:N` or `tensorrt`.
        threads, in_flight: how frames share a CPU, see `pose.backends.base.Sharing`.
        precision: None for float32 on CPUs and float16 on GPUs. bfloat16 moves joints by some tenths of a pixel; it is
            up to twice as fast as float32 on CPUs that compute in it at full rate (AMD from Zen 4, Intel with AMX) and
            slower on others, so measure it (`benchmarks/network.py`). It runs in OpenVINO if that is installed, else in
            torch.
        light: mobilenet_thin without half of its refinements: the fields are refined once, the heatmaps twice, instead
            of five times. Without meaning for the others.
        progress: told about a download.

    Raises:
        ModelError: an unknown name, a file that is no such network, a network of the other role, or an ONNX file that
            should run otherwise than it was written.
        DeviceError: the device is not there.
        AssetError: the weights can't be fetched, or the cache can't be written.
    """
    asked = Device.parse(device)
    sharing = Sharing(threads, in_flight)
    weights = _Weights.find(model, progress)
    if role is not None and role not in weights.entry.serves_as:
        raise ModelError(_other_role(model, weights.entry.role, role))
    if asked.kind != "auto":
        return _load(weights, asked, sharing, precision, light)

    from pose.backends.onnx_backend import usable_devices

    unusable = None
    if len(usable_devices()) > 1:
        try:
            return _load(weights, Device("cuda"), sharing, precision, light)
        except DeviceError as error:
            unusable = error
    if unusable is not None:
        import logging

        logging.getLogger(__name__).warning("running on the CPU: %s", unusable)
    return _load(weights, Device("cpu"), sharing, precision, light)


def identify(model: str = MOBILENET_THIN.name, progress: Progress | None = None) -> ModelInfo:
    """Which weights `load_backend` would run, without loading them; fetches them when they are not cached.

    Raises `ModelError` or `AssetError`.
    """
    return _Weights.find(model, progress).info


def define(name: str) -> nn.Module:
    """The network of that name of `STRUCTURES`, its weights not yet set."""
    return STRUCTURES[name].build()


def state_of(model: str, progress: Progress | None = None) -> tuple[dict[str, Tensor], ModelInfo]:
    """The weights of a network by name, file or folder (all but ONNX), as float32 tensors by their names in `define`.

    Raises `ModelError` or `AssetError`.
    """
    weights = _Weights.find(model, progress)
    if weights.file.suffix == ".onnx":
        raise ModelError(f"{weights.file}: training can't start from ONNX; give .pb, .safetensors or a model folder")
    if weights.entry.definition is None:
        raise ModelError(f"{model}: training can't start from it; give .pb, .safetensors or a model folder")
    return weights._state_dict(), weights.info


def entry_of(model: str | Path, role: Role | None = None, progress: Progress | None = None) -> NetworkEntry:
    """The network of that name, or that a user's file holds weights of; arguments and errors as in `load_backend`."""
    entry = _Weights.find(str(model), progress).entry
    if role is not None and role not in entry.serves_as:
        raise ModelError(_other_role(str(model), entry.role, role))
    return entry


def _other_role(model: str, role: Role, asked: Role) -> str:
    """Says what to take instead of a network that has this role."""
    if asked in ("hand", "face", "iris"):
        others = " or ".join(entry.name for entry in (NETWORKS | IMPORTABLE).values() if entry.role == asked)
        sees = "finds people" if role == "body" else f"sees one {'person' if role == 'refiner' else role} in a crop"
        return f"{model} {sees} and no {asked}; give {others} as --{asked}-network"
    wanted = "refiner" if role == "body" else "body"
    others = " or ".join(entry.name for entry in NETWORKS.values() if entry.role == wanted)
    if role == "body":
        return f"{model} finds people and refines nobody's joints; give it as --model, and --refine {others}"
    if role == "refiner":
        return (
            f"{model} refines the joints of people that another network found; give it as --refine, and --model "
            f"{others}"
        )
    place = f"; give it as --{role}-network" if role in ("hand", "face") else ""
    return f"{model} sees one {role} in a crop; it finds nobody in an image, and is no refiner{place}"


@dataclass(frozen=True)
class _Weights:
    """A network's original file, and the entry whose network it holds weights of."""

    file: Path
    info: ModelInfo
    entry: NetworkEntry

    @property
    def layout(self) -> Layout:
        return self.entry.layout

    @classmethod
    def find(cls, model: str, progress: Progress | None) -> _Weights:
        if model in NETWORKS:
            entry = NETWORKS[model]
            path = entry.find(progress)
            return cls(path, ModelInfo(model, entry.sha256, entry.weights_origin, entry.licence), entry)
        file = imported_folder(model) or Path(model)
        if (file / CARD).is_file():
            return cls(*read_folder(file))
        if model in IMPORTABLE:
            IMPORTABLE[model].find()  # tells how to get them
        if file.suffix == ".json":
            raise ModelError(f"{file}: a model of TensorFlow.js runs once `posescribe models convert` has converted it")
        if file.suffix == TFLITE:
            raise not_of_ours(file)
        if file.suffix in FOREIGN_FILES:
            raise ModelError(
                f"{file}: what Caffe or PyTorch wrote runs once `posescribe models import` has converted it"
            )
        if file.suffix not in NETWORK_FILES:
            raise ModelError(
                f"unknown network {model!r}; expected {', '.join(NETWORKS)} or a .pb, .onnx or .safetensors file, "
                "or a folder that `train-pose` wrote"
            )
        if not file.is_file():
            raise ModelError(f"{file}: no such file; expected a network's weights")
        entry, licence = _recognise(file)
        return cls(file, ModelInfo(file.stem, assets.digest(file), str(file.absolute()), licence), entry)

    def module(self, split: bool, light: bool) -> nn.Module:
        """The torch module with these weights; mobilenet_thin streamlined, `split` as `pose.weights.export` says."""
        if self.entry.definition is None:
            return self.entry.build()
        network = self._filled(self.entry.build(empty=True))
        if self.entry is not MOBILENET_THIN:
            return network

        from pose.networks.mobilenet_thin import LIGHT, MobilenetThin
        from pose.weights.export import streamline

        assert isinstance(network, MobilenetThin)
        if light:
            whole, network = network, MobilenetThin(LIGHT)
            network.load_state_dict({name: whole.state_dict()[name] for name in network.state_dict()})
        return streamline(network, split)

    def _filled(self, network: nn.Module) -> nn.Module:
        state = self._state_dict()
        wrong = mismatch({name: tuple(value.shape) for name, value in state.items()}, network)
        if wrong is not None:
            raise ModelError(f"{self.file}: expected the weights of {self.entry.name} ({wrong})")
        network.load_state_dict(state, assign=True)  # no weight is held twice
        return network.eval().requires_grad_(False)

    def _state_dict(self) -> dict[str, Tensor]:
        if self.file.suffix == ".pb":
            import torch

            from pose.weights.graphdef import mobilenet_thin_weights

            return {name: torch.from_numpy(value) for name, value in mobilenet_thin_weights(self.file).items()}

        from safetensors.torch import load_file

        state = {name: value.float() for name, value in load_file(self.file).items()}  # `_recognise` could open it
        return self._below() | state

    def _below(self) -> dict[str, Tensor]:
        """Weights of the network that this one stands on, as far as it has them."""
        if self.entry.stands_on is None:
            return {}
        name, inside = self.entry.stands_on
        state, _ = state_of(name)
        wanted = self.entry.build(empty=True).state_dict()
        return {f"{inside}.{key}": value for key, value in state.items() if f"{inside}.{key}" in wanted}

    def onnx_file(self, precision: Literal["float32", "float16"], light: bool) -> Path:
        """The ONNX file made from them, out of the cache if it is there."""
        if self.file.suffix == ".onnx":
            return self.file
        folder = assets.cache_folder() / self.info.sha256[:12]
        stem = f"network-{'light-' if light else ''}{precision}-{_made_by()}"
        for made in sorted(folder.glob(f"{stem}-*.onnx")):
            if assets.digest(made)[:12] == made.stem.rpartition("-")[2]:
                return made

        from pose.weights.export import to_onnx

        metadata = {
            "network": self.entry.name,
            "precision": precision,
            "weights_sha256": self.info.sha256,
            "licence": self.info.licence,
        }
        content = to_onnx(self.module(precision == "float32", light), precision, metadata).SerializeToString()
        path = folder / f"{stem}-{hashlib.sha256(content).hexdigest()[:12]}.onnx"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder, prefix=".making-") as staging:
                made = Path(staging) / path.name
                made.write_bytes(content)
                os.replace(made, path)
        except OSError as error:
            raise AssetError(
                f"cannot write {path} ({error.strerror}); set POSESCRIBE_CACHE to a folder that can be written"
            ) from error
        return path


def _recognise(file: Path) -> tuple[NetworkEntry, str]:
    """The entry whose network a user's file holds, and the licence of its weights: an ONNX file says both; of others
    names and shapes of weights tell. mobilenet_thin, whose loading tells what is wrong, where none fits."""
    if file.suffix == ".pb":
        return MOBILENET_THIN, "unknown"
    if file.suffix == ".onnx":
        from pose.backends.onnx_backend import read_header

        outputs, properties = read_header(file)
        return _entry_of_onnx(file, outputs, properties), properties.get("licence", "unknown")
    import safetensors

    try:
        with safetensors.safe_open(file, framework="numpy") as content:
            names = content.keys()
            shapes = {name: tuple(content.get_slice(name).get_shape()) for name in names}
    except (safetensors.SafetensorError, OSError) as error:
        raise ModelError(f"{file}: not a readable safetensors file ({error})") from error
    return best_match(shapes, STRUCTURES.values()) or MOBILENET_THIN, "unknown"


def _entry_of_onnx(file: Path, outputs: Mapping[str, int | None], properties: Mapping[str, str]) -> NetworkEntry:
    """By the name in the file; by its original weights or its outputs if it has none."""
    name, known = properties.get("network"), NETWORKS | STRUCTURES
    if name is not None and name not in known:
        raise ModelError(f"{file}: holds a network {name!r}, which is unknown; expected {', '.join(known)}")
    if name is not None:
        return known[name]
    made_of = properties.get("weights_sha256")
    original = next((entry for entry in NETWORKS.values() if entry.sha256 == made_of), None)
    if original is not None:
        return original
    fitting = [entry for entry in STRUCTURES.values() if outputs == entry.layout.outputs]
    if any(entry.layout != fitting[0].layout for entry in fitting):
        raise ModelError(
            f"{file}: does not say which network it holds, and {', '.join(entry.name for entry in fitting)} have such "
            "outputs; give the weights that it was made of (.pb, .safetensors or a model folder)"
        )
    return fitting[0] if fitting else MOBILENET_THIN


def _made_by() -> str:
    """Digits that change with the code that turns weights into an ONNX file."""
    pose = Path(__file__).parent.parent
    files = (file for pattern in _MADE_BY for file in sorted(pose.glob(pattern)))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:8]


def _load(weights: _Weights, device: Device, sharing: Sharing, precision: Precision | None, light: bool) -> Backend:
    light = light and weights.entry is MOBILENET_THIN
    if precision is None:
        precision = "float32" if device.kind == "cpu" else "float16"
    if precision == "float16" and device.kind == "cpu":
        raise ValueError("precision float16 is for GPUs; on CPUs choose float32 or bfloat16")
    if weights.file.suffix == ".onnx" and (light or precision == "bfloat16"):
        wish = "the fast accuracy" if light else "bfloat16"
        raise ModelError(f"{weights.file}: an ONNX file runs as it was written; {wish} needs .pb or .safetensors")
    if precision == "bfloat16":
        if device.kind == "cpu" and importlib.util.find_spec("openvino") is not None:
            from pose.backends.openvino_backend import OpenvinoBackend

            return OpenvinoBackend(
                weights.onnx_file("float32", light), weights.layout, weights.info, precision, sharing
            )

        from pose.backends.torch_backend import TorchBackend

        return TorchBackend(weights.module(False, light), weights.layout, weights.info, device, precision, sharing)

    from pose.backends.onnx_backend import OnnxBackend

    return OnnxBackend(weights.onnx_file(precision, light), weights.layout, weights.info, device, sharing)
