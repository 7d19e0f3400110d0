"""`posescribe train`, `evaluate` and `predict`: action models on labelled sequences."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from behavior.classifiers.registry import CLASSIFIERS
from behavior.cli.console import Narrator
from behavior.cli.options import Json
from behavior.rules import RULES

Data = Annotated[Path, typer.Argument(help="Labelled sequences, .npz.")]
ModelPath = Annotated[
    str, typer.Argument(metavar="MODEL", help="A name of `posescribe models list`, or a model's folder.")
]


def train(
    data: Data,
    out: Annotated[Path, typer.Option("--out", help="Folder of the model.")],
    classifier: Annotated[str, typer.Option(help=f"Kind of classifier: {', '.join(CLASSIFIERS)}.")] = "ensemble",
    name: Annotated[str, typer.Option(help="What the model is called in reports.")] = "custom",
    data_name: Annotated[str, typer.Option(help="What the data is called in the model's card.")] = "",
    licence: Annotated[str, typer.Option(help="Of the model.")] = "as the data it was trained on",
    folds: Annotated[
        int, typer.Option(min=0, help="Of the grouped cross-validation that gives the figures; 0 leaves it out.")
    ] = 4,
    still: Annotated[
        float,
        typer.Option(min=0, max=1, help="Clips of people holding still, added as `unknown`: share of all clips."),
    ] = 0.0,
    prior: Annotated[
        str | None,
        typer.Option(help="How much more often an action is met than in the data: JSON, '{\"walk\": 3}'."),
    ] = None,
    rule: Annotated[
        list[str] | None,
        typer.Option(help=f"Action found by a rule beside the learnt ones: {', '.join(RULES)}; may be given again."),
    ] = None,
    settings: Annotated[
        str | None, typer.Option(help="Of the classifier, where they differ from its own: JSON.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of every random step.")] = 0,
    json_: Json = False,
) -> None:
    """Train an action classifier, and measure how far to trust it.

    Clips of one group (recording or person) never stand on both sides of a split. Writes a folder without pickle:
    model.json, weights.safetensors and the model's card.
    """
    from behavior.classifiers.card import model_card
    from behavior.datasets import load_sequences
    from behavior.report.files import write_bytes
    from behavior.training import TrainSettings
    from behavior.training import train as train_model

    with Narrator() as narrator:
        model, _ = train_model(
            load_sequences(data),
            classifier,
            out,
            settings=TrainSettings(folds=folds, seed=seed, still=still),
            classifier_settings=_object(settings, "--settings"),
            name=name,
            data_name=data_name,
            licence=licence,
            prior=_object(prior, "--prior"),
            rules=rule or (),
            progress=lambda done, total, message: narrator.step(message, done, total),
        )
        write_bytes(out / "README.md", model_card(model, " ".join(_command())).encode())
        narrator.say(f"{out}: {_figures(model.info.figures)}")
    if json_:
        print(json.dumps({"model": str(out), "sha256": model.info.sha256, "figures": model.info.figures}))


def evaluate(model: ModelPath, data: Data, json_: Json = False) -> None:
    """Accuracy of an action model on labelled sequences that it was not trained on.

    Accuracy, balanced accuracy, precision, recall and F1 of each class, confusion matrix (rows: truth).
    """
    import numpy as np

    from behavior.catalogue import locate
    from behavior.classifiers.model import load_action_model
    from behavior.evaluation.sequences import evaluate_sequences

    result = evaluate_sequences(load_action_model(locate(model)), data)
    if json_:
        print(json.dumps(result))
        return
    for key in ("clips", "accuracy", "balanced_accuracy", "coverage", "claims_right"):
        print(f"{key:18} {result[key]}")
    width = max(len(name) for name in result["classes"])
    print(f"\n{'':{width}}  precision  recall      F1  clips")
    for name, row in result["per_class"].items():
        values = [np.nan if row[key] is None else row[key] for key in ("precision", "recall", "f1")]
        print(f"{name:{width}}  {values[0]:9.3f} {values[1]:7.3f} {values[2]:7.3f} {row['clips']:6d}")


def predict(
    model: ModelPath,
    data: Data,
    out: Annotated[Path, typer.Option("--out", help="CSV: one row per sequence.")],
) -> None:
    """Name the action of each sequence.

    Columns: sequence (number from 0), label (the best action), score (its probability), claim (the label, or `unknown`
    where the model is not sure enough to claim it), then the probability of every action.
    """
    from behavior.catalogue import locate
    from behavior.classifiers.model import load_action_model
    from behavior.evaluation.sequences import predict_sequences
    from behavior.report.tables import write_table

    write_table(predict_sequences(load_action_model(locate(model)), data), out)


def _object(text: str | None, option: str) -> dict[str, float] | None:
    if text is None:
        return None
    try:
        value = json.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"{option}: not JSON ({error})") from None
    if not isinstance(value, dict):
        raise typer.BadParameter(f'{option}: expected a JSON object such as {{"walk": 3}}')
    return value


def _command() -> list[str]:
    import shlex
    import sys

    return ["posescribe", *map(shlex.quote, sys.argv[1:])]


def _figures(figures: dict[str, dict[str, float]]) -> str:
    if not figures:
        return "not tested (--folds 0)"
    return ", ".join(f"accuracy {figures[kind]['accuracy']:.1%} ({kind})" for kind in ("clean", "noisy"))
