"""Networks whose weights the user has from their authors: which one a file holds, and the form they are kept in.

It is kept as a folder like those that `train-pose` writes: weights under the names of this project's definition, and a
card that says whose network it is, under which licence, and (`source`) what file it was made of.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pose.backends.base import ModelInfo
from pose.confidence import Calibration, Curve
from pose.errors import ModelError
from pose.maps import BeliefLayout
from pose.weights import assets
from pose.weights.assets import Published
from pose.weights.entries import IMPORTABLE, NETWORKS, STRUCTURES, NetworkEntry

if TYPE_CHECKING:
    from torch import nn

Shapes = Mapping[str, tuple[int, ...]]
State = dict[str, Any]
"""Names and tensors."""

FOREIGN_FILES = (".caffemodel", ".pth", ".pt")
"""Suffixes of files that are converted when they are imported: of Caffe and of PyTorch."""

TFLITE = ".tflite"
"""Suffix of TensorFlow Lite's files: those of `NETWORKS` alone are known, which nobody has to import."""

CARD, FOLDER_WEIGHTS, README = "card.json", "network.safetensors", "README.md"
"""What a model's folder holds."""


def models_folder() -> Path:
    """Where imported models lie. Not created by asking."""
    return assets.cache_folder() / "models"


def imported_folder(name: str) -> Path | None:
    """The folder of an imported network; None when there is none of that name."""
    if not name or Path(name).name != name:
        return None
    folder = models_folder() / name
    return folder if (folder / CARD).is_file() else None


def read_folder(folder: Path) -> tuple[Path, ModelInfo, NetworkEntry]:
    """Weights, provenance and structure of a network's folder. Raises `ModelError`."""
    file, card = folder / FOLDER_WEIGHTS, folder / CARD
    try:
        content = json.loads(card.read_text(encoding="utf-8"))
        network, told, licence = (str(content[key]) for key in ("network", "sha256", "licence"))
        source = content.get("source") or {"sha256": told, "file": str(folder.absolute())}
        name, sha256, origin = folder.absolute().name, str(source["sha256"]), str(source["file"])
        info = ModelInfo(name, sha256, origin, licence, _calibration(content))
        entry = STRUCTURES[network]
        if isinstance(entry.layout, BeliefLayout) and "net_height" in content:  # of the crops that it was trained on
            side = int(content["net_height"])
            entry = replace(entry, net_height=side, layout=replace(entry.layout, size=side))
        accuracy_of(content)
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise ModelError(f"{card}: not a card of a network of ours ({error!r}); train or import it again") from None
    if not file.is_file():
        raise ModelError(f"{file}: no such file, but {card} speaks of it; copy the whole folder")
    found = assets.digest(file)
    if found != told:
        raise ModelError(f"{file}: damaged or changed (sha256 {found[:12]}…, expected {told[:12]}…); copy it again")
    return file, info, entry


def accuracy_of(card: Mapping[str, Any]) -> str:
    """AP and what it was measured on, as a card tells. Raises what a card of another form leads to."""
    ap = card.get("figures", {}).get("ap")
    return "not measured" if ap is None else f"{ap:.3f} AP ({card['data']['held_out']})"


def _calibration(card: Mapping[str, Any]) -> Calibration | None:
    """The curves that a card holds. Raises what a card of another form leads to."""
    curves = (card.get("confidence") or {}).get("calibration")
    if curves is None:
        return None
    return Calibration(
        **{kind: Curve(**{k: tuple(v) for k, v in curves[kind].items()}) for kind in ("joints", "people")}
    )


def not_of_ours(file: Path) -> ModelError:
    """Why a file of TensorFlow Lite is not imported."""
    if not file.is_file():
        return ModelError(f"{file}: no such file; expected a network's weights")
    found = assets.digest(file)
    known = {
        entry.name: entry.sha256
        for entry in NETWORKS.values()
        if isinstance(entry.weights, assets.Asset) and entry.weights.member.endswith(TFLITE)
    }
    name = next((name for name, sha256 in known.items() if sha256 == found), None)
    if name is not None:
        return ModelError(f"{file}: is {name}, which is there already under that name; there is nothing to import")
    return ModelError(
        f"{file}: of TensorFlow Lite's files only {', '.join(known)} are known, and need no import; expected "
        f"another kind of file ({', '.join(FOREIGN_FILES)}, .pb, .onnx or .safetensors)"
    )


