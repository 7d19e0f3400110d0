"""`posescribe triangulate`: people in metres, out of several cameras."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from behavior.cli.cameras import (
    Calibration,
    CalibrationFormat,
    Cameras,
    Fits,
    Offsets,
    StoredOffsets,
    Synchronised,
    Unit,
    rig_of,
)
from behavior.cli.console import Narrator
from behavior.cli.options import (
    Actions,
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


def triangulate(
    db: Annotated[str, typer.Argument(metavar="DB", help="Database file or SQLAlchemy URL, with all recordings.")],
    calibration: Calibration,
    out: Out,
    camera: Cameras = None,
    synchronised: Synchronised = False,
    offset: Offsets = None,
    stored_offsets: StoredOffsets = False,
    fit: Fits = None,
    format_: CalibrationFormat = None,
    unit: Unit = None,
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
    export: Annotated[
        list[str] | None,
        typer.Option(help="Also c3d (person_N.c3d, mm) or movement-nc (people.nc, m); may be repeated."),
    ] = None,
    actions: Actions = "default",
    min_confidence: MinConfidence = 0.1,
    repair_swaps: RepairSwaps = False,
    outlier_window: OutlierWindow = 0.5,
    max_gap: MaxGap = 0.25,
    smoothing: Smoothing = "kalman",
    json_: Json = False,
) -> None:
    """People in metres, out of recordings of several calibrated cameras.

    Writes OUT/positions.parquet and .csv as triangulated, cleaned.parquet and .csv and person_N.trc with outliers out,
    gaps filled and smoothed, features and pairs (joint angles, m/s, m) and bouts.csv (actions) of these,
    reprojection.csv and reprojection_joints.csv (how well the cameras agree), bones.csv (lengths and how much they
    vary), joint_ranges.csv (angles beside usual ones) and run.json; the database keeps the positions. The axes are
    those of the calibration.
    """
    rig = rig_of(
        calibration, camera, fit, offset, synchronised=synchronised, stored_offsets=stored_offsets, format=format_,
        unit=unit,
    )  # fmt: skip
    if wrong := [name for name in export or () if name not in ("c3d", "movement-nc")]:
        raise typer.BadParameter(f"--export {wrong[0]}: expected c3d or movement-nc")
    from behavior.pipeline.space import triangulate as run

    with Narrator() as narrator:
        result = run(
            db,
            rig,
            out,
            narrator,
            limit_px=limit,
            up=up,
            formats=export or (),
            actions=actions,
            cleaning=clean_settings(min_confidence, repair_swaps, outlier_window, max_gap, smoothing),
        )
        narrator.say(f"{result['people']} people in {result['frames']} frames: {out}")
    if json_:
        print_json(result)
