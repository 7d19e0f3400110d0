"""`posescribe studio`: the report as a local page that saves corrections."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from behavior.cli.console import Narrator


def studio(
    db: Annotated[list[str], typer.Argument(metavar="DB...", help="Database files or SQLAlchemy URLs.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder of the reports.  [default: beside each database]")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 0,
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
) -> None:
    """All recordings as local pages, in which corrections are saved into the database at once.

    Only this machine can reach it, at an address with a random token. Ctrl-C ends it.
    """
    from behavior.studio.serve import serve

    with Narrator() as narrator:
        serve(db, out, port, narrator, browser=browser)
