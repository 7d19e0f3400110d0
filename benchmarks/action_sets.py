"""Action classifiers on public sets that they did not learn from: each set left out whole.

    python benchmarks/action_sets.py DATA [--only rocket,svm,ensemble,agree,logistic,temporal,mixed] [--quick]
                                         [--model NAME|FOLDER ...] [--checkpoints FOLDER] [--json FILE]

DATA holds the folders of `behavior.training.public_sets.PUBLIC_SETS`, see there; none is part of this project. Windows
of 1 to 3 s are drawn from each set, 3-D clips seen by cameras drawn at random; noisy: 20 % of the joints missing, the
others moved by 5 % of the torso. A kind is fitted to all sets but one that a published model may learn from, and asked
about that one; fitted to all of these, about the others. Columns, percent: balanced accuracy over the actions that the
set shows and the classifier learnt elsewhere, when an action must be named; windows claimed, with thresholds that the
other sets choose; claims right; windows that show none of the claimed actions and are claimed all the same.

`temporal` is the network of `mixed`, which ships: each member learns as in `behavior.pipeline.default_model`, the
network for an hour; it goes on where it was stopped with the same `--checkpoints`.

`--model` judges a finished model as it is, its J-HMDB names read in the shared vocabulary; sets that it learnt from are
not left out then.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from common import Row, print_table, write

sys.path.pop(0)  # this folder holds `features.py`, which would hide the package

from behavior.labels import UNKNOWN
from behavior.pipeline.default_model import MEMBERS, judge_members
from behavior.recognition.augment import spoil_evenly
from behavior.recognition.classifiers.registry import make_classifier
from behavior.recognition.model import load_action_model
from behavior.recognition.vocabulary import ACTIONS
from behavior.training.left_out import DrawSettings, fitted_temperature, judge, left_out, load_all
from behavior.training.public_sets import PUBLIC_SETS, SetClips
from behavior.training.windows import draw_windows

_BOTH: dict[str, Any] = {"rocket": {"kernels": 600, "copies": 2}, "svm": MEMBERS["svm"][1]}
SETTINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "rocket": ("rocket", _BOTH["rocket"]),
    "svm": ("svm", _BOTH["svm"]),
    "ensemble": ("ensemble", _BOTH),
    "agree": ("ensemble", _BOTH | {"agree": True}),
    "logistic": ("logistic", {"copies": 2}),
    "temporal": ("temporal", MEMBERS["temporal"][1]),
    "mixed": ("mixed", {}),
}
"""Name -> kind and settings."""
_LONG = ("temporal", "mixed")


def of_kind(kind: str, sets: list[SetClips], settings: DrawSettings, checkpoints: Path | None) -> list[Row]:
    def told(done: int, total: int, message: str) -> None:
        print(f"{kind}: {done} of {total}, {message}", file=sys.stderr)

    if kind == "mixed":
        judged = judge_members(sets, settings, checkpoints, told)[2]
    else:
        times = MEMBERS[kind][0] if kind in MEMBERS else 1
        settings = replace(settings, per_action=times * settings.per_action, per_kind=times * settings.per_kind)
        judged = judge(make_classifier(*SETTINGS[kind]), sets, settings, progress=told, checkpoints=checkpoints)[2]
    return [{"of": kind, **row} for row in left_out(judged, fitted_temperature(judged))]


def of_model(name: str, sets: list[SetClips], settings: DrawSettings) -> list[Row]:
    model = load_action_model(name)
    of_jhmdb = PUBLIC_SETS["jhmdb"].labels  # its sit and stand are ways down and up
    means = {own: of_jhmdb.get(own, own if own in ACTIONS else UNKNOWN) for own in model.info.classes}
    asked = draw_windows(sets, settings.judged, settings.judged // 3, np.random.default_rng(settings.seed + 1))
    rows: dict[str, Row] = {one.of.name: {"of": name, "set": one.of.name} for one in sets}
    for kind, clips in (("clean", asked.clips), ("noisy", spoil_evenly(asked.clips, np.random.default_rng(0)))):
        scores = model.predict_proba(clips)
        said = np.array([means.get(claim, UNKNOWN) for claim in model.claims(scores)])
        claims = np.array([claim != UNKNOWN for claim in model.claims(scores)])
        best = np.array([means[model.info.classes[place]] for place in scores.argmax(axis=1)])
        for source, row in rows.items():
            own = asked.sources == source
            known = [name for name in set(means.values()) - {UNKNOWN, None} if (asked.names[own] == name).any()]
            recalls = [(best[own & (asked.names == name)] == name).mean() for name in known]
            unnamed = own & ~np.isin(asked.names, known)
            right = (said == asked.names)[own & claims]
            row |= {
                "windows": int(own.sum()),
                f"balanced accuracy, {kind}": 100 * float(np.mean(recalls)) if recalls else float("nan"),
                f"claimed, {kind}": 100 * float(claims[own].mean()),
                f"claims right, {kind}": 100 * float(right.mean()) if len(right) else float("nan"),
                f"unnamed claimed, {kind}": 100 * float(claims[unnamed].mean()) if unnamed.any() else float("nan"),
            }
    return list(rows.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    usual = [kind for kind in SETTINGS if kind not in _LONG]
    parser.add_argument("--only", type=lambda text: text.split(",") if text else [], default=usual)
    parser.add_argument("--model", action="append", default=[])
    parser.add_argument("--quick", action="store_true", help="a fifth of the windows")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--checkpoints", type=Path)
    asked = parser.parse_args()
    sets = load_all(asked.data)
    settings = DrawSettings(24, 8, 9) if asked.quick else DrawSettings()
    rows = [row for name in asked.model for row in of_model(name, sets, settings)]
    rows += [row for kind in asked.only for row in of_kind(kind, sets, settings, asked.checkpoints)]
    print_table(rows, {"of": "", "set": "", "windows": ""} | {key: ".0f" for key in rows[0] if "," in key})
    write(rows, asked.json)


if __name__ == "__main__":
    main()
