"""`posescribe report`: tell again from what is stored."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from behavior.cli.console import Narrator
from behavior.cli.options import Json, Out, Overlay
from behavior.cli.printable import print_json

StoredDb = Annotated[str, typer.Argument(metavar="DB", help="Database file or SQLAlchemy URL.")]


def report(
    db: StoredDb,
    out: Out,
    recording: Annotated[str | None, typer.Option(help="Only this recording.  [default: all]")] = None,
    overlay: Overlay = True,
    bin_: Annotated[
        float | None,
        typer.Option("--bin", min=0.1, help="Width of time bins, seconds.  [default: about a tenth of the recording]"),
    ] = None,
    zones: Annotated[
        Path | None,
        typer.Option(
            help="Areas of the picture, as the report's own page or an editor writes them; kept as zones.json in the "
            "recording's folder."
        ),
    ] = None,
    heading: Annotated[
        list[str] | None,
        typer.Option(
            help='A line for the heading, such as "Place: yard"; may be repeated. Kept as heading.txt in the '
            "recording's folder."
        ),
    ] = None,
    json_: Json = False,
) -> None:
    """Report again from what is stored, of every recording in the database: names and labels by hand included.

    An overlay video that shows the same already is kept. A new one needs the source where it was; without it the old
    one stays, or the report comes without one and says so.
    """
    from behavior.pipeline import commands
    from behavior.pipeline.settings import Settings

    with Narrator() as narrator:
        results = commands.report_all(
            db, out, Settings(overlay=overlay, bin_s=bin_), narrator, recording, zones, heading or ()
        )
        for result in results:
            narrator.say(result["report"])
    if json_:
        print_json({"results": results})
