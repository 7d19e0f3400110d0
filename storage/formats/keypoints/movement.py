"""movement's datasets in netCDF.

Facts from movement's documentation and `validators/datasets.py`: `position` has the dimensions time, space, keypoint,
individual and `confidence` the same without space; before version 0.17 they were called keypoints and individuals. The
times are seconds where `time_unit` says so, else frame numbers. Beyond these, the file holds each time's frame number
as the coordinate `frame`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pose.tables import frame_rate
from storage.database import Database
from storage.errors import ExchangeError
from storage.formats.guard import open_hdf5
from storage.formats.keypoints.content import Block, Clock, Keypoints, Values, dense_frames, identities, layout, needed
from storage.formats.keypoints.writing import Tracked, replacing
from storage.formats.optional import DAMAGE, load

_POSITION = ("time", "space", "keypoint", "individual")
_CONFIDENCE = ("time", "keypoint", "individual")
_LEGACY = {"keypoints": "keypoint", "individuals": "individual"}
ROWS = 1000
"""Frames read at a time, and frames of a chunk of the file."""


def write(database: Database, track_run_id: int, path: Path) -> list[Path]:
    """All frames that were looked at, in pieces; times are the source's own. Needs h5netcdf.

    `fps` is left out where the times are uneven, as movement does where it doesn't know it.
    """
    tracked = Tracked.load(database, track_run_id)
    tracked.require_people("movement-nc")
    attributes = {
        "source_software": tracked.scorer, "source_file": tracked.recording.uri, "ds_type": "poses",
        "time_unit": "seconds", **({"fps": tracked.fps} if tracked.fps else {}),
    }  # fmt: skip
    coordinates = (tracked.time_s, ("x", "y"), tracked.skeleton.joints, tracked.names)
    with _created(path, coordinates, tracked.frames, np.float32, attributes) as file:
        for rows, keypoints, _ in tracked.blocks():
            file["position"][rows] = keypoints[..., :2].transpose(0, 3, 2, 1)
            file["confidence"][rows] = keypoints[..., 2].transpose(0, 2, 1)
    return [path]


def write_space(
    path: Path, joints: Sequence[str], names: Sequence[str], frames: NDArray[np.int64], time_s: NDArray[np.float64],
    points: NDArray[np.float64], confidence: NDArray[np.float64], attributes: Mapping[str, str],
) -> None:  # fmt: skip
    """People in space: `space` is x, y, z, positions are in metres. Needs h5netcdf.

    Args:
        path: the file.
        joints, names: K joints and P people.
        frames, time_s: (n,) numbers and times, seconds.
        points: (n, P, K, 3) metres; NaN where missing. The axes go into the file as they are.
        confidence: (n, P, K) in [0, 1]; 0 where a position was filled in, and where it is missing.
        attributes: what made it, besides.
    """
    fps = frame_rate(frames, time_s)
    told = {
        "ds_type": "poses",
        "time_unit": "seconds",
        "space_unit": "m",
        **({"fps": fps} if fps else {}),
        **attributes,
    }
    with _created(path, (time_s, ("x", "y", "z"), joints, names), frames, np.float64, told) as file:
        file["position"][:] = points.transpose(0, 3, 2, 1)
        file["confidence"][:] = confidence.transpose(0, 2, 1)


@contextmanager
def _created(
    path: Path, coordinates: Sequence[Any], frames: NDArray[np.int64], kind: type, attributes: Mapping[str, Any]
) -> Iterator[Any]:
    """A file with empty `position` and `confidence`, whose coordinates are time, space, keypoint and individual."""
    h5netcdf = load("h5netcdf")
    named = dict(zip(_POSITION, coordinates, strict=True))
    with replacing(path) as part, h5netcdf.File(part, "w") as file:
        file.dimensions = {name: len(values) for name, values in named.items()}
        for name, values in named.items():
            if name == "time":
                file.create_variable(name, (name,), np.float64, data=values)
            else:
                file.create_variable(name, (name,), load("h5py").string_dtype(), data=np.array(values, dtype=object))
        file.create_variable("frame", ("time",), np.int64, data=frames)
        for name, dims in (("position", _POSITION), ("confidence", _CONFIDENCE)):
            sizes = [len(named[dim]) for dim in dims]
            variable = file.create_variable(
                name, dims, kind, fillvalue=kind(np.nan), compression="gzip", compression_opts=4,
                chunks=(min(ROWS, sizes[0]), *sizes[1:]),
            )  # fmt: skip
            variable.attrs["coordinates"] = "frame"
        yield file
        for name, value in attributes.items():
            file.attrs[name] = value


def read(path: Path, clock: Clock | None = None) -> Keypoints:
    """Poses of any version; times of the file, else of the clock. Raises `ExchangeError`."""
    try:
        with _opened(path) as file:
            if "position" not in file.variables:
                raise ExchangeError(f"{path}: has no variable position, expected a dataset of movement")
            if _text(file.attrs.get("ds_type", "poses")) != "poses" or "shape" in file.variables:
                raise ExchangeError(f"{path}: holds {_text(file.attrs.get('ds_type', 'boxes'))}, expected poses")
            _order(file, "position", _POSITION, path)
            if "confidence" in file.variables:
                _order(file, "confidence", _CONFIDENCE, path)
            space, joints, individuals = (_labels(file, name, path) for name in _POSITION[1:])
            seconds = _text(file.attrs.get("time_unit", "frames")) == "seconds"
            time = np.asarray(file.variables["time"][...], dtype=np.float64).ravel()
            told = file.variables.get("frame")
            own = None if told is None else np.asarray(told[...], dtype=np.float64).ravel()
            software = _text(file.attrs.get("source_software", "unknown software"))
    except DAMAGE as error:
        raise ExchangeError(f"{path}: no whole netCDF-4 file of movement ({_line(error)}); is it cut off?") from error
    if space != ["x", "y"]:
        raise ExchangeError(f"{path}: space is {', '.join(space)}, expected x, y: positions in the image")
    frames = own if own is not None else np.arange(len(time)) if seconds else time
    if frames.shape != time.shape or not np.array_equal(frames, np.round(frames)) or (np.abs(frames) >= 2**31).any():
        raise ExchangeError(f"{path}: frame numbers (time) have fractions, or are no number for each frame")
    if clock is not None or not seconds:
        clock = needed(clock, path)
        time = np.array([clock(int(frame)) for frame in frames])
    skeleton, order = layout(joints, (), path)
    ids, names = identities(individuals, path)
    notes: list[str] = []
    blocks = _blocks(path, np.asarray(frames, dtype=np.int64), time)
    people = dense_frames(blocks, Values(skeleton, order, notes), ids, joints, individuals, path)
    return Keypoints(f"movement ({software})", skeleton, people, names=names, notes=notes)


def _opened(path: Path) -> Any:
    # With `_writable` from the start: h5netcdf's own complains once more when a damaged file is thrown away.
    return open_hdf5(path, type("File", (load("h5netcdf").File,), {"_writable": False}))


def _blocks(path: Path, frames: Any, time: Any) -> Iterator[Block]:
    try:
        with _opened(path) as file:
            for start in range(0, len(frames), ROWS):
                rows = slice(start, start + ROWS)
                points = _piece(file, "position", ("time", "individual", "keypoint", "space"), rows, path)
                confidence = None
                if "confidence" in file.variables:
                    confidence = _piece(file, "confidence", ("time", "individual", "keypoint"), rows, path)
                    if np.isnan(confidence).all() and np.isfinite(points).any():
                        confidence = None
                yield Block(frames[rows].tolist(), time[rows].tolist(), points, confidence)
    except DAMAGE as error:
        raise ExchangeError(f"{path}: can't be read ({_line(error)}); is it cut off?") from error


def _piece(file: Any, name: str, order: tuple[str, ...], rows: slice, path: Path) -> Any:
    dims = _order(file, name, _POSITION if name == "position" else _CONFIDENCE, path)
    piece = file.variables[name][tuple(rows if dim == "time" else slice(None) for dim in dims)]
    return np.asarray(piece, dtype=np.float64).transpose([dims.index(dim) for dim in order])


def _order(file: Any, name: str, expected: tuple[str, ...], path: Path) -> tuple[str, ...]:
    """The dimensions of a variable under their present names."""
    dims = tuple(_LEGACY.get(dim, dim) for dim in file.variables[name].dimensions)
    if sorted(dims) != sorted(expected):
        raise ExchangeError(f"{path}: {name} has dimensions {', '.join(dims)}, expected {', '.join(expected)}")
    return dims


def _labels(file: Any, name: str, path: Path) -> list[str]:
    for key in (name, f"{name}s"):
        if key in file.variables:
            return [_text(item) for item in file.variables[key][...]]
    raise ExchangeError(f"{path}: has no coordinate {name}, expected names")


def _text(item: Any) -> str:
    return item.decode() if isinstance(item, bytes) else str(item)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:120]
