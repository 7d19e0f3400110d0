"""What commands of several cameras share: which recording is which camera, when, and what was done to its pictures."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from behavior.pipeline.views import Rig

Calibration = Annotated[
    Path,
    typer.Option(help="Cameras: TOML (Pose2Sim, Anipose), folder of XML (OpenPose), JSON (Panoptic), .qca.txt."),
]
Cameras = Annotated[
    list[str] | None,
    typer.Option(help="CAMERA=RECORDING; one for each camera that is used.  [default: the recording of its name]"),
]
Synchronised = Annotated[bool, typer.Option("--synchronised", help="The recordings' times are of one clock already.")]
Offsets = Annotated[
    list[str] | None,
    typer.Option(help="CAMERA=SECONDS, added to the recording's own time; 0 for those not named."),
]
StoredOffsets = Annotated[
    bool, typer.Option("--stored-offsets", help="The offsets that `posescribe synchronise` found.")
]
Fits = Annotated[
    list[str] | None,
    typer.Option(
        help="CAMERA=crop (cut off at the right and below), crop-centre, crop-left or resize: how pictures of "
        "another size than the calibration's came about."
    ),
]
CalibrationFormat = Annotated[
    Literal["pose2sim", "anipose", "openpose", "panoptic", "qualisys"] | None,
    typer.Option("--format", help="Of the calibration.  [default: seen from the file]"),
]
Unit = Annotated[
    Literal["m", "cm", "mm"] | None,
    typer.Option(help="Of the calibration's lengths.  [default: as usual in its format]"),
]


def rig_of(
    calibration: Path,
    camera: Sequence[str] | None,
    fit: Sequence[str] | None,
    offset: Sequence[str] | None,
    *,
    synchronised: bool,
    stored_offsets: bool,
    format: str | None,
    unit: str | None,
) -> Rig:
    """These options in one; wrong usage is told."""
    fits = _pairs("--fit", fit)
    known = ("crop", "crop-centre", "crop-left", "resize")
    if wrong := [value for value in fits.values() if value not in known]:
        raise typer.BadParameter(f"--fit {wrong[0]}: expected one of {', '.join(known)}")
    if synchronised + bool(offset) + stored_offsets != 1:
        raise typer.BadParameter(
            "say --synchronised, --stored-offsets or --offset CAMERA=SECONDS, one of them: no offset is assumed"
        )
    offsets = None if stored_offsets else _seconds(_pairs("--offset", offset))
    from behavior.pipeline.views import Rig

    return Rig(calibration, _pairs("--camera", camera), offsets, fits, format, unit)


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
