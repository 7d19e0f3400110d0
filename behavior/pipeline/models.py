"""Every model that can be used: pose networks and action models, as rows for `posescribe models`.

A model imported by the user is a copy in the cache folder (`models/<name>`), found by its name from then on.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from behavior.errors import ActionModelError
from behavior.labels import UNKNOWN
from behavior.recognition.model import DEFAULT, HEADER, ActionModel, load_action_model
from pose.errors import ModelError, PoseError
from pose.weights.assets import Asset, Progress, Published, Shipped, cached_path, find_shipped, is_cached
from pose.weights.entries import IMPORTABLE, NETWORKS, STRUCTURES, NetworkEntry
from pose.weights.imported import (
    CARD,
    FOLDER_WEIGHTS,
    FOREIGN_FILES,
    README,
    TFLITE,
    accuracy_of,
    convert,
    models_folder,
    not_of_ours,
    write_folder,
    write_licensed,
)
from pose.weights.parity import check_parity
from pose.weights.zoo import NETWORK_FILES, entry_of, identify, state_of
from storage.errors import OutputError
from storage.files import write_bytes


def describe_all(figures: bool = True) -> list[dict[str, Any]]:
    """A row for each network, then for each action model: the project's first, then imported.

    One that can't be used has the kind `damaged` and an `error`. Without `figures` it is quicker.
    """
    found = sorted(path.name for path in models_folder().iterdir()) if models_folder().is_dir() else []
    imported = [name for name in found if not name.startswith(".")]
    return [_describe_or_tell(name, figures) for name in (*NETWORKS, DEFAULT, *imported)]


def _describe_or_tell(name: str, figures: bool) -> dict[str, Any]:
    try:
        return describe(name, figures)
    except (ActionModelError, PoseError) as error:
        return {"name": name, "kind": "damaged", "accuracy": "unknown", "licence": "unknown", "error": str(error)}


def describe(name: str, figures: bool = True) -> dict[str, Any]:
    """Everything known of one model; without `figures` all but what is counted of a network.

    Raises `ActionModelError` or `ModelError` when there is none of that name, `AssetError` when the package is damaged.
    """
    if name in NETWORKS:
        return _network(NETWORKS[name], figures)
    place = locate(name)
    if Path(place).name in (CARD, HEADER) and _is_ours(Path(place)):
        return describe(str(Path(place).parent), figures)
    if place == name and name in STRUCTURES:
        return _network(STRUCTURES[name], figures)
    if (Path(place) / CARD).is_file():
        return _network_of_folder(name, Path(place), figures)
    if Path(place).suffix in (*NETWORK_FILES, *FOREIGN_FILES, TFLITE, ".json"):
        known, entry = identify(place), entry_of(Path(place))
        return {
            "name": name,
            "kind": _kind(entry),
            "accuracy": "not measured",
            "sha256": known.sha256,
            "licence": known.licence,
            "source": known.source,
            "size": _size(Path(place)),
            "network": entry.name,
        } | (_figures(entry) if figures else {})
    return _action_model(name, load_action_model(place))


def _is_ours(file: Path) -> bool:
    """Whether it is the card or header of a model's folder, of whichever kind."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(content, dict) and ("network" in content if file.name == CARD else "format" in content)


def locate(name: str) -> str:
    """The path of an imported model; any other name or path as it is."""
    imported = models_folder() / name
    if not _can_be_a_name(name) or not imported.exists():
        return name
    networks = [imported / f"{name}{suffix}" for suffix in NETWORK_FILES]
    return str(next((file for file in networks if file.is_file()), imported))


def _can_be_a_name(text: str) -> bool:
    plain = Path(text).name == text and text.isprintable() and not text.startswith(".")
    return plain and text not in (*NETWORKS, DEFAULT, "none", "")


def fetch_weights(names: Iterable[str] | None, progress: Progress | None = None) -> list[Path]:
    """Fetches the weights of these networks, of all when none is named. Raises `ModelError` for an unknown name."""
    chosen = list(names or NETWORKS)
    unknown = [name for name in chosen if name not in NETWORKS]
    if unknown:
        raise ModelError(f"unknown network {unknown[0]!r}; choose from {', '.join(NETWORKS)}")
    return [NETWORKS[name].find(progress) for name in chosen]


