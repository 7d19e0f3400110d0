"""The shipped action model, made again.

    python -m behavior.pipeline.default_model DATA --out MODEL [--checkpoints FOLDER]
    python -m behavior.pipeline.default_model DATA --embedding FILE

The first takes an hour and more of a processor, and goes on where it was stopped with the same `--checkpoints`. The
second makes the embedding that `few_shot` learns on, from the same windows. DATA holds the folders of
`behavior.training.public_sets.PUBLIC_SETS`; those that no published model may learn from judge it, and may be absent.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from behavior.errors import DataError
from behavior.evaluation.metrics import set_figures
from behavior.labels import UNKNOWN
from behavior.recognition.classifiers.base import ActionClassifier, Progress
from behavior.recognition.classifiers.ensemble import Ensemble
from behavior.recognition.classifiers.registry import make_classifier
from behavior.recognition.embedding import learn_embedding, save_embedding
from behavior.recognition.examples import typical
from behavior.recognition.model import ActionModel, ActionModelInfo, Decoding, save_action_model
from behavior.recognition.temperature import apply_temperature
from behavior.recognition.vocabulary import ACTIONS
from behavior.report.card import model_card
from behavior.training.left_out import (
    CLAIMS_RIGHT,
    DrawSettings,
    Judged,
    asked_together,
    collapse,
    fitted_temperature,
    judge,
    left_out,
    load_all,
    recalls,
    thresholds,
)
from behavior.training.public_sets import PUBLIC_SETS, SetClips
from behavior.training.train import versions
from behavior.training.windows import Windows, draw_windows
from storage.files import write_bytes

WINDOW_S = 1.6
"""Of the windows of a track, seconds: about the middle of those learnt from."""
RULES = ("arms_raised", "push_up", "sit_up", "jumping_jack")
"""Beside those that always run. These exercises are of one set alone, so their rules decide wherever they can see."""
KIND = "mixed"
AGREE = True
MEMBERS: dict[str, tuple[int, dict[str, Any]]] = {
    "svm": (1, {"vectors": 2000}),
    "temporal": (16, {"epochs": 8, "echo": 2, "batch": 256, "learning_rate": 3e-3, "bfloat16": True}),
}
"""Of each member how many times as many windows it learns from, each cut and seen by a camera of its own, and its
settings. A network never has enough of them; support vectors keep all rows in memory."""
EXAMPLES = 4, 1
"""Typical clips that the model keeps: of each action that it claims, and of whatever else it learnt."""
LIMITS = """## Limits

- Where the body can be seen, push-ups, sit-ups and jumping jacks are told by their rules (from the second repetition
  in a row on), not by the model: the figures above are those of the model alone.
- Jumping jacks, push-ups and sit-ups are learnt from one set alone; that they are recognised elsewhere was not
  shown.
