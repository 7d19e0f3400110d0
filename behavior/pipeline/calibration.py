"""Pictures of a board -> cameras: lenses, places, a file that `triangulate` takes, and how well each picture fits."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from behavior.pipeline.progress import Narrator
from pose.errors import CalibrationError
from pose.multiview import Camera, CameraGroup, write_cameras
from pose.multiview.boards import Board, Corners
from pose.multiview.calibration import Seen, lens_of, place_all, place_of, spread
from pose.sources import open_source
from storage.files import write_bytes

LIMIT_PX = 1.0
"""Root mean square of a camera's pictures of the board above which a calibration is refused."""
SPARSE = 0.4
"""Share of the picture, in each direction, that the corners of all pictures together should reach over."""
_POINT_COLUMNS = ("camera", "x_px", "y_px", "x_m", "y_m", "z_m")


def calibrate(
    folder: Path,
    board: Board,
    out: Path,
    narrator: Narrator,
    *,
    points: Path | None = None,
    every_s: float = 1.0,
    limit_px: float = LIMIT_PX,
    format: str = "pose2sim",
) -> dict[str, Any]:
    """Cameras of a folder of pictures or videos, written as a calibration.

    Args:
        folder: holds `intrinsics/` and, without `points`, `extrinsics/`: in each a folder of images, an image or a
            video for each camera, called as the camera is (also `int_cam01_img`, `cam01_ext.png`, as in Pose2Sim).
        board: what is filmed.
        out: the calibration's file; `<stem>_views.csv` is written beside it.
        points: CSV `camera, x_px, y_px, x_m, y_m, z_m` of points of the scene whose places are known.
        every_s: a picture of a video every so many seconds.
        limit_px: greatest root mean square of a camera's distances, pixels.
        format: see `pose.multiview.write_cameras`.

    Returns:
        The summary that `posescribe calibrate --json` prints.

    Raises:
        CalibrationError: pictures or points are missing, show too little, or a camera is above the limit; nothing is
            written then.
    """
    lenses, rows = _lenses(folder / "intrinsics", board, every_s, narrator)
    if points is not None:
        cameras, more = _by_points(lenses, points)
    else:
        cameras, more = _by_board(lenses, folder / "extrinsics", board, every_s, narrator)
    table = pd.DataFrame(rows + more)
    figures = _figures(table)
    for row in figures:
        narrator.say(f"{row['camera']}, {row['of']}: {row['rms_px']:.2f} px in {row['pictures']} pictures")
    if bad := [row for row in figures if row["rms_px"] > limit_px]:
        worst = max(bad, key=lambda row: float(row["rms_px"]))
        own = table[(table.camera == worst["camera"]) & (table.of == worst["of"])].sort_values("rms_px")
        raise CalibrationError(
            f"{worst['camera']}: {worst['of']} off by {worst['rms_px']:.2f} px, expected {limit_px:g} at most; the"
            f" worst picture is {own.picture.iloc[-1]} ({own.rms_px.iloc[-1]:.2f} px); is --square right, is it sharp?"
            " (--limit allows more)"
        )
    write_cameras(CameraGroup(cameras), out, format=format)
    write_bytes(out.with_name(f"{out.stem}_views.csv"), table.to_csv(index=False).encode())
    return {"calibration": str(out), "cameras": [one.name for one in cameras], "figures": figures}


def camera_of(name: str) -> str:
    """The camera that a file or folder is of.

    >>> [camera_of(name) for name in ("cam01", "int_cam01_img", "cam01_ext", "front")]
    ['cam01', 'cam01', 'cam01', 'front']
    """
    return re.sub(r"^(?:int|ext)_|_(?:int|ext|img)$", "", re.sub(r"_img$", "", name))


def _sources(folder: Path) -> dict[str, Path]:
    """What is filmed, by camera."""
    if not folder.is_dir():
        raise CalibrationError(f"{folder}: no such folder; expected one with a folder, image or video for each camera")
    found: dict[str, Path] = {}
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        name = camera_of(entry.name if entry.is_dir() else entry.stem)
        if name in found:
            raise CalibrationError(f"{folder}: {found[name].name} and {entry.name} are both of {name}")
        found[name] = entry
    if not found:
        raise CalibrationError(f"{folder}: is empty; expected a folder, image or video for each camera")
    return found


def _pictures(source: Path, every_s: float) -> Iterator[tuple[int, str, NDArray[np.uint8]]]:
    """Number of the moment, name, and picture: each image; of a video one every so many seconds."""
    with open_source(source) as opened:
        moving = opened.info.kind == "video"
        due = 0
        for frame in opened:
            if not moving:
                yield frame.index, f"{source.name} {frame.index}", frame.image
            elif frame.time_s >= due * every_s - 1e-6:
                yield due, f"{source.name} {frame.time_s:.2f} s", frame.image
                due = int(frame.time_s / every_s + 1e-6) + 1


def _boards(
    source: Path, board: Board, every_s: float, narrator: Narrator, stage: str
) -> tuple[tuple[int, int], list[tuple[int, str, Corners]]]:
    """Size of the pictures, and moment, name and corners of those that show the board."""
    found: list[tuple[int, str, Corners]] = []
    sizes: Counter[tuple[int, int]] = Counter()
    for number, (view, name, picture) in enumerate(_pictures(source, every_s), start=1):
        sizes[picture.shape[1], picture.shape[0]] += 1
        corners = board.find(picture)
        if corners is not None:
            found.append((view, name, corners))
        narrator.step(stage, number, None)
    if len(sizes) != 1:
        told = ", ".join(f"{width}×{height}" for width, height in sizes) or "none"
        raise CalibrationError(f"{source}: expected pictures of one size, found {told}")
    return next(iter(sizes)), found


