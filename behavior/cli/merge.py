"""`posescribe merge`: several databases into one."""

from __future__ import annotations

from typing import Annotated

import typer

from behavior.cli.console import Narrator
from behavior.cli.options import Json
from behavior.cli.printable import print_json


def merge(
    out: Annotated[str, typer.Argument(metavar="OUT", help="Database file or URL; made when it is not there.")],
    sources: Annotated[list[str], typer.Argument(metavar="DB...", help="Database files or URLs; they stay.")],
    json_: Json = False,
) -> None:
    """Several databases into one, with nothing lost and no row twice.

    The same recording, run, label file or scene is taken once; what OUT has stays. Stopped at any moment, or when a
    database has grown since, the same command goes on from there. A recording on which people were changed by hand in
    two databases is left out and named.
    """
    from behavior.pipeline.merging import merge_all

    with Narrator() as narrator:
        results, failed = merge_all(out, sources, narrator)
        for message in failed:
            narrator.say(f"left out: {message}")
    if json_:
        print_json({"results": results, "failed": failed})
    if failed:
        raise typer.Exit(1)