def write_folder(entry: NetworkEntry, state: State, source: Path, folder: Path, licence: str) -> None:
    """Fills an empty folder with converted weights and what they were made of."""
    import torch
    from safetensors.torch import save_file

    file = folder / FOLDER_WEIGHTS
    save_file({name: torch.as_tensor(value).contiguous() for name, value in state.items()}, file)
    card = {
        "network": entry.name,
        "sha256": assets.digest(file),
        "licence": licence,
        "source": {"file": source.name, "sha256": assets.digest(source), "published": entry.weights_origin},
    }
    (folder / CARD).write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")


def write_licensed(source: Path, target: Path, licence: str) -> None:
    """A copy of an ONNX file that names a licence in its properties."""
    import onnx

    model = onnx.load(str(source))
    model.metadata_props.add(key="licence", value=licence)
    onnx.save(model, str(target))


def convert(file: Path) -> tuple[NetworkEntry, State]:
    """Which network a file of Caffe or PyTorch holds, and its state dict under our names.

    Raises:
        ModelError: it can't be read, or is no network of the list; the message names the first difference from the one
            that is most like it.
    """
    if not file.is_file():
        raise ModelError(f"{file}: no such file; expected a network's weights")
    if file.suffix == ".caffemodel":
        from pose.weights import caffemodel

        layers = caffemodel.read_layers(file)
        found = {
            f"{name}.{kind}": blob.shape
            for name, blobs in layers.items()
            for kind, blob in zip(("weight", "bias"), blobs, strict=False)
        }
        return _fitting(
            file,
            found,
            ".caffemodel",
            lambda name: ".".join(caffemodel.layer_of(name)),
            lambda network: caffemodel.state_dict(layers, shapes_of(network)),
        )
    from pose.weights import checkpoint

    state = checkpoint.read_checkpoint(file)
    shapes = {name: tuple(value.shape) for name, value in state.items()}
    return _fitting(file, shapes, ".pth", lambda name: name, lambda network: checkpoint.folded(state, network))


def shapes_of(network: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in network.state_dict().items()}


@cache
def _known_shapes(name: str) -> dict[str, tuple[int, ...]]:
    return shapes_of(STRUCTURES[name].build(empty=True))


def best_match(found: Shapes, entries: Iterable[NetworkEntry], name: Callable[[str], str] = str) -> NetworkEntry | None:
    """The entry with most weights of these shapes, and of those the one with fewest others; None if none has any.

    `name` turns a name of the entry's state dict into one of `found`.
    """

    def likeness(entry: NetworkEntry) -> tuple[int, int]:
        shapes = _known_shapes(entry.name)
        shared = sum(_alike(found.get(name(key)), shape) for key, shape in shapes.items())
        return shared, shared - len(shapes)

    scores = {entry.name: (likeness(entry), entry) for entry in entries}
    (shared, _), entry = max(scores.values(), key=lambda score: score[0])
    return entry if shared else None


def mismatch(found: Shapes, network: nn.Module) -> str | None:
    """The first difference of a state dict from a network's; None when there is none."""
    expected = shapes_of(network)
    for name, shape in expected.items():
        if name not in found:
            return f"{name}: expected shape {shape}, found none of that name"
        if found[name] != shape:
            return f"{name}: expected shape {shape}, found {found[name]}"
    surplus = next((name for name in found if name not in expected), None)
    return None if surplus is None else f"{surplus}: is no part of it"


def _fitting(
    file: Path,
    found: Shapes,
    suffix: str,
    name: Callable[[str], str],
    read: Callable[[nn.Module], Mapping[str, Any]],
) -> tuple[NetworkEntry, State]:
    """The network of the list that a file holds, and its weights as `read` gives them for it."""
    published = ((entry, entry.weights) for entry in IMPORTABLE.values())
    entries = [
        entry for entry, weights in published if isinstance(weights, Published) and weights.file.endswith(suffix)
    ]
    entry = best_match(found, entries, name)
    if entry is None:
        raise ModelError(f"{file}: holds no network that is known; expected {', '.join(e.name for e in entries)}")
    try:
        return entry, dict(read(entry.build(empty=True)))
    except ValueError as error:
        raise ModelError(f"{file}: most like {entry.name}, but {error}") from error


def _alike(found: tuple[int, ...] | None, expected: tuple[int, ...]) -> bool:
    """Whether shapes agree but for leading axes of 1, which old files of Caffe have too many."""
    if found is None or len(found) < len(expected):
        return False
    extra = len(found) - len(expected)
    return found[extra:] == expected and all(size == 1 for size in found[:extra])
