"""`posescribe report`: tell again from what is stored."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from behavior.cli.console import Narrator
from behavior.cli.options import Floor, Json, Out, Overlay, Scale
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
    scale: Scale = None,
    floor: Floor = None,
    no_scale: Annotated[
        bool, typer.Option("--no-scale", help="Forget the scale and the floor that were given.")
    ] = False,
    json_: Json = False,
) -> None:
    """Report again from what is stored, of every recording in the database: names and labels by hand included.

    An overlay video that shows the same already is kept. A new one needs the source where it was; without it the old
    one stays, or the report comes without one and says so.
    """
    from behavior.pipeline import commands
    from behavior.pipeline.scale import scale_of
    from behavior.pipeline.settings import Settings

    if no_scale and (scale or floor):
        raise typer.BadParameter("--no-scale goes without --scale and --floor")
    settings = Settings(overlay=overlay, bin_s=bin_, scale=scale_of(scale, floor))
    with Narrator() as narrator:
        results = commands.report_all(db, out, settings, narrator, recording, zones, heading or (), no_scale=no_scale)
        for result in results:
            narrator.say(result["report"])
    if json_:
        print_json({"results": results})
