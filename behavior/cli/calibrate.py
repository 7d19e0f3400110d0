"""`posescribe calibrate`: cameras out of pictures of a board."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

import typer

from behavior.cli.console import Narrator
from behavior.cli.options import Json
from behavior.cli.printable import print_json


def calibrate(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER",
            help="Holds intrinsics/ and extrinsics/; in each a folder of images, an image or a video for each camera, "
            "called as the camera is.",
        ),
    ],
    corners: Annotated[str, typer.Option(help="Inner corners of the board, columns×rows, such as 4x7.")],
    square: Annotated[float, typer.Option(min=0.1, help="Side of a square, millimetres.")],
    out: Annotated[Path, typer.Option("--out", help="The calibration's file (openpose: folder).")],
    marker: Annotated[
        float | None, typer.Option(min=0.1, help="ChArUco: side of a marker, millimetres.  [default: a chessboard]")
    ] = None,
    dictionary: Annotated[str, typer.Option(help="ChArUco: of the markers, as OpenCV calls it.")] = "DICT_4X4_50",
    points: Annotated[
        Path | None,
        typer.Option(
            help="CSV camera, x_px, y_px, x_m, y_m, z_m: points of the scene whose places are known, instead of "
            "extrinsics/."
        ),
    ] = None,
    every: Annotated[float, typer.Option(min=0.01, help="Videos: a picture every so many seconds.")] = 1.0,
    limit: Annotated[
        float, typer.Option(min=0.01, help="Pixels, root mean square of a camera; a calibration above is refused.")
    ] = 1.0,
    format_: Annotated[
        Literal["pose2sim", "anipose", "openpose", "panoptic"], typer.Option("--format", help="Of the calibration.")
    ] = "pose2sim",
    json_: Json = False,
) -> None:
    """Cameras out of pictures of a chessboard or ChArUco board: lenses, then where they stand.

    Intrinsics: each camera sees the board from many sides, all over its picture. Extrinsics: at each moment at least
    two cameras see the board (images: the first of all cameras is one moment, and so on; videos: of one clock); the
    world is the board at the moment that most cameras see. Beside the calibration, FILE_views.csv says how well each
    picture fits.
    """
    size = re.fullmatch(r"(\d{1,3})[x×](\d{1,3})", corners)
    if size is None or min(int(size[1]), int(size[2])) < 2:
        raise typer.BadParameter(f"--corners {corners}: expected columns×rows of inner corners, such as 4x7")
    if marker is not None and marker >= square:
        raise typer.BadParameter(f"--marker {marker:g}: expected less than --square {square:g}")
    import cv2

    from behavior.pipeline.calibration import calibrate as run
    from pose.multiview.boards import Board

    if not (dictionary.startswith("DICT_") and hasattr(cv2.aruco, dictionary)):
        raise typer.BadParameter(f"--dictionary {dictionary}: OpenCV has no such markers; DICT_4X4_50 is one")
    side = None if marker is None else marker / 1000
    board = Board(int(size[1]), int(size[2]), square / 1000, side, dictionary)
    with Narrator() as narrator:
        result = run(folder, board, out, narrator, points=points, every_s=every, limit_px=limit, format=format_)
        narrator.say(f"{len(result['cameras'])} cameras: {out}")
    if json_:
        print_json(result)
