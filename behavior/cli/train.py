"""`posescribe train`, `evaluate` and `predict`: action models on labelled sequences or a database with labels."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from behavior.cli.console import Narrator
from behavior.cli.options import Json, Plugin
from behavior.cli.printable import print_json, print_safely, printable
from behavior.recognition.classifiers.registry import CLASSIFIERS
from behavior.recognition.rules import RULES

if TYPE_CHECKING:
    from behavior.training.held_out import HeldOut

Data = Annotated[
    str,
    typer.Argument(metavar="DATA", help="Labelled sequences (.npz), or a database with imported labels (file or URL)."),
]
RecordingName = Annotated[str | None, typer.Option(help="Database: only this recording.")]
Coder = Annotated[str | None, typer.Option(help="Database: only labels of this coder.")]
UNFINISHED = "unfinished"
"""Where in the model's folder networks keep their state until all is trained."""
QUICK, _LONG_S = "few_shot", 60.0
"""The kind that is offered where a training takes longer than this."""
ModelPath = Annotated[
    str, typer.Argument(metavar="MODEL", help="A name of `posescribe models list`, or a model's folder.")
]


def _one_of(known: Iterable[str]) -> Callable[[Any], Any]:
    """A check of an option that takes a name, or several."""

    def check(value: Any) -> Any:
        for name in [value] if isinstance(value, str) else value or ():
            if name not in known:
                raise typer.BadParameter(f"{name!r} is none of {', '.join(known)}")
        return value

    return check


class Grouping(StrEnum):
    """What never stands on both sides of a split."""

    auto = "auto"
    recording = "recording"
    person = "person"
    time = "time"
    none = "none"


