"""The command that gives the same results again."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from behavior.pipeline.settings import Settings
from behavior.pipeline.stages import plain
from storage.runs import Run

MODEL = "movenet_multipose"
REFINER = {"fast": None, "balanced": "movenet_thunder", "high": "movenet_thunder"}
ACTIONS = "default"


def command(source: str, pose_run: Run, action_run: Run | None, scale: Sequence[str] = ()) -> str:
    """`posescribe analyze` with every option that is not at its default, by what was stored of the runs.

    Models are named, not where their files lay; what only Python can set and changes by hand are not in it.

    Args:
        source: what to call the source.
        pose_run, action_run: as stored; no `action_run` where actions were left out.
        scale: options that say a scale and a floor.
    """
    return shlex.join(["posescribe", "analyze", source, "--out", "results", *options(pose_run, action_run), *scale])


def options(pose_run: Run, action_run: Run | None) -> list[str]:
    """The options of `command` that decide what is found."""
    usual, own = plain(Settings().engine), pose_run.settings
    refiner = (pose_run.extra.get("refiner") or {}).get("name")
    part = own.get("part", {})
    asked: list[tuple[str, Any, Any]] = [
        ("--model", pose_run.model_name, MODEL),
        ("--refine", refiner or "none", REFINER.get(own.get("accuracy", "balanced")) or "none"),
        *((_option(name), own.get(name, usual[name]), usual[name]) for name in ("accuracy", "precision", "every_body")),
        ("--net-size", own.get("net_height"), None),
        ("--max-people", own.get("parser", usual["parser"])["max_people"], usual["parser"]["max_people"]),
        ("--start", part.get("start_s"), None),
        ("--end", part.get("end_s"), None),
        ("--every", part.get("every", 1), 1),
        ("--fps", part.get("fps"), None),
        *((_option(name), own.get(name), None) for name in ("hand_threshold", "face_threshold")),
        ("--device", pose_run.device, None),
        ("--actions", "none" if action_run is None else action_run.model_name, ACTIONS),
        ("--min-bout", None if action_run is None else action_run.settings.get("min_bout_s"), None),
    ]
    words = []
    for option, value, default in asked:
        if value is not None and value != default:
            words += [option, f"{value:g}" if isinstance(value, float) else str(value)]
    words += [_option(name) for name in ("hands", "face", "face_mesh", "clothes") if own.get(name)]
    parts = pose_run.extra.get("parts", {})
    for role in ("hand", "face"):
        if role in parts and parts[role]["name"] != f"mediapipe_{role}":
            words += [f"--{role}-network", parts[role]["name"]]
    return words


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
