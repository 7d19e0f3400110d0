"""`posescribe labels`: what humans coded, in and against the machine."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from behavior.cli.console import Narrator
from behavior.cli.options import End, Json, Start, check_range
from behavior.cli.printable import print_json, print_safely

if TYPE_CHECKING:
    from behavior.evaluation.matching import Target

app = typer.Typer(
    help="Human-coded intervals: import them, and compare them with the automatic bouts.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


class Unclosed(StrEnum):
    """What happens to a state that never stops."""

    drop = "drop"
    close = "close"


class ActionFrom(StrEnum):
    """Where ELAN keeps the action."""

    value = "value"
    tier = "tier"


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="BORIS (tabular, aggregated, project), ELAN (.eaf, tab export) or CSV.")],
    db: Annotated[str, typer.Option("--db", help="Database file or SQLAlchemy URL.")],
    recording: Annotated[
        str | None, typer.Option(help="The recording in the database.  [default: as the file names it or its video]")
    ] = None,
    match: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SUBJECT=WHO",
            help="Who a subject is: SUBJECT=TRACK, SUBJECT=x,y@t (a click: pixels, seconds) or SUBJECT=x1,y1,x2,y2@t"
            " (a box). An empty SUBJECT is nobody in particular. May be repeated.",
        ),
    ] = None,
    rename: Annotated[
        list[str] | None,
        typer.Option(metavar="THEIRS=OURS", help="Store an action under another name. May be repeated."),
    ] = None,
    unclosed: Annotated[
        Unclosed, typer.Option(help="A state that never stops: leave it out, or close it at the end of the video.")
    ] = Unclosed.drop,
    coder: Annotated[str | None, typer.Option(help="Who coded it.  [default: as the file says]")] = None,
    tier: Annotated[list[str] | None, typer.Option(help="ELAN: only this tier. May be repeated.")] = None,
    action_from: Annotated[
        ActionFrom, typer.Option(help="ELAN: the action is the annotation's text, or the tier's name.")
    ] = ActionFrom.value,
    whole: Annotated[
        bool | None,
        typer.Option(
            "--whole/--partly",
            help="All the time of its people was coded, so between labels nothing was done; or only where they have a"
            " label, and elsewhere the automatic bouts stay.  [default: --whole, of `labels suggest` --partly]",
        ),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Import nothing when anything in the file is odd.")] = False,
    json_: Json = False,
) -> None:
    """Human-coded intervals from BORIS, ELAN or CSV into the database, all of a file or nothing.

    Importing the same path again replaces what it said before. What is odd in the file is told with its line.
    """
    matches, names = dict(map(_match, match or [])), dict(map(_pair, rename or []))
    from behavior.evaluation.human_labels import import_labels
    from storage import open_database

    with open_database(db, create=False) as opened, Narrator() as narrator:
        result = import_labels(
            opened, file, recording=recording, matches=matches, unclosed=unclosed.value, rename=names, coder=coder,
            tiers=tier or (), action_from=action_from.value, whole=whole, strict=strict,
        )  # fmt: skip
        for problem in result.problems:
            narrator.say(f"note: {problem}")
        for one in result.recordings:
            people = ", ".join(
                f"{subject or 'nobody in particular'} = {'no track' if track is None else f'track {track}'}"
                for subject, track in one.people.items()
            )
            narrator.say(f"{one.recording}: {one.intervals} intervals, {one.points} points ({result.format}); {people}")
    if json_:
        print_json(
            {
                "format": result.format,
                "recordings": [{**vars(one), "people": dict(one.people)} for one in result.recordings],
                "problems": list(result.problems),
            }
        )


@app.command()
def compare(
    db: Annotated[str, typer.Argument(metavar="DB", help="Database file or SQLAlchemy URL.")],
    recording: Annotated[str | None, typer.Option(help="Only this recording.")] = None,
    coder: Annotated[str | None, typer.Option(help="Only labels of this coder.")] = None,
    action: Annotated[list[str] | None, typer.Option(help="Only this action. May be repeated.")] = None,
    start: Start = None,
    end: End = None,
    min_s: Annotated[float, typer.Option("--min", min=0, help="Shortest disagreement to list, seconds.")] = 0.0,
    out: Annotated[Path | None, typer.Option("--out", help="Disagreements as a table (.csv).")] = None,
    json_: Json = False,
) -> None:
    """Agreement of the machine with the human: kappa, figures per action, bouts, and where they disagree."""
    check_range(start, end)
    from behavior.evaluation.human_labels import compare_labels
    from behavior.report.tables import write_table
    from storage import open_database

    with open_database(db, create=False) as opened, Narrator() as narrator:
        found = compare_labels(
            opened, recording=recording, coder=coder, actions=action or None, start_s=start, stop_s=end, min_s=min_s
        )
        for note in found.notes:
            narrator.say(f"note: {note}")
        if out is not None:
            write_table(found.disagreements, out)
            narrator.say(f"{len(found.disagreements)} disagreements: {out}")
    if json_:
        print_json(found.to_dict())
        return
    bouts = ", ".join(f"{value:.3f} at IoU {threshold:g}" for threshold, value in found.bout_f1.items())
    print_safely(
        f"kappa {found.kappa:.3f}, same in {found.observed:.1%} of {found.n_frames} frames of {found.n_people} people"
    )
    print_safely(f"F1 of bouts: {bouts}")
    shown = [name for name in found.per_action if not str(name).startswith(("bout_precision", "bout_recall", "both"))]
    print_safely(found.per_action[shown].to_string(index=False, float_format="{:.3f}".format))
    if len(found.disagreements) and out is None:
        columns = ["recording", "person", "start_s", "stop_s", "human", "machine"]
        print_safely(found.disagreements[columns].to_string(index=False, float_format="{:.3f}".format))


@app.command()
def suggest(
    db: Annotated[str, typer.Argument(metavar="DB", help="Database file or SQLAlchemy URL.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for labels.csv and clips/; made when it is not there.")],
    actions: Annotated[
        str, typer.Option(help="Action model whose doubt counts: a name, a model's folder, or `none`.")
    ] = "default",
    count: Annotated[int, typer.Option(min=1, help="How many moments.")] = 20,
    window: Annotated[float, typer.Option(min=0.5, help="How long each is, seconds.")] = 2.0,
    recording: Annotated[str | None, typer.Option(help="Only this recording.")] = None,
    clips: Annotated[bool, typer.Option("--clips/--no-clips", help="Cut a video of each, the person boxed.")] = True,
    json_: Json = False,
) -> None:
    """What to label next: moments unlike those labelled, and those that a model is in doubt about.

    Writes labels.csv, the one that would teach most first. Watch the clips, fill in the column `action` (`unknown`
    where none of yours is to be seen), and import the file: `posescribe labels import OUT/labels.csv --db DB`. Rows
    left empty are left out. Of the time between nothing is learnt.
    """
    from behavior.pipeline.models import locate
    from behavior.pipeline.suggest import suggest as write_suggestions
    from behavior.recognition.model import load_action_model

    model = None if actions == "none" else load_action_model(locate(actions))
    with Narrator() as narrator:
        found = write_suggestions(
            db, out, narrator, model=model, count=count, window_s=window, recording=recording, clips=clips
        )
    if json_:
        print_json(found)


def _match(text: str) -> tuple[str, Target]:
    from behavior.evaluation.matching import parse_match

    try:
        return parse_match(text)
    except ValueError as error:
        raise typer.BadParameter(f"--match {error}") from error


def _pair(text: str) -> tuple[str, str]:
    theirs, equals, ours = text.partition("=")
    if not (equals and theirs and ours):
        raise typer.BadParameter(f"--rename {text!r}: expected THEIRS=OURS")
    return theirs, ours
