"""OpenPose's JSON, version 1.3: one file per frame.

Facts from OpenPose's `peopleJsonSaver` and `fileStream`: the file is `<name>_<12-digit frame>_keypoints.json`; a joint
that was not found is 0, 0, 0; `person_id` is a list, -1 without tracking; no people is an empty list.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from pose.people import FramePeople, Person
from storage.errors import StorageError

_EMPTY = (
    "face_keypoints_2d",
    "hand_left_keypoints_2d",
    "hand_right_keypoints_2d",
    "pose_keypoints_3d",
    "face_keypoints_3d",
    "hand_left_keypoints_3d",
    "hand_right_keypoints_3d",
)


def frame_json(people: Iterable[Person]) -> str:
    """One frame's file; keypoints in pixels to three decimals, in the order of the skeleton."""
    return json.dumps(
        {
            "version": 1.3,
            "people": [
                {
                    "person_id": [-1 if person.track_id is None else person.track_id],
                    "pose_keypoints_2d": [round(float(v), 3) for v in np.nan_to_num(person.keypoints).ravel()],
                    **{key: [] for key in _EMPTY},
                }
                for person in people
            ],
        },
        separators=(",", ":"),
    )


def write_openpose_json(frames: Iterable[FramePeople], folder: Path, name: str) -> int:
    """A file for each frame, also for those without people; gives their number.

    Raises `StorageError` when the folder can't be written.
    """
    count = 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for frame in frames:
            path = folder / f"{name}_{frame.index:012d}_keypoints.json"
            part = path.with_suffix(".part")
            part.write_text(frame_json(frame.people), encoding="utf-8")
            os.replace(part, path)
            count += 1
    except OSError as error:
        raise StorageError(
            f"{folder}: can't be written ({error.strerror or error}); choose another --out folder"
        ) from error
    return count
