"""`posescribe report`: tell again from what is stored."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from behavior.cli.console import Narrator
from behavior.cli.options import Json, Out, Overlay

StoredDb = Annotated[str, typer.Argument(metavar="DB", help="Database file or SQLAlchemy URL.")]


def report(db: StoredDb, out: Out, overlay: Overlay = True, json_: Json = False) -> None:
    """Report again from what is stored, of every recording in the database.

    The overlay video needs the sources where they were; without them the report comes without it and says so.
    """
    from behavior.pipeline import commands
    from behavior.pipeline.settings import Settings

    with Narrator() as narrator:
        results = commands.report_all(db, out, Settings(overlay=overlay), narrator)
        for result in results:
            narrator.say(result["report"])
    if json_:
        print(json.dumps({"results": results}))