- What rules and model claim in thirteen real videos, rated by eye, stands in `benchmarks/README.md`.
- Tried and left out, on the same answers: either member alone, their mean without agreement, random convolutions in
  place of the network or beside it (`benchmarks/README.md`); before, rejection by the distance to the nearest windows
  learnt from, or to the mean of a class (it tells right answers on left-out sets from others with an area
  under the curve of .55 to .56, the probability with .72 to .73; both together are worse than the probability
  alone); a class of `unknown` for each kind of what is unnamed."""


def make_model(
    folder: Path, out: Path, command: str, settings: DrawSettings, checkpoints: Path | None = None,
    progress: Progress | None = None,
) -> str:  # fmt: skip
    """Train, judge and write the model with its card; returns the card.

    Raises:
        DataError: a set is missing, damaged or has labels that nobody decided about, or nothing can be claimed.
        OutputError: the folder can't be written.
    """
    sets = load_all(folder)
    return write_model(sets, *judge_members(sets, settings, checkpoints, progress), out, command)


def judge_members(
    sets: Sequence[SetClips], settings: DrawSettings, checkpoints: Path | None, progress: Progress | None
) -> tuple[ActionClassifier, Windows, Judged]:
    """As `judge`, each member with windows of its own; the windows are those of the first."""
    found = []
    for name, (times, own) in MEMBERS.items():
        more = replace(settings, per_action=times * settings.per_action, per_kind=times * settings.per_kind)
        member, learnt, judged = judge(
            make_classifier(name, own), sets, more, progress=progress, checkpoints=checkpoints
        )
        member.notes_.append(f"{name}: learnt from {len(learnt)} windows")
        found.append((member, learnt, judged))
    fitted, windows, answers = zip(*found, strict=True)
    mixed = make_classifier(KIND, {name: own for name, (_, own) in MEMBERS.items()} | {"agree": AGREE})
    assert isinstance(mixed, Ensemble)
    return mixed.of(dict(zip(MEMBERS, fitted, strict=True))), windows[0], asked_together(answers, agree=AGREE)


def write_model(
    sets: Sequence[SetClips], fitted: ActionClassifier, learnt: Windows, judged: Judged, out: Path, command: str
) -> str:
    """The model of a fitted classifier that was judged on sets left out; see `make_model`."""
    temperature = fitted_temperature(judged)
    below = thresholds(judged, temperature)
    if not below:
        raise DataError(f"no action is right in {CLAIMS_RIGHT:.0%} of its claims on sets left out; nothing to ship")
    kept = tuple(below)
    sets_ = (*kept, UNKNOWN)
    rows = left_out(judged, temperature)
    found = recalls(judged, temperature, below)
    truth = [name if name in below else UNKNOWN for name in judged.truth]
    limit = np.array([below[name] for name in kept])
    figures = {
        kind: set_figures(collapse(apply_temperature(answers, temperature), judged.names, kept), sets_, truth, limit)
        for kind, answers in (("clean", judged.clean), ("noisy", judged.noisy))
    }
    fitted.classes_ = np.array(
        [name if name in below or name == UNKNOWN else f"{UNKNOWN}: {name}" for name in fitted.classes_.tolist()]
    )
    info = ActionModelInfo(
        name="default",
        classifier=KIND,
        classes=kept,
        joints=learnt.clips.joints,
        sha256="",
        licence="Apache-2.0; trained on annotations that their authors offer for research",
        data={
            "name": ", ".join(one.of.name for one in sets if one.of.shippable) + ", windows drawn from them",
            "sha256": hashlib.sha256(np.ascontiguousarray(learnt.clips.points).tobytes()).hexdigest(),
            "clips": len(learnt),
            "classes": fitted.classes_.tolist(),
            "groups": sum(len(set(one.groups.tolist())) for one in sets if one.of.shippable),
            "notes": fitted.notes_,
        },
        figures={
            "protocol": "Sets left out whole; thresholds chosen on the same answers",
            "classes": list(figures["clean"][0]),
            "not_tested": [],
            "clean": figures["clean"][1].to_dict(figures["clean"][0]),
            "noisy": {"missing": 0.2, "jitter": 0.05} | figures["noisy"][1].to_dict(figures["noisy"][0]),
            "notes": [],
        },
        versions=versions(),
    )
    count = {kind: EXAMPLES[0 if kind in below else 1] for kind in np.unique(learnt.kinds).tolist()}
    model = ActionModel(
        info, fitted, temperature, max(below.values()), WINDOW_S, rules=RULES,
        decoding=Decoding(unknown_below=below),
        examples=typical(learnt.clips, learnt.kinds, learnt.sources.tolist(), count),
    )  # fmt: skip
    model = replace(model, info=save_action_model(model, out))
    card = model_card(model, command, "\n".join(_notes(sets, judged, below, rows, found)))
    write_bytes(out / "README.md", card.encode())
    return card


def _notes(
    sets: Sequence[SetClips], judged: Judged, below: Mapping[str, float], rows: Sequence[Mapping[str, str | float]],
    found: Mapping[str, Mapping[str, float]],
) -> list[str]:  # fmt: skip
    """What the card says beyond the usual figures."""
    lines = ["## What it claims", "", "| action | is | learnt from | claimed, of the windows of each set left out |",
             "|---|---|---|---|"]  # fmt: skip
    own = [one for one in sets if one.of.shippable]
    for name in below:
        sources = [one.of.name for one in own if name in one.names]
        shares = ", ".join(f"{source} {100 * share:.0f} %" for source, share in found[name].items())
        if len(sources) == 1:
            shares += " (other people of the same set; no other set shows it)"
        lines.append(f"| {name} | {ACTIONS[name]} | {', '.join(sources)} | {shares} |")
    others = [name for name in judged.names if name not in below]
    lines += [
        "",
        f"Learnt, but not claimed, since fewer than {CLAIMS_RIGHT:.0%} of the claims on left-out sets would be right,"
        " or since all that were right would be on one set:"
        f" {', '.join(others)}.",
        "",
        "## By set left out",
        "Thresholds chosen on the other sets. *Unnamed claimed*: of the windows that show none of the claimed actions,"
        " the share for which one is claimed all the same.",
        "",
        "| set | windows | learnt from otherwise | "
        + " | ".join(f"{figure}, {kind}" for figure in FIGURES for kind in ("clean", "noisy")) + " |",
        "|" + "---|" * 11,
    ]  # fmt: skip
    for row in rows:
        shares = " | ".join(
            "–" if np.isnan(value := float(row[f"{figure}, {kind}"])) else f"{value:.0f} %"
            for figure in FIGURES
            for kind in ("clean", "noisy")
        )
        ships = "yes" if PUBLIC_SETS[str(row["set"])].shippable else "no"
        lines.append(f"| {row['set']} | {row['windows']} | {ships} | {shares} |")
    lines += ["", *(_over_all(rows, kind) for kind in ("clean", "noisy"))]
    lines += [
        "",
        LIMITS,
        "",
        "## Sources",
        "",
        *(f"- {one.of.name}: {one.of.cite}. Licence: {one.of.licence}." for one in own),
    ]
    return lines


def _over_all(rows: Sequence[Mapping[str, str | float]], kind: str) -> str:
    """What is claimed of all sets together, each by the thresholds of the others."""
    windows, claimed, right = (
        np.nan_to_num([float(row[name]) for row in rows])
        for name in ("windows", f"claimed, {kind}", f"claims right, {kind}")
    )
    claims = windows * claimed
    return (
        f"Over all windows, {kind}: {claims.sum() / windows.sum():.1f} % claimed,"
        f" {(claims * right).sum() / max(claims.sum(), 1e-9):.1f} % of that right."
    )


def make_embedding(folder: Path, path: Path, settings: DrawSettings) -> str:
    """Learn the embedding from the windows that the model learns from, and write it; returns the file's sha256."""
    own = [one for one in load_all(folder) if one.of.shippable]
    drawn = draw_windows(own, settings.per_action, settings.per_kind, np.random.default_rng(settings.seed))
    return save_embedding(learn_embedding(drawn.clips, drawn.of_source), path)


FIGURES = ("balanced accuracy", "claimed", "claims right", "unnamed claimed")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    made = parser.add_mutually_exclusive_group(required=True)
    made.add_argument("--out", type=Path)
    made.add_argument("--embedding", type=Path)
    parser.add_argument("--checkpoints", type=Path)
    asked = parser.parse_args()
    if asked.embedding:
        print(f"{asked.embedding}: sha256 {make_embedding(asked.data, asked.embedding, DrawSettings())}")
        return
    command = f"python -m behavior.pipeline.default_model DATA --out {asked.out.name}"

    def told(done: int, total: int, message: str) -> None:
        print(f"{done} of {total}, {message}", file=sys.stderr)

    print(make_model(asked.data, asked.out, command, DrawSettings(), asked.checkpoints, told))


if __name__ == "__main__":
    main()
