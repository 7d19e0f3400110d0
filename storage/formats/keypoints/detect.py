"""The formats by name, and a look at a file that tells its format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from storage.database import Database
from storage.errors import ExchangeError
from storage.formats.guard import open_hdf5
from storage.formats.keypoints import (
    coco,
    deeplabcut,
    mmpose,
    mot,
    movement,
    nwb,
    openpose_json,
    sleap,
    slp,
    tables,
    trc,
)
from storage.formats.keypoints.content import Clock, Keypoints, read_json
from storage.formats.optional import DAMAGE

Writer = Callable[[Database, int, Path], list[Path]]
Reader = Callable[[Path, Clock | None], Keypoints]

WRITERS: dict[str, Writer] = {
    "openpose-json": openpose_json.write,
    "coco": coco.write,
    "coco-wholebody": coco.write_wholebody,
    "coco-wholebody-results": coco.write_results,
    "mmpose-json": mmpose.write,
    "csv": tables.write_csv,
    "parquet": tables.write_parquet,
    "face-mesh": tables.write_face_meshes,
    "dlc-csv": deeplabcut.write_csv,
    "dlc-h5": deeplabcut.write_h5,
    "sleap-h5": sleap.write,
    "movement-nc": movement.write,
    "nwb": nwb.write,
    "trc": trc.write,
    "mot": mot.write,
}
"""(database, track run, path) -> the files written."""

READERS: dict[str, Reader] = {
    "openpose-json": openpose_json.read,
    "coco": coco.read,
    "dlc-csv": deeplabcut.read_csv,
    "dlc-h5": deeplabcut.read_h5,
    "sleap-h5": sleap.read,
    "movement-nc": movement.read,
    "mmpose-json": mmpose.read,
    "slp": slp.read,
    "trc": trc.read,
}
"""(path, clock or None) -> the content."""


def detect(path: Path) -> str:
    """The format of a file or folder; raises `ExchangeError` when it is none of `READERS`."""
    found = _detect(path)
    if found is None:
        raise ExchangeError(f"{path}: of no known format; say which with --format ({', '.join(READERS)})")
    return found


def _detect(path: Path) -> str | None:
    suffix = path.suffix.lower()
    if not path.exists():
        raise ExchangeError(f"{path}: no such file or folder")
    if path.is_dir():
        if openpose_json.is_openpose(path):
            return "openpose-json"
        return "mmpose-json" if mmpose.is_folder(path) else None
    if suffix == ".nc":
        return "movement-nc"
    if suffix in (".slp", ".trc"):
        return suffix[1:]
    if suffix == ".csv":
        return "dlc-csv" if deeplabcut.is_table(path) else None
    if suffix in (".h5", ".hdf5"):
        try:
            with open_hdf5(path) as file:
                return "sleap-h5" if sleap.is_analysis(file) else "dlc-h5"
        except DAMAGE as error:
            raise ExchangeError(f"{path}: no whole HDF5 file ({' '.join(str(error).split())[:100]})") from error
    if suffix == ".json":
        content = read_json(path)
        if isinstance(content, dict) and "people" in content:
            return "openpose-json"
        if coco.is_coco(content):
            return "coco"
        return "mmpose-json" if mmpose.is_mmpose(content) else None
    return None
