"""Tracks as tables of other libraries: pandas and xarray, which are imported when they are asked for.

A long table is that of `tracks.parquet`: one row per person, frame and keypoint, `track_id, frame, time_s, keypoint, x,
y, confidence`, sorted by the first three, keypoints in the skeleton's order; x and y in pixels of the original frame,
NaN where the joint is missing (its confidence is 0), time in seconds of the source's own clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pose.errors import PoseError
from pose.people import Track
from pose.skeleton import Skeleton

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

COLUMNS = ("track_id", "frame", "time_s", "keypoint", "x", "y", "confidence")
"""Of the long table."""


def long_columns(
    track_ids: NDArray[np.int64],
    frames: NDArray[np.int64],
    time_s: NDArray[np.float64],
    keypoints: NDArray[np.float32],
) -> dict[str, NDArray[Any]]:
    """Columns of the long table, n * n_joints long each, of n people in frames; `keypoint` is the joint's number.

    Args:
        track_ids, frames, time_s: (n,) of each person.
        keypoints: (n, n_joints, 3), as in `pose.people.Person`.
    """
    n_people, n_joints = keypoints.shape[:2]
    x, y, confidence = keypoints.reshape(-1, 3).T
    return {
        "track_id": np.repeat(track_ids.astype(np.int32), n_joints),
        "frame": np.repeat(frames.astype(np.int32), n_joints),
        "time_s": np.repeat(time_s, n_joints),
        "keypoint": np.tile(np.arange(n_joints, dtype=np.int32), n_people),
        "x": x,
        "y": y,
        "confidence": confidence,
    }


def tracks_to_dataframe(tracks: Sequence[Track]) -> pd.DataFrame:
    """The long table of some tracks, equal to what pandas reads from their `tracks.parquet`.

    `keypoint` is categorical. The tracks' scores are not in it. Raises `ValueError` for tracks of different skeletons
    and for two of one number.

    >>> from pose import COCO_18
    >>> seen = np.full((2, 18, 3), 0.5, dtype=np.float32)
    >>> track = Track(1, np.array([0, 1]), np.array([0.0, 0.04]), seen, np.ones(2, np.float32), skeleton=COCO_18)
    >>> tracks_to_dataframe([track]).head(1).to_dict("records")
    [{'track_id': 1, 'frame': 0, 'time_s': 0.0, 'keypoint': 'nose', 'x': 0.5, 'y': 0.5, 'confidence': 0.5}]
    """
    import pandas as pd

    ordered, skeleton = _alike(tracks)
    joints = skeleton.joints if skeleton else ()
    ids = [np.full(len(track), track.track_id) for track in ordered]
    columns = long_columns(
        np.concatenate([np.empty(0, dtype=np.int64), *ids]),
        np.concatenate([np.empty(0, dtype=np.int64), *(track.frames for track in ordered)]),
        np.concatenate([np.empty(0), *(track.time_s for track in ordered)]),
        np.concatenate([np.empty((0, len(joints), 3), dtype=np.float32), *(track.keypoints for track in ordered)]),
    )
    names = pd.Categorical.from_codes(columns["keypoint"], pd.Index(joints, dtype="str"))
    return pd.DataFrame({**columns, "keypoint": names})


def tracks_from_dataframe(table: pd.DataFrame, skeleton: Skeleton) -> list[Track]:
    """The tracks in a long table, such as pandas reads from `tracks.parquet`, by number; rows in any order.

    A joint without a row, or without x or y, is missing. The table has no scores: they are NaN.

    Raises:
        ValueError: a column is missing, a keypoint is none of the skeleton's or stands twice in a frame, or a frame has
            two times.
    """
    missing = [column for column in COLUMNS if column not in table.columns]
    if missing:
        raise ValueError(f"the table has no column {', '.join(missing)}; expected {', '.join(COLUMNS)}")
    number = {joint: index for index, joint in enumerate(skeleton.joints)}
    unknown = sorted({str(name) for name in table["keypoint"].unique()} - set(number))
    if unknown:
        raise ValueError(f"{skeleton.name} has no joint {', '.join(unknown)}; its joints are {', '.join(number)}")
    tracks = []
    for track_id, rows in table.groupby("track_id"):
        frames, first, place = np.unique(rows["frame"].to_numpy(np.int64), return_index=True, return_inverse=True)
        times = rows["time_s"].to_numpy(np.float64)
        if not np.array_equal(times, times[first][place]):
            raise ValueError(f"track {track_id}: a frame has two times")
        joints = np.array([number[str(name)] for name in rows["keypoint"]], dtype=np.intp)
        if len(np.unique(place * len(skeleton) + joints)) < len(rows):
            raise ValueError(f"track {track_id}: a keypoint stands twice in a frame")
        keypoints = np.full((len(frames), len(skeleton), 3), (np.nan, np.nan, 0), dtype=np.float32)
        keypoints[place, joints] = rows[["x", "y", "confidence"]].to_numpy(np.float32)
        keypoints[np.isnan(keypoints).any(axis=-1)] = np.nan, np.nan, 0
        scores = np.full(len(frames), np.nan, dtype=np.float32)
        tracks.append(Track(int(str(track_id)), frames, times[first], keypoints, scores, skeleton=skeleton))
    return tracks


def tracks_to_xarray(tracks: Sequence[Track]) -> xr.Dataset:
    """Some tracks as movement has poses since its version 0.17, and as `posescribe export --format movement-nc` writes.

    `position` has the dimensions time, space, keypoint, individual and `confidence` the same without space, float32;
    a person who is not in a frame is NaN in both. `time` has the frames in which anyone is, seconds of the source's own
    clock, `frame` their numbers; individuals are called `person_<track_id>`. The attribute `fps` is there only where
    the times are even (`frame_rate`).

    Raises:
        ValueError: no tracks, tracks of different skeletons, two of one number, or a frame with two times.
        PoseError: xarray is not installed.
    """
    try:
        import xarray as xr
    except ImportError:
        raise PoseError("xarray is not installed: run `pip install 'posescribe[exchange]'`") from None
    ordered, skeleton = _alike(tracks)
    if skeleton is None:
        raise ValueError("expected at least one track")
    all_frames = np.concatenate([track.frames for track in ordered])
    all_times = np.concatenate([track.time_s for track in ordered])
    frames, first, place = np.unique(all_frames, return_index=True, return_inverse=True)
    time_s = all_times[first]
    if not np.array_equal(all_times, time_s[place]):
        raise ValueError("the tracks have two times for one frame; are they of one recording?")
    cells = np.full((len(frames), 3, len(skeleton), len(ordered)), np.nan, dtype=np.float32)
    for number, track in enumerate(ordered):
        cells[np.searchsorted(frames, track.frames), :, :, number] = track.keypoints.transpose(0, 2, 1)
    fps = frame_rate(frames, time_s)
    return xr.Dataset(
        {
            "position": (("time", "space", "keypoint", "individual"), cells[:, :2]),
            "confidence": (("time", "keypoint", "individual"), cells[:, 2]),
        },
        {
            "time": time_s,
            "space": ["x", "y"],
            "keypoint": list(skeleton.joints),
            "individual": [f"person_{track.track_id}" for track in ordered],
            "frame": ("time", frames),
        },
        {"source_software": "posescribe", "ds_type": "poses", "time_unit": "seconds", **({"fps": fps} if fps else {})},
    )


def frame_rate(frames: NDArray[np.int64], time_s: NDArray[np.float64]) -> float | None:
    """Frames per second where the times are even within 1 %, else None.

    >>> frame_rate(np.array([0, 1, 3]), np.array([0.0, 0.04, 0.12]))
    25.0
    """
    steps = np.diff(time_s) / np.maximum(np.diff(frames), 1)
    if len(steps) == 0 or np.ptp(steps) > 0.01 * (middle := float(np.median(steps))) or middle <= 0:
        return None
    return round(1 / middle, 6)


def _alike(tracks: Sequence[Track]) -> tuple[list[Track], Skeleton | None]:
    """The tracks by number, and their skeleton; None without tracks."""
    ordered = sorted(tracks, key=lambda track: track.track_id)
    skeletons = {track.skeleton.joints: track.skeleton.name for track in ordered}
    if len(skeletons) > 1:
        raise ValueError(f"expected tracks of one skeleton, got {', '.join(skeletons.values())}")
    twice = [a.track_id for a, b in pairwise(ordered) if a.track_id == b.track_id]
    if twice:
        raise ValueError(f"there are two tracks of number {twice[0]}; are they of one recording?")
    return ordered, ordered[0].skeleton if ordered else None
