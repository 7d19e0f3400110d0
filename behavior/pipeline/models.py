"""Every model that can be used: pose networks and action models, as rows for `posescribe models`.

A model imported by the user is a copy in the cache folder (`models/<name>`), found by its name from then on.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from behavior.errors import ActionModelError
from behavior.recognition.model import DEFAULT, ActionModel, load_action_model
from pose.errors import ModelError, PoseError
from pose.weights.assets import Asset, Progress, Shipped, cache_folder, cached_path, find_shipped, is_cached
from pose.weights.zoo import CARD, NETWORK_FILES, NETWORKS, NetworkEntry, Role, identify, role_of
from storage.errors import OutputError
from storage.files import write_bytes

_KINDS: dict[Role, str] = {"body": "pose", "refiner": "refiner"}


def describe_all() -> list[dict[str, Any]]:
    """A row for each network, then for each action model: the project's first, then imported.

    One that can't be used has the kind `damaged` and an `error`.
    """
    found = sorted(path.name for path in _folder().iterdir()) if _folder().is_dir() else []
    imported = [name for name in found if not name.startswith(".")]
    return [_describe_or_tell(name) for name in (*NETWORKS, DEFAULT, *imported)]


def _describe_or_tell(name: str) -> dict[str, Any]:
    try:
        return describe(name)
    except (ActionModelError, PoseError) as error:
        return {"name": name, "kind": "damaged", "accuracy": "unknown", "licence": "unknown", "error": str(error)}


def describe(name: str) -> dict[str, Any]:
    """Everything known of one model.

    Raises `ActionModelError` or `ModelError` when there is none of that name, `AssetError` when the package is damaged.
    """
    if name in NETWORKS:
        return _network(NETWORKS[name])
    place = locate(name)
    if (Path(place) / CARD).is_file():
        return _trained_network(name, Path(place))
    if Path(place).suffix in NETWORK_FILES:
        known = identify(place)
        return {"name": name, "kind": _KINDS[role_of(Path(place))], "accuracy": "not measured", "sha256": known.sha256,
                "licence": known.licence, "source": known.source, "size": _size(Path(place))}  # fmt: skip
    return _action_model(name, load_action_model(place))


def locate(name: str) -> str:
    """The path of an imported model; any other name or path as it is."""
    imported = _folder() / name
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


def import_model(file: Path, name: str) -> Path:
    """Checks a model and copies it to the cache folder under a name.

    Raises `ModelError` or `ActionModelError` when it is not one of ours or the name is taken, `OutputError` when the
    cache folder can't be written.
    """
    if not _can_be_a_name(name):
        raise ActionModelError(f"{name!r} can't be the name of a model; choose another --name")
    target = _folder() / name
    if target.exists():
        raise ActionModelError(f"there is a model {name!r} already ({target}); choose another --name, or delete it")
    if file.is_dir() and any(path.is_symlink() for path in file.rglob("*")):
        raise ActionModelError(f"{file}: holds links to files elsewhere; copy the files themselves into it")
    network = file.suffix in NETWORK_FILES
    if network or (file / CARD).is_file():
        from pose.weights.zoo import load_backend

        load_backend(str(file), role=None, device="cpu")
    else:
        load_action_model(file)
    try:
        _folder().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_folder(), prefix=".importing-") as staging:
            copy = Path(staging) / name
            if network:
                copy.mkdir()
                shutil.copy2(file, copy / f"{name}{file.suffix}")
            elif file.is_dir():
                shutil.copytree(file, copy)
            else:
                shutil.copy2(file, copy)
            os.replace(copy, target)
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


def _folder() -> Path:
    return cache_folder() / "models"


def _network(entry: NetworkEntry) -> dict[str, Any]:
    weights = entry.weights
    assert weights is not None  # of all that are in `NETWORKS`
    accuracy = "not measured" if entry.coco_ap is None else f"{entry.coco_ap:.3f} AP ({entry.coco_ap_on})"
    return {
        "name": entry.name,
        "kind": _KINDS[entry.role],
        "accuracy": accuracy,
        "sha256": weights.member_sha256,
        "licence": entry.licence,
        "source": weights.origin,
        "recipe": entry.recipe,
        "papers": list(entry.papers),
        "joints": list(entry.layout.skeleton.joints),
        "parameters": entry.parameters,
        "input": f"{entry.preprocessing}; trained at height {entry.net_height}",
        "cached": _where(weights),
    }


def _trained_network(name: str, folder: Path) -> dict[str, Any]:
    """Of a folder that `train-pose` wrote."""
    known = identify(str(folder))  # checks it
    card: dict[str, Any] = json.loads((folder / CARD).read_text(encoding="utf-8"))
    ap = card["figures"].get("ap")
    told = "not measured" if ap is None else f"{ap:.3f} AP ({card['data']['held_out']})"
    return {"name": name, "kind": "pose", "accuracy": told, "sha256": known.sha256, "licence": known.licence,
            "source": known.source, **{key: card[key] for key in ("network", "data", "recipe", "figures")}}  # fmt: skip


def _where(weights: Asset | Shipped) -> str:
    if isinstance(weights, Shipped):
        return str(find_shipped(weights))
    return str(cached_path(weights)) if is_cached(weights) else "no, fetched when first used"


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
    clean, noisy = (figures[kind]["accuracy"] for kind in ("clean", "noisy"))
    return f"{clean:.1%} of clips, {noisy:.1%} of noisy ones ({figures['protocol']})"


def _size(path: Path) -> str:
    return f"{path.stat().st_size / 1e6:.1f} MB"
