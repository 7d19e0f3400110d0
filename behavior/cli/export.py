"""`posescribe export`: what is stored, as a file of another program."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from behavior.cli.console import Narrator
from behavior.cli.options import Json
from behavior.cli.printable import print_json

FORMATS = (
    "openpose-json", "coco", "coco-wholebody", "coco-wholebody-results", "mmpose-json", "csv", "parquet", "face-mesh",
    "dlc-csv", "dlc-h5", "sleap-h5", "movement-nc", "nwb", "trc", "mot",
    "boris-tabular", "boris-aggregated", "boris-project", "elan",
)  # fmt: skip
"""Written out so that `--help` loads nothing; a test compares them with the writers."""


def _format(value: str) -> str:
    if value not in FORMATS:
        raise typer.BadParameter(f"{value!r} is none of {', '.join(FORMATS)}")
    return value


def export(
    db: Annotated[str, typer.Argument(metavar="DB", help="Database file or SQLAlchemy URL.")],
    format_: Annotated[str, typer.Option("--format", help=f"One of {', '.join(FORMATS)}.", callback=_format)],
    out: Annotated[Path, typer.Option("--out", help="File to write; for openpose-json a folder.")],
    recording: Annotated[
        str | None, typer.Option(help="Name, number or path of the recording; needed when the database has several.")
    ] = None,
    json_: Json = False,
) -> None:
    """Keypoints or bouts of a recording as a file of another program.

    Pixels of the original frame, seconds of the source's own clock; docs/formats.md says what each format can't hold.
    """
    from behavior.pipeline.exchange import export as write

    with Narrator() as narrator:
        files = [str(path) for path in write(db, recording, format_, out)]
        for file in files:
            narrator.say(file)
    if json_:
        print_json({"format": format_, "files": files})
