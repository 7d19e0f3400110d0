"""The model folder: weights, and a card that says what they were made of. `pose.weights.zoo` reads it for `--model`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import nn

from pose.maps import BeliefLayout
from pose.training.evaluate import Confidence
from pose.training.files import replacing
from pose.weights.zoo import CARD, FOLDER_WEIGHTS, STRUCTURES


@dataclass(frozen=True)
class Card:
    """What a card says besides the weights' hash.

    Attributes:
        network: name of the structure, see `pose.weights.zoo.STRUCTURES`.
        net_height: height of the input that it was trained at, pixels.
        data: annotations (name, images, people, sha256), what was held out, teacher, weights that training began with.
        licence: of the weights.
        recipe: the command.
        settings: of the training.
    """

    network: str
    net_height: int
    data: Mapping[str, Any]
    licence: str
    recipe: str
    settings: Mapping[str, Any]


def write_model(
    folder: Path,
    network: nn.Module,
    card: Card,
    figures: Mapping[str, float],
    step: int,
    confidence: Confidence | None = None,
) -> str:
    """Writes weights, `card.json` and README.md; gives the weights' sha256. Raises `TrainingError` when it can't."""
    content = save({name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()})
    sha256 = hashlib.sha256(content).hexdigest()
    values = {
        "network": card.network, "sha256": sha256, "net_height": card.net_height, "licence": card.licence,
        "data": dict(card.data), "recipe": card.recipe, "settings": dict(card.settings),
        "figures": {"step": step, **figures},
        "confidence": None if confidence is None else asdict(confidence),
        "versions": {"posescribe": version("posescribe"), "torch": torch.__version__},
    }  # fmt: skip
    texts = {CARD: json.dumps(values, indent=1) + "\n", "README.md": _readme(folder.name, values, confidence)}
    for name, written in {FOLDER_WEIGHTS: content, **{name: text.encode() for name, text in texts.items()}}.items():
        with replacing(folder / name) as part:
            part.write_bytes(written)
    return sha256


_USED_AS = {"refiner": "--refine", "body": "--model", "hand": "--hand-network", "face": "--face-network"}


def _readme(name: str, card: Mapping[str, Any], confidence: Confidence | None) -> str:
    data, entry = card["data"], STRUCTURES[card["network"]]
    uses = [option for role, option in _USED_AS.items() if role in entry.serves_as]
    shown = (
        "each person in a crop of {} pixels around the annotated joints"
        if isinstance(entry.layout, BeliefLayout)
        else "one look at height {}, upright, without a refiner"
    ).format(card["net_height"])
    figures = ", ".join(f"{k.upper()} {v:.3f}" for k, v in card["figures"].items() if k != "step") or "not measured"
    lines = [
        f"# {name}",
        "",
        f"A pose network with the structure of `{card['network']}`, trained by Posescribe."
        + f" Use it with {' or '.join(f'`{option}`' for option in uses)}.",
        "",
        f"- data: {data['trained_on']}",
        f"- began with: {data['start']}",
        *([f"- teacher where labels were missing: {data['teacher']}"] if data.get("teacher") else []),
        f"- figures at step {card['figures']['step']:,}: {figures}",
        f"- measured on: {data['held_out']}; {shown}",
        f"- {confidence or 'confidence was not judged'}",
        f"- licence: {card['licence']}",
        f"- sha256 of the weights: {card['sha256']}",
        "",
        "```sh",
        card["recipe"],
        "```",
        "",
        "Settings, versions and hashes of the data: `card.json`; the course of the training: `training/log.csv`.",
    ]
    return "\n".join(lines) + "\n"
