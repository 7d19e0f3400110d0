"""`posescribe import`: keypoints that another program found."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from behavior.cli.console import Narrator
from behavior.cli.options import Json
from behavior.cli.printable import print_json

FORMATS = ("openpose-json", "coco", "dlc-csv", "dlc-h5", "sleap-h5", "movement-nc", "mmpose-json", "slp", "trc")
"""Written out so that `--help` loads nothing; a test compares them with the readers."""


def _format(value: str | None) -> str | None:
    if value is not None and value not in FORMATS:
        raise typer.BadParameter(f"{value!r} is none of {', '.join(FORMATS)}")
    return value


def _size(value: str | None) -> str | None:
    if value is not None and not re.fullmatch(r"[1-9]\d{0,5}x[1-9]\d{0,5}", value):
        raise typer.BadParameter(f"{value!r} is no size such as 1920x1080")
    return value


def import_(
    source: Annotated[Path, typer.Argument(metavar="FILE_OR_FOLDER", help="The keypoints.")],
    db: Annotated[str, typer.Option("--db", help="Database file (made if it is not there) or SQLAlchemy URL.")],
    format_: Annotated[
        str | None,
        typer.Option("--format", help=f"One of {', '.join(FORMATS)}.  [default: seen from the file]", callback=_format),
    ] = None,
    fps: Annotated[
        float | None, typer.Option(min=0.001, max=1e6, help="Frames per second, where the format has no time stamps.")
    ] = None,
    times: Annotated[
        Path | None, typer.Option(help="Text file instead of --fps: the time of each frame, seconds, a line each.")
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            metavar="WxH",
            help="Size of the picture, pixels. Positions from 0 to 1 are multiplied by it.",
            callback=_size,
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(help="Name of the recording; of OpenPose's videos in the folder, which.  [default: of the file]"),
    ] = None,
    actions: Annotated[
        str, typer.Option(help="Action model that names what people do: a name, a file, or `none`.")
    ] = "none",
    json_: Json = False,
) -> None:
    """Keypoints of another program into a database, so that `features` and `report` work on them.

    People keep the identities that the file has; where it has none they are tracked. All of the file or nothing.
    """
    if fps is not None and times is not None:
        raise typer.BadParameter("give --fps or --times, not both")
    width, _, height = (size or "").partition("x")
    from behavior.pipeline.exchange import import_keypoints

    with Narrator() as narrator:
        result = import_keypoints(
            source,
            db,
            narrator,
            format=format_,
            fps=fps,
            times=times,
            name=name,
            actions=actions,
            size=(int(width), int(height)) if size else None,
        )
        narrator.say(
            f"{result['recording']}: {result['frames']} frames, {result['people']} people, "
            f"{result['joints']} joints ({result['skeleton']})"
        )
    if json_:
        print_json(result)
