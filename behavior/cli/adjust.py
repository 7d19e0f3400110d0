"""`posescribe adjust`: a calibration that is nearly right, adjusted to the people whom its cameras see."""

from __future__ import annotations

from pathlib import Path
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
from behavior.cli.options import Json
from behavior.cli.printable import print_json


def adjust(
    db: Annotated[str, typer.Argument(metavar="DB", help="Database file or SQLAlchemy URL, with all recordings.")],
    calibration: Calibration,
    out: Annotated[Path, typer.Option("--out", help="The new calibration's file (openpose: folder).")],
    camera: Cameras = None,
    synchronised: Synchronised = False,
    offset: Offsets = None,
    stored_offsets: StoredOffsets = False,
    fit: Fits = None,
    format_: CalibrationFormat = None,
    unit: Unit = None,
    written: Annotated[
        Literal["pose2sim", "anipose", "openpose", "panoptic"], typer.Option(help="Format of the new calibration.")
    ] = "pose2sim",
    json_: Json = False,
) -> None:
    """Cameras moved and turned to where the people whom they see fit; lenses stay.

    For three cameras or more that were touched, or calibrated another day. Adjusted to all but the last fifth of the
    time, judged by that; written only if it is better there. Beside the calibration, FILE_adjusted.json says how much.
    """
    rig = rig_of(
        calibration, camera, fit, offset, synchronised=synchronised, stored_offsets=stored_offsets, format=format_,
        unit=unit,
    )  # fmt: skip
    from behavior.pipeline.adjusting import adjust_cameras

    with Narrator() as narrator:
        result = adjust_cameras(db, rig, out, narrator, written=written)
        narrator.say(f"{result['before_px']:.1f} px before, {result['after_px']:.1f} px after: {out}")
    if json_:
        print_json(result)
