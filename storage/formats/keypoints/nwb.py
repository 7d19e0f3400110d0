"""NWB with the extension ndx-pose: one file per person, as NWB wants one subject in a file.

Facts from ndx-pose's specification and from movement's reader: the processing module `behavior` holds one
`PoseEstimation` with a series per joint, all of the same times, and the skeletons.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.database import Database
from storage.errors import ExchangeError
from storage.formats.keypoints.writing import Tracked, replacing
from storage.formats.optional import load
from storage.tracks import TrackInfo, read_track

ROWS = 4000
"""Frames of a chunk of the file."""
MAX_JOINTS = 256
"""ndx-pose counts the joints of limbs in a byte."""


def write(database: Database, track_run_id: int, path: Path) -> list[Path]:
    """`path` for one person, `<stem>_<person>.nwb` beside it for each of several. Needs pynwb and ndx-pose.

    One person is in memory at a time. The recording's moment is not known; the time of the analysis stands for it.
    """
    pynwb, pose = load("pynwb"), load("ndx_pose")
    tracked = Tracked.load(database, track_run_id)
    tracked.require_people("nwb")
    if len(tracked.skeleton) > MAX_JOINTS:
        raise ExchangeError(
            f"{path}: {len(tracked.skeleton)} joints are more than the {MAX_JOINTS} that nwb can hold; "
            "choose dlc-csv, sleap-h5 or movement-nc"
        )
    written = []
    for track, name, target in zip(tracked.tracks, tracked.names, tracked.paths(path, ".nwb"), strict=True):
        with replacing(target) as part, pynwb.NWBHDF5IO(str(part), mode="w") as io:
            io.write(_file(tracked, track, name, pynwb, pose))
        written.append(target)
    return written


def _file(tracked: Tracked, track: TrackInfo, name: str, pynwb: Any, pose: Any) -> Any:
    started = tracked.pose_run.started
    file = pynwb.NWBFile(
        session_description=f"Keypoints of {name} in {tracked.recording.name}, found by {tracked.scorer}",
        identifier=name,
        session_start_time=started.astimezone(UTC),
        file_create_date=datetime.now(UTC),
    )
    file.subject = pynwb.file.Subject(subject_id=name, species="Homo sapiens")
    module = file.create_processing_module("behavior", "Keypoints over time")
    skeleton = pose.Skeleton(
        name=tracked.skeleton.name,
        nodes=list(tracked.skeleton.joints),
        edges=tracked.skeleton.limb_indices.astype(np.uint8),
        subject=file.subject,
    )
    module.add(pose.Skeletons(skeletons=[skeleton]))
    video = pynwb.image.ImageSeries(
        name="video",
        description="The source; its frames are not in this file.",
        unit="NA",
        format="external",
        external_file=[tracked.recording.uri],
        dimension=[tracked.recording.width, tracked.recording.height],
        starting_frame=[0],
        timestamps=tracked.time_s,
    )
    file.add_acquisition(video)
    module.add(
        pose.PoseEstimation(
            pose_estimation_series=list(_series(tracked, track, video, pynwb, pose)),
            description=f"Positions of {name} in pixels of the original frame; NaN where a joint was not found.",
            scorer=tracked.scorer,
            source_software="posescribe",
            source_software_version=version("posescribe"),
            skeleton=skeleton,
            source_video=video,
        )
    )
    return file


def _series(tracked: Tracked, track: TrackInfo, video: Any, pynwb: Any, pose: Any) -> Iterator[Any]:
    with tracked.database.reading() as tx:
        person = read_track(tx, tracked.run_id, track.track_id)
    rows = np.searchsorted(tracked.frames, person.frames)
    keypoints = np.full((len(tracked.frames), *person.keypoints.shape[1:]), np.nan, dtype=np.float32)
    keypoints[rows] = person.keypoints
    for number, joint in enumerate(tracked.skeleton.joints):
        yield pose.PoseEstimationSeries(
            name=joint.replace("/", "_").replace(":", "_"),
            data=_packed(pynwb, keypoints[:, number, :2]),
            confidence=_packed(pynwb, keypoints[:, number, 2]),
            confidence_definition="Confidence of the network, from 0 to 1",
            reference_frame="(0, 0) is the centre of the top-left pixel of the original frame; x right, y down",
            unit="pixels",
            timestamps=video,  # a link: the times are in the file once
        )


def _packed(pynwb: Any, data: NDArray[np.float32]) -> Any:
    return pynwb.H5DataIO(
        np.ascontiguousarray(data), compression="gzip", chunks=(min(ROWS, len(data)), *data.shape[1:])
    )
