"""`posescribe classify`: the actions of stored people by another model."""

from __future__ import annotations

from typing import Annotated

import typer

from behavior.cli.console import Narrator
from behavior.cli.options import Json, Plugin
from behavior.cli.printable import print_json


def classify(
    db: Annotated[str, typer.Argument(metavar="DB", help="Database file or SQLAlchemy URL.")],
    actions: Annotated[str, typer.Option(help="Action model: a name of `posescribe models list`, or a folder.")],
    aside: Annotated[
        bool, typer.Option("--aside", help="Store them beside the others; what counted goes on counting.")
    ] = False,
    plugin: Plugin = None,  # noqa: ARG001  # loaded by its callback
    json_: Json = False,
) -> None:
    """Name the actions of everyone in a database by another model, without looking at the videos again.

    What was named before stays in the database; the same command with the earlier model makes it count again. Then
    `posescribe report DB --out DIR` tells it.
    """
    from behavior.pipeline.classify import classify as name_again
    from behavior.pipeline.models import locate
    from behavior.recognition.model import load_action_model

    with Narrator() as narrator:
        model = load_action_model(locate(actions))
        found = name_again(db, model, narrator, aside=aside)
        for one in found:
            narrator.say(f"{one['recording']}: {one['bouts']} bouts by {model.info.name}")
    if json_:
        print_json({"model": model.info.name, "sha256": model.info.sha256, "results": found})
