"""`posescribe compare`: recordings, people or groups beside each other."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from behavior.cli.console import Narrator
from behavior.cli.options import Json, Out
from behavior.cli.printable import print_json


def compare(
    db: Annotated[str, typer.Argument(metavar="DB", help="Database file or SQLAlchemy URL.")],
    out: Out,
    groups: Annotated[
        Path | None,
        typer.Option(
            help="CSV with a header: `recording` (name or number), a column of groups, and `person` where people of "
            "one recording are of different groups."
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            help="Column of the groups; without --groups `recording`, `person`, or a line of the reports' headings, "
            "such as `place`.  [default: recording]"
        ),
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option(
            help="Column of what was sampled independently, e.g. a subject with several recordings.  "
            "[default: each recording]"
        ),
    ] = None,
    features: Annotated[
        str | None, typer.Option(help="These features of the catalogue instead of some of speeds and knees.")
    ] = None,
    json_: Json = False,
) -> None:
    """Recordings, people or groups compared: actions and features, with intervals and effect sizes.

    Writes OUT/compare.html, units.csv, groups.csv, differences.csv and compare.json. What counts is the number of
    independent units; people, bouts and windows of one recording are averaged first.
    """
    from behavior.pipeline.comparing import compare as run

    names = None if features is None else [name for part in features.split(",") if (name := part.strip())]
    if names == []:
        raise typer.BadParameter("--features names none; leave it out for the usual ones")
    with Narrator() as narrator:
        about = run(db, out, narrator, groups=groups, by=by, unit=unit, features=names)
        narrator.say(str(out / "compare.html"))
    if json_:
        print_json(about)
