"""`posescribe features`: the feature table out of a database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from behavior.cli.console import Narrator
from behavior.cli.options import Json


def features(
    db: Annotated[str | None, typer.Argument(metavar="DB", help="Database file or SQLAlchemy URL.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Table to write: .parquet or .csv.")] = None,
    recording: Annotated[
        str | None, typer.Option(help="Name of the recording; needed when the database has several.")
    ] = None,
    window: Annotated[
        float | None, typer.Option(min=0.01, help="One row per window of this length, seconds, instead of per frame.")
    ] = None,
    step: Annotated[
        float | None, typer.Option(min=0.01, help="From window to window, seconds.  [default: window/2]")
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="Print the catalogue: name, unit, formula, NaN rule.")] = False,
    json_: Json = False,
) -> None:
    """Feature table, one row per person and frame, or per window.

    Computed on cleaned keypoints, in pixels of the original frame and seconds; docs/features.md defines each column.
    """
    if list_:
        from features.catalog import catalogue_markdown

        print(catalogue_markdown(), end="")
        return
    if db is None or out is None:
        raise typer.BadParameter("give DB and --out FILE, or --list")
    if out.suffix not in (".parquet", ".csv"):
        raise typer.BadParameter(f"--out {out}: expected .parquet or .csv")
    from behavior import pipeline
    from features.clean import CleanSettings

    with Narrator() as narrator:
        windows = None if window is None else (window, step or window / 2)
        rows = pipeline.write_stored_features(db, recording, out, CleanSettings(), windows, narrator)
        narrator.say(f"{rows} rows: {out}")
    if json_:
        print(json.dumps({"rows": rows, "out": str(out)}))
