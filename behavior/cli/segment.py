"""`posescribe segment`: behaviour in recurring syllables, without labels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from behavior.cli.console import Narrator
from behavior.cli.options import Json
from behavior.cli.printable import print_json


def segment(
    db: Annotated[str, typer.Argument(metavar="DB", help="Database file or SQLAlchemy URL.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the tables and the page; made when it is not there.")],
    recording: Annotated[str | None, typer.Option(help="Only this recording.  [default: all together]")] = None,
    count: Annotated[int, typer.Option(min=2, help="Most syllables.")] = 10,
    window: Annotated[float, typer.Option(min=0.2, help="Length of what is compared, seconds.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Of every random step.")] = 0,
    json_: Json = False,
) -> None:
    """Cut what people do into movements that recur, without any label.

    For a first look where there is no ethogram yet. Writes segments.csv (who moved how, from when to when),
    syllables.csv, transitions.csv, and segments.html with stick figures. What the syllables are called is yours to say:
    `posescribe labels import OUT/segments.csv --rename s1=sweep` makes labels of them.
    """
    from behavior.pipeline.segment import segment as cut
    from behavior.recognition.syllables import SegmentSettings

    settings = SegmentSettings(count=count, window_s=window, seed=seed)
    with Narrator() as narrator:
        found = cut(db, out, narrator, settings, recording=recording)
    if json_:
        print_json(found)