def import_model(
    file: Path, name: str | None, licence: str | None = None, say: Callable[[str], None] = lambda _: None
) -> tuple[str, Path]:
    """Checks a model and keeps it in the cache folder under a name: a copy, or what a file of Caffe or PyTorch was
    converted to.

    Args:
        file: see `NETWORK_FILES` and `FOREIGN_FILES`; an action model's folder or zip.
        name: None for that of the network; only a converted one has a name of its own.
        licence: of a network's weights whose file names none.
        say: hears how far the file's network and this project's definition of it agree, see `pose.weights.parity`.

    Returns:
        The model's name, and where it is kept.

    Raises:
        ValueError: no name for what has none of its own.
        ModelError, ActionModelError: it is not one of ours, or the name is taken, or the licence is known.
        OutputError: the cache folder can't be written.
    """
    if file.suffix == TFLITE:
        raise not_of_ours(file)
    foreign = file.suffix in FOREIGN_FILES
    if name is None and not foreign:
        raise ValueError(f"{file}: say what to call it")
    if name is not None and not _can_be_a_name(name):
        raise ActionModelError(f"{name!r} can't be the name of a model; choose another --name")
    if name is not None:
        _check_free(name)
    if file.is_dir() and any(path.is_symlink() for path in file.rglob("*")):
        raise ActionModelError(f"{file}: holds links to files elsewhere; copy the files themselves into it")
    if foreign:
        entry, state = convert(file)
        name = name or entry.name
        _check_free(name)
        _check_name_of_network(name, entry)
        _check_licence(file, entry.licence, licence)
        say(check_parity(file, entry))
        return name, _keep(name, lambda folder: write_folder(entry, state, file, folder, entry.licence))
    assert name is not None
    if file.suffix in NETWORK_FILES or (file / CARD).is_file():
        from pose.weights.zoo import load_backend

        known = load_backend(str(file), role=None, device="cpu").model
        entry = entry_of(file)
        _check_name_of_network(name, entry)
        _check_licence(file, known.licence, licence)
        if file.suffix in NETWORK_FILES:
            say(check_parity(file, entry))
    else:
        own = load_action_model(file).info.licence
        _check_name_of_network(name, None)
        _check_licence(file, own, licence)
    if licence is not None and file.suffix != ".onnx":
        state, _ = state_of(str(file))
        return name, _keep(name, lambda folder: write_folder(entry, state, file, folder, licence))
    if licence is not None:
        return name, _keep(name, lambda folder: write_licensed(file, folder / f"{name}.onnx", licence))
    if file.suffix in NETWORK_FILES:
        return name, _keep(name, lambda folder: shutil.copy2(file, folder / f"{name}{file.suffix}"))
    if (file / CARD).is_file():
        parts = [file / part for part in (FOLDER_WEIGHTS, CARD, README)]
        return name, _keep(name, lambda folder: [shutil.copy2(part, folder) for part in parts if part.is_file()])
    if file.is_dir():
        return name, _keep(name, lambda folder: shutil.copytree(file, folder, dirs_exist_ok=True))
    return name, _keep(name, lambda folder: shutil.copy2(file, folder), folder=False)


def _check_free(name: str) -> None:
    target = models_folder() / name
    if target.exists():
        raise ActionModelError(f"there is a model {name!r} already ({target}); choose another --name, or delete it")


def _check_licence(file: Path, known: str, licence: str | None) -> None:
    if licence is not None and known != "unknown":
        raise ModelError(f"{file}: its licence is {known}; leave --licence out")


def _check_name_of_network(name: str, entry: NetworkEntry | None) -> None:
    """A known network's name is for that network alone."""
    if name in IMPORTABLE and (entry is None or entry.name != name):
        raise ActionModelError(f"{name!r} is the name of another network; choose another --name")


def _keep(name: str, fill: Callable[[Path], object], folder: bool = True) -> Path:
    """The model's place, filled elsewhere and then renamed: a folder, or a file in its stead."""
    target = models_folder() / name
    try:
        models_folder().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=models_folder(), prefix=".importing-") as staging:
            made = Path(staging) / name
            if folder:
                made.mkdir()
            fill(made)
            os.replace(made, target)
    except OSError as error:
        raise OutputError(
            f"{target}: can't be written ({error.strerror or error}); set POSESCRIBE_CACHE to another folder"
        ) from error
    return target


