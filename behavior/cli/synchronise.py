"""`posescribe synchronise`: the time between recordings of one scene."""

from __future__ import annotations

from typing import Annotated

import typer

from behavior.cli.console import Narrator
from behavior.cli.options import Json, Out
from behavior.cli.printable import print_json


def synchronise(
    db: Annotated[str, typer.Argument(metavar="DB", help="Database file or SQLAlchemy URL, with all recordings.")],
    out: Out,
    recording: Annotated[
        list[str] | None, typer.Option(help="A recording of the scene; give it again for each.  [default: all]")
    ] = None,
    reference: Annotated[
        str | None, typer.Option(help="The recording whose clock it shall be.  [default: the first]")
    ] = None,
    max_offset: Annotated[float, typer.Option(min=0.1, help="Seconds; offsets up to this are tried.")] = 10.0,
    json_: Json = False,
) -> None:
    """The time between recordings of one scene, from how fast people move up and down in each.

    Writes OUT/offsets.csv (seconds to add to a recording's own time, with their standard error), correlation.csv and
    offsets.svg (how well each offset fits) and run.json. The database keeps the offsets; `triangulate --stored-offsets`
    uses them, nothing does by itself. Doubtful offsets are refused. Cameras should stand upright.
    """
    from behavior.pipeline.synchrony import synchronise as run

    with Narrator() as narrator:
        result = run(db, out, narrator, names=recording or (), reference=reference, longest_s=max_offset)
    if json_:
        print_json(result)
