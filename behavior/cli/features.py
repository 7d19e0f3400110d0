"""`posescribe features`: the feature table out of a database."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from behavior.cli.console import Narrator
from behavior.cli.options import (
    Floor,
    Json,
    MaxGap,
    MinConfidence,
    OutlierWindow,
    RepairSwaps,
    Scale,
    Smoothing,
    clean_settings,
)
from behavior.cli.printable import print_json, print_safely


def features(
    db: Annotated[str | None, typer.Argument(metavar="DB", help="Database file or SQLAlchemy URL.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Table to write: .parquet or .csv.")] = None,
    recording: Annotated[
        str | None, typer.Option(help="Name, number or path of the recording.  [default: all, one after another]")
    ] = None,
    features: Annotated[
        str | None, typer.Option(help="Only these features of the catalogue, e.g. `speed,trunk_inclination`.")
    ] = None,
    window: Annotated[
        float | None,
        typer.Option(min=0.01, help="One row per window of this length, seconds, instead of per frame."),
    ] = None,
    step: Annotated[
        float | None, typer.Option(min=0.01, help="From window to window, seconds.  [default: window/2]")
    ] = None,
    bouts: Annotated[
        Literal["automatic", "human"] | None,
        typer.Option(help="One row per bout: of the actions named by the model, or of the labels imported."),
    ] = None,
    pairs: Annotated[bool, typer.Option("--pairs", help="Features between each two people instead.")] = False,
    zones: Annotated[
        Path | None,
        typer.Option(
            help='Areas of the image, pixels, as JSON: {"door": [[x, y], ...], ...}; each adds inside, time in, ...'
        ),
    ] = None,
    scale: Scale = None,
    floor: Floor = None,
    plugin: Annotated[
        list[Path] | None, typer.Option(help="Python file with features of your own (it is run); may be repeated.")
    ] = None,
    min_confidence: MinConfidence = 0.1,
    repair_swaps: RepairSwaps = False,
    outlier_window: OutlierWindow = 0.5,
    max_gap: MaxGap = 0.25,
    smoothing: Smoothing = "kalman",
    list_: Annotated[bool, typer.Option("--list", help="Print the catalogue: name, unit, formula, NaN rule.")] = False,
    json_: Json = False,
) -> None:
    """Feature table, one row per person and frame, per window or per bout.

    Computed on cleaned keypoints, in pixels of the original frame (--scale: metres) and seconds; docs/features.md
    defines each column.
    Units and descriptions stand in the metadata of a .parquet, beside a .csv in NAME.units.csv.
    """
    from features.plugins import load_features

    own = [entry for path in plugin or () for entry in load_features(path)]
    if list_:
        from features.catalog import catalogue_json, catalogue_markdown

        if json_:
            print_json(catalogue_json())
        else:
            print_safely(catalogue_markdown().removesuffix("\n"))
        return
    if db is None or out is None:
        raise typer.BadParameter("give DB and --out FILE, or --list")
    if out.suffix not in (".parquet", ".csv"):
        raise typer.BadParameter(f"--out {out}: expected .parquet or .csv")
    if bouts is not None and (pairs or window is not None):
        raise typer.BadParameter("--bouts goes neither with --window nor with --pairs")
    if step is not None and window is None:
        raise typer.BadParameter("--step goes with --window")
    names = None if features is None else [name for part in features.split(",") if (name := part.strip())]
    if names == []:
        raise typer.BadParameter("--features names none; leave it out for all")
    if pairs and zones is not None:
        raise typer.BadParameter("--zones are of single people; leave out --pairs")
    from behavior.pipeline import commands
    from behavior.pipeline.scale import scale_of
    from features.zones import read_zones

    settings = clean_settings(min_confidence, repair_swaps, outlier_window, max_gap, smoothing)
    with Narrator() as narrator:
        rows = commands.write_stored_features(
            db,
            recording,
            out,
            settings,
            narrator,
            windows=None if window is None else (window, step or window / 2),
            bouts=bouts,
            zones=() if zones is None else read_zones(zones),
            pairs=pairs,
            names=names,
            scale=scale_of(scale, floor),
        )
        narrator.say(f"{rows} rows: {out}")
    if json_:
        print_json({"rows": rows, "out": str(out), "own_features": [entry.name for entry in own]})