def train(
    data: Data,
    out: Annotated[Path, typer.Option("--out", help="Folder of the model.")],
    classifier: Annotated[
        str, typer.Option(help=f"Kind of classifier: {', '.join(CLASSIFIERS)}.", callback=_one_of(CLASSIFIERS))
    ] = "ensemble",
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
        typer.Option(
            help=f"Action found by a rule beside the learnt ones: {', '.join(RULES)}; may be given again.",
            callback=_one_of(RULES),
        ),
    ] = None,
    settings: Annotated[
        str | None, typer.Option(help="Of the classifier, where they differ from its own: JSON.")
    ] = None,
    plugin: Plugin = None,  # noqa: ARG001  # loaded by its callback
    claims_right: Annotated[
        float,
        typer.Option(
            min=0.5, max=0.99, help="Share of the claims that should be right: more names fewer actions, more surely."
        ),
    ] = 0.8,
    seed: Annotated[int, typer.Option(help="Of every random step.")] = 0,
    group_by: Annotated[
        Grouping,
        typer.Option(
            help="Database: what never stands on both sides of a split. auto: recordings, or parts of the time where"
            " only one is labelled."
        ),
    ] = Grouping.auto,
    window: Annotated[
        float | None, typer.Option(min=0.1, help="Database: length of a clip, seconds.  [default: the median bout]")
    ] = None,
    unlabelled: Annotated[
        bool,
        typer.Option(
            "--unlabelled/--skip-unlabelled",
            help="Database: time of coded people without a label is `unknown`, or is left out.",
        ),
    ] = True,
    recording: RecordingName = None,
    coder: Coder = None,
    report: Annotated[
        bool, typer.Option("--report/--no-report", help="Write report.html, which needs three more fits per fold.")
    ] = True,
    json_: Json = False,
) -> None:
    """Train an action classifier, and measure how far to trust it.

    Clips of one group (recording or person) never stand on both sides of a split. Writes a folder without pickle:
    model.json, weights.safetensors, the model's card, and report.html: how far to trust it, in figures.

    A network (temporal, graph, mixed) that is stopped goes on when the same command is given, with the same result:
    until all is trained, OUT/unfinished holds its state.
    """
    from behavior.evaluation.matching import look_alikes
    from behavior.recognition.classifiers.base import ActionClassifier
    from behavior.recognition.classifiers.registry import make_classifier
    from behavior.recognition.clips import LabelledSequences, load_sequences
    from behavior.report.card import model_card
    from behavior.training.duration import expected_seconds
    from behavior.training.train import TrainSettings
    from behavior.training.train import train as train_model
    from storage.files import write_bytes

    asked: dict[str, Any] = {
        "settings": TrainSettings(
            folds=folds, seed=seed, still=still, claims_right=claims_right, checkpoints=out / UNFINISHED
        ),
        "classifier_settings": _object(settings, "--settings"),
        "name": name,
        "data_name": data_name,
        "licence": licence,
        "prior": _object(prior, "--prior"),
        "rules": rule or (),
    }
    notes: tuple[str, ...] = ()
    told: HeldOut | None = None
    ways: dict[str, str] = {}
    with Narrator() as narrator:

        def step(done: int, total: int, message: str) -> None:
            narrator.step(message, done, total)

        def before(clips: LabelledSequences) -> None:
            def make() -> ActionClassifier:
                return make_classifier(classifier, asked["classifier_settings"])

            expected = expected_seconds(make, clips, asked["settings"], report=report)
            quick = "" if expected < _LONG_S or classifier == QUICK else f"; --classifier {QUICK} is much quicker"
            narrator.say(f"{classifier} on {len(clips):,} clips: about {_duration(expected)}{quick}")

        if is_database(data):
            from behavior.training.cut import CutSettings
            from behavior.training.on_database import train_coded
            from storage import open_database

            cut = CutSettings(window_s=window, unlabelled=unlabelled, group_by=group_by.value)
            with open_database(data, create=False) as database:
                trained = train_coded(
                    database,
                    classifier,
                    out,
                    cut=cut,
                    recording=recording,
                    coder=coder,
                    before=before,
                    progress=step,
                    **asked,
                )
            model, cv, notes, sequences = trained.model, trained.cv, trained.notes, trained.clips.data
            if trained.held_out is not None:
                from behavior.pipeline.commands import ways_to_reports
                from behavior.report.training import write_held_out

                told, ways = trained.held_out, ways_to_reports(data, out)
                write_held_out(told, ways, out)
        else:
            sequences = load_sequences(data)
            before(sequences)
            model, cv = train_model(sequences, classifier, out, progress=step, **asked)
            notes = (*look_alikes(sequences.classes),)
            if sequences.groups is None and folds:
                notes += (f"{data} names no groups: clips of one person may stand on both sides, the figures flatter",)
        for note in (*notes, *model.info.figures.get("notes", ())):
            narrator.say(f"note: {note}")
        write_bytes(out / "README.md", model_card(model, " ".join(command_words())).encode())
        if cv is not None and report:
            from behavior.report.training import write_training_page
            from behavior.training.figures import training_figures

            shown = training_figures(model, sequences, cv, asked["settings"], asked["classifier_settings"], step)
            write_training_page(model, shown, notes, out / "report.html", told, ways)
        shutil.rmtree(out / UNFINISHED, ignore_errors=True)
        narrator.say(f"{out}: {_trained(model.info.figures)}")
    if json_:
        print_json({"model": str(out), "sha256": model.info.sha256, "figures": model.info.figures})


def evaluate(
    model: ModelPath,
    data: Data,
    recording: RecordingName = None,
    coder: Coder = None,
    plugin: Plugin = None,  # noqa: ARG001  # loaded by its callback
    json_: Json = False,
) -> None:
    """Accuracy of an action model on labels that it was not trained on.

    Accuracy, balanced accuracy, precision, recall and F1 of each class, confusion matrix (rows: truth); on a database
    also kappa by frame and F1 of bouts against the human.
    """
    from behavior.evaluation.sequences import evaluate_sequences
    from behavior.pipeline.models import locate
    from behavior.recognition.model import load_action_model

    loaded = load_action_model(locate(model))
    if is_database(data):
        from behavior.training.on_database import evaluate_coded
        from storage import open_database

        with open_database(data, create=False) as database:
            result = evaluate_coded(loaded, database, recording=recording, coder=coder)
    else:
        result = evaluate_sequences(loaded, Path(data))
    for note in result.get("notes", ()):
        typer.echo(printable(f"note: {note}"), err=True)
    if json_:
        print_json(result)
        return
    print_safely(_table(result))


