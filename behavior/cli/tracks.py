"""`posescribe tracks`: who is who, why, and how to change it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from behavior.cli.console import Narrator
from behavior.cli.options import Json
from behavior.cli.printable import print_json, print_safely

if TYPE_CHECKING:
    from behavior.corrections.people import People

app = typer.Typer(
    help="Who is who: list the people and why they are, merge, split, drop and rename them, take decisions back. "
    "Features, actions, export and report follow.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
DB = Annotated[str, typer.Argument(metavar="DB", help="Database file or SQLAlchemy URL.")]
Person = Annotated[int, typer.Argument(min=1, metavar="PERSON", help="Number of the person.")]
Recording = Annotated[
    str | None,
    typer.Option("--recording", help="Name, number or path of the recording; needed when the database has several."),
]


@app.command("list")
def list_(
    db: DB,
    recording: Annotated[str | None, typer.Option(help="Only this recording.")] = None,
    edits: Annotated[
        Path | None, typer.Option(help="Also write the changes by hand of one recording to this file (.csv).")
    ] = None,
    json_: Json = False,
) -> None:
    """The people of each recording, and the decisions by which they became what they are."""
    from behavior.corrections.edit_files import write_edits
    from behavior.corrections.people import list_people

    found = list_people(db, recording)
    if edits is not None:
        if len(found) > 1:
            raise typer.BadParameter("--edits needs --recording: the database has several recordings")
        write_edits(found[0].edits, edits)
    _show(found, json_, decisions=True)


@app.command()
def merge(
    db: DB,
    person: Person,
    others: Annotated[list[int], typer.Argument(min=1, metavar="OTHER...", help="Who is the same person.")],
    recording: Recording = None,
    json_: Json = False,
) -> None:
    """OTHER is PERSON: their frames become PERSON's. Where both are in a frame, the longer tracklet stays."""
    _apply(db, recording, [{"action": "merge", "person": person, "other": other} for other in others], json_)


@app.command()
def split(
    db: DB,
    person: Person,
    frame: Annotated[int | None, typer.Option(min=0, help="First frame of the second person.")] = None,
    at: Annotated[float | None, typer.Option(min=0, help="The same in seconds of the source's own time.")] = None,
    other: Annotated[
        int | None, typer.Option("--as", min=1, help="Number of the second person.  [default: the next free one]")
    ] = None,
    recording: Recording = None,
    json_: Json = False,
) -> None:
    """PERSON is two people: one before a frame, another from it on."""
    if (frame is None) == (at is None):
        raise typer.BadParameter("give --frame or --at")
    if frame is None and at is not None:
        from behavior.corrections.people import split_at

        frame = split_at(db, recording, at)
    _apply(db, recording, [{"action": "split", "person": person, "other": other, "frame": frame}], json_)


@app.command()
def drop(
    db: DB,
    people: Annotated[list[int], typer.Argument(min=1, metavar="PERSON...", help="Who is nobody.")],
    recording: Recording = None,
    json_: Json = False,
) -> None:
    """PERSON is nobody: a ghost, or somebody who does not belong to the study."""
    _apply(db, recording, [{"action": "drop", "person": person} for person in people], json_)


@app.command()
def rename(
    db: DB,
    person: Person,
    to: Annotated[str, typer.Argument(metavar="NAME|NUMBER", help='A name, "" for none, or another number.')],
    recording: Recording = None,
    json_: Json = False,
) -> None:
    """PERSON gets a name, or another number; who had that number gets PERSON's."""
    new: dict[str, Any] = {"other": int(to)} if to.isdecimal() else {"name": to}
    _apply(db, recording, [{"action": "rename", "person": person, **new}], json_)


@app.command()
def undo(
    db: DB,
    decisions: Annotated[
        list[int] | None, typer.Argument(min=1, metavar="[DECISION...]", help="Numbers that `tracks list` shows.")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Take back all changes by hand.")] = False,
    recording: Recording = None,
    json_: Json = False,
) -> None:
    """Take decisions back, the tracker's or those made by hand."""
    if bool(decisions) == all_:
        raise typer.BadParameter("give the numbers of decisions, or --all")
    from behavior.corrections.people import take_back_decisions

    with Narrator() as narrator:
        people = take_back_decisions(db, recording, None if all_ else decisions, narrator)
    _show([people], json_)


@app.command()
def accept(
    db: DB,
    suggestions: Annotated[
        list[int], typer.Argument(min=1, metavar="SUGGESTION...", help="Numbers that `tracks list` shows.")
    ],
    recording: Recording = None,
    json_: Json = False,
) -> None:
    """Merge people who may be one, as the tracker suggests."""
    from behavior.corrections.people import accept_suggestions

    with Narrator() as narrator:
        people = accept_suggestions(db, recording, suggestions, narrator)
    _show([people], json_)


@app.command()
def apply(
    db: DB,
    file: Annotated[Path, typer.Argument(help="CSV with the columns action,person,other,frame,decision.")],
    recording: Recording = None,
    json_: Json = False,
) -> None:
    """The changes of a file, in order, on top of those made before; all or none."""
    from behavior.corrections.edit_files import read_edits
    from behavior.corrections.people import change

    edits = read_edits(file)
    with Narrator() as narrator:
        people = change(db, recording, edits, narrator)
    _show([people], json_)


def _apply(db: str, recording: str | None, changes: list[dict[str, Any]], json_: bool) -> None:
    from behavior.corrections.people import change
    from pose.tracking import Edit

    try:
        edits = [Edit(**one) for one in changes]
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    with Narrator() as narrator:
        people = change(db, recording, edits, narrator)
    _show([people], json_)


def _show(found: list[People], json_: bool, decisions: bool = False) -> None:
    if json_:
        plain = [_plain(people) for people in found]
        print_json(plain[0] if not decisions else {"recordings": plain})
        return
    for people in found:
        by_hand = f", {len(people.edits)} changes by hand" if people.edits else ""
        print_safely(f"{people.recording}: {len(people.tracks)} people (track run {people.run_id}{by_hand})")
        if people.tracks:
            width = max(4, *(len(track.name or "") for track in people.tracks))
            print_safely(f"  person  {'name':{width}}      from s        to s  frames  score  tracklets")
        for track in people.tracks:
            tracklets = ", ".join(map(str, people.tracklets[track.track_id]))
            print_safely(
                f"  {track.track_id:6}  {track.name or '':{width}}  {track.start_s:10.2f}  {track.stop_s:10.2f}  "
                f"{track.n_frames:6}  {track.mean_score:5.2f}  {tracklets}"
            )
        if decisions and people.decisions:
            print_safely("  decisions")
            for number, decision in enumerate(people.decisions, start=1):
                figures = ", ".join(f"{name} {value:g}" for name, value in decision.details.items())
                told = f"  ({figures})" if figures else ""
                print_safely(f"  {number:6}  {decision.kind:10}  {decision.reason}{told}")


def _plain(people: People) -> dict[str, Any]:
    return {
        "recording": people.recording,
        "run": people.run_id,
        "people": [{**vars(track), "tracklets": list(people.tracklets[track.track_id])} for track in people.tracks],
        "decisions": [
            {"number": number, **vars(one), "tracklets": list(one.tracklets), "details": dict(one.details)}
            for number, one in enumerate(people.decisions, start=1)
        ],
    }
