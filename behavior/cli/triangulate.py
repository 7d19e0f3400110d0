"""`posescribe triangulate`: people in metres, out of several cameras."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import Annotated, Literal

import typer

from behavior.cli.console import Narrator
from behavior.cli.options import (
    Json,
    MaxGap,
    MinConfidence,
    Out,
    OutlierWindow,
    RepairSwaps,
    Smoothing,
    clean_settings,
)
from behavior.cli.printable import print_json


def _pairs(option: str, given: Sequence[str] | None) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for one in given or ():
        name, equals, value = one.partition("=")
        if not (name and equals and value):
            raise typer.BadParameter(f"{option} {one}: expected CAMERA=VALUE")
        if name in pairs:
            raise typer.BadParameter(f"{option}: {name} is given twice")
        pairs[name] = value
    return pairs


def _seconds(pairs: dict[str, str]) -> dict[str, float]:
    try:
        seconds = {name: float(value) for name, value in pairs.items()}
    except ValueError as error:
        raise typer.BadParameter(f"--offset: {error}") from error
    if not all(map(isfinite, seconds.values())):
        raise typer.BadParameter("--offset: expected seconds")
    return seconds


def triangulate(
    db: Annotated[str, typer.Argument(metavar="DB", help="Database file or SQLAlchemy URL, with all recordings.")],
    calibration: Annotated[
        Path,
        typer.Option(help="Cameras: TOML (Pose2Sim, Anipose), folder of XML (OpenPose), JSON (Panoptic), .qca.txt."),
    ],
    out: Out,
    camera: Annotated[
        list[str] | None,
        typer.Option(help="CAMERA=RECORDING; one for each camera that is used.  [default: the recording of its name]"),
    ] = None,
    synchronised: Annotated[
        bool, typer.Option("--synchronised", help="The recordings' times are of one clock already.")
    ] = False,
    offset: Annotated[
        list[str] | None,
        typer.Option(help="CAMERA=SECONDS, added to the recording's own time; 0 for those not named."),
    ] = None,
    stored_offsets: Annotated[
        bool, typer.Option("--stored-offsets", help="The offsets that `posescribe synchronise` found.")
    ] = False,
    fit: Annotated[
        list[str] | None,
        typer.Option(
            help="CAMERA=crop (cut off at the right and below), crop-centre, crop-left or resize: how pictures of "
            "another size than the calibration's came about."
        ),
    ] = None,
    format_: Annotated[
        Literal["pose2sim", "anipose", "openpose", "panoptic", "qualisys"] | None,
        typer.Option("--format", help="Of the calibration.  [default: seen from the file]"),
    ] = None,
    unit: Annotated[
        Literal["m", "cm", "mm"] | None,
        typer.Option(help="Of the calibration's lengths.  [default: as usual in its format]"),
    ] = None,
    limit: Annotated[
        float | None,
        typer.Option(min=0.1, help="Pixels; a view further off does not count.  [default: 2 % of the picture]"),
    ] = None,
    up: Annotated[
        Literal["x", "y", "z", "-x", "-y", "-z"] | None,
        typer.Option(
            help="The calibration's axis against gravity.  [default: the nearest to the top of the cameras' pictures]"
        ),
    ] = None,
    min_confidence: MinConfidence = 0.1,
    repair_swaps: RepairSwaps = False,
    outlier_window: OutlierWindow = 0.5,
    max_gap: MaxGap = 0.25,
    smoothing: Smoothing = "kalman",
    json_: Json = False,
) -> None:
    """People in metres, out of recordings of several calibrated cameras.

    Writes OUT/positions.parquet and .csv as triangulated, cleaned.parquet and .csv and person_N.trc with outliers out,
    gaps filled and smoothed, features and pairs (joint angles, m/s, m) of these, reprojection.csv and
    reprojection_joints.csv (how well the cameras agree), bones.csv (lengths and how much they vary) and run.json; the
    database keeps the positions. The axes are those of the calibration.
    """
    fits = _pairs("--fit", fit)
    known = ("crop", "crop-centre", "crop-left", "resize")
    if wrong := [value for value in fits.values() if value not in known]:
        raise typer.BadParameter(f"--fit {wrong[0]}: expected one of {', '.join(known)}")
    if synchronised + bool(offset) + stored_offsets != 1:
        raise typer.BadParameter(
            "say --synchronised, --stored-offsets or --offset CAMERA=SECONDS, one of them: no offset is assumed"
        )
    from behavior.pipeline.space import triangulate as run

    with Narrator() as narrator:
        result = run(
            db,
            calibration,
            out,
            narrator,
            cameras=_pairs("--camera", camera),
            offsets=None if stored_offsets else _seconds(_pairs("--offset", offset)),
            fits=fits,
            format=format_,
            unit=unit,
            limit_px=limit,
            up=up,
            cleaning=clean_settings(min_confidence, repair_swaps, outlier_window, max_gap, smoothing),
        )
        narrator.say(f"{result['people']} people in {result['frames']} frames: {out}")
    if json_:
        print_json(result)