def convert_model(file: Path, out: Path) -> None:
    """Writes a MoveNet out of TensorFlow.js's form as a `.safetensors` file; the same model gives the same bytes.

    Raises `ModelError` when it is none, `OutputError` when the file can't be written.
    """
    from pose.weights.tfjs import movenet_safetensors

    write_bytes(out, movenet_safetensors(file))


def _network(entry: NetworkEntry, figures: bool) -> dict[str, Any]:
    accuracy = "not measured" if entry.coco_ap is None else f"{entry.coco_ap:.3f} AP ({entry.coco_ap_on})"
    return {
        "name": entry.name,
        "kind": _kind(entry),
        "accuracy": accuracy,
        **({"sha256": entry.sha256} if entry.sha256 else {}),
        "licence": entry.licence,
        "source": entry.weights_origin,
        "recipe": entry.recipe,
        "papers": list(entry.papers),
        "joints": list(entry.layout.skeleton.joints),
        **(_figures(entry) if figures else {}),
        "input": f"{entry.preprocessing}; trained at height {entry.net_height}",
        "cached": _where(entry),
    }


def _kind(entry: NetworkEntry) -> str:
    return "pose" if entry.role == "body" else entry.role


def _figures(entry: NetworkEntry) -> dict[str, Any]:
    """What is counted of a network, out of its definition; nothing where that lies in a file still to be fetched."""
    if entry.definition is None:
        return {}
    found = entry.figures()
    height, width = found.size
    return {
        "parameters": found.parameters,
        "multiply_adds": found.multiply_adds,
        "counted_at": f"{width}×{height}",
        "receptive_field": found.receptive_fields,
    }


def _network_of_folder(name: str, folder: Path, figures: bool) -> dict[str, Any]:
    """Of a folder that `train-pose` wrote, or `models import`."""
    known, entry = identify(str(folder)), entry_of(folder)  # checks it
    card: dict[str, Any] = json.loads((folder / CARD).read_text(encoding="utf-8"))
    row: dict[str, Any] = {
        "name": name,
        "kind": _kind(entry),
        "accuracy": accuracy_of(card),
        "sha256": known.sha256,
        "licence": known.licence,
        "source": known.source,
    }
    row |= {key: card[key] for key in ("network", "data", "recipe", "figures") if key in card}
    if card.get("source"):
        row["published"] = card["source"].get("published", "unknown")
    return row | (_figures(entry) if figures else {})


def _where(entry: NetworkEntry) -> str:
    match entry.weights:
        case Shipped():
            return str(find_shipped(entry.weights))
        case Asset():
            return str(cached_path(entry.weights)) if is_cached(entry.weights) else "no, fetched when first used"
        case Published():
            return f"no, not imported: {entry.weights.how_to_get}"


def _action_model(name: str, model: ActionModel) -> dict[str, Any]:
    info = model.info
    return {
        "name": name,
        "kind": "actions",
        "accuracy": _accuracy(info.figures),
        "sha256": info.sha256,
        "licence": info.licence,
        "classifier": info.classifier,
        "classes": list(info.classes),
        "joints": list(info.joints),
        "data": info.data,
        "figures": info.figures,
        "versions": info.versions,
    }


def _accuracy(figures: dict[str, Any]) -> str:
    if not figures:
        return "not measured"
    kinds = [figures[kind] for kind in ("clean", "noisy")]
    if UNKNOWN in figures["classes"]:  # most clips show nothing that it names: being right about those says little
        told = (f"{kind['claims_right']:.1%} of claims right, on {kind['coverage']:.1%} of clips" for kind in kinds)
        return f"{'; noisy ones: '.join(told)} ({figures['protocol']})"
    clean, noisy = (f"{kind['accuracy']:.1%}" for kind in kinds)
    return f"{clean} of clips, {noisy} of noisy ones ({figures['protocol']})"


def _size(path: Path) -> str:
    return f"{path.stat().st_size / 1e6:.1f} MB"