def predict(
    model: ModelPath,
    data: Data,
    out: Annotated[Path, typer.Option("--out", help="CSV: one row per sequence.")],
    recording: RecordingName = None,
    plugin: Plugin = None,  # noqa: ARG001  # loaded by its callback
    json_: Json = False,
) -> None:
    """Name the action of each sequence; of each window of every track, in a database.

    Columns: sequence (number from 0), label (the best action), score (its probability), claim (the label, or `unknown`
    where the model is not sure enough to claim it), then the probability of every action.
    """
    from behavior.evaluation.sequences import predict_sequences
    from behavior.pipeline.models import locate
    from behavior.recognition.model import load_action_model
    from behavior.report.tables import write_table

    loaded = load_action_model(locate(model))
    if is_database(data):
        from behavior.training.on_database import predict_stored
        from storage import open_database

        with open_database(data, create=False) as database:
            table = predict_stored(loaded, database, recording=recording)
    else:
        table = predict_sequences(loaded, Path(data))
    write_table(table, out)
    counts = {str(name): int(count) for name, count in table["claim"].value_counts().items()}
    if json_:
        print_json({"out": str(out), "rows": len(table), "claims": counts})
    told = ", ".join(f"{name} {count}" for name, count in counts.items())
    typer.echo(f"{out}: {len(table)} rows; claimed: {told or 'nothing'}", err=True)


def is_database(data: str) -> bool:
    if "://" in data:
        return True
    try:
        with Path(data).open("rb") as file:
            return file.read(15) == b"SQLite format 3"
    except OSError:
        return Path(data).suffix == ".db"


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


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def command_words() -> list[str]:
    import shlex
    import sys

    return ["posescribe", *map(shlex.quote, sys.argv[1:])]


def _trained(figures: dict[str, dict[str, float]]) -> str:
    if not figures:
        return "not tested (--folds 0)"
    return ", ".join(f"accuracy {figures[kind]['accuracy']:.1%} ({kind})" for kind in ("clean", "noisy"))


def _table(result: dict[str, Any]) -> str:
    """What `evaluate` tells, for a reader; – where nothing was tested."""
    lines = [f"{result['model']} on {result['clips']} clips", ""]
    for key, name in (
        ("accuracy", "accuracy"),
        ("balanced_accuracy", "balanced accuracy"),
        ("coverage", "clips claimed"),
        ("claims_right", "claims right"),
    ):
        lines.append(f"{name:26} {_share(result[key]):>8}")
    for key, name in (("log_loss", "log-loss, nats"), ("calibration_error", "calibration error"), ("kappa", "kappa")):
        if key in result:
            lines.append(f"{name:26} {_decimal(result[key]):>8}")
    for threshold, value in result.get("bout_f1", {}).items():
        lines.append(f"{f'F1 of bouts, IoU {threshold}':26} {_decimal(value):>8}")
    width = max(len(name) for name in (*result["classes"], "class"))
    lines += ["", f"{'class':{width}}  precision   recall       F1   clips"]
    for name, row in result["per_class"].items():
        figures = [_share(row[key]) for key in ("precision", "recall", "f1")]
        lines.append(f"{name:{width}}  {figures[0]:>9} {figures[1]:>8} {figures[2]:>8} {row['clips']:7d}")
    if "per_action" in result:
        lines += ["", f"{'frames':{width}}    human, s  machine, s       F1    kappa"]
        for row in result["per_action"]:
            seconds = f"{row['human_s']:>10.1f}  {row['machine_s']:>10.1f}"
            lines.append(f"{row['action']:{width}}  {seconds} {_share(row['f1']):>8} {_decimal(row['kappa']):>8}")
    return "\n".join(lines)


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _decimal(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