def _lenses(
    folder: Path, board: Board, every_s: float, narrator: Narrator
) -> tuple[dict[str, Camera], list[dict[str, Any]]]:
    lenses, rows = {}, []
    for name, source in _sources(folder).items():
        size, found = _boards(source, board, every_s, narrator, f"{name}: lens")
        kept = [found[k] for k in spread(np.arange(len(found)))]
        camera, errors = lens_of(name, size, board, [corners for _, _, corners in kept])
        lenses[name] = camera
        reach = np.ptp(np.concatenate([corners.pixels for _, _, corners in kept]), axis=0) / size
        if reach.min() < SPARSE:
            narrator.say(
                f"{name}: the board was shown over {reach[0]:.0%} × {reach[1]:.0%} of the picture; towards its edges"
                " the lens is guessed"
            )
        rows += [
            {"camera": name, "of": "lens", "picture": told, "points": len(corners.numbers), "rms_px": float(error)}
            for (_, told, corners), error in zip(kept, errors, strict=True)
        ]
    return lenses, rows


def _by_board(
    lenses: Mapping[str, Camera], folder: Path, board: Board, every_s: float, narrator: Narrator
) -> tuple[tuple[Camera, ...], list[dict[str, Any]]]:
    if not board.has_a_top:
        raise CalibrationError(
            f"a chessboard of {board.columns}×{board.rows} inner corners turned by half looks the same, so cameras may"
            " differ about it; use one with an odd and an even number, or a ChArUco board (--marker)"
        )
    sources = _sources(folder)
    _refuse_others(folder, sources, lenses)
    seen, names = [], []
    for number, (name, camera) in enumerate(lenses.items()):
        size, found = _boards(sources[name], board, every_s, narrator, f"{name}: place")
        _refuse_size(name, size, camera)
        if not found:
            raise CalibrationError(f"{sources[name]}: shows the whole board in no picture")
        for view, told, corners in found:
            seen.append(Seen(number, view, board.points[corners.numbers], corners.pixels))
            names.append((name, told))
    cameras, errors = place_all(list(lenses.values()), seen)
    rows = [
        {"camera": name, "of": "place", "picture": told, "points": len(off), "rms_px": float(np.sqrt((off**2).mean()))}
        for (name, told), off in zip(names, errors, strict=True)
    ]
    return cameras, rows


def _by_points(lenses: Mapping[str, Camera], path: Path) -> tuple[tuple[Camera, ...], list[dict[str, Any]]]:
    try:
        table = pd.read_csv(path, dtype={"camera": str})
    except (OSError, ValueError) as error:
        raise CalibrationError(f"{path}: can't be read as CSV ({' '.join(str(error).split())})") from error
    if missing := [name for name in _POINT_COLUMNS if name not in table]:
        raise CalibrationError(f"{path}: lacks {', '.join(missing)}; expected {', '.join(_POINT_COLUMNS)}")
    try:
        places = table[list(_POINT_COLUMNS[1:])].to_numpy(dtype=np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        raise CalibrationError(f"{path}: expected numbers ({error})") from error
    if not np.isfinite(places).all():
        raise CalibrationError(f"{path}: row {int(np.argmin(np.isfinite(places).all(axis=1))) + 2} has no number")
    _refuse_others(path, dict.fromkeys(table.camera), lenses)
    cameras, rows = [], []
    for name, camera in lenses.items():
        own = places[(table.camera == name).to_numpy()]
        placed = place_of(camera, np.ascontiguousarray(own[:, 2:]), np.ascontiguousarray(own[:, :2]))
        off = np.linalg.norm(np.nan_to_num(placed.project(own[:, 2:]), nan=1e4) - own[:, :2], axis=1)
        cameras.append(placed)
        rows.append(
            {"camera": name, "of": "place", "picture": path.name, "points": len(own),
             "rms_px": float(np.sqrt((off**2).mean()))}
        )  # fmt: skip
    return tuple(cameras), rows


def _refuse_others(where: Path, found: Mapping[str, Any], lenses: Mapping[str, Camera]) -> None:
    if set(found) != set(lenses):
        raise CalibrationError(
            f"{where}: has {', '.join(map(str, found))}, the intrinsics are of {', '.join(lenses)}; expected the same"
            " cameras"
        )


def _refuse_size(name: str, size: tuple[int, int], camera: Camera) -> None:
    if camera.size != size:
        assert camera.size is not None
        raise CalibrationError(
            f"{name}: its place is told by pictures of {size[0]}×{size[1]} px, its lens by such of"
            f" {camera.size[0]}×{camera.size[1]}"
        )


def _figures(table: pd.DataFrame) -> list[dict[str, Any]]:
    """A row per camera, of its lens and of its place: root mean square over all points."""
    out = []
    for (camera, of), own in table.groupby(["camera", "of"], sort=False):
        square = float((own.rms_px**2 * own.points).sum() / own.points.sum())
        out.append({"camera": camera, "of": of, "pictures": len(own), "points": int(own.points.sum()),
                    "rms_px": float(np.sqrt(square))})  # fmt: skip
    return out
