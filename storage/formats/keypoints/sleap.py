"""SLEAP's analysis HDF5.

Facts from sleap-io's `analysis_h5.py`: arrays of all tracks, frames from 0 without gaps, NaN where missing. Each array
tells its order by an attribute `dims`; older files have none and are in the order called "matlab", in which only
`track_occupancy` has the frames first.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.database import Database
from storage.errors import ExchangeError
from storage.formats.guard import open_hdf5
from storage.formats.keypoints.content import Block, Clock, Keypoints, Values, dense_frames, identities, layout, needed
from storage.formats.keypoints.writing import Tracked, replacing
from storage.formats.optional import DAMAGE, load

_MATLAB = {
    "tracks": ("track", "xy", "node", "frame"),
    "track_occupancy": ("frame", "track"),
    "point_scores": ("track", "node", "frame"),
    "instance_scores": ("track", "frame"),
    "tracking_scores": ("track", "frame"),
}
ROWS = 1000
"""Frames read at a time, and frames of a chunk of the file."""


def write(database: Database, track_run_id: int, path: Path) -> list[Path]:
    """Dense arrays from frame 0 to the last one, in pieces; frames that were not looked at are NaN. Needs h5py."""
    h5py = load("h5py")
    tracked = Tracked.load(database, track_run_id)
    tracked.require_people("sleap-h5")
    sizes = {
        "track": len(tracked.tracks), "xy": 2, "node": len(tracked.skeleton), "frame": int(tracked.frames[-1]) + 1
    }  # fmt: skip
    with replacing(path) as part, h5py.File(part, "w") as file:
        for name, dims in _MATLAB.items():
            whole = tuple(sizes[dim] for dim in dims)
            chunks = tuple(min(ROWS, sizes[dim]) if dim == "frame" else 1 for dim in dims)
            flag = name == "track_occupancy"
            array = file.create_dataset(
                name, whole, np.uint8 if flag else np.float64, chunks=chunks, fillvalue=0 if flag else np.nan,
                compression="gzip", compression_opts=4,
            )  # fmt: skip
            array.attrs["dims"] = json.dumps(dims)
        for frames, keypoints, scores in _whole(tracked):
            there = np.isfinite(scores)
            points = keypoints.astype(np.float64)
            missing = np.isnan(points[..., 0])
            file["tracks"][..., frames] = points[..., :2].transpose(1, 3, 2, 0)
            file["point_scores"][..., frames] = np.where(missing, np.nan, points[..., 2]).transpose(1, 2, 0)
            file["instance_scores"][:, frames] = scores.T
            file["track_occupancy"][frames] = there
        _write_names(file, tracked)
    return [path]


def _whole(tracked: Tracked) -> Iterator[tuple[slice, NDArray[np.float32], NDArray[np.float32]]]:
    """Blocks whose rows are frame numbers without gaps."""
    for rows, keypoints, scores in tracked.blocks():
        frames = tracked.frames[rows]
        first, last = int(frames[0]), int(frames[-1])
        if last - first + 1 == len(frames):
            yield slice(first, last + 1), keypoints, scores
            continue
        for row, frame in enumerate(frames.tolist()):
            yield slice(frame, frame + 1), keypoints[row : row + 1], scores[row : row + 1]


def _write_names(file: Any, tracked: Tracked) -> None:
    limbs = tracked.skeleton.limbs
    file["track_names"] = [name.encode() for name in tracked.names]
    file["node_names"] = [joint.encode() for joint in tracked.skeleton.joints]
    file["edge_names"] = np.array([[a.encode(), b.encode()] for a, b in limbs], dtype="S").reshape(-1, 2)
    file["edge_inds"] = tracked.skeleton.limb_indices.astype(np.int64)
    file["labels_path"] = ""
    file["video_path"] = tracked.recording.uri
    file["video_ind"] = 0
    file["provenance"] = json.dumps({"software": tracked.scorer, "recording": tracked.recording.name})
    pairs = [
        (joint, joint.replace("left_", "right_", 1)) for joint in tracked.skeleton.joints if joint.startswith("left_")
    ]
    symmetries = [pair for pair in pairs if pair[1] in tracked.skeleton.joints]
    file.attrs.update(
        preset="matlab", format="analysis", sleap_io_version="1.0", skeleton_name=tracked.skeleton.name,
        skeleton_symmetries=json.dumps(symmetries), video_backend_metadata="{}",
    )  # fmt: skip


def is_analysis(file: Any) -> bool:
    """Whether an open HDF5 file is of this format."""
    return "track_occupancy" in file


def read(path: Path, clock: Clock | None = None) -> Keypoints:
    """Any order of axes; the format has no time. Raises `ExchangeError`."""
    clock = needed(clock, path)
    try:
        with open_hdf5(path) as file:
            dims = _dims(file, "tracks", path)
            joints = _texts(file, "node_names")
            tracks = _texts(file, "track_names") if "track_names" in file else []
            edges = [(_text(a), _text(b)) for a, b in file["edge_names"]] if "edge_names" in file else []
            sizes = dict(zip(dims, file["tracks"].shape, strict=True))
    except DAMAGE as error:
        raise ExchangeError(f"{path}: no whole analysis file of SLEAP ({_line(error)}); is it cut off?") from error
    tracks = tracks or [""] * min(1, sizes["track"])
    if (sizes["xy"], sizes["node"], sizes["track"]) != (2, len(joints), len(tracks)):
        raise ExchangeError(
            f"{path}: tracks holds {sizes['track']} tracks of {sizes['node']} nodes in {sizes['xy']} coordinates, "
            f"expected {len(tracks)} (track_names), {len(joints)} (node_names) and 2"
        )
    skeleton, order = layout(joints, edges, path)
    ids, names = identities(tracks, path)
    notes: list[str] = []
    who = [name or "the animal" for name in tracks]
    frames = dense_frames(_blocks(path, clock, sizes), Values(skeleton, order, notes), ids, joints, who, path)
    return Keypoints("SLEAP", skeleton, frames, names=names, notes=notes)


def _blocks(path: Path, clock: Clock, sizes: dict[str, int]) -> Iterator[Block]:
    try:
        with open_hdf5(path) as file:
            for start in range(0, sizes["frame"], ROWS):
                rows = slice(start, min(start + ROWS, sizes["frame"]))
                frames = range(rows.start, rows.stop)
                yield Block(
                    frames,
                    [clock(frame) for frame in frames],
                    _piece(file, "tracks", ("frame", "track", "node", "xy"), rows, sizes, path),
                    _piece(file, "point_scores", ("frame", "track", "node"), rows, sizes, path),
                    _piece(file, "instance_scores", ("frame", "track"), rows, sizes, path),
                )
    except DAMAGE as error:
        raise ExchangeError(f"{path}: can't be read ({_line(error)}); is it cut off?") from error


def _piece(file: Any, name: str, order: tuple[str, ...], rows: slice, sizes: dict[str, int], path: Path) -> Any:
    """Some frames of an array with its axes in `order`; None when the file has no such array."""
    if name not in file:
        return None
    dims = _dims(file, name, path)
    expected = tuple(sizes[dim] for dim in dims)
    if file[name].shape != expected:
        raise ExchangeError(f"{path}: {name} has shape {file[name].shape}, expected {expected}")
    piece = file[name][tuple(rows if dim == "frame" else slice(None) for dim in dims)]
    return np.asarray(piece, dtype=np.float64).transpose([dims.index(dim) for dim in order])


def _dims(file: Any, name: str, path: Path) -> tuple[str, ...]:
    told = file[name].attrs.get("dims")
    if told is None and not file.attrs.get("transpose", True):
        raise ExchangeError(f"{path}: was written with transpose=False by an old SLEAP; export it again")
    dims = _MATLAB[name] if told is None else tuple(json.loads(_text(told)))
    if sorted(dims) != sorted(_MATLAB[name]) or file[name].ndim != len(dims):
        found, expected = ", ".join(map(str, dims)), ", ".join(_MATLAB[name])
        raise ExchangeError(f"{path}: {name} has dimensions {found}, expected {expected}")
    return dims


def _texts(file: Any, name: str) -> list[str]:
    return [_text(item) for item in file[name][()]]


def _text(item: Any) -> str:
    return item.decode() if isinstance(item, bytes) else str(item)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:120]
